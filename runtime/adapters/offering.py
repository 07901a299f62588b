"""What a leg offers and answers, and in which message it goes: descriptions on their way.

RFC 3261 13 and 14, RFC 3262 5, RFC 3311 5, RFC 3264.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from runtime.adapters.alarms import Alarms
from runtime.adapters.dialog import DialogHalf, Headers
from runtime.adapters.media import MediaHalf
from runtime.adapters.port import ActionError
from runtime.executor.step import Event
from runtime.media.port import Direction

if TYPE_CHECKING:
    from runtime.sip.transaction import ServerTransaction

RETRY = "ReinviteRetryDue"
SDP = b"application/sdp"
Hold = Callable[[Coroutine[Any, Any, None]], object]


class Offering:
    """A dialog and its media, as far as they speak of each other."""

    __slots__ = (
        "_hold", "_owes_reinvite", "_own_reinvite", "_settled_early", "alarms", "claimed",
        "dialog", "headers", "media", "offered_in_invite", "post",
    )  # fmt: skip

    def __init__(
        self,
        dialog: DialogHalf,
        media: MediaHalf,
        alarms: Alarms,
        post: Callable[[Event], None],
        hold: Hold,
    ) -> None:
        self.dialog = dialog
        self.media = media
        self.alarms = alarms
        self.post = post
        self._hold = hold
        self.headers: tuple[tuple[str, str], ...] = ()
        """Further headers of the own first INVITE."""
        self.claimed = False
        """CreateDialog was done: answers may begin the dialog."""
        self.offered_in_invite = False
        """The own INVITE under way carries our offer, so that SDP in its responses answers it."""
        self._own_reinvite = False
        """The re-INVITE under way renews lost media: its responses are no business of the table."""
        self._owes_reinvite = False
        """A re-INVITE that renews lost media waits until the dialog may carry it."""
        self._settled_early = False
        """A reliable answer to the first INVITE carried our description: its 2xx has none."""

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

    async def give_media_back(self) -> None:
        with contextlib.suppress(ActionError):
            await self.media.close()

    # -- answers -----------------------------------------------------------------------------------

    def respond(self, code: int, reason: str | None, event: Event) -> None:
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

    async def describe_and_respond(self, code: int, reason: str | None, event: Event) -> None:
        await self.media.describe()
        self.respond(code, reason, event)

    def answer_is_missing(self, transaction: Any) -> bool:
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
        if not self.claimed:
            raise ActionError(f"the session has no dialog: CreateDialog goes before {code}")
        sdp = None if self._settled_early else self.media.local_sdp
        self.dialog.progress(self.dialog.first_invite(), code, reason, sdp)
        self._settled_early |= sdp is not None

    # -- offers ------------------------------------------------------------------------------------

    async def propose(self, direction: Direction) -> None:
        await self.media.direction(direction)
        self._reinvite(await self.media.offer())

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

    def _reinvite(self, sdp: str) -> None:
        self.alarms.clear(RETRY)
        try:
            self.dialog.reinvite(sdp)
        except ActionError:
            self.media.offer_refused()
            raise
        self.offered_in_invite = True

    async def invite_again(self) -> None:
        """Send the refused first INVITE again, to the same address."""
        await self.call_again(None)

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
        self.offered_in_invite = True

    def repeat(self, method: str) -> None:
        """Send a refused request of the dialog again as it was, its offer included."""
        usage = self.dialog.usage
        offered = usage is not None and usage.refused is not None and SDP in usage.refused.data
        self.dialog.repeat(method)
        if offered:
            self.media.offer_repeated()
            self.offered_in_invite |= method == "INVITE"

    # -- media that was lost -----------------------------------------------------------------------

    async def restore(self) -> None:
        """Build lost media again; a browser gets a re-INVITE as soon as the dialog may carry it."""
        if await self.media.recover():
            self._owes_reinvite = True
            await self.renew()

    async def renew(self) -> None:
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
            self.post(Event("MediaError", {"reason": refused.reason}))

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
        self.post(Event("MediaError", {"reason": reason}))
