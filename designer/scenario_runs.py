"""The scenarios of a flow on one of its versions: what is known, and the worker that finds out.

    tests = tests_of(version)          # Tests: a line for each scenario, how many hold, rows fired
    request(version)                   # play those that were never played on this text

A result counts for the text of the version and the text of the scenario, so a save plays only what
it changed; the same text in another version asks nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from designer import apart, jobs, notices
from designer.errors import Refused
from designer.models import Flow, Scenario, ScenarioResult, Task, Version
from designer.playing import DOING, Result
from flows.check.contract import contract_hash

KIND = "tests"
MEMORY = 512
"""MiB that the child of the worker may take."""
SECONDS = 20.0
"""For one question: a batch of scenarios, or a single one of a batch that took longer."""
BATCH = 10

_player = apart.Apart(apart.Bounds(0, 0, SECONDS, MEMORY, grace=0.0), doing=DOING)


@dataclass(frozen=True, slots=True)
class Line:
    """One scenario and what became of it; `result` is None while nobody played it."""

    scenario: Scenario
    result: ScenarioResult | None

    @property
    def state(self) -> str:
        """`holds`, `fails` or `unknown`."""
        if self.result is None:
            return "unknown"
        return "holds" if self.result.holds else "fails"

    @property
    def first(self) -> str:
        """What was otherwise first, in a sentence."""
        if self.result is None or not self.result.differences:
            return ""
        number, sentence = self.result.differences[0]
        return f"Step {number}: {sentence}" if number else str(sentence)

    @property
    def failing(self) -> int:
        """Number of the input, from 1, at which it went otherwise; 0 if none did."""
        differences = self.result.differences if self.result is not None else []
        return int(differences[0][0]) if differences else 0


@dataclass(slots=True)
class Tests:
    """All scenarios of a flow on one version."""

    version: Version
    lines: list[Line] = field(default_factory=list)
    task: Task | None = None

    @property
    def total(self) -> int:
        return len(self.lines)

    @property
    def held(self) -> int:
        return sum(line.state == "holds" for line in self.lines)

    @property
    def failed(self) -> int:
        return sum(line.state == "fails" for line in self.lines)

    @property
    def unknown(self) -> int:
        return self.total - self.held - self.failed

    @property
    def running(self) -> bool:
        """A worker plays them, or will."""
        return self.unknown > 0 and jobs.waits(self.task)

    @property
    def state(self) -> str:
        """`none`, `passed`, `failed`, `running` or `unknown`."""
        if not self.total:
            return "none"
        if self.running:
            return "running"
        if self.failed:
            return "failed"
        return "unknown" if self.unknown else "passed"

    @property
    def percent(self) -> int:
        return round(100 * (self.total - self.unknown) / self.total) if self.total else 0

    @property
    def figure(self) -> str:
        return f"{self.held} of {self.total}"

    @property
    def sentence(self) -> str:
        """How it stands, in a sentence for a person."""
        label = self.version.label
        if not self.total:
            return "No test is kept with this flow."
        if self.running:
            done = self.total - self.unknown
            return f"{done} of {self.total} tests are played on {label}; the rest is under way."
        if self.failed:
            first = next(line for line in self.lines if line.state == "fails")
            more = f" and {self.failed - 1} more" if self.failed > 1 else ""
            fail = "does" if self.failed == 1 else "do"
            return f"“{first.scenario.name}”{more} {fail} not hold on {label}."
        if self.unknown:
            why = "was cancelled" if self._is(Task.State.CANCELLED) else "has not begun"
            why = "broke off" if self._is(Task.State.FAILED) else why
            return f"{self.unknown} of {self.total} tests were not played on {label}: that {why}."
        return f"All tests hold on {label}."

    @property
    def rows(self) -> set[int]:
        """The rows of the version that fired in any of them."""
        return {row for line in self.lines if line.result for row in line.result.rows}

    def _is(self, state: str) -> bool:
        return self.task is not None and self.task.state == state

    def as_message(self) -> dict[str, Any]:
        """Return it as programs read it, without the single tests."""
        return {
            "version": self.version.number,
            "state": self.state,
            "total": self.total,
            "held": self.held,
            "failed": self.failed,
            "unknown": self.unknown,
            "sentence": self.sentence,
        }


# -- what is known ---------------------------------------------------------------------------------


def key_of(version: Version) -> str:
    """Return the key of the work that plays a version's tests."""
    return f"{KIND}:{version.pk}"


def hash_of(text: str) -> str:
    """Return the SHA-256 of a scenario's text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def tests_of(version: Version) -> Tests:
    """Return how the scenarios of the flow stand on a version, in three queries."""
    kept = list(Scenario.objects.filter(flow_id=version.flow_id).order_by("name"))
    known = _known(version.digest, kept)
    lines = [Line(each, known.get(hash_of(each.text))) for each in kept]
    return Tests(version, lines, jobs.find(key_of(version)))


def _known(digest: str, kept: Iterable[Scenario]) -> dict[str, ScenarioResult]:
    wanted = [hash_of(each.text) for each in kept]
    found = ScenarioResult.objects.filter(
        digest=digest, scenario__in=wanted, contract=contract_hash()
    )
    return {each.scenario: each for each in found}


# -- acts ------------------------------------------------------------------------------------------


def request(version: Version) -> bool:
    """Have what nobody played yet on this text played; return whether there is anything to play."""
    if not tests_of(version).unknown:
        return False
    jobs.request(KIND, key_of(version), {"version": version.pk})
    return True


def request_newest(flow: Flow) -> None:
    """Have the tests of a flow's newest version played, after one of them was changed."""
    newest = flow.versions.order_by("-number").first()
    if newest is not None:
        request(newest)


def again(version: Version) -> None:
    """Forget what is known of a version and play all of it anew; Refused if there is no test."""
    tests = tests_of(version)
    if not tests.total:
        raise Refused(f"{version.flow.name} has no test to play.")
    if tests.running:
        raise Refused(f"The tests of {version} are played already.")
    hashes = [hash_of(line.scenario.text) for line in tests.lines]
    ScenarioResult.objects.filter(digest=version.digest, scenario__in=hashes).delete()
    jobs.request(KIND, key_of(version), {"version": version.pk})


def control(version: Version, act: str, *, by: str) -> str:
    """Do what a person wants of the tests of a version, `cancel` or `again`; return what was."""
    if act == "cancel":
        jobs.cancel(key_of(version), by=by)
        return f"The tests of {version} are cancelled. What was played is kept."
    again(version)
    return f"The tests of {version} are played."


def store(digest: str, text: str, result: Result) -> ScenarioResult:
    """Keep what became of a scenario's text on the version text with this hash."""
    kept, _ = ScenarioResult.objects.update_or_create(
        digest=digest,
        scenario=hash_of(text),
        defaults={
            "contract": contract_hash(),
            "holds": result["holds"],
            "steps": result["steps"],
            "rows": result["rows"],
            "differences": result["differences"],
            "at": timezone.now(),
        },
    )
    return kept


# -- the worker ------------------------------------------------------------------------------------


def do(task: Task, beat: jobs.Beat) -> dict[str, Any]:
    """Play what nobody played yet; each batch is kept at once, so nothing is played twice."""
    version = Version.objects.select_related("flow").get(pk=task.detail["version"])
    tests = tests_of(version)
    texts = list(dict.fromkeys(line.scenario.text for line in tests.lines if not line.result))
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]

        def told(share: float, searched: int, done: int = start, size: int = len(batch)) -> None:
            beat((done + share * size) / len(texts), {"done": done, "total": len(texts)})

        told(0.0, 0)
        for text, result in zip(batch, _played(version.text, batch, told), strict=True):
            store(version.digest, text, result)
    after = tests_of(version)
    return {"done": len(texts), "total": after.total, "held": after.held, "failed": after.failed}


def ask(text: str, scenarios: Sequence[str], beat: apart.Beat) -> list[Result]:
    """Play scenarios in the worker's child; raises what `designer.apart` raises."""
    results: list[Result] = _player.ask({"text": text, "scenarios": list(scenarios)}, beat)[
        "results"
    ]
    return results


def _played(text: str, batch: Sequence[str], beat: apart.Beat) -> list[Result]:
    """Play a batch; where it exceeds a bound, each alone, so that only the guilty one pays."""
    try:
        return ask(text, batch, beat)
    except apart.Exceeded as exceeded:
        if len(batch) > 1:
            return [result for each in batch for result in _played(text, [each], beat)]
        sentence = f"It was stopped at its limit of {exceeded.limit}."
        return [{"holds": False, "steps": 0, "rows": [], "differences": [[0, sentence]]}]


def tell(task: Task) -> None:
    """Tell the pages of the flow how the tests of a version stand."""
    version = Version.objects.select_related("flow").get(pk=task.detail["version"])
    notices.announce(
        notices.flow_group(version.flow.name),
        {"type": "tests.progress", "flow": version.flow.name, **progress_of(task, version)},
    )


def progress_of(task: Task, version: Version) -> Mapping[str, Any]:
    """Return how far the work is as it travels to browsers."""
    return {"version": version.number, "state": task.state, "progress": task.progress}


def register() -> None:
    """Let the worker play tests."""
    jobs.register(jobs.Kind(KIND, do, tell))
