"""Versions: the list, one of them, an older one restored."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse

from designer import coverage, facts, rendering, required, selectors, services, tasks, verdicts
from designer.access import change, page
from designer.errors import Refused
from designer.models import Flow, Version
from designer.naming import person_name
from designer.reviews import inbox
from designer.reviews.services import open_review
from designer.views.editor import urls_of
from designer.views.shell import done, flow_or_404, refused, show, wants_json
from flows.check.catalogue import catalogue

BY_CALLS = ("replay", "shadow")
"""The checks that calls speak in; the other ones have panels of their own."""


@page("flow.view")
def flow_versions(request: HttpRequest, name: str) -> HttpResponse:
    """Show all versions. Context: flow, versions [Version] with `verdict` and `reviewed`, deployed,
    draft, review (the open one)."""
    flow = flow_or_404(name)
    context = {
        "flow": flow,
        "versions": inbox.reviewed(flow, selectors.judged(selectors.versions_of(flow))),
        "review": open_review(flow),
        "deployed": facts.runtime().deployed().get(flow.name),
        "draft": selectors.draft_of(flow, request.user),
    }
    return show(request, "designer/versions.html", context, nav="flows")


@page("flow.view")
def flow_version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show one version. Context: flow, version, findings, rules, verdict, proof
    (Coverage), checks (of recorded and living calls), boot."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    drawn = rendering.drawing(version.text)
    deployed = facts.runtime().deployed().get(flow.name)
    latest = selectors.newest_version(flow)
    selectors.judged([version])
    inbox.reviewed(flow, [version])
    # What an older checker found is worth showing; the page says that it is not trusted.
    findings = version.verdict.detail.get("findings", drawn.findings)
    base = coverage.usual_base(version)
    proof = coverage.coverage_of(version, base)
    told = [check for check in required.checks_of(version, base, BY_CALLS) if check.url]
    context = {
        "flow": flow,
        "version": version,
        "proof": proof,
        "checks": told,
        "has_shadow": any(check.key == "shadow" for check in told),
        "findings": findings,
        "rules": catalogue(),
        "verdict": version.verdict,
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
            "findings": findings,
            "coverage": proof.marks(),
            "urls": urls_of(flow),
            "ws": f"/ws/flows/{flow.name}/edit",
        },
    }
    return show(request, "designer/version.html", context, nav="flows")


@page("flow.view")
def version_check(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show the deeper check alone, for a page that follows it. Context: flow, version, verdict."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    verdict = verdicts.verdict_of(version)
    if wants_json(request):
        return JsonResponse(verdict.as_message())
    context = {"flow": flow, "version": version, "verdict": verdict}
    answer = show(request, "designer/_check.html", context)
    if not verdict.running:
        # Findings, badges and acts of the page change with the verdict: it is read anew.
        answer["HX-Refresh"] = "true"
    return answer


@change("check.control")
def version_check_act(request: HttpRequest, name: str, number: int, act: str) -> HttpResponse:
    """Cancel the deeper check of a version, or ask for it again."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    try:
        message = tasks.control(version, act, by=person_name(request.user))
    except Refused as refusal:
        return refused(request, refusal, "flow_version", name, number)
    data = verdicts.verdict_of(version).as_message()
    return done(request, message, data, "flow_version", name, number)


@page("flow.view")
def flow_alarm(request: HttpRequest, name: str) -> HttpResponse:
    """Show what was found in the running version after its deployment, or nothing."""
    return show(request, "designer/_alarm.html", {"flow": flow_or_404(name)})


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
