"""The editor's page: everything the first sight needs, before any script runs or socket opens."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from designer import facts, rendering, selectors, services
from designer.access import page, rights
from designer.desk import version_message
from designer.models import Flow
from designer.naming import person_name
from designer.palette import palette
from designer.reviews import gate
from designer.views.shell import flow_or_404, frame, show
from flows.check.catalogue import catalogue

LISTED_VERSIONS = 50


@page("flow.view")
def flow(request: HttpRequest, name: str) -> HttpResponse:
    """Show the editor. Context: flow, line (FlowLine), boot, outline [(group, [state])]."""
    flow = flow_or_404(name)
    draft = selectors.draft_of(flow, request.user)
    latest = selectors.newest_version(flow)
    if draft is not None:
        text, base = draft.text, draft.base
    else:
        text, base = latest.text if latest else services.BLANK.format(name=flow.name), latest
    drawn = rendering.drawing(text)
    # A draft that does not compile is shown with the picture of the version it began with.
    shown = drawn if drawn.compiles or base is None else rendering.drawing(base.text)
    deployed = facts.runtime().deployed().get(flow.name)
    listed = selectors.judged(selectors.versions_of(flow)[:LISTED_VERSIONS])
    versions = [version_message(v) for v in listed]
    boot = {
        "flow": flow.name,
        "ws": f"/ws/flows/{flow.name}/edit",
        "live_ws": f"/ws/flows/{flow.name}/live",
        "palette": palette(),
        "user": request.user.get_username(),
        "name": person_name(request.user),
        "can": rights(request.user, flow),
        "urls": urls_of(flow),
        "sip": frame(request)["sip"],
        "text": text,
        **rendering.seen(shown.text, rendering.asked_of(request.GET)),
        "picture": shown.picture,
        "verdicts": shown.verdicts,
        "findings": drawn.findings,
        "rules": sorted(catalogue()),
        "compiles": drawn.compiles,
        "versions": versions,
        "checks": {v.number: v.verdict.as_message() for v in listed},
        "base": {"number": base.number, "digest": base.digest} if base else None,
        "latest": version_message(latest) if latest else None,
        "saved_at": draft.updated_at.isoformat() if draft else None,
        "deployed": deployed_message(deployed),
        "deployment": facts.runtime().deployment_message(flow.name),
        "way": gate.way_of(flow),
        "routes": facts.runtime().routes_of(flow.name),
        "can_undo": False,
        "can_redo": False,
    }
    context = {
        "flow": flow,
        "boot": boot,
        "draft": draft,
        "latest": latest,
        "deployed": deployed,
        "versions": len(versions),
        "findings": drawn.findings,
        "outline": outline(shown.picture),
        "text": text,
    }
    return show(request, "designer/editor.html", context, nav="flows")


def urls_of(flow: Flow) -> dict[str, str]:
    """Return the addresses the editor's scripts follow."""
    name = flow.name
    return {
        "flows": reverse("flows"),
        "flow": reverse("flow", args=[name]),
        "live": reverse("flow_live", args=[name]),
        "versions": reverse("flow_versions", args=[name]),
        "reviews": reverse("flow_reviews", args=[name]),
        "review": reverse("flow_review", args=[name, 0]).replace("/0/", "/{number}/"),
        "lacks": reverse("version_lacks", args=[name, 0]).replace("/0/", "/{number}/"),
        "export": reverse("flow_export", args=[name, "FORM"]).replace("FORM", "{form}"),
        "version": reverse("flow_version", args=[name, 0]).replace("/0/", "/{number}/"),
        "compare": reverse("flow_compare", args=[name, "LEFT", "RIGHT"])
        .replace("LEFT", "{left}")
        .replace("RIGHT", "{right}"),
        "deploy": reverse("flow_deploy", args=[name]),
        "calls": f"{reverse('calls')}?flow={name}",
        "call": reverse("call", args=["ID"]).replace("ID", "{id}"),
        "place": reverse("call_place"),
        "routes": reverse("routes"),
        "find": reverse("find"),
        "fires": reverse("flow_fires", args=[name]),
        "rule": reverse("rule", args=["CODE"]).replace("CODE", "{code}"),
        "deployments": reverse("deployments"),
    }


def deployed_message(deployed: facts.Deployed | None) -> dict[str, Any] | None:
    """Return what is deployed as scripts read it."""
    if deployed is None:
        return None
    return {
        "number": deployed.number,
        "digest": deployed.digest,
        "by": deployed.by,
        "at": deployed.at.isoformat(),
        "forced": deployed.forced,
        "acknowledged": deployed.acknowledged,
        "milliseconds": deployed.milliseconds,
        "failed": deployed.failed,
    }


def outline(picture: dict[str, Any] | None) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the states by group in the order of the text, each with its rows."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for state in picture["states"] if picture else []:
        rows = [picture["rows"][index] for index in state["rows"]] if picture else []
        groups.setdefault(state["group"], []).append({**state, "rows": rows})
    return list(groups.items())
