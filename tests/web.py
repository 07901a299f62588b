"""The cast and the stage of the web tests.

Alice may do everything, Dora designs (saves, does not deploy), Olaf operates (deploys and calls,
does not edit), Vera only looks. Nothing reaches a broker; what is published is written down and
delivered over the in-memory layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from django.contrib.auth.models import Permission, User
from django.utils import timezone

BASE = Path(__file__).resolve().parent.parent
ECHO = (BASE / "state_tables" / "echo_test.yaml").read_text()
LEAKING = ECHO.replace(
    "Active, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog]",
    "Active, role: UAS, event: DialogBYE, actions: [CleanupMedia]",
)
"""Says nothing wrong, and keeps a dialog for ever: only the deeper check finds that."""
BROKEN = "transitions: [{from_state: Idle\n"
PASSWORD = "correct horse battery"

DESIGNER = ["designer.add_flow", "designer.change_draft", "designer.add_version"]
OPERATOR = [
    "runtime.add_deployment",
    "runtime.change_route",
    "runtime.place_call",
    "runtime.send_event",
]


def person(name: str, permissions: list[str]) -> User:
    """Make an account with these permissions."""
    user = User.objects.create_user(name, password=PASSWORD)
    for each in permissions:
        app, codename = each.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return User.objects.get(pk=user.pk)


OWN_PAGE = [(b"host", b"calls.test:8000"), (b"origin", b"http://calls.test:8000")]


class WebsocketCommunicator(ApplicationCommunicator):
    """A browser's end of a socket. (That of Channels needs daphne to be imported.)"""

    def __init__(
        self,
        application: Any,
        path: str,
        headers: list[tuple[bytes, bytes]] | None = None,
        subprotocols: list[str] | None = None,
    ) -> None:
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": OWN_PAGE if headers is None else headers,
            "subprotocols": subprotocols or [],
        }
        super().__init__(application, self.scope)

    async def connect(self, timeout: float = 5) -> tuple[bool, Any]:
        """Open it; answer whether it was accepted, and the subprotocol or the code."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        if answer["type"] == "websocket.close":
            return False, answer.get("code", 1000)
        assert answer["type"] == "websocket.accept"
        return True, answer.get("subprotocol")

    async def send_to(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        frame = {"text": text_data} if text_data is not None else {"bytes": bytes_data}
        await self.send_input({"type": "websocket.receive", **frame})

    async def send_json_to(self, data: Any) -> None:
        await self.send_to(text_data=json.dumps(data))

    async def receive_from(self, timeout: float = 5) -> str | bytes:
        answer = await self.receive_output(timeout)
        assert answer["type"] == "websocket.send", answer
        return answer["text"] if answer.get("text") is not None else answer["bytes"]

    async def receive_json_from(self, timeout: float = 5) -> Any:
        return json.loads(await self.receive_from(timeout))

    async def disconnect(self, code: int = 1000, timeout: float = 5) -> None:
        """Close it and wait until the other side is done."""
        await self.send_input({"type": "websocket.disconnect", "code": code})
        await self.wait(timeout)


@pytest.fixture
def alice(db: Any) -> User:
    return User.objects.create_superuser("alice", password=PASSWORD)


@pytest.fixture
def dora(db: Any) -> User:
    return person("dora", DESIGNER)


@pytest.fixture
def olaf(db: Any) -> User:
    return person("olaf", OPERATOR)


@pytest.fixture
def vera(db: Any) -> User:
    return person("vera", [])


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was published, in order; it is delivered too."""
    heard: list[tuple[str, dict[str, Any]]] = []

    def publish(group: str, message: dict[str, Any]) -> bool:
        heard.append((group, message))
        async_to_sync(get_channel_layer().group_send)(group, message)
        return True

    monkeypatch.setattr("designer.publish.publish", publish)
    return heard


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The versions a worker was called for."""
    calls: list[int] = []
    monkeypatch.setattr("designer.tasks.check_version.delay", calls.append)
    return calls


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the other work that a worker was called for."""
    keys: list[str] = []
    monkeypatch.setattr("designer.jobs.work_on.delay", keys.append)
    return keys


def worked(key: str) -> Any:
    """Have a piece of work done as a worker would, and return its row."""
    from designer import jobs

    jobs.work(key, worker="w", clock=timezone.now)
    return jobs.find(key)


def checked(version: Any) -> Any:
    """Have the version checked as a worker would, and return its verdict."""
    from designer import tasks, verdicts

    tasks.work(version.pk, worker="w", clock=timezone.now)
    return verdicts.verdict_of(version)


async def quiet(*_: Any) -> None:
    """Do nothing."""


@pytest.fixture(autouse=True)
def stage(
    rung: Any, called: Any, published: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Nothing of a test reaches a broker or a server, and no desk outlives its test."""
    from designer import consumers, deep, desk, playing, scenario_runs, tasks

    consumers.desks = desk.Desks()
    # What the worker's child would do is done here; test_scenario_runs has one with a child.
    monkeypatch.setattr(
        scenario_runs,
        "ask",
        lambda text, scenarios, beat: playing.play({"text": text, "scenarios": scenarios}, beat)[
            "results"
        ],
    )
    # A test that is about walks over drafts says so; the others would wait for one each.
    monkeypatch.setattr(consumers.EditorConsumer, "follow_draft", quiet)
    # And one that is about the child that walks says that.
    monkeypatch.setattr(tasks, "examine", lambda text, beat: deep.examine(text, beat))
    yield
    consumers.desks = desk.Desks()


__all__ = ["alice", "called", "dora", "olaf", "published", "rung", "stage", "vera"]
