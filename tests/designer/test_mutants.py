"""How much tests notice: small changes that they kill, and those that survive."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from designer import mutant_runs, mutants, scenario_rows, services
from designer.errors import Refused
from designer.models import Flow, Version
from flows.compile import compile_text
from flows.table import Table
from tests.web import ECHO, worked

TALK = """\
flow: echo_test
scenarios:
- name: Answered
  roles: [UAS]
  steps:
  - event: IncomingCall
    expect: {STATE}
"""
LOOSE = TALK.replace("{STATE}", "{state: Answering}")
TIGHT = TALK.replace(
    "{STATE}",
    "{state: Answering, actions: [CreateDialog, StoreRemoteSDP, CreateMediaSession,"
    " GenerateLocalSDP, SendSIPResponse], published: [SessionCreated, IncomingCall]}",
)


def table() -> Table:
    made = compile_text(ECHO).table
    assert made is not None
    return made


def tried(*tests: str, seconds: float = 60.0) -> dict[str, Any]:
    return mutants.tried(table(), tests, seconds, lambda share, searched: None)


def test_each_row_loses_its_parts_one_by_one() -> None:
    row = next(row for row in table().rows if row.event == "IncomingCall")
    words = [each.words for each in mutants.mutants(table()) if each.row == row.index]
    assert len(words) == len(row.guards) + len(row.actions) + 2
    assert "without CreateDialog" in words and any(w.startswith("to ") for w in words)
    for each in mutants.mutants(table()):
        assert len(each.table.rows) == len(table().rows)
        assert each.table.rows[each.row] != table().rows[each.row]


def test_a_test_that_says_more_notices_more() -> None:
    loose, tight = tried(LOOSE), tried(TIGHT)
    assert loose["complete"] and loose["tests"] == 1
    assert tight["killed"] > loose["killed"] >= 1
    assert len(tight["survivors"]) < len(loose["survivors"])
    assert {each["kind"] for each in loose["survivors"]} >= {"published"}
    assert loose["killed"] + loose["bare"] + len(loose["survivors"]) == loose["total"]


def test_rows_that_no_test_takes_are_counted_and_not_played() -> None:
    nothing = tried()
    assert nothing["killed"] == 0 and nothing["bare"] == nothing["total"] > 50


def test_a_test_that_does_not_hold_notices_nothing() -> None:
    assert tried(LOOSE.replace("Answering", "Active"), "no test at all")["tests"] == 0


def test_what_was_not_tried_in_time_is_said() -> None:
    cut = tried(LOOSE, seconds=-1.0)
    assert cut["looked"] == 0 and not cut["complete"]


@pytest.fixture
def version(db: Any) -> Version:
    flow = services.flow_import(text=ECHO, file_name="echo_test.yaml", author_name="a").flow
    return flow.versions.get()


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(text: str, scenarios: list[str], beat: Any) -> dict[str, Any]:
        return mutants.answer({"text": text, "scenarios": scenarios, "seconds": 60.0}, beat)

    monkeypatch.setattr(mutant_runs, "ask", ask)


def test_the_worker_finds_it_out_and_a_changed_test_makes_it_stale(version: Version) -> None:
    with pytest.raises(Refused, match="no test"):
        mutant_runs.request(version)
    scenario_rows.write(version.flow, LOOSE)
    mutant_runs.request(version)
    with pytest.raises(Refused, match="already"):
        mutant_runs.request(version)
    assert mutant_runs.strength_of(version).state == "running"
    worked(mutant_runs.key_of(version))
    found = mutant_runs.strength_of(version)
    assert found.state == "done" and found.survivors and not found.stale
    assert "are noticed" in found.sentence and "of" in found.figure
    scenario_rows.write(version.flow, TIGHT, before=version.flow.scenarios.get())
    assert mutant_runs.strength_of(version).stale
    mutant_runs.control(version, "again", by="Dora")
    mutant_runs.control(version, "cancel", by="Dora")
    assert mutant_runs.strength_of(version).state == "none"


def test_the_page_names_what_nobody_would_notice(
    client: Client, version: Version, alice: Any
) -> None:
    client.force_login(alice)
    page = reverse("flow_tests", args=["echo_test"])
    scenario_rows.write(Flow.objects.get(), LOOSE)
    assert "Nobody tried yet" in client.get(page).content.decode()
    again = reverse("flow_strength_again", args=["echo_test", 1])
    assert client.post(again).status_code == 302
    worked(mutant_runs.key_of(version))
    shown = client.get(page).content.decode()
    assert 'data-testid="survivors"' in shown and "without publishing" in shown
    told = client.get(reverse("api_mutants", args=["echo_test", 1])).json()
    assert told["state"] == "done" and told["survivors"]
