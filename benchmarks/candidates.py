"""What it costs to compare a candidate: recorded calls beside a bare replay, living ones beside
none.

A call is that of the workload, twelve steps. "compared" goes from recorded steps to the report,
"read and compared" is all that the worker's child does with a call, from the JSON it is sent;
"bare replay" runs the same steps again on a table and compares nothing. "shadowed" is a transition
with a second machine beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from benchmarks import ours, timing, workload
from benchmarks.runner import Goal, Worker, interleaved, report
from flows.compile import compile_text
from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.replay import replay
from runtime.executor.step import Event, Step
from runtime.node.shadowing import Shade, Shadows
from runtime.replaying import Question, play

CALLS = 500
ROUNDS = 7
GOALS = [
    Goal("call, compared", "call, bare replay", 2.5),
    Goal("transition, shadowed", "transition", 4.0),
]
REFERENCE = {"call, read and compared": "call, bare replay"}


def steps(program: Program, session: str) -> list[Step]:
    machine = Machine(program, session, ours.ROLE, 0.0)
    return [machine.receive(Event(name), float(at)) for at, name in enumerate(workload.CALL)]


def question(text: str, ran: str) -> bytes:
    program = ours.program(60)
    digest = program.table.digest
    calls = []
    for number in range(CALLS):
        taken = [
            [s.sequence, s.time, s.event, s.fields, s.row, s.to_state, s.actions, s.published,
             s.kind, s.answer]
            for s in steps(program, f"s{number}")
        ]  # fmt: skip
        calls.append([f"s{number}", digest, ours.ROLE, "completed", 0.0, taken])
    return msgspec.json.encode({"text": text, "texts": {digest: ran}, "calls": calls})


def compared(*, read: bool) -> timing.Round:
    """Compare calls with another text that means the same; with `read` from their JSON on."""
    asked = question(workload.text(60) + "# another\n", workload.text(60))
    decode = msgspec.json.Decoder(Question).decode

    def run(given: Question | None) -> None:
        told = play(given or decode(asked), lambda share, searched: None)
        assert told["compared"] == CALLS == told["same"]

    run(None)
    return timing.cpu(lambda: None if read else decode(asked), run, CALLS)


def bare() -> timing.Round:
    program = ours.program(60)
    recorded = [steps(program, f"s{number}") for number in range(CALLS)]

    def run(_: Any) -> None:
        for each in recorded:
            replay(program, ours.ROLE, each)

    return timing.cpu(lambda: None, run, CALLS)


def living(share: int) -> timing.Round:
    """Play calls through a listener; `share` percent of them with a candidate beside."""
    program = ours.program(60)
    other = compile_text(workload.text(60) + "# another\n").table
    assert other is not None
    shadows = Shadows()
    shadows.follow([Shade(1, "flow", Program(other), share=share, most=CALLS)] if share else [])
    events = [Event(name) for name in workload.CALL]
    told: Callable[..., None] = shadows.stepped

    def run(sessions: list[Any]) -> None:
        for session in sessions:
            machine = session.machine
            for at, event in enumerate(events):
                told(session, machine.receive(event, float(at)), None)

    def prepare() -> list[Any]:
        return [_session(program, f"s{number}") for number in range(CALLS)]

    run(prepare())
    return timing.cpu(prepare, run, CALLS * len(workload.CALL))


def _session(program: Program, name: str) -> Any:
    machine = Machine(program, name, ours.ROLE, 0.0)
    return SimpleNamespace(
        id=name, flow="flow", role=ours.ROLE, started=0.0, machine=machine,
        digest=program.table.digest,
    )  # fmt: skip


CASES: dict[str, Callable[[], timing.Round]] = {
    "call, bare replay": bare,
    "call, compared": lambda: compared(read=False),
    "call, read and compared": lambda: compared(read=True),
    "transition": lambda: living(0),
    "transition, shadowed": lambda: living(100),
}


def main() -> bool:
    figures = interleaved([Worker(Path(sys.executable), "benchmarks.candidates")], ROUNDS)
    a_second = 1e9 / figures.median("call, read and compared")
    good = report("Candidates: CPU time of one call, one transition", figures, GOALS, REFERENCE)
    print(f"  {a_second:,.0f} recorded calls of twelve steps are compared in a second")
    return good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
