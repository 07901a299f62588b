"""One seeded defect for each deep rule, found by that rule at that line with a trace to replay."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.check import examine as examine_text
from flows.check.deep import Bounds, DeepResult, examine
from flows.compile import compile_text
from flows.edit.operations import apply
from flows.findings import Severity
from flows.semantics import Program
from flows.table import Table
from tests.flows.check.replaying import replayed

DATA = Path(__file__).parents[1] / "data"
STARTERS = Path(__file__).parents[3] / "state_tables"
BASIC, HOLD, ECHO = "basic_call", "call_with_hold", "echo_test"


@cache
def starter(name: str) -> str:
    return (STARTERS / f"{name}.yaml").read_text()


class Seed(NamedTuple):
    """A defect: `old` on the line that begins with `at` becomes `new`; `found` begins the line at
    which the rule speaks, the changed line itself if it is empty."""

    code: str
    table: str
    at: str
    old: str
    new: str
    found: str = ""
    tier: int = 1


CLEAN = "[CleanupMedia, CleanupDialog]"
ACTIVE_BYE = "- {from_state: Active, role: Both, event: DialogBYE"
ACTIVE_HANGUP = "- {from_state: Active, role: Both, event: HangupCall"
RING = "- {id: nobody-accepts"
CANCELS = "- {id: caller-gives-up"
FAST = "- {id: answered-at-once"
RINGING_HANGUP = "- {from_state: Ringing, role: UAC, event: HangupCall"
REINVITE = "- {from_state: Active, role: Both, event: ReinviteReceived, actions"
DROPPED = ""

SEEDS = [
    Seed("RES501", BASIC, ACTIVE_BYE, CLEAN, "[CleanupMedia]"),
    Seed("RES502", BASIC, ACTIVE_BYE, CLEAN, "[CleanupDialog]"),
    Seed("RES503", BASIC, "  actions: [CreateDialog, StoreRemoteSDP", "[Cr", "[CreateDialog, Cr"),
    Seed("RES504", BASIC, CANCELS, "[{Send", "[StopMediaSession, {Send"),
    Seed("RES505", BASIC, ACTIVE_BYE, CLEAN, "[CleanupMedia, CleanupDialog, CleanupDialog]"),
    Seed("RES506", BASIC, ACTIVE_BYE, CLEAN, "[CleanupMedia, StopMediaSession, CleanupDialog]"),
    Seed("RES507", "auto_attendant_stub", "- {from_state: Greeting, role: UAS, event: DialogBYE",
         CLEAN, "[CleanupDialog]"),
    Seed("RES508", BASIC, "- {from_state: Initiating, role: UAC, event: ActionFailed",
         CLEAN, "[CleanupDialog]"),
    Seed("RES509", BASIC, ACTIVE_BYE, CLEAN, "[CleanupDialog, CleanupMedia]"),
    Seed("RES510", BASIC, "- {from_state: Active, role: Both, event: MediaError",
         "next_state: Terminating", "next_state: Idle"),
    Seed("ACT601", BASIC, RINGING_HANGUP, "[SendCANCEL]", "[SendBYE]"),
    Seed("ACT602", BASIC, "- {from_state: Answering, role: UAS, event: HangupCall",
         "next_state: HangingUp", "actions: [SendBYE, StopMediaSession], next_state: Terminating"),
    Seed("ACT603", BASIC, "- {from_state: Initiating, role: UAC, event: HangupCall",
         "next_state: CancelPending", "actions: [SendCANCEL], next_state: Cancelling"),
    Seed("ACT604", BASIC, CANCELS, "{code: 487}}", "{code: 487}}, {SendSIPResponse: {code: 487}}"),
    Seed("ACT605", BASIC, FAST, "[SendACK, NegotiateSDPAsUAC, StartMediaSession]",
         "[SendACK, StartMediaSession]"),
    Seed("ACT606", HOLD, "- {from_state: Holding, role: Both, event: MediaError",
         "[SendBYE, StopMediaSession], next_state: Terminating", "[HoldCall], next_state: Holding"),
    Seed("ACT607", BASIC, REINVITE, "[StoreRemoteSDP", "[StoreRemoteSDP, StoreRemoteSDP"),
    Seed("ACT608", BASIC, "- {from_state: Terminating, role: Both, event: DialogBYE",
         "actions: [", "actions: [SendReINVITE, "),
    Seed("ACT609", BASIC, FAST, "[SendACK, ", "["),
    Seed("ACT610", ECHO, "- {from_state: Answering, role: UAS, event: MediaError",
         "next_state: H", "actions: [{SendSIPResponse: {code: 180}}], next_state: H"),
    Seed("ACT611", BASIC, ACTIVE_HANGUP, "[SendBYE, StopMediaSession]", "[StopMediaSession]"),
    Seed("ACT612", HOLD, "- {from_state: Active, role: Both, event: MuteCall",
         "[MuteLocalAudio]", "[MuteLocalAudio, UnmuteLocalAudio]"),
    Seed("OBL621", BASIC, REINVITE, ", {SendSIPResponse: {code: 200}}]", "]"),
    Seed("OBL622", BASIC, CANCELS, "[{SendSIPResponse: {code: 487}}, Cl", "[Cl"),
    Seed("OBL623", BASIC, "- {from_state: Any, role: Both, event: TransferRequested",
         "{code: 603}", "{code: 202}", ACTIVE_BYE),
    Seed("OBL624", BASIC, REINVITE, "{code: 200}", "{code: 491}"),
    Seed("COV401", BASIC, ACTIVE_BYE, "", DROPPED, "  Active:"),
    Seed("COV402", BASIC, CANCELS, "", DROPPED, "  Ringing:"),
    Seed("COV403", BASIC, ACTIVE_HANGUP, "", DROPPED, "  Active:"),
    Seed("COV404", BASIC, "- {from_state: Terminating, role: Both, event: DialogTimeout",
         "", DROPPED, "  Terminating:"),
    Seed("COV405", BASIC, "- {from_state: Ringing, role: UAC, event: Dialog4xxFailure",
         "", DROPPED, "  Ringing:"),
    Seed("COV406", HOLD, "- {from_state: Holding, role: Both, event: ReinviteGlare",
         "", DROPPED, "  Holding:"),
    Seed("COV407", BASIC, REINVITE, "", DROPPED, "  Active:"),
    Seed("COV408", BASIC, "- {from_state: Active, role: Both, event: MediaError",
         "", DROPPED, "  Active:"),
    Seed("COV409", BASIC, "      Dialog180Ringing: A provisional answer that the 200 overtook.",
         "", DROPPED, "  Active:"),
    Seed("COV410", BASIC, "- {from_state: Answering, role: UAS, event: DialogTimeout",
         "", DROPPED, "  Answering:"),
    Seed("COV411", BASIC, "- {id: reject", "", DROPPED, "  Ringing:"),
    Seed("COV413", BASIC, "- {from_state: Any, role: Both, event: TransferRequested",
         "", DROPPED, "  Active:"),
    Seed("COV414", BASIC, "- {from_state: Active, role: Both, event: DialogError",
         "", DROPPED, "  Active:"),
    Seed("COV415", BASIC, "- {from_state: Any, role: Both, event: MediaFlowEstablished",
         "", DROPPED, "  Active:"),
    Seed("TMR701", BASIC, "- {id: nobody-answers", "", DROPPED, "  Ringing:"),
    Seed("TMR702", HOLD, "- {from_state: Holding, role: Both, event: {after: 40s}",
         "actions", "guards: [not DialogEstablished], actions", "  Holding:"),
    Seed("TMR704", HOLD, "- {from_state: Holding, role: Both, event: ReinviteGlare",
         "next_state: HoldGlare", "actions: [HoldCall], next_state: Holding"),
    Seed("TMR704", HOLD, "- {from_state: HoldGlare, role: UAS, event: {after: 1s}",
         "{after: 1s}", "{after: 3s}"),
    Seed("TMR705", BASIC, "- {from_state: Terminating, role: Both, event: {after: 35s}",
         "35s", "2s"),
    Seed("INV801", BASIC, FAST, "NegotiateSDPAsUAC, StartMediaSession", "NegotiateSDPAsUAC"),
    Seed("INV801", HOLD, "- {from_state: Resuming, role: Both, event: Dialog5xxFailure",
         "next_state: OnHold", "next_state: Active"),
    Seed("INV801", BASIC, "- {from_state: Any, role: Both, event: MediaLost",
         "actions: [RestoreMedia]", "ignore: it may come back"),
    Seed("INV802", BASIC, "- {from_state: Active, role: Both, event: MediaError",
         "next_state: Terminating", "next_state: Answering"),
    Seed("INV805", BASIC, ACTIVE_HANGUP, "role: Both", "role: UAC", "  Active:"),
    Seed("INV806", BASIC, "- {from_state: Initiating, role: UAC, event: Dialog183SessionProgress,"
         " guards", "[NegotiateSDPAsUAC, StartMediaSession]", "[NegotiateSDPAsUAC]",
         "  EarlyMedia:"),
    Seed("PUB811", BASIC, ACTIVE_BYE, ", publish_events: [CallTerminated]", ""),
    Seed("PUB812", BASIC, "- {from_state: Active, role: Both, event: DialogACK",
         "[NegotiateSDPAsUAS]", "[NegotiateSDPAsUAS], publish_events: [CallEstablished]"),
    Seed("PUB814", BASIC, "- {from_state: Initiating, role: UAC, event: Dialog180Ringing, next",
         "[CallRinging]", "[CallRinging, CallEstablished]"),
    Seed("LIV821", BASIC, "- {from_state: Active, role: Both, event: MediaError",
         "next_state: Terminating", "next_state: Idle", "  Idle:"),
    Seed("LIV822", HOLD, "- {from_state: Holding, role: Both, event: ReinviteGlare",
         "next_state: HoldGlare", "actions: [HoldCall], next_state: Holding"),
    Seed("LIV823", BASIC, "- {from_state: Ringing, role: UAC, event: Dialog5xxFailure",
         "actions: [CleanupMedia, CleanupDialog], next_state: Failed, publish_events: [CallFailed]",
         "actions: [GenerateLocalSDP, SendINVITE], next_state: Initiating"),
    Seed("LIV824", BASIC, "- {from_state: Active, role: Both, event: ActionFailed, actions",
         "next_state: Terminating", "next_state: Active"),
    Seed("LIV825", BASIC, "- {from_state: HangingUp, role: UAS, event: DialogTimeout",
         "actions: [SendBYE, StopMediaSession], next_state: Terminating", "ignore: later",
         "  HangingUp:"),
    Seed("REA302", HOLD, "- {from_state: Holding, role: Both, event: Dialog200OK",
         "actions", "guards: [not DialogEstablished], actions", "  OnHold:"),
    Seed("REA303", BASIC, "- {from_state: Ringing, role: UAC, event: MediaError",
         "event: MediaError", "event: DialogBYE"),
    Seed("CMP841", BASIC, "- {from_state: Cancelling, role: UAC, event: Dialog200OK",
         "", DROPPED, "  Cancelling:", 2),
    Seed("CMP844", BASIC, "- {from_state: Answering, role: UAS, event: DialogTimeout",
         "", DROPPED, "  Answering:", 3),
    Seed("CMP845", BASIC, "- {from_state: Answering, role: UAS, event: DialogBYE",
         "", DROPPED, "  Answering:", 2),
    Seed("CMP843", BASIC, ACTIVE_HANGUP,
         "actions: [SendBYE, StopMediaSession], next_state: Terminating",
         "actions: [CleanupMedia, CleanupDialog], next_state: Terminated, "
         "publish_events: [CallTerminated]", "", 2),
    Seed("CMP846", BASIC, "      Dialog180Ringing: It rings on.", "", DROPPED, "  Ringing:", 3),
    Seed("CMP847", HOLD, "- {from_state: Holding, role: Both, event: ReinviteGlare",
         "", DROPPED, "  Holding:", 2),
    Seed("CMP848", HOLD, "- {id: held-by-peer", "next_state: HeldByPeer", "next_state: Active",
         "- {from_state: Holding, role: Both, event: Dialog200OK", 2),
    Seed("CMP849", BASIC, "- {from_state: Terminating, role: Both, event: {after: 35s}",
         "actions: [CleanupMedia, CleanupDialog], next_state: Terminated, "
         "publish_events: [CallTerminated]", "actions: [SendBYE], next_state: Terminating",
         "", 2),
    Seed("CMP851", BASIC, "- {from_state: Answering, role: UAS, event: ReinviteReceived",
         "", DROPPED, "  Answering:"),
    Seed("CMP850", HOLD, "- {from_state: Resuming, role: Both, event: Dialog4xxFailure, guards",
         "event.code in (408, 481)", "event.code == 408",
         "- {from_state: Resuming, role: Both, event: Dialog4xxFailure, actions", 2),
    Seed("CMP850", HOLD, "- {from_state: Terminating, role: Both, event: Dialog4xxFailure, actions",
         "", DROPPED, "  Terminating:", 2),
    Seed("CMP850", HOLD, "- {from_state: Answering, role: UAS, event: DialogTimeout",
         "", DROPPED, "  Answering:", 2),
    Seed("RACE901", BASIC, "- {id: established", "", DROPPED, "  Answering:", 2),
    Seed("RACE902", BASIC, "- {from_state: Cancelling, role: UAC, event: Dialog200OK",
         "[SendACK, SendBYE, StopMediaSession]", "[SendACK, StopMediaSession]", "", 2),
    Seed("RACE903", ECHO, "- {from_state: Answering, role: UAS, event: DialogBYE",
         CLEAN, "[{SendSIPResponse: {code: 487}}, CleanupMedia, CleanupDialog]", "", 2),
    Seed("RACE904", ECHO, "- {from_state: Answering, role: UAS, event: ReinviteReceived",
         "", DROPPED, "  Answering:", 2),
    Seed("RACE905", BASIC, "- {from_state: Answering, role: UAS, event: ReinviteReceived",
         "code: 491", "code: 488", "", 2),
    Seed("RACE905", HOLD, "- {from_state: Holding, role: Both, event: ReinviteGlare",
         "", DROPPED, "  Holding:", 2),
    Seed("RACE906", ECHO, "- {from_state: Answering, role: UAS, event: DialogBYE",
         "actions: [CleanupMedia, CleanupDialog], next_state: Terminated, "
         "publish_events: [CallTerminated]", "next_state: HangingUp", "", 2),
    Seed("RACE907", HOLD, "- {from_state: Terminating, role: Both, event: DialogBYE",
         CLEAN, "[SendBYE, CleanupMedia, CleanupDialog]", "", 2),
    Seed("RACE908", BASIC, "- {from_state: Terminating, role: Both, event: ReinviteReceived",
         "", DROPPED, "  Terminating:", 2),
    Seed("RACE908", HOLD, "- {from_state: Holding, role: Both, event: DialogBYE",
         "", DROPPED, "  Holding:", 2),
    Seed("RACE909", HOLD, "- {from_state: Terminating, role: Both, event: Dialog200OK, guards",
         "", DROPPED, "- {from_state: Terminating, role: Both, event: Dialog200OK, actions", 2),
    Seed("RACE910", HOLD, "      DialogACK: An ACK that the BYE overtook.", "", DROPPED,
         "  Terminating:", 2),
    Seed("RACE911", HOLD, "- {from_state: HoldGlare, role: UAC, event: {after: 3s}",
         "3s", "1s", "", 2),
    Seed("RACE911", HOLD, "- {from_state: Holding, role: Both, event: ReinviteReceived",
         "{code: 491}", "{code: 488}", "", 2),
    Seed("RACE912", HOLD, "- {from_state: Resuming, role: Both, event: UpdateReceived",
         "{code: 491}", "{code: 500}", "", 2),
    Seed("RACE913", BASIC, "- {from_state: Any, role: Both, event: TransferRequested",
         "{code: 603}", "{code: 202}", "", 2),
    Seed("RACE914", BASIC, "- {from_state: Ringing, role: UAS, event: DialogBYE",
         "{code: 487}", "{code: 200}", "", 2),
]  # fmt: skip


def planted(seed: Seed) -> tuple[str, int]:
    """Return the text with the defect and the line where the rule has to speak."""
    lines = starter(seed.table).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(seed.at))
    if seed.new == DROPPED and seed.old == "":
        del lines[at]
    else:
        assert seed.old in lines[at], lines[at]
        lines[at] = lines[at].replace(seed.old, seed.new)
    if seed.found:
        at = next(n for n, line in enumerate(lines) if line.startswith(seed.found))
    return "\n".join(lines) + "\n", at + 1


@cache
def checked(text: str, tier: int) -> DeepResult:
    return examine(text, tier=tier)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.code}-{seed.table}")
def test_each_rule_finds_its_seeded_defect_at_its_line(seed: Seed) -> None:
    text, line = planted(seed)
    found = checked(text, seed.tier).findings
    mine = [f for f in found if f.code == seed.code]
    assert line in [f.place.line for f in mine], [(f.code, f.place.line, f.message) for f in found]


WITHOUT_WAY = frozenset(("ACT607", "ACT612", "INV805", "REA302", "REA303"))
"""What is told of a row or a state as it stands, or of what never happens: no way leads there."""


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.code}-{seed.table}")
def test_each_trace_replays_in_the_executor(seed: Seed) -> None:
    text, line = planted(seed)
    program = Program(table_of(text))
    for finding in checked(text, seed.tier).findings:
        replayed(finding, program)
        if (finding.code, finding.place.line) == (seed.code, line):
            assert finding.trace or seed.code in WITHOUT_WAY, finding


def table_of(text: str) -> Table:
    table = compile_text(text).table
    assert table is not None
    return table


@pytest.mark.parametrize("code", ["RES501", "RES502", "RES505", "ACT607", "ACT609"])
def test_the_fix_of_a_row_takes_its_finding_away(code: str) -> None:
    seed = next(s for s in SEEDS if s.code == code)
    text, line = planted(seed)
    found = next(f for f in checked(text, 1).findings if f.code == code and f.place.line == line)
    assert found.fix is not None
    mended = apply(text, found.fix["operation"], dict(found.fix["arguments"])).text
    assert code not in {f.code for f in examine(mended).findings}
    assert len(mended.splitlines()) == len(text.splitlines())


def test_the_fix_of_a_missing_row_begins_it() -> None:
    text, _ = planted(next(s for s in SEEDS if s.code == "COV406"))
    found = next(f for f in checked(text, 1).findings if f.code == "COV406")
    assert found.fix is not None
    mended = apply(text, found.fix["operation"], dict(found.fix["arguments"])).text
    assert compile_text(mended).table is not None
    new = set(mended.splitlines()) - set(text.splitlines())
    assert any("ReinviteGlare" in line for line in new)


def test_a_claimed_feature_is_held_to_its_answers() -> None:
    text, line = planted(
        Seed("COV412", BASIC, "- {from_state: Ringing, role: UAC, event: AuthRequired", "", "",
             "  Ringing:")
    )  # fmt: skip
    claimed = text.replace("callflow: 1\n", "callflow: 1\nfeatures: [authentication]\n", 1)
    codes = {(f.code, f.place.line) for f in examine(claimed).findings}
    assert ("COV412", line + 1) in codes
    assert ("COV405", line) in {(f.code, f.place.line) for f in examine(text).findings}


@pytest.mark.parametrize(("code", "wrong"), [(486, False), (603, False), (180, True), (200, True)])
def test_a_refusal_needs_no_dialog_and_what_begins_one_does(code: int, wrong: bool) -> None:
    text = (
        "- {from_state: Idle, role: UAS, event: IncomingCall, actions: [{SendSIPResponse: {code: "
        f"{code}}}}}], next_state: Failed, publish_events: [CallFailed]}}\n"
    )
    found = {f.code for f in examine(text).findings if f.code == "RES504"}
    assert bool(found) is wrong


def test_two_states_that_do_the_same_are_named() -> None:
    lines = starter(BASIC).splitlines()
    at = lines.index("  Terminating:")
    end = lines.index("  Terminated:")
    twin = ["  Leaving:", *lines[at + 1 : end]]
    rows = [ln for ln in lines if ln.startswith("- {from_state: Terminating, ")]
    rows = [row.replace("from_state: Terminating", "from_state: Leaving") for row in rows]
    text = "\n".join([*lines[:end], *twin, *lines[end:], *rows]) + "\n"
    text = text.replace(
        "event: MediaError, actions: [SendBYE, StopMediaSession], next_state: Terminating",
        "event: MediaError, actions: [SendBYE, StopMediaSession], next_state: Leaving",
    )
    found = {(f.code, f.place.line) for f in examine(text).findings}
    assert ("INV804", end + 1) in found


def test_two_sides_that_wait_for_each_other_are_found() -> None:
    text, _ = planted(Seed("CMP842", BASIC, "- {id: nobody-answers", "", DROPPED))
    lines = [line for line in text.splitlines() if not line.startswith("- {id: nobody-accepts")]
    text = "\n".join(lines) + "\n"
    found = examine(text, tier=2).findings
    at = next(n for n, line in enumerate(lines, 1) if line.startswith("  Ringing:"))
    assert at in {f.place.line for f in found if f.code == "CMP842" and f.trace}
    assert "TMR701" in {f.code for f in found}
    for finding in found:
        replayed(finding, Program(table_of(text)))


def test_a_table_no_call_of_which_can_begin_is_found() -> None:
    text = "transitions:\n- {from_state: Idle, role: UAS, event: HangupCall, next_state: Failed}\n"
    assert [
        f.code
        for f in examine(
            "callflow: 1\nstates: {Idle: {initial: true}, Failed: {final: true}}\n" + text
        ).findings
    ] == ["REA302"]


def test_a_walk_beyond_its_bound_says_that_it_proves_nothing() -> None:
    result = examine(starter(BASIC), budget=Bounds(states=50))
    assert not result.complete
    assert "META992" in {f.code for f in result.findings}
    assert not {"REA302", "REA303", "LIV821"} & {f.code for f in result.findings}


class Stop(Exception):
    pass


def test_a_check_can_be_cancelled_from_its_beat() -> None:
    def beat(share: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        examine(starter(BASIC), tier=2, beat=beat)


def test_the_share_that_is_done_never_goes_back() -> None:
    shares: list[float] = []
    examine(starter(HOLD), tier=2, beat=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_text_that_does_not_compile_has_no_deep_findings() -> None:
    result = examine("transitions: [")
    assert (result.findings, result.states, result.complete) == ([], 0, False)


LARGE = ("transfer", "peer")
"""With a message lost, repeated or more under way these pass the limit of joint configurations."""
CORRECT = sorted([*STARTERS.glob("*.yaml"), *(DATA / "correct").glob("*.yaml")])


@pytest.mark.parametrize("path", CORRECT, ids=lambda path: path.stem)
def test_the_text_of_correct_tables_has_no_finding_and_no_waiver(path: Path) -> None:
    compiled = examine_text(path.read_text())
    # Words that are not performed yet may stand in tables that are about the language.
    assert {f.code for f in compiled.findings} <= {"META996"}
    assert compiled.table is not None and not any(row.waive for row in compiled.table.rows)


@pytest.mark.parametrize("path", CORRECT, ids=lambda path: path.stem)
def test_correct_tables_have_nothing_to_complain_of(path: Path) -> None:
    result = examine(path.read_text(), tier=2 if path.stem in LARGE else 3)
    assert result.complete
    assert [f for f in result.findings if f.severity is not Severity.INFO] == []
    assert result.matrix.get("unhandled", 0) == 0
