"""What the deep rules have found so far: each thing once, with its shortest counter-example."""

from __future__ import annotations

from typing import Any

from flows.check import remedies
from flows.check.meanings import MEANINGS
from flows.explore.walk import Edge, Walk
from flows.findings import Finding, Place, Severity
from flows.table import Row, Table


class Evidence:
    """A notebook for the rules. What is said twice about one place is kept as said first."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.table: Table = walk.party.program.table
        self._said: dict[tuple[str, str], Finding] = {}

    @property
    def findings(self) -> list[Finding]:
        return list(self._said.values())

    def about_row(
        self,
        code: str,
        index: int,
        message: str,
        edge: Edge | None = None,
        action: int = -1,
        severity: Severity | None = None,
    ) -> None:
        """Say something about a row, or about one action of it."""
        if (code, f"row {index}") in self._said:
            return
        row = self.table.rows[index]
        words = row.actions
        place = words[action].place if 0 <= action < len(words) else row.place
        fix = remedies.of_row(code, row, action)
        key = (code, f"row {index}")
        self._keep(key, place, message, edge, row=row, fix=fix, severity=severity)

    def about_state(
        self,
        code: str,
        state: str,
        message: str,
        edge: Edge | None = None,
        topic: str = "",
        severity: Severity | None = None,
        fix: remedies.Fix | None = None,
    ) -> None:
        """Say something about a state; `topic` tells several things about one state apart."""
        key = (code, f"state {state} {topic}")
        if key in self._said:
            return
        place = self.table.states[state].place
        self._keep(key, place, message, edge, state=state, severity=severity, fix=fix)

    def about_table(self, code: str, message: str, confidence: str = "proved") -> None:
        """Say something about the whole."""
        severity, explanation = MEANINGS[code]
        place = next(iter(self.table.states.values())).place
        finding = Finding(code, severity, message, place, explanation, confidence=confidence)
        self._said.setdefault((code, message), finding)

    def about_step(
        self,
        code: str,
        edge: Edge,
        message: str,
        action: int = -1,
        severity: Severity | None = None,
    ) -> None:
        """Say something about what a step did: its row, or its state if no row answered."""
        if edge.move.row >= 0:
            self.about_row(code, edge.move.row, message, edge, action, severity)
        else:
            state = self.walk.configs[edge.source].state
            event = edge.move.stimulus.event
            self.about_state(code, state, message, edge, event, severity)

    def _keep(
        self,
        key: tuple[str, str],
        place: Place,
        message: str,
        edge: Edge | None,
        *,
        row: Row | None = None,
        state: str | None = None,
        severity: Severity | None = None,
        fix: remedies.Fix | None = None,
    ) -> None:
        usual, explanation = MEANINGS[key[0]]
        trace: list[dict[str, Any]] = self.walk.trace(edge) if edge is not None else []
        from_state = row.from_state if row is not None else state
        self._said[key] = Finding(
            key[0],
            severity or usual,
            message,
            place,
            explanation,
            row=row.index if row is not None else None,
            state=None if from_state == "*" else from_state,
            fix=fix,
            trace=tuple(trace),
            related=self._related(trace, place),
        )

    def _related(self, trace: list[dict[str, Any]], place: Place) -> tuple[Place, ...]:
        rows = dict.fromkeys(step["row"] for step in trace if step["row"] >= 0)
        places = [self.table.rows[index].place for index in rows]
        return tuple(p for p in places if p.line != place.line)
