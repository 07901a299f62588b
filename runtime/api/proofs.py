"""The calls about what speaks for a version: its tests, and who exercised its rows."""

from __future__ import annotations

from typing import Any

from django.http import Http404

from designer import coverage, mutant_runs, scenario_rows, scenario_runs, selectors
from designer.models import Flow, Version
from designer.naming import person_name
from designer.scenario_files import read_scenarios
from designer.views.shell import flow_or_404
from runtime import replay_runs, shadows
from runtime.api import shapes
from runtime.api.declare import LARGE, Call, operation


@operation("scenario.edit", list[shapes.ScenarioText], body=shapes.NewScenario, status=201,
           most=LARGE)  # fmt: skip
def write_scenario(call: Call, name: str) -> Any:
    """Keep scenarios with a flow.

    The text is a file of scenarios (docs/guide/scenarios.md), each kept under its own name. With
    `replace`, one that is kept under that name takes the text of the only one that is sent. They
    are played on the newest version at once.
    """
    flow = flow_or_404(name)
    before = None
    if call.body.replace:
        before = scenario_rows.scenario_of(flow, call.body.replace)
        if before is None:
            raise Http404(f"{name} keeps no scenario {call.body.replace}.")
    kept = scenario_rows.write(flow, call.body.text, before=before, user=call.user)
    return [{"name": each.name, "text": each.text} for each in kept]


@operation("scenario.edit", list[shapes.ScenarioName], query=shapes.ScenarioNamed)
def delete_scenario(call: Call, name: str) -> Any:
    """Let a scenario go.

    Answers those that are left.
    """
    flow = flow_or_404(name)
    if scenario_rows.scenario_of(flow, call.query.name) is None:
        raise Http404(f"{name} keeps no scenario {call.query.name}.")
    scenario_rows.drop(flow, call.query.name, user=call.user)
    return list(flow.scenarios.order_by("name").values_list("name", flat=True))


@operation("flow.view", shapes.ScenarioText, query=shapes.ScenarioNamed)
def get_scenario(call: Call, name: str) -> Any:
    """Get the text of a scenario."""
    kept = scenario_rows.scenario_of(flow_or_404(name), call.query.name)
    if kept is None:
        raise Http404(f"{name} keeps no scenario {call.query.name}.")
    return {"name": kept.name, "text": kept.text}


@operation("flow.view", shapes.Tests)
def get_tests(call: Call, name: str, number: int) -> Any:
    """Tell how the scenarios of a flow stand on a version.

    They are played by the worker after each save; a result counts for the text of the version and
    the text of the scenario.
    """
    return _tests(_version(flow_or_404(name), number))


@operation("check.control", shapes.Tests, body=shapes.CheckAct)
def control_tests(call: Call, name: str, number: int) -> Any:
    """Play all scenarios on a version again, or let go of a run."""
    version = _version(flow_or_404(name), number)
    scenario_runs.control(version, call.body.act, by=person_name(call.user))
    return _tests(version)


@operation("flow.view", shapes.Mutants)
def get_mutants(call: Call, name: str, number: int) -> Any:
    """Tell which small changes of a version its tests notice.

    Each row loses a guard, an action or its published events, or leads to another state; a change
    is killed when a test that holds does not hold any more.
    """
    return mutant_runs.strength_of(_version(flow_or_404(name), number)).as_dict()


@operation("check.control", shapes.Mutants, body=shapes.CheckAct)
def control_mutants(call: Call, name: str, number: int) -> Any:
    """Find that out, or let go of it."""
    version = _version(flow_or_404(name), number)
    mutant_runs.control(version, call.body.act, by=person_name(call.user))
    return mutant_runs.strength_of(version).as_dict()


@operation("flow.view", shapes.Coverage, query=shapes.CoverageWanted)
def get_coverage(call: Call, name: str, number: int) -> Any:
    """Tell which rows of a version were exercised: by scenarios, by recorded calls.

    `changed` counts the rows that are otherwise than in `base`: by default in what runs, else in
    the version it was made from.
    """
    version = _version(flow_or_404(name), number)
    base = (
        _version(version.flow, call.query.base) if call.query.base else coverage.usual_base(version)
    )
    return coverage.coverage_of(version, base).as_dict()


@operation("call.view", shapes.Replay)
def get_replay(call: Call, name: str, number: int) -> Any:
    """Tell what recorded calls would have done on a version.

    The newest calls of the flow are played on each saved version: what happened to them happens
    again. Calls are grouped by their first difference. Where the version would send another message
    or do another action, what follows in the record says nothing about it and is not compared.
    """
    return replay_runs.found_of(_version(flow_or_404(name), number)).as_dict()


@operation("check.control", shapes.Replay, body=shapes.ReplayAct)
def control_replay(call: Call, name: str, number: int) -> Any:
    """Play recorded calls on a version again, or let go of that."""
    version = _version(flow_or_404(name), number)
    replay_runs.control(
        version,
        call.body.act,
        limit=call.body.calls,
        by=person_name(call.user),
        user=call.user,
    )
    return replay_runs.found_of(version).as_dict()


@operation("call.view", shapes.Shadow)
def get_shadow(call: Call, name: str, number: int) -> Any:
    """Tell what a version found beside living calls.

    A shadow judges a share of the new calls: it is fed with what happens to them, and nothing of
    what it decides is done. Each call is left at its first difference.
    """
    return shadows.found_of(_version(flow_or_404(name), number)).as_dict()


@operation("deployment.make", shapes.Shadow, body=shapes.ShadowAct)
def control_shadow(call: Call, name: str, number: int) -> Any:
    """Let a version judge living calls, muted, or let none do so any more.

    One version of a flow judges at a time; another one takes its place.
    """
    version, body = _version(flow_or_404(name), number), call.body
    if body.act == "start":
        shadows.start(version, share=body.share, most=body.most, reason=body.reason, user=call.user)
    else:
        shadows.stop(version.flow, user=call.user, why=body.reason)
    return shadows.found_of(version).as_dict()


def _tests(version: Version) -> dict[str, Any]:
    tests = scenario_runs.tests_of(version)
    return {
        **tests.as_message(),
        "tests": [
            {
                "name": line.scenario.name,
                "state": line.state,
                "inputs": _inputs(line.scenario.text),
                "steps": line.result.steps if line.result else 0,
                "differences": [
                    {"step": step, "message": sentence}
                    for step, sentence in (line.result.differences if line.result else [])
                ],
            }
            for line in tests.lines
        ],
    }


def _inputs(text: str) -> int:
    return sum(len(each.run.inputs) for each in read_scenarios(text).scenarios)


def _version(flow: Flow, number: int) -> Version:
    version = selectors.version_of(flow, number) if number < 2**31 else None
    if version is None:
        raise Http404(f"{flow.name} has no version {number}.")
    return version
