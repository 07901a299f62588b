"""The replay gate: the newest recorded calls of a flow on one of its versions, by the worker.

    request(version, limit=5000, by="Dora")
    found = found_of(version)             # Replay: how far it is, what is same, what differs

Calls are read in chunks, newest first, and played by a child (`runtime.replaying`). After each
chunk what came out is kept with the place it came to, so a lost worker costs one chunk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from designer import apart, auditing, jobs, required, selectors
from designer.errors import Refused
from designer.models import Task, Version
from designer.required import FAILED, MISSING, PASSED, RUNNING, Check
from flows.table import TIMER_EVENT
from runtime import audit, replaying
from runtime.differences import Line, lines_of
from runtime.models import ReplayRun, Session
from runtime.replaying import Report

KIND = "replay"
USUAL = 5000
MOST = 100_000
"""Calls of one run: by default, and at most."""
CHUNK = 200
MEMORY = 1024
"""MiB that the child of the worker may take."""
SECONDS = 60.0
"""For one chunk."""
LOST = "lost"
EVENT, FIELDS = 2, 3
"""Where a step of `steps_of` has them."""

_player = apart.Apart(apart.Bounds(0, 0, SECONDS, MEMORY, grace=0.0), doing=replaying.DOING)

STEPS = """
SELECT session_id, sequence, time, event, {fields}, "row", to_state, {actions}, {published}, kind,
  answer
FROM runtime_step WHERE session_id IN ({marks}) ORDER BY session_id, sequence
"""


@dataclass(slots=True)
class Replay:
    """How recorded calls stand on a version."""

    version: Version
    run: ReplayRun | None = None
    task: Task | None = None
    report: Report = field(default_factory=Report)

    @property
    def running(self) -> bool:
        return jobs.waits(self.task)

    @property
    def state(self) -> str:
        """`none`, `running`, `passed`, `failed`, `unknown` (broken off or cancelled)."""
        if self.run is None:
            return "none"
        if self.running:
            return "running"
        if self.run.finished_at is None:
            return "unknown"
        if not self.report.compared:
            return "none"
        return "failed" if self.report.changed else "passed"

    @property
    def percent(self) -> int:
        if self.run is None or not self.run.total:
            return 0
        return round(100 * self.run.looked / self.run.total)

    @property
    def per_second(self) -> int:
        """Calls compared in a second of work."""
        if self.run is None or not self.run.milliseconds:
            return 0
        return round(1000 * self.run.looked / self.run.milliseconds)

    @property
    def figure(self) -> str:
        if not self.report.compared:
            return ""
        return f"{spaced(self.report.same)} of {spaced(self.report.compared)} same"

    @property
    def unusable(self) -> int:
        return sum(self.report.unusable.values())

    @property
    def lines(self) -> list[Line]:
        return lines_of(self.version, self.report.groups)

    @property
    def sentence(self) -> str:
        """How it stands, in a sentence for a person."""
        label, report = self.version.label, self.report
        if self.run is None:
            return f"No recorded call was played on {label} yet."
        if self.running:
            return f"{spaced(self.run.looked)} of {spaced(self.run.total)} calls were looked at."
        if self.run.finished_at is None:
            return f"It ended after {spaced(self.run.looked)} calls. Play them again."
        if not report.compared:
            return "There is no recorded call that is over and recorded in full."
        if not report.changed:
            return f"Every call would go on {label} as it went."
        first = self.lines[0]
        where = first.row_name or first.was_name
        rest = report.changed - first.count
        many = report.changed > 1
        calls = f"{spaced(report.changed)} calls differ" if many else "1 call differs"
        if not rest:
            return f"{calls}, {'all ' if many else ''}at {first.event}, {where}."
        return f"{calls}; {spaced(first.count)} of them at {first.event}, {where}."

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        report = self.report
        return {
            "version": self.version.number,
            "digest": self.version.digest,
            "state": self.state,
            "asked": self.run.limit if self.run else 0,
            "total": self.run.total if self.run else 0,
            "looked": self.run.looked if self.run else 0,
            "compared": report.compared,
            "same": report.same,
            "changed": report.changed,
            "unusable": dict(report.unusable),
            "steps": report.steps,
            "steps_left": report.left,
            "kinds": dict(report.kinds),
            "sentence": self.sentence,
            "differences": [line.as_dict() for line in self.lines],
        }


def spaced(number: int) -> str:
    """Write a number with a thin space between thousands."""
    return f"{number:,}".replace(",", "\u2009")


def key_of(version: Version) -> str:
    """Return the key of the work that plays recorded calls on a version."""
    return f"{KIND}:{version.pk}"


def found_of(version: Version) -> Replay:
    """Return how recorded calls stand on a version."""
    run = ReplayRun.objects.filter(version=version).first()
    if run is None:
        return Replay(version)
    report = msgspec.convert(run.report, Report, strict=False) if run.report else Report()
    return Replay(version, run, jobs.find(key_of(version)), report)


# -- acts ------------------------------------------------------------------------------------------


def request(version: Version, *, limit: int = USUAL, by: str, user: Any = None) -> None:
    """Play the newest calls on a version, in place of an earlier run; Refused if that is no sense.

    Calls that came since then count, and what is known of older ones is found out anew.
    """
    if not 1 <= limit <= MOST:
        raise Refused(f"1 to {spaced(MOST)} calls can be played at once.")
    if selectors.compiled_version(version).table is None:
        raise Refused(f"{version} does not compile, so nothing can be played on it.")
    if not calls_of(version).exists():
        raise Refused(f"There is no recorded call of {version.flow.name} that is over.")
    ReplayRun.objects.update_or_create(
        version=version,
        defaults={
            "limit": limit,
            "by_name": by,
            "asked_at": timezone.now(),
            "total": 0,
            "looked": 0,
            "cursor_time": None,
            "cursor_id": "",
            "report": {},
            "milliseconds": 0.0,
            "finished_at": None,
        },
    )
    if user is not None:
        auditing.record(
            "check.control", user=user, flow=version.flow, subject=version.label,
            detail={"replay": limit},
        )  # fmt: skip
    jobs.request(KIND, key_of(version), {"version": version.pk})


def saved(version: Version) -> None:
    """Play recorded calls on a version that was just saved, if there are any."""
    if version.compiles and calls_of(version).exists():
        request(version, by=auditing.PRODUCT)


def control(version: Version, act: str, *, limit: int = USUAL, by: str, user: Any = None) -> str:
    """Do what a person wants, `cancel` or `again`; return what was done."""
    if act == "cancel":
        jobs.cancel(key_of(version), by=by)
        return f"Playing recorded calls on {version} is cancelled. What was compared is kept."
    request(version, limit=limit, by=by, user=user)
    return f"Recorded calls are played on {version}."


def calls_of(version: Version) -> QuerySet[Session]:
    """Return the recorded calls of a version's flow that are over, the newest first."""
    found = Session.objects.filter(flow_name=version.flow.name).exclude(ended_at=None)
    return found.order_by("-started_at", "-pk")


# -- the worker ------------------------------------------------------------------------------------


def do(task: Task, beat: jobs.Beat) -> dict[str, Any]:
    """Play chunk after chunk from where an earlier worker came to."""
    version = Version.objects.select_related("flow").get(pk=task.detail["version"])
    run = ReplayRun.objects.get(version=version)
    if not run.total:
        run.total = min(run.limit, calls_of(version).count())
    report = msgspec.convert(run.report, Report, strict=False) if run.report else Report()
    began = time.perf_counter()
    spent = run.milliseconds
    while run.looked < run.total and (calls := _next(version, run)):

        def told(share: float, searched: int, size: int = len(calls)) -> None:
            done = run.looked + round(share * size)
            beat(done / run.total, {"done": done, "total": run.total})

        told(0.0, 0)
        report.add(_compared(version.text, calls, told))
        run.looked += len(calls)
        run.cursor_time, run.cursor_id = calls[-1].started_at, calls[-1].pk
        run.report = msgspec.to_builtins(report, str_keys=True)
        run.milliseconds = spent + 1000 * (time.perf_counter() - began)
        _keep(run)
    run.finished_at = timezone.now()
    run.total = run.looked
    _keep(run)
    return {"done": run.looked, "total": run.looked, "changed": report.changed}


def _keep(run: ReplayRun) -> None:
    # A run that somebody asked for anew meanwhile has begun from the start: it is not this one.
    mine = ReplayRun.objects.filter(pk=run.pk, asked_at=run.asked_at)
    kept = ("total", "looked", "cursor_time", "cursor_id", "report", "milliseconds", "finished_at")
    if not mine.update(**{name: getattr(run, name) for name in kept}):
        raise jobs.Superseded


def _next(version: Version, run: ReplayRun) -> list[Session]:
    found = calls_of(version)
    if run.cursor_time is not None:
        same = Q(started_at=run.cursor_time, pk__lt=run.cursor_id)
        found = found.filter(Q(started_at__lt=run.cursor_time) | same)
    return list(found[: min(CHUNK, run.total - run.looked)])


def _compared(text: str, calls: Sequence[Session], beat: apart.Beat) -> Report:
    """Compare a chunk; what cannot be compared is counted by its reason."""
    steps = steps_of([call.pk for call in calls])
    report = Report()
    usable = []
    for call in calls:
        taken = steps.get(call.pk, [])
        why = unusable(call, taken)
        if why:
            report.unusable[why] = report.unusable.get(why, 0) + 1
        else:
            usable.append([call.pk, call.digest, call.role, call.outcome, call.started_at, taken])
    if usable:
        texts = {digest: audit.text_of(digest) for digest in {str(call[1]) for call in usable}}
        known = {digest: each for digest, each in texts.items() if each}
        question = msgspec.json.encode({"text": text, "texts": known, "calls": usable})
        try:
            report.add(ask(question, beat))
        except apart.Exceeded as exceeded:
            why = f"they were stopped at the limit of {exceeded.limit}"
            report.unusable[why] = report.unusable.get(why, 0) + len(usable)
    return report


def ask(question: bytes, beat: apart.Beat) -> Report:
    """Have a chunk played by the worker's child."""
    return msgspec.convert(_player.ask(question, beat), Report, strict=False)


def steps_of(sessions: Sequence[str]) -> dict[str, list[list[Any]]]:
    """Return the recorded steps of calls as `runtime.replaying.Taken` is written.

    Plain SQL: what is JSON in the database stays JSON on its way to the child.
    """
    if not sessions:
        return {}
    as_text = "{}::text" if connection.vendor == "postgresql" else "{}"
    statement = STEPS.format(
        marks=", ".join(["%s"] * len(sessions)),
        **{name: as_text.format(name) for name in ("fields", "actions", "published")},
    )
    found: dict[str, list[list[Any]]] = {}
    raw = msgspec.Raw
    with connection.cursor() as cursor:
        cursor.execute(statement, list(sessions))
        for (
            session,
            sequence,
            at,
            event,
            fields,
            row,
            to,
            actions,
            published,
            kind,
            answer,
        ) in cursor:
            found.setdefault(session, []).append(
                [sequence, at, event, raw(fields.encode()), row, to, raw(actions.encode()),
                 raw(published.encode()), kind, answer]
            )  # fmt: skip
    return found


def unusable(call: Session, taken: Sequence[Sequence[Any]]) -> str:
    """Return why a recorded call cannot be compared, empty if it can."""
    if call.outcome == LOST or call.unjournalled:
        return "not recorded in full"
    if not taken:
        return "no step is kept"
    if taken[0][0] != 1 or taken[-1][0] != len(taken):
        return "not recorded in full"
    if len(taken) > audit.MAX_STEPS:
        return f"more than {audit.MAX_STEPS} steps"
    if _without_values(call, taken):
        return "the values of its events are not kept"
    return ""


def _without_values(call: Session, taken: Sequence[Sequence[Any]]) -> bool:
    """Whether what the events carried was never kept, or erased: guards could not be asked then."""
    named = bool(call.caller or call.callee)
    return any(
        bytes(step[FIELDS]) == b"{}" and (step[EVENT] == TIMER_EVENT or (named and step[0] == 1))
        for step in taken
    )


# -- the check -------------------------------------------------------------------------------------


def replayed(version: Version, base: Version | None) -> Check | None:
    """Tell how recorded calls stand on a version; None where no call was ever recorded."""
    found = found_of(version)
    url = reverse("flow_replay", args=[version.flow.name, version.number])
    state = {"passed": PASSED, "failed": FAILED, "running": RUNNING}.get(found.state, MISSING)
    if state == MISSING and found.run is None and not calls_of(version).exists():
        return None
    # That it was looked at is needed; whether a difference is meant, people say.
    needed = state in (MISSING, RUNNING)
    title = "Recorded calls replayed"
    return Check("replay", title, state, found.sentence, url, found.figure, needed=needed)


def register() -> None:
    """Let the worker do it, and the list of checks tell of it."""
    jobs.register(jobs.Kind(KIND, do, lambda task: None))
    required.register("replay", replayed, rank=50)
