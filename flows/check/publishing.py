"""What a session tells the world: one outcome, no end without a beginning, nothing untrue
(PUB811, PUB812, PUB814)."""

from __future__ import annotations

from collections import defaultdict

from flows.check.evidence import Evidence
from flows.check.invariants import HOLD, TALK, kind_of
from flows.explore import wire
from flows.explore.eventing import STARTS, SUBSCRIBED, TAKEN
from flows.explore.party import Config, Move
from flows.findings import Severity
from flows.table import Row
from flows.vocabulary import OUTCOMES

OF_STATE = {"Terminated": "terminated", "Cancelled": "cancelled", "Failed": "failed"}
"""The outcome that the usual names of final states stand for."""

BEGINNINGS = (*STARTS, *TAKEN, SUBSCRIBED)

MADE_TRUE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "SessionCreated": (("MakeCall", "IncomingCall", "StartRegistration", *BEGINNINGS), ()),
    "StateNotified": (("ReceiveNOTIFY",), ("SendNOTIFY",)),
    "StatePublished": (("PublicationAccepted", "PublicationReceived"), ()),
    "PublicationReceived": (("PublicationReceived",), ()),
    "PeerReachable": (("RequestAnswered", "AuthRequired"), ()),
    "PeerUnreachable": (("RequestAnswered", "DialogError", "ActionFailed"), ()),
    "MessageReceived": (("ReceiveMESSAGE",), ()),
    "MessageDelivered": (("MessageDelivered",), ()),
    "IncomingCall": (("IncomingCall",), ()),
    "DtmfReceived": (("DtmfDetected",), ()),
    "CallMuted": ((), ("MuteLocalAudio",)),
    "CallUnmuted": ((), ("UnmuteLocalAudio",)),
    "SessionsBridged": ((), ("BridgeSessions", "ReplaceSession")),
    "TransferAccepted": (
        ("TransferAccepted",),
        ("SendReferAccepted", "AcceptTransferREFER", "SendSIPResponse"),
    ),
    "TransferSucceeded": (("TransferSuccess",), ("SendTransferNOTIFYSuccess",)),
    "TransferFailed": (
        ("TransferFailed", "TransferComplete", "AuthRequired"),
        ("SendTransferNOTIFYFailure",),
    ),
}
"""Published event to the events and the actions of which one makes it true."""
LAST = "SendTransferNOTIFYSuccess"
OWED = {"TransferSuccess": "TransferSucceeded", "TransferFailed": "TransferFailed"}
"""What became of a transfer, to what a flow that claims `transfer` then publishes."""


def outcome(evidence: Evidence) -> None:
    """PUB811: a call that the table ends has exactly one outcome."""
    for edge in evidence.walk.all_edges():
        move, before = edge.move, evidence.walk.configs[edge.source]
        told = move.target.story.outcomes
        if move.target.ended and not move.target.politely:
            if told == 0 and before.state != evidence.table.initial:
                names = ", ".join(OUTCOMES)
                message = f"The call ends and no outcome was published: one of {names}."
                evidence.about_step("PUB811", edge, message)
            elif told > 1:
                evidence.about_step("PUB811", edge, "More than one outcome of the call is told.")
        elif told and not before.story.outcomes:
            evidence.about_step("PUB811", edge, "An outcome is told before the call has ended.")


def balance(evidence: Evidence) -> None:
    """PUB812: the call is established once, held and resumed in turn."""
    for edge in evidence.walk.all_edges():
        before = evidence.walk.configs[edge.source]
        for name in _published(edge.move):
            fault = _imbalance(name, before)
            if fault:
                evidence.about_step("PUB812", edge, fault)


def beginning(evidence: Evidence) -> None:
    """PUB812: where the end of answered calls is told, their beginning is told as well."""
    if not any("CallTerminated" in row.publish for row in evidence.table.rows):
        return
    for number, config in enumerate(evidence.walk.configs):
        edge = evidence.walk.parents[number]
        told = config.story.established or config.failed or config.pending or config.ended
        if told or edge is None or config.wire.talked < 2 or config.wire.bye:
            continue
        if kind_of(evidence.table.states[config.state]) == TALK:
            message = f"The call is up in {config.state}, and CallEstablished was not published."
            evidence.about_step("PUB812", edge, message)


def transfers(evidence: Evidence) -> None:
    """PUB812: a flow that claims transfers tells how each of them ended."""
    if "transfer" not in evidence.table.features:
        return
    for edge in evidence.walk.all_edges():
        move = edge.move
        owed = OWED.get(move.stimulus.event)
        if move.transition is not None and any(w.name == LAST for w in move.transition.words):
            owed = "TransferSucceeded"
        live = evidence.walk.configs[edge.source].wire.live
        if owed and live and move.kind != "unhandled" and move.broke < 0:
            if owed not in _published(move):
                message = f"A transfer has ended, and {owed} is not published."
                evidence.about_step("PUB812", edge, message)


PAIRS = {"CallMuted": "CallUnmuted", "CallUnmuted": "CallMuted"}
ALIKE = frozenset(("SessionCreated", "IncomingCall", "CallRinging", "CallEstablished"))
"""What is told of a happening whatever its details are."""


def alike(evidence: Evidence) -> None:
    """PUB812: what is told of one of a pair, or of one case, is told of the other one."""
    told = {name for row in evidence.table.rows for name in row.publish}
    cases: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in evidence.table.rows:
        if row.ignore is None and not any(g.expression.names for g in row.guards):
            cases[row.from_state, row.role, row.event].append(row)
        for name, other in PAIRS.items():
            done = set(MADE_TRUE[name][1]) & {word.name for word in row.actions}
            if done and other in told and name not in row.publish:
                message = f"{other} is published somewhere, and {name} is not published here."
                evidence.about_row("PUB812", row.index, message, severity=Severity.WARNING)
    for rows in cases.values():
        for name in sorted(ALIKE & {name for row in rows for name in row.publish}):
            for row in rows:
                if name not in row.publish and not _refuses(evidence, row):
                    message = f"{name} is published for {row.label} in one case and not in this."
                    evidence.about_row("PUB812", row.index, message, severity=Severity.WARNING)


def _refuses(evidence: Evidence, row: Row) -> bool:
    """Whether the row ends the session: a call that is screened is no news for a person."""
    return row.next_state is not None and evidence.table.states[row.next_state].final


def silence(evidence: Evidence) -> None:
    """PUB813: a call has come to rest on hold, or talks again, and nobody who listens is told."""
    program = evidence.walk.party.program
    for number, config in enumerate(evidence.walk.configs):
        edge = evidence.walk.parents[number]
        passes = config.wire.retry or program.timers(config.state, config.role)
        waits = config.pending or config.failed or passes
        if config.ended or waits or edge is None or not config.wire.live or config.wire.own:
            continue
        kind = kind_of(evidence.table.states[config.state])
        if kind and (kind == HOLD) is not config.story.on_hold:
            what = "is on hold" if kind == HOLD else "talks again"
            message = f"The call {what} in {config.state}, and nobody is told."
            evidence.about_step("PUB813", edge, message)


def _imbalance(name: str, before: Config) -> str:
    story = before.story
    if name == "CallEstablished" and story.established:
        return "CallEstablished is published a second time"
    if before.failed:
        return ""
    if name == "CallOnHold" and story.on_hold:
        return "CallOnHold is published for a call that is on hold"
    if name == "CallResumed" and not story.on_hold:
        return "CallResumed is published for a call that was not on hold"
    return ""


def truth(evidence: Evidence) -> None:
    """PUB814: what is published is so."""
    for edge in evidence.walk.all_edges():
        for name in _published(edge.move):
            if _untrue(name, edge.move):
                state = edge.move.target.state
                message = f"{name} is published on the way to {state}, and it is not so."
                evidence.about_step("PUB814", edge, message)


def _untrue(name: str, move: Move) -> bool:
    call, target = move.target.wire, move.target
    arrived = move.stimulus.wire
    match name:
        case _ if target.ended and name in OUTCOMES and _elsewhere(name, target.state):
            return True
        case "CallEstablished":
            return arrived.call != wire.UP or call.talked < 2 or bool(call.bye) or target.ended
        case "CallRinging":
            return arrived.call != wire.PROCEEDING or target.role != "UAC"
        case "CallTerminated":
            return call.talked < 1
        case "CallFailed" | "CallCancelled":
            return call.talked > 1
        case "CallOnHold":
            ours = call.mine == "sendonly" and move.stimulus.event == "Dialog200OK"
            return not (call.call == wire.UP and (ours or move.stimulus.kind == "peer"))
        case "CallResumed":
            ours = call.mine == "sendrecv" and move.stimulus.event == "Dialog200OK"
            return not (call.call == wire.UP and (ours or move.stimulus.kind == "peer"))
        case "MediaFlowEstablished":
            return "media" not in target.held
        case _ if name in MADE_TRUE:
            events, actions = MADE_TRUE[name]
            done = [w.name for w in move.transition.words] if move.transition is not None else []
            return move.stimulus.event not in events and not set(done) & set(actions)
    return False


def _elsewhere(name: str, state: str) -> bool:
    return OF_STATE.get(state, OUTCOMES[name]) != OUTCOMES[name]


def _published(move: Move) -> tuple[str, ...]:
    if move.broke >= 0 or move.transition is None or move.kind != "fired":
        return ()
    return move.transition.decision.published


RULES = (silence, outcome, balance, beginning, transfers, alike, truth)
