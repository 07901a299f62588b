"""The same sessions by the names of an older interface, for programs that come from it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from runtime.node.api.call import PATIENCE
from runtime.node.api.coordinator import UnifiedCoordinator
from runtime.node.api.data import Refused, Summary
from runtime.node.api.handlers import Handler


class SessionControl:
    """Acts on sessions by their ids; every method is one of the coordinator's."""

    def __init__(self, coordinator: UnifiedCoordinator) -> None:
        self._coordinator = coordinator

    async def start(self) -> None:
        """Begin service; OSError if the address is taken."""
        await self._coordinator.start()

    async def stop(self, drain: float = 0.0) -> None:
        """Wait up to `drain` seconds for calls to end, and stop."""
        await self._coordinator.stop(drain)

    def get_bound_address(self) -> tuple[str, int]:
        """Return the host and port that SIP really listens on."""
        return self._coordinator.address

    def get_handler(self) -> Handler | None:
        """Return who decides on incoming calls; None if they ring until they are asked for."""
        return self._coordinator.handler

    async def create_outgoing_call(self, from_: str, to: str) -> str:
        """Place a call; return its id. The description is made by the table. CallRefused."""
        return await self._coordinator.make_call(to, from_)

    async def wait_for_answer(self, session: str, timeout: float | None = None) -> None:
        """Return once the call is established; CallOver if it ended before, TimeoutError."""
        await self._coordinator.call(session).wait_for_answer(timeout)

    async def accept_incoming_call(self, session: str, timeout: float = PATIENCE) -> None:
        """Answer a call."""
        await self._coordinator.accept_call(session, timeout)

    async def reject_incoming_call(self, session: str, code: int = 486, reason: str = "") -> None:
        """Refuse a call with a code from 400 to 699."""
        await self._coordinator.reject_call(session, code, reason)

    async def terminate_session(self, session: str) -> None:
        """End a call; harmless once it is over."""
        await self._coordinator.hangup(session)

    async def hold_session(self, session: str) -> None:
        """Put a call on hold; Refused unless both sides talk."""
        self._need(session, "HoldCall", "can be put on hold")
        await self._coordinator.hold(session)

    async def resume_session(self, session: str) -> None:
        """Take a call back from hold; Refused unless it is on hold."""
        self._need(session, "ResumeCall", "is on hold")
        await self._coordinator.resume(session)

    async def transfer_session(self, session: str, target: str) -> None:
        """Send the far side of a call to another address; returns when it is there."""
        await self._coordinator.blind_transfer(session, target)

    async def set_audio_muted(self, session: str, muted: bool) -> None:
        """Send silence, or audio again."""
        if muted:
            await self._coordinator.mute(session)
        else:
            await self._coordinator.unmute(session)

    async def send_dtmf(self, session: str, digits: str) -> None:
        """Press keys."""
        await self._coordinator.send_dtmf(session, digits)

    def get_session(self, session: str) -> Summary:
        """Return the line of a living session; NoSuchSession."""
        return self._coordinator.get_session_info(session)

    def list_active_sessions(self) -> list[str]:
        """Return the ids of the living sessions, the oldest first."""
        return [line.id for line in self._coordinator.list_sessions()]

    def get_stats(self) -> dict[str, Any]:
        """Return the counts of sessions: now, most, started, ended, by outcome and by state."""
        counts: dict[str, Any] = dict(self._coordinator.node.health()["sessions"])
        counts["states"] = dict(Counter(line.state for line in self._coordinator.list_sessions()))
        return counts

    async def get_media_info(self, session: str) -> dict[str, Any]:
        """Return port, codec, remote address and descriptions of a call's media."""
        return await self._coordinator.call(session).media_info()

    def _need(self, session: str, event: str, what: str) -> None:
        if event not in self._coordinator.node.possible(session):
            state = self._coordinator.get_state(session)
            raise Refused(f"no call in {state} {what}")
