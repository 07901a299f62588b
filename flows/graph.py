"""A table as a graph: which rows answer in a state, where they lead, what can be reached.

A session is UAC or UAS for its whole life, so each role has its own graph: the rows of that role
and of Both, on events that reach the role.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from flows.findings import Place
from flows.table import ANY_STATE, Row, Table
from flows.vocabulary import EVENTS

SESSION_ROLES = ("UAC", "UAS")


class Graph:
    """The rows of a table by state and role. Built once, asked by every rule."""

    def __init__(
        self,
        table: Table,
        variable_places: Mapping[str, Place] | None = None,
        property_places: Sequence[Place] = (),
    ) -> None:
        self.table = table
        self.variable_places = variable_places or {}
        """Where each variable is declared, if the text is at hand."""
        self.property_places = property_places
        self.own: dict[str, list[Row]] = defaultdict(list)
        self.wild: list[Row] = []
        for row in table.rows:
            if row.from_state == ANY_STATE:
                self.wild.append(row)
            else:
                self.own[row.from_state].append(row)
        self._roles = {row.index: roles_of(row) for row in table.rows}
        self._answered = self._events_answered()
        self.successors = {role: self._successors(role) for role in SESSION_ROLES}
        self.reachable = {
            role: closure(self.successors[role], [table.initial]) for role in SESSION_ROLES
        }
        """The states a session of the role can come to, as far as the graph tells."""

    def roles(self, row: Row) -> tuple[str, ...]:
        """Return the roles of sessions in which this row can fire."""
        return self._roles[row.index]

    def rows(self, state: str, role: str) -> list[Row]:
        """Return the rows that can answer in this state and role: own ones, then wildcards."""
        return [row for row in (*self.own.get(state, ()), *self.wild) if role in self.roles(row)]

    def own_rows(self, state: str, role: str) -> list[Row]:
        """Return the state's own rows that can answer in this role."""
        return [row for row in self.own.get(state, ()) if role in self.roles(row)]

    def leaves(self, state: str, role: str) -> bool:
        """Whether some row that can fire leads from this state to another one.

        A row of any state on an unknown event is no way out: nothing ever gives that event.
        """
        return any(
            row.next_state not in (None, state)
            and (row.from_state != ANY_STATE or row.event in EVENTS or row.after is not None)
            for row in self.rows(state, role)
        )

    def answers(self, state: str, role: str, event: str) -> bool:
        """Whether some row, wildcard or `ignore` of the state takes this event."""
        if event in self.table.states[state].ignore:
            return True
        return event in self._answered[state, role] or event in self._answered[ANY_STATE, role]

    def entered(self) -> set[str]:
        """Return the states some row leads to from another state, and the initial one."""
        targets = {
            row.next_state
            for row in self.table.rows
            if row.next_state is not None and row.next_state != row.from_state
        }
        return {*targets, self.table.initial}

    def ends(self) -> set[str]:
        """Return the final states."""
        return {state.name for state in self.table.states.values() if state.final}

    def _events_answered(self) -> dict[tuple[str, str], set[str]]:
        answered: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in self.table.rows:
            for role in self._roles[row.index]:
                answered[row.from_state, role].add(row.event)
        return answered

    def _successors(self, role: str) -> dict[str, set[str]]:
        everywhere = {
            row.next_state for row in self.wild if row.next_state and role in self.roles(row)
        }
        successors: dict[str, set[str]] = {}
        for name, state in self.table.states.items():
            targets = set() if state.final else set(everywhere)
            for row in self.own.get(name, ()):
                if row.next_state is not None and role in self.roles(row):
                    targets.add(row.next_state)
            successors[name] = targets & self.table.states.keys()
        return successors


def roles_of(row: Row) -> tuple[str, ...]:
    """Return the roles of sessions that a row speaks for, given whom its event reaches."""
    wanted = SESSION_ROLES if row.role == "Both" else (row.role,)
    word = EVENTS.get(row.event)
    if word is None:
        return wanted
    return tuple(role for role in wanted if role in word.roles)


def closure(edges: Mapping[str, Iterable[str]], starts: Iterable[str]) -> set[str]:
    """Return everything that can be reached along the edges, the starts included."""
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        for target in edges.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def reverse(edges: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return the edges turned around."""
    turned: dict[str, set[str]] = defaultdict(set)
    for source, targets in edges.items():
        for target in targets:
            turned[target].add(source)
    return turned
