"""Tests of a flow on its versions: played once for each text, kept, shown, cancelled."""

from typing import Any

import pytest

from designer import apart, jobs, playing, scenario_rows, scenario_runs, services
from designer.errors import Refused
from designer.models import Flow, ScenarioResult, Version
from tests.web import BROKEN, ECHO, worked

pytestmark = pytest.mark.django_db

ANSWERED = """\
flow: echo_test
scenarios:
- name: Answered
  roles: [UAS]
  steps:
  - event: IncomingCall
    expect: {state: Answering}
"""
WRONG = ANSWERED.replace("name: Answered", "name: Wrong").replace("Answering", "Active")


@pytest.fixture
def flow(db: Any) -> Flow:
    return services.flow_import(text=ECHO, file_name="echo_test.yaml", author_name="alice").flow


def newest(flow: Flow) -> Version:
    version = flow.versions.first()
    assert version is not None
    return version


def save(flow: Flow, text: str) -> Version:
    return services.version_save(
        flow=flow, text=text, base=newest(flow).number, author_name="alice"
    )


def test_a_flow_without_tests_asks_no_worker(flow: Flow, called: list[str]) -> None:
    tests = scenario_runs.tests_of(newest(flow))
    assert (tests.state, tests.total, called) == ("none", 0, [])
    with pytest.raises(Refused, match="no test"):
        scenario_runs.again(newest(flow))


def test_a_kept_test_is_played_on_the_newest_version(
    flow: Flow, called: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        scenario_rows.write(flow, ANSWERED)
    version = newest(flow)
    assert called == [scenario_runs.key_of(version)]
    assert scenario_runs.tests_of(version).state == "running"
    worked(called[0])
    tests = scenario_runs.tests_of(version)
    assert (tests.state, tests.figure, tests.lines[0].state) == ("passed", "1 of 1", "holds")
    assert tests.rows and tests.sentence == "All tests hold on v1."


def test_what_does_not_hold_says_where_and_why(flow: Flow) -> None:
    scenario_rows.write(flow, ANSWERED)
    scenario_rows.write(flow, WRONG)
    worked(scenario_runs.key_of(newest(flow)))
    tests = scenario_runs.tests_of(newest(flow))
    assert (tests.state, tests.figure) == ("failed", "1 of 2")
    wrong = tests.lines[1]
    assert (wrong.state, wrong.failing) == ("fails", 1)
    assert "expected was Active" in wrong.first and "Wrong" in tests.sentence


def test_a_result_belongs_to_both_texts_and_is_made_once(flow: Flow) -> None:
    scenario_rows.write(flow, ANSWERED)
    worked(scenario_runs.key_of(newest(flow)))
    first = newest(flow)
    assert not scenario_runs.request(first)
    second = save(flow, ECHO + "# two\n")
    assert scenario_runs.tests_of(second).state == "running"
    worked(scenario_runs.key_of(second))
    assert ScenarioResult.objects.count() == 2
    back = save(flow, ECHO)
    assert scenario_runs.tests_of(back).state == "passed"  # the text of the first one again
    scenario_rows.write(flow, WRONG)
    assert scenario_runs.tests_of(back).unknown == 1  # only the new one is to be played


def test_another_language_makes_results_stale(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario_rows.write(flow, ANSWERED)
    worked(scenario_runs.key_of(newest(flow)))
    monkeypatch.setattr(scenario_runs, "contract_hash", lambda: "another")
    tests = scenario_runs.tests_of(newest(flow))
    assert tests.unknown == 1 and tests.state == "unknown" and "not played" in tests.sentence


def test_a_cancelled_run_keeps_what_was_played(flow: Flow) -> None:
    scenario_rows.write(flow, ANSWERED)
    version = newest(flow)
    scenario_runs.control(version, "cancel", by="Dora")
    tests = scenario_runs.tests_of(version)
    assert (tests.state, tests.unknown) == ("unknown", 1) and "cancelled" in tests.sentence
    assert "played" in scenario_runs.control(version, "again", by="Dora")
    with pytest.raises(Refused, match="already"):
        scenario_runs.again(version)


def test_a_version_that_does_not_compile_fails_its_tests_in_words(flow: Flow) -> None:
    scenario_rows.write(flow, ANSWERED)
    broken = save(flow, BROKEN)
    worked(scenario_runs.key_of(broken))
    assert "does not compile" in scenario_runs.tests_of(broken).lines[0].first


def test_a_test_that_takes_too_long_fails_alone(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario_rows.write(flow, ANSWERED)
    scenario_rows.write(flow, WRONG)

    def ask(text: str, scenarios: list[str], beat: Any) -> list[playing.Result]:
        if any("Wrong" in each for each in scenarios):
            raise apart.Exceeded("20 s")
        return playing.play({"text": text, "scenarios": scenarios}, beat)["results"]  # type: ignore[no-any-return]

    monkeypatch.setattr(scenario_runs, "ask", ask)
    worked(scenario_runs.key_of(newest(flow)))
    tests = scenario_runs.tests_of(newest(flow))
    assert [line.state for line in tests.lines] == ["holds", "fails"]
    assert "limit of 20 s" in tests.lines[1].first


def test_the_child_of_the_worker_plays_them() -> None:
    player = apart.Apart(apart.Bounds(0, 0, 20.0, 512, grace=0.0), doing=playing.DOING)
    try:
        said = player.ask({"text": ECHO, "scenarios": [ANSWERED, WRONG]})
    finally:
        player.stop()
    assert [each["holds"] for each in said["results"]] == [True, False]


def test_written_tests_have_their_own_names(flow: Flow) -> None:
    kept = scenario_rows.write(flow, ANSWERED)[0]
    with pytest.raises(Refused, match="already"):
        scenario_rows.write(flow, ANSWERED)
    renamed = scenario_rows.rename(kept, "Answered at once")
    assert renamed.pk == kept.pk and "name: Answered at once" in renamed.text
    changed = ANSWERED.replace("Answering", "Active")
    assert scenario_rows.write(flow, changed, before=renamed)[0].name == "Answered"
    scenario_rows.drop(flow, "Answered")
    assert not flow.scenarios.exists()


def test_a_text_that_is_no_test_is_refused_with_its_line(flow: Flow) -> None:
    for text, said in (
        ("flow: echo_test\n", "Line 1"),
        (ANSWERED.replace("event: IncomingCall", "evnt: IncomingCall"), "Line 6"),
        ("flow: x\nscenarios: []\n", "no test"),
    ):
        with pytest.raises(Refused, match=said):
            scenario_rows.write(flow, text)
    assert jobs.find(scenario_runs.key_of(newest(flow))) is None
