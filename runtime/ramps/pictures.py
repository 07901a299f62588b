"""The numbers behind the pictures of a ramp: where a band lies, what the chart of an hour draws.

Only geometry: units of the drawing, 0 at the left and at the top. The colours are the template's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Any

from django.db.models import Count, F, IntegerField, Q
from django.db.models.functions import Cast, Floor
from django.utils import timezone

from runtime.models import Ramp, RampCall, RampMark
from runtime.ramps import sequential
from runtime.ramps.figures import Figure
from runtime.ramps.sequential import Share

BAND_WIDTH, BAND_HEIGHT = 220, 32
CHART_WIDTH, CHART_HEIGHT = 440, 230
LEFT, RIGHT, TOP, BOTTOM = 44, 82, 16, 24
"""Margins of the chart."""
HOUR = timedelta(hours=1)
POINTS = 40
ALPHA = 0.05
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)


def band(figure: Figure, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return where whisker, dot and forbidden area lie; None without a difference."""
    if found["difference"] is None:
        return None
    low, high = found["low"], found["high"]
    ends = [abs(each) for each in (low, high, found["difference"]) if each is not None]
    reach: float = max(*ends, found["allowed"] * 1.5) * 1.12
    half = BAND_WIDTH / 2

    def place(value: float | None, edge: float) -> float:
        if value is None:
            return edge
        return round(min(max(half + value / reach * half, 2), BAND_WIDTH - 2), 1)

    limit = place(figure.sign * found["allowed"], 0)
    bad = (0, limit) if figure.up else (limit, BAND_WIDTH)
    return {
        "width": BAND_WIDTH, "height": BAND_HEIGHT, "zero": half,
        "low": place(low, 2), "high": place(high, BAND_WIDTH - 2),
        "open_low": low is None, "open_high": high is None,
        "dot": place(found["difference"], half), "limit": limit,
        "bad_x": round(bad[0], 1), "bad_width": round(bad[1] - bad[0], 1),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """The share of answered calls up to a moment, with its band."""

    at: float
    share: float
    low: float
    high: float


def chart(ramp: Ramp, marks: Iterable[RampMark], now: datetime) -> dict[str, Any] | None:
    """Return the chart of answered calls over the last hour; None while there are no calls.

    A point counts all calls from the begin of the ramp, or of the hour, up to its moment.
    """
    until = min(now, ramp.ended_at + timedelta(minutes=2)) if ramp.ended_at else now
    since = max(ramp.began_at, until - HOUR)
    begin, span = since.timestamp(), max((until - since).total_seconds(), 10.0)
    lines = {side: _points(ramp, side, begin, span) for side in (False, True)}
    known = [point for points in lines.values() for point in points]
    if not known:
        return None
    bottom, top, step = _scale([p.low for p in known], [p.high for p in known])

    def x(at: float) -> float:
        return round(LEFT + (at - begin) / span * (CHART_WIDTH - LEFT - RIGHT), 1)

    def y(share: float) -> float:
        inside = min(max(share, bottom), top)
        high = CHART_HEIGHT - TOP - BOTTOM
        return round(TOP + (top - inside) / (top - bottom) * high, 1)

    return {
        "width": CHART_WIDTH, "height": CHART_HEIGHT, "left": LEFT,
        "right": CHART_WIDTH - RIGHT, "top": TOP, "bottom": CHART_HEIGHT - BOTTOM,
        "sides": _sides(ramp, lines, x, y),
        "rows": [
            {"y": y(bottom + n * step), "label": f"{100 * (bottom + n * step):.0f} %"}
            for n in range(round((top - bottom) / step) + 1)
        ],
        "times": _times(begin, span, x),
        "marks": _marks(marks, begin, span, x),
        "said": _said(ramp, lines),
    }  # fmt: skip


def _points(ramp: Ramp, candidate: bool, begin: float, span: float) -> list[Point]:
    width = span / POINTS
    found = RampCall.objects.filter(
        ramp=ramp, candidate=candidate, started_at__gte=begin, answered__isnull=False
    )
    bucket = Cast(Floor((F("started_at") - begin) / width), IntegerField())
    counted = found.annotate(bucket=bucket).values("bucket").order_by("bucket")
    part = total = 0
    points = []
    for row in counted.annotate(all=Count("pk"), part=Count("pk", filter=Q(answered=True))):
        part, total = part + row["part"], total + row["all"]
        seen = sequential.band(Share(part, total), ALPHA)
        at = begin + min(row["bucket"] + 1, POINTS) * width
        points.append(Point(at, part / total, seen.low, seen.high))
    if points and points[-1].at < begin + span:
        last = points[-1]
        points.append(Point(begin + span, last.share, last.low, last.high))
    return points


def _scale(lows: list[float], highs: list[float]) -> tuple[float, float, float]:
    """Return the ends of the axis and the way between its lines: the later half is to fit well."""
    low, high = sorted(lows)[len(lows) // 4], sorted(highs)[-1 - len(highs) // 4]
    step = next((tick for tick in TICKS if (high - low) / tick <= 4), TICKS[-1])
    bottom = max(0.0, floor(low / step) * step)
    top = min(1.0, bottom + (floor((high - bottom) / step) + 1) * step)
    return bottom, max(top, bottom + step), step


def _sides(ramp: Ramp, lines: Mapping[bool, list[Point]], x: Any, y: Any) -> list[dict[str, Any]]:
    sides = []
    for candidate, points in lines.items():
        if not points:
            continue
        version = ramp.deployment.version if candidate else ramp.stable.version
        above = [f"{x(point.at)},{y(point.high)}" for point in points]
        below = [f"{x(point.at)},{y(point.low)}" for point in reversed(points)]
        sides.append(
            {
                "name": "new" if candidate else "old",
                "area": " ".join([*above, *below]),
                "line": " ".join(f"{x(point.at)},{y(point.share)}" for point in points),
                "end": x(points[-1].at), "y": y(points[-1].share),
                "label_y": y(points[-1].share) + 4,
                "label": f"v{version.number} {100 * points[-1].share:.1f} %",
            }
        )  # fmt: skip
    if len(sides) == 2 and abs(sides[0]["label_y"] - sides[1]["label_y"]) < 14:
        # Two labels at one height would hide each other.
        upper, lower = sorted(sides, key=lambda side: side["label_y"])
        middle = (upper["label_y"] + lower["label_y"]) / 2
        upper["label_y"], lower["label_y"] = middle - 7, middle + 7
    return sides


def _times(begin: float, span: float, x: Any) -> list[dict[str, Any]]:
    form = "%H:%M" if span >= 600 else "%H:%M:%S"
    moments = [begin + span * part / 3 for part in range(4)]
    return [
        {
            "x": x(at),
            "label": timezone.localtime(datetime.fromtimestamp(at, tz=UTC)).strftime(form),
        }
        for at in moments
    ]


def _marks(marks: Iterable[RampMark], begin: float, span: float, x: Any) -> list[dict[str, Any]]:
    """Return where steps began, and where the candidate was taken back."""
    shown: list[dict[str, Any]] = []
    for mark in marks:
        at = mark.at.timestamp()
        if mark.kind in ("step", "back", "promoted") and begin <= at <= begin + span:
            label = {"back": "rolled back", "promoted": "100 %"}.get(mark.kind)
            place = x(at)
            # A word that would run into the names of the lines stands on the other side.
            shown.append(
                {
                    "x": place, "label": label or f"{mark.percent:g} %", "kind": mark.kind,
                    "left": place > CHART_WIDTH - RIGHT - 60,
                }
            )  # fmt: skip
    return shown


def _said(ramp: Ramp, lines: Mapping[bool, list[Point]]) -> str:
    """Return what the chart says, for who does not see it."""
    parts = []
    for candidate, points in lines.items():
        if points:
            version = ramp.deployment.version if candidate else ramp.stable.version
            last = points[-1]
            parts.append(
                f"v{version.number}: {100 * last.share:.1f} % answered,"
                f" band {100 * last.low:.1f} to {100 * last.high:.1f} %"
            )
    return "; ".join(parts)
