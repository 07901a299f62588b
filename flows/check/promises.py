"""What a flow claims of refused calls is so: redirections are followed, intervals made longer."""

from __future__ import annotations

from flows.check.evidence import Evidence
from flows.check.invariants import END
from flows.check.situations import FEATURE_OF
from flows.explore import wire
from flows.explore.walk import Edge

HOW = {
    "Dialog3xxRedirect": "never follows a redirection",
    "SessionIntervalTooSmall": "never asks for a longer interval after 422",
}


def called_again(evidence: Evidence) -> None:
    """COV412: where redirect or session_timer is claimed, such refusals lead to another INVITE."""
    asked: dict[tuple[str, str], Edge] = {}
    answered: set[tuple[str, str]] = set()
    for edge in evidence.walk.all_edges():
        before, move = evidence.walk.configs[edge.source], edge.move
        event, call = move.stimulus.event, before.wire
        if event not in HOW or FEATURE_OF[event] not in evidence.table.features:
            continue
        if call.call not in wire.OUR_INVITE or call.hangup or call.cancel:
            continue
        if move.kind == "unhandled" or evidence.table.states[before.state].group == END:
            continue
        place = (before.state, event)
        asked.setdefault(place, edge)
        if any(message.kind == "INVITE" for message in move.sends):
            answered.add(place)
    for state, event in asked.keys() - answered:
        edge = asked[state, event]
        message = f"{FEATURE_OF[event]} is claimed, and {state} {HOW[event]}."
        evidence.about_state("COV412", state, message, edge, event)


RULES = (called_again,)
