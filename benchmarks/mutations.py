"""Mutants of a table: one change each, by the operators an inattentive author would use.

Every operator yields (row it touches, what it did, table or text). Mutants are made from compiled
tables, except `typo`, which only a text can have.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from flows.expressions import Not, literal, parse, text_of
from flows.table import TIMER_EVENT, Guard, Row, Table
from flows.vocabulary import EVENTS


class Mutant(NamedTuple):
    """A table with one thing changed."""

    operator: str
    row: int
    change: str
    table: Table | None
    text: str = ""


Operator = Callable[[Table, str, random.Random], Iterator[Mutant]]


def _with(table: Table, rows: list[Row]) -> Table:
    numbered = tuple(replace(row, index=index) for index, row in enumerate(rows))
    return replace(table, rows=numbered)


def _changed(table: Table, row: Row) -> Table:
    rows = list(table.rows)
    rows[row.index] = row
    return _with(table, rows)


def drop_row(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        rows = [r for r in table.rows if r is not row]
        yield Mutant("drop row", row.index, f"without {row.label}", _with(table, rows))


def retarget(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        targets = [s for s in table.states if s not in (row.next_state, row.from_state)]
        if row.ignore is None and targets:
            target = chance.choice(targets)
            change = f"{row.label} leads to {target}"
            yield Mutant(
                "retarget", row.index, change, _changed(table, replace(row, next_state=target))
            )


def drop_action(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        for i, word in enumerate(row.actions):
            actions = row.actions[:i] + row.actions[i + 1 :]
            yield Mutant(
                "drop action", row.index, word.name, _changed(table, replace(row, actions=actions))
            )


def double_action(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        for i, word in enumerate(row.actions):
            actions = (*row.actions[: i + 1], word, *row.actions[i + 1 :])
            yield Mutant(
                "double action",
                row.index,
                word.name,
                _changed(table, replace(row, actions=actions)),
            )


def replace_action(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    used = {word.name: word for row in table.rows for word in row.actions}
    for row in table.rows:
        for i, word in enumerate(row.actions):
            other = used[chance.choice(sorted(used.keys() - {word.name}))]
            actions = (*row.actions[:i], other, *row.actions[i + 1 :])
            change = f"{other.name} for {word.name}"
            mutated = _changed(table, replace(row, actions=actions))
            yield Mutant("replace action", row.index, change, mutated)


def swap_actions(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        for i in range(len(row.actions) - 1):
            one, other = row.actions[i], row.actions[i + 1]
            actions = (*row.actions[:i], other, one, *row.actions[i + 2 :])
            change = f"{other.name} before {one.name}"
            mutated = _changed(table, replace(row, actions=actions))
            yield Mutant("swap actions", row.index, change, mutated)


def drop_guard(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        for i, guard in enumerate(row.guards):
            guards = row.guards[:i] + row.guards[i + 1 :]
            mutated = _changed(table, replace(row, guards=guards))
            yield Mutant("drop guard", row.index, guard.text, mutated)


def negate_guard(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        for i, guard in enumerate(row.guards):
            opposite = parse(text_of(Not(guard.expression.node)))
            negated = Guard(opposite.text, opposite, guard.place)
            guards = (*row.guards[:i], negated, *row.guards[i + 1 :])
            mutated = _changed(table, replace(row, guards=guards))
            yield Mutant("negate guard", row.index, guard.text, mutated)


def flip_role(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        if row.role != "Both":
            role = "UAS" if row.role == "UAC" else "UAC"
            yield Mutant("flip role", row.index, role, _changed(table, replace(row, role=role)))


def narrow_role(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        if row.role == "Both":
            for role in ("UAC", "UAS"):
                mutated = _changed(table, replace(row, role=role))
                yield Mutant("narrow role", row.index, role, mutated)


def conflicting_copy(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        targets = [s for s in table.states if s not in (row.next_state, row.from_state)]
        if row.ignore is None and targets:
            copy = replace(row, next_state=chance.choice(targets), id="")
            rows = list(table.rows)
            rows.insert(row.index, copy)
            change = f"{row.label} to {copy.next_state} as well"
            yield Mutant("conflicting copy", row.index, change, _with(table, rows))


def rename_event(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    names = sorted({r.event for r in table.rows if r.event != TIMER_EVENT})
    for row in table.rows:
        others = [
            n
            for n in names
            if n != row.event and (row.role == "Both" or row.role in EVENTS[n].roles)
        ]
        if not others:
            continue
        event = chance.choice(others)
        mutated = _changed(table, replace(row, event=event, after=None))
        yield Mutant("rename event", row.index, f"{event} for {row.label}", mutated)


def typo(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    lines = text.splitlines(keepends=True)
    for row in table.rows:
        if not row.actions:
            continue
        word = chance.choice(row.actions)
        line, column = word.place.line - 1, word.place.column - 1
        at = lines[line].find(word.name, column)
        if at < 0:
            continue
        wrong = word.name[:-1] + ("x" if word.name[-1] != "x" else "y")
        changed = lines[line][:at] + wrong + lines[line][at + len(word.name) :]
        new = "".join([*lines[:line], changed, *lines[line + 1 :]])
        yield Mutant("typo", row.index, wrong, None, new)


OPERATORS: tuple[Operator, ...] = (
    drop_row,
    retarget,
    drop_action,
    double_action,
    replace_action,
    swap_actions,
    drop_guard,
    negate_guard,
    flip_role,
    narrow_role,
    conflicting_copy,
    rename_event,
    typo,
)


# -- held out: no rule was written or changed after a look at what these find --------------------


def change_code(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        for i, word in enumerate(row.actions):
            if word.name != "SendSIPResponse":
                continue
            codes = [c for c in (180, 200, 486, 487, 491) if c != word.arguments["code"]]
            code = chance.choice(codes)
            other = replace(word, arguments={**word.arguments, "code": code})
            actions = (*row.actions[:i], other, *row.actions[i + 1 :])
            change = f"{code} for {word.arguments['code']}"
            mutated = _changed(table, replace(row, actions=actions))
            yield Mutant("change code", row.index, change, mutated)


def drop_publish(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        if row.publish:
            mutated = _changed(table, replace(row, publish=()))
            yield Mutant("drop publish", row.index, ", ".join(row.publish), mutated)


def move_row(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    states = [name for name, state in table.states.items() if not state.final]
    for row in table.rows:
        others = [s for s in states if s != row.from_state]
        if not others:
            continue
        state = chance.choice(others)
        mutated = _changed(table, replace(row, from_state=state))
        yield Mutant("move row", row.index, f"{row.label} in {state}", mutated)


def always(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        if row.guards:
            never = Guard("false", literal(False), row.guards[0].place)
            mutated = _changed(table, replace(row, guards=(never,)))
            yield Mutant("guard false", row.index, row.label, mutated)


HELD_OUT: tuple[Operator, ...] = (change_code, drop_publish, move_row, always)
