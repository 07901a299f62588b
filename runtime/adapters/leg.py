"""The leg of a call: the methods behind the actions of the language.

The methods here are those of a plain call; `binding` names the modules that hold the others.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import TYPE_CHECKING, Any

from runtime.adapters.alarms import Alarms, Later, on_the_loop
from runtime.adapters.dialog import DialogHalf, Headers
from runtime.adapters.linked import NO_LINKS, Links
from runtime.adapters.media import MediaHalf
from runtime.adapters.noting import NOTED
from runtime.adapters.performing import Arguments, Call, hearing_of, performs
from runtime.adapters.port import ActionError
from runtime.adapters.redirection import Redirection
from runtime.adapters.telling import CHALLENGES
from runtime.adapters.transfer import Transfer
from runtime.executor.step import Event
from runtime.media.port import Direction, MediaEvent
from runtime.sip.auth import DigestClient, challenges, choose
from runtime.sip.build import MAX_FORWARDS
from runtime.sip.events import (
    AckReceived,
    Happening,
    InviteReceived,
    PrackReceived,
    RefreshDue,
    ReliableProvisional,
    RequestReceived,
    ResponseReceived,
    TransactionTimedOut,
    TransportFailed,
)

if TYPE_CHECKING:
    from runtime.adapters.subscribing import Eventing
    from runtime.sip.auth import Challenge, Credentials
    from runtime.sip.transaction import ServerTransaction

RELAY = "application/dtmf-relay"
RETRY = "ReinviteRetryDue"
REFRESH = "SessionRefreshDue"
SDP = b"application/sdp"

Hold = Callable[[Coroutine[Any, Any, None]], object]
Lookup = Callable[["Challenge"], "Credentials | None"]
"""Finds what a challenge of the peer is answered with; None: this peer gets no credentials."""


def _no_credentials(challenge: Challenge) -> Credentials | None:
    return None


class CallLeg:
    """One party of a call: a dialog introduced to its media."""

    def __init__(
        self,
        dialog: DialogHalf,
        media: MediaHalf,
        *,
        post: Callable[[Event], None],
        hold: Hold,
        target: str = "",
        caller: str = "",
        credentials: Lookup = _no_credentials,
        later: Later = on_the_loop,
        draw: Callable[[int], int] = secrets.randbelow,
        words: Collection[str] = (),
    ) -> None:
        """Join the two.

        `draw` gives a random number below its argument; `words` are the events and actions that
        the table knows.
        """
        self.alarms = Alarms(post, later)
        self.dialog = dialog
        self.media = media
        self.credentials = credentials
        self._post = post
        self._hold = hold
        self._target = target
        self._caller = caller
        self._offered_in_invite = False
        """The own INVITE under way carries our offer, so that SDP in its responses answers it."""
        self._own_reinvite = False
        """The re-INVITE under way renews lost media: its responses are no business of the table."""
        self._owes_reinvite = False
        """A re-INVITE that renews lost media waits until the dialog may carry it."""
        self._claimed = False
        """CreateDialog was done: answers may begin the dialog."""
        self.retries = 0
        """Re-INVITEs in a row that met one of the peer and were put off."""
        self.draw = draw
        self.words = words
        self.stored: ResponseReceived | None = None
        """The challenge that the next request sent again is to answer."""
        self.challenge: ResponseReceived | None = None
        """The last challenge that came."""
        self.bumps = 0
        """INVITEs that were sent again with a longer session interval."""
        self._infos: list[bytes] | None = None
        """Bodies of INFOs that wait until the one under way is accepted; None: none is."""
        self._put_off: list[bytes] | None = None
        """The same while that one is challenged."""
        self._settled_early = False
        """A reliable answer to the first INVITE carried our description: its 2xx has none."""
        self._updates = False
        """The peer takes UPDATE."""
        self._own_update = False
        """The UPDATE under way refreshes the session for a table that does not."""
        self.redirection: Redirection | None = None
        """Where redirections sent the call, once there was one."""
        self.transfer: Transfer | None = None
        """What was referred, by us or by the peer; None while nobody did."""
        self.links: Links = NO_LINKS
        """The sessions that this one started, and the one that started it."""
        self.eventing: Eventing | None = None
        """What it asked for and told of events, once it did."""
        self.headers: tuple[tuple[str, str], ...] = ()
        """Further headers of the own first INVITE."""
        self.hops = MAX_FORWARDS
        """Its Max-Forwards."""

    @property
    def caller(self) -> str:
        """Whom our own requests come from: an address, or a name with one."""
        return self._caller

    # -- the port ----------------------------------------------------------------------------------

    def perform(self, call: Call, event: Event) -> Awaitable[None] | None:
        """Do one action; see `port.Leg`."""
        return call.method(self, call.arguments, event)

    def answer(self, cause: int | None, code: int) -> None:
        """Answer an open request without a row; what the stack refuses is lost with the call."""
        with contextlib.suppress(ActionError):
            self.dialog.answer(cause, code)
        if code >= 300:
            self.media.offer_declined()

    def is_stale(self, event: Event) -> bool:
        """Whether the event means nothing any more."""
        return self.dialog.is_stale(event)

    def unsettled(self) -> str | None:
        """Say what is still open with the peer; see `port.Leg`."""
        if self._own_reinvite or self._owes_reinvite:
            return "a re-INVITE renews its media"
        if self.transfer is not None and self.transfer.running:
            return "a transfer is under way"
        return self.dialog.unsettled() or self.media.unsettled() or self.links.unsettled()

    def release(self, code: int | None) -> Awaitable[None] | None:
        """Let go of the dialog, politely, and of the media."""
        self.alarms.clear_all()
        usage = self.dialog.usage
        if code is not None and usage is not None:
            for _ in range(len(usage.open)):
                self.answer(None, code)
        self.dialog.close()
        self.links.ended()
        return self.give_media_back() if self.media.held else None

    # -- what happens by itself --------------------------------------------------------------------

    def happened(self, happening: Happening) -> Event | None:
        """Take note of what happened on the wire; return the table's event, None if there is none.

        Descriptions of the peer are kept here, whole; events carry them only to be looked at.
        """
        match happening:
            case InviteReceived() | RequestReceived() if happening.sdp is not None:
                self.media.heard_offer(whole(happening.sdp))
            case AckReceived() if happening.sdp is not None:
                self.media.heard_answer(whole(happening.sdp))
            case ResponseReceived(method="INVITE"):
                if self._take_response(happening):
                    return None
            case TransactionTimedOut(method="INVITE", reinvite=True):
                self.media.offer_refused()
                self._own_reinvite = False
            case ResponseReceived(method="UPDATE"):
                if self._take_update(happening):
                    return None
            case TransactionTimedOut(method="UPDATE") | TransportFailed(method="UPDATE"):
                self.media.offer_refused()
                self._own_update = False
            case ResponseReceived(method="INFO"):
                if self._take_info(happening):
                    return None
            case ResponseReceived(method="PRACK") if happening.code in CHALLENGES:
                self._confirm_again(happening)
                return None
            case TransactionTimedOut(method="INFO") | TransportFailed(method="INFO"):
                self._infos = None
            case ReliableProvisional() if self._take_reliable(happening):
                return None
            case PrackReceived() if happening.sdp is not None:
                self._heard(whole(happening.sdp), answers=self.media.offered)
            case RefreshDue() if REFRESH not in self.words:
                self._refresh_alone()
                return None
            case RequestReceived(method="BYE"):
                self.alarms.clear(RETRY)
        hearing = hearing_of(happening) if self.dialog.calls else None
        if hearing is not None:
            return hearing(self, happening)
        event = self.dialog.event(happening)
        if event is not None and event.name in NOTED:
            event = NOTED[event.name](self, event)
        if event is not None and self.dialog.registration is not None:
            self.alarms.clear(*self.dialog.registration.outlived(event.name))
        match happening:
            case ResponseReceived() if event is not None:
                self._learn(happening, event)
            case InviteReceived():
                self._updates = "update" in happening.request.tokens("Allow")
            case RefreshDue() if event is not None:
                event.fields["method"] = "UPDATE" if self._updates else "INVITE"
        if self._owes_reinvite:
            self._hold(self._renew())
        return event

    def heard(self, event: MediaEvent) -> Event | None:
        """Return the table's event of what the media says; None if there is none."""
        detail = event.detail
        match event.name:
            case "flowing":
                return Event("MediaFlowEstablished")
            case "play_finished" if not detail.get("stopped"):
                return Event("PlayFinished", {"file": detail.get("source", "")})
            case "dtmf":
                fields = {"digit": detail.get("digit"), "duration": detail.get("duration")}
                return Event("DtmfDetected", fields)
            case "timeout":
                return Event("RtpTimeout")
            case "error":
                return Event("MediaError", {"reason": detail.get("reason", "")})
            case "lost":
                return Event("MediaLost")
        return None

    def _learn(self, happening: ResponseReceived, event: Event) -> None:
        """Keep what a response says for later, and tell where else a refused call may go."""
        if happening.code in CHALLENGES:
            self.challenge = happening
        if happening.method == "INVITE" and 200 <= happening.code < 300:
            self._updates = "update" in happening.response.tokens("Allow")
        self._tell_contact(happening, event)

    def _tell_contact(self, happening: ResponseReceived, event: Event) -> None:
        """Say in the event of a refused call where else it may go (RFC 3261 8.1.3.4)."""
        if happening.method != "INVITE" or happening.reinvite or happening.code < 300:
            return
        if happening.code < 400:
            if self.redirection is None:
                self.redirection = Redirection(happening.usage.target)
            self.redirection.heard(happening.response)
        if self.redirection is not None and happening.code < 600:
            event.fields["contact"] = self.redirection.next

    def _heard(self, sdp: str, *, answers: bool) -> None:
        if answers:
            self.media.heard_answer(sdp)
        else:
            self.media.heard_offer(sdp)

    def _take_update(self, happening: ResponseReceived) -> bool:
        """Keep what the answer to an own UPDATE says of its offer; True if the table is not told.

        A challenge to the refresh that the leg sends by itself is answered like that of a PRACK.
        """
        alone, self._own_update = self._own_update, False
        if happening.code >= 300:
            self.media.offer_refused()
        elif happening.sdp is not None:
            self.media.heard_answer(whole(happening.sdp))
        if alone and happening.code in CHALLENGES:
            self._confirm_again(happening)
        return alone

    def _take_info(self, happening: ResponseReceived) -> bool:
        """Go on with the keys that wait; True if the table is not told yet."""
        waiting, self._infos = self._infos, None
        if happening.code in CHALLENGES:
            self._put_off = waiting
        elif happening.code < 300 and waiting:
            self.dialog.request("INFO", waiting.pop(0), RELAY)
            self._infos = waiting
            return True
        return False

    def _take_reliable(self, happening: ReliableProvisional) -> bool:
        """Keep the description of a reliable answer; True if it is the leg's own business."""
        if happening.sdp is not None:
            self._heard(whole(happening.sdp), answers=self._offered_in_invite)
        if not happening.reinvite:
            return False
        self._hold(confirmed_alone(self))
        return True

    def _confirm_again(self, challenged: ResponseReceived) -> None:
        """Send a challenged request again with credentials, once, if there are any."""
        found = [self.credentials(each) for each in choose(challenges(challenged.response))]
        usage = self.dialog.usage
        if usage is None or usage.credentials or not found or found[0] is None or not all(found):
            return
        with contextlib.suppress(ActionError):
            self.dialog.authorize(challenged.response, DigestClient(found[0]))
            self.dialog.repeat(challenged.method)

    def _refresh_alone(self) -> None:
        """Refresh the session for a table that does not know how (RFC 4028 10)."""
        if self._updates:
            with contextlib.suppress(ActionError):
                self.dialog.request("UPDATE")
                self._own_update = True

    def _take_response(self, happening: ResponseReceived) -> bool:
        """Keep what a response to an own INVITE says; True if it is the leg's own business."""
        if happening.sdp is not None and happening.code < 300:
            if self._offered_in_invite:
                self.media.heard_answer(whole(happening.sdp))
            elif happening.code >= 200:
                self.media.heard_offer(whole(happening.sdp))
        if happening.code >= 300:
            self.media.offer_refused()
        elif happening.code >= 200:
            self.retries = 0
        if not self._own_reinvite:
            return False
        if happening.code >= 200:
            self._own_reinvite = False
            self._hold(self._finish_renewal(happening.code))
        return True

    # -- signalling --------------------------------------------------------------------------------

    @performs("CreateDialog")
    def create_dialog(self, arguments: Arguments, event: Event) -> Awaitable[None] | None:
        """Allocate a dialog; one that an INVITE began is there already."""
        self._claimed = True
        if self.dialog.usage is not None:
            return None
        self.redirection, self.bumps = None, 0
        if event.name == "StartRegistration":
            return self.dialog.enrol(event.fields.get("registrar") or self._target, self._caller)
        target = event.fields.get("target") or self._target
        reliable = "SendPRACK" in self.words
        return self.dialog.create(target, self._caller, self.headers, self.hops, reliable=reliable)

    @performs("SendINVITE")
    async def send_invite(self, arguments: Arguments, event: Event) -> None:
        """Send the INVITE with the local description, if there is one.

        Where the way is blocked (a trunk at its limit) the call fails as if a 503 had come.
        """
        if self.dialog.blocked:
            self.media.offer_refused()
            fields = {"code": 503, "reason": self.dialog.blocked, "method": "INVITE"}
            self._post(Event("Dialog5xxFailure", fields))
            return
        self._offered_in_invite = self.media.offered
        self.dialog.invite(self.media.local_sdp if self.media.offered else None)

    @performs("SendACK")
    def send_ack(self, arguments: Arguments, event: Event) -> None:
        """Confirm a 2xx; the ACK carries our answer where the offer came in the 2xx."""
        self.dialog.ack(None if self._offered_in_invite else self.media.local_sdp)

    @performs("SendBYE")
    def send_bye(self, arguments: Arguments, event: Event) -> None:
        """End the dialog."""
        self.alarms.clear(RETRY)
        self.dialog.bye()

    @performs("SendCANCEL")
    def send_cancel(self, arguments: Arguments, event: Event) -> None:
        """Give up the INVITE; the stack waits for a provisional response where it has to."""
        self.dialog.cancel()

    @performs("SendReINVITE")
    def send_reinvite(self, arguments: Arguments, event: Event) -> Awaitable[None]:
        """Offer the session anew with another direction."""
        return self._propose(arguments.get("direction", "sendrecv"))

    @performs("HoldCall")
    def hold_call(self, arguments: Arguments, event: Event) -> Awaitable[None]:
        """Offer to send only (RFC 3264 8.4)."""
        return self._propose("sendonly")

    @performs("ResumeCall")
    def resume_call(self, arguments: Arguments, event: Event) -> Awaitable[None]:
        """Offer to send and receive again."""
        return self._propose("sendrecv")

    @performs("SendSIPResponse")
    def send_sip_response(self, arguments: Arguments, event: Event) -> Awaitable[None] | None:
        """Answer the request of the event's cause, else the oldest open one."""
        code: int = arguments.get("code", 200)
        transaction = self.dialog.transaction(event.cause)
        if transaction is None:
            raise ActionError(f"no request of the peer is open that {code} could answer")
        if code < 300 and transaction.method == "INVITE" and not self._claimed:
            # RFC 3261 12.1: these answers begin a dialog; a refusal is the transaction's own.
            raise ActionError(f"the session has no dialog: CreateDialog goes before {code}")
        positive = 200 <= code < 300
        offers = transaction.method in ("INVITE", "UPDATE")
        if positive and offers and self.media.held and self._answer_is_missing(transaction):
            return self._describe_and_respond(code, arguments.get("reason"), event)
        self._respond(code, arguments.get("reason"), event)
        return None

    def refuse(
        self,
        transaction: ServerTransaction,
        code: int,
        reason: str | None,
        headers: Headers = (),
    ) -> None:
        """Give a request its final answer, 300 or more; what it offered is forgotten."""
        self.dialog.respond(transaction, code, reason, None, headers)
        self.media.offer_declined()

    def progress(self, code: int, reason: str | None) -> None:
        """Answer the first INVITE provisionally and reliably, with our description if it is new."""
        if not self._claimed:
            raise ActionError(f"the session has no dialog: CreateDialog goes before {code}")
        sdp = None if self._settled_early else self.media.local_sdp
        self.dialog.progress(self.dialog.first_invite(), code, reason, sdp)
        self._settled_early |= sdp is not None

    async def invite_again(self) -> None:
        """Send the refused first INVITE again, to the same address."""
        await self.call_again(None)

    def repeat(self, method: str) -> None:
        """Send a refused request of the dialog again as it was, its offer included."""
        usage = self.dialog.usage
        offered = usage is not None and usage.refused is not None and SDP in usage.refused.data
        self.dialog.repeat(method)
        if offered:
            self.media.offer_repeated()
            self._offered_in_invite |= method == "INVITE"
        if method == "INFO":
            self._infos, self._put_off = self._put_off or [], None

    async def call_again(self, target: str | None) -> None:
        """Send the refused INVITE with our description, to another address if there is one."""
        sdp = await self.media.offer_again()
        try:
            if target is None:
                self.dialog.invite(sdp)
            else:
                await self.dialog.invite_elsewhere(target, sdp, self.headers)
        except ActionError:
            self.media.offer_refused()
            raise
        self._offered_in_invite = True

    @performs("CleanupDialog")
    def cleanup_dialog(self, arguments: Arguments, event: Event) -> None:
        """Give the usage back, politely."""
        self.alarms.clear_all()
        self.dialog.close()

    # -- media -------------------------------------------------------------------------------------

    @performs("RestoreMedia")
    async def restore_media(self, arguments: Arguments, event: Event) -> None:
        """Build lost media again; a browser gets a re-INVITE as soon as the dialog may carry it."""
        if await self.media.recover():
            self._owes_reinvite = True
            await self._renew()

    # -- helpers -----------------------------------------------------------------------------------

    async def describe(self) -> None:
        """Make our description: the answer if the peer's offer waits, else an offer."""
        self._choose_kind()
        await self.media.describe()

    async def take_media(self) -> None:
        """Take a media leg of the kind that suits the peer."""
        self._choose_kind()
        await self.media.create()

    def _choose_kind(self) -> None:
        """Take browser media towards a WebSocket; an offer of the peer has decided already."""
        if not self.media.held and not self.media.offer_waits and self.dialog.over_websocket():
            self.media.kind = "webrtc"

    def send_infos(self, content_type: str, bodies: list[bytes]) -> None:
        """Send INFOs one after the other: each when the last one was accepted."""
        if self._infos is not None:
            raise ActionError("keys that were pressed before are still being sent")
        self.dialog.request("INFO", bodies[0], content_type)
        self._infos = bodies[1:]

    async def propose_by_update(self, direction: Direction) -> None:
        """Offer the session anew in an UPDATE (RFC 3311 5.1)."""
        usage = self.dialog.usage
        busy = usage is None or usage.pending_invite or usage.ack_wanted
        if busy or any(tx.method in ("INVITE", "UPDATE") for tx in self.dialog.open):
            raise ActionError("another offer is under way")
        await self.media.direction(direction)
        sdp = await self.media.offer()
        try:
            self.dialog.request("UPDATE", sdp.encode(), "application/sdp")
        except ActionError:
            self.media.offer_refused()
            raise

    async def _propose(self, direction: Direction) -> None:
        await self.media.direction(direction)
        self._reinvite(await self.media.offer())

    def _reinvite(self, sdp: str) -> None:
        self.alarms.clear(RETRY)
        try:
            self.dialog.reinvite(sdp)
        except ActionError:
            self.media.offer_refused()
            raise
        self._offered_in_invite = True

    def _answer_is_missing(self, transaction: Any) -> bool:
        """Whether a 2xx would leave the peer's offer unanswered, or its wish for an offer unmet."""
        if self.media.offer_waits:
            return True
        wants_offer = transaction.method == "INVITE" and transaction.request.sdp is None
        wants_offer &= not self._said_early(transaction)
        return wants_offer and not self.media.offered

    def _said_early(self, transaction: ServerTransaction) -> bool:
        """Whether a reliable answer to this INVITE carried our description (RFC 3262 5)."""
        usage = self.dialog.usage
        return self._settled_early and usage is not None and transaction is usage.initial

    async def _describe_and_respond(self, code: int, reason: str | None, event: Event) -> None:
        await self.media.describe()
        self._respond(code, reason, event)

    def _respond(self, code: int, reason: str | None, event: Event) -> None:
        transaction = self.dialog.transaction(event.cause)
        if transaction is None:
            raise ActionError(f"the request that {code} should answer is gone")
        carries = transaction.method == "INVITE" and (code == 183 or 200 <= code < 300)
        carries &= not self._said_early(transaction)
        carries |= (
            transaction.method == "UPDATE" and code < 300 and transaction.request.sdp is not None
        )
        self.dialog.respond(transaction, code, reason, self.media.local_sdp if carries else None)
        if code >= 300:
            self.media.offer_declined()

    async def _renew(self) -> None:
        """Send the re-INVITE that renews lost media, unless another INVITE is under way."""
        usage = self.dialog.usage
        if not self._owes_reinvite or usage is None:
            return
        busy = usage.pending_invite or usage.ack_wanted or usage.open or usage.unacknowledged
        if busy or not usage.established:
            return
        self._owes_reinvite = False
        try:
            self._reinvite(await self.media.offer())
            self._own_reinvite = True
        except ActionError as refused:
            self._post(Event("MediaError", {"reason": refused.reason}))

    async def _finish_renewal(self, code: int) -> None:
        """Confirm the new media, or say that there is none."""
        try:
            if code < 300:
                self.dialog.ack(None)
                await self.media.settle()
                return
            reason = f"the new media was refused with {code}"
        except ActionError as refused:
            reason = refused.reason
        self._post(Event("MediaError", {"reason": reason}))

    async def give_media_back(self) -> None:
        with contextlib.suppress(ActionError):
            await self.media.close()


async def confirmed_alone(leg: CallLeg) -> None:
    """Confirm a reliable answer to a re-INVITE, which no table asks for."""
    with contextlib.suppress(ActionError):
        leg.dialog.prack(None)


def whole(sdp: bytes) -> str:
    """Return a description as text, uncut."""
    return sdp.decode("utf-8", "replace")
