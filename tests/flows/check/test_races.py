"""The races of RFC 5407 as rules: played on any table, listed where they can not come about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.check.deep import DeepResult, examine
from flows.check.races import CODES, FOUND, PASSED

DATA = Path(__file__).parents[1] / "data"
STARTERS = Path(__file__).parents[3] / "state_tables"
CORRECT = sorted([*STARTERS.glob("*.yaml"), *(DATA / "correct").glob("*.yaml")])
HOLD = (STARTERS / "call_with_hold.yaml").read_text()
FIELDS = {"side", "event", "row", "actions", "sends", "before", "after", "resources", "channel"}


def looked(text: str) -> DeepResult:
    return examine(text, tier=2)


def traces(text: str, code: str) -> list[tuple[dict[str, Any], ...]]:
    return [f.trace for f in looked(text).findings if f.code == code]  # type: ignore[misc]


@pytest.mark.parametrize("path", CORRECT, ids=lambda path: path.stem)
def test_correct_tables_pass_every_race_that_can_come_about(path: Path) -> None:
    races = looked(path.read_text()).races
    assert set(races) == set(CODES)
    assert FOUND not in races.values()
    for what in races.values():
        assert what == PASSED or what.startswith("not applicable: ")


def test_all_fourteen_can_come_about_in_a_call_with_hold() -> None:
    assert set(looked(HOLD).races.values()) == {PASSED}


def test_a_table_that_answers_nobody_is_not_said_to_have_passed() -> None:
    races = looked((DATA / "correct" / "busy.yaml").read_text()).races
    assert races["RACE906"] == (
        "not applicable: no call of the table waits for the ACK to a 200 of its own"
    )
    assert PASSED not in races.values()


def test_what_can_not_come_about_is_told_with_the_bounds() -> None:
    result = looked((STARTERS / "basic_call.yaml").read_text())
    told = next(f.message for f in result.findings if f.code == "META991")
    assert "11 of 14 races of RFC 5407 were played" in told
    assert "(RACE909, RACE911, RACE912 can not come about)" in told


def test_races_are_not_played_before_the_deeper_check() -> None:
    assert examine(HOLD, tier=1).races == {}


def test_a_race_is_told_in_two_lanes_with_what_is_under_way() -> None:
    row = "event: ReinviteReceived, actions: [{SendSIPResponse: {code: 481}}]}"
    trace = traces(HOLD.replace(row, row.replace("481", "200")), "RACE908")[0]
    assert all(set(line) >= FIELDS for line in trace)
    crossing = trace[-2:]
    us, them = crossing[1]["side"], crossing[0]["side"]
    assert {us, them} == {"UAC", "UAS"}
    assert crossing[0]["event"] == "sends re-INVITE (sendrecv)"
    assert crossing[0]["channel"][f"to {us}"] == ["re-INVITE (sendrecv)"]
    assert crossing[1]["name"] == "ReinviteReceived" and crossing[1]["row"] >= 0
    assert crossing[1]["sends"] == crossing[1]["channel"][f"to {them}"]
    assert crossing[1]["sends"][0].startswith("200 to re-INVITE")


def test_the_lanes_begin_where_the_session_begins() -> None:
    rest = "CleanupDialog], next_state: Cancelled"
    answer = f"[{{SendSIPResponse: {{code: 487}}}}, {rest}"
    text = HOLD.replace(answer, answer.replace("487", "480"))
    lines = traces(text, "RACE914")[0]
    assert [(line["side"], line["event"]) for line in lines] == [
        ("UAC", "sends INVITE (sendrecv)"),
        ("UAS", "IncomingCall (direction sendrecv)"),
        ("UAC", "sends BYE"),
        ("UAS", "DialogBYE"),
    ]
    assert lines[-1]["sends"] == ["200 to BYE", "480 to INVITE"]


def test_a_race_is_found_in_a_table_that_only_answers() -> None:
    text = (STARTERS / "echo_test.yaml").read_text()
    lines = text.splitlines()
    row = "- {from_state: Answering, role: UAS, event: ReinviteReceived"
    at = next(number for number, line in enumerate(lines) if line.startswith(row))
    lines[at] = lines[at].replace("491", "408")
    found = {(f.code, f.place.line) for f in looked("\n".join(lines) + "\n").findings}
    assert ("RACE904", at + 1) in found


def test_rows_that_speak_of_what_the_stack_keeps_to_itself_are_judged_where_they_are_meant() -> (
    None
):
    """A wildcard row for CANCEL is not meant for the call that is answered already."""
    row = (
        "- {from_state: Any, role: UAS, event: DialogCANCEL, actions: [{SendSIPResponse: {code: "
        "487}}, CleanupDialog], next_state: Cancelled, publish_events: [CallCancelled]}\n"
    )
    text = HOLD.replace("      DialogCANCEL: A late CANCEL of an answered call changes nothing "
                        "(RFC 3261 9.2).\n", "")  # fmt: skip
    assert looked(text + row).races["RACE902"] == PASSED
    meant = row.replace("from_state: Any", "from_state: Answering")
    assert looked(text + meant).races["RACE902"] == FOUND


def test_a_bye_that_crosses_our_refer_is_a_race_too() -> None:
    text = (DATA / "correct" / "transfer.yaml").read_text()
    lines = text.splitlines()
    row = "- {from_state: Referring, role: Both, event: DialogBYE"
    left = [line for line in lines if not line.startswith(row)]
    found = {(f.code, f.place.line) for f in looked("\n".join(left) + "\n").findings}
    assert ("RACE913", left.index("  Referring:") + 1) in found


@pytest.mark.parametrize("name", ["transfer", "early_media"])
def test_a_correct_table_survives_a_far_side_that_restarts(name: str) -> None:
    places = (STARTERS / f"{name}.yaml", DATA / "correct" / f"{name}.yaml")
    text = next(place for place in places if place.exists()).read_text()
    features = next(line for line in text.splitlines() if line.startswith("features: ["))
    claimed = text.replace(features, features.replace("[", "[restart, "))
    assert "CMP850" not in {f.code for f in looked(claimed).findings}
