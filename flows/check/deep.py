"""The deep check: everything a table can do, walked through and held to every rule.

    result = examine(text, tier=2, beat=lambda share: None)

Tier 1 walks one party against the most general peer; tier 2 adds the two sides of the table against
each other over a bounded channel, and the races of RFC 5407; tier 3 widens the bounds. The editor's
quick rules (`flows.check.examine`) are not part of it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flows import document as nodes
from flows import matrix
from flows.check import (
    composition,
    constants,
    invariants,
    liveness,
    obligations,
    promises,
    publishing,
    races,
    resources,
    restarts,
    situations,
    timers,
    usages,
)
from flows.check.evidence import Evidence
from flows.compile import Compiled, compile_text
from flows.explore.party import MOST_FAILURES, Party
from flows.explore.walk import Bounds, Walk, explore
from flows.findings import Finding, Place, Severity, in_order
from flows.properties import claims, mutants
from flows.properties.walked import steps_of, steps_of_both
from flows.semantics import Program
from flows.table import Table

Beat = Callable[[float], None]
"""Told the share that is done, 0 to 1; may raise to stop the check."""
Rule = Callable[[Evidence], None]

RULES: tuple[Rule, ...] = (
    *resources.RULES,
    *obligations.RULES,
    *situations.RULES,
    *timers.RULES,
    *invariants.RULES,
    *publishing.RULES,
    *liveness.RULES,
    *constants.RULES,
    *usages.RULES,
    *promises.RULES,
)
"""Every rule about one party, in the order of the families."""


@dataclass(slots=True)
class DeepResult:
    """What a deep check found, and how far it looked."""

    findings: list[Finding] = field(default_factory=list)
    states: int = 0
    """Configurations visited."""
    transitions: int = 0
    bounds: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    """Nothing was left out: what was not found is not there, within the bounds."""
    matrix: dict[str, int] = field(default_factory=dict)
    """Cells (state, role, event) by what becomes of the event."""
    cells: dict[str, Any] = field(default_factory=dict)
    """The cells that no row takes, as `flows.matrix.plain` tells them."""
    states_reached: int = 0
    rows_fired: int = 0
    races: dict[str, str] = field(default_factory=dict)
    """Code of each race of RFC 5407 to `passed`, `found` or why it does not apply."""


def examine(
    subject: str | Compiled | Table,
    *,
    tier: int = 1,
    budget: Bounds = Bounds(),  # noqa: B008
    beat: Beat | None = None,
    party: Party | None = None,
) -> DeepResult:
    """Check a text, a compiled text or a table in depth; whatever `beat` raises passes through.

    `party` is the table as one side, where the caller has one.
    """
    table = table_of(subject)
    if table is None:
        return DeepResult()
    with _collector_paused():
        return _examined(subject, table, tier, budget, beat, party or _party(table))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector from looking through the walk again and again while it grows.

    A walk keeps all it makes and makes no cycles, so there is nothing to find; looking took half
    of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _examined(
    subject: str | Compiled | Table,
    table: Table,
    tier: int,
    budget: Bounds,
    beat: Beat | None,
    party: Party,
) -> DeepResult:
    walk = explore(party, budget, _share(beat, 0.0, 0.5 if tier > 1 else 0.9))
    if not walk.configs:
        nothing = Evidence(walk)
        message = f"No call can begin: {table.initial} takes neither MakeCall nor IncomingCall."
        nothing.about_state("REA302", table.initial, message, severity=Severity.WARNING)
        return DeepResult(nothing.findings)
    evidence = Evidence(walk)
    for rule in RULES:
        rule(evidence)
    result = DeepResult(
        states=len(walk.configs),
        transitions=walk.transitions,
        complete=walk.complete,
        matrix=situations.matrix(evidence),
        cells=matrix.plain(matrix.walked(walk, table.features)),
        bounds={"failures": MOST_FAILURES, "states": budget.states},
        states_reached=len({config.state for config in walk.configs}),
        rows_fired=len({e.move.row for e in walk.all_edges() if e.move.row >= 0}),
    )
    limits = [walk.limit] if not walk.complete else []
    pairs = composition.Composition(party)
    if tier > 1 and walk.complete:
        pairs = composition.examine(party, tier, budget, _share(beat, 0.5, 0.95))
        limits += pairs.limits
        result.states += pairs.states
        result.transitions += pairs.transitions
        result.complete = pairs.complete
    raced: list[Finding] = []
    if tier > 1:
        raced, result.races = races.examine(walk, pairs.pair)
        raced += restarts.examine(walk, pairs.pair)
    _bounds(evidence, walk, pairs, limits, result.races)
    claimed: list[Finding] = []
    if table.properties:
        places = _places(subject)
        confidence = "proved" if walk.complete else "bounded"
        graph = steps_of(walk)
        claimed += claims.judged(table, graph, places, confidence)
        if tier > 2 and walk.complete:
            quiet = _share(beat, 0.95, 0.99)
            claimed += mutants.untouched(table, graph, places, budget.late, quiet)
        claimed += _claimed_of_both(table, places, pairs) if tier > 1 and walk.complete else ()
    result.findings = in_order([*evidence.findings, *pairs.findings, *raced, *claimed])
    if beat is not None:
        beat(1.0)
    return result


def table_of(subject: str | Compiled | Table) -> Table | None:
    """Return the table; None if the text does not compile."""
    if isinstance(subject, Table):
        return subject
    compiled = compile_text(subject) if isinstance(subject, str) else subject
    return compiled.table


def _party(table: Table) -> Party:
    """One side of the table, with the conditions kept that its properties look at."""
    party = Party(Program(table))
    asked = claims.conditions(table) if table.properties else frozenset()
    if asked <= party.domain.names:
        return party
    return Party(party.program, keep=asked | party.domain.names)


def _places(subject: str | Compiled | Table) -> tuple[Place, ...]:
    document = nodes.read(subject) if isinstance(subject, str) else None
    if isinstance(subject, Compiled):
        document = subject.document
    return claims.places_of(document) if document is not None else ()


def _claimed_of_both(
    table: Table, places: tuple[Place, ...], pairs: composition.Composition
) -> Iterable[Finding]:
    """PRP952, PRP953: what the table claims of its two sides together."""
    if not any(
        c.pattern is not None and claims.about_both(c.pattern) for c in claims.claims(table)
    ):
        return ()
    if pairs.walked is None:
        return claims.alone(table, places)
    graph = steps_of_both(pairs.walked)
    return claims.judged(table, graph, places, "bounded", both=True)


def _bounds(
    evidence: Evidence, walk: Walk, pairs: composition.Composition, limits: list[str],
    raced: dict[str, str],
) -> None:  # fmt: skip
    message = (
        f"{len(walk.configs)} configurations of one party were visited, with up to "
        f"{MOST_FAILURES} failing action in a session and timers firing at any time"
    )
    if pairs.states:
        message += (
            f"; {pairs.states} of two parties, with {composition.REORDER.capacity} messages under "
            "way in each direction"
        )
    if raced:
        absent = [code for code, what in raced.items() if what not in (races.PASSED, races.FOUND)]
        message += f"; {len(raced) - len(absent)} of {len(raced)} races of RFC 5407 were played"
        message += f" ({', '.join(sorted(absent))} can not come about)" if absent else ""
    evidence.about_table("META991", f"{message}.")
    for limit in limits:
        message = f"The walk stopped at its limit of {limit}: what it did not see is unknown."
        evidence.about_table("META992", message, "bounded")


def _share(beat: Beat | None, low: float, high: float) -> Beat | None:
    if beat is None:
        return None
    last = [low]

    def scaled(share: float) -> None:
        last[0] = max(last[0], low + (high - low) * share)
        beat(last[0])

    return scaled


__all__ = ["Bounds", "DeepResult", "RULES", "examine", "table_of"]
