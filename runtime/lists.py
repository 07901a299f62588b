"""The list of calls beside a diagram: a few of very many, as one browser wants to see them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from runtime.node.session import Session
from runtime.tally import Key, Tally
from runtime.unusual import Found, Unusual

MOST_LINES = 60
MOST_TEXT = 100


class Wanted(NamedTuple):
    """Which calls somebody wants to see."""

    state: str = ""
    digest: str = ""
    role: str = ""
    node: str = ""
    text: str = ""
    unusual: bool = True
    """Those that need a look first, then those that stand longest; else the newest first."""

    @classmethod
    def of(cls, frame: dict[str, Any]) -> Wanted:
        """Read what a browser asks for; what is no text counts as nothing."""

        def text(name: str) -> str:
            value = frame.get(name)
            return value[:MOST_TEXT] if isinstance(value, str) else ""

        return cls(
            state=text("state"),
            digest=text("digest"),
            role=text("role"),
            node=text("node"),
            text=text("text").strip().lower(),
            unusual=frame.get("unusual") is not False,
        )

    def takes(self, key: Key) -> bool:
        """Say whether sessions that stand here are wanted."""
        return (
            self.state in ("", key.state)
            and self.digest in ("", key.digest)
            and self.role in ("", key.role)
        )


def chosen(
    tally: Tally, flow: str, found: Found, wanted: Wanted
) -> tuple[list[tuple[Session, Unusual | None]], int]:
    """Return the sessions for the list with why they are unusual, and how many match in all."""
    odd = found.by_id()
    if wanted.text:
        matching = [id for id in _ids(tally, flow, wanted) if _says(tally.session(id), wanted.text)]
        count = len(matching)
        first = _first(tally, matching, wanted)
    else:
        cells = tally.of(flow).cells
        count = sum(len(cell.since) for key, cell in cells.items() if wanted.takes(key))
        first = _first(tally, _front(tally, flow, wanted), wanted)
    leading = [
        each.id
        for each in found.listed
        if wanted.unusual and wanted.takes(each.key) and _is_wanted(tally, each, wanted)
    ]
    ids = list(dict.fromkeys([*leading[:MOST_LINES], *first]))[:MOST_LINES]
    sessions = [(tally.session(id), odd.get(id)) for id in ids]
    return [
        (session, why if why is None or why.key.state == session.state else None)
        for session, why in sessions
        if session is not None
    ], count


def _is_wanted(tally: Tally, each: Unusual, wanted: Wanted) -> bool:
    # Since the last look it may have moved on.
    stands = tally.key(each.id) == each.key
    return stands and (not wanted.text or _says(tally.session(each.id), wanted.text))


def _ids(tally: Tally, flow: str, wanted: Wanted) -> Iterator[str]:
    for key, cell in tally.of(flow).cells.items():
        if wanted.takes(key):
            yield from cell.since


def _front(tally: Tally, flow: str, wanted: Wanted) -> Iterator[str]:
    """Yield the sessions of each cell that can be among the first: a list's length of each."""
    for key, cell in tally.of(flow).cells.items():
        if wanted.takes(key):
            ids = iter(cell.since) if wanted.unusual else reversed(cell.since)
            yield from (id for id, _ in zip(ids, range(MOST_LINES), strict=False))


def _first(tally: Tally, ids: Iterable[str], wanted: Wanted) -> list[str]:
    def standing(id: str) -> float:
        session = tally.session(id)
        return session.since if session is not None else 0.0

    def begun(id: str) -> float:
        session = tally.session(id)
        return session.started if session is not None else 0.0

    if wanted.unusual:
        return heapq.nsmallest(MOST_LINES, ids, key=standing)
    return heapq.nlargest(MOST_LINES, ids, key=begun)


def _says(session: Session | None, text: str) -> bool:
    if session is None:
        return False
    return text in f"{session.caller} {session.callee} {session.id}".lower()
