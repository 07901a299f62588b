"""May a running session go on in another version, and in which of its states: judged beforehand.

    ways = passage(here, there, names={"OnHold": "Held"}, chosen={"Parked": "Held"})
    ways["OnHold", "UAS"].verdict     # safe, or needs mapping
    ways["OnHold", "UAS"].target      # "Held"; empty where nobody knows

What is judged here depends on the two texts alone. Whether one session may be moved now (no open
request, no action awaited) is the matter of whoever runs it.

- A state of the same name is taken, else the one it was renamed to; what a session can hold there,
  what it waits for and which timers run is compared (`flows.migration`).
- A person may choose another state, or the same one in spite of what was found.
- Timers: a timer of the new state counts from when the old state was entered.
- Variables: kept by name; new ones get their initial value, lost ones are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.graph import SESSION_ROLES
from flows.joint import BUDGET
from flows.migration import DRAIN, FORTH, Verdict, verdicts
from flows.pairing import pair
from flows.semantics import Position, Program, Values
from flows.table import duration_text
from flows.vocabulary import CONDITIONS

SAFE, MAPPING = "safe", "needs mapping"
SAME, RENAMED, CHOSEN = "same name", "renamed", "chosen"


@dataclass(frozen=True, slots=True)
class Way:
    """Where a session in one state and role goes in the other version."""

    state: str
    role: str
    verdict: str
    """`safe`, or `needs mapping`: a person says where it goes, or that it goes all the same."""
    target: str
    """Empty where nobody knows."""
    how: str
    """Whence the target is known: `same name`, `renamed`, `chosen`; empty without one."""
    why: str
    code: str = ""
    """Code of the rule (VER971, VER972, VER974) that speaks against it; kept if a person chose."""
    suggestion: str = ""
    """A state that is much like it, for the person to choose."""
    timers: str = ""
    """What becomes of the timers, in words; empty if there are none."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The values of a session in the other version, and what is told of them."""

    values: Values
    lost: Mapping[str, Any]
    """Variables that the other version does not know, or knows as another kind of value."""
    gained: Mapping[str, Any]
    """Variables that begin with their initial value."""

    @property
    def told(self) -> dict[str, Any]:
        """What a record says of it; nothing where nothing was lost or gained."""
        told = {"lost": dict(self.lost), "gained": dict(self.gained)}
        return {name: value for name, value in told.items() if value}


def carried(here: Program, there: Program, values: Values) -> Carried:
    """Return the values with which a session goes on in `there`."""
    after = dict(there.initial_values)
    lost: dict[str, Any] = {}
    for name, value in values.items():
        if name in CONDITIONS or name in after and not _differs(here, there, name):
            after[name] = value
        else:
            lost[name] = value
    own = here.table.variables
    gained = {
        name: after[name] for name in there.table.variables if name not in own or name in lost
    }
    return Carried(after, lost, gained)


def passage(
    here: Program,
    there: Program,
    names: Mapping[str, str] | None = None,
    chosen: Mapping[str, str] | None = None,
    budget: int = BUDGET,
) -> dict[tuple[str, str], Way]:
    """Judge each state of `here` in which a session may be, for each role that has rows there.

    `names` are states that got another name, old to new; `chosen` is what a person decided.
    """
    known = there.table.states
    renamed = {old: new for old, new in (names or {}).items() if old not in known and new in known}
    judged = {each.state: each for each in verdicts(here, there, budget, FORTH, renamed)}
    alike = pair(here.table, there.table).states
    found = {}
    for position in _lived_in(here):
        key = position.state, position.role
        found[key] = _way(here, there, position, renamed, chosen or {}, judged, alike)
    return found


def targets(program: Program, role: str) -> list[str]:
    """Return the states in which a session of this role can go on, in the order of the table."""
    states = program.table.states
    return [name for name in states if _lives(program.position(name, role))]


def _lived_in(program: Program) -> Iterator[Position]:
    for name in program.table.states:
        for role in SESSION_ROLES:
            position = program.position(name, role)
            if _lives(position):
                yield position


def _lives(position: Position) -> bool:
    return not position.final and bool(position.candidates)


def _way(
    here: Program,
    there: Program,
    position: Position,
    renamed: Mapping[str, str],
    chosen: Mapping[str, str],
    judged: Mapping[str, Verdict],
    alike: Mapping[str, str],
) -> Way:
    state, role = position.state, position.role
    target, how = _target(state, there, renamed, chosen)
    if not target:
        return Way(
            state, role, MAPPING, "", "", f"The other version has no state {state}.", "VER971",
            _living(there, alike.get(state, ""), role),
        )  # fmt: skip
    arrival = there.position(target, role)
    timers = timers_in_words(position, arrival)
    impossible = _impossible(arrival)
    if impossible:
        return Way(state, role, MAPPING, "", how, impossible, "VER971", timers=timers)
    against, code = _against(here, there, position, arrival, judged.get(state), how)
    if how == CHOSEN:
        return Way(
            state, role, SAFE, target, how, against or "A person chose it.", code, "", timers
        )
    if against:
        return Way(state, role, MAPPING, target, how, against, code, target, timers)
    verdict = judged.get(state)
    why = verdict.why if verdict is not None else "Sessions begin here in both versions."
    return Way(state, role, SAFE, target, how, why, timers=timers)


def _target(
    state: str, there: Program, renamed: Mapping[str, str], chosen: Mapping[str, str]
) -> tuple[str, str]:
    if chosen.get(state) in there.table.states:
        return chosen[state], CHOSEN
    if state in there.table.states:
        return state, SAME
    return (renamed[state], RENAMED) if state in renamed else ("", "")


def _impossible(arrival: Position) -> str:
    if arrival.final:
        return f"The other version ends in {arrival.state}."
    if not arrival.candidates:
        return f"{arrival.state} of the other version has no row for the role {arrival.role}."
    return ""


def _against(
    here: Program,
    there: Program,
    position: Position,
    arrival: Position,
    verdict: Verdict | None,
    how: str,
) -> tuple[str, str]:
    """Say what speaks against going on there, and the rule that says so; both may be empty."""
    if how != CHOSEN and verdict is not None and verdict.verdict == DRAIN:
        return verdict.why, verdict.code
    initial = position.state == here.table.initial
    if initial != (arrival.state == there.table.initial):
        which = "begin in one version and not in the other"
        return f"Sessions {which} here.", "VER972"
    if how != CHOSEN and verdict is None and not initial:
        return "No order of events that was tried leads here, so nothing was compared.", "VER972"
    if position.timers and not arrival.timers:
        lost = ", ".join(f"after {duration_text(each)}" for each in position.timers)
        return f"The other version has no timer here; {lost} would be lost.", "VER974"
    other = [name for name in here.table.variables if _differs(here, there, name)]
    if other:
        return f"{other[0]} is another kind of value there, so it would begin anew.", "VER972"
    return "", ""


def _differs(here: Program, there: Program, name: str) -> bool:
    """Whether a variable of both is another kind of value in the other one."""
    kinds = {_kind(each.table.variables[name]) for each in (here, there) if _has(each, name)}
    return len(kinds - {"nothing"}) > 1


def _has(program: Program, name: str) -> bool:
    return name in program.table.variables


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "text"


def _living(there: Program, name: str, role: str) -> str:
    return name if name in there.table.states and _lives(there.position(name, role)) else ""


def timers_in_words(position: Position, arrival: Position) -> str:
    """Say what becomes of the timers of a state; empty if neither side has one."""
    if position.timers == arrival.timers:
        each = ", ".join(duration_text(timer) for timer in position.timers)
        return f"after {each} goes on, elapsed time counts" if each else ""
    was = ", ".join(duration_text(timer) for timer in position.timers) or "no timer"
    will = ", ".join(duration_text(timer) for timer in arrival.timers) or "no timer"
    return f"after {was} becomes {will}, counted from when the state was entered"
