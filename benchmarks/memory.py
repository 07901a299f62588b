"""What a mutant shares with the correct table is not computed again: the steps of the cells (state,
role, event) that no row of it touches are those of the walk through the correct table."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from flows.explore.party import Config, Move, Party, Stimulus
from flows.explore.walk import Walk
from flows.semantics import Program, Transition

Cell = tuple[str, str, str]


@dataclass
class Memory:
    """The steps of a correct table, by configuration and happening."""

    walk: Walk
    moves: dict[tuple[Config, Stimulus], list[Move]] = field(default_factory=dict)
    chains: dict[Cell, Hashable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for config, edges in zip(self.walk.configs, self.walk.edges, strict=True):
            for edge in edges:
                self.moves.setdefault((config, edge.move.stimulus), []).append(edge.move)

    def chain(self, cell: Cell) -> Hashable:
        if cell not in self.chains:
            self.chains[cell] = meaning(self.walk.party.program, cell)
        return self.chains[cell]

    def party(self, program: Program) -> Party | None:
        """Return the mutant as one side with this memory; None if it keeps other values."""
        if program.table.properties:
            return None
        ours, party = self.walk.party.domain, Remembering(program, self)
        same = (party.domain.names, party.domain.cap) == (ours.names, ours.cap)
        return party if same else None


class Remembering(Party):
    """A mutant as one side."""

    def __init__(self, program: Program, memory: Memory) -> None:
        super().__init__(program)
        self._memory = memory
        self._renamed: dict[Cell, dict[int, Transition] | None] = {}

    def react(self, config: Config, stimulus: Stimulus) -> list[Move]:
        cell = (config.state, config.role, stimulus.event)
        if cell not in self._renamed:
            self._renamed[cell] = self._match(cell)
        renamed = self._renamed[cell]
        known = self._memory.moves.get((config, stimulus)) if renamed is not None else None
        if known is None or renamed is None:
            return super().react(config, stimulus)
        return [
            m if m.transition is None else m._replace(transition=renamed[id(m.transition)])
            for m in known
        ]

    def _match(self, cell: Cell) -> dict[int, Transition] | None:
        """Return for each transition of the correct table ours; None if the cell is another."""
        if meaning(self.program, cell) != self._memory.chain(cell):
            return None
        ours = transitions(self.program, cell)
        theirs = transitions(self._memory.walk.party.program, cell)
        return {id(t): o for t, o in zip(theirs, ours, strict=True)}


def transitions(program: Program, cell: Cell) -> list[Transition]:
    """Return what may answer the event of a cell, in order."""
    state, role, event = cell
    found: list[Transition] = []
    first = program.position(state, role).candidates.get(event)
    while first is not None:
        found.append(first)
        first = first.otherwise
    return found


def meaning(program: Program, cell: Cell) -> Hashable:
    """Return what may answer the event of a cell, in order, without the numbers of rows."""
    return tuple(_meaning(transition) for transition in transitions(program, cell))


def _meaning(transition: Transition) -> Hashable:
    row = transition.row
    guards = tuple(guard.text for guard in row.guards) if row is not None else ()
    sets: tuple[Any, ...] = ()
    if row is not None:
        sets = tuple((name, expression.text) for name, expression in row.set)
    words = tuple((w.name, tuple(sorted(w.arguments.items()))) for w in transition.words)
    decision = transition.decision
    arrival = (transition.kind, transition.next_state, transition.moves, decision.published)
    return (guards, sets, words, arrival, row is not None and row.after)
