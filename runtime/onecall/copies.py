"""Copies of a call for people outside: text, picture, packets, data, and a page in one file.

    copy = make(call, "html", Veil())      # Copy: name, media type, bytes

What is masked on the page is masked in each of them. Nothing in a copy loads anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from runtime.onecall.document import page_of
from runtime.onecall.drawing import svg_of
from runtime.onecall.legs import OneCall
from runtime.onecall.model import model_of
from runtime.onecall.packets import capture
from runtime.onecall.prose import text_of
from runtime.onecall.veil import Veil


@dataclass(frozen=True, slots=True)
class Copy:
    """A file made of a call."""

    name: str
    media_type: str
    data: bytes


def make(call: OneCall, form: str, veil: Veil) -> Copy:
    """Return the copy in this form; KeyError for a form there is not (`FORMS`)."""
    ending, media_type, maker = FORMS[form]
    return Copy(f"call-{call.own.id}.{ending}", media_type, maker(call, veil))


def _data(call: OneCall, veil: Veil) -> bytes:
    messages = [
        {
            "id": wire.id,
            "leg": leg.letter,
            "time": wire.time,
            "direction": wire.direction,
            "transport": wire.transport,
            "local": wire.local,
            "remote": wire.remote,
            "text": veil.message(wire.data).decode(errors="replace"),
        }
        for leg in call.legs
        for wire in leg.wire
    ]
    media = [{"leg": leg.letter, **fact} for leg in call.legs for fact in leg.media]
    told = {
        "callsmith": "call",
        "masked": not veil.lifted,
        **model_of(call, veil),
        "messages": messages,
        "media": [{**fact, "detail": veil.fields(fact["detail"])} for fact in media],
    }
    return json.dumps(told, indent=1, ensure_ascii=False, default=str).encode()


FORMS: dict[str, tuple[str, str, Callable[[OneCall, Veil], bytes]]] = {
    # form: (ending, media type, what makes it)
    "text": ("txt", "text/plain; charset=utf-8", lambda call, veil: text_of(call, veil).encode()),
    "svg": ("svg", "image/svg+xml", lambda call, veil: svg_of(call, veil).encode()),
    "html": ("html", "text/html; charset=utf-8", lambda call, veil: page_of(call, veil).encode()),
    "pcap": ("pcap", "application/vnd.tcpdump.pcap", capture),
    "json": ("json", "application/json", _data),
}
