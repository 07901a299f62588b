"""Bodies that are too large: told in words, at the door or by the form, and nothing is kept."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client

from config.limits import BodyLimit
from designer.models import Draft, Flow
from tests.web import alice

__all__ = ["alice"]


async def reads_all(scope: Any, receive: Any, send: Any) -> None:
    size = 0
    while True:
        message = await receive()
        size += len(message["body"])
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def post(chunks: list[bytes], *headers: tuple[bytes, bytes]) -> tuple[int, bytes, int]:
    """Send a body in chunks; return the status, the answer and how many chunks were taken."""
    sent: list[dict[str, Any]] = []
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": list(headers)}
    await BodyLimit(reads_all, most=1 << 20)(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], sent[1]["body"], len(chunks) - len(left)


async def test_a_body_within_the_limit_passes() -> None:
    half = b"x" * (1 << 19)
    assert await post([half, half]) == (200, b"1048576", 2)


async def test_an_announced_body_is_refused_before_any_of_it_is_taken() -> None:
    status, said, taken = await post([b"x"], (b"content-length", b"1048577"))
    assert (status, taken) == (413, 0) and b"at most 1 MiB" in said
    assert (await post([b"x"], (b"content-length", b"9" * 30)))[0] == 413


async def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_large() -> None:
    status, said, taken = await post([b"x" * (1 << 19)] * 100)
    assert (status, taken) == (413, 3) and b"nothing was changed" in said


@pytest.mark.django_db
def test_a_text_of_three_mebibytes_is_refused_by_the_form_in_words(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)
    for size in (2 << 19, 3 << 20):
        text = "# " + "x" * size
        answer = client.post("/flows/new/", {"name": "large", "text": text})
        assert answer.status_code in (400, 422)
        assert "1 MiB" in answer.content.decode()
    assert not Flow.objects.exists() and not Draft.objects.exists()


@pytest.mark.django_db
def test_a_file_of_ten_megabytes_is_refused_by_the_form_in_words(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)
    file = io.BytesIO(b"# " + b"x" * 10_000_000)
    file.name = "large.yaml"
    answer = client.post("/flows/new/", {"file": file})
    assert answer.status_code == 422 and "larger than 1 MiB" in answer.content.decode()
    assert not Flow.objects.exists()
