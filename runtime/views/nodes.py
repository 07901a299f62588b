"""Nodes: how each of them does, and taking one out of the calls and in again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from designer.access import change, hidden_names, page, rights
from designer.errors import Refused
from designer.views.shell import done, refused, show
from runtime import nodes as services
from runtime.node_lines import lines_of


@page("node.view")
def nodes(request: HttpRequest) -> HttpResponse:
    """Show the nodes. Context: nodes [dict], sentence, well, calls.

    With ?part=1 only what changes, for the page that looks again every two seconds.
    """
    lines, desired = services.listed(), services.wanted_digests()
    shown = lines_of(lines, desired, hidden_names(request.user))
    context: dict[str, Any] = {
        "nodes": [{**each, "heard": services.span(each["heartbeat_seconds"])} for each in shown],
        "sentence": services.sentence(lines, desired),
        "well": all(services.follows(line, desired) for line in services.expected(lines)),
        "calls": sum(line.row.sessions for line in lines if line.lives),
        "several": len(lines) > 1,
    }
    if request.GET.get("part"):
        return render(request, "runtime/_nodes.html", {**context, "can": rights(request.user)})
    return show(request, "runtime/nodes.html", context, nav="nodes")


@change("node.drain")
def node_drain(request: HttpRequest, node: str) -> HttpResponse:
    """Let a node take no new calls. POST: reason."""
    return _act(request, node, services.drain, "{} takes no new calls; those that run go on.")


@change("node.drain")
def node_undrain(request: HttpRequest, node: str) -> HttpResponse:
    """Let a node take calls again."""
    return _act(request, node, services.undrain, "{} takes calls again.")


@change("node.drain")
def node_forget(request: HttpRequest, node: str) -> HttpResponse:
    """Strike out a node that is stopped or lost."""
    return _act(request, node, services.forget, "{} is struck out; its calls are kept as lost.")


def _act(request: HttpRequest, node: str, act: Any, said: str) -> HttpResponse:
    try:
        act(name=node, user=request.user, reason=request.POST.get("reason", "")[:2000])
    except Refused as refusal:
        return refused(request, refusal, "nodes")
    return done(request, said.format(node), {"node": node}, "nodes")
