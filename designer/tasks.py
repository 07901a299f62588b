"""The deeper check of a version, done by a worker.

The Task row is the truth: who works on it, how far it is, what came out. The broker is only the
bell, so a lost message or a killed worker costs time and no work: rows without a heartbeat are rung
again by `ring_stale`. A worker asks the row several times a second whether the task is still its
own: a task that was cancelled, or taken over, is left at once. The walk itself is done by a child
of the worker, bounded in time and memory; what a bound cut short is no proof and says so.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from designer import apart, deep, jobs, notices, verdicts
from designer.errors import Refused
from designer.models import Task, Version
from flows.check.catalogue import catalogue
from flows.check.contract import contract_hash

logger = logging.getLogger(__name__)

CHECK = "check"
STALE_AFTER = timedelta(seconds=10)
BEAT_EVERY = timedelta(milliseconds=200)
MAX_ATTEMPTS = 5
MEMORY = 1536
"""MiB that the walk of one version may take."""
LEAST_SHARE = 0.05
"""Below this share of the work nothing is said about how long the rest takes."""

_walker = apart.Apart(apart.Bounds(deep.TIER, deep.BUDGET, deep.SECONDS, MEMORY))


class Superseded(Exception):
    """The task is cancelled or another worker's: this one stops without a word."""


def examine(text: str, beat: deep.Beat) -> dict[str, Any]:
    """Walk through a text in the worker's child; `beat` may raise, and the child is stopped."""
    return _walker.examine(text, beat)


def check_request(version: Version) -> Task:
    """Put the deeper check of a version into the queue and ring for a worker."""
    task, _ = Task.objects.get_or_create(
        key=verdicts.check_key(version.pk),
        defaults={"kind": CHECK, "detail": {"version": version.pk}},
    )
    transaction.on_commit(lambda: ring(task), robust=True)
    return task


def check_cancel(version: Version, *, by: str) -> None:
    """Let go of the check of a version; Refused if it neither waits nor runs."""
    cancelled = Task.objects.filter(
        key=verdicts.check_key(version.pk), state__in=[Task.State.QUEUED, Task.State.RUNNING]
    ).update(
        state=Task.State.CANCELLED,
        finished_at=timezone.now(),
        detail={"version": version.pk, "by": by},
    )
    if not cancelled:
        raise Refused(f"No check of {version} runs.")
    _announce(version)


def check_again(version: Version) -> None:
    """Check a version anew; Refused while a verdict stands that another look would not change."""
    verdict = verdicts.verdict_of(version)
    if verdict.running:
        raise Refused(f"The check of {version} runs already.")
    if verdict.final:
        raise Refused(f"{version} is checked: its text never changes, nor would the answer.")
    check_request(version)
    Task.objects.filter(key=verdicts.check_key(version.pk)).update(
        state=Task.State.QUEUED,
        progress=0.0,
        attempts=0,
        worker="",
        heartbeat=timezone.now(),
        finished_at=None,
        detail={"version": version.pk},
    )
    _announce(version)


def control(version: Version, act: str, *, by: str) -> str:
    """Do what a person wants of a check, `cancel` or `again`; return what was done."""
    if act == "cancel":
        check_cancel(version, by=by)
        return f"The check of {version} is cancelled. Nothing is known of it."
    check_again(version)
    return f"{version} is checked again."


def check_outdated(versions: Iterable[Version]) -> list[Version]:
    """Check anew which of these versions have no verdict of this checker; return them.

    What was cancelled stays so: somebody wanted that.
    """
    listed = list(versions)
    judged = verdicts.verdicts_of(listed)
    old = [v for v in listed if judged[v.pk].state in (verdicts.STALE, verdicts.UNKNOWN)]
    for version in old:
        check_again(version)
    return old


def _announce(version: Version) -> None:
    task = Task.objects.get(key=verdicts.check_key(version.pk))
    transaction.on_commit(lambda: _tell(task.pk), robust=True)


def ring(task: Task) -> None:
    """Call for a worker. A broker that is away is no error: the row waits and is rung again."""
    if task.kind != CHECK:
        jobs.ring(task)
        return
    try:
        check_version.delay(task.detail["version"])
    except Exception as error:  # the broker's libraries raise their own, unrelated types
        logger.warning("no worker could be called for %s: %s", task.key, error)


def ring_stale(now: datetime | None = None) -> list[str]:
    """Ring again for each task whose worker gave no sign of life; return their keys.

    A task that took down its worker again and again is given up and says so.
    """
    now = now or timezone.now()
    stale = Q(state__in=[Task.State.QUEUED, Task.State.RUNNING], heartbeat__lt=now - STALE_AFTER)
    rung = []
    for task in Task.objects.filter(stale):
        lost = Task.objects.filter(stale, pk=task.pk)
        if task.attempts >= MAX_ATTEMPTS:
            lost.update(
                state=Task.State.FAILED,
                finished_at=now,
                detail={**task.detail, "error": f"It broke off {task.attempts} times."},
            )
            _tell(task.pk)
        elif lost.update(state=Task.State.QUEUED, heartbeat=now, worker="", progress=0.0):
            ring(task)
            rung.append(task.key)
    return rung


@shared_task(name="designer.check_version")
def check_version(version_id: int) -> None:
    """Run every rule there is over a version and keep what it found in the Task row."""
    work(version_id, worker=f"{socket.gethostname()}:{os.getpid()}"[:64], clock=timezone.now)


def work(version_id: int, *, worker: str, clock: Callable[[], datetime]) -> None:
    """Claim the task, do it, keep the result; another worker's task is left alone."""
    task = _claim(version_id, worker, clock())
    if task is None:
        return
    version = Version.objects.get(pk=version_id)
    started = clock()
    try:
        result = examine(version.text, _beat(task, worker, clock))
    except Superseded:
        return
    except apart.Exceeded as exceeded:
        result = _cut_short(version, exceeded)
    except Exception as error:
        logger.exception("the deeper check of %s failed", version)
        reason = f"{type(error).__name__}: {error}"
        _finish(task, worker, clock(), Task.State.FAILED, {"error": reason})
        return
    seconds = (clock() - started).total_seconds()
    _finish(task, worker, clock(), Task.State.DONE, {**result, "seconds": round(seconds, 3)})


def _claim(version_id: int, worker: str, now: datetime) -> Task | None:
    key = verdicts.check_key(version_id)
    free = Q(state=Task.State.QUEUED) | Q(state=Task.State.RUNNING, heartbeat__lt=now - STALE_AFTER)
    claimed = Task.objects.filter(free, key=key).update(
        state=Task.State.RUNNING,
        worker=worker,
        heartbeat=now,
        progress=0.0,
        attempts=F("attempts") + 1,
    )
    if claimed != 1:
        return None
    task = Task.objects.get(key=key)
    _tell(task.pk)
    return task


def _cut_short(version: Version, exceeded: apart.Exceeded) -> dict[str, Any]:
    """What is known where the walk did not come back: what was found when it was saved."""
    message = (
        f"The walk stopped at its limit of {exceeded.limit}: what it did not see is unknown."
        " Nothing is proved."
    )
    entry = catalogue()["META992"]
    limit: dict[str, Any] = {
        "code": entry.code, "severity": entry.severity.value, "line": 1, "column": 1,
        "end_line": 1, "end_column": 1, "message": message, "explanation": entry.why,
        "row": None, "state": None, "confidence": "bounded", "fix": None, "trace": [],
        "docs": entry.page, "related": [],
    }  # fmt: skip
    return {
        "explored": exceeded.searched,
        "complete": False,
        "tier": deep.TIER,
        "bounds": {"states": deep.BUDGET, "seconds": deep.SECONDS, "memory": MEMORY},
        "digest": version.digest,
        "contract": contract_hash(),
        "limits": [message],
        **deep.counted([*version.report.get("findings", []), limit]),
    }


def _beat(task: Task, worker: str, clock: Callable[[], datetime]) -> deep.Beat:
    started = last = clock()

    def beat(progress: float, searched: int) -> None:
        nonlocal last
        now = clock()
        if now - last < BEAT_EVERY:
            return
        last = now
        share = min(max(progress, 0.0), 1.0)
        left = _seconds_left(share, (now - started).total_seconds())
        mine = Task.objects.filter(pk=task.pk, worker=worker, state=Task.State.RUNNING)
        known = {"version": task.detail["version"], "searched": searched, "left": left}
        if not mine.update(progress=share, heartbeat=now, detail=known):
            raise Superseded
        _tell(task.pk)

    return beat


def _seconds_left(share: float, spent: float) -> int | None:
    """Guess how many seconds are left: as many as the share says, never more than are allowed."""
    if share < LEAST_SHARE:
        return None
    return max(0, round(min(spent * (1.0 - share) / share, deep.SECONDS - spent)))


def _finish(task: Task, worker: str, now: datetime, state: str, result: dict[str, Any]) -> None:
    mine = Task.objects.filter(pk=task.pk, worker=worker, state=Task.State.RUNNING)
    done = mine.update(
        state=state,
        progress=1.0 if state == Task.State.DONE else F("progress"),
        heartbeat=now,
        finished_at=now,
        detail={"version": task.detail["version"], **result},
    )
    if done:
        _tell(task.pk)


def as_message(task: Task, version: Version) -> dict[str, Any]:
    """Return the state of a check as it travels to browsers."""
    verdict = verdicts.of_task(task, contract_hash())
    return {
        "version": version.number,
        "state": task.state,
        "verdict": verdict.state,
        "progress": task.progress,
        "detail": task.detail,
    }


def _tell(task_id: int) -> None:
    task = Task.objects.get(pk=task_id)
    if task.kind != CHECK:
        jobs.tell(task.key)
        return
    version = Version.objects.select_related("flow").get(pk=task.detail["version"])
    notices.announce(
        notices.flow_group(version.flow.name),
        {"type": "check.progress", "flow": version.flow.name, **as_message(task, version)},
    )
    if task.finished_at is not None:
        notices.announce(notices.FLEET, {"type": "fleet.alarm", "flow": version.flow.name})
