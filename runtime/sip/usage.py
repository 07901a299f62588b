"""One SIP usage: what its user may do with it, and what the stack remembers of it.

Every act checks first and then does: an illegal one raises `UsageError` and changes nothing. Times
`now` are monotonic seconds, the same clock for every call into the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from runtime.sip import build
from runtime.sip.acts import OutsideActs
from runtime.sip.build import Headers
from runtime.sip.dialog import Dialog
from runtime.sip.hop import Hop
from runtime.sip.message import Response
from runtime.sip.reliable import Answer
from runtime.sip.state import UsageError as UsageError
from runtime.sip.state import UsageState as UsageState
from runtime.sip.transaction import ClientTransaction, ServerTransaction
from runtime.sip.uri import parse_uri

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.auth import DigestClient
    from runtime.sip.outside import Asked, Publication
    from runtime.sip.refresh import Refresh, SessionTimer
    from runtime.sip.reliable import Confirmation, Progress
    from runtime.sip.repeat import Login, Refused
    from runtime.sip.subscription import Subscription

SDP = "application/sdp"

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Usage(OutsideActs):
    """A call leg in the role "UAC" or "UAS", or what `OutsideActs` sends without a dialog.

    `context` belongs to the user of the stack.
    """

    __slots__ = (
        "_agent", "id", "role", "hop", "context", "state", "call_id", "local_tag", "local_uri",
        "remote_uri", "target", "from_value", "headers", "cseq", "dialog", "early", "open",
        "initial", "unacknowledged", "own_invite", "own_update", "to_ack", "bye_wanted", "bye_tx",
        "closed", "secure", "waiting", "asked", "publication", "subscriptions", "supported",
        "progress", "to_prack", "session", "refresh", "refused", "credentials", "max_forwards",
        "__weakref__",
    )  # fmt: skip

    def __init__(self, agent: Agent, number: int, role: str, hop: Hop) -> None:
        self._agent = agent
        self.id = number
        self.role = role
        self.hop = hop
        self.context: Any = None
        self.state = UsageState.NEW
        self.call_id = ""
        self.local_tag = ""
        self.local_uri = ""
        self.remote_uri = ""
        self.target = ""
        "UAC: the URI that is called."
        self.from_value = ""
        "UAC: the From value of the INVITE, tag included."
        self.headers: list[tuple[str, str]] = []
        "UAC: extra headers of the INVITE, given at preparation."
        self.cseq = 0
        "UAC: the number of the last request outside a dialog, the initial INVITE among them."
        self.dialog: Dialog | None = None
        "The confirmed dialog; until then the latest early one."
        self.early: Mapping[str, Dialog] = NOTHING
        "UAC: early dialogs by remote tag."
        self.open: list[ServerTransaction] = []
        "Requests of the peer that want an answer, oldest first."
        self.initial: ServerTransaction | None = None
        "UAS: the transaction of the first INVITE, until it has ended."
        self.unacknowledged: dict[int, ServerTransaction] = {}
        "Our 2xx to INVITEs that wait for their ACK, by CSeq number."
        self.own_invite: ClientTransaction | None = None
        "The own INVITE or re-INVITE that has no final response yet."
        self.own_update: ClientTransaction | None = None
        self.to_ack: ClientTransaction | None = None
        "The own INVITE whose 2xx wants `ack()`."
        self.bye_wanted: list[tuple[str, str]] | None = None
        "Headers of a BYE that waits for the ACK (RFC 3261 15)."
        self.bye_tx: ClientTransaction | None = None
        self.closed = False
        self.max_forwards = build.MAX_FORWARDS
        "UAC: hops that the INVITE may still take (RFC 3261 8.1.1.6)."
        self.waiting: tuple[ClientTransaction, ...] = ()
        "Own requests outside a dialog that have no final response yet."
        self.asked: dict[str, Asked] | None = None
        "The last of each method, as it was asked for."
        self.publication: Publication | None = None
        "The event state this usage has published (RFC 3903)."
        self.subscriptions: tuple[Subscription, ...] = ()
        "What is subscribed to in this dialog, by either side (RFC 6665)."
        self.secure = False
        "Begun by a sips URI: the own Contact is one too."
        self.supported: tuple[str, ...] = ()
        "UAC: option tags that the INVITE offers because its user asked for them."
        self.progress: Progress | None = None
        "UAS: the reliable provisional responses to the INVITE that is open, or was last."
        self.to_prack: tuple[Confirmation, ...] = ()
        "UAC: reliable provisional responses that want `prack()`, oldest first."
        self.session: SessionTimer | None = None
        "What this side asks of session timers; set before the INVITE or its 2xx is sent."
        self.refresh: Refresh | None = None
        "The session interval that was agreed on (RFC 4028)."
        self.refused: Refused | None = None
        "The own request that `repeat()` sends again."
        self.credentials: tuple[Login, ...] = ()
        "The challenges that own requests answer from the start."

    @property
    def remote_tag(self) -> str:
        return self.dialog.remote_tag if self.dialog else ""

    @property
    def remote_target(self) -> str:
        return self.dialog.remote_target if self.dialog else self.target

    @property
    def established(self) -> bool:
        return self.state is UsageState.CONFIRMED

    @property
    def ended(self) -> bool:
        return self.state is UsageState.TERMINATED

    @property
    def pending_invite(self) -> bool:
        """An own INVITE or re-INVITE is under way."""
        return self.own_invite is not None

    @property
    def ack_wanted(self) -> bool:
        """A 2xx to an own INVITE came and `ack()` was not called yet."""
        return self.to_ack is not None

    @property
    def prack_wanted(self) -> bool:
        """A reliable provisional response was told and `prack()` was not called for it yet."""
        return bool(self.to_prack)

    def invite(
        self, *, now: float, sdp: bytes | None = None, headers: Headers = (), target: str = ""
    ) -> None:
        """Send the INVITE of a prepared usage, or try again after a final response that failed.

        A second try keeps Call-ID and local tag and takes the next CSeq number (RFC 3261 8.1.3.5);
        `target` redirects it.
        """
        self._require(self.role == "UAC", "only the calling side begins a call")
        again = self.state is UsageState.TERMINATED and self.dialog is None and not self.closed
        self._require(self.state is UsageState.NEW or again, "the INVITE was sent already")
        bare = self.dialog is None and not self.subscriptions
        self._require(bare, "the usage is a subscription: a call is one of its own")
        extra = self._checked(headers)
        if target:
            self._sip_uri(target)
            self.target = target
        self._agent.uac.invite(self, self.headers + extra, sdp, now)

    def respond(
        self,
        transaction: ServerTransaction,
        code: int,
        reason: str | None = None,
        *,
        now: float,
        sdp: bytes | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "",
        reliable: bool = False,
    ) -> None:
        """Answer a request of the peer; 101-199 provisionally, 200-699 for good.

        With `reliable` a provisional answer is repeated until its PRACK comes (RFC 3262); it is
        refused if the caller does not understand it, or while another one waits. A caller that
        requires it gets every provisional answer so. A 2xx to INVITE waits for the PRACK where it
        has to, and is refused if none came.
        """
        self._require(transaction in self.open, "the request was answered already")
        self._require(100 < code < 700, "a response has a code from 101 to 699")
        self._require(
            code >= 200 or transaction.method == "INVITE",
            "only an INVITE has provisional responses",
        )
        # RFC 4320 4.2: who asked has given up by then, and takes it for an answer of a proxy.
        timeout = code == 408 and transaction.method != "INVITE"
        self._require(not timeout, "408 is an answer to INVITE alone")
        body, content_type = self._body(sdp, body, content_type)
        extra, phrase = self._checked(headers), self._reason(code, reason)
        answer = Answer(code, phrase, extra, body, content_type)
        self._agent.uas.answer(self, transaction, answer, reliable, now)

    def ack(self, *, now: float, sdp: bytes | None = None) -> None:
        """Acknowledge the 2xx to the own INVITE; its repeats are then acknowledged by the stack."""
        if self.to_ack is None:
            raise UsageError("there is no 2xx to acknowledge")
        self._agent.uac.acknowledge(self, self.to_ack, sdp, now)

    def bye(self, *, now: float, headers: Headers = ()) -> None:
        """End the established dialog; the answer comes as a response to "BYE".

        While our 2xx is not acknowledged the BYE waits for the ACK or its time-out (RFC 3261 15).
        """
        self._require(self.established, "there is no established dialog to end")
        self._require(self.bye_wanted is None, "the dialog is being ended already")
        extra = self._checked(headers)
        if self.unacknowledged:
            self.bye_wanted = extra
            return
        self._agent.uac.bye(self, extra, now)

    def cancel(self, *, now: float, headers: Headers = ()) -> None:
        """Cancel the own initial INVITE: at once if a provisional came, else as soon as one comes.

        What follows is a final response, mostly 487; a 200 that crossed the CANCEL is told as such.
        """
        invite = self.own_invite
        if invite is None or invite.reinvite:
            raise UsageError("there is no INVITE to cancel")
        self._require(not invite.cancel_wanted, "the INVITE is being cancelled already")
        self._agent.uac.cancel(invite, self._checked(headers), now)

    def prack(self, *, now: float, sdp: bytes | None = None, headers: Headers = ()) -> None:
        """Confirm the oldest reliable provisional response that was told (RFC 3262 4).

        `sdp` answers the offer in that response, or offers anew where the descriptions are settled
        (RFC 3262 5). The answer comes as a response to "PRACK".
        """
        self._require(bool(self.to_prack), "there is no reliable response to confirm")
        self._agent.uac.prack(self, self._checked(headers), sdp, now)

    def authorize(self, response: Response, client: DigestClient) -> None:
        """Answer the challenges of a 401 or 407: the next requests of this usage have credentials.

        Then `repeat()` sends the challenged request again, or `invite()` the first INVITE.
        UsageError if the response holds no challenge that can be answered.
        """
        self._agent.uac.authorize(self, response, client)

    def repeat(self, method: str, *, now: float, headers: Headers = ()) -> None:
        """Send an own request once more that was refused with 401, 407 or 422, as it was.

        It goes where it went before, with the next CSeq number. `headers` take the place of those
        of their name. A call whose BYE was challenged ends only so.
        """
        self._agent.uac.repeat(self, method, self._checked(headers), now)

    def reinvite(self, *, now: float, sdp: bytes | None = None, headers: Headers = ()) -> None:
        """Send an INVITE inside the dialog; without `sdp` the peer makes the offer."""
        self.need_quiet()
        self._agent.uac.reinvite(self, self._checked(headers), sdp, now)

    def need_quiet(self) -> None:
        """RFC 3261 14.1: no re-INVITE while an INVITE of either direction is under way."""
        self._require(self.established, "there is no established dialog")
        self._require(not self.pending_invite, "an own INVITE is under way")
        self._require(not self.ack_wanted, "the last INVITE waits for its ACK")
        busy = self.unacknowledged or any(tx.method == "INVITE" for tx in self.open)
        self._require(not busy, "an INVITE of the peer is under way")

    def request(
        self,
        method: str,
        *,
        now: float,
        body: bytes = b"",
        content_type: str = "",
        headers: Headers = (),
    ) -> None:
        """Send INFO, UPDATE, MESSAGE, REFER, NOTIFY or OPTIONS inside the dialog."""
        allowed = ("INFO", "UPDATE", "MESSAGE", "REFER", "NOTIFY", "OPTIONS")
        self._require(method in allowed, f"{method} is not sent this way")
        live = self.state in (UsageState.EARLY, UsageState.CONFIRMED) and self.dialog is not None
        # RFC 5057 4: a subscription outlives the call in whose dialog it is.
        reports = method == "NOTIFY" and bool(self.subscriptions) and self.dialog is not None
        self._require(live or reports, "there is no dialog")
        if method == "UPDATE":
            self._may_update(offers=bool(body))
        body, content_type = self._body(None, body, content_type)
        self._agent.uac.request(self, method, self._checked(headers), body, content_type, now)

    def _may_update(self, *, offers: bool) -> None:
        """RFC 3311 5.1: one UPDATE at a time, and no offer beside another one."""
        self._require(self.own_update is None, "an own UPDATE is under way")
        if not offers:
            return
        own = self.own_invite is not None and self.own_invite.reinvite
        self._require(not own and not self.ack_wanted, "an own offer waits for its answer")
        theirs = any(tx.offered and not tx.described for tx in self.open)
        self._require(not theirs, "an offer of the peer waits for its answer")

    def close(self, *, now: float) -> None:
        """Let go of the usage, politely; harmless when repeated. No happening of it follows.

        Open requests get 487 (if cancelled), 480 (INVITE) or 500; an own INVITE is cancelled, and
        a 200 that comes all the same is acknowledged and ended; an established dialog gets a BYE.
        """
        if self.closed:
            return
        self.closed = True
        while self.open:
            transaction = self.open[0]
            code = 500 if transaction.method != "INVITE" else 487 if transaction.cancelled else 480
            self._agent.uas.respond(transaction, code, now)
        self._agent.uac.abandon(self, now)
        self._agent.subscriber.abandon(self, now)
        self._agent.notifier.abandon(self, now)
        if self.state is UsageState.NEW:
            self.state = UsageState.TERMINATED
        self._agent.settle(self, now)

    def _body(self, sdp: bytes | None, body: bytes, content_type: str) -> tuple[bytes, str]:
        if sdp is not None:
            return sdp, SDP
        self._require(not body or bool(content_type), "a body needs a content type")
        try:
            return body, build.check_content_type(content_type)
        except ValueError as error:
            raise UsageError(str(error)) from error

    @staticmethod
    def _require(condition: bool, otherwise: str) -> None:
        if not condition:
            raise UsageError(otherwise)

    @staticmethod
    def _checked(headers: Headers) -> list[tuple[str, str]]:
        try:
            return build.check_headers(headers)
        except ValueError as error:
            raise UsageError(str(error)) from error

    @staticmethod
    def _reason(code: int, reason: str | None) -> str:
        try:
            return build.check_reason(code, reason)
        except ValueError as error:
            raise UsageError(str(error)) from error

    @staticmethod
    def _sip_uri(text: str) -> None:
        try:
            parse_uri(text)
        except ValueError as error:
            raise UsageError(f"{text!r} is not a URI that can be called") from error

    def __repr__(self) -> str:
        return f"<Usage {self.id} {self.role} {self.state.value} {self.call_id}>"
