"""Nodes as the page, the API and the command line tell of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from runtime import nodes, sip_figures

Line = dict[str, Any]


def lines_of(
    lines: Iterable[nodes.Line], desired: Mapping[str, str], hidden: Collection[str] = ()
) -> list[Line]:
    """Return the nodes as plain data, without the flows that are hidden from whoever asks."""
    found = [line_of(line, desired) for line in lines]
    for each in found:
        each["flows"] = [flow for flow in each["flows"] if flow["flow"] not in hidden]
    return found


def line_of(line: nodes.Line, desired: Mapping[str, str]) -> Line:
    """Return one node: how it does, what it runs, and what it should run."""
    row = line.row
    drifts = set(nodes.drifts(line, desired))
    flows = [
        {
            "flow": flow,
            "digest": row.runs.get(flow, ""),
            "wanted": desired.get(flow, ""),
            "drifts": flow in drifts,
            "failure": row.failures.get(flow, ""),
        }
        for flow in sorted({*desired, *row.runs})
    ]
    return {
        "node": line.name,
        "state": line.state,
        "trouble": line.trouble if line.lives else "",
        "kind": row.kind,
        "epoch": row.epoch,
        "host": row.host,
        "address": row.address,
        "http": row.http,
        "software": row.software,
        "started_at": row.started_at.isoformat(),
        "heartbeat_seconds": round(line.age, 1),
        "sessions": row.sessions,
        "max_sessions": row.max_sessions,
        "loop_delay_ms": row.loop_delay,
        **sip_figures.told(row.sip),
        "journal_lag_bytes": row.journal_lag,
        "flows": sorted(flows, key=lambda each: not each["drifts"]),
        "drained_by": row.drain_by,
        "drain_reason": row.drain_reason,
    }
