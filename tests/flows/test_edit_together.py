"""Many rows in one edit, as a spreadsheet pastes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.edit import EditRefused, apply

TEXT = """\
callflow: 1
name: together
states:
  Idle: {initial: true}
  Talk: {}  # people talk
  Done: {final: true}
transitions:
  # the first
  - {from_state: Idle, role: UAS, event: IncomingCall, next_state: Talk}
  - {from_state: Talk, role: Both, event: DialogBYE, next_state: Done}  # they leave
  - {from_state: Talk, role: Both, event: HangupCall, actions: [SendBYE], next_state: Done}
"""


def rows(text: str) -> list[tuple[str, str, str | None]]:
    table = compile_text(text).sketch
    assert table is not None
    return [(row.from_state, row.event, row.next_state) for row in table.rows]


def test_rows_are_added_changed_and_removed_at_once() -> None:
    edited = apply(
        TEXT,
        "change_rows",
        {
            "add": [
                {"from_state": "Talk", "event": "MediaError", "next_state": "Done"},
                {"from_state": "Idle", "event": "Reset"},
                {"from_state": "Talk", "event": "RtpTimeout", "next_state": "Done"},
            ],
            "change": [{"row": 1, "fields": {"next_state": "Idle"}}],
            "remove": [2],
        },
    )
    assert rows(edited.text) == [
        ("Idle", "IncomingCall", "Talk"),
        ("Idle", "Reset", None),
        ("Talk", "DialogBYE", "Idle"),
        ("Talk", "MediaError", "Done"),
        ("Talk", "RtpTimeout", "Done"),
    ]
    assert "# the first" in edited.text and "# they leave" in edited.text
    assert edited.focus == {"row": 1}


def test_rows_are_added_where_there_were_none() -> None:
    text = "callflow: 1\nstates:\n  Idle: {initial: true}\ntransitions: []\n"
    adds = [{"from_state": "Idle", "event": event} for event in ("Reset", "MakeCall", "DialogBYE")]
    edited = apply(text, "change_rows", {"add": adds})
    assert [event for _, event, _ in rows(edited.text)] == ["Reset", "MakeCall", "DialogBYE"]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"add": {}},
        {"remove": [7]},
        {"remove": [True]},
        {"change": [{"row": 0, "fields": {}}]},
        {"change": [{"row": 0, "fields": {"colour": "red"}}]},
        {"change": [{"row": 0, "fields": {"next_state": "Talk"}}], "remove": [0]},
        {"add": [{"from_state": "Idle"}]},
        {"change": ["row"]},
    ],
)
def test_what_can_not_be_done_as_a_whole_is_not_done(arguments: dict[str, Any]) -> None:
    with pytest.raises(EditRefused):
        apply(TEXT, "change_rows", arguments)


EVENTS = ("DialogBYE", "HangupCall", "MediaError", "RtpTimeout", "after 5s")


@given(
    st.lists(st.tuples(st.sampled_from(["Idle", "Talk"]), st.sampled_from(EVENTS)), max_size=8),
    st.sets(st.integers(0, 2), max_size=3),
    st.dictionaries(st.integers(0, 2), st.sampled_from(["Idle", "Talk", "Done"]), max_size=3),
)
def test_together_is_the_same_as_one_after_the_other(
    adds: list[tuple[str, str]], removes: set[int], changes: dict[int, str]
) -> None:
    changes = {row: target for row, target in changes.items() if row not in removes}
    if not (adds or removes or changes):
        return
    arguments = {
        "add": [{"from_state": state, "event": event} for state, event in adds],
        "change": [{"row": r, "fields": {"next_state": t}} for r, t in changes.items()],
        "remove": sorted(removes),
    }
    text = TEXT
    for row, target in changes.items():
        text = apply(text, "retarget_row", {"row": row, "next_state": target}).text
    for row in sorted(removes, reverse=True):
        text = apply(text, "delete_row", {"row": row}).text
    for added in arguments["add"]:
        text = apply(text, "add_row", added).text
    edited = apply(TEXT, "change_rows", arguments)
    assert sorted(map(str, rows(edited.text))) == sorted(map(str, rows(text)))
