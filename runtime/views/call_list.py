"""The list of calls and what it is narrowed by."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from designer.access import hidden_names, page, visible_flows
from designer.views.shell import show
from runtime import audit, bridge
from runtime.audit import CallFilter


@page("call.view")
def calls(request: HttpRequest) -> HttpResponse:
    """Show the sessions that match. Context: calls [dict], page, filter, flows, node_here."""
    wanted = CallFilter.of(request.GET)
    hidden = hidden_names(request.user)
    found = audit.page_of(wanted, request.GET.get("page"), hidden=hidden)
    context = {
        "calls": audit.lines_of(found, wanted, hidden),
        "page": found,
        "filter": wanted,
        "sorts": list(audit.SORTS),
        "shows": list(audit.STATES),
        "flows": list(visible_flows(request.user).values_list("name", flat=True)),
        "node_here": bridge.current_node() is not None,
    }
    return show(request, "runtime/calls.html", context, nav="calls")
