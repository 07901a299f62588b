import json
from typing import Any

import pytest
from django.test import Client

from designer.models import Flow
from runtime.sink import DatabaseSink
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_sink import SEGMENT, a_call

pytestmark = pytest.mark.django_db

JSON = "application/json"


@pytest.fixture
def api(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def test_flows_and_versions_are_listed(api: Client, flow: Flow) -> None:
    (line,) = api.get("/api/flows").json()
    assert (line["name"], line["status"], line["version"]) == ("echo_test", "undeployed", "v1")
    (version,) = api.get("/api/flows/echo_test/versions").json()
    assert (version["number"], version["author"]) == (1, "alice")


def test_a_flow_is_deployed(api: Client, flow: Flow) -> None:
    assert api.get("/api/flows/echo_test/deploy").status_code == 404
    made = api.post("/api/flows/echo_test/deploy", {}, content_type=JSON).json()
    assert made["version"] == 1 and api.get("/api/flows/echo_test/deploy").json() == made
    refused = api.post("/api/flows/echo_test/deploy", {"version": 9}, content_type=JSON)
    assert refused.status_code == 409 and "no such version" in refused.json()["error"]


def test_routes_are_listed_added_and_removed(api: Client, flow: Flow) -> None:
    for pattern in ("*", "1*"):
        listed = api.post(
            "/api/routes", {"pattern": pattern, "flow": "echo_test"}, content_type=JSON
        ).json()
    assert listed == [
        {"pattern": "1*", "flow": "echo_test"},
        {"pattern": "*", "flow": "echo_test"},
    ]
    left = api.delete("/api/routes", json.dumps({"pattern": "1*"}), content_type=JSON).json()
    assert left == [{"pattern": "*", "flow": "echo_test"}] == api.get("/api/routes").json()


def test_sessions_and_steps_are_read(api: Client) -> None:
    DatabaseSink().store(SEGMENT, a_call("old1"), 0, 9)
    (line,) = api.get("/api/sessions").json()
    assert (line["id"], line["outcome"], line["live"]) == ("old1", "completed", False)
    steps = api.get("/api/sessions/old1/steps").json()
    assert [step["sequence"] for step in steps] == [1, 2, 3]
    assert api.get("/api/sessions/nobody/steps").status_code == 404


def test_a_call_is_placed_and_given_events(api: Client, node: FakeNode) -> None:
    placed = api.post(
        "/api/calls", {"flow": "echo_test", "target": "sip:b@h"}, content_type=JSON
    ).json()
    assert node.placed == [("echo_test", "sip:b@h")]
    url = f"/api/sessions/{placed['session']}/events"
    sent = api.post(url, {"event": "SendDTMF", "fields": {"digits": "1"}}, content_type=JSON)
    assert sent.json() == {"sent": "SendDTMF"}
    assert node.sent == [(placed["session"], "SendDTMF", {"digits": "1"})]


def test_without_a_node_the_answer_is_503(api: Client) -> None:
    answer = api.post("/api/calls", {"flow": "x", "target": "y"}, content_type=JSON)
    assert answer.status_code == 503 and "not running here" in answer.json()["error"]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"flow": 1}', '{"fields": []}', "[" * 100_000, "\x00"]
)
def test_a_body_of_another_shape_is_refused(api: Client, node: FakeNode, body: str) -> None:
    for url in ("/api/calls", "/api/routes", "/api/sessions/x/events"):
        answer = api.post(url, body, content_type=JSON)
        assert answer.status_code in (400, 409), (url, answer.content)
        assert answer.json()["error"]
    assert node.placed == []
