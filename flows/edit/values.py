"""Arguments of an edit, checked: what a form or a program sent, as the shapes a table has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flows.edit.refusal import EditRefused
from flows.edit.render import Plain, plain
from flows.version_step import numbers

ROW_FIELDS = (
    "id",
    "description",
    "from_state",
    "role",
    "event",
    "guards",
    "actions",
    "set",
    "next_state",
    "publish_events",
    "ignore",
    "waive",
)
"""Fields of a row in the order they are written."""

STATE_FIELDS = ("initial", "final", "group", "description", "ignore")
HEAD_FIELDS = (
    *("callflow", "name", "version", "description"),
    *("features", "states", "variables", "properties"),
)
ROLES = ("UAC", "UAS", "Both")
WILDCARDS = ("Any", "*")

_REQUIRED = ("from_state", "event")
_TEXT_FIELDS = ("id", "description", "from_state", "role", "next_state", "ignore")
_TEXT_LISTS = ("guards", "publish_events")
_TIMER = re.compile(r"after\s+(\S.*)", re.DOTALL)
_LONGEST_NAME = 200


def row_value(field: str, value: Any) -> Plain | None:
    """The new value of a row's field; None takes the field away."""
    if field not in ROW_FIELDS:
        raise EditRefused(f"A row has no field {field!r}; it has {', '.join(ROW_FIELDS)}.")
    new = plain(value)
    if value is None or (new == "" and field not in _REQUIRED):
        if field in _REQUIRED:
            raise EditRefused(f"A row cannot be without {field}.")
        return None
    if field in _TEXT_FIELDS:
        return _text_value(field, new)
    if field == "event":
        return _event(new)
    if field == "set":
        if not isinstance(new, dict):
            raise EditRefused("set needs variables with their new values.")
        return new or None
    if not isinstance(new, list):
        raise EditRefused(f"{field} needs a list.")
    if field in _TEXT_LISTS and not all(isinstance(item, str) and item for item in new):
        raise EditRefused(f"{field} needs a list of words.")
    if field == "actions" and not all(_is_action(item) for item in new):
        raise EditRefused("An action is a word, or one word with its arguments.")
    return new


def _text_value(field: str, new: Plain) -> Plain:
    if not isinstance(new, str):
        raise EditRefused(f"{field} needs one word or sentence.")
    if field == "role" and new not in ROLES:
        raise EditRefused(f"The role is one of {', '.join(ROLES)}.")
    if field in ("from_state", "next_state"):
        return state_name(new)
    return new


def _event(new: Plain) -> Plain:
    """An event is a word; `after 30s` as people read it is the timer the table writes."""
    if isinstance(new, str):
        timer = _TIMER.fullmatch(new.strip())
        if timer is not None:
            return {"after": timer.group(1)}
        if new.strip():
            return new
    elif isinstance(new, dict) and list(new) == ["after"] and isinstance(new["after"], str):
        if new["after"].strip():
            return new
    raise EditRefused("The event is a word, or after with a time such as 30s.")


def _is_action(item: Any) -> bool:
    if isinstance(item, dict):
        return len(item) == 1 and all(item)
    return isinstance(item, str) and bool(item)


def state_name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.strip():
        raise EditRefused("A state needs a name.")
    if len(value) > _LONGEST_NAME or any(character in value for character in "\r\n\t\0"):
        raise EditRefused(f"The name of a state is one line of at most {_LONGEST_NAME} characters.")
    return str(plain(value))


def new_state_name(value: Any) -> str:
    name = state_name(value)
    if name in WILDCARDS:
        raise EditRefused(f"{name} stands for every state; choose another name.")
    return name


def state_value(field: str, value: Any) -> Plain | None:
    """The new value of a state's field; None takes the field away."""
    if field not in STATE_FIELDS:
        raise EditRefused(f"A state has no field {field!r}; it has {', '.join(STATE_FIELDS)}.")
    if value is None or value == "" or value is False or value == "false":
        return None
    new = plain(value)
    if field in ("initial", "final"):
        if new != "true":
            raise EditRefused(f"{field} is true or false.")
    elif field == "ignore":
        if not isinstance(new, dict) or not all(isinstance(why, str) for why in new.values()):
            raise EditRefused("ignore needs events with the reason for each.")
        return new or None
    elif not isinstance(new, str):
        raise EditRefused(f"{field} needs one word or sentence.")
    return new


def head_value(field: str, value: Any) -> Plain | None:
    """The new value of a field of the head; None takes the field away."""
    fields = [name for name in HEAD_FIELDS if name not in ("callflow", "states")]
    if field not in fields:
        raise EditRefused(f"The head has no field {field!r} to set; it has {', '.join(fields)}.")
    if value is None or value == "":
        return None
    new = plain(value)
    if field in ("name", "description") and not isinstance(new, str):
        raise EditRefused(f"{field} needs one word or sentence.")
    if field == "version" and (not isinstance(new, str) or numbers(new) is None):
        raise EditRefused("version needs three numbers such as 1.4.0.")
    if field == "features" and not (
        isinstance(new, list) and all(isinstance(item, str) for item in new)
    ):
        raise EditRefused("features needs a list of words.")
    if field == "variables" and not isinstance(new, dict):
        raise EditRefused("variables needs names with their first values.")
    return new


class Arguments:
    """The arguments of one edit, taken by name; what is missing or of the wrong kind is refused."""

    def __init__(self, arguments: Any) -> None:
        if not isinstance(arguments, Mapping):
            raise EditRefused("The arguments of an edit are names with values.")
        self._values: Mapping[str, Any] = arguments

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None

    def value(self, name: str) -> Any:
        return self._values.get(name)

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str) or not value:
            raise EditRefused(f"The edit needs {name}.")
        return value

    def row(self, name: str, count: int) -> int:
        """An index of a row, counted from 0."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise EditRefused(f"The edit needs {name}, the number of a row.")
        if not 0 <= value < count:
            raise EditRefused(f"There is no row {value}; the table has {count} rows.")
        return value

    def rows(self, name: str, count: int, most: int) -> list[int]:
        """Some indices of rows, at least one."""
        value = self._values.get(name)
        if not isinstance(value, list) or not 0 < len(value) <= most:
            raise EditRefused(f"The edit needs {name}, a list of 1 to {most} numbers of rows.")
        return [Arguments({name: item}).row(name, count) for item in value]
