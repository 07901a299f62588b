"""The calls about routes: which calls take which flow."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from designer import facts, selectors
from designer.access import hidden_names
from designer.errors import Refused
from runtime import routes
from runtime.api.declare import Call, operation
from runtime.api.shapes import FlowName, Pattern, Sent, Told
from runtime.models import Route as Kept
from runtime.node.routes import When

Fit = Annotated[str, Meta(max_length=128)]
Text = Annotated[str, Meta(max_length=256)]
Network = Annotated[str, Meta(max_length=64)]


class Conditions(Sent):
    """What else has to be true of a call; what is left out is true of any."""

    sources: Annotated[
        tuple[Network, ...], Meta(max_length=64, description="Networks the INVITE may come from.")
    ] = ()
    trunk: Annotated[Fit, Meta(description="Pattern of the name of the trunk it comes from.")] = ""
    caller: Annotated[Fit, Meta(description="Pattern of the user in From, or of user@host.")] = ""
    domain: Annotated[Fit, Meta(description="Pattern of the host of the Request-URI.")] = ""
    header: Annotated[Fit, Meta(description="Name of a header; goes with value.")] = ""
    value: Annotated[Fit, Meta(description="Pattern of a value of that header.")] = ""
    web_user: Annotated[Fit, Meta(description="Pattern of whose page's phone calls.")] = ""


class NewRoute(Sent):
    """Calls to a pattern, under conditions, take a flow."""

    pattern: Pattern
    flow: FlowName
    when: Conditions = field(default_factory=Conditions)


class RouteNamed(Sent):
    """Which route: by its id, or by its pattern where only one has it."""

    pattern: Pattern = ""
    route: int | None = None


class RoutePlace(Sent):
    """Where a route shall be asked."""

    route: int
    place: Annotated[int, Meta(ge=1, le=100_000, description="1 is the first.")]


class CallTried(Sent):
    """A call to try on the routes."""

    number: Annotated[
        str, Meta(min_length=1, max_length=256, description="A number, or a SIP address with one.")
    ]
    caller: Text = ""
    source: Annotated[Text, Meta(description="IP address the INVITE comes from.")] = ""
    trunk: Annotated[Text, Meta(description="Name of a trunk; else the one of the source.")] = ""
    domain: Text = ""
    header: Text = ""
    value: Text = ""
    web_user: Text = ""


class Route(Told):
    """Calls like this take this flow; the first that fits wins."""

    id: int
    pattern: Pattern
    flow: Annotated[str, Meta(description="Empty for a flow of a project you do not see.")]
    when: Annotated[dict[str, Any], Meta(description="Conditions, without those left empty.")]


class RoutePassed(Route):
    """A route that was tried and did not take the call."""

    why: str


class RouteTried(Told):
    """Which route a call takes."""

    number: str
    route: Annotated[Route | None, Meta(description="null: the caller gets 404.")]
    deployed: Annotated[bool, Meta(description="The flow runs; otherwise the caller gets 480.")]
    passed: Annotated[list[RoutePassed], Meta(description="Routes tried before, in order.")]


@operation("route.view", list[Route])
def list_routes(call: Call) -> Any:
    """List the routes in the order in which they are tried."""
    hidden = hidden_names(call.user)
    return [_told(route, hidden) for route in routes.ordered()]


@operation("route.change", list[Route], body=NewRoute)
def add_route(call: Call) -> Any:
    """Put a route above the others; one that asks for the same is replaced.

    Answers all routes as they stand then.
    """
    flow = selectors.flow_named(call.body.flow)
    if flow is None:
        raise Refused(f"There is no flow named {call.body.flow}.")
    call.require("route.change", flow)
    given = call.body.when
    when = When(
        sources=given.sources,
        trunk=given.trunk.lower(),
        caller=given.caller,
        domain=given.domain,
        header=given.header,
        value=given.value,
        web_user=given.web_user,
    )
    routes.route_add(pattern=call.body.pattern, flow=flow, when=when, user=call.user)
    return list_routes.function(call)


@operation("route.change", list[Route], body=RoutePlace)
def move_route(call: Call) -> Any:
    """Let a route be asked at another place.

    Answers all routes as they stand then.
    """
    route = routes.route_named(key=call.body.route)
    call.require("route.change", route.flow)
    routes.route_move(route=route, to=call.body.place - 1, user=call.user)
    return list_routes.function(call)


@operation("route.change", list[Route], query=RouteNamed, body=RouteNamed)
def delete_route(call: Call) -> Any:
    """Remove a route.

    It is named in the query, or in a body if your tools send one with DELETE. Answers the routes
    that are left.
    """
    named = call.query if call.query.pattern or call.query.route is not None else call.body
    route = routes.route_named(pattern=named.pattern, key=named.route)
    call.require("route.change", route.flow)
    routes.route_delete(route=route, user=call.user)
    return list_routes.function(call)


@operation("route.view", RouteTried, query=CallTried)
def test_route(call: Call) -> Any:
    """Tell which flow a call would take.

    And which routes were tried before, each with why it does not take the call.
    """
    hidden = hidden_names(call.user)
    asked = {name: getattr(call.query, name) for name in CallTried.__struct_fields__}
    tried = routes.match(routes.imagined(asked))
    taken = tried.route
    return {
        "number": tried.number,
        "route": _told(taken, hidden) if taken else None,
        "deployed": taken is not None and taken.flow.name in facts.runtime().deployed(),
        "passed": [{**_told(route, hidden), "why": why} for route, why in tried.passed],
    }


def _told(route: Kept, hidden: list[str]) -> dict[str, Any]:
    message = routes.as_message(route)
    return {**message, "flow": ""} if route.flow.name in hidden else message
