"""The leg of a call: what its session sees of a party, and what it makes of all that happens.

What stands behind the actions is in the modules that `binding` names, what a leg offers and answers
in `offering`.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from runtime.adapters.alarms import Alarms, Later, on_the_loop
from runtime.adapters.dialog import DialogHalf
from runtime.adapters.keys import InfoQueue
from runtime.adapters.linked import NO_LINKS, Links
from runtime.adapters.media import MediaHalf
from runtime.adapters.noting import NOTED
from runtime.adapters.offering import RETRY, Hold, Offering
from runtime.adapters.performing import Call, hearing_of
from runtime.adapters.port import ActionError
from runtime.adapters.redirection import Redirection
from runtime.adapters.telling import CHALLENGES
from runtime.adapters.transfer import Transfer
from runtime.executor.step import Event
from runtime.media.port import MediaEvent
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

REFRESH = "SessionRefreshDue"

Lookup = Callable[["Challenge"], "Credentials | None"]
"""Finds what a challenge of the peer is answered with; None: this peer gets no credentials."""


def _no_credentials(challenge: Challenge) -> Credentials | None:
    return None


class CallLeg(Offering):
    """One party of a call: a dialog introduced to its media."""

    __slots__ = (
        "_own_update", "_updates", "bumps", "caller", "challenge", "credentials", "draw",
        "eventing", "hops", "infos", "links", "redirection", "retries", "stored", "target",
        "transfer", "words",
    )  # fmt: skip

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
        super().__init__(dialog, media, Alarms(post, later), post, hold)
        self.credentials = credentials
        self.target = target
        """Whom the own call is for, where its first event does not say."""
        self.caller = caller
        """Whom our own requests come from: an address, or a name with one."""
        self.draw = draw
        self.words = words
        self.retries = 0
        """Re-INVITEs in a row that met one of the peer and were put off."""
        self.bumps = 0
        """INVITEs that were sent again with a longer session interval."""
        self.stored: ResponseReceived | None = None
        """The challenge that the next request sent again is to answer."""
        self.challenge: ResponseReceived | None = None
        """The last challenge that came."""
        self.infos: InfoQueue | None = None
        """The INFOs that follow one another, once there were any."""
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
        self.hops = MAX_FORWARDS
        """Its Max-Forwards."""

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
        if self.alarms.waits(RETRY):
            return "a re-INVITE is to be tried again"
        if self.transfer is not None and self.transfer.running:
            return "a transfer is under way"
        return self.dialog.unsettled() or self.media.unsettled() or self.links.unsettled()

    def knows(self, words: Collection[str]) -> None:
        """Take note of what the table knows; see `port.Leg`."""
        self.words = words

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
            case ResponseReceived(method="INFO") if self.infos is not None:
                challenged = happening.code in CHALLENGES
                accepted = happening.code < 300
                if self.infos.answered(self.inform, accepted=accepted, challenged=challenged):
                    return None
            case ResponseReceived(method="PRACK") if happening.code in CHALLENGES:
                self._confirm_again(happening)
                return None
            case TransactionTimedOut(method="INFO") | TransportFailed(method="INFO"):
                if self.infos is not None:
                    self.infos.lost()
            case ReliableProvisional() if self._take_reliable(happening):
                return None
            case PrackReceived() if happening.sdp is not None:
                self._heard(whole(happening.sdp), answers=self.media.offered)
            case RefreshDue() if REFRESH not in self.words:
                self._refresh_alone()
                return None
            case RequestReceived(method="BYE"):
                self.alarms.clear(RETRY)
        hearing = hearing_of(self, happening) if self.dialog.calls else None
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
            self._hold(self.renew())
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
        elif 200 <= happening.code < 300:
            self.challenge = self.stored = None
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

    def _take_reliable(self, happening: ReliableProvisional) -> bool:
        """Keep the description of a reliable answer; True if it is the leg's own business."""
        if happening.sdp is not None:
            self._heard(whole(happening.sdp), answers=self.offered_in_invite)
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

    def inform(self, body: bytes, content_type: str) -> None:
        """Send one INFO in the dialog."""
        self.dialog.request("INFO", body, content_type)

    def _refresh_alone(self) -> None:
        """Refresh the session for a table that does not know how (RFC 4028 10)."""
        if self._updates:
            with contextlib.suppress(ActionError):
                self.dialog.request("UPDATE")
                self._own_update = True

    def _take_response(self, happening: ResponseReceived) -> bool:
        """Keep what a response to an own INVITE says; True if it is the leg's own business."""
        if happening.sdp is not None and happening.code < 300:
            if self.offered_in_invite:
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


async def confirmed_alone(leg: CallLeg) -> None:
    """Confirm a reliable answer to a re-INVITE, which no table asks for."""
    with contextlib.suppress(ActionError):
        leg.dialog.prack(None)


def whole(sdp: bytes) -> str:
    """Return a description as text, uncut."""
    return sdp.decode("utf-8", "replace")
