"""The runtime as a library: place and take calls from a Python program.

    from runtime.node.api import SimplePeer

    async with SimplePeer("alice") as alice:
        async with await alice.call("sip:bob@192.0.2.7") as call:
            await call.wait_for_answer(timeout=30)
            await call.send_dtmf("42#")

`SimplePeer` is the small surface, `UnifiedCoordinator` the one beneath it with session ids,
`SessionControl` the same by the names of an older interface, `SipClient` what needs no call.
Everything works on the running asyncio loop, needs no Django, and is done by a table: a method
gives the session an event and waits for the fact that the table publishes. See docs/guide/api.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from runtime.node.api.data import (
    CallRefused,
    EventRefused,
    NoSuchSession,
    Refused,
    Summary,
    summary,
)

if TYPE_CHECKING:
    from runtime.node.api.call import Call, CallOver, IncomingCall, NotDone
    from runtime.node.api.client import SipClient
    from runtime.node.api.config import PeerConfig
    from runtime.node.api.control import SessionControl
    from runtime.node.api.coordinator import UnifiedCoordinator
    from runtime.node.api.feed import CallEvent, Feed, Overrun
    from runtime.node.api.handlers import (
        Accept,
        AutoAnswer,
        Composite,
        Defer,
        Forward,
        Queue,
        Reject,
        Routing,
    )
    from runtime.node.api.peer import SimplePeer

_WHERE = {
    "Accept": "handlers",
    "AutoAnswer": "handlers",
    "Call": "call",
    "CallEvent": "feed",
    "CallOver": "call",
    "Composite": "handlers",
    "Defer": "handlers",
    "Feed": "feed",
    "Forward": "handlers",
    "IncomingCall": "call",
    "NotDone": "call",
    "Overrun": "feed",
    "PeerConfig": "config",
    "Queue": "handlers",
    "Reject": "handlers",
    "Routing": "handlers",
    "SessionControl": "control",
    "SimplePeer": "peer",
    "SipClient": "client",
    "UnifiedCoordinator": "coordinator",
}
"""The node itself asks this package for its plain data: what stands above the node comes later."""

__all__ = [
    "Accept",
    "AutoAnswer",
    "Call",
    "CallEvent",
    "CallOver",
    "CallRefused",
    "Composite",
    "Defer",
    "EventRefused",
    "Feed",
    "Forward",
    "IncomingCall",
    "NoSuchSession",
    "NotDone",
    "Overrun",
    "PeerConfig",
    "Queue",
    "Refused",
    "Reject",
    "Routing",
    "SessionControl",
    "SimplePeer",
    "SipClient",
    "Summary",
    "UnifiedCoordinator",
    "summary",
]


def __getattr__(name: str) -> Any:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
