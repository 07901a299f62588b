"""Properties held against a graph of steps: true, broken with a shortest trace, or empty talk.

The graph comes from whoever explores. A *moment* is a step with the state it leads to. Safety
patterns are small monitors run beside a breadth-first search, so the first trace found is a
shortest one. `after A eventually B` is read under fairness: it holds if from everywhere after A a B
can still be reached. Whoever never lets B happen, though it could, is not accused.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any as Anything

from flows.properties.language import (
    All,
    Any,
    AtMost,
    Atom,
    Never,
    Not,
    Pattern,
    Precedes,
    Proposition,
    Reachable,
    Response,
    atoms_of,
    propositions,
)


@dataclass(frozen=True, slots=True)
class View:
    """One side at one moment."""

    state: str
    ended: bool = False
    held: frozenset[str] = frozenset()
    true: frozenset[str] = frozenset()
    """The conditions and variables that are true."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A step, and the sides after it; without a step it is only how things stand."""

    views: Mapping[str, View]
    """By side, UAC or UAS."""
    side: str = ""
    """Who took the step."""
    event: str = ""
    actions: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    told: Mapping[str, Anything] = field(default_factory=dict)
    """The step as plain data, for the trace."""


@dataclass(slots=True)
class Steps:
    """A graph: for each node how things stand there, and the steps out of it."""

    views: list[Moment] = field(default_factory=list)
    out: list[list[tuple[Moment, int]]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def node(self, moment: Moment, *, start: bool = False) -> int:
        """Add a node; return its number."""
        self.views.append(moment)
        self.out.append([])
        if start:
            self.starts.append(len(self.views) - 1)
        return len(self.views) - 1

    def step(self, source: int, moment: Moment, target: int) -> None:
        """Add a step."""
        self.out[source].append((moment, target))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a property."""

    holds: bool
    trace: tuple[Mapping[str, Anything], ...] = ()
    """If it does not hold: a shortest way to break it."""
    vacuous: str = ""
    """If it holds only because something never happens: what."""


def judge(pattern: Pattern, graph: Steps) -> Judgement:
    """Hold a property against a graph."""
    trace = _broken(pattern, graph)
    if trace is not None:
        return Judgement(False, tuple(dict(moment.told) for moment in trace))
    return Judgement(True, vacuous=_vacuous(pattern, graph))


def holds(proposition: Proposition, moment: Moment) -> bool:
    """Say whether a proposition is true of a moment."""
    match proposition:
        case Not(operand):
            return not holds(operand, moment)
        case All(operands):
            return all(holds(operand, moment) for operand in operands)
        case Any(operands):
            return any(holds(operand, moment) for operand in operands)
        case Atom():
            return _atom(proposition, moment)


def _atom(atom: Atom, moment: Moment) -> bool:
    name = atom.name
    if atom.kind in ("event", "action", "publishes", "sends"):
        if atom.side and atom.side != moment.side:
            return False
        if atom.kind == "event":
            return moment.event == name
        told = {"action": moment.actions, "publishes": moment.published, "sends": moment.sends}
        return name in told[atom.kind]
    views = [view for side, view in moment.views.items() if atom.side in ("", side)]
    match atom.kind:
        case "state":
            return any(view.state == name for view in views)
        case "both":
            return len(views) > 1 and all(view.state == name for view in views)
        case "holds":
            return any(name in view.held for view in views)
        case "ended":
            return bool(views) and all(view.ended for view in views)
    return any(name in view.true for view in views)


# -- breaking --------------------------------------------------------------------------------------

Watch = Callable[[int, Moment], int]
"""The monitor: its state and a moment give its next state."""
BROKEN = -1


def _broken(pattern: Pattern, graph: Steps) -> list[Moment] | None:
    match pattern:
        case Never(bad, after, before, strict):
            start = 0 if after is not None else 1
            return _search(graph, start, _scoped(bad, after, before, strict))
        case AtMost(what, times):
            return _search(graph, 0, _counted(what, times))
        case Precedes(first, second):
            return _search(graph, 0, _before(first, second))
        case Response(trigger, answer):
            return _unanswered(trigger, answer, graph)
        case Reachable(what):
            return _lost(what, graph)


def _scoped(
    bad: Proposition, after: Proposition | None, before: Proposition | None, strict: bool
) -> Watch:
    """0: not begun; 1: watching; 2: broken if `before` comes; 3: over for good."""

    def watch(state: int, moment: Moment) -> int:
        if state == 3:
            return 3
        if state == 0:
            begins = after is not None and holds(after, moment)
            return 1 if begins and not (before is not None and holds(before, moment)) else 0
        if before is not None and holds(before, moment):
            if state == 2:
                return BROKEN
            return 0 if after is not None else 3
        if state == 1 and holds(bad, moment):
            return 2 if strict else BROKEN
        return state

    return watch


def _counted(what: Proposition, times: int) -> Watch:
    def watch(state: int, moment: Moment) -> int:
        if not holds(what, moment):
            return state
        return BROKEN if state == times else state + 1

    return watch


def _before(first: Proposition, second: Proposition) -> Watch:
    def watch(state: int, moment: Moment) -> int:
        if state == 1 or holds(first, moment):
            return 1
        return BROKEN if holds(second, moment) else 0

    return watch


def _search(graph: Steps, start: int, watch: Watch) -> list[Moment] | None:
    """Return the moments of a shortest run that the monitor calls broken."""
    came: dict[tuple[int, int], tuple[tuple[int, int], Moment] | None] = {}
    waiting: deque[tuple[int, int]] = deque()
    for node in graph.starts:
        state = watch(start, graph.views[node])
        if state == BROKEN:
            return []
        if (node, state) not in came:
            came[node, state] = None
            waiting.append((node, state))
    while waiting:
        here = waiting.popleft()
        for moment, target in graph.out[here[0]]:
            state = watch(here[1], moment)
            if state == BROKEN:
                return [*_way(came, here), moment]
            there = (target, state)
            if there not in came:
                came[there] = (here, moment)
                waiting.append(there)
    return None


def _way(
    came: Mapping[tuple[int, int], tuple[tuple[int, int], Moment] | None], here: tuple[int, int]
) -> list[Moment]:
    way: list[Moment] = []
    step = came[here]
    while step is not None:
        here, moment = step
        way.append(moment)
        step = came[here]
    return way[::-1]


def _unanswered(trigger: Proposition, answer: Proposition, graph: Steps) -> list[Moment] | None:
    hopeful = _can_reach(answer, graph, standing=False)

    def watch(state: int, moment: Moment) -> int:
        if holds(answer, moment):
            return 0
        return 1 if state == 1 or holds(trigger, moment) else 0

    return _first(graph, watch, lambda node, state: state == 1 and node not in hopeful)


def _lost(what: Proposition, graph: Steps) -> list[Moment] | None:
    hopeful = _can_reach(what, graph, standing=True)
    return _first(graph, lambda state, moment: 0, lambda node, state: node not in hopeful)


def _first(graph: Steps, watch: Watch, bad: Callable[[int, int], bool]) -> list[Moment] | None:
    """Return a shortest run to a node that is bad together with the monitor's state."""
    came: dict[tuple[int, int], tuple[tuple[int, int], Moment] | None] = {}
    waiting: deque[tuple[int, int]] = deque()
    for node in graph.starts:
        here = (node, watch(0, graph.views[node]))
        if here not in came:
            came[here] = None
            waiting.append(here)
    while waiting:
        here = waiting.popleft()
        if bad(*here):
            return _way(came, here)
        for moment, target in graph.out[here[0]]:
            there = (target, watch(here[1], moment))
            if there not in came:
                came[there] = (here, moment)
                waiting.append(there)
    return None


def _can_reach(what: Proposition, graph: Steps, *, standing: bool) -> set[int]:
    """Return the nodes from which a step with `what` can be reached, or which stand so already."""
    back: dict[int, list[int]] = defaultdict(list)
    found: set[int] = set()
    for node, steps in enumerate(graph.out):
        if standing and holds(what, graph.views[node]):
            found.add(node)
        for moment, target in steps:
            back[target].append(node)
            if holds(what, moment):
                found.add(node)
                if standing and not graph.out[target]:
                    found.add(target)
    waiting = list(found)
    while waiting:
        for node in back[waiting.pop()]:
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found


# -- empty talk ------------------------------------------------------------------------------------


def _vacuous(pattern: Pattern, graph: Steps) -> str:
    """Return what would have to happen for the property to say something, and never does."""
    wanted: Sequence[Proposition]
    match pattern:
        case Never(bad, after, before):
            scope = [p for p in (after, before) if p is not None]
            parts = list(_positive(bad))
            wanted = [*scope, *(parts if len(parts) > 1 else [])]
        case AtMost(what, _):
            wanted = [what]
        case Precedes(_, second):
            wanted = [second]
        case Response(trigger, _):
            wanted = [trigger]
        case _:
            wanted = []
    for proposition in wanted:
        if not any(holds(proposition, moment) for moment in _moments(graph)):
            return text_of(proposition)
    return ""


def _positive(proposition: Proposition) -> Iterator[Proposition]:
    """The parts of a conjunction that say that something is so."""
    if isinstance(proposition, All):
        for operand in proposition.operands:
            yield from _positive(operand)
    elif not isinstance(proposition, Not):
        yield proposition


def _moments(graph: Steps) -> Iterator[Moment]:
    for node in graph.starts:
        yield graph.views[node]
    for steps in graph.out:
        for moment, _ in steps:
            yield moment


def text_of(proposition: Proposition) -> str:
    """Write a proposition as it is read."""
    match proposition:
        case Atom(kind, name, side):
            before = f"{side.lower()}." if side else ""
            return before + (name if kind == "condition" else f"{kind} {name}".strip())
        case Not(operand):
            return f"not {text_of(operand)}"
        case All(operands):
            return "(" + " and ".join(map(text_of, operands)) + ")"
        case Any(operands):
            return "(" + " or ".join(map(text_of, operands)) + ")"


__all__ = ["Judgement", "Moment", "Steps", "View", "atoms_of", "holds", "judge", "propositions"]
