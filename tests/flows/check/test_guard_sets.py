"""Guards seen by a solver: what never holds, what always does, what crosses, what is missing."""

# ruff: noqa: E501  (a row of YAML is one line)

import pytest

from flows.check import examine
from flows.edit import apply

HEAD = """\
callflow: 1
name: small
variables: {retries: 0, hup: false}
states:
  Idle: {initial: true}
  Active: {group: talk}
  Terminated: {final: true}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 200}}], set: {retries: retries + 1, hup: true}, next_state: Active}
- {from_state: Active, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}
- {from_state: Active, role: UAS, event: DialogTimeout, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}
- {from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE, CleanupMedia, CleanupDialog], next_state: Terminated}
"""
FIRST = 13


def row(guards: str, then: str = "[StartEcho]", event: str = "MuteCall") -> str:
    return f"- {{from_state: Active, role: UAS, event: {event}, guards: [{guards}], actions: {then}}}\n"


def told(*rows: str):
    return [f for f in examine(HEAD + "".join(rows)).findings if f.code[:3] in ("DET", "MET")]


def codes(*rows: str):
    return [(f.code, f.place.line) for f in told(*rows)]


def test_a_table_with_guards_that_part_has_no_findings():
    assert codes(row("retries < 3"), row("retries >= 3", "[StopEcho]")) == []


@pytest.mark.parametrize(
    ("code", "rows", "line"),
    [
        ("DET206", [row("retries < 3 and retries >= 3")], FIRST),
        ("DET206", [row("retries > 2, retries < 3")], FIRST),
        ("DET206", [row("IsIdle")], FIRST),
        ("DET206", [row("event.code == 500", event="Dialog4xxFailure")], FIRST),
        ("DET207", [row("hup or not hup")], FIRST),
        ("DET207", [row("event.code >= 400", event="Dialog4xxFailure")], FIRST),
        ("DET210", [row("HasRemoteSDP")], FIRST),
        ("DET203", [row("hup"), row("hup and retries < 3 or hup and retries >= 3", "[StopEcho]")], FIRST + 1),
        ("DET203", [row("retries < 3"), row("retries > 1"), row("retries == 7", "[StopEcho]")], FIRST + 2),
        ("DET201", [row("retries < 3"), row("retries > 1", "[StopEcho]")], FIRST + 1),
        ("DET201", [row("hup"), row("retries > 1", "[StopEcho]")], FIRST + 1),
        ("DET209", [row("event.code < 410", event="Dialog4xxFailure"), row('"event.code in (404, 486)"', "[StopEcho]", event="Dialog4xxFailure"), row("true", event="Dialog4xxFailure")], FIRST + 1),
        ("DET208", [row("event.code == 486", event="Dialog4xxFailure")], FIRST),
        ("DET208", [row("hup", event="DialogACK")], FIRST),
    ],
)  # fmt: skip
def test_a_seeded_defect_is_found_by_its_code_at_its_line(code, rows, line):
    assert (code, line) in codes(*rows), told(*rows)


def test_a_narrow_guard_above_a_wide_one_is_good_style():
    assert codes(row("retries < 3 and hup"), row("retries < 3", "[StopEcho]")) == []
    assert codes(row("retries < 1"), row("retries < 3", "[StopEcho]")) == []


def test_guards_that_cross_and_do_the_same_are_left_alone():
    assert codes(row("hup"), row("retries > 1")) == []


def test_a_request_that_is_refused_by_itself_needs_no_default():
    assert (
        codes(
            row("event.sdp", "[SendSIPResponse]", event="InfoReceived").replace(
                "event.sdp", "event.body"
            )
        )
        == []
    )


def test_constants_that_one_value_equals_are_not_taken_for_different():
    assert ("DET203", FIRST + 1) in codes(row("retries == 1"), row("retries == 1.0", "[StopEcho]"))
    assert codes(row("retries == 1"), row("retries == 2", "[StopEcho]")) == []


def test_the_witness_is_told():
    (finding,) = told(row("retries < 3"), row("hup", "[StopEcho]"))
    assert "hup true" in finding.message and "retries" in finding.message


def test_a_gap_that_conditions_may_never_open_is_a_warning_and_called_heuristic():
    (finding,) = told(row("hup", event="DialogACK"))
    assert (finding.severity.value, finding.confidence) == ("warning", "heuristic")
    (finding,) = told(row("event.code == 486", event="Dialog4xxFailure"))
    assert (finding.severity.value, finding.confidence) == ("error", "proved")


@pytest.mark.parametrize(
    "rows",
    [
        [row("retries < 3"), row("retries > 1", "[StopEcho]")],
        [row("hup or not hup")],
    ],
)
def test_the_fix_mends_what_is_found(rows):
    text = HEAD + "".join(rows)
    finding = next(f for f in examine(text).findings if f.code.startswith("DET"))
    mended = apply(text, finding.fix["operation"], finding.fix["arguments"]).text
    assert [f.code for f in examine(mended).findings if f.code.startswith("DET")] == []


def test_sums_of_unknowns_are_said_to_be_undecided():
    head = HEAD.replace("retries: 0", "retries: 0, limit: 3")
    text = head + row("retries + limit < 4")
    found = [f for f in examine(text).findings if f.code == "META992"]
    assert len(found) == 1 and "two unknown numbers" in found[0].message


def test_many_crossing_guards_stop_at_a_limit_that_is_told():
    rows = "".join(
        row(f"retries > {i} and retries < {i + 200}", f"[{{PlayTone: {{frequency: {400 + i}}}}}]")
        for i in range(150)
    )
    assert any(f.code in ("META992", "DET201") for f in examine(HEAD + rows).findings)
