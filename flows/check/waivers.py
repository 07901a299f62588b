"""Waivers: a finding somebody accepted on a row, for a reason and perhaps until a day (META993)."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable

from flows.check.catalogue import catalogue
from flows.findings import Finding, Severity
from flows.table import Row, Table, Waiver


def apply(
    table: Table,
    findings: Iterable[Finding],
    today: datetime.date | None = None,
    *,
    deep: bool = False,
) -> list[Finding]:
    """Turn waived findings into information, and tell of every waiver (META993).

    Without `deep` a waiver of what only the deeper check looks for is not called useless.
    """
    waivers = {
        (row.index, waiver.code): (row, waiver) for row in table.rows for waiver in row.waive
    }
    if not waivers:
        return list(findings)
    result: list[Finding] = []
    used: set[tuple[int, str]] = set()
    for finding in findings:
        key = (finding.row if finding.row is not None else -1, finding.code)
        if key in waivers:
            used.add(key)
            waiver = waivers[key][1]
            if not _expired(waiver, today):
                finding = dataclasses.replace(
                    finding,
                    severity=Severity.INFO,
                    explanation=f"Accepted: {waiver.reason}",
                )
        result.append(finding)
    for key, (row, waiver) in waivers.items():
        unsure = not deep and _is_deep(waiver.code)
        expired = _expired(waiver, today)
        result.append(_told(row, waiver, used=key in used or unsure, expired=expired))
    return result


def _is_deep(code: str) -> bool:
    entry = catalogue().get(code)
    return entry is not None and entry.tier not in ("T0", "T1")


def _told(row: Row, waiver: Waiver, *, used: bool, expired: bool) -> Finding:
    if expired:
        message = f"The waiver of {waiver.code} ran out on {waiver.until}; it has no effect."
    elif not used:
        message = f"The waiver of {waiver.code} waives nothing any more; remove it."
    else:
        message = f"{waiver.code} is waived on this row: {waiver.reason}"
    return Finding(
        "META993", Severity.WARNING, message, waiver.place, row=row.index, state=row.from_state
    )


def _expired(waiver: Waiver, today: datetime.date | None) -> bool:
    if today is None or not waiver.until:
        return False
    return datetime.date.fromisoformat(waiver.until) < today
