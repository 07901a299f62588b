"""What the worker does for the record: once a day the rules of the flows and an anchor, and a walk
through the chains when somebody asks for one or a day is over."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from designer import auditing, jobs
from designer.models import Task
from runtime import blocks, retention, verifying
from runtime.chain import ACTS
from runtime.ramps import measuring

logger = logging.getLogger(__name__)

VERIFY: Final = "audit.verify"
KEEP: Final = "audit.keep"
EVERY: Final = timedelta(days=1)


def verify_request() -> Task:
    """Let a worker walk through the chains."""
    return jobs.request(VERIFY, VERIFY, {})


def last_verified() -> Task | None:
    return jobs.find(VERIFY)


def ring_daily() -> list[str]:
    """Ask for what is due; return the kinds."""
    due = []
    for kind in (KEEP, VERIFY):
        task = jobs.find(kind)
        if jobs.waits(task):
            continue
        if task is None or (task.finished_at or task.created_at) < timezone.now() - EVERY:
            jobs.request(kind, kind, {})
            due.append(kind)
    return due


def anchor() -> None:
    """Keep the heads of all chains among the acts, so that none can be cut without them."""
    blocks.seal_acts()
    heads = blocks.heads()
    for name, head in heads.items():
        # For whoever collects the log somewhere else.
        logger.info("head of %s: block %d %s", name, head["position"], head["link"])
    told = {
        name: {"position": head["position"], "link": head["link"]}
        for name, head in heads.items()
        if name != ACTS
    }
    if told:
        auditing.record("audit.anchored", detail={"heads": told})


def _keep(task: Task, beat: jobs.Beat) -> dict[str, Any]:
    taken = 0

    def told(sessions: int) -> None:
        nonlocal taken
        taken += sessions
        beat(0.5, {"sessions": taken})

    done = retention.run(beat=told)
    measuring.forget(timezone.now())
    anchor()
    return {"rules": [{"rule": each.rule, "sessions": each.sessions} for each in done]}


def _verify(task: Task, beat: jobs.Beat) -> dict[str, Any]:
    def tell(done: int, total: int) -> None:
        beat(done / total if total else 1.0, {"done": done, "total": total})

    report = verifying.verify(tell=tell)
    if not report.ok:
        logger.error("the record was changed: %s", report.broken)
    return {"report": report.as_message()}


def register() -> None:
    """Let the worker know both kinds of work."""
    jobs.register(jobs.Kind(VERIFY, _verify, lambda task: None))
    jobs.register(jobs.Kind(KEEP, _keep, lambda task: None))
