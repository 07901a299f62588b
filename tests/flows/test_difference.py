"""Versions are compared by what they do: the class of change, the shortest way to see it, and what
becomes of the calls that live on the old one."""

from pathlib import Path

import pytest

from flows.check.catalogue import catalogue
from flows.compile import compile_text
from flows.difference import BREAKING, EXTENSION, REFINEMENT, SAME, as_text, difference
from flows.edit import EditRefused, apply
from flows.explore.walk import Bounds
from flows.findings import Severity
from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.step import Event

FOLDER = Path(__file__).parents[2] / "state_tables"
HOLD = (FOLDER / "call_with_hold.yaml").read_text("utf-8")

SMALL = """\
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, GenerateLocalSDP, {SendSIPResponse: {code: 200}}], next_state: Answering}
- {from_state: Answering, role: UAS, event: DialogACK, actions: [StartMediaSession], next_state: Active}
- {from_state: Answering, role: UAS, event: DialogTimeout, actions: [CleanupMedia, CleanupDialog], next_state: Failed}
- {from_state: Active, role: UAS, event: MuteCall, actions: [MuteLocalAudio], next_state: Muted}
- {from_state: Muted, role: UAS, event: UnmuteCall, actions: [UnmuteLocalAudio], next_state: Active}
- {from_state: Any, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog], next_state: Terminated, publish_events: [CallTerminated]}
"""  # noqa: E501


def compared(new: str, old: str = SMALL, **more):
    tables = [compile_text(text).table for text in (old, new)]
    assert all(tables)
    return difference(*tables, **more)


def codes(found):
    return {f.code for f in found.findings}


def test_a_table_is_the_same_as_itself():
    found = compared(SMALL)
    assert (found.change, found.parting, found.complete) == (SAME, None, True)
    assert codes(found) == {"VER976"}
    assert {v.verdict for v in found.states.values()} == {"migratable"}


def test_other_words_for_people_make_no_difference():
    found = compared(SMALL.replace("next_state: Muted}", "next_state: Muted, description: hush}"))
    assert found.change == SAME


def test_a_row_written_for_all_states_one_by_one_is_a_refinement():
    *rows, any_state = SMALL.splitlines(keepends=True)
    states = ("Idle", "Answering", "Active", "Muted")
    same = "".join(rows) + "".join(any_state.replace("Any", state) for state in states)
    found = compared(same)
    assert found.change == REFINEMENT and found.parting is None


def test_a_new_row_is_an_extension():
    found = compared(
        SMALL + "- {from_state: Active, role: UAS, event: HoldCall, actions: [HoldCall]}\n"
    )
    assert found.change == EXTENSION
    assert [what.event for what in found.way] == ["IncomingCall", "DialogACK", "HoldCall"]


def test_the_shortest_order_of_events_shows_what_a_changed_target_does():
    found = compared(SMALL.replace("[UnmuteLocalAudio], next_state: Active", "[UnmuteLocalAudio]"))
    assert found.change == BREAKING
    events = [what.event for what in found.way]
    assert events == ["IncomingCall", "DialogACK", "MuteCall", "UnmuteCall", "MuteCall"]
    finding = next(f for f in found.findings if f.code == "VER973")
    assert "MuteLocalAudio" in finding.message and len(finding.trace) == 5


def test_a_changed_outcome_is_a_difference_with_the_row_of_the_new_text():
    found = compared(SMALL.replace("[CallTerminated]", "[CallFailed]"))
    finding = next(f for f in found.findings if f.code == "VER973")
    assert finding.row == 5 and finding.place.line == 6


def test_a_state_that_is_gone_is_drained():
    found = compared(SMALL.replace("Muted", "Silent"))
    assert found.states["Muted"].verdict == "drain" and "VER971" in codes(found)
    assert found.change == REFINEMENT


def test_a_state_that_holds_something_else_is_drained():
    found = compared(SMALL.replace("[StartMediaSession]", "[StopMediaSession]"))
    verdict = found.states["Active"]
    assert (verdict.verdict, verdict.code) == ("drain", "VER972")
    assert "MediaReady" in verdict.why


def test_a_wait_whose_answer_the_new_version_does_not_take_is_drained():
    timeout = SMALL.splitlines(keepends=True)[2]
    found = compared(SMALL.replace(timeout, ""))
    assert (found.states["Answering"].verdict, found.states["Answering"].code) == (
        "drain",
        "VER974",
    )
    assert "DialogTimeout" in found.states["Answering"].why


def test_a_timer_of_another_length_is_a_difference():
    row = "- {from_state: Active, role: UAS, event: {after: %s}, actions: [StartEcho]}\n"
    found = compared(SMALL + row % "20s", old=SMALL + row % "10s")
    assert found.way[-1].label == "after 10s" and found.change == BREAKING


def test_what_only_a_field_decides_is_found():
    row = '- {from_state: Active, role: UAS, event: DtmfDetected, guards: [event.digit == "%s"], actions: [StartEcho]}\n'  # noqa: E501
    found = compared(SMALL + row % "2", old=SMALL + row % "1")
    assert found.way[-1].label in ("DtmfDetected(digit=1)", "DtmfDetected(digit=2)")


def test_a_counter_of_another_height_is_found_after_as_many_events():
    row = "- {from_state: Active, role: UAS, event: PlayAudio, guards: [n < %d], actions: [StartEcho], set: {n: n + 1}}\n"  # noqa: E501
    body = "".join("  " + line + "\n" for line in SMALL.splitlines())
    head = (
        "callflow: 1\nvariables: {n: 0}\nstates: {Idle: {initial: true}, Answering: {}, Active: {},"
        " Muted: {}, Failed: {final: true}, Terminated: {final: true}}\ntransitions:\n"
    )
    found = compared(head + body + "  " + row % 4, old=head + body + "  " + row % 3)
    assert sum(what.event == "PlayAudio" for what in found.way) == 4


NUMBERED = "callflow: 1\nversion: %s\nstates: {Idle: {initial: true}, Answering: {}, Active: {}, Muted: {}, Failed: {final: true}, Terminated: {final: true}}\ntransitions:\n"  # noqa: E501


@pytest.mark.parametrize(
    ("versions", "change", "least"),
    [
        (("1.2.3", "1.2.3"), ("", ""), ""),
        (("1.2.3", "1.2.4"), ("", ""), ""),
        (("1.2.3", "1.2.2"), ("", ""), "goes back"),
        (("1.2.3", "1.9.0"), ("CallTerminated", "CallFailed"), "2.0.0"),
        (("1.2.3", "2.0.0"), ("CallTerminated", "CallFailed"), ""),
        (("0.2.3", "0.3.0"), ("CallTerminated", "CallFailed"), ""),
        (("0.2.3", "0.2.4"), ("CallTerminated", "CallFailed"), "0.3.0"),
    ],
)
def test_a_version_s_step_is_held_to_its_change(versions, change, least):
    old, new = (NUMBERED % version + SMALL for version in versions)
    found = compared(new.replace(*change) if change[0] else new, old=old)
    wrong = [f for f in found.findings if f.code == "VER976" and f.severity is Severity.ERROR]
    assert bool(wrong) is bool(least)
    assert all(least in f.message and f.place.line == 2 for f in wrong)


def test_the_fix_of_a_small_step_is_the_least_version():
    old, new = NUMBERED % "1.2.3" + SMALL, NUMBERED % "1.2.4" + SMALL
    found = compared(new.replace("CallTerminated", "CallFailed"), old=old)
    fix = next(f.fix for f in found.findings if f.code == "VER976" and f.fix)
    mended = apply(new, fix["operation"], dict(fix["arguments"])).text
    assert mended == new.replace("1.2.4", "2.0.0")


def test_a_version_is_three_numbers():
    compiled = compile_text(NUMBERED % "1.2" + SMALL)
    assert [(f.code, f.place.line) for f in compiled.findings] == [("SYN003", 2)]
    with pytest.raises(EditRefused, match="three numbers"):
        apply(NUMBERED % "1.2.0" + SMALL, "set_head", {"field": "version", "value": "next"})


ROLES_OLD, ROLES_NEW = catalogue()["VER975"].old, catalogue()["VER975"].bad


def test_old_and_new_side_are_set_against_each_other_both_ways():
    found = compared(ROLES_NEW, old=ROLES_OLD)
    mixed = [f for f in found.findings if f.code == "VER975"]
    assert {tuple(sorted({(s["side"], s["version"]) for s in f.trace})) for f in mixed} == {
        (("UAC", "old"), ("UAS", "new"))
    }
    back = compared(ROLES_OLD, old=ROLES_NEW)
    mixed = [f for f in back.findings if f.code == "VER975"]
    assert {tuple(sorted({(s["side"], s["version"]) for s in f.trace})) for f in mixed} == {
        (("UAC", "new"), ("UAS", "old"))
    }


def test_what_is_wrong_with_one_version_alone_is_no_matter_of_mixing():
    deaf = "".join(line for line in HOLD.splitlines(True) if "event: DialogBYE" not in line)
    found = compared(deaf, old=deaf.replace("[CallRinging]", "[]"))
    assert found.composed and "VER975" not in codes(found)


def test_a_composition_that_was_cut_off_says_which_bound_was_hit():
    found = compared(ROLES_NEW, old=ROLES_OLD, bounds=Bounds(states=3))
    assert "3 joint configurations" in next(
        f.message for f in found.findings if f.code == "META992"
    )


REPLAYED = [(e.old, e.bad) for e in catalogue().values() if e.old and not e.record]


@pytest.mark.parametrize(("old", "new"), REPLAYED, ids=lambda text: "")
def test_each_trace_of_one_side_replays_in_the_executor_of_its_version(old, new):
    programs = {name: Program(compile_text(t).table) for name, t in (("old", old), ("new", new))}
    for finding in difference(*(p.table for p in programs.values())).findings:
        for steps in (finding.trace, tuple(s["old"] for s in finding.trace if "old" in s)):
            if finding.code == "VER975" or not steps:
                continue
            version = steps[0].get("version", "old")
            machine = Machine(programs[version], "s", steps[0]["side"], 0.0)
            for number, step in enumerate(steps):
                assert machine.state == step["before"]
                if step["name"] == "after":
                    machine.elapsed(step["fields"]["seconds"])
                done = machine.receive(Event(step["name"], step["fields"]), float(number))
                assert (done.row, list(done.actions)) == (step["row"], step["actions"])
                assert (machine.state, list(done.published)) == (step["after"], step["published"])


def test_a_walk_that_was_cut_off_says_that_it_is_no_proof():
    found = compared(HOLD, old=HOLD, budget=5)
    assert not found.complete and "no proof" in found.findings[0].message


def test_the_starter_with_hold_extends_and_changes_the_basic_call():
    basic = (FOLDER / "basic_call.yaml").read_text("utf-8")
    found = compared(HOLD, old=basic)
    assert found.change == BREAKING and found.complete
    assert [what.event for what in found.way] == ["MakeCall", "Dialog200OK", "HoldCall"]
    assert "Active" in as_text(found)


@pytest.mark.parametrize("name", ["echo_test", "auto_attendant_stub", "call_with_hold"])
def test_a_starter_is_the_same_as_itself(name):
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    found = compared(text, old=text)
    assert found.change == SAME and found.complete
    assert found.as_dict()["version_step"] == "none"
