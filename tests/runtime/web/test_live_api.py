"""What goes on now and what went on, for programs and for the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from config.cli import build_parser
from designer import control
from runtime import bridge, counting, insight
from runtime.control import handle
from runtime.hub import Hub
from runtime.unusual import Bound
from tests.runtime.web.contract import ContractClient
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_insight import NOW, unmet
from tests.runtime.web.test_live_pages import session

pytestmark = pytest.mark.django_db


@pytest.fixture
def hub(node: FakeNode) -> Iterator[Hub]:
    """A hub with one call that stands too long."""
    made = Hub(node, later=lambda seconds, act: None, now=lambda: 1100.0)  # type: ignore[arg-type]
    node.listeners.add(made.stepped)
    call = node.begin("echo_test")
    node.give(call, "IncomingCall", **{"from": "sip:a@x"})
    made.finder.bounds = {("echo_test", "", "Answering"): Bound(60.0, 400)}
    made.sums.unusual = made.finder.look(made.now())
    bridge.set_hub(made)
    yield made
    bridge.set_hub(None)


@pytest.fixture
def api(alice: Any) -> ContractClient:
    client = ContractClient()
    client.force_login(alice)
    return client


def test_calls_that_need_a_look_are_listed(api: ContractClient, flow: Any, hub: Hub) -> None:
    (call,) = api.get("/api/stuck").json()
    assert call["why"] == "longer than 99 % in Answering" and call["bound"] == 60.0
    assert api.get("/api/stuck?flow=other").json() == []
    told = api.get("/api/flows/echo_test/live").json()
    assert (told["calls"], told["stuck"], told["begun"]) == (1, 1, 0)
    (here,) = told["states"]
    assert (here["state"], here["role"], here["calls"]) == ("Answering", "UAS", 1)


def test_without_a_node_nothing_is_made_up(api: ContractClient, flow: Any) -> None:
    for path in ("/api/stuck", "/api/flows/echo_test/live"):
        refused = api.get(path)
        assert refused.status_code == 503 and "not running" in refused.json()["detail"]


def test_what_the_record_says_is_told(api: ContractClient, flow: Any) -> None:
    insight._insight.cache_clear()
    call = session(1, flow.versions.get().digest, NOW, None)
    unmet(call, NOW, "MessageReceived")
    counting.catch_up()
    told = api.get("/api/flows/echo_test/insight?days=30").json()
    assert told["days"] == 30 and told["rows"] == len(told["dead"])
    assert api.get("/api/flows/echo_test/insight?days=5").status_code == 400


async def test_the_server_answers_what_needs_a_look(flow: Any, hub: Hub) -> None:
    assert [call["state"] for call in (await handle("stuck", {}))["calls"]] == ["Answering"]
    assert (await handle("stuck", {"flow": "other"}))["calls"] == []


def test_the_command_line_lists_them(
    flow: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, hub: Hub
) -> None:
    monkeypatch.setattr(control, "request", lambda *a: {"calls": hub.stuck()})
    assert run("stuck", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["calls"][0]["state"] == "Answering"
    monkeypatch.setattr(control, "request", lambda *a: {"calls": []})
    assert run("stuck") == 0 and "No call needs a look." in capsys.readouterr().out


def test_the_command_line_tells_of_days(flow: Any, capsys: pytest.CaptureFixture[str]) -> None:
    insight._insight.cache_clear()
    assert run("insight", "echo_test") == 0
    told = capsys.readouterr().out
    assert "0 calls in 7 days" in told and "never fired    line" in told
    assert run("insight", "nothing") == 1


def run(*words: str) -> int:
    options = build_parser().parse_args(words)
    return int(options.run(options))
