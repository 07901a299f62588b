"""How much the tests of a flow notice on one of its versions: asked for, done by the worker, kept.

strength = strength_of(version)        # Strength: killed of all, survivors, whether it is stale
request(version, by="Dora")
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from designer import apart, jobs, selectors
from designer.errors import Refused
from designer.models import Scenario, Task, Version
from designer.mutants import DOING

KIND = "mutants"
SECONDS = 60.0
MEMORY = 512
MOST_KEPT = 500
"""Survivors that are kept."""

_breaker = apart.Apart(apart.Bounds(0, 0, SECONDS, MEMORY), doing=DOING)


@dataclass(slots=True)
class Strength:
    """What is known of the tests on one version."""

    version: Version
    task: Task | None = None
    stale: bool = False
    """The tests have changed since."""
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return jobs.waits(self.task)

    @property
    def state(self) -> str:
        """`none`, `running`, `done`, `failed`."""
        if self.running:
            return "running"
        if self.task is None or self.task.state == Task.State.CANCELLED:
            return "none"
        return "done" if self.task.state == Task.State.DONE else "failed"

    @property
    def percent(self) -> int:
        """Share of the mutants that a test notices."""
        looked = self.result.get("looked", 0)
        return round(100 * self.result["killed"] / looked) if looked else 0

    @property
    def figure(self) -> str:
        if self.state != "done":
            return ""
        return f"{self.result['killed']} of {self.result['looked']}"

    @property
    def survivors(self) -> list[dict[str, Any]]:
        return list(self.result.get("survivors", []))

    @property
    def sentence(self) -> str:
        """How it stands, in a sentence for a person."""
        if self.running:
            return "The table is being broken in small ways, to see which of them a test notices."
        if self.state == "failed" and self.task is not None:
            return f"It broke off: {self.task.detail.get('error', 'nobody knows why')}"
        if self.state != "done":
            return "Nobody tried yet which small changes a test would notice."
        bare, left = self.result["bare"], len(self.survivors)
        said = (
            f"{self.percent} % of the small changes are noticed;"
            f" {left} at rows that tests take are not, {bare} are at rows that no test takes."
        )
        if not self.result["complete"]:
            said += f" {self.result['total'] - self.result['looked']} were not tried in time."
        return f"{said} The tests have changed since." if self.stale else said

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        result = self.result if self.state == "done" else {}
        return {
            "version": self.version.number,
            "state": self.state,
            "stale": self.stale,
            "total": result.get("total", 0),
            "looked": result.get("looked", 0),
            "killed": result.get("killed", 0),
            "bare": result.get("bare", 0),
            "sentence": self.sentence,
            "survivors": list(result.get("survivors", [])),
        }


def key_of(version: Version) -> str:
    """Return the key of the work."""
    return f"{KIND}:{version.pk}"


def strength_of(version: Version) -> Strength:
    """Return what is known of the tests of a version."""
    task = jobs.find(key_of(version))
    if task is None:
        return Strength(version)
    result = task.detail if task.state == Task.State.DONE else {}
    stale = bool(result) and result.get("of") != _hash(_texts(version))
    return Strength(version, task, stale, result)


def request(version: Version) -> None:
    """Find out which small changes of a version its tests notice; Refused if there is no test."""
    if selectors.compiled_version(version).table is None:
        raise Refused(f"{version} does not compile, so nothing of it can be broken.")
    if not _texts(version):
        raise Refused(f"{version.flow.name} has no test that could notice anything.")
    if jobs.waits(jobs.find(key_of(version))):
        raise Refused("That is being found out already.")
    jobs.request(KIND, key_of(version), {"version": version.pk})


def control(version: Version, act: str, *, by: str) -> str:
    """Do what a person wants, `again` or `cancel`; return what was done."""
    if act == "cancel":
        jobs.cancel(key_of(version), by=by)
        return "It is let go of."
    request(version)
    return f"{version} is broken in small ways, and its tests are played."


def do(task: Task, beat: jobs.Beat) -> dict[str, Any]:
    """Have the worker's child try the mutants."""
    version = Version.objects.get(pk=task.detail["version"])
    texts = _texts(version)

    def told(share: float, searched: int) -> None:
        beat(share, {"looked": searched})

    result = ask(version.text, texts, told)
    return {**result, "survivors": result["survivors"][:MOST_KEPT], "of": _hash(texts)}


def ask(text: str, scenarios: Sequence[str], beat: apart.Beat) -> dict[str, Any]:
    """Try the mutants of a text in the worker's child."""
    question = {"text": text, "scenarios": list(scenarios), "seconds": SECONDS}
    return _breaker.ask(question, beat)


def _texts(version: Version) -> list[str]:
    kept = Scenario.objects.filter(flow_id=version.flow_id).order_by("name")
    return list(kept.values_list("text", flat=True))


def _hash(texts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def register() -> None:
    """Let the worker do it."""
    jobs.register(jobs.Kind(KIND, do, lambda task: None))
