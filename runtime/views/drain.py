"""Calls on the old version, and acts on running calls: pages, parts of pages, and their forms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from designer import selectors
from designer.access import change, page
from designer.errors import Refused
from designer.models import Flow, Version
from designer.views.shell import done, flow_or_404, frame, refused, show, wants_json
from flows.ends import unanswered
from flows.moving import MAPPING, SAFE
from flows.vocabulary import EVENTS
from runtime import deployments
from runtime.acts import typed
from runtime.drain import acts, judging, orders, policy, reach, view
from runtime.drain.judging import BLOCKED, Only
from runtime.drain.orders import Remedy
from runtime.masking import mask_party
from runtime.models import CallOrder, Deployment, DrainPolicy

MOST_LISTED = 200
"""Calls listed one by one on a page; all of them are counted."""
MOST_VERSIONS = 20
MINUTE = 60.0

# -- who they are ----------------------------------------------------------------------------------


@page("deployment.view")
def flow_drain(request: HttpRequest, name: str) -> HttpResponse:
    """Show the calls that run another version, as a part of a page. Query: version (its number).

    Context: flow, old (OldCalls or None), policy, trouble (why nothing can be said)."""
    flow = flow_or_404(name)
    number = _number(request.GET.get("version"))
    version = selectors.version_of(flow, number) if number else None
    deployment = deployments.current(flow)
    chosen = policy.of_flow(flow, deployment)
    old, trouble = None, ""
    try:
        old = view.old_calls(flow, version, now=time.time())
    except Refused as refusal:
        trouble = refusal.message
    if wants_json(request) and old is not None:
        return JsonResponse(old.as_dict())
    context = {
        "flow": flow,
        "old": old,
        "waits": trouble,
        "policy": chosen,
        "policy_words": policy.words(chosen),
        "asked": number or "",
        "may": frame(request, flow)["can"],
    }
    return render(request, "runtime/_drain.html", context)


@page("call.view")
def flow_old_calls(request: HttpRequest, name: str) -> HttpResponse:
    """Show old calls, where they may go, and what is done to them.

    Query: to (a version), state, minutes, map.STATE; fix.state, fix.minutes, fix.event, fix.to.
    Context: flow, old, dry, fix, policy, orders, versions, events, only, chosen, trouble."""
    flow = flow_or_404(name)
    now, query = time.time(), request.GET
    deployment = deployments.current(flow)
    target = _target(flow, query.get("to")) or (deployment.version if deployment else None)
    chosen, only = _mapping(query), _only(query)
    context: dict[str, Any] = {
        "flow": flow, "target": target, "chosen": chosen, "only": only, "query": query,
        "deployment": deployment, "versions": list(flow.versions.all()[:MOST_VERSIONS]),
        "policy": policy.of_flow(flow, deployment),
        "policy_words": policy.words(policy.of_flow(flow, deployment)),
        "policy_acts": DrainPolicy.Act.choices,
        "orders": [orders.progress(each) for each in orders.orders_of(flow)],
        "events": _events(), "remedies": _asked(query), "waits": "", "old": None, "dry": None,
        "most_listed": MOST_LISTED,
    }  # fmt: skip
    try:
        if target is not None:
            context["old"] = view.old_calls(flow, target, now=now)
            context["dry"] = judging.dry_run(flow, target, chosen=chosen, only=only, now=now)
            context["lines"] = [_shown(x, now) for x in _first(context["dry"].lines)]
        if query.get("fix.state"):
            context["fix"] = _correction(flow, query, now)
            context["fix_lines"] = [_shown(x, now) for x in _first(context["fix"].lines)]
    except Refused as refusal:
        context["waits"] = refusal.message
    context["states"] = _states(context["old"], target)
    return show(request, "runtime/old_calls.html", context, nav="deployments")


def _first(lines: list[judging.Line]) -> list[judging.Line]:
    order = {MAPPING: 0, BLOCKED: 1, SAFE: 2}
    return sorted(lines, key=lambda line: order[line.verdict])[:MOST_LISTED]


def _shown(line: judging.Line, now: float) -> dict[str, Any]:
    at = line.standing
    return {
        "line": line,
        "id": at["id"],
        "state": at["state"],
        "who": mask_party(str(at["caller"])),
        "with": mask_party(str(at["callee"])),
        "node": at["node"],
        "stayed": view.span(now - at["since"]),
        "age": view.span(now - at["started"]),
    }


def _states(old: view.OldCalls | None, target: Version | None) -> list[str]:
    """Return the states a filter or a corrective move can name."""
    found = [group.state for group in old.groups] if old is not None else []
    table = selectors.compiled_version(target).table if target is not None else None
    more = [name for name, state in table.states.items() if not state.final] if table else []
    return list(dict.fromkeys([*found, *more]))


def _events() -> list[str]:
    """Return the events somebody may give to calls, those for people first."""
    given = [word for word in EVENTS.values() if unanswered(word.name).answer is None]
    return [word.name for word in sorted(given, key=lambda word: not word.user)]


# -- many calls ------------------------------------------------------------------------------------


@change("call.migrate")
def flow_migrate(request: HttpRequest, name: str) -> HttpResponse:
    """Move calls to a version. POST: version, at_most, reason, seconds, state, minutes, map.STATE,
    force."""
    flow, given = flow_or_404(name), request.POST
    try:
        version = _target(flow, given.get("version"))
        if version is None:
            raise Refused("Choose the version that calls shall go over to.")
        order = orders.migrate(
            flow=flow, version=version, chosen=_mapping(given), only=_only(given),
            most=_number(given.get("at_most")) or 0, now=time.time(),
            patience=_seconds(given.get("seconds"), orders.PATIENCE),
            reason=given.get("reason", ""), force=bool(given.get("force")), user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "flow_old_calls", name)
    told = orders.progress(order)
    message = f"{told['total']} calls go over to v{version.number} at their next quiet point."
    return done(request, message, told, "call_order", name, order.pk)


@change("call.migrate")
def flow_correct(request: HttpRequest, name: str) -> HttpResponse:
    """Give calls of a state an event, or put them into another. POST: fix.state, fix.minutes,
    fix.event or fix.to, field.NAME, at_most, reason."""
    flow, given = flow_or_404(name), request.POST
    try:
        order = orders.correct(
            flow=flow, remedy=_remedy(given), only=_only(given, "fix."),
            most=_number(given.get("at_most")) or 0, now=time.time(),
            reason=given.get("reason", ""), user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "flow_old_calls", name)
    told = orders.progress(order)
    message = f"{told['total']} calls are being helped."
    return done(request, message, told, "call_order", name, order.pk)


def _correction(flow: Flow, query: Mapping[str, str], now: float) -> orders.Correction:
    return orders.correction(flow=flow, remedy=_remedy(query), only=_only(query, "fix."), now=now)


@change("call.migrate")
def flow_drain_policy(request: HttpRequest, name: str) -> HttpResponse:
    """Say what becomes of old calls. POST: act, minutes, reason, deployment (only for that one)."""
    flow, given = flow_or_404(name), request.POST
    number = _number(given.get("deployment"))
    try:
        deployment = Deployment.objects.filter(flow=flow, pk=number).first() if number else None
        if number and deployment is None:
            raise Refused(f"{flow.name} has no such deployment.")
        minutes = _seconds(given.get("minutes"), 60.0)
        made = policy.choose(
            flow=flow, act=given.get("act", ""), after_seconds=round(minutes * MINUTE),
            deployment=deployment, reason=given.get("reason", ""), user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "flow_old_calls", name)
    data = {"act": made.act, "after_seconds": made.after_seconds}
    return done(request, policy.words(made), data, "flow_old_calls", name)


# -- orders ----------------------------------------------------------------------------------------


@page("call.view")
def call_order(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show what became of an order. Context: flow, order, told (progress), calls, part."""
    flow = flow_or_404(name)
    order = order_of(flow, number)
    told, calls = orders.progress(order), orders.calls_of(order)
    if wants_json(request):
        return JsonResponse({**told, "calls": calls})
    part = request.headers.get("HX-Request") == "true"
    context = {"flow": flow, "order": order, "told": told, "calls": calls[:MOST_LISTED]}
    if part:
        context["can"] = frame(request, flow)["can"]
        return render(request, "runtime/_order.html", context)
    return show(request, "runtime/order.html", context, nav="deployments")


@change("call.migrate")
def call_order_stop(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Do nothing more of an order."""
    flow = flow_or_404(name)
    try:
        left = orders.stop(order=order_of(flow, number), user=request.user)
    except Refused as refusal:
        return refused(request, refusal, "call_order", name, number)
    message = f"Stopped. {left} calls stay as they are."
    return done(request, message, {"left": left}, "call_order", name, number)


def order_of(flow: Flow, number: int) -> CallOrder:
    """Return an order of a flow; Http404 if there is none."""
    found = CallOrder.objects.select_related("flow", "version").filter(flow=flow, pk=number).first()
    if found is None:
        raise Http404("There is no such order.")
    return found


# -- one call --------------------------------------------------------------------------------------


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
    given = _events()
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
    known = judging.numbers(flow, [standing["digest"]])
    return [
        {
            "version": each,
            "deployed": each in first,
            "line": judging.line_of(
                standing, known, judging.ways(flow, standing["digest"], each, {})
            ),
        }
        for each in versions.values()
    ]


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
            session=id, event=event, raw=_prefixed(given, "field."),
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
    """Move a call to another version. POST: version, reason, map.STATE."""
    given = request.POST
    try:
        line = reach.standing(id)
        flow = selectors.flow_named(line["flow"])
        version = _target(flow, given.get("version")) if flow is not None else None
        if version is None:
            raise Refused("Choose the version the call shall go over to.")
        told = acts.migrate(
            session=id, version=version, reason=given.get("reason", ""), chosen=_mapping(given),
            user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    message = (
        f"The call runs v{version.number} now, in {told['state']}."
        if told["status"] == "moved"
        else f"The call goes over to v{version.number} at its next quiet point: {told['why']}."
    )
    return done(request, message, told, "call", id)


# -- reading forms ---------------------------------------------------------------------------------


def _target(flow: Flow, number: str | None) -> Version | None:
    found = _number(number)
    return selectors.version_of(flow, found) if found else None


def _mapping(given: Mapping[str, str]) -> dict[str, str]:
    return {old: new for old, new in _prefixed(given, "map.").items() if new}


def _prefixed(given: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name[len(prefix) :]: str(given[name]) for name in given if name.startswith(prefix)}


def _only(given: Mapping[str, str], prefix: str = "") -> Only:
    minutes = _seconds(given.get(f"{prefix}minutes"), 0.0)
    return Only(state=given.get(f"{prefix}state", "")[:200], older=minutes * MINUTE)


def _remedy(given: Mapping[str, str]) -> Remedy:
    event = given.get("fix.event", "")[:128]
    fields = typed(event, _prefixed(given, "field."))
    return Remedy(event=event, fields=fields, to_state=given.get("fix.to", "")[:200])


def _asked(query: Mapping[str, str]) -> dict[str, str]:
    return {name: query.get(f"fix.{name}", "") for name in ("state", "minutes", "event", "to")}


def _number(raw: str | None) -> int | None:
    text = (raw or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _seconds(raw: str | None, default: float) -> float:
    try:
        value = float(raw) if raw and raw.strip() else default
    except ValueError:
        raise Refused(f"{raw[:40]!r} is no number.") from None  # type: ignore[index]
    if not 0 <= value <= 1e6:
        raise Refused(f"{value:g} is no time to wait for.")
    return value
