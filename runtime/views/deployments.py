"""Deployments: the history with what the nodes said, and the act itself."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from designer import selectors, verdicts
from designer.access import change, form, hidden_names, page
from designer.errors import Refused
from designer.forms import Deploy
from designer.verdicts import Verdict
from designer.views.shell import done, flow_or_404, refused, show, wants_json
from runtime import bridge, nodes
from runtime import deployments as services
from runtime.models import Ramp
from runtime.ramps import planning, showing
from runtime.ramps import services as ramps
from runtime.ramps.plan import USUAL, Plan, read_steps


@page("deployment.view")
def deployments(request: HttpRequest) -> HttpResponse:
    """Show who deployed what. Context: deployments with `verdict`, alarms, node, failures."""
    history = services.history(hidden=hidden_names(request.user))
    current = [each for each in history if each.superseded_at is None]
    judged = verdicts.verdicts_of(each.version for each in history)
    lines = nodes.listed()
    for each in history:
        each.verdict = judged[each.version_id]
        each.chip = showing.chip_of(each)
        each.progress = nodes.progress(each, lines)
    node = bridge.current_node()
    # Asked on the node's own loop: the journal belongs to its thread.
    health = bridge.ask(lambda node: node.health()) if node is not None else {}
    flows = health.get("flows", {})
    context = {
        "deployments": history,
        "alarms": services.alarms_of(current).values(),
        "node": health.get("node", ""),
        "running": flows.get("deployed", {}),
        "failures": flows.get("failures", {}),
        "node_here": node is not None,
    }
    return show(request, "runtime/deployments.html", context, nav="deployments")


@form("deployment.make")
def deploy_steps(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Plan a deployment in steps and begin it. Context: version, stable, presets, figures."""
    flow = flow_or_404(name)
    version = selectors.version_of(flow, number)
    if version is None:
        raise Http404(f"{flow.name} has no version {number}.")
    refusal = ""
    if request.method == "POST":
        try:
            plan = planning.plan_of(request.POST)
            reason = request.POST.get("reason", "")[:2000]
            ramp = ramps.start(version=version, plan=plan, user=request.user, reason=reason)
            return _started(request, ramp)
        except Refused as no:
            if wants_json(request):
                return JsonResponse({"error": no.message}, status=409)
            refusal = no.message
    stable = services.current(flow)
    version.verdict = verdicts.verdict_of(version)
    context = {
        "flow": flow,
        "version": version,
        "errors": len(services.errors_of(version, version.verdict)),
        "stable": stable.version if stable else None,
        "running": services.ramp_of(flow),
        "presets": planning.presets(),
        "figures": planning.figure_fields(stable.version if stable else None, request.POST),
        "sent": request.POST,
        "refusal": refusal,
    }
    status = 409 if refusal else 200
    return show(request, "runtime/deploy_steps.html", context, nav="deployments", status=status)


def _started(request: HttpRequest, ramp: Ramp) -> HttpResponse:
    mark = ramp.marks.last()
    where = reverse("deployment", args=[ramp.deployment_id])
    data = {"deployment": ramp.deployment_id, "percent": ramp.percent, "page": where}
    said = mark.sentence if mark else ""
    return done(request, said, data, "deployment", ramp.deployment_id)


@change("deployment.make")
def flow_deploy(request: HttpRequest, name: str) -> HttpResponse:
    """Let new calls take a version. POST: version, reason (asks to pass over errors), back, how
    (`steps`: begins with a share of them), steps."""
    flow = flow_or_404(name)
    sent = Deploy(request.POST)
    try:
        if not sent.is_valid():
            raise Refused("A version number is needed.")
        version = selectors.version_of(flow, sent.cleaned_data["version"])
        if version is None:
            raise Refused(f"{flow.name} has no version {sent.cleaned_data['version']}.")
        reason = sent.cleaned_data["reason"]
        if sent.cleaned_data["how"] == "steps":
            plan = Plan(read_steps(sent.cleaned_data["steps"] or USUAL))
            ramp = ramps.start(version=version, plan=plan, user=request.user, reason=reason)
            return _started(request, ramp)
        deployment = services.deploy(
            version=version, user=request.user, reason=reason, back=sent.cleaned_data["back"]
        )
    except Refused as refusal:
        return refused(request, refusal, "flow_versions", name)
    message = f"New calls of {flow.name} take v{version.number}."
    if deployment.unchecked:
        message += f" It went live unchecked: it {Verdict(deployment.standing).word}."
    return done(request, message, services.as_message(deployment), "flow_versions", name)
