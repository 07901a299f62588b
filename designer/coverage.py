"""Which rows of a version were ever exercised: by its tests, by recorded calls, by neither.

    coverage = coverage_of(version, base)
    coverage.rows            # a line for each row, with how many tests and calls took it
    coverage.changed         # the same of those rows that are not as in `base`

A test counts with the rows it took on exactly this text. A recorded call counts where it ran this
text, ran another one whose row says the same, or was played on this text (`facts.Runtime.taken`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from designer import facts, rendering, scenario_runs, selectors
from designer.models import Version
from designer.scenario_runs import Tests
from designer.scenarios import row_names
from flows.changes import ROW, changes
from flows.table import Row, Table

TESTS, CALLS, BOTH, NONE = "tests", "calls", "both", "none"
WORDS = {
    TESTS: "by tests only",
    CALLS: "by recorded calls only",
    BOTH: "by both",
    NONE: "by nobody",
}


@dataclass(frozen=True, slots=True)
class RowLine:
    """One row and who exercised it."""

    index: int
    name: str
    """Its id, else state, role, event and guards."""
    words: str
    """In words: where it stands and what leads to it."""
    state: str
    """The state it stands in, `*` for any."""
    line: int
    tests: int
    calls: int
    changed: bool = False
    """It is not as in the version that is compared with."""

    @property
    def by(self) -> str:
        """`tests`, `calls`, `both` or `none`."""
        if self.tests:
            return BOTH if self.calls else TESTS
        return CALLS if self.calls else NONE

    @property
    def covered(self) -> bool:
        return bool(self.tests or self.calls)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "row": self.index, "name": self.name, "line": self.line, "tests": self.tests,
            "calls": self.calls, "by": self.by, "changed": self.changed,
        }  # fmt: skip


@dataclass(slots=True)
class Coverage:
    """Who exercised the rows of one version."""

    version: Version
    base: Version | None
    """What `changed` is meant against."""
    tests: Tests
    rows: list[RowLine] = field(default_factory=list)
    looked: int = 0
    """How many recorded calls were looked at."""

    @property
    def total(self) -> int:
        return len(self.rows)

    @property
    def covered(self) -> int:
        return sum(row.covered for row in self.rows)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rows are covered `by` whom."""
        counted = Counter(row.by for row in self.rows)
        return {by: counted[by] for by in WORDS}

    @property
    def by_tests(self) -> int:
        return sum(row.tests > 0 for row in self.rows)

    @property
    def by_calls(self) -> int:
        return sum(row.calls > 0 for row in self.rows)

    @property
    def changed(self) -> list[RowLine]:
        return [row for row in self.rows if row.changed]

    @property
    def changed_covered(self) -> int:
        return sum(row.covered for row in self.changed)

    @property
    def open(self) -> list[RowLine]:
        """The rows that nobody exercised, changed ones first."""
        return sorted(
            (r for r in self.rows if not r.covered), key=lambda r: (not r.changed, r.line)
        )

    @property
    def open_by_state(self) -> list[tuple[str, list[RowLine]]]:
        """The unchanged rows that nobody exercised, by the state they stand in."""
        found: dict[str, list[RowLine]] = {}
        for row in self.open:
            if not row.changed:
                found.setdefault(row.state, []).append(row)
        return list(found.items())

    @property
    def sentence(self) -> str:
        """How it stands, in a sentence for a person."""
        if not self.rows:
            return f"{self.version.label} has no row that could be exercised."
        left = self.total - self.covered
        if not left:
            return f"Every row of {self.version.label} was exercised."
        nobody = "1 row was" if left == 1 else f"{left} rows were"
        return f"{self.covered} of {self.total} rows were exercised; {nobody} tried by nobody."

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        changed = self.changed
        return {
            "version": self.version.number,
            "digest": self.version.digest,
            "base": self.base.number if self.base is not None else None,
            "total": self.total,
            "covered": self.covered,
            "by_tests": self.by_tests,
            "by_calls": self.by_calls,
            "calls_looked_at": self.looked,
            "changed": len(changed),
            "changed_covered": self.changed_covered,
            "sentence": self.sentence,
            "rows": [row.as_dict() for row in self.rows],
        }

    def marks(self) -> dict[str, Any]:
        """Return what the diagram needs to draw it."""
        return {
            "rows": {
                row.index: {"by": row.by, "tests": row.tests, "calls": row.calls,
                            "changed": row.changed}
                for row in self.rows
            },
            "calls": self.looked,
        }  # fmt: skip


def coverage_of(version: Version, base: Version | None = None) -> Coverage:
    """Return who exercised the rows of a version; without rows where the text has no table."""
    tests = scenario_runs.tests_of(version)
    found = Coverage(version, base, tests)
    table = selectors.compiled_version(version).table
    if table is None:
        return found
    by_tests = Counter(row for line in tests.lines if line.result for row in line.result.rows)
    taken = facts.runtime().taken(version)
    found.looked = taken.calls
    fresh = changed_rows(version, base)
    for row, name in zip(table.rows, row_names(table), strict=True):
        found.rows.append(
            RowLine(
                row.index,
                name,
                words_of(row, table),
                row.from_state,
                row.place.line,
                by_tests[row.index],
                taken.rows.get(row.index, 0),
                row.index in fresh,
            )
        )
    return found


def usual_base(version: Version) -> Version | None:
    """Return what a version is compared with: what runs, else what it was made from."""
    deployed = facts.runtime().deployed().get(version.flow.name)
    if deployed is not None and deployed.number != version.number:
        return selectors.version_of(version.flow, deployed.number)
    return version.parent


def changed_rows(version: Version, base: Version | None) -> frozenset[int]:
    """Return the rows of a version that are new or mean something else than in `base`.

    Without `base` there is nothing that they would be a change of.
    """
    if base is None or base.digest == version.digest:
        return frozenset()
    return _changed(base.text, version.text)


@lru_cache(maxsize=32)
def _changed(old: str, new: str) -> frozenset[int]:
    before, after = rendering.drawing(old).compiled.table, rendering.drawing(new).compiled.table
    if after is None:
        return frozenset()
    if before is None:
        return frozenset(range(len(after.rows)))
    found = changes(before, after).real
    return frozenset(
        each.new_row for each in found if each.subject == ROW and each.new_row is not None
    )


def words_of(row: Row, table: Table) -> str:
    """Say where a row stands and where it leads, in words."""
    where = "in any state" if row.from_state == "*" else f"in {row.from_state}"
    role = "" if row.role == "Both" else f", as {row.role}"
    guards = f" if {' and '.join(guard.text for guard in row.guards)}" if row.guards else ""
    if row.ignore is not None:
        return f"{row.label} {where}{role}{guards}: ignored on purpose"
    leads = f"goes to {row.next_state}" if row.next_state else "stays"
    return f"{row.label} {where}{role}{guards}: {leads}"
