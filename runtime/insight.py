"""What the record says of a flow over days: rows nobody needs, events nobody expected, versions.

All of it is asked of the counts (`runtime.counting`) and of the newest calls, so a question about a
month costs as much as one about a day.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q

from designer import selectors
from designer.models import Flow, Version
from flows.semantics import Program
from flows.table import Row, Table
from flows.vocabulary import EVENTS
from runtime import audit, counting, deployments, dwell, fires
from runtime.counting import DAY
from runtime.models import Session, Step
from runtime.ramps import sequential
from runtime.tally import FAILED

RANGES = (1, 7, 30)
"""Days somebody may look at, today among them."""
KEEP_SECONDS = 10
MOST_UNEXPECTED = 30
SAMPLES = 3
MOST_VERSIONS = 8
LEAST_CALLS = 20
"""Calls of each version from which two are compared."""
ALPHA = 0.05
LATELY = 30
"""Versions, from the newest, that are looked through for the first that had a row."""


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days in UTC, the last of them today."""

    days: int
    first: int
    """Days since 1970."""

    @classmethod
    def of(cls, days: int, now: float) -> Span:
        return cls(days, int(now // DAY) - days + 1)

    @property
    def since(self) -> float:
        """When it begins, in seconds since the epoch."""
        return self.first * DAY


def days_of(asked: Any) -> int:
    """Return one of RANGES: what was asked for if it is one, else a week."""
    text = str(asked or "")
    return int(text) if text in {str(days) for days in RANGES} else 7


def insight(flow: Flow, days: int = 7, now: float | None = None) -> dict[str, Any]:
    """Return what the days say of a flow.

    {flow, days, since, calls, version, dead: [..], unexpected: [..], versions: [..], verdict,
    heat: {digest: {role: {state: {visits, dwell, failed}}}}, fired: {digest: {row: count}}}
    """
    now = time.time() if now is None else now
    return _insight(flow.pk, days, int(now / KEEP_SECONDS))


@lru_cache(maxsize=32)
def _insight(flow_id: int, days: int, bucket: int) -> dict[str, Any]:
    flow = Flow.objects.get(pk=flow_id)
    span = Span.of(days, bucket * KEEP_SECONDS)
    counts = counting.counts_of(flow.name, span.first)
    deployment = deployments.current(flow)
    version = deployment.version if deployment else selectors.newest_version(flow)
    table = audit.table_of(version.digest) if version else None
    numbers = dict(flow.versions.values_list("digest", "number"))
    compared = versions(flow, span, counts, numbers)
    return {
        "flow": flow.name,
        "days": days,
        "since": span.since,
        "calls": sum(each["calls"] for each in compared),
        "version": version.number if version else None,
        "digest": version.digest if version else "",
        "numbers": numbers,
        "dead": dead_rows(version, table, counts) if version and table else [],
        "rows": len(table.rows) if table else 0,
        "unexpected": unexpected(flow, span, counts, table, numbers),
        "versions": compared[:MOST_VERSIONS],
        "verdict": verdict(compared),
        "heat": heat(flow, counts),
        "fired": fired(counts),
    }


# -- rows that never fire --------------------------------------------------------------------------


def dead_rows(
    version: Version, table: Table, counts: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of a table that did not fire in any version, in the order of the text.

    A row is known by what it says, so one that only moved is not dead. `since` is the number of the
    version it came with, as far as the last 30 tell: what is new had little time.
    """
    said = {fires.key_of(row) for row in _fired_rows(counts)}
    dead = [row for row in table.rows if fires.key_of(row) not in said]
    if not dead:
        return []
    since = _first_versions(version, dead)
    return [
        {
            "row": row.index,
            "label": row.label,
            "state": row.from_state,
            "role": row.role,
            "guards": [guard.text for guard in row.guards],
            "to": row.next_state,
            "line": row.place.line,
            "since": since.get(fires.key_of(row)),
        }
        for row in dead
    ]


def _fired_rows(counts: Iterable[dict[str, Any]]) -> Iterable[Row]:
    for digest, row in {(each["digest"], each["row"]) for each in counts if each["row"] >= 0}:
        table = audit.table_of(digest)
        if table is not None and row < len(table.rows):
            yield table.rows[row]


def _first_versions(version: Version, rows: list[Row]) -> dict[tuple[str, ...], int]:
    """Return for what each row says the version from which on, up to this one, it is said."""
    still = {fires.key_of(row) for row in rows}
    first: dict[tuple[str, ...], int] = {}
    before = version.flow.versions.filter(number__lte=version.number).order_by("-number")
    for number, digest in before.values_list("number", "digest")[:LATELY]:
        table = audit.table_of(digest)
        still &= {fires.key_of(row) for row in table.rows} if table else set()
        first.update(dict.fromkeys(still, number))
        if not still:
            break
    return first


# -- events that met no row ------------------------------------------------------------------------


def unexpected(
    flow: Flow,
    span: Span,
    counts: Iterable[dict[str, Any]],
    table: Table | None,
    numbers: dict[str, int],
) -> list[dict[str, Any]]:
    """Return events that met no row, the most frequent first, with calls in which they did.

    `fixed`: the version that new calls take has a row by now. `add` is what the editor's address
    needs to begin such a row.
    """
    found: Counter[tuple[str, str, str]] = Counter()
    where: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for each in counts:
        # What the product itself ends calls by is no word that a row could take.
        if each["kind"] == "unhandled" and each["event"] in EVENTS:
            key = (each["event"], each["from_state"], each["role"])
            found[key] += each["count"]
            where[key].add(numbers.get(each["digest"], 0))
    program = Program(table) if table else None
    return [
        {
            "event": event,
            "state": state,
            "role": role,
            "count": count,
            "versions": sorted(where[event, state, role] - {0}),
            "calls": _samples(flow, span, event, state, role),
            "fixed": _takes(program, event, state, role),
            "drawn": table is not None and state in table.states,
            "add": urlencode({"add": "row", "state": state, "event": event, "as": role}),
        }
        for (event, state, role), count in found.most_common(MOST_UNEXPECTED)
    ]


def _samples(flow: Flow, span: Span, event: str, state: str, role: str) -> list[str]:
    met = Step.objects.filter(
        kind="unhandled",
        event=event,
        time__gte=span.since,
        from_state=state,
        role=role,
        session__flow_name=flow.name,
    )
    return list(met.order_by("-time").values_list("session_id", flat=True)[:SAMPLES])


def _takes(program: Program | None, event: str, state: str, role: str) -> bool:
    if program is None or state not in program.table.states:
        return False
    return event in program.position(state, role).candidates


# -- versions --------------------------------------------------------------------------------------


def versions(
    flow: Flow, span: Span, counts: Iterable[dict[str, Any]], numbers: dict[str, int]
) -> list[dict[str, Any]]:
    """Return what calls of each version came to, the newest version first.

    Each figure is {part, share, low, high}: the band holds however often one looks.
    """
    established: Counter[str] = Counter()
    for each in counts:
        established[each["digest"]] += each["established"]
    told = (
        Session.objects.filter(flow_name=flow.name, started_at__gte=span.since)
        .values("digest")
        .annotate(
            calls=Count("pk"),
            failed=Count("pk", filter=Q(outcome__in=sorted(FAILED))),
            unhandled=Count("pk", filter=Q(unhandled__gt=0)),
        )
        .order_by()
    )
    lines = [
        {
            "digest": each["digest"],
            "number": numbers.get(each["digest"]),
            "calls": each["calls"],
            "answered": _share(min(established[each["digest"]], each["calls"]), each["calls"]),
            "failed": _share(each["failed"], each["calls"]),
            "unhandled": _share(each["unhandled"], each["calls"]),
        }
        for each in told
    ]
    return sorted(lines, key=lambda line: -(line["number"] or 0))


def _share(part: int, total: int) -> dict[str, Any]:
    band = sequential.band(sequential.Share(part, total), ALPHA)
    return {"part": part, "share": part / total, "low": band.low, "high": band.high}


def verdict(lines: list[dict[str, Any]]) -> str:
    """Say in a sentence how the newest version does beside the one before."""
    known = [line for line in lines if line["number"] is not None]
    if len(known) < 2:
        return "Only one version had calls in these days, so there is nothing to compare."
    new, old = known[0], known[1]
    names = f"v{new['number']}", f"v{old['number']}"
    few = [line for line in (new, old) if line["calls"] < LEAST_CALLS]
    if few:
        return (
            f"v{few[0]['number']} had {few[0]['calls']} calls, too few to compare"
            f" {names[0]} with {names[1]}."
        )
    said = [
        _said(words, new, old, names, key, up)
        for key, words, up in (
            ("answered", "answers", True),
            ("failed", "fails in", False),
            ("unhandled", "meets an event without a row in", False),
        )
    ]
    differences = [each for each in said if each]
    if differences:
        return f"{names[0]} {'; it '.join(differences)}."
    return (
        f"No difference between {names[0]} and {names[1]} shows in {new['calls']} and"
        f" {old['calls']} calls."
    )


def _said(
    words: str,
    new: dict[str, Any],
    old: dict[str, Any],
    names: tuple[str, str],
    key: str,
    up: bool,
) -> str:
    """Return how two versions differ in one figure, or nothing if no difference is sure."""
    sides = [sequential.Share(each[key]["part"], each["calls"]) for each in (new, old)]
    band = sequential.difference(sides[0], sides[1], ALPHA)
    if band.low <= 0 <= band.high:
        return ""
    better = (band.low > 0) == up
    shares = f"{new[key]['share']:.0%} of calls, {names[1]} {old[key]['share']:.0%}"
    return f"{words} {shares.replace('%', ' %')}, which is {'better' if better else 'worse'}"


# -- the picture -----------------------------------------------------------------------------------


def heat(flow: Flow, counts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return visits, failures and the mean stay of each state, by version and role."""
    found: dict[tuple[str, str, str], dict[str, float]] = defaultdict(
        lambda: {"visits": 0, "failed": 0, "dwell": 0.0}
    )
    for each in counts:
        here = found[each["digest"], each["role"], each["from_state"]]
        if each["event"] == "ActionFailed" or (
            each["kind"] == "unhandled" and each["event"] in EVENTS
        ):
            here["failed"] += each["count"]
        else:
            here["failed"] += each["failed"]
        if each["from_state"] != each["to_state"]:
            found[each["digest"], each["role"], each["to_state"]]["visits"] += each["count"]
    stays = dwell.stays_of(flow.name)
    nested: dict[str, Any] = {}
    for (digest, role, state), told in found.items():
        lasted = stays.get((digest, state), [])
        told["dwell"] = sum(lasted) / len(lasted) if lasted else 0.0
        nested.setdefault(digest, {}).setdefault(role, {})[state] = told
    return nested


def fired(counts: Iterable[dict[str, Any]]) -> dict[str, dict[int, int]]:
    """Return how often each row of each version fired."""
    found: dict[str, dict[int, int]] = {}
    for each in counts:
        if each["row"] >= 0:
            rows = found.setdefault(each["digest"], {})
            rows[each["row"]] = rows.get(each["row"], 0) + each["count"]
    return found
