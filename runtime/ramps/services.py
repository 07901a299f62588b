"""The acts on a ramp: begin, hold, go on, take back; by people, and by the product itself.

Whatever changes which calls take the candidate raises `revision` and rings the nodes. A ramp is
changed with its row held, and what is asked is checked against the row as it stands then: a step
that passed in the same moment as somebody held it is not passed twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from designer import auditing, notices
from designer.access import may
from designer.errors import Refused
from designer.models import Flow, Version
from designer.naming import person_name
from runtime import deployments
from runtime.models import Deployment, MediaRecord, Ramp, RampCall, RampMark, Session
from runtime.node.ramp import Rule
from runtime.ramps import figures
from runtime.ramps.plan import Plan, Step, checked, step_of

ACT = "ramp.control"
AUDIO_CALLS = 200
"""So many of the newest calls of the stable version are asked whether they had audio."""

State = Ramp.State
_SAVED = (
    "state", "step", "step_at", "revision", "reason", "judgement", "judged_at", "ended_at"
)  # fmt: skip
"""What acts change; who looks at the ramp meanwhile is not theirs to write."""


def start(
    *,
    version: Version,
    plan: Plan,
    user: Any = None,
    by_name: str = "",
    reason: str = "",
    now: datetime | None = None,
) -> Ramp:
    """Begin to give a version new calls in steps; Refused says why not.

    All that holds for a deployment at once holds here: rights, errors, gates.
    """
    if user is not None and not may(user, "deployment.make", version.flow):
        raise Refused("Your account may not deploy.")
    plan = checked(plan)
    now = now or timezone.now()
    by = _name(user, by_name)
    reason = reason.strip()
    verdict, overridden = deployments.passed_over(version, user, reason)
    with transaction.atomic():
        flow = Flow.objects.select_for_update().get(pk=version.flow_id)
        wish = deployments.Wish(version, user, by, reason, steps=True)
        overridden += deployments.pass_gates(wish)
        stable = _beside(flow, version)
        candidate = Deployment.objects.create(
            flow=flow, version=version, by_name=by, at=now, superseded_at=now, reason=reason,
            forced=bool(overridden), findings_overridden=overridden, standing=verdict.state,
        )  # fmt: skip
        ramp = Ramp.objects.create(
            deployment=candidate, flow=flow, stable=stable, salt=secrets.token_hex(16),
            steps=plan.kept_steps(), scope=plan.scope, figures=_limits(plan, stable.version),
            every=plan.every, began_at=now, step_at=now,
        )  # fmt: skip
        sentence = f"v{version.number} takes {_share(ramp)} beside v{stable.version.number}."
        _changed(ramp, "began", by, sentence, now, user=user, reason=reason)
    return ramp


def hold(*, ramp: Ramp, user: Any = None, by_name: str = "", reason: str = "") -> Ramp:
    """Stay at this step until somebody goes on; worse figures still take the candidate back."""

    def act(held: Ramp, by: str, now: datetime) -> None:
        if held.state == State.HELD:
            raise Refused(f"It is held at {held.percent:g} % already.")
        held.state = State.HELD
        held.reason = f"{by} holds it at {held.percent:g} %."
        _changed(held, "held", by, held.reason, now, user=user, reason=reason)

    return _by_person(ramp, act, user, by_name)


def resume(*, ramp: Ramp, user: Any = None, by_name: str = "", reason: str = "") -> Ramp:
    """Let a held ramp go on by itself again."""

    def act(held: Ramp, by: str, now: datetime) -> None:
        if held.state != State.HELD:
            raise Refused("It is not held.")
        held.state = State.RUNNING
        held.reason = ""
        _changed(held, "resumed", by, f"{by} lets it go on.", now, user=user, reason=reason)

    return _by_person(ramp, act, user, by_name)


def advance(*, ramp: Ramp, user: Any = None, by_name: str = "", reason: str = "") -> Ramp:
    """Go to the next step now; Refused without a reason unless all figures have passed."""

    def act(held: Ramp, by: str, now: datetime) -> None:
        if held.judgement.get("verdict") != "pass" and not reason.strip():
            missing = held.judgement.get("sentence") or "The figures were not looked at yet."
            raise Refused(f"Going on now needs a reason. {missing}")
        _next(held, by, now, f"{by} goes on.", user=user, reason=reason)

    return _by_person(ramp, act, user, by_name)


def back(*, ramp: Ramp, user: Any = None, by_name: str = "", reason: str = "") -> Ramp:
    """Take the candidate back: all new calls take the stable version at once."""

    def act(held: Ramp, by: str, now: datetime) -> None:
        said = f"{by} took v{held.deployment.version.number} back."
        _end_back(held, by, now, f"{said} {reason.strip()}".strip(), user=user, reason=reason)

    return _by_person(ramp, act, user, by_name)


def judge(ramp: Ramp, judgement: dict[str, Any], now: datetime) -> Ramp:
    """Keep what a look found, and do what follows from it.

    Worse: back. The step's time is over and all figures passed: the next step. Over and something
    is undecided or missing: it waits, and says for what.
    """
    with transaction.atomic():
        held = _held(ramp)
        if not held.active or held.revision != ramp.revision:
            return held  # it speaks of a step that is over
        held.judgement, held.judged_at = judgement, now
        verdict = judgement["verdict"]
        if verdict == "fail":
            _end_back(held, auditing.PRODUCT, now, judgement["sentence"])
            return held
        step = step_of(held.steps[held.step])
        over = (now - held.step_at).total_seconds() >= step.seconds
        if held.state != State.HELD and over and verdict == "pass":
            _next(held, auditing.PRODUCT, now, "All figures passed.")
        elif held.state == State.RUNNING and over:
            held.state = State.WAITING
            held.reason = judgement["sentence"]
            _mark(held, "waiting", auditing.PRODUCT, held.reason, now)
            held.save(update_fields=_SAVED)
            _tell(held)
        else:
            if held.state == State.WAITING:
                held.reason = judgement["sentence"]
            held.save(update_fields=_SAVED)
        return held


ACTS: dict[str, Callable[..., Ramp]] = {
    "hold": hold,
    "resume": resume,
    "go": advance,
    "back": back,
}
"""What a person may do to a ramp that is on, by the word of forms, API and command line."""


def rule_of(ramp: Ramp) -> Rule:
    """Return the rule by which nodes choose at this step."""
    scope = {name: tuple(each) for name, each in ramp.scope.items()}
    return Rule(salt=ramp.salt, percent=ramp.percent, **scope)


def active(flow: Flow) -> Ramp | None:
    """Return the ramp of a flow that is on."""
    found: Ramp | None = _with_versions().filter(flow=flow, ended_at=None).first()
    return found


def newest(flow: Flow) -> Ramp | None:
    """Return the last ramp of a flow, on or over."""
    found: Ramp | None = _with_versions().filter(flow=flow).order_by("-pk").first()
    return found


def all_active() -> list[Ramp]:
    """Return the ramps that are on, with what a node needs."""
    return list(_with_versions().filter(ended_at=None).order_by("pk"))


def calls_of_step(ramp: Ramp, candidate: bool = True) -> int:
    """Return how many calls of one side the present step has had, as far as they are measured."""
    found = RampCall.objects.filter(ramp=ramp, step=ramp.step, candidate=candidate)
    return found.count()


# -- how it is done --------------------------------------------------------------------------------


def _by_person(
    ramp: Ramp, act: Callable[[Ramp, str, datetime], None], user: Any, by_name: str
) -> Ramp:
    if user is not None and not may(user, ACT, ramp.flow):
        raise Refused("Your account may not control deployments in steps.")
    with transaction.atomic():
        held = _held(ramp)
        if not held.active:
            raise Refused(f"It is over already: {held.reason}")
        act(held, _name(user, by_name), timezone.now())
    return held


def _held(ramp: Ramp) -> Ramp:
    Flow.objects.select_for_update().get(pk=ramp.flow_id)
    held: Ramp = _with_versions().get(pk=ramp.pk)
    return held


def _with_versions() -> Any:
    return Ramp.objects.select_related(
        "flow", "deployment__version", "deployment__flow", "stable__version", "stable__flow"
    )


def _beside(flow: Flow, version: Version) -> Deployment:
    """Return the deployment that a ramp may begin beside; Refused if there is none."""
    running = active(flow)
    if running is not None:
        raise Refused(deployments.while_ramped(running))
    stable = deployments.current(flow)
    if stable is None:
        raise Refused(f"No version of {flow.name} takes calls yet: deploy {version} at once.")
    if stable.version.digest == version.digest:
        raise Refused(
            f"{version} is the text that runs already as v{stable.version.number}:"
            " there is nothing to compare."
        )
    return stable


def _limits(plan: Plan, stable: Version) -> dict[str, float]:
    if plan.limits:
        return {key: plan.limits[key] for key in figures.FIGURES if key in plan.limits}
    return usual_limits(stable)


def usual_limits(stable: Version) -> dict[str, float]:
    """Return the figures that are watched beside this version, and how far each may be worse."""
    keys = [*figures.USUAL, *(["one_way"] if _had_audio(stable) else [])]
    return {key: figures.FIGURES[key].limit for key in figures.FIGURES if key in keys}


def _had_audio(version: Version) -> bool:
    """Whether calls of a version are known to have had audio: then its loss must not go unseen."""
    newest = Session.objects.filter(digest=version.digest).order_by("-started_at")
    names = list(newest.values_list("pk", flat=True)[:AUDIO_CALLS])
    stored = MediaRecord.objects.filter(session__in=names, kind="stats")
    told: Iterable[Any] = stored.values_list("detail", flat=True)
    return any(each.get("packets_in") and each.get("packets_out") for each in told)


def _next(ramp: Ramp, by: str, now: datetime, sentence: str, **who: Any) -> None:
    """Go on: to the next step, or to everybody."""
    calls = calls_of_step(ramp)
    if ramp.step + 1 == len(ramp.steps):
        _promote(ramp, by, now, sentence, calls, **who)
        return
    ramp.step += 1
    ramp.state, ramp.step_at, ramp.reason = State.RUNNING, now, ""
    ramp.judgement, ramp.judged_at = {}, None
    said = f"{sentence} v{ramp.deployment.version.number} takes {_share(ramp)}."
    _changed(ramp, "step", by, said, now, calls=calls, **who)


def _promote(ramp: Ramp, by: str, now: datetime, sentence: str, calls: int, **who: Any) -> None:
    number, old = ramp.deployment.version.number, ramp.stable.version.number
    ramp.state, ramp.ended_at = State.PROMOTED, now
    ramp.reason = f"{sentence} All new calls take v{number}; v{old} retires."
    Deployment.objects.filter(flow_id=ramp.flow_id, superseded_at=None).update(superseded_at=now)
    Deployment.objects.filter(pk=ramp.deployment_id).update(superseded_at=None, at=now)
    _changed(ramp, "promoted", by, ramp.reason, now, calls=calls, **who)


def _end_back(ramp: Ramp, by: str, now: datetime, sentence: str, **who: Any) -> None:
    calls = calls_of_step(ramp)
    ramp.state, ramp.ended_at, ramp.reason = State.BACK, now, sentence
    Deployment.objects.filter(pk=ramp.deployment_id).update(superseded_at=now)
    said = f"{sentence} New calls take v{ramp.stable.version.number}."
    _changed(ramp, "back", by, said, now, calls=calls, **who)


def _changed(
    ramp: Ramp,
    kind: str,
    by: str,
    sentence: str,
    now: datetime,
    *,
    calls: int = 0,
    user: Any = None,
    reason: str = "",
) -> None:
    """Keep a change that nodes have to follow, and ring them."""
    if kind != "began":
        ramp.revision += 1
    ramp.save(update_fields=_SAVED)
    _mark(ramp, kind, by, sentence, now, calls)
    auditing.record(
        "deployment.make" if kind == "began" else ACT,
        user=user,
        by_name=by,
        flow=ramp.flow,
        subject=f"{ramp.deployment.version} {kind} at {ramp.percent:g} %",
        reason=reason or sentence,
        detail={"ramp": ramp.pk, "kind": kind, "percent": ramp.percent, "sentence": sentence},
    )
    notices.announce(notices.NODES, {"type": "flow.deploy", "deployment": ramp.deployment_id})
    _tell(ramp)


def _mark(ramp: Ramp, kind: str, by: str, sentence: str, now: datetime, calls: int = 0) -> None:
    RampMark.objects.create(
        ramp=ramp, at=now, kind=kind, step=ramp.step, percent=ramp.percent, by_name=by,
        sentence=sentence, calls=calls,
    )  # fmt: skip


def _tell(ramp: Ramp) -> None:
    """Tell the pages of the flow."""
    in_force = deployments.current(ramp.flow)
    if in_force is not None:
        deployments.announce(in_force)


def _share(ramp: Ramp) -> str:
    step: Step = step_of(ramp.steps[ramp.step])
    if step.percent == 0:
        return "the test callers"
    scope = " in scope" if ramp.scope.get("sources") or ramp.scope.get("numbers") else ""
    return f"{step.percent:g} % of the new calls{scope}"


def _name(user: Any, by_name: str) -> str:
    return by_name or (person_name(user) if user is not None else "command line")
