"""`rollback` and `replay`: the way back, and recorded calls on another version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config import cli
from designer import services
from designer.models import Flow
from runtime import commands, deployments
from runtime.models import Deployment, Session
from runtime.node.journal import StepRecord
from runtime.sink import DatabaseSink
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_commands import run
from tests.runtime.web.test_sink import SEGMENT
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorded(node: FakeNode, flow: Flow) -> str:
    """A call of echo_test as it really goes, in the record."""
    steps: list[Any] = []
    node.listeners.add(lambda session, step, done: steps.append(StepRecord(step)))
    session = node.begin("echo_test")
    for event in ("IncomingCall", "DialogACK", "DialogBYE"):
        if session.id in node.living:
            node.give(session, event)
    DatabaseSink().store(SEGMENT, steps, 0, 9)
    return session.id


def test_a_call_goes_on_its_own_version_as_it_went(recorded: str, capsys: Any) -> None:
    assert Session.objects.get().ended_at is not None, Session.objects.get().state
    told = run(capsys, "replay", "echo_test")
    assert (told["compared"], told["changed"], told["on"]) == (1, 0, "v1")
    assert told["calls"][0]["recorded"] == told["calls"][0]["replayed"] != ""
    assert cli.main(["replay", "echo_test", recorded]) == 0
    assert "0 of 1 calls would go otherwise on v1" in capsys.readouterr().out


def test_a_call_that_would_go_otherwise_is_named(
    recorded: str, tmp_path: Path, capsys: Any
) -> None:
    lines = [line for line in ECHO.splitlines() if "event: DialogBYE" not in line]
    file = tmp_path / "worse.yaml"
    file.write_text("\n".join(lines) + "\n")
    told = run(capsys, "replay", "echo_test", "--file", str(file), code=1)
    assert told["changed"] == 1 and told["calls"][0]["changes"]
    assert Flow.objects.get().versions.count() == 1
    assert cli.main(["replay", "echo_test", "--file", str(file)]) == 1
    assert recorded in capsys.readouterr().out


def test_what_was_not_recorded_in_full_is_not_compared(recorded: str, capsys: Any) -> None:
    Session.objects.update(outcome="lost")
    told = run(capsys, "replay", "echo_test")
    assert told["compared"] == 0 and "in full" in told["calls"][0]["why"]


def test_replay_says_what_cannot_be_used(flow: Flow, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "broken.yaml").write_text(BROKEN)
    for arguments in (
        ["nothing"],
        ["echo_test"],
        ["echo_test", "nobody"],
        ["echo_test", "--version", "9"],
        ["echo_test", "--file", str(tmp_path / "absent.yaml")],
        ["echo_test", "--file", str(tmp_path / "broken.yaml")],
    ):
        assert run(capsys, "replay", *arguments, code=2)["error"]


def test_rollback_leads_to_the_version_before(flow: Flow, capsys: Any) -> None:
    assert "not deployed" in run(capsys, "rollback", "echo_test", code=1)["error"]
    run(capsys, "deploy", "echo_test")
    assert "ever deployed" in run(capsys, "rollback", "echo_test", code=1)["error"]
    services.version_save(flow=flow, text=ECHO + "# two\n", base=1, author_name="a")
    run(capsys, "deploy", "echo_test")
    assert run(capsys, "rollback", "echo_test", "--reason", "noise")["version"] == 1
    assert Deployment.objects.get(superseded_at=None).reason == "noise"
    assert run(capsys, "rollback", "nothing", code=1)["error"]


def test_rollback_waits_until_the_node_says_yes(
    flow: Flow, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.version_save(flow=flow, text=ECHO + "# two\n", base=1, author_name="a")
    for number in (1, 2):
        run(capsys, "deploy", "echo_test", "--version", str(number))

    def sleep(seconds: float) -> None:
        made = Deployment.objects.get(superseded_at=None)
        deployments.acknowledge(
            deployment_id=made.pk, node="node1", digest=made.version.digest, milliseconds=2.5
        )

    monkeypatch.setattr(commands, "_server_away", str)
    monkeypatch.setattr(commands.time, "sleep", sleep)
    assert run(capsys, "rollback", "echo_test", "--wait")["node"] == "node1"
