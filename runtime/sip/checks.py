"""Why a request is refused before anybody is asked (RFC 3261 8.2): one pure function a reason."""

from __future__ import annotations

from typing import Final

from runtime.sip import build, limits
from runtime.sip.message import Request

Refusal = tuple[int, list[tuple[str, str]]]
"A status code and the headers that explain it."

_ANY_BODY: Final = frozenset({"INFO", "MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH"})


def refusal(request: Request, extra_methods: frozenset[str]) -> Refusal | None:
    """The first reason to refuse, in the order of RFC 3261 8.2, or None.

    ACK and CANCEL never come here: the one is never answered, the other only by its INVITE.
    """
    return (
        _method(request, extra_methods)
        or _uri(request)
        or _forwards(request)
        or _extensions(request)
        or _content(request)
    )


def _method(request: Request, extra_methods: frozenset[str]) -> Refusal | None:
    if request.method in limits.METHODS or request.method in extra_methods:
        return None
    allow = ", ".join((*limits.METHODS, *sorted(extra_methods)))
    return 405, [("Allow", allow)]


def _uri(request: Request) -> Refusal | None:
    try:
        scheme = request.uri.scheme
    except ValueError:
        return 400, []
    return None if scheme in ("sip", "sips", "tel") else (416, [])


def _forwards(request: Request) -> Refusal | None:
    """483 at 0, as any element that would go on with the call; OPTIONS ends here (11)."""
    value = request.get("Max-Forwards")
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 10 or int(value) > 255:
        return 400, []
    return (483, []) if int(value) == 0 and request.method != "OPTIONS" else None


def _extensions(request: Request) -> Refusal | None:
    unknown = [tag for tag in request.tokens("Require") if tag not in limits.EXTENSIONS]
    return (420, [("Unsupported", ", ".join(unknown))]) if unknown else None


def _content(request: Request) -> Refusal | None:
    encoding = request.get("Content-Encoding")
    if request.body and encoding and encoding.lower() != "identity":
        return 415, [("Accept-Encoding", "identity")]
    if not request.body or request.method in _ANY_BODY or request.content_type == build.ACCEPT:
        return None
    if "handling=optional" in (request.get("Content-Disposition") or "").replace(" ", "").lower():
        return None
    return 415, [("Accept", build.ACCEPT)]
