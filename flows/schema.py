"""The language as a JSON Schema and as a palette, both made from the vocabulary.

The schema is for editors and other tools; it accepts what compiles as far as a schema can say it
(that a state is declared, or that a guard can be read, only the compiler knows).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flows.carried import MOST_HEADERS
from flows.compile import LANGUAGE_VERSION
from flows.table import ROLES
from flows.version_step import FORM
from flows.vocabulary import (
    ACTIONS,
    EVENTS,
    FEATURES,
    GUARDS,
    PUBLISHED,
    ActionWord,
    Parameter,
)

SCHEMA_VERSION = "https://json-schema.org/draft/2020-12/schema"
_DURATION = r"^(\d+(\.\d+)?|(\d+(\.\d+)?(ms|s|m|h))+)$"
_NAME = r"^[^\W\d][\w.-]{0,63}$"


@cache
def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of both forms: a head with rows, and a bare list of rows."""
    return {
        "$schema": SCHEMA_VERSION,
        "title": "Callsmith call flow",
        "oneOf": [{"$ref": "#/$defs/flow"}, {"type": "array", "items": {"$ref": "#/$defs/row"}}],
        "$defs": {
            "flow": _flow(),
            "state": _state(),
            "row": _row(),
            "action": {"oneOf": [action for word in ACTIONS.values() for action in _action(word)]},
            "event": _events(),
            "guard": {
                "type": ["string", "boolean"],
                "description": "A name, `not` a name, or an expression.",
                "examples": [*GUARDS, "not MediaReady", "event.code in (486, 600)"],
            },
            "published": _names(PUBLISHED, {n: w.meaning for n, w in PUBLISHED.items()}),
            "duration": {"type": ["string", "number"], "pattern": _DURATION},
            "waiver": _waiver(),
        },
    }


def _flow() -> dict[str, Any]:
    version = int(LANGUAGE_VERSION)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["callflow", "transitions"],
        "properties": {
            "callflow": {"const": version, "description": "Version of the language."},
            "name": {"type": "string"},
            "version": {
                "type": "string",
                "pattern": f"^{FORM}$",
                "description": "Version of this flow; `callsmith diff` holds it to what changed.",
            },
            "description": {"type": "string"},
            "features": {"type": "array", "items": _names(FEATURES, FEATURES)},
            "states": {
                "type": "object",
                "propertyNames": {"pattern": _NAME},
                "additionalProperties": {"$ref": "#/$defs/state"},
            },
            "variables": {
                "type": "object",
                "propertyNames": {"pattern": r"^[A-Za-z_]\w{0,63}$"},
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
            "properties": {"type": "array"},
            "transitions": {"type": "array", "items": {"$ref": "#/$defs/row"}},
        },
    }


def _state() -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {
            "initial": {"type": "boolean"},
            "final": {"type": "boolean"},
            "group": {"type": "string"},
            "description": {"type": "string"},
            "ignore": {
                "type": "object",
                "propertyNames": {"enum": list(EVENTS)},
                "additionalProperties": {"type": "string", "minLength": 1},
                "description": "Events swallowed on purpose, each with the reason.",
            },
        },
    }


def _row() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["from_state", "role", "event"],
        "properties": {
            "id": {"type": "string", "pattern": r"^[\w.-]{1,64}$"},
            "from_state": {"type": "string", "description": "A state, or Any for every state."},
            "role": {"enum": list(ROLES)},
            "event": {"$ref": "#/$defs/event"},
            "guards": {"type": "array", "items": {"$ref": "#/$defs/guard"}},
            "actions": {"type": "array", "items": {"$ref": "#/$defs/action"}},
            "set": {
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
            "next_state": {"type": ["string", "null"], "description": "Absent: stay."},
            "publish_events": {"type": "array", "items": {"$ref": "#/$defs/published"}},
            "ignore": {"type": "string", "minLength": 1},
            "description": {"type": "string"},
            "waive": {"type": "array", "items": {"$ref": "#/$defs/waiver"}},
        },
    }


def _waiver() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["code", "reason"],
        "properties": {
            "code": {"type": "string", "pattern": r"^[A-Z]{3,4}\d{3}$"},
            "reason": {"type": "string", "minLength": 1},
            "until": {"type": "string", "format": "date"},
        },
    }


def _events() -> dict[str, Any]:
    timer = {
        "type": "object",
        "additionalProperties": False,
        "required": ["after"],
        "properties": {"after": {"$ref": "#/$defs/duration"}},
    }
    return {"oneOf": [_names(EVENTS, {n: w.meaning for n, w in EVENTS.items()}), timer]}


def _names(names: Any, meanings: Any) -> dict[str, Any]:
    """An enumeration whose members carry their meaning, for tools that show it."""
    return {"enum": list(names), "x-meanings": dict(meanings)}


def _action(word: ActionWord) -> list[dict[str, Any]]:
    """An action as a bare name, where it needs no parameter, and with its parameters."""
    forms: list[dict[str, Any]] = []
    required = [name for name, parameter in word.parameters.items() if parameter.required]
    if not required:
        forms.append({"const": word.name, "description": word.meaning})
    if word.parameters:
        properties = {name: _parameter(p) for name, p in word.parameters.items()}
        arguments: dict[str, Any] = {
            "type": ["object"] if required else ["object", "null"],
            "additionalProperties": False,
            "properties": properties,
        }
        if required:
            arguments["required"] = required
        forms.append(
            {
                "type": "object",
                "description": word.meaning,
                "additionalProperties": False,
                "required": [word.name],
                "properties": {word.name: arguments},
            }
        )
    return forms


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": parameter.meaning}
    if parameter.default is not None:
        schema["default"] = parameter.default
    match parameter.type:
        case "integer":
            schema["type"] = "integer"
            if parameter.low is not None:
                schema["minimum"] = int(parameter.low)
            if parameter.high is not None:
                schema["maximum"] = int(parameter.high)
        case "boolean":
            schema["type"] = "boolean"
        case "choice":
            schema["enum"] = list(parameter.choices)
        case "event":
            schema["enum"] = [name for name, word in EVENTS.items() if word.user]
        case "headers":
            schema |= {"type": "array", "items": {"type": "string"}, "maxItems": MOST_HEADERS}
        case "address" | "source":
            schema["type"] = "string"
        case "condition" | "name":
            schema["type"] = "string"
        case _:
            schema["type"] = ["string", "number"]
    return schema


@cache
def palette() -> dict[str, Any]:
    """Return the words as plain data for the browser, grouped in the order they are offered.

    `{"events": [{"group", "words": [...]}], "actions": [...], "guards": [...], "published": [...],
    "features": [...], "roles": [...]}`; every word has its name, meaning and parameters or fields.
    """
    return {
        "events": _grouped(
            {
                "name": word.name,
                "group": word.group,
                "meaning": word.meaning,
                "kind": word.kind.value,
                "fields": dict(word.fields),
                "roles": list(word.roles),
                "user": word.user,
                "owes": word.owes,
                "rfc": word.rfc,
                "performed": word.performed,
            }
            for word in EVENTS.values()
        ),
        "actions": _grouped(
            {
                "name": word.name,
                "group": word.group,
                "meaning": word.meaning,
                "parameters": {name: _offered(p) for name, p in word.parameters.items()},
                "roles": list(word.roles),
                "sets": dict(word.sets),
                "requires": dict(word.requires),
                "sends": word.sends,
                "rfc": word.rfc,
                "performed": word.performed,
            }
            for word in ACTIONS.values()
        ),
        "guards": [
            {"name": w.name, "meaning": w.meaning, "kind": w.kind, "performed": w.performed}
            for w in GUARDS.values()
        ],
        "published": [
            {"name": w.name, "meaning": w.meaning, "outcome": w.outcome} for w in PUBLISHED.values()
        ],
        "features": [{"name": name, "meaning": text} for name, text in FEATURES.items()],
        "roles": list(ROLES),
    }


def _offered(parameter: Parameter) -> dict[str, Any]:
    return {
        "type": parameter.type,
        "meaning": parameter.meaning,
        "required": parameter.required,
        "default": parameter.default,
        "unit": parameter.unit,
        "low": parameter.low,
        "high": parameter.high,
        "choices": list(parameter.choices),
    }


def _grouped(words: Any) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for word in words:
        groups.setdefault(word["group"], []).append(word)
    return [{"group": group, "words": members} for group, members in groups.items()]
