"""Who calls the API: a token in the header, else the session of a browser."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from designer import tokens
from designer.access import PERMISSIONS, may, may_somewhere
from designer.models import Flow
from runtime.api.failures import failures
from runtime.api.problems import Problem, challenge

READING = ("GET", "HEAD", "OPTIONS")


def enter(request: HttpRequest) -> bool:
    """Put the caller on the request; say whether a token did it. Problem 400, 401 or 429 if none.

    A request with an Authorization header is judged by it alone: a session beside it counts
    nothing, so what needs no token against forgery could not be forged.
    """
    shown = request.headers.get("Authorization")
    if shown is None:
        if not request.user.is_authenticated:
            raise challenge(401, "Show a token, or log in first.")
        return False
    scheme, _, secret = shown.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer":
        raise challenge(401, "Only tokens are known here: Authorization: Bearer TOKEN.")
    if len(secret) > tokens.LONGEST or not tokens.SHAPE.fullmatch(secret):
        raise challenge(400, "This is not the shape of a token.", "invalid_request")
    request.user = _person(request, secret)
    return True


def _person(request: HttpRequest, secret: str) -> Any:
    address, digest = str(request.META.get("REMOTE_ADDR", "")), tokens.digest_of(secret)
    wait = failures.wait(address, digest)
    if wait:
        raise Problem(
            429,
            f"Too many tokens from here opened nothing. Try again in {wait} s.",
            headers={"Retry-After": str(wait)},
        )
    token = tokens.token_of(secret)
    if token is None:
        failures.failed(address, digest)
        raise challenge(401, "The token is unknown, has ended, or was taken back.", "invalid_token")
    failures.succeeded(digest)
    return token.user


def require(
    request: HttpRequest, act: str, *, by_token: bool, flow: Flow | str | None = None
) -> None:
    """Problem 403 unless the caller may do this act, to this flow if one is named; 404 if they do
    not even see it. Without a flow it is enough that there is one for which they may."""
    if flow is None and may_somewhere(request.user, act):
        return
    if flow is not None and not may(request.user, "flow.view", flow):
        raise Problem(404, "There is nothing here.")
    if flow is not None and may(request.user, act, flow):
        return
    said = f"Your account may not do this ({PERMISSIONS[act]})."
    raise challenge(403, said, "insufficient_scope") if by_token else Problem(403, said)


class _Forgery(CsrfViewMiddleware):
    """Django's check, asked for its reason instead of its page."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def against_forgery(request: HttpRequest) -> None:
    """Problem 403 for a change by session that does not prove to come from our own pages."""
    if request.method in READING:
        return
    check = _Forgery(lambda _: HttpResponse())
    check.process_request(request)
    reason = check.process_view(request, lambda _: HttpResponse(), (), {})
    if reason:
        raise Problem(403, f"{reason} A change by session needs the X-CSRFToken of a page.")
