"""Two tables compared row by row, in words; what has no effect on calls stands apart."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.changes import ADDED, CHANGED, REMOVED, Changes, as_text, changes
from flows.compile import compile_text
from flows.draw import dot_of
from flows.edit import EditRefused, apply
from flows.table import Table
from flows.union import SAME, union
from tests.flows.test_edit_random import random_edit

STARTERS = sorted((Path(__file__).parents[2] / "state_tables").glob("*.yaml"))
HOLD = next(path for path in STARTERS if path.stem == "call_with_hold").read_text()
HANGUP = (
    "- {from_state: OnHold, role: Both, event: HangupCall, actions: [SendBYE, StopMediaSession],"
    " next_state: Terminating}\n"
)


def table(text: str) -> Table:
    compiled = compile_text(text)
    found = compiled.table or compiled.sketch
    assert found is not None, compiled.findings
    return found


def compared(new: str, old: str = HOLD) -> Changes:
    assert new != old
    return changes(table(old), table(new))


def kinds(found: Changes) -> list[str]:
    return [aspect.kind for change in found.real for aspect in change.aspects]


def edited(operation: str, **arguments: object) -> Changes:
    return compared(apply(HOLD, operation, arguments).text)


def hangup_changed(old: str, new: str) -> Changes:
    assert old in HANGUP
    return compared(HOLD.replace(HANGUP, HANGUP.replace(old, new)))


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_a_table_does_not_differ_from_itself(path: Path) -> None:
    found = changes(table(path.read_text()), table(path.read_text()))
    assert found.empty
    assert as_text(found) == "No row, state or head field differs in what it means."


def test_an_added_row_says_what_it_does_and_that_nothing_did_before() -> None:
    (change,) = compared(HOLD, HOLD.replace(HANGUP, "")).real
    assert (change.how, change.title) == (ADDED, "OnHold, on HangupCall")
    assert change.words == (
        "New: BYE; stop media; the call goes to Terminating. Before, no row took this event there."
    )
    assert change.old_row is None and change.new_row is not None


def test_a_removed_row_says_that_nothing_takes_its_event_any_more() -> None:
    (change,) = compared(HOLD.replace(HANGUP, "")).real
    assert change.how == REMOVED and change.new_row is None
    assert change.words.endswith("No row takes this event there any more.")


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("Terminating", "Terminated", "retargeted", "The call goes to Terminated instead of Term"),
        (", next_state: Terminating", "", "retargeted", "The call stays in OnHold; before, it "),
        ("Terminating", "OnHold", "retargeted", "The call goes to OnHold instead of Terminating"),
        ("event: H", "guards: [MediaReady], event: H", "guards", "It fires only if MediaReady"),
        ("SendBYE, StopMediaSession", "StopMediaSession, SendBYE", "action order", "The actions"),
        ("[SendBYE, StopMediaSession]", "[SendBYE]", "actions", "It no longer does StopMediaS"),
        ("Terminating}", "Terminating, publish_events: [CallCancelled]}", "published", "It tells"),
        ("Both", "UAC", "role", "It is for calls we make now, no longer for both roles."),
        ("OnHold", "Active", "moved", "It holds in Active now, no longer in OnHold."),
    ],
)
def test_a_changed_row_says_what_is_otherwise(old: str, new: str, kind: str, words: str) -> None:
    found = hangup_changed(old, new)
    aspects = {aspect.kind: aspect.words for change in found.real for aspect in change.aspects}
    if kind == "moved" and "moved" not in aspects:
        # Active has such a row already, so this one is a copy that came and one that went.
        assert {change.how for change in found.real} == {ADDED, REMOVED}
        return
    assert aspects[kind].startswith(words)


def test_a_wait_that_is_longer_says_both_times() -> None:
    old = "{from_state: Initiating, role: UAC, event: {after: 60s}"
    (change,) = compared(HOLD.replace(old, old.replace("60s", "90s"))).real
    assert change.words == "The wait is longer: 90s instead of 1m."


def test_a_state_that_only_got_another_name_is_one_change() -> None:
    (change,) = edited("rename_state", name="OnHold", new_name="Held").real
    assert (change.how, change.words) == (CHANGED, "OnHold is now called Held.")
    assert (change.old_state, change.new_state) == ("OnHold", "Held")


def test_a_state_is_added_removed_or_made_final() -> None:
    assert edited("add_state", name="Fresh").real[0].title == "State Fresh"
    found = edited("delete_state", name="OnHold", retarget="Active")
    assert any(c.how == REMOVED and c.old_state == "OnHold" and c.subject == "state"
               for c in found.real)  # fmt: skip
    assert "group" in kinds(edited("set_state", name="OnHold", field="group", value="Elsewhere"))


def test_rows_of_the_same_state_role_and_event_that_swap_places_are_a_change() -> None:
    rows = table(HOLD).rows
    rival = next(
        (a.index, b.index)
        for a in rows
        for b in rows[a.index + 1 :]
        if (a.from_state, a.role, a.label) == (b.from_state, b.role, b.label)
    )
    found = edited("move_row", row=rival[1], before=rival[0])
    assert kinds(found) == ["order"] and "It is tried before row" in found.real[0].words


def test_what_has_no_effect_is_cosmetic_and_hidden_in_the_text() -> None:
    comment = compared("# hello\n" + HOLD)
    assert not comment.real and comment.cosmetic[0].cosmetic
    moved = edited("move_row", row=0, before=len(table(HOLD).rows))
    assert not moved.real and "elsewhere in the text" in moved.cosmetic[0].words
    described = edited("change_row", row=0, field="description", value="what for")
    assert not described.real and described.cosmetic
    assert "(1 cosmetic change not shown)" in as_text(described)
    assert "description" in as_text(described, cosmetic=True)


def test_the_plain_data_names_the_rows_of_both_sides() -> None:
    said = hangup_changed("Terminating", "Terminated").as_dict()
    (change,) = said["changes"]
    assert said["changed"] == 1 and change["sign"] == "~"
    assert change["aspects"][0]["before"] == "Terminating"
    assert table(HOLD).rows[change["old_row"]].from_state == "OnHold"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_every_edit_shows_as_a_change_or_as_cosmetic(seed: int) -> None:
    rng = random.Random(seed)
    text = rng.choice(STARTERS).read_text()
    try:
        new = apply(text, *random_edit(rng, text)).text
    except EditRefused:
        return
    compiled = compile_text(new)
    after = compiled.table or compiled.sketch
    if new == text or after is None:
        return
    before = table(text)
    found = changes(before, after)
    assert not found.empty
    paired = found.pairing.rows
    assert len(set(paired.values())) == len(paired)
    gone = len(before.rows) - len(paired)
    assert sum(c.how == REMOVED and c.subject == "row" for c in found.real) == gone
    both = union(before, after, found)
    assert {row.new for row in both.rows.values() if row.kind != REMOVED} == set(
        range(len(after.rows))
    )
    assert {shown["index"] for shown in both.picture["rows"]} == set(both.rows)
    assert set(both.edges) == {edge["id"] for edge in both.picture["edges"]}
    assert dot_of(both.picture).startswith("digraph")


def test_the_picture_of_both_shows_an_old_target_beside_the_new_one() -> None:
    new = HOLD.replace(HANGUP, HANGUP.replace("Terminating", "Active"))
    old, after = table(HOLD), table(new)
    found = changes(old, after)
    both = union(old, after, found)
    (change,) = found.real
    assert change.old_row is not None and change.new_row is not None
    assert both.rows[change.new_row].kind == ADDED
    assert both.rows[len(after.rows) + change.old_row].kind == REMOVED
    tags = {row["index"]: row["tag"] for row in both.picture["rows"]}
    assert tags[change.new_row] == "+" and tags[len(after.rows) + change.old_row] == "−"
    order = next(s["rows"] for s in both.picture["states"] if s["name"] == "OnHold")
    at = order.index(change.new_row)
    assert order[at - 1] == len(after.rows) + change.old_row
    assert set(both.states.values()) == {SAME}


def test_the_picture_of_equal_tables_is_the_picture_of_one() -> None:
    one = table(HOLD)
    both = union(one, replace(one), changes(one, one))
    assert {row.kind for row in both.rows.values()} == {SAME}
    assert set(both.edges.values()) == {SAME}
