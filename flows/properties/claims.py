"""The properties a table claims: read, and held to the names of the table (PRP951)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows import document as nodes
from flows.findings import START, Finding, Place, Severity
from flows.properties.judge import Judgement, Steps, judge
from flows.properties.language import Atom, Never, Pattern, PropertyError, atoms, read
from flows.properties.ready import ready
from flows.suggest import did_you_mean, nearest
from flows.table import TIMER_EVENT, Table
from flows.vocabulary import ACTIONS, EVENTS, GUARDS, PUBLISHED, RESOURCES

MOST = 200
READY = "ready "


@dataclass(frozen=True, slots=True)
class Claim:
    """One property of a table, or why it is none."""

    text: str
    place: Place
    pattern: Pattern | None = None
    problem: str = ""
    rfc: str = ""


def claims(table: Table, places: Sequence[Place] = ()) -> list[Claim]:
    """Read the properties of a table; a problem is a sentence."""
    read_ones = []
    for number, item in enumerate(table.properties[:MOST]):
        place = places[number] if number < len(places) else START
        read_ones.append(_claim(table, item, place))
    return read_ones


def _claim(table: Table, item: Any, place: Place) -> Claim:
    if not isinstance(item, str):
        return Claim(str(item), place, problem="A property is one line of text.")
    text, rfc = item.strip(), ""
    if text.startswith(READY):
        name = text.removeprefix(READY).strip()
        known = ready().get(name)
        if known is None:
            close = did_you_mean(nearest(name, ready()))
            return Claim(text, place, problem=f"No ready property is called {name[:60]}{close}")
        says, rfc = known.says, known.rfc
    else:
        says = text
    try:
        pattern = read(says)
    except PropertyError as error:
        return Claim(text, place, problem=str(error))
    problem = next(_unknown(table, atoms(pattern)), "")
    return Claim(text, place, None if problem else pattern, problem, rfc)


def _unknown(table: Table, used: Iterable[Atom]) -> Iterator[str]:
    names: dict[str, Iterable[str]] = {
        "state": table.states,
        "both": table.states,
        "event": (*EVENTS, TIMER_EVENT),
        "action": ACTIONS,
        "publishes": PUBLISHED,
        "holds": RESOURCES,
        "condition": (*GUARDS, *table.variables),
    }
    for atom in used:
        known = names.get(atom.kind)
        if known is not None and atom.name not in known:
            close = did_you_mean(nearest(atom.name, known))
            kind = {"both": "state", "publishes": "published event", "holds": "resource"}
            yield f"No {kind.get(atom.kind, atom.kind)} is called {atom.name[:60]}{close}"


def places_of(document: nodes.Document) -> tuple[Place, ...]:
    """Return where each property of a text stands."""
    root = document.root
    node = root.get("properties") if isinstance(root, nodes.Mapping) else None
    return tuple(item.place for item in node.items) if isinstance(node, nodes.Sequence) else ()


def conditions(table: Table) -> frozenset[str]:
    """Return the conditions and variables that the properties of a table look at."""
    return frozenset(
        atom.name
        for claim in claims(table)
        if claim.pattern is not None
        for atom in atoms(claim.pattern)
        if atom.kind == "condition"
    )


def unreadable(table: Table, places: Sequence[Place]) -> Iterator[Finding]:
    """PRP951: a property that cannot be read or names what does not exist."""
    for claim in claims(table, places):
        if claim.problem:
            yield Finding(
                "PRP951",
                Severity.ERROR,
                f"This property proves nothing. {claim.problem}",
                claim.place,
                "docs/language.md has the patterns.",
            )


def about_both(pattern: Pattern) -> bool:
    """Whether a property speaks of the two sides of a call together."""
    used = atoms(pattern)
    return any(atom.kind == "both" for atom in used) or {"UAC", "UAS"} <= {a.side for a in used}


def judged(
    table: Table,
    graph: Steps,
    places: Sequence[Place] = (),
    confidence: str = "proved",
    *,
    both: bool = False,
) -> Iterator[Finding]:
    """INV803, PRP952, PRP953: what does not hold on a graph, or only because nothing happens.

    Those about the two sides together are judged where the graph shows `both`, the others where it
    shows one.
    """
    for claim in claims(table, places):
        if claim.pattern is not None and about_both(claim.pattern) is both:
            finding = _of(claim, judge(claim.pattern, graph), confidence)
            if finding is not None:
                yield finding


def alone(table: Table, places: Sequence[Place] = ()) -> Iterator[Finding]:
    """PRP953: properties about two sides in a table that begins calls on one side only."""
    for claim in claims(table, places):
        if claim.pattern is not None and about_both(claim.pattern):
            yield _empty(claim, "a call between two sides of this table", "proved")


def _is_invariant(pattern: Pattern | None) -> bool:
    """Whether it speaks of every moment of every call: `always P`, `never P`."""
    return isinstance(pattern, Never) and pattern.after is None and pattern.before is None


def _of(claim: Claim, judgement: Judgement, confidence: str) -> Finding | None:
    source = f" ({claim.rfc})" if claim.rfc else ""
    if not judgement.holds:
        way = ", ".join(str(step.get("event", "")) for step in judgement.trace)
        after = f": it is broken after {way}" if way else " from the first moment"
        return Finding(
            "INV803" if _is_invariant(claim.pattern) else "PRP952",
            Severity.ERROR,
            f"The property does not hold{after}. {claim.text}{source}",
            claim.place,
            "The trace is a shortest way to break it.",
            confidence="proved",
            trace=judgement.trace,
        )
    if judgement.vacuous:
        return _empty(claim, judgement.vacuous, confidence)
    return None


def _empty(claim: Claim, what: str, confidence: str) -> Finding:
    return Finding(
        "PRP953",
        Severity.WARNING,
        f"The property holds only because {what} never happens. {claim.text}",
        claim.place,
        "A misspelt but existing name makes every promise come true.",
        confidence=confidence,
    )
