"""Properties in a table: read on each keystroke, judged on the explorer's walk."""

import dataclasses
from pathlib import Path

import pytest

from flows.check import deep, examine
from flows.compile import compile_text
from flows.explore.pair import Pair
from flows.explore.pair import explore as compose
from flows.explore.party import Party
from flows.explore.walk import explore
from flows.properties.claims import claims, judged
from flows.properties.ready import ready
from flows.properties.walked import steps_of, steps_of_both
from flows.semantics import Program

STARTERS = sorted((Path(__file__).parents[3] / "state_tables").glob("*.yaml"))
BASIC = next(path for path in STARTERS if path.stem == "basic_call").read_text("utf-8")


def with_properties(*lines):
    listed = "".join(f"- {line}\n" for line in lines)
    return BASIC.replace("\nstates:", f"\nproperties:\n{listed}states:", 1)


def test_there_are_ready_properties_with_their_clause():
    assert len(ready()) >= 25
    assert sum(bool(one.rfc) for one in ready().values()) >= 20


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("after Actve ...", "always"),
        ("never state Actve", "did you mean Active"),
        ("never event HangupCal", "did you mean HangupCall"),
        ("never holds midia", "did you mean media"),
        ("ready by-once", "did you mean bye-once"),
        ("{a: b}", "one line of text"),
    ],
)
def test_a_property_that_says_nothing_is_a_finding_with_its_line(line, says):
    text = with_properties("ready bye-once", line)
    (finding,) = [f for f in examine(text).findings if f.code == "PRP951"]
    assert says in finding.message
    assert text.splitlines()[finding.place.line - 1] == f"- {line}"


@pytest.fixture(scope="module")
def walk():
    return explore(Party(Program(compile_text(BASIC).table)))


def told(walk, *lines):
    table = dataclasses.replace(walk.party.program.table, properties=lines)
    assert not [claim.problem for claim in claims(table) if claim.problem]
    return list(judged(table, steps_of(walk)))


def test_a_property_that_does_not_hold_comes_with_a_shortest_trace(walk):
    (finding,) = told(walk, "event Dialog180Ringing precedes state Active")
    assert finding.code == "PRP952"
    names = [step["name"] for step in finding.trace]
    assert len(names) == 2 and names[-1] in ("Dialog200OK", "AcceptCall")
    assert finding.trace[-1]["after"] in ("Active", "Answering")


def test_a_property_about_nothing_is_called_empty(walk):
    (finding,) = told(walk, "after action StartEcho eventually ended")
    assert finding.code == "PRP953"


@pytest.mark.parametrize("name", ready())
def test_every_ready_property_can_be_claimed_in_a_text(name):
    text = with_properties(f"ready {name}")
    assert [f.message for f in examine(text).findings if f.code == "PRP951"] == []


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_every_ready_property_holds_for_a_starter(path):
    table = compile_text(path.read_text("utf-8")).table
    names = tuple(f"ready {name}" for name in ready())
    table = dataclasses.replace(table, properties=names)
    walk = explore(Party(Program(table)))
    assert walk.complete
    found = list(judged(table, steps_of(walk)))
    found += judged(table, steps_of_both(compose(Pair(walk.party))), both=True)
    assert [f.message for f in found if f.code != "PRP953"] == []


# -- two sides -------------------------------------------------------------------------------------


def looked(*lines, text=BASIC):
    listed = "".join(f"- {line}\n" for line in lines)
    text = text.replace("\nstates:", f"\nproperties:\n{listed}states:", 1)
    found = deep.examine(text, tier=2).findings
    lines = text.splitlines()
    return [(f, lines[f.place.line - 1]) for f in found if f.code[:3] == "PRP"]


@pytest.mark.parametrize(
    "line",
    [
        "after both Active eventually both Terminated",
        "uac.sends INVITE precedes uas.state Ringing",
        "after uac.ended and uas.ended never uac.event HangupCall or uas.event HangupCall",
        "between both Active and both Terminated never publishes CallFailed or uas.sends INVITE",
    ],
)
def test_what_holds_of_both_sides_is_no_finding(line):
    assert looked(line) == []


def test_what_does_not_hold_of_both_sides_is_told_in_two_lanes():
    ((finding, line),) = looked("after both Active never uac.state Terminating")
    assert finding.code == "PRP952" and finding.confidence == "proved"
    assert line == "- after both Active never uac.state Terminating"
    assert {step["side"] for step in finding.trace} == {"UAC", "UAS"}
    assert set(finding.trace[-1]["channel"]) == {"to UAC", "to UAS"}
    assert finding.trace[-1]["side"] == "UAC" and finding.trace[-1]["after"] == "Terminating"


def test_the_sides_are_told_apart():
    assert looked("uac.sends ACK precedes uas.event DialogACK") == []
    ((finding, _),) = looked("uas.event DialogACK precedes uac.action SendACK")
    assert [step["side"] for step in finding.trace][-1] == "UAC"


def test_a_promise_about_what_both_sides_never_do_is_empty():
    ((finding, _),) = looked("after both EarlyMedia eventually uac.ended and uas.ended")
    assert finding.code == "PRP953" and "both EarlyMedia never happens" in finding.message


def test_one_side_alone_keeps_no_promise_about_two():
    echo = next(path for path in STARTERS if path.stem == "echo_test").read_text("utf-8")
    ((finding, _),) = looked("after both Active eventually both Terminated", text=echo)
    assert finding.code == "PRP953" and "two sides of this table never happens" in finding.message


def test_promises_about_both_sides_wait_for_the_composition():
    text = with_properties("after both Active never uac.state Terminating")
    assert "PRP952" not in {f.code for f in deep.examine(text, tier=1).findings}


def test_a_seeded_defect_breaks_what_both_sides_owe_each_other():
    row = next(line for line in BASIC.splitlines() if "Both, event: HangupCall, actions" in line)
    gone = row.replace(
        "[SendBYE, StopMediaSession], next_state: Terminating",
        "[CleanupMedia, CleanupDialog], next_state: Terminated, publish_events: [CallTerminated]",
    )
    assert looked("ready bye-ends-both-sides") == []
    promise = "after uac.state Terminated never uas.state Active"
    found = looked(promise, text=BASIC.replace(row, gone))
    assert [finding.code for finding, _ in found] == ["PRP952"]


def test_a_request_is_named_by_its_method_and_an_answer_by_its_code(walk):
    assert told(walk, "sends INVITE at most 1 time", "sends CANCEL precedes sends 487") != []
    assert told(walk, "sends INVITE precedes sends ACK") == []
