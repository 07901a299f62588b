"""Every page with the real templates: it renders, says what is true, escapes what others wrote."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from designer import selectors, services, tasks
from designer.models import Flow
from flows.compile import compile_text
from flows.semantics import Program
from runtime import bridge, deployments, routes
from runtime.models import Deployment, Session
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_sink import SEGMENT, a_call, step
from tests.web import BROKEN, ECHO

from runtime.sink import DatabaseSink  # isort: skip

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script><!--'\"></textarea></script><img src=x onerror=alert(2)>"


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def boot(html: str, id: str = "boot") -> Any:
    found = re.search(rf'<script id="{id}" type="application/json">(.*?)</script>', html, re.S)
    assert found, f"the page has no {id}"
    return json.loads(found.group(1))


def html(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer.content[:500]
    return answer.content.decode()


def test_the_list_shows_each_flow_with_status_version_and_live_calls(
    page: Client, flow: Flow, node: FakeNode
) -> None:
    node.give(node.begin("echo_test"), "IncomingCall")
    deployments.deploy(version=flow.versions.get(), by_name="cli")
    shown = html(page.get("/"))
    assert "echo_test" in shown and "v1" in shown and "Live" in shown
    answer = page.get("/")
    assert answer.context["flows"][0].live_calls == 1
    assert answer.context["counts"]["live"] == 1


def test_an_empty_list_offers_ways_to_begin(page: Client) -> None:
    assert reverse("flow_new") in html(page.get("/"))


def test_the_editor_page_holds_all_that_the_first_sight_needs(page: Client, flow: Flow) -> None:
    shown = html(page.get("/flows/echo_test/"))
    data = boot(shown)
    assert data["text"] == ECHO and data["dot"].startswith("digraph")
    assert data["ws"] == "/ws/flows/echo_test/edit" and data["picture"]["initial"] == "Idle"
    assert data["can"]["deploy"] and data["base"]["number"] == 1 and data["compiles"]
    assert "Answering" in shown.split("<script id=")[0], "the outline is there before any script"


def test_the_editor_opens_the_draft(page: Client, flow: Flow, alice: Any) -> None:
    services.draft_save(flow=flow, user=alice, text=BROKEN, base=None)
    data = boot(html(page.get("/flows/echo_test/")))
    assert data["text"] == BROKEN and data["dot"] is None and data["findings"]


def test_a_flow_is_made_by_name(page: Client) -> None:
    answer = page.post("/flows/new/", {"name": "support"})
    assert answer.status_code == 302 and answer["Location"] == "/flows/support/"
    assert "support" in html(page.get("/flows/support/"))


def test_a_name_that_is_taken_keeps_what_was_typed(page: Client, flow: Flow) -> None:
    shown = html(page.post("/flows/new/", {"name": "echo_test"}), 422)
    assert "exists already" in shown and 'value="echo_test"' in shown


def test_a_file_is_imported(page: Client) -> None:
    file = io.BytesIO(ECHO.encode())
    file.name = "whatever.yaml"
    answer = page.post("/flows/new/", {"file": file}, follow=True)
    assert "v1" in html(answer) and selectors.flow_named("echo_test") is not None


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * ((1 << 20) + 1)])
def test_a_file_that_cannot_be_kept_is_refused(page: Client, content: bytes) -> None:
    file = io.BytesIO(content)
    file.name = "bad.yaml"
    html(page.post("/flows/new/", {"file": file}), 422)
    assert not Flow.objects.exists()


def test_versions_are_listed_shown_compared_and_restored(page: Client, flow: Flow) -> None:
    services.version_save(flow=flow, text=ECHO + "# two\n", base=1, author_name="bob", message="m")
    listed = html(page.get("/flows/echo_test/versions/"))
    assert "v2" in listed and "bob" in listed
    shown = html(page.get("/flows/echo_test/versions/1/"))
    assert boot(shown)["text"] == ECHO
    compared = html(page.get("/flows/echo_test/compare/1/2/"))
    assert "# two" in compared and "of the class same" in compared
    answer = page.post("/flows/echo_test/versions/1/restore/", follow=True)
    assert "restored as v3" in html(answer)


def test_the_way_to_a_finding_stands_on_the_page_of_its_version(page: Client, flow: Flow) -> None:
    text = ECHO.replace("actions: [CleanupMedia, CleanupDialog]", "actions: [CleanupDialog]")
    made = services.version_save(flow=flow, text=text, base=1, author_name="bob", message="m")
    tasks.work(made.pk, worker="w", clock=timezone.now)
    shown = html(page.get("/flows/echo_test/versions/2/"))
    assert "RES502" in shown and "How it comes about" in shown


@pytest.mark.parametrize(
    "path",
    [
        "/flows/nothing/",
        "/flows/echo_test/versions/9/",
        "/flows/echo_test/versions/99999999999999999999/",
        "/flows/echo_test/compare/1/9/",
        "/flows/echo_test/compare/draft/1/",
        "/flows/nothing/live/",
        "/calls/nobody/",
    ],
)
def test_what_does_not_exist_is_not_found(page: Client, flow: Flow, path: str) -> None:
    html(page.get(path), 404)


def test_deploying_from_a_page_answers_people_and_programs(page: Client, flow: Flow) -> None:
    url = "/flows/echo_test/deploy/"
    assert "take v1" in html(page.post(url, {"version": 1}, follow=True))
    answer = page.post(url, {"version": 1}, headers={"Accept": "application/json"})
    assert answer.json()["digest"] == flow.versions.get().digest
    for data in ({}, {"version": "x"}, {"version": 7}, {"version": 10**30}):
        refused = page.post(url, data, headers={"Accept": "application/json"})
        assert refused.status_code == 409 and refused.json()["error"]
    assert Deployment.objects.count() == 1


def test_deployments_show_who_what_and_what_the_node_says(
    page: Client, flow: Flow, node: FakeNode
) -> None:
    made = deployments.deploy(version=flow.versions.get(), by_name="carla")
    deployments.acknowledge(
        deployment_id=made.pk, node="node1", digest=made.version.digest, milliseconds=3.25
    )
    shown = html(page.get("/deployments/"))
    assert "carla" in shown and "node1" in shown and made.version.digest[:8] in shown


def test_routes_are_added_tried_and_removed(page: Client, flow: Flow) -> None:
    page.post("/routes/add/", {"pattern": "1*", "flow": "echo_test"})
    page.post("/routes/add/", {"pattern": "*", "flow": "echo_test"})
    answer = page.get("/routes/", {"number": "sip:100@host"})
    assert "1*" in html(answer) and answer.context["match"].route.pattern == "1*"
    assert page.get("/routes/", {"number": "200"}).context["match"].passed[0][0].pattern == "1*"
    refused = page.post("/routes/add/", {"pattern": "a b", "flow": "echo_test"}, follow=True)
    assert "cannot be used" in html(refused)
    page.post("/routes/delete/", {"pattern": "1*"})
    assert [route.pattern for route in routes.ordered()] == ["*"]


def test_calls_of_the_record_and_of_the_node_stand_in_one_list(
    page: Client, flow: Flow, node: FakeNode
) -> None:
    DatabaseSink().store(SEGMENT, a_call("old1"), 0, 9)
    session = node.begin("echo_test")
    node.give(session, "IncomingCall")
    answer = page.get("/calls/")
    assert [line["id"] for line in answer.context["calls"]] == [session.id, "old1"]
    assert session.id in html(answer) and "old1" in html(answer)
    for show, ids in [("ended", ["old1"]), ("unhandled", ["old1"]), ("live", [session.id])]:
        listed = page.get("/calls/", {"show": show}).context["calls"]
        assert [line["id"] for line in listed] == ids, show


def test_sorting_takes_no_word_from_outside(page: Client) -> None:
    DatabaseSink().store(SEGMENT, a_call("old1"), 0, 9)
    for sort in ("id; DROP TABLE x", "-password", "session__secret", "steps", "\x00"):
        answer = page.get("/calls/", {"sort": sort, "q": "%' OR 1=1 --", "page": "x", "show": "?"})
        html(answer)
    assert Session.objects.exists()


def test_one_call_is_shown_with_its_steps_and_its_wire(
    page: Client, flow: Flow, node: FakeNode
) -> None:
    version = flow.versions.get()
    records = [step("old1", 1, "IncomingCall", version=version.digest), *a_call("old1")[1:]]
    DatabaseSink().store(SEGMENT, records, 0, 9)
    data = boot(html(page.get("/calls/old1/")))
    steps, items = data["ladder"]["steps"], data["ladder"]["items"]
    assert steps[0]["event"] == "IncomingCall" and steps[0]["line"]
    assert items[0]["label"] == "INVITE" and items[0]["steps"] == ["A1"]
    assert data["drawings"][version.digest]["text"] == ECHO
    assert data["session"]["outcome"] == "completed" and data["possible"] == []


def test_a_living_call_offers_what_may_be_sent_and_takes_it(
    page: Client, flow: Flow, node: FakeNode
) -> None:
    session = node.begin("echo_test")
    node.give(session, "IncomingCall")
    node.give(session, "DialogACK")
    data = boot(html(page.get(f"/calls/{session.id}/")))
    assert "HangupCall" in [offer["event"] for offer in data["possible"]]
    page.post(f"/calls/{session.id}/send/", {"event": "SendDTMF", "digits": "12"})
    assert node.sent == [(session.id, "SendDTMF", {"digits": "12"})]
    refused = page.post(f"/calls/{session.id}/send/", {"event": "DialogBYE"}, follow=True)
    assert "not sent" in html(refused)


def test_a_call_is_placed_from_the_page(page: Client, flow: Flow, node: FakeNode) -> None:
    answer = page.post("/calls/place/", {"flow": "echo_test", "target": "sip:b@127.0.0.1:5999"})
    assert answer.status_code == 302 and answer["Location"] == "/calls/node1-7-1/"
    assert node.placed == [("echo_test", "sip:b@127.0.0.1:5999")]
    for target in ("", "a b", "x\r\nVia: y", "é" * 600):
        refused = page.post("/calls/place/", {"flow": "echo_test", "target": target}, follow=True)
        assert "Whom to call" in html(refused)
    refused = page.post("/calls/place/", {"flow": "other", "target": "100"}, follow=True)
    assert "no version of other is deployed" in html(refused)
    assert len(node.placed) == 1


def test_a_session_that_is_no_call_is_begun_from_the_page(
    page: Client, flow: Flow, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "begin-open" not in html(page.get("/calls/"))
    text = (Path(__file__).parents[3] / "state_tables" / "message_out.yaml").read_text("utf-8")
    compiled = compile_text(text)
    assert compiled.table is not None
    node.programs["echo_test"] = Program(compiled.table)
    assert "echo_test: SendMessage" in html(page.get("/calls/"))
    fields = html(page.get("/calls/begin/fields/", {"what": "echo_test SendMessage"}))
    assert all(f'name="{name}"' in fields for name in ("target", "body", "content_type"))
    assert 'name="' not in html(page.get("/calls/begin/fields/", {"what": "echo_test DialogBYE"}))
    asked: list[tuple[str, dict[str, object]]] = []

    def ask(name: str, verb: str, arguments: dict[str, object]) -> dict[str, object]:
        asked.append((verb, arguments))
        return {"session": "node1-7-1"}

    monkeypatch.setattr(bridge, "ask_node_sync", ask)
    given = {
        "what": "echo_test SendMessage",
        "target": "sip:b@h",
        "body": "Lunch?",
        "content_type": "",
    }
    answer = page.post("/calls/begin/", {**given, "content_type": ""})
    assert answer.status_code == 302 and answer["Location"] == "/calls/node1-7-1/"
    wanted = {"target": "sip:b@h", "body": "Lunch?"}
    assert asked == [("begin", {"flow": "echo_test", "event": "SendMessage", "fields": wanted})]


def test_without_a_node_the_page_says_so(page: Client, flow: Flow) -> None:
    answer = page.post("/calls/place/", {"flow": "echo_test", "target": "100"}, follow=True)
    assert "The node is not running here" in html(answer)


def test_the_live_page_shows_the_picture_that_runs(page: Client, flow: Flow) -> None:
    deployments.deploy(version=flow.versions.get(), by_name="cli")
    services.version_save(flow=flow, text=ECHO + "# two\n", base=1, author_name="a")
    data = boot(html(page.get("/flows/echo_test/live/")))
    assert data["deployed"]["number"] == 1 and data["digest"] == flow.versions.last().digest
    assert data["ws"] == "/ws/flows/echo_test/live" and len(data["versions"]) == 2


def test_what_others_wrote_is_text_on_every_page(
    page: Client, flow: Flow, node: FakeNode, alice: Any
) -> None:
    evil = ECHO.replace("Answers every call at once", json.dumps(EVIL)[1:-1]).replace(
        "description: " + json.dumps(EVIL)[1:-1], "description: >\n  " + EVIL
    )
    services.version_save(
        flow=flow, text=evil, base=1, author_name=EVIL[:150], message=EVIL, author=None
    )
    services.draft_save(flow=flow, user=alice, text=evil + "\n# " + EVIL, base=None)
    made = deployments.deploy(version=flow.versions.get(number=1), by_name=EVIL, reason=EVIL)
    deployments.acknowledge(deployment_id=made.pk, node=EVIL[:60], digest="x", error=EVIL)
    routes.route_add(pattern="<script>alert(1)</script>", flow=flow)
    DatabaseSink().store(
        SEGMENT,
        [
            step(
                "old1",
                1,
                EVIL,
                fields={"from": EVIL, "to": EVIL, "user_agent": EVIL},
                to_state=EVIL,
                row_id=EVIL,
                version=flow.versions.get(number=2).digest,
            ),
            *a_call("old1")[2:],
        ],
        0,
        9,
    )
    live = node.begin("echo_test")
    live.caller = live.callee = EVIL
    for path in (
        "/",
        "/flows/echo_test/",
        "/flows/echo_test/versions/",
        "/flows/echo_test/versions/2/",
        "/flows/echo_test/compare/1/2/",
        "/flows/echo_test/compare/draft/2/",
        "/flows/echo_test/live/",
        "/deployments/",
        "/routes/?number=" + EVIL,
        "/calls/?q=" + EVIL,
        "/calls/",
        "/calls/old1/",
        f"/calls/{live.id}/",
        "/flows/new/?name=" + EVIL,
    ):
        shown = html(page.get(path))
        assert "<script>alert" not in shown and "<img src=x" not in shown, path


def test_figures_and_pages_forbid_inline_scripts(page: Client, flow: Flow) -> None:
    answer = page.get("/flows/echo_test/")
    policy = answer["Content-Security-Policy"]
    assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy
    assert not re.search(r"\son\w+=", html(answer).split("<script id=")[0])
    assert answer["X-Frame-Options"] == "DENY"


def test_every_page_says_when_calls_cannot_be_recorded(
    page: Client, flow: Flow, node: FakeNode
) -> None:
    assert 'data-testid="trouble"' not in html(page.get("/"))
    node.journal.healthy = False
    node.journal.reason = "the journal can not be written: No space left on device"
    for path in ("/", "/flows/echo_test/", "/calls/", "/deployments/"):
        shown = html(page.get(path))
        assert "New calls are refused: they could not be recorded." in shown
        assert "No space left on device" in shown
