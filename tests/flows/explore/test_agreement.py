"""The explorer and the executor agree on random tables and random orders of events."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.explore.party import Config, Party, Stimulus
from flows.semantics import Program
from runtime.executor.machine import Machine
from runtime.executor.step import Event

HEAD = """\
callflow: 1
name: t
states:
  A: {initial: true}
  B: {group: talk, ignore: {InfoReceived: not for us}}
  C: {}
  D: {final: true}
variables: {n: 0}
transitions:
"""
EVENTS = (
    "MakeCall",
    "HangupCall",
    "HoldCall",
    "ReinviteReceived",
    "InfoReceived",
    "DialogBYE",
    "Dialog200OK",
    "Dialog4xxFailure",
    "MediaLost",
    "ActionFailed",
)
FIELDS: dict[str, list[dict[str, Any]]] = {
    "Dialog4xxFailure": [{"code": 486, "method": "INVITE"}, {"code": 404, "method": "BYE"}],
    "Dialog200OK": [{"code": 200, "method": "INVITE", "sdp": "v"}, {"code": 200, "method": "BYE"}],
    "ReinviteReceived": [{}, {"sdp": "v", "direction": "sendonly"}],
    "ActionFailed": [{"action": "CreateDialog", "reason": "r"}],
}
GUARDS = (
    "IsIdle",
    "MediaReady",
    "not MediaReady",
    "HasLocalSDP",
    "DialogEstablished and not MediaReady",
    "n < 2",
    "n >= 2",
)
OF_EVENT = {
    "Dialog4xxFailure": ("event.code == 486", 'event.method == "BYE" and n < 2'),
    "Dialog200OK": ("event.sdp", "not event.sdp"),
    "ReinviteReceived": ("event.sdp", 'event.direction in ("sendonly", "inactive") or n == 1'),
}
ACTIONS = (
    "CreateDialog",
    "CreateMediaSession",
    "GenerateLocalSDP",
    "StartMediaSession",
    "StopMediaSession",
    "SendINVITE",
    "SendACK",
    "SendBYE",
    "HoldCall",
    "{SendSIPResponse: {code: 200}}",
    "{SetCondition: {condition: MediaReady, value: true}}",
    "CleanupMedia",
    "CleanupDialog",
)
events = st.sampled_from(EVENTS).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(FIELDS.get(name, [{}])))
)


@st.composite
def row(draw: st.DrawFn) -> str:
    state = draw(st.sampled_from(("A", "B", "C", "A", "B", "Any")))
    timer = draw(st.integers(0, 9)) == 0 and state != "Any"
    event = (
        f"{{after: {draw(st.sampled_from((1, 2)))}s}}" if timer else draw(st.sampled_from(EVENTS))
    )
    actions = draw(st.lists(st.sampled_from(ACTIONS), max_size=3))
    role = draw(st.sampled_from(("UAC", "Both", "UAS")))
    if event == "MakeCall" or "SendINVITE" in actions:
        role = "UAC"
    parts = [
        f"from_state: {state}",
        f"role: {role}",
        f"event: {event}",
    ]
    choices = (*GUARDS, *OF_EVENT.get(event, ()))
    guards = draw(st.lists(st.sampled_from(choices), max_size=2))
    if guards:
        quoted = ", ".join(f"'{guard}'" for guard in guards)
        parts.append(f"guards: [{quoted}]")
    if actions:
        parts.append(f"actions: [{', '.join(actions)}]")
    if draw(st.booleans()):
        parts.append("set: {n: n + 1}")
    target = draw(st.sampled_from(("", "A", "B", "C", "D")))
    if target:
        parts.append(f"next_state: {target}")
    return "- {" + ", ".join(parts) + "}\n"


tables = st.lists(row(), min_size=1, max_size=12).map(lambda rows: HEAD + "".join(rows))


def fresh(config: Config) -> Config:
    """A session may see any number of failures here."""
    return config._replace(failed=0)


@settings(max_examples=150, deadline=None)
@given(tables, st.sampled_from(("UAC", "UAS")), st.lists(events, max_size=12), st.data())
def test_explorer_and_executor_agree_on_random_tables_and_events(
    text: str, role: str, happened: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    table = compile_text(text).table
    if table is None:
        return
    program = Program(table)
    party = Party(program, keep=program.initial_values)
    machine = Machine(program, "s", role, 0.0)
    config = party.start(role)
    for name, fields in happened:
        if config.pending:
            name, fields = "ActionFailed", {"action": config.pending, "reason": "it failed"}
        stimulus = Stimulus(name, tuple(fields.items()), config.wire, "peer")
        move = data.draw(st.sampled_from(party.react(config, stimulus)))
        step = machine.receive(Event(name, dict(fields)), 0.0)
        assert (step.kind, step.row, step.to_state) == (
            move.kind,
            move.row,
            move.target.state,
        )
        if move.broke >= 0:
            machine.failed(step, move.broke, "it failed")
        limited = {k: party.domain.limited(v) for k, v in machine.values.items()}
        assert limited == party.values(move.target)
        assert step.ended == move.target.ended
        if step.ended:
            return
        config = fresh(move.target)


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(("UAC", "UAS")), st.integers(1, 6))
def test_explorer_and_executor_let_the_same_timers_fire(text: str, role: str, times: int) -> None:
    table = compile_text(text).table
    if table is None:
        return
    program = Program(table)
    party = Party(program, keep=program.initial_values)
    machine = Machine(program, "s", role, 0.0)
    config = party.start(role)
    for _ in range(times):
        durations = program.timers(config.state, role)
        if config.timer >= len(durations):
            return
        deadline = machine.deadline
        assert deadline is not None
        step = machine.expire(deadline)
        fields = (("seconds", durations[config.timer]),)
        move = party.react(config, Stimulus("after", fields, config.wire, "timer"))[0]
        assert step is not None and step.fields == dict(fields)
        if move.broke >= 0:
            return
        assert (step.row, step.to_state, step.ended) == (
            move.row,
            move.target.state,
            move.target.ended,
        )
        if step.ended:
            return
        config = fresh(move.target)
