"""Callsmith's executor on the workload, all its duties done, and the bare object beside it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from benchmarks import reference, timing, workload
from flows.compile import compile_text
from flows.expressions import parse
from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.step import Event, Step

SESSIONS = 1000
ROLE = "UAC"


def program(rows: int, *, counts: bool = False) -> Program:
    compiled = compile_text(workload.text(rows, counts=counts))
    assert compiled.table is not None, compiled.findings
    return Program(compiled.table, bind=lambda word: reference.nothing)


def transitions(rows: int = 60, *, counts: bool = False, ask: bool = False) -> timing.Round:
    """What the node's shell does for each event, without journal and wire.

    With `ask`, each decision is treated as one that depends on the event's fields: the guards
    are asked every time, and no answer is kept.
    """
    prog = program(rows, counts=counts)
    if ask:
        for state in prog.table.states:
            for first in prog.position(state, ROLE).candidates.values():
                first.reads_event = True
    events = [Event(name) for name in workload.CALL]
    clock = time.time
    out: deque[Step] = deque(maxlen=1000)
    hand_on = out.append

    def run(machines: list[Machine]) -> None:
        for machine in machines:
            for event in events:
                step = machine.receive(event, clock())
                for call in machine.calls:
                    call(machine)
                if step.published:
                    hand_on(step)

    def prepare() -> list[Machine]:
        return [Machine(prog, f"session-{i}", ROLE, clock()) for i in range(SESSIONS)]

    trial = prepare()
    run(trial)
    assert all(m.state == "Terminated" and m.sequence == 12 and m.ended for m in trial)
    return timing.cpu(prepare, run, SESSIONS * len(workload.CALL))


def refused() -> timing.Round:
    """An event that meets no row."""
    prog = program(60)
    event = Event("ResumeCall")

    def run(machines: list[Machine]) -> None:
        for machine in machines:
            for _ in range(12):
                machine.receive(event, 1.0)

    def prepare() -> list[Machine]:
        return [Machine(prog, f"session-{i}", ROLE, 0.0) for i in range(SESSIONS)]

    return timing.cpu(prepare, run, SESSIONS * 12)


class Bare:
    """An object with the fields of a Machine and nothing else."""

    __slots__ = Machine.__slots__

    def __init__(
        self,
        program: Any,
        session: str,
        role: str,
        sequence: int,
        values: Any,
        deadline: float | None,
        ended: bool,
        calls: Any,
        position: Any,
        entered: float,
        timer: int,
        dies: float,
        before: Any,
        own: bool,
        done: Any,
    ) -> None:
        self.program = program
        self.session = session
        self.role = role
        self.sequence = sequence
        self.values = values
        self.deadline = deadline
        self.ended = ended
        self.calls = calls
        self._position = position
        self._entered = entered
        self._timer = timer
        self._dies = dies
        self._before = before
        self._own = own
        self._done = done


def _bare(prog: Program, name: str, now: float) -> Bare:
    values, end = prog.initial_values, now + 86400.0
    return Bare(prog, name, ROLE, 0, values, end, False, (), prog, now, 0, end, values, False, None)


def creation() -> timing.Round:
    prog = program(60)

    def run(names: list[str]) -> None:
        for name in names:
            Machine(prog, name, ROLE, 1.0)

    return timing.cpu(lambda: [f"s{i}" for i in range(20_000)], run, 20_000)


def bare_creation() -> timing.Round:
    prog = program(60)
    values = prog.initial_values

    def run(names: list[str]) -> None:
        for name in names:
            Bare(
                prog,
                name,
                ROLE,
                0,
                values,
                86401.0,
                False,
                (),
                prog,
                1.0,
                0,
                86401.0,
                values,
                False,
                None,
            )

    return timing.cpu(lambda: [f"s{i}" for i in range(20_000)], run, 20_000)


def size(events: int) -> timing.Round:
    prog = program(60)

    def make(number: int) -> Machine:
        machine = Machine(prog, f"session-{number}", ROLE, number + 0.5)
        for name in workload.CALL[:events]:
            machine.receive(Event(name), number + 0.5)
        return machine

    return timing.memory(make, 2000)


def bare_size() -> timing.Round:
    prog = program(60)
    return timing.memory(lambda i: _bare(prog, f"session-{i}", i + 0.5), 2000)


def guard(text: str) -> timing.Round:
    function = parse(text).function
    values, fields = {"retries": 1, "MediaReady": True}, {"code": 486}

    def run(count: range) -> None:
        for _ in count:
            function(values, fields)

    return timing.cpu(lambda: range(50_000), run, 50_000)


def python_guard() -> timing.Round:
    values, fields = {"retries": 1}, {"code": 486}

    def function(values: dict[str, Any], fields: dict[str, Any]) -> bool:
        return values["retries"] < 3 and fields["code"] in (486, 600)

    def run(count: range) -> None:
        for _ in count:
            function(values, fields)

    return timing.cpu(lambda: range(50_000), run, 50_000)


GUARD = "retries < 3 and event.code in (486, 600)"

CASES: dict[str, Callable[[], timing.Round]] = {
    **reference.CASES,
    "callsmith": transitions,
    "callsmith, guards asked every time": lambda: transitions(ask=True),
    "callsmith, variables of its own": lambda: transitions(counts=True),
    "callsmith, 1000 rows": lambda: transitions(1000),
    "callsmith, event without a row": refused,
    "bare object": bare_creation,
    "callsmith session": creation,
    "bare object, bytes": bare_size,
    "callsmith session, bytes": lambda: size(0),
    "callsmith session after 5 events, bytes": lambda: size(5),
    "the same in Python": python_guard,
    f"guard {GUARD}": lambda: guard(GUARD),
    "guard MediaReady": lambda: guard("MediaReady"),
}
