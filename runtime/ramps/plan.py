"""The plan of a ramp: its steps, whom it may touch, how often it is looked at.

People write steps as `1 % 10 min, 5 % 20 min, 25 % 30 min, 50 % 30 min`; the last step, everybody,
is not written: the ramp is done when the one before it has passed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from designer.errors import Refused
from runtime.node.calling import network
from runtime.node.routes import MAX_PATTERN
from runtime.ramps import figures

MAX_STEPS = 12
MAX_SCOPE = 100
"""Networks, patterns or callers in a scope."""
LONGEST = 7 * 24 * 3600.0
"""Seconds a step may last."""
EVERY = 3.0
LEAST_EVERY = 0.5
MOST_EVERY = 60.0
"""Seconds between two looks: as usual, at least and at most."""

_STEP = re.compile(r"(\d+(?:[.,]\d+)?) ?%(?: (\d+(?:[.,]\d+)?) ?(s|sec|min|m|h|d))?\Z", re.ASCII)
_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Step:
    """A share of the callers, for at least so many seconds."""

    percent: float
    seconds: float

    @property
    def slack(self) -> float:
        """How many limits wide a figure may still be unsure and the step pass: few callers are
        touched while the share is small. What is proved worse ends the ramp at any share."""
        if self.percent < 5:
            return 4.0
        return 2.0 if self.percent < 25 else 1.0

    @property
    def drawn(self) -> bool:
        """The sides are left to chance; else all calls of the two versions are compared."""
        return 0 < self.percent < 100

    def __str__(self) -> str:
        return f"{self.percent:g} % {duration(self.seconds)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is decided before a ramp begins."""

    steps: tuple[Step, ...]
    sources: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    """The figures that are watched, by key, with how far each may be worse; empty: the usual."""
    every: float = EVERY

    @property
    def scope(self) -> dict[str, list[str]]:
        """Return whom it touches, as it is kept."""
        given = {"sources": self.sources, "numbers": self.numbers, "callers": self.callers}
        return {name: list(each) for name, each in given.items() if each}

    def kept_steps(self) -> list[dict[str, float]]:
        """Return the steps as they are kept."""
        return [asdict(step) for step in self.steps]


PRESETS: dict[str, tuple[str, tuple[Step, ...]]] = {
    "careful": (
        "Careful",
        (Step(1, 600), Step(5, 1200), Step(25, 1800), Step(50, 1800)),
    ),
    "quick": ("Quick", (Step(5, 300), Step(25, 600))),
    "test": ("Test callers first", (Step(0, 600), Step(5, 1200), Step(25, 1800))),
}
"""Steps to begin from, by name, with their title."""
USUAL = "careful"


def steps_text(steps: Iterable[Step]) -> str:
    """Return steps as people write them."""
    return ", ".join(str(step) for step in steps)


def read_steps(text: str) -> tuple[Step, ...]:
    """Read steps, or the name of a preset; Refused for what makes no sense."""
    if text.strip() in PRESETS:
        return PRESETS[text.strip()][1]
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    steps = [_step(re.sub(r"\s+", " ", part)) for part in _joined(parts)]
    while steps and steps[-1] is not None and steps[-1].percent == 100 and not steps[-1].seconds:
        steps.pop()
    if not steps:
        raise Refused("A ramp has at least one step before everybody, such as 5 % 10 min.")
    if len(steps) > MAX_STEPS:
        raise Refused(f"A ramp has at most {MAX_STEPS} steps.")
    shares = [step.percent for step in steps]
    if shares != sorted(set(shares)):
        raise Refused("Each step takes more calls than the one before.")
    return tuple(steps)


def _joined(parts: list[str]) -> list[str]:
    """A comma stands between steps and in numbers: `2,5 % 10 min` is one step."""
    joined: list[str] = []
    for part in parts:
        if joined and joined[-1].isdigit():
            joined[-1] += f".{part}"
        else:
            joined.append(part)
    return joined


def _step(text: str) -> Step:
    found = _STEP.match(text)
    if not found:
        raise Refused(f"{text[:40]!r} is no step. Write it like 5 % 20 min.")
    percent = float(found[1].replace(",", "."))
    seconds = float((found[2] or "0").replace(",", ".")) * _UNITS[found[3] or "s"]
    if percent > 100:
        raise Refused(f"{percent:g} % is more than all calls.")
    if seconds > LONGEST:
        raise Refused("A step lasts at most seven days.")
    if percent < 100 and not found[2]:
        raise Refused(f"The step {percent:g} % says not how long it lasts: {percent:g} % 20 min.")
    return Step(percent, seconds)


def read_scope(text: str) -> tuple[str, ...]:
    """Read a list of networks, patterns or callers, divided by commas, spaces or lines."""
    listed = tuple(dict.fromkeys(part for part in re.split(r"[\s,;]+", text.strip()) if part))
    if len(listed) > MAX_SCOPE:
        raise Refused(f"At most {MAX_SCOPE} can be named.")
    return listed


def checked(plan: Plan) -> Plan:
    """Return the plan with what was left open filled in; Refused where it makes no sense."""
    for source in plan.sources:
        try:
            network(source)
        except ValueError:
            raise Refused(f"{source[:60]} is no network. Write it like 10.1.0.0/16.") from None
    for pattern in (*plan.numbers, *plan.callers):
        if len(pattern) > MAX_PATTERN or not pattern.isprintable():
            raise Refused(f"{pattern[:60]!r} is no pattern of a number or a caller.")
    if plan.steps[0].percent == 0 and not plan.callers:
        raise Refused("A step at 0 % is for test callers: name at least one.")
    for key, limit in plan.limits.items():
        if key not in figures.FIGURES:
            raise Refused(f"There is no figure {key[:40]!r}: {', '.join(figures.FIGURES)}.")
        if not 0 < limit <= figures.FIGURES[key].most:
            figure = figures.FIGURES[key]
            raise Refused(f"{figure.title} may be worse by more than 0 and up to {figure.most:g}.")
    every = min(max(plan.every, LEAST_EVERY), MOST_EVERY)
    return replace(plan, every=every)


def step_of(kept: Mapping[str, Any]) -> Step:
    """Return a step as it was kept."""
    return Step(float(kept["percent"]), float(kept["seconds"]))


def duration(seconds: float) -> str:
    """Return a length of time in its largest whole unit: `20 min`."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
