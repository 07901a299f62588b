"""Each state of a running version is judged: where sessions go on in another one, or why not."""

from __future__ import annotations

import pytest

from flows.compile import compile_text
from flows.moving import CHOSEN, MAPPING, RENAMED, SAFE, SAME, Way, carried, passage, targets
from flows.semantics import Program

LINE = """\
callflow: 1
variables: {tries: 0}
states: {Idle: {initial: true}, Active: {}, OnHold: {}, Terminated: {final: true}}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, CreateMediaSession], next_state: Active}
- {from_state: Active, role: UAS, event: HoldCall, next_state: OnHold}
- {from_state: OnHold, role: UAS, event: ResumeCall, next_state: Active}
- {from_state: OnHold, role: UAS, event: {after: 60s}, next_state: Active}
- {from_state: Any, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}
"""  # noqa: E501


def program(text: str) -> Program:
    table = compile_text(text).table
    assert table is not None, text
    return Program(table)


def ways(new: str, old: str = LINE, **more: dict[str, str]) -> dict[str, Way]:
    found = passage(program(old), program(new), more.get("names"), more.get("chosen"))
    return {state: way for (state, role), way in found.items() if role == "UAS"}


def test_every_state_of_the_same_version_is_safe() -> None:
    found = ways(LINE)
    assert list(found) == ["Idle", "Active", "OnHold"]
    assert {way.verdict for way in found.values()} == {SAFE}
    assert {way.how for way in found.values()} == {SAME}


def test_a_role_without_rows_has_no_way() -> None:
    found = passage(program(LINE), program(LINE))
    assert [key for key in found if key[1] == "UAC"] == []


def test_a_renamed_state_is_followed_and_compared_under_its_new_name() -> None:
    found = ways(LINE.replace("OnHold", "Held"), names={"OnHold": "Held"})["OnHold"]
    assert (found.verdict, found.target, found.how) == (SAFE, "Held", RENAMED)


def test_without_the_log_a_state_that_is_alike_is_only_suggested() -> None:
    found = ways(LINE.replace("OnHold", "Held"))["OnHold"]
    assert (found.verdict, found.target, found.suggestion) == (MAPPING, "", "Held")
    assert found.code == "VER971"


def test_a_person_chooses_where_sessions_go_on() -> None:
    found = ways(LINE.replace("OnHold", "Held"), chosen={"OnHold": "Active"})["OnHold"]
    assert (found.verdict, found.target, found.how) == (SAFE, "Active", CHOSEN)


def test_a_choice_that_is_no_state_counts_for_nothing() -> None:
    found = ways(LINE.replace("OnHold", "Held"), chosen={"OnHold": "Nowhere"})["OnHold"]
    assert found.verdict == MAPPING


def test_a_choice_of_a_state_that_ends_is_refused_with_the_reason() -> None:
    found = ways(LINE, chosen={"OnHold": "Terminated"})["OnHold"]
    assert (found.verdict, found.why) == (MAPPING, "The other version ends in Terminated.")


def test_a_state_that_holds_other_things_asks_for_a_person() -> None:
    new = LINE.replace("[CreateDialog, CreateMediaSession]", "[CreateDialog]")
    found = ways(new)["Active"]
    assert (found.verdict, found.code, found.target) == (MAPPING, "VER972", "Active")
    assert "media" in found.why.lower()
    agreed = ways(new, chosen={"Active": "Active"})["Active"]
    assert agreed.verdict == SAFE


def test_a_state_without_rows_for_the_role_asks_for_a_person() -> None:
    new = LINE.replace("from_state: Any, role: UAS", "from_state: Active, role: UAS")
    new = new.replace("{from_state: OnHold, role: UAS", "{from_state: OnHold, role: UAC")
    found = ways(new)["OnHold"]
    assert found.verdict == MAPPING and "no row for the role UAS" in found.why


def test_a_timer_that_would_be_lost_asks_for_a_person() -> None:
    new = "\n".join(row for row in LINE.splitlines() if "after" not in row)
    found = ways(new)["OnHold"]
    assert (found.verdict, found.code) == (MAPPING, "VER974")
    assert "after 1m" in found.why


def test_a_timer_of_another_length_goes_on_from_the_same_beginning() -> None:
    found = ways(LINE.replace("60s", "90s"))["OnHold"]
    assert found.verdict == SAFE
    assert found.timers == "after 1m becomes 90s, counted from when the state was entered"


def test_a_variable_of_another_kind_asks_for_a_person() -> None:
    found = ways(LINE.replace("tries: 0", "tries: none of them"))["Active"]
    assert found.verdict == MAPPING and "tries" in found.why


@pytest.mark.parametrize("value", ["1", "2.5", "null"])
def test_numbers_and_nothing_agree_with_a_number(value: str) -> None:
    assert ways(LINE.replace("tries: 0", f"tries: {value}"))["Active"].verdict == SAFE


def test_only_states_in_which_a_session_can_live_are_offered() -> None:
    assert targets(program(LINE), "UAS") == ["Idle", "Active", "OnHold"]
    assert targets(program(LINE), "UAC") == []


def test_values_go_over_by_name() -> None:
    here = program(LINE)
    there = program(LINE.replace("tries: 0", "tries: 9, queue: sales"))
    found = carried(here, there, {**here.initial_values, "tries": 2, "SDPNegotiated": True})
    assert (found.values["tries"], found.values["queue"]) == (2, "sales")
    assert found.values["SDPNegotiated"] is True
    assert found.told == {"gained": {"queue": "sales"}}
