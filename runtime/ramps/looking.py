"""A look at a ramp by a worker, and the bell that calls for one.

The row is the truth: when it was looked at, who looks, until when. The broker is only the bell: a
ramp that nobody looks at is rung for again, and while nobody looks nothing passes. A claim ends by
itself, so a worker that died holds a ramp up for seconds; two never look at one at the same time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from runtime import deployments
from runtime.models import Ramp
from runtime.ramps import judging, measuring, services
from runtime.ramps.plan import step_of

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=30)
"""The longest a look may take before another worker may begin one."""
RING_AGAIN = timedelta(seconds=5)
"""A bell that nobody followed is rung again after this time."""

Clock = Callable[[], datetime]


def due(now: datetime) -> list[Ramp]:
    """Return the ramps to be looked at, and mark them as rung for, each once."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    rung = []
    for ramp in Ramp.objects.filter(free, ended_at=None):
        if ramp.judged_at is not None and (now - ramp.judged_at).total_seconds() < ramp.every:
            continue
        again = now - min(RING_AGAIN, max(timedelta(seconds=ramp.every), timedelta(seconds=1)))
        waiting = Q(rung_at=None) | Q(rung_at__lt=again) | Q(rung_at__lte=ramp.judged_at or again)
        if Ramp.objects.filter(waiting, pk=ramp.pk).update(rung_at=now):
            rung.append(ramp)
    return rung


def look(ramp_id: int, *, worker: str, clock: Clock = timezone.now) -> Ramp | None:
    """Measure, compare, and do what follows; None if another worker does or it is over."""
    if not _claim(ramp_id, worker, clock()):
        return None
    try:
        ramp = next(each for each in services.all_active() if each.pk == ramp_id)
        measuring.measure(ramp, clock().timestamp())
        return services.judge(ramp, judgement_of(ramp, clock()), clock())
    finally:
        Ramp.objects.filter(pk=ramp_id, worker=worker).update(claimed_until=None, worker="")


def judgement_of(ramp: Ramp, now: datetime) -> dict[str, object]:
    """Compare what is measured of the ramp's present step.

    Errors that the deeper check found meanwhile keep it from going on, whatever its figures are.
    """
    step = step_of(ramp.steps[ramp.step])
    judged = judging.judge(
        measuring.arms(ramp),
        ramp.figures,
        slack=step.slack,
        steps=len(ramp.steps),
        names=judging.Names(f"v{ramp.deployment.version.number}", f"v{ramp.stable.version.number}"),
        share=step.percent / 100,
        seconds=(now - ramp.step_at).total_seconds(),
    )
    alarm = deployments.alarm_of(ramp.deployment)
    if alarm is None or judged["verdict"] == judging.FAIL:
        return judged
    count = "1 error" if alarm.errors == 1 else f"{alarm.errors} errors"
    return {
        **judged,
        "verdict": judging.MISSING,
        "head": f"The deeper check found {count} in v{alarm.number}.",
        "sentence": f"It goes no further by itself. Line {alarm.first['line']}:"
        f" {alarm.first['message']}",
    }


def _claim(ramp_id: int, worker: str, now: datetime) -> bool:
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    claimed = Ramp.objects.filter(free, pk=ramp_id, ended_at=None)
    return claimed.update(worker=worker, claimed_until=now + CLAIM) == 1
