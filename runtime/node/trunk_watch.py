"""Asks each trunk now and then whether it is there (OPTIONS, RFC 3261 11), and keeps the answers.

Any answer but 408, 503 and 504 says that somebody is there; two questions in a row without one say
that nobody is. Each node has its own view.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from runtime.node.trunks import Trunk, TrunkBook
from runtime.sip.agent import Agent
from runtime.sip.events import (
    Happening,
    ResponseReceived,
    TransactionTimedOut,
    TransportFailed,
)
from runtime.sip.hop import Hop
from runtime.sip.usage import Usage, UsageError

log = logging.getLogger(__name__)

AWAY_CODES = (408, 503, 504)
ANSWER_SECONDS = 5.0
"""How long a question waits for its answer: less than a request of a call would."""
LOOK_EVERY = 0.05
PATIENCE = 2
"""Questions without an answer before a trunk counts as down."""
MOST_MARKS = 50


class Standing(msgspec.Struct):
    """How a trunk stands as one node sees it. Times are seconds since the epoch."""

    state: str = ""
    """`up`, `down`, or empty while nobody knows."""
    since: float = 0.0
    checked: float = 0.0
    code: int = 0
    """Of the last answer, 0 for none."""
    milliseconds: float = 0.0
    error: str = ""
    failures: int = 0
    """Questions in a row that got no good answer."""


class Mark(msgspec.Struct, frozen=True):
    """A trunk went up or down."""

    trunk: str
    at: float
    state: str
    code: int
    error: str


class TrunkWatch:
    """The standings of a node's trunks, by name."""

    def __init__(
        self,
        agent: Agent,
        book: TrunkBook,
        *,
        resolve: Callable[[str], Awaitable[Hop]],
        hold: Callable[[Coroutine[Any, Any, None]], object],
        now: Callable[[], float],
        wall: Callable[[], float],
        flush: Callable[[], None],
        sender: Callable[[], str],
    ) -> None:
        self._agent = agent
        self._book = book
        self._resolve = resolve
        self._hold = hold
        self._now = now
        self._wall = wall
        self._flush = flush
        self._sender = sender
        self._asking: dict[str, tuple[Usage | None, float]] = {}
        """By name: the question under way and when it was asked."""
        self.standings: dict[str, Standing] = {}
        self.marks: deque[Mark] = deque(maxlen=MOST_MARKS)
        """What changed and was not told yet."""

    def look(self) -> None:
        """Ask whoever is due; give up what got no answer; forget trunks that are no more."""
        for name, (usage, asked) in list(self._asking.items()):
            if usage is not None and self._now() - asked > ANSWER_SECONDS:
                del self._asking[name]
                usage.close(now=self._now())
                self._ill(name, 0, f"no answer in {ANSWER_SECONDS:g} s")
        names = {trunk.name for trunk in self._book if trunk.enabled and trunk.every}
        for gone in self.standings.keys() - names:
            del self.standings[gone]
        for trunk in self._book:
            known = self.standings.get(trunk.name)
            due = known is None or self._wall() - known.checked >= trunk.every
            if trunk.name in names and due and trunk.name not in self._asking:
                self.ask(trunk)

    def ask(self, trunk: Trunk) -> None:
        """Ask a trunk now, whether it is due or not; harmless while a question is under way."""
        if trunk.name not in self._asking:
            self._asking[trunk.name] = (None, self._now())
            self._hold(self._ask(trunk))

    async def asked(self, name: str) -> dict[str, Any]:
        """Return how a trunk stands once the question under way is over."""
        for _ in range(round(ANSWER_SECONDS / LOOK_EVERY) + 1):
            if name not in self._asking:
                break
            await asyncio.sleep(LOOK_EVERY)
        else:
            self.look()
        return msgspec.structs.asdict(self.standings.get(name, Standing()))

    def down(self, name: str) -> str:
        """Say why nothing is sent to a trunk now; empty if something may be."""
        known = self.standings.get(name)
        if known is None or known.state != "down":
            return ""
        return f"trunk {name} is down: {known.error}"

    def heard(self, happening: Happening) -> None:
        """Take what became of a question; whoever owns the usage (`context`) is this watch."""
        usage: Usage = happening.usage  # type: ignore[union-attr]
        name = usage.context.trunk
        known, asked = self._asking.get(name, (None, 0.0))
        usage.close(now=self._now())
        if known is not usage:
            return
        del self._asking[name]
        took = (self._now() - asked) * 1000
        match happening:
            case ResponseReceived() if happening.code not in AWAY_CODES:
                self._well(name, happening.code, took)
            case ResponseReceived():
                self._ill(name, happening.code, f"it answers {happening.code} {happening.reason}")
            case TransactionTimedOut():
                self._ill(name, 0, "no answer")
            case TransportFailed():
                self._ill(name, 0, "nothing can be sent there")

    async def _ask(self, trunk: Trunk) -> None:
        try:
            hop = await self._resolve(trunk.next_hop)
            usage = self._agent.prepare(
                trunk.uri(""), caller=self._sender(), hop=hop, now=self._now()
            )
        except (OSError, ValueError) as unknown:
            self._asking.pop(trunk.name, None)
            self._ill(trunk.name, 0, f"{trunk.host} cannot be found: {unknown}"[:200])
            return
        usage.context = Question(trunk.name, self)
        self._asking[trunk.name] = (usage, self._now())
        try:
            usage.options(now=self._now())
        except UsageError as refused:
            self._asking.pop(trunk.name, None)
            self._ill(trunk.name, 0, str(refused)[:200])
            return
        self._flush()

    def _well(self, name: str, code: int, took: float) -> None:
        known = self.standings.setdefault(name, Standing())
        known.code, known.milliseconds, known.error, known.failures = code, round(took, 1), "", 0
        self._turn(name, known, "up")

    def _ill(self, name: str, code: int, error: str) -> None:
        known = self.standings.setdefault(name, Standing())
        known.code, known.error = code, error
        known.failures += 1
        if known.failures >= PATIENCE or known.state == "down":
            self._turn(name, known, "down")
        else:
            known.checked = self._wall()

    def _turn(self, name: str, known: Standing, state: str) -> None:
        known.checked = self._wall()
        if known.state != state:
            log.info("trunk %s is %s%s", name, state, f": {known.error}" if known.error else "")
            known.state, known.since = state, known.checked
            self.marks.append(Mark(name, known.checked, state, known.code, known.error))


class Question:
    """Who asked: what the stack gives back with the answer."""

    __slots__ = ("trunk", "watch")

    def __init__(self, trunk: str, watch: TrunkWatch) -> None:
        self.trunk = trunk
        self.watch = watch
