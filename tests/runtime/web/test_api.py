import json
from functools import partial
from typing import Any

import pytest
from django.test import Client

from designer.models import Flow, Scenario
from designer.scenario_files import write_scenarios
from designer.scenarios import record
from designer.simulation import read_run
from flows.compile import compile_text
from runtime import nodes
from runtime.sink import DatabaseSink
from tests.runtime.web.contract import ContractClient
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_sink import SEGMENT, a_call
from tests.web import BROKEN, ECHO, LEAKING, person

pytestmark = pytest.mark.django_db

JSON = "application/json"


@pytest.fixture
def api(alice: Any) -> Client:
    client = ContractClient()
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
    assert refused.status_code == 409 and "no such version" in refused.json()["detail"]


def test_routes_are_listed_added_and_removed(api: Client, flow: Flow) -> None:
    for pattern in ("*", "1*"):
        listed = api.post(
            "/api/routes", {"pattern": pattern, "flow": "echo_test"}, content_type=JSON
        ).json()
    assert [(each["pattern"], each["flow"], each["when"]) for each in listed] == [
        ("1*", "echo_test", {}),
        ("*", "echo_test", {}),
    ]
    left = api.delete("/api/routes", json.dumps({"pattern": "1*"}), content_type=JSON).json()
    assert left == listed[1:] == api.get("/api/routes").json()


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
    assert answer.status_code == 503 and "not running here" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"flow": 1}', '{"fields": []}', "[" * 100_000, "\x00"]
)
def test_a_body_of_another_shape_is_refused(api: Client, node: FakeNode, body: str) -> None:
    for url in ("/api/calls", "/api/routes", "/api/sessions/x/events"):
        answer = api.post(url, body, content_type=JSON)
        assert answer.status_code in (400, 409, 413), (url, answer.content)
        assert answer.json()["detail"]
    assert node.placed == []


# -- flows and versions ----------------------------------------------------------------------------


def post(api: Client, url: str, **sent: Any) -> Any:
    return api.post(url, sent, content_type=JSON)


def test_a_flow_is_made_with_its_first_version_or_with_a_draft(api: Client) -> None:
    made = post(api, "/api/flows", name="echo_test", text=ECHO)
    assert made.status_code == 201 and made.json()["version"] == "v1"
    assert post(api, "/api/flows", name="begun").json()["status"] == "draft"
    assert api.get("/api/flows/echo_test").json() == made.json()
    assert post(api, "/api/flows", name="begun").status_code == 409
    assert post(api, "/api/flows", name="a/b").status_code == 409
    assert api.get("/api/flows/nothing").status_code == 404


def test_a_first_version_needs_the_permission_to_save(client: Client, db: Any) -> None:
    client.force_login(person("maker", ["designer.add_flow"]))
    assert post(client, "/api/flows", name="one", text=ECHO).status_code == 403
    assert not Flow.objects.exists()
    assert post(client, "/api/flows", name="one").status_code == 201


def test_a_version_is_read_with_its_text_and_findings(api: Client, flow: Flow) -> None:
    told = api.get("/api/flows/echo_test/versions/1").json()
    assert (told["text"], told["parent"], told["origin"]) == (ECHO, None, "import")
    assert told["digest"] == flow.versions.get().digest and told["findings"] == []
    assert api.get("/api/flows/echo_test/versions/2").status_code == 404
    assert api.get(f"/api/flows/echo_test/versions/{2**40}").status_code == 404


def test_a_save_names_its_base_and_is_told_the_newest_when_it_is_stale(
    api: Client, flow: Flow
) -> None:
    url = "/api/flows/echo_test/versions"
    saved = post(api, url, text=ECHO + "# two\n", base=1, message="two")
    assert saved.status_code == 201
    assert (saved.json()["number"], saved.json()["parent"], saved.json()["author"]) == (
        2,
        1,
        "alice",
    )
    stale = post(api, url, text=ECHO + "# other\n", base=1)
    assert stale.status_code == 409 and stale["Content-Type"] == "application/problem+json"
    assert stale.json()["newest"] == saved.json() and "v2" in stale.json()["detail"]
    assert post(api, url, text=ECHO).status_code == 400
    assert flow.versions.count() == 2


def test_a_flow_without_a_version_has_no_base(api: Client) -> None:
    post(api, "/api/flows", name="begun")
    url = "/api/flows/begun/versions"
    assert post(api, url, text=ECHO, base=1).status_code == 409
    assert post(api, url, text=ECHO, base=None).json()["number"] == 1


def test_an_older_version_is_restored(api: Client, flow: Flow) -> None:
    assert post(api, "/api/flows/echo_test/versions/1/restore").status_code == 409
    post(api, "/api/flows/echo_test/versions", text=ECHO + "# two\n", base=1)
    made = post(api, "/api/flows/echo_test/versions/1/restore")
    assert made.status_code == 201 and made.json()["number"] == 3
    assert (made.json()["text"], made.json()["origin"]) == (ECHO, "restore")


def test_a_text_is_checked_and_nothing_is_kept(api: Client) -> None:
    told = post(api, "/api/check", text=ECHO.replace("StartEcho", "StartEchoo")).json()
    assert told["errors"] and told["findings"][0]["line"] > 0
    assert not post(api, "/api/check", text=BROKEN).json()["compiles"]
    assert post(api, "/api/check", text="a\x00b").status_code == 409
    assert not Flow.objects.exists()


def test_sizes_are_limited(api: Client, flow: Flow) -> None:
    assert post(api, "/api/check", text="# x\n" * (300 << 10)).status_code == 400
    assert post(api, "/api/check", text="x" * (3 << 20)).status_code == 413
    assert post(api, "/api/routes", pattern="1" * (70 << 10), flow="echo_test").status_code == 413
    assert post(api, "/api/routes", pattern="1" * 200, flow="echo_test").status_code == 400


# -- pages and filters -----------------------------------------------------------------------------


def test_a_list_has_pages_that_name_each_other(api: Client, flow: Flow) -> None:
    for number in (1, 2):
        post(api, "/api/flows/echo_test/versions", text=f"{ECHO}# {number}\n", base=number)
    first = api.get("/api/flows/echo_test/versions?size=2")
    assert [each["number"] for each in first.json()] == [3, 2]
    assert first["X-Total-Count"] == "3"
    assert '</api/flows/echo_test/versions?size=2&page=2>; rel="next"' in first["Link"]
    second = api.get("/api/flows/echo_test/versions?size=2&page=2")
    assert [each["number"] for each in second.json()] == [1] and "next" not in second["Link"]
    assert api.get("/api/flows/echo_test/versions?page=9").json() == []


def test_sessions_are_filtered_and_paged(api: Client) -> None:
    records = [each for name in ("one", "two", "three") for each in a_call(name)]
    DatabaseSink().store(SEGMENT, records, 0, 9)
    assert [s["id"] for s in api.get("/api/sessions?q=tw").json()] == ["two"]
    page = api.get("/api/sessions?size=2&page=2&show=ended")
    assert len(page.json()) == 1 and page["X-Total-Count"] == "3"
    assert api.get("/api/sessions?page=7").json() == []


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "size=201", "show=everything", "colour=red", "page=" + "9" * 99]
)
def test_a_query_of_another_shape_is_refused(api: Client, query: str) -> None:
    assert api.get(f"/api/sessions?{query}").status_code == 400
    assert api.get(f"/api/routes?{query}").status_code == 400


# -- what runs -------------------------------------------------------------------------------------


def test_a_deployment_is_rolled_back_and_its_history_kept(api: Client, flow: Flow) -> None:
    url = "/api/flows/echo_test/rollback"
    assert "not deployed" in post(api, url).json()["detail"]
    post(api, "/api/flows/echo_test/deploy")
    assert "ever deployed" in post(api, url).json()["detail"]
    post(api, "/api/flows/echo_test/versions", text=ECHO + "# two\n", base=1)
    post(api, "/api/flows/echo_test/deploy")
    assert post(api, url, reason="it crackles").json()["version"] == 1
    history = api.get("/api/deployments?flow=echo_test").json()
    assert [each["version"] for each in history] == [1, 2, 1]
    assert history[0]["reason"] == "it crackles" and history[0]["superseded_at"] is None
    assert api.get("/api/deployments?flow=other").json() == []


def test_a_number_is_tried_on_the_routes(api: Client, flow: Flow) -> None:
    post(api, "/api/routes", pattern="1*", flow="echo_test")
    post(api, "/api/routes", pattern="22", flow="echo_test")
    told = api.get("/api/routes/test?number=sip:100@x").json()
    assert told["number"] == "100" and told["route"]["pattern"] == "1*"
    assert [each["pattern"] for each in told["passed"]] == ["22"] and not told["deployed"]
    assert told["passed"][0]["why"] == "the number is not 22"
    assert api.get("/api/routes/test?number=9").json()["route"] is None
    assert api.get("/api/routes/test").status_code == 400


def test_a_route_is_removed_by_the_query_too(api: Client, flow: Flow) -> None:
    post(api, "/api/routes", pattern="1*", flow="echo_test")
    assert api.delete("/api/routes?pattern=1*").json() == []
    assert api.delete("/api/routes?pattern=1*").status_code == 409


def test_one_session_and_its_messages_are_read(api: Client) -> None:
    DatabaseSink().store(SEGMENT, a_call("old1"), 0, 9)
    assert api.get("/api/sessions/old1").json()["outcome"] == "completed"
    (message,) = api.get("/api/sessions/old1/wire").json()
    assert message["data"].startswith("INVITE")
    for rest in ("", "/wire"):
        assert api.get(f"/api/sessions/nobody{rest}").status_code == 404


def test_a_living_session_is_read_of_the_node(api: Client, node: FakeNode) -> None:
    session = node.begin("echo_test")
    node.give(session, "IncomingCall")
    told = api.get(f"/api/sessions/{session.id}").json()
    assert told["live"] and told["steps"] == 1 and told["ended"] is None
    assert api.get("/api/sessions").json() == [told]


def test_nodes_say_how_they_do_and_are_taken_out_of_the_calls(api: Client, flow: Flow) -> None:
    assert api.get("/api/nodes").json() == []
    nodes.claim("edge-1", "folder")
    nodes.beat("edge-1", "folder", 1, {"sessions": 3})
    (told,) = api.get("/api/nodes").json()
    assert (told["node"], told["state"], told["sessions"]) == ("edge-1", "ready", 3)
    assert api.get("/api/nodes/edge-1").json()["epoch"] == 1
    assert api.get("/api/nodes/edge-2").status_code == 404
    drain = partial(api.post, "/api/nodes/edge-1/drain", content_type="application/json")
    assert drain({}).status_code == 409
    assert drain({"reason": "a new disk"}).json()["drain_reason"] == "a new disk"
    again = api.post("/api/nodes/edge-1/undrain", {}, content_type="application/json")
    assert again.json()["drained_by"] == ""
    assert api.delete("/api/nodes/edge-1").status_code == 409
    nodes.stopped("edge-1", "folder", 1)
    assert api.delete("/api/nodes/edge-1").json() == []


def test_scenarios_are_listed_and_played_on_a_version(api: Client, flow: Flow) -> None:
    assert post(api, "/api/flows/echo_test/scenarios/run").json()["holds"]
    text = write_scenarios("echo_test", [record(table(ECHO), read_run(RUN), "Answers")])
    Scenario.objects.create(flow=flow, name="Answers", text=text, changed_by="alice")
    (line,) = api.get("/api/flows/echo_test/scenarios").json()
    assert (line["name"], line["inputs"], line["by"]) == ("Answers", 1, "alice")
    played = post(api, "/api/flows/echo_test/scenarios/run", version=1).json()
    assert played["holds"] and played["fired"] and played["scenarios"][0]["steps"] > 0
    worse = ECHO.replace("SendOK", "SendBusyHere") if "SendOK" in ECHO else LEAKING
    post(api, "/api/flows/echo_test/versions", text=worse, base=1)
    assert post(api, "/api/flows/echo_test/scenarios/run").json()["version"] == 2
    assert post(api, "/api/flows/echo_test/scenarios/run", version=9).status_code == 404
    post(api, "/api/flows/echo_test/versions", text=BROKEN, base=2)
    assert post(api, "/api/flows/echo_test/scenarios/run").status_code == 409


RUN = {"roles": ["UAS"], "inputs": [{"event": "IncomingCall", "fields": {}}]}


def table(text: str) -> Any:
    made = compile_text(text).table
    assert made is not None
    return made


def test_another_method_and_another_address_are_refused_in_the_same_words(api: Client) -> None:
    refused = api.put("/api/flows", {}, content_type=JSON)
    assert refused.status_code == 405 and refused["Allow"] == "GET, HEAD, POST"
    assert refused.json()["title"] == "Method Not Allowed"
    assert api.get("/api/nothing/here").json()["status"] == 404
    assert api.head("/api/flows").status_code == 200


def test_a_fault_of_ours_is_a_problem_document_too_and_stands_in_the_log(
    client: Client, alice: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("designer.selectors.flow_lines", broken)
    client.force_login(alice)
    answer = client.get("/api/flows")
    assert answer.status_code == 500 and answer["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.content.decode() and "a secret of the inside" in caplog.text
