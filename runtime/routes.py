"""Routes as people keep them: ordered patterns, first match wins, `*` always last.

The rules of matching are the node's (`runtime.node.routes`); here they are kept, changed and told.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Min

from designer import notices
from designer.errors import Refused
from designer.models import Flow
from runtime.models import Route
from runtime.node import routes as rules

ANYBODY = rules.ANYBODY
LAST = 1_000_000


@dataclass(frozen=True, slots=True)
class Match:
    """Which route a number takes, and what was tried before it."""

    number: str
    route: Route | None
    passed: list[Route]


def route_add(*, pattern: str, flow: Flow) -> Route:
    """Put a route above the others; the same pattern again replaces. Refused if it cannot match."""
    pattern = pattern.strip()
    try:
        rules.RouteTable([rules.Route(pattern, flow.name)])
    except ValueError as error:
        raise Refused(f"This pattern cannot be used: {error}.") from None
    with transaction.atomic():
        route = Route.objects.filter(pattern=pattern).first()
        if route is not None:
            Route.objects.filter(pk=route.pk).update(flow=flow)
            route.flow = flow
        else:
            route = Route.objects.create(pattern=pattern, flow=flow, position=_position(pattern))
        _tell()
    return route


def route_delete(*, pattern: str) -> None:
    """Remove a route; Refused if there is none of this pattern."""
    with transaction.atomic():
        deleted, _ = Route.objects.filter(pattern=pattern).delete()
        if not deleted:
            raise Refused(f"There is no route for {pattern}.")
        _tell()


def flow_of(pattern: str) -> str | None:
    """Return the name of the flow that the route with this pattern leads to."""
    name: str | None = (
        Route.objects.filter(pattern=pattern).values_list("flow__name", flat=True).first()
    )
    return name


def ordered() -> list[Route]:
    """Return the routes in the order in which they are tried."""
    found = Route.objects.select_related("flow").order_by("position", "pk")
    return sorted(found, key=lambda route: route.pattern == ANYBODY)


def for_node() -> list[rules.Route]:
    """Return the routes as a node takes them."""
    return [rules.Route(route.pattern, route.flow.name) for route in ordered()]


def match(number: str) -> Match:
    """Say which route a call to this user part takes and which were tried before."""
    passed: list[Route] = []
    for route in ordered():
        if rules.matches(route.pattern, number):
            return Match(number, route, passed)
        passed.append(route)
    return Match(number, None, passed)


def user_part(target: str) -> str:
    """Return the user part of what somebody typed as a number: `sip:100@host` is 100."""
    text = target.strip()
    for scheme in ("sips:", "sip:", "tel:"):
        if text.lower().startswith(scheme):
            text = text[len(scheme) :]
    return text.partition("@")[0].partition(";")[0]


def _position(pattern: str) -> int:
    if pattern == ANYBODY:
        return LAST
    lowest = Route.objects.aggregate(lowest=Min("position"))["lowest"]
    return min(lowest if lowest is not None else 0, 0) - 1


def _tell() -> None:
    notices.announce(notices.NODES, {"type": "routes.changed"})
