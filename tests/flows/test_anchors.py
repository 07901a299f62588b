"""What somebody said of a row stays with the row, whatever becomes of the text around it."""

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.anchors import FLOW, NEW, OLD, ROW, STATE, WHOLE, Anchor, located
from flows.compile import compile_text
from flows.edit import apply
from flows.table import Table

HOLD = (Path(__file__).parents[2] / "state_tables" / "call_with_hold.yaml").read_text()


def table(text: str) -> Table:
    found = compile_text(text).table
    assert found is not None
    return found


def marked(text: str) -> str:
    """Without ids, and with a description of its own for each row, by which a test knows it."""
    text = re.sub(r"^- id: \w+\n  from", "- from", text, flags=re.M)
    text = re.sub(r"^- {id: [\w-]+, ", "- {", text, flags=re.M)
    for row in range(len(table(text).rows)):
        edit = {"row": row, "field": "description", "value": f"row {row}"}
        text = apply(text, "change_row", edit).text
    return text


MARKED = marked(HOLD)
START = table(MARKED)
STATES = [name for name, state in START.states.items() if not state.final]
BASE = table(apply(MARKED, "delete_row", {"row": 3}).text)


def row(table: Table, anchor: Anchor | None) -> str:
    assert anchor is not None and isinstance(anchor.what, int)
    return table.rows[anchor.what].description


def edited(text: str, choice: tuple[str, int, int], made: int) -> str:
    operation, one, two = choice
    now = table(text)
    if operation == "rename_state":
        name = list(now.states)[one % len(now.states)]
        return apply(text, operation, {"name": name, "new_name": f"Named{made}"}).text
    at, before = one % len(now.rows), two % (len(now.rows) + 1)
    return apply(text, operation, {"row": at, "before": before}).text


choices = st.tuples(st.sampled_from(["rename_state", "move_row"]), st.integers(0), st.integers(0))


@settings(max_examples=12, deadline=None)
@given(st.lists(choices, min_size=1, max_size=4), st.integers(0, len(START.rows) - 1))
def test_a_row_is_followed_through_new_names_of_states_and_other_places(
    edits: list[tuple[str, int, int]], index: int
) -> None:
    texts = [MARKED]
    for made, choice in enumerate(edits):
        texts.append(edited(texts[-1], choice, made))
    tables = [table(text) for text in texts]
    found = located(Anchor(ROW, index), base=[BASE], text=tables)
    assert found is not None and found.side == NEW
    assert row(tables[-1], found) == START.rows[index].description


@settings(max_examples=12, deadline=None)
@given(st.lists(choices, min_size=1, max_size=4), st.sampled_from(STATES))
def test_a_state_is_followed_to_its_new_name(edits: list[tuple[str, int, int]], name: str) -> None:
    texts, now = [MARKED], name
    for made, choice in enumerate(edits):
        before = list(table(texts[-1]).states)
        texts.append(edited(texts[-1], choice, made))
        now = list(table(texts[-1]).states)[before.index(now)]
    found = located(Anchor(STATE, name), base=[], text=[table(text) for text in texts])
    assert found == Anchor(STATE, now)


def test_a_row_that_was_in_the_base_and_is_gone_is_found_there() -> None:
    after = table(apply(MARKED, "delete_row", {"row": 10}).text)
    found = located(Anchor(ROW, 10), base=[START], text=[START, after])
    assert found == Anchor(ROW, 10, OLD)
    assert found.exists(START, after) and not Anchor(ROW, 999).exists(START, after)


def test_a_row_that_is_in_neither_text_any_more_is_nowhere() -> None:
    assert located(Anchor(ROW, 3), base=[BASE], text=[START, BASE]) is None
    assert located(Anchor(ROW, 3), base=[], text=[START, BASE]) is None


def test_what_was_said_of_a_removed_row_stands_on_the_row_once_it_is_back() -> None:
    found = located(Anchor(ROW, 3, OLD), base=[START], text=[BASE, START])
    assert found == Anchor(ROW, 3, NEW)
    assert located(Anchor(ROW, 3, OLD), base=[START], text=[BASE]) == Anchor(ROW, 3, OLD)


def test_a_base_that_changed_meanwhile_is_followed_too() -> None:
    base = [START, table(apply(MARKED, "move_row", {"row": 3, "before": 0}).text)]
    assert located(Anchor(ROW, 3, OLD), base=base, text=[BASE, BASE]) == Anchor(ROW, 0, OLD)


def test_the_whole_is_where_it_was() -> None:
    assert located(WHOLE, base=[], text=[START]) == WHOLE
    assert WHOLE.kind == FLOW and WHOLE.exists(None, None)
