"""What needs no decision is mended, and nothing else."""

import pytest

from flows.check import examine
from flows.edit import EditRefused, apply
from flows.mend import SAFE, mend

END = (
    "- {from_state: Active, role: UAS, event: HangupCall, actions: [StopEcho], "
    "next_state: Failed}\n"
)
START = "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}\n"


def row(rest: str) -> str:
    return f"- {{from_state: Active, role: UAS, {rest}}}\n"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("event: MuteCal, actions: [StartEcho]", "event: MuteCall, actions: [StartEcho]"),
        ("event: MuteCall, actions: [StartEko]", "event: MuteCall, actions: [StartEcho]"),
        ('event: MuteCall, actions: ["StartEko"]', 'event: MuteCall, actions: ["StartEcho"]'),
        (
            "event: MuteCall, actions: [{PlayTone: {frequencey: 400}}]",
            "event: MuteCall, actions: [{PlayTone: {frequency: 400}}]",
        ),
        (
            "event: MuteCall, guards: ['not MediaRedy'], actions: [StartEcho]",
            "event: MuteCall, guards: ['not MediaReady'], actions: [StartEcho]",
        ),
        (
            "event: MuteCall, actoins: [StartEcho]",
            "event: MuteCall, actions: [StartEcho]",
        ),
        (
            "event: MuteCall, actions: [StartEcho], publish_events: [CallMutd]",
            "event: MuteCall, actions: [StartEcho], publish_events: [CallMuted]",
        ),
        ("event: DtmfDetected", "event: DtmfDetected, ignore: Nothing is to be done here."),
        (
            'event: DtmfDetected, guards: [true], actions: [StartEcho]',
            "event: DtmfDetected, actions: [StartEcho]",
        ),
    ],
)  # fmt: skip
def test_a_plain_slip_is_mended_in_place(wrong, right):
    done = mend(START + row(wrong) + END)
    assert done.text == START + row(right) + END
    assert len(done.mended) == 1 and done.mended[0].code in SAFE


def test_all_slips_of_a_text_are_mended_one_after_the_other():
    text = START.replace("IncomingCall", "IncomingCal") + row("event: MuteCal, actions: [StartEko]")
    done = mend(text + END + START.replace("IncomingCall", "IncomingCall"))
    assert [f.code for f in done.mended] == ["NAM103", "NAM103", "NAM105", "DET202"]
    assert examine(done.text).table is not None


def test_a_word_that_other_tools_misread_is_quoted():
    text = START.replace("Active", "No") + END.replace("Active", "No")
    quoted = START.replace("Active", '"No"') + END.replace("Active", '"No"')
    assert mend(text).text == quoted


def test_an_undeclared_state_is_declared():
    text = (
        "callflow: 1\nstates:\n  Idle: {initial: true}\n  Failed: {final: true}\ntransitions:\n"
        "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Ringing}\n"
        "- {from_state: Ringing, role: UAS, event: HangupCall, next_state: Failed}\n"
    )
    done = mend(text)
    assert "Ringing" in examine(done.text).table.states


def test_a_missing_row_is_left_to_the_author():
    done = mend(START.replace("next_state", "actions: [CreateDialog, SendSIPResponse], next_state"))
    assert done.mended == []


def test_a_good_text_is_left_as_it_is():
    text = START + row("event: MuteCall, actions: [StartEcho]") + END
    assert mend(text).text == text and mend(text).mended == []


PLACE = {"line": 1, "column": 4, "end_line": 1, "end_column": 8, "text": "b", "expected": "from"}


@pytest.mark.parametrize(
    "change",
    [
        {"expected": "other"},
        {"text": "a\nb"},
        {"text": ""},
        {"line": 99},
        {"column": -1},
        {"end_column": 10**9},
        {"line": True},
        {"text": "x" * 5000},
    ],
)
def test_an_edit_of_characters_that_are_not_there_is_refused(change):
    with pytest.raises(EditRefused):
        apply(START, "replace_text", {**PLACE, **change})
    assert apply(START, "replace_text", PLACE).text.startswith("- {b_state")


def test_an_edit_of_characters_works_where_nothing_can_be_read():
    assert (
        apply("a: [", "replace_text", {**PLACE, "column": 1, "end_column": 2, "expected": "a"}).text
        == "b: ["
    )  # noqa: E501
