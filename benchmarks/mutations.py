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
    numbered = tuple(
        row if row.index == index else replace(row, index=index) for index, row in enumerate(rows)
    )
    return replace(table, rows=numbered)


def _changed(table: Table, row: Row) -> Table:
    rows = list(table.rows)
    rows[row.index] = row
    return replace(table, rows=tuple(rows))


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
            others = sorted(used.keys() - {word.name})
            if not others:
                continue
            other = used[chance.choice(others)]
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


# -- held out at first: rules were written without a look at what these find, and then with one ---


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


# -- kept to the end: their survivors were looked at only when the rules were finished ------------


def stay(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    """A target that was forgotten."""
    for row in table.rows:
        if row.next_state not in (None, row.from_state):
            mutated = _changed(table, replace(row, next_state=None))
            yield Mutant("stay", row.index, f"{row.label} does not leave", mutated)


def swap_targets(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    """Two rows of one state, each with the other's target."""
    for row in table.rows:
        others = [
            r
            for r in table.rows[row.index + 1 :]
            if r.from_state == row.from_state and r.next_state != row.next_state
            if r.ignore is None and row.ignore is None
        ]
        if others:
            other = chance.choice(others)
            rows = list(table.rows)
            rows[row.index] = replace(row, next_state=other.next_state)
            rows[other.index] = replace(other, next_state=row.next_state)
            change = f"targets of {row.label} and {other.label}"
            yield Mutant("swap targets", row.index, change, replace(table, rows=tuple(rows)))


def other_publish(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    """Another published event of the table in the place of the right one."""
    used = sorted({name for row in table.rows for name in row.publish})
    for row in table.rows:
        for i, name in enumerate(row.publish):
            others = [n for n in used if n not in row.publish]
            if others:
                other = chance.choice(others)
                publish = (*row.publish[:i], other, *row.publish[i + 1 :])
                mutated = _changed(table, replace(row, publish=publish))
                yield Mutant("other publish", row.index, f"{other} for {name}", mutated)


def drop_ignore(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    """An event that a state swallows on purpose, no longer swallowed."""
    for name, state in table.states.items():
        row = next((r.index for r in table.rows if r.from_state == name), 0)
        for event in state.ignore:
            left = {e: why for e, why in state.ignore.items() if e != event}
            states = {**table.states, name: replace(state, ignore=left)}
            mutated = replace(table, states=states)
            yield Mutant("drop ignore", row, f"{event} in {name}", mutated)


def move_action(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    """An action that went into another row of its state."""
    for row in table.rows:
        others = [
            r
            for r in table.rows
            if r.from_state == row.from_state and r is not row and r.ignore is None
        ]
        if not row.actions or not others:
            continue
        other, i = chance.choice(others), chance.randrange(len(row.actions))
        word = row.actions[i]
        rows = list(table.rows)
        rows[row.index] = replace(row, actions=row.actions[:i] + row.actions[i + 1 :])
        rows[other.index] = replace(other, actions=(*other.actions, word))
        change = f"{word.name} of {row.label} to {other.label}"
        yield Mutant("move action", row.index, change, replace(table, rows=tuple(rows)))


def reverse_actions(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    for row in table.rows:
        if len(row.actions) > 2:
            mutated = _changed(table, replace(row, actions=row.actions[::-1]))
            yield Mutant("reverse actions", row.index, row.label, mutated)


def swap_guards(table: Table, text: str, chance: random.Random) -> Iterator[Mutant]:
    """Two neighbours on one event in the wrong order of the file: the first takes all."""
    for row, other in zip(table.rows, table.rows[1:], strict=False):
        same = (row.from_state, row.role, row.event) == (
            other.from_state,
            other.role,
            other.event,
        )
        if same and row.guards != other.guards:
            rows = list(table.rows)
            rows[row.index], rows[other.index] = (
                replace(other, index=row.index),
                replace(row, index=other.index),
            )
            change = f"{row.label} after the next row"
            yield Mutant("swap rows", row.index, change, replace(table, rows=tuple(rows)))


KEPT: tuple[Operator, ...] = (
    stay,
    swap_targets,
    other_publish,
    drop_ignore,
    move_action,
    reverse_actions,
    swap_guards,
)


def second_order(
    table: Table, text: str, chance: random.Random, count: int = 200
) -> Iterator[Mutant]:
    """Two mistakes, each by an operator and at a place that chance chooses."""
    operators = [operator for operator in OPERATORS if operator is not typo]
    first = [list(operator(table, text, chance)) for operator in operators]
    first = [mutants for mutants in first if mutants]
    for _ in range(count):
        one = chance.choice(chance.choice(first))
        assert one.table is not None
        others = list(chance.choice(operators)(one.table, text, chance))
        if others:
            other = chance.choice(others)
            change = f"{one.operator} {one.change}; {other.operator} {other.change}"
            yield Mutant("second order", min(one.row, other.row), change, other.table)
