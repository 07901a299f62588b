"""Deployments: the history with what the nodes said, and the act itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from designer import selectors, verdicts
from designer.access import change, hidden_names, page
from designer.errors import Refused
from designer.forms import Deploy
from designer.verdicts import Verdict
from designer.views.shell import done, flow_or_404, refused, show
from runtime import bridge
from runtime import deployments as services


@page("deployment.view")
def deployments(request: HttpRequest) -> HttpResponse:
    """Show who deployed what. Context: deployments with `verdict`, alarms, node, failures."""
    history = services.history(hidden=hidden_names(request.user))
    current = [each for each in history if each.superseded_at is None]
    judged = verdicts.verdicts_of(each.version for each in history)
    for each in history:
        each.verdict = judged[each.version_id]
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


@change("deployment.make")
def flow_deploy(request: HttpRequest, name: str) -> HttpResponse:
    """Let new calls take a version. POST: version, reason (asks to pass over errors)."""
    flow = flow_or_404(name)
    form = Deploy(request.POST)
    try:
        if not form.is_valid():
            raise Refused("A version number is needed.")
        version = selectors.version_of(flow, form.cleaned_data["version"])
        if version is None:
            raise Refused(f"{flow.name} has no version {form.cleaned_data['version']}.")
        deployment = services.deploy(
            version=version, user=request.user, reason=form.cleaned_data["reason"]
        )
    except Refused as refusal:
        return refused(request, refusal, "flow_versions", name)
    message = f"New calls of {flow.name} take v{version.number}."
    if deployment.unchecked:
        message += f" It went live unchecked: it {Verdict(deployment.standing).word}."
    return done(request, message, services.as_message(deployment), "flow_versions", name)
