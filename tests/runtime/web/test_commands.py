"""The verbs of the command line, with the server played by its own handler."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.conf import settings

from config import cli
from designer import control, services
from designer.models import Flow
from runtime import bridge, commands, deployments
from runtime.control import handle
from runtime.models import Deployment
from runtime.sink import DatabaseSink
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_sink import SEGMENT, a_call
from tests.web import BROKEN, ECHO, checked

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """A server that answers on its loop, without the socket in between."""

    def request(path: Any, verb: str, arguments: Any, *, timeout: float = 30.0) -> Any:
        assert path == settings.CONTROL_SOCKET
        loop = bridge._loop
        assert loop is not None
        asked = json.loads(json.dumps(arguments))
        answer = asyncio.run_coroutine_threadsafe(handle(verb, asked), loop).result(timeout)
        return json.loads(json.dumps(answer, default=str))

    monkeypatch.setattr(control, "request", request)
    return node


def run(capsys: Any, *arguments: str, code: int = 0) -> Any:
    """Run a verb and return its JSON."""
    assert cli.main([*arguments, "--format", "json"]) == code, capsys.readouterr()
    return json.loads(capsys.readouterr().out)


def test_deploy_takes_the_newest_version_or_the_one_asked_for(flow: Flow, capsys: Any) -> None:
    services.version_save(flow=flow, text=ECHO + "# two\n", base=1, author_name="a")
    assert run(capsys, "deploy", "echo_test")["version"] == 2
    made = run(capsys, "deploy", "echo_test", "--version", "1")
    assert made["version"] == 1 and made["digest"] == services.digest_of(ECHO)
    assert Deployment.objects.get(superseded_at=None).by_name == "command line"


def test_deploy_refuses_what_does_not_exist_or_compile(flow: Flow, capsys: Any) -> None:
    services.version_save(flow=flow, text=BROKEN, base=1, author_name="a")
    for arguments in (["nothing"], ["echo_test", "--version", "9"], ["echo_test"]):
        assert run(capsys, "deploy", *arguments, "--force", "why", code=1)["error"]
    assert not Deployment.objects.exists()


def test_deploy_waits_until_the_node_says_yes(
    flow: Flow, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def sleep(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            made = Deployment.objects.get()
            deployments.acknowledge(
                deployment_id=made.pk, node="node1", digest=made.version.digest, milliseconds=2.5
            )

    checked(flow.versions.get())
    monkeypatch.setattr(commands, "_server_away", str)
    monkeypatch.setattr(commands.time, "sleep", sleep)
    made = run(capsys, "deploy", "echo_test", "--wait")
    assert (made["node"], made["milliseconds"], looks) == ("node1", 2.5, 3)


def test_deploy_says_when_the_node_says_no_or_nothing(
    flow: Flow, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(flow.versions.get())
    monkeypatch.setattr(commands, "_server_away", str)
    monkeypatch.setattr(commands, "WAIT_SECONDS", -1.0)
    assert "No node has loaded it" in run(capsys, "deploy", "echo_test", "--wait", code=1)["error"]
    made = Deployment.objects.get()
    deployments.acknowledge(deployment_id=made.pk, node="node1", digest="", error="too old")
    refused = run(capsys, "deploy", "echo_test", "--wait", code=1)
    assert "did not load it: too old" in refused["error"]


def test_deploy_takes_no_yes_of_a_server_that_is_away(flow: Flow, capsys: Any) -> None:
    run(capsys, "deploy", "echo_test")
    made = Deployment.objects.get()
    deployments.acknowledge(deployment_id=made.pk, node="node1", digest=made.version.digest)
    refused = run(capsys, "deploy", "echo_test", "--wait", code=1)
    assert "not running here" in refused["error"]
    assert cli.main(["deploy", "echo_test"]) == 0
    assert "not running here" in capsys.readouterr().out


def test_routes_are_added_listed_and_deleted(flow: Flow, capsys: Any) -> None:
    run(capsys, "route", "add", "--to", "*", "echo_test")
    run(capsys, "route", "add", "--to", "1*", "echo_test")
    listed = run(capsys, "route", "list")["routes"]
    assert [each["pattern"] for each in listed] == ["1*", "*"]
    run(capsys, "route", "delete", "--to", "1*")
    assert len(run(capsys, "route", "list")["routes"]) == 1
    assert run(capsys, "route", "add", "--to", "x", "nothing", code=1)["error"]


def test_a_call_is_placed_by_the_running_server(server: FakeNode, capsys: Any) -> None:
    placed = run(capsys, "call", "echo_test", "sip:b@127.0.0.1:5099")
    assert server.placed == [("echo_test", "sip:b@127.0.0.1:5099")]
    (line,) = run(capsys, "sessions", "--live")["sessions"]
    assert line["id"] == placed["session"] and line["role"] == "UAC"
    assert run(capsys, "call", "other", "sip:b@h", code=1)["error"]


@pytest.mark.parametrize(("outcome", "code"), [("completed", 0), ("failed", 1)])
def test_call_waits_until_the_record_says_that_it_is_over(
    server: FakeNode, capsys: Any, monkeypatch: pytest.MonkeyPatch, outcome: str, code: int
) -> None:
    def sleep(seconds: float) -> None:
        records = a_call("node1-7-1")
        records[-1].step.decision.outcome = outcome  # type: ignore[union-attr]
        DatabaseSink().store(SEGMENT, records, 0, 9)

    monkeypatch.setattr(commands.time, "sleep", sleep)
    ended = run(capsys, "call", "echo_test", "sip:b@h", "--wait", code=code)
    assert ended == {
        "session": "node1-7-1",
        "outcome": outcome,
        "state": "Terminated",
        "steps": 3,
    }


def test_an_event_is_sent_with_its_fields(server: FakeNode, capsys: Any) -> None:
    session = run(capsys, "call", "echo_test", "sip:b@h")["session"]
    run(capsys, "send", session, "SendDTMF", "digits=12=3")
    assert server.sent == [(session, "SendDTMF", {"digits": "12=3"})]
    assert run(capsys, "send", session, "SendDTMF", "nonsense", code=2)["error"]
    assert run(capsys, "send", "nobody", "HangupCall", code=1)["error"]
    assert run(capsys, "send", session, "DialogBYE", code=1)["error"]


def test_sessions_and_steps_are_read_from_the_record(capsys: Any) -> None:
    DatabaseSink().store(SEGMENT, a_call("old1"), 0, 9)
    (line,) = run(capsys, "sessions")["sessions"]
    assert (line["id"], line["outcome"]) == ("old1", "completed")
    steps = run(capsys, "steps", "old1")["steps"]
    assert [step["event"] for step in steps] == ["IncomingCall", "InfoReceived", "DialogBYE"]
    assert cli.main(["steps", "old1"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "IncomingCall" in printed[0] and "SendSIPResponse 0.0 ms" in printed[0]
    assert "unhandled" in printed[1]
    assert run(capsys, "steps", "nobody", code=1)["error"]


def test_without_a_server_the_verbs_that_need_one_say_so(capsys: Any) -> None:
    for arguments in (["call", "x", "sip:y"], ["send", "s", "HangupCall"], ["sessions", "--live"]):
        assert cli.main(arguments) == 1
        assert "make run" in capsys.readouterr().err


async def test_the_server_refuses_what_it_does_not_understand() -> None:
    assert "knows no" in (await handle("explode", {}))["error"]
    assert "lacks" in (await handle("publish", {}))["error"]
    assert "not running here" in (await handle("sessions", {}))["error"]
