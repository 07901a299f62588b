"""One table of the session-core family on its way into the native language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from flows import dialect_words as words
from flows import document as nodes
from flows.dialect_text import (
    Writer,
    first_text,
    items,
    named,
    parameters_in,
    parameters_of,
    quoted,
    same_but_for_spelling,
)
from flows.findings import START, Finding, Place, Severity, in_order
from flows.reading import Notebook, is_nothing, shown
from flows.vocabulary import ACTIONS, EVENTS, GUARDS

SESSION_CORE = "session-core"
NOTE = "META997"
"""Code of a note about what an import changed."""

_HEAD_KEYS = {"version", "metadata", "states", "conditions", "transitions"}
_STATE_KEYS = ("state", "from_state", "from", "current_state")
_TARGET_KEYS = ("next_state", "to_state", "to")
_EVENT_KEYS = ("event", "events", "trigger", "on")
_PUBLISH_KEYS = ("publish", "publish_events")
_CONDITION_KEYS = ("conditions", "condition_updates")
_ROW_KEYS = {
    *_STATE_KEYS,
    *_TARGET_KEYS,
    *_EVENT_KEYS,
    *_PUBLISH_KEYS,
    *_CONDITION_KEYS,
    *("role", "guards", "guard", "actions", "action", "effects", "description", "id"),
}


@dataclass(slots=True)
class Imported:
    """A text in the native language, and what was done to it."""

    text: str
    dialect: str
    findings: list[Finding] = field(default_factory=list)
    places: dict[int, list[tuple[int, int, Place]]] = field(default_factory=dict)
    """Line of the new text to (first column, end column, place in the original)."""

    @property
    def notes(self) -> list[str]:
        """The findings as lines for people: `line 12: ...`."""
        return [f"line {f.place.line}: {f.message}" for f in self.findings]

    def original(self, place: Place) -> Place:
        """Return where in the original text something of the new text comes from."""
        best: Place | None = None
        for start, end, source in self.places.get(place.line, ()):
            if best is None or start <= place.column < end:
                best = source
        return best or START


@dataclass(slots=True)
class Row:
    """A row while it is being translated; texts are ready to be written."""

    place: Place
    state: tuple[str, Place] | None = None
    role: tuple[str, Place] = ("Both", START)
    event: tuple[str, Place] | None = None
    guards: list[tuple[str, Place]] = field(default_factory=list)
    actions: list[tuple[str, Place]] = field(default_factory=list)
    changes: list[tuple[str, str, Place]] = field(default_factory=list)
    target: tuple[str, Place] | None = None
    publish: list[tuple[str, Place]] = field(default_factory=list)
    description: str = ""
    id: str = ""


class Translation:
    """One table on its way into the native language."""

    def __init__(self, root: nodes.Node) -> None:
        self.notes = Notebook([])
        self.head = root if isinstance(root, nodes.Mapping) else None
        rows = self.head.get("transitions") if self.head is not None else root
        self.rows = rows.items if isinstance(rows, nodes.Sequence) else []
        self.variables: dict[str, Place] = {}
        self.out = Writer()
        self.findings: list[Finding] = []

    def result(self) -> Imported:
        self._note(START, "Translated from a table of the session-core family.")
        self._declared_conditions()
        translated = [row for item in self.rows for row in self._row(item)]
        self._write_head()
        for row in translated:
            self._write_row(row)
        text = self.out.text
        return Imported(
            text if text.endswith("\n") else text + "\n",
            SESSION_CORE,
            in_order([*self.findings, *self.notes.findings]),
            self.out.places,
        )

    def _note(self, place: Place, message: str, *, lost: bool = False) -> None:
        severity = Severity.WARNING if lost else Severity.INFO
        if len(self.findings) < 1000:
            self.findings.append(Finding(NOTE, severity, message, place, row=self.notes.row))

    # -- head --------------------------------------------------------------------------------------

    def _declared_conditions(self) -> None:
        node = self.head.get("conditions") if self.head is not None else None
        for name, place, _ in named(node):
            known = words.CONDITIONS.get(name, name)
            if known in GUARDS:
                if known != name:
                    self._note(place, f"The condition {shown(name)} is called {known} here.")
            elif re.fullmatch(r"[A-Za-z_]\w{0,63}", name):
                self.variables[name] = place
                self._note(place, f"The condition {name} became a variable.")

    def _write_head(self) -> None:
        out = self.out
        out.line("callflow: 1")
        if self.head is None:
            out.line("transitions:")
            return
        metadata = self.head.get("metadata")
        if isinstance(metadata, nodes.Mapping):
            for key in ("author", "date"):
                value = metadata.get(key)
                if isinstance(value, nodes.Scalar) and value.text:
                    out.line(f"# {key}: {' '.join(value.text.split())}")
            value = metadata.get("description")
            if isinstance(value, nodes.Scalar) and value.text:
                out.put("description: ")
                out.line(quoted(value.text), value.place)
        self._write_states()
        if self.variables:
            out.line("variables:")
            for name, place in self.variables.items():
                out.put("  ")
                out.line(f"{name}: false", place)
        out.line("transitions:")
        for entry in self.head.entries:
            if entry.key.text not in _HEAD_KEYS:
                self._note(
                    entry.key.place,
                    f"What stands under {shown(entry.key.text)} had no effect and was left out.",
                    lost=True,
                )

    def _write_states(self) -> None:
        assert self.head is not None
        states = list(named(self.head.get("states")))
        if not states:
            return
        names = [name for name, _, _ in states]
        initial = "Idle" if "Idle" in names else names[0]
        self.out.line("states:")
        for name, place, description in states:
            fields = []
            if name == initial:
                fields.append("initial: true")
            elif name in words.FINAL_STATES:
                fields.append("final: true")
            if description:
                fields.append(f"description: {quoted(description)}")
            self.out.put("  ")
            self.out.put(quoted(name), place)
            self.out.line(": {" + ", ".join(fields) + "}")
        if initial != "Idle":
            self._note(states[0][1], f"{shown(initial)} stands first and became the initial state.")

    # -- rows --------------------------------------------------------------------------------------

    def _row(self, node: nodes.Node) -> Iterator[Row]:
        self.notes.row = 0 if self.notes.row is None else self.notes.row + 1
        if not isinstance(node, nodes.Mapping):
            self._note(node.place, "This row is no mapping and was left out.", lost=True)
            return
        fields = self._flattened(node)
        row = Row(node.place)
        row.role = self._role(fields.get("role"), node.place)
        row.state = first_text(fields, _STATE_KEYS)
        row.target = first_text(fields, _TARGET_KEYS)
        row.guards = self._guards(fields.get("guards") or fields.get("guard"))
        self._actions(fields.get("actions") or fields.get("action"), row)
        for key in _CONDITION_KEYS:
            self._conditions(fields.get(key), row)
        for key in _PUBLISH_KEYS:
            self._published(fields.get(key), row)
        description = fields.get("description")
        row.description = description.text if isinstance(description, nodes.Scalar) else ""
        identity = fields.get("id")
        row.id = identity.text if isinstance(identity, nodes.Scalar) else ""
        event_node = next((fields[key] for key in _EVENT_KEYS if key in fields), None)
        events: list[nodes.Node | None] = [event_node]
        if isinstance(event_node, nodes.Sequence):
            events = [*event_node.items]
            self._note(node.place, f"One row of {len(events)} events became {len(events)} rows.")
        for event in events:
            copy = replace(row, guards=list(row.guards))
            self._event(event, copy)
            yield copy

    def _flattened(self, node: nodes.Mapping) -> dict[str, nodes.Node]:
        """The fields of a row, those gathered under `effects` beside the others."""
        fields: dict[str, nodes.Node] = {}
        for entry in node.entries:
            key = entry.key.text
            if key == "effects" and isinstance(entry.value, nodes.Mapping):
                self._note(entry.key.place, "What stands under effects was put into the row.")
                for inner in entry.value.entries:
                    fields.setdefault(inner.key.text, inner.value)
            elif key not in _ROW_KEYS:
                self._note(
                    entry.key.place, f"A row has no {shown(key)}; it was left out.", lost=True
                )
            elif not is_nothing(entry.value):
                fields.setdefault(key, entry.value)
        return fields

    def _role(self, node: nodes.Node | None, place: Place) -> tuple[str, Place]:
        if not isinstance(node, nodes.Scalar):
            self._note(place, "The row names no role; it became Both.")
            return "Both", place
        key = node.text.strip().lower()
        if key == words.BRIDGING_ROLE:
            self._note(
                node.place,
                "The role B2BUA became Both: a table speaks for one leg, and a second one is a "
                "linked session.",
            )
            return "Both", node.place
        role = words.ROLES.get(key, node.text)
        if key == "server":
            self._note(node.place, "The role Server is called UAS here.")
        return role, node.place

    def _event(self, node: nodes.Node | None, row: Row) -> None:
        parameters: list[tuple[str, nodes.Node]] = []
        name_node: nodes.Node | None = node
        if isinstance(node, nodes.Mapping):
            name_node = node.get("type") or node.get("name")
            parameters = list(parameters_of(node))
        if not isinstance(name_node, nodes.Scalar):
            return
        name = self._renamed(name_node, words.EVENTS, EVENTS, "event")
        row.event = (quoted(name), name_node.place)
        for key, value in parameters:
            word = EVENTS.get(name)
            if not isinstance(value, nodes.Scalar):
                continue
            if word is None or (name, key) in words.DROPPED_EVENT_PARAMETERS:
                self._note(value.place, f"{key} of {name} never chose a row and was left out.")
            elif key in word.fields:
                literal = value.text if word.fields[key] == "integer" else json.dumps(value.text)
                row.guards.append((quoted(f"event.{key} == {literal}"), value.place))
                self._note(value.place, f"{key} of {name} became a guard.")
            else:
                self._note(value.place, f"{name} has no {shown(key)}; it was left out.", lost=True)

    def _renamed(
        self, node: nodes.Scalar, aliases: dict[str, str], known: Iterable[str], what: str
    ) -> str:
        name = node.text
        if name in known or name not in aliases:
            return name
        self._note(node.place, f"The {what} {name} is called {aliases[name]} here.")
        return aliases[name]

    # -- guards and conditions ---------------------------------------------------------------------

    def _guards(self, node: nodes.Node | None) -> list[tuple[str, Place]]:
        guards: list[tuple[str, Place]] = []
        for item in items(node):
            text = self._guard(item)
            if text:
                guards.append((quoted(text), item.place))
        return guards

    def _guard(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Mapping):
            condition = node.get("condition")
            if isinstance(condition, nodes.Scalar):
                return self._compared(node, condition)
            inner = node.get("type") or node.get("name")
            if not isinstance(inner, nodes.Scalar):
                self._note(node.place, "This guard names nothing and was left out.", lost=True)
                return ""
            if any(True for _ in parameters_of(node)):
                self._note(node.place, "The guard's parameters had no effect.", lost=True)
            node = inner
        if not isinstance(node, nodes.Scalar):
            return ""
        text = node.text.strip()
        negated = text.startswith("!")
        name = text[1:].strip() if negated else text
        known = words.GUARDS.get(name, name) if name not in GUARDS else name
        if known != name:
            self._note(node.place, f"The guard {name} is called {known} here.")
        if negated:
            self._note(node.place, f"!{name} is written not {known}.")
        return f"not {known}" if negated else known

    def _compared(self, node: nodes.Mapping, condition: nodes.Scalar) -> str:
        operator, value = node.get("operator"), node.get("value")
        sign = words.OPERATORS.get(operator.text) if isinstance(operator, nodes.Scalar) else "=="
        if sign is None or not isinstance(value, nodes.Scalar):
            self._note(node.place, "This comparison can not be read; it was left out.", lost=True)
            return ""
        name = words.CONDITIONS.get(condition.text, condition.text)
        if value.text in ("true", "false") and sign in ("==", "!="):
            return name if (value.text == "true") == (sign == "==") else f"not {name}"
        literal = value.text if value.coerced in ("int", "float") else json.dumps(value.text)
        return f"{name} {sign} {literal}"

    def _conditions(self, node: nodes.Node | None, row: Row) -> None:
        """Updates of conditions: SetCondition for those of the language, `set` for the others."""
        for name, value, place in self._updates(node):
            known = words.CONDITIONS.get(name, name)
            if known in GUARDS:
                argument = f"condition: {known}" + ("" if value else ", value: false")
                row.actions.append((f"{{SetCondition: {{{argument}}}}}", place))
                continue
            close = same_but_for_spelling(name, [*self.variables, *GUARDS])
            if close is not None and close != name:
                self._misspelt(name, close, place)
                if close in GUARDS:
                    argument = f"condition: {close}" + ("" if value else ", value: false")
                    row.actions.append((f"{{SetCondition: {{{argument}}}}}", place))
                    continue
                name = close
            elif name not in self.variables:
                self.variables[name] = place
                self._note(place, f"{shown(name)} was never declared; it became a variable.")
            row.changes.append((name, "true" if value else "false", place))

    def _misspelt(self, name: str, close: str, place: Place) -> None:
        self.findings.append(
            Finding(
                "NAM113",
                Severity.ERROR,
                f"Nobody reads {shown(name)}: the condition is called {close}.",
                place,
                "Under another spelling the condition never changes.",
                row=self.notes.row,
            )
        )

    def _updates(self, node: nodes.Node | None) -> Iterator[tuple[str, bool, Place]]:
        if not isinstance(node, nodes.Mapping):
            return
        for entry in node.entries:
            key, value = entry.key.text, entry.value
            if key in ("set", "unset", "clear") and not isinstance(value, nodes.Scalar):
                self._note(entry.key.place, f"`{key}` of conditions takes effect here.")
                for item in items(value):
                    if isinstance(item, nodes.Scalar):
                        yield item.text, key == "set", item.place
            elif isinstance(value, nodes.Scalar):
                yield key, value.text.lower() in ("true", "yes", "on"), entry.key.place

    # -- actions and published events --------------------------------------------------------------

    def _actions(self, node: nodes.Node | None, row: Row) -> None:
        for item in items(node):
            name_node: nodes.Node | None = item
            parameters: list[tuple[str, nodes.Node]] = []
            if isinstance(item, nodes.Mapping):
                name_node = item.get("type") or item.get("name")
                parameters = list(parameters_of(item))
                if name_node is None and len(item.entries) == 1:
                    name_node = item.entries[0].key
                    parameters = list(parameters_in(item.entries[0].value))
            if not isinstance(name_node, nodes.Scalar):
                self._note(item.place, "This action names nothing and was left out.", lost=True)
                continue
            self._action(name_node, parameters, row)

    def _action(
        self, node: nodes.Scalar, parameters: list[tuple[str, nodes.Node]], row: Row
    ) -> None:
        name, place = node.text, node.place
        if name in words.ANNOUNCEMENTS:
            published = words.ANNOUNCEMENTS[name]
            self._note(place, f"{name} only announces; the row publishes {published} instead.")
            if published not in [text for text, _ in row.publish]:
                row.publish.append((published, place))
            return
        if name in words.ANSWERS:
            code = words.ANSWERS[name]
            self._note(place, f"{name} is written SendSIPResponse with code {code}.")
            row.actions.append((f"{{SendSIPResponse: {{code: {code}}}}}", place))
            return
        renamed = words.ACTIONS.get(name)
        if renamed is not None:
            self._note(place, f"The action {name} became {' and '.join(renamed)}.")
            row.actions.extend((new, place) for new in renamed)
            return
        arguments = [
            text for key, value in parameters if (text := self._argument(name, key, value))
        ]
        text = quoted(name)
        if arguments:
            text = f"{{{text}: {{{', '.join(arguments)}}}}}"
        row.actions.append((text, place))

    def _argument(self, action: str, key: str, node: nodes.Node) -> str:
        if not isinstance(node, nodes.Scalar):
            self._note(node.place, f"{shown(key)} of {action} is no single value.", lost=True)
            return ""
        declared = ACTIONS.get(action)
        if declared is None or key not in declared.parameters:
            self._note(node.place, f"{action} has no {shown(key)}; it was left out.", lost=True)
            return ""
        value = node.text
        if key == "direction":
            value = words.DIRECTIONS.get(value.lower().replace("_", ""), value)
        elif key == "condition":
            value = words.CONDITIONS.get(value, value)
            if value not in GUARDS and value not in self.variables:
                self.variables[value] = node.place
        if declared.parameters[key].type in ("integer", "boolean") and re.fullmatch(
            r"\d+|true|false", value
        ):
            return f"{key}: {value}"
        return f"{key}: {quoted(value)}"

    def _published(self, node: nodes.Node | None, row: Row) -> None:
        for item in items(node):
            name_node: nodes.Node | None = item
            if isinstance(item, nodes.Mapping):
                name_node = item.get("type") or item.get("name")
            if not isinstance(name_node, nodes.Scalar):
                continue
            name = name_node.text
            if name == "Custom" and isinstance(item, nodes.Mapping):
                self._note(item.place, "A custom event has no meaning here; left out.", lost=True)
                continue
            if name in words.PUBLISHED:
                self._note(name_node.place, f"{name} is published as {words.PUBLISHED[name]} here.")
                name = words.PUBLISHED[name]
            if name not in [text for text, _ in row.publish]:
                row.publish.append((quoted(name), name_node.place))

    # -- writing -----------------------------------------------------------------------------------

    def _write_row(self, row: Row) -> None:
        out = self.out
        fields: list[tuple[str, str, Place]] = []
        if row.id:
            fields.append(("id", quoted(row.id), row.place))
        if row.state is not None:
            name, place = row.state
            fields.append(("from_state", "Any" if name in ("*", "Any") else quoted(name), place))
        fields.append(("role", quoted(row.role[0]), row.role[1]))
        if row.event is not None:
            fields.append(("event", *row.event))
        for index, (key, text, place) in enumerate(fields):
            out.put(f"{'-' if index == 0 else ' '} ", row.place if index == 0 else None)
            out.put(f"{key}: ")
            out.line(text, place)
        out.listed("guards", row.guards)
        out.listed("actions", row.actions)
        if row.changes:
            out.line("  set:")
            for name, value, place in dict((c[0], c) for c in row.changes).values():
                out.put("    ")
                out.line(f"{quoted(name)}: {value}", place)
        if row.target is not None:
            out.put("  next_state: ")
            out.line(quoted(row.target[0]), row.target[1])
        out.listed("publish_events", row.publish)
        if row.description:
            out.put("  description: ")
            out.line(quoted(row.description), row.place)
