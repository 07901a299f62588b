"""The shipped tables: documentation, demonstration and test at once."""

import json
from pathlib import Path

import pytest

from flows.check import examine
from flows.check.coverage import Phase, phases_of
from flows.graph import Graph
from flows.vocabulary import ACTIONS, OUTCOMES

FOLDER = Path(__file__).parents[2] / "state_tables"
STARTERS = sorted(FOLDER.glob("*.yaml"))


def test_the_starters_are_there():
    names = {path.stem for path in STARTERS}
    assert {"echo_test", "basic_call", "call_with_hold", "auto_attendant_stub"} <= names


@pytest.fixture(params=STARTERS, ids=lambda path: path.stem)
def starter(request):
    compiled = examine(request.param.read_text("utf-8"))
    assert compiled.table is not None, compiled.findings
    assert compiled.table.name == request.param.stem
    return compiled


def test_a_starter_has_no_errors_no_warnings_and_no_waivers(starter):
    assert starter.findings == [] and starter.deployable
    assert not any(row.waive for row in starter.table.rows)


def test_a_starter_tells_editors_where_its_schema_is(starter):
    first = starter.document.text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    schema = FOLDER / first.partition("=")[2]
    assert json.loads(schema.read_text("utf-8"))["title"] == "Callsmith call flow"


def test_a_starter_is_described_and_grouped(starter):
    table = starter.table
    assert table.description
    for state in table.states.values():
        assert state.description and (state.group or state.final or state.initial)


def test_a_starter_uses_what_this_runtime_performs(starter):
    for row in starter.table.rows:
        assert all(ACTIONS[word.name].performed for word in row.actions)


def test_a_call_ends_with_exactly_one_outcome(starter):
    table = starter.table
    for row in starter.table.rows:
        outcomes = [name for name in row.publish if name in OUTCOMES]
        ends = row.next_state is not None and table.states[row.next_state].final
        assert len(outcomes) == (1 if ends else 0), row


def test_what_is_held_is_given_back_at_the_end(starter):
    table = starter.table
    words = {word.name for row in table.rows for word in row.actions}
    takes_media = any("media" in ACTIONS[name].acquires for name in words)
    for row in table.rows:
        if row.next_state is not None and table.states[row.next_state].final:
            names = [word.name for word in row.actions]
            assert names[-1] == "CleanupDialog"
            if not takes_media:
                continue
            if row.from_state not in ("Idle", "Ringing", "Asking", "Skipping") or row.role != "UAS":
                assert "CleanupMedia" in names, row


def test_the_basic_call_speaks_for_both_roles():
    compiled = examine((FOLDER / "basic_call.yaml").read_text("utf-8"))
    assert compiled.table is not None
    assert {row.role for row in compiled.table.rows} == {"UAC", "UAS", "Both"}


REFUSALS = {
    "Dialog3xxRedirect",
    "AuthRequired",
    "SessionIntervalTooSmall",
    "Dialog4xxFailure",
    "Dialog5xxFailure",
    "Dialog6xxFailure",
}
PROVISIONAL = {"Dialog180Ringing", "Dialog183SessionProgress"}
MEDIA = {"MediaLost", "MediaError", "MediaFlowEstablished", "RtpTimeout", "DtmfDetected"}
BROKEN = {"DialogError", "ActionFailed"}
INSIDE = {"ReinviteReceived", "UpdateReceived", "InfoReceived"}
UP = {"DialogBYE", "HangupCall", "TransferRequested", *INSIDE, *BROKEN, *MEDIA}
INVITING = {"Dialog200OK", "Dialog487RequestTerminated", *PROVISIONAL, *REFUSALS, *BROKEN}
MAY_COME = {
    Phase.CALLING: {*INVITING, "DialogTimeout", "HangupCall", "MediaLost", "MediaError"},
    Phase.PROCEEDING: {*INVITING, "HangupCall", "MediaLost", "MediaError"},
    Phase.OFFERED: {"DialogCANCEL", "DialogBYE", "HangupCall", *BROKEN},
    Phase.ANSWERED: {*UP, "DialogACK", "DialogTimeout", "DialogCANCEL"},
    Phase.CONFIRMED: {*UP, "DialogACK", "DialogTimeout"},
    Phase.PROPOSING: {*UP, "DialogACK", "Dialog200OK", "ReinviteGlare", "DialogTimeout", *REFUSALS},
    Phase.CANCELLING: {*INVITING, "DialogTimeout", "HangupCall", "MediaLost", "MediaError"},
    Phase.CLOSING: {
        *("Dialog200OK", "DialogBYE", "DialogTimeout", "DialogACK", "HangupCall"),
        *(REFUSALS - {"SessionIntervalTooSmall"}),
        *BROKEN,
        *INSIDE,
        *MEDIA,
    },
}
"""What a conformant peer, the media and the people on our side may give in each phase."""


def test_nothing_that_may_come_meets_no_row(starter):
    graph = Graph(starter.table)
    missing = set()
    for role in ("UAC", "UAS"):
        for state, phases in phases_of(graph, role).items():
            if starter.table.states[state].final:
                continue
            for phase in phases - {Phase.NONE, Phase.OVER, Phase.GIVEN_UP}:
                late = PROVISIONAL if role == "UAC" and phase is Phase.CONFIRMED else set()
                for event in MAY_COME[phase] | late:
                    if not graph.answers(state, role, event):
                        missing.add((state, role, phase.name, event))
    assert missing == set()
