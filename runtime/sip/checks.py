"""Why a request is refused before anybody is asked (RFC 3261 8.2): one pure function a reason."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from runtime.sip import build, headers, limits
from runtime.sip.message import Request

Refusal = tuple[int, list[tuple[str, str]]]
"A status code and the headers that explain it."

_RECOGNIZED: Final = frozenset({"PRACK", "PUBLISH", "REGISTER", "SUBSCRIBE", *limits.METHODS})
"Methods of the RFCs that this stack knows of, whether it takes them or not."

_ANY_BODY: Final = frozenset({"INFO", "MESSAGE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH"})


def refusal(
    request: Request, extra_methods: frozenset[str], extensions: Collection[str] = limits.EXTENSIONS
) -> Refusal | None:
    """The first reason to refuse, in the order of RFC 3261 8.2, or None.

    ACK and CANCEL never come here: the one is never answered, the other only by its INVITE.
    """
    return (
        _method(request, extra_methods)
        or _uri(request)
        or _forwards(request)
        or _extensions(request, extensions)
        or _content(request)
        or _acceptable(request)
        or _registration(request)
    )


def _method(request: Request, extra_methods: frozenset[str]) -> Refusal | None:
    if request.method in limits.METHODS or request.method in extra_methods:
        return None
    allow = ", ".join((*limits.METHODS, *sorted(extra_methods)))
    # RFC 3261 8.2.1: 405 for what is recognized; 21.5.2: 501 for what nobody knows.
    return 405 if request.method in _RECOGNIZED else 501, [("Allow", allow)]


def _uri(request: Request) -> Refusal | None:
    """400 for a URI that is none or carries headers (RFC 3261 19.1.1), 416 for other schemes."""
    try:
        uri = request.uri
    except ValueError:
        return 400, []
    if uri.headers:
        return 400, []
    return None if uri.scheme in ("sip", "sips", "tel") else (416, [])


def _forwards(request: Request) -> Refusal | None:
    """483 at 0, as any element that would go on with the call; OPTIONS ends here (11)."""
    value = request.get("Max-Forwards")
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 10 or int(value) > 255:
        return 400, []
    return (483, []) if int(value) == 0 and request.method != "OPTIONS" else None


def _extensions(request: Request, extensions: Collection[str]) -> Refusal | None:
    unknown = [tag for tag in request.tokens("Require") if tag not in extensions]
    return (420, [("Unsupported", ", ".join(unknown))]) if unknown else None


def _content(request: Request) -> Refusal | None:
    encoding = request.get("Content-Encoding")
    if request.body and encoding and encoding.lower() != "identity":
        return 415, [("Accept-Encoding", "identity")]
    if not request.body or request.method in _ANY_BODY or request.content_type == build.ACCEPT:
        return None
    if request.sdp is not None and not any(
        part.required and part.content_type != build.ACCEPT for part in request.parts
    ):
        return None  # What stands beside the description is for whoever knows it.
    if "handling=optional" in (request.get("Content-Disposition") or "").replace(" ", "").lower():
        return None
    return 415, [("Accept", build.ACCEPT)]


def _acceptable(request: Request) -> Refusal | None:
    """406 for a call whose caller takes no session description (RFC 3261 20.1, RFC 4475 3.3.15)."""
    if request.method != "INVITE" or not request.lines("Accept"):
        return None
    ranges = [
        value.partition(";")[0].replace(" ", "").lower() for value in request.get_all("Accept")
    ]
    taken = any(kind in (build.ACCEPT, "application/*", "*/*") for kind in ranges)
    return None if taken else (406, [])


def _registration(request: Request) -> Refusal | None:
    """400 for what no registrar can keep (RFC 3261 10.2, 10.3)."""
    if request.method != "REGISTER":
        return None
    try:
        contacts = request.contacts
        star = any(contact.uri_text == "*" for contact in contacts)
        valid = request.to.uri.is_sip and all(star or contact.uri for contact in contacts)
        if star:
            valid &= len(contacts) == 1 and headers.expires(request) == 0
    except ValueError:
        return 400, []
    return None if valid else (400, [])
