"""Two texts of a flow beside each other: in words, in one picture, as lines, by what calls do."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from designer import behaviour, comparing, facts, selectors
from designer.access import page
from designer.consumers import desks
from designer.models import Flow
from designer.selectors import Side
from designer.views.shell import flow_or_404, show


@page("flow.view")
def flow_compare(request: HttpRequest, name: str, left: str, right: str) -> HttpResponse:
    """Compare two texts. Context: flow, left and right (Side), choices, lines [DiffLine], added,
    removed, tables (Comparison), behaviour, boot."""
    flow = flow_or_404(name)
    old, new = sides(request, flow, left, right)
    lines = selectors.compare(old.text, new.text)
    tables = comparing.compared(old.text, new.text)
    context = {
        "flow": flow,
        "left": old,
        "right": new,
        "choices": _choices(flow, request.user, old, new),
        "lines": lines,
        "same": old.text == new.text,
        "added": sum(line.kind == "added" for line in lines),
        "removed": sum(line.kind == "removed" for line in lines),
        "tables": tables,
        "behaviour": behaviour.compared(old.text, new.text),
        "boot": None if tables is None else {"dot": tables.dot, "marks": tables.marks,
                                             "lines": tables.lines},
    }  # fmt: skip
    _playable(context)
    return show(request, "designer/compare.html", context, nav="flows")


@page("flow.view")
def flow_compare_pick(request: HttpRequest, name: str) -> HttpResponse:
    """Go to the comparison of the sides that were picked: `?left=1&right=draft`."""
    flow = flow_or_404(name)
    usual = _usual(flow, request.user)
    picked = [request.GET.get(side) or key for side, key in zip(("left", "right"), usual,
                                                                strict=True)]  # fmt: skip
    sides(request, flow, *picked)
    return redirect("flow_compare", flow.name, *picked)


def sides(request: HttpRequest, flow: Flow, left: str, right: str) -> tuple[Side, Side]:
    """Return both texts; Http404 if there is no such draft, deployment or version."""
    if "draft" in (left, right):
        async_to_sync(desks.keep)(flow, request.user)
    old = selectors.side_of(flow, request.user, left)
    new = selectors.side_of(flow, request.user, right)
    if old is None or new is None:
        raise Http404(f"{flow.name} has no {left if old is None else right} to compare.")
    return old, new


def _usual(flow: Flow, user: Any) -> tuple[str, str]:
    """What one wants to compare first: the draft or newest version with what runs or was before."""
    newest = selectors.newest_version(flow)
    if newest is None:
        raise Http404(f"{flow.name} has no version to compare.")
    right = "draft" if selectors.draft_of(flow, user) else str(newest.number)
    if flow.name in facts.runtime().deployed():
        return "deployed", right
    return str(max(1, newest.number - (right != "draft"))), right


def _choices(flow: Flow, user: Any, *shown: Side) -> list[tuple[str, str]]:
    """Return key and label of each text that can be a side."""
    deployed = facts.runtime().deployed().get(flow.name)
    choices = [("draft", "Your draft")] if selectors.draft_of(flow, user) else []
    if deployed is not None:
        choices.append(("deployed", f"Deployed (v{deployed.number})"))
    for version in selectors.versions_of(flow):
        about = f": {version.message}" if version.message else ""
        choices.append((str(version.number), f"{version.label}{about}"[:60]))
    return choices


def _playable(context: dict[str, Any]) -> None:
    """Put the address under which the simulator plays the shortest difference."""
    shortest = (context["behaviour"] or {}).get("shortest")
    if shortest is None:
        return
    word = comparing.packed({"run": comparing.run_of(shortest)})
    query = urlencode({"mode": "simulate", "run": word})
    context["play"] = f"{reverse('flow', args=[context['flow'].name])}?{query}"
