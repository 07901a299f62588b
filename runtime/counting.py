"""Adding up the steps of the record, a portion at a time, each step once.

Keys of steps grow with time, but a transaction that is still open may hold smaller ones than those
that can be seen. So a turn counts only up to the newest key of a while ago.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, F, IntegerField, Max, Sum, TextField, Value, When
from django.db.models.functions import Cast, Floor

from runtime.models import Step, StepCount, StepsCounted
from runtime.tally import FAILED

TURN_SECONDS = 15.0
SETTLED_SECONDS = 30.0
"""After so long no transaction that was open is open still."""
PORTION = 50_000
MOST_PORTIONS = 8
"""Portions of one turn; the next turn goes on where this one stopped."""
MOST_FRESH = 50_000
"""Steps that are counted while somebody waits."""
DAY = 86_400.0
ESTABLISHED = '"CallEstablished"'
_ALIKE = (
    "flow_name",
    "day",
    "digest",
    "role",
    "from_state",
    "to_state",
    "event",
    "row",
    "kind",
)


def turn(now: float | None = None) -> int:
    """Add up what is new and settled; return how many steps that was."""
    now = time.time() if now is None else now
    counted = 0
    for _ in range(MOST_PORTIONS):
        portion, more = _portion(now)
        counted += portion
        if not more:
            break
    return counted


def counts_of(flow: str, first: int) -> list[dict[str, Any]]:
    """Return the counts of a flow from a day on, each with the names of `StepCount`'s fields.

    What is not added up yet is counted on the spot, unless that is too much for somebody who waits.
    """
    stored: list[Any] = list(StepCount.objects.filter(flow_name=flow, day__gte=first).values())
    mark = StepsCounted.objects.filter(pk=1).first()
    counted, newest = mark.counted if mark else 0, _newest()
    if not 0 < newest - counted <= MOST_FRESH:
        return stored
    fresh = _alike(counted, newest).filter(flow_name=flow, day__gte=first)
    return [*stored, *fresh]


def catch_up() -> None:
    """Add up all there is, settled or not; for tests and for a record that nobody writes to."""
    with transaction.atomic():
        mark = _mark()
        mark.seen, mark.seen_at = _newest(), 0.0
        mark.save()
    while _portion(0.0)[1]:
        pass


def _portion(now: float) -> tuple[int, bool]:
    """Add up one portion; return how many steps it had, and whether there is more to be added."""
    with transaction.atomic():
        mark = _mark()
        upto = min(mark.seen, mark.counted + PORTION)
        alike = list(_alike(mark.counted, upto)) if upto > mark.counted else []
        _add(alike)
        mark.counted = max(mark.counted, upto)
        more = mark.counted < mark.seen
        if not more and now - mark.seen_at >= SETTLED_SECONDS:
            mark.seen, mark.seen_at = _newest(), now
        mark.save()
    return sum(each["count"] for each in alike), more


def _mark() -> StepsCounted:
    """Return the mark, held against other processes until the transaction ends."""
    StepsCounted.objects.get_or_create(pk=1)
    return StepsCounted.objects.select_for_update().get(pk=1)


def _newest() -> int:
    newest: int | None = Step.objects.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def _alike(after: int, upto: int) -> Any:
    one, nothing = Value(1), Value(0)
    established = Case(When(said__contains=ESTABLISHED, then=one), default=nothing)
    failed = Case(When(outcome__in=sorted(FAILED), then=one), default=nothing)
    return (
        Step.objects.filter(pk__gt=after, pk__lte=upto)
        .annotate(
            flow_name=F("session__flow_name"),
            day=Cast(Floor(F("time") / DAY), IntegerField()),
            said=Cast("published", TextField()),
        )
        .order_by()
        .values(*_ALIKE)
        .annotate(count=Count("pk"), established=Sum(established), failed=Sum(failed))
    )


def _add(alike: list[dict[str, Any]]) -> None:
    """Add these counts to those there are."""
    days = {each["day"] for each in alike}
    flows = {each["flow_name"] for each in alike}
    known = {
        tuple(getattr(count, name) for name in _ALIKE): count
        for count in StepCount.objects.filter(flow_name__in=flows, day__in=days)
    }
    fresh, changed = [], []
    for each in alike:
        count = known.get(tuple(each[name] for name in _ALIKE))
        if count is None:
            fresh.append(StepCount(**each))
            continue
        count.count += each["count"]
        count.established += each["established"]
        count.failed += each["failed"]
        changed.append(count)
    StepCount.objects.bulk_create(fresh, batch_size=500)
    StepCount.objects.bulk_update(changed, ["count", "established", "failed"], batch_size=500)
