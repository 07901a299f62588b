"""What recorded and living calls say of a version: played on it, and beside it."""

from __future__ import annotations

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from designer import comparing, rendering
from designer.access import change, page
from designer.errors import Refused
from designer.naming import person_name
from designer.views.shell import done, flow_or_404, refused, show, wants_json
from designer.views.versions import version_or_404
from runtime import audit, call_scenario, replay_runs, shadows
from runtime.differences import Line


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
    limit = _number(request, "limit", replay_runs.USUAL)
    try:
        message = replay_runs.control(
            version, act, limit=limit, by=person_name(request.user), user=request.user
        )
    except Refused as refusal:
        return refused(request, refusal, back)
    return done(request, message, replay_runs.found_of(version).as_dict(), back)


@page("call.view")
def flow_shadow(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show what a version found beside living calls. Context: flow, version, found, other (a
    shadow of another version that runs), usual_share, usual_most, boot."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    running = shadows.running_of(flow)
    found = shadows.found_of(version)
    drawn = rendering.drawing(version.text)
    context = {
        "flow": flow,
        "version": version,
        "found": found,
        "other": running if running is not None and running.version_id != version.pk else None,
        "usual_share": shadows.USUAL_SHARE,
        "usual_most": shadows.USUAL_MOST,
        "boot": {
            "dot": drawn.dot,
            "picture": drawn.picture,
            "counts": _by_row(found.lines),
        },
    }
    return show(request, "runtime/shadow.html", context, nav="flows")


@page("call.view")
def flow_shadow_state(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show what it counts, for a page that follows it. Context: flow, version, found."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    found = shadows.found_of(version)
    if wants_json(request):
        return JsonResponse(found.as_dict())
    context = {"flow": flow, "version": version, "found": found}
    return show(request, "runtime/_shadow_state.html", context)


@change("deployment.make")
def flow_shadow_start(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Let a version judge new calls: `share` percent, at most `most` at a time on a node."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    back = reverse("flow_shadow", args=[name, number])
    try:
        shadows.start(
            version,
            share=_number(request, "share", shadows.USUAL_SHARE),
            most=_number(request, "most", shadows.USUAL_MOST),
            reason=request.POST.get("reason", ""),
            user=request.user,
        )
    except Refused as refusal:
        return refused(request, refusal, back)
    message = f"{version.label} judges new calls, muted. No call notices it."
    return done(request, message, shadows.found_of(version).as_dict(), back)


@change("deployment.make")
def flow_shadow_stop(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Let no version judge the calls of a flow any more."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    back = reverse("flow_shadow", args=[name, number])
    try:
        stopped = shadows.stop(flow, user=request.user, why=request.POST.get("reason", ""))
    except Refused as refusal:
        return refused(request, refusal, back)
    message = f"{stopped.version.label} judges no more calls. What it found is kept."
    return done(request, message, shadows.found_of(version).as_dict(), back)


def _number(request: HttpRequest, name: str, usual: int) -> int:
    given = request.POST.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 10 else usual


def _by_row(lines: list[Line]) -> dict[int, int]:
    """Return for each row of the candidate in how many calls it was the first difference."""
    counts: dict[int, int] = {}
    for line in lines:
        if line.row >= 0:
            counts[line.row] = counts.get(line.row, 0) + line.count
    return counts
