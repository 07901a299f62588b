"""Versions: the list, one of them, two compared, an older one restored."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from designer import behaviour, facts, rendering, selectors, services
from designer.access import change, page
from designer.errors import Refused
from designer.models import Flow, Version
from designer.views.editor import urls_of
from designer.views.shell import done, flow_or_404, refused, show
from flows.check.catalogue import catalogue


@page("flow.view")
def flow_versions(request: HttpRequest, name: str) -> HttpResponse:
    """Show all versions. Context: flow, versions [Version], deployed, draft."""
    flow = flow_or_404(name)
    context = {
        "flow": flow,
        "versions": list(selectors.versions_of(flow)),
        "deployed": facts.runtime().deployed().get(flow.name),
        "draft": selectors.draft_of(flow, request.user),
    }
    return show(request, "designer/versions.html", context, nav="flows")


@page("flow.view")
def flow_version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show one version. Context: flow, version, findings, rules, check (Task), boot."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    drawn = rendering.drawing(version.text)
    deployed = facts.runtime().deployed().get(flow.name)
    latest = selectors.newest_version(flow)
    context = {
        "flow": flow,
        "version": version,
        "findings": drawn.findings,
        "rules": catalogue(),
        "check": selectors.check_of(version),
        "deployed": deployed,
        "is_deployed": deployed is not None and deployed.number == version.number,
        "latest": latest,
        "is_latest": latest is not None and latest.pk == version.pk,
        "boot": {
            "flow": flow.name,
            "number": version.number,
            "digest": version.digest,
            "text": version.text,
            "dot": drawn.dot,
            "picture": drawn.picture,
            "findings": drawn.findings,
            "urls": urls_of(flow),
            "ws": f"/ws/flows/{flow.name}/edit",
        },
    }
    return show(request, "designer/version.html", context, nav="flows")


@page("flow.view")
def flow_compare(request: HttpRequest, name: str, left: str, right: str) -> HttpResponse:
    """Compare two texts. Context: flow, left and right (Side), lines [DiffLine], added, removed."""
    flow = flow_or_404(name)
    old = selectors.side_of(flow, request.user, left)
    new = selectors.side_of(flow, request.user, right)
    if old is None or new is None:
        raise Http404(f"{flow.name} has no {left if old is None else right} to compare.")
    lines = selectors.compare(old.text, new.text)
    context = {
        "flow": flow,
        "left": old,
        "right": new,
        "rows": lines,
        "lines": lines,
        "same": old.text == new.text,
        "added": sum(line.kind == "added" for line in lines),
        "removed": sum(line.kind == "removed" for line in lines),
        "behaviour": behaviour.compared(old.text, new.text),
    }
    return show(request, "designer/compare.html", context, nav="flows")


@change("version.save")
def version_restore(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Save an older version's text as the newest version."""
    flow = flow_or_404(name)
    old = version_or_404(flow, number)
    try:
        version = services.version_restore(flow=flow, number=number, author=request.user)
    except Refused as refusal:
        return refused(request, refusal, "flow_version", name, number)
    message = f"v{old.number} is restored as v{version.number}. It is not deployed yet."
    data = {"version": version.number, "digest": version.digest}
    return done(request, message, data, "flow_version", name, version.number)


def version_or_404(flow: Flow, number: int) -> Version:
    """Return a version of the flow; Http404 if there is none of this number."""
    version = selectors.version_of(flow, number) if number < 2**31 else None
    if version is None:
        raise Http404(f"{flow.name} has no version {number}.")
    return version
