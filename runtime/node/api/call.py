"""One call in the hands of a program."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from runtime.node.api.data import NoSuchSession, Refused, Summary
from runtime.node.api.feed import Feed
from runtime.node.api.history import History
from runtime.node.api.watch import CallOver, NotDone, Watch

if TYPE_CHECKING:
    from runtime.node.api.coordinator import UnifiedCoordinator

__all__ = ["Call", "CallOver", "IncomingCall", "NotDone"]

PATIENCE = 10.0
"""Seconds an act may take before TimeoutError."""
TRANSFER_PATIENCE = 90.0
"""The same for what waits for somebody to answer."""


class Call:
    """A call, from its first step until it has ended, and what was kept of it afterwards.

    Every act raises CallOver once the call has ended, NotDone if it did not come about, and
    TimeoutError after `timeout` seconds; the call goes on after the last two. As a context manager
    it is hung up at the end.
    """

    def __init__(self, coordinator: UnifiedCoordinator, watch: Watch) -> None:
        self._coordinator = coordinator
        self._watch = watch

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state}>"

    @property
    def id(self) -> str:
        """Id of the session: the one of journal, pages and commands."""
        return self._watch.id

    @property
    def coordinator(self) -> UnifiedCoordinator:
        """Who holds it."""
        return self._coordinator

    @property
    def state(self) -> str:
        """State of the table."""
        return self._watch.state

    @property
    def caller(self) -> str:
        """Address of who calls."""
        return self._watch.caller

    @property
    def callee(self) -> str:
        """Address that is called."""
        return self._watch.callee

    @property
    def remote(self) -> str:
        """Address of the far side."""
        return self._watch.remote

    @property
    def established(self) -> bool:
        """Whether the call was answered and acknowledged, even if it is over by now."""
        return self._watch.established

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._watch.ended

    @property
    def outcome(self) -> str:
        """How it ended: completed, cancelled, failed ...; empty while it lives."""
        return self._watch.outcome

    @property
    def code(self) -> int:
        """The last SIP code in its events, 0 if there was none: why a call failed."""
        return self._watch.code

    # -- acts --------------------------------------------------------------------------------------

    async def hangup(self, timeout: float = PATIENCE) -> None:
        """End the call, whatever it is at: CANCEL, BYE or a refusal. Harmless once it is over."""
        if self.ended:
            return
        try:
            await self._coordinator.act(self.id, "HangupCall", {}, ("Ended",), timeout)
        except (CallOver, NoSuchSession):
            return

    async def hold(self, timeout: float = PATIENCE) -> None:
        """Put the far side on hold (re-INVITE, RFC 3264 8.4); NotDone if it refuses."""
        await self._coordinator.act(self.id, "HoldCall", {}, ("CallOnHold",), timeout)

    async def resume(self, timeout: float = PATIENCE) -> None:
        """Take the far side back from hold."""
        await self._coordinator.act(self.id, "ResumeCall", {}, ("CallResumed",), timeout)

    async def mute(self) -> None:
        """Send silence from now on."""
        await self._coordinator.act(self.id, "MuteCall", {}, ("CallMuted",), PATIENCE)

    async def unmute(self) -> None:
        """Send our audio again."""
        await self._coordinator.act(self.id, "UnmuteCall", {}, ("CallUnmuted",), PATIENCE)

    async def send_dtmf(self, digits: str) -> None:
        """Press keys (0-9 * # A-D, comma = half a second) as RFC 4733 events.

        Returns when sending has begun; one digit takes 160 ms.
        """
        await self._coordinator.act(self.id, "SendDTMF", {"digits": digits}, (), PATIENCE)

    # -- transfers ---------------------------------------------------------------------------------

    async def transfer(self, target: str, timeout: float = TRANSFER_PATIENCE) -> None:
        """Send the far side to another SIP address (REFER, RFC 3515); returns when it is there.

        NotDone if it cannot be reached or refuses: both talk on then.
        """
        done = ("TransferSucceeded",)
        await self._coordinator.act(self.id, "BlindTransfer", {"target": target}, done, timeout)

    async def start_attended_transfer(
        self, target: str, timeout: float = TRANSFER_PATIENCE
    ) -> Call:
        """Hold the far side and call a target; return that call once it is answered.

        NotDone if it is not; the far side is on hold then.
        """
        if self.state != "OnHold":
            await self.hold()
        fields = {"target": target}
        await self._coordinator.act(
            self.id, "StartAttendedTransfer", fields, ("in Consulted",), timeout
        )
        return self._coordinator.call(self._watch.linked)

    async def complete_attended_transfer(self, timeout: float = TRANSFER_PATIENCE) -> None:
        """Join the far side with the target that was asked (RFC 5589 7), and leave both.

        NotDone if the far side does not follow; the consultation goes on then.
        """
        done = ("TransferSucceeded",)
        await self._coordinator.act(self.id, "CompleteAttendedTransfer", {}, done, timeout)

    async def cancel_attended_transfer(self, timeout: float = PATIENCE) -> None:
        """Give the consultation up and take the far side back from hold."""
        await self._coordinator.act(self.id, "ResumeCall", {}, ("CallResumed",), timeout)

    # -- waiting and looking -----------------------------------------------------------------------

    async def wait_for_answer(self, timeout: float | None = None) -> None:
        """Return once the call is established; CallOver if it ended before, TimeoutError."""
        watch = self._watch
        await watch.until(lambda: watch.established or watch.ended, timeout)
        if not watch.established:
            raise watch.over()

    async def wait_for_fact(self, fact: str, timeout: float | None = None) -> None:
        """Return once the table has published `fact`; at once if it has already. CallOver."""
        watch = self._watch
        await watch.until(lambda: fact in watch.facts or watch.ended, timeout)
        if fact not in watch.facts:
            raise watch.over()

    async def wait_for_end(self, timeout: float | None = None) -> str:
        """Return the outcome once the call has ended. TimeoutError."""
        await self._watch.until(lambda: self._watch.ended, timeout)
        return self._watch.outcome

    def events(self) -> Feed:
        """Return what happens to the call from now on; the last event is "Ended"."""
        return self._watch.feed()

    def possible(self) -> list[str]:
        """Return the events people may send in the state the call is in."""
        return [] if self.ended else self._coordinator.node.possible(self.id)

    def info(self) -> Summary:
        """Return the line of a living call; NoSuchSession once it is over."""
        return self._coordinator.get_session_info(self.id)

    def history(self) -> History:
        """Return its steps, as many as the configuration keeps."""
        return History(self.id, self._watch.history)

    async def media_info(self) -> dict[str, Any]:
        """Return port, codec, remote address, direction, descriptions ... of its media.

        Refused while it has none.
        """
        return await self._coordinator.node.media_info(self.id)

    async def statistics(self) -> dict[str, Any]:
        """Return packets, bytes, loss and jitter (milliseconds) of its media; Refused without."""
        return await self._coordinator.node.media_statistics(self.id)

    # -- the context -------------------------------------------------------------------------------

    async def __aenter__(self) -> Call:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.hangup()


class IncomingCall(Call):
    """A call that rings here until it is answered, refused or sent on."""

    @property
    def ringing(self) -> bool:
        """Whether it still waits for a decision."""
        return not self.ended and not self.established and not self._coordinator.decided(self.id)

    async def accept(self, timeout: float = PATIENCE) -> None:
        """Answer it; returns once the caller has acknowledged the answer."""
        await self._decide("AcceptCall", {}, "CallEstablished", timeout)

    async def reject(self, code: int = 486, reason: str = "", timeout: float = PATIENCE) -> None:
        """Refuse it with a SIP code from 400 to 699. ValueError for any other."""
        if not 400 <= code < 700:
            raise ValueError("a call is refused with a code from 400 to 699")
        fields = {"code": code, **({"reason": reason} if reason else {})}
        await self._decide("RejectCall", fields, "Ended", timeout)

    async def forward(self, target: str, timeout: float = PATIENCE) -> None:
        """Send the caller to another SIP address (302)."""
        await self._decide("RedirectCall", {"target": target}, "Ended", timeout)

    def defer(self) -> None:
        """Let it ring on, for whoever asks next for an incoming call."""
        self._coordinator.park(self)

    async def _decide(
        self, event: str, fields: dict[str, Any], reached: str, timeout: float
    ) -> None:
        if not self.ringing:
            raise self._watch.over() if self.ended else Refused("the call was decided on already")
        self._coordinator.take(self.id)
        try:
            await self._coordinator.act(self.id, event, fields, (reached,), timeout)
        except CallOver:
            if reached != "Ended":
                raise
