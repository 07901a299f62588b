"""How much can go wrong with a change: one sort of change at a time, and what it is called."""

from pathlib import Path

import pytest

from flows.changes import changes
from flows.check import examine
from flows.compile import compile_text
from flows.edit import apply
from flows.risk import HIGH, LOW, MEDIUM, NONE, Risk, risk
from flows.table import Table

HOLD = (Path(__file__).parents[2] / "state_tables" / "call_with_hold.yaml").read_text()


def table(text: str) -> Table:
    found = compile_text(text).table
    assert found is not None, compile_text(text).findings
    return found


def judged(new: str, old: str = HOLD) -> Risk:
    before, after = table(old), table(new)
    return risk(before, after, changes(before, after))


def replaced(old: str, new: str) -> Risk:
    assert HOLD.count(old) == 1, HOLD.count(old)
    return judged(HOLD.replace(old, new))


HANGUP = (
    "- {from_state: OnHold, role: Both, event: HangupCall, actions: [SendBYE, StopMediaSession],"
    " next_state: Terminating}\n"
)
HOLD_ROW = "{id: hold, from_state: Active, role: Both, event: HoldCall, "
MUTE = "event: MuteCall, actions: [MuteLocalAudio]"
CALLED = "  event: IncomingCall\n"
GLARE = "{from_state: HoldGlare, role: UAC, event: {after: 3s}"
ANSWERING = "from_state: Answering, role: UAS, event: ReinviteReceived, actions: "
REFUSES = ANSWERING + "[{SendSIPResponse: {code: 491}}]"
GROUP = "HoldGlare:\n    group: hold"
CASES = [
    ("a row that ends calls is gone", HANGUP, "", HIGH, "a row that ends calls is gone"),
    (
        "a row that only stays is new",
        HOLD_ROW,
        "{from_state: Active, role: Both, event: PlayAudio}\n- " + HOLD_ROW,
        LOW,
        "rows",
    ),
    ("what is done with the media", MUTE, "event: MuteCall", MEDIUM, "media changed"),
    ("a shorter wait", GLARE, GLARE.replace("3s", "2s"), MEDIUM, "a wait is shorter"),
    ("a longer wait", GLARE, GLARE.replace("3s", "4s"), LOW, "rows"),
    ("a refusal", REFUSES, REFUSES.replace("491", "500"), MEDIUM, "a refusal changed"),
    ("an answer that is no refusal", REFUSES, ANSWERING + "[{SendSIPResponse: {code: 200}}]",
     MEDIUM, "a refusal changed"),
    (
        "a number in a guard",
        CALLED,
        CALLED + "  guards: ['event.to == \"+4930\"']\n",
        MEDIUM,
        "number patterns",
    ),
    (
        "the number of an emergency service",
        CALLED,
        CALLED + "  guards: ['event.to == \"112\"']\n",
        HIGH,
        "emergency calls",
    ),
    ("an emergency flow", "features: [hold", "features: [emergency, hold", HIGH, "emergency"),
    ("only what is said", "The far side put us on hold.", "They hold us.", NONE, ""),
    ("a group", GROUP, "HoldGlare:\n    group: glare", LOW, "state"),
    ("where calls begin", "Idle:\n    initial: true", "Idle: {}\n  Start:\n    initial: true",
     HIGH, "beginning"),
    (
        "a state that ends calls now",
        "HeldByPeer:\n    group: hold",
        "HeldByPeer:\n    final: true\n    group: hold",
        HIGH,
        "a state that ends calls changed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "level", "kind"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
def test_the_class_of_a_change_and_what_it_is_called(
    old: str, new: str, level: str, kind: str
) -> None:
    if "final: true" in new:
        text = HOLD.replace(old, new)
        rows = [r for r in HOLD.splitlines() if "from_state: HeldByPeer" in r]
        found = judged("\n".join(line for line in text.splitlines() if line not in rows) + "\n")
    else:
        found = replaced(old, new)
    assert found.level == level, found.reasons
    if kind:
        assert kind in {reason.kind for reason in found.reasons}, found.reasons


def test_an_event_from_outside_that_loses_its_row_is_said() -> None:
    found = replaced("- {" + REFUSES + "}\n", "")
    assert (found.level, found.words) == (HIGH, "an event lost its row")
    assert "re-INVITE" in found.reasons[0].words


def test_a_state_that_is_gone_is_grave() -> None:
    text = apply(HOLD, "delete_state", {"name": "ResumeGlare", "incoming": "delete"}).text
    lost = [reason.kind for reason in judged(text).reasons]
    assert "a state is gone" in lost


def test_a_circle_of_timers_that_nothing_leaves_is_an_endless_loop() -> None:
    wait = "- {from_state: OnHold, role: Both, event: {after: 9s}, next_state: HeldByPeer}\n"
    back = "- {from_state: HeldByPeer, role: Both, event: {after: 9s}, next_state: OnHold}\n"
    assert "an endless loop" not in judged(HOLD + wait).words
    assert "an endless loop" in judged(HOLD + wait + back).words
    moved = apply(HOLD + wait + back, "rename_state", {"name": "OnHold", "new_name": "Held"}).text
    assert "an endless loop" not in judged(moved, HOLD + wait + back).words
    counted = back.replace("next_state", "guards: [MediaReady], next_state")
    assert "an endless loop" not in judged(HOLD + wait + counted).words


def test_what_the_checker_says_anew_counts_and_what_it_said_before_does_not() -> None:
    text = HOLD.replace(HANGUP, "")
    old, new = examine(HOLD), examine(text)
    assert old.table is not None and new.table is not None
    both = changes(old.table, new.table)
    found = risk(old.table, new.table, both, (old.findings, new.findings))
    assert any(reason.kind.startswith("a new ") for reason in found.reasons), found.reasons
    again = risk(new.table, new.table, changes(new.table, new.table), (new.findings, new.findings))
    assert (again.level, again.words) == (NONE, "nothing that calls notice changed")


def test_the_first_version_of_a_flow_is_of_middle_risk() -> None:
    assert risk(None, table(HOLD), None).level == MEDIUM


def test_each_reason_says_which_change_it_speaks_of() -> None:
    found = replaced(HANGUP, "")
    assert found.as_dict()["reasons"][0]["change"] == 0
