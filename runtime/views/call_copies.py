"""What is made of a call: copies for others, a comparison, a test, a replay on the draft."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from designer import auditing, selectors
from designer.access import change, demand, page
from designer.errors import Refused
from designer.views.shell import done, flow_or_404, refused, show
from flows.compile import compile_text
from flows.semantics import Program
from runtime import audit, call_scenario
from runtime.models import Session
from runtime.onecall import comparing, copies, playing
from runtime.onecall.legs import OneCall
from runtime.onecall.veil import Veil
from runtime.onecall.words import moment
from runtime.views.onecall import call_or_404, outcome_of, veil_of

OTHERS = 30
PREDICTED = "predicted"
SHORTEST_REASON = 3


@page("call.export")
def call_export(request: HttpRequest, id: str) -> HttpResponse:
    """Hand out a copy of a call, masked. Query: form."""
    found = call_or_404(request, id)
    return exported(request.user, found, _form(request.GET.get("form", "html")), Veil())


@change("call.unmask")
def call_export_shown(request: HttpRequest, id: str) -> HttpResponse:
    """Hand out a copy with the numbers of callers in it. POST: form, reason."""
    found, reason = call_or_404(request, id), request.POST.get("reason", "").strip()
    demand(request.user, "call.export", found.own.session["flow"])
    if len(reason) < SHORTEST_REASON:
        refusal = Refused("An export with the numbers of callers needs a reason.")
        return refused(request, refusal, "call", id)
    wanted = _form(request.POST.get("form", "html"))
    return exported(request.user, found, wanted, Veil(lifted=True), reason)


def _form(wanted: str) -> str:
    if wanted not in copies.FORMS:
        raise Http404(f"There is no form of export named {wanted[:20]}.")
    return wanted


def exported(user: Any, call: OneCall, wanted: str, veil: Veil, reason: str = "") -> HttpResponse:
    """Make a copy, record who took it, and answer it as a file."""
    copy = copies.make(call, wanted, veil)
    detail = {"form": wanted, "masked": not veil.lifted, "legs": [leg.id for leg in call.legs]}
    auditing.record(
        "call.export",
        user=user,
        flow=call.own.session["flow"],
        subject=call.own.id,
        reason=reason,
        detail=detail,
    )
    answer = HttpResponse(copy.data, content_type=copy.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{copy.name}"'
    answer["Cache-Control"] = "no-store"
    return answer


@page("call.view")
def call_others(request: HttpRequest, id: str) -> JsonResponse:
    """Answer the newest other calls of the flow, to compare with: {"calls": [...]}."""
    own = call_or_404(request, id).own
    same = Session.objects.filter(flow_name=own.session["flow"], role=own.role)
    rows = same.exclude(pk=own.id)
    veil = Veil()
    listed = [
        {
            "id": row.pk,
            "caller": veil.name(row.caller),
            "callee": veil.name(row.callee),
            "outcome": row.outcome or row.state,
            "when": moment(row.started_at),
        }
        for row in rows.order_by("-started_at")[:OTHERS]
    ]
    return JsonResponse({"calls": listed})


@page("call.view")
def call_compare(request: HttpRequest, id: str, other: str) -> HttpResponse:
    """Show two calls side by side. Context: comparison, left, right (None: predicted), why."""
    found = call_or_404(request, id)
    left = found.own
    right, why, told = None, "", None
    if other == PREDICTED:
        try:
            told = comparing.against_prediction(left)
        except (Refused, Session.DoesNotExist) as refusal:
            why = str(refusal) or "The call is not recorded yet."
    else:
        right = call_or_404(request, other).own
        told = comparing.compared(left, right)
    context = {
        "comparison": told,
        "why": why,
        "left": _side(left.session, request),
        "right": _side(right.session, request) if right is not None else None,
    }
    return show(request, "runtime/call_compare.html", context, nav="calls")


def _side(session: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    veil = veil_of(request, session)
    return {
        **session,
        "caller": veil.name(session["caller"]),
        "callee": veil.name(session["callee"]),
        "began": moment(session["started"]),
        "chip": outcome_of(session),
    }


@page("call.view")
def call_replay(request: HttpRequest, id: str) -> JsonResponse:
    """Answer whether the call would go as it went on the draft of whoever asks.

    {"on", "same", "steps", "first", "changes", "simulate"}, or 409 {"error"}.
    """
    found = call_or_404(request, id)
    session = audit.session_of(id)
    if session is None:
        return JsonResponse({"error": "The call is not recorded yet."}, status=409)
    flow = flow_or_404(session.flow_name)
    draft, newest = selectors.draft_of(flow, request.user), selectors.newest_version(flow)
    text = draft.text if draft is not None else newest.text if newest is not None else ""
    on = "your draft" if draft is not None else newest.label if newest is not None else "nothing"
    table = compile_text(text).table
    if table is None:
        return JsonResponse({"error": f"The text of {on} does not compile yet."}, status=409)
    began = time.perf_counter()
    played = playing.play(found.own, session, Program(table))
    told = {**played.as_dict(), "on": on, "seconds": round(time.perf_counter() - began, 3)}
    if played.why:
        return JsonResponse({"error": played.why}, status=409)
    return JsonResponse({**told, "simulate": _simulator(session)})


def _simulator(session: Session) -> str:
    """Return the address where the simulator holds the call's events, empty if it cannot."""
    try:
        made = call_scenario.scenario_of_call(session)
    except Refused:
        return ""
    word = playing.simulator_word(msgspec.to_builtins(made.scenario.run))
    return f"{reverse('flow', args=[session.flow_name])}?mode=simulate&run={word}"


@change("scenario.edit")
def call_test(request: HttpRequest, id: str) -> HttpResponse:
    """Keep a test made of a call. POST: name (made of the call if empty)."""
    session = audit.session_of(id)
    if session is None:
        return refused(request, Refused("The call is not recorded yet."), "call", id)
    name = request.POST.get("name", "")[:200].strip()
    try:
        with transaction.atomic():
            made = call_scenario.scenario_of_call(session, name)
            kept = call_scenario.keep_scenario_of_call(session, name=name, user=request.user)
    except Refused as refusal:
        return refused(request, refusal, "call", id)
    data = {"name": kept.name, "notes": made.notes}
    return done(request, f"The test {kept.name} is kept.", data, "call", id)
