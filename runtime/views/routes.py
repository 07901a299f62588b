"""Routes: the ordered list, adding, removing, and trying a number."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from designer import facts, selectors
from designer.access import change, demand, hidden_names, page, visible_flows
from designer.errors import Refused
from designer.views.shell import done, refused, show
from runtime import routes as services


@page("route.view")
def routes(request: HttpRequest) -> HttpResponse:
    """Show the routes. Context: routes, flows [name], deployed {name}, number, match (or None)."""
    number = services.user_part(request.GET.get("number", "")[:256])
    context = {
        "routes": services.ordered(),
        "hidden": hidden_names(request.user),
        "flows": list(visible_flows(request.user).values_list("name", flat=True)),
        "deployed": facts.runtime().deployed(),
        "number": number,
        "match": services.match(number) if number else None,
    }
    return show(request, "runtime/routes.html", context, nav="routes")


@change("route.change")
def route_add(request: HttpRequest) -> HttpResponse:
    """Put a route above the others. POST: pattern, flow."""
    try:
        flow = selectors.flow_named(request.POST.get("flow", "")[:64])
        if flow is None:
            raise Refused("Choose the flow that the calls shall take.")
        route = services.route_add(pattern=request.POST.get("pattern", ""), flow=flow)
    except Refused as refusal:
        return refused(request, refusal, "routes")
    data = {"pattern": route.pattern, "flow": flow.name}
    return done(request, f"Calls to {route.pattern} take {flow.name}.", data, "routes")


@change("route.change")
def route_delete(request: HttpRequest) -> HttpResponse:
    """Remove a route. POST: pattern."""
    pattern = request.POST.get("pattern", "")[:128]
    demand(request.user, "route.change", services.flow_of(pattern))
    try:
        services.route_delete(pattern=pattern)
    except Refused as refusal:
        return refused(request, refusal, "routes")
    return done(request, f"The route for {pattern} is gone.", {"deleted": pattern}, "routes")
