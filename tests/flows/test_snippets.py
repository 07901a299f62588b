"""Each ready part fits a shipped table: it compiles, brings no error but META996, is one edit."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.check import examine
from flows.check.deep import Bounds
from flows.edit import EditRefused, apply
from flows.findings import Severity
from flows.report import judge
from flows.snippets import NAMES, Snippet, offered, snippets

TABLES = Path(__file__).parents[2] / "state_tables"

BARE = """\
callflow: 1
name: bare
states:
  Idle: {initial: true}
  Ringing: {}
  Terminated: {final: true}
transitions:
  - {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, StoreRemoteSDP, {SendSIPResponse: {code: 180}}], next_state: Ringing, publish_events: [SessionCreated, IncomingCall]}
"""  # noqa: E501
"""What a person draws first: a call comes in and rings."""


def suitable(part: Snippet) -> tuple[str, str]:
    """The text the part is made for, and the state it begins at."""
    table, state, *after = part.suits.split()
    text = BARE if table == "bare" else (TABLES / f"{table}.yaml").read_text()
    if after:
        first = snippets()[after[1]]
        text = apply(text, "insert_snippet", arguments(first, text, suitable(first)[1])).text
    return text, state


def arguments(part: Snippet, text: str, state: str) -> dict[str, Any]:
    table = examine(text).table
    assert table is not None
    values = {}
    for each in part.parameters:
        fits = [name for name in each.usual if each.kind != "state" or name in table.states]
        values[each.name] = state if each.chosen else fits[0]
    return {"snippet": part.name, "parameters": values}


def told(text: str) -> Counter[tuple[str, str]]:
    return Counter((f.severity.value, f.code) for f in examine(text).findings)


@pytest.mark.parametrize("name", NAMES)
def test_a_part_compiles_where_it_fits_and_brings_no_error_but_meta996(name: str) -> None:
    part = snippets()[name]
    text, state = suitable(part)
    new = apply(text, "insert_snippet", arguments(part, text, state)).text
    compiled = examine(new)
    assert compiled.table is not None
    come = told(new) - told(text)
    errors = {code for severity, code in come if severity == "error"}
    assert errors <= {"META996"}
    assert ("META996" in {code for _, code in come}) == bool(part.not_performed)
    others = {code for severity, code in come if severity == "warning"} - {"META996"}
    if name == "endings":
        # The part that leads to the endings comes next.
        others -= {"REA301"}
    assert not others, [f for f in compiled.findings if f.code in others]
    # What stood there stands there still, in its order.
    kept = iter(new.splitlines())
    gone = [line for line in text.splitlines() if line not in kept]
    assert not gone


def test_names_that_are_taken_are_kept_apart() -> None:
    part = snippets()["hold"]
    text, _ = suitable(part)
    text = apply(text, "add_state", {"name": "OnHold"}).text
    new = examine(apply(text, "insert_snippet", arguments(part, text, "Active")).text)
    assert new.table is not None and {"OnHold", "OnHold2", "Holding"} <= set(new.table.states)
    (row,) = [r for r in new.table.rows if r.event == "Dialog200OK" and r.from_state == "Holding"
              and r.role == "Both"]  # fmt: skip
    assert row.next_state == "OnHold2"


def test_a_part_is_refused_where_its_event_is_answered_already() -> None:
    part = snippets()["hold"]
    text = (TABLES / "call_with_hold.yaml").read_text()
    with pytest.raises(EditRefused, match="Active answers HoldCall already"):
        apply(text, "insert_snippet", arguments(part, text, "Active"))


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("hold", {"state": "Nowhere"}, "no state Nowhere"),
        ("hold", {"state": ""}, "needs a value"),
        ("hold", {"role": "Boss"}, "role is one of"),
        ("hold", {"patience": "soon"}, "is no time"),
        ("no_answer", {"code": "200"}, "a number from 400 to 699"),
        ("no_answer", {"code": "480; x"}, "a number"),
        ("voicemail", {"greeting": "a: {b}"}, "can not stand here"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_with_its_name(
    name: str, changed: dict[str, str], said: str
) -> None:
    part = snippets()[name]
    text, state = suitable(part)
    given = arguments(part, text, state)
    given["parameters"].update(changed)
    with pytest.raises(EditRefused, match=said):
        apply(text, "insert_snippet", given)


@pytest.mark.parametrize("given", [{}, {"snippet": "x"}, {"snippet": 3}, {"snippet": "hold"}])
def test_what_names_no_part_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(EditRefused):
        apply((TABLES / "basic_call.yaml").read_text(), "insert_snippet", given)


def test_every_part_says_what_it_is_and_asks_in_words() -> None:
    for part in offered():
        assert part["title"] and part["about"].endswith(".") and part["group"]
        assert [p["chosen"] for p in part["parameters"]].count(True) == 1
        assert all(p["label"] and (p["usual"] or p["chosen"]) for p in part["parameters"])


@pytest.mark.parametrize("name", ["hold", "resume", "no_answer"])
def test_a_part_goes_live_as_it_was_inserted(name: str) -> None:
    part = snippets()[name]
    text, state = suitable(part)
    new = apply(text, "insert_snippet", arguments(part, text, state)).text
    found = judge(name, new, bounds=Bounds()).findings
    assert [f for f in found if f.severity is Severity.ERROR] == []
    # What holds needs what resumes, and a shorter patience leaves the longer one behind.
    expected = {"hold": {"COV411"}, "resume": set(), "no_answer": {"REA303"}}[name]
    assert {f.code for f in found if f.severity is Severity.WARNING} == expected


def test_two_parts_share_the_state_that_both_bring() -> None:
    text, state = suitable(snippets()["resume"])
    new = apply(text, "insert_snippet", arguments(snippets()["resume"], text, state)).text
    assert new.count("\n  Leaving:") == 1 and "Leaving2" not in new
    assert "from_state: Resuming" in new and "next_state: Leaving" in new


def test_the_first_row_and_two_parts_are_a_flow_that_the_deeper_check_passes() -> None:
    text = BARE
    for name in ("endings", "announcement"):
        text = apply(text, "insert_snippet", arguments(snippets()[name], text, "Ringing")).text
    found = judge("bare", text, bounds=Bounds()).findings
    assert [f for f in found if f.severity is Severity.ERROR] == []
