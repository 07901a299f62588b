"""Keeps a flood from hurting calls: who may begin how much, and what gives way under overload.

Nothing here touches a call that runs: what belongs to a dialog or to a transaction that is known
never comes to be judged. Of the rest, each source (an IPv4 address, a /64 of IPv6) may begin so
much a second, and all that are not trusted together so much. Under overload new calls are refused
before they cost much, by a share that follows how busy the event loop is (the occupancy algorithm
of RFC 6357 5.2), with 503 and a Retry-After that differs from caller to caller (RFC 3261 21.5.4).
Emergency calls go first, within a reserve that a liar cannot use up for long.

Time is an argument: monotonic seconds. All tables are bounded; the oldest entry goes first.
"""

from __future__ import annotations

import enum
import random
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from runtime.sip.hop import Hop
from runtime.sip.message import Request
from runtime.sip.screen import Refusal

OTHER: Final = "*"
"What stands for all methods that have no rate of their own."


class Rate(NamedTuple):
    """So many a second, and so many at once after a quiet time."""

    each_second: float
    at_once: float


class Bucket:
    """What is left of a rate."""

    __slots__ = ("left", "since")

    def __init__(self, rate: Rate, now: float) -> None:
        self.left = rate.at_once
        self.since = now

    def take(self, rate: Rate, now: float) -> bool:
        """Use one; False if none is left."""
        if now > self.since:
            self.left = min(rate.at_once, self.left + (now - self.since) * rate.each_second)
            self.since = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True


def _rates() -> dict[str, Rate]:
    return {
        "INVITE": Rate(50, 200),
        "REGISTER": Rate(50, 200),
        "OPTIONS": Rate(20, 100),
        OTHER: Rate(50, 200),
    }


def nobody(source: str) -> bool:
    """Trust nobody."""
    return False


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What is allowed. Counts are of requests that would begin something."""

    trusted: Callable[[str], bool] = nobody
    "Whether an address is exempt from the rates; never from overload."

    rates: Mapping[str, Rate] = field(default_factory=_rates)
    "Of each source that is not trusted, by method."

    strangers: Rate = Rate(200, 1000)
    "Of all sources that are not trusted together: bounds what a flood from everywhere may keep."

    answers: Rate = Rate(20, 100)
    "Refusals sent to one source that is not trusted; beyond them silence."

    connects: Rate = Rate(50, 200)
    "Connections that one source that is not trusted may open."

    sources: int = 4096
    "Sources that are remembered."

    busy: float = 0.9
    "Share of the loop's time that may be in use before new calls give way."

    late: float = 0.5
    "Seconds by which the loop may be late, likewise."

    transactions: int = 200_000
    "Transactions at once, before new calls give way."

    emergency: frozenset[str] = frozenset({"112", "911", "999", "000", "110", "urn:service:sos"})
    "Numbers that go first: the user part of the Request-URI, or the whole of a URN."

    reserve: Rate = Rate(5, 50)
    "Emergency calls that go first."

    retry_after: tuple[int, int] = (5, 15)
    "Seconds that a refused caller is asked to wait: drawn anew for each."


class Fate(enum.Enum):
    """What becomes of a request that may not begin anything now, if it is not refused aloud."""

    DROPPED = "dropped"


class Source:
    """What one source has left, by method and kind."""

    __slots__ = ("buckets", "shunned")

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.shunned = float("-inf")
        "Nothing new of it is read until then."

    def take(self, kind: str, rate: Rate, now: float) -> bool:
        """Use one of a kind."""
        bucket = self.buckets.get(kind)
        if bucket is None:
            bucket = self.buckets[kind] = Bucket(rate, now)
        return bucket.take(rate, now)


LEAST: Final = 0.02
"Share of new calls that is taken at the worst, so that the way back is found."

SHUNNED: Final = 1.0
"Seconds for which nothing new is read of a source that is beyond even refusals."

FULL: Final = 0.1
"Seconds for which nothing new is read of strangers once all together are beyond their rate."

WEIGHT: Final = 0.2
"Of the newest measurement in the average."

STEP: Final = 1.1
"By which the share may grow from one look to the next."


class Guard:
    """Judges what would begin something. One for each agent."""

    def __init__(
        self,
        settings: GuardSettings,
        source_of: Callable[[str], str],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.counters: Counter[str] = Counter()
        self.share = 1.0
        "Of new calls that is taken: 1 while there is no overload."
        self.busy = 0.0
        self.late = 0.0
        self.now = 0.0
        "When the message that is looked at came."
        self._source_of = source_of
        self._chance = chance
        self._sources: OrderedDict[str, Source] = OrderedDict()
        self._strangers = Bucket(settings.strangers, 0.0)
        self._reserve = Bucket(settings.reserve, 0.0)
        self._credit = 0.0
        self._full = float("-inf")
        "Nothing new of any stranger is read until then."
        self._shunning = False
        "Some source has ever been shunned; until then nothing is looked up."
        numbers = "|".join(re.escape(each) for each in sorted(settings.emergency))
        self._urgent = re.compile(
            rf"INVITE (?:(?:sips?|tel):\+?)?(?:{numbers or '$.'})(?![0-9*#])".encode(),
            re.IGNORECASE,
        )

    def shuns(self, hop: Hop, data: bytes, now: float) -> bool:
        """Whether a source has begun so much too much that what else it begins is not even read.

        Of a call that runs this must not be asked. Emergency calls and CANCEL are read still.
        """
        if hop.browser or not self._shunning:
            return False
        source = self._sources.get(self._source_of(hop.host))
        if source is None or now >= source.shunned:
            if now >= self._full or self.settings.trusted(hop.host):
                return False
        if data.startswith(b"CANCEL ") or self._urgent.match(data):
            return False
        self.counters["shunned"] += 1
        return True

    # What is judged.

    def judge(self, request: Request, hop: Hop, now: float) -> Refusal | Fate | None:
        """Say what becomes of a request outside any dialog; None takes it."""
        self.now = now
        if self.is_emergency(request) and self._reserve.take(self.settings.reserve, now):
            self.counters["emergency"] += 1
            return None
        if not self._trusts(hop):
            method = request.method if request.method in self.settings.rates else OTHER
            source = self._source(hop.host)
            within = source.take(method, self.settings.rates[method], now)
            if not within or not self._strangers.take(self.settings.strangers, now):
                self.counters["too_many"] += 1
                if within:
                    self._shunning, self._full = True, now + FULL
                return self._refused(hop)
        if request.method != "OPTIONS" and not self._share_allows():
            self.counters["overload"] += 1
            return self._refused(hop)
        return None

    def is_emergency(self, request: Request) -> bool:
        """Whether a call goes before others."""
        if request.method != "INVITE":
            return False
        try:
            uri = request.uri
        except ValueError:
            return False
        wanted = uri.user if uri.scheme in ("sip", "sips", "tel") else uri.text.lower()
        return wanted.lstrip("+") in self.settings.emergency

    def may_answer(self, hop: Hop) -> bool:
        """Whether a refusal that nobody has to have is sent, or silence kept."""
        if self._trusts(hop):
            return True
        if self._source(hop.host).take("answer", self.settings.answers, self.now):
            return True
        self.counters["unanswered"] += 1
        return False

    def may_connect(self, host: str, now: float) -> bool:
        """Whether a source may open one more connection now."""
        if self.settings.trusted(host):
            return True
        if self._source(host).take("connect", self.settings.connects, now):
            return True
        self.counters["not_connected"] += 1
        return False

    # What is measured.

    def look(self, *, busy: float, late: float, transactions: int) -> None:
        """Take a measurement: the share of its time the loop was busy, the seconds it was late.

        Ten a second are wanted. What one page or one fsync costs is no overload: the time in use
        is averaged over about half a second, and a single delay is passed over.
        """
        settings = self.settings
        still, self.late = min(late, self.late), late
        self.busy += (busy - self.busy) * WEIGHT
        if transactions > settings.transactions:
            self.share = LEAST
            return
        factor = min(STEP, settings.busy / self.busy) if self.busy > 0 else STEP
        if still > settings.late:
            factor = min(factor, max(0.5, settings.late / still))
        self.share = min(1.0, max(LEAST, self.share * factor))

    @property
    def overloaded(self) -> bool:
        """Whether new calls are refused, some or most."""
        return self.share < 1.0

    def figures(self) -> dict[str, Any]:
        """How it stands, as plain data."""
        return {
            "share": round(self.share, 3),
            "busy": round(self.busy, 3),
            "late": round(self.late, 3),
            "sources": len(self._sources),
            "counters": dict(self.counters),
        }

    def _trusts(self, hop: Hop) -> bool:
        # A browser has shown who it is before its socket was opened.
        return hop.browser or self.settings.trusted(hop.host)

    def _source(self, host: str) -> Source:
        name = self._source_of(host)
        found = self._sources.get(name)
        if found is None:
            found = self._sources[name] = Source()
            if len(self._sources) > self.settings.sources:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(name)
        return found

    def _share_allows(self) -> bool:
        """Take exactly the share, evenly: each call adds its part, and every whole one is taken."""
        if self.share >= 1.0:
            return True
        self._credit += self.share
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True

    def _refused(self, hop: Hop) -> Refusal | Fate:
        if not self.may_answer(hop):
            self._shunning = True
            self._source(hop.host).shunned = self.now + SHUNNED
            return Fate.DROPPED
        return Refusal(503, [("Retry-After", str(self.retry_after()))])

    def retry_after(self) -> int:
        """Seconds to wait, differing so that those who were refused do not come back at once."""
        least, most = self.settings.retry_after
        return least + int(self._chance() * (most - least + 1))
