"""What is owed to the far side and to people (OBL621, OBL623, ACT607 to ACT612)."""

from __future__ import annotations

from flows.check.evidence import Evidence
from flows.explore import wire
from flows.explore.wire import Wire

OPPOSITES = (
    ("MuteLocalAudio", "UnmuteLocalAudio"),
    ("StartEcho", "StopEcho"),
    ("HoldCall", "ResumeCall"),
    ("StartMediaSession", "StopMediaSession"),
)
REQUESTS = (
    "ReinviteReceived",
    "UpdateReceived",
    "InfoReceived",
    "MessageReceived",
    "TransferRequested",
    "DialogPRACK",
    "ReceiveNOTIFY",
    "SubscriptionTerminated",
    "SubscriptionRequested",
    "ReceiveMESSAGE",
    "PublicationReceived",
)


def answers(evidence: Evidence) -> None:
    """OBL621: the row that takes a request answers it; if an action failed, the next row does."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        if move.target.ended or move.target.pending or move.kind != "fired":
            continue
        event = move.stimulus.event
        if event in (*REQUESTS, "ActionFailed"):
            for request in _waiting(move.target.wire):
                message = f"The {request} of the far side gets no answer."
                evidence.about_step("OBL621", edge, message)


def _waiting(call: Wire) -> list[str]:
    waiting = ["re-INVITE"] if call.asked else []
    return [*waiting, *(["UPDATE"] if call.update else []), *call.others]


def confirmation(evidence: Evidence) -> None:
    """ACT609: the row that takes a 2xx confirms it."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        if move.stimulus.event != "Dialog200OK" or not move.target.wire.ack:
            continue
        if not move.target.ended and not move.target.pending and move.kind != "unhandled":
            evidence.about_step("ACT609", edge, "The 2xx is never confirmed with SendACK.")


def reliable_progress(evidence: Evidence) -> None:
    """ACT610: the row that takes a reliable provisional answer confirms it."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        if move.stimulus.event != "DialogReliableProgress" or move.kind == "unhandled":
            continue
        if move.target.wire.reliable and not (move.target.ended or move.target.pending):
            message = "The reliable provisional answer is never confirmed with SendPRACK."
            evidence.about_step("ACT610", edge, message)


def reports(evidence: Evidence) -> None:
    """OBL623: the row that accepts a REFER or a SUBSCRIBE tells at once how it stands."""
    for edge in evidence.walk.all_edges():
        target = edge.move.target
        if target.wire.refer == "accepted" and not (target.ended or target.pending):
            message = "A REFER is accepted, and the first NOTIFY does not follow at once."
            evidence.about_step("OBL623", edge, message)
        elif target.wire.outside.owed and not (target.ended or target.pending):
            message = "A SUBSCRIBE is accepted, and the NOTIFY does not follow at once."
            evidence.about_step("OBL623", edge, message)


def hang_up(evidence: Evidence) -> None:
    """ACT611: who hung up is taken at the word as soon as the protocol allows it."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        if move.target.ended or move.target.pending or not _unheard(move.target.wire):
            continue
        heard_before = not _unheard(evidence.walk.configs[edge.source].wire)
        if move.kind == "fired" and heard_before:
            message = "A person hung up, and the far side is told nothing: no BYE, CANCEL, answer."
            evidence.about_step("ACT611", edge, message)


def _unheard(call: Wire) -> bool:
    if not call.hangup or call.broken:
        return False
    if call.call == wire.PROCEEDING:
        return not call.cancel
    return call.call == wire.OFFERED or (call.call == wire.UP and not call.bye)


def within_rows(evidence: Evidence) -> None:
    """ACT607, ACT612: what stands in one row twice, or against itself."""
    for row in evidence.table.rows:
        names = [word.name for word in row.actions]
        for index in range(1, len(row.actions)):
            before, word = row.actions[index - 1], row.actions[index]
            if (before.name, before.arguments) == (word.name, word.arguments):
                message = f"{word.name} stands twice in a row."
                evidence.about_row("ACT607", row.index, message, None, index)
        for one, other in OPPOSITES:
            if one in names and other in names and names.index(one) < names.index(other):
                message = f"{other} takes back what {one} did in the same row."
                evidence.about_row("ACT612", row.index, message, None, names.index(other))


RULES = (answers, confirmation, reliable_progress, reports, hang_up, within_rows)
