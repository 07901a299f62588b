"""The form in which people plan a deployment in steps: what it offers, and what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from designer.errors import Refused
from designer.models import Version
from runtime.ramps import judging, services
from runtime.ramps.figures import FIGURES, Figure
from runtime.ramps.plan import EVERY, PRESETS, USUAL, Plan, read_scope, read_steps, steps_text

OWN = "own"
"""The choice of steps of one's own."""
SCALE = {"%": 100.0, "per 1 000": 1000.0, "s": 1.0}
"""By a figure's unit: by what a limit is multiplied to be written."""


def presets() -> list[dict[str, str]]:
    """Return the steps that are offered: name, title, and how they are written."""
    return [
        {"name": name, "title": title, "steps": f"{steps_text(steps)}, 100 %"}
        for name, (title, steps) in PRESETS.items()
    ]


def figure_fields(stable: Version | None, sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the figures as fields: which are watched, and how far each may be worse."""
    usual = services.usual_limits(stable) if stable is not None else {}
    fields = []
    for key, figure in FIGURES.items():
        typed = sent.get(f"limit_{key}")
        fields.append(
            {
                "key": key, "title": figure.title, "about": figure.about,
                "unit": _unit(figure),
                "limit": typed or f"{figure.limit * SCALE[figure.unit]:g}",
                "watched": f"watch_{key}" in sent if sent else key in usual,
            }
        )  # fmt: skip
    return fields


def plan_of(sent: Mapping[str, Any]) -> Plan:
    """Read a plan from what the form sent; Refused for what makes no sense."""
    preset = str(sent.get("preset") or USUAL)
    steps = str(sent.get("steps") or "") if preset == OWN else preset
    limits = {
        key: _limit(figure, str(sent.get(f"limit_{key}") or ""))
        for key, figure in FIGURES.items()
        if f"watch_{key}" in sent
    }
    if not limits:
        raise Refused("At least one figure is watched: without one nothing can pass.")
    return Plan(
        steps=read_steps(steps),
        sources=read_scope(str(sent.get("sources") or "")),
        numbers=read_scope(str(sent.get("numbers") or "")),
        callers=read_scope(str(sent.get("callers") or "")),
        limits=limits,
        every=_number(str(sent.get("every") or EVERY), "How often is looked"),
    )


def _limit(figure: Figure, typed: str) -> float:
    if not typed.strip():
        return figure.limit
    return _number(typed, figure.title) / SCALE[figure.unit]


def _number(typed: str, what: str) -> float:
    try:
        return float(typed.strip().replace(",", "."))
    except ValueError:
        raise Refused(f"{what}: {typed[:20]!r} is no number.") from None


def _unit(figure: Figure) -> str:
    return judging.step(figure, 0.0).partition(" ")[2]
