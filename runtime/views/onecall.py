"""One call: its page, what the page fetches while somebody looks, and acts on it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from designer.access import hidden_names, may, page
from designer.views.shell import show
from runtime import audit, conformance, unmasking
from runtime.onecall import model, why
from runtime.onecall.legs import Leg, OneCall, call_of
from runtime.onecall.veil import Veil
from runtime.onecall.words import moment

MARK = "ID"
AT_ONCE = 300
"""Steps up to which a call is held against its version before its page is shown, not after."""
BAD = ("failed", "error", "unhandled", "lost")
OUTCOMES = {
    "completed": "Completed",
    "cancelled": "Cancelled by the caller",
    "rejected": "Rejected",
    "failed": "Failed",
    "unhandled": "Ended by an unhandled event",
    "expired": "Expired",
    "error": "Ended by a fault of ours",
    "lost": "Lost with its node",
}


@page("call.view")
def call(request: HttpRequest, id: str) -> HttpResponse:
    """Show a call. Context: session, legs, steps, conformance (Verdict or None), boot."""
    found = call_or_404(request, id)
    stored = audit.session_of(id)
    veil = veil_of(request, found.own.session)
    shown = model.model_of(found, veil)
    own = next(leg for leg in shown["legs"] if leg["letter"] == found.own.letter)
    boot = {
        **shown,
        "ws": f"/ws/calls/{id}",
        "session": own,
        "possible": possible_of(found.own),
        "drawings": model.drawings_of(found),
        "can": {
            "edit": may(request.user, "draft.edit", own["flow"]),
            "masked": not veil.lifted,
            "export": may(request.user, "call.export", own["flow"]),
            "unmask": may(request.user, "call.unmask", own["flow"]),
            "test": may(request.user, "scenario.edit", own["flow"]),
        },
        "urls": _urls(id),
    }
    short = len(found.own.steps) <= AT_ONCE
    context = {
        "session": own,
        "legs": shown["legs"],
        "steps": shown["ladder"]["steps"],
        "began": moment(found.began),
        "outcome": outcome_of(own, ended_by(found.own)),
        "recorded": stored is not None,
        "conformance": conformance.of_session(stored) if stored is not None and short else None,
        "boot": boot,
    }
    return show(request, "runtime/call.html", context, nav="calls")


@page("call.view")
def call_conformance(request: HttpRequest, id: str) -> HttpResponse:
    """Answer the chip that says whether a call conforms to its version, as a part of its page."""
    stored = audit.session_of(id)
    if stored is None:
        raise Http404("There is no call with this id.")
    context = {
        "session": audit.stored_summary(stored),
        "conformance": conformance.of_session(stored),
    }
    return render(request, "runtime/_conformance.html", context)


@page("call.view")
def call_model(request: HttpRequest, id: str) -> JsonResponse:
    """Answer the call as it stands now: {"own", "legs", "ladder", "possible"}."""
    found = call_or_404(request, id)
    shown = model.model_of(found, veil_of(request, found.own.session))
    return JsonResponse({**shown, "possible": possible_of(found.own)})


@page("call.view")
def call_moment(request: HttpRequest, id: str, sequence: int) -> JsonResponse:
    """Answer why a step of this session went as it did, and the values before and after."""
    found = call_or_404(request, id)
    told = why.moment(found.own, sequence)
    if told is None:
        raise Http404("This session has no such step.")
    veil = veil_of(request, found.own.session)
    for value in told["values"]:
        for when in ("before", "after"):
            value[when] = veil.value(value["name"], value[when])
    for row in told["tried"]:
        for guard in row.get("guards", ()):
            guard["values"] = {n: veil.value(n, v) for n, v in guard["values"].items()}
    return JsonResponse(told)


@page("call.view")
def call_messages(request: HttpRequest, id: str) -> JsonResponse:
    """Answer a message of this session and those beside it. Query: message."""
    wanted = request.GET.get("message", "")
    message = int(wanted) if wanted.isdecimal() and len(wanted) < 19 else 0
    stored = audit.session_of(id)
    if stored is None:
        raise Http404("There is no call with this id.")
    veil = veil_of(request, {"id": stored.pk, "flow": stored.flow_name})
    near = model.messages_around(id, message, veil)
    return JsonResponse({"messages": near})


def possible_of(leg: Leg) -> list[dict[str, Any]]:
    """Return what may be sent to a session now; nothing to one that is over."""
    if audit.live_session(leg.id) is not None:
        return audit.live_possible(leg.id)
    if leg.session.get("ended") is not None:
        return []
    table = audit.table_of(leg.session["digest"])
    return audit.possible_events(table, leg.session["state"], leg.role)


def veil_of(request: HttpRequest, session: dict[str, Any]) -> Veil:
    """Return what is hidden of a session from whoever asks."""
    return Veil(lifted=unmasking.lifted(request, session["flow"]))


def call_or_404(request: HttpRequest, session_id: str) -> OneCall:
    """Return a call with the legs the asker may see; Http404 if there is none."""
    hidden = hidden_names(request.user)
    found = call_of(session_id, may_see=lambda flow: flow not in hidden)
    if found is None or found.own.session["flow"] in hidden:
        raise Http404("There is no call with this id.")
    return found


def ended_by(leg: Leg) -> str:
    """Return who hung up, empty if no BYE says so."""
    bye = next((w for w in reversed(leg.wire) if w.told.line.startswith("BYE ")), None)
    if bye is None:
        return ""
    far = "the caller" if leg.role == "UAS" else "the callee"
    return far if bye.direction == "in" else "us"


def outcome_of(session: dict[str, Any], by: str = "") -> dict[str, str]:
    """Return how a session ended, or where it stands, as its chip shows it."""
    outcome = str(session["outcome"] or "")
    if session.get("ended") is None and not outcome:
        return {"word": str(session["state"]), "kind": "live", "glyph": "live"}
    word = OUTCOMES.get(outcome, outcome or "over")
    if outcome == "completed" and by:
        word = f"Ended by {by}"
    if outcome in BAD:
        return {"word": word, "kind": "err", "glyph": "error"}
    return {"word": word, "kind": "", "glyph": "check" if outcome == "completed" else "minus"}


def _urls(session_id: str) -> dict[str, str]:
    """Return the addresses the page's scripts follow; {id} is a session, {step} a sequence."""
    page = reverse("call", args=[session_id])
    return {
        "unmask": reverse("calls_unmask"),
        "send": reverse("call_send", args=[session_id]),
        "calls": reverse("calls"),
        "call": reverse("call", args=[MARK]).replace(MARK, "{id}"),
        "model": reverse("call_model", args=[session_id]),
        "moment": reverse("call_moment", args=[MARK, 0])
        .replace(MARK, "{id}")
        .replace("/0/", "/{step}/"),
        "messages": reverse("call_messages", args=[MARK]).replace(MARK, "{id}"),
        "export": f"{page}export/",
        "compare": f"{page}compare/{{other}}/",
        "others": f"{page}others/",
        "test": f"{page}test/",
        "replay": f"{page}replay/",
        "editor": reverse("flow", args=["FLOW"]).replace("FLOW", "{flow}"),
    }
