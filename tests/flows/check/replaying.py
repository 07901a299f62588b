"""Traces of findings, given to the real executor."""

from __future__ import annotations

from flows.findings import Finding
from flows.semantics import Program
from flows.table import TIMER_EVENT
from runtime.executor.machine import Machine
from runtime.executor.step import Event


def replayed(finding: Finding, program: Program) -> None:
    """Give the events of a trace to the real executor: the same rows, states and actions."""
    machines: dict[str, Machine] = {}
    for number, step in enumerate(finding.trace):
        if step["kind"] == "peer":
            # What the far side does by the script of a scene: it runs no table.
            assert step["row"] < 0 and not step["before"]
            continue
        if not step["name"]:
            # Only the stack did something, or a message was lost.
            assert step["before"] == step["after"]
            continue
        side, now = step["side"], float(number)
        machine = machines.setdefault(side, Machine(program, side, side, 0.0, float("inf")))
        assert machine.state == step["before"]
        if step["name"] == TIMER_EVENT:
            machine.elapsed(step["fields"]["seconds"])
        done = machine.receive(Event(step["name"], dict(step["fields"])), now)
        assert (done.row, done.kind, machine.state) == (step["row"], step["kind"], step["after"])
        performed = step["actions"]
        assert list(done.actions[: len(performed)]) == performed
        if "failed" in step and not done.ended:
            assert done.actions[len(performed)] == step["failed"]
            machine.failed(done, len(performed), "it failed")
        else:
            assert "failed" in step or list(done.actions) == performed
