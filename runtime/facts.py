"""What the designer's pages are told of calls and deployments, without knowing the runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from designer.facts import Alarm, Candidate, Deployed, Taken
from designer.models import Version
from runtime import bridge, coverage, deployments, replay_runs
from runtime.models import Deployment, Ramp, Route, Session


class DesignerRuntime:
    """What the designer's pages are told (`designer.facts.Runtime`)."""

    def deployed(self) -> Mapping[str, Deployed]:
        found = Deployment.objects.filter(superseded_at=None)
        rows = found.select_related("flow", "version").defer("version__text", "version__report")
        return {row.flow.name: _deployed(row) for row in rows.prefetch_related("acknowledgements")}

    def live_calls(self) -> Mapping[str, int]:
        if bridge.current_node() is not None:
            counted: dict[str, int] = bridge.ask(live_by_flow)
            return counted
        counts: dict[str, int] = {}
        for name in Session.objects.filter(ended_at=None).values_list("flow_name", flat=True):
            counts[name] = counts.get(name, 0) + 1
        return counts

    def deploy(self, *, version: Version, user: Any, reason: str) -> None:
        deployments.deploy(version=version, user=user, reason=reason)

    def deployment_message(self, flow: str) -> dict[str, Any] | None:
        found = Deployment.objects.filter(flow__name=flow, superseded_at=None)
        deployment = found.select_related("flow", "version").first()
        return deployments.as_message(deployment) if deployment else None

    def alarm(self, flow: str) -> Alarm | None:
        found = Deployment.objects.filter(flow__name=flow, superseded_at=None)
        deployment = found.select_related("flow", "version").first()
        return deployments.alarm_of(deployment) if deployment else None

    def candidate(self, flow: str) -> Candidate | None:
        found = Ramp.objects.filter(flow__name=flow, ended_at=None)
        ramp = found.select_related("deployment__version", "stable__version").first()
        if ramp is None:
            return None
        return Candidate(
            number=ramp.deployment.version.number,
            percent=ramp.percent,
            beside=ramp.stable.version.number,
            deployment=ramp.deployment_id,
            waits=ramp.state != Ramp.State.RUNNING,
        )

    def routes_of(self, flow: str) -> list[dict[str, str]]:
        found = Route.objects.filter(flow__name=flow).order_by("position", "pk")
        return [{"pattern": route.pattern, "flow": flow} for route in found]

    def taken(self, version: Version) -> Taken:
        return coverage.taken(version)

    def saved(self, version: Version) -> None:
        replay_runs.saved(version)

    def trouble(self) -> str:
        node = bridge.current_node()
        if node is None or node.journal.healthy:
            return ""
        return (
            "New calls are refused: they could not be recorded."
            f" {node.journal.reason[:1].upper()}{node.journal.reason[1:]}."
        )


def live_by_flow(node: Any) -> dict[str, int]:
    """Return how many sessions of each flow live, on all nodes that are heard of."""
    hub = bridge.current_hub()
    if hub is None:
        return count_by_flow(node)
    return {name: count for name in hub.sums.flows() if (count := hub.sums.total(name))}


def count_by_flow(node: Any) -> dict[str, int]:
    """Return how many sessions of each flow live in the node."""
    counts: dict[str, int] = {}
    for session in list(node.sessions()):
        counts[session.flow] = counts.get(session.flow, 0) + 1
    return counts


def _deployed(row: Deployment) -> Deployed:
    answers = list(row.acknowledgements.all())
    good = next((a for a in answers if not a.error and a.digest == row.version.digest), None)
    return Deployed(
        number=row.version.number,
        digest=row.version.digest,
        by=row.by_name,
        at=row.at,
        forced=row.forced,
        reason=row.reason,
        acknowledged=good is not None,
        milliseconds=good.milliseconds if good else None,
        unchecked=row.unchecked,
        failed=next((answer.error for answer in answers if answer.error), ""),
    )
