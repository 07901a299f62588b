"""What the deeper check of a version is worth now: one word, and what stands behind it.

A result counts for the text and the checker it was made with. When the checker has changed since
(`flows.check.contract`), what it said is shown and trusted no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from designer.models import Task, Version
from flows.check.contract import contract_hash

PASSED = "passed"
"""Everything within its bounds was seen, and nothing of it is an error."""
ERRORS = "errors"
LIMITED = "limited"
"""No error was found, and a bound cut the walk short: no proof."""
RUNNING = "running"
QUEUED = "queued"
FAILED = "failed"
CANCELLED = "cancelled"
STALE = "stale"
"""A result of another checker, which is not trusted."""
UNKNOWN = "unknown"
"""Nobody ever looked."""

WORDS = {
    PASSED: "every rule holds",
    ERRORS: "has errors",
    LIMITED: "no error was found, and not everything was seen",
    RUNNING: "is still being checked",
    QUEUED: "waits to be checked",
    FAILED: "could not be checked",
    CANCELLED: "was not checked: that was cancelled",
    STALE: "was checked by an older checker",
    UNKNOWN: "was never checked",
}


def check_key(version_id: int) -> str:
    """Return the key of the task that checks a version."""
    return f"check:{version_id}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The deeper check of one version as it stands."""

    state: str
    progress: float = 0.0
    """Share of the work that is done, 0 to 1."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The stored result, of a stale one too; of a running check `searched` and `left`."""

    @property
    def running(self) -> bool:
        """It waits for a worker or has one."""
        return self.state in (RUNNING, QUEUED)

    @property
    def final(self) -> bool:
        """Another look would say the same."""
        return self.state in (PASSED, ERRORS)

    @property
    def unchecked(self) -> bool:
        """Nothing is known that could be relied upon."""
        return self.state not in (PASSED, ERRORS, LIMITED)

    @property
    def word(self) -> str:
        return WORDS[self.state]

    @property
    def sentence(self) -> str:
        """What is to be said about a version that is deployed now, or that one wants to deploy."""
        if self.state == PASSED:
            return f"Every rule holds; {self.detail.get('explored', 0)} states were searched."
        if self.state == ERRORS:
            count = self.detail["errors"]
            return f"The deeper check found {count} error{'s' if count != 1 else ''}."
        if self.state == LIMITED:
            return " ".join(["No error was found. That is no proof:", *self.limits])
        how_far = f" ({self.percent} %)" if self.state == RUNNING else ""
        return f"It {self.word}{how_far}; what is wrong with it would be found later."

    @property
    def percent(self) -> int:
        return round(self.progress * 100)

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The findings that are errors, in the order of the text; none of a stale result."""
        if self.unchecked:
            return []
        return [f for f in self.detail.get("findings", []) if f["severity"] == "error"]

    @property
    def limits(self) -> list[str]:
        return list(self.detail.get("limits", []))

    def as_message(self) -> dict[str, Any]:
        """Return it as programs read it, without the findings."""
        told = ("errors", "warnings", "explored", "complete", "limits", "seconds", "searched",
                "left", "tier", "bounds", "digest", "contract", "error", "by")  # fmt: skip
        known = {name: self.detail[name] for name in told if name in self.detail}
        return {"state": self.state, "progress": round(self.progress, 3), **known}


def verdict_of(version: Version) -> Verdict:
    """Return what is known of a version now."""
    return verdicts_of([version])[version.pk]


def verdicts_of(versions: Iterable[Version]) -> dict[int, Verdict]:
    """Return what is known of versions, by their primary keys, in one query."""
    keys = {check_key(version.pk): version.pk for version in versions}
    contract = contract_hash()
    found = dict.fromkeys(keys.values(), Verdict(UNKNOWN))
    for task in Task.objects.filter(key__in=list(keys)):
        found[keys[task.key]] = of_task(task, contract)
    return found


def of_task(task: Task, contract: str) -> Verdict:
    """Return the verdict a task stands for, seen by the checker with this contract hash."""
    return Verdict(_state(task, contract), task.progress, task.detail)


def _state(task: Task, contract: str) -> str:
    if task.state != Task.State.DONE:
        return str(task.state)
    detail = task.detail
    if detail.get("contract") != contract:
        return STALE
    if detail.get("errors"):
        return ERRORS
    return PASSED if detail.get("complete") else LIMITED
