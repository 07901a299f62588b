"""Which flow takes a request that begins a session without a call: MESSAGE, SUBSCRIBE, PUBLISH."""

from __future__ import annotations

from typing import Final

from flows.semantics import Program
from runtime.node.calling import NewCall
from runtime.node.loader import Loader
from runtime.node.routes import Route, RouteTable
from runtime.sip import limits

FIRST: Final = {
    "MESSAGE": "ReceiveMESSAGE",
    "SUBSCRIBE": "SubscriptionRequested",
    "PUBLISH": "PublicationReceived",
}
"""Method to the event a session begins with."""
EVENTS: Final = frozenset(
    ("presence", "presence.winfo", "dialog", "message-summary", "conference", "reg", "ua-profile")
)
"""Event packages that flows may serve; what a flow makes of them its rows say."""
METHODS: Final = frozenset(FIRST)
NOWHERE, NOTHING, BAD_EVENT, NOT_ALLOWED = 404, 480, 489, 405


def taker(
    routes: RouteTable, loader: Loader, call: NewCall, method: str
) -> tuple[Route, Program] | int:
    """Return the first route that fits and whose flow begins so, or the code to refuse with.

    One number may have calls, messages and state answered by different flows: a route to a flow
    that cannot begin with this request leaves it to the routes below.
    """
    code = NOWHERE
    for route in routes.fitting(call):
        program = loader.program(route.flow, call)
        if program is None:
            code = max(code, NOTHING)
        elif FIRST[method] in program.position(program.table.initial, "UAS").candidates:
            return route, program
        else:
            code = BAD_EVENT if method == "SUBSCRIBE" else NOT_ALLOWED
    return code


def allow(method: str) -> str:
    """Return the Allow header of a refusal: what may be sent instead (RFC 3261 21.4.6)."""
    return ", ".join(name for name in limits.METHODS if name != method)
