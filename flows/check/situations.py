"""What may happen here and no row takes (COV401 to COV415, RES508, TMR702, CMP851)."""

from __future__ import annotations

from collections import Counter

from flows.check.evidence import Evidence
from flows.check.invariants import END, TALK, kind_of
from flows.check.remedies import new_row
from flows.explore import inside, linked, wire
from flows.explore.further import REPORTED
from flows.explore.party import Config
from flows.explore.peer import FAILURES, PROVISIONAL
from flows.explore.walk import Edge
from flows.findings import Severity
from flows.table import TIMER_EVENT

HARMLESS = frozenset(
    (
        "MediaFlowEstablished",
        "DtmfDetected",
        "PlayFinished",
        "MakeCall",
        "IncomingCall",
        "Reset",
        "HoldCall",
        "MuteCall",
        "UnmuteCall",
        "PlayAudio",
        "SendDTMF",
        "StartRegistration",
        "StartSubscription",
        "PublishState",
        "StartKeepAlive",
        "SendNOTIFY",
        "RetryRegistration",
        "RequestAnswered",
        "MessageDelivered",
        "MessageFailed",
        "SendMessage",
    )
)
"""Nothing waits for an answer to these, and without a row nothing changes."""
TOLD_ALONE = ("MessageDelivered", "MessageFailed", "RequestAnswered")
"""Where there is no call they are what the session waits for."""
FEATURE_OF = {
    "AuthRequired": "authentication",
    "Dialog3xxRedirect": "redirect",
    "SessionIntervalTooSmall": "session_timer",
}
_FIXED = {
    "DialogBYE": "COV401",
    "DialogCANCEL": "COV402",
    "HangupCall": "COV403",
    "MediaError": "COV408",
    "MediaLost": "COV408",
    "RtpTimeout": "COV408",
    "InfoReceived": "COV413",
    "MessageReceived": "COV413",
    "TransferRequested": "COV413",
    **dict.fromkeys((*REPORTED, "TransferAccepted", "TransferComplete"), "COV413"),
    "DialogReliableProgress": "COV413",
    "DialogPRACK": "COV413",
    "DialogError": "COV414",
    "ActionFailed": "RES508",
    "UpdateAccepted": "COV406",
    "UpdateRefused": "COV406",
    "ReinviteRetryDue": "TMR702",
    "SessionRefreshDue": "TMR702",
    "SessionExpired": "TMR702",
    "RefreshRegistration": "TMR702",
    "RegistrationExpired": "TMR702",
    "RegistrationFailed": "COV405",
    "UnregistrationFailed": "COV405",
    "StartUnregistration": "COV411",
    "UnregisterRequest": "COV411",
    "ReceiveNOTIFY": "COV413",
    "SubscriptionTerminated": "COV413",
    "SubscriptionRequested": "COV413",
    "ReceiveMESSAGE": "COV413",
    "PublicationReceived": "COV413",
    "SubscriptionFailed": "COV405",
    "PublicationFailed": "COV405",
    "MessageFailed": "COV405",
    "RefreshSubscription": "TMR702",
    "SubscriptionExpired": "TMR702",
    "RefreshPublication": "TMR702",
    "UnsubscribeRequest": "COV411",
    "UnpublishState": "COV411",
    "StopKeepAlive": "COV411",
    "LinkedRinging": "COV409",
    "LinkedFailed": "COV405",
    "LinkedEnded": "CMP852",
    "after": "TMR702",
}


def uncovered(evidence: Evidence) -> None:
    """Everything that may happen and is neither answered nor ignored on purpose."""
    for edge in evidence.walk.all_edges():
        if edge.move.kind != "unhandled":
            continue
        config = evidence.walk.configs[edge.source]
        code = code_of(config, edge, evidence.table.features)
        event = edge.move.stimulus.event
        if not code and edge.move.stimulus.kind == "media":
            message = f"As {config.role}, {config.state} takes no notice of {event}."
            evidence.about_state("COV415", config.state, message, edge, event)
        if code:
            # Silence alone breaks nothing: who has no row for it goes on as who ignores it.
            mild = Severity.WARNING if event == "RtpTimeout" else None
            message = f"As {config.role}, {config.state} does not take {edge.move.stimulus.label}."
            fix = None if event == TIMER_EVENT else new_row(config.state, config.role, event)
            evidence.about_state(code, config.state, message, edge, event, mild, fix)


def code_of(config: Config, edge: Edge, features: tuple[str, ...]) -> str:
    """Return the rule that an unanswered event breaks; empty if it does no harm."""
    event, call = edge.move.stimulus.event, config.wire
    alone = call.outside.kind and event in TOLD_ALONE
    if event in HARMLESS and not alone:
        return ""
    if event == "HangupCall" and not config.held:
        return ""
    if event in ("AcceptCall", "RejectCall"):
        return "COV411"
    if event in linked.EVENTS and not linked.untold(call):
        return ""
    if event == "DialogTimeout":
        return "COV410" if ("method", "ACK") in edge.move.stimulus.fields else "COV404"
    if event in ("ReinviteReceived", "UpdateReceived"):
        return "COV407" if call.live else "CMP851"
    if event in PROVISIONAL:
        return "CMP851" if call.call == wire.CALLING else "COV409"
    if event in FAILURES or event == "ReinviteGlare":
        method = dict(edge.move.stimulus.fields).get("method")
        if method in (*inside.METHODS, "UPDATE"):
            return "COV412" if FEATURE_OF.get(event) in features else ""
        if method == "BYE":
            return "CMP851"
        if call.own:
            return "COV406"
        return "COV412" if FEATURE_OF.get(event) in features else "COV405"
    return _FIXED.get(event, "CMP851")


def choices(evidence: Evidence) -> None:
    """COV411: who holds the call can resume it."""
    program = evidence.table, evidence.walk.party.program
    for number, config in enumerate(evidence.walk.configs):
        call = config.wire
        held = call.live and call.mine == "sendonly" and not call.own and not config.pending
        if config.ended or not held or call.hangup:
            continue
        if "ResumeCall" in program[1].position(config.state, config.role).candidates:
            continue
        message = f"A call that we hold can not be resumed in {config.state}."
        evidence.about_state(
            "COV411", config.state, message, evidence.walk.parents[number], "ResumeCall"
        )


OF_FEATURE = {"mute": ("MuteCall", "UnmuteCall"), "hold": ("HoldCall",), "dtmf": ("DtmfDetected",)}


def promised(evidence: Evidence) -> None:
    """COV411: what the table claims under `features` can be asked for while people talk."""
    program = evidence.walk.party.program
    for number, config in enumerate(evidence.walk.configs):
        if kind_of(evidence.table.states[config.state]) != TALK or not config.wire.live:
            continue
        taken = program.position(config.state, config.role).candidates
        if ("MuteCall" in taken) is not ("UnmuteCall" in taken):
            message = f"In {config.state} a person can mute or unmute, and not take it back."
            edge = evidence.walk.parents[number]
            evidence.about_state("COV411", config.state, message, edge, "mute and unmute")
        for feature in evidence.table.features:
            for event in OF_FEATURE.get(feature, ()):
                if event in taken:
                    continue
                message = (
                    f"{feature} is claimed, and as {config.role} {config.state} has no {event}."
                )
                edge = evidence.walk.parents[number]
                evidence.about_state("COV411", config.state, message, edge, event)


def early_media(evidence: Evidence) -> None:
    """COV409: a description that comes before the answer is taken up everywhere or nowhere.

    That of a reliable answer is the answer to our offer, and is always taken up (RFC 3262 5).
    """
    heard = False
    deaf: dict[str, Edge] = {}
    for edge in evidence.walk.all_edges():
        before, move = evidence.walk.configs[edge.source], edge.move
        event, call = move.stimulus.event, before.wire
        early = event in PROVISIONAL or event == "DialogReliableProgress"
        if not early or "sdp" not in dict(move.stimulus.fields) or move.broke >= 0:
            continue
        if call.call not in wire.OUR_INVITE or call.settled or call.hangup or call.cancel:
            continue
        if before.failed or evidence.table.states[before.state].group == END:
            continue
        if move.target.wire.settled:
            heard = True
        elif move.kind != "unhandled":
            deaf.setdefault(f"{before.state} {event}", edge)
    for topic, edge in deaf.items():
        reliable = edge.move.stimulus.event == "DialogReliableProgress"
        if heard or reliable:
            state, event = topic.split()
            message = f"{event} brings a description to {state}, and it is not taken up there."
            warning = Severity.WARNING
            evidence.about_state("COV409", state, message, edge, f"sdp {event}", warning)


def updates(evidence: Evidence) -> None:
    """COV407: an UPDATE may bring the offer that a re-INVITE may bring."""
    accepted: dict[str, set[tuple[str, str]]] = {"re-INVITE": set(), "UPDATE": set()}
    refused: dict[tuple[str, str], Edge] = {}
    for edge in evidence.walk.all_edges():
        before, stimulus = evidence.walk.configs[edge.source], edge.move.stimulus
        if "sdp" not in dict(stimulus.fields) or not before.wire.live:
            continue
        offer = (before.state, str(dict(stimulus.fields).get("direction")))
        for message in edge.move.sends:
            if message.kind == "RESP" and message.method in accepted:
                if message.code < 300:
                    accepted[message.method].add(offer)
                elif message.code == 488 and message.method == "UPDATE" and not before.failed:
                    refused.setdefault(offer, edge)
    for offer, edge in refused.items():
        if offer in accepted["re-INVITE"] and offer not in accepted["UPDATE"]:
            state, direction = offer
            text = f"{state} accepts an offer ({direction}) in a re-INVITE, not in an UPDATE."
            warning = Severity.WARNING
            evidence.about_state("COV407", state, text, edge, "UPDATE offer", warning)


def matrix(evidence: Evidence) -> dict[str, int]:
    """COV415: count the cells (state, role, event) that can come about, by what becomes of them."""
    cells: dict[tuple[str, str, str], str] = {}
    for edge in evidence.walk.all_edges():
        config = evidence.walk.configs[edge.source]
        cell = (config.state, config.role, edge.move.stimulus.event)
        if cells.get(cell) != "unhandled":
            cells[cell] = edge.move.kind
    counted = Counter(cells.values())
    total = sum(counted.values())
    answered = total - counted["unhandled"]
    share = 100 * answered // total if total else 100
    evidence.about_table(
        "COV415",
        f"Of {total} things that may happen in some state and role, {counted['fired']} are "
        f"answered by a row, {counted['ignored']} ignored on purpose: {share} %.",
    )
    return {"cells": total, **counted}


RULES = (uncovered, choices, promised, early_media, updates)
