"""The checker: rules that look at a whole table. Each family of rules is one module.

`examine(text)` is what the editor asks on every keystroke: compile, then all structural rules.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

from flows import document as nodes
from flows import plugins
from flows.check import (
    counters,
    coverage,
    determinism,
    guard_sets,
    kinds,
    names,
    policy,
    reachability,
    runtime,
    waivers,
)
from flows.compile import Compiled, compile_text
from flows.document import without_collector
from flows.findings import Finding, Place, in_order
from flows.graph import Graph
from flows.properties import claims

Rule = Callable[[Graph], Iterator[Finding]]


def properties_read(graph: Graph) -> Iterator[Finding]:
    """PRP951: every property can be read and names what exists."""
    if graph.table.properties:
        yield from claims.unreadable(graph.table, graph.property_places)


def rules_of_plugins(graph: Graph) -> Iterator[Finding]:
    """The rules of other packages; one that breaks is META998."""
    yield from plugins.spoken(graph)


RULES: tuple[Rule, ...] = (
    *names.RULES,
    *runtime.RULES,
    *determinism.RULES,
    *guard_sets.RULES,
    *counters.RULES,
    *reachability.RULES,
    *coverage.RULES,
    *kinds.RULES,
    *policy.RULES,
    properties_read,
    rules_of_plugins,
)
"""Every structural rule (T0), in the order of the families."""


def check(compiled: Compiled, today: datetime.date | None = None) -> list[Finding]:
    """Return what the structural rules say of a compiled text, its waivers applied.

    They look at the sketch, so they speak even where a word is misspelt. `today` decides which
    waivers have run out; without it none has.
    """
    table = compiled.sketch
    if table is None or not table.states:
        return []
    places = claims.places_of(compiled.document) if table.properties else ()
    graph = Graph(table, _variable_places(compiled), places)
    findings = [finding for rule in RULES for finding in rule(graph)]
    return waivers.apply(table, findings, today)


def _variable_places(compiled: Compiled) -> dict[str, Place]:
    root = compiled.document.root
    node = root.get("variables") if isinstance(root, nodes.Mapping) else None
    if not isinstance(node, nodes.Mapping):
        return {}
    return {entry.key.text: entry.key.place for entry in node.entries}


def examine(text: str, today: datetime.date | None = None) -> Compiled:
    """Compile a text and run all structural rules; the findings are sorted by line."""
    compiled = compile_text(text)
    with without_collector():
        compiled.findings = in_order([*compiled.findings, *check(compiled, today)])
    return compiled


__all__ = ["RULES", "Rule", "check", "examine"]
