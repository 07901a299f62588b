"""The catalogue of rules inside the product: what a code means, and how to be free of it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from designer.access import page
from designer.views.shell import show
from flows.check.catalogue import IMPLEMENTED, catalogue, families, found_in, standing


@page("flow.view")
def rules(request: HttpRequest) -> HttpResponse:
    """Show all rules by family. Context: families [Family], total, looked_for."""
    entries = catalogue().values()
    context = {
        "families": families(),
        "total": len(entries),
        "looked_for": sum(entry.status == IMPLEMENTED for entry in entries),
    }
    return show(request, "designer/rules.html", context, nav="rules")


@page("flow.view")
def rule(request: HttpRequest, code: str) -> HttpResponse:
    """Show one rule. Context: rule (Entry), family, standing, found_in."""
    entry = catalogue().get(code.upper())
    if entry is None:
        raise Http404(f"There is no rule {code}.")
    family = next(each for each in families() if each.name == entry.family)
    context = {
        "rule": entry,
        "family": family,
        "standing": standing(entry),
        "found_in": found_in(entry) if entry.good else "",
    }
    return show(request, "designer/rule.html", context, nav="rules")
