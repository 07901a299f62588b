"""Content Security Policy for every response, static files included.

It stands above WhiteNoise because a Web Worker obeys the policy of its own
response: the layout worker needs `wasm-unsafe-eval` on its file too.
"""

import secrets
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

Response = HttpResponse | Awaitable[HttpResponse]


def policy(nonce: str, host: str) -> str:
    """Return the header's value; `nonce` admits the style sheet that CodeMirror makes."""
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self' 'wasm-unsafe-eval'",
            f"style-src 'self' 'nonce-{nonce}'",
            # Older browsers do not count ws: as 'self', hence the host by name.
            f"connect-src 'self' ws://{host} wss://{host}",
            "img-src 'self' data:",
            "media-src 'self' blob:",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


class ContentSecurityPolicy:
    """Middleware: put the policy on the response and its nonce on `request.csp_nonce`."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Response]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Response:
        request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
        if self.is_async:
            return self._later(request)
        response = self.get_response(request)
        assert isinstance(response, HttpResponse) or hasattr(response, "headers")
        return self._mark(request, response)  # type: ignore[arg-type]

    async def _later(self, request: HttpRequest) -> HttpResponse:
        return self._mark(request, await self.get_response(request))  # type: ignore[misc]

    def _mark(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        host = request.META.get("HTTP_HOST", "")
        # A host that is not one is refused further down; its bytes never reach this header.
        host = host if all(c.isalnum() or c in ".:-[]" for c in host) else ""
        response.headers["Content-Security-Policy"] = policy(request.csp_nonce, host)  # type: ignore[attr-defined]
        return response
