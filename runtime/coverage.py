"""Which rows of a version were taken by recorded calls: of that version, and of others whose rows
say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from django.db.models import Count

from designer.facts import Taken
from designer.models import Version
from flows.changes import ROW, changes
from runtime import audit
from runtime.models import ReplayRun, Session, Step

MOST_CALLS = 5000
"""Recorded calls looked at, the newest first."""
MOST_VERSIONS = 30
"""Versions whose rows are looked up among those of another, those with the most calls first."""


def taken(version: Version) -> Taken:
    """Return which rows of a version the newest recorded calls of its flow took.

    Counted once for as long as no newer call is over.
    """
    found = Session.objects.filter(flow_name=version.flow.name).exclude(ended_at=None)
    ordered = found.order_by("-started_at", "-pk")
    newest = ordered.values_list("pk", flat=True).first()
    if newest is None:
        return Taken()
    recorded = _taken(version.flow.name, version.digest, newest)
    run = ReplayRun.objects.filter(version=version).values_list("report", flat=True).first()
    if not run or not run.get("rows"):
        return recorded
    # Played on this text they took these rows: of the same calls, so the greater number counts.
    rows = {int(row): count for row, count in run["rows"].items()}
    for row, count in recorded.rows.items():
        rows[row] = max(count, rows.get(row, 0))
    return Taken(rows, recorded.calls)


@lru_cache(maxsize=64)
def _taken(flow: str, digest: str, newest: str) -> Taken:
    found = Session.objects.filter(flow_name=flow).exclude(ended_at=None)
    calls = list(found.order_by("-started_at", "-pk").values_list("pk", flat=True)[:MOST_CALLS])
    counted: Counter[tuple[str, int]] = Counter()
    for start in range(0, len(calls), 500):
        rows = Step.objects.filter(session_id__in=calls[start : start + 500], row__gte=0)
        grouped = rows.values_list("digest", "row").annotate(Count("session_id", distinct=True))
        for ran, row, count in grouped.order_by():
            counted[ran, row] += count
    return Taken(_of_version(digest, counted), len(calls))


def _of_version(digest: str, counted: Counter[tuple[str, int]]) -> Mapping[int, int]:
    by_version: Counter[str] = Counter()
    for (ran, _), count in counted.items():
        by_version[ran] += count
    same = {ran: same_rows(ran, digest) for ran, _ in by_version.most_common(MOST_VERSIONS)}
    rows: Counter[int] = Counter()
    for (ran, row), count in counted.items():
        here = same.get(ran, {}).get(row)
        if here is not None:
            rows[here] += count
    return dict(rows)


@lru_cache(maxsize=64)
def same_rows(old: str, new: str) -> Mapping[int, int]:
    """Return which row of one text means the same as which of the other, both by their hash."""
    before, after = audit.table_of(old), audit.table_of(new)
    if before is None or after is None:
        return {}
    if old == new:
        return {row.index: row.index for row in after.rows}
    found = changes(before, after)
    otherwise = {each.old_row for each in found.real if each.subject == ROW}
    return {a: b for a, b in found.pairing.rows.items() if a not in otherwise}
