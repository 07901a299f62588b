"""What may become of the sessions that live while another version takes over.

Live sessions are configurations (state, conditions, what is held, what is waited for). A state is
`migratable` if each configuration the one version can have there is one the other version can have
too, and nothing is waited for that the other one would not take; `when quiet` if that is so while
no answer is open; else its sessions are drained on the version they were born on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.check.coverage import Phase, phases_of
from flows.graph import SESSION_ROLES, Graph
from flows.joint import BUDGET, Half, Happening, alone
from flows.semantics import Program
from flows.table import Row, State
from flows.vocabulary import EVENTS, Kind

MIGRATABLE, QUIET, DRAIN = "migratable", "when quiet", "drain"
_OPEN = ("HasPendingReinvite", "HasPendingOfferAnswer")
_WAITING = frozenset(
    (Phase.CALLING, Phase.PROCEEDING, Phase.OFFERED, Phase.ANSWERED, Phase.PROPOSING)
    + (Phase.CANCELLING, Phase.CLOSING, Phase.GIVEN_UP)
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may become of sessions in one state."""

    state: str
    verdict: str
    why: str
    code: str = ""
    role: str = ""
    way: tuple[Happening, ...] = ()
    """A shortest order of events after which a session of this role is there in such a way."""


@dataclass(frozen=True, slots=True)
class Words:
    """How the two versions are called in what is said."""

    here: str = "the old version"
    there: str = "the new version"
    other: str = "a new one"


FORTH = Words()
BACK = Words("the new version", "the old version", "an old one")


def verdicts(
    here: Program,
    there: Program,
    budget: int = BUDGET,
    words: Words = FORTH,
    names: Mapping[str, str] | None = None,
) -> Iterator[Verdict]:
    """Say of each state of `here` in which calls may live whether `there` can take them over.

    `names` are the names that states of `here` have in `there`, where they are not the same.
    """
    renamed = {} if names is None else names
    graphs = Graph(here.table), Graph(there.table)
    met = {role: _by_state(here, role, budget) for role in SESSION_ROLES}
    known = {role: _by_state(there, role, budget) for role in SESSION_ROLES}
    for state in here.table.states.values():
        roles = [role for role in SESSION_ROLES if state.name in met[role]]
        if state.final or state.initial or not roles:
            continue
        yield _verdict(state, renamed.get(state.name, state.name), roles, graphs, met, known, words)


_Condition = frozenset[Any]
_Met = dict[str, dict[str, dict[_Condition, tuple[Happening, ...]]]]
"""By role and state: what may be held and hold there, each with a shortest way to it."""


def _by_state(
    program: Program, role: str, budget: int
) -> dict[str, dict[_Condition, tuple[Happening, ...]]]:
    found: dict[str, dict[_Condition, tuple[Happening, ...]]] = defaultdict(dict)
    names = tuple(program.initial_values)
    walked = alone(program, role, budget)
    for half in walked.came:
        condition = _condition(half, names, program)
        if condition not in found[half.state]:
            found[half.state][condition] = walked.way(half)
    return found


def _condition(half: Half, names: tuple[str, ...], program: Program) -> _Condition:
    conditions = zip(names, half.values, strict=True)
    own = program.table.variables
    return frozenset(
        (*half.held, *(n for n, value in conditions if value is True and n not in own))
    )


def _verdict(
    state: State,
    there: str,
    roles: list[str],
    graphs: tuple[Graph, Graph],
    met: _Met,
    known: _Met,
    words: Words,
) -> Verdict:
    name = state.name
    target = graphs[1].table.states.get(there)
    role = roles[0]
    way = next(iter(met[role][name].values()))
    if target is None or target.final:
        what = "has no such state" if target is None else "ends there"
        why = f"{words.there.capitalize()} {what}; they end on {words.here}."
        return Verdict(name, DRAIN, why, "VER971", role, way)
    strange = {
        (role, condition): way
        for role in roles
        for condition, way in met[role][name].items()
        if condition not in known[role].get(there, {})
    }
    if strange and all(condition & set(_OPEN) for _, condition in strange):
        return Verdict(name, QUIET, f"{words.there.capitalize()} is never here with open answers.")
    if strange:
        (role, first), way = min(strange.items(), key=lambda item: len(item[1]))
        others = [c for r in roles for c in known[r].get(there, {})]
        return Verdict(name, DRAIN, _stranger(name, first, others, words), "VER972", role, way)
    for role in roles:
        lost = sorted(_lost(name, there, role, graphs))
        if lost:
            why = (
                f"{', '.join(lost)} would be lost: {words.here} takes it in {name}, "
                f"{words.there} does not."
            )
            waits = all(_always_waits(name, each, graphs[0]) for each in roles)
            way = next(iter(met[role][name].values()))
            return Verdict(name, DRAIN if waits else QUIET, why, "VER974", role, way)
    why = f"Whatever a session holds here, {words.there} can hold too."
    return Verdict(name, MIGRATABLE, why)


def _stranger(name: str, first: _Condition, known: list[_Condition], words: Words) -> str:
    """Say in what the two meanings of a state differ."""
    if not known:
        return f"No session of {words.there} ever comes to {name}."
    nearest = min(known, key=lambda c: (len(c ^ first), sorted(map(str, c))))
    extra, missing = sorted(map(str, first - nearest)), sorted(map(str, nearest - first))
    parts = [f"with {', '.join(extra)}"] if extra else []
    parts += [f"without {', '.join(missing)}"] if missing else []
    return (
        f"A session of {words.here} can be in {name} {' and '.join(parts)}, as {words.other} "
        "never is."
    )


def _lost(name: str, there: str, role: str, graphs: tuple[Graph, Graph]) -> set[str]:
    """Messages and timers that a waiting session expects and the new version does not take."""
    if not phases_of(graphs[0], role)[name] & _WAITING:
        return set()
    taken = {row.label: row for row in graphs[0].rows(name, role) if row.ignore is None}
    rows = list(graphs[1].rows(there, role))
    kept = {row.label for row in rows} | graphs[1].table.states[there].ignore.keys()
    if any(row.after is not None for row in rows):
        # A timer of another length is no lost one: it counts from the same beginning.
        kept |= {label for label, row in taken.items() if row.after is not None}
    return {label for label, row in taken.items() if label not in kept and _comes(row)}


def _comes(row: Row) -> bool:
    word = EVENTS.get(row.event)
    return row.after is not None or (word is not None and word.kind is Kind.MESSAGE)


def _always_waits(name: str, role: str, graph: Graph) -> bool:
    return phases_of(graph, role)[name] <= _WAITING
