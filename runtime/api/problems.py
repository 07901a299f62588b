"""Refusals as programs read them: problem details (RFC 9457), challenges (RFC 6750, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse, JsonResponse

MEDIA_TYPE = "application/problem+json"
REALM = 'Bearer realm="callsmith"'


class Problem(Exception):
    """The call is refused with this status; `detail` is one sentence for a person."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def answer(self) -> HttpResponse:
        """Return the answer that says so."""
        told = {
            # The status says what kind of problem it is; there is no page that says more.
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        answer = JsonResponse(told, status=self.status, content_type=MEDIA_TYPE)
        for name, value in self.headers.items():
            answer.headers[name] = value
        return answer


def challenge(status: int, detail: str, error: str = "") -> Problem:
    """Return a refusal with the challenge that says how to be let in.

    `error` is one of RFC 6750, section 3.1; without any token shown there is none to speak of.
    """
    said = f'{REALM}, error="{error}", error_description="{_quoted(detail)}"' if error else REALM
    return Problem(status, detail, headers={"WWW-Authenticate": said})


def _quoted(text: str) -> str:
    """Leave of a sentence what may stand in error_description: %x20-21 / %x23-5B / %x5D-7E."""
    return "".join(c for c in text if " " <= c <= "~" and c not in '"\\')
