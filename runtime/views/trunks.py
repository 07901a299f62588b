"""Trunks: how each stands, what it may, adding, changing, testing and removing one."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import QueryDict
from django.shortcuts import render
from django.utils import timezone

from designer.access import change, hidden_names, page, rights
from designer.errors import Refused
from designer.views.shell import done, refused, show, wants_json
from runtime import bridge, registering
from runtime import trunks as services
from runtime.models import Trunk
from runtime.node.api import CallRefused
from runtime.nodes import span
from runtime.routes import in_words

CHIPS = {
    "up": ("ok", "check", "Answers"),
    "down": ("err", "error", "Down"),
    "partly": ("warn", "warning", "Down for some nodes"),
    "waiting": ("plain", "clock", "Being asked"),
    "unasked": ("plain", "ring", "Not watched"),
    "off": ("plain", "lock", "Disabled"),
}
"""By state: look, glyph and word."""


@page("trunk.view")
def trunks(request: HttpRequest) -> HttpResponse:
    """Show the trunks. Context: trunks [dict], sentence, look, glyph.

    With ?part=1 only what changes, for the page that looks again every three seconds.
    """
    lines = [_line(each) for each in services.listed()]
    context = {"trunks": lines, **_sentence(lines)}
    if request.GET.get("part"):
        return render(request, "runtime/_trunks.html", {**context, "can": rights(request.user)})
    return show(request, "runtime/trunks.html", context, nav="trunks")


@page("trunk.view")
def trunk(request: HttpRequest, trunk: str) -> HttpResponse:
    """Show one trunk: its nodes, history, calls, routes and settings."""
    found = _found(trunk)
    context = _about(request, found)
    if request.GET.get("part"):
        part = {**context, "can": rights(request.user)}
        return render(request, "runtime/_trunk.html", part)
    return show(request, "runtime/trunk.html", context, nav="trunks")


@page("trunk.manage")
def trunk_new(request: HttpRequest) -> HttpResponse:
    """Show the form of a new trunk."""
    fresh = Trunk(every=30)
    return show(request, "runtime/trunk_new.html", {"trunk": fresh}, nav="trunks")


@change("trunk.manage")
def trunk_add(request: HttpRequest) -> HttpResponse:
    """Add a trunk. POST: name, password and the fields of `_given`."""
    given = _given(request.POST)
    name = request.POST.get("name", "")
    try:
        made = services.trunk_add(
            name=name,
            given=given,
            password=request.POST.get("password", ""),
            user=request.user,
        )
    except Refused as refusal:
        if wants_json(request):
            return refused(request, refusal, "trunks")
        kept = Trunk(name=name[:64], **_shown_again(given))
        context = {"trunk": kept, "problem": refusal.message}
        return show(request, "runtime/trunk_new.html", context, nav="trunks", status=409)
    said = f"{made.name} is there. Calls to sip:NUMBER@{made.name} go through it."
    return done(request, said, services.as_message(made), "trunk", made.name)


@change("trunk.manage")
def trunk_change(request: HttpRequest, trunk: str) -> HttpResponse:
    """Change a trunk. POST: the fields of `_given`; password (empty: as it is), forget (1)."""
    found = _found(trunk)
    typed = request.POST.get("password", "")
    password = "" if request.POST.get("forget") == "1" else typed or None
    try:
        services.trunk_change(
            trunk=found, given=_given(request.POST), password=password, user=request.user
        )
    except Refused as refusal:
        return refused(request, refusal, "trunk", found.name)
    data = services.as_message(found)
    return done(request, f"{found.name} is changed, from the next call on.", data, "trunk", trunk)


@change("trunk.manage")
def trunk_switch(request: HttpRequest, trunk: str) -> HttpResponse:
    """Disable a trunk or enable it again. POST: enabled (1 or 0)."""
    found = _found(trunk)
    enabled = request.POST.get("enabled") == "1"
    services.trunk_change(trunk=found, given={"enabled": enabled}, user=request.user)
    word = "takes and carries calls again" if enabled else "takes and carries no new calls"
    return done(request, f"{found.name} {word}.", {"enabled": enabled}, "trunk", found.name)


@change("trunk.manage")
def trunk_remove(request: HttpRequest, trunk: str) -> HttpResponse:
    """Remove a trunk."""
    found = _found(trunk)
    services.trunk_remove(trunk=found, user=request.user)
    return done(request, f"{trunk} is removed.", {"removed": trunk}, "trunks")


@change("trunk.manage")
def trunk_test(request: HttpRequest, trunk: str) -> HttpResponse:
    """Ask a trunk now whether it is there, from the node of this page."""
    found = _found(trunk)
    try:
        bridge.ask(lambda node: node.ask_trunk(found.name))
    except CallRefused as unknown:
        return refused(request, Refused(f"It cannot be asked: {unknown}."), "trunk", found.name)
    except bridge.NodeAway as away:
        return refused(request, away, "trunk", found.name)
    return done(request, f"{found.name} is asked; the answer is shown here.", {}, "trunk", trunk)


@change("trunk.manage")
def trunk_register(request: HttpRequest, trunk: str) -> HttpResponse:
    """Let a flow register with a trunk. POST: flow."""
    found = _found(trunk)
    flow = request.POST.get("flow", "")
    try:
        if flow not in {each.name for each in registering.flows(hidden_names(request.user))}:
            raise Refused(f"No version of {flow[:64] or 'a flow'} that registers is deployed.")
        session = registering.register(trunk=found, flow=flow, user=request.user)
    except Refused as refusal:
        return refused(request, refusal, "trunk", found.name)
    said = f"{flow} registers {found.name}; how it stands is shown here."
    return done(request, said, {"session": session}, "trunk", found.name)


@change("trunk.manage")
def trunk_unregister(request: HttpRequest, trunk: str) -> HttpResponse:
    """Remove the registration with a trunk."""
    found = _found(trunk)
    try:
        registering.unregister(trunk=found, user=request.user)
    except Refused as refusal:
        return refused(request, refusal, "trunk", found.name)
    return done(request, f"{found.name} is being unregistered.", {}, "trunk", found.name)


def _found(name: str) -> Trunk:
    try:
        return services.named(name)
    except Refused as missing:
        raise Http404(missing.message) from None


def _given(sent: QueryDict) -> dict[str, Any]:
    """Return the fields a form sends; a box that is not ticked sends nothing and means no."""
    given: dict[str, Any] = {
        field: sent.get(field, "")[:2000] for field in services.FIELDS if field in sent
    }
    given.pop("enabled", None)
    if "host" in given:
        given["trusted"] = sent.get("trusted") == "1"
    return given


def _shown_again(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a form may keep of what was typed and refused."""
    kept = {field: given[field][:200] for field in services.TEXTS if field in given}
    kept["sources"] = str(given.get("sources", ""))
    kept["trusted"] = bool(given.get("trusted"))
    for field in ("port", *services.NUMBERS, "every"):
        text = str(given.get(field, ""))
        kept[field] = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    return kept


def _line(found: Trunk) -> dict[str, Any]:
    now = timezone.now().timestamp()
    standings = sorted(found.standings.all(), key=lambda each: each.node)
    lately = [each for each in standings if now - each.told_at < services.STALE]
    state = services.state_of(found, standings, now)
    newest = max(lately, key=lambda each: each.checked, default=None)
    return {
        "trunk": found,
        "state": state,
        "chip": CHIPS[state],
        "since": min((each.since for each in lately if each.state), default=0.0),
        "answer": newest if newest is not None and newest.checked else None,
        "asked": f"{span(now - newest.checked)} ago" if newest and newest.checked else "",
        "in": sum(each.calls_in for each in lately),
        "out": sum(each.calls_out for each in lately),
        "nodes": [{"row": each, "ago": _ago(now, each.checked)} for each in lately],
        "several": len(lately) > 1,
        "unreadable": services.unreadable(found),
    }


def _ago(now: float, then: float) -> str:
    return f"{span(max(0.0, now - then))} ago" if then else "never"


def _sentence(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Say in one sentence how the trunks do."""
    used = [line for line in lines if line["trunk"].enabled]
    down = [line["trunk"].name for line in used if line["state"] in ("down", "partly")]
    watched = [line for line in used if line["trunk"].every]
    if down:
        verb = "does" if len(down) == 1 else "do"
        said, look, glyph = f"{' and '.join(down)} {verb} not answer.", "err", "error"
    elif any(line["state"] == "waiting" for line in used):
        said, look, glyph = "The trunks are being asked.", "", "clock"
    elif not watched:
        said, look, glyph = "No trunk is watched.", "", "ring"
    else:
        names = f"All {len(watched)} watched trunks answer."
        one = f"{watched[0]['trunk'].name} answers."
        said, look, glyph = names if len(watched) > 1 else one, "ok", "check"
    return {"sentence": said, "look": look, "glyph": glyph}


def _about(request: HttpRequest, found: Trunk) -> dict[str, Any]:
    hidden = hidden_names(request.user)
    routes = [
        (route, in_words(route.when), route.flow.name in hidden)
        for route in services.routes_of(found)
    ]
    calls = [
        (session, way)
        for session, way in services.calls_of(found)
        if session.flow_name not in hidden
    ]
    return {
        **_line(found),
        "trunk": found,
        "sources": found.sources.split(),
        "marks": found.marks.all()[:12],
        "calls": calls,
        "routes": routes,
        "running": services.running(found),
        "registration": registering.standing(found),
        "unregistered": registering.ended(found),
        "to_register": registering.wanted(found),
        "registrars": registering.flows(hidden),
    }
