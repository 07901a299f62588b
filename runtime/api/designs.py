"""The calls about what is designed: flows, versions, texts, scenarios."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404

from designer import selectors, services, tasks, verdicts
from designer.access import may, projects_for
from designer.desk import version_message
from designer.errors import Conflict, Refused
from designer.models import Flow, Project, Scenario, Version
from designer.naming import person_name
from designer.scenario_files import read_scenarios
from designer.scenario_rows import MOST_KEPT
from designer.scenarios import judge
from designer.views.shell import flow_or_404
from flows.check import examine
from flows.table import Table
from runtime.api import shapes
from runtime.api.declare import LARGE, Call, operation
from runtime.api.problems import Problem

# -- flows -----------------------------------------------------------------------------------------


@operation("flow.view", list[shapes.Flow], query=shapes.Paging, paged=True)
def list_flows(call: Call) -> Any:
    """List the flows with what is saved, deployed and live."""
    return [_flow_line(line) for line in call.page_of(selectors.flow_lines(call.user))]


@operation("flow.create", shapes.Flow, body=shapes.NewFlow, status=201, most=LARGE)
def create_flow(call: Call) -> Any:
    """Make a flow.

    With a text, that text is its first version (which needs the permission to save, too); without
    one, the flow begins with a draft of yours that has one state.
    """
    text, project = call.body.text, _project(call)
    if not isinstance(text, str):
        flow = services.flow_create(name=call.body.name, user=call.user, project=project)
        return _line_of(call, flow)
    with transaction.atomic():
        flow = services.flow_create(name=call.body.name, text=text, project=project)
        call.require("version.save", flow)
        services.version_save(flow=flow, text=text, base=None, author=call.user)
    return _line_of(call, flow)


def _project(call: Call) -> Project | None:
    wanted = call.body.project
    if not wanted and may(call.user, "flow.create"):
        return None
    for project in projects_for(call.user, "flow.create"):
        if project.name == wanted:
            return project
    raise Refused("project names none in which you may make flows.")


@operation("flow.view", shapes.Flow)
def get_flow(call: Call, name: str) -> Any:
    """Get one flow."""
    return _line_of(call, flow_or_404(name))


def _line_of(call: Call, flow: Flow) -> dict[str, Any]:
    lines = selectors.flow_lines(call.user)
    return next(_flow_line(line) for line in lines if line.name == flow.name)


def _flow_line(line: selectors.FlowLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "description": line.description,
        "status": line.status["key"],
        "version": line.version_label,
        "deployed": line.deployed_label,
        "live_calls": line.live_calls,
        "errors": line.errors,
        "warnings": line.warnings,
    }


# -- versions --------------------------------------------------------------------------------------


@operation("flow.view", list[shapes.VersionLine], query=shapes.Paging, paged=True)
def list_versions(call: Call, name: str) -> Any:
    """List the versions of a flow, newest first, each with its deeper check."""
    listed = call.page_of(selectors.versions_of(flow_or_404(name)))
    judged = verdicts.verdicts_of(listed)
    return [{**version_message(v), "check": judged[v.pk].as_message()} for v in listed]


@operation(
    "version.save",
    shapes.Version,
    body=shapes.NewVersion,
    status=201,
    most=LARGE,
    conflict=shapes.NewerVersion,
)
def save_version(call: Call, name: str) -> Any:
    """Save a text as the next version.

    `base` is the version it was made from. If another one is the newest by now, nothing is saved:
    409 with that one as `newest`. A text with errors can be saved; it is not deployed.
    """
    flow, base = flow_or_404(name), call.body.base
    newest = selectors.newest_version(flow)
    if newest is None and base is not None:
        raise Refused(f"{name} has no version yet: base is null.")
    try:
        saved = services.version_save(
            flow=flow,
            text=call.body.text,
            base=base,
            author=call.user,
            message=call.body.message,
        )
    except Conflict as conflict:
        raise Problem(409, conflict.message, newest=whole(conflict.latest)) from None
    return whole(saved)


@operation("flow.view", shapes.Version)
def get_version(call: Call, name: str, number: int) -> Any:
    """Get a version with its text, what the checker said, and its deeper check."""
    return whole(_version(name, number))


@operation("version.save", shapes.Version, status=201)
def restore_version(call: Call, name: str, number: int) -> Any:
    """Save the text of an older version as the newest one."""
    old = _version(name, number)
    return whole(services.version_restore(flow=old.flow, number=number, author=call.user))


@operation("flow.view", shapes.CheckWithFindings)
def get_check(call: Call, name: str, number: int) -> Any:
    """Tell how the deeper check of a version stands, and what it found."""
    return _check(_version(name, number))


@operation("check.control", shapes.CheckWithFindings, body=shapes.CheckAct)
def control_check(call: Call, name: str, number: int) -> Any:
    """Cancel the deeper check of a version, or ask for it again."""
    version = _version(name, number)
    tasks.control(version, call.body.act, by=person_name(call.user))
    return _check(version)


@operation("flow.view", shapes.Checked, body=shapes.TextSent, most=LARGE)
def check_text(call: Call) -> Any:
    """Check a text at once: its form, its names, its graph.

    Nothing is kept. The walk through everything that calls can do follows after a save.
    """
    text = services.usable_text(call.body.text)
    compiled = examine(text)
    return {
        "digest": services.digest_of(text),
        "compiles": compiled.table is not None,
        "errors": compiled.errors,
        "warnings": compiled.warnings,
        "findings": [finding.as_dict() for finding in compiled.findings],
    }


def whole(version: Version) -> dict[str, Any]:
    """Return a version with all that belongs to it (`shapes.Version`)."""
    return {
        **version_message(version),
        "text": version.text,
        "origin": version.origin,
        "parent": version.parent.number if version.parent else None,
        "findings": version.report.get("findings", []),
        "check": verdicts.verdict_of(version).as_message(),
    }


def _version(name: str, number: int) -> Version:
    flow = flow_or_404(name)
    version = selectors.version_of(flow, number) if number < 2**31 else None
    if version is None:
        raise Http404(f"{name} has no version {number}.")
    return version


def _check(version: Version) -> dict[str, Any]:
    verdict = verdicts.verdict_of(version)
    return {**verdict.as_message(), "findings": verdict.detail.get("findings", [])}


# -- scenarios -------------------------------------------------------------------------------------


@operation("flow.view", list[shapes.ScenarioLine], query=shapes.Paging, paged=True)
def list_scenarios(call: Call, name: str) -> Any:
    """List the scenarios kept with a flow."""
    kept = Scenario.objects.filter(flow=flow_or_404(name)).order_by("name")
    return [_scenario_line(each) for each in call.page_of(kept)]


@operation("flow.view", shapes.ScenarioRun, body=shapes.ScenariosWanted)
def run_scenarios(call: Call, name: str) -> Any:
    """Play all scenarios of a flow on one of its versions.

    With the executor that drives calls, in virtual time. Nothing is kept.
    """
    flow, number = flow_or_404(name), call.body.version
    version = _version(name, number) if number else selectors.newest_version(flow)
    if version is None:
        raise Refused(f"{name} has no version yet.")
    table = selectors.compiled_version(version).table
    if table is None:
        raise Refused(f"{version} does not compile, so there is nothing to play on.")
    return {
        "flow": name,
        "version": version.number,
        "digest": version.digest,
        "rows": len(table.rows),
        **_played(flow, table),
    }


def _played(flow: Flow, table: Table) -> dict[str, Any]:
    kept = Scenario.objects.filter(flow=flow).order_by("name")[:MOST_KEPT]
    judged = [judge(table, s) for each in kept for s in read_scenarios(each.text).scenarios]
    return {
        "fired": sorted({row for one in judged for row in one.rows}),
        "holds": all(one.holds for one in judged),
        "scenarios": [
            {
                "name": one.scenario.name,
                "holds": one.holds,
                "steps": one.steps,
                "differences": [
                    {"step": number, "message": sentence} for number, sentence in one.differences
                ],
            }
            for one in judged
        ],
    }


def _scenario_line(kept: Scenario) -> dict[str, Any]:
    (scenario,) = read_scenarios(kept.text).scenarios
    return {
        "name": kept.name,
        "description": scenario.description,
        "inputs": len(scenario.run.inputs),
        "by": kept.changed_by,
        "at": kept.updated_at.isoformat(),
    }
