"""From text to table: every name resolved, every parameter typed, everything odd a finding.

Two forms are read: the full form with its head (`callflow: 1` ...) and a bare list of rows. Nothing
raises: whatever is wrong with the text is a finding with its line and column.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows import document as nodes
from flows.findings import START, Finding, Place, Severity, in_order
from flows.reading import Notebook, described, is_name, is_nothing, kind_of, plain_value, shown
from flows.rows import RowReader
from flows.suggest import did_you_mean
from flows.table import ANY_STATE, Row, State, Table
from flows.version_step import numbers
from flows.vocabulary import EVENTS, FEATURES, GUARDS

LANGUAGE_VERSION = "1"
BARE_INITIAL = "Idle"
BARE_FINALS = ("Terminated", "Cancelled", "Failed")
MAX_ROWS = 5000
MAX_STATES = 500

_HEAD = (
    "callflow",
    "name",
    "version",
    "description",
    "features",
    "states",
    "variables",
    "properties",
    "transitions",
)
_HEAD_HINTS = {
    "metadata": "this is a table of another system; import it, and it is translated.",
    "conditions": "conditions of your own are variables here.",
    "rows": "the rows stand under transitions.",
}
_STATE_FIELDS = ("initial", "final", "group", "description", "ignore")
_COMPILE_CODES = ("SYN", "NAM")


@dataclass(slots=True)
class Compiled:
    """A text and what became of it."""

    document: nodes.Document
    table: Table | None
    """The table; None if the text does not compile."""
    findings: list[Finding]
    sketch: Table | None = None
    """The table as far as it could be read, unknown words left in: for the picture and the
    checker, never for an executor."""

    @property
    def errors(self) -> int:
        return sum(f.severity is Severity.ERROR for f in self.findings)

    @property
    def warnings(self) -> int:
        return sum(f.severity is Severity.WARNING for f in self.findings)

    @property
    def deployable(self) -> bool:
        """Whether it may be deployed without anybody's `force`."""
        return self.table is not None and self.errors == 0


def digest_of(text: str) -> str:
    """Return the SHA-256 of the exact text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def compile_text(text: str) -> Compiled:
    """Compile a text. Never raises; `table` is None if there is an error of syntax or names."""
    document = nodes.read(text)
    with nodes.without_collector():
        return _compile_document(document)


def _compile_document(document: nodes.Document) -> Compiled:
    notes = Notebook(list(document.findings))
    head = _Head()
    root = document.root
    if root is None:
        if not notes.findings:
            notes.error("SYN003", "The text is empty: a call flow needs rows.", START)
    elif isinstance(root, nodes.Sequence):
        head.transitions = root
    elif isinstance(root, nodes.Mapping):
        head = _read_head(root, notes)
    else:
        notes.error("SYN003", "A call flow is a mapping or a list of rows.", root.place)
    rows = _read_rows(head, notes)
    sketch = _table(head, rows, digest_of(document.text), notes) if head.transitions else None
    findings = in_order(notes.findings)
    broken = any(f.severity is Severity.ERROR and f.code[:3] in _COMPILE_CODES for f in findings)
    return Compiled(document, None if broken else sketch, findings, sketch)


@dataclass(slots=True)
class _Head:
    """What stands above the rows."""

    name: str = ""
    version: str = ""
    version_place: Place = START
    description: str = ""
    features: tuple[str, ...] = ()
    states: dict[str, State] | None = None
    """None if the text declares none: then those used are the states."""
    states_place: Place = START
    variables: dict[str, Any] = field(default_factory=dict)
    properties: tuple[Any, ...] = ()
    transitions: nodes.Sequence | None = None


# -- head ------------------------------------------------------------------------------------------


def _read_head(root: nodes.Mapping, notes: Notebook) -> _Head:
    head = _Head()
    notes.unknown_fields(root, _HEAD, "A call flow", _HEAD_HINTS)
    _read_language(root, notes)
    head.version, head.version_place = _read_version(root, notes)
    head.name = notes.text(root.get("name"), "The name") or ""
    head.description = notes.text(root.get("description"), "The description") or ""
    head.features = _read_features(root.get("features"), notes)
    head.variables = _read_variables(root.get("variables"), notes)
    head.properties = tuple(
        _plain(item) for item in notes.items(root.get("properties"), "`properties`")
    )
    states = root.entry("states")
    if states is not None and not is_nothing(states.value):
        head.states_place = states.key.place
        head.states = _read_states(states.value, notes)
    transitions = root.entry("transitions")
    if transitions is None:
        notes.error("SYN003", "The rows are missing: they stand under transitions.", START)
    elif isinstance(transitions.value, nodes.Sequence):
        head.transitions = transitions.value
    else:
        what = kind_of(transitions.value)
        notes.error(
            "SYN003", f"`transitions` is a list of rows, not a {what}.", transitions.key.place
        )
    return head


def _read_version(root: nodes.Mapping, notes: Notebook) -> tuple[str, Place]:
    """Read the version that the text gives itself; where none is, the head stands for its place."""
    entry = root.entry("version")
    if entry is None:
        return "", START
    if root.get("callflow") is None:
        notes.error(
            "SYN004",
            "A version without callflow: 1 is that of another system's table; import it, and it is "
            "translated.",
            entry.key.place,
        )
        return "", START
    node = entry.value
    text = node.text if isinstance(node, nodes.Scalar) else ""
    if numbers(text) is None:
        notes.error(
            "SYN003",
            f"The version of a flow is three numbers such as 1.4.0, not {described(node)}.",
            node.place,
        )
        return "", entry.key.place
    return text, entry.key.place


def _read_language(root: nodes.Mapping, notes: Notebook) -> None:
    node = root.get("callflow")
    if node is None:
        if root.get("version") is None:
            notes.error(
                "SYN005",
                "The language version is missing: begin the text with callflow: 1.",
                Place(1, 1, 1, 1),
            )
        return
    if not isinstance(node, nodes.Scalar) or node.text != LANGUAGE_VERSION:
        notes.error(
            "SYN005",
            f"The language version {described(node)} is not known; this product reads 1.",
            node.place,
        )


def _read_features(node: nodes.Node | None, notes: Notebook) -> tuple[str, ...]:
    features: list[str] = []
    for item in notes.items(node, "`features`"):
        name = notes.text(item, "A feature")
        if name is None:
            continue
        if name not in FEATURES:
            tail = did_you_mean(notes.suggestion("feature", name, FEATURES))
            notes.error("SYN003", f"No feature is called {shown(name)}{tail}", item.place)
        features.append(name)
    return tuple(features)


_VARIABLE_NAME = re.compile(r"[A-Za-z_]\w{0,63}")
_RESERVED = {"event", "and", "or", "not", "in", "true", "false", "none", "null"}


def _read_variables(node: nodes.Node | None, notes: Notebook) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    for entry in notes.entries(node, "`variables`"):
        name = entry.key.text
        if not _VARIABLE_NAME.fullmatch(name) or name.lower() in _RESERVED:
            notes.error(
                "SYN003",
                f"{shown(name) or 'An empty name'} can not name a variable: letters, digits and _, "
                "no word of the language.",
                entry.key.place,
            )
            continue
        if name in GUARDS:
            notes.error(
                "SYN003",
                f"{name} is a condition already and can not be a variable.",
                entry.key.place,
            )
            continue
        if not isinstance(entry.value, nodes.Scalar):
            notes.error(
                "SYN003",
                f"The initial value of {name} is a number, a text, true or false.",
                entry.value.place,
            )
            continue
        value = None if is_nothing(entry.value) else plain_value(entry.value)
        if isinstance(value, str) and entry.value.coerced is not None:
            notes.coerced(entry.value, f"the initial value of {name}")
        variables[name] = value
    return variables


# -- states ----------------------------------------------------------------------------------------


def _read_states(node: nodes.Node, notes: Notebook) -> dict[str, State]:
    states: dict[str, State] = {}
    entries = notes.entries(node, "`states`")
    if len(entries) > MAX_STATES:
        # All are read, so that no row is told that its state is not declared.
        message = f"A call flow has at most {MAX_STATES} states."
        notes.error("SYN007", message, entries[MAX_STATES].key.place)
    for entry in entries:
        name = entry.key.text
        notes.state = name
        if entry.key.coerced is not None:
            notes.coerced(entry.key, f"the state {name}")
        if not is_name(name):
            notes.error(
                "SYN003",
                f"{shown(name) or 'An empty name'} can not name a state: a letter first, then "
                "letters, digits, _, - and dots, 64 at most.",
                entry.key.place,
            )
        elif name == "Any":
            notes.error(
                "SYN003", "Any stands for every state and can not name one.", entry.key.place
            )
        if name not in states:
            states[name] = _read_state(name, entry, notes)
    notes.state = None
    return states


def _read_state(name: str, entry: nodes.Entry, notes: Notebook) -> State:
    place = entry.key.place
    if is_nothing(entry.value):
        return State(name, False, False, "", "", {}, place, True)
    if not isinstance(entry.value, nodes.Mapping):
        notes.error(
            "SYN003",
            f"What is said of the state {shown(name)} is a mapping, such as {{group: talk}}.",
            entry.value.place,
        )
        return State(name, False, False, "", "", {}, place, True)
    mapping = entry.value
    notes.unknown_fields(mapping, _STATE_FIELDS, f"The state {shown(name)}", {})
    initial = notes.boolean(mapping.get("initial"), "`initial`") or False
    final = notes.boolean(mapping.get("final"), "`final`") or False
    if initial and final:
        notes.error("NAM114", f"{name} can not be the initial state and final.", place)
    return State(
        name,
        initial,
        final,
        notes.text(mapping.get("group"), "`group`") or "",
        notes.text(mapping.get("description"), "`description`") or "",
        _read_ignore(mapping.get("ignore"), notes),
        place,
        True,
    )


def _read_ignore(node: nodes.Node | None, notes: Notebook) -> Mapping[str, str]:
    """`ignore: {EVENT: reason}`: events swallowed on purpose, each with why."""
    ignored: dict[str, str] = {}
    for entry in notes.entries(node, "`ignore`"):
        event = entry.key.text
        if event not in EVENTS:
            tail = did_you_mean(notes.suggestion("event", event, EVENTS))
            notes.error("NAM103", f"No event is called {shown(event)}{tail}", entry.key.place)
            continue
        reason = notes.text(entry.value, "The reason")
        if not reason or not reason.strip():
            notes.error(
                "SYN003", f"Say why {event} is ignored here, in a few words.", entry.value.place
            )
        ignored[event] = reason or ""
    return ignored


# -- rows and table --------------------------------------------------------------------------------


def _read_rows(head: _Head, notes: Notebook) -> tuple[Row, ...]:
    if head.transitions is None:
        return ()
    items = head.transitions.items
    if len(items) > MAX_ROWS:
        notes.error("SYN007", f"A call flow has at most {MAX_ROWS} rows.", items[MAX_ROWS].place)
    reader = RowReader(notes, head.states, head.variables)
    rows = [reader.read(index, item) for index, item in enumerate(items[:MAX_ROWS])]
    return tuple(row for row in rows if row is not None)


def _table(head: _Head, rows: tuple[Row, ...], digest: str, notes: Notebook) -> Table:
    states = head.states if head.states is not None else _used_states(rows)
    return Table(
        name=head.name,
        description=head.description,
        features=head.features,
        states=states,
        initial=_initial_state(head, rows, notes),
        variables=head.variables,
        rows=rows,
        properties=head.properties,
        digest=digest,
        version=head.version,
        version_place=head.version_place,
    )


def _used_states(rows: tuple[Row, ...]) -> dict[str, State]:
    """The states of a table that declares none: Idle, and those used, in order of use."""
    states = {BARE_INITIAL: State(BARE_INITIAL, True, False, "", "", {}, START, False)}
    for row in rows:
        for name in (row.from_state, row.next_state):
            if name is not None and name != ANY_STATE and name not in states:
                final = name in BARE_FINALS
                states[name] = State(name, False, final, "", "", {}, row.place, False)
    return states


def _initial_state(head: _Head, rows: tuple[Row, ...], notes: Notebook) -> str:
    if head.states is None:
        if rows and all(row.from_state != BARE_INITIAL for row in rows):
            notes.error(
                "NAM114",
                "No row begins in Idle, where a call begins when no states are declared.",
                rows[0].place,
            )
        return BARE_INITIAL
    states = head.states.values()
    initials = [state for state in states if state.initial]
    if not any(state.final for state in states):
        notes.error(
            "NAM114",
            "No state is final, so no call can end: mark one with {final: true}.",
            head.states_place,
        )
    if not initials:
        notes.error(
            "NAM114",
            "No state is the initial one, so no call can begin: mark it with {initial: true}.",
            head.states_place,
        )
        return next(iter(head.states), "")
    for extra in initials[1:]:
        notes.error(
            "NAM114",
            f"{extra.name} is initial, but {initials[0].name} is already; a call begins in one.",
            extra.place,
        )
    return initials[0].name


def _plain(node: nodes.Node) -> Any:
    """Return a node as plain data: what is kept for later readers."""
    if isinstance(node, nodes.Scalar):
        return None if is_nothing(node) else plain_value(node)
    if isinstance(node, nodes.Sequence):
        return [_plain(item) for item in node.items]
    return {entry.key.text: _plain(entry.value) for entry in node.entries}
