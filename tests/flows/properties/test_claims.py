"""Properties in a table: read on each keystroke, judged on the explorer's walk."""

import dataclasses
from pathlib import Path

import pytest

from flows.check import examine
from flows.compile import compile_text
from flows.explore.party import Party
from flows.explore.walk import explore
from flows.properties.claims import claims, judged
from flows.properties.ready import ready
from flows.properties.walked import steps_of
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


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_every_ready_property_holds_for_a_starter(path):
    table = compile_text(path.read_text("utf-8")).table
    names = tuple(f"ready {name}" for name in ready())
    table = dataclasses.replace(table, properties=names)
    walk = explore(Party(Program(table)))
    assert walk.complete
    found = list(judged(table, steps_of(walk)))
    assert [f.message for f in found if f.code != "PRP953"] == []
