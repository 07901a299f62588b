"""One seeded defect for each structural rule, and none where there is none."""

# ruff: noqa: E501  (a row of YAML is one line)

import datetime
import textwrap

import pytest

from flows.check import RULES, examine, whole
from flows.findings import Severity

HEAD = """\
callflow: 1
name: small
states:
  Idle: {initial: true}
  Ringing: {group: setup}
  Active: {group: talk}
  Terminated: {final: true}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 180}}], next_state: Ringing}
- {from_state: Ringing, role: UAS, event: AcceptCall, actions: [GenerateLocalSDP, SendSIPResponse], next_state: Active}
- {from_state: Ringing, role: UAS, event: DialogCANCEL, actions: [{SendSIPResponse: {code: 487}}, CleanupDialog], next_state: Terminated}
- {from_state: Ringing, role: UAS, event: RejectCall, actions: [{SendSIPResponse: {code: 486}}, CleanupDialog], next_state: Terminated}
- {from_state: Active, role: UAS, event: DialogACK, actions: [StartMediaSession]}
- {from_state: Active, role: UAS, event: DialogTimeout, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}
- {from_state: Active, role: UAS, event: HangupCall, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}
- {from_state: Active, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}
"""


def found(text: str) -> list[tuple[str, int]]:
    """Codes with their line."""
    return [(f.code, f.place.line) for f in examine(text).findings]


def with_rows(rows: str) -> str:
    return HEAD + textwrap.dedent(rows)


def without(words: str) -> str:
    """The small table without the rows that hold these words."""
    lines = HEAD.splitlines(keepends=True)
    kept = [line for line in lines if not all(word in line for word in words.split())]
    assert len(kept) < len(lines)
    return "".join(kept)


def test_the_small_table_has_no_findings():
    assert found(HEAD) == []


DEFECTS = [
    ("REA301", with_rows("").replace("  Active:", "  Lost: {}\n  Active:"), 6),
    ("NAM109", with_rows("").replace("  Active:", "  Lost: {}\n  Active:"), 6),
    ("NAM109", HEAD.replace("states:", "variables: {n: 0}\nstates:"), 3),
    ("NAM110", HEAD.replace("  Active:", "  Ringin: {}\n  Active:"), 6),
    ("REA304", without("Active,"), 6),
    (
        "REA307",
        with_rows("- {from_state: Terminated, role: UAS, event: DialogBYE, next_state: Idle}\n"),
        17,
    ),
    ("REA308", with_rows("- {from_state: Active, role: UAS, event: DtmfDetected}\n"), 17),
    (
        "REA308",
        with_rows("- {from_state: Active, role: UAS, event: RtpTimeout, next_state: Active}\n"),
        17,
    ),
    (
        "DET202",
        with_rows(
            "- {from_state: Active, role: UAS, event: DialogACK, actions: [StartMediaSession]}\n"
        ),
        17,
    ),
    (
        "DET201",
        with_rows("- {from_state: Active, role: UAS, event: DialogACK, actions: [StartEcho]}\n"),
        17,
    ),
    (
        "DET203",
        with_rows(
            "- {from_state: Active, role: UAS, event: DialogACK, guards: [MediaReady], actions: [StartEcho]}\n"
        ),
        17,
    ),
    (
        "DET204",
        HEAD
        + "- {from_state: Active, role: Both, event: DialogBYE, actions: [CleanupDialog], next_state: Terminated}\n",
        17,
    ),
    (
        "DET203",
        HEAD
        + "- {from_state: Ringing, role: Both, event: AcceptCall, actions: [CleanupDialog], next_state: Terminated}\n",
        17,
    ),
    (
        "DET205",
        HEAD
        + "- {from_state: Any, role: UAS, event: DtmfDetected, publish_events: [DtmfReceived]}\n- {from_state: Ringing, role: UAS, event: DtmfDetected, ignore: x y}\n- {from_state: Active, role: UAS, event: DtmfDetected, ignore: x y}\n",
        17,
    ),
    (
        "DET205",
        HEAD.replace("group: talk", "group: talk, ignore: {RtpTimeout: fine}")
        + "- {from_state: Active, role: Both, event: RtpTimeout, actions: [StartEcho]}\n",
        6,
    ),
    (
        "META996",
        with_rows(
            "- {from_state: Active, role: UAS, event: HoldCall, actions: [CreateAudioMixer]}\n"
        ),
        17,
    ),
    (
        "META996",
        with_rows(
            "- {from_state: Active, role: UAS, event: JoinConference, actions: [StartEcho]}\n"
        ),
        17,
    ),
    (
        "META996",
        with_rows(
            "- {from_state: Active, role: UAS, event: HoldCall, guards: [OtherSessionActive], actions: [StartEcho]}\n"
        ),
        17,
    ),
    ("COV401", without("Active DialogBYE"), 6),
    ("COV402", without("Ringing DialogCANCEL"), 5),
    ("COV403", without("Active HangupCall"), 6),
    ("COV403", without("Ringing RejectCall"), 5),
    ("COV404", without("Active DialogTimeout"), 6),
]


@pytest.mark.parametrize(
    ("code", "text", "line"), DEFECTS, ids=[f"{d[0]}-{i}" for i, d in enumerate(DEFECTS)]
)
def test_a_seeded_defect_is_found_by_its_code_at_its_line(code: str, text: str, line: int):
    assert (code, line) in found(text), examine(text).findings


def test_a_closed_loop_has_no_way_to_the_end():
    text = without("Active DialogTimeout").replace("next_state: Terminated", "next_state: Ringing")
    codes = {code for code, _ in found(text)}
    assert "REA305" in codes and "REA304" not in codes


def test_a_state_that_only_the_other_role_leaves_is_a_dead_end_for_this_one():
    text = with_rows("- {from_state: Idle, role: UAC, event: MakeCall, next_state: Ringing}\n")
    finding = next(f for f in examine(text).findings if f.code == "REA304")
    assert "as UAC" in finding.message and finding.state == "Ringing"


def test_a_guarded_row_above_its_default_is_fine():
    rows = """\
        - {from_state: Active, role: UAS, event: InfoReceived, guards: [MediaReady], actions: [SendSIPResponse]}
        - {from_state: Active, role: UAS, event: InfoReceived, actions: [{SendSIPResponse: {code: 488}}]}
        - {from_state: Active, role: Both, event: MuteCall, guards: [not MediaReady], actions: [StartEcho]}
        - {from_state: Active, role: UAS, event: MuteCall, guards: [MediaReady], actions: [StopEcho]}
    """
    assert found(with_rows(rows)) == []


def test_two_timers_of_different_length_are_no_duplicates():
    rows = """\
        - {from_state: Active, role: UAS, event: {after: 10s}, publish_events: [StateChanged]}
        - {from_state: Active, role: UAS, event: {after: 20s}, next_state: Active}
    """
    assert found(with_rows(rows)) == []


def test_a_state_that_ignores_an_event_has_answered_it():
    text = without("Active HangupCall").replace(
        "group: talk", "group: talk, ignore: {HangupCall: no}"
    )
    assert found(text) == []


def test_a_wildcard_row_answers_for_every_state():
    text = without("Active HangupCall") + (
        "- {from_state: Any, role: UAS, event: HangupCall, "
        "actions: [CleanupMedia, CleanupDialog], next_state: Terminated}\n"
    )
    assert found(text) == []


def test_a_calling_side_needs_hang_up_and_time_limits_until_its_bye_is_answered():
    text = """\
        - {from_state: Idle, role: UAC, event: MakeCall, actions: [CreateDialog, GenerateLocalSDP, SendINVITE], next_state: Calling}
        - {from_state: Calling, role: UAC, event: Dialog200OK, actions: [SendACK], next_state: Active}
        - {from_state: Active, role: UAC, event: HangupCall, actions: [SendBYE], next_state: Terminating}
        - {from_state: Terminating, role: UAC, event: Dialog200OK, actions: [CleanupDialog], next_state: Terminated}
    """
    findings = examine(textwrap.dedent(text)).findings
    assert {(f.code, f.state) for f in findings} == {
        ("COV403", "Calling"),
        ("COV404", "Calling"),
        ("COV401", "Active"),
        ("COV404", "Terminating"),
    }
    assert all(f.severity is Severity.WARNING for f in findings)


def test_a_missing_row_comes_with_the_edit_that_adds_it():
    finding = next(f for f in examine(without("Active DialogBYE")).findings if f.code == "COV401")
    assert finding.fix == {
        "operation": "add_row",
        "arguments": {"from_state": "Active", "role": "UAS", "event": "DialogBYE"},
    }


WAIVED = with_rows(
    "- {from_state: Active, role: UAS, event: DtmfDetected, "
    "waive: [{code: REA308, reason: on purpose, until: 2027-01-31}]}\n"
)


def test_a_waived_finding_becomes_information_and_is_reported():
    compiled = examine(WAIVED, today=datetime.date(2027, 1, 31))
    assert [(f.code, f.severity) for f in compiled.findings] == [
        ("REA308", Severity.INFO),
        ("META993", Severity.WARNING),
    ]
    assert "on purpose" in compiled.findings[1].message
    assert compiled.deployable


def test_a_waiver_that_ran_out_has_no_effect():
    compiled = examine(WAIVED, today=datetime.date(2027, 2, 1))
    assert [(f.code, f.severity) for f in compiled.findings] == [
        ("REA308", Severity.WARNING),
        ("META993", Severity.WARNING),
    ]


def test_a_waiver_of_nothing_says_so():
    text = WAIVED.replace("REA308", "DET202")
    message = next(f.message for f in examine(text).findings if f.code == "META993")
    assert "nothing" in message


def test_a_waiver_of_what_only_the_deeper_check_finds_is_not_called_useless():
    compiled = examine(WAIVED.replace("REA308", "RES508"))
    message = next(f.message for f in compiled.findings if f.code == "META993")
    assert "is waived on this row" in message
    findings, _ = whole.examine(compiled)
    message = next(f.message for f in findings if f.code == "META993")
    assert "nothing any more" in message


def test_unknown_words_do_not_hide_what_is_wrong_with_the_shape():
    text = without("Active,").replace("CreateDialog", "CraeteDialog")
    codes = {code for code, _ in found(text)}
    assert {"NAM105", "REA304"} <= codes


def test_every_family_of_rules_is_registered():
    modules = {rule.__module__.rpartition(".")[2] for rule in RULES}
    assert modules >= {"names", "runtime", "determinism", "guard_sets", "reachability", "coverage"}


@pytest.mark.timeout(30)
def test_thousands_of_wildcard_rows_are_followed_once():
    states = "".join(f"  S{i}: {{}}\n" for i in range(400))
    events = ("DialogBYE", "DialogACK", "HangupCall", "Dialog200OK", "DialogTimeout")
    rows = "".join(
        f"- {{from_state: Any, role: Both, event: {events[i % 5]}, guards: [n == {i}], "
        f"next_state: S{i % 400}}}\n"
        for i in range(2500)
    )
    head = HEAD.replace("states:\n", f"variables: {{n: 0}}\nstates:\n{states}")
    assert examine(head + rows).table is not None
