"""One row of the text, read into one row of the table."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from flows import document as nodes
from flows.arguments import ArgumentReader
from flows.findings import Place
from flows.guards import GuardReader
from flows.reading import Notebook, is_name, kind_of, respelt, shown
from flows.suggest import did_you_mean
from flows.table import ANY_STATE, ROLES, TIMER_EVENT, Row, State, Waiver, Word
from flows.vocabulary import ACTIONS, EVENTS, PUBLISHED, ActionWord

FIELDS = (
    "id",
    "from_state",
    "role",
    "event",
    "guards",
    "actions",
    "set",
    "next_state",
    "publish_events",
    "ignore",
    "description",
    "waive",
)
_FIELD_SET = frozenset(FIELDS)
_HINTS = {
    "state": "the row's state is from_state.",
    "publish": "published events stand under publish_events.",
    "to_state": "the target is next_state.",
    "conditions": "conditions are changed by SetCondition, variables under set.",
    "condition_updates": "conditions are changed by SetCondition, variables under set.",
    "timeout": "a timer is written event: {after: 30s}.",
}
_WAIVER_FIELDS = ("code", "reason", "until")
_CODE = re.compile(r"[A-Z]{3,4}\d{3}")
_WILDCARDS = ("*", "Any")
_ID = re.compile(r"[\w.-]{1,64}")


class RowReader:
    """Reads rows one after the other, against the states and variables of the head."""

    def __init__(
        self, notes: Notebook, states: Mapping[str, State] | None, variables: Mapping[str, Any]
    ) -> None:
        self.notes = notes
        self.states = states
        self.arguments = ArgumentReader(notes, variables)
        self.expressions = GuardReader(notes, variables)
        self._ids: dict[str, int] = {}
        self._bare: dict[str, Mapping[str, Any]] = {}

    def read(self, index: int, node: nodes.Node) -> Row | None:
        """Return the row, or None if it has no state or no event to stand on."""
        notes = self.notes
        notes.row, notes.state = index, None
        try:
            if not isinstance(node, nodes.Mapping):
                notes.error(
                    "SYN003", f"A row is a mapping of fields, not a {kind_of(node)}.", node.place
                )
                return None
            return self._row(index, node)
        finally:
            notes.row = notes.state = None

    def _row(self, index: int, node: nodes.Mapping) -> Row | None:
        notes = self.notes
        place = node.place
        found: dict[str, nodes.Node] = {}
        strange = False
        for entry in node.entries:
            found.setdefault(entry.key.text, entry.value)
            strange = strange or entry.key.text not in _FIELD_SET
        if strange:
            notes.unknown_fields(node, FIELDS, "A row", _HINTS)
        get = found.get
        from_state = self._from_state(index, get("from_state"), place)
        role = self._role(index, get("role"), place)
        event, after = self._event(index, get("event"), role, from_state, place)
        guards = self.expressions.guards(get("guards"), event)
        actions = self._all_actions(get("actions"), role, event)
        changes = self.expressions.changes(get("set"), event)
        next_state = self._next_state(index, get("next_state"))
        publish = self._publish(get("publish_events"))
        ignore = self._ignore(get("ignore"), found)
        if from_state is None or event is None:
            return None
        return Row(
            index,
            self._id(get("id")),
            from_state,
            role,
            event,
            after,
            guards,
            actions,
            changes,
            next_state,
            publish,
            ignore,
            notes.text(get("description"), "`description`") or "",
            self._waivers(get("waive")),
            place,
        )

    # -- where the row stands ----------------------------------------------------------------------

    def _missing(self, field: str, place: Any) -> None:
        self.notes.error("SYN003", f"This row has no {field}.", place)

    def _from_state(self, index: int, node: nodes.Node | None, place: Any) -> str | None:
        name = self.notes.name(node, "`from_state`")
        if name is None or node is None:
            if node is None or isinstance(node, nodes.Scalar):
                self._missing("from_state", place)
            return None
        if name in _WILDCARDS:
            return ANY_STATE
        self.notes.state = name
        self._known_state(index, name, node, "NAM101", "from_state")
        return name

    def _next_state(self, index: int, node: nodes.Node | None) -> str | None:
        name = self.notes.name(node, "`next_state`")
        if name is None or node is None:
            return None
        if name in _WILDCARDS:
            self.notes.error("NAM102", "A row leads to one state, not to any.", node.place)
            return None
        self._known_state(index, name, node, "NAM102", "next_state")
        return name

    def _known_state(self, index: int, name: str, node: nodes.Node, code: str, field: str) -> None:
        if self.states is None:
            if not is_name(name):
                self.notes.error(
                    "SYN003", f"{shown(name) or 'An empty name'} can not name a state.", node.place
                )
            return
        if name in self.states:
            return
        close = self.notes.suggestion("state", name, self.states)
        fix: dict[str, Any] = {"operation": "add_state", "arguments": {"name": name}}
        if close is not None:
            arguments = {"row": index, "field": field, "value": close}
            fix = {"operation": "change_row", "arguments": arguments}
        self.notes.error(
            code,
            f"The state {shown(name)} is not declared{did_you_mean(close)}",
            node.place,
            "States are declared under states; a call can not enter one that is not.",
            fix,
        )

    def _role(self, index: int, node: nodes.Node | None, place: Any) -> str:
        role = self.notes.text(node, "`role`")
        if role in ROLES:
            return role
        if role is None or node is None:
            if node is None or isinstance(node, nodes.Scalar):
                self._missing("role", place)
            return "Both"
        close = self.notes.suggestion("role", role, ROLES)
        fix = None
        if close is not None:
            arguments = {"row": index, "field": "role", "value": close}
            fix = {"operation": "change_row", "arguments": arguments}
        self.notes.error(
            "NAM106",
            f"No role is called {shown(role)}: it is UAC (we called), UAS (we were called) or Both"
            f"{did_you_mean(close)}",
            node.place,
            fix=fix,
        )
        return "Both"

    # -- event -------------------------------------------------------------------------------------

    def _event(
        self, index: int, node: nodes.Node | None, role: str, from_state: str | None, place: Any
    ) -> tuple[str | None, float | None]:
        if isinstance(node, nodes.Mapping):
            return self._timer(node, from_state)
        name = self.notes.name(node, "`event`")
        if name is None or node is None:
            if node is None or isinstance(node, nodes.Scalar):
                self._missing("event", place)
            return None, None
        if name == TIMER_EVENT:
            self.notes.error("SYN003", "A timer needs its time: event: {after: 30s}.", node.place)
            return None, None
        word = EVENTS.get(name)
        if word is None:
            self._unknown_event(index, name, node)
        elif role != "Both" and role not in word.roles:
            self.notes.error(
                "NAM111",
                f"{name} never reaches a {role}: only a {word.roles[0]} gets it.",
                node.place,
                "A row on an event that can not come never fires.",
            )
        return name, None

    def _unknown_event(self, index: int, name: str, node: nodes.Node) -> None:
        close = self.notes.suggestion("event", name, EVENTS)
        fix = None
        if close is not None:
            arguments = {"row": index, "field": "event", "value": close}
            fix = {"operation": "change_row", "arguments": arguments}
        self.notes.error(
            "NAM103",
            f"No event is called {shown(name)}{did_you_mean(close)}",
            node.place,
            "Nothing ever gives an unknown event, so this row would never fire.",
            fix,
        )

    def _timer(
        self, node: nodes.Mapping, from_state: str | None
    ) -> tuple[str | None, float | None]:
        entry = node.entries[0] if len(node.entries) == 1 else None
        if entry is None or entry.key.text != TIMER_EVENT:
            hint = "write its name alone"
            if node.get("type") is not None:
                hint = "this is a table of another system; import it, and it is translated"
            self.notes.error(
                "SYN003",
                f"An event is a name or {{after: 30s}}; {hint}, and test its fields in a guard.",
                node.place,
            )
            return None, None
        if from_state == ANY_STATE:
            self.notes.error(
                "NAM111",
                "A timer belongs to one state: it runs from entering it to leaving it.",
                node.place,
                "`after` on a row of any state has no beginning.",
            )
        seconds = self.notes.duration(entry.value, "`after`")
        return TIMER_EVENT, seconds if seconds is not None else 1.0

    # -- actions and published events --------------------------------------------------------------

    def _all_actions(
        self, node: nodes.Node | None, role: str, event: str | None
    ) -> tuple[Word, ...]:
        if node is None:
            return ()
        items = self.notes.items(node, "`actions`")
        words = (self._action(item, role, event) for item in items)
        return tuple(word for word in words if word is not None)

    def _action(self, node: nodes.Node, role: str, event: str | None) -> Word | None:
        name_node: nodes.Node = node
        value: nodes.Node | None = None
        if isinstance(node, nodes.Mapping):
            if len(node.entries) != 1 or node.get("type") is not None:
                hint = "" if node.get("type") is None else " (tables of other systems are imported)"
                self.notes.error(
                    "SYN003",
                    "An action is a name, or one name with its parameters, such as "
                    f"{{SendSIPResponse: {{code: 486}}}}{hint}.",
                    node.place,
                )
                return None
            name_node, value = node.entries[0].key, node.entries[0].value
        if not isinstance(name_node, nodes.Scalar):
            self.notes.error("SYN003", f"An action is a name, not a {kind_of(node)}.", node.place)
            return None
        name = name_node.text
        place = node.place
        word = ACTIONS.get(name)
        if word is None:
            close = self.notes.suggestion("action", name, ACTIONS)
            self.notes.error(
                "NAM105",
                f"No action is called {shown(name)}{did_you_mean(close)}",
                name_node.place,
                "An unknown action would silently do nothing.",
                respelt(name_node, close),
            )
            return Word(name, {}, place)
        arguments = self._arguments(word, value, place, event)
        if role != "Both":
            self._legal(word, role, arguments, place)
        return Word(name, arguments, place)

    def _arguments(
        self, word: ActionWord, value: nodes.Node | None, place: Place, event: str | None
    ) -> Mapping[str, Any]:
        """The arguments of one use; those of a bare name are shared by all its uses."""
        if value is not None:
            return self.arguments.read(word, value, place, event)
        arguments = self._bare.get(word.name)
        if arguments is None:
            arguments = self.arguments.read(word, None, place)
            if not any(parameter.required for parameter in word.parameters.values()):
                self._bare[word.name] = arguments
        return arguments

    def _legal(
        self, word: ActionWord, role: str, arguments: Mapping[str, Any], place: Place
    ) -> None:
        if role not in word.roles:
            message = f"A {role} can not use {word.name}: it is for {word.roles[0]}."
            self.notes.error("NAM112", message, place, word.rfc)
        elif word.name == "SendSIPResponse" and role == "UAC" and arguments["code"] < 200:
            self.notes.error(
                "NAM112",
                f"A UAC can not answer {arguments['code']}: whoever called has no ringing to tell.",
                place,
                "Inside a call requests get final answers only.",
            )

    def _publish(self, node: nodes.Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        names: list[str] = []
        for item in self.notes.items(node, "`publish_events`"):
            name = self.notes.text(item, "A published event")
            if name is None:
                continue
            if name not in PUBLISHED:
                close = self.notes.suggestion("published", name, PUBLISHED)
                self.notes.error(
                    "NAM107",
                    f"No event called {shown(name)} can be published{did_you_mean(close)}",
                    item.place,
                    fix=respelt(item, close),
                )
            names.append(name)
        return tuple(names)

    # -- the rest ----------------------------------------------------------------------------------

    def _id(self, node: nodes.Node | None) -> str:
        text = self.notes.text(node, "`id`") or ""
        if not text or node is None:
            return text
        if not _ID.fullmatch(text):
            self.notes.error(
                "SYN003", "An id is of letters, digits, _, - and dots, 64 at most.", node.place
            )
        first = self._ids.setdefault(text, self.notes.row or 0)
        if first != (self.notes.row or 0):
            self.notes.warning(
                "SYN008",
                f"The id {shown(text)} belongs to row {first + 1} already; give this one its own.",
                node.place,
                "Steps, findings and coverage name rows by their id.",
            )
        return text

    def _ignore(self, node: nodes.Node | None, found: Mapping[str, nodes.Node]) -> str | None:
        if node is None:
            return None
        reason = self.notes.text(node, "`ignore`")
        if not reason or not reason.strip() or reason in ("true", "false"):
            self.notes.error("SYN003", "Say why the event is ignored, in a few words.", node.place)
            reason = reason or "ignored"
        for field in ("actions", "next_state", "set", "publish_events"):
            if field in found:
                self.notes.error(
                    "SYN003",
                    f"A row that ignores its event has no {field}.",
                    found[field].place,
                )
        return reason

    def _waivers(self, node: nodes.Node | None) -> tuple[Waiver, ...]:
        if node is None:
            return ()
        waivers = (self._waiver(item) for item in self.notes.items(node, "`waive`"))
        return tuple(waiver for waiver in waivers if waiver is not None)

    def _waiver(self, node: nodes.Node) -> Waiver | None:
        if not isinstance(node, nodes.Mapping):
            self.notes.error(
                "SYN003", "A waiver is a mapping: {code: COV403, reason: ...}.", node.place
            )
            return None
        self.notes.unknown_fields(node, _WAIVER_FIELDS, "A waiver", {})
        code = self.notes.text(node.get("code"), "`code`") or ""
        reason = self.notes.text(node.get("reason"), "`reason`") or ""
        until = self.notes.text(node.get("until"), "`until`") or ""
        if not _CODE.fullmatch(code):
            self.notes.error("SYN003", "A waiver names a code, such as COV403.", node.place)
            return None
        if not reason.strip():
            self.notes.error("SYN003", f"Say why {code} is accepted here.", node.place)
        if until and not _is_date(until):
            self.notes.error("SYN003", "`until` is a day such as 2027-03-31.", node.place)
            until = ""
        return Waiver(code, reason, until, node.place)


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10
