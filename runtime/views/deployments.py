"""Deployments: the history with what the nodes said, and the act itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from designer import selectors
from designer.access import change, page
from designer.errors import Refused
from designer.forms import Deploy
from designer.views.shell import done, flow_or_404, refused, show
from runtime import bridge
from runtime import deployments as services


@page("deployment.view")
def deployments(request: HttpRequest) -> HttpResponse:
    """Show who deployed what. Context: deployments [Deployment], current, nodes, failures."""
    history = services.history()
    node = bridge.current_node()
    # Asked on the node's own loop: the journal belongs to its thread.
    health = bridge.ask(lambda node: node.health()) if node is not None else {}
    flows = health.get("flows", {})
    context = {
        "deployments": history,
        "current": [each for each in history if each.superseded_at is None],
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
    return done(request, message, services.as_message(deployment), "flow_versions", name)
