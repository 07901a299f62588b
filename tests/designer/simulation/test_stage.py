"""Runs played on the shipped tables: what is decided, what is sent, what is held."""

from pathlib import Path
from typing import Any

import pytest

from designer.simulation import BadRun, played, read_run
from designer.simulation.ahead import Goal, way_to
from designer.simulation.run import MOST_INPUTS, Input, Run
from flows.check import examine
from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.step import Event

FOLDER = Path(__file__).parents[3] / "state_tables"
TABLES = {path.stem: examine(path.read_text("utf-8")) for path in FOLDER.glob("*.yaml")}
CALLED = [{"event": "MakeCall"}, {"event": "Dialog180Ringing"}, {"event": "Dialog200OK"}]


def play(flow: str, inputs: list[Any], roles: list[str] | None = None, **more: Any) -> Any:
    run = read_run({"roles": roles or ["UAC"], "inputs": inputs, **more})
    return played(TABLES[flow], run)


def steps(shown: Any) -> list[Any]:
    return [step for entry in shown["entries"] for step in entry["steps"]]


def choice(shown: Any, event: str, side: str = "UAC") -> Any:
    return next(c for c in shown["choices"] if (c["event"], c["side"]) == (event, side))


def test_a_call_shows_steps_messages_values_resources_and_what_is_owed():
    shown = play("basic_call", CALLED)
    assert [step["to"] for step in steps(shown)] == ["Initiating", "Ringing", "Active"]
    assert [(m["from"], m["label"]) for m in shown["ladder"]] == [
        ("UAC", "INVITE (sendrecv)"),
        ("peer", "180 to INVITE"),
        ("peer", "200 to INVITE (sendrecv)"),
        ("UAC", "ACK"),
    ]
    (side,) = shown["sides"]
    assert side["held"] == ["dialog", "media"] and side["owes"] == []
    assert steps(shown)[-1]["published"] == ["CallEstablished"]
    assert steps(shown)[-1]["changed"]["DialogEstablished"] is True
    earlier = played(TABLES["basic_call"], read_run({"inputs": CALLED}), 2)
    assert earlier["sides"][0]["owes"] == ["Our INVITE waits for its final answer"]


def test_the_steps_are_those_of_the_production_executor():
    table = TABLES["basic_call"].table
    assert table is not None
    shown = play("basic_call", [*CALLED, {"event": "HangupCall"}])
    machine = Machine(Program(table), "s", "UAC", 0.0)
    for step in steps(shown):
        own = machine.receive(Event(step["event"], dict(step["fields"])), 0.0)
        assert (own.row, own.to_state, list(own.published)) == (
            *(step["row"], step["to"], step["published"]),
        )


def test_the_same_run_is_always_shown_the_same_and_a_step_back_is_the_run_without_its_last_input():
    run = read_run({"inputs": [*CALLED, {"event": "HangupCall"}]})
    assert played(TABLES["basic_call"], run) == played(TABLES["basic_call"], run)
    shorter = read_run({"inputs": CALLED})
    assert played(TABLES["basic_call"], run, 3) == played(TABLES["basic_call"], shorter)


def test_the_clock_is_virtual_and_stops_at_each_timer():
    shown = play("echo_test", [{"event": "IncomingCall"}, {"event": "DialogACK"}], ["UAS"])
    assert shown["sides"][0]["left"] == 60.0
    later = play(
        "echo_test", [{"event": "IncomingCall"}, {"event": "DialogACK"}, {"wait": 59}], ["UAS"]
    )
    assert later["entries"][-1]["note"] == "no timer fired" and later["sides"][0]["left"] == 1.0
    due = play(
        "echo_test", [{"event": "IncomingCall"}, {"event": "DialogACK"}, {"due": True}], ["UAS"]
    )
    assert steps(due)[-1]["event"] == "after" and due["now"] == 60.0
    assert due["ladder"][-1]["label"] == "BYE"


def test_a_failing_action_stops_the_row_withholds_its_events_and_is_answered_by_its_own_row():
    fails = {"action": "GenerateLocalSDP", "reason": "no common codec"}
    shown = play("echo_test", [{"event": "IncomingCall", "fails": fails}], ["UAS"])
    first, second = steps(shown)
    assert [a["done"] for a in first["actions"]][-2:] == ["failed", "not reached"]
    assert first["published"] == [] and first["withheld"] == ["SessionCreated", "IncomingCall"]
    assert second["event"] == "ActionFailed" and second["fields"]["reason"] == "no common codec"
    assert second["to"] == "Failed" and shown["ladder"][-1]["label"] == "488 to INVITE"
    assert shown["sides"][0]["outcome"] == "failed" and shown["sides"][0]["held"] == []


def test_an_unhandled_event_says_what_the_runtime_answers():
    begin = read_run({"roles": ["UAS"]})
    offered = choice(played(examine(GUARDED), begin), "IncomingCall", "UAS")
    assert (offered["verdict"], offered["answer"], offered["ends"]) == ("unhandled", 480, True)
    call = read_run({"roles": ["UAS"], "inputs": [{"event": "IncomingCall"}]})
    shown = played(examine(GUARDED), call)
    last = steps(shown)[-1]
    assert last["kind"] == "unhandled" and last["answer"] == 480 and last["ended"]
    assert shown["ladder"][-1]["label"] == "480 to INVITE"
    assert last["notes"] == ["The runtime ends the call politely and gives back what is held."]


def test_an_event_that_can_not_come_now_can_be_given_all_the_same():
    shown = play("basic_call", [{"event": "DialogBYE"}])
    last = steps(shown)[-1]
    assert last["kind"] == "unhandled" and last["ended"] and last["outcome"] == "completed"
    assert play("basic_call", [{"event": "DialogBYE"}, {"event": "MakeCall"}])["problem"] == {
        "input": 1,
        "message": "The UAC has ended and takes no MakeCall.",
    }


GUARDED = """
callflow: 1
states: {Idle: {initial: true}, A: {}, B: {}, Terminated: {final: true}}
variables: {tries: 0}
transitions:
- {from_state: Idle, role: UAC, event: MakeCall, guards: ["tries > 1"], next_state: A}
- {from_state: Idle, role: UAC, event: MakeCall, guards: [MediaReady], next_state: B}
"""


def test_a_disabled_event_names_the_guard_that_blocks_it_and_its_values():
    shown = played(examine(GUARDED), read_run({}))
    blocked = choice(shown, "MakeCall")
    assert blocked["verdict"] == "blocked"
    assert [(g["text"], g["holds"], g["reads"]) for t in blocked["tried"] for g in t["guards"]] == [
        ("tries > 1", False, {"tries": 0}),
        ("MediaReady", False, {"MediaReady": False}),
    ]
    assert shown["sides"][0]["guards"] == ["tries > 1", "MediaReady"]


def test_guards_are_mocked_and_conditions_put_by_hand():
    compiled, call = examine(GUARDED), {"event": "MakeCall"}
    mocked = played(compiled, read_run({"mocks": {"tries > 1": True}, "inputs": [call]}))
    assert steps(mocked)[-1]["to"] == "A"
    put = played(compiled, read_run({"inputs": [{"set": {"MediaReady": True}}, call]}))
    assert steps(put)[-1]["to"] == "B" and put["entries"][0]["note"] == "MediaReady = true"
    unknown = played(compiled, read_run({"inputs": [{"set": {"Nonsense": True}}]}))
    assert unknown["problem"]["message"] == "There is no condition or variable Nonsense."


def test_both_sides_are_joined_by_messages_that_a_person_delivers_loses_and_reorders():
    call = [{"side": "UAC", "event": "MakeCall"}]
    shown = play("basic_call", call, ["UAC", "UAS"])
    assert [m["fate"] for m in shown["ladder"]] == ["underway"]
    assert not [c for c in shown["choices"] if c["group"] == "Far side"]
    deliver = {"side": "UAS", "deliver": "INVITE (sendrecv)"}
    rings = play("basic_call", [*call, deliver], ["UAC", "UAS"])
    assert [side["state"] for side in rings["sides"]] == ["Initiating", "Ringing"]
    answered = [*call, deliver, {"side": "UAS", "event": "AcceptCall"}]
    # The 200 overtakes the 180.
    late = [
        *answered,
        {"side": "UAC", "deliver": "200 to INVITE (sendrecv)"},
        {"side": "UAC", "deliver": "180 to INVITE"},
    ]
    shown = play("basic_call", late, ["UAC", "UAS"])
    assert shown["problem"] is None and shown["sides"][0]["state"] == "Active"
    assert shown["entries"][-1]["note"] == "the UAC's stack takes it alone"
    lost = play("basic_call", [*answered, {"side": "UAC", "lose": "180 to INVITE"}], ["UAC", "UAS"])
    assert [m["fate"] for m in lost["ladder"]] == ["arrived", "lost", "underway"]
    again = play("basic_call", [*call, deliver, deliver], ["UAC", "UAS"])
    assert again["problem"]["message"] == "No INVITE (sendrecv) is under way to the UAS."


def test_the_stack_s_own_answers_are_in_the_ladder():
    table = TABLES["basic_call"].table
    assert table is not None
    run = read_run({"roles": ["UAC", "UAS"]})
    for goal in (Goal("Active", side="UAC"), Goal("Active", side="UAS"), Goal("Terminating")):
        inputs = way_to(table, run, goal)
        assert inputs is not None
        run = Run(run.roles, [*run.inputs, *inputs])
    side = "UAS" if play_run(run)["ladder"][-1]["to"] == "UAS" else "UAC"
    run = Run(run.roles, [*run.inputs, Input(side=side, deliver="BYE")])
    shown = play_run(run)
    assert shown["ladder"][-1]["label"] == "200 to BYE" and shown["ladder"][-1]["by_stack"]


def play_run(run: Run) -> Any:
    return played(TABLES["basic_call"], run)


@pytest.mark.parametrize("flow", TABLES)
def test_every_reachable_state_of_the_shipped_tables_can_be_run_to(flow: str):
    table = TABLES[flow].table
    assert table is not None
    reached = set()
    for role in ("UAC", "UAS"):
        for state in table.states:
            inputs = way_to(table, Run([role]), Goal(state=state))
            if inputs is None:
                continue
            shown = played(TABLES[flow], Run([role], inputs))
            assert shown["problem"] is None and shown["sides"][0]["state"] == state
            reached.add(state)
    assert reached == set(table.states)


def test_where_a_run_stands_already_needs_no_input_and_where_it_cannot_go_is_said():
    table = TABLES["basic_call"].table
    assert table is not None
    assert way_to(table, Run(), Goal(state="Idle")) == []
    assert way_to(table, Run(["UAC"]), Goal(state="Answering")) is None


@pytest.mark.parametrize(
    "data, said",
    [
        ({"inputs": [{"event": "MakeCall", "wait": 3}]}, "one of"),
        ({"inputs": [{}]}, "one of"),
        ({"inputs": [{"wait": -1}]}, "Time goes on"),
        ({"inputs": [{"wait": 1e9}]}, "Time goes on"),
        ({"inputs": [{"event": 3}]}, "cannot be read"),
        ({"roles": ["B2BUA"]}, "cannot be read"),
        ({"roles": []}, "roles"),
        ({"roles": ["UAS", "UAC"]}, "UAC, UAS"),
        ({"roles": ["UAC", "UAC"]}, "UAC, UAS"),
        ({"inputs": [{"due": True}] * (MOST_INPUTS + 1)}, "at most"),
        ({"x": 1}, "cannot be read"),
        ([], "cannot be read"),
    ],
)
def test_what_is_no_run_is_refused_in_one_sentence(data: Any, said: str):
    with pytest.raises(BadRun, match=said):
        read_run(data)


def test_a_text_without_a_table_cannot_be_run():
    with pytest.raises(BadRun, match="does not compile"):
        played(examine("states: ["), read_run({}))


def test_a_run_that_never_comes_to_rest_is_stopped():
    table = examine(
        "callflow: 1\nstates: {Idle: {initial: true}, T: {final: true}}\ntransitions:\n"
        "- {from_state: Idle, role: UAC, event: {after: 1s}, next_state: Idle}\n"
        "- {from_state: Idle, role: UAC, event: HangupCall, next_state: T}\n"
    )
    shown = played(table, read_run({"inputs": [{"wait": 7200}]}))
    assert "stopped after" in shown["problem"]["message"]


CORRECT = sorted((Path(__file__).parents[2] / "flows" / "data" / "correct").glob("*.yaml"))


@pytest.mark.parametrize("path", CORRECT, ids=lambda path: path.stem)
def test_registrations_transfers_and_linked_sessions_are_played_like_calls(path: Path):
    compiled = examine(path.read_text("utf-8"))
    table = compiled.table
    assert table is not None
    reached = 0
    for role in ("UAC", "UAS"):
        inputs: list[Input] | None = []
        for state in list(table.states)[1:6]:
            inputs = way_to(table, Run([role]), Goal(state=state))
            if inputs:
                shown = played(compiled, Run([role], inputs))
                assert shown["problem"] is None and shown["sides"][0]["state"] == state
                reached += 1
    assert reached


@pytest.mark.parametrize("roles", [["UAC"], ["UAC", "UAS"]])
def test_a_subscription_is_played_with_what_may_come_next(roles):
    first = play("presence_watcher", [], roles)
    assert choice(first, "StartSubscription")["verdict"] == "fires"
    asked = [{"event": "StartSubscription", "side": "UAC"}]
    offered = play("presence_watcher", asked, roles)
    for event in ("SubscriptionAccepted", "SubscriptionFailed", "ReceiveNOTIFY"):
        assert choice(offered, event)["verdict"] == "fires", event
    told = [*asked, {"event": "ReceiveNOTIFY", "side": "UAC"}]
    labels = [message["label"] for message in play("presence_watcher", told, roles)["ladder"]]
    far = ["NOTIFY"] if len(roles) == 1 else []
    assert labels == ["SUBSCRIBE", *far, "200 to NOTIFY"]


def test_a_text_that_comes_is_played():
    shown = play("message_in", [{"event": "ReceiveMESSAGE"}], ["UAS"])
    assert shown["sides"][0]["state"] == "Failed"  # Without a content type it is no text.
    assert [message["label"] for message in shown["ladder"]] == ["MESSAGE", "415 to MESSAGE"]
