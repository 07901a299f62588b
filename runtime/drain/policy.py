"""What becomes of calls on an old version when their time is up: wait, migrate, or end politely.

A policy is chosen for a flow, or for one of its deployments alone, which then counts. Its deadline
counts from when the version a call runs was replaced. Each node carries it out for its own calls,
by an order that says so (`runtime.drain.carrier`): the rows are the truth, so a restart forgets
nothing. A version that a ramp still gives a share of new calls is not old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from designer import auditing, verdicts
from designer.access import may
from designer.errors import Refused
from designer.models import Flow
from runtime import deployments
from runtime.drain import judging, orders
from runtime.drain.view import in_force, span
from runtime.drain.words import name_of
from runtime.models import CallAct, CallOrder, CallPin, Deployment, DrainPolicy, Ramp

RETRY_SECONDS = 60.0
"""A call that could not be moved or ended is tried again after so long."""
LONGEST = 30 * 24 * 3600
_AGAIN = (
    CallAct.Status.MISSED,
    CallAct.Status.REFUSED,
    CallAct.Status.PINNED,
    CallAct.Status.DONE,
)


def of_flow(flow: Flow, deployment: Deployment | None = None) -> DrainPolicy | None:
    """Return the policy that counts for a deployment of a flow: its own, else the flow's."""
    own = None
    if deployment is not None:
        own = DrainPolicy.objects.filter(deployment=deployment).first()
    return own or DrainPolicy.objects.filter(flow=flow, deployment=None).first()


def choose(
    *,
    flow: Flow,
    act: str,
    after_seconds: int,
    deployment: Deployment | None = None,
    reason: str = "",
    user: Any = None,
    by_name: str = "",
) -> DrainPolicy:
    """Say what becomes of old calls; Refused says why not."""
    if act not in DrainPolicy.Act.values:
        raise Refused(f"A deadline does one of {', '.join(DrainPolicy.Act.values)}.")
    if not 0 <= after_seconds <= LONGEST:
        raise Refused("A deadline is at most 30 days away.")
    right = "call.hangup" if act == DrainPolicy.Act.END else "call.migrate"
    if user is not None and not may(user, right, flow):
        raise Refused("Your account may not decide that for calls of this flow.")
    if deployment is not None and deployment.flow_id != flow.pk:
        raise Refused(f"That is no deployment of {flow.name}.")
    who = name_of(user, by_name)
    with transaction.atomic():
        policy, _ = DrainPolicy.objects.update_or_create(
            flow=flow,
            deployment=deployment,
            defaults={
                "act": act, "after_seconds": after_seconds, "by_name": who,
                "reason": reason.strip(), "at": timezone.now(),
            },
        )  # fmt: skip
        auditing.record(
            "drain.policy", user=user, by_name=who, flow=flow, reason=reason,
            subject=f"deployment {deployment.pk}" if deployment is not None else "all deployments",
            detail={"act": act, "after_seconds": after_seconds},
        )  # fmt: skip
    return policy


def trouble(policy: DrainPolicy | None, deployment: Deployment | None) -> str:
    """Say why a policy cannot be carried out now; empty if it can."""
    if policy is None or deployment is None or policy.act != DrainPolicy.Act.MIGRATE:
        return ""
    version = deployment.version
    if not deployments.errors_of(version, verdicts.verdict_of(version)):
        return ""
    return f"v{version.number} has errors, so no call is moved to it: they wait."


def words(policy: DrainPolicy | None) -> str:
    """Say what a policy does."""
    if policy is None or policy.act == DrainPolicy.Act.WAIT:
        return "Calls stay on their version until they end."
    after = span(policy.after_seconds)
    if policy.act == DrainPolicy.Act.MIGRATE:
        return f"{after} after their version was replaced, calls move to the new one."
    return f"{after} after their version was replaced, calls are ended politely."


# -- carried out by each node ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """The calls of one node whose deadline has come, under one policy."""

    policy: DrainPolicy
    deployment: Deployment
    lines: list[Mapping[str, Any]]


def watched() -> dict[str, set[str]]:
    """Return the flows whose old calls are moved or ended some time, and what is not old there."""
    found = DrainPolicy.objects.exclude(act=DrainPolicy.Act.WAIT).select_related("flow")
    return {each.flow.name: in_force(each.flow) for each in found}


def due(standings: Iterable[Mapping[str, Any]], now: datetime) -> list[Due]:
    """Return which of these calls are to be moved or ended by now."""
    by_flow: dict[str, list[Mapping[str, Any]]] = {}
    for line in standings:
        by_flow.setdefault(line["flow"], []).append(line)
    found = []
    policies = DrainPolicy.objects.exclude(act=DrainPolicy.Act.WAIT)
    for name in policies.filter(flow__name__in=by_flow).values_list("flow__name", flat=True):
        flow = Flow.objects.get(name=name)
        deployment = deployments.current(flow)
        policy = of_flow(flow, deployment)
        if deployment is None or policy is None or policy.act == DrainPolicy.Act.WAIT:
            continue
        late = _late(by_flow.pop(name, []), policy, deployment, now)
        if late:
            found.append(Due(policy, deployment, late))
    return found


def _late(
    lines: list[Mapping[str, Any]], policy: DrainPolicy, deployment: Deployment, now: datetime
) -> list[Mapping[str, Any]]:
    serving = in_force(deployment.flow)
    old = [line for line in lines if line["digest"] not in serving]
    pinned = set(
        CallPin.objects.filter(session__in=[x["id"] for x in old]).values_list("pk", flat=True)
    )
    after = timedelta(seconds=policy.after_seconds)
    ends = {digest: replaced(deployment, digest) + after for digest in {x["digest"] for x in old}}
    return [x for x in old if x["id"] not in pinned and ends[x["digest"]] <= now]


def replaced(deployment: Deployment, digest: str) -> datetime:
    """Return when new calls stopped to take a version; when this deployment came if unknown."""
    ran = Deployment.objects.filter(flow=deployment.flow_id, version__digest=digest)
    ramps = Ramp.objects.filter(flow=deployment.flow_id, deployment__version__digest=digest)
    ends = [*ran.values_list("superseded_at", flat=True), *ramps.values_list("ended_at", flat=True)]
    return max((each for each in ends if each is not None), default=deployment.at)


def enforce(each: Due, now: datetime) -> CallOrder | None:
    """Write down what is to be done to calls whose deadline has come; None if nothing is new."""
    if each.policy.act == DrainPolicy.Act.MIGRATE:
        act, version = CallOrder.Act.MIGRATE, each.deployment.version
        if trouble(each.policy, each.deployment):
            # Nobody is there to pass over them: the calls wait, and the page says so.
            return None
        ways = {line["digest"]: _ways(each, line["digest"]) for line in each.lines}
    else:
        act, version, ways = CallOrder.Act.END, None, {}
    order = CallOrder.objects.filter(deployment=each.deployment, act=act, stopped_at=None).first()
    if order is None:
        stopped = CallOrder.objects.filter(deployment=each.deployment, act=act)
        if stopped.filter(created_at__gte=each.policy.at).exists():
            # A person stopped it; it goes on when somebody chooses the policy anew.
            return None
        return orders.give(
            each.deployment.flow, act, each.lines, by_name=auditing.PRODUCT,
            reason=f"deadline of {each.policy.by_name}: {words(each.policy)}",
            version=version, ways=ways, deployment=each.deployment, scope="past their deadline",
        )  # fmt: skip
    missing = {digest: way for digest, way in ways.items() if digest not in order.ways}
    if missing:
        order.ways = {**order.ways, **missing}
        order.save(update_fields=["ways"])
    orders.add(order, each.lines)
    _again(order, [line["id"] for line in each.lines], now)
    return order


def _again(order: CallOrder, sessions: list[str], now: datetime) -> None:
    late = now - timedelta(seconds=RETRY_SECONDS)
    tried = order.acts.filter(session__in=sessions, status__in=_AGAIN, at__lte=late)
    tried.update(status=CallAct.Status.WAITING, at=now)


def _ways(each: Due, digest: str) -> dict[str, dict[str, str]]:
    judged = judging.ways(each.deployment.flow, digest, each.deployment.version, {})
    return judging.plain_ways(judged) if judged is not None else {}
