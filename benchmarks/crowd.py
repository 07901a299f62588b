"""Very many sessions in a serving node, without a wire: `python -m benchmarks.crowd FLOW`.

It is the web process of an instance (pages, sockets, node, journal, shipper) in which simulated
legs stand in the place of phones. The sessions run the newest versions of a flow through the
node's own supervisor, so all behind it, from the journal to the browsers, does its usual work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
from collections.abc import Sequence
from typing import Any

BEAT = 0.05
"""Seconds between two portions of steps."""
SWEEP = 500
"""Sessions that are looked at in each beat, whether they still live."""
WALK = 400
"""Steps after which a session that shall stand somewhere else is left where it is."""
CALM = {"Active": 0.62, "OnHold": 0.12, "Ringing": 0.16, "Transferring": 0.02}
"""Where sessions stand in the beginning, as shares; the rest anywhere."""
AREAS = ["+4930", "+4420", "+4989", "+3120", "+4940", "+331", "+49711", "+431", "+49341"]


class Crowd:
    """Keeps a number of sessions alive and lets events happen to them."""

    def __init__(self, node: Any, flow: str, programs: Sequence[Any], seed: int = 1) -> None:
        self.supervisor = node._supervisor
        self.flow = flow
        self.programs = programs
        self.random = random.Random(seed)
        self.ids: list[str] = []
        self.swept = 0

    def fill(self, count: int) -> None:
        """Begin sessions and walk each to where it shall stand."""
        for _ in range(count):
            self.settle()

    def settle(self) -> None:
        states, shares = list(CALM), list(CALM.values())
        wanted = self.random.choices([*states, ""], [*shares, 1 - sum(shares)])[0]
        session = self.begin()
        for _ in range(WALK):
            if session.ended:
                session = self.begin()
            if session.state == wanted or (not wanted and session.machine.sequence > 3):
                break
            self.step(session)
        while session.ended:
            session = self.begin()
        self.ids.append(session.id)

    def begin(self) -> Any:
        from runtime.adapters.simulated import SimulatedLeg
        from runtime.executor.step import Event

        program = self.random.choice(self.programs)
        role = self.random.choice(["UAC", "UAS", "UAS", "UAS"])
        caller = f"sip:{self.random.choice(AREAS)}{self.random.randrange(10**6):06d}@example.com"
        agent = f"sip:agent-{self.random.randrange(200, 240)}@example.com"
        session = self.supervisor.begin(
            self.supervisor.next_id(), SimulatedLeg(), program, role,
            flow=self.flow, caller=caller, callee=agent,
        )  # fmt: skip
        first = "MakeCall" if role == "UAC" else "IncomingCall"
        session.post(Event(first, {"from": caller, "to": agent}))
        return session

    def step(self, session: Any) -> None:
        """Let one of the events happen that the session's state has a row for."""
        from runtime.executor.step import Event

        position = session.machine.program.position(session.state, session.role)
        names = [name for name in position.candidates if name not in ("after", "ActionFailed")]
        if names:
            session.post(Event(self.random.choice(names), {"sdp": "v=0"}))

    async def run(self, rate: float) -> None:
        """Let `rate` events a second happen; whoever ends is replaced by a new call."""
        while True:
            began = asyncio.get_running_loop().time()
            for _ in range(max(1, round(rate * BEAT))):
                self.one()
            self.refill()
            spent = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(0.001, BEAT - spent))

    def refill(self) -> None:
        """Put new calls in the place of some whose timers ended them."""
        for place in range(self.swept, min(self.swept + SWEEP, len(self.ids))):
            if self.ids[place] not in self.supervisor.sessions:
                self.ids[place] = self.begin().id
        self.swept = (self.swept + SWEEP) % max(1, len(self.ids))

    def one(self) -> None:
        if not self.ids:
            return
        place = self.random.randrange(len(self.ids))
        session = self.supervisor.sessions.get(self.ids[place])
        if session is None or session.ended:
            self.ids[place] = self.begin().id
            return
        self.step(session)
        if session.ended:
            self.ids[place] = self.begin().id


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd")
    parser.add_argument("flow")
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=500.0, help="events a second")
    parser.add_argument("--versions", type=int, default=2, help="how many of the newest")
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("CALLSMITH_MEDIA", "inprocess")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare", stdout=sys.stderr)
    asyncio.run(serve(options))
    return 0


async def serve(options: argparse.Namespace) -> None:
    """Serve, and fill the node once it is there."""
    from channels.db import database_sync_to_async

    from runtime import bridge, server

    async def crowd() -> None:
        while bridge.current_hub() is None:
            await asyncio.sleep(0.05)
        programs = await database_sync_to_async(newest)(options.flow, options.versions)
        here = Crowd(bridge.current_node(), options.flow, programs)
        for begun in range(0, options.sessions, 100):
            here.fill(min(100, options.sessions - begun))
            await asyncio.sleep(0)
        print("filled", len(here.ids), flush=True)
        await here.run(options.rate)

    running = asyncio.create_task(crowd())
    try:
        await server.serve()
    finally:
        running.cancel()


def newest(flow: str, count: int) -> list[Any]:
    """Return the programs of the newest versions of a flow."""
    from designer.models import Version
    from flows.semantics import Program
    from runtime import audit

    found = Version.objects.filter(flow__name=flow).order_by("-number")[:count]
    tables = [audit.table_of(version.digest) for version in found]
    programs = [Program(table) for table in tables if table is not None]
    if not programs:
        raise SystemExit(f"{flow} has no version that runs.")
    return programs


if __name__ == "__main__":
    sys.exit(main())
