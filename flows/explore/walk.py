"""The walk of one party against the most general peer: nearest configurations first.

Because the nearest come first, the way kept to each configuration is a shortest one, and so is
every counter-example read off it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.explore import eventing, registration
from flows.explore.party import Config, Move, Party
from flows.explore.peer import begins, options
from flows.semantics import SESSION_ROLES

Beat = Callable[[float], None]
BEAT_EVERY = 512


class Bounds(NamedTuple):
    """How far a walk may go before it stops and proves nothing about the rest."""

    states: int = 200_000
    late: Callable[[], bool] | None = None
    """Asked now and then whether the time is up: the clock is the caller's."""


class Edge(NamedTuple):
    """A step from one configuration to another, both by number."""

    source: int
    move: Move
    target: int


@dataclass(slots=True)
class Walk:
    """What a walk saw."""

    party: Party
    configs: list[Config] = field(default_factory=list)
    edges: list[list[Edge]] = field(default_factory=list)
    """The steps out of each configuration."""
    parents: list[Edge | None] = field(default_factory=list)
    """The step by which each configuration was first reached; None where sessions begin."""
    complete: bool = True
    limit: str = ""
    """Which bound stopped it."""

    @property
    def transitions(self) -> int:
        return sum(map(len, self.edges))

    def way(self, number: int) -> list[Edge]:
        """Return a shortest way from the beginning of a session to a configuration."""
        steps: list[Edge] = []
        edge = self.parents[number]
        while edge is not None:
            steps.append(edge)
            edge = self.parents[edge.source]
        return steps[::-1]

    def all_edges(self) -> Iterator[Edge]:
        """Yield every step, those of the nearest configurations first."""
        for edges in self.edges:
            yield from edges

    def trace(self, edge: Edge | None, at: int | None = None) -> list[dict[str, Any]]:
        """Return the way to a configuration, or through a step, as plain data for people."""
        if edge is not None:
            steps = [*self.way(edge.source), edge]
        else:
            steps = self.way(at if at is not None else 0)
        return [told(self.configs[step.source], step.move) for step in steps]


def told(before: Config, move: Move, side: str = "") -> dict[str, Any]:
    """Return one step as plain data: what happened, which row answered, what it did."""
    target = move.target
    words = move.transition.words if move.transition is not None else ()
    done = words if move.broke < 0 else words[: move.broke]
    step: dict[str, Any] = {
        "side": side or before.role,
        "event": move.stimulus.label,
        "name": move.stimulus.event,
        "fields": dict(move.stimulus.fields),
        "kind": move.kind,
        "row": move.row,
        "actions": [word.name for word in done],
        "sends": [str(message) for message in move.sends],
        "before": before.state,
        "after": target.state,
        "resources": list(target.held),
        "call": target.wire.call,
    }
    if move.broke >= 0:
        step["failed"] = words[move.broke].name
    return step


def explore(party: Party, bounds: Bounds = Bounds(), beat: Beat | None = None) -> Walk:  # noqa: B008
    """Visit every configuration both roles can come to; `beat` may raise to stop it."""
    walk = Walk(party)
    numbers: dict[Config, int] = {}

    def number_of(config: Config, edge: Edge | None) -> int:
        known = numbers.get(config)
        if known is None:
            known = numbers[config] = len(walk.configs)
            walk.configs.append(config)
            walk.edges.append([])
            walk.parents.append(edge)
        return known

    for role in SESSION_ROLES:
        start = party.start(role)
        others = registration.begins(party, start) or eventing.begins(party, start)
        if begins(party, start) or others:
            number_of(party.start(role), None)
    beginnings = len(walk.configs)
    at = 0
    while at < len(walk.configs):
        if at % BEAT_EVERY == 0:
            if bounds.late is not None and bounds.late():
                walk.complete, walk.limit = False, "the time it was given"
                break
            if beat is not None:
                beat(at / (len(walk.configs) + BEAT_EVERY))
        if len(walk.configs) > bounds.states:
            walk.complete, walk.limit = False, f"{bounds.states} configurations"
            break
        config = walk.configs[at]
        if not config.ended:
            out = walk.edges[at]
            for stimulus in options(party, config):
                for move in party.react(config, stimulus):
                    target = number_of(move.target.essence, None)
                    edge = Edge(at, move, target)
                    if walk.parents[target] is None and target >= beginnings:
                        walk.parents[target] = edge
                    out.append(edge)
        at += 1
    return walk
