"""States that got another name in a draft, and the kept tests that speak of them.

A draft remembers who was renamed to what, in order; undo and redo change nothing of that, because
only what the table says now decides: a name counts as renamed when the table knows it no more and
knows the one it became. Tests follow when the draft becomes a version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone

from designer.models import Flow
from designer.models import Scenario as Kept
from designer.scenario_files import read_scenarios, write_scenarios
from designer.scenarios import Expected, Scenario
from flows.table import Table

Rename = tuple[str, str]
MOST_RENAMES = 500
"""Renames a draft remembers; older ones are forgotten."""


def renames_of(operation: str, arguments: Mapping[str, Any]) -> list[Rename]:
    """Return the renames that an edit which was done has made: (old name, new name)."""
    if operation == "several":
        edits = arguments.get("edits") or []
        return [
            each
            for edit in edits
            for each in renames_of(edit.get("operation", ""), edit.get("arguments") or {})
        ]
    if operation != "rename_state":
        return []
    return [(str(arguments.get("name")), str(arguments.get("new_name")))]


def in_force(renames: Sequence[Rename], table: Table | None) -> dict[str, str]:
    """Return old name to present name for each state that this table knows under another name."""
    if table is None:
        return {}
    there = set(table.states)
    found = {}
    for old, _ in renames:
        now = _now(old, renames, there) if old not in there else None
        if now is not None:
            found[old] = now
    return found


def _now(name: str, renames: Sequence[Rename], there: set[str]) -> str | None:
    """Follow the renames from a name, the newest first, to one that is there."""
    seen, waiting = {name}, [name]
    while waiting:
        at = waiting.pop(0)
        if at in there:
            return at
        for old, new in reversed(renames):
            if old == at and new not in seen:
                seen.add(new)
                waiting.append(new)
    return None


def between(flow: Flow, older: int, newer: int, table: Table | None) -> dict[str, str]:
    """Return what states of version `older` are called in `newer`, whose table is given.

    By the renames that each version in between was saved with; the way back is the same one in
    the opposite direction.
    """
    first, last = sorted((older, newer))
    saved = flow.versions.filter(number__gt=first, number__lte=last).order_by("number")
    log = [each for stored in saved.values_list("renames", flat=True) for each in as_read(stored)]
    if older > newer:
        log = [(new, old) for old, new in reversed(log)]
    return in_force(log, table)


def followed(scenario: Scenario, names: Mapping[str, str]) -> Scenario:
    """Return the scenario with states called by their present names."""
    expected = tuple(tuple(_followed(each, names) for each in step) for step in scenario.expected)
    return replace(scenario, expected=expected)


def _followed(expected: Expected, names: Mapping[str, str]) -> Expected:
    made = dict(expected)
    if made.get("state") in names:
        made["state"] = names[made["state"]]
    if isinstance(made.get("row"), str):
        # A row without an id is called by its state, role and event.
        state, space, rest = made["row"].partition(" ")
        made["row"] = names.get(state, state) + space + rest if space else made["row"]
    return made


def follow(flow: Flow, names: Mapping[str, str], by: str) -> list[str]:
    """Let the flow's kept tests call states by their present names; return which were changed."""
    changed = []
    for kept in Kept.objects.filter(flow=flow) if names else ():
        text = followed_text(flow.name, kept.text, names)
        if text != kept.text:
            kept.text, kept.changed_by, kept.updated_at = text, by, timezone.now()
            kept.save(update_fields=["text", "changed_by", "updated_at"])
            changed.append(kept.name)
    return changed


def followed_text(flow: str, text: str, names: Mapping[str, str]) -> str:
    """Return a file of scenarios with present names; as it was if it names none of the old ones."""
    scenarios = read_scenarios(text).scenarios
    made = [followed(each, names) for each in scenarios]
    return text if made == scenarios else write_scenarios(flow, made)


def as_read(stored: Any) -> list[Rename]:
    """Return renames as a draft has them stored, without what is none."""
    pairs: Iterable[Any] = stored if isinstance(stored, list) else ()
    return [(str(a), str(b)) for a, b in (p for p in pairs if isinstance(p, list) and len(p) == 2)]
