"""What all pages share: the frame around them, and how an act answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from designer import facts, selectors
from designer.access import rights
from designer.errors import Refused
from designer.models import Flow


def show(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    nav: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a page with what its frame needs: `nav`, `can`, `sip` for the phone, `trouble`.

    A page of a flow (`flow` in its context) has `alarm` beside: errors found after its deployment;
    and `candidate`, the version that is deployed in steps.
    """
    about = context.get("flow")
    flow = about if isinstance(about, Flow) else None
    alarm = facts.runtime().alarm(flow.name) if flow is not None else None
    candidate = facts.runtime().candidate(flow.name) if flow is not None else None
    beside = {"nav": nav, "alarm": alarm, "candidate": candidate}
    page = {**frame(request, flow), **beside, **context}
    return render(request, template, page, status=status)


def frame(request: HttpRequest, flow: Flow | None = None) -> dict[str, Any]:
    """Return the context of the frame; what one may do is about the page's flow if it has one."""
    can = rights(request.user, flow)
    phone = {
        "ws": "/sip",
        "domain": request.get_host(),
        "user": request.user.get_username(),
    }
    return {
        "can": can,
        "sip": phone if can["phone"] else None,
        "trouble": facts.runtime().trouble(),
    }


def flow_or_404(name: str) -> Flow:
    """Return the flow of this name; Http404 if there is none."""
    flow = selectors.flow_named(name)
    if flow is None:
        raise Http404(f"There is no flow named {name}.")
    return flow


def wants_json(request: HttpRequest) -> bool:
    """Say whether the asker is a program."""
    return "application/json" in request.headers.get("Accept", "")


def done(
    request: HttpRequest, message: str, data: Mapping[str, Any], to: str, *args: Any
) -> HttpResponse:
    """Answer an act: the data to a program, a word and the next page to a person."""
    if wants_json(request):
        return JsonResponse(dict(data))
    messages.success(request, message)
    return redirect(to, *args)


def refused(request: HttpRequest, refusal: Refused, to: str, *args: Any) -> HttpResponse:
    """Say why an act was refused: 409 to a program, on the next page to a person."""
    if wants_json(request):
        return JsonResponse({"error": refusal.message}, status=409)
    messages.error(request, refusal.message)
    return redirect(to, *args)
