"""The small surface: somebody who calls and is called."""

from __future__ import annotations

from dataclasses import replace

from runtime.node.api.call import PATIENCE, Call, IncomingCall
from runtime.node.api.config import PeerConfig
from runtime.node.api.coordinator import UnifiedCoordinator
from runtime.node.api.feed import Feed
from runtime.node.api.handlers import Handler


class SimplePeer:
    """A phone in a program, under a name; use it as a context manager, or `start` and `stop` it.

    Its methods answer with a `Call`, which does the rest; those that take a call take its id as
    well. Errors are those of `Call`.
    """

    def __init__(
        self, name: str, config: PeerConfig | None = None, *, handler: Handler | None = None
    ) -> None:
        """Make a peer; `config` says more, `handler` decides on incoming calls by itself."""
        self.coordinator = UnifiedCoordinator(replace(config or PeerConfig(), user=name), handler)

    @classmethod
    def with_config(cls, name: str, config: PeerConfig) -> SimplePeer:
        """Make a peer with given addresses, ports and table."""
        return cls(name, config)

    async def start(self) -> None:
        """Load the table and listen; OSError if the address is taken."""
        await self.coordinator.start()

    async def stop(self) -> None:
        """End all calls and stop."""
        await self.coordinator.stop()

    async def __aenter__(self) -> SimplePeer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def uri(self) -> str:
        """Its own SIP address: what others call."""
        return self.coordinator.uri

    async def call(self, to: str) -> Call:
        """Place a call to a SIP address; returns as soon as it is placed. CallRefused."""
        return self.coordinator.call(await self.coordinator.make_call(to))

    async def accept(self, call: Call | str, timeout: float = PATIENCE) -> None:
        """Answer an incoming call; returns once it is established."""
        await self.coordinator.accept_call(_id(call), timeout)

    async def reject(self, call: Call | str, code: int = 486) -> None:
        """Refuse an incoming call, as busy unless told otherwise."""
        await self.coordinator.reject_call(_id(call), code)

    async def hangup(self, call: Call | str) -> None:
        """End a call; harmless once it is over."""
        await self.coordinator.hangup(_id(call))

    async def hold(self, call: Call | str) -> None:
        """Put a call on hold."""
        await self.coordinator.hold(_id(call))

    async def resume(self, call: Call | str) -> None:
        """Take a call back from hold."""
        await self.coordinator.resume(_id(call))

    async def mute(self, call: Call | str) -> None:
        """Send silence."""
        await self.coordinator.mute(_id(call))

    async def unmute(self, call: Call | str) -> None:
        """Send audio again."""
        await self.coordinator.unmute(_id(call))

    async def send_dtmf(self, call: Call | str, digits: str) -> None:
        """Press keys."""
        await self.coordinator.send_dtmf(_id(call), digits)

    async def transfer(self, call: Call | str, target: str) -> None:
        """Send the far side to another address; returns when it is there, NotDone if it is not."""
        await self.coordinator.blind_transfer(_id(call), target)

    async def start_attended_transfer(self, call: Call | str, target: str) -> Call:
        """Hold a call and ask a target first; return that call once it is answered."""
        consulted = await self.coordinator.start_attended_transfer(_id(call), target)
        return self.coordinator.call(consulted)

    async def complete_attended_transfer(self, call: Call | str) -> None:
        """Join the far side of a call with who was asked, and leave both."""
        await self.coordinator.complete_attended_transfer(_id(call))

    async def cancel_attended_transfer(self, call: Call | str) -> None:
        """Give the consultation up and take the far side back."""
        await self.coordinator.cancel_attended_transfer(_id(call))

    def incoming_call(self) -> IncomingCall | None:
        """Return the next waiting call, or None; does not wait."""
        return self.coordinator.get_incoming_call()

    async def wait_for_call(self, timeout: float | None = None) -> IncomingCall:
        """Return the next incoming call. TimeoutError."""
        return await self.coordinator.wait_for_call(timeout)

    def events(self) -> Feed:
        """Return what happens to all its calls from now on."""
        return self.coordinator.events()

    def get_latest_call_id(self) -> str | None:
        """Return the id of the call that began last, None before the first."""
        latest = self.coordinator.latest()
        return None if latest is None else latest.id

    def get_call_id_for(self, remote: str) -> str | None:
        """Return the id of the living call with that far side, the newest if there are several."""
        found = [
            line.id
            for line in self.coordinator.list_sessions()
            if self.coordinator.call(line.id).remote == remote
        ]
        return found[-1] if found else None


def _id(call: Call | str) -> str:
    return call if isinstance(call, str) else call.id
