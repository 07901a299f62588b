"""The history of a session: what its journal says, asked in the ways people ask.

It is made of the steps themselves, of a living session (`Watch`), of a journal's folder (`read`) or
of anybody else's records, and is no second store.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from runtime.executor.step import Step
from runtime.node.journal import DoneRecord, StepRecord, read, segments

STALE: Final = 3600.0
STUCK: Final = 300.0
ERROR_PRONE: Final = 0.30


@dataclass(frozen=True, slots=True)
class Entry:
    """One step in the history."""

    sequence: int
    time: float
    """Seconds since the epoch."""
    state: str
    event: str
    to_state: str
    kind: str
    """fired, ignored, unhandled, migrated, error ..."""
    row: int
    published: tuple[str, ...]
    actions: tuple[str, ...]
    microseconds: int
    """What the actions took together."""
    error: str
    """Why an action failed, or the kind of an end that no row decided; empty if all went well."""

    @classmethod
    def of(cls, step: Step, done: DoneRecord | None = None) -> Entry:
        """Make the entry of a step and of the results of its actions, if it had any."""
        results = () if done is None else done.results
        failed = next((each.error or "failed" for each in results if not each.ok), "")
        if not failed and step.kind in ("unhandled", "error"):
            failed = f"{step.kind}: {step.event}"
        return cls(
            step.sequence,
            step.time,
            step.from_state,
            step.event,
            step.to_state,
            step.kind,
            step.row,
            () if failed else tuple(step.published),
            tuple(step.actions),
            sum(each.microseconds for each in results),
            failed,
        )


class History:
    """The entries of one session, the oldest first, and the questions about them."""

    def __init__(self, session: str, entries: Iterable[Entry]) -> None:
        self.session = session
        self.entries = tuple(entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def recent(self, count: int = 10) -> tuple[Entry, ...]:
        """Return the last `count` entries."""
        return self.entries[-count:] if count > 0 else ()

    def by_state(self, state: str) -> tuple[Entry, ...]:
        """Return the entries of events that came in `state`."""
        return tuple(entry for entry in self.entries if entry.state == state)

    def errors(self) -> tuple[Entry, ...]:
        """Return the entries in which something failed or met no row."""
        return tuple(entry for entry in self.entries if entry.error)

    def counts(self) -> dict[str, int]:
        """Return how often each event came, the most frequent first."""
        return dict(Counter(entry.event for entry in self.entries).most_common())

    def average_duration(self) -> float:
        """Return the seconds that the actions of a step took on average; 0.0 without steps."""
        total = sum(entry.microseconds for entry in self.entries)
        return total / len(self.entries) / 1e6 if self.entries else 0.0

    def error_rate(self) -> float:
        """Return which part of the entries are errors, 0.0 to 1.0."""
        return len(self.errors()) / len(self.entries) if self.entries else 0.0

    def idle_time(self, now: float) -> float:
        """Return the seconds since the last step; `now` in seconds since the epoch."""
        return max(0.0, now - self.entries[-1].time) if self.entries else 0.0

    def time_in_state(self, now: float) -> float:
        """Return the seconds since the state was entered."""
        entered = self.entries[0].time if self.entries else now
        for entry in self.entries:
            if entry.state != entry.to_state:
                entered = entry.time
        return max(0.0, now - entered)

    def age(self, now: float) -> float:
        """Return the seconds since the first step that is kept."""
        return max(0.0, now - self.entries[0].time) if self.entries else 0.0

    def health(self, now: float, limits: Limits | None = None) -> str:
        """Return the health class: Healthy, Stale, Stuck or ErrorProne; see `Limits`."""
        limits = limits or Limits()
        if self.error_rate() > limits.error_rate:
            return "ErrorProne"
        if self.time_in_state(now) > limits.stuck:
            return "Stuck"
        return "Stale" if self.idle_time(now) > limits.stale else "Healthy"

    # -- exports -----------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """Return the entries as plain data; times are RFC 3339 in UTC."""
        return [_row(entry) for entry in self.entries]

    def json(self) -> bytes:
        """Return the history as JSON: an object with the session and the list of entries."""
        return msgspec.json.encode({"session": self.session, "entries": self.rows()})

    def csv(self) -> str:
        """Return the history as CSV with a line of names; times are RFC 3339 in UTC."""
        out = io.StringIO()
        names = ["session", *(name for name in Entry.__slots__)]
        writer = csv.DictWriter(out, names, lineterminator="\r\n")
        writer.writeheader()
        for entry in self.entries:
            row = _row(entry)
            for name in ("published", "actions"):
                row[name] = " ".join(row[name])
            writer.writerow({"session": self.session, **{n: _cell(v) for n, v in row.items()}})
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class Limits:
    """When a living session is not healthy."""

    stale: float = STALE
    """Seconds without any step."""
    stuck: float = STUCK
    """Seconds in one state."""
    error_rate: float = ERROR_PRONE
    """Part of its steps that are errors, 0.0 to 1.0."""


def histories(folder: Path, node: str | None = None) -> dict[str, History]:
    """Return the history of every session in a journal's folder, by id.

    A journal that is being written may be read. Raises JournalError for one of another version.
    """
    steps: dict[str, list[Step]] = {}
    done: dict[tuple[str, int], DoneRecord] = {}
    for segment in segments(folder, node):
        for _, record in read(segment.path):
            if isinstance(record, StepRecord):
                steps.setdefault(record.step.session, []).append(record.step)
            elif isinstance(record, DoneRecord):
                done[record.session, record.sequence] = record
    return {
        session: History(
            session, (Entry.of(step, done.get((session, step.sequence))) for step in told)
        )
        for session, told in steps.items()
    }


def _row(entry: Entry) -> dict[str, Any]:
    row = asdict(entry)
    row["time"] = datetime.fromtimestamp(entry.time, UTC).isoformat(timespec="milliseconds")
    return row


def _cell(value: Any) -> Any:
    """Keep a spreadsheet from reading a text as a formula."""
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky else value
