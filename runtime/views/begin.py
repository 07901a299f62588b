"""Beginning a session that is no call: a message, a subscription, a registration."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from designer.access import change, page, visible_flows
from designer.errors import Refused
from designer.views.shell import done, refused
from flows.vocabulary import EVENTS
from runtime import acts, bridge

LONG = ("body",)
"""Fields that take more than a line."""
NEEDED = ("target", "registrar")


def beginnings(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the flows that run and what people may begin them with, beside calls."""
    if bridge.current_node() is None:
        return []
    seen = set(visible_flows(request.user).values_list("name", flat=True))
    try:
        found: dict[str, list[str]] = bridge.ask(lambda node: node.beginnings())
    except Refused:
        return []
    return [
        {"flow": flow, "event": event}
        for flow, events in sorted(found.items())
        for event in events
        if flow in seen and event != "MakeCall"
    ]


@page("call.view")
def call_begin_fields(request: HttpRequest) -> HttpResponse:
    """Show the fields of an event. GET: what, as `flow event`."""
    _, _, event = request.GET.get("what", "")[:200].partition(" ")
    word = EVENTS.get(event)
    fields = [
        {
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "kind": kind,
            "long": name in LONG,
            "needed": name in NEEDED,
        }
        for name, kind in (word.fields.items() if word is not None and word.user else ())
    ]
    meaning = word.meaning.replace("`", "") if word is not None else ""
    context = {"fields": fields, "meaning": meaning}
    return render(request, "runtime/_begin_fields.html", context)


@change("call.place")
def call_begin(request: HttpRequest) -> HttpResponse:
    """Begin a session. POST: what, as `flow event`, and the event's fields by their names."""
    flow, _, event = request.POST.get("what", "")[:200].partition(" ")
    raw = {
        name: str(value)
        for name, value in request.POST.items()
        if name not in ("what", "csrfmiddlewaretoken")
    }
    try:
        asked = {"flow": flow, "event": event, "fields": acts.typed(event, raw)}
        session = bridge.ask_node_sync("", "begin", asked)["session"]
    except Refused as refusal:
        return refused(request, refusal, "calls")
    return done(request, f"{flow} began with {event}.", {"session": session}, "call", session)
