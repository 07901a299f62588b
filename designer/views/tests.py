"""The tests of a flow: how they stand on a version, who exercised its rows, each test as a text."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import urlencode

from designer import (
    comparing,
    coverage,
    mutant_runs,
    rendering,
    scenario_export,
    scenario_rows,
    scenario_runs,
    selectors,
)
from designer.access import change, page
from designer.errors import Refused
from designer.models import Flow, Scenario, Version
from designer.naming import person_name
from designer.playing import played
from designer.scenario_files import BadScenario, problems, read_scenarios, write_scenarios
from designer.scenario_runs import Line
from designer.views.shell import done, flow_or_404, refused, show, wants_json
from designer.views.versions import version_or_404

EXAMPLE = """\
flow: {flow}
scenarios:

- name: What is shown by it
  roles: [{role}]
  steps:
  - event: {event}
    expect: {{state: {state}}}
"""
"""What a test made by hand begins with."""


@page("flow.view")
def flow_tests(request: HttpRequest, name: str) -> HttpResponse:
    """Show the tests of a flow on a version. Context: flow, version, versions, tests, lines
    [(Line, address of the simulator)], coverage, strength, base, boot."""
    flow = flow_or_404(name)
    version = _wanted(request, flow)
    context: dict[str, Any] = {"flow": flow, "version": version, "lines": [], "boot": None}
    if version is not None:
        base = coverage.usual_base(version)
        covered = coverage.coverage_of(version, base)
        drawn = rendering.drawing(version.text)
        context |= {
            "versions": selectors.versions_of(flow)[:200],
            "tests": covered.tests,
            "coverage": covered,
            "strength": mutant_runs.strength_of(version),
            "base": base,
            "lines": [(line, play_of(flow, line)) for line in covered.tests.lines],
            "boot": {
                "dot": drawn.dot,
                "picture": drawn.picture,
                "coverage": covered.marks(),
            },
        }
    return show(request, "designer/tests.html", context, nav="flows")


@page("flow.view")
def flow_tests_files(request: HttpRequest, name: str) -> HttpResponse:
    """Download the tests as files that run elsewhere: YAML, pytest and SIPp, in a ZIP file."""
    flow = flow_or_404(name)
    version = _wanted(request, flow)
    table = selectors.compiled_version(version).table if version is not None else None
    if version is None or table is None:
        raise Http404(f"{flow.name} has no version that its tests could be exported with.")
    kept = Scenario.objects.filter(flow=flow).order_by("name")
    scenarios = [each for one in kept for each in read_scenarios(one.text).scenarios]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in scenario_export.files(flow.name, version.text, table, scenarios):
            archive.writestr(f"{flow.name}_tests/{path}", content)
    answer = HttpResponse(packed.getvalue(), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{flow.name}_tests.zip"'
    return answer


@page("flow.view")
def flow_tests_state(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show how far the tests of a version are, for a page that follows them. Context: flow,
    version, tests."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    tests = scenario_runs.tests_of(version)
    if wants_json(request):
        return JsonResponse(tests.as_message())
    context = {"flow": flow, "version": version, "tests": tests}
    answer = show(request, "designer/_tests_state.html", context)
    if not tests.running:
        # Results and coverage of the page change with it: it is read anew.
        answer["HX-Refresh"] = "true"
    return answer


@change("check.control")
def flow_tests_act(request: HttpRequest, name: str, number: int, act: str) -> HttpResponse:
    """Play the tests of a version again, or let go of a run."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    back = f"{reverse('flow_tests', args=[name])}?version={number}"
    try:
        message = scenario_runs.control(version, act, by=person_name(request.user))
    except Refused as refusal:
        return refused(request, refusal, back)
    return done(request, message, scenario_runs.tests_of(version).as_message(), back)


@page("flow.view")
def flow_strength(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Show which small changes the tests of a version notice, for a page that follows it. Context:
    flow, version, strength, tests."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    strength = mutant_runs.strength_of(version)
    if wants_json(request):
        return JsonResponse(strength.as_dict())
    tests = scenario_runs.tests_of(version)
    context = {"flow": flow, "version": version, "strength": strength, "tests": tests}
    return show(request, "designer/_strength.html", context)


@change("check.control")
def flow_strength_act(request: HttpRequest, name: str, number: int, act: str) -> HttpResponse:
    """Find out which small changes the tests of a version notice, or let go of that."""
    flow = flow_or_404(name)
    version = version_or_404(flow, number)
    back = f"{reverse('flow_tests', args=[name])}?version={number}#strength"
    try:
        message = mutant_runs.control(version, act, by=person_name(request.user))
    except Refused as refusal:
        return refused(request, refusal, back)
    return done(request, message, mutant_runs.strength_of(version).as_dict(), back)


@page("flow.view")
def flow_test(request: HttpRequest, name: str, id: int) -> HttpResponse:
    """Show one test as a text. Context: flow, test, text, boot."""
    flow = flow_or_404(name)
    kept = _test_or_404(flow, id)
    return _editor(request, flow, kept.text, kept)


@page("scenario.edit")
def flow_test_new(request: HttpRequest, name: str) -> HttpResponse:
    """Show an empty test to be written. Context: flow, text, boot."""
    flow = flow_or_404(name)
    return _editor(request, flow, _example(flow), None)


@change("scenario.edit")
def flow_test_save(request: HttpRequest, name: str) -> HttpResponse:
    """Keep what was written: `text`, in place of the test `id` if it is given."""
    flow = flow_or_404(name)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    given = request.POST.get("id", "")
    kept = _test_or_404(flow, int(given)) if given.isdecimal() and len(given) < 10 else None
    try:
        saved = scenario_rows.write(flow, text, before=kept, user=request.user)
    except Refused as refusal:
        if wants_json(request):
            return JsonResponse({"error": refusal.message}, status=409)
        return _editor(request, flow, text, kept, refusal=refusal.message)
    data = {"tests": [{"id": each.pk, "name": each.name} for each in saved]}
    count = "The test is kept" if len(saved) == 1 else f"{len(saved)} tests are kept"
    return done(request, f"{count} and played.", data, "flow_tests", name)


@change("scenario.edit")
def flow_test_try(request: HttpRequest, name: str) -> HttpResponse:
    """Say what is wrong with a written test, by line, and how it goes on the newest version.

    Answers JSON: problems [[line, sentence]], results [{name, holds, differences}], version.
    """
    flow = flow_or_404(name)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    if len(text) > scenario_rows.LONGEST_TEXT:
        return JsonResponse({"problems": [[1, "This test is too long."]], "results": []})
    found = problems(text)
    version = selectors.newest_version(flow)
    answer: dict[str, Any] = {"problems": found, "results": [], "version": None}
    if not found and version is not None:
        answer["version"] = version.label
        answer["results"] = _tried(flow, version, text)
    return JsonResponse(answer)


@change("scenario.edit")
def flow_test_rename(request: HttpRequest, name: str, id: int) -> HttpResponse:
    """Give a test another name."""
    flow = flow_or_404(name)
    kept = _test_or_404(flow, id)
    try:
        renamed = scenario_rows.rename(kept, request.POST.get("title", ""), user=request.user)
    except (Refused, BadScenario) as problem:
        refusal = problem if isinstance(problem, Refused) else Refused(str(problem))
        return refused(request, refusal, "flow_tests", name)
    return done(request, f"It is “{renamed.name}” now.", {"name": renamed.name}, "flow_tests", name)


@change("scenario.edit")
def flow_test_delete(request: HttpRequest, name: str, id: int) -> HttpResponse:
    """Let a test go."""
    flow = flow_or_404(name)
    kept = _test_or_404(flow, id)
    scenario_rows.drop(flow, kept.name, user=request.user)
    return done(request, f"“{kept.name}” is let go.", {"deleted": id}, "flow_tests", name)


def play_of(flow: Flow, line: Line) -> str:
    """Return the address under which the simulator plays a test, at the step where it fails."""
    try:
        (scenario,) = read_scenarios(line.scenario.text).scenarios
    except (BadScenario, ValueError):
        return ""
    link: dict[str, Any] = {"run": msgspec.to_builtins(scenario.run)}
    if line.failing:
        link["at"] = line.failing
    query = urlencode({"mode": "simulate", "run": comparing.packed(link)})
    return f"{reverse('flow', args=[flow.name])}?{query}"


def _wanted(request: HttpRequest, flow: Flow) -> Version | None:
    given = request.GET.get("version", "")
    if given:
        return version_or_404(flow, int(given) if given.isdecimal() and len(given) < 10 else 0)
    return selectors.newest_version(flow)


def _test_or_404(flow: Flow, id: int) -> Scenario:
    kept = Scenario.objects.filter(flow=flow, pk=id).first() if id < 2**31 else None
    if kept is None:
        raise Http404("This test is not there any more.")
    return kept


def _editor(
    request: HttpRequest, flow: Flow, text: str, kept: Scenario | None, refusal: str = ""
) -> HttpResponse:
    context = {
        "flow": flow,
        "test": kept,
        "text": text,
        "refusal": refusal,
        "boot": {"text": text, "check": reverse("flow_test_try", args=[flow.name])},
    }
    status = 409 if refusal else 200
    return show(request, "designer/test.html", context, nav="flows", status=status)


def _example(flow: Flow) -> str:
    """A test that plays the first thing which can happen to a call of the newest version."""
    version = selectors.newest_version(flow)
    table = selectors.compiled_version(version).table if version is not None else None
    rows = [] if table is None else [r for r in table.rows if r.from_state == table.initial]
    first = next((row for row in rows if row.after is None and row.next_state), None)
    if first is None:
        return EXAMPLE.format(flow=flow.name, role="UAS", event="IncomingCall", state="Ringing")
    role = first.role if first.role != "Both" else "UAS"
    return EXAMPLE.format(flow=flow.name, role=role, event=first.event, state=first.next_state)


def _tried(flow: Flow, version: Version, text: str) -> list[dict[str, Any]]:
    table = selectors.compiled_version(version).table
    results = []
    for each in read_scenarios(text).scenarios[:20]:
        result = played(table, write_scenarios(flow.name, [each]))
        results.append({"name": each.name, **result})
    return results
