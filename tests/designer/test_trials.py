"""The simulator over the editor's socket: questions and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from designer import services
from designer.models import Flow, Scenario
from designer.simulation.stage import Stage
from designer.trials import run_of_trace
from flows.check import deep
from flows.compile import compile_text
from tests.designer.test_editor_socket import in_database, tab
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db(transaction=True)

CALL = {"roles": ["UAS"], "inputs": [{"event": "IncomingCall"}, {"event": "DialogACK"}]}


@pytest.fixture
def flow(alice: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author=alice).flow


async def test_a_run_of_the_draft_is_played_to_any_place(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        shown = await editor.ask("try", "tried", ask="run", arguments={"run": CALL})
        assert [side["state"] for side in shown["played"]["sides"]] == ["Active"]
        back = await editor.ask("try", "tried", ask="run", arguments={"run": CALL, "at": 1})
        assert back["played"]["sides"][0]["state"] == "Answering" and back["played"]["at"] == 1
        await editor.ask("text", text=ECHO.replace("Active", "Talking"))
        shown = await editor.ask("try", "tried", ask="run", arguments={"run": CALL})
        assert shown["played"]["sides"][0]["state"] == "Talking"


async def test_run_to_a_state_and_follow_a_trace(flow: Flow, alice: Any) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        begin = {"run": {"roles": ["UAS"]}, "state": "Active"}
        found = await editor.ask("try", "tried", ask="reach", arguments=begin)
        assert [given["event"] for given in found["inputs"]] == ["IncomingCall", "DialogACK"]
        nowhere = {"run": {"roles": ["UAC"]}, "state": "Active"}
        refused = await editor.ask("try", "refused", ask="reach", arguments=nowhere)
        assert "No way from here to Active" in refused["message"]
        trace = [{"side": "UAS", "name": "IncomingCall", "fields": {"sdp": "v=0"}}]
        followed = await editor.ask("try", "tried", ask="trace", arguments={"trace": trace})
        assert followed["run"]["roles"] == ["UAS"]


async def test_a_run_is_kept_as_a_test_judged_on_the_draft_opened_and_let_go(
    flow: Flow, alice: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        keep = {"name": "Echo answers", "run": CALL, "description": "At once"}
        kept = await editor.ask("try", "tried", ask="keep", arguments=keep)
        assert [(s["name"], s["holds"]) for s in kept["scenarios"]] == [("Echo answers", True)]
        assert await in_database(lambda: Scenario.objects.get().changed_by) == "alice"
        await editor.ask("text", text=ECHO.replace("StartMediaSession, StartEcho", "StartEcho"))
        again = await editor.ask("try", "tried", ask="scenarios")
        (line,) = again["scenarios"]
        assert not line["holds"] and line["differences"][0]["input"] == 2
        opened = await editor.ask("try", "tried", ask="open", arguments={"name": "Echo answers"})
        assert [given["event"] for given in opened["run"]["inputs"]] == [
            "IncomingCall",
            "DialogACK",
        ]
        file = await editor.ask("try", "tried", ask="file")
        assert file["file"].startswith("flow: echo_test\nscenarios:\n\n- name: Echo answers\n")
        gone = await editor.ask("try", "tried", ask="drop", arguments={"name": "Echo answers"})
        assert gone["scenarios"] == []


@pytest.mark.parametrize(
    "ask, arguments",
    [
        ("nonsense", {}),
        ("run", {"run": {"inputs": [{}]}}),
        ("run", {"run": CALL, "at": 3}),
        ("run", {"run": CALL, "at": "x"}),
        ("trace", {"trace": 3}),
        ("keep", {"name": "", "run": CALL}),
        ("keep", {"name": "n", "run": {}}),
        ("open", {"name": "n"}),
    ],
)
async def test_what_cannot_be_is_refused_in_a_sentence(
    flow: Flow, alice: Any, ask: str, arguments: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        refused = await editor.ask("try", "refused", ask=ask, arguments=arguments)
        assert refused["message"].endswith(".") and "log" not in refused["message"]


async def test_a_broken_draft_is_not_run_and_whoever_only_looks_keeps_nothing(
    flow: Flow, alice: Any, vera: Any
) -> None:
    async with tab(alice) as editor:
        await editor.hear("document")
        await editor.ask("text", text=BROKEN)
        refused = await editor.ask("try", "refused", ask="run", arguments={"run": CALL})
        assert "does not compile" in refused["message"]
    async with tab(vera) as looking:
        await looking.hear("document")
        assert await looking.ask("try", "tried", ask="run", arguments={"run": CALL})
        keep = {"name": "x", "run": CALL}
        assert await looking.ask("try", "refused", ask="keep", arguments=keep)


HOLD = Path(__file__).parents[2] / "state_tables" / "call_with_hold.yaml"


def test_every_trace_of_the_deeper_check_is_what_the_simulator_plays() -> None:
    text = HOLD.read_text("utf-8")
    text = text.replace("actions: [SendBYE, StopMediaSession]", "actions: [SendBYE]", 3)
    lines = [line for line in text.splitlines() if "event: DialogBYE" not in line]
    text = "\n".join(lines).replace("[SendACK, NegotiateSDPAsUAC]", "[NegotiateSDPAsUAC]", 1)
    table = compile_text(text).table
    assert table is not None
    traced = [f for f in deep.examine(text).findings if len(f.trace) > 1]
    assert len(traced) > 10
    played = 0
    for finding in traced:
        trace = [dict(step) for step in finding.trace]
        stage = Stage(table, run_of_trace(trace)).play()
        assert stage.problem is None, (finding.code, stage.problem)
        seen = [t.step for e in stage.entries for _, _, t in e.steps]
        told = [step for step in trace if step["name"]]
        assert [(s.event, s.row, s.to_state) for s in seen][: len(told)] == [
            (step["name"], step["row"], step["after"]) for step in told
        ], finding.code
        played += 1
    assert played
