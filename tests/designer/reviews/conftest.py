"""Ada writes, Rex and Ria review, Leo looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from designer import facts, services
from designer.models import Flow, Task, Version
from designer.verdicts import check_key
from flows.check.contract import contract_hash
from tests.web import ECHO, alice, dora, olaf, person, published, rung, stage, vera

__all__ = ["alice", "dora", "olaf", "published", "rung", "stage", "vera"]

EDITOR = [
    "designer.add_flow",
    "designer.change_draft",
    "designer.add_version",
    "designer.request_review",
    "designer.write_comment",
]
REVIEWER = ["designer.judge_review", "designer.write_comment"]
MORE = ECHO.replace("publish_events: [CallTerminated]", "publish_events: [CallEnded]", 1)
LESS = ECHO.replace("  Terminated:\n", "  Waiting: {description: Not used.}\n  Terminated:\n", 1)


@pytest.fixture
def ada(db: Any) -> User:
    return person("ada", EDITOR)


@pytest.fixture
def rex(db: Any) -> User:
    return person("rex", REVIEWER)


@pytest.fixture
def ria(db: Any) -> User:
    return person("ria", REVIEWER)


@pytest.fixture
def leo(db: Any) -> User:
    return person("leo", [])


@pytest.fixture
def flow(db: Any) -> Flow:
    return services.flow_create(name="support")


class Running(facts.NoRuntime):
    """A runtime in which a test says what is deployed."""

    def __init__(self) -> None:
        self.now: dict[str, facts.Deployed] = {}

    def run(self, version: Version) -> None:
        self.now[version.flow.name] = facts.Deployed(
            version.number, version.digest, "olaf", timezone.now(), False, "", True
        )

    def deployed(self) -> Mapping[str, facts.Deployed]:
        return self.now


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    runtime = Running()
    monkeypatch.setattr(facts, "_runtime", runtime)
    return runtime


def save(flow: Flow, text: str, by: Any = None) -> Version:
    newest = flow.versions.order_by("-number").first()
    base = newest.number if newest else None
    return services.version_save(
        flow=flow, text=text, base=base, author=by, author_name="" if by else "somebody"
    )


def proved(version: Version) -> None:
    """Let the deeper check have found nothing."""
    detail = {"contract": contract_hash(), "errors": 0, "warnings": 0, "complete": True,
              "explored": 9, "findings": []}  # fmt: skip
    Task.objects.update_or_create(
        key=check_key(version.pk),
        defaults={"kind": "check", "state": Task.State.DONE, "detail": detail},
    )
