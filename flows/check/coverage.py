"""What may happen in a state and no row takes: BYE, CANCEL, hang-up, time-out (COV401 to COV404).

They are warnings: where no row takes such an event, the runtime's own rule ends the session
politely (outcome `unhandled`), so a call is cut off, but not left hanging for ever.

The rules know where a call stands by following each row's event and actions through the phases of
a SIP usage, over the graph, for each role. A state may be met in several phases.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

from flows.findings import Finding, Severity
from flows.graph import SESSION_ROLES, Graph
from flows.table import TIMER_EVENT, Row, Word
from flows.vocabulary import EVENTS


class Phase(enum.Enum):
    """How far a SIP usage has come, as our side sees it."""

    NONE = "no dialog yet"
    CALLING = "our INVITE was sent"
    PROCEEDING = "our INVITE got a provisional answer"
    OFFERED = "the far side's INVITE waits for our answer"
    GIVEN_UP = "the far side cancelled its INVITE"
    ANSWERED = "our 2xx waits for the ACK"
    CONFIRMED = "the call is up"
    PROPOSING = "our re-INVITE waits for its answer"
    CANCELLING = "our CANCEL was sent"
    CLOSING = "our BYE was sent"
    OVER = "the usage is over"


_HELD = frozenset(
    (
        Phase.CALLING,
        Phase.PROCEEDING,
        Phase.OFFERED,
        Phase.ANSWERED,
        Phase.CONFIRMED,
        Phase.PROPOSING,
    )
)
_UP = frozenset((Phase.ANSWERED, Phase.CONFIRMED, Phase.PROPOSING))
_WAITING = {
    Phase.CALLING: "the answer to our INVITE",
    Phase.PROCEEDING: "the final answer to our INVITE",
    Phase.ANSWERED: "the ACK to our 2xx",
    Phase.PROPOSING: "the answer to our re-INVITE",
    Phase.CANCELLING: "the end of the cancelled INVITE",
    Phase.CLOSING: "the answer to our BYE",
}
_FAILURES = frozenset(
    (
        "Dialog3xxRedirect",
        "AuthRequired",
        "SessionIntervalTooSmall",
        "Dialog487RequestTerminated",
        "Dialog4xxFailure",
        "Dialog5xxFailure",
        "Dialog6xxFailure",
        "DialogTimeout",
        "DialogError",
    )
)
_PROVISIONAL = ("Dialog180Ringing", "Dialog183SessionProgress", "DialogReliableProgress")
_INVITING = frozenset((Phase.CALLING, Phase.PROCEEDING, Phase.CANCELLING))
_OFFERED = frozenset((Phase.OFFERED, Phase.GIVEN_UP))
_CALLS = frozenset(
    (
        "SendINVITE",
        "SendINVITEWithAuth",
        "SendINVITEWithBumpedSessionExpires",
        "RetryWithContact",
    )
)
_PROPOSALS = frozenset(("SendReINVITE", "HoldCall", "ResumeCall"))


def phases_of(graph: Graph, role: str) -> dict[str, set[Phase]]:
    """Return for each state of the table the phases in which a session of the role can be there.

    Rows of any state are followed from one place, which has the phases of all states together:
    thousands of them cost no more than the rows of one state.
    """
    phases: dict[str, set[Phase]] = {name: set() for name in graph.table.states}
    everywhere: set[Phase] = set()
    wild = [row for row in graph.wild if role in graph.roles(row) and row.ignore is None]
    leading = [row for row in wild if row.next_state is not None]
    staying = [row for row in wild if row.next_state is None]
    in_place = {phase: {_after_row(phase, row) for row in staying} for phase in Phase}
    phases[graph.table.initial] = {Phase.NONE}
    waiting: list[str | None] = [graph.table.initial]
    while waiting:
        state = waiting.pop()
        if state is None:
            rows, here = leading, everywhere
        elif graph.table.states[state].final:
            continue
        else:
            rows, here = graph.own_rows(state, role), phases[state]
            _close(here, in_place)
            if not here <= everywhere:
                everywhere |= here
                waiting.append(None)
        for row in rows:
            target = row.next_state if row.next_state is not None else state
            if row.ignore is not None or target not in phases:
                continue
            after = {_after_row(phase, row) for phase in here}
            if not after <= phases[target]:
                phases[target] |= after
                waiting.append(target)
    return phases


def _close(phases: set[Phase], in_place: dict[Phase, set[Phase]]) -> None:
    """Add the phases that rows of any state bring about without leaving."""
    waiting = list(phases)
    while waiting:
        for phase in in_place[waiting.pop()] - phases:
            phases.add(phase)
            waiting.append(phase)


def _after_row(phase: Phase, row: Row) -> Phase:
    phase = _after_event(phase, row)
    word = EVENTS.get(row.event)
    other_request = word is not None and word.owes != "" and row.event != "IncomingCall"
    for action in row.actions:
        if other_request and action.name == "SendSIPResponse":
            other_request = False
            continue  # it answers the row's own request, not the INVITE that began the call
        phase = _after_action(phase, action)
    return phase


def _after_event(phase: Phase, row: Row) -> Phase:
    event = row.event
    if event == "IncomingCall" and phase is Phase.NONE:
        return Phase.OFFERED
    if event in _PROVISIONAL and phase is Phase.CALLING:
        return Phase.PROCEEDING
    if event == "DialogACK" and phase is Phase.ANSWERED:
        return Phase.CONFIRMED
    if event == "DialogCANCEL" and phase is Phase.OFFERED:
        return Phase.GIVEN_UP
    if event == "DialogBYE" and phase in (*_UP, Phase.CLOSING):
        return Phase.OVER
    if event == "Dialog200OK":
        return _after_success(phase, row)
    if event in ("ReinviteGlare", "ActionFailed") and phase is Phase.PROPOSING:
        return Phase.CONFIRMED
    if event in _FAILURES:
        return _after_failure(phase)
    return phase


def _after_success(phase: Phase, row: Row) -> Phase:
    if phase in _INVITING or phase is Phase.PROPOSING:
        return Phase.CONFIRMED
    confirms = any(word.name == "SendACK" for word in row.actions)
    if phase is Phase.CLOSING and not confirms:
        return Phase.OVER
    return phase


def _after_failure(phase: Phase) -> Phase:
    if phase in _INVITING or phase is Phase.CLOSING:
        return Phase.OVER
    return Phase.CONFIRMED if phase in _UP else phase


def _after_action(phase: Phase, word: Word) -> Phase:
    match word.name:
        case name if name in _CALLS:
            return Phase.CALLING
        case "SendCANCEL" if phase in (Phase.CALLING, Phase.PROCEEDING):
            return Phase.CANCELLING
        case "SendBYE" if phase in _UP:
            return Phase.CLOSING
        case "CleanupDialog":
            return Phase.OVER
        case "SendSIPResponse" if phase in _OFFERED:
            return _after_response(phase, word.arguments.get("code", 200))
        case "SendRejectResponse" | "SendRedirectResponse" if phase in _OFFERED:
            return Phase.OVER
        case name if name in _PROPOSALS and phase is Phase.CONFIRMED:
            return Phase.PROPOSING
    return phase


def _after_response(phase: Phase, code: int) -> Phase:
    if code < 200:
        return phase
    if code < 300:
        return Phase.ANSWERED
    return Phase.OVER


# -- the rules -------------------------------------------------------------------------------------


def unanswered(graph: Graph) -> Iterator[Finding]:
    """COV401 to COV404, for each state in which a session can be."""
    found: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for role in SESSION_ROLES:
        phases = phases_of(graph, role)
        for name, state in graph.table.states.items():
            if state.final or not phases[name] or not graph.own_rows(name, role):
                continue
            for finding in _in_state(graph, name, role, phases[name]):
                key = (finding.code, name)
                found.setdefault(key, (finding, []))[1].append(role)
    for finding, roles in found.values():
        yield _for_roles(graph, finding, roles)


def _in_state(graph: Graph, name: str, role: str, phases: set[Phase]) -> Iterator[Finding]:
    if phases & _UP and not graph.answers(name, role, "DialogBYE"):
        yield _missing(
            graph,
            "COV401",
            name,
            role,
            "DialogBYE",
            f"The far side can not hang up in {name}: no row takes DialogBYE there.",
            "The stack answers the BYE, but the session stays and holds what it holds.",
        )
    if Phase.OFFERED in phases and not graph.answers(name, role, "DialogCANCEL"):
        yield _missing(
            graph,
            "COV402",
            name,
            role,
            "DialogCANCEL",
            f"A caller who gives up in {name} is not let go: no row takes DialogCANCEL there and "
            "answers 487.",
            "RFC 3261 9.2: the cancelled INVITE must be answered with 487.",
        )
    if phases & _HELD and not _can_hang_up(graph, name, role, phases):
        yield _missing(
            graph,
            "COV403",
            name,
            role,
            "HangupCall",
            f"A call can not be hung up by us in {name}: no row takes HangupCall there.",
            "The person hangs up and nothing happens.",
        )
    waits = [what for phase, what in _WAITING.items() if phase in phases]
    if waits and not _has_time_limit(graph, name, role):
        yield _missing(
            graph,
            "COV404",
            name,
            role,
            "DialogTimeout",
            f"{name} waits for {waits[0]}, and no row takes DialogTimeout or {{after: ...}} there.",
            "If it never comes, the session waits for ever.",
        )


def _can_hang_up(graph: Graph, name: str, role: str, phases: set[Phase]) -> bool:
    if graph.answers(name, role, "HangupCall"):
        return True
    only_offered = phases & _HELD == {Phase.OFFERED}
    return only_offered and graph.answers(name, role, "RejectCall")


def _has_time_limit(graph: Graph, name: str, role: str) -> bool:
    if graph.answers(name, role, "DialogTimeout"):
        return True
    return any(row.event == TIMER_EVENT for row in graph.own_rows(name, role))


def _missing(
    graph: Graph, code: str, state: str, role: str, event: str, message: str, explanation: str
) -> Finding:
    arguments: dict[str, object] = {"from_state": state, "role": role, "event": event}
    return Finding(
        code,
        Severity.WARNING,
        message,
        graph.table.states[state].place,
        explanation,
        state=state,
        fix={"operation": "add_row", "arguments": arguments},
    )


def _for_roles(graph: Graph, finding: Finding, roles: list[str]) -> Finding:
    """One finding for both roles, or one that says in which role if the table has both."""
    assert finding.fix is not None
    if len(roles) == 2:
        arguments = {**finding.fix["arguments"], "role": "Both"}
        return dataclasses.replace(finding, fix={"operation": "add_row", "arguments": arguments})
    both = {role for row in graph.table.rows for role in graph.roles(row)}
    if len(both) == 1:
        return finding
    return dataclasses.replace(finding, message=f"As {roles[0]}: {finding.message}")


RULES = (unanswered,)
