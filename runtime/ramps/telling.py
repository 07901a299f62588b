"""A ramp as it travels to programs: plain data, the same for API and command line."""

from __future__ import annotations

from typing import Any

from runtime.models import Ramp
from runtime.ramps import services


def as_data(ramp: Ramp) -> dict[str, Any]:
    """Return how a ramp stands (`runtime.api.shapes.Ramp`)."""
    judgement = ramp.judgement
    return {
        "deployment": ramp.deployment_id,
        "flow": ramp.flow.name,
        "version": ramp.deployment.version.number,
        "digest": ramp.deployment.version.digest,
        "beside": ramp.stable.version.number,
        "state": ramp.state,
        "percent": ramp.percent,
        "step": ramp.step + 1,
        "steps": [{"percent": s["percent"], "seconds": s["seconds"]} for s in ramp.steps],
        "sources": ramp.scope.get("sources", []),
        "numbers": ramp.scope.get("numbers", []),
        "callers": ramp.scope.get("callers", []),
        "limits": dict(ramp.figures),
        "every": ramp.every,
        "began_at": ramp.began_at.isoformat(),
        "step_at": ramp.step_at.isoformat(),
        "looked_at": ramp.judged_at.isoformat() if ramp.judged_at else None,
        "ended_at": ramp.ended_at.isoformat() if ramp.ended_at else None,
        "verdict": judgement.get("verdict", ""),
        "sentence": sentence_of(ramp),
        "figures": [
            {
                name: each[name]
                for name in (
                    "key", "verdict", "stable", "candidate", "difference", "low", "high", "limit",
                    "allowed", "stable_calls", "candidate_calls", "needs",
                )
            }
            for each in judgement.get("figures", [])
        ],
        "calls": services.calls_of_step(ramp),
        "history": [
            {
                "at": mark.at.isoformat(), "what": mark.kind, "percent": mark.percent,
                "by": mark.by_name, "sentence": mark.sentence,
            }
            for mark in ramp.marks.all()
        ],
    }  # fmt: skip


def sentence_of(ramp: Ramp) -> str:
    """Return how it stands, in words."""
    if not ramp.active or (ramp.state == Ramp.State.HELD and not ramp.judgement):
        return ramp.reason
    told = f"{ramp.judgement.get('head', '')} {ramp.judgement.get('sentence', '')}".strip()
    return told or "The figures were not looked at yet."
