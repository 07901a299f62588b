"""What becomes of every event in every state, for each role: the cells of the matrix.

A cell that some row takes, or that the author ignores with a reason, says so itself. Every other
cell gets a verdict here: the event may come and something waits for an answer (missing), it may
come and nothing waits (open), or it can not come (impossible).

`verdicts` is quick and looks at the graph: it follows how far a call has come (`coverage`), so it
may hold something possible that a guard forbids. `walked` says the same of what the deeper check
has seen, which decides exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from flows.check.coverage import Phase, phases_of
from flows.check.situations import HARMLESS, code_of
from flows.explore.peer import FAILURES, PROVISIONAL
from flows.explore.walk import Walk
from flows.graph import SESSION_ROLES, Graph
from flows.table import ANY_STATE, TIMER_EVENT
from flows.vocabulary import ACTIONS, EVENTS

Cells = Mapping[tuple[str, str], tuple[frozenset[str], frozenset[str]]]
"""For each state and role: the events that are missing, and the ones that are open."""

_TROUBLE = frozenset(("DialogError",))
_TO_INVITE = frozenset((*PROVISIONAL, "Dialog200OK", *FAILURES))
_REQUESTS = frozenset(("UpdateReceived", "InfoReceived", "TransferRequested"))
_MEDIA = frozenset(
    ("MediaError", "MediaLost", "RtpTimeout", "MediaFlowEstablished", "DtmfDetected")
)
_IN_CALL = frozenset(("HoldCall", "MuteCall", "UnmuteCall", "PlayAudio", "SendDTMF"))
_UP = _TROUBLE | _REQUESTS | _MEDIA | _IN_CALL | {"DialogBYE", "HangupCall"}
_ANSWERS = frozenset(("Dialog200OK", *FAILURES, "DialogTimeout"))
_CANCELLED = frozenset(("Dialog487RequestTerminated",))
_OF_INVITE = _CANCELLED | {"SessionIntervalTooSmall"}
"""Answers that only an INVITE gets."""

MAY_COME: Mapping[Phase, frozenset[str]] = {
    Phase.NONE: frozenset(("MakeCall", "IncomingCall")),
    Phase.CALLING: _TO_INVITE | _TROUBLE | {"DialogTimeout", "HangupCall"},
    Phase.PROCEEDING: _TO_INVITE | _TROUBLE | {"UpdateReceived", "HangupCall"},
    Phase.OFFERED: _TROUBLE
    | {"DialogCANCEL", "DialogBYE", "AcceptCall", "RejectCall", "HangupCall"},
    Phase.GIVEN_UP: frozenset(),
    Phase.ANSWERED: _UP | {"DialogACK", "DialogTimeout"},
    Phase.CONFIRMED: _UP | {"ReinviteReceived"},
    Phase.PROPOSING: _UP | _ANSWERS - _CANCELLED | {"ReinviteReceived", "ReinviteGlare"},
    Phase.CANCELLING: _TO_INVITE | _TROUBLE | {"DialogTimeout"},
    Phase.CLOSING: _ANSWERS - _OF_INVITE | _TROUBLE | {"DialogBYE"},
    Phase.OVER: frozenset(),
}
"""What may come in each phase of a call, whatever the table says of it; `flows.explore.peer` is
the exact account."""


def verdicts(graph: Graph) -> Cells:
    """Return what is missing and what is open, as far as the graph tells."""
    failing = _where_actions_fail(graph)
    media = any("media" in ACTIONS[word.name].acquires for word in _words(graph))
    cells = {}
    for role in SESSION_ROLES:
        phases = phases_of(graph, role)
        for name, state in graph.table.states.items():
            if state.final or not phases[name]:
                continue
            may = frozenset().union(*(MAY_COME[phase] for phase in phases[name]))
            may = may if media else may - _MEDIA
            if (name, role) in failing and phases[name] != {Phase.NONE}:
                may |= {"ActionFailed"}
            empty = {
                event
                for event in may
                if role in EVENTS[event].roles and not graph.answers(name, role, event)
            }
            missing = frozenset(empty - HARMLESS)
            cells[name, role] = missing, frozenset(empty) - missing
    return cells


def _words(graph: Graph) -> Iterable[Any]:
    return (word for row in graph.table.rows for word in row.actions if word.name in ACTIONS)


def _where_actions_fail(graph: Graph) -> set[tuple[str, str]]:
    """The states in which a session may learn that an action of the row that led there failed."""
    failing = set()
    for row in graph.table.rows:
        if not any(ACTIONS[w.name].may_fail for w in row.actions if w.name in ACTIONS):
            continue
        targets = [row.next_state or row.from_state]
        if targets == [ANY_STATE]:
            targets = list(graph.table.states)
        failing |= {(target, role) for target in targets for role in graph.roles(row)}
    return failing


def walked(walk: Walk, features: tuple[str, ...]) -> Cells:
    """Return what is missing and what is open of everything that a walk has seen."""
    missing: dict[tuple[str, str], set[str]] = defaultdict(set)
    harmless: dict[tuple[str, str], set[str]] = defaultdict(set)
    for config in walk.configs:
        missing[config.state, config.role].update()
    for edge in walk.all_edges():
        event = edge.move.stimulus.event
        if edge.move.kind != "unhandled" or event == TIMER_EVENT:
            continue
        config = walk.configs[edge.source]
        side = missing if code_of(config, edge, features) else harmless
        side[config.state, config.role].add(event)
    return {
        key: (frozenset(events), frozenset(harmless[key] - events))
        for key, events in missing.items()
    }


def plain(cells: Cells) -> dict[str, Any]:
    """Return cells as plain data for the browser: sets of events once, then which cell has which.

    `{"sets": [[event, ...], ...], "states": {state: {role: [missing, open]}}}`; the last two are
    places in `sets`. A state and role that are not there can not come about.
    """
    places: dict[frozenset[str], int] = {}
    states: dict[str, dict[str, list[int]]] = {}
    for (state, role), sets in cells.items():
        found = [places.setdefault(events, len(places)) for events in sets]
        states.setdefault(state, {})[role] = found
    order = {event: number for number, event in enumerate(EVENTS)}
    return {
        "sets": [sorted(events, key=lambda e: order.get(e, -1)) for events in places],
        "states": states,
    }
