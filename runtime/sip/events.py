"""What happened on the wire, for the user of the stack: small frozen dataclasses in the past tense.

The agent puts them in order into a list that the shell drains with `Agent.take_happenings()`. What
the stack settles alone (100, 200 to BYE and CANCEL, refusals, retransmissions) either never shows
here or shows as a fact that needs no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.sip import headers

if TYPE_CHECKING:
    from runtime.sip.message import Request, Response
    from runtime.sip.notice import EventId
    from runtime.sip.transaction import ServerTransaction
    from runtime.sip.usage import Usage


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """An initial INVITE began a usage in the role UAS; 100 was sent, `transaction` is open."""

    usage: Usage
    transaction: ServerTransaction
    request: Request
    sdp: bytes | None
    "The body when it is application/sdp, else None: the INVITE carries no offer."
    from_uri: str
    to_uri: str
    request_uri: str
    replaces: Usage | None = None
    "The call whose place this one wants to take (RFC 3891): whoever answers it 2xx ends that one."


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request inside a dialog: re-INVITE ("INVITE"), UPDATE, INFO, MESSAGE, REFER, NOTIFY, BYE.

    All but BYE wait for `usage.respond(transaction, ...)`; BYE was answered with 200.
    """

    usage: Usage
    transaction: ServerTransaction
    method: str
    request: Request
    sdp: bytes | None
    glare: bool = False
    "An own INVITE or UPDATE is under way: RFC 3261 14.2 asks for 491, the user decides."


@dataclass(frozen=True, slots=True)
class AckReceived:
    """The ACK to our 2xx arrived (once for each INVITE); `sdp` is the answer if we offered."""

    usage: Usage
    sdp: bytes | None
    reinvite: bool = False


@dataclass(frozen=True, slots=True)
class CancelReceived:
    """A CANCEL hit an unanswered INVITE. It got its 200; the INVITE itself waits for 487."""

    usage: Usage
    transaction: ServerTransaction
    expired: bool = False
    """No CANCEL came. The time that the INVITE gave itself by Expires is over (RFC 3261 13.3.1), or
    its caller demanded to confirm provisional responses and did not."""


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A response to an own request; 100 is never shown. 3xx-6xx to INVITE is ACKed already."""

    usage: Usage
    method: str
    code: int
    reason: str
    sdp: bytes | None
    response: Response
    reinvite: bool = False
    "Answers an INVITE sent inside the dialog; with code 491 this is glare."

    fatal: bool = False
    "RFC 5057 5: the far side has no such call any more. A BYE is all that is left to send."

    @property
    def retry_after(self) -> int | None:
        """Seconds after which to ask again (RFC 3261 20.33); None: the peer did not say."""
        try:
            return headers.retry_after(self.response)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class TransactionTimedOut:
    """An own request got no final answer in 64*T1 (timers B, F; or 64*T1 after CANCEL)."""

    usage: Usage
    method: str
    reinvite: bool = False


@dataclass(frozen=True, slots=True)
class AckTimedOut:
    """Our 2xx was repeated for 64*T1 and no ACK came: RFC 3261 13.3.1.4 asks for a BYE."""

    usage: Usage
    reinvite: bool = False


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """An own request could not be handed to the network, or its connection went away."""

    usage: Usage
    method: str
    reinvite: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection that a living usage runs over was closed."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class ReliableProvisional:
    """A provisional response to an own INVITE that wants `usage.prack()` (RFC 3262), told once."""

    usage: Usage
    code: int
    reason: str
    sdp: bytes | None
    response: Response
    reinvite: bool = False


@dataclass(frozen=True, slots=True)
class PrackReceived:
    """The peer confirmed our reliable provisional response; `usage.respond(transaction, ...)`."""

    usage: Usage
    transaction: ServerTransaction
    sdp: bytes | None
    "The answer to the offer in that response, or an offer of the peer."


@dataclass(frozen=True, slots=True)
class PrackTimedOut:
    """No PRACK came in 64*T1: the INVITE wants a 5xx (RFC 3262 3), and takes no 2xx any more."""

    usage: Usage
    transaction: ServerTransaction


@dataclass(frozen=True, slots=True)
class RefreshDue:
    """Half of the session interval has passed: it is for us to send a re-INVITE or UPDATE."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class SessionExpired:
    """Nobody refreshed the session and its interval is nearly over: RFC 4028 10 asks for a BYE."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class OutOfDialogReceived:
    """A request other than INVITE outside any dialog, of a method the agent was told to surface.

    Answer it with `Agent.respond(transaction, ...)`.
    """

    transaction: ServerTransaction
    method: str
    request: Request


@dataclass(frozen=True, slots=True)
class OutsideReceived:
    """A request without a dialog began a usage as UAS: MESSAGE, SUBSCRIBE, PUBLISH or REFER.

    Answer it with `usage.respond(transaction, ...)`. MESSAGE and PUBLISH are over with that; a
    SUBSCRIBE or REFER that is accepted is a subscription (RFC 6665, RFC 3515) until it ends.
    """

    usage: Usage
    transaction: ServerTransaction
    method: str
    request: Request


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """A subscription is over, or its granted time is, and no message of the peer says so.

    As the notifier, `reason` "timeout" asks for a last `usage.notify(state="terminated")`.
    """

    usage: Usage
    event: EventId
    reason: str
    """"timeout": the granted time is over. "silent": no NOTIFY came within 64*T1, or nobody
    answered ours. "refused": the subscriber knows our NOTIFY no more (RFC 6665 4.2.2)."""


Happening = (
    InviteReceived
    | RequestReceived
    | AckReceived
    | CancelReceived
    | ResponseReceived
    | TransactionTimedOut
    | AckTimedOut
    | TransportFailed
    | ConnectionLost
    | ReliableProvisional
    | PrackReceived
    | PrackTimedOut
    | RefreshDue
    | SessionExpired
    | OutOfDialogReceived
    | OutsideReceived
    | SubscriptionEnded
)
