"""What the page of one call is made of, as plain data; everything in it is masked already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from designer import rendering
from runtime import audit
from runtime.models import WireMessage
from runtime.onecall.ladder import ladder_of
from runtime.onecall.legs import Leg, OneCall
from runtime.onecall.messages import description, read
from runtime.onecall.veil import Veil

AROUND = 40
"""Messages sent before and after the one that is looked at."""


def model_of(call: OneCall, veil: Veil) -> dict[str, Any]:
    """Return {"own": letter, "legs": [...], "ladder": as `ladder.LADDER`}."""
    drawn = ladder_of(call).as_dict()
    for column in drawn["columns"]:
        if not column["own"]:
            column["title"] = veil.name(column["title"])
    for step in drawn["steps"]:
        step["fields"] = veil.fields(step["fields"])
    return {
        "own": call.own.letter,
        "legs": [leg_line(leg, veil) for leg in call.legs],
        "ladder": drawn,
    }


def leg_line(leg: Leg, veil: Veil) -> dict[str, Any]:
    """Return a leg's session as pages show it."""
    return {
        **leg.session,
        "letter": leg.letter,
        "caller": veil.name(leg.session["caller"]),
        "callee": veil.name(leg.session["callee"]),
        "messages": len(leg.wire),
    }


def drawings_of(call: OneCall) -> dict[str, dict[str, Any]]:
    """Return text and picture of each version the call ran, by hash."""
    digests = dict.fromkeys(step["digest"] for leg in call.legs for step in leg.steps)
    digests |= dict.fromkeys(str(leg.session["digest"]) for leg in call.legs)
    return {digest: _drawing(digest) for digest in digests}


def _drawing(digest: str) -> dict[str, Any]:
    text = audit.text_of(digest)
    drawn = rendering.drawing(text) if text else None
    return {
        "text": text,
        "dot": drawn.dot if drawn else None,
        "picture": drawn.picture if drawn else None,
    }


def messages_around(session_id: str, message: int, veil: Veil) -> list[dict[str, Any]]:
    """Return a message of a session and those beside it, in order."""
    found = WireMessage.objects.filter(session=session_id).order_by("time", "pk")
    keys = list(found.values_list("pk", flat=True))
    if message not in keys:
        return []
    at = keys.index(message)
    near = keys[max(0, at - AROUND) : at + AROUND + 1]
    return [message_line(each, veil) for each in found.filter(pk__in=near)]


def message_line(message: WireMessage, veil: Veil) -> dict[str, Any]:
    """Return one message as the panels show it: its text, and its SDP in facts."""
    data = veil.message(bytes(message.data))
    told = read(data)
    return {
        "id": message.pk,
        "time": message.time,
        "direction": message.direction,
        "transport": message.transport,
        "local": message.local,
        "remote": message.remote,
        "text": data.decode(errors="replace"),
        "sdp": description(told.body) if told.has_sdp else None,
        "body": told.body if told.has_sdp else "",
    }


def keys_of(steps: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the steps of a ladder by their keys."""
    return {step["key"]: step for step in steps}
