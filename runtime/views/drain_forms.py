"""What the forms about running calls send, read."""

from __future__ import annotations

from collections.abc import Mapping

from designer import selectors
from designer.errors import Refused
from designer.models import Flow, Version
from flows.ends import unanswered
from flows.vocabulary import EVENTS
from runtime.acts import typed
from runtime.drain.judging import Only
from runtime.drain.orders import Remedy

MINUTE = 60.0


def events_for_calls() -> list[str]:
    """Return the events somebody may give to calls, those for people first."""
    given = [word for word in EVENTS.values() if unanswered(word.name).answer is None]
    return [word.name for word in sorted(given, key=lambda word: not word.user)]


def version_asked(flow: Flow, number: str | None) -> Version | None:
    found = whole_number(number)
    return selectors.version_of(flow, found) if found else None


def mapping_of(given: Mapping[str, str]) -> dict[str, str]:
    return {old: new for old, new in prefixed(given, "map.").items() if new}


def prefixed(given: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name[len(prefix) :]: str(given[name]) for name in given if name.startswith(prefix)}


def only_of(given: Mapping[str, str], prefix: str = "") -> Only:
    minutes = amount(given.get(f"{prefix}minutes"), 0.0)
    return Only(state=given.get(f"{prefix}state", "")[:200], older=minutes * MINUTE)


def remedy_of(given: Mapping[str, str]) -> Remedy:
    event = given.get("fix.event", "")[:128]
    fields = typed(event, prefixed(given, "field."))
    return Remedy(event=event, fields=fields, to_state=given.get("fix.to", "")[:200])


def remedy_asked(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query.get(f"fix.{name}", "") for name in ("state", "minutes", "event", "to")}


def whole_number(raw: str | None) -> int | None:
    text = (raw or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def amount(raw: str | None, default: float) -> float:
    try:
        value = float(raw) if raw and raw.strip() else default
    except ValueError:
        raise Refused(f"{raw[:40]!r} is no number.") from None  # type: ignore[index]
    if not 0 <= value <= 1e6:
        raise Refused(f"{value:g} is no time to wait for.")
    return value
