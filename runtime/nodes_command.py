"""The verbs `nodes`, `drain` and `undrain` of the command line."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from designer.commands import DONE, ERRORS, answer, refuse


def add_parsers(verbs: Any, finish: Callable[..., None]) -> None:
    """Add the verbs to the command line's parser."""
    finish(
        verbs.add_parser("nodes", help="list the nodes: how each does and what it runs"), list_nodes
    )
    parser = verbs.add_parser("drain", help="let a node take no new calls; those that run go on")
    parser.add_argument("node")
    parser.add_argument("--reason", required=True, metavar="TEXT", help="it is kept and shown")
    finish(parser, drain)
    parser = verbs.add_parser("undrain", help="let a drained node take calls again")
    parser.add_argument("node")
    parser.add_argument("--reason", metavar="TEXT", default="", help="it is kept")
    finish(parser, undrain)


def list_nodes(options: Namespace) -> int:
    """List the nodes: 0 all run what is deployed, 1 one does not or is lost."""
    from runtime import node_lines, nodes

    lines, desired = nodes.listed(), nodes.wanted_digests()
    told = node_lines.lines_of(lines, desired)
    text = [nodes.sentence(lines, desired)]
    for each in told:
        drifts = [flow["flow"] for flow in each["flows"] if flow["drifts"]]
        said = f"not yet: {', '.join(drifts)}" if drifts else "runs what is deployed"
        text.append(
            f"{each['node']:<16} {each['state']:<9} {each['address']:<22}"
            f" {each['sessions']:>5} calls  heard of {nodes.span(each['heartbeat_seconds']):>6} ago"
            f"  {said}"
        )
        if each["trouble"]:
            text.append(f"{'':<16} {each['trouble']}")
    answer(options, {"nodes": told}, "\n".join(text))
    well = all(nodes.follows(line, desired) for line in nodes.expected(lines))
    return DONE if well else ERRORS


def drain(options: Namespace) -> int:
    """Let a node take no new calls: 0 it is told, 1 refused."""
    from runtime import nodes

    return _act(options, nodes.drain, "{} takes no new calls; those that run go on.")


def undrain(options: Namespace) -> int:
    """Let a node take calls again: 0 it is told, 1 refused."""
    from runtime import nodes

    return _act(options, nodes.undrain, "{} takes calls again.")


def _act(options: Namespace, act: Any, said: str) -> int:
    from designer.errors import Refused

    try:
        line = act(name=options.node, reason=options.reason)
    except Refused as refusal:
        return refuse(options, refusal.message)
    answer(options, {"node": options.node, "calls": line.row.sessions}, said.format(options.node))
    return DONE
