"""Ready parts of flows: what a person would otherwise draw again and again, with its parameters.

Each part is a file beside this one; inserting it is one edit of the text, and the checker looks at
the whole anew. Names of states are kept apart from those that are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from flows.compile import compile_text
from flows.edit.operations import apply
from flows.edit.refusal import EditRefused
from flows.reading import seconds_of
from flows.table import ANY_STATE, Table
from flows.vocabulary import ACTIONS, EVENTS

FOLDER = Path(__file__).parent
NAMES = (
    *("hold", "resume", "blind_transfer", "attended_transfer"),
    *(
        "endings",
        "no_answer",
        "announcement",
        "voicemail",
        "auth_retry",
        "follow_redirect",
        "menu",
        "register",
    ),
)
"""The parts in the order in which they are offered."""
_REFERENCE = re.compile(r"\$(\w+)")
"""In a value: the parameter to put here."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is asked before a part is inserted."""

    name: str
    kind: str
    """`state`, `role`, `duration`, `integer`, `text` or `choice`."""
    label: str
    usual: tuple[str, ...] = ()
    """What is offered: the first one that fits the table."""
    chosen: bool = False
    """The state that is selected stands for it."""
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """One ready part."""

    name: str
    title: str
    group: str
    about: str
    suits: str
    """A shipped table and the state in it that the part fits to."""
    parameters: tuple[Parameter, ...]
    rows: tuple[Mapping[str, Any], ...]
    states: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    """The event whose row of the chosen state the new one has to be tried before."""

    @property
    def not_performed(self) -> tuple[str, ...]:
        """The words of it that this runtime does not do yet (META996)."""
        words = {_word(action) for row in self.rows for action in row.get("actions", ())}
        words |= {event for row in self.rows for event in _events(row)}
        later = {name for name, action in ACTIONS.items() if not action.performed}
        later |= {name for name, event in EVENTS.items() if not event.performed}
        return tuple(sorted(words & later))


@cache
def snippets() -> Mapping[str, Snippet]:
    """Return all parts by name."""
    return {name: _read(name) for name in NAMES}


def _load(name: str) -> Any:
    return yaml.load((FOLDER / f"{name}.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)


def _read(name: str) -> Snippet:
    raw = _load(name)
    rows = list(raw["rows"])
    for standing, states in raw.get("standing", {}).items():
        rows += [{"from_state": state, **row} for state in states for row in _load(standing)]
    return Snippet(
        name=name,
        title=raw["title"],
        group=raw["group"],
        about=raw["about"],
        suits=raw["suits"],
        parameters=tuple(_parameter(key, said) for key, said in raw["parameters"].items()),
        rows=tuple(rows),
        states=raw.get("states", {}),
        variables=raw.get("variables", {}),
        fixed=raw.get("fixed", {}),
        before=raw.get("before", ""),
    )


def _parameter(name: str, said: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name,
        said["kind"],
        said["label"],
        usual=tuple(map(str, said.get("usual", ()))),
        chosen=said.get("chosen", False),
        choices=tuple(map(str, said.get("choices", ()))),
        low=said.get("low"),
        high=said.get("high"),
    )


def _word(action: str | Mapping[str, Any]) -> str:
    return action if isinstance(action, str) else next(iter(action))


def _events(row: Mapping[str, Any]) -> list[Any]:
    event = row["event"]
    return event if isinstance(event, list) else [event] if isinstance(event, str) else []


def offered() -> list[dict[str, Any]]:
    """Return the parts as plain data for the form that asks for their parameters."""
    return [
        {
            "name": part.name,
            "title": part.title,
            "group": part.group,
            "about": part.about,
            "not_performed": list(part.not_performed),
            "parameters": [
                {
                    "name": each.name,
                    "kind": each.kind,
                    "label": each.label,
                    "usual": list(each.usual),
                    "chosen": each.chosen,
                    "choices": list(each.choices),
                    "low": each.low,
                    "high": each.high,
                }
                for each in part.parameters
            ],
        }
        for part in snippets().values()
    ]


# -- inserting -----------------------------------------------------------------------------------


def insert(text: str, name: Any, given: Any) -> tuple[str, dict[str, Any]]:
    """Return the text with a part in it and what to show; EditRefused says what is in the way.

    `given` holds a value for each parameter; a state that is asked for has to be there.
    """
    part = snippets().get(name) if isinstance(name, str) else None
    if part is None:
        raise EditRefused(f"There is no part {name!r}; there are {', '.join(NAMES)}.")
    table = compile_text(text).sketch
    if table is None:
        raise EditRefused("Mend the text first: it has no table to insert into.")
    values = _values(part, given, table)
    renamed = _free_names(part, table)
    rows = list(_rows(part, values, renamed))
    shared = {name for name in part.states if _stands(table, name, _rows(part, values, {}))}
    if shared:
        part = replace(part, states={k: v for k, v in part.states.items() if k not in shared})
        renamed |= {name: name for name in shared}
        rows = [row for row in _rows(part, values, renamed) if row["from_state"] not in shared]
    _not_answered(part, table, rows)
    return _inserted(text, part, table, rows, renamed)


def _values(part: Snippet, given: Any, table: Table) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise EditRefused("The parameters of a part are names with values.")
    values: dict[str, Any] = dict(part.fixed)
    for parameter in part.parameters:
        said = str(given.get(parameter.name, "")).strip()
        if not said:
            raise EditRefused(f"{part.title} needs a value for “{parameter.label}”.")
        values[parameter.name] = _value(parameter, said, table)
    return values


def _value(parameter: Parameter, said: str, table: Table) -> Any:
    match parameter.kind:
        case "state":
            if said not in table.states:
                raise EditRefused(f"There is no state {said}.")
        case "role":
            if said not in ("UAC", "UAS", "Both"):
                raise EditRefused("The role is one of UAC, UAS, Both.")
        case "duration":
            if seconds_of(said) is None:
                raise EditRefused(f"{said} is no time; write it as 30s, 500ms or 2m.")
        case "choice":
            if said not in parameter.choices:
                raise EditRefused(f"{said} is none of {', '.join(parameter.choices)}.")
        case "integer":
            low, high = parameter.low or 0, parameter.high or 999
            if not (said.isascii() and said.isdigit() and low <= int(said[:6]) <= high):
                raise EditRefused(f"{parameter.label}: a number from {low} to {high}.")
            return int(said)
        case _:
            if not re.fullmatch(r"[\w./-]{1,128}", said):
                raise EditRefused(f"{said!r} can not stand here: letters, digits, . / _ and -.")
    return said


def _free_names(part: Snippet, table: Table) -> dict[str, str]:
    """A name for each new state: its own, or with a number where that is taken."""
    names = {}
    for name in part.states:
        free, number = name, 2
        while free in table.states:
            free, number = f"{name}{number}", number + 1
        names[name] = free
    return names


def _stands(table: Table, name: str, rows: Iterable[dict[str, Any]]) -> bool:
    """Whether another part has brought this very state, so that both can use it."""
    wanted = [row for row in rows if row["from_state"] == name]
    standing = [row for row in table.rows if row.from_state == name]
    return len(wanted) == len(standing) > 0 and all(
        _same_event(row, new["event"])
        and (row.role, row.next_state) == (new["role"], new.get("next_state"))
        and [guard.text for guard in row.guards] == list(new.get("guards", ()))
        and [word.name for word in row.actions] == [_word(a) for a in new.get("actions", ())]
        for row, new in zip(standing, wanted, strict=True)
    )


def _rows(part: Snippet, values: dict[str, Any], names: dict[str, str]) -> Iterator[dict[str, Any]]:
    for row in part.rows:
        for event in row["event"] if isinstance(row["event"], list) else [row["event"]]:
            filled: dict[str, Any] = _filled({**row, "event": event}, values)
            for key in ("from_state", "next_state"):
                if key in filled:
                    filled[key] = names.get(filled[key], filled[key])
            filled["role"] = _role(event, values["role"])
            if filled["role"]:
                yield filled


def _role(event: Any, role: str) -> str:
    """The role, as far as the event reaches it."""
    word = EVENTS.get(event) if isinstance(event, str) else None
    if word is None or len(word.roles) == 2:
        return role
    return word.roles[0] if role in ("Both", word.roles[0]) else ""


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return values[whole.group(1)]
        return _REFERENCE.sub(lambda found: str(values[found.group(1)]), value)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    return [_filled(item, values) for item in value] if isinstance(value, list) else value


def _not_answered(part: Snippet, table: Table, rows: list[dict[str, Any]]) -> None:
    """Two rows for one event of one state would be one too many, unless guards tell them apart."""
    for row in rows:
        if row.get("guards") or row["from_state"] not in table.states:
            continue
        for other in table.rows:
            meets = "Both" in (row["role"], other.role) or row["role"] == other.role
            same = other.from_state == row["from_state"] and _same_event(other, row["event"])
            if same and meets and not other.guards:
                raise EditRefused(
                    f"{row['from_state']} answers {other.label} already (row {other.index + 1}). "
                    f"Change that row, or choose another state for {part.title}."
                )


def _same_event(row: Any, event: Any) -> bool:
    if isinstance(event, str):
        return bool(row.event == event)
    return row.after is not None and row.after == seconds_of(str(event["after"]))


def _inserted(
    text: str, part: Snippet, table: Table, rows: list[dict[str, Any]], names: dict[str, str]
) -> tuple[str, dict[str, Any]]:
    missing = {k: v for k, v in part.variables.items() if k not in table.variables}
    if missing:
        value = {**table.variables, **missing}
        text = apply(text, "set_head", {"field": "variables", "value": value}).text
    after = rows[0]["from_state"]
    for name, fields in part.states.items():
        arguments = {"name": names[name], **fields}
        if after in table.states and table.states[after].declared:
            arguments["after"] = after
        text = apply(text, "add_state", arguments).text
        after = names[name] if "after" in arguments else after
    taken = {row.id for row in table.rows if row.id}
    rows = [{k: v for k, v in row.items() if k != "id" or v not in taken} for row in rows]
    # All of it stands together, behind the rows of the state it begins at.
    last = [row.index for row in table.rows if row.from_state == rows[0]["from_state"]][-1:]
    for row in rows:
        row["after_row"] = last[0] if last else None
    if part.before:
        rows[0]["after_row"] = _place_before(part, table, rows[0], last)
    edited = apply(text, "change_rows", {"add": rows})
    return edited.text, edited.focus


def _place_before(part: Snippet, table: Table, row: dict[str, Any], last: list[int]) -> int | None:
    """The row after which the new one is tried before the one that answers its event so far."""
    for other in table.rows:
        leaves = other.from_state in (row["from_state"], ANY_STATE)
        if leaves and other.event == part.before:
            return other.index - 1
    return last[0] if last else None


__all__ = ["NAMES", "Parameter", "Snippet", "insert", "offered", "snippets"]
