"""The calls about what runs: deployments, routes, sessions, nodes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from django.http import Http404

from designer import auditing, facts, selectors
from designer.access import hidden_names
from designer.errors import Refused
from designer.views.shell import flow_or_404
from runtime import audit, bridge, deployments, masking, nodes, rollback, unmasking
from runtime.api import entrance, shapes
from runtime.api.declare import Call, operation
from runtime.models import Deployment
from runtime.node_lines import lines_of
from runtime.search import CallFilter, page_of

# -- deployments -----------------------------------------------------------------------------------


@operation(
    "deployment.view", list[shapes.PastDeployment], query=shapes.DeploymentsWanted, paged=True
)
def list_deployments(call: Call) -> Any:
    """List who deployed what and what the nodes said, newest first."""
    found = Deployment.objects.select_related("flow", "version").order_by("-pk")
    found = found.defer("version__text", "version__report").prefetch_related("acknowledgements")
    found = found.exclude(flow__name__in=hidden_names(call.user))
    if call.query.flow:
        found = found.filter(flow__name=call.query.flow)
    return [_past(each) for each in call.page_of(found)]


@operation("deployment.view", shapes.Deployment)
def get_deployment(call: Call, name: str) -> Any:
    """Tell which version new calls of a flow take."""
    message = facts.runtime().deployment_message(flow_or_404(name).name)
    if message is None:
        raise Http404(f"{name} is not deployed.")
    return message


@operation("deployment.make", shapes.Deployment, body=shapes.NewDeployment)
def deploy(call: Call, name: str) -> Any:
    """Let new calls of a flow take a version.

    Calls that run keep theirs. A version with errors needs a reason, and the permission to force.
    """
    flow, number = flow_or_404(name), call.body.version
    version = selectors.version_of(flow, number) if number else selectors.newest_version(flow)
    if version is None:
        raise Refused(f"{name} has no such version.")
    deployed = deployments.deploy(version=version, user=call.user, reason=call.body.reason)
    return deployments.as_message(deployed)


@operation("deployment.make", shapes.Deployment, body=shapes.RollBack)
def roll_back(call: Call, name: str) -> Any:
    """Let new calls take the version again that ran before the current one."""
    reason = call.body.reason
    made = rollback.roll_back(flow=flow_or_404(name), user=call.user, reason=reason)
    return deployments.as_message(made)


def _past(deployment: Deployment) -> dict[str, Any]:
    ended = deployment.superseded_at
    message = deployments.as_message(deployment)
    return {**message, "superseded_at": ended.isoformat() if ended else None}


# -- sessions --------------------------------------------------------------------------------------


@operation("call.view", list[shapes.Session], query=shapes.SessionsWanted, paged=True)
def list_sessions(call: Call) -> Any:
    """List sessions, those of the record and those that live.

    On the first page sessions so young that the record does not know them yet may stand above.
    """
    asked = call.query
    wanted = CallFilter.of(msgspec.structs.asdict(asked))
    hidden = hidden_names(call.user)
    page = page_of(wanted, asked.page, asked.size, hidden)
    lines: list[Any] = []
    if page.number == asked.page:
        first = page.number == 1
        lines = audit.lines_of(list(page.object_list), wanted, hidden, first=first)
    shown = _numbers(call, {line["flow"] for line in lines})
    parties = unmasking.Parties(lambda flow: shown)
    return call.page_of([parties.of(line) for line in lines], count=page.paginator.count)


@operation("call.view", shapes.Session, query=shapes.NumbersWanted)
def get_session(call: Call, id: str) -> Any:
    """Get one session."""
    stored, live = audit.session_of(id), audit.live_session(id)
    if live is not None:
        number = stored.number if stored else None
        line = {**audit.live_summary(live, number), "ended": None, "live": True}
    elif stored is None:
        raise Http404("There is no session with this id.")
    else:
        line = {**audit.stored_summary(stored), "live": False}
    shown = _numbers(call, {line["flow"]}, id)
    return unmasking.Parties(lambda flow: shown).of(line)


@operation("call.view", list[shapes.Step], query=shapes.NumbersWanted)
def list_steps(call: Call, id: str) -> Any:
    """List the steps of a session, oldest first, at most 5000."""
    _known(id)
    lines = audit.steps_of(id)
    if _numbers(call, {audit.flow_of(id) or ""}, id):
        return lines
    return [{**line, "fields": masking.mask_values(line["fields"])} for line in lines]


@operation("call.view", list[shapes.Wire], query=shapes.NumbersWanted)
def list_wire(call: Call, id: str) -> Any:
    """List the SIP messages of a session, oldest first, at most 2000."""
    _known(id)
    return audit.wire_of(id, masked=not _numbers(call, {audit.flow_of(id) or ""}, id))


def _numbers(call: Call, flows: Collection[str], session: str = "") -> bool:
    """Say whether numbers are told, and record it if they are.

    Only who may see them in each of these flows is told any; without a reason nobody is.
    """
    reason = call.query.numbers.strip()
    if len(reason) < unmasking.SHORTEST_REASON:
        return False
    asked: Collection[str | None] = flows or [None]
    for flow in asked:
        entrance.require(call.request, "call.unmask", by_token=call.by_token, flow=flow)
    detail = {"flows": sorted(flows)}
    auditing.record(
        "call.unmask",
        user=call.user,
        flow=min(flows) if len(flows) == 1 else None,
        subject=session,
        reason=reason,
        detail=detail,
    )
    return True


@operation("call.send", shapes.EventSent, body=shapes.NewEvent, asks_node=True)
def send_event(call: Call, id: str) -> Any:
    """Send a session an event, as a person would from its page."""
    given = call.body
    bridge.ask_session_sync(id, "send", event=given.event, fields=dict(given.fields))
    return {"sent": given.event}


@operation("call.place", shapes.Placed, body=shapes.NewCall, asks_node=True)
def place_call(call: Call) -> Any:
    """Place a call that a flow drives."""
    given = call.body
    call.require("call.place", given.flow)
    asked = {"flow": given.flow, "target": given.target}
    return bridge.ask_node_sync(given.node, "place", asked)


@operation("call.place", shapes.Placed, body=shapes.NewSession, asks_node=True)
def begin_session(call: Call) -> Any:
    """Begin a session of a flow with an event: SendMessage, StartSubscription ..."""
    given = call.body
    call.require("call.place", given.flow)
    asked = {"flow": given.flow, "event": given.event, "fields": dict(given.fields)}
    return bridge.ask_node_sync(given.node, "begin", {**asked, "caller": given.caller or None})


def _known(id: str) -> None:
    if audit.session_of(id) is None and audit.live_session(id) is None:
        raise Http404("There is no session with this id.")


# -- nodes -----------------------------------------------------------------------------------------


@operation("node.view", list[shapes.Node])
def list_nodes(call: Call) -> Any:
    """List the nodes of this installation: how each does, and what it runs."""
    return _told(nodes.listed(), call)


@operation("node.view", shapes.Node)
def get_node(call: Call, node: str) -> Any:
    """Get one node."""
    line = nodes.line_named(node)
    if line is None:
        raise Http404(f"There is no node named {node}.")
    return _told([line], call)[0]


@operation("node.drain", shapes.Node, body=shapes.NodeReason)
def drain_node(call: Call, node: str) -> Any:
    """Let a node take no new calls.

    Calls that run go on. It needs a reason, and holds over restarts until it is undone.
    """
    return _changed(call, node, nodes.drain)


@operation("node.drain", shapes.Node, body=shapes.NodeReason)
def undrain_node(call: Call, node: str) -> Any:
    """Let a node take calls again."""
    return _changed(call, node, nodes.undrain)


@operation("node.drain", list[shapes.Node])
def forget_node(call: Call, node: str) -> Any:
    """Strike out a node that is stopped or lost.

    Its calls are kept as lost. Answers the nodes that are left.
    """
    _exists(node)
    nodes.forget(name=node, user=call.user)
    return _told(nodes.listed(), call)


def _changed(call: Call, node: str, act: Any) -> Any:
    _exists(node)
    act(name=node, user=call.user, reason=call.body.reason)
    return _told([line for line in nodes.listed() if line.name == node], call)[0]


def _exists(node: str) -> None:
    if nodes.line_named(node) is None:
        raise Http404(f"There is no node named {node}.")


def _told(lines: list[nodes.Line], call: Call) -> list[dict[str, Any]]:
    return lines_of(lines, nodes.wanted_digests(), hidden_names(call.user))
