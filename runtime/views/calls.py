"""Calls: placing one, sending one an event, those of a flow live."""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse, JsonResponse

from designer.access import change, page
from designer.errors import Refused
from designer.views.shell import done, flow_or_404, refused
from runtime import acts, bridge, fires


@page("call.view")
def flow_fires(request: HttpRequest, name: str) -> JsonResponse:
    """Answer {"rows": [...]}: how often each row fired in the last seven days."""
    return JsonResponse({"rows": fires.fires_of(flow_or_404(name).name, time.time())})


@change("call.send")
def call_send(request: HttpRequest, id: str) -> HttpResponse:
    """Send a session an event. POST: event, and the event's fields by their names."""
    event = request.POST.get("event", "")[:128]
    raw = {
        name: str(value)
        for name, value in request.POST.items()
        if name not in ("event", "csrfmiddlewaretoken")
    }
    try:
        fields = acts.typed(event, raw)
        bridge.ask_session_sync(id, "send", event=event, fields=fields)
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    return done(request, f"{event} was sent.", {"sent": event}, "call", id)


@change("call.place")
def call_place(request: HttpRequest) -> HttpResponse:
    """Place a call. POST: flow, target."""
    flow, target = request.POST.get("flow", "")[:64], request.POST.get("target", "")
    try:
        placed = bridge.ask_node_sync("", "place", {"flow": flow, "target": target})
        session = placed["session"]
    except Refused as refusal:
        return refused(request, refusal, "calls")
    return done(
        request, f"{target.strip()} is being called.", {"session": session}, "call", session
    )
