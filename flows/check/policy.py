"""Rules of the house rather than of SIP: size, and what may never be cut off (POL981 to POL983)."""

from __future__ import annotations

from collections.abc import Iterator

from flows.check.coverage import Phase, phases_of
from flows.findings import Finding, Severity
from flows.graph import SESSION_ROLES, Graph
from flows.table import ANY_STATE, TIMER_EVENT

MOST_ROWS_OF_A_STATE = 100
MOST_ACTIONS_OF_A_ROW = 30
_DIALS = "places a call to somewhere else"
_MOVES = "sends the call somewhere else"
_RECORDS = "records what is said"
PROTECTED = {
    "SendINVITE": _DIALS,
    "CreateLinkedSession": _DIALS,
    "CreateConsultationCall": _DIALS,
    "RetryWithContact": _DIALS,
    "TransferCall": _MOVES,
    "SendREFER": _MOVES,
    "SendREFERWithReplaces": _MOVES,
    "InitiateBlindTransfer": _MOVES,
    "InitiateAttendedTransfer": _MOVES,
    "SendRedirectResponse": _MOVES,
    "StartRecording": _RECORDS,
    "StartRecordingMedia": _RECORDS,
    "StartRecordingMixer": _RECORDS,
}
"""What a guarded flow does only where a guard says that it may."""
_ENDING = ("SendBYE", "CleanupDialog")


def sizes(graph: Graph) -> Iterator[Finding]:
    """POL981: more than anybody can oversee."""
    for name, rows in graph.own.items():
        state = graph.table.states.get(name)
        if state is not None and len(rows) > MOST_ROWS_OF_A_STATE:
            yield Finding(
                "POL981",
                Severity.WARNING,
                f"{name} has {len(rows)} rows; more than {MOST_ROWS_OF_A_STATE} are hard to "
                "oversee. Part the state, or let a row of any state say what all have in common.",
                state.place,
                state=name,
            )
    for row in graph.table.rows:
        if len(row.actions) > MOST_ACTIONS_OF_A_ROW:
            yield Finding(
                "POL981",
                Severity.WARNING,
                f"This row has {len(row.actions)} actions; more than {MOST_ACTIONS_OF_A_ROW} are "
                "hard to oversee.",
                row.place,
                row=row.index,
                state=None if row.from_state == ANY_STATE else row.from_state,
            )


def emergency_calls(graph: Graph) -> Iterator[Finding]:
    """POL983: a timer that ends a call that is up, in a flow for emergency calls."""
    if "emergency" not in graph.table.features:
        return
    told: set[int] = set()
    for role in SESSION_ROLES:
        phases = phases_of(graph, role)
        for name, state in graph.table.states.items():
            if Phase.CONFIRMED not in phases[name]:
                continue
            for row in graph.own_rows(name, role):
                ends = any(word.name in _ENDING for word in row.actions)
                if row.event == TIMER_EVENT and ends and row.index not in told:
                    told.add(row.index)
                    yield Finding(
                        "POL983",
                        Severity.ERROR,
                        f"This timer cuts off a call that is up in {state.name}, and this flow "
                        "takes emergency calls: only the caller may end them.",
                        row.place,
                        "A flow that claims the feature emergency is held to it.",
                        row=row.index,
                        state=name,
                    )


def protected(graph: Graph) -> Iterator[Finding]:
    """POL982: in a guarded flow whatever costs money or privacy asks a guard first."""
    if "guarded" not in graph.table.features:
        return
    for row in graph.table.rows:
        for word in row.actions:
            if word.name in PROTECTED and not row.guards:
                yield Finding(
                    "POL982",
                    Severity.ERROR,
                    f"{word.name} {PROTECTED[word.name]}, and no guard of this row asks whether it "
                    "may.",
                    word.place,
                    "A flow that claims the feature guarded is held to it.",
                    row=row.index,
                    state=None if row.from_state == ANY_STATE else row.from_state,
                )


RULES = (sizes, emergency_calls, protected)
