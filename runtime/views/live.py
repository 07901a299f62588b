"""Calls as they happen: one flow on its diagram, and all flows on one page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from designer import rendering, selectors
from designer.access import page, visible_flows
from designer.models import Version
from designer.views.shell import flow_or_404, show
from runtime import audit, bridge, deployments, figures
from runtime.consumers.live import drawn_of


@page("call.view")
def flow_live(request: HttpRequest, name: str) -> HttpResponse:
    """Show a flow's calls on its diagram. Context: flow, deployed, ramp, latest, boot."""
    flow = flow_or_404(name)
    drawn = drawn_of(flow)
    drawing = rendering.drawing(audit.text_of(drawn["digest"]))
    boot = {
        "flow": flow.name,
        "ws": f"/ws/flows/{flow.name}/live",
        "dot": drawing.dot,
        "picture": drawing.picture,
        "digest": drawn["digest"],
        "deployed": drawn["deployed"],
        "versions": drawn["numbers"],
        "urls": {
            "call": reverse("call", args=["ID"]).replace("ID", "{id}"),
            "acts": reverse("call_acts", args=["ID"]).replace("ID", "{id}"),
            "figures": reverse("flow_figures", args=[flow.name]),
            "editor": reverse("flow", args=[flow.name]),
        },
    }
    context = {
        "flow": flow,
        "deployed": drawn["deployed"],
        "ramp": deployments.ramp_of(flow),
        "latest": selectors.newest_version(flow),
        "boot": boot,
    }
    return show(request, "runtime/live.html", context, nav="live")


@page("call.view")
def flow_figures(request: HttpRequest, name: str) -> JsonResponse:
    """Answer what the record says of the last hour, see `runtime.figures`."""
    return JsonResponse(figures.figures(flow_or_404(name).name))


@page("call.view")
def live(request: HttpRequest) -> HttpResponse:
    """Show all flows with their calls. Context: flows [{name, description, deployed}], boot."""
    running = {each.flow.name: each.version.number for each in deployments.desired()}
    flows = list(visible_flows(request.user).order_by("name").values("name", "description"))
    numbers: dict[str, int] = dict(
        Version.objects.filter(flow__name__in=[f["name"] for f in flows])
        .order_by()
        .values_list("digest", "number")
    )
    lines = [dict(each, deployed=running.get(each["name"])) for each in flows]
    boot = {
        "ws": "/ws/live",
        "versions": numbers,
        "flows": lines,
        "urls": {
            "call": reverse("call", args=["ID"]).replace("ID", "{id}"),
            "flow": reverse("flow_live", args=["NAME"]).replace("NAME", "{name}"),
        },
    }
    context = {
        "flows": lines,
        "boot": boot,
        "node_here": bridge.current_node() is not None,
    }
    return show(request, "runtime/live_all.html", context, nav="live")
