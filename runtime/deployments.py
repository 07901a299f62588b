"""Deploying: which version new calls take, by whose word, and what the nodes say to it.

A deployment is a row. The message to the nodes is only a bell: a node that missed it reads the rows
when it starts. A version that does not compile is never deployed; one with errors only by a
permitted person with a reason, and both are kept and shown.

Errors are those of the save and those of the deeper check, if it has spoken. If it has not (it
waits, runs, was cancelled, broke off, or is of an older checker), nobody is kept waiting: the
deployment is made and keeps in `standing` that it was unchecked. Should errors be found later,
everybody who looks at the flow is told; what then happens is a person's decision.

Others may forbid a deployment too (approvals, required checks): each adds a gate with `add_gate`
when its application starts. A gate looks at what is wished for and raises Refused with a sentence,
or lets it pass; all of them are asked, in the order of their names, before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from channels.db import database_sync_to_async
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from designer import auditing, notices, selectors, verdicts
from designer.access import may
from designer.errors import Refused
from designer.facts import Alarm
from designer.models import Flow, Version
from designer.naming import person_name
from designer.verdicts import Verdict
from flows.findings import Severity
from runtime import nodes, routes
from runtime.models import Acknowledgement, Deployment, Ramp, Route
from runtime.node.ramp import Wanted

FIRST_FLOW = "echo_test"
"""The flow that a fresh instance answers every call with."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A deployment somebody asks for, as the gates see it."""

    version: Version
    user: Any
    """Who asks; None for the command line and for the product itself."""
    by_name: str
    reason: str
    """What they say for passing over something; empty if they say nothing."""
    back: bool = False
    """It goes back to a version that ran before: what protects calls must not bar the way."""
    steps: bool = False
    """It begins as a candidate that takes a share of the new calls (`runtime.ramps`)."""


Gate = Callable[[Wish], list[dict[str, Any]] | None]
"""Raises Refused to forbid what is wished, and returns what it lets the wish's reason pass over:
each with a `message`, kept with the deployment. Called inside the transaction, with the flow's row
held: it reads rows and waits for nobody."""

_gates: dict[str, Gate] = {}


def add_gate(name: str, gate: Gate) -> None:
    """Ask this gate before each deployment from now on; the same name again replaces it."""
    _gates[name] = gate


def remove_gate(name: str) -> None:
    """Ask it no more; an unknown name is harmless."""
    _gates.pop(name, None)


def pass_gates(wish: Wish) -> list[dict[str, Any]]:
    """Ask all gates; Refused with the sentence of the first that forbids it. Returns what the
    others let pass over."""
    return [each for name in sorted(_gates) for each in _gates[name](wish) or ()]


def deploy(
    *,
    version: Version,
    user: Any = None,
    by_name: str = "",
    reason: str = "",
    back: bool = False,
) -> Deployment:
    """Let new calls of the flow take this version; Refused says why not.

    Without a user it is an act of the command line: whoever may write the database may deploy.
    Deploying what is deployed already changes nothing and rings the nodes again.
    `back` says that it goes back to what ran before, and is believed of a version that did.
    """
    if user is not None and not may(user, "deployment.make", version.flow):
        raise Refused("Your account may not deploy.")
    back = back and ran(version)
    reason = reason.strip()
    verdict, overridden = passed_over(version, user, reason)
    with transaction.atomic():
        Flow.objects.select_for_update().get(pk=version.flow_id)
        overridden += pass_gates(Wish(version, user, by_name, reason, back=back))
        ramp = ramp_of(version.flow)
        if ramp is not None:
            raise Refused(while_ramped(ramp))
        deployment = current(version.flow)
        if deployment is None or deployment.version_id != version.pk:
            now = timezone.now()
            Deployment.objects.filter(flow=version.flow, superseded_at=None).update(
                superseded_at=now
            )
            deployment = Deployment.objects.create(
                flow=version.flow,
                version=version,
                by_name=by_name or (person_name(user) if user else "command line"),
                at=now,
                reason=reason,
                forced=bool(overridden),
                findings_overridden=overridden,
                standing=verdict.state,
            )
            _record(deployment, user, back)
        # The nodes first: calls wait for them, pages only look.
        notices.announce(notices.NODES, {"type": "flow.deploy", "deployment": deployment.pk})
        announce(deployment)
    return deployment


def _record(deployment: Deployment, user: Any, back: bool) -> None:
    act = "deployment.force" if deployment.forced else "deployment.make"
    auditing.record(
        "deployment.back" if back and not deployment.forced else act,
        user=user,
        by_name=deployment.by_name,
        flow=deployment.flow,
        subject=deployment.version.label,
        reason=deployment.reason,
        detail={
            "deployment": deployment.pk,
            "digest": deployment.version.digest,
            "overridden": len(deployment.findings_overridden),
            "back": back,
        },
    )


def ramp_of(flow: Flow) -> Ramp | None:
    """Return the ramp of a flow that is on, with its versions."""
    found = Ramp.objects.filter(flow=flow, ended_at=None)
    return found.select_related("flow", "deployment__version", "stable__version").first()


def while_ramped(ramp: Ramp) -> str:
    """Say why nothing else is deployed while a ramp is on."""
    candidate, stable = ramp.deployment.version.number, ramp.stable.version.number
    return (
        f"v{candidate} of {ramp.flow.name} is being deployed in steps and takes {ramp.percent:g} %"
        f" beside v{stable}. Roll it back or go on to its end, then another version can take calls."
    )


def passed_over(version: Version, user: Any, reason: str) -> tuple[Verdict, list[dict[str, Any]]]:
    """Return the check's verdict and the errors passed over; Refused where they may not be."""
    verdict = verdicts.verdict_of(version)
    return verdict, _passed_over(version, verdict, user, reason)


def _passed_over(
    version: Version, verdict: Verdict, user: Any, reason: str
) -> list[dict[str, Any]]:
    errors = errors_of(version, verdict)
    first = f"Line {errors[0]['line']}: {errors[0]['message']}" if errors else ""
    if selectors.compiled_version(version).table is None:
        raise Refused(f"{version} does not compile and cannot be deployed. {first}")
    if not errors:
        return []
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    if errors[0].get("trace"):
        page = reverse("flow_version", args=[version.flow.name, version.number])
        first += f" {page} shows how it comes about."
    if not reason:
        raise Refused(f"{version} has {count} and is not deployed without a reason. {first}")
    if user is not None and not may(user, "deployment.force", version.flow):
        raise Refused(f"{version} has {count}. Your account may not deploy over errors. {first}")
    return errors


def errors_of(version: Version, verdict: Verdict) -> list[dict[str, Any]]:
    """Return the errors that are known of a version: the deeper check's, else those of the save."""
    if not verdict.unchecked:
        return verdict.errors
    found = selectors.compiled_version(version).findings
    return [finding.as_dict() for finding in found if finding.severity is Severity.ERROR]


def alarm_of(deployment: Deployment) -> Alarm | None:
    """Return what was found in a running version after it was deployed; None if nothing was."""
    return alarms_of([deployment]).get(deployment.flow.name)


def alarms_of(running: list[Deployment]) -> dict[str, Alarm]:
    """Return the alarms of deployments in force, by the flow's name.

    Errors that were known and passed over with a reason are no alarm: somebody decided that.
    """
    judged = verdicts.verdicts_of(each.version for each in running)
    alarms = {}
    for each in running:
        known = {_identity(finding) for finding in each.findings_overridden}
        new = [f for f in judged[each.version_id].errors if _identity(f) not in known]
        if new:
            alarms[each.flow.name] = Alarm(
                each.flow.name, each.version.number, len(new), new[0], before(each)
            )
    return alarms


def before(deployment: Deployment) -> int | None:
    """Return the number of the version that was deployed before this one, if there was another."""
    earlier = Deployment.objects.filter(flow_id=deployment.flow_id, pk__lt=deployment.pk)
    # A candidate that was taken back never took all calls: nobody wants to go back to it.
    ran = earlier.exclude(
        pk__in=Ramp.objects.exclude(state=Ramp.State.PROMOTED).values("deployment")
    )
    others = ran.exclude(version_id=deployment.version_id).order_by("-pk")
    number: int | None = others.values_list("version__number", flat=True).first()
    return number


def _identity(finding: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(finding.get(part) for part in ("code", "row", "state", "message"))


def ran(version: Version) -> bool:
    """Whether all new calls took this version once."""
    candidates = Ramp.objects.exclude(state=Ramp.State.PROMOTED).values("deployment")
    return Deployment.objects.filter(version=version).exclude(pk__in=candidates).exists()


def current(flow: Flow) -> Deployment | None:
    """Return the deployment new calls of a flow follow."""
    found = Deployment.objects.filter(flow=flow, superseded_at=None)
    return found.select_related("flow", "version").order_by("-pk").first()


def in_force(deployment_id: int) -> Deployment | None:
    """Return a deployment that new calls follow now, None if it was replaced meanwhile."""
    found = Deployment.objects.filter(pk=deployment_id, superseded_at=None)
    return found.select_related("flow", "version").first()


def desired() -> list[Deployment]:
    """Return the deployment in force of each flow."""
    found = Deployment.objects.filter(superseded_at=None)
    return list(found.select_related("flow", "version").order_by("flow__name"))


def flow_of(deployment: str) -> str | None:
    """Return the name of the flow that a deployment, named by its key, is of."""
    if not deployment.isascii() or not deployment.isdigit() or len(deployment) > 18:
        return None
    found = Deployment.objects.filter(pk=int(deployment)).values_list("flow__name", flat=True)
    name: str | None = found.first()
    return name


def history(
    flow: Flow | None = None, limit: int = 200, hidden: Collection[str] = ()
) -> list[Deployment]:
    """Return deployments, but of `hidden` flows, with what the nodes said, newest first."""
    found = Deployment.objects.select_related("flow", "version", "ramp").defer("version__text")
    if flow is not None:
        found = found.filter(flow=flow)
    if hidden:
        found = found.exclude(flow__name__in=hidden)
    return list(found.prefetch_related("acknowledgements").order_by("-pk")[:limit])


def acknowledge(
    *, deployment_id: int, node: str, digest: str, milliseconds: float = 0.0, error: str = ""
) -> Acknowledgement:
    """Keep what a node said about a deployment and tell everybody who looks."""
    answer, _ = Acknowledgement.objects.update_or_create(
        deployment_id=deployment_id,
        node=node,
        defaults={
            "digest": digest,
            "milliseconds": milliseconds,
            "error": error,
            "at": timezone.now(),
        },
    )
    announce(Deployment.objects.select_related("flow", "version").get(pk=deployment_id))
    return answer


def announce(deployment: Deployment) -> None:
    """Tell all pages of the flow how its deployment stands."""
    group = notices.flow_group(deployment.flow.name)
    notices.announce(notices.FLEET, {"type": "fleet.alarm", "flow": deployment.flow.name})
    # Built when the transaction is kept, so that it says what is kept.
    transaction.on_commit(
        lambda: notices.send(
            group, {"type": "flow.deployment", "deployment": as_message(deployment)}
        ),
        robust=True,
    )


def as_message(deployment: Deployment) -> dict[str, Any]:
    """Return a deployment as it travels to browsers."""
    return {
        "type": "deployment",
        "flow": deployment.flow.name,
        "version": deployment.version.number,
        "digest": deployment.version.digest,
        "by": deployment.by_name,
        "at": deployment.at.isoformat(),
        "forced": deployment.forced,
        "reason": deployment.reason,
        "overridden": len(deployment.findings_overridden),
        "standing": deployment.standing,
        "unchecked": deployment.unchecked,
        "before": before(deployment),
        "nodes": nodes.progress(deployment),
    }


def acknowledged(deployment: Deployment) -> Acknowledgement | None:
    """Return the answer of a node that runs exactly this hash."""
    return deployment.acknowledgements.filter(digest=deployment.version.digest, error="").first()


def first_run(flow_name: str = FIRST_FLOW) -> None:
    """Deploy the echo flow and route every call to it, if nobody ever deployed or routed."""
    flow = selectors.flow_named(flow_name)
    version = selectors.newest_version(flow) if flow else None
    if flow is None or version is None:
        return
    if not Deployment.objects.exists():
        deploy(version=version, by_name="Callsmith")
    if not Route.objects.exists():
        routes.route_add(pattern=routes.ANYBODY, flow=flow, by_name=auditing.PRODUCT)


class DatabaseSource:
    """Where a node asks for its flows and routes (the ports of `runtime.node`)."""

    async def desired(self) -> Mapping[str, str | Wanted]:
        """Return what each flow shall run."""

        def read() -> dict[str, str | Wanted]:
            from runtime.ramps import services as ramps

            # Before the deployments, as in `runtime.ramps.following`.
            on = {ramp.flow_id: ramp for ramp in ramps.all_active()}
            wanted: dict[str, str | Wanted] = {}
            for each in desired():
                ramp, digest = on.get(each.flow_id), each.version.digest
                wanted[each.flow.name] = (
                    digest
                    if ramp is None
                    else Wanted(digest, ramp.deployment.version.digest, ramps.rule_of(ramp))
                )
            return wanted

        wanted: dict[str, str | Wanted] = await database_sync_to_async(read)()
        return wanted

    async def routes(self) -> list[Any]:
        """Return the routes in their order (`runtime.node.node.RouteSource`)."""
        ordered: list[Any] = await database_sync_to_async(routes.for_node)()
        return ordered

    async def text(self, digest: str) -> str | None:
        """Return the exact text with this hash."""

        def read() -> str | None:
            version = selectors.version_by_digest(digest)
            return version.text if version else None

        found: str | None = await database_sync_to_async(read)()
        return found
