from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from designer import selectors
from designer.errors import Refused
from designer.models import AuditEntry, Version
from runtime import deployments, rollback
from runtime.models import Acknowledgement, Ramp
from runtime.node.ramp import Rule, Wanted
from runtime.ramps import services
from runtime.ramps.plan import Plan, read_steps
from runtime.service import Desk
from tests.runtime.web.stage import FakeNode
from tests.web import ECHO

pytestmark = pytest.mark.django_db

PASS = {"verdict": "pass", "sentence": "All 5 figures are not worse."}
FAIL = {"verdict": "fail", "sentence": "Calls answered are worse: 60 % against 90 %."}
OPEN = {"verdict": "undecided", "sentence": "About 180 more calls decide it."}


def later(ramp: Ramp, seconds: float) -> Any:
    return ramp.step_at + timedelta(seconds=seconds)


def marks(ramp: Ramp) -> list[tuple[str, float]]:
    return list(ramp.marks.values_list("kind", "percent"))


def test_a_ramp_leaves_the_stable_version_in_force_and_rings_the_nodes(
    candidate: Version, alice: Any, published: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ramp = services.start(version=candidate, plan=Plan(read_steps("careful")), user=alice)
    assert deployments.current(candidate.flow).version.number == 1
    assert ramp.deployment.superseded_at is not None and ramp.percent == 1
    assert ("nodes", {"type": "flow.deploy", "deployment": ramp.deployment_id}) in published
    assert services.rule_of(ramp) == Rule(ramp.salt, 1.0)
    entry = AuditEntry.objects.latest("pk")
    assert entry.by_name == "alice" and "began at 1 %" in entry.subject


def test_nothing_else_is_deployed_while_a_ramp_is_on(ramp: Ramp, alice: Any) -> None:
    third = selectors.version_of(ramp.flow, 1)
    with pytest.raises(Refused, match="v2 of echo_test is being deployed in steps and takes 5 %"):
        deployments.deploy(version=third, user=alice)
    with pytest.raises(Refused, match="in steps"):
        services.start(version=third, plan=Plan(read_steps("quick")), user=alice)


def test_a_ramp_needs_something_to_be_compared_with(flow: Any, alice: Any) -> None:
    same = selectors.version_of(flow, 1)
    with pytest.raises(Refused, match="nothing to compare"):
        services.start(version=same, plan=Plan(read_steps("quick")), user=alice)


def test_a_ramp_asks_the_gates_and_the_rights_of_a_deployment(
    candidate: Version, vera: Any
) -> None:
    asked: list[Any] = []
    deployments.add_gate("t", asked.append)
    try:
        services.start(version=candidate, plan=Plan(read_steps("quick")), by_name="cli")
    finally:
        deployments.remove_gate("t")
    assert asked[0].steps
    with pytest.raises(Refused, match="may not deploy"):
        services.start(version=candidate, plan=Plan(read_steps("quick")), user=vera)


def test_worse_figures_take_the_candidate_back_with_the_reason(ramp: Ramp) -> None:
    ended = services.judge(ramp, FAIL, later(ramp, 3))
    assert ended.state == "back" and not ended.active and ended.reason == FAIL["sentence"]
    assert deployments.current(ramp.flow).version.number == 1
    assert ramp.marks.last().by_name == "Callsmith"
    assert "New calls take v1" in ramp.marks.last().sentence


def test_a_step_that_passed_is_left_when_its_time_is_over(ramp: Ramp) -> None:
    assert services.judge(ramp, PASS, later(ramp, 599)).step == 0
    on = services.judge(ramp, PASS, later(ramp, 600))
    assert (on.step, on.percent, on.state, on.judgement) == (1, 25.0, "running", {})
    done = services.judge(on, PASS, later(on, 1200))
    assert done.state == "promoted" and "v1 retires" in done.reason
    current = deployments.current(ramp.flow)
    assert current.pk == ramp.deployment_id and current.superseded_at is None
    assert marks(ramp) == [("began", 5), ("step", 25), ("promoted", 25)]
    assert deployments.before(current) == 1


def test_an_undecided_step_waits_and_goes_on_once_it_is_decided(ramp: Ramp) -> None:
    waits = services.judge(ramp, OPEN, later(ramp, 601))
    assert (waits.state, waits.reason) == ("waiting", OPEN["sentence"])
    assert services.judge(waits, OPEN, later(ramp, 700)).state == "waiting"
    assert services.judge(waits, PASS, later(ramp, 800)).step == 1
    assert marks(ramp) == [("began", 5), ("waiting", 5), ("step", 25)]


def test_a_held_ramp_stays_and_is_taken_back_all_the_same(ramp: Ramp, alice: Any) -> None:
    held = services.hold(ramp=ramp, user=alice)
    assert held.reason == "alice holds it at 5 %."
    assert services.judge(held, PASS, later(ramp, 9000)).step == 0
    with pytest.raises(Refused, match="held at 5 % already"):
        services.hold(ramp=ramp, user=alice)
    assert services.judge(held, FAIL, later(ramp, 9001)).state == "back"


def test_a_held_ramp_goes_on_by_itself_when_somebody_says_so(ramp: Ramp, alice: Any) -> None:
    services.hold(ramp=ramp, user=alice)
    on = services.resume(ramp=ramp, user=alice)
    assert services.judge(on, PASS, later(ramp, 601)).step == 1


def test_going_on_without_a_verdict_needs_a_reason(ramp: Ramp, alice: Any) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        services.advance(ramp=ramp, user=alice)
    on = services.advance(ramp=ramp, user=alice, reason="seen by hand")
    assert on.step == 1
    assert AuditEntry.objects.latest("pk").reason == "seen by hand"


def test_what_was_found_in_a_step_says_nothing_of_the_next(ramp: Ramp, alice: Any) -> None:
    services.advance(ramp=ramp, user=alice, reason="x")
    kept = services.judge(ramp, FAIL, later(ramp, 1))  # the look began before the step
    assert kept.state == "running" and kept.judgement == {}


def test_a_rollback_takes_the_candidate_back_while_a_ramp_is_on(ramp: Ramp, alice: Any) -> None:
    taken = rollback.roll_back(flow=ramp.flow, user=alice, reason="it smells")
    assert taken.version.number == 1
    ramp.refresh_from_db()
    assert ramp.state == "back" and ramp.reason == "alice took v2 back. it smells"
    with pytest.raises(Refused, match="over already"):
        services.back(ramp=ramp, user=alice)
    with pytest.raises(Refused, match="No other version"):
        rollback.roll_back(flow=ramp.flow, user=alice)


def test_who_may_not_control_ramps_changes_nothing(ramp: Ramp, dora: Any, vera: Any) -> None:
    for person in (dora, vera):
        for act in (services.hold, services.advance, services.back, services.resume):
            with pytest.raises(Refused, match="may not"):
                act(ramp=ramp, user=person)
    ramp.refresh_from_db()
    assert ramp.active and ramp.state == "running"


@pytest.mark.django_db(transaction=True)
async def test_a_node_follows_a_ramp_and_answers_for_each_change(ramp: Ramp) -> None:
    node = FakeNode()
    desk = Desk(node)  # type: ignore[arg-type]

    def answers() -> list[tuple[str, str]]:
        found = Acknowledgement.objects.filter(deployment=ramp.deployment_id)
        return list(found.values_list("node", "digest"))

    from asgiref.sync import sync_to_async

    await desk.look()
    new, old = ramp.deployment.version.digest, ramp.stable.version.digest
    assert node.deployed() == {"echo_test": old}
    assert node.candidates() == {"echo_test": (new, 5.0)}
    assert await sync_to_async(answers)() == [("node1", new)]
    on = await sync_to_async(services.judge)(ramp, PASS, later(ramp, 601))
    await desk.look()
    assert node.candidates() == {"echo_test": (new, 25.0)}
    await sync_to_async(services.judge)(on, FAIL, timezone.now())
    await desk.look()
    assert node.candidates() == {}
    assert await sync_to_async(answers)() == [("node1", old)]


@pytest.mark.django_db(transaction=True)
async def test_a_node_that_was_away_learns_that_the_candidate_was_taken_back(ramp: Ramp) -> None:
    from asgiref.sync import sync_to_async

    await Desk(FakeNode()).look()  # type: ignore[arg-type]
    await sync_to_async(services.judge)(ramp, FAIL, timezone.now())
    again = FakeNode()
    await Desk(again).look()  # type: ignore[arg-type]
    answer = await Acknowledgement.objects.aget(deployment=ramp.deployment_id)
    assert again.candidates() == {} and answer.digest == ramp.stable.version.digest


@pytest.mark.django_db(transaction=True)
async def test_a_promoted_candidate_is_the_version_a_node_starts_with(ramp: Ramp) -> None:
    from asgiref.sync import sync_to_async

    node = FakeNode()
    desk = Desk(node)  # type: ignore[arg-type]
    await desk.look()
    on = await sync_to_async(services.judge)(ramp, PASS, later(ramp, 601))
    assert isinstance((await deployments.DatabaseSource().desired())["echo_test"], Wanted)
    await sync_to_async(services.judge)(on, PASS, later(on, 1201))
    await desk.look()
    new = ramp.deployment.version.digest
    assert node.deployed() == {"echo_test": new} and node.candidates() == {}
    assert await deployments.DatabaseSource().desired() == {"echo_test": new}


def test_errors_of_a_candidate_need_a_reason_as_at_once(flow: Any, alice: Any) -> None:
    from designer import services as designs
    from tests.runtime.web.test_deployments import ERRORS

    bad = designs.version_save(flow=flow, text=ERRORS, base=1, author_name="a")
    with pytest.raises(Refused, match="without a reason"):
        services.start(version=bad, plan=Plan(read_steps("quick")), user=alice)
    ramp = services.start(version=bad, plan=Plan(read_steps("quick")), user=alice, reason="known")
    assert ramp.deployment.forced and ECHO != bad.text
