"""Tables of other systems, translated into the native language.

    imported = import_text(text)
    imported.text        # native YAML; the very same text if it is native already
    imported.findings    # what was changed on the way, each with its line in the *original*

Read are the tables of the session-core family in all their spellings: `state` and `event: {type}`,
`conditions` or `condition_updates`, `publish` or `publish_events`, parameters beside `type` or
under `args` or `params`, effects gathered under `effects`, `Any` and `*`, the role B2BUA. What has
no meaning here is kept under its name, so that the compiler and the checker speak about it.
"""

from __future__ import annotations

import datetime
from dataclasses import replace

from flows import document as nodes
from flows.check import examine
from flows.compile import Compiled
from flows.findings import in_order
from flows.translation import NOTE, SESSION_CORE, Imported, Translation

NATIVE = "native"

__all__ = [
    "NATIVE",
    "NOTE",
    "SESSION_CORE",
    "Imported",
    "detect",
    "examine_any",
    "import_text",
    "translate",
]


def detect(text: str) -> str | None:
    """Return the name of the language a text is written in, or None if it can not be told."""
    return _dialect_of(nodes.read(text).root)


def import_text(text: str) -> Imported:
    """Translate a text into the native language. Never raises; native text comes back unchanged."""
    root = nodes.read(text).root
    if _dialect_of(root) != SESSION_CORE or root is None:
        return Imported(text, NATIVE)
    return Translation(root).result()


translate = import_text


def examine_any(text: str, today: datetime.date | None = None) -> Compiled:
    """Examine a text of any known language; places are those of the text that was given."""
    imported = import_text(text)
    if imported.dialect == NATIVE:
        return examine(text, today)
    compiled = examine(imported.text, today)
    moved = [replace(f, place=imported.original(f.place), fix=None) for f in compiled.findings]
    original = [f for f in nodes.read(text).findings if f.code != "SYN006"]
    compiled.findings = in_order([*original, *moved, *imported.findings])
    return compiled


def _dialect_of(root: nodes.Node | None) -> str | None:
    if isinstance(root, nodes.Mapping):
        if root.get("callflow") is not None:
            return NATIVE
        rows = root.get("transitions")
        foreign_head = any(root.get(key) is not None for key in ("version", "metadata"))
        if foreign_head or (isinstance(rows, nodes.Sequence) and _foreign_rows(rows)):
            return SESSION_CORE
        return NATIVE if rows is not None else None
    if isinstance(root, nodes.Sequence):
        return SESSION_CORE if _foreign_rows(root) else NATIVE
    return None


def _foreign_rows(rows: nodes.Sequence) -> bool:
    """Whether rows are written as other systems do: `state`, `event: {type: ...}`."""
    for row in rows.items:
        if not isinstance(row, nodes.Mapping):
            continue
        if row.get("from_state") is None and row.get("state") is not None:
            return True
        event = row.get("event")
        if isinstance(event, nodes.Mapping) and event.get("type") is not None:
            return True
    return False
