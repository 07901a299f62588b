"""Client and server transactions (RFC 3261 17, RFC 6026): they run the tables, no more.

A transaction sends, repeats, waits and tells its user. What a message means is the user's affair
(`uac.py`, `uas.py`), which a transaction knows only through the narrow protocols below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from runtime.sip import build
from runtime.sip.hop import Hop
from runtime.sip.message import Request, Response
from runtime.sip.tables import (
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    Act,
    Machine,
    State,
    Wait,
)
from runtime.sip.timers import Entry, Timers

if TYPE_CHECKING:
    from runtime.sip.usage import Usage


CLASSES: Final = ("", "1xx", "2xx", "3xx", "3xx", "3xx", "3xx")
"The event of a response by the first digit of its code."

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Periods:
    """The base times of RFC 3261, table 4, in seconds."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    d: float = 32.0

    def of(self, wait: Wait, reliable: bool) -> float | None:
        """Seconds of a wait; None means that the timer is not armed."""
        match wait:
            case Wait.T1:
                return self.t1
            case Wait.T1_UNRELIABLE:
                return None if reliable else self.t1
            case Wait.T2:
                return self.t2
            case Wait.LIFE:
                return 64 * self.t1
            case Wait.T4:
                return 0.0 if reliable else self.t4
            case Wait.D:
                return 0.0 if reliable else self.d
            case Wait.J:
                return 0.0 if reliable else 64 * self.t1
            case Wait.LATE:
                return self.t2 - self.t1


class Sender(Protocol):
    """What every transaction needs of the agent."""

    timers: Timers
    periods: Periods

    def send(self, data: bytes, hop: Hop, usage: Usage | None, *, again: bool = False) -> None: ...


class ClientUser(Protocol):
    """Who sent the request and hears what became of it."""

    def on_response(self, tx: ClientTransaction, response: Response, now: float) -> None: ...
    def on_timeout(self, tx: ClientTransaction, now: float) -> None: ...
    def on_failure(self, tx: ClientTransaction, now: float) -> None: ...
    def on_client_end(self, tx: ClientTransaction) -> None: ...


class ServerUser(Protocol):
    """Who answers the request."""

    def on_ack(self, tx: ServerTransaction, ack: Request, now: float) -> None: ...
    def on_unacknowledged(self, tx: ServerTransaction, now: float) -> None: ...
    def on_late(self, tx: ServerTransaction, now: float) -> None: ...
    def on_expired(self, tx: ServerTransaction, now: float) -> None: ...
    def on_server_end(self, tx: ServerTransaction) -> None: ...


class Transaction:
    """What both sides share: a machine, a state, timers, the message to repeat."""

    __slots__ = (
        "_data", "_interval", "hop", "machine", "sender", "state", "timers", "usage", "__weakref__",
    )  # fmt: skip

    def __init__(
        self, sender: Sender, machine: Machine, hop: Hop, usage: Usage | None, data: bytes
    ) -> None:
        self.sender = sender
        self.machine = machine
        self.state = machine.first
        self.hop = hop
        self.usage = usage
        self.timers: dict[str, Entry] = {}
        self._data = data
        self._interval = sender.periods.t1

    def feed(self, event: str, now: float, message: Request | Response | None = None) -> None:
        """Take the arrow for `event`; an event without an arrow changes nothing."""
        arrow = self.machine.arrows.get((self.state, event))
        if arrow is None:
            return
        state, acts = arrow
        if state is not self.state:
            self._enter(state, now)
        for act in acts:
            self._perform(act, message, now)
        if self.state is State.TERMINATED:  # An act may have begun it again.
            self._ended()

    def on_timer(self, name: str, now: float) -> None:
        if name in "AEGR":
            self._repeat(name, now)
        self.feed(name, now)

    def start(self, now: float) -> None:
        """Arm the timers of the first state."""
        self._arm(self.state, now)

    def _enter(self, state: State, now: float) -> None:
        kept = self.machine.kept.get(state, ())
        for name in tuple(self.timers):
            if name not in kept:
                self.sender.timers.stop(self, name)
        self.state = state
        self._arm(state, now)

    def _arm(self, state: State, now: float) -> None:
        for name, wait in self.machine.timers.get(state, ()):
            period = self.sender.periods.of(wait, self.hop.reliable)
            if period is not None:
                self._interval = self.sender.periods.t1
                self.sender.timers.start(self, name, now + period)

    def _repeat(self, name: str, now: float) -> None:
        """A doubles without bound, E, G and R up to T2; E is T2 once a 1xx came (17.1.2.2)."""
        periods = self.sender.periods
        self._interval *= 2
        if name != "A":
            self._interval = min(self._interval, periods.t2)
        if name == "E" and self.state is State.PROCEEDING:
            self._interval = periods.t2
        self.sender.timers.start(self, name, now + self._interval)

    def _perform(self, act: Act, message: Request | Response | None, now: float) -> None:
        if act is Act.RESEND and self._data:
            self.sender.send(self._data, self.hop, self.usage, again=True)

    def _ended(self) -> None:
        self.sender.timers.stop_all(self)


class ClientTransaction(Transaction):
    """One own request until its final response has certainly arrived."""

    __slots__ = (
        "accepted", "acks", "branch", "cancel_headers", "cancel_wanted", "cancelled", "final",
        "outline", "reinvite", "repeated", "rseqs", "silent", "spare", "user",
    )  # fmt: skip

    def __init__(
        self,
        sender: Sender,
        user: ClientUser,
        outline: build.Outline,
        data: bytes,
        *,
        branch: str,
        hop: Hop,
        usage: Usage | None,
        reinvite: bool = False,
    ) -> None:
        machine = INVITE_CLIENT if outline.method == "INVITE" else NON_INVITE_CLIENT
        super().__init__(sender, machine, hop, usage, data)
        self.user = user
        self.outline = outline
        self.branch = branch
        self.reinvite = reinvite
        self.acks: Mapping[str, tuple[bytes, Hop]] = _NOTHING
        "The ACK sent to the 2xx of each remote tag: forks have several (13.2.2.4)."
        self.accepted: tuple[str, ...] = ()
        "Remote tags whose 2xx has come."
        self.rseqs: Mapping[str, int] = _NOTHING
        "The RSeq of the last reliable provisional response of each remote tag (RFC 3262 4)."
        self.repeated = False
        "Sent again with credentials after its user had let go."
        self.cancel_wanted = False
        self.cancel_headers: list[tuple[str, str]] = []
        self.cancelled = False
        self.silent = False
        "Sent by the stack on its own account: the answer is told to nobody."
        self.final = False
        "The user was told how it ended."
        self.spare = data if hop.others else b""
        "The request, where it may have to go another way."

    @property
    def method(self) -> str:
        return self.outline.method

    @property
    def proceeding(self) -> bool:
        """A provisional response came, a final one did not."""
        return self.state is State.PROCEEDING

    @property
    def pending(self) -> bool:
        """No final response yet."""
        return self.state in (State.CALLING, State.TRYING, State.PROCEEDING)

    def begin(self, now: float) -> None:
        """Send the request and arm the timers."""
        self.sender.send(self._data, self.hop, self.usage)
        self.start(now)

    @property
    def data(self) -> bytes:
        """The request as it was sent; empty once the final response was told."""
        return self._data

    def begin_again(self, branch: str, hop: Hop, outline: build.Outline, data: bytes) -> None:
        """Become the transaction of the same request on another way; `begin` sends it."""
        self.sender.timers.stop_all(self)
        self.state = self.machine.first
        self.branch, self.hop, self.outline = branch, hop, outline
        self._data = data
        self.spare = data if hop.others else b""

    def complete(self, now: float) -> None:
        """Only repeat the ACK from now on, as after a final response (RFC 3261 17.1.1.2)."""
        self.final = self.silent = True
        self._enter(State.COMPLETED, now)

    def receive(self, response: Response, now: float) -> None:
        """Take a response whose branch and CSeq method are those of this transaction."""
        self.feed(CLASSES[response.code // 100], now, response)
        if response.code >= 200:
            self._data = b""

    def fail(self, now: float) -> None:
        """The transport could not send, or lost the connection."""
        self.feed("error", now)

    def arm_cancelled(self, now: float) -> None:
        """After a CANCEL wait 64*T1 for the final response, not longer (9.1)."""
        self.cancelled = True
        self.arm_end(now)

    def arm_end(self, now: float) -> None:
        """Wait 64*T1 for the final response: nothing else would end the waiting."""
        self.sender.timers.start(self, "X", now + 64 * self.sender.periods.t1)

    def _perform(self, act: Act, message: Request | Response | None, now: float) -> None:
        match act:
            case Act.ACK:
                assert isinstance(message, Response)
                # RFC 3261 17.1.1.3: Request-URI, Via, Route of the INVITE, To of the answer.
                ack = build.request(self.outline, method="ACK", to=message.get("To"))
                self.sender.send(ack, self.hop, self.usage)
            case Act.TELL:
                assert isinstance(message, Response)
                self.user.on_response(self, message, now)
            case Act.TELL_TIMEOUT:
                self.user.on_timeout(self, now)
            case Act.TELL_FAILURE:
                self.user.on_failure(self, now)
            case _:
                super()._perform(act, message, now)

    def _ended(self) -> None:
        super()._ended()
        self.user.on_client_end(self)


class ServerTransaction(Transaction):
    """One request of the peer until our final response has certainly arrived."""

    __slots__ = (
        "_answered", "_request", "acknowledged", "cancelled", "described", "key", "merge", "method",
        "number", "offered", "source", "tag", "user",
    )  # fmt: skip

    def __init__(
        self, sender: Sender, user: ServerUser, request: Request, hop: Hop, reply: Hop
    ) -> None:
        machine = INVITE_SERVER if request.method == "INVITE" else NON_INVITE_SERVER
        super().__init__(sender, machine, reply, None, b"")
        self.user = user
        self.method = request.method
        self.number = request.cseq.number
        "The CSeq number of the request."
        self.offered = request.sdp is not None
        "The request carries a session description."
        self.merge: tuple[str, str, int, str] | None = None
        "Under which name another copy of the request would be known (RFC 3261 8.2.2.2)."
        self._request: Request | None = request
        self.source = hop
        "Where the request came from; `hop` is where responses go."
        self.key = request.key
        self.tag = ""
        "The local tag put into responses."
        self.cancelled = False
        "A CANCEL came before the final response."
        self.described = False
        "A reliable provisional response answered the offer of the request (RFC 3262 5)."
        self.acknowledged = False
        "The ACK to a 2xx came."
        self._answered = False

    @property
    def request(self) -> Request:
        """The request, for as long as an answer may be made of it."""
        assert self._request is not None, "the request was answered and let go"
        return self._request

    def let_go(self) -> None:
        """Keep no more of an answered request than what repeats of it need: its answer."""
        self._request = None

    @property
    def answered(self) -> bool:
        """A final response was given."""
        return self._answered

    def respond(self, code: int, data: bytes, now: float) -> None:
        """Send a response; the caller has checked that no final one went out before."""
        self._data = data
        self._answered = self._answered or code >= 200
        self.feed(CLASSES[code // 100], now)

    def repeat_request(self, now: float) -> None:
        """The same request came again."""
        self.feed("request", now)

    def receive_ack(self, ack: Request, now: float) -> None:
        """An ACK with the branch of this INVITE: to a refusal, or an old peer's to a 2xx."""
        self.feed("ACK", now, ack)

    def expire_after(self, seconds: float, now: float) -> None:
        """Tell the user when the invitation has lost its meaning, if it has no answer by then."""
        self.sender.timers.start(self, "Z", now + seconds)

    def on_timer(self, name: str, now: float) -> None:
        if name == "Z":
            self.user.on_expired(self, now)
        else:
            super().on_timer(name, now)

    def acknowledge(self) -> None:
        """The ACK to the 2xx came: stop repeating it (RFC 3261 13.3.1.4)."""
        self.acknowledged = True
        self.sender.timers.stop(self, "R")

    def _perform(self, act: Act, message: Request | Response | None, now: float) -> None:
        match act:
            case Act.SEND:
                self.sender.send(self._data, self.hop, self.usage)
            case Act.TELL:
                assert isinstance(message, Request)
                self.user.on_ack(self, message, now)
            case Act.TELL_TIMEOUT:
                if not self.acknowledged:
                    self.user.on_unacknowledged(self, now)
            case Act.TELL_LATE:
                self.user.on_late(self, now)
            case Act.TELL_FAILURE:
                pass
            case _:
                super()._perform(act, message, now)

    def _ended(self) -> None:
        super()._ended()
        self.user.on_server_end(self)
