"""The pages about old calls and the dialogs of one call: what they say, and what their forms do."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from config import cli
from designer.errors import Refused
from designer.models import Flow
from runtime import bridge
from runtime.drain import orders, served
from runtime.models import CallAct, CallOrder, CallPin, DrainPolicy
from tests.runtime.web.contract import ContractClient
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


# -- the API and the commands ----------------------------------------------------------------------


@pytest.fixture
def api(alice: Any, line: Flow) -> Client:
    client = ContractClient()
    client.force_login(alice)
    return client


def post(api: Client, path: str, **body: Any) -> Any:
    return api.post(f"/api/{path}", body, content_type="application/json")


def test_programs_read_and_order_what_pages_do(api: Client, node: FakeNode) -> None:
    begin(node), begin(node, "HoldCall")
    told = api.get("/api/flows/line/old-calls").json()
    assert (told["calls"], told["version"]) == (2, 2)
    assert [each["state"] for each in told["states"]] == ["Active", "OnHold"]
    told = post(api, "flows/line/migration/dry-run", state="OnHold").json()
    assert told["counts"] == {"safe": 1, "needs mapping": 0, "blocked": 0}
    assert told["calls"][0]["target"] == "Held"
    order = post(api, "flows/line/migration", at_most=1, reason=WHY).json()
    assert (order["total"], order["waiting"], order["by"]) == (1, 1, "alice")
    assert api.get("/api/flows/line/orders").json() == [order]
    stopped = post(api, f"flows/line/orders/{order['order']}", act="stop").json()
    assert (stopped["counts"], stopped["calls"][0]["status"]) == ({"stopped": 1}, "stopped")
    assert api.get("/api/flows/line/orders/99").status_code == 404


def test_programs_help_calls_that_are_stuck(api: Client, node: FakeNode) -> None:
    begin(node, "HoldCall")
    body = {"state": "OnHold", "older": 60, "event": "ResumeCall"}
    told = post(api, "flows/line/correction/dry-run", **body).json()
    assert (told["does"], told["counts"]) == ("gives ResumeCall", {"safe": 1, "blocked": 0})
    assert post(api, "flows/line/correction", **body, at_most=1, reason=WHY).json()["total"] == 1
    refused = post(api, "flows/line/correction", **body, at_most=1, reason=" ")
    assert refused.status_code == 409 and "reason" in refused.json()["detail"]


def test_programs_choose_the_deadline(api: Client) -> None:
    assert api.get("/api/flows/line/deadline").json()["act"] == "wait"
    told = post(api, "flows/line/deadline", act="migrate", after_seconds=1800).json()
    assert (told["act"], told["after_seconds"], told["by"]) == ("migrate", 1800, "alice")


def test_programs_act_on_one_call(api: Client, node: FakeNode) -> None:
    call = begin(node)
    path = f"sessions/{call.id}"
    assert post(api, f"{path}/pin", reason=WHY).json() == {"pinned": True}
    assert post(api, f"{path}/move", reason=WHY).status_code == 409
    assert post(api, f"{path}/pin", reason=WHY, off=True).json() == {"pinned": False}
    told = post(api, f"{path}/move", reason=WHY).json()
    assert (told["status"], told["digest"]) == ("moved", call.digest)
    assert post(api, f"{path}/inject", event="HoldCall", reason=WHY).json() == {"sent": "HoldCall"}
    told = post(api, f"{path}/hangup", reason=WHY).json()
    assert (told["how"], told["state"], told["ended"]) == ("row", "Held", True)


def operated(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run a verb as if the server were asked over its socket."""

    def ask(verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert verb == "operate"
        try:
            return served.ACTS[arguments["operation"]](arguments)
        except Refused as refusal:
            return {"error": refusal.message}

    monkeypatch.setattr("runtime.commands._ask", ask)
    return cli.main(list(words))


def test_commands_say_the_same(
    line: Flow, node: FakeNode, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    call = begin(node, "HoldCall")

    def run(*words: str) -> tuple[int, str]:
        code = operated(monkeypatch, *words)
        said = capsys.readouterr()
        return code, said.out + said.err

    assert "1 calls of line do not run v2." in run("old-calls", "line")[1]
    code, said = run("migrate", "line", "--dry-run")
    assert code == 0 and "To v2: 1 safe, 0 needs mapping, 0 blocked." in said
    assert "--at-most" in run("migrate", "line", "--reason", WHY)[1]
    code, said = run("migrate", "line", "--at-most", "5", "--reason", WHY)
    number = CallOrder.objects.get().pk
    assert code == 0 and f"callsmith order {number}" in said
    assert run("order", str(number), "--stop")[0] == 1
    fix = ["correct", "line", "--state", "OnHold", "--event", "ResumeCall", "--older", "1m"]
    assert "gives ResumeCall: 1 safe" in run(*fix, "--dry-run")[1]
    assert run(*fix, "--older", "soon")[0] == 2
    assert "calls are ended politely" in run("deadline", "line", "end", "--after", "30m")[1]
    assert "stays on its version" in run("pin", call.id, "--reason", WHY)[1]
    assert run("move", call.id, "--reason", WHY)[0] == 1
    run("pin", call.id, "--off", "--reason", WHY)
    assert "goes on in Held" in run("move", call.id, "--reason", WHY)[1]
    assert "was given" in run("inject", call.id, "ResumeCall", "--reason", WHY)[1]
    assert "was hung up by row" in run("hangup", call.id, "--reason", WHY)[1]
    assert run("hangup", call.id, "--reason", WHY)[0] == 1


def test_the_state_of_one_call_is_mapped_in_its_dialog(
    page: Client, node: FakeNode, line: Flow
) -> None:
    line.versions.filter(number=2).update(renames=[])
    call = begin(node, "HoldCall")
    said = text(page.get(f"/calls/{call.id}/acts/"))
    assert 'data-testid="migrate-map-2"' in said and "<option selected>Held</option>" in said
    form = {"version": 2, "reason": WHY}
    assert "error" in page.post(f"/calls/{call.id}/migrate/", form, headers=JSON).json()
    told = page.post(f"/calls/{call.id}/migrate/", {**form, "map.2": "Held"}, headers=JSON).json()
    assert (told["status"], told["state"]) == ("moved", "Held")


@pytest.mark.parametrize(
    "query", ["minutes=soon", "to=999999999999", "fix.state=OnHold&fix.event=X"]
)
def test_nonsense_in_the_address_is_said_and_breaks_nothing(
    page: Client, node: FakeNode, query: str
) -> None:
    begin(node, "HoldCall")
    assert "Calls on the old version" in text(page.get(f"/flows/line/old-calls/?{query}"))
