"""One call: its page, placing one, sending one an event."""

from __future__ import annotations

import time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from designer import rendering, selectors
from designer.access import change, page
from designer.errors import Refused
from designer.views.shell import done, flow_or_404, refused, show
from runtime import acts, audit, bridge, conformance, fires
from runtime.consumers.live import drawn_of
from runtime.models import Session


@page("call.view")
def flow_fires(request: HttpRequest, name: str) -> JsonResponse:
    """Answer {"rows": [...]}: how often each row fired in the last seven days."""
    return JsonResponse({"rows": fires.fires_of(flow_or_404(name).name, time.time())})


@page("call.view")
def call(request: HttpRequest, id: str) -> HttpResponse:
    """Show one session. Context: session (dict), steps, wire, media, possible, conformance
    (Verdict or None), boot."""
    stored = audit.session_of(id)
    session, possible = _session(id, stored)
    if session is None:
        raise Http404("There is no call with this id.")
    text = audit.text_of(session["digest"])
    drawn = rendering.drawing(text)
    steps, wire = audit.steps_of(id), audit.wire_of(id)
    boot = {
        "ws": f"/ws/calls/{id}",
        "session": session,
        "steps": steps,
        "wire": wire,
        "possible": possible,
        "dot": drawn.dot,
        "picture": drawn.picture,
        "text": text,
        "urls": {"send": reverse("call_send", args=[id]), "calls": reverse("calls")},
    }
    context = {
        "session": session,
        "steps": steps,
        "wire": wire,
        "media": audit.media_of(id),
        "conformance": conformance.of_session(stored) if stored is not None else None,
        "possible": possible,
        "boot": boot,
    }
    return show(request, "runtime/call.html", context, nav="calls")


def _session(
    session_id: str, stored: Session | None
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Return a session's line and what may be sent to it, of the node or else of the record."""
    line = audit.stored_summary(stored) if stored else None
    live = audit.live_session(session_id)
    if live is not None:
        number = stored.number if stored else None
        return audit.live_summary(live, number), audit.live_possible(session_id)
    return line, []


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
        bridge.ask(lambda node: acts.send(node, session=id, event=event, fields=fields))
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    return done(request, f"{event} was sent.", {"sent": event}, "call", id)


@change("call.place")
def call_place(request: HttpRequest) -> HttpResponse:
    """Place a call. POST: flow, target."""
    flow, target = request.POST.get("flow", "")[:64], request.POST.get("target", "")
    try:
        session = bridge.ask(lambda node: acts.place(node, flow=flow, target=target))
    except Refused as refusal:
        return refused(request, refusal, "calls")
    return done(
        request, f"{target.strip()} is being called.", {"session": session}, "call", session
    )


@page("call.view")
def flow_live(request: HttpRequest, name: str) -> HttpResponse:
    """Show a flow's calls on its diagram. Context: flow, deployed, latest, boot."""
    flow = flow_or_404(name)
    drawn = drawn_of(flow)
    drawing = rendering.drawing(audit.text_of(drawn["digest"]))
    boot = {
        "flow": flow.name,
        "ws": f"/ws/flows/{flow.name}/live",
        "dot": drawing.dot,
        "picture": drawing.picture,
        "digest": drawn["digest"],
        "deployed": drawn["deployed"],
        "versions": drawn["numbers"],
        "urls": {"call": reverse("call", args=["ID"]).replace("ID", "{id}")},
    }
    context = {
        "flow": flow,
        "deployed": drawn["deployed"],
        "latest": selectors.newest_version(flow),
        "boot": boot,
    }
    return show(request, "runtime/live.html", context, nav="flows")
