"""Two programs side by side: every order of events that both can be led through, step by step.

What is compared is what somebody outside notices: the actions with their arguments, the events that
are published, the answer a request gets, the end and its outcome. The names of states are not.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.check.facts import event_fields
from flows.decide import FIELD, TooLarge, representatives
from flows.semantics import Program, Transition
from flows.table import TIMER_EVENT
from flows.vocabulary import ACTIONS, EVENTS

BUDGET = 20_000
"""Pairs of configurations that are visited at most."""
MOST_FIELDS = 48
"""Combinations of fields that are tried of one event."""


class Half(NamedTuple):
    """One program's side of a pair."""

    state: str
    values: tuple[Any, ...]
    held: tuple[str, ...]
    """Resources, sorted."""


class Seen(NamedTuple):
    """What somebody outside notices of one event; all empty if nothing."""

    actions: tuple[Any, ...] = ()
    published: tuple[str, ...] = ()
    answer: int | None = None
    outcome: str | None = None

    @property
    def text(self) -> str:
        """The same in words."""
        parts = [
            name + (f" {', '.join(f'{k} {v}' for k, v in arguments)}" if arguments else "")
            for name, arguments in self.actions
        ]
        parts += [f"publishes {name}" for name in self.published]
        parts += [f"answers {self.answer}"] if self.answer is not None else []
        parts += [f"ends {self.outcome}"] if self.outcome else []
        return ", ".join(parts) or "nothing"


@dataclass(frozen=True, slots=True)
class Happening:
    """One event with its fields."""

    event: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The event as people read it."""
        if self.event == TIMER_EVENT:
            return f"after {self.fields.get('seconds', 0):g}s"
        known = [f"{n}={v}" for n, v in self.fields.items() if v not in (None, "")]
        return f"{self.event}({', '.join(known)})" if known else self.event


class Side:
    """A program that is led through events, one role."""

    def __init__(self, program: Program, role: str) -> None:
        self.program = program
        self.role = role
        self.names = tuple(program.initial_values)
        self.cap = _cap(program)

    def start(self) -> Half:
        values = tuple(self.program.initial_values.values())
        return Half(self.program.table.initial, values, ())

    def values(self, half: Half) -> dict[str, Any]:
        return dict(zip(self.names, half.values, strict=True))

    def ended(self, half: Half) -> bool:
        return self.program.table.states[half.state].final

    def timers(self, half: Half) -> tuple[float, ...]:
        return self.program.timers(half.state, self.role)

    def take(self, half: Half, what: Happening) -> tuple[Seen, Half, int]:
        """Return what is noticed, where it leads and the row (-1: none)."""
        seconds = what.fields.get("seconds")
        if what.event == TIMER_EVENT and seconds not in self.timers(half):
            return Seen(), half, -1
        position = self.program.position(half.state, self.role)
        values = self.values(half)
        move = position.choose(what.event, values, what.fields)
        if move is None:
            if what.event == TIMER_EVENT:
                return Seen(), half, -1
            refusal = position.refusal(what.event)
            return (
                Seen(answer=refusal.answer, outcome=refusal.outcome),
                half if not refusal.ended else half._replace(state=_OVER),
                -1,
            )
        decision = move.decision
        seen = Seen(
            tuple((w.name, tuple(sorted(w.arguments.items(), key=str))) for w in move.words),
            decision.published,
            decision.answer,
            decision.outcome,
        )
        return seen, self._after(half, move, values, what), decision.row

    def _after(self, half: Half, move: Transition, values: dict[str, Any], what: Happening) -> Half:
        if move.decision.kind != "fired":
            return half
        after = move.values_after(values, what.fields)
        held = set(half.held)
        for word in move.words:
            declared = ACTIONS[word.name]
            held.difference_update(declared.releases)
            held.update(declared.acquires)
        return Half(
            move.next_state,
            tuple(self._capped(after[name]) for name in self.names),
            tuple(sorted(held)),
        )

    def _capped(self, value: Any) -> Any:
        """Beyond what any guard compares with, numbers need not be told apart."""
        if type(value) in (int, float) and abs(value) > self.cap:
            return self.cap if value > 0 else -self.cap
        return value


_OVER = "\0over"
"""The state of a session that the runtime ended because no row took an event."""


def _cap(program: Program) -> int:
    largest = 1.0
    for row in program.table.rows:
        expressions = [g.expression for g in row.guards] + [e for _, e in row.set]
        for expression in expressions:
            for word in expression.text.replace("(", " ").replace(")", " ").split():
                digits = word.strip(",-")
                if digits.replace(".", "", 1).isdecimal():
                    largest = max(largest, float(digits))
    return int(largest) + 2


@dataclass(slots=True)
class Parting:
    """A first step at which the two sides differ, and the way there."""

    role: str
    way: tuple[Happening, ...]
    old: Seen
    new: Seen
    states: tuple[str, str]
    rows: tuple[int, int]


@dataclass(slots=True)
class Joint:
    """What a walk through both programs saw."""

    partings: list[Parting] = field(default_factory=list)
    """Shortest first."""
    pairs: int = 0
    complete: bool = True


def walk(old: Program, new: Program, role: str, budget: int = BUDGET) -> Joint:
    """Lead both programs through every order of events; a pair that parted is not followed."""
    sides = Side(old, role), Side(new, role)
    events = alphabet(old, new, role)
    joint = Joint()
    first = (sides[0].start(), sides[1].start())
    came: dict[tuple[Half, Half], tuple[tuple[Half, Half], Happening] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        pair = waiting.popleft()
        joint.pairs += 1
        for what in _happenings(sides, pair, events):
            (seen, after, row), (seen2, after2, row2) = (
                side.take(half, what) for side, half in zip(sides, pair, strict=True)
            )
            if seen != seen2:
                way = (*_way(came, pair), what)
                states = (pair[0].state, pair[1].state)
                joint.partings.append(Parting(role, way, seen, seen2, states, (row, row2)))
                continue
            there = (after, after2)
            if there in came or any(_is_over(s, h) for s, h in zip(sides, there, strict=True)):
                continue
            if len(came) >= budget:
                joint.complete = False
                return joint
            came[there] = (pair, what)
            waiting.append(there)
    return joint


@dataclass(slots=True)
class Alone:
    """Every configuration of one program in one role, with a shortest way to each."""

    came: dict[Half, tuple[Half, Happening] | None]
    complete: bool = True

    def way(self, half: Half) -> tuple[Happening, ...]:
        """Return a shortest order of events that leads there."""
        way: list[Happening] = []
        step = self.came[half]
        while step is not None:
            half, what = step
            way.append(what)
            step = self.came[half]
        return tuple(way[::-1])


def alone(program: Program, role: str, budget: int = BUDGET) -> Alone:
    """Lead one program through every order of events, the shortest first."""
    side = Side(program, role)
    events = alphabet(program, program, role)
    first = side.start()
    found = Alone({first: None})
    waiting = deque([first])
    while waiting:
        half = waiting.popleft()
        for what in _happenings((side,), (half,), events):
            after = side.take(half, what)[1]
            if after in found.came or after.state == _OVER:
                continue
            if len(found.came) >= budget:
                found.complete = False
                return found
            found.came[after] = (half, what)
            if not side.ended(after):
                waiting.append(after)
    return found


def told(program: Program, role: str, way: Sequence[Happening]) -> tuple[dict[str, Any], ...]:
    """Return what a program does on the way, as the steps of a trace."""
    side = Side(program, role)
    half = side.start()
    steps: list[dict[str, Any]] = []
    for what in way:
        seen, after, row = side.take(half, what)
        over = after.state == _OVER
        steps.append(
            {
                "side": role,
                "event": what.label,
                "name": what.event,
                "fields": dict(what.fields),
                "row": row,
                "actions": [name for name, _ in seen.actions],
                "published": list(seen.published),
                "before": half.state,
                "after": half.state if over else after.state,
                "resources": list(after.held),
            }
        )
        if over:
            break
        half = after
    return tuple(steps)


def _is_over(side: Side, half: Half) -> bool:
    return half.state == _OVER or side.ended(half)


def _way(
    came: Mapping[tuple[Half, Half], tuple[tuple[Half, Half], Happening] | None],
    pair: tuple[Half, Half],
) -> list[Happening]:
    way: list[Happening] = []
    step = came[pair]
    while step is not None:
        pair, what = step
        way.append(what)
        step = came[pair]
    return way[::-1]


# -- the events worth trying -----------------------------------------------------------------------


def alphabet(old: Program, new: Program, role: str) -> dict[str, tuple[Happening, ...]]:
    """Return for each event of the two tables the forms in which it makes a difference."""
    names = {row.event for program in (old, new) for row in program.table.rows} | {
        event
        for program in (old, new)
        for state in program.table.states.values()
        for event in state.ignore
    }
    known = (n for n in EVENTS if n in names and role in EVENTS[n].roles)
    return {name: tuple(_forms(name, old, new)) for name in known}


def _forms(event: str, old: Program, new: Program) -> Iterator[Happening]:
    nodes = [
        node
        for program in (old, new)
        for row in program.table.rows
        if row.event == event
        for node in [
            *(g.expression.node for g in row.guards if g.expression.fields),
            *(e.node for _, e in row.set if e.fields),
        ]
    ]
    if not nodes:
        yield Happening(event)
        return
    domains = event_fields(event)
    terms = sorted(
        {FIELD + name for program in (old, new) for row in program.table.rows
         if row.event == event
         for e in [*(g.expression for g in row.guards), *(e for _, e in row.set)]
         for name in e.fields}
    )  # fmt: skip
    try:
        values = representatives(nodes, domains, terms)
    except TooLarge:
        yield Happening(event)
        return
    combinations = itertools.product(*(values[term] for term in terms))
    for chosen in itertools.islice(combinations, MOST_FIELDS):
        names = (term.removeprefix(FIELD) for term in terms)
        yield Happening(event, dict(zip(names, chosen, strict=True)))


def _happenings(
    sides: tuple[Side, ...], halves: tuple[Half, ...], events: Mapping[str, tuple[Happening, ...]]
) -> Iterator[Happening]:
    """Yield the events that some side takes here, then the timers that run."""
    wanted: set[str] = set()
    for side, half in zip(sides, halves, strict=True):
        wanted |= side.program.position(half.state, side.role).candidates.keys()
    for name, forms in events.items():
        if name in wanted:
            yield from forms
    running = {t for side, half in zip(sides, halves, strict=True) for t in side.timers(half)}
    for seconds in sorted(running):
        yield Happening(TIMER_EVENT, {"seconds": seconds})
