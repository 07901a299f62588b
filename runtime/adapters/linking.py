"""What stands behind the actions of linked sessions."""

from __future__ import annotations

from typing import Any

from runtime.adapters.leg import CallLeg
from runtime.adapters.linked import Wanted
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event


@performs("CreateLinkedSession")
def create_linked_session(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Start another session that calls `target`."""
    leg.links.create(
        Wanted(
            arguments["link"],
            address_in(arguments["target"]),
            flow=arguments.get("flow") or "",
            carried=tuple(arguments.get("headers") or ()),
        )
    )


@performs("SignalLinked")
def signal_linked(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send a linked session an event."""
    leg.links.signal(arguments["link"], arguments["event"])


@performs("BridgeSessions")
async def bridge_sessions(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Let both far sides hear each other."""
    await leg.media.bridge(leg.links.heard(arguments["link"]).media)


@performs("UnbridgeSessions")
async def unbridge_sessions(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Part the media again."""
    await leg.media.unbridge()


def address_in(value: Any) -> str:
    """Return the address an argument names; ActionError if what it was read from has none."""
    if not isinstance(value, str) or not value.strip():
        raise ActionError("nothing says whom to call")
    return value.strip()
