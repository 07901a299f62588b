"""Waiting has an end, and retries keep the times of the RFCs (TMR701, TMR704, TMR705).

TMR703 has no case here: the language disarms a state's timers when the state is left.
"""

from __future__ import annotations

from flows.check.evidence import Evidence
from flows.explore import wire
from flows.explore.party import Config
from flows.table import TIMER_EVENT

PROPOSALS = ("SendReINVITE", "HoldCall", "ResumeCall")
GLARE_WAIT = {"UAC": (2.1, 4.0), "UAS": (0.0, 2.0)}
"""Seconds to wait after 491 (RFC 3261 14.1): who began the call, and the other side."""
STACK_WAIT = 32.0


def waiting(evidence: Evidence) -> None:
    """TMR701: where the stack sets no limit to a waiting, the state has a timer."""
    program = evidence.walk.party.program
    for number, config in enumerate(evidence.walk.configs):
        what = _waits_for(config)
        if not what or config.timer < len(program.timers(config.state, config.role)):
            continue
        message = f"As {config.role}, {config.state} waits for {what} and has no timer."
        edge = evidence.walk.parents[number]
        evidence.about_state("TMR701", config.state, message, edge, what)


def _waits_for(config: Config) -> str:
    call = config.wire
    if config.ended or config.pending or call.broken:
        return ""
    if call.call in wire.OUR_INVITE:
        # After a 100, which is no event, the stack sets no limit either.
        return "the final answer to our INVITE"
    if call.call == wire.OFFERED:
        return "a person to answer the call"
    if call.own and call.live:
        return "the answer to our re-INVITE"
    if call.transfer and call.live:
        return "the end of the transfer"
    if call.refer and call.live:
        return "the end of the transfer that the far side asked for"
    return ""


def glare(evidence: Evidence) -> None:
    """TMR704: after 491 each side waits its own time."""
    program = evidence.walk.party.program
    for edge in evidence.walk.all_edges():
        move = edge.move
        if move.stimulus.event != "ReinviteGlare" or move.transition is None:
            continue
        if any(word.name in PROPOSALS for word in move.transition.words):
            evidence.about_step("TMR704", edge, "The re-INVITE is sent again at once after 491.")
            continue
        role = move.target.role
        low, high = GLARE_WAIT[role]
        first = program.position(move.target.state, role).candidates.get(TIMER_EVENT)
        while first is not None:
            row = first.row
            retries = any(word.name in PROPOSALS for word in first.words)
            if row is not None and row.after is not None and retries:
                if not low <= row.after <= high:
                    message = f"As {role}, the re-INVITE is tried again {row.after:g} s after 491."
                    evidence.about_row("TMR704", row.index, message, edge)
            first = first.otherwise


def durations(evidence: Evidence) -> None:
    """TMR705: nobody gives up before the stack does."""
    for edge in evidence.walk.all_edges():
        move = edge.move
        if move.stimulus.kind != "timer" or move.kind != "fired":
            continue
        before = evidence.walk.configs[edge.source].wire
        seconds = float(dict(move.stimulus.fields)["seconds"])
        gives_up = move.target.ended or (move.target.wire.bye and not before.bye)
        for waits, what in (
            (before.call == wire.ANSWERED, "the ACK"),
            (before.bye == "sent", "the answer to BYE"),
        ):
            if waits and gives_up and seconds < STACK_WAIT:
                message = f"{what.capitalize()} is waited for {seconds:g} s only."
                evidence.about_step("TMR705", edge, message)


RULES = (waiting, glare, durations)
