"""What stands behind the actions of linked sessions."""

from __future__ import annotations

import contextlib
from typing import Any, Final
from urllib.parse import quote

from runtime.adapters.leg import CallLeg
from runtime.adapters.linked import Wanted
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event
from runtime.sip.uri import parse_uri

USER_CHARACTERS: Final = "!*'()&=+$,;?/"
"""Beside letters, digits and `-_.~` what a user part may hold unescaped (RFC 3261 25.1)."""


@performs("CreateLinkedSession")
def create_linked_session(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Start another session that calls `target`."""
    leg.links.create(
        Wanted(
            arguments["link"],
            through(address_in(arguments["target"]), arguments.get("through") or ""),
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


def through(target: str, trunk: str) -> str:
    """Return the address of a target behind a trunk; the target itself without one."""
    if not trunk:
        return target
    user = target
    if ":" in target:
        with contextlib.suppress(ValueError):
            user = parse_uri(target).user
    return f"sip:{quote(user, safe=USER_CHARACTERS)}@{trunk}"


def address_in(value: Any) -> str:
    """Return the address an argument names; ActionError if what it was read from has none."""
    if not isinstance(value, str) or not value.strip():
        raise ActionError("nothing says whom to call")
    return value.strip()
