"""Defects in registrations, challenged calls and bridges, each found by its rule at its line."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.check.deep import DeepResult, examine
from flows.compile import compile_text
from flows.findings import Severity
from flows.semantics import Program
from tests.flows.check.replaying import replayed

CORRECT = Path(__file__).parents[1] / "data" / "correct"
SHIPPED = Path(__file__).parents[3] / "state_tables"
REGISTER, CALL, BRIDGE = "registration", "authenticated_call", "bridge"
REDIRECT, TIMER = "redirect", "session_timer"
GIVEN_UP = "[CleanupMedia, CleanupDialog], next_state: Cancelled, publish_events: [CallCancelled]"
BRIEF = ", guards: [event.code == 423"
TELL = "{SignalLinked: {event: HangupCall}}"


class Seed(NamedTuple):
    """A defect: `old` on the line that begins with `at` becomes `new`, or the line is dropped;
    `found` begins the line at which the rule speaks, the changed line itself if it is empty."""

    code: str
    table: str
    at: str
    old: str = ""
    new: str = ""
    found: str = ""


def row(state: str, event: str, rest: str = "", role: str = "UAC") -> str:
    return f"- {{from_state: {state}, role: {role}, event: {event}{rest}"


def called(state: str, event: str, rest: str = "") -> str:
    return row(state, event, rest, "UAS")


SEEDS = [
    # -- registrations
    Seed("LIV823", REGISTER, row("Registering", "AuthRequired", ", guards: [tries"),
         "guards: [tries < 2], "),
    Seed("LIV823", REGISTER, row("Unregistering", "AuthRequired", ", guards: [tries"),
         "set: {tries: tries + 1}", "set: {tries: tries}"),
    Seed("LIV822", REGISTER, row("Registering", "RegistrationFailed", BRIEF),
         "event.code == 423, asked < 1", "event.code == 423"),
    Seed("LIV822", REGISTER, row("Registering", "DialogTimeout", ", guards"),
         "next_state: Retrying, set: {failures: failures + 1, tries: 0}",
         "actions: [SendREGISTER]"),
    Seed("COV405", REGISTER, row("Refreshing", "RegistrationFailed", ", actions"),
         found="  Refreshing:"),
    Seed("COV412", REGISTER, row("Registering", "AuthRequired", ", guards"),
         found="  Registering:"),
    Seed("COV412", REGISTER, row("Registering", "RegistrationFailed", BRIEF),
         found="  Registering:"),
    Seed("COV412", REGISTER, row("Registering", "DialogError", ", guards"),
         found="  Registering:"),
    Seed("COV412", REGISTER, row("Refreshing", "RegistrationFailed", ", guards: [event.code >="),
         "event.code >= 500, event.code < 600", "event.code >= 500", "  Refreshing:"),
    Seed("COV412", REGISTER, row("Registering", "DialogError", ", guards"),
         "next_state: Retrying", "next_state: Patience", "  Registering:"),
    Seed("COV404", REGISTER, row("Unregistering", "DialogTimeout"), found="  Unregistering:"),
    Seed("COV411", REGISTER, row("Registered", "StartUnregistration"), found="  Registered:"),
    Seed("COV411", REGISTER, row("Patience", "RetryRegistration"), found="  Patience:"),
    Seed("TMR702", REGISTER, row("Registered", "RefreshRegistration"), found="  Registered:"),
    Seed("TMR702", REGISTER, row("Registered", "RegistrationExpired"), found="  Registered:"),
    Seed("TMR701", REGISTER, row("Patience", "{after: 5m}"), found="  Patience:"),
    Seed("TMR701", REGISTER, row("Registering", "Registration200OK"),
         "actions: [ProcessRegistrationResponse], ", "", "  Registered:"),
    Seed("ACT601", REGISTER, row("Registering", "AuthRequired", ", guards"),
         "StoreAuthChallenge, "),
    Seed("ACT601", REGISTER, row("Registering", "RegistrationFailed", BRIEF),
         "ProcessRegistrationResponse, "),
    Seed("ACT606", REGISTER, row("Registering", "StartUnregistration"),
         "next_state: Leaving", "actions: [SendUnREGISTER], next_state: Unregistering"),
    Seed("ACT608", REGISTER, row("Leaving", "DialogTimeout"),
         "[CleanupDialog], next_state: Terminated, publish_events: [UnregistrationSuccess]",
         "[SendREGISTER], next_state: Registering"),
    Seed("ACT611", REGISTER, row("Registering", "StartUnregistration"), "next_state: Leaving",
         "actions: [CleanupDialog], next_state: Terminated, "
         "publish_events: [UnregistrationSuccess]"),
    Seed("RES501", REGISTER, row("Unregistering", "Unregistration200OK"),
         "actions: [CleanupDialog], "),
    Seed("RES507", REGISTER, row("Registered", "StartUnregistration"),
         "[SendUnREGISTER], next_state: Unregistering",
         "[CleanupDialog], next_state: Terminated, publish_events: [UnregistrationSuccess]"),
    Seed("INV801", REGISTER, row("Refreshing", "DialogTimeout"), "next_state: Retrying",
         "next_state: Registered", ""),
    Seed("PUB814", REGISTER, row("Registered", "RefreshRegistration"),
         "next_state: Refreshing", "next_state: Refreshing, publish_events: [RegistrationSuccess]"),
    # -- a call that is challenged
    Seed("LIV823", CALL, row("Calling", "AuthRequired", ", guards"), "guards: [tries < 2], "),
    Seed("LIV823", CALL, row("Holding", "AuthRequired", ", guards"), "guards: [tries < 2], "),
    Seed("LIV823", CALL, row("Leaving", "AuthRequired", ", guards: [tries"),
         "set: {tries: tries + 1}", "set: {tries: 0}"),
    Seed("COV412", CALL, row("Ringing", "AuthRequired"), found="  Ringing:"),
    Seed("COV412", CALL, row("Resuming", "AuthRequired", ", guards"), found="  Resuming:"),
    Seed("COV412", CALL, row("Leaving", "AuthRequired", ", guards: [tries"), found="  Leaving:"),
    Seed("ACT601", CALL, row("Calling", "AuthRequired", ", guards"), "StoreAuthChallenge, "),
    Seed("ACT601", CALL, row("Holding", "AuthRequired", ", guards"), "StoreAuthChallenge, "),
    Seed("ACT608", CALL, row("CancelPending", "AuthRequired"),
         "[CleanupMedia, CleanupDialog], next_state: Cancelled, publish_events: [CallCancelled]",
         "[StoreAuthChallenge, SendINVITEWithAuth], next_state: Cancelling"),
    Seed("TMR702", CALL, row("HoldGlare", "ReinviteRetryDue"), found="  HoldGlare:"),
    Seed("ACT606", CALL, row("HoldGlare", "ReinviteRetryDue"),
         "[HoldCall]", "[HoldCall, HoldCall]"),
    # -- a call that is sent elsewhere
    Seed("COV412", REDIRECT, row("Ringing", "Dialog3xxRedirect", ", guards"), found="  Ringing:"),
    Seed("LIV822", REDIRECT, "- {id: follow-on", ", hops < 5"),
    Seed("ACT608", REDIRECT, row("CancelPending", "Dialog3xxRedirect"),
         GIVEN_UP, "[RetryWithContact], next_state: Cancelling"),
    Seed("ACT604", REDIRECT, "- {id: redirect",
         "[SendRedirect", "[SendRejectResponse, SendRedirect"),
    Seed("OBL622", REDIRECT, "- {id: redirect", "[SendRedirectResponse, ", "["),
    # -- a session that is kept alive
    Seed("COV412", TIMER, row("Ringing", "SessionIntervalTooSmall", ", guards"),
         found="  Ringing:"),
    Seed("LIV822", TIMER, "- {id: longer", ", guards: [bumps < 2]"),
    Seed("TMR702", TIMER, "- {id: expired", found="  Active:"),
    Seed("COV406", TIMER, "- {id: updated", found="  Updating:"),
    Seed("ACT606", TIMER, "- {id: refresh,", "[SendUPDATE]", "[SendUPDATE, SendUPDATE]"),
    Seed("ACT608", TIMER, "- {id: expired", "[SendBYE", "[SendBYE, SendUPDATE"),
    # -- a bridge
    Seed("OBL622", BRIDGE, called("Ringing", "LinkedFailed", ", actions"),
         "[{SendSIPResponse: {code: 480}}, CleanupDialog]", "[CleanupDialog]"),
    Seed("OBL622", BRIDGE, called("Ringing", "LinkedFailed", ", actions"),
         "actions: [{SendSIPResponse: {code: 480}}, CleanupDialog], next_state: Failed, "
         "publish_events: [CallFailed]", "next_state: Asking"),
    Seed("OBL622", BRIDGE, called("Ringing", "LinkedAnswered"),
         "actions: [GenerateLocalSDP, {SendSIPResponse: {code: 200}}], next_state: Answering",
         "next_state: Asking"),
    Seed("OBL624", BRIDGE, called("Asking", "LinkedRinging", ", guards"), "183}", "180}"),
    Seed("OBL624", BRIDGE, called("Ringing", "LinkedFailed", ", guards: [\"mobile and"),
         found=called("Ringing", "LinkedFailed", ", actions")),
    Seed("CMP852", BRIDGE, called("Bridged", "LinkedEnded"), found="  Bridged:"),
    Seed("CMP852", BRIDGE, called("Bridged", "LinkedEnded"),
         "actions: [SendBYE, StopMediaSession], next_state: Leaving", "next_state: HeldByCaller"),
    Seed("COV405", BRIDGE, called("Asking", "LinkedFailed", ", actions"), found="  Asking:"),
    Seed("COV409", BRIDGE, "    ignore: {AcceptCall: the desk answers, LinkedRinging",
         ", LinkedRinging: it rings on", "", "  Ringing:"),
    Seed("RES507", BRIDGE, called("Bridged", "DialogBYE"), "UnbridgeSessions, "),
    Seed("RES507", BRIDGE, called("Ringing", "DialogCANCEL"), f"{TELL}, "),
    Seed("RES508", BRIDGE, called("Ringing", "ActionFailed"), f"{TELL}, "),
    Seed("RES503", BRIDGE, called("Ringing", "{after: 45s}"),
         "[{SendSIPResponse", "[{CreateLinkedSession: {target: x}}, {SendSIPResponse"),
    Seed("RES505", BRIDGE, called("Bridged", "LinkedEnded"),
         "[SendBYE", "[UnbridgeSessions, SendBYE"),
    Seed("ACT601", BRIDGE, called("Asking", "LinkedRinging", ", actions"),
         "[{SendSIP", "[GenerateLocalSDP, BridgeSessions, {SendSIP"),
    Seed("ACT605", BRIDGE, called("Answering", "DialogACK"), "StartMediaSession, "),
    Seed("ACT608", BRIDGE, called("Answering", "HangupCall"), f"[{TELL}]", f"[{TELL}, {TELL}]"),
    Seed("INV801", BRIDGE, called("Answering", "DialogACK"),
         ", BridgeSessions], next_state: Bridged, publish_events: [CallEstablished, "
         "SessionsBridged]", "], next_state: Bridged, publish_events: [CallEstablished]"),
    Seed("PUB814", BRIDGE, called("Asking", "LinkedAnswered"), "next_state: Answering",
         "next_state: Answering, publish_events: [SessionsBridged]"),
    Seed("LIV823", BRIDGE, called("Asking", "LinkedFailed", ", guards: [not"),
         "guards: [not mobile], "),
]  # fmt: skip


@cache
def correct(name: str) -> str:
    places = (SHIPPED / f"{name}.yaml", CORRECT / f"{name}.yaml")
    return next(place for place in places if place.exists()).read_text()


@cache
def checked(text: str) -> DeepResult:
    return examine(text)


def planted(seed: Seed) -> tuple[str, int]:
    lines = correct(seed.table).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(seed.at))
    if seed.old:
        assert seed.old in lines[at], seed
        lines[at] = lines[at].replace(seed.old, seed.new, 1)
    else:
        del lines[at]
    found = next(n for n, ln in enumerate(lines) if ln.startswith(seed.found)) if seed.found else at
    return "\n".join(lines) + "\n", found + 1


@pytest.mark.parametrize("seed", SEEDS, ids=lambda s: f"{s.code}-{s.table}-{s.at[15:45]}")
def test_a_defect_is_found_by_its_rule_at_its_line_with_a_trace_that_replays(seed: Seed) -> None:
    text, line = planted(seed)
    found = checked(text).findings
    finding = next((f for f in found if (f.code, f.place.line) == (seed.code, line)), None)
    assert finding is not None, [(f.code, f.place.line, f.message) for f in found]
    table = compile_text(text).table
    assert finding.trace and table is not None
    replayed(finding, Program(table))


@pytest.mark.parametrize("name", [REGISTER, CALL, BRIDGE])
def test_a_correct_table_is_walked_through_and_complained_of_by_no_rule(name: str) -> None:
    result = examine(correct(name), tier=3)
    assert result.complete and result.matrix.get("unhandled", 0) == 0
    assert [f for f in result.findings if f.severity is not Severity.INFO] == []
    assert 100 < result.states < 20_000
