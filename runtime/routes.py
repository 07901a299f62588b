"""Routes as people keep them: ordered, the first that fits wins, `*` for anybody always last.

The rules of matching are the node's (`runtime.node.routes`); here they are kept, changed, told to
the nodes and recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Min

from designer import auditing, notices
from designer.errors import Refused
from designer.models import AuditEntry, Flow
from runtime import trunks
from runtime.models import Route
from runtime.node import routes as rules
from runtime.node.calling import NewCall
from runtime.node.routes import When
from runtime.node.trunks import TrunkBook

ANYBODY = rules.ANYBODY
LAST = 1_000_000
ACT = "route.change"
_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Match:
    """Which route a call takes, and what was tried before it."""

    number: str
    route: Route | None
    passed: list[tuple[Route, str]]
    """Each with why it did not take the call."""


# -- what is there ---------------------------------------------------------------------------------


def ordered() -> list[Route]:
    """Return the routes in the order in which they are tried."""
    found = Route.objects.select_related("flow").order_by("position", "pk")
    return sorted(found, key=_anybody)


def for_node() -> list[rules.Route]:
    """Return the routes as a node takes them."""
    return [_rule(route) for route in ordered()]


def match(call: NewCall) -> Match:
    """Say which route this call takes, and why those before it do not."""
    passed: list[tuple[Route, str]] = []
    for route in ordered():
        missing = rules.misses(_rule(route), call)
        if missing is None:
            return Match(call.number, route, passed)
        passed.append((route, missing))
    return Match(call.number, None, passed)


def imagined(given: Mapping[str, str]) -> NewCall:
    """Return the call somebody describes: number, caller, source, trunk, domain, header, value,
    web_user. Without a trunk it is the one whose networks hold the source.

    A number may be a whole address: `sip:100@desk.example` has a domain, too.
    """
    number = given.get("number", "").strip()
    domain = given.get("domain", "").strip() or _host_of(number)
    header, value = given.get("header", "").strip().lower(), given.get("value", "").strip()
    return NewCall(
        party=_address(given.get("caller", "").strip()),
        number=user_part(number),
        source=given.get("source", "").strip(),
        domain=domain,
        trunk=given.get("trunk", "").strip().lower() or _trunk_of(given.get("source", "").strip()),
        web_user=given.get("web_user", "").strip(),
        header=lambda name: [value] if header and name.lower() == header else [],
    )


def user_part(target: str) -> str:
    """Return the user part of what somebody typed as a number: `sip:100@host` is 100."""
    return _bare(target).partition("@")[0].partition(";")[0]


def changes(limit: int = 20) -> list[AuditEntry]:
    """Return who changed the routes last: what a number led to is part of the record."""
    return list(AuditEntry.objects.filter(act=ACT)[:limit])


def as_message(route: Route) -> dict[str, Any]:
    """Return a route as plain data."""
    return {
        "id": route.pk,
        "pattern": route.pattern,
        "flow": route.flow.name,
        "when": {key: value for key, value in msgspec.to_builtins(route.when).items() if value},
    }


def in_words(when: When) -> str:
    """Return the conditions as one phrase, empty if there are none."""
    parts = []
    if when.sources:
        parts.append(f"from {' or '.join(when.sources)}")
    if when.trunk:
        parts.append(f"trunk {when.trunk}")
    if when.caller:
        parts.append(f"caller {when.caller}")
    if when.domain:
        parts.append(f"domain {when.domain}")
    if when.header:
        parts.append(f"{when.header}: {when.value}")
    if when.web_user:
        parts.append(f"phone of {when.web_user}")
    return ", ".join(parts)


# -- what people do --------------------------------------------------------------------------------


def route_add(
    *, pattern: str, flow: Flow, when: When | None = None, user: Any = None, by_name: str = ""
) -> Route:
    """Put a route above the others; one that asks for the same is replaced. Refused, with what is
    wrong, if it could never match."""
    pattern, when = pattern.strip(), when or When()
    try:
        rules.check(rules.Route(pattern, flow.name, when))
    except ValueError as error:
        raise Refused(f"This route cannot be used: {error}.") from None
    conditions = _JSON.encode(when).decode()
    with transaction.atomic():
        route = Route.objects.filter(pattern=pattern, conditions=conditions).first()
        before = route.flow.name if route is not None else ""
        if route is not None:
            Route.objects.filter(pk=route.pk).update(flow=flow)
            route.flow = flow
        else:
            anybody = pattern == ANYBODY and not when
            route = Route.objects.create(
                pattern=pattern,
                conditions=conditions,
                flow=flow,
                position=LAST if anybody else _above_all(),
            )
        _changed(route, "added" if not before else "replaced", user, by_name, before=before)
    return route


def route_delete(*, route: Route, user: Any = None, by_name: str = "") -> None:
    """Remove a route."""
    with transaction.atomic():
        _changed(route, "removed", user, by_name)
        route.delete()


def route_move(*, route: Route, to: int, user: Any = None, by_name: str = "") -> None:
    """Put a route at this place, 0 the first; the one for anybody stays the last."""
    if _anybody(route):
        raise Refused("* without a condition takes every call, so it is always asked last.")
    with transaction.atomic():
        others = [each for each in ordered() if each.pk != route.pk and not _anybody(each)]
        others.insert(max(0, min(to, len(others))), route)
        for position, each in enumerate(others):
            Route.objects.filter(pk=each.pk).update(position=position)
        _changed(route, "moved", user, by_name, to=to)


def route_named(*, pattern: str = "", key: int | None = None) -> Route:
    """Return the route with this key, or the only one with this pattern; Refused if none is."""
    found = Route.objects.select_related("flow")
    if key is not None:
        route = found.filter(pk=key).first()
        if route is None:
            raise Refused(f"There is no route {key}.")
        return route
    named = list(found.filter(pattern=pattern.strip())[:2])
    if not named:
        raise Refused(f"There is no route for {pattern}.")
    if len(named) > 1:
        raise Refused(f"Several routes are for {pattern}. Say which one by its number.")
    return named[0]


def _changed(route: Route, what: str, user: Any, by_name: str, **detail: Any) -> None:
    words = in_words(route.when)
    auditing.record(
        ACT,
        user=user,
        by_name=by_name or ("" if user is not None else "command line"),
        flow=route.flow,
        subject=f"{route.pattern} {words}".strip(),
        detail={"what": what, **as_message(route), **detail},
    )
    notices.announce(notices.NODES, {"type": "routes.changed"})


def _trunk_of(source: str) -> str:
    book = TrunkBook()
    book.replace(trunks.for_node())
    found = book.of_source(source)
    return found.name if found is not None else ""


def _rule(route: Route) -> rules.Route:
    return rules.Route(route.pattern, route.flow.name, route.when)


def _anybody(route: Route) -> bool:
    return route.pattern == ANYBODY and not route.when


def _above_all() -> int:
    lowest = Route.objects.aggregate(lowest=Min("position"))["lowest"]
    return min(lowest if lowest is not None else 0, 0) - 1


def _bare(target: str) -> str:
    text = target.strip()
    for scheme in ("sips:", "sip:", "tel:"):
        if text.lower().startswith(scheme):
            text = text[len(scheme) :]
    return text


def _host_of(target: str) -> str:
    host = _bare(target).partition("@")[2].partition(";")[0]
    return host.rpartition(":")[0] or host if host.count(":") == 1 else host


def _address(caller: str) -> str:
    """Return who calls as an address: a number alone is one of an unnamed host."""
    if not caller or caller.lower().startswith(("sip:", "sips:", "tel:")):
        return caller
    return f"sip:{caller}" if "@" in caller else f"sip:{caller}@invalid"
