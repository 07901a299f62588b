"""Two versions of a flow, compared by what they do (VER971 to VER974, VER976).

    found = difference(old, new)        # two tables
    found.change                        # same, refinement, extension or breaking
    found.way                           # the shortest order of events that shows a difference
    found.states["OnHold"].verdict      # migratable, when quiet, drain
    found.findings                      # the same as findings, with places in the new text

Live sessions are configurations (state, conditions, what is held, what is waited for). A state is
`migratable` if each configuration the old version can have there is one the new version can have
too, and nothing is waited for that the new one would not take; `when quiet` if that is so while no
answer is open; else its sessions are drained on the old version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.check.coverage import Phase, phases_of
from flows.findings import START, Finding, Place, Severity
from flows.graph import SESSION_ROLES, Graph
from flows.joint import BUDGET, Half, Happening, Joint, Parting, alone, walk
from flows.semantics import Program
from flows.table import Row, State, Table
from flows.vocabulary import EVENTS, Kind

SAME, REFINEMENT, EXTENSION, BREAKING = "same", "refinement", "extension", "breaking"
STEPS = {SAME: "none", REFINEMENT: "patch", EXTENSION: "minor", BREAKING: "major"}
"""The step of a version number that each class of change asks for."""
MIGRATABLE, QUIET, DRAIN = "migratable", "when quiet", "drain"
_OPEN = ("HasPendingReinvite", "HasPendingOfferAnswer")
_WAITING = frozenset(
    (Phase.CALLING, Phase.PROCEEDING, Phase.OFFERED, Phase.ANSWERED, Phase.PROPOSING)
    + (Phase.CANCELLING, Phase.CLOSING, Phase.GIVEN_UP)
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may become of sessions in one state of the old version."""

    state: str
    verdict: str
    why: str
    code: str = ""


@dataclass(slots=True)
class Difference:
    """Everything there is to say of two versions."""

    change: str
    way: tuple[Happening, ...] = ()
    parting: Parting | None = None
    states: dict[str, Verdict] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    explored: int = 0
    complete: bool = True
    """Whether all orders of events were tried; if not, `same` is no proof."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "change": self.change,
            "version_step": STEPS[self.change],
            "complete": self.complete,
            "explored": self.explored,
            "shortest": None if self.parting is None else _plain(self.parting),
            "states": {v.state: {"verdict": v.verdict, "why": v.why} for v in self.states.values()},
            "findings": [finding.as_dict() for finding in self.findings],
        }


def difference(old: Table, new: Table, budget: int = BUDGET) -> Difference:
    """Compare two tables. Never raises; what was not tried is said by `complete`."""
    before, after = Program(old), Program(new)
    joints = [walk(before, after, role, budget) for role in SESSION_ROLES]
    partings = sorted((p for joint in joints for p in joint.partings), key=lambda p: len(p.way))
    result = Difference(
        change=_class_of(old, new, partings, joints),
        explored=sum(joint.pairs for joint in joints),
        complete=all(joint.complete for joint in joints),
    )
    if partings:
        result.parting, result.way = partings[0], partings[0].way
    result.states = {v.state: v for v in _verdicts(before, after, budget)}
    result.findings = list(_findings(result, new))
    return result


def _class_of(old: Table, new: Table, partings: list[Parting], joints: list[Joint]) -> str:
    lost = {s.name for s in old.states.values() if not s.final} - new.states.keys()
    if not partings:
        if not all(joint.complete for joint in joints):
            return BREAKING
        if lost:
            return REFINEMENT
        return SAME if _shape(old) == _shape(new) else REFINEMENT
    if lost:
        return BREAKING
    # What met no row before, and at most was refused, may get one.
    added = all(p.rows[0] == -1 and p.old.outcome is None for p in partings)
    return EXTENSION if added else BREAKING


def _shape(table: Table) -> Any:
    """What a table is made of, apart from places and words for people."""
    rows = [
        (r.from_state, r.role, r.label, tuple(g.text for g in r.guards), r.next_state, r.publish)
        + (tuple((w.name, str(sorted(w.arguments.items(), key=str))) for w in r.actions),)
        + (tuple((n, e.text) for n, e in r.set), r.ignore is None)
        for r in table.rows
    ]
    states = [(s.name, s.initial, s.final, sorted(s.ignore)) for s in table.states.values()]
    return rows, states, table.initial, dict(table.variables)


# -- live sessions ---------------------------------------------------------------------------------


def _verdicts(old: Program, new: Program, budget: int) -> Iterator[Verdict]:
    graphs = Graph(old.table), Graph(new.table)
    met = {role: _by_state(old, role, budget) for role in SESSION_ROLES}
    there = {role: _by_state(new, role, budget) for role in SESSION_ROLES}
    for state in old.table.states.values():
        roles = [role for role in SESSION_ROLES if state.name in met[role]]
        if state.final or state.initial or not roles:
            continue
        yield _verdict(state, roles, graphs, met, there)


_Met = dict[str, dict[str, set[frozenset[Any]]]]


def _by_state(program: Program, role: str, budget: int) -> dict[str, set[frozenset[Any]]]:
    """What is held and which conditions hold in each state, in all ways to be there."""
    found: dict[str, set[frozenset[Any]]] = defaultdict(set)
    names = tuple(program.initial_values)
    for half in alone(program, role, budget)[0]:
        found[half.state].add(_condition(half, names, program))
    return found


def _condition(half: Half, names: tuple[str, ...], program: Program) -> frozenset[Any]:
    conditions = zip(names, half.values, strict=True)
    own = program.table.variables
    return frozenset(
        (*half.held, *(n for n, value in conditions if value is True and n not in own))
    )


def _verdict(
    state: State, roles: list[str], graphs: tuple[Graph, Graph], met: _Met, there: _Met
) -> Verdict:
    name = state.name
    target = graphs[1].table.states.get(name)
    if target is None or target.final:
        what = "is not there any more" if target is None else "is final now"
        return Verdict(
            name, DRAIN, f"{name} {what}; its sessions end on the old version.", "VER971"
        )
    strange = {c for role in roles for c in met[role][name] - there[role].get(name, set())}
    if strange and all(c & set(_OPEN) for c in strange):
        return Verdict(name, QUIET, "The new version is never here with an open answer.")
    if strange:
        return Verdict(name, DRAIN, _stranger(name, strange, roles, met, there), "VER972")
    lost = sorted({event for role in roles for event in _lost(name, role, graphs)})
    if lost:
        told = ", ".join(lost)
        why = f"{told} would be lost: the old version takes it in {name}, the new one does not."
        waits = all(_always_waits(name, role, graphs[0]) for role in roles)
        return Verdict(name, DRAIN if waits else QUIET, why, "VER974")
    return Verdict(name, MIGRATABLE, "Whatever a session holds here, the new version can hold too.")


def _stranger(
    name: str, strange: set[frozenset[Any]], roles: list[str], met: _Met, there: _Met
) -> str:
    """Say in what the old and the new meaning of a state differ."""
    known = [c for role in roles for c in there[role].get(name, set())]
    if not known:
        return f"No session of the new version ever comes to {name}."
    first = min(strange, key=lambda c: (len(c), sorted(map(str, c))))
    nearest = min(known, key=lambda c: (len(c ^ first), sorted(map(str, c))))
    extra, missing = sorted(map(str, first - nearest)), sorted(map(str, nearest - first))
    parts = [f"with {', '.join(extra)}"] if extra else []
    parts += [f"without {', '.join(missing)}"] if missing else []
    return f"A session of the old version can be in {name} {' and '.join(parts)}, as no new one is."


def _lost(name: str, role: str, graphs: tuple[Graph, Graph]) -> set[str]:
    """Messages and timers that a waiting session expects and the new version does not take."""
    if not phases_of(graphs[0], role)[name] & _WAITING:
        return set()
    taken = {row.label: row for row in graphs[0].rows(name, role) if row.ignore is None}
    kept = {row.label for row in graphs[1].rows(name, role)} | graphs[1].table.states[
        name
    ].ignore.keys()
    return {label for label, row in taken.items() if label not in kept and _comes(row)}


def _comes(row: Row) -> bool:
    word = EVENTS.get(row.event)
    return row.after is not None or (word is not None and word.kind is Kind.MESSAGE)


def _always_waits(name: str, role: str, graph: Graph) -> bool:
    return phases_of(graph, role)[name] <= _WAITING


# -- findings --------------------------------------------------------------------------------------


def _findings(found: Difference, new: Table) -> Iterator[Finding]:
    steps = STEPS[found.change]
    step = "needs no step of the version" if steps == "none" else f"asks for a {steps} version"
    bounded = "" if found.complete else " Not every order of events was tried, so this is no proof."
    yield Finding(
        "VER976",
        Severity.INFO,
        f"The change is of the class {found.change} and {step}.{bounded}",
        START,
        confidence="proved" if found.complete else "bounded",
    )
    if found.parting is not None:
        yield _parted(found.parting, new)
    for verdict in found.states.values():
        if verdict.code:
            state = new.states.get(verdict.state)
            yield Finding(
                verdict.code,
                Severity.ERROR,
                f"Sessions in {verdict.state}: {verdict.verdict}. {verdict.why}",
                START if state is None else state.place,
                state=verdict.state,
                confidence="bounded",
            )


def _parted(parting: Parting, new: Table) -> Finding:
    row = parting.rows[1]
    place: Place = START
    if row >= 0:
        place = new.rows[row].place
    elif parting.states[1] in new.states:
        place = new.states[parting.states[1]].place
    way = ", ".join(what.label for what in parting.way)
    return Finding(
        "VER973",
        Severity.WARNING,
        f"As {parting.role}, after {way}: the old version does {parting.old.text}; the new one "
        f"does {parting.new.text}.",
        place,
        "This is the shortest order of events that shows a difference.",
        row=row if row >= 0 else None,
        state=parting.states[1],
        trace=tuple({"side": parting.role, "event": what.label} for what in parting.way),
    )


def _plain(parting: Parting) -> dict[str, Any]:
    return {
        "role": parting.role,
        "events": [
            {"event": what.event, "fields": dict(what.fields), "label": what.label}
            for what in parting.way
        ],
        "old": {"state": parting.states[0], "does": parting.old.text, "row": parting.rows[0]},
        "new": {"state": parting.states[1], "does": parting.new.text, "row": parting.rows[1]},
    }


def as_text(found: Difference) -> str:
    """Return what the command line prints."""
    lines = [f"{f.severity.value}: {f.message} [{f.code}]" for f in found.findings]
    width = max((len(v.verdict) for v in found.states.values()), default=0)
    lines += [f"  {v.verdict:{width}}  {v.state}: {v.why}" for v in found.states.values()]
    return "\n".join(lines)
