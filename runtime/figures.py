"""The figures under a live diagram: calls of the last hour by version, and what is usual.

Everything is asked of the record within bounds (the hour, or the newest calls) and kept for a few
seconds, so that many browsers cost what one costs.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from math import sqrt
from typing import Any

from django.db.models import Count, F, TextField
from django.db.models.functions import Cast, Floor

from designer.models import Version
from runtime import bridge
from runtime.models import Deployment, RampMark, Session, Step

HOUR = 3600.0
MINUTES = 60
KEEP_SECONDS = 10
DAY = 86_400.0
USUAL_DAYS = 7
USUAL_AROUND = 900.0
"""Seconds before and after this time of day that are looked at on earlier days."""
LEAST_DAYS = 3
MOST_CALLS = 2000
LEAST_CALLS = 30
ESTABLISHED = '"CallEstablished"'
Z95 = 1.96
MOST_MARKS = 20
SAID = {
    "began": "v{} {:g} %",
    "step": "v{} {:g} %",
    "promoted": "v{} all",
    "back": "v{} taken back",
}
"""What a mark of a ramp is called, by its kind."""


def figures(flow: str, now: float | None = None) -> dict[str, Any]:
    """Return what the record says of a flow's last hour.

    {from, minutes: [start of each minute], versions: [{digest, number, live: [..]}], marks: [{at,
    label}], begun_usual: {low, high, days} or null, answered: {share, calls} or null,
    answered_usual: {low, high, calls} or null}. Shares are parts of 1.
    """
    now = time.time() if now is None else now
    # The minutes of one bucket are the same for all who ask within it.
    return _figures(flow, int(now / KEEP_SECONDS))


@lru_cache(maxsize=64)
def _figures(flow: str, bucket: int) -> dict[str, Any]:
    now = float(bucket * KEEP_SECONDS)
    answered, usual = _answered(flow, now)
    return {
        "from": now - HOUR,
        "until": now,
        "versions": _lines(flow, now),
        "marks": _marks(flow, now),
        "begun_usual": _begun_usual(flow, now),
        "answered": answered,
        "answered_usual": usual,
    }


def _lines(flow: str, now: float) -> list[dict[str, Any]]:
    """Return the living calls of each version at the end of each of the last 60 minutes.

    From what lives now backwards: less what began since, and what ended since more.
    """
    begin = now - HOUR
    of_flow = Session.objects.filter(flow_name=flow)
    begun = _by_minute(of_flow, "started_at", begin)
    ended = _by_minute(of_flow, "ended_at", begin)
    live = _living(flow)
    numbers = dict(Version.objects.filter(flow__name=flow).values_list("digest", "number"))
    lines = []
    for digest in {*begun, *ended, *(digest for digest, count in live.items() if count)}:
        counts = [0] * MINUTES
        standing = live.get(digest, 0)
        for minute in reversed(range(MINUTES)):
            counts[minute] = max(0, standing)
            standing += ended[digest][minute] - begun[digest][minute]
        lines.append({"digest": digest, "number": numbers.get(digest), "live": counts})
    return sorted(lines, key=lambda line: (line["number"] is None, line["number"]))


def _by_minute(sessions: Any, field: str, begin: float) -> dict[str, Counter[int]]:
    counted = (
        sessions.filter(**{f"{field}__gte": begin})
        .annotate(minute=Floor((F(field) - begin) / 60.0))
        .values("digest", "minute")
        .annotate(count=Count("pk"))
        .order_by()
    )
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for line in counted:
        found[line["digest"]][min(MINUTES - 1, int(line["minute"]))] += line["count"]
    return found


def _living(flow: str) -> dict[str, int]:
    hub = bridge.current_hub()
    if hub is not None:
        live: dict[str, int] = hub.sums.versions(flow)
        return live
    counted = Session.objects.filter(flow_name=flow, ended_at=None).values("digest")
    return {
        line["digest"]: line["count"] for line in counted.annotate(count=Count("pk")).order_by()
    }


def _marks(flow: str, now: float) -> list[dict[str, Any]]:
    """Return the deployments of the last hour and the steps of ramps, oldest first."""
    since = datetime.fromtimestamp(now - HOUR, UTC)
    made = Deployment.objects.filter(flow__name=flow, at__gte=since, ramp=None)
    made = made.select_related("version").order_by("-pk")[:MOST_MARKS]
    steps = RampMark.objects.filter(ramp__flow__name=flow, at__gte=since, kind__in=SAID)
    steps = steps.select_related("ramp__deployment__version").order_by("-pk")[:MOST_MARKS]
    marks = [{"at": each.at.timestamp(), "label": f"v{each.version.number}"} for each in made] + [
        {
            "at": each.at.timestamp(),
            "label": SAID[each.kind].format(each.ramp.deployment.version.number, each.percent),
        }
        for each in steps
    ]
    return sorted(marks, key=lambda mark: mark["at"])


def _begun_usual(flow: str, now: float) -> dict[str, Any] | None:
    """Return how many calls a minute began around this time of day; None of too few days."""
    rates = []
    for day in range(1, USUAL_DAYS + 1):
        middle = now - day * DAY
        count = Session.objects.filter(
            flow_name=flow,
            started_at__gte=middle - USUAL_AROUND,
            started_at__lt=middle + USUAL_AROUND,
        ).count()
        if count:
            rates.append(count / (2 * USUAL_AROUND / 60))
    if len(rates) < LEAST_DAYS:
        return None
    return {"low": min(rates), "high": max(rates), "days": len(rates)}


def _answered(flow: str, now: float) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the share of calls that were answered in the last hour, and what was usual before."""
    of_flow = Session.objects.filter(flow_name=flow).order_by("-started_at")
    hour = _newest(of_flow.filter(started_at__gte=now - HOUR, started_at__lt=now))
    before = _newest(of_flow.filter(started_at__lt=now - HOUR))
    late = {"share": _established(hour) / len(hour), "calls": len(hour)} if hour else None
    if len(before) < LEAST_CALLS:
        return late, None
    low, high = interval(_established(before), len(before))
    return late, {"low": low, "high": high, "calls": len(before)}


def _newest(sessions: Any) -> list[str]:
    return list(sessions.values_list("pk", flat=True)[:MOST_CALLS])


def _established(ids: list[str]) -> int:
    said = Step.objects.filter(session_id__in=ids).annotate(said=Cast("published", TextField()))
    return said.filter(said__contains=ESTABLISHED).values("session_id").distinct().count()


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson's score interval)."""
    share = hits / of
    middle = share + Z95**2 / (2 * of)
    reach = Z95 * sqrt(share * (1 - share) / of + Z95**2 / (4 * of**2))
    whole = 1 + Z95**2 / of
    return max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole)
