"""The peers on the workload; runs in an environment of their own (requirements/bench.txt)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import timing, workload

CONDITIONS = ("open_now", "not_blocked")


class Counted:
    """Guards and actions, with a count so that a first call proves that all are called."""

    calls = 0

    def open_now(self, *_: Any) -> bool:
        return True

    def not_blocked(self, *_: Any) -> bool:
        return True


def _transitions() -> timing.Round:
    from transitions import Machine

    def action(self: Any) -> None:
        return None

    names = {name for row in workload.lines(60) for name in row.actions}
    model_class = type("Model", (Counted,), dict.fromkeys(names, action))
    machine = Machine(
        model=None,
        states=workload.STATES,
        initial="Idle",
        auto_transitions=False,
        transitions=[
            {
                "trigger": row.event,
                "source": row.state,
                "dest": row.target,
                "conditions": list(CONDITIONS),
                "before": list(row.actions),
            }
            for row in workload.lines(60)
        ],
    )

    def prepare() -> list[Any]:
        models = [model_class() for _ in range(100)]
        machine.models.clear()
        machine.add_model(models)
        return models

    def run(models: list[Any]) -> None:
        for model in models:
            for event in workload.CALL:
                getattr(model, event)()

    trial = prepare()
    run(trial)
    assert all(model.state == "Terminated" for model in trial)
    return timing.cpu(prepare, run, 100 * len(workload.CALL))


def _machine_class() -> type:
    from statemachine import State, StateMachine

    rows = workload.lines(60)
    used = {name for row in rows for name in (row.state, row.target)}
    states = {
        name: State(initial=name == "Idle", final=name in workload.FINAL)
        for name in workload.STATES
        if name in used
    }
    body: dict[str, Any] = dict(states)
    events: dict[str, Any] = {}
    for row in rows:
        arrow = states[row.state].to(
            states[row.target], cond=list(CONDITIONS), on=list(row.actions)
        )
        events[row.event] = events[row.event] | arrow if row.event in events else arrow
    body.update(events)

    def action(self: Any) -> None:
        return None

    for row in rows:
        body.update(dict.fromkeys(row.actions, action))
    body["open_now"] = lambda self: True
    body["not_blocked"] = lambda self: True
    return type(StateMachine)("Call", (StateMachine,), body)


def _statemachine() -> timing.Round:
    call = _machine_class()

    def prepare() -> list[Any]:
        return [call() for _ in range(5)]

    def run(machines: list[Any]) -> None:
        for machine in machines:
            for event in workload.CALL:
                machine.send(event)

    trial = prepare()
    run(trial)
    ids = [next(iter(m.configuration)).id for m in trial]
    assert ids == ["Terminated"] * 5, ids
    return timing.cpu(prepare, run, 5 * len(workload.CALL))


def _creation(make: Callable[[], Any], count: int) -> timing.Round:
    def run(numbers: range) -> None:
        for _ in numbers:
            make()

    return timing.cpu(lambda: range(count), run, count)


def _statemachine_creation() -> timing.Round:
    return _creation(_machine_class(), 5)


CASES: dict[str, Callable[[], timing.Round]] = {
    "transitions": _transitions,
    "python-statemachine": _statemachine,
    "python-statemachine session": _statemachine_creation,
}
