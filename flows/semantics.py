"""What a table means: which row fires and what it does. One definition for checker and executor.

The classes of rows are tried in this order: own state and own role; own state and `Both`; the
state's own `ignore`; wildcard and own role; wildcard and `Both`; in the order of the file inside
each. The first row whose guards hold fires. Guards, and the expressions of `set`, read the values
from before the row plus the fields of the event; so the order of `set` entries does not matter.

A row writes in this order: the effect its event's contract declares, the `sets` of each action,
the row's own `set`. An event that is ignored or meets no row writes nothing.

Everything that can be decided when the table is loaded is decided here, once: a `Position` (a
state as one role sees it) holds for each event the candidates in order, and a `Transition` holds
all that the executor copies into its Step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from flows.expressions import Both, Function, Name, Node, Not
from flows.table import ANY_STATE, Guard, Row, Table, Word
from flows.vocabulary import ACTIONS, CONDITIONS, EVENTS, EXPANSIONS, OUTCOMES, state_facts

SESSION_ROLES = ("UAC", "UAS")
NO_ROW = -1
"""`Transition.index` where no row of the table is meant."""

Values = Mapping[str, Any]
Binder = Callable[[Word], Any]


_MOST_SHARED = 4096


@dataclass(slots=True, eq=False)
class Transition:
    """One row as it fires from one state in one role; all of it is fixed when the table loads."""

    test: Function | None
    """The row's guards together; None if nothing has to be asked."""
    otherwise: Transition | None
    """What is tried next if `test` fails."""
    row: Row | None
    """None where the state's own `ignore` swallows the event."""
    index: int
    row_id: str
    kind: str
    """`fired` or `ignored`."""
    role: str
    version: str
    from_state: str
    next_state: str
    moves: bool
    """The state is left and entered (perhaps the same one): its timers start anew."""
    arrival: Position
    effect: Values
    """What the event's contract sets."""
    action_sets: tuple[Values, ...]
    """What each action sets once it is done, beside `words`."""
    writes: bool
    """Whether any value may change."""
    computed: tuple[tuple[str, Function], ...]
    """The row's own `set`."""
    words: tuple[Word, ...]
    calls: tuple[Any, ...]
    """What the program's binder made of each word; the words themselves without a binder."""
    actions: tuple[str, ...]
    published: tuple[str, ...]
    answer: int | None
    """The code an open request gets although no row answered it."""
    ended: bool
    outcome: str | None
    reads_event: bool = False
    """This test, or one that is tried after it, asks for a field of the event."""
    memory: tuple[Values, Transition, Values] | tuple[()] = ()
    """Kept by the first candidate: the shared values it was last asked about, which candidate
    they chose, and what they became (`Program.decide`)."""

    def values_after(self, before: Values, fields: Values, performed: int | None = None) -> Values:
        """Return the values after the row, or after only its first `performed` actions."""
        after = {**before, **self.effect}
        for changed in self.action_sets[:performed]:
            after.update(changed)
        for name, function in self.computed:
            after[name] = function(before, fields)
        return after


class Position:
    """A state as one role sees it."""

    __slots__ = ("state", "role", "final", "candidates", "timers", "first_timer")

    def __init__(self, state: str, role: str, *, final: bool) -> None:
        self.state = state
        self.role = role
        self.final = final
        self.candidates: dict[str, Transition] = {}
        """For each event what is tried first; empty in a final state."""
        self.timers: tuple[float, ...] = ()
        """The distinct durations armed on entering, in seconds, shortest first."""
        self.first_timer = float("inf")

    def choose(self, event: str, values: Values, fields: Values) -> Transition | None:
        """Return the transition that answers the event; None if no row does."""
        transition = self.candidates.get(event)
        while transition is not None:
            if transition.test is None or transition.test(values, fields):
                return transition
            transition = transition.otherwise
        return None


class Unanswered(NamedTuple):
    """What is done about an event that met no row, beside showing it."""

    answer: int | None = None
    """The SIP code that the open request of the event gets."""
    ends: bool = False
    outcome: str | None = None


MAXIMUM_LIFE = "MaximumLife"
"""The event by which a session that outlives its limit ends; it is no word of the language."""

_LEFT_ALONE = Unanswered()
_BY_EVENT = {
    "IncomingCall": Unanswered(480, True, "unhandled"),
    "ReinviteReceived": Unanswered(488),
    "UpdateReceived": Unanswered(488),
    "InfoReceived": Unanswered(469),
    # The open request of a CANCEL is the INVITE it cancels (RFC 3261 section 9.2).
    "DialogCANCEL": Unanswered(487, True, "unhandled"),
    "DialogBYE": Unanswered(None, True, "completed"),
    "DialogTimeout": Unanswered(None, True, "unhandled"),
    "ActionFailed": Unanswered(None, True, "unhandled"),
    MAXIMUM_LIFE: Unanswered(None, True, "expired"),
}


def unanswered(event: str) -> Unanswered:
    """Return what the session does about an event that no row answers."""
    known = _BY_EVENT.get(event)
    if known is not None:
        return known
    word = EVENTS.get(event)
    return Unanswered(501) if word is not None and word.owes else _LEFT_ALONE


class Program:
    """A table made ready to run; built once, shared by all its sessions, never changed.

    `bind` turns each use of an action into what the shell calls; it runs here and never again.
    """

    __slots__ = ("table", "initial_values", "_bind", "_positions", "_shared")

    def __init__(self, table: Table, bind: Binder | None = None) -> None:
        self.table = table
        self._bind = bind
        self.initial_values: Values = _initial_values(table)
        self._shared: dict[tuple[Any, ...], Values] = {}
        self._positions = {
            (name, role): Position(name, role, final=state.final)
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

    def decide(
        self, first: Transition, values: Values, fields: Values, shared: bool
    ) -> tuple[Transition, Values] | None:
        """Return which candidate, from `first` on, answers the event, and the values after it.

        Sessions walk the same ways, and their conditions take few forms: so values are shared
        objects, and the last decision about such an object is kept in `first.memory` for whoever
        comes next with the same one. `shared` says that `values` are `initial_values` or came
        from here by a row that computes nothing.
        """
        done: Transition | None = first
        while done is not None and done.test is not None and not done.test(values, fields):
            done = done.otherwise
        if done is None:
            return None
        after = done.values_after(values, fields) if done.writes else values
        if shared and not done.computed:
            if done.writes:
                after = self._one_object(after)
            if not first.reads_event:
                first.memory = (values, done, after)
        return done, after

    def _one_object(self, values: Values) -> Values:
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
                    test = _test(row, facts)
                    if test is not False:
                        transition = self._transition(row, position, test)
                        transition.reads_event = _reads_event(row)
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
        moves = row.next_state is not None
        next_state = row.next_state or position.state
        arrival = self._positions[next_state, position.role]
        effect = _effect(row.event)
        action_sets = tuple(_sets(word) for word in row.actions)
        bind = self._bind
        return Transition(
            test=test,
            otherwise=None,
            row=row,
            index=row.index,
            row_id=row.id,
            kind="fired",
            role=position.role,
            version=self.table.digest,
            from_state=position.state,
            next_state=next_state,
            moves=moves,
            arrival=arrival,
            effect=effect,
            action_sets=action_sets,
            writes=bool(effect or any(action_sets) or row.set),
            computed=tuple((name, expression.function) for name, expression in row.set),
            words=row.actions,
            calls=tuple(map(bind, row.actions)) if bind is not None else row.actions,
            actions=tuple(word.name for word in row.actions),
            published=row.publish,
            answer=None,
            ended=arrival.final,
            outcome=_outcome(row, next_state) if arrival.final else None,
        )

    def _swallowed(
        self,
        event: str,
        position: Position,
        row: Row | None = None,
        test: Function | None = None,
    ) -> Transition:
        """Build the transition of an ignored event; a request it carries is still answered."""
        rule = unanswered(event)
        ends = rule.ends and rule.answer is not None
        return Transition(
            test=test,
            otherwise=None,
            row=row,
            index=NO_ROW if row is None else row.index,
            row_id="" if row is None else row.id,
            kind="ignored",
            role=position.role,
            version=self.table.digest,
            from_state=position.state,
            next_state=position.state,
            moves=False,
            arrival=position,
            effect={},
            action_sets=(),
            writes=False,
            computed=(),
            words=(),
            calls=(),
            actions=(),
            published=(),
            answer=rule.answer,
            ended=ends,
            outcome=rule.outcome if ends else None,
        )


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


# -- outcomes --------------------------------------------------------------------------------------

_BY_PUBLISHED = {
    name: "completed" if outcome == "terminated" else outcome for name, outcome in OUTCOMES.items()
}
_BY_STATE = {"Cancelled": "cancelled", "Failed": "failed"}
_CANCELLED = 487


def _outcome(row: Row, final_state: str) -> str:
    """Name how a session ended by the row that ended it.

    `rejected` if a person rejected the call or the row refuses an incoming one with a final
    code; else by what the row publishes; else by the name of the final state; else `completed`.
    """
    if row.event == "RejectCall" or (row.event == "IncomingCall" and _refuses(row)):
        return "rejected"
    for published in row.publish:
        if published in _BY_PUBLISHED:
            return _BY_PUBLISHED[published]
    return _BY_STATE.get(final_state, "completed")


def _refuses(row: Row) -> bool:
    codes = (w.arguments.get("code") for w in row.actions if w.name == "SendSIPResponse")
    return any(isinstance(code, int) and code >= 300 and code != _CANCELLED for code in codes)


# -- guards ----------------------------------------------------------------------------------------


def _test(row: Row, facts: Values) -> Function | Literal[False] | None:
    """Return the function of all guards together, None if they always hold, False if never."""
    nodes: list[Node] = []
    functions: list[Function] = []
    for guard in row.guards:
        known = guard.expression.expanded(EXPANSIONS).partial(facts)
        if known.constant is None:
            nodes.extend(known.node.operands if isinstance(known.node, Both) else [known.node])
            functions.append(known.function)
        elif not known.constant:
            return False
    test = (_named_conditions(nodes) or _joined(functions)) if functions else None
    return test if row.after is None else _when_due(row.after, test)


def _reads_event(row: Row) -> bool:
    return row.after is not None or any(guard.expression.fields for guard in row.guards)


def _when_due(seconds: float, test: Function | None) -> Function:
    """A state may have timers of several durations; the event says which one it is."""
    if test is None:
        return lambda values, fields: fields.get("seconds") == seconds
    return lambda values, fields: fields.get("seconds") == seconds and test(values, fields)


def _joined(functions: list[Function]) -> Function:
    match functions:
        case [first]:
            return first
        case [first, second]:
            return lambda values, fields: first(values, fields) and second(values, fields)
        case _:
            rest = _joined(functions[1:])
            first = functions[0]
            return lambda values, fields: first(values, fields) and rest(values, fields)


def _named_conditions(nodes: list[Node]) -> Function | None:
    """Return one flat function where the guards are only names and `not` names: the common case."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for node in nodes:
        match node:
            case Name(name):
                wanted.append(name)
            case Not(Name(name)):
                unwanted.append(name)
            case _:
                return None
    match wanted, unwanted:
        case [a], []:
            return lambda values, fields: values[a]
        case [a, b], []:
            return lambda values, fields: values[a] and values[b]
        case [a, b, c], []:
            return lambda values, fields: values[a] and values[b] and values[c]
        case [], [a]:
            return lambda values, fields: not values[a]
        case [], [a, b]:
            return lambda values, fields: not (values[a] or values[b])
        case [a], [b]:
            return lambda values, fields: values[a] and not values[b]
        case [a, b], [c]:
            return lambda values, fields: values[a] and values[b] and not values[c]
        case [a], [b, c]:
            return lambda values, fields: values[a] and not (values[b] or values[c])
    return None


# -- why this row ----------------------------------------------------------------------------------


class Tried(NamedTuple):
    """One row that could have answered an event, and why it did or did not."""

    row: int
    guards: list[tuple[str, bool]]
    verdict: str
    """`fired`, `ignored`, `guards failed` or `not reached`."""


def explain(
    program: Program, state: str, role: str, event: str, values: Values, fields: Values
) -> list[Tried]:
    """Return each row that could answer the event, in the order tried, with its guards' values.

    The state's own `ignore` appears as row -1.
    """
    facts = state_facts(program.table.states[state])
    winner = program.choose(state, role, event, values, fields)
    tried: list[Tried] = []
    over = False
    for row in _with_ignore(program, state, role, event):
        if row is None:
            verdict = "not reached" if over else "ignored"
            tried.append(Tried(NO_ROW, [], verdict))
            over = True
            continue
        if row.after is not None and fields.get("seconds") != row.after:
            continue
        guards = [(guard.text, _holds(guard, facts, values, fields)) for guard in row.guards]
        if over:
            verdict = "not reached"
        elif winner is not None and winner.row is row:
            verdict, over = winner.kind, True
        else:
            verdict = "guards failed"
        tried.append(Tried(row.index, guards, verdict))
    return tried


def _with_ignore(program: Program, state: str, role: str, event: str) -> Iterator[Row | None]:
    """Yield the candidates in order, with None where the state's own `ignore` stands."""
    waiting = event in program.table.states[state].ignore
    for row in program.rows_in_order(state, role, event):
        if waiting and row.from_state == ANY_STATE:
            waiting = False
            yield None
        yield row
    if waiting:
        yield None


def _holds(guard: Guard, facts: Values, values: Values, fields: Values) -> bool:
    expression = guard.expression.expanded(EXPANSIONS)
    return bool(expression.evaluate({**values, **facts}, fields))
