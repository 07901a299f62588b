"""The checks the designer itself can tell of: rules, verification, what callers will notice."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from designer import behaviour, coverage, required, scenario_runs, selectors, verdicts
from designer.models import Version
from designer.required import FAILED, MISSING, PASSED, RUNNING, Check
from flows.check.catalogue import IMPLEMENTED, catalogue
from flows.difference import BREAKING, EXTENSION, SAME
from flows.findings import Severity
from flows.noticed import MORE

LOSS = "behaviour"
"""The check that a person answers for: calls that went somewhere go elsewhere."""


def register() -> None:
    """Put them into the list of required checks."""
    required.register("rules", rules, rank=10)
    required.register("verification", verification, rank=20)
    required.register("tests", tests, rank=30)
    required.register("coverage", covers, rank=40)
    required.register(LOSS, behaves, rank=60)


def rules(version: Version, base: Version | None) -> Check:
    """Tell what the checks of a save found in the text itself."""
    found = selectors.compiled_version(version).findings
    errors = [each for each in found if each.severity is Severity.ERROR]
    warnings = sum(each.severity is Severity.WARNING for each in found)
    url = _page(version)
    if errors:
        said = f"Line {errors[0].place.line}: {errors[0].message}"
        return Check("rules", "Rules", FAILED, said, url, _counted(len(errors), "error"))
    broken = {each.code for each in found}
    hold = sum(e.status == IMPLEMENTED and e.code not in broken for e in catalogue().values())
    said = f"{_counted(warnings, 'warning')} to look at." if warnings else "Nothing was found."
    return Check("rules", "Rules", PASSED, said, url, f"{hold} hold")


def verification(version: Version, base: Version | None) -> Check:
    """Tell what the walk through everything the flow can do found."""
    verdict = verdicts.verdict_of(version)
    state = {verdicts.PASSED: PASSED, verdicts.LIMITED: PASSED, verdicts.ERRORS: FAILED}.get(
        verdict.state, RUNNING if verdict.running else MISSING
    )
    return Check(
        "verification", "Verification", state, verdict.sentence, f"{_page(version)}#check",
        _figure(verdict),
    )  # fmt: skip


def _figure(verdict: verdicts.Verdict) -> str:
    if verdict.state == verdicts.PASSED:
        return "Proved"
    if verdict.state == verdicts.ERRORS:
        return _counted(verdict.detail["errors"], "error")
    if verdict.state == verdicts.LIMITED:
        return "No error, no proof"
    return f"{verdict.percent} %" if verdict.state == verdicts.RUNNING else ""


def tests(version: Version, base: Version | None) -> Check:
    """Tell how the scenarios of the flow stand on the version."""
    found = scenario_runs.tests_of(version)
    url = f"{reverse('flow_tests', args=[version.flow.name])}?version={version.number}"
    state = {"passed": PASSED, "failed": FAILED, "running": RUNNING}.get(found.state, MISSING)
    figure = found.figure if found.total else ""
    # A flow that keeps no test is not held back by that; its changed rows are looked at below.
    return Check("tests", "Tests", state, found.sentence, url, figure, needed=found.total > 0)


def covers(version: Version, base: Version | None) -> Check | None:
    """Tell whether the rows that are not as in the base were exercised, by whomever."""
    if base is None:
        return None
    found = coverage.coverage_of(version, base)
    url = f"{reverse('flow_tests', args=[version.flow.name])}?version={version.number}"

    def told(state: str, sentence: str, figure: str = "") -> Check:
        return Check("coverage", "Changed rows covered", state, sentence, url, figure)

    changed, covered = len(found.changed), found.changed_covered
    if not changed:
        return told(PASSED, f"No row is otherwise than in {base.label}.")
    figure = f"{covered} of {changed}"
    if covered == changed:
        return told(PASSED, "By tests or recorded calls.", figure)
    first = next(row for row in found.changed if not row.covered)
    if found.tests.running:
        return told(RUNNING, "Tests are being played.", figure)
    return told(FAILED, f"Nobody tried {first.words}.", figure)


def behaves(version: Version, base: Version | None) -> Check | None:
    """Tell whether calls lose anything; a loss is answered for by a person (`passed_over`)."""
    if base is None:
        return None
    url = reverse("flow_compare", args=[version.flow.name, base.number, version.number])
    found = behaviour.compared(base.text, version.text)

    def told(state: str, sentence: str, figure: str = "") -> Check:
        return Check(LOSS, "Behaviour", state, sentence, url, figure)

    if found is None:
        return told(MISSING, "It cannot be compared: a text has errors or more than 600 rows.")
    if found["change"] == BREAKING:
        count = sum(each["kind"] != MORE for each in found["noticed"])
        figure = _counted(count, "difference") if count else "unknown"
        return told(FAILED, f"{_first(found)} Somebody says that it is meant so.", figure)
    if found["change"] == SAME:
        return told(PASSED, f"Calls do the same as on {base.label}.", "Same")
    if found["change"] == EXTENSION:
        return told(PASSED, f"Nothing that {base.label} answered is lost.", "Only more")
    return told(PASSED, f"Calls do what they did on {base.label}.", "Not less")


def _first(found: dict[str, Any]) -> str:
    told = found["noticed"]
    if not told:
        return "Not every order of events could be tried, so nobody knows."
    more = _counted(len(told) - 1, "other difference")
    return f"{told[0]['title']}{f', and {more}' if len(told) > 1 else ''}."


def _page(version: Version) -> str:
    return reverse("flow_version", args=[version.flow.name, version.number])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
