"""The deeper check of a version, done by a worker.

The Task row is the truth: who works on it, how far it is, what came out. The broker is only the
bell, so a lost message or a killed worker costs time and no work: rows without a heartbeat are rung
again by `ring_stale`.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from designer import deep, notices, selectors
from designer.models import Task, Version

logger = logging.getLogger(__name__)

CHECK = "check"
STALE_AFTER = timedelta(seconds=10)
BEAT_EVERY = timedelta(milliseconds=200)
MAX_ATTEMPTS = 5


class Superseded(Exception):
    """Another worker took the task over: this one stops without a word."""


def check_request(version: Version) -> Task:
    """Put the deeper check of a version into the queue and ring for a worker."""
    task, _ = Task.objects.get_or_create(
        key=selectors.check_key(version.pk),
        defaults={"kind": CHECK, "detail": {"version": version.pk}},
    )
    transaction.on_commit(lambda: ring(task), robust=True)
    return task


def ring(task: Task) -> None:
    """Call for a worker. A broker that is away is no error: the row waits and is rung again."""
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
                detail={**task.detail, "error": f"The check broke off {task.attempts} times."},
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
        result = deep.examine(version.text, _beat(task, worker, clock))
    except Superseded:
        return
    except Exception as error:
        logger.exception("the deeper check of %s failed", version)
        reason = f"{type(error).__name__}: {error}"
        _finish(task, worker, clock(), Task.State.FAILED, {"error": reason})
        return
    seconds = (clock() - started).total_seconds()
    _finish(task, worker, clock(), Task.State.DONE, {**result, "seconds": round(seconds, 3)})


def _claim(version_id: int, worker: str, now: datetime) -> Task | None:
    key = selectors.check_key(version_id)
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


def _beat(task: Task, worker: str, clock: Callable[[], datetime]) -> Callable[[float], None]:
    last = clock()

    def beat(progress: float) -> None:
        nonlocal last
        now = clock()
        if now - last < BEAT_EVERY:
            return
        last = now
        mine = Task.objects.filter(pk=task.pk, worker=worker, state=Task.State.RUNNING)
        if not mine.update(progress=min(max(progress, 0.0), 1.0), heartbeat=now):
            raise Superseded
        _tell(task.pk)

    return beat


def _finish(task: Task, worker: str, now: datetime, state: str, result: dict[str, Any]) -> None:
    mine = Task.objects.filter(pk=task.pk, worker=worker, state=Task.State.RUNNING)
    done = mine.update(
        state=state,
        progress=1.0 if state == Task.State.DONE else F("progress"),
        heartbeat=now,
        finished_at=now,
        detail={**task.detail, **result},
    )
    if done:
        _tell(task.pk)


def as_message(task: Task, version: Version) -> dict[str, Any]:
    """Return the state of a check as it travels to browsers."""
    return {
        "version": version.number,
        "state": task.state,
        "progress": task.progress,
        "detail": task.detail,
    }


def _tell(task_id: int) -> None:
    task = Task.objects.get(pk=task_id)
    version = Version.objects.select_related("flow").get(pk=task.detail["version"])
    notices.announce(
        notices.flow_group(version.flow.name),
        {"type": "check.progress", "flow": version.flow.name, **as_message(task, version)},
    )
