"""Session timers (RFC 4028), both roles: how long a call may be silent, and who must speak.

An interval is agreed in the 2xx to an INVITE, a re-INVITE or an UPDATE, and anew in each later one.
Whoever refreshes is told when half of it has passed; who it is not, or whoever did not manage to,
is told shortly before the end. What is sent then is the user's decision. The stack writes the
headers, and refuses an interval below what its user stands for by 422.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from runtime.sip import headers
from runtime.sip.events import RefreshDue, SessionExpired
from runtime.sip.headers import SessionExpires
from runtime.sip.message import Request, Response
from runtime.sip.timers import Entry

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.usage import Usage

Pairs = list[tuple[str, str]]
Refresher = Literal["", "local", "remote"]

TAG: Final = "timer"
"The option tag of RFC 4028."

LEAST: Final = 90
"Seconds below which no Min-SE may be (RFC 4028 4)."

MOST: Final = 2**32 - 1
"Seconds that a delta-seconds may name."


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """What one side wants of session timers; the other side may have its say."""

    interval: int = 1800
    "Seconds without a refresh after which the call is over; never less than `min_se`."

    min_se: int = LEAST
    "The least interval this side takes, seconds, at least 90."

    refresher: Refresher = ""
    "Who is to refresh; empty leaves it to the far side, or to the far side's choice."

    def __post_init__(self) -> None:
        if not LEAST <= self.min_se <= self.interval <= MOST:
            raise ValueError("a session timer has 90 <= min_se <= interval seconds")


class Refresh:
    """The interval that was agreed on, and its two timers."""

    __slots__ = ("_agent", "_usage", "interval", "local", "timers")

    def __init__(self, agent: Agent, usage: Usage, interval: int, *, local: bool) -> None:
        self._agent = agent
        self._usage = usage
        self.interval = interval
        "Seconds."
        self.local = local
        "It is for us to refresh."
        self.timers: dict[str, Entry] = {}

    def start(self, now: float) -> None:
        """Half the interval for who refreshes; min(32 s, a third) before its end for both."""
        if self.local:
            self._agent.timers.start(self, "S", now + self.interval / 2)
        margin = min(32.0, self.interval / 3)
        self._agent.timers.start(self, "T", now + self.interval - margin)

    def stop(self) -> None:
        """The call is over, or another interval was agreed on."""
        self._agent.timers.stop_all(self)

    def on_timer(self, name: str, now: float) -> None:
        usage = self._usage
        if not usage.established:
            return
        self._agent.tell(usage, RefreshDue(usage) if name == "S" else SessionExpired(usage))


# -- the side that asks ----------------------------------------------------------------------------


def asking(usage: Usage) -> Pairs:
    """The headers of an own INVITE, re-INVITE or UPDATE (RFC 4028 7.1, 7.4)."""
    current, wish = usage.refresh, usage.session
    if current is not None:
        # RFC 4028 7.4: who refreshes stays who it was; the roles are those of this transaction.
        interval, who = current.interval, "uac" if current.local else "uas"
        least = wish.min_se if wish is not None else LEAST
    elif wish is not None:
        interval, least = wish.interval, wish.min_se
        who = {"local": "uac", "remote": "uas"}.get(wish.refresher, "")
    else:
        return []
    value = f"{interval};refresher={who}" if who else str(interval)
    return [("Session-Expires", value), *([("Min-SE", str(least))] if least > LEAST else [])]


def heard_answer(agent: Agent, usage: Usage, response: Response, now: float) -> None:
    """Take over what a 2xx to such a request says; without Session-Expires there is no timer."""
    try:
        asked = headers.session_expires(response)
    except ValueError:
        agent.counters["malformed"] += 1
        return
    if asked is None or asked.seconds < 1:
        stop(usage)
        return
    # RFC 4028 7.2: the answer names the refresher; where it does not, we had better do it.
    _agree(agent, usage, asked.seconds, local=asked.refresher != "uas", now=now)


def heard_refusal(usage: Usage, response: Response) -> None:
    """A 422: the next request asks for no less than its Min-SE (RFC 4028 7.3)."""
    try:
        least = headers.min_se(response) or LEAST
    except ValueError:
        return
    wish = usage.session
    if wish is not None and wish.min_se < least:
        usage.session = replace(wish, min_se=least, interval=max(wish.interval, least))
    if usage.refresh is not None:
        usage.refresh.interval = max(usage.refresh.interval, least)


# -- the side that answers -------------------------------------------------------------------------


def refusal(request: Request, least: int) -> tuple[int, Pairs] | None:
    """Why an INVITE or UPDATE is refused for its session interval (RFC 4028 9), or None."""
    if not request.lines("Session-Expires") and not request.lines("Min-SE"):
        return None
    try:
        asked = headers.session_expires(request)
        headers.min_se(request)
    except ValueError:
        return 400, []
    if asked is None or asked.seconds >= least or TAG not in request.tokens("Supported"):
        return None  # Without support a proxy asked, and 422 would not be understood.
    return 422, [("Min-SE", str(least))]


def answering(agent: Agent, usage: Usage, request: Request, now: float) -> Pairs:
    """Agree on what a request asks for: the headers of its 2xx (RFC 4028 9, table 2)."""
    asked, wish = headers.session_expires(request), usage.session
    supported = TAG in request.tokens("Supported")
    least = max(agent.settings.min_se, wish.min_se if wish else LEAST)
    if asked is None and wish is None or (asked is not None and asked.seconds < least):
        stop(usage)
        return []
    interval = _interval(asked, wish, headers.min_se(request) or LEAST)
    local = _is_local(asked, wish, supported)
    _agree(agent, usage, interval, local=local, now=now)
    value = f"{interval};refresher={'uas' if local else 'uac'}"
    return [*([] if local else [("Require", TAG)]), ("Session-Expires", value)]


def _interval(asked: SessionExpires | None, wish: SessionTimer | None, least: int) -> int:
    """RFC 4028 9: the answer may lower the interval, not below the Min-SE of the request."""
    if asked is None:
        assert wish is not None
        return max(wish.interval, least)
    return min(asked.seconds, max(wish.interval, least)) if wish is not None else asked.seconds


def _is_local(asked: SessionExpires | None, wish: SessionTimer | None, supported: bool) -> bool:
    """A peer without support cannot refresh; one that said who it is to be is obeyed."""
    if not supported:
        return True
    if asked is not None and asked.refresher in ("uac", "uas"):
        return asked.refresher == "uas"
    return wish is not None and wish.refresher == "local"


def stop(usage: Usage) -> None:
    """There is no session timer any more."""
    if usage.refresh is not None:
        usage.refresh.stop()
        usage.refresh = None


def _agree(agent: Agent, usage: Usage, interval: int, *, local: bool, now: float) -> None:
    stop(usage)
    usage.refresh = Refresh(agent, usage, interval, local=local)
    usage.refresh.start(now)
