"""What the page of a deployment shows, as plain values: sentences, lines, places in its pictures.

Everything here is read; nothing is decided. Pictures are drawn by the template from the numbers of
`runtime.ramps.pictures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from django.utils import timezone

from runtime import deployments, nodes
from runtime.drain import policy, view
from runtime.models import Acknowledgement, Deployment, Ramp, RampMark, Session
from runtime.ramps import judging, pictures, services
from runtime.ramps.banner import banner_of, clock, next_share
from runtime.ramps.figures import FIGURES
from runtime.ramps.plan import Step, duration, step_of

MOST_STATES = 12
MOST_HISTORY = 20

State = Ramp.State
CHANGES = ("began", "step", "held", "resumed", "back", "promoted")
"""What nodes answer to."""
VERDICTS = {
    judging.NOT_WORSE: ("ok", "check", "Not worse"),
    judging.BETTER: ("ok", "arrow", "Better"),
    judging.UNDECIDED: ("warn", "clock", "Undecided"),
    judging.MISSING: ("warn", "warning", "Not measured"),
    judging.WORSE: ("err", "x", "Worse"),
}
"""By verdict: colour, mark, word."""


def deployment_of(key: int) -> Deployment | None:
    """Return a deployment with its ramp, if it has one, and the answers of the nodes."""
    found = Deployment.objects.select_related(
        "flow", "version", "ramp", "ramp__flow", "ramp__stable__version",
        "ramp__deployment__version",
    )  # fmt: skip
    return found.prefetch_related("acknowledgements").filter(pk=key).first()


def ramp_of(deployment: Deployment) -> Ramp | None:
    """Return the ramp this deployment is the candidate of."""
    found: Ramp | None = getattr(deployment, "ramp", None)
    return found


def context_of(deployment: Deployment, now: datetime) -> dict[str, Any]:
    """Return all that the page shows of a deployment."""
    ramp = ramp_of(deployment)
    marks = list(ramp.marks.all()) if ramp is not None else []
    other = ramp.stable.version if ramp is not None else _version_before(deployment)
    shown: dict[str, Any] = {
        "deployment": deployment,
        "flow": deployment.flow,
        "version": deployment.version,
        "other": other,
        "ramp": ramp,
        "chip": chip_of(deployment),
        "banner": banner_of(deployment, ramp, now),
        "nodes": _nodes(deployment, ramp, marks, other),
        "staying": _staying(deployment, ramp, other, now),
        "ran": _ran(deployment),
        "marks": list(reversed(marks)),
    }
    if ramp is not None:
        shown.update(
            steps=_steps(ramp, marks, now),
            figures=_figures(ramp),
            since=clock(ramp.step_at),
            drawn=step_of(ramp.steps[ramp.step]).drawn,
            scope=_scope(ramp),
            chart=pictures.chart(ramp, marks, now),
            next=next_share(ramp),
            acts=_acts(ramp),
            reach=_reach(ramp),
        )
    return shown


def chip_of(deployment: Deployment) -> tuple[str, str, str]:
    """Return colour, mark and word of how a deployment stands."""
    ramp = ramp_of(deployment)
    if ramp is None or ramp.state == State.PROMOTED:
        if deployment.superseded_at is None:
            return "live", "live", "Live"
        return "", "ring", "Replaced"
    if ramp.state == State.BACK:
        return "err", "undo", "Rolled back"
    if ramp.state == State.RUNNING:
        return "accent", "pie", f"Live {ramp.percent:g} %"
    word = "Held at" if ramp.state == State.HELD else "Waits at"
    return "warn", "paused", f"{word} {ramp.percent:g} %"


# -- the parts -------------------------------------------------------------------------------------


def _steps(ramp: Ramp, marks: list[RampMark], now: datetime) -> list[dict[str, Any]]:
    """Return the steps with everybody at the end."""
    left = {m.step - (m.kind == "step"): m for m in marks if m.kind in ("step", "promoted")}
    shown = []
    for index, kept in enumerate(ramp.steps):
        step = step_of(kept)
        line: dict[str, Any] = {
            "title": "Test callers" if step.percent == 0 else f"{step.percent:g} %",
            "first": duration(step.seconds), "second": "", "share": 0, "state": "todo",
        }  # fmt: skip
        if index in left:
            mark = left[index]
            line.update(state="done", share=100, second=f"left {clock(mark.at)}")
            line["first"] += f" · {_calls(mark.calls)}"
        elif index == ramp.step:
            line.update(_now_step(ramp, step, now))
        shown.append(line)
    old = ramp.stable.version.number
    done = ramp.state == State.PROMOTED
    shown.append(
        {
            "title": "100 %",
            "first": f"since {clock(ramp.ended_at)}" if done else "all new calls",
            "second": f"v{old} retires" if done else f"then v{old} retires",
            "share": 100 if done else 0,
            "state": "done" if done else "todo",
        }
    )
    return shown


def _now_step(ramp: Ramp, step: Step, now: datetime) -> dict[str, Any]:
    until = ramp.ended_at or now
    passed = max(0.0, (until - ramp.step_at).total_seconds())
    calls = services.calls_of_step(ramp)
    gone = min(passed, step.seconds)
    line = {
        "state": "back" if ramp.state == State.BACK else "now",
        "share": round(100 * gone / step.seconds) if step.seconds else 100,
        "first": f"{_part(gone, step.seconds)} · {_calls(calls)}",
    }
    if ramp.state == State.BACK:
        line["second"] = f"rolled back {clock(ramp.ended_at)}"
    else:
        compared = ramp.judgement.get("figures", [])
        decided = sum(each["verdict"] in judging.FINE for each in compared)
        line["second"] = f"{decided} of {len(ramp.figures)} figures decided"
    return line


def _figures(ramp: Ramp) -> list[dict[str, Any]]:
    """Return a line for each figure that is watched, also before the first look."""
    known = {each["key"]: each for each in ramp.judgement.get("figures", [])}
    return [_figure(ramp, key, known.get(key)) for key in ramp.figures]


def _figure(ramp: Ramp, key: str, found: Mapping[str, Any] | None) -> dict[str, Any]:
    figure = FIGURES[key]
    line: dict[str, Any] = {"key": key, "title": figure.title, "about": figure.about}
    line["limit"] = judging.step(figure, ramp.figures[key])
    if found is None:
        return {**line, "verdict": ("", "clock", "Not looked at"), "sub": "no look yet"}
    calls = f"{judging.thousands(found['stable_calls'])} / {_calls(found['candidate_calls'])}"
    if figure.unit.startswith("per"):
        calls = f"{figure.unit}, of {calls}"
    needs = found["needs"]
    if needs is not None:
        calls += f" · about {judging.thousands(judging.rounded(needs))} more needed"
    line.update(
        verdict=VERDICTS[found["verdict"]],
        sub=calls,
        stable=judging.value(figure, found["stable"]),
        candidate=judging.value(figure, found["candidate"]),
        difference=judging.signed(figure, found["difference"]),
        band=pictures.band(figure, found),
        said=_twin(found, figure),
    )
    return line


def _twin(found: Mapping[str, Any], figure: Any) -> str:
    """Return what the picture of a band says."""
    if found["difference"] is None:
        return "No band: a side has no calls."
    low = "unbounded" if found["low"] is None else judging.signed(figure, found["low"])
    high = "unbounded" if found["high"] is None else judging.signed(figure, found["high"])
    allowed = judging.step(figure, found["allowed"])
    return f"difference {low} to {high}; this step allows {allowed} in the bad direction"


def _nodes(
    deployment: Deployment, ramp: Ramp | None, marks: list[RampMark], other: Any
) -> dict[str, Any]:
    """Return what the nodes answered to the last change, and which calls they have."""
    digest, number = deployment.version.digest, deployment.version.number
    changed = max([m.at for m in marks if m.kind in CHANGES] or [deployment.at])
    wanted, word = digest, f"Runs v{number}"
    if ramp is not None and ramp.state == State.BACK:
        wanted, word = ramp.stable.version.digest, f"Runs v{ramp.stable.version.number}"
    digests = [digest, *([other.digest] if other is not None else [])]
    counted = Session.objects.filter(
        ended_at=None, flow_name=deployment.flow.name, digest__in=digests
    )
    calls = {
        (row["node"], row["digest"]): row["count"]
        for row in counted.values("node", "digest").annotate(count=Count("pk"))
    }
    answers = {answer.node: answer for answer in deployment.acknowledgements.all()}
    known: dict[str, nodes.Line] = {}
    if ramp is not None or deployment.superseded_at is None:
        known = {line.name: line for line in nodes.expected(nodes.listed())}
    lines = []
    for name in sorted({*answers, *known}):
        answer, line = answers.get(name), known.get(name)
        fresh = answer is not None and (answer.at >= changed or ramp is None)
        state = _node_state(answer if fresh else None, line, wanted, word, changed)
        fine = state[0] == "ok"
        lines.append(
            {
                "node": name, "digest": answer.digest[:7] if answer else "—", "state": state,
                "error": answer.error if answer is not None and fresh else "",
                "seconds": max(0.0, (answer.at - changed).total_seconds())
                if answer is not None and fine else None,
                "new": calls.get((name, digest), 0),
                "old": calls.get((name, other.digest), 0) if other is not None else 0,
            }
        )  # fmt: skip
    done = sum(line["state"][0] == "ok" for line in lines)
    return {"lines": lines, "done": done, "wanted": wanted[:7]}


def _node_state(
    answer: Acknowledgement | None, line: nodes.Line | None, wanted: str, word: str, since: datetime
) -> tuple[str, str, str]:
    """Return colour, mark and word for what a node said since the last change."""
    if line is not None and line.state == nodes.LOST:
        return "err", "x", f"Lost for {nodes.span(line.age)}"
    if answer is None:
        waited = max(0.0, (timezone.now() - since).total_seconds())
        return "warn", "clock", f"No answer {nodes.span(waited)}"
    if answer.error:
        return "err", "x", "Did not load"
    return ("ok", "check", word) if answer.digest == wanted else ("", "ring", "Runs another")


def _staying(
    deployment: Deployment, ramp: Ramp | None, other: Any, now: datetime
) -> dict[str, Any] | None:
    """Return the calls that stay on the version that takes fewer: by state, with the oldest."""
    leaving = other
    if deployment.superseded_at is not None and (ramp is None or not ramp.active):
        leaving = deployment.version
    if leaving is None:
        return None
    found = Session.objects.filter(
        ended_at=None, flow_name=deployment.flow.name, digest=leaving.digest
    )
    groups = list(
        found.values("state").annotate(count=Count("pk"), oldest=Min("started_at"))
        .order_by("-count", "state")
    )  # fmt: skip
    most = max((group["count"] for group in groups), default=0)
    expected = view.expectations(deployment.flow, leaving.digest, now.timestamp())
    lines = [
        {
            "expected": expected.get(group["state"]),
            "state": group["state"] or "before its first step",
            "count": group["count"],
            "width": round(100 * group["count"] / most),
            "oldest": _age(now.timestamp() - group["oldest"]),
        }
        for group in groups[:MOST_STATES]
    ]
    return {
        "version": leaving,
        "policy": policy.words(policy.of_flow(deployment.flow, deployment)),
        "total": sum(group["count"] for group in groups),
        "lines": lines,
        "more": max(0, len(groups) - MOST_STATES),
    }


def _ran(deployment: Deployment) -> list[dict[str, Any]]:
    """Return which versions of the flow took calls, and when: the newest first."""
    shown = []
    active = deployments.ramp_of(deployment.flow)
    for each in deployments.history(deployment.flow, limit=MOST_HISTORY):
        ramp = ramp_of(each)
        share = ""
        if ramp is not None and ramp.state != State.PROMOTED:
            share = f"up to {ramp.percent:g} %"
        elif ramp is not None:
            share = f"in {len(ramp.steps) + 1} steps"
        elif each.superseded_at is None and active is not None:
            share = f"all but {active.percent:g} %"
        shown.append(
            {
                "deployment": each, "chip": chip_of(each), "share": share,
                "since": ramp.began_at if ramp is not None else each.at,
                "until": None if ramp is not None and ramp.active else each.superseded_at,
                "nodes": [a.node for a in each.acknowledgements.all() if not a.error],
                "here": each.pk == deployment.pk,
            }
        )  # fmt: skip
    return shown


def _acts(ramp: Ramp) -> dict[str, str]:
    """Return the acts that are open: by their word, why one may not be done (empty: it may)."""
    if not ramp.active:
        return {}
    held = ramp.state == State.HELD
    passed = ramp.judgement.get("verdict") == judging.PASS
    why = "" if passed else str(ramp.judgement.get("sentence") or "The figures were not looked at.")
    return {"resume" if held else "hold": "", "back": "", "go": why}


def _reach(ramp: Ramp) -> dict[str, int]:
    """Return how many calls run on each side."""
    found = Session.objects.filter(ended_at=None, flow_name=ramp.flow.name)
    return {
        "candidate": found.filter(digest=ramp.deployment.version.digest).count(),
        "stable": found.filter(digest=ramp.stable.version.digest).count(),
    }


def _scope(ramp: Ramp) -> str:
    """Return whom the ramp touches, in words."""
    parts = []
    if sources := ramp.scope.get("sources"):
        parts.append(f"calls from {', '.join(sources)}")
    if numbers := ramp.scope.get("numbers"):
        parts.append(f"calls to {', '.join(numbers)}")
    said = " and ".join(parts) or "all callers"
    if callers := ramp.scope.get("callers"):
        said += f"; test callers {', '.join(callers)}"
    return said


def _version_before(deployment: Deployment) -> Any:
    number = deployments.before(deployment)
    return deployment.flow.versions.filter(number=number).first() if number else None


# -- words -----------------------------------------------------------------------------------------


def _calls(count: int) -> str:
    return f"{judging.thousands(count)} call{'s' if count != 1 else ''}"


def _part(gone: float, whole: float) -> str:
    """Return how much of a time is over, in the unit of the whole: `22 of 30 min`."""
    for unit, length in (("h", 3600), ("min", 60), ("s", 1)):
        if whole >= 2 * length or length == 1:
            return f"{int(gone // length)} of {whole / length:g} {unit}"
    return ""


def _age(seconds: float) -> str:
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds // 10 * 10} s" if seconds >= 10 else "under 10 s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
