"""The list of calls, what it is narrowed by, and whether it shows the numbers of callers."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from designer.access import change, hidden_names, may_somewhere, page, visible_flows
from designer.errors import Refused
from designer.views.shell import done, refused, show
from runtime import audit, bridge, search, unmasking
from runtime.models import Session
from runtime.search import CallFilter
from runtime.views import begin

OUTCOMES = (
    "completed", "cancelled", "rejected", "failed", "unhandled", "expired", "error", "lost",
)  # fmt: skip
SPANS = {"1 h": "Last hour", "24 h": "Last 24 hours", "7 d": "Last 7 days", "30 d": "Last 30 days"}


@page("call.view")
def calls(request: HttpRequest) -> HttpResponse:
    """Show the sessions that match. Context: calls [dict], slice, filter, choices, node_here,
    shown (numbers are), minutes (for which they are)."""
    wanted = CallFilter.of(request.GET)
    hidden = hidden_names(request.user)
    found = search.slice_of(
        wanted,
        before=request.GET.get("before", "")[:200],
        after=request.GET.get("after", "")[:200],
        hidden=hidden,
    )
    lines = audit.lines_of(found.sessions, wanted, hidden, first=found.first)
    parties = unmasking.Parties(lambda flow: unmasking.lifted(request, flow))
    context = {
        "calls": [parties.of(line) for line in lines],
        "slice": found,
        "filter": wanted,
        "chips": wanted.chips(),
        "shows": list(search.STATES),
        "older": wanted.as_query(before=found.older),
        "newer": wanted.as_query(after=found.newer),
        "newest": wanted.as_query(),
        "sorts": list(search.SORTS),
        "spans": SPANS,
        "outcomes": OUTCOMES,
        "states": _states(wanted),
        "flows": list(visible_flows(request.user).values_list("name", flat=True)),
        "beginnings": begin.beginnings(request),
        "node_here": bridge.current_node() is not None,
        "may_unmask": may_somewhere(request.user, "call.unmask"),
        "shown_minutes": -(-int(unmasking.seconds_left(request)) // 60),
    }
    return show(request, "runtime/calls.html", context, nav="calls")


def _states(wanted: CallFilter) -> list[str]:
    """Return the states of the newest version that ran of the flow, for the field to offer."""
    if not wanted.flow:
        return []
    newest = Session.objects.filter(flow_name=wanted.flow).order_by("-started_at").first()
    table = audit.table_of(newest.digest) if newest is not None else None
    return list(table.states) if table is not None else []


@change("call.unmask")
def calls_unmask(request: HttpRequest) -> HttpResponse:
    """Show the numbers of callers for a while. POST: reason, next, and flow if it is for one."""
    try:
        unmasking.lift(request, request.POST.get("reason", ""), request.POST.get("flow", "")[:64])
    except Refused as refusal:
        return refused(request, refusal, "calls")
    return _back(request, "Numbers are shown for 15 minutes.")


@change("call.view")
def calls_mask(request: HttpRequest) -> HttpResponse:
    """Hide the numbers of callers again. POST: next."""
    unmasking.drop(request)
    return _back(request, "Numbers are hidden again.")


def _back(request: HttpRequest, message: str) -> HttpResponse:
    wanted: Any = request.POST.get("next", "")
    answer = done(request, message, {"done": True}, "calls")
    local = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    if answer.status_code != 302 or not local or not wanted.startswith("/"):
        return answer
    return redirect(wanted)
