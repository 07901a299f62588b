"""Edits of states: add, change, rename and delete."""

from __future__ import annotations

import re
from typing import Any

from flows.document import Entry, Mapping, Sequence
from flows.edit.pieces import plain_of
from flows.edit.refusal import EditRefused
from flows.edit.render import Plain, scalar, text_of
from flows.edit.rows import predecessor, row_text, set_field
from flows.edit.values import (
    HEAD_FIELDS,
    STATE_FIELDS,
    Arguments,
    new_state_name,
    state_name,
    state_value,
)
from flows.edit.working import BARE_INITIAL, STATES_OF_ROWS, Table, comments, scalars, set_plain


def add_state(table: Table, arguments: Arguments) -> dict[str, Any]:
    name = new_state_name(arguments.value("name"))
    if name in table.declared():
        raise EditRefused(f"There is a state {name} already.")
    fields: dict[str, Plain] = {}
    for key in STATE_FIELDS:
        value = state_value(key, arguments.value(key))
        if value is not None:
            fields[key] = value
    if "initial" in fields:
        _clear_initial(table, except_for=name)
    _write_state(table, name, fields, _place_of_state(table, arguments, fields))
    return {"state": name}


def _place_of_state(table: Table, arguments: Arguments, fields: dict[str, Plain]) -> Entry | None:
    """After the named state; else at the end of its group; else before the last final states."""
    if table.states is None:
        return None
    if "after" in arguments:
        return table.state_entry(state_name(arguments.value("after")))
    entries = table.states.entries
    group = fields.get("group")
    last = None
    for entry in entries:
        node = entry.value
        final = isinstance(node, Mapping) and row_text(node, "final") == "true"
        if group is not None and not final and row_text(node, "group") == group:
            last = entry
    if last is not None or "final" in fields:
        return last or (entries[-1] if entries else None)
    for entry in reversed(entries):
        if row_text(entry.value, "final") != "true":
            return entry
    return entries[-1] if entries else None


def _write_state(table: Table, name: str, fields: dict[str, Plain], after: Entry | None) -> None:
    states = table.model_states
    pairs = list(states.items())
    at = 0 if after is None else list(states).index(after.key.text) + 1
    pairs.insert(at, (name, fields))
    table.model["states"] = dict(pairs)
    value = text_of(fields)
    if table.states is not None:
        table.pieces.add_entry(table.states, name, value, after=after)
        return
    assert isinstance(table.root, Mapping)
    entry = table.root.entry("states")
    if entry is None:
        before = predecessor(table.root, HEAD_FIELDS, "states")
        table.pieces.add_entry(table.root, "states", f"{{{scalar(name)}: {value}}}", after=before)
        return
    pieces = table.pieces
    end = pieces.line_end(pieces.colon(entry))
    indent = pieces.indent_of(entry.key.start) + "  "
    pieces.replace(end, end, f"{pieces.eol}{indent}{scalar(name)}: {value}")


def _clear_initial(table: Table, except_for: str) -> None:
    """A table has one initial state: making one initial takes it from the others."""
    for entry in [] if table.states is None else table.states.entries:
        node = entry.value
        if entry.key.text != except_for and row_text(node, "initial"):
            assert isinstance(node, Mapping)
            set_field(table.pieces, node, STATE_FIELDS, "initial", None)
            del table.model_states[entry.key.text]["initial"]


def set_state(table: Table, arguments: Arguments) -> dict[str, Any]:
    name = state_name(arguments.value("name"))
    key = arguments.text("field")
    value = state_value(key, arguments.value("value"))
    entry = table.state_entry(name)
    if key == "initial":
        if value is None and row_text(entry.value, "initial"):
            raise EditRefused("A table begins somewhere: make another state initial instead.")
        _clear_initial(table, except_for=name)
    if isinstance(entry.value, Mapping):
        set_field(table.pieces, entry.value, STATE_FIELDS, key, value)
        set_plain(table.model_states[name], key, value)
    elif not plain_of(entry.value):
        if value is not None:
            table.pieces.set_entry_value(entry, {key: value})
            table.model_states[name] = {key: value}
    else:
        raise EditRefused(f"The state {name} is not written as fields; change it in the text.")
    return {"state": name}


def rename_state(table: Table, arguments: Arguments) -> dict[str, Any]:
    name = state_name(arguments.value("name"))
    new_name = new_state_name(arguments.value("new_name"))
    known = table.known_states()
    if name not in known:
        raise EditRefused(f"There is no state {name}.")
    if new_name == name:
        return {"state": name}
    if new_name in known:
        raise EditRefused(f"There is a state {new_name} already.")
    _rename_in_rows(table, name, new_name)
    _rename_declaration(table, name, new_name)
    _rename_in_properties(table, name, new_name)
    _rename_marks(table, name, new_name)
    return {"state": new_name}


def _rename_in_rows(table: Table, name: str, new_name: str) -> None:
    for index, row in enumerate(table.rows.items):
        for key in STATES_OF_ROWS:
            if row_text(row, key) == name:
                assert isinstance(row, Mapping)
                node = row.get(key)
                assert node is not None
                if not node.alias:
                    table.pieces.set_value(node, new_name)
                table.model_rows[index][key] = new_name


def _rename_declaration(table: Table, name: str, new_name: str) -> None:
    if table.states is None:
        return
    entry = table.states.entry(name)
    if entry is not None:
        table.pieces.set_value(entry.key, new_name)
        states = table.model_states
        table.model["states"] = {new_name if k == name else k: v for k, v in states.items()}


def _rename_in_properties(table: Table, name: str, new_name: str) -> None:
    """Properties are sentences over state names: the name is replaced where it stands as a word."""
    node = table.root.get("properties") if isinstance(table.root, Mapping) else None
    if node is None:
        return
    word = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")
    for value in scalars(node, keys=True):
        new = word.sub(lambda _: new_name, value.text)
        if new != value.text and not value.alias:
            table.pieces.set_value(value, new)
    table.model["properties"] = _renamed(table.model["properties"], word, new_name)


def _renamed(value: Any, word: re.Pattern[str], new_name: str) -> Any:
    if isinstance(value, str):
        return word.sub(lambda _: new_name, value)
    if isinstance(value, list):
        return [_renamed(item, word, new_name) for item in value]
    return {
        _renamed(key, word, new_name): _renamed(item, word, new_name) for key, item in value.items()
    }


def _rename_marks(table: Table, name: str, new_name: str) -> None:
    """In comments a state is meant only where it is marked: `# see @Name`."""
    mark = re.compile(rf"@{re.escape(name)}(?![\w-])")
    for start, comment in comments(table.document):
        for found in mark.finditer(comment):
            table.pieces.replace(start + found.start() + 1, start + found.end(), new_name)


def delete_state(table: Table, arguments: Arguments) -> dict[str, Any]:
    """Remove a state with the rows that leave it.

    Rows of other states that lead to it are in the way: `retarget` names the state they shall lead
    to instead, `incoming: "delete"` removes them too.
    """
    name = state_name(arguments.value("name"))
    if name not in table.known_states():
        raise EditRefused(f"There is no state {name}.")
    _refuse_initial(table, name)
    gone = set(table.leaving(name))
    incoming = [index for index in table.leading_to(name) if index not in gone]
    if "retarget" in arguments:
        target = state_name(arguments.value("retarget"))
        if target == name:
            raise EditRefused("Choose another state as the new target.")
        for index in incoming:
            table.rows.set_field(index, "next_state", target)
            table.model_rows[index]["next_state"] = target
    elif arguments.value("incoming") == "delete":
        gone |= set(incoming)
    elif incoming:
        raise EditRefused(_in_the_way(table, name, incoming))
    table.rows.remove(sorted(gone))
    table.model_rows[:] = [row for i, row in enumerate(table.model_rows) if i not in gone]
    entry = table.states.entry(name) if table.states is not None else None
    if table.states is not None and entry is not None:
        table.pieces.remove_entry(table.states, entry, comments=True)
        del table.model_states[name]
    return {}


def _refuse_initial(table: Table, name: str) -> None:
    bare = isinstance(table.root, Sequence)
    node = table.states.get(name) if table.states is not None else None
    if (bare and name == BARE_INITIAL) or (node is not None and row_text(node, "initial")):
        raise EditRefused(f"{name} is the initial state; make another state initial first.")


def _in_the_way(table: Table, name: str, rows: list[int]) -> str:
    states = list(dict.fromkeys(row_text(table.rows.items[i], "from_state") for i in rows))
    first = ", ".join(states[:3]) + (" and others" if len(states) > 3 else "")
    count = "1 row leads" if len(rows) == 1 else f"{len(rows)} rows lead"
    return f"{count} to {name} (from {first}); choose another target for them or delete them first."
