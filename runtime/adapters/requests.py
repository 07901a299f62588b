"""What the peer's requests are to a table where modules of their own know them better.

A request inside a dialog is looked for under its method, one that began a usage without a dialog
under "outside" and its method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from runtime.sip.message import Request

MAX_BODY_FIELD: Final = 4096
"""Characters of a peer's body that an event carries; the whole message is in the Wire record."""

Told = tuple[str, dict[str, Any]]
Reading = Callable[[Request], Told]

TOLD: dict[str, Reading] = {}
"""Name of the request to what makes event and fields of it."""


def tells(*names: str) -> Callable[[Reading], Reading]:
    """Make a function the one that reads the requests of these names."""

    def register(reading: Reading) -> Reading:
        TOLD.update(dict.fromkeys(names, reading))
        return reading

    return register


def reading_of(request: Request, *, outside: bool) -> Reading | None:
    """Return what reads a request; None if no module does."""
    return TOLD.get(f"outside {request.method}" if outside else request.method)


def text_of(body: bytes | None) -> str:
    """Return a body as text, cut to what an event may carry; empty if there is none."""
    return body.decode("utf-8", "replace")[:MAX_BODY_FIELD] if body else ""


def parties(request: Request) -> dict[str, Any]:
    """Return who asks whom, and with which words."""
    return {
        "from": request.from_.uri_text,
        "to": request.to.uri_text,
        "content_type": request.content_type,
        "body": text_of(request.body),
    }
