"""Which rows were exercised: by tests, by recorded calls, by both, by nobody."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from designer import checks, coverage, facts, scenario_rows, scenario_runs, services
from designer.facts import Taken
from designer.models import Flow, Version
from tests.designer.test_scenario_runs import ANSWERED, WRONG
from tests.web import ECHO, worked

pytestmark = pytest.mark.django_db


class Calls(facts.NoRuntime):
    """A runtime whose recorded calls took these rows."""

    def __init__(self, rows: dict[int, int], calls: int = 10) -> None:
        self.rows, self.calls = rows, calls

    def taken(self, version: Version) -> Taken:
        return Taken(self.rows, self.calls)


@pytest.fixture
def flow(db: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author_name="alice").flow


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(rows: dict[int, int], calls: int = 10) -> None:
        monkeypatch.setattr(facts, "_runtime", Calls(rows, calls))

    use({}, 0)
    return use


def newest(flow: Flow) -> Version:
    version = flow.versions.first()
    assert version is not None
    return version


def after_test(flow: Flow, text: str = ANSWERED) -> Version:
    scenario_rows.write(flow, text)
    worked(scenario_runs.key_of(newest(flow)))
    return newest(flow)


def test_rows_are_counted_by_who_took_them(flow: Flow, calls: Any) -> None:
    version = after_test(flow)
    (taken,) = scenario_runs.tests_of(version).rows
    other = 0 if taken else 1
    calls({taken: 7, other: 3})
    found = coverage.coverage_of(version)
    assert found.rows[taken].by == "both" and found.rows[other].by == "calls"
    assert (found.by_tests, found.by_calls, found.covered, found.looked) == (1, 2, 2, 10)
    assert found.counts["none"] == found.total - 2 == len(found.open)
    calls({})
    assert coverage.coverage_of(version).rows[taken].by == "tests"


def test_only_rows_that_mean_something_else_are_changed(flow: Flow, calls: Any) -> None:
    first = newest(flow)
    noted = services.version_save(flow=flow, text=ECHO + "# noted\n", base=1, author_name="a")
    assert coverage.changed_rows(noted, first) == frozenset()
    text = ECHO.replace(
        "event: DialogBYE, actions: [CleanupMedia, ", "event: DialogBYE, actions: ["
    )
    other = services.version_save(flow=flow, text=text, base=2, author_name="a")
    assert text != ECHO and len(coverage.changed_rows(other, first)) >= 1
    found = coverage.coverage_of(other, first)
    assert found.changed_covered == 0 and found.open[0].changed
    assert coverage.usual_base(other) == noted


def test_the_check_of_changed_rows_says_which_nobody_tried(flow: Flow, calls: Any) -> None:
    first = newest(flow)
    text = ECHO.replace(
        "event: DialogBYE, actions: [CleanupMedia, ", "event: DialogBYE, actions: ["
    )
    other = services.version_save(flow=flow, text=text, base=1, author_name="a")
    told = checks.covers(other, first)
    assert told is not None and told.state == "failed" and "DialogBYE" in told.sentence
    assert told.holds_back and told.passable
    calls(dict.fromkeys(coverage.changed_rows(other, first), 2))
    told = checks.covers(other, first)
    assert told is not None and told.state == "passed"
    assert checks.covers(other, None) is None


def test_the_check_of_tests_follows_the_tests(flow: Flow, calls: Any) -> None:
    assert checks.tests(newest(flow), None).state == "missing"
    assert checks.tests(after_test(flow), None).state == "passed"
    told = checks.tests(after_test(flow, WRONG), None)
    assert (told.state, told.figure, told.needed) == ("failed", "1 of 2", True)
    assert "version=1" in told.url


def test_the_page_shows_tests_coverage_and_the_way_to_a_failure(
    client: Client, flow: Flow, alice: Any, calls: Any
) -> None:
    after_test(flow)
    after_test(flow, WRONG)
    client.force_login(alice)
    page = client.get(reverse("flow_tests", args=["echo_test"])).content.decode()
    assert 'data-state="fails"' in page and "Show step 1 in the simulator" in page
    assert 'data-testid="open-row"' in page and '"by": "tests"' in page
    assert client.get(reverse("flow_tests", args=["echo_test"]), {"version": 9}).status_code == 404
    version = client.get(reverse("flow_version", args=["echo_test", 1])).content.decode()
    assert 'data-testid="proof-coverage"' in version


def test_a_test_is_written_tried_renamed_and_let_go(
    client: Client, flow: Flow, alice: Any, calls: Any
) -> None:
    client.force_login(alice)
    assert "event:" in client.get(reverse("flow_test_new", args=["echo_test"])).content.decode()
    tried = reverse("flow_test_try", args=["echo_test"])
    said = client.post(tried, {"text": WRONG.replace("expect", "expct")}).json()
    assert said["problems"] == [[7, said["problems"][0][1]]] and "expct" in said["problems"][0][1]
    said = client.post(tried, {"text": WRONG}).json()
    assert said["problems"] == [] and said["results"][0]["holds"] is False
    save = reverse("flow_test_save", args=["echo_test"])
    assert client.post(save, {"text": ANSWERED}).status_code == 302
    kept = flow.scenarios.get()
    again = client.post(save, {"text": ANSWERED})
    assert again.status_code == 409 and "already" in again.content.decode()
    assert client.post(save, {"text": WRONG, "id": kept.pk}).status_code == 302
    client.post(reverse("flow_test_rename", args=["echo_test", kept.pk]), {"title": "Better"})
    assert flow.scenarios.get().name == "Better"
    client.post(reverse("flow_test_delete", args=["echo_test", kept.pk]))
    assert not flow.scenarios.exists()
    assert client.get(reverse("flow_test", args=["echo_test", kept.pk])).status_code == 404
