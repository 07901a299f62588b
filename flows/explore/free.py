"""What an event carries that no protocol fixes: who calls, what is dialled, how long a key is held.

A walk brings each event about once. Where a guard looks at such a field, it comes as often as there
are values to tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from flows.explore.domain import OTHER, Domain
from flows.explore.stimulus import Stimulus
from flows.vocabulary.events import EVENTS, FOREIGN

ALWAYS_THERE = frozenset(
    (
        "from",
        "to",
        "called",
        "number",
        "target",
        "refer_to",
        "file",
        "digits",
        "duration",
        "session",
        "event",
    )
)
"""Fields without which their event does not come."""
FREE = (
    ALWAYS_THERE
    | {"replaces", "referred_by", "retry_after"}
    | {"reason", "contact", "realm", "minimum", "content_type", "body", "registrar"}
)
"""Fields that nothing else in a call depends on."""
FREE_OF = {
    "DialogError": FREE | {"method"},
    "RejectCall": FREE | {"code"},
    "InfoReceived": FREE | {"digit"},
}
MOST_FORMS = 64
"""Combinations of fields that are tried of one event."""


def forms(domain: Domain, stimulus: Stimulus) -> Iterator[Stimulus]:
    """Yield the happening with each combination of values that guards can tell apart."""
    event = stimulus.event
    read = domain.read.get(event)
    names = [n for n in sorted(read) if n in FREE_OF.get(event, FREE)] if read else []
    if not names or event not in EVENTS or event in FOREIGN:
        yield stimulus
        return
    kinds = dict(EVENTS[event].fields)
    usual = dict(stimulus.fields)
    choices = [_values(domain, name, kinds[name], usual) for name in names if name in kinds]
    for values in islice(product(*choices), MOST_FORMS):
        fields = {**usual, **dict(values)}
        yield stimulus._replace(
            fields=tuple((name, value) for name, value in fields.items() if value is not None)
        )


def _values(domain: Domain, name: str, kind: str, usual: dict[str, Any]) -> list[tuple[str, Any]]:
    named = domain.named(name)
    values: set[Any] = {value for value in named if isinstance(value, str)}
    values.add(usual.get(name) or OTHER)
    if kind == "integer":
        numbers = {v for v in named if isinstance(v, int) and not isinstance(v, bool)}
        values = {near for v in numbers for near in (v - 1, v, v + 1) if near >= 0}
        values.add(usual.get(name) or 0)
    ordered: list[Any] = sorted(values)
    return [(name, v) for v in ([*ordered] if name in ALWAYS_THERE else [*ordered, None])]
