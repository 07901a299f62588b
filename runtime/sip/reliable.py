"""Reliable provisional responses (RFC 3262), both sides: what is repeated until its PRACK comes.

The answering side has one of them outstanding at a time. Until its PRACK comes the response is
repeated, a second one is refused, and a 2xx is held back where RFC 3262 3 forbids it to go. The
calling side keeps the RSeq of each early dialog apart, and absorbs repeats and gaps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from runtime.sip import headers
from runtime.sip.dialog import Dialog
from runtime.sip.events import AckTimedOut, CancelReceived, PrackTimedOut
from runtime.sip.headers import RAck
from runtime.sip.message import Request, Response
from runtime.sip.state import UsageError
from runtime.sip.timers import Entry

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.transaction import ClientTransaction, ServerTransaction
    from runtime.sip.usage import Usage

TAG: Final = "100rel"
"The option tag of RFC 3262."


class Answer(NamedTuple):
    """A response that the user gave, checked and not yet written."""

    code: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    content_type: str


class Confirmation(NamedTuple):
    """A reliable provisional response that wants our PRACK."""

    dialog: Dialog
    rack: RAck


def _rseq(response: Response) -> int | None:
    """The RSeq of a response; None if it is missing or not valid."""
    try:
        return headers.rseq(response)
    except ValueError:
        return None


def understood(request: Request) -> bool:
    """Whether the sender of an INVITE can confirm provisional responses."""
    return TAG in request.tokens("Supported") or TAG in request.tokens("Require")


def demanded(request: Request) -> bool:
    """Whether every provisional response must be a reliable one (RFC 3262 3)."""
    return TAG in request.tokens("Require")


class Progress:
    """The reliable provisional responses to one INVITE of the peer."""

    __slots__ = (
        "_agent", "_data", "_interval", "_rseq", "_usage", "asked", "described", "held", "later",
        "lost", "timers", "tx", "waits",
    )  # fmt: skip

    def __init__(self, agent: Agent, usage: Usage, tx: ServerTransaction) -> None:
        self._agent = agent
        self._usage = usage
        self.tx = tx
        self.timers: dict[str, Entry] = {}
        # RFC 3262 3: from 1 to 2**31 - 1 at random.
        self._rseq = int(agent.settings.random_hex(4), 16) % (2**31 - 1)
        self._data = b""
        self._interval = 0.0
        self.waits = False
        "The last one has no PRACK yet."
        self.lost = False
        "No PRACK came in 64*T1."
        self.described = False
        "The one that waits carries a session description."
        self.asked = False
        "The user asked for a reliable one, and hears of its PRACK."
        self.later: Answer | None = None
        "A provisional response that goes out after the PRACK."
        self.held: Answer | None = None
        "A 2xx that goes out after the PRACK."

    def next_headers(self) -> list[tuple[str, str]]:
        """The headers that make the next response a reliable one."""
        self._rseq += 1
        return [("Require", TAG), ("RSeq", str(self._rseq))]

    def sent(self, data: bytes, *, described: bool, asked: bool, now: float) -> None:
        """It went out: repeat it after T1, 2*T1 and so on, for 64*T1 altogether."""
        self._data = data
        self.waits, self.described, self.asked = True, described, asked
        self._interval = self._agent.periods.t1
        self._agent.timers.start(self, "P", now + self._interval)
        self._agent.timers.start(self, "Q", now + 64 * self._agent.periods.t1)

    def matches(self, rack: RAck) -> bool:
        """Whether a PRACK confirms the response that waits."""
        return self.waits and rack == RAck(self._rseq, self.tx.number, "INVITE")

    def confirmed(self) -> None:
        """The PRACK came."""
        self.waits = self.lost = False
        self.silence()

    def drop(self) -> None:
        """The INVITE got its final response: nothing is repeated, nothing waits to be sent."""
        self.later = self.held = None
        self.silence()

    @property
    def offered(self) -> bool:
        """Whether the response that waits made an offer (RFC 3262 5)."""
        return self.described and not self.tx.offered

    def silence(self) -> None:
        """Repeat no more; a PRACK is still understood."""
        self._data = b""
        self._agent.timers.stop_all(self)

    def on_timer(self, name: str, now: float) -> None:
        if name == "P":
            self._agent.send(self._data, self.tx.hop, self._usage, again=True)
            self._interval *= 2
            self._agent.timers.start(self, "P", now + self._interval)
            return
        held = self.held
        self.drop()
        self.lost = True
        if self.asked:
            self._agent.tell(self._usage, PrackTimedOut(self._usage, self.tx))
        else:
            self._give_up(held is not None, now)

    def _give_up(self, answered: bool, now: float) -> None:
        """Nobody but the caller asked for PRACK: its silence is told in words that all users know.

        Whoever has answered hears that no ACK came, the INVITE gets its 5xx (RFC 3262 3); whoever
        has not hears that the call is wanted no more.
        """
        usage, tx = self._usage, self.tx
        if answered:
            self._agent.uas.respond(tx, 504, now)
            self._agent.tell(usage, AckTimedOut(usage, tx is not usage.initial))
        elif not tx.cancelled:
            tx.cancelled = True
            self._agent.tell(usage, CancelReceived(usage, tx, expired=True))


def withhold(
    agent: Agent, usage: Usage, tx: ServerTransaction, answer: Answer, asked: bool
) -> Progress | bool | None:
    """How an answer to an INVITE goes out: None as it is, a Progress reliably, True later.

    UsageError if it cannot go out at all (RFC 3262 3).
    """
    progress = usage.progress if usage.progress is not None and usage.progress.tx is tx else None
    if progress is not None and progress.held is not None and answer.code < 300:
        raise UsageError("the INVITE was answered: its 2xx waits for the PRACK")
    if answer.code >= 200:
        return _withhold_final(progress, answer)
    if asked and not understood(tx.request):
        raise UsageError("the caller cannot confirm provisional responses")
    if not asked and not demanded(tx.request):
        return None
    if progress is None:
        progress = usage.progress = Progress(agent, usage, tx)
    if progress.lost:
        raise UsageError("the caller confirmed no provisional response")
    if not progress.waits:
        return progress
    if asked:
        raise UsageError("the last reliable response was not confirmed yet")
    progress.later = answer
    return True


def _withhold_final(progress: Progress | None, answer: Answer) -> bool | None:
    if progress is None or answer.code >= 300:
        return None
    if progress.lost:
        raise UsageError("no PRACK came: the INVITE is to be answered with a 5xx")
    if not progress.waits or not progress.described:
        return None
    progress.held = answer
    return True


def take(
    usage: Usage, tx: ClientTransaction, response: Response
) -> Confirmation | Literal[True] | None:
    """What a provisional response to an own INVITE means for RFC 3262.

    A Confirmation if it is reliable and new; True if it is a repeat or came before one that is
    still missing, so that nobody is told (RFC 3262 4); None if it is not reliable.
    """
    if TAG not in usage.supported or TAG not in response.tokens("Require"):
        return None
    number, tag = _rseq(response), response.to.tag
    dialog = usage.early.get(tag) if not tx.reinvite else usage.dialog
    if number is None or dialog is None:
        return None
    last = tx.rseqs.get(tag)
    if last is not None and number != last + 1:
        return True
    tx.rseqs = {**tx.rseqs, tag: number}
    return Confirmation(dialog, RAck(number, tx.outline.cseq, "INVITE"))
