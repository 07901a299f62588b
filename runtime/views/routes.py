"""Routes: the ordered list, adding, moving, removing, and trying a call on them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.request import QueryDict

from designer import facts, selectors
from designer.access import change, demand, hidden_names, page, visible_flows
from designer.errors import Refused
from designer.views.shell import done, refused, show
from runtime import routes as services
from runtime import trunks
from runtime.models import Route
from runtime.node.routes import When

TRIED = ("number", "caller", "source", "trunk", "domain", "header", "value", "web_user")
"""What a call that is tried is described by."""
LONGEST = 256


@page("route.view")
def routes(request: HttpRequest) -> HttpResponse:
    """Show the routes. Context: routes [(Route, words)], hidden, flows [name], deployed {name},
    tried {field: text}, match (or None), changes."""
    tried = {field: request.GET.get(field, "")[:LONGEST] for field in TRIED}
    hidden = hidden_names(request.user)
    context = {
        "routes": [(route, services.in_words(route.when)) for route in services.ordered()],
        "hidden": hidden,
        "flows": list(visible_flows(request.user).values_list("name", flat=True)),
        "deployed": facts.runtime().deployed(),
        "trunks": [each.name for each in trunks.listed()],
        "tried": tried,
        "further": any(tried[field] for field in TRIED[1:]),
        "match": services.match(services.imagined(tried)) if tried["number"] else None,
        "changes": [each for each in services.changes() if each.flow_name not in hidden],
    }
    return show(request, "runtime/routes.html", context, nav="routes")


def when_of(sent: QueryDict) -> When:
    """Return the conditions of a form: sources (separated by commas or space), trunk, caller,
    domain, header, value, web_user."""
    text = {field: sent.get(field, "").strip()[:LONGEST] for field in TRIED[1:]}
    return When(
        sources=tuple(sent.get("sources", "")[:2000].replace(",", " ").split()),
        trunk=text["trunk"].lower(),
        caller=text["caller"],
        domain=text["domain"],
        header=text["header"],
        value=text["value"],
        web_user=text["web_user"],
    )


@change("route.change")
def route_add(request: HttpRequest) -> HttpResponse:
    """Put a route above the others. POST: pattern, flow, and the conditions (`when_of`)."""
    try:
        flow = selectors.flow_named(request.POST.get("flow", "")[:64])
        if flow is None:
            raise Refused("Choose the flow that the calls shall take.")
        pattern = request.POST.get("pattern", "")
        route = services.route_add(
            pattern=pattern, flow=flow, when=when_of(request.POST), user=request.user
        )
    except Refused as refusal:
        return refused(request, refusal, "routes")
    words = services.in_words(route.when)
    said = f"Calls to {route.pattern}{f' ({words})' if words else ''} take {flow.name}."
    return done(request, said, services.as_message(route), "routes")


@change("route.change")
def route_delete(request: HttpRequest) -> HttpResponse:
    """Remove a route. POST: id, or pattern where only one has it."""
    try:
        route = _asked(request)
        services.route_delete(route=route, user=request.user)
    except Refused as refusal:
        return refused(request, refusal, "routes")
    data = {"deleted": route.pattern}
    return done(request, f"The route for {route.pattern} is gone.", data, "routes")


@change("route.change")
def route_move(request: HttpRequest) -> HttpResponse:
    """Put a route at another place. POST: id, to (0 the first)."""
    try:
        route, to = _asked(request), request.POST.get("to", "")
        if not (to.isascii() and to.isdigit() and len(to) < 7):
            raise Refused("Say at which place the route shall stand, 0 the first.")
        services.route_move(route=route, to=int(to), user=request.user)
    except Refused as refusal:
        return refused(request, refusal, "routes")
    return done(request, f"{route.pattern} is asked at another place.", {}, "routes")


def _asked(request: HttpRequest) -> Route:
    """Return the route a form names; its flow has to be one that this person may route to."""
    key: Any = request.POST.get("id", "")
    usable = key.isascii() and key.isdigit() and len(key) < 18
    route = services.route_named(
        pattern=request.POST.get("pattern", "")[:128], key=int(key) if usable else None
    )
    demand(request.user, "route.change", route.flow)
    return route
