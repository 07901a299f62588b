"""The pages of what goes on now, and the figures under them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from runtime import deployments, dwell, figures
from runtime.consumers.live import drawn_of, same_rows
from runtime.models import Session, Step
from runtime.unusual import Bound
from tests.runtime.web.stage import FakeNode

pytestmark = pytest.mark.django_db
NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def forgotten() -> None:
    figures._figures.cache_clear()


def session(number: int, digest: str, begun: float, ended: float | None, **more: Any) -> Session:
    return Session.objects.create(
        pk=f"n-1-{number}", node="n", epoch=1, flow_name="echo_test", digest=digest, role="UAS",
        started_at=begun, ended_at=ended, state="Active", **more,
    )  # fmt: skip


def step(call: Session, sequence: int, at: float, states: tuple[str, str], **more: Any) -> Step:
    return Step.objects.create(
        session=call, sequence=sequence, time=at, event="E", row=0, from_state=states[0],
        to_state=states[1], role="UAS", kind="fired", digest=call.digest, node="n", epoch=1,
        **more,
    )  # fmt: skip


def test_living_calls_of_each_minute_are_counted_backwards_from_now(flow: Any) -> None:
    digest = flow.versions.get().digest
    session(1, digest, NOW - 7200, None)
    session(2, digest, NOW - 1790, NOW - 600)
    session(3, digest, NOW - 30, None)
    told = figures.figures("echo_test", NOW)
    (line,) = told["versions"]
    assert line["number"] == 1 and len(line["live"]) == 60
    assert line["live"][0] == 1 and line["live"][35] == 2 and line["live"][55] == 1
    assert line["live"][59] == 2


def test_what_is_usual_needs_days_and_calls(flow: Any) -> None:
    digest = flow.versions.get().digest
    told = figures.figures("echo_test", NOW)
    assert told["answered"] is None and told["begun_usual"] is None
    for day in (1, 2, 3):
        for call in range(15 * day):
            at = NOW - day * 86_400 + call
            made = session(1000 * day + call, digest, at, at + 5)
            step(made, 1, at, ("Idle", "Active"), published=["CallEstablished"])
    late = session(1, digest, NOW - 100, NOW - 50)
    step(late, 1, NOW - 100, ("Idle", "Active"), published=["CallEstablished", "Other"])
    session(2, digest, NOW - 90, NOW - 80)
    figures._figures.cache_clear()
    told = figures.figures("echo_test", NOW)
    assert told["begun_usual"] == {"low": 0.5, "high": 1.5, "days": 3}
    assert told["answered"] == {"share": 0.5, "calls": 2}
    assert told["answered_usual"]["calls"] == 90 and told["answered_usual"]["high"] > 0.99


def test_deployments_of_the_last_hour_are_marked(flow: Any) -> None:
    deployments.deploy(version=flow.versions.get(), by_name="cli")
    told = figures.figures("echo_test")
    assert [mark["label"] for mark in told["marks"]] == ["v1"]


def test_steps_of_a_ramp_are_marked_and_it_is_named_on_the_page(
    client: Any, flow: Any, alice: Any
) -> None:
    from designer import services
    from runtime.ramps import services as ramps
    from runtime.ramps.plan import Plan
    from runtime.ramps.plan import Step as RampStep
    from tests.web import ECHO

    deployments.deploy(version=flow.versions.get(), by_name="cli")
    services.flow_import(
        text=ECHO.replace("description: Answers", "description: Always answers", 1),
        file_name="echo_test.yaml",
        author_name="alice",
    )
    plan = Plan(steps=(RampStep(5.0, 60.0), RampStep(100.0, 0.0)), limits={"answered": 0.05})
    ramp = ramps.start(version=flow.versions.get(number=2), plan=plan, user=alice)
    labels = [mark["label"] for mark in figures.figures("echo_test", time.time() + 20)["marks"]]
    assert labels == ["v1", f"v2 {ramp.percent:g} %"]
    client.force_login(alice)
    assert b'data-testid="live-ramp"' in client.get("/flows/echo_test/live/").content


@pytest.mark.parametrize(("hits", "of"), [(0, 30), (30, 30), (15, 30), (700, 1000)])
def test_an_interval_holds_the_share(hits: int, of: int) -> None:
    low, high = figures.interval(hits, of)
    assert 0 <= low <= hits / of <= high <= 1 and low < high


def test_stays_are_learned_from_calls_that_are_over(flow: Any) -> None:
    for number in range(dwell.LEAST_SAMPLE):
        call = session(number, "d" * 64, NOW + number, NOW + number + 99)
        step(call, 1, NOW, ("Idle", "Active"))
        step(call, 2, NOW + 1, ("Active", "Active"))
        step(call, 3, NOW + number, ("Active", "Gone"))
    living = session(9999, "d" * 64, NOW + 9999, None)
    step(living, 1, NOW, ("Idle", "Other"))
    bounds = dwell.bounds(["echo_test", "nothing"])
    assert bounds == {
        ("echo_test", "d" * 64, "Active"): Bound(98.0, 100),
        ("echo_test", "", "Active"): Bound(98.0, 100),
    }


def test_too_few_stays_bound_nothing(flow: Any) -> None:
    call = session(1, "d" * 64, NOW, NOW + 9)
    step(call, 1, NOW, ("Idle", "Active"))
    step(call, 2, NOW + 9, ("Active", "Gone"))
    assert dwell.bounds(["echo_test"]) == {}


def test_rows_of_another_version_are_found_by_what_they_say(flow: Any) -> None:
    from designer import services
    from tests.web import ECHO

    text = ECHO.replace("event: DialogACK", "event: DialogPRACK", 1)
    assert text != ECHO
    services.flow_import(text=text, file_name="echo_test.yaml", author_name="alice")
    first, second = flow.versions.order_by("number")
    found = same_rows(first.digest, second.digest)
    missing = [row for row in range(len(found) + 1) if row not in found]
    assert len(missing) == 1 and all(old == new for old, new in found.items())
    drawn = drawn_of(flow)
    assert drawn["digest"] == second.digest and drawn["rows"] == {first.digest: found}
    assert drawn["program"].table.digest == second.digest


def test_the_live_page_of_a_flow_opens_also_without_a_node(
    client: Any, flow: Any, vera: Any
) -> None:
    client.force_login(vera)
    page = client.get("/flows/echo_test/live/")
    assert page.status_code == 200 and b"Live view, nothing can be edited" in page.content
    assert client.get("/flows/echo_test/live/figures/").json()["marks"] == []


def test_all_flows_are_listed_on_the_live_page(
    client: Any, flow: Any, vera: Any, node: FakeNode
) -> None:
    client.force_login(vera)
    page = client.get("/live/")
    assert [each["name"] for each in page.context["flows"]] == ["echo_test"]
    assert page.context["node_here"] and "sentence" in page.content.decode()


def test_figures_of_now_follow_the_clock(flow: Any) -> None:
    assert abs(figures.figures("echo_test")["until"] - time.time()) <= figures.KEEP_SECONDS
