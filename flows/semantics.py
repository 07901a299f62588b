"""What a table means: which row fires and what it does. One definition for checker and executor.

The classes of rows are tried in this order: own state and own role; own state and `Both`; the
state's own `ignore`; wildcard and own role; wildcard and `Both`; in the order of the file inside
each. The first row whose guards hold fires. Guards, and the expressions of `set`, read the values
from before the row plus the fields of the event; so the order of `set` entries does not matter.

A row writes in this order: the effect its event's contract declares, the `sets` of each action,
row's own `set`. An event that is ignored or meets no row writes nothing. An argument that names a
variable or a field of the event is read as guards are.

Everything that can be decided when the table is loaded is decided here, once: a `Position` (a
state as one role sees it) holds for each event the candidates in order, and a `Transition` holds
all that the executor copies into its Step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from flows.asking import reads_event, test_of
from flows.ends import Unanswered, outcome, swallowed, unanswered
from flows.expressions import Function
from flows.table import ANY_STATE, Row, Table, Word
from flows.vocabulary import ACTIONS, CONDITIONS, EVENTS, state_facts

SESSION_ROLES = ("UAC", "UAS")
NO_ROW = -1
"""`Transition.index` where no row of the table is meant."""

Values = Mapping[str, Any]
Binder = Callable[[Word], Any]


_MOST_SHARED = 4096


class Decision(msgspec.Struct, array_like=True, gc=False):
    """What is recorded of a decision and is the same each time it is taken."""

    row: int
    """Index of the row; -1 if no row answered or the state itself ignores the event."""
    row_id: str
    from_state: str
    to_state: str
    role: str
    actions: tuple[str, ...]
    """In the order in which they are performed."""
    published: tuple[str, ...]
    """Withheld by the shell if an action fails."""
    kind: str
    """`fired`, `ignored` or `unhandled`."""
    version: str
    """SHA-256 of the table's text, in hexadecimal."""
    answer: int | None = None
    """SIP code for the open request where no row answered it; None if there is nothing to answer.
    For a CANCEL it is the code of the INVITE that is cancelled."""
    ended: bool = False
    """The session takes no further event."""
    outcome: str | None = None
    """How it ended: completed, failed, cancelled, rejected, unhandled or expired."""


@dataclass(slots=True, eq=False)
class Transition:
    """One row as it fires from one state in one role; all of it is fixed when the table loads."""

    test: Function | None
    """The row's guards together; None if nothing has to be asked."""
    row: Row | None
    """None where the state's own `ignore` swallows the event."""
    decision: Decision
    arrival: Position
    moves: bool = False
    """The state is left and entered (perhaps the same one): its timers start anew."""
    effect: Values = field(default_factory=dict)
    """What the event's contract sets."""
    action_sets: tuple[Values, ...] = ()
    """What each action sets once it is done, beside `words`."""
    computed: tuple[tuple[str, Function], ...] = ()
    """The row's own `set`."""
    words: tuple[Word, ...] = ()
    calls: tuple[Any, ...] = ()
    """What the program's binder made of each word; the words themselves without a binder."""
    bind: Binder | None = None
    """Makes the calls anew where an argument is read when the row fires; else None."""
    otherwise: Transition | None = None
    """What is tried next if `test` fails."""
    reads_event: bool = False
    """This test, or one that is tried after it, asks for a field of the event."""
    memory: tuple[Any, Any, Any] = (None, None, None)
    """Kept by the first candidate: the shared values it was last asked about, which candidate
    they chose, and what they became (`Machine.receive`)."""
    written: tuple[Any, Any] = (None, None)
    """The last shared values this row changed, and what they became."""
    changes: Values = field(init=False)
    """`effect` and all of `action_sets` together."""

    def __post_init__(self) -> None:
        changes = dict(self.effect)
        for changed in self.action_sets:
            changes.update(changed)
        self.changes = changes

    @property
    def index(self) -> int:
        return self.decision.row

    @property
    def kind(self) -> str:
        return self.decision.kind

    @property
    def next_state(self) -> str:
        return self.decision.to_state

    @property
    def writes(self) -> bool:
        """Whether any value may change."""
        return bool(self.changes or self.computed)

    def calls_with(self, before: Values, fields: Values) -> tuple[Any, ...]:
        """Return the calls, each argument that is read when the row fires replaced by its value."""
        if self.bind is None:
            return self.calls
        return tuple(self.bind(word.filled(before, fields)) for word in self.words)

    def values_after(self, before: Values, fields: Values, performed: int | None = None) -> Values:
        """Return the values after the row, or after only its first `performed` actions."""
        if performed is None:
            after = {**before, **self.changes}
        else:
            after = {**before, **self.effect}
            for changed in self.action_sets[:performed]:
                after.update(changed)
        for name, function in self.computed:
            after[name] = function(before, fields)
        return after


class Position:
    """A state as one role sees it."""

    __slots__ = (
        "state",
        "role",
        "final",
        "version",
        "candidates",
        "timers",
        "first_timer",
        "_refusals",
    )

    def __init__(self, state: str, role: str, version: str, *, final: bool) -> None:
        self.state = state
        self.role = role
        self.final = final
        self.version = version
        self.candidates: dict[str, Transition] = {}
        """For each event what is tried first; empty in a final state."""
        self.timers: tuple[float, ...] = ()
        """The distinct durations armed on entering, in seconds, shortest first."""
        self.first_timer = float("inf")
        self._refusals: dict[str, Decision] = {}

    def refusal(self, event: str) -> Decision:
        """Return what is recorded of an event that met no row here."""
        decision = self._refusals.get(event)
        if decision is None:
            decision = self.without_row("unhandled", unanswered(event))
            if event in EVENTS:
                self._refusals[event] = decision
        return decision

    def without_row(self, kind: str, rule: Unanswered, row: Row | None = None) -> Decision:
        """Return the record of an event that does nothing here but what `rule` says."""
        return Decision(
            row=NO_ROW if row is None else row.index,
            row_id="" if row is None else row.id,
            from_state=self.state,
            to_state=self.state,
            role=self.role,
            actions=(),
            published=(),
            kind=kind,
            version=self.version,
            answer=rule.answer,
            ended=rule.ends,
            outcome=rule.outcome,
        )

    def choose(self, event: str, values: Values, fields: Values) -> Transition | None:
        """Return the transition that answers the event; None if no row does."""
        transition = self.candidates.get(event)
        while transition is not None:
            if transition.test is None or transition.test(values, fields):
                return transition
            transition = transition.otherwise
        return None


class Program:
    """A table made ready to run; built once, shared by all its sessions, never changed.

    `bind` turns each use of an action into what the shell calls; it runs here and never again.
    """

    __slots__ = ("table", "initial_values", "words", "_bind", "_positions", "_shared")

    def __init__(self, table: Table, bind: Binder | None = None) -> None:
        self.table = table
        self._bind = bind
        self.initial_values: Values = _initial_values(table)
        self.words = frozenset(
            name for row in table.rows for name in (row.event, *(w.name for w in row.actions))
        )
        """Every event and action that a row names."""
        self._shared: dict[tuple[Any, ...], Values] = {}
        self._positions = {
            (name, role): Position(name, role, table.digest, final=state.final)
            for name, state in table.states.items()
            for role in SESSION_ROLES
        }
        by_state: defaultdict[str, list[Row]] = defaultdict(list)
        for row in table.rows:
            by_state[row.from_state].append(row)
        for position in self._positions.values():
            self._fill(position, by_state[position.state], by_state[ANY_STATE])

    def position(self, state: str, role: str) -> Position:
        """Return the state as the role (UAC or UAS) sees it; KeyError if there is none."""
        return self._positions[state, role]

    def choose(
        self, state: str, role: str, event: str, values: Values, fields: Values
    ) -> Transition | None:
        """Return what answers the event, or None. A timer is `after` with the field `seconds`.

        `values` must hold every name of `initial_values`.
        """
        return self._positions[state, role].choose(event, values, fields)

    def shared(self, values: Values) -> Values:
        """Return the one object that stands for equal values in all sessions of this program.

        Sessions walk the same ways and their conditions take few forms; where they hold the same
        object, the executor need not decide again what it decided about it before.
        """
        # The types are part of the key because 1 == True == 1.0.
        key = (*values.values(), *map(type, values.values()))
        if len(self._shared) >= _MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(key, values)

    def timers(self, state: str, role: str) -> tuple[float, ...]:
        """Return the distinct durations, in seconds, that run in this state; shortest first."""
        return self._positions[state, role].timers

    def rows_in_order(self, state: str, role: str, event: str) -> Iterator[Row]:
        """Yield the rows that may answer the event, in the order in which they are tried."""
        rows = [r for r in self.table.rows if r.event == event and r.role in (role, "Both")]
        for from_state in (state, ANY_STATE):
            for wanted in (role, "Both"):
                yield from (r for r in rows if r.from_state == from_state and r.role == wanted)

    # -- building ----------------------------------------------------------------------------------

    def _fill(self, position: Position, own: list[Row], wild: list[Row]) -> None:
        if position.final:
            return
        state = self.table.states[position.state]
        facts = state_facts(state)
        last: dict[str, Transition] = {}

        def append(event: str, transition: Transition) -> None:
            before = last.get(event)
            if before is None:
                position.candidates[event] = last[event] = transition
            elif before.test is not None:
                before.otherwise = last[event] = transition
            else:
                return
            first = position.candidates[event]
            first.reads_event = first.reads_event or transition.reads_event

        def offer(rows: list[Row], role: str) -> None:
            for row in rows:
                if row.role == role:
                    test = test_of(row, facts)
                    if test is not False:
                        transition = self._transition(row, position, test)
                        transition.reads_event = reads_event(row)
                        append(row.event, transition)

        offer(own, position.role)
        offer(own, "Both")
        for event in state.ignore:
            append(event, self._swallowed(event, position))
        offer(wild, position.role)
        offer(wild, "Both")
        roles = (position.role, "Both")
        timers = {row.after for row in own if row.after is not None and row.role in roles}
        position.timers = tuple(sorted(timers))
        position.first_timer = min(timers, default=float("inf"))

    def _transition(self, row: Row, position: Position, test: Function | None) -> Transition:
        if row.ignore is not None:
            return self._swallowed(row.event, position, row, test)
        next_state = row.next_state or position.state
        arrival = self._positions[next_state, position.role]
        bind = self._bind
        return Transition(
            test=test,
            row=row,
            decision=Decision(
                row=row.index,
                row_id=row.id,
                from_state=position.state,
                to_state=next_state,
                role=position.role,
                actions=tuple(word.name for word in row.actions),
                published=row.publish,
                kind="fired",
                version=self.table.digest,
                ended=arrival.final,
                outcome=outcome(row, next_state) if arrival.final else None,
            ),
            arrival=arrival,
            moves=row.next_state is not None,
            effect=_effect(row.event),
            action_sets=tuple(_sets(word) for word in row.actions),
            computed=tuple((name, expression.function) for name, expression in row.set),
            words=row.actions,
            calls=tuple(map(bind, row.actions)) if bind is not None else row.actions,
            bind=(bind or _itself) if any(word.references for word in row.actions) else None,
        )

    def _swallowed(
        self,
        event: str,
        position: Position,
        row: Row | None = None,
        test: Function | None = None,
    ) -> Transition:
        """Build the transition of an ignored event; a request it carries is still answered."""
        return Transition(
            test=test,
            row=row,
            decision=position.without_row("ignored", swallowed(event), row),
            arrival=position,
        )


def _itself(word: Word) -> Any:
    return word


def _initial_values(table: Table) -> Values:
    values: dict[str, Any] = {name: word.initially for name, word in CONDITIONS.items()}
    values.update(table.variables)
    return values


def _effect(event: str) -> Values:
    word = EVENTS.get(event)
    return {} if word is None else dict(word.effect)


def _sets(word: Word) -> Values:
    declared = ACTIONS.get(word.name)
    return {} if declared is None else dict(declared.changes(word.arguments))
