"""The product for programs: the acts of the pages as JSON, with the same rules and permissions."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from designer import facts, selectors, tasks, verdicts
from designer.access import PERMISSIONS, may
from designer.desk import version_message
from designer.errors import Conflict, Refused
from designer.models import Flow
from designer.services import person_name
from designer.views.shell import flow_or_404
from runtime import acts, audit, bridge, deployments, routes
from runtime.audit import CallFilter

Answer = dict[str, Any] | list[Any]
MAX_BODY = 64 << 10


def endpoint(
    **act_by_method: str,
) -> Callable[[Callable[..., Answer]], Callable[..., HttpResponse]]:
    """Make a function an endpoint: each method with the act it needs; the answer becomes JSON."""
    assert all(act in PERMISSIONS for act in act_by_method.values())

    def decorate(function: Callable[..., Answer]) -> Callable[..., HttpResponse]:
        @wraps(function)
        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _problem(401, "Log in first.")
            act = act_by_method[str(request.method)]
            if not may(request.user, act):
                return _problem(403, f"Your account may not do this ({PERMISSIONS[act]}).")
            try:
                return JsonResponse(function(request, *args, **kwargs), safe=False)
            except Http404 as missing:
                return _problem(404, str(missing))
            except Conflict as conflict:
                return _problem(409, conflict.message)
            except bridge.NodeAway as away:
                return _problem(503, away.message)
            except Refused as refusal:
                return _problem(409, refusal.message)

        return login_not_required(require_http_methods(list(act_by_method))(view))

    return decorate


def _problem(status: int, message: str) -> HttpResponse:
    return JsonResponse({"error": message}, status=status)


def body(request: HttpRequest, **wanted: type) -> dict[str, Any]:
    """Return the fields of a JSON object in the body; Refused for another shape."""
    try:
        given = json.loads(request.body[:MAX_BODY] or b"{}")
    except (ValueError, RecursionError):
        raise Refused("The body is no JSON.") from None
    if not isinstance(given, dict):
        raise Refused("The body is no JSON object.")
    for name, kind in wanted.items():
        if name in given and (not isinstance(given[name], kind) or isinstance(given[name], bool)):
            raise Refused(f"{name} is no {kind.__name__}.")
    return {name: given.get(name, kind()) for name, kind in wanted.items()}


@endpoint(GET="flow.view")
def flows(request: HttpRequest) -> Answer:
    """List the flows with what is saved, deployed and live."""
    return [
        {
            "name": line.name,
            "description": line.description,
            "status": line.status["key"],
            "version": line.version_label,
            "deployed": line.deployed_label,
            "live_calls": line.live_calls,
            "errors": line.errors,
            "warnings": line.warnings,
        }
        for line in selectors.flow_lines(request.user)
    ]


@endpoint(GET="flow.view")
def versions(request: HttpRequest, name: str) -> Answer:
    """List the versions of a flow, newest first, each with its deeper check."""
    listed = list(selectors.versions_of(flow_or_404(name)))
    judged = verdicts.verdicts_of(listed)
    return [{**version_message(v), "check": judged[v.pk].as_message()} for v in listed]


@endpoint(GET="flow.view", POST="check.control")
def check(request: HttpRequest, name: str, number: int) -> Answer:
    """Tell how the deeper check of a version stands; POST {act}: cancel, or again."""
    version = selectors.version_of(flow_or_404(name), number) if number < 2**31 else None
    if version is None:
        raise Http404(f"{name} has no version {number}.")
    if request.method == "POST":
        act = body(request, act=str)["act"]
        if act not in ("cancel", "again"):
            raise Refused("act is cancel or again.")
        tasks.control(version, act, by=person_name(request.user))
    verdict = verdicts.verdict_of(version)
    return {**verdict.as_message(), "findings": verdict.detail.get("findings", [])}


@endpoint(GET="deployment.view", POST="deployment.make")
def deploy(request: HttpRequest, name: str) -> Answer:
    """Deploy {version, reason}, the newest version by default; GET says what is deployed."""
    flow = flow_or_404(name)
    if request.method == "POST":
        given = body(request, version=int, reason=str)
        number = given["version"]
        version = selectors.version_of(flow, number) if number else selectors.newest_version(flow)
        if version is None:
            raise Refused(f"{name} has no such version.")
        deployed = deployments.deploy(version=version, user=request.user, reason=given["reason"])
        return deployments.as_message(deployed)
    message = facts.runtime().deployment_message(flow.name)
    if message is None:
        raise Http404(f"{name} is not deployed.")
    return message


@endpoint(GET="route.view", POST="route.change", DELETE="route.change")
def all_routes(request: HttpRequest) -> Answer:
    """List the routes in order; POST {pattern, flow} adds one, DELETE {pattern} removes one."""
    if request.method == "POST":
        given = body(request, pattern=str, flow=str)
        flow = Flow.objects.filter(name=given["flow"][:64]).first()
        if flow is None:
            raise Refused(f"There is no flow named {given['flow'][:64]}.")
        routes.route_add(pattern=given["pattern"], flow=flow)
    elif request.method == "DELETE":
        routes.route_delete(pattern=body(request, pattern=str)["pattern"])
    return [{"pattern": route.pattern, "flow": route.flow.name} for route in routes.ordered()]


@endpoint(GET="call.view")
def sessions(request: HttpRequest) -> Answer:
    """List sessions, newest first; the query filters as on the page."""
    wanted = CallFilter.of(request.GET)
    return audit.lines_of(audit.page_of(wanted, request.GET.get("page")), wanted)


@endpoint(GET="call.view")
def steps(request: HttpRequest, id: str) -> Answer:
    """List the steps of a session, oldest first."""
    if audit.session_of(id) is None and audit.live_session(id) is None:
        raise Http404("There is no session with this id.")
    return audit.steps_of(id)


@endpoint(POST="call.place")
def calls(request: HttpRequest) -> Answer:
    """Place a call: {flow, target}."""
    given = body(request, flow=str, target=str)
    session = bridge.ask(
        lambda node: acts.place(node, flow=given["flow"][:64], target=given["target"])
    )
    return {"session": session}


@endpoint(POST="call.send")
def events(request: HttpRequest, id: str) -> Answer:
    """Send a session an event: {event, fields}."""
    given = body(request, event=str, fields=dict)
    bridge.ask(
        lambda node: acts.send(node, session=id, event=given["event"], fields=given["fields"])
    )
    return {"sent": given["event"]}
