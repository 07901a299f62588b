"""The vocabulary as plain data: what the editor offers and what it says about each word."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from flows.table import ROLES
from flows.vocabulary import ACTIONS, EVENTS, FEATURES, GUARDS, PUBLISHED


@cache
def palette() -> dict[str, Any]:
    """Return events, actions, guards, published events and features with their meanings."""
    return {
        "events": [
            {
                "name": word.name,
                "meaning": word.meaning,
                "kind": word.kind.value,
                "group": word.group,
                "fields": dict(word.fields),
                "user": word.user,
                "roles": list(word.roles),
                "rfc": word.rfc,
                "performed": word.performed,
            }
            for word in EVENTS.values()
        ],
        "actions": [
            {
                "name": word.name,
                "meaning": word.meaning,
                "group": word.group,
                "parameters": {
                    name: {**asdict(parameter), "choices": list(parameter.choices)}
                    for name, parameter in word.parameters.items()
                },
                "roles": list(word.roles),
                "rfc": word.rfc,
                "performed": word.performed,
            }
            for word in ACTIONS.values()
        ],
        "guards": [
            {"name": word.name, "meaning": word.meaning, "kind": word.kind, "rfc": word.rfc}
            for word in GUARDS.values()
        ],
        "published": [{"name": word.name, "meaning": word.meaning} for word in PUBLISHED.values()],
        "features": [{"name": name, "meaning": text} for name, text in FEATURES.items()],
        "roles": list(ROLES),
    }
