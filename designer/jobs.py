"""Work for the worker beside the deeper check: tests of a version, recorded calls on it.

    jobs.register(Kind("tests", do, tell))        # once, when Django starts
    jobs.request("tests", "tests:17", {"version": 17})
    jobs.cancel("tests:17", by="Dora")

As for the check (`designer.tasks`), the Task row is the truth and the broker only the bell. `do` is
given the row and a beat; it tells the beat what is known so far and stops when that raises. What is
done is kept by `do` itself as it goes, so that another worker goes on where one was lost.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from designer.errors import Refused
from designer.models import Task

logger = logging.getLogger(__name__)

STALE_AFTER = timedelta(seconds=10)
BEAT_EVERY = timedelta(milliseconds=200)
WAITING = (Task.State.QUEUED, Task.State.RUNNING)

Detail = dict[str, Any]
Beat = Callable[[float, Mapping[str, Any]], None]
"""Told the share that is done, 0 to 1, and what is known so far; raises Superseded."""


class Superseded(Exception):
    """The work is cancelled or another worker's: this one stops without a word."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of work."""

    name: str
    do: Callable[[Task, Beat], Detail]
    """Does it and returns what came out, which is kept in the row beside what was asked."""
    tell: Callable[[Task], None]
    """Told of each change of the row, for pages that follow it."""


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Let the worker do this kind of work from now on."""
    _kinds[kind.name] = kind


def find(key: str) -> Task | None:
    """Return the work with this key, whatever its state."""
    return Task.objects.filter(key=key).first()


def waits(task: Task | None) -> bool:
    """Say whether the work waits for a worker or has one."""
    return task is not None and task.state in WAITING


def request(kind: str, key: str, asked: Detail) -> Task:
    """Put work into the queue, anew if it was done or is being done, and ring for a worker."""
    assert kind in _kinds, kind
    task, _ = Task.objects.update_or_create(
        key=key,
        defaults={
            "kind": kind,
            "state": Task.State.QUEUED,
            "progress": 0.0,
            "attempts": 0,
            "worker": "",
            "heartbeat": timezone.now(),
            "finished_at": None,
            "detail": asked,
        },
    )
    transaction.on_commit(lambda: ring(task), robust=True)
    transaction.on_commit(lambda: tell(task.key), robust=True)
    return task


def cancel(key: str, *, by: str) -> None:
    """Let go of work that waits or runs; Refused if there is none."""
    task = find(key)
    waiting = Task.objects.filter(key=key, state__in=WAITING)
    if task is None or not waiting.update(
        state=Task.State.CANCELLED,
        finished_at=timezone.now(),
        detail={**task.detail, "by": by},
    ):
        raise Refused("Nothing of it runs.")
    transaction.on_commit(lambda: tell(key), robust=True)


def ring(task: Task) -> None:
    """Call for a worker. A broker that is away is no error: the row waits and is rung again."""
    try:
        work_on.delay(task.key)
    except Exception as error:  # the broker's libraries raise their own, unrelated types
        logger.warning("no worker could be called for %s: %s", task.key, error)


def tell(key: str) -> None:
    """Tell whoever follows it how the work stands."""
    task = Task.objects.get(key=key)
    _kinds[task.kind].tell(task)


@shared_task(name="designer.work_on")
def work_on(key: str) -> None:
    """Do one piece of work, if it still waits for somebody."""
    work(key, worker=f"{socket.gethostname()}:{os.getpid()}"[:64], clock=timezone.now)


def work(key: str, *, worker: str, clock: Callable[[], datetime]) -> None:
    """Claim the work, do it, keep the result; another worker's is left alone."""
    task = _claim(key, worker, clock())
    if task is None:
        return
    started = clock()
    try:
        result = _kinds[task.kind].do(task, _beat(task, worker, clock))
    except Superseded:
        return
    except Exception as error:
        logger.exception("%s failed", task)
        reason = {"error": error.message if isinstance(error, Refused) else _named(error)}
        _finish(task, worker, clock(), Task.State.FAILED, reason)
        return
    seconds = round((clock() - started).total_seconds(), 3)
    _finish(task, worker, clock(), Task.State.DONE, {**result, "seconds": seconds})


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _claim(key: str, worker: str, now: datetime) -> Task | None:
    free = Q(state=Task.State.QUEUED) | Q(state=Task.State.RUNNING, heartbeat__lt=now - STALE_AFTER)
    claimed = Task.objects.filter(free, key=key).update(
        state=Task.State.RUNNING, worker=worker, heartbeat=now, attempts=F("attempts") + 1
    )
    if claimed != 1:
        return None
    tell(key)
    return Task.objects.get(key=key)


def _beat(task: Task, worker: str, clock: Callable[[], datetime]) -> Beat:
    asked, last = dict(task.detail), clock() - BEAT_EVERY

    def beat(share: float, known: Mapping[str, Any]) -> None:
        nonlocal last
        now = clock()
        if now - last < BEAT_EVERY:
            return
        last = now
        mine = Task.objects.filter(pk=task.pk, worker=worker, state=Task.State.RUNNING)
        progress = min(max(share, 0.0), 1.0)
        if not mine.update(progress=progress, heartbeat=now, detail={**asked, **known}):
            raise Superseded
        tell(task.key)

    return beat


def _finish(task: Task, worker: str, now: datetime, state: str, result: Detail) -> None:
    mine = Task.objects.filter(pk=task.pk, worker=worker, state=Task.State.RUNNING)
    if mine.update(
        state=state,
        progress=1.0 if state == Task.State.DONE else F("progress"),
        heartbeat=now,
        finished_at=now,
        detail={**task.detail, **result},
    ):
        tell(task.key)
