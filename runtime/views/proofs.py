"""What recorded and living calls say of a version: played on it, and beside it."""

from __future__ import annotations

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from designer import comparing
from designer.access import change, page
from designer.errors import Refused
from designer.naming import person_name
from designer.views.shell import done, flow_or_404, refused, show, wants_json
from designer.views.versions import version_or_404
from runtime import audit, call_scenario, replay_runs


@page("call.view")
def flow_replay(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show recorded calls on a version. Context: flow, version, replay, calls (how many there
    are), usual."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    context = {
        "flow": flow,
        "version": version,
        "replay": replay_runs.found_of(version),
        "calls": replay_runs.calls_of(version).count(),
        "usual": replay_runs.USUAL,
    }
    return show(request, "runtime/replay.html", context, nav="flows")


@page("call.view")
def flow_replay_state(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show how far it is, for a page that follows it. Context: flow, version, replay."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    replay = replay_runs.found_of(version)
    if wants_json(request):
        return JsonResponse(replay.as_dict())
    context = {"flow": flow, "version": version, "replay": replay}
    answer = show(request, "runtime/_replay_state.html", context)
    if not replay.running:
        answer["HX-Refresh"] = "true"
    return answer


@page("call.view")
def call_simulate(request: HttpRequest, id: str) -> HttpResponse:
    """Go to the simulator with what happened to a call, at the recorded step `step`."""
    session = audit.session_of(id)
    if session is None:
        raise Http404("The record knows no such call.")
    given = request.GET.get("step", "")
    until = int(given) if given.isdecimal() and len(given) < 9 else 0
    try:
        run, at = call_scenario.run_of_call(session, until)
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    word = comparing.packed({"run": msgspec.to_builtins(run), "at": at})
    query = urlencode({"mode": "simulate", "run": word})
    return redirect(f"{reverse('flow', args=[session.flow_name])}?{query}")


@change("check.control")
def flow_replay_act(request: HttpRequest, name: str, number: int, act: str) -> HttpResponse:
    """Play recorded calls on a version (`limit`: how many), or let go of that."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    back = reverse("flow_replay", args=[name, number])
    given = request.POST.get("limit", "")
    limit = int(given) if given.isdecimal() and len(given) < 10 else replay_runs.USUAL
    try:
        message = replay_runs.control(
            version, act, limit=limit, by=person_name(request.user), user=request.user
        )
    except Refused as refusal:
        return refused(request, refusal, back)
    return done(request, message, replay_runs.found_of(version).as_dict(), back)
