"""How the SIP stack of a node does, as plain data; all names are bounded in number."""

from __future__ import annotations

from typing import Any

from runtime.sip.agent import Agent
from runtime.sip.guard import Guard
from runtime.sip.transport.shell import Shell


def stack_figures(agent: Agent, shell: Shell, guard: Guard, browsers: int) -> dict[str, Any]:
    """Return the counters of each part, and how full and how busy they are."""
    streams = shell.streams
    return {
        "counters": dict(agent.counters),
        "connections": {
            "open": len(streams),
            "limit": streams.limits.connections,
            "of_one_source": streams.most,
            "browsers": browsers,
            "counters": dict(streams.counters),
        },
        "datagrams": dict(shell.udp_counters),
        "guard": guard.figures(),
        "transactions": {
            "server": len(agent.uas.transactions),
            "client": len(agent.uac.transactions),
        },
        "dialogs": len(agent.dialogs),
    }
