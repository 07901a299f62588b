"""Acts on one running call: the dialogs, and what their forms send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from designer import selectors
from designer.access import change, page
from designer.errors import Refused
from designer.models import Flow, Version
from designer.views.shell import done, frame, refused
from flows.moving import MAPPING, targets
from flows.vocabulary import EVENTS
from runtime import deployments
from runtime.drain import acts, judging, reach
from runtime.views.drain_forms import (
    events_for_calls,
    mapping_of,
    prefixed,
    version_asked,
)


@page("call.view")
def call_acts(request: HttpRequest, id: str) -> HttpResponse:
    """Show what can be done to a call, as a part of a page; nothing if it is over.

    Context: id, standing, targets [{version, line}], events, can."""
    try:
        standing = reach.standing(id)
    except Refused:
        return render(request, "runtime/_acts.html", {"standing": None})
    flow = selectors.flow_named(standing["flow"])
    position = judging.program_of(standing["digest"])
    taken = position.position(standing["state"], standing["role"]).candidates if position else {}
    given = events_for_calls()
    context = {
        "id": id,
        "flow": flow,
        "standing": standing,
        "hangs_up": "HangupCall" in taken,
        "targets": _targets(flow, standing) if flow is not None else [],
        "taken": [EVENTS[name] for name in given if name in taken],
        "events": [EVENTS[name] for name in given if name not in taken],
        **frame(request, flow),
    }
    return render(request, "runtime/_acts.html", context)


def _targets(flow: Flow, standing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the versions a call may be moved to, the deployed one first."""
    deployment = deployments.current(flow)
    newest = list(flow.versions.filter(compiles=True).order_by("-number")[:5])
    first = [deployment.version] if deployment is not None else []
    versions = {each.pk: each for each in [*first, *newest] if each.digest != standing["digest"]}
    return [_offered(flow, each, each in first, standing) for each in versions.values()]


def _offered(
    flow: Flow, version: Version, deployed: bool, standing: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a version a call may go to, with what would become of it there."""
    known = judging.numbers(flow, [standing["digest"]])
    line = judging.line_of(standing, known, judging.ways(flow, standing["digest"], version, {}))
    program = judging.program_of(version.digest)
    unmapped = line.verdict == MAPPING and program is not None
    choices = targets(program, standing["role"]) if unmapped and program is not None else []
    return {"version": version, "deployed": deployed, "line": line, "choices": choices}


@change("call.hangup")
def call_hangup(request: HttpRequest, id: str) -> HttpResponse:
    """End a call. POST: reason, force."""
    given = request.POST
    try:
        told = acts.hang_up(
            session=id, reason=given.get("reason", ""), force=bool(given.get("force")),
            user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    how = f"row {told['row']} took it" if told["how"] == "row" else f"by force, {told['why']}"
    return done(request, f"The call was hung up: {how}.", told, "call", id)


@change("call.inject")
def call_inject(request: HttpRequest, id: str) -> HttpResponse:
    """Give a call an event. POST: event, reason, field.NAME."""
    given = request.POST
    event = given.get("event", "")[:128]
    try:
        told = acts.inject(
            session=id, event=event, raw=prefixed(given, "field."),
            reason=given.get("reason", ""), user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    return done(request, f"{event} was given to the call.", told, "call", id)


@change("call.pin")
def call_pin(request: HttpRequest, id: str) -> HttpResponse:
    """Keep a call on its version, or with `off` let it go. POST: reason, off."""
    given = request.POST
    try:
        told = acts.pin(
            session=id, reason=given.get("reason", ""), off=bool(given.get("off")),
            user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    message = "The call stays on its version." if told["pinned"] else "The call may be moved again."
    return done(request, message, told, "call", id)


@change("call.migrate")
def call_migrate(request: HttpRequest, id: str) -> HttpResponse:
    """Move a call to another version. POST: version, reason, map.VERSION (the state it goes on in),
    map.STATE."""
    given = request.POST
    try:
        line = reach.standing(id)
        flow = selectors.flow_named(line["flow"])
        version = version_asked(flow, given.get("version")) if flow is not None else None
        if version is None:
            raise Refused("Choose the version the call shall go over to.")
        told = acts.migrate(
            session=id, version=version, reason=given.get("reason", ""),
            chosen=_chosen(given, version, line["state"]), user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    message = (
        f"The call runs v{version.number} now, in {told['state']}."
        if told["status"] == "moved"
        else f"The call goes over to v{version.number} at its next quiet point: {told['why']}."
    )
    return done(request, message, told, "call", id)


def _chosen(given: Mapping[str, str], version: Version, state: str) -> dict[str, str]:
    """Return the mapping of one call: its state, for the version that was picked, comes first."""
    own = given.get(f"map.{version.number}", "")
    return {**mapping_of(given), **({state: own} if own else {})}
