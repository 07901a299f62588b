"""The list of flows, and how a flow begins."""

from __future__ import annotations

from collections import Counter

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from designer import selectors, services
from designer.access import form, page
from designer.errors import Refused
from designer.forms import NewFlow
from designer.models import Flow
from designer.views.shell import show


@page("flow.view")
def flows(request: HttpRequest) -> HttpResponse:
    """Show all flows. Context: flows [FlowLine], counts {status: how many}."""
    lines = selectors.flow_lines(request.user)
    counts = Counter(line.status["key"] for line in lines)
    context = {
        "flows": lines,
        "counts": {"all": len(lines), **{key: counts[key] for key in selectors.STATUS_LABELS}},
        "live_calls": sum(line.live_calls for line in lines),
    }
    return show(request, "designer/flows.html", context, nav="flows")


@form("flow.create")
def flow_new(request: HttpRequest) -> HttpResponse:
    """Begin a flow by name, or import a file as a new version. Context: form."""
    new = NewFlow(request.POST or None, request.FILES or None)
    if request.method == "POST" and new.is_valid():
        try:
            flow = _begin(request, new)
        except (Refused, UnicodeDecodeError) as refusal:
            new.add_error(None, getattr(refusal, "message", "The file is not a text in UTF-8."))
        else:
            return redirect("flow", flow.name)
    status = 200 if request.method != "POST" else 422
    return show(request, "designer/new.html", {"form": new}, nav="flows", status=status)


def _begin(request: HttpRequest, new: NewFlow) -> Flow:
    name, file = new.cleaned_data["name"], new.cleaned_data["file"]
    if file is None:
        # A browser sends the lines of a text field with CR LF, whatever was typed or pasted.
        text = new.cleaned_data["text"].replace("\r\n", "\n") or None
        return services.flow_create(name=name, user=request.user, text=text)
    imported = services.flow_import(
        text=file.read().decode(), file_name=file.name, author=request.user, name=name or None
    )
    said = "is imported as" if imported.created else "has this text already as"
    messages.success(request, f"{imported.flow.name} {said} v{imported.version.number}.")
    for note in imported.notes:
        messages.info(request, f"Line {note['line']}: {note['message']}")
    return imported.flow
