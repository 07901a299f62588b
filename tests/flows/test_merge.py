"""Three texts made one: what each side changed is there, what neither touched is as it was."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flows import document
from flows.check import examine
from flows.cut import Uncuttable, cut
from flows.edit import EditRefused, apply
from flows.edit.pieces import plain_of
from flows.merge import MergeRefused, merge

FOLDER = Path(__file__).parents[2] / "state_tables"
DATA = Path(__file__).parent / "data"
PATHS = [*sorted(FOLDER.glob("*.yaml")), *sorted(DATA.glob("*.yaml"))]
TEXTS = {path.stem: path.read_bytes().decode() for path in PATHS}
TEXTS["windows"] = TEXTS["echo_test"].replace("\n", "\r\n")
TEXTS["bare"] = """
- {from_state: Idle, role: UAC, event: MakeCall, next_state: A} # go

# up
- {from_state: A, role: UAC, event: HangupCall, next_state: Idle}""".lstrip()
CUTTABLE = [name for name, text in TEXTS.items() if document.read(text).readable]
ECHO = TEXTS["echo_test"]
HOLD = TEXTS["call_with_hold"]


def said(text: str) -> Any:
    return plain_of(document.read(text).root)


def edited(text: str, operation: str, **arguments: Any) -> str:
    return apply(text, operation, arguments).text


def row_of(text: str, id: str) -> int:
    rows = said(text)["transitions"]
    return next(i for i, row in enumerate(rows) if row.get("id") == id)


@pytest.mark.parametrize("name", CUTTABLE)
def test_a_text_that_is_cut_is_put_together_byte_for_byte(name: str):
    try:
        assert cut(TEXTS[name]).text == TEXTS[name]
    except Uncuttable:
        assert name not in ("echo_test", "basic_call", "call_with_hold", "windows", "bare")


def test_two_rows_changed_by_two_people_are_both_changed_and_all_else_is_as_it_was():
    mine = edited(ECHO, "change_row", row=0, field="description", value="Mine")
    theirs = edited(ECHO, "change_row", row=4, field="next_state", value="Terminating")
    merged = merge(ECHO, mine, theirs)
    assert merged.conflicts == []
    assert said(merged.text) == said(
        edited(mine, "change_row", row=4, field="next_state", value="Terminating")
    )
    untouched = set(ECHO.splitlines()) & set(mine.splitlines()) & set(theirs.splitlines())
    assert untouched <= set(merged.text.splitlines())
    assert [(c.kind, c.how) for c in merged.taken] == [("row", "changed")]
    assert [(c.kind, c.name) for c in merged.kept] == [("row", "answer")]


def test_states_rows_and_head_fields_come_from_whoever_changed_them():
    mine = edited(ECHO, "set_head", field="description", value="Says it back.")
    mine = edited(mine, "add_row", **{"from_state": "Active", "role": "UAS", "event": "HoldCall"})
    theirs = edited(ECHO, "add_state", name="Queueing", group="setup")
    theirs = edited(theirs, "delete_row", row=row_of(theirs, "established"))
    merged = merge(ECHO, mine, theirs)
    assert merged.conflicts == []
    result = said(merged.text)
    assert result["description"] == "Says it back." and "Queueing" in result["states"]
    events = [(row["from_state"], row["event"]) for row in result["transitions"]]
    assert ("Active", "HoldCall") in events
    assert "established" not in [row.get("id") for row in result["transitions"]]


def test_the_same_change_on_both_sides_is_taken_once():
    mine = edited(ECHO, "delete_row", row=3)
    assert merge(ECHO, mine, mine).text == mine
    theirs = edited(mine, "change_row", row=0, field="description", value="x")
    assert merge(ECHO, mine, theirs).conflicts == []


def test_a_row_changed_by_both_is_one_conflict_with_both_sides_and_each_choice():
    mine = edited(ECHO, "change_row", row=0, field="description", value="Mine")
    theirs = edited(ECHO, "change_row", row=0, field="description", value="Theirs")
    merged = merge(ECHO, mine, theirs)
    (conflict,) = merged.conflicts
    assert (conflict.key, conflict.kind, conflict.both) == ("row answer", "row", True)
    assert "Mine" in str(conflict.mine) and "Theirs" in str(conflict.theirs)
    assert merged.text == mine
    assert merge(ECHO, mine, theirs, {"row answer": "theirs"}).text == theirs
    both = said(merge(ECHO, mine, theirs, {"row answer": "both"}).text)["transitions"]
    assert [row.get("description") for row in both[:2]] == ["Theirs", "Mine"]


def test_a_row_deleted_by_one_and_changed_by_the_other_is_a_conflict():
    mine = edited(ECHO, "delete_row", row=0)
    theirs = edited(ECHO, "change_row", row=0, field="description", value="Theirs")
    merged = merge(ECHO, mine, theirs)
    (conflict,) = merged.conflicts
    assert conflict.mine is None and conflict.both is False
    assert merged.text == mine
    assert "Theirs" in merge(ECHO, mine, theirs, {"row answer": "theirs"}).text


def test_a_row_is_known_again_when_its_guards_or_its_state_s_name_changed():
    index = next(i for i, row in enumerate(said(HOLD)["transitions"]) if row["event"] == "HoldCall")
    mine = edited(HOLD, "change_row", row=index, field="guards", value=["MediaReady"])
    theirs = edited(HOLD, "change_row", row=index, field="description", value="Theirs")
    merged = merge(HOLD, mine, theirs)
    assert len(merged.conflicts) == 1 and merged.conflicts[0].base is not None
    renamed = edited(HOLD, "rename_state", name="OnHold", new_name="Waiting")
    far = edited(HOLD, "change_row", row=0, field="description", value="Theirs")
    result = merge(HOLD, renamed, far)
    assert result.conflicts == [] and examine(result.text).table is not None
    assert "Theirs" in result.text and "OnHold" not in said(result.text)["states"]


def test_rows_that_one_side_moved_stay_moved_and_two_orders_are_a_question():
    moved = edited(ECHO, "move_row", row=0, to=5)
    theirs = edited(ECHO, "change_row", row=7, field="description", value="Theirs")
    for one, other in ((moved, theirs), (theirs, moved)):
        result = merge(ECHO, one, other)
        assert result.conflicts == []
        assert row_of(result.text, "answer") == row_of(moved, "answer") > 0
        assert "Theirs" in result.text
    other = edited(ECHO, "move_row", row=1, to=8)
    (conflict,) = merge(ECHO, moved, other).conflicts
    assert conflict.key == "order row"
    taken = merge(ECHO, moved, other, {"order row": "theirs"}).text
    assert said(taken) == said(other)


def test_rows_in_one_line_are_merged_as_one_part():
    base = "callflow: 1\nstates: {Idle: {initial: true}, T: {final: true}}\ntransitions: []\n"
    mine = base.replace(
        "transitions: []", "transitions:\n- {from_state: Idle, role: UAC, event: MakeCall}"
    )
    theirs = base.replace("T: {final: true}", "T: {final: true}, A: {}")
    merged = merge(base, mine, theirs)
    assert merged.conflicts == [] and "A: {}" in merged.text and "MakeCall" in merged.text
    both = base.replace("transitions: []", "transitions:\n- {from_state: T, role: UAC, event: X}\n")
    result = merge(base, mine, both)
    assert len(said(result.text)["transitions"]) == 2 and document.read(result.text).readable


def test_a_text_that_cannot_be_read_is_refused_with_its_name():
    with pytest.raises(MergeRefused, match="your text"):
        merge(ECHO, "a: [", ECHO + "# more\n")
    with pytest.raises(MergeRefused, match="newer version"):
        merge(ECHO, ECHO + "# more\n", "a: [")
    with pytest.raises(MergeRefused, match="bare list"):
        merge(TEXTS["bare"], TEXTS["bare"] + "# x", ECHO)


def test_nothing_to_begin_with_makes_all_of_it_a_question_or_none():
    assert merge("", ECHO, ECHO).text == ECHO
    assert merge("", ECHO, HOLD).conflicts


_rows = st.integers(0, 200)
_edits = st.one_of(
    st.tuples(st.just("change_row"), _rows, st.sampled_from(["a", "b: c", "# d", "two words"])),
    st.tuples(st.just("delete_row"), _rows, st.just("")),
    st.tuples(st.just("duplicate_row"), _rows, st.just("")),
    st.tuples(st.just("add_row"), _rows, st.sampled_from(["HoldCall", "ResumeCall"])),
    st.tuples(st.just("set_state"), _rows, st.sampled_from(["x", "y z"])),
    st.tuples(st.just("add_state"), _rows, st.sampled_from(["New", "Newer"])),
)


def perform(text: str, edit: tuple[str, int, str], name: str) -> str:
    kind, at, word = edit
    plain = said(text)
    rows, states = plain["transitions"], list(plain["states"])
    row, state = at % max(1, len(rows)), states[at % len(states)]
    try:
        match kind:
            case "change_row":
                return edited(text, kind, row=row, field="description", value=word)
            case "delete_row" | "duplicate_row":
                return edited(text, kind, row=row)
            case "add_row":
                values = {"from_state": state, "role": "Both", "event": word, "id": f"{name}-{at}"}
                return edited(text, kind, **values)
            case "set_state":
                return edited(text, kind, name=state, field="description", value=word)
            case _:
                return edited(text, kind, name=f"{word}{name}{at}")
    except EditRefused:
        return text


def changed(text: str, edits: list[tuple[str, int, str]], name: str) -> str:
    for edit in edits:
        text = perform(text, edit, name)
    return text


def test_the_comment_of_a_removed_row_outlives_the_removal_of_the_next_one_by_somebody_else():
    base = TEXTS["echo_test"]
    mine, theirs = edited(base, "delete_row", row=0), edited(base, "delete_row", row=1)
    heading = "# -- A call comes in: take its offer, make our answer, say 200"
    merged = merge(base, mine, theirs)
    assert not merged.conflicts and heading in merged.text
    assert "- id: answer" not in merged.text and "- id: established" not in merged.text


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["echo_test", "auto_attendant_stub", "windows"]),
    st.lists(_edits, max_size=4),
    st.lists(_edits, max_size=4),
)
def test_whatever_two_people_do_the_merge_of_it_can_be_read_and_loses_no_side(
    flow: str, ours: Any, others: Any
):
    base = TEXTS[flow]
    mine, theirs = changed(base, ours, "m"), changed(base, others, "t")
    assert merge(base, mine, base).text == mine
    assert merge(base, base, theirs).text == theirs
    assert merge(base, mine, mine).text == mine
    merged = merge(base, mine, theirs)
    assert document.read(merged.text).readable
    for choice in ("mine", "theirs", "both"):
        chosen = merge(base, mine, theirs, {c.key: choice for c in merged.conflicts})
        assert document.read(chosen.text).readable
    untouched = set(base.splitlines()) & set(mine.splitlines()) & set(theirs.splitlines())
    assert untouched <= set(merged.text.splitlines())


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 48),
    st.integers(0, 48),
    st.sampled_from(["change_row", "delete_row"]),
    st.sampled_from(["change_row", "delete_row"]),
)
def test_disjoint_edits_of_two_people_are_both_there_and_nothing_else(
    one: int, other: int, first: str, second: str
):
    assume(one < other)
    mine = perform(ECHO, (first, one, "by me"), "m")
    theirs = perform(ECHO, (second, other, "by them"), "t")
    in_turn = perform(perform(ECHO, (second, other, "by them"), "t"), (first, one, "by me"), "m")
    merged = merge(ECHO, mine, theirs)
    assert merged.conflicts == [] and said(merged.text) == said(in_turn)
    assert merged.text == in_turn or first == second == "delete_row"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_three_texts_are_merged_or_refused(base: str, mine: str, theirs: str):
    try:
        merge(base, mine, theirs)
    except MergeRefused:
        pass
