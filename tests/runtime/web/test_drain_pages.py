"""The pages about old calls and the dialogs of one call: what they say, and what their forms do."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from designer.models import Flow
from runtime.drain import orders
from runtime.models import CallAct, CallOrder, CallPin, DrainPolicy
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_drain import LINE, WHY, begin, line, second

pytestmark = pytest.mark.django_db
__all__ = ["line"]
JSON = {"Accept": "application/json"}


@pytest.fixture
def page(client: Client, alice: Any, line: Flow) -> Client:
    client.force_login(alice)
    return client


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return " ".join(answer.content.decode().split())


def test_the_part_for_other_pages_says_who_stays_and_for_how_long(
    page: Client, node: FakeNode
) -> None:
    begin(node), begin(node, "HoldCall")
    said = text(page.get("/flows/line/drain/"))
    assert '<span data-testid="old-count">2</span> calls stay on v1' in said
    assert "within 50 min, timer armed" in said and "no timer armed" in said
    assert "/flows/line/old-calls/#migration" in said
    assert "Calls stay on their version until they end." in said


def test_it_says_so_when_nobody_is_left_and_when_the_node_is_away(
    page: Client, node: FakeNode
) -> None:
    assert "No call runs another version than v2" in text(page.get("/flows/line/drain/"))
    begin(node)
    said = text(page.get("/flows/line/drain/?version=1"))
    assert "No call runs another version than v1" in said
    from runtime import bridge

    bridge.set_node(None)
    assert "The node is not running here" in text(page.get("/flows/line/drain/"))
    assert "The node is not running here" in text(page.get("/flows/line/old-calls/"))


def test_the_versions_page_carries_it(page: Client) -> None:
    assert 'hx-get="/flows/line/drain/"' in text(page.get("/flows/line/versions/"))


def test_a_dry_run_is_shown_and_applied_with_a_limit(page: Client, node: FakeNode) -> None:
    begin(node), begin(node, "HoldCall")
    said = text(page.get("/flows/line/old-calls/"))
    assert '<b data-testid="count-safe">2</b>' in said
    assert "Held (renamed)" in said
    answer = page.post(
        "/flows/line/old-calls/migrate/", {"version": 2, "at_most": 1, "reason": WHY}
    )
    order = CallOrder.objects.get()
    assert answer["Location"] == f"/flows/line/orders/{order.pk}/"
    assert order.acts.count() == 1
    said = text(page.get(answer["Location"]))
    assert "0 of 1 settled" in said and WHY in said and 'hx-trigger="load delay:1s"' in said


def test_a_mapping_is_carried_from_the_check_to_the_order(
    page: Client, node: FakeNode, line: Flow
) -> None:
    line.versions.filter(number=2).update(renames=[])
    begin(node, "HoldCall")
    said = text(page.get("/flows/line/old-calls/"))
    assert '<b data-testid="count-mapping">1</b>' in said and "Held (alike)" in said
    said = text(page.get("/flows/line/old-calls/?to=2&map.OnHold=Held"))
    assert '<input type="hidden" name="map.OnHold" value="Held">' in said
    page.post(
        "/flows/line/old-calls/migrate/",
        {"version": 2, "at_most": 1, "reason": WHY, "map.OnHold": "Held"},
    )
    (ways,) = CallOrder.objects.get().ways.values()
    assert ways["UAS"]["OnHold"] == "Held"


def test_stuck_calls_are_counted_before_they_are_helped(page: Client, node: FakeNode) -> None:
    begin(node, "HoldCall")
    query = "fix.state=OnHold&fix.minutes=5&fix.event=ResumeCall"
    said = text(page.get(f"/flows/line/old-calls/?{query}"))
    assert "<b>1</b> of 1 call: gives ResumeCall." in said
    assert not CallOrder.objects.exists()
    form = {"fix.state": "OnHold", "fix.minutes": "5", "fix.event": "ResumeCall", "at_most": 1}
    page.post("/flows/line/old-calls/correct/", {**form, "reason": WHY})
    assert CallOrder.objects.get().event == "ResumeCall"


def test_an_order_is_stopped(page: Client, node: FakeNode, line: Flow) -> None:
    begin(node)
    order = orders.migrate(flow=line, version=second(line), reason=WHY, most=9, now=time.time())
    assert page.post(f"/flows/line/orders/{order.pk}/stop/").status_code == 302
    assert CallAct.objects.get().status == "stopped"
    said = text(page.get(f"/flows/line/orders/{order.pk}/", headers={"HX-Request": "true"}))
    assert "Stopped by alice" in said and "<html" not in said
    told = page.get(f"/flows/line/orders/{order.pk}/", headers=JSON).json()
    assert told["counts"] == {"stopped": 1} and len(told["calls"]) == 1
    assert page.get("/flows/line/orders/999/").status_code == 404


def test_the_deadline_is_chosen(page: Client, line: Flow) -> None:
    page.post("/flows/line/drain/policy/", {"act": "end", "minutes": "90", "reason": "a rule"})
    made = DrainPolicy.objects.get()
    assert (made.act, made.after_seconds, made.by_name) == ("end", 5400, "alice")
    said = text(page.get("/flows/line/old-calls/"))
    assert "1 h 30 min after their version was replaced, calls are ended politely." in said


def test_each_act_on_a_call_has_a_dialog_that_asks_for_a_reason(
    page: Client, node: FakeNode
) -> None:
    call = begin(node, "HoldCall")
    said = text(page.get(f"/calls/{call.id}/acts/"))
    for part in ("migrate-dialog", "hangup-dialog", "inject-dialog", "pin-dialog"):
        assert f'data-testid="{part}"' in said
    assert "Move to v2…" in said and "goes on in Held" in said
    assert "has no row for HangupCall: the call is ended by force" in said
    assert said.count("required maxlength") == 4
    assert page.get("/calls/nobody/acts/").content.strip() == b""


def test_what_a_person_may_not_do_is_not_offered(
    client: Client, vera: Any, node: FakeNode, line: Flow
) -> None:
    client.force_login(vera)
    call = begin(node)
    assert "dialog" not in text(client.get(f"/calls/{call.id}/acts/"))
    assert "Move calls to" not in text(client.get("/flows/line/old-calls/"))


def test_acts_on_a_call_answer_programs_with_what_was_done(page: Client, node: FakeNode) -> None:
    call = begin(node)

    def act(name: str, **data: Any) -> Any:
        answer = page.post(f"/calls/{call.id}/{name}/", {"reason": WHY, **data}, headers=JSON)
        return answer.json()

    assert act("pin") == {"pinned": True}
    assert CallPin.objects.get().by_name == "alice"
    assert "pinned by alice" in act("migrate", version=2)["error"]
    assert act("pin", off="1") == {"pinned": False}
    assert act("inject", event="HoldCall") == {"sent": "HoldCall"}
    assert act("migrate", version=2)["state"] == "Held"
    assert "needed" in act("hangup", reason="")["error"]
    assert act("hangup")["how"] == "row"
    assert "no session" in act("hangup")["error"]
    assert LINE
