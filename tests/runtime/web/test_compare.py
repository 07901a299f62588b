"""The comparison of two texts of a flow: page, addresses and API."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from designer import comparing, services
from designer.models import Flow, Version
from designer.simulation.run import read_run
from tests.runtime.web.test_pages import boot, html
from tests.web import ECHO

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def second(flow: Flow) -> str:
    text = ECHO.replace("StartEcho", "StopEcho").replace("# ", "#  ", 1)
    services.version_save(flow=flow, text=text, base=1, author_name="bob", message="quiet")
    return text


def test_the_page_says_the_change_draws_both_and_leads_to_the_simulator(
    page: Client, flow: Flow, second: str
) -> None:
    shown = html(page.get("/flows/echo_test/compare/1/2/"))
    assert "It now does StopEcho" in shown and 'href="#t/' in shown
    data = boot(shown)
    assert data["dot"].startswith("digraph")
    assert "changed" in {row["kind"] for row in data["marks"]["rows"].values()}
    assert 'data-testid="shortest"' in shown
    link = re.search(r'href="(/flows/echo_test/\?mode=simulate&amp;run=[\w-]+)"', shown)
    assert link is not None


def test_each_side_can_be_picked_and_the_usual_ones_are_there_without(
    page: Client, flow: Flow, second: str
) -> None:
    shown = html(page.get("/flows/echo_test/compare/1/2/"))
    assert '<option value="1" selected>' in shown and '<option value="2" selected>' in shown
    went = page.get("/flows/echo_test/compare/", {"left": "2", "right": "1"})
    assert went.status_code == 302 and went["Location"] == "/flows/echo_test/compare/2/1/"
    usual = page.get("/flows/echo_test/compare/")
    assert usual["Location"].endswith("/2/")
    assert page.get("/flows/echo_test/compare/", {"left": "9"}).status_code == 404


def test_a_text_that_is_no_table_is_compared_by_its_lines(page: Client, flow: Flow) -> None:
    assert comparing.compared(ECHO, "transitions: [") is None
    Version.objects.filter(number=1).update(text="transitions: [")
    services.version_save(flow=flow, text=ECHO, base=1, author_name="bob", message="m")
    shown = html(page.get("/flows/echo_test/compare/1/2/"))
    assert 'data-testid="no-tables"' in shown and 'data-testid="diff"' in shown


def test_a_program_gets_rows_and_behaviour(page: Client, flow: Flow, second: str) -> None:
    answer = page.get("/api/flows/echo_test/compare/1/2")
    said: dict[str, Any] = json.loads(answer.content)
    assert said["left"] == {"key": "1", "version": 1} and not said["same_text"]
    assert said["tables"]["changed"] >= 1
    assert said["behaviour"]["change"] == "breaking"
    assert page.get("/api/flows/echo_test/compare/1/9").status_code == 404


def test_the_shortest_difference_is_a_run_the_simulator_reads() -> None:
    shortest = {
        "role": "UAS",
        "events": [
            {"event": "IncomingCall", "fields": {"from": "a"}, "label": "IncomingCall"},
            {"event": "after", "fields": {"seconds": 30.0}, "label": "after 30s"},
        ],
    }
    run = read_run(comparing.run_of(shortest))
    assert [given.kind for given in run.inputs] == ["event", "due"]
