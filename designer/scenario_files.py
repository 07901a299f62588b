"""Files of scenarios, read and written. docs/guide/scenarios.md has the format.

    file = read_scenarios(text)               # ScenarioFile; BadScenario names line and reason
    text = write_scenarios("basic_call", [scenario])

Numbers are numbers because the words of the language say so, not because of how they are written:
nothing is constructed from the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Mapped
from dataclasses import dataclass
from typing import Any

import msgspec

from designer.scenarios import Expected, Scenario
from designer.simulation.run import BadRun, Failure, Input, Run, read_run
from flows import document as nodes
from flows.edit.pieces import plain_of
from flows.edit.render import text_of
from flows.table import duration_text
from flows.vocabulary import EVENTS

MOST_SCENARIOS = 1000
FIELDS = ("name", "description", "roles", "mocks", "steps")
STEP_FIELDS = (
    *("side", "event", "fields", "fails", "wait", "due", "deliver", "lose", "set", "expect"),
)
EXPECTED = (
    *("side", "state", "row", "kind", "actions", "published", "sends", "values"),
    *("answer", "outcome"),
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class BadScenario(ValueError):
    """This file holds no scenarios as they are written; the text names the line and the reason."""


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    flow: str
    scenarios: list[Scenario]


# -- writing ---------------------------------------------------------------------------------------


def write_scenarios(flow: str, scenarios: Sequence[Scenario]) -> str:
    """Write scenarios as a file."""
    lines = [f"flow: {text_of(flow)}", "scenarios:"]
    for scenario in scenarios:
        lines += _written(scenario)
    return "\n".join(lines) + "\n"


def _written(scenario: Scenario) -> list[str]:
    run = scenario.run
    lines = ["", f"- name: {text_of(scenario.name)}"]
    if scenario.description:
        lines.append(f"  description: {text_of(scenario.description)}")
    lines.append(f"  roles: [{', '.join(run.roles)}]")
    if run.mocks:
        lines.append(f"  mocks: {_flow(dict(run.mocks))}")
    lines.append("  steps:")
    for given, expected in zip(run.inputs, scenario.expected, strict=True):
        lines += _step_lines(given, expected)
    return lines


def _step_lines(given: Input, expected: tuple[Expected, ...]) -> list[str]:
    parts: list[tuple[str, str]] = []
    kind = given.kind
    if given.side:
        parts.append(("side", given.side))
    if kind == "wait":
        parts.append(("wait", duration_text(given.wait or 0.0)))
    else:
        parts.append((kind, _flow(getattr(given, kind))))
    if given.fields:
        parts.append(("fields", _flow(given.fields)))
    if given.fails is not None:
        parts.append(("fails", _flow({given.fails.action: given.fails.reason})))
    if len(expected) == 1:
        parts.append(("expect", _flow(expected[0])))
    lines = [f"  {'-' if i == 0 else ' '} {name}: {text}" for i, (name, text) in enumerate(parts)]
    if len(expected) > 1:
        lines += ["    expect:", *(f"    - {_flow(each)}" for each in expected)]
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapped):
        return "{" + ", ".join(f"{text_of(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, int | float):
        return str(value)
    return text_of("" if value is None else str(value))


# -- reading ---------------------------------------------------------------------------------------


def read_scenarios(text: str) -> ScenarioFile:
    """Read a file of scenarios; BadScenario says in one sentence why it is none."""
    document = nodes.read(text)
    if not document.readable:
        finding = document.findings[0]
        raise BadScenario(f"line {finding.place.line}: {finding.message}")
    root = document.root
    listed = root.get("scenarios") if isinstance(root, nodes.Mapping) else None
    if not isinstance(root, nodes.Mapping) or not isinstance(listed, nodes.Sequence):
        raise BadScenario("line 1: A file of scenarios begins with `flow:` and `scenarios:`.")
    _only(root, ("flow", "scenarios"), "A file of scenarios")
    if len(listed.items) > MOST_SCENARIOS:
        raise BadScenario(f"line 1: A file has at most {MOST_SCENARIOS} scenarios.")
    return ScenarioFile(_text(root.get("flow")), [_scenario(item) for item in listed.items])


def problems(text: str) -> list[tuple[int, str]]:
    """Return all that is wrong with a file of scenarios: line and sentence, in the order of lines.

    Unlike `read_scenarios` it goes on behind a first mistake, one for each step.
    """
    document = nodes.read(text)
    if not document.readable:
        return [(f.place.line, f.message) for f in document.findings[:1]]
    root = document.root
    listed = root.get("scenarios") if isinstance(root, nodes.Mapping) else None
    found: list[tuple[int, str]] = []
    for item in listed.items if isinstance(listed, nodes.Sequence) else ():
        steps = item.get("steps") if isinstance(item, nodes.Mapping) else None
        for step in steps.items if isinstance(steps, nodes.Sequence) else ():
            found += _problem(_input, step)
        if not found:
            found += _problem(_scenario, item)
    if not found:
        found += _problem(lambda _: read_scenarios(text), root)
    return sorted(set(found))


def _problem(read: Callable[[Any], Any], node: Any) -> list[tuple[int, str]]:
    try:
        read(node)
    except BadScenario as problem:
        line, _, sentence = str(problem).removeprefix("line ").partition(": ")
        return [(int(line), sentence)]
    return []


def _scenario(node: nodes.Node) -> Scenario:
    if not isinstance(node, nodes.Mapping):
        raise _bad(node, "A scenario is a mapping with name and steps.")
    _only(node, FIELDS, "A scenario")
    name, steps = _text(node.get("name")), node.get("steps")
    if not name or not isinstance(steps, nodes.Sequence):
        raise _bad(node, "A scenario has a name and steps.")
    roles, mocks = plain_of(node.get("roles")) or ["UAC"], plain_of(node.get("mocks")) or {}
    if not isinstance(mocks, dict) or any(each not in ("true", "false") for each in mocks.values()):
        raise _bad(node, "mocks is a mapping of guards to true or false.")
    inputs = [_input(step) for step in steps.items]
    data = {"roles": roles, "mocks": {k: v == "true" for k, v in mocks.items()}}
    try:
        run = replace_inputs(read_run(data), [given for given, _ in inputs])
    except BadRun as problem:
        raise _bad(node, str(problem)) from None
    expected = tuple(each for _, each in inputs)
    return Scenario(name, run, expected, _text(node.get("description")))


def replace_inputs(run: Run, inputs: list[Input]) -> Run:
    """Return the run with these inputs; BadRun if they are too many or no inputs."""
    return read_run({"roles": run.roles, "mocks": run.mocks, "inputs": msgspec.to_builtins(inputs)})


def _input(node: nodes.Node) -> tuple[Input, tuple[Expected, ...]]:
    if not isinstance(node, nodes.Mapping):
        raise _bad(node, "A step is a mapping such as {event: MakeCall}.")
    _only(node, STEP_FIELDS, "A step")
    event = _text(node.get("event"))
    given: dict[str, Any] = {
        name: _text(node.get(name)) for name in ("side", "deliver", "lose") if node.get(name)
    }
    if event:
        given["event"] = event
    if node.get("fields") is not None:
        given["fields"] = _fields(event, node.get("fields"))
    if node.get("set") is not None:
        given["set"] = {k: _value(v) for k, v in _mapping(node.get("set")).items()}
    if node.get("wait") is not None:
        given["wait"] = _seconds(node.get("wait"))
    if node.get("due") is not None:
        given["due"] = _text(node.get("due")) == "true"
    fails = node.get("fails")
    if fails is not None:
        given["fails"] = _failure(fails)
    try:
        read = read_run({"inputs": [given]}).inputs[0]
    except BadRun as problem:
        raise _bad(node, str(problem)) from None
    return read, _expected(node.get("expect"))


def _expected(node: nodes.Node | None) -> tuple[Expected, ...]:
    if node is None:
        return ()
    items = node.items if isinstance(node, nodes.Sequence) else [node]
    return tuple(_one_expected(item) for item in items)


def _one_expected(node: nodes.Node) -> Expected:
    if not isinstance(node, nodes.Mapping):
        raise _bad(node, "What is expected is a mapping such as {state: Active}.")
    _only(node, EXPECTED, "What is expected")
    wanted: dict[str, Any] = {}
    for entry in node.entries:
        name, value = entry.key.text, entry.value
        if name in ("actions", "published", "sends"):
            listed = plain_of(value)
            if not isinstance(listed, list):
                raise _bad(value, f"{name} is a list.")
            wanted[name] = listed
        elif name == "values":
            wanted[name] = {k: _value(v) for k, v in _mapping(value).items()}
        elif name == "answer":
            wanted[name] = _number(value)
        else:
            wanted[name] = _text(value)
    return wanted


def _fields(event: str, node: nodes.Node | None) -> dict[str, Any]:
    word = EVENTS.get(event)
    types = word.fields if word is not None else {}
    given = _mapping(node)
    return {
        name: _number(value) if types.get(name) in ("integer", "number") else _text(value)
        for name, value in given.items()
    }


def _failure(node: nodes.Node) -> dict[str, str]:
    if isinstance(node, nodes.Scalar):
        return {"action": node.text}
    if isinstance(node, nodes.Mapping) and len(node.entries) == 1:
        entry = node.entries[0]
        return {"action": entry.key.text, "reason": _text(entry.value) or Failure("").reason}
    raise _bad(node, "fails names an action, or {ACTION: reason}.")


def _mapping(node: nodes.Node | None) -> dict[str, nodes.Node]:
    if not isinstance(node, nodes.Mapping):
        raise _bad(node, "A mapping of names to values is needed here.")
    return {entry.key.text: entry.value for entry in node.entries}


def _value(node: nodes.Node) -> Any:
    text = _text(node)
    if isinstance(node, nodes.Scalar) and node.plain:
        if text in ("true", "false"):
            return text == "true"
        if node.coerced in ("int", "float"):
            return _number(node)
    return text


def _number(node: nodes.Node) -> int | float:
    text = _text(node)
    try:
        return int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else float(text[:40])
    except ValueError:
        raise _bad(node, f"{text[:40] or 'Nothing'} is no number.") from None


def _seconds(node: nodes.Node | None) -> float:
    text = _text(node)
    unit = text.lstrip("0123456789.")
    try:
        return float(text[: len(text) - len(unit)]) * (_UNITS[unit] if unit else 1.0)
    except (ValueError, KeyError):
        raise _bad(node, "A time is written 250ms, 1.5s, 30s, 2m or 1h.") from None


def _text(node: nodes.Node | None) -> str:
    if node is None:
        return ""
    if not isinstance(node, nodes.Scalar):
        raise _bad(node, "One value is needed here.")
    return node.text


def _only(node: nodes.Mapping, known: tuple[str, ...], what: str) -> None:
    for entry in node.entries:
        if entry.key.text not in known:
            raise _bad(entry.key, f"{what} has no {entry.key.text!r}; it has {', '.join(known)}.")


def _bad(node: nodes.Node | None, message: str) -> BadScenario:
    line = node.place.line if node is not None else 1
    return BadScenario(f"line {line}: {message}")
