"""Requests inside a call: INFO, OPTIONS, MESSAGE and UPDATE."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Final

from runtime.adapters.answers import Answer, reads, seconds_of
from runtime.adapters.keys import InfoQueue
from runtime.adapters.leg import CallLeg
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.executor.step import Event

RELAY: Final = "application/dtmf-relay"
MAX_BODY: Final = 16_384
"""Bytes of a body that goes out; what is longer does not fit into what peers take."""
_KEYS = re.compile(r"[0-9*#A-Da-d]+")


@performs("SendUPDATE")
def send_update(leg: CallLeg, arguments: Arguments, event: Event) -> Awaitable[None] | None:
    """Send UPDATE, with an offer if it says a direction."""
    direction = arguments.get("direction")
    if direction is not None:
        return leg.propose_by_update(direction)
    leg.dialog.request("UPDATE")
    return None


@performs("SendINFO")
def send_info(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send INFO with a body, or one INFO for each key."""
    body = arguments.get("body") or event.fields.get("body")
    kind = arguments.get("content_type") or event.fields.get("content_type") or ""
    if body is None and kind in ("", RELAY):
        keys = str(arguments.get("digits") or event.fields.get("digits") or "")
        bodies = [_key(key, arguments.get("duration", 160)) for key in _checked(keys)]
        _send(leg, RELAY, bodies)
        return
    if body is not None and not kind:
        raise ActionError("a body needs a content type")
    _send(leg, str(kind) if body is not None else "", [encoded(body or "")])


def _send(leg: CallLeg, content_type: str, bodies: list[bytes]) -> None:
    if leg.infos is None:
        leg.infos = InfoQueue()
    leg.infos.begin(leg.inform, content_type, bodies)


@performs("SendOPTIONS")
def send_options(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Ask in the call, or without one, what the peer can do."""
    if leg.dialog.calls:
        leg.dialog.request("OPTIONS", headers=[("Accept", "application/sdp")])
        return
    if leg.dialog.blocked:
        raise ActionError(leg.dialog.blocked)
    leg.dialog.act(lambda usage, now: usage.options(now=now))


@performs("SendMESSAGE")
def send_message(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Send a text in the dialog if there is one, else to the target."""
    body = arguments.get("body") or event.fields.get("body") or ""
    kind = arguments.get("content_type") or event.fields.get("content_type") or "text/plain"
    if not body:
        raise ActionError("neither the action nor its event says what to send")
    leg.dialog.message(encoded(str(body)), str(kind))


def _checked(keys: str) -> str:
    if not _KEYS.fullmatch(keys):
        raise ActionError(f"{keys!r} are no keys: 0-9, *, # and A-D can be pressed")
    return keys.upper()


def _key(key: str, duration: int) -> bytes:
    return f"Signal={key}\r\nDuration={duration}\r\n".encode()


def encoded(body: str) -> bytes:
    """Return a body as it is sent; ActionError if it is too long."""
    data = body.encode("utf-8", "replace")
    if len(data) > MAX_BODY:
        raise ActionError(f"the body is longer than {MAX_BODY} bytes")
    return data


# -- the answers -----------------------------------------------------------------------------------


@reads("UPDATE")
def update_answered(answer: Answer) -> Event:
    """Say whether the peer took the UPDATE; its description is added by the dialog."""
    if answer.accepted:
        return answer.told("UpdateAccepted")
    return answer.told("UpdateRefused", minimum=seconds_of(answer.response, "Min-SE"))


@reads("INFO", "OPTIONS")
def request_answered(answer: Answer) -> Event:
    """Tell the answer as it is."""
    return answer.told("RequestAnswered", method=answer.method)


@reads("MESSAGE")
def message_answered(answer: Answer) -> Event:
    """Say whether the text arrived."""
    return answer.told("MessageDelivered" if answer.accepted else "MessageFailed")
