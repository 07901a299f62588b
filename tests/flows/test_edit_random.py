"""Random edits: a text is changed where it was told to and nowhere else; nothing else raises."""

import functools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import document
from flows.document import Mapping, Sequence
from flows.edit import OPERATIONS, EditRefused, apply
from flows.edit.pieces import plain_of

DATA = Path(__file__).parent / "data"
STARTERS = Path(__file__).parents[2] / "state_tables"
TEXTS = {
    path.stem: path.read_bytes().decode()
    for path in sorted([*DATA.glob("*.yaml"), *STARTERS.glob("*.yaml")])
}
TEXTS["windows"] = TEXTS["indented"].replace("\n", "\r\n")
EDITS = 1000
PER_RUN = 25

NAMES = ["Idle", "Active", "OnHold", "Fresh", "No", "on air", "Zürich", "a: b", "#1", "{x}", "12"]
WORDS = ["IsIdle", "not MediaReady", "retries < 3", "event.code in (486, 600)", "No", "x#y", "it's"]
ACTIONS = [
    "SendACK",
    "CleanupDialog",
    {"SendSIPResponse": {"code": 486, "reason": "Busy: here, now"}},
    {"PlayAudioFile": {"file": "a b.wav", "repeat": True}},
    {"SetCondition": {"condition": "MediaReady", "value": False}},
]
CLIPS = [
    """- {id: clip, from_state: Active, role: Both, event: HoldCall, next_state: Idle}""",
    """
      # what comes with the row
      - id: clip
        from_state: Active
        event: DialogBYE   # the far side
        actions:
          - SendSIPResponse: {code: 200}
          - CleanupDialog
          # the end
      - from_state: Active
        event: {after: 30s}
        description: |
          two
          lines
""",
    """[{from_state: Idle, event: X}, {from_state: Active, event: HoldCall,
       actions: [SendACK,
                 CleanupDialog]}]""",
    """from_state: Idle\nevent: MakeCall\nactions:\n- SendACK\n""",
]
SENTENCES = [
    "",
    "plain",
    "with: colon",
    "# hash",
    "'",
    '"',
    "two\nlines",
    "tab\t",
    "- [x",
    "😀",
    " ",
]


@functools.lru_cache(8)
def read(text: str) -> document.Document:
    return document.read(text)


def rows_node(text: str) -> Sequence | None:
    root = read(text).root
    node = root.get("transitions") if isinstance(root, Mapping) else root
    return node if isinstance(node, Sequence) else None


def rows(text: str) -> list:
    node = rows_node(text)
    content = plain_of(node) if node is not None else []
    assert isinstance(content, list)
    return content


def states(text: str) -> dict:
    root = read(text).root
    content = plain_of(root.get("states")) if isinstance(root, Mapping) else {}
    return content if isinstance(content, dict) else {}


def random_edit(rng: random.Random, text: str) -> tuple[str, dict]:
    count = len(rows(text))
    row = rng.randrange(count) if count else 0
    known = list(states(text)) or ["Idle", "Active"]
    name, other = rng.choice(NAMES), rng.choice(known)
    field, value = rng.choice(list(field_values(rng, name)))
    edits = {
        "add_state": {"name": name, "group": rng.choice(["", "talk"]), "final": rng.random() < 0.2},
        "rename_state": {"name": other, "new_name": name},
        "delete_state": {"name": other, rng.choice(["retarget", "rows"]): rng.choice(known)},
        "set_state": {
            "name": other,
            "field": rng.choice(["group", "description"]),
            "value": rng.choice(SENTENCES),
        },
        "add_row": {
            "from_state": rng.choice(known),
            "event": rng.choice(["DialogBYE", "after 30s"]),
            "actions": rng.sample(ACTIONS, 2),
            "after_row": rng.choice([None, -1, row]),
        },
        "change_row": {"row": row, "field": field, "value": value},
        "retarget_row": {"row": row, "next_state": rng.choice([name, other, None])},
        "delete_row": {"row": row},
        "delete_rows": {"rows": rng.sample(range(count), min(count, rng.randrange(1, 4)))},
        "paste_rows": {
            "text": rng.choice(CLIPS),
            "from_state": rng.choice([None, other]),
            "after_row": rng.choice([None, -1, row]),
        },
        "move_row": {"row": row, "before": rng.randrange(count + 1)},
        "duplicate_row": {"row": row},
        "set_head": {
            "field": rng.choice(["name", "description"]),
            "value": rng.choice(SENTENCES),
        },
    }
    assert set(edits) == set(OPERATIONS)
    operation = rng.choice(list(edits))
    return operation, edits[operation]


def field_values(rng: random.Random, name: str) -> Iterator[tuple[str, object]]:
    yield "from_state", name
    yield "role", rng.choice(["UAC", "UAS", "Both"])
    yield "event", rng.choice(["DialogBYE", "after 30s", {"after": "1m"}])
    yield "guards", rng.sample(WORDS, rng.randrange(4))
    yield "actions", rng.sample(ACTIONS, rng.randrange(5))
    yield "next_state", rng.choice([name, None])
    yield "publish_events", rng.choice([None, [], ["CallEstablished"], ["A", "B", "C"]])
    yield "set", rng.choice([None, {"retries": "retries + 1"}, {"a": "1", "b": "'x: y'"}])
    yield "id", rng.choice([None, "the-id", "12"])
    yield "description", rng.choice(SENTENCES)
    yield "ignore", rng.choice(SENTENCES)


def expected_rows(old: list, operation: str, arguments: dict, new: str, focus: dict) -> list:
    """What the rows must be, told again without looking at the editor."""
    result = [dict(row) for row in old]
    row = arguments.get("row")
    if operation == "delete_row":
        del result[row]
    elif operation == "delete_rows":
        result = [fields for at, fields in enumerate(result) if at not in arguments["rows"]]
    elif operation == "paste_rows":
        root = read(arguments["text"]).root
        clip = plain_of(root) if isinstance(root, Sequence) else [plain_of(root)]
        at = focus["rows"][0] if "rows" in focus else 0
        for number, fields in enumerate(clip):
            fields = {**fields, "from_state": arguments["from_state"] or fields["from_state"]}
            if "id" in fields:
                fields["id"] = rows(new)[at + number]["id"]
            if not old and "role" not in fields:
                fields["role"] = rows(new)[at + number]["role"]
            result.insert(at + number, fields)
    elif operation == "move_row":
        moved = result[row]
        before = arguments["before"]
        result[row] = None
        result.insert(before, moved)
        result.remove(None)
    elif operation in ("duplicate_row", "add_row"):
        result.insert(focus["row"], rows(new)[focus["row"]])
    elif operation in ("change_row", "retarget_row"):
        field = arguments.get("field", "next_state")
        result[row].pop(field, None)
        if field in rows(new)[row]:
            result[row][field] = rows(new)[row][field]
    elif operation == "rename_state":
        for fields in result:
            for field in ("from_state", "next_state"):
                if fields.get(field) == arguments["name"]:
                    fields[field] = arguments["new_name"]
    elif operation == "delete_state":
        name, retarget = arguments["name"], arguments.get("retarget")
        result = [fields for fields in result if fields["from_state"] != name]
        for fields in result:
            if fields.get("next_state") == name:
                assert retarget is not None
                fields["next_state"] = retarget
    return result


def outside_lines(text: str, index: int) -> tuple[list[str], list[str]]:
    """The lines before a row, without the comments above it, and the lines after it."""
    node = rows_node(text)
    assert node is not None
    lines = text.splitlines()
    place = node.items[index].place
    before = lines[: place.line - 1]
    while before and before[-1].lstrip().startswith(("#", "-")) and "{" not in before[-1]:
        before.pop()
    return before, lines[place.end_line :]


def check_untouched_lines(old: str, new: str, operation: str, arguments: dict, focus: dict) -> None:
    old_lines, new_lines = old.splitlines(), new.splitlines()
    if operation in ("change_row", "retarget_row") and not rows_are_one_line(old):
        before, _ = outside_lines(old, arguments["row"])
        assert new_lines[: len(before)] == before
        _, after = outside_lines(old, arguments["row"])
        assert new_lines[len(new_lines) - len(after) :] == after
    elif operation in (
        "add_row",
        "duplicate_row",
        "add_state",
        "paste_rows",
    ) and not rows_are_one_line(old):
        extra = len(new_lines) - len(old_lines)
        first = next((i for i, x in enumerate(old_lines) if x != new_lines[i]), len(old_lines))
        assert extra > 0 and new_lines[:first] + new_lines[first + extra :] == old_lines
    elif operation == "delete_row" and not rows_are_one_line(old) and len(rows(old)) > 1:
        missing = len(old_lines) - len(new_lines)
        first = next((i for i, x in enumerate(new_lines) if x != old_lines[i]), len(new_lines))
        assert missing > 0 and old_lines[:first] + old_lines[first + missing :] == new_lines
    elif operation == "move_row" and not rows_are_one_line(old):
        assert sorted(new_lines) == sorted(old_lines)


def rows_are_one_line(text: str) -> bool:
    node = rows_node(text)
    return node is None or node.flow


@pytest.mark.parametrize("seed", range(EDITS // PER_RUN))
def test_a_thousand_random_edits_change_what_they_were_told_and_nothing_else(seed):
    rng = random.Random(seed)
    text = TEXTS[sorted(TEXTS)[seed % len(TEXTS)]]
    made = 0
    for _ in range(20 * PER_RUN):
        operation, arguments = random_edit(rng, text)
        try:
            edited = apply(text, operation, arguments)
        except EditRefused as refused:
            assert refused.message.endswith(".")
            continue
        assert read(edited.text).findings == []
        new = edited.text
        assert rows(new) == expected_rows(rows(text), operation, arguments, new, edited.focus)
        if isinstance(read(text).root, Mapping):
            check_untouched_lines(text, new, operation, arguments, edited.focus)
        text = new
        made += 1
        if made == PER_RUN:
            return
    raise AssertionError(f"only {made} edits were possible")


def test_few_random_edits_are_refused_as_unsafe():
    """The check after each edit is a net, not the way edits are made."""
    rng = random.Random(7)
    unsafe = []
    for _ in range(300):
        text = TEXTS[rng.choice(sorted(TEXTS))]
        operation, arguments = random_edit(rng, text)
        try:
            apply(text, operation, arguments)
        except EditRefused as refused:
            if "written here in a way" in refused.message:
                unsafe.append((operation, arguments))
    assert unsafe == []


# -- anything at all ------------------------------------------------------------------------------

YAMLISH = st.text(
    st.sampled_from("ab:-,[]{}&*!|>'\"%@#?\\ \n\t\r\0\x85\u2028\ufeff\ud800"), max_size=60
)
TABLEISH = st.lists(
    st.sampled_from(
        [
            "callflow: 1",
            "states:",
            "  Idle: {initial: true}",
            "  A:",
            "transitions:",
            "transitions: []",
        ]
        + ["- {from_state: A, event: B}", "  - from_state: A", "    event: B", "-", "- x", "- *r"]
        + [
            "- &r {from_state: A}",
            "# c",
            "",
            "  # c",
            "- - a",
            "- [a, b]",
            "states: [A]",
            "states: x",
        ]
        + [
            "- {from_state: [A], event: {after: 3s}}",
            "transitions: x",
            "\t",
            "- |",
            "  text",
            "...",
        ]
    ),
    max_size=8,
).map("\n".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | YAMLISH,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
ARGUMENT_NAMES = ["name", "new_name", "row", "before", "field", "value", "from_state", "event"]
ARGUMENT_NAMES += ["rows", "text", "edits", "operation", "arguments"]
ARGUMENT_NAMES += ["next_state", "after", "after_row", "retarget", "group", "actions"]
ARGUMENTS = st.dictionaries(
    st.sampled_from(ARGUMENT_NAMES),
    st.sampled_from(["A", "Idle", 0, 1, -1, "guards", "actions", "event", "id", "group"]) | VALUES,
    max_size=6,
)


@settings(max_examples=600, deadline=None)
@given(
    st.one_of(YAMLISH, TABLEISH), st.sampled_from([*OPERATIONS, "several", "x"]), ARGUMENTS | VALUES
)
def test_an_edit_of_anything_by_anything_is_made_or_refused(text, operation, arguments):
    try:
        edited = apply(text, operation, arguments)
    except EditRefused as refused:
        assert refused.message
    else:
        assert read(edited.text).readable


@pytest.mark.parametrize("seed", range(40))
def test_several_edits_at_once_give_what_each_of_them_gives_in_turn(seed):
    rng = random.Random(seed)
    text = start = TEXTS[sorted(TEXTS)[seed % len(TEXTS)]]
    edits = []
    while len(edits) < 5:
        operation, arguments = random_edit(rng, text)
        try:
            text = apply(text, operation, arguments).text
        except EditRefused:
            continue
        edits.append({"operation": operation, "arguments": arguments})
    assert apply(start, "several", {"edits": edits}).text == text
    edits.insert(rng.randrange(6), {"operation": "delete_state", "arguments": {"name": "Nowhere"}})
    with pytest.raises(EditRefused, match="There is no state Nowhere"):
        apply(start, "several", {"edits": edits})
