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
from flows.moving import MAPPING, SAFE
from runtime import deployments
from runtime.drain import judging, orders, policy, view
from runtime.drain.judging import BLOCKED, Only
from runtime.masking import mask_user
from runtime.models import CallOrder, Deployment, DrainPolicy
from runtime.onecall.facts import party_name
from runtime.views.drain_forms import (
    MINUTE,
    amount,
    events_for_calls,
    mapping_of,
    only_of,
    remedy_asked,
    remedy_of,
    version_asked,
    whole_number,
)

MOST_LISTED = 200
"""Calls listed one by one on a page; all of them are counted."""
MOST_VERSIONS = 20

# -- who they are ----------------------------------------------------------------------------------


@page("deployment.view")
def flow_drain(request: HttpRequest, name: str) -> HttpResponse:
    """Show the calls that run another version, as a part of a page. Query: version (its number).

    Context: flow, old (OldCalls or None), policy, trouble (why nothing can be said)."""
    flow = flow_or_404(name)
    number = whole_number(request.GET.get("version"))
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
        "policy_trouble": policy.trouble(chosen, deployment),
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
    target = version_asked(flow, query.get("to")) or (deployment.version if deployment else None)
    chosen, only = mapping_of(query), Only()
    context: dict[str, Any] = {
        "flow": flow, "target": target, "chosen": chosen, "only": only, "query": query,
        "deployment": deployment, "versions": list(flow.versions.all()[:MOST_VERSIONS]),
        "policy": policy.of_flow(flow, deployment),
        "policy_words": policy.words(policy.of_flow(flow, deployment)),
        "policy_trouble": policy.trouble(policy.of_flow(flow, deployment), deployment),
        "policy_acts": DrainPolicy.Act.choices,
        "orders": [orders.progress(each) for each in orders.orders_of(flow)],
        "events": events_for_calls(), "remedies": remedy_asked(query), "waits": "",
        "old": None, "dry": None,
        "most_listed": MOST_LISTED,
    }  # fmt: skip
    try:
        context["only"] = only = only_of(query)
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
        "who": mask_user(party_name(str(at["caller"]))),
        "with": mask_user(party_name(str(at["callee"]))),
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


# -- many calls ------------------------------------------------------------------------------------


@change("call.migrate")
def flow_migrate(request: HttpRequest, name: str) -> HttpResponse:
    """Move calls to a version. POST: version, at_most, reason, seconds, state, minutes, map.STATE,
    force."""
    flow, given = flow_or_404(name), request.POST
    try:
        version = version_asked(flow, given.get("version"))
        if version is None:
            raise Refused("Choose the version that calls shall go over to.")
        order = orders.migrate(
            flow=flow, version=version, chosen=mapping_of(given), only=only_of(given),
            most=whole_number(given.get("at_most")) or 0, now=time.time(),
            patience=amount(given.get("seconds"), orders.PATIENCE),
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
            flow=flow, remedy=remedy_of(given), only=only_of(given, "fix."),
            most=whole_number(given.get("at_most")) or 0, now=time.time(),
            reason=given.get("reason", ""), user=request.user,
        )  # fmt: skip
    except Refused as refusal:
        return refused(request, refusal, "flow_old_calls", name)
    told = orders.progress(order)
    message = f"{told['total']} calls are being helped."
    return done(request, message, told, "call_order", name, order.pk)


def _correction(flow: Flow, query: Mapping[str, str], now: float) -> orders.Correction:
    return orders.correction(
        flow=flow, remedy=remedy_of(query), only=only_of(query, "fix."), now=now
    )


@change("call.migrate")
def flow_drain_policy(request: HttpRequest, name: str) -> HttpResponse:
    """Say what becomes of old calls. POST: act, minutes, reason, deployment (only for that one)."""
    flow, given = flow_or_404(name), request.POST
    number = whole_number(given.get("deployment"))
    try:
        deployment = Deployment.objects.filter(flow=flow, pk=number).first() if number else None
        if number and deployment is None:
            raise Refused(f"{flow.name} has no such deployment.")
        minutes = amount(given.get("minutes"), 60.0)
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
