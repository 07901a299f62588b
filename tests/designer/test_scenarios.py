"""Scenarios in files: written, read again, judged; those that are shipped hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designer.scenario_files import BadScenario, read_scenarios, write_scenarios
from designer.scenarios import judge, record, row_names
from designer.simulation import read_run
from flows.check import examine

FOLDER = Path(__file__).parents[2] / "state_tables"
SHIPPED = sorted((FOLDER / "scenarios").glob("*.yaml"))


def table_of(flow: str) -> Any:
    table = examine((FOLDER / f"{flow}.yaml").read_text("utf-8")).table
    assert table is not None
    return table


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_scenarios_hold_and_are_written_as_the_product_writes_them(path: Path):
    text = path.read_text("utf-8")
    file = read_scenarios(text)
    table = table_of(file.flow)
    for scenario in file.scenarios:
        assert judge(table, scenario).differences == [], scenario.name
    assert write_scenarios(file.flow, file.scenarios) == text


def test_every_shipped_table_has_scenarios():
    assert {path.stem for path in SHIPPED} == {path.stem for path in FOLDER.glob("*.yaml")}


RUN = {
    "roles": ["UAS"],
    "mocks": {"not event.sdp": False},
    "inputs": [
        {"event": "IncomingCall", "fields": {"from": "sip:a: #b", "sdp": "v=0"}},
        {"set": {"MediaReady": True}},
        {"event": "DialogACK", "fails": {"action": "StartEcho", "reason": "no sound"}},
        {"wait": 1.5},
        {"due": True},
    ],
}


def test_a_recorded_run_is_written_and_read_as_the_same_and_holds():
    table = table_of("echo_test")
    scenario = record(table, read_run(RUN), 'A "name": with # marks', "What it shows")
    file = read_scenarios(write_scenarios("echo_test", [scenario]))
    assert file.scenarios == [scenario] and file.flow == "echo_test"
    judged = judge(table, file.scenarios[0])
    assert judged.holds and judged.rows and judged.steps >= 3


def test_what_goes_otherwise_is_said_with_its_step():
    text = """
flow: echo_test
scenarios:
- name: Wrong in four ways
  roles: [UAS]
  steps:
  - event: IncomingCall
    expect: {state: Active, row: answer, actions: [CreateDialog], values: {MediaReady: true}}
  - event: DialogCANCEL
    expect: {kind: fired, answer: 200}
  - wait: 1s
    expect: {state: Active}
  - event: DialogACK
    expect: [{state: Active}, {state: Failed}]
"""
    (scenario,) = read_scenarios(text).scenarios
    said = [
        f"{step}: {sentence}"
        for step, sentence in judge(table_of("echo_test"), scenario).differences
    ]
    assert "1: state is Answering, expected was Active." in said
    assert any(line.startswith("1: actions is CreateDialog, StoreRemoteSDP") for line in said)
    assert "2: kind is ignored, expected was fired." in said
    assert "2: answer is nothing, expected was 200." in said
    assert "3: No step was taken." in said
    assert "4: 1 steps were taken, 2 were expected." in said


def test_rows_are_named_so_that_each_name_is_one_row():
    for path in FOLDER.glob("*.yaml"):
        names = row_names(table_of(path.stem))
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "begins with"),
        ("a: [", "line"),
        ("scenarios: {}", "begins with"),
        ("scenarios: [3]", "mapping"),
        ("scenarios: [{name: a}]", "name and steps"),
        ("scenarios: [{name: a, steps: [], mood: x}]", "mood"),
        ("scenarios: [{name: a, steps: [{}]}]", "one of"),
        ("scenarios: [{name: a, steps: [{event: MakeCall, wait: 3}]}]", "one of"),
        ("scenarios: [{name: a, steps: [{wait: soon}]}]", "250ms"),
        ("scenarios: [{name: a, steps: [{wait: 9999h}]}]", "two days"),
        ("scenarios: [{name: a, steps: [{event: Dialog200OK, fields: {code: ok}}]}]", "no number"),
        ("scenarios: [{name: a, roles: [X], steps: []}]", "cannot be read"),
        ("scenarios: [{name: a, steps: [{event: MakeCall, expect: 3}]}]", "mapping"),
        ("scenarios: [{name: a, steps: [{event: MakeCall, expect: {colour: red}}]}]", "colour"),
        ("scenarios: [{name: a, mocks: {x: 3}, steps: []}]", "true or false"),
    ],
)
def test_what_is_no_file_of_scenarios_is_refused_with_its_line(text: str, said: str):
    with pytest.raises(BadScenario, match=said):
        read_scenarios(text)


_values = st.recursive(
    st.text(max_size=8) | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
_steps = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["event", "side", "fields", "wait", "due", "expect", "fails", "set", "lose"]
        ),
        _values,
        max_size=4,
    ),
    max_size=4,
)


@given(steps=_steps, name=_values, roles=_values, mocks=_values)
def test_reading_raises_nothing_but_its_own_refusal(steps: Any, name: Any, roles: Any, mocks: Any):
    data = {"scenarios": [{"name": name, "roles": roles, "mocks": mocks, "steps": steps}]}
    try:
        file = read_scenarios(json.dumps(data, ensure_ascii=False))
        for scenario in file.scenarios:
            judge(table_of("echo_test"), scenario)
    except BadScenario:
        pass
