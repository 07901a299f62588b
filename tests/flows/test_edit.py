"""Edits of the text: what changes, what stays, what is refused."""

import difflib
from pathlib import Path

import pytest

from flows.document import read
from flows.edit import OPERATIONS, EditRefused, apply
from flows.edit.pieces import plain_of

DATA = Path(__file__).parent / "data"
SUPPORT = (DATA / "support_line.yaml").read_text()
BARE = (DATA / "bare_list.yaml").read_text()
FLOW = (DATA / "flow_style.yaml").read_text()
INDENTED = (DATA / "indented.yaml").read_text()


def changed(text: str, operation: str, **arguments) -> tuple[list[str], list[str]]:
    """The lines an edit took away and the lines it brought."""
    new = apply(text, operation, arguments).text
    lines = list(difflib.ndiff(text.splitlines(), new.splitlines()))
    removed = [line[2:] for line in lines if line.startswith("- ")]
    added = [line[2:] for line in lines if line.startswith("+ ")]
    return removed, added


def rows(text: str) -> list:
    content = plain_of(read(text).root)
    return content if isinstance(content, list) else content["transitions"]


def states(text: str) -> dict:
    content = plain_of(read(text).root)
    assert isinstance(content, dict)
    return content["states"]


def row_of(text: str, **fields) -> int:
    """The index of the first row with these fields."""
    for index, row in enumerate(rows(text)):
        if all(row.get(name) == value for name, value in fields.items()):
            return index
    raise LookupError(fields)


# -- rows: fields ---------------------------------------------------------------------------------


def test_retargeting_a_row_changes_one_word_of_one_line():
    index = row_of(SUPPORT, from_state="Answering", event="DialogACK")
    removed, added = changed(SUPPORT, "retarget_row", row=index, next_state="OnHold")
    assert len(removed) == len(added) == 1
    assert added[0] == removed[0].replace("next_state: Active", "next_state: OnHold")


def test_a_row_without_target_stays():
    index = row_of(SUPPORT, from_state="Holding", event="ReinviteGlare")
    _, added = changed(SUPPORT, "retarget_row", row=index, next_state=None)
    assert added == ["- {from_state: Holding, role: Both, event: ReinviteGlare}"]


def test_a_field_in_block_style_keeps_its_comment():
    index = row_of(SUPPORT, from_state="Initiating", event="Dialog200OK")
    removed, added = changed(
        SUPPORT, "change_row", row=index, field="event", value="Dialog6xxFailure"
    )
    assert removed == ["  event: Dialog200OK   # see @Active"]
    assert added == ["  event: Dialog6xxFailure   # see @Active"]


def test_a_list_in_block_style_changes_item_by_item_and_keeps_comments():
    index = row_of(SUPPORT, from_state="Initiating", event="Dialog200OK")
    actions = [
        "NegotiateSDPAsUAC",
        "SendACK",
        {"PlayTone": {"frequency": 425}},
        "StartMediaSession",
    ]
    removed, added = changed(SUPPORT, "change_row", row=index, field="actions", value=actions)
    assert removed == []
    assert added == ["    - PlayTone: {frequency: 425}"]


def test_a_list_in_flow_style_changes_item_by_item_and_keeps_comments():
    actions = [{"SendSIPResponse": {"code": 486}}, "CleanupMedia", "CleanupDialog"]
    removed, added = changed(INDENTED, "change_row", row=1, field="actions", value=actions)
    assert removed == ["        {SendSIPResponse: {code: 480}},   # nobody"]
    assert added == ["        {SendSIPResponse: {code: 486}}, CleanupMedia,   # nobody"]


def test_an_argument_in_block_style_changes_in_its_own_line():
    actions = ["CreateDialog", {"SendSIPResponse": {"code": 183}}]
    removed, added = changed(INDENTED, "change_row", row=0, field="actions", value=actions)
    assert (removed, added) == (
        ["                    code: 180"],
        ["                    code: 183"],
    )


def test_a_new_field_is_put_where_the_others_would_expect_it():
    index = row_of(SUPPORT, from_state="Initiating", event="Dialog200OK")
    new = apply(SUPPORT, "change_row", {"row": index, "field": "guards", "value": ["MediaReady"]})
    assert "  event: Dialog200OK   # see @Active\n  guards: [MediaReady]\n  actions:\n" in new.text
    assert new.focus == {"row": index}


def test_a_new_first_field_takes_the_place_behind_the_dash():
    removed, added = changed(SUPPORT, "change_row", row=3, field="id", value="answered")
    assert (removed, added) == (
        ["- from_state: Initiating"],
        ["- id: answered", "  from_state: Initiating"],
    )
    back = apply(
        apply(SUPPORT, "change_row", {"row": 3, "field": "id", "value": "answered"}).text,
        "change_row",
        {"row": 3, "field": "id", "value": None},
    )
    assert back.text == SUPPORT


def test_a_field_in_a_flow_row_over_several_lines_is_added_and_removed_in_place():
    index = row_of(SUPPORT, event="RejectCall")
    arguments = {"row": index, "field": "publish_events", "value": ["CallTerminated"]}
    new = apply(SUPPORT, "change_row", arguments).text
    assert "   next_state: Terminated, publish_events: [CallTerminated]}\n" in new
    assert apply(new, "change_row", arguments | {"value": None}).text == SUPPORT


def test_a_block_of_lines_can_become_one_value():
    removed, added = changed(INDENTED, "change_row", row=1, field="event", value="DialogBYE")
    assert added == ["      event: DialogBYE"]
    assert removed == ["      event:", "        after: 20s"]
    removed, added = changed(INDENTED, "change_row", row=1, field="event", value="after 30s")
    assert (removed, added) == (["        after: 20s"], ["        after: 30s"])
    removed, added = changed(INDENTED, "change_row", row=1, field="description", value="Short.")
    assert added == ["      description: Short."]


@pytest.mark.parametrize(
    "value, written",
    [
        ("No", "'No'"),
        ("on", "'on'"),
        ("486", "'486'"),
        ("1:30", "'1:30'"),
        ("~", "'~'"),
        ("a: b", "'a: b'"),
        ("a #b", "'a #b'"),
        ("it's", "it's"),
        ("- x", "'- x'"),
        ("[x]", "'[x]'"),
        ("@x", "'@x'"),
        ("2026-01-01", "'2026-01-01'"),
        ("two\nlines", r'"two\nlines"'),
        ("tab\t.", r'"tab\t."'),
        ("bell\x07", r'"bell\U00000007"'),
        ("sip:bob@example.com", "sip:bob@example.com"),
        (" edge ", "' edge '"),
        ('say "x"', "'say \"x\"'"),
        ("Grüße 😀", "Grüße 😀"),
    ],
)
def test_a_new_value_is_quoted_when_yaml_would_make_something_else_of_it(value, written):
    _, added = changed(SUPPORT, "change_row", row=1, field="description", value=value)
    assert (
        f"description: {written}, from_state" in added[0]
        or f", description: {written}" in added[0]
        or f"{{description: {written}" in added[0]
    )
    new = apply(SUPPORT, "change_row", {"row": 1, "field": "description", "value": value}).text
    assert rows(new)[1]["description"] == value


def test_a_value_keeps_the_quotes_it_had():
    _, added = changed(FLOW, "change_row", row=1, field="event", value="HangupCall")
    assert '"event": "HangupCall"' in added[0]


def test_numbers_are_written_as_numbers_only_as_arguments():
    actions = [
        {"SendSIPResponse": {"code": 486, "reason": "404"}},
        {"SetCondition": {"condition": "MediaReady", "value": True}},
    ]
    _, added = changed(SUPPORT, "change_row", row=1, field="actions", value=actions)
    assert "{code: 486, reason: 404}" in added[0] and "value: true}" in added[0]


# -- rows: whole ----------------------------------------------------------------------------------


def test_a_new_row_follows_the_last_row_of_its_state_in_its_style():
    removed, added = changed(
        SUPPORT,
        "add_row",
        from_state="OnHold",
        role="Both",
        event="after 1h",
        actions=["SendBYE"],
        next_state="Terminating",
    )
    assert removed == []
    assert added == [
        "- {from_state: OnHold, role: Both, event: {after: 1h}, actions: [SendBYE],"
        " next_state: Terminating}"
    ]
    edited = apply(SUPPORT, "add_row", {"from_state": "OnHold", "event": "DialogError"})
    assert edited.focus == {"row": row_of(SUPPORT, from_state="OnHold", event="HangupCall") + 1}
    assert rows(edited.text)[edited.focus["row"]]["role"] == "Both"


def test_a_new_row_beside_a_block_row_is_a_block_row():
    _, added = changed(
        INDENTED,
        "add_row",
        from_state="Idle",
        event="DialogError",
        next_state="Terminated",
        after_row=0,
    )
    assert [line for line in added if line] == [
        "    -   from_state: Idle",
        "        role: UAS",
        "        event: DialogError",
        "        next_state: Terminated",
    ]
    assert added.count("") == 1


def test_a_row_can_be_put_first_and_into_an_empty_table():
    new = apply(SUPPORT, "add_row", {"from_state": "Idle", "event": "Reset", "after_row": -1})
    assert new.focus == {"row": 0} and rows(new.text)[0]["event"] == "Reset"
    for empty in (
        "callflow: 1\ntransitions: []\n",
        "callflow: 1\ntransitions:\n",
        "callflow: 1\n",
        "[]",
        "",
    ):
        added = apply(empty, "add_row", {"from_state": "Idle", "event": "Reset", "role": "UAS"})
        assert rows(added.text) == [{"from_state": "Idle", "role": "UAS", "event": "Reset"}], empty


def test_a_deleted_row_takes_its_comments_with_it():
    index = row_of(SUPPORT, id="ring")
    removed, added = changed(SUPPORT, "delete_row", row=index)
    assert added == []
    assert removed[0] == "# An idle line rings." and removed[-1] == "    - IncomingCall"
    assert "# ---- being called ----------------------------------" not in removed


def test_the_comment_that_begins_a_file_is_not_the_first_rows():
    text = "# my table\n- {from_state: A, event: B}\n- {from_state: C, event: D}\n"
    assert apply(text, "delete_row", {"row": 0}).text == "# my table\n- {from_state: C, event: D}\n"


def test_the_last_row_leaves_an_empty_list():
    text = "callflow: 1\ntransitions: # all\n- {from_state: A, event: B}\n"
    assert rows(apply(text, "delete_row", {"row": 0}).text) == []
    assert apply(text, "delete_row", {"row": 0}).text == "callflow: 1\ntransitions: [] # all\n"
    assert apply("- {from_state: A, event: B}", "delete_row", {"row": 0}).text == "[]"


def test_a_moved_row_keeps_its_lines():
    for text in (SUPPORT, BARE, FLOW, INDENTED):
        count = len(rows(text))
        for index in {0, 1, count // 2, count - 2, count - 1}:
            for before in {0, index // 2, count - 1, count}:
                edited = apply(text, "move_row", {"row": index, "before": before})
                order = list(range(count))
                at = edited.focus["row"]
                order.insert(at, order.pop(index))
                assert rows(edited.text) == [rows(text)[i] for i in order]
                if text is not FLOW:
                    assert sorted(edited.text.splitlines()) == sorted(text.splitlines())


def test_a_copied_row_follows_its_original_with_an_id_of_its_own():
    index = row_of(SUPPORT, id="ring")
    edited = apply(SUPPORT, "duplicate_row", {"row": index})
    copied = rows(edited.text)[index + 1]
    assert copied["id"] == "ring-2" and copied | {"id": "ring"} == rows(SUPPORT)[index]
    again = apply(edited.text, "duplicate_row", {"row": index + 1})
    assert rows(again.text)[index + 2]["id"] == "ring-3"


# -- states ---------------------------------------------------------------------------------------


def test_a_new_state_stands_with_its_group():
    removed, added = changed(SUPPORT, "add_state", name="Queued", group="hold")
    assert (removed, added) == ([], ["  Queued: {group: hold}"])
    names = list(states(apply(SUPPORT, "add_state", {"name": "Queued", "group": "hold"}).text))
    assert names.index("Queued") == names.index("Resuming") + 1


def test_a_new_state_stands_before_the_final_ones_or_where_it_is_told():
    names = list(states(apply(SUPPORT, "add_state", {"name": "Queued"}).text))
    assert names.index("Queued") == names.index("Terminating") + 1
    names = list(states(apply(SUPPORT, "add_state", {"name": "Lost", "final": True}).text))
    assert names[-1] == "Lost"
    names = list(states(apply(SUPPORT, "add_state", {"name": "Queued", "after": "Idle"}).text))
    assert names.index("Queued") == 1


def test_a_bare_list_gets_a_head_when_a_state_is_added_and_its_rows_stay():
    new = apply(BARE, "add_state", {"name": "Ringing"}).text
    assert states(new) == {
        "Idle": {"initial": "true"},
        "Initiating": {},
        "Active": {},
        "Ringing": {},
        "Terminated": {"final": "true"},
    }
    assert rows(new) == rows(BARE)
    assert [line for line in BARE.splitlines() if line not in new.splitlines()] == []
    assert new.startswith("# Two rows as another system prints them.\n")


def test_a_renamed_state_is_renamed_in_its_declaration_rows_and_marks():
    text = SUPPORT.replace("properties: []", 'properties: ["after Active always Terminating"]')
    new = apply(text, "rename_state", {"name": "Active", "new_name": "On Air"}).text
    assert "  On Air: {group: talk}\n" in new
    assert "# see @On Air\n" in new
    assert 'properties: ["after On Air always Terminating"]' in new
    content = [{k: "Active" if v == "On Air" else v for k, v in row.items()} for row in rows(new)]
    assert content == rows(SUPPORT)
    back = apply(new, "rename_state", {"name": "On Air", "new_name": "Active"})
    assert back.text == text and back.focus == {"state": "Active"}


def test_a_state_whose_name_is_a_word_for_yaml_is_quoted():
    new = apply(BARE, "rename_state", {"name": "Initiating", "new_name": "on"}).text
    assert "next_state: 'on'" in new and "from_state: 'on'" in new


def test_a_state_that_others_lead_to_is_not_deleted():
    with pytest.raises(EditRefused, match="2 rows lead to OnHold"):
        apply(SUPPORT, "delete_state", {"name": "OnHold"})


def test_a_deleted_state_takes_its_rows_and_can_hand_over_what_led_to_it():
    new = apply(
        SUPPORT, "delete_state", {"name": "OnHold", "rows": "delete", "retarget": "Active"}
    ).text
    assert "OnHold" not in states(new)
    assert all("OnHold" not in row.values() for row in rows(new))
    assert (
        rows(new)[row_of(SUPPORT, from_state="Holding", event="Dialog200OK")]["next_state"]
        == "Active"
    )
    gone = apply(SUPPORT, "delete_state", {"name": "OnHold", "incoming": "delete"}).text
    assert all("OnHold" not in row.values() for row in rows(gone))


def test_the_initial_state_is_not_deleted():
    for text in (SUPPORT, BARE, FLOW, INDENTED):
        with pytest.raises(EditRefused, match="initial"):
            apply(text, "delete_state", {"name": "Idle"})


def test_a_state_is_changed_in_place():
    removed, added = changed(SUPPORT, "set_state", name="Holding", field="group", value="talk")
    assert (removed, added) == (
        ["  Holding: {group: hold}   # the re-INVITE is out"],
        ["  Holding: {group: talk}   # the re-INVITE is out"],
    )
    new = apply(SUPPORT, "set_state", {"name": "Active", "field": "initial", "value": True}).text
    assert [n for n, fields in states(new).items() if "initial" in fields] == ["Active"]
    assert "  Active: {initial: true, group: talk}\n" in new
    new = apply(INDENTED, "set_state", {"name": "Ringing", "field": "group", "value": "x"}).text
    assert "    Ringing: {group: x}\n" in new


# -- head -----------------------------------------------------------------------------------------


def test_the_head_is_set_field_by_field():
    removed, added = changed(SUPPORT, "set_head", field="description", value="Short")
    assert len(removed) == 1 and added == ["description: 'Short'"]
    new = apply(INDENTED, "set_head", {"field": "features", "value": ["hold"]})
    assert "no line break\nfeatures: [hold]\nstates:" in new.text
    assert new.focus == {"head": "features"}
    new = apply(
        SUPPORT, "set_head", {"field": "variables", "value": {"retries": 1, "who": "No"}}
    ).text
    assert "  retries: 1\n  who: 'No'\n" in new


# -- line ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [SUPPORT, BARE, INDENTED])
def test_a_file_with_crlf_keeps_it_in_every_line(text):
    windows = text.replace("\n", "\r\n")
    for operation, arguments in SAMPLES:
        expected = apply(text, operation, arguments).text
        assert apply(windows, operation, arguments).text == expected.replace("\n", "\r\n")


SAMPLES = [
    ("add_row", {"from_state": "Idle", "event": "Reset"}),
    ("delete_row", {"row": 1}),
    ("move_row", {"row": 0}),
    ("duplicate_row", {"row": 2}),
    ("change_row", {"row": 0, "field": "id", "value": "x"}),
    ("change_row", {"row": 0, "field": "actions", "value": ["CreateDialog", "SendACK"]}),
    ("add_state", {"name": "Fresh"}),
    ("rename_state", {"name": "Idle", "new_name": "Rest"}),
]


def test_a_byte_order_mark_stays():
    new = apply("\ufeff" + SUPPORT, "rename_state", {"name": "Active", "new_name": "Talk"}).text
    assert (
        new
        == "\ufeff" + apply(SUPPORT, "rename_state", {"name": "Active", "new_name": "Talk"}).text
    )


# -- refusals -------------------------------------------------------------------------------------

TWO_WORDS = [{"a": {}, "b": {}}]
NO_INITIAL = {"name": "Idle", "field": "initial", "value": False}
DEEP = {"a": [[[[[[[[[[1]]]]]]]]]]}


def row_0(field: str, value) -> dict:
    return {"row": 0, "field": field, "value": value}


REFUSED = [
    ("no such edit", "explode", {}, "There is no edit"),
    ("a row that is not there", "delete_row", {"row": 999}, "There is no row 999"),
    ("a row that is no number", "delete_row", {"row": "1"}, "number of a row"),
    ("a truth value as a row", "delete_row", {"row": True}, "number of a row"),
    ("an unknown field", "change_row", row_0("colour", "red"), "no field"),
    ("a row without event", "change_row", row_0("event", None), "without event"),
    ("a role nobody has", "change_row", row_0("role", "Boss"), "one of UAC"),
    ("a list where a word is due", "change_row", row_0("event", ["x"]), "is a word"),
    ("a word where a list is due", "change_row", row_0("guards", "x"), "needs a list"),
    ("two words as one action", "change_row", row_0("actions", TWO_WORDS), "one word"),
    ("a state twice", "add_state", {"name": "Active"}, "already"),
    ("a name for every state", "add_state", {"name": "Any"}, "every state"),
    ("a state without name", "add_state", {"name": ""}, "needs a name"),
    ("an unknown state", "rename_state", {"name": "Nobody", "new_name": "X"}, "no state Nobody"),
    ("a name that is taken", "rename_state", {"name": "Active", "new_name": "OnHold"}, "already"),
    ("no initial state", "set_state", NO_INITIAL, "begins somewhere"),
    ("half a character", "set_head", {"field": "name", "value": "\ud800"}, "half a character"),
    ("a value too deep", "set_head", {"field": "variables", "value": DEEP}, "nested"),
    ("a kind no file holds", "set_head", {"field": "name", "value": object()}, "kind object"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=[case[0] for case in REFUSED])
def test_an_edit_that_makes_no_sense_is_refused_with_a_sentence(case):
    _, operation, arguments, words = case
    with pytest.raises(EditRefused, match=words) as refused:
        apply(SUPPORT, operation, arguments)
    assert refused.value.message.endswith(".")


def test_a_broken_text_is_not_edited():
    with pytest.raises(EditRefused, match="Mend the text first: line 2"):
        apply("a: 1\n\tb: 2\n", "add_state", {"name": "X"})


def test_an_edit_that_would_change_another_row_is_refused():
    text = "- &r {from_state: A, event: B}\n- *r\n"
    with pytest.raises(EditRefused):
        apply(text, "change_row", {"row": 0, "field": "event", "value": "C"})
    with pytest.raises(EditRefused):
        apply(text, "delete_row", {"row": 0})
    assert rows(apply(text, "delete_row", {"row": 1}).text) == [{"from_state": "A", "event": "B"}]


def test_every_operation_is_tried_here():
    source = Path(__file__).read_text()
    assert [name for name in OPERATIONS if f'"{name}"' not in source] == []


# -- several rows at once -------------------------------------------------------------------------


def test_several_rows_are_deleted_in_one_edit():
    left = [row for at, row in enumerate(rows(FLOW)) if at not in (0, 2)]
    assert rows(apply(FLOW, "delete_rows", {"rows": [2, 0, 2]}).text) == left


def test_pasted_rows_keep_their_lines_and_take_the_state_they_are_pasted_into():
    clip = (
        "    # asked for by the desk\n"
        "    - id: hold-start\n"
        "      from_state: Active\n"
        "      event: HoldCall # twice\n"
        "      actions:\n"
        "        - SendBYE\n"
    )
    done = apply(SUPPORT, "paste_rows", {"text": clip, "from_state": "Ringing"}).text
    lines = list(difflib.ndiff(SUPPORT.splitlines(), done.splitlines()))
    added = [line[2:] for line in lines if line.startswith("+ ")]
    assert not [line for line in lines if line.startswith("- ")]
    assert [line.strip() for line in added] == [
        "# asked for by the desk",
        "- id: hold-start",
        "from_state: Ringing",
        "event: HoldCall # twice",
        "actions:",
        "- SendBYE",
    ]
    twice = apply(apply(SUPPORT, "paste_rows", {"text": clip}).text, "paste_rows", {"text": clip})
    ids = [row["id"] for row in rows(twice.text) if "id" in row]
    assert len(ids) == len(set(ids)) and "hold-start-2" in ids


def test_rows_are_pasted_into_a_table_that_has_none_yet():
    empty = "callflow: 1\nname: x\nstates:\n  Idle: {initial: true}\ntransitions: []\n"
    clip = "- {from_state: A, event: X}\n- {from_state: A, role: UAC, event: Y, next_state: Idle}\n"
    done = rows(apply(empty, "paste_rows", {"text": clip, "from_state": "Idle"}).text)
    assert [(row["from_state"], row["event"]) for row in done] == [("Idle", "X"), ("Idle", "Y")]


@pytest.mark.parametrize("clip", ["hello", "- 1", "[]", "- {event: X}", "a: [", "- &a {x: *a}"])
def test_what_is_no_list_of_rows_is_not_pasted(clip):
    with pytest.raises(EditRefused):
        apply(SUPPORT, "paste_rows", {"text": clip})


def test_of_several_edits_all_are_made_or_none():
    edits = [
        {"operation": "add_state", "arguments": {"name": "Parked"}},
        {"operation": "retarget_row", "arguments": {"row": 0, "next_state": "Parked"}},
    ]
    done = apply(SUPPORT, "several", {"edits": edits})
    assert "Parked" in states(done.text) and rows(done.text)[0]["next_state"] == "Parked"
    assert done.focus == {"row": 0}
    with pytest.raises(EditRefused, match="a list of 1 to"):
        apply(SUPPORT, "several", {"edits": []})
    with pytest.raises(EditRefused, match="There is no edit"):
        apply(SUPPORT, "several", {"edits": [*edits, {"operation": "several"}]})
