"""What only a solver sees in guards: DET201, DET203, DET206 to DET210.

Rows of one state, role and event are tried from top to bottom, so a narrow guard above a wide one
is good style. What is told here: guards that never hold or always do, rows that the rows above
leave nothing, two rows of which only the order decides, and cases that no row takes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows.check.facts import Facts, Question
from flows.check.results import conjuncts, result_of, where
from flows.decide import FIELD, TooLarge
from flows.ends import unanswered
from flows.expressions import (
    Both,
    Comparison,
    Constant,
    EventField,
    Expression,
    Membership,
    Name,
    Not,
    conjunction,
    text_of,
)
from flows.findings import Finding, Place, Severity
from flows.graph import SESSION_ROLES, Graph
from flows.table import ANY_STATE, Row
from flows.vocabulary import EVENTS, Kind


def guards_decided(graph: Graph) -> Iterator[Finding]:
    """Everything this module knows, with META992 where it had to give up."""
    if not any(row.guards for row in graph.table.rows):
        return
    facts = Facts(graph)
    sense: set[int] = set()
    for row in graph.table.rows:
        if row.guards:
            try:
                problem = next(_of_one_row(facts, row), None)
            except TooLarge as reason:
                yield _given_up(row, str(reason))
                return
            if problem is None:
                sense.add(row.index)
            else:
                yield problem
    try:
        yield from _tautologies(facts, sense)
        yield from _overlaps(facts, sense)
        yield from _gaps(facts)
    except TooLarge as reason:
        row = next(row for row in graph.table.rows if row.guards)
        yield _given_up(row, str(reason))


def _given_up(row: Row, reason: str) -> Finding:
    return Finding(
        "META992",
        Severity.INFO,
        f"Not every question about guards was decided: {reason}. That nothing more is said of them "
        "is no proof.",
        _place(row),
        row=row.index,
        state=_state(row),
        confidence="bounded",
    )


# -- one row ---------------------------------------------------------------------------------------


def _of_one_row(facts: Facts, row: Row) -> Iterator[Finding]:
    question = Question(_wanted(row))
    if facts.example(question, row.from_state, row.event) is None:
        yield _finding(
            "DET206",
            row,
            f"{_guards(row)} can never hold {where(row)}, so this row never fires.",
            "A row that never fires is a row that somebody believes in.",
        )
        return
    constant = facts.never_written(facts.graph.roles(row) or SESSION_ROLES)
    never = {name for name, _ in constant}
    names = set().union(*(guard.expression.names for guard in row.guards)) & never
    if names and facts.example(question, row.from_state, row.event, constant) is None:
        told = ", ".join(sorted(names))
        # A variable that no row sets is a switch, and one that is off does no harm.
        switch = names <= facts.graph.table.variables.keys()
        yield _finding(
            "DET210",
            row,
            f"{_guards(row)} never holds: no row ever changes {told}, so this row never fires.",
            "A condition is changed by events and actions that are declared to change it, by "
            "SetCondition, and a variable by set.",
            severity=Severity.WARNING if switch else Severity.ERROR,
        )


def _tautologies(facts: Facts, sense: set[int]) -> Iterator[Finding]:
    for row in facts.graph.table.rows:
        if row.index not in sense:
            continue
        for guard in row.guards:
            if facts.example(Question((), ((guard.expression,),)), ANY_STATE, row.event) is None:
                rest = [g.text for g in row.guards if g is not guard]
                yield _finding(
                    "DET207",
                    row,
                    f"{guard.text} always holds; remove it.",
                    "A guard that is always true looks like a condition and is none.",
                    severity=Severity.WARNING,
                    place=guard.place,
                    fix=_change(row, "guards", rest or None),
                )


# -- rows of one class -----------------------------------------------------------------------------


def _overlaps(facts: Facts, sense: set[int]) -> Iterator[Finding]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in facts.graph.table.rows:
        if row.index in sense or not row.guards:
            groups[row.from_state, row.role, row.event, row.after].append(row)
    for rows in groups.values():
        if sum(bool(row.guards) for row in rows) > 1:
            yield from _in_group(facts, rows)


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A row with what is compared of it again and again."""

    row: Row
    conjuncts: frozenset[str]
    wanted: tuple[Expression, ...]
    allowed: dict[str, frozenset[str]]
    """Names that must equal one of these constants."""


def _in_group(facts: Facts, rows: Sequence[Row]) -> Iterator[Finding]:
    above: list[_Guarded] = []
    for row in rows:
        if not row.guards:
            break
        wanted = _wanted(row)
        one = _Guarded(row, conjuncts(row), wanted, _allowed(wanted))
        if not any(other.conjuncts <= one.conjuncts for other in above):
            yield from _against(facts, one, above)
        above.append(one)


def _against(facts: Facts, one: _Guarded, above: Sequence[_Guarded]) -> Iterator[Finding]:
    rivals = [other for other in above if not _clearly_apart(other, one)]
    if not rivals:
        return
    row, mine = one.row, one.wanted
    state, event = row.from_state, row.event
    left = Question(mine, tuple(other.wanted for other in rivals))
    if facts.example(left, state, event) is None:
        numbers = " and ".join(str(other.row.index + 1) for other in rivals)
        yield _finding(
            "DET203",
            row,
            f"This row never fires: whenever {_guards(row)} holds, row {numbers} has taken "
            f"{row.label} {where(row)} already.",
            "Rows of one state, role and event are tried from top to bottom.",
        )
        return
    for other in rivals:
        if result_of(other.row) == result_of(row):
            continue
        witness = facts.example(Question((*other.wanted, *mine)), state, event)
        if witness is None:
            continue
        if facts.example(Question(other.wanted, (mine,)), state, event) is not None:
            yield _both_hold(row, other.row, witness)
            return


def _both_hold(row: Row, other: Row, witness: dict[str, Any]) -> Finding:
    of_event = all(term.startswith(FIELD) for term in witness)
    excluded = text_of(Not(conjunction(list(_wanted(other))).node))
    return _finding(
        "DET209" if of_event else "DET201",
        row,
        f"Rows {other.index + 1} and {row.index + 1} both take {row.label} {where(row)} with "
        f"{shown(witness)} and do different things; only the order of the rows decides. Add "
        f"{excluded} to this row if that is meant.",
        "Rows of one state, role and event are tried from top to bottom; a narrow guard above a "
        "wide one is clear, two that cross are not.",
        fix=_change(row, "guards", [*(guard.text for guard in row.guards), excluded]),
    )


def _clearly_apart(one: _Guarded, other: _Guarded) -> bool:
    """Whether it shows without a question that both never hold: `x` and `not x`, `x == 1` and 2."""
    if any(not values & other.allowed.get(name, values) for name, values in one.allowed.items()):
        return True
    return any(f"not {text}" in other.conjuncts for text in one.conjuncts) or any(
        f"not {text}" in one.conjuncts for text in other.conjuncts
    )


def _allowed(wanted: Sequence[Expression]) -> dict[str, frozenset[str]]:
    allowed: dict[str, frozenset[str]] = {}
    for expression in wanted:
        node = expression.node
        for part in node.operands if isinstance(node, Both) else (node,):
            match part:
                case Comparison("==", Name() | EventField() as term, Constant(value)):
                    found = frozenset((_plain(value),))
                case Membership(Name() | EventField() as term, values):
                    found = frozenset(map(_plain, values))
                case _:
                    continue
            allowed[text_of(term)] = allowed.get(text_of(term), found) & found
    return allowed


def _plain(value: Any) -> str:
    """A text that is the same for all constants that some value may equal together."""
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        return str(value)


# -- cases no row takes ----------------------------------------------------------------------------


def _gaps(facts: Facts) -> Iterator[Finding]:
    graph = facts.graph
    wanted = {row.event for row in graph.table.rows if row.guards and _matters(row.event)}
    told: set[int] = set()
    for role in SESSION_ROLES:
        wild = [r for r in graph.wild if r.event in wanted and role in graph.roles(r)]
        for name, state in graph.table.states.items():
            if state.final or name not in graph.reachable[role]:
                continue
            groups: dict[str, list[Row]] = defaultdict(list)
            for row in (*graph.own.get(name, ()), *wild):
                if row.event in wanted and role in graph.roles(row):
                    groups[row.event].append(row)
            for event, rows in groups.items():
                closed = event in state.ignore or not all(row.guards for row in rows)
                if not closed and rows[-1].index not in told:
                    found = _gap(facts, name, event, rows)
                    if found is not None:
                        told.add(rows[-1].index)
                        yield found


def _matters(event: str) -> bool:
    """Whether an event that meets no row is lost: a request would be refused politely by itself."""
    word = EVENTS.get(event)
    if word is None or word.kind is not Kind.MESSAGE:
        return False
    rule = unanswered(event)
    return rule.ends or rule.answer is None


def _gap(facts: Facts, state: str, event: str, rows: Sequence[Row]) -> Finding | None:
    question = Question((), tuple(_wanted(row) for row in rows))
    witness = facts.example(question, state, event)
    if witness is None:
        return None
    sure = all(not guard.expression.names for row in rows for guard in row.guards)
    row = rows[-1]
    return _finding(
        "DET208",
        row,
        f"No row takes {event} in {state} with {shown(witness)}; add a row without a guard below.",
        "An event that meets no row is only noted"
        + (", and ends the call." if unanswered(event).ends else "."),
        severity=Severity.ERROR if sure else Severity.WARNING,
        confidence="proved" if sure else "heuristic",
    )


# -- words -----------------------------------------------------------------------------------------


def shown(witness: dict[str, Any]) -> str:
    """Write values as people read them: `MediaReady true, event.code 500`."""
    parts = []
    for term, value in sorted(witness.items()):
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif value is None:
            text = "absent"
        elif isinstance(value, str):
            text = f'"{value}"'.replace("\0", "\\0")
        else:
            text = f"{value:g}" if isinstance(value, float) else str(value)
        parts.append(f"{term} {text}")
    return ", ".join(parts) or "any values"


def _wanted(row: Row) -> tuple[Expression, ...]:
    return tuple(guard.expression for guard in row.guards)


def _guards(row: Row) -> str:
    return " and ".join(guard.text for guard in row.guards)


def _place(row: Row) -> Place:
    return row.guards[0].place if row.guards else row.place


def _state(row: Row) -> str | None:
    return None if row.from_state == ANY_STATE else row.from_state


def _change(row: Row, field: str, value: Any) -> dict[str, Any]:
    return {
        "operation": "change_row",
        "arguments": {"row": row.index, "field": field, "value": value},
    }


def _finding(
    code: str,
    row: Row,
    message: str,
    explanation: str,
    *,
    severity: Severity = Severity.ERROR,
    place: Place | None = None,
    confidence: str = "proved",
    fix: dict[str, Any] | None = None,
) -> Finding:
    return Finding(
        code,
        severity,
        message,
        place or _place(row),
        explanation,
        row=row.index,
        state=_state(row),
        confidence=confidence,
        fix=fix,
    )


RULES = (guards_decided,)
