"""The verbs `route add|move|delete|list|test`: which calls take which flow."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any

from designer.commands import DONE, ERRORS, answer, refuse

_PARTS = ("trunk", "caller", "domain", "web_user")

_TRIED = ("number", "caller", "source", "trunk", "domain")


def add_parsers(verbs: Any, finish: Callable[..., None]) -> None:
    """Add the verbs to the command line's parser."""
    route = verbs.add_parser("route", help="which calls take which flow").add_subparsers(
        dest="act", metavar="add|move|delete|list|test", required=True
    )
    parser = route.add_parser("add", help="put a route above the others")
    parser.add_argument("--to", required=True, metavar="PATTERN", help="characters, ? one, * any")
    _conditions(parser)
    parser.add_argument("flow")
    finish(parser, route_add)
    parser = route.add_parser("move", help="let a route be asked at another place")
    _which(parser)
    parser.add_argument("--place", type=int, required=True, metavar="N", help="1 is the first")
    finish(parser, route_move)
    parser = route.add_parser("delete", help="remove a route")
    _which(parser)
    finish(parser, route_delete)
    finish(route.add_parser("list", help="in the order in which they are tried"), route_list)
    parser = route.add_parser("test", help="say which flow a call would take, and why: 1 if none")
    parser.add_argument("number", help="a number or a whole SIP address")
    parser.add_argument("--caller", default="", metavar="USER[@HOST]")
    parser.add_argument("--source", default="", metavar="IP", help="where the INVITE comes from")
    parser.add_argument("--trunk", default="", metavar="NAME", help="instead of a source")
    parser.add_argument("--domain", default="", metavar="HOST", help="of the Request-URI")
    parser.add_argument("--header", default="", metavar="'NAME: VALUE'")
    parser.add_argument("--web-user", default="", metavar="USER", help="whose phone calls")
    finish(parser, route_test)


def _conditions(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--source", action="append", default=[], metavar="NETWORK", help="203.0.113.0/24, repeated"
    )
    parser.add_argument("--trunk", default="", metavar="PATTERN", help="of a trunk's name")
    parser.add_argument("--caller", default="", metavar="PATTERN", help="user, or user@host")
    parser.add_argument("--domain", default="", metavar="PATTERN", help="of the Request-URI")
    parser.add_argument("--header", default="", metavar="'NAME: PATTERN'")
    parser.add_argument("--web-user", default="", metavar="PATTERN", help="whose phone calls")


def _which(parser: ArgumentParser) -> None:
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument("--to", default="", metavar="PATTERN", help="if only one has it")
    named.add_argument("--id", type=int, metavar="N", help="as `route list` shows it")


def route_add(options: Namespace) -> int:
    """Add a route above the others; one that asks for the same is replaced."""
    from designer import selectors
    from designer.errors import Refused
    from runtime import routes
    from runtime.node.routes import When

    flow = selectors.flow_named(options.flow)
    if flow is None:
        return refuse(options, f"There is no flow named {options.flow}.")
    header, _, value = options.header.partition(":")
    when = When(
        sources=tuple(options.source),
        header=header.strip(),
        value=value.strip(),
        **{part: getattr(options, part).strip() for part in _PARTS},
    )
    try:
        route = routes.route_add(pattern=options.to, flow=flow, when=when)
    except Refused as refusal:
        return refuse(options, refusal.message)
    words = routes.in_words(route.when)
    said = f"Calls to {route.pattern}{f' ({words})' if words else ''} take {flow.name}."
    answer(options, routes.as_message(route), said)
    return DONE


def route_move(options: Namespace) -> int:
    """Let a route be asked at another place."""
    from designer.errors import Refused
    from runtime import routes

    try:
        route = routes.route_named(pattern=options.to, key=options.id)
        routes.route_move(route=route, to=options.place - 1)
    except Refused as refusal:
        return refuse(options, refusal.message)
    answer(options, routes.as_message(route), f"{route.pattern} is asked at another place.")
    return DONE


def route_delete(options: Namespace) -> int:
    """Remove a route."""
    from designer.errors import Refused
    from runtime import routes

    try:
        route = routes.route_named(pattern=options.to, key=options.id)
        routes.route_delete(route=route)
    except Refused as refusal:
        return refuse(options, refusal.message)
    answer(options, {"deleted": route.pattern}, f"The route for {route.pattern} is gone.")
    return DONE


def route_list(options: Namespace) -> int:
    """List the routes in order."""
    from runtime import routes

    listed = routes.ordered()
    lines = [
        f"{route.pk:>4} {route.pattern:<20} {route.flow.name:<20} "
        f"{routes.in_words(route.when)}".rstrip()
        for route in listed
    ]
    data = {"routes": [routes.as_message(route) for route in listed]}
    answer(options, data, "\n".join(lines) or "There are no routes.")
    return DONE


def route_test(options: Namespace) -> int:
    """Say which flow a call would take, and why not the others: 1 if none."""
    from runtime import routes

    header, _, value = options.header.partition(":")
    given = {name: getattr(options, name) for name in _TRIED}
    given |= {"web_user": options.web_user, "header": header, "value": value}
    match = routes.match(routes.imagined(given))
    lines = [f"not {route.pattern}: {why}" for route, why in match.passed]
    if match.route is None:
        lines.append(f"{match.number} matches no route: the caller gets 404.")
    else:
        lines.append(f"{match.number} takes {match.route.flow.name} by {match.route.pattern}.")
    data = {
        "number": match.number,
        "route": routes.as_message(match.route) if match.route else None,
        "passed": [{**routes.as_message(route), "why": why} for route, why in match.passed],
    }
    answer(options, data, "\n".join(lines))
    return DONE if match.route else ERRORS
