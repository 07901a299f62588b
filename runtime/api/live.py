"""The calls about what goes on now, and about what went on over days."""

from __future__ import annotations

from typing import Any

from designer.access import hidden_names
from designer.views.shell import flow_or_404
from runtime import bridge, insight
from runtime.api import live_shapes
from runtime.api.declare import Call, operation


@operation("call.view", list[live_shapes.StuckCall], query=live_shapes.StuckWanted, asks_node=True)
def list_stuck(call: Call) -> Any:
    """List living calls that need a look.

    Those that nothing can move on come first, then those that stand in a state longer than 99 of
    100 did.
    """
    return bridge.required_hub().stuck(call.query.flow, hidden_names(call.user))


@operation("call.view", live_shapes.LiveFlow, asks_node=True)
def get_live(call: Call, name: str) -> Any:
    """Tell how many calls of a flow stand in which state, by version and role."""
    flow = flow_or_404(name)
    hub = bridge.required_hub()
    sums, now = hub.sums, hub.now()
    numbers = dict(flow.versions.values_list("digest", "number"))
    cells = {key: sums.cell(name, key) for key in sorted(sums.keys(name))}
    return {
        "flow": name,
        "calls": sums.total(name),
        "begun": sum(sums.begun(name, now).values()),
        "failed": sums.failed(name, now).total(),
        "stuck": sums.unusual_count(name),
        "states": [
            {
                **key._asdict(),
                "number": numbers.get(key.digest),
                "calls": count.sessions,
                "since": count.since,
            }
            for key, count in cells.items()
            if count.sessions
        ],
    }


@operation("call.view", live_shapes.Insight, query=live_shapes.InsightWanted)
def get_insight(call: Call, name: str) -> Any:
    """Tell which rows never fired, which events met no row, and how versions compare."""
    told = insight.insight(flow_or_404(name), call.query.days)
    members = live_shapes.Insight.__struct_fields__
    return {member: told[member] for member in members}
