from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from designer.models import Flow, Task
from tests.runtime.web.stage import FakeNode

pytestmark = pytest.mark.django_db(transaction=True)


def test_health_is_200_while_web_runtime_and_journal_work(client: Client, node: FakeNode) -> None:
    answer = client.get("/healthz")
    state = answer.json()
    assert answer.status_code == 200 and state["status"] == "ok"
    assert state["runtime"]["node"] == "node1" and state["journal"]["healthy"]
    assert state["database"]["status"] == state["worker"]["status"] == "ok"


def test_health_is_503_without_a_node(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 503 and answer.json()["runtime"] == {"status": "away"}


def test_health_is_503_when_calls_could_not_be_recorded(client: Client, node: FakeNode) -> None:
    node.journal.healthy = False
    answer = client.get("/healthz")
    assert answer.status_code == 503 and answer.json()["journal"]["reason"] == "the disk is full"


def test_a_worker_that_does_not_come_is_said_and_ends_no_call(
    client: Client, node: FakeNode
) -> None:
    Task.objects.create(kind="check", key="x", created_at=timezone.now() - timedelta(minutes=5))
    answer = client.get("/healthz")
    assert answer.status_code == 200 and answer.json()["status"] == "degraded"
    assert answer.json()["worker"]["status"] == "away"


def test_a_database_that_is_away_is_said_and_ends_no_call(
    client: Client, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.views import health

    class Away:
        vendor = "sqlite"

        def cursor(self) -> Any:
            raise DatabaseError("gone")

    monkeypatch.setattr(health, "connection", Away())
    answer = client.get("/healthz")
    assert answer.status_code == 200 and answer.json()["database"]["status"] == "away"


def test_figures_are_given_to_this_machine_or_to_somebody_logged_in(
    client: Client, node: FakeNode, vera: Any
) -> None:
    shown = client.get("/metrics").content.decode()
    assert "callsmith_up 1.0" in shown and "callsmith_sessions 0.0" in shown
    assert 'callsmith_sessions_ended_total{outcome="completed"} 3.0' in shown
    assert "callsmith_sip_share_of_new_calls 1.0" in shown
    assert 'callsmith_sip_transactions{side="server"} 0.0' in shown
    away = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/metrics", **away).status_code == 403
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="192.0.2.7").status_code == 403
    client.force_login(vera)
    assert client.get("/metrics", **away).status_code == 200


def test_without_a_node_the_figures_say_only_that(client: Client, flow: Flow) -> None:
    shown = client.get("/metrics").content.decode()
    assert "callsmith_up 0.0" in shown and "callsmith_sessions" not in shown


def test_every_counter_of_the_stack_is_a_figure_under_its_name(
    client: Client, node: FakeNode
) -> None:
    node.stack["counters"] = {"malformed": 3, "stray_response": 4}
    node.stack["connections"]["counters"] = {"slow_reader": 2}
    node.stack["guard"]["counters"] = {"too_many": 7}
    shown = client.get("/metrics").content.decode()
    for line in (
        'callsmith_sip_stack_total{name="malformed"} 3.0',
        'callsmith_sip_stack_total{name="stray_response"} 4.0',
        'callsmith_sip_connections_events_total{name="slow_reader"} 2.0',
        'callsmith_sip_guard_total{name="too_many"} 7.0',
    ):
        assert line in shown
