"""The list of flows, and how a flow begins."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from designer import selectors, services
from designer.access import form, may, page, projects_for
from designer.errors import Refused
from designer.forms import NewFlow
from designer.models import Flow, Project
from designer.reviews import inbox
from designer.views.shell import show
from flows.check import examine
from flows.document import read
from flows.edit.pieces import plain_of
from flows.imports import CHANGED, KEPT, LOST

MOST_NOTES = 6
"""Notes of an import that are said one by one."""


@page("flow.view")
def flows(request: HttpRequest) -> HttpResponse:
    """Show all flows. Context: flows [FlowLine], counts {status: how many}, waiting [Waiting]."""
    lines = selectors.flow_lines(request.user)
    counts = Counter(line.status["key"] for line in lines)
    context = {
        "flows": lines,
        "waiting": inbox.waiting_for(request.user),
        "counts": {"all": len(lines), **{key: counts[key] for key in selectors.STATUS_LABELS}},
        "live_calls": sum(line.live_calls for line in lines),
    }
    return show(request, "designer/flows.html", context, nav="flows")


@form("flow.create")
def flow_new(request: HttpRequest) -> HttpResponse:
    """Begin a flow by name, or import a file or text. Context: form, look (what is made of it)."""
    new = NewFlow(request.POST or None, request.FILES or None)
    look: dict[str, Any] | None = None
    if request.method == "POST" and new.is_valid():
        try:
            if new.cleaned_data["look"]:
                look = _looked_at(new)
            else:
                return redirect("flow", _begin(request, new).name)
        except (Refused, UnicodeDecodeError) as refusal:
            new.add_error(None, getattr(refusal, "message", "The file is not a text in UTF-8."))
    status = 200 if request.method != "POST" or look is not None else 422
    context = {
        "form": new,
        "look": look,
        "projects": projects_for(request.user, "flow.create"),
        "anywhere": may(request.user, "flow.create"),
    }
    return show(request, "designer/new.html", context, nav="flows", status=status)


def _looked_at(new: NewFlow) -> dict[str, Any]:
    """Return what an import would make of the file or text, for the page."""
    file, text = new.cleaned_data["file"], new.cleaned_data["text"]
    if file is not None:
        text = file.read().decode()
    if not text.strip():
        raise Refused("Choose a file or paste a text first.")
    made = services.native_text(text)
    compiled = examine(made.text)
    said = plain_of(read(made.text).root)
    table = said if isinstance(said, dict) else {"transitions": said}
    order = {LOST: 0, CHANGED: 1, KEPT: 2}
    return {
        "original": text,
        "made": made,
        "native": made.text == text,
        "report": sorted(made.report, key=lambda told: (order[told.verdict], told.line)),
        "name": new.cleaned_data.get("name")
        or (services.name_from_file(file.name) if file is not None else ""),
        "errors": compiled.errors,
        "states": len(table.get("states") or ()),
        "rows": len(table.get("transitions") or ()),
    }


def _project(request: HttpRequest, new: NewFlow) -> Project | None:
    """Return the project a new flow goes into; Refused where its maker may not make flows."""
    wanted = new.cleaned_data["project"]
    if not wanted and may(request.user, "flow.create"):
        return None
    for project in projects_for(request.user, "flow.create"):
        if project.name == wanted:
            return project
    raise Refused("Choose a project in which you may make flows.")


def _begin(request: HttpRequest, new: NewFlow) -> Flow:
    name, file = new.cleaned_data["name"], new.cleaned_data["file"]
    project = _project(request, new)
    keep = new.cleaned_data["keep_original"]
    if file is None:
        text = new.cleaned_data["text"] or None
        made = services.native_text(text, keep_original=keep) if text else None
        flow = services.flow_create(
            name=name,
            user=request.user,
            text=made.text if made is not None else None,
            project=project,
        )
        if made is not None:
            _tell(request, [finding.as_dict() for finding in made.findings])
        return flow
    imported = services.flow_import(
        text=file.read().decode(),
        file_name=file.name,
        author=request.user,
        name=name or None,
        keep_original=keep,
        project=project,
        allowed=lambda flow: may(request.user, "version.save", flow),
    )
    said = "is imported as" if imported.created else "has this text already as"
    messages.success(request, f"{imported.flow.name} {said} v{imported.version.number}.")
    _tell(request, imported.notes)
    return imported.flow


def _tell(request: HttpRequest, notes: list[dict[str, Any]]) -> None:
    """Say what an import changed: the gravest first, the rest as a number."""
    ordered = sorted(notes, key=lambda note: note["severity"] != "warning")
    for note in ordered[:MOST_NOTES]:
        messages.info(request, f"Line {note['line']}: {note['message']}")
    if len(ordered) > MOST_NOTES:
        rest = len(ordered) - MOST_NOTES
        messages.info(request, f"{rest} more were changed; `callsmith convert` lists all of them.")
