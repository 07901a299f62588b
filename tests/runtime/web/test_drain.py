"""Calls on the old version: who they are, what they wait for, where they may go, and what becomes
of them when their time is up."""

from __future__ import annotations

import asyncio
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from designer import services
from designer.errors import Refused
from designer.models import AuditEntry, Flow, Version
from runtime import deployments
from runtime.drain import acts, dwell, judging, orders, policy, view
from runtime.drain.carrier import Carrier
from runtime.drain.judging import Only
from runtime.drain.orders import Remedy
from runtime.models import CallAct, CallOrder, CallPin, DrainPolicy, Session, Step
from tests.runtime.web.stage import FakeNode, FakeSession

pytestmark = pytest.mark.django_db

LINE = """\
callflow: 1
name: line
states: {Idle: {initial: true}, Active: {}, OnHold: {}, Terminated: {final: true}}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog, {SendSIPResponse: {code: 200}}], next_state: Active}
- {from_state: Active, role: UAS, event: HoldCall, next_state: OnHold}
- {from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE, CleanupDialog], next_state: Terminated}
- {from_state: Active, role: UAS, event: {after: 60m}, actions: [SendBYE, CleanupDialog], next_state: Terminated}
- {from_state: OnHold, role: UAS, event: ResumeCall, next_state: Active}
- {from_state: Any, role: UAS, event: DialogBYE, actions: [CleanupDialog], next_state: Terminated}
"""  # noqa: E501
MENDED = LINE.replace("OnHold", "Held").replace(
    "- {from_state: Any",
    "- {from_state: Held, role: UAS, event: HangupCall, actions: [SendBYE, CleanupDialog],"
    " next_state: Terminated}\n- {from_state: Any",
)
WHY = "a held call cannot be hung up in v1"


@pytest.fixture
def line(node: FakeNode, db: Any) -> Flow:
    """A flow whose v2 is deployed and whose v1 ran before."""
    flow = services.flow_import(text=LINE, file_name="line.yaml", author_name="alice").flow
    deployments.deploy(version=flow.versions.get(), reason="first")
    version = services.version_save(
        flow=flow, text=MENDED, base=1, author_name="alice", renames=[("OnHold", "Held")]
    )
    deployments.deploy(version=version, reason="second")
    node.now = time.time() - 600
    node.load("line", LINE)
    node.texts = {version.digest: MENDED}
    return flow


def begin(node: FakeNode, *events: str) -> FakeSession:
    session = node.begin("line")
    for event in ("IncomingCall", *events):
        node.give(session, event)
    return session


def second(line: Flow) -> Version:
    return line.versions.get(number=2)


def dry(line: Flow, **more: Any) -> judging.DryRun:
    return judging.dry_run(line, second(line), now=time.time(), **more)


def turn(node: FakeNode) -> None:
    """Let the node's process look at the rows twice, and settle what it can.

    It runs in a thread; the rows are asked in this one, which holds the test's transaction.
    """
    asked: queue.Queue[Any] = queue.Queue()

    async def rows(act: Any, *arguments: Any) -> Any:
        future = asyncio.get_running_loop().create_future()
        asked.put((asyncio.get_running_loop(), future, lambda: act(*arguments)))
        return await future

    async def look() -> None:
        carrier = Carrier(node, rows=rows)
        try:
            await carrier.look()
            await carrier.look()
            await carrier.close()
        finally:
            asked.put(None)

    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(asyncio.run, look())
        while (question := asked.get()) is not None:
            loop, future, answer = question
            loop.call_soon_threadsafe(future.set_result, answer())
        looked.result()


# -- who they are ----------------------------------------------------------------------------------


def test_old_calls_stand_by_state_with_age_and_what_they_wait_for(
    node: FakeNode, line: Flow
) -> None:
    begin(node), begin(node), begin(node, "HoldCall")
    found = view.old_calls(line, now=node.now + 60)
    assert (found.count, found.versions) == (3, "v1")
    active, held = found.groups
    assert (active.state, active.calls, active.share) == ("Active", 2, 1.0)
    assert (active.expected, active.how) == ("within 59 min, timer armed", "timer")
    assert (held.state, held.expected, held.untimed) == ("OnHold", "", 1)
    assert found.listed[2]["waits"] == "no timer armed"


def test_the_version_new_calls_take_is_not_old(node: FakeNode, line: Flow) -> None:
    node.load("line", MENDED)
    begin(node)
    assert view.old_calls(line, now=node.now).count == 0
    assert view.old_calls(line, line.versions.get(number=1), now=node.now).count == 1


@pytest.mark.parametrize(
    ("calls", "expected", "how"), [(25, "learned: 90 % in 20 min", "learned"), (15, "", "")]
)
def test_a_state_without_timers_says_how_long_enough_calls_usually_stayed(
    node: FakeNode, line: Flow, calls: int, expected: str, how: str
) -> None:
    held = Version.objects.get(number=1).digest
    for number in range(calls):
        Session.objects.create(
            id=f"o{number}", node="n", epoch=1, flow_name="line", digest=held, role="UAS",
            started_at=0.0, ended_at=1300.0, state="Terminated",
        )  # fmt: skip
        for sequence, at, before, after in ((1, 0.0, "Idle", "OnHold"), (2, 1200.0, "OnHold", "X")):
            Step.objects.create(
                session_id=f"o{number}", sequence=sequence, time=at, event="e", row=0,
                from_state=before, to_state=after, role="UAS", kind="fired", digest=held,
                node="n", epoch=1,
            )  # fmt: skip
    dwell._kept.clear()
    begin(node, "HoldCall")
    (group,) = view.old_calls(line, now=node.now).groups
    assert (group.expected, group.how) == (expected, how)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (22, "22 s"), (60, "1 min"), (2460, "41 min"), (4320, "1 h 12 min"),
     (7200, "2 h")],
)  # fmt: skip
def test_spans_read_as_people_say_them(seconds: float, said: str) -> None:
    assert view.span(seconds) == said


# -- the dry run -----------------------------------------------------------------------------------


def test_a_renamed_state_is_followed_by_the_log_of_the_versions(node: FakeNode, line: Flow) -> None:
    begin(node), begin(node, "HoldCall")
    found = dry(line)
    assert found.counts == {"safe": 2, "needs mapping": 0, "blocked": 0}
    assert {(x.standing["state"], x.target) for x in found.lines} == {
        ("Active", "Active"),
        ("OnHold", "Held"),
    }
    assert begin(node).digest != second(line).digest, "nothing was changed by looking"


def test_without_the_log_a_person_maps_the_state(node: FakeNode, line: Flow) -> None:
    Version.objects.filter(number=2).update(renames=[])
    begin(node, "HoldCall")
    found = dry(line)
    assert found.counts == {"safe": 0, "needs mapping": 1, "blocked": 0}
    (place,) = found.places
    assert (place.way.state, place.way.suggestion) == ("OnHold", "Held")
    assert place.choices == ["Idle", "Active", "Held"]
    assert dry(line, chosen={"OnHold": "Held"}).count("safe") == 1


def test_a_call_that_is_busy_is_blocked_for_now_and_one_that_is_pinned_for_good(
    node: FakeNode, line: Flow
) -> None:
    begin(node).busy = "our re-INVITE waits for its answer"
    acts.pin(session=begin(node).id, reason="a test call", by_name="Ada")
    found = dry(line)
    assert found.counts["blocked"] == 2
    assert [x.waits for x in found.lines] == [True, False]
    assert found.reasons[0][0] == "not now: our re-INVITE waits for its answer"
    assert [x.standing["id"] for x in found.possible] == [found.lines[0].standing["id"]]


def test_only_the_calls_meant_are_looked_at(node: FakeNode, line: Flow) -> None:
    begin(node), begin(node, "HoldCall")
    assert len(dry(line, only=Only(state="OnHold")).lines) == 1
    assert len(dry(line, only=Only(older=3600)).lines) == 0


def test_a_version_with_errors_takes_no_call(node: FakeNode, line: Flow, vera: Any) -> None:
    begin(node)
    bad = services.version_save(
        flow=line, text=MENDED.replace("from_state: Held", "from_state: Hold"), base=2,
        author_name="alice",
    )  # fmt: skip
    assert judging.dry_run(line, bad, now=time.time()).errors
    with pytest.raises(Refused, match="has errors"):
        orders.migrate(flow=line, version=bad, reason=WHY, most=1, now=time.time())
    with pytest.raises(Refused, match="Your account"):
        orders.allowed_target(bad, vera, force=True)
    orders.allowed_target(bad, force=True)


# -- orders ----------------------------------------------------------------------------------------


def test_an_order_moves_at_most_so_many_and_tells_what_became_of_each(
    node: FakeNode, line: Flow, alice: Any
) -> None:
    calls = [begin(node, "HoldCall") for _ in range(3)]
    order = orders.migrate(
        flow=line, version=second(line), reason=WHY, most=2, now=time.time(), user=alice
    )
    assert orders.progress(order)["counts"] == {"waiting": 2}
    turn(node)
    told = orders.progress(order)
    assert (told["counts"], told["over"]) == ({"done": 2}, True)
    assert [call.state for call in calls] == ["Held", "Held", "OnHold"]
    (first, _) = orders.calls_of(order)
    assert (first["status"], first["to_state"]) == ("done", "Held")
    entry = AuditEntry.objects.get(act="call.migrate")
    assert (entry.by, entry.reason) == (alice, WHY)
    assert entry.detail["calls"] == [calls[0].id, calls[1].id]


def test_what_becomes_of_a_call_that_does_not_come_to_rest_is_told(
    node: FakeNode, line: Flow
) -> None:
    call = begin(node)
    call.busy = "the peer's INVITE waits for its answer"
    order = orders.migrate(
        flow=line, version=second(line), reason=WHY, most=9, now=time.time(), patience=0
    )
    gone = begin(node)
    orders.add(order, [{**reach_of(gone), "state": gone.state}])
    node.give(gone, "DialogBYE")
    turn(node)
    told = {each["session"]: each for each in orders.calls_of(order)}
    assert (told[call.id]["status"], told[call.id]["why"]) == ("missed", call.busy)
    assert told[gone.id]["status"] == "over"


def reach_of(session: FakeSession) -> dict[str, Any]:
    return {"id": session.id, "node": "node1", "digest": session.digest}


def test_stop_leaves_alone_what_was_not_done_yet(node: FakeNode, line: Flow) -> None:
    call = begin(node)
    order = orders.migrate(flow=line, version=second(line), reason=WHY, most=9, now=time.time())
    assert orders.stop(order=order, by_name="Olaf") == 1
    turn(node)
    assert call.state == "Active" and call.digest != second(line).digest
    assert orders.progress(order)["counts"] == {"stopped": 1}
    assert AuditEntry.objects.filter(act="call.stop").exists()


def test_an_order_needs_a_reason_and_a_call(node: FakeNode, line: Flow) -> None:
    with pytest.raises(Refused, match="no call"):
        orders.migrate(flow=line, version=second(line), reason=WHY, most=9, now=time.time())
    begin(node)
    with pytest.raises(Refused, match="reason"):
        orders.migrate(flow=line, version=second(line), reason=" ", most=9, now=time.time())
    assert not CallOrder.objects.exists()


# -- corrective moves ------------------------------------------------------------------------------


def correct(line: Flow, remedy: Remedy, **more: Any) -> CallOrder:
    only = Only(state="OnHold", older=more.pop("older", 60.0))
    return orders.correct(
        flow=line, remedy=remedy, only=only, reason=WHY, most=more.pop("most", 9), now=time.time()
    )


def test_calls_that_are_stuck_get_an_event(node: FakeNode, line: Flow) -> None:
    call = begin(node, "HoldCall")
    remedy = Remedy(event="ResumeCall")
    found = orders.correction(
        flow=line, remedy=remedy, only=Only(state="OnHold", older=60), now=time.time()
    )
    assert found.as_dict()["counts"] == {"safe": 1, "blocked": 0}
    assert found.lines[0].why == "row 4 takes it"
    assert call.state == "OnHold", "a dry run"
    order = correct(line, remedy)
    turn(node)
    assert call.state == "Active"
    assert orders.calls_of(order)[0]["to_state"] == "Active"


def test_or_are_put_into_another_state_of_their_own_version(node: FakeNode, line: Flow) -> None:
    call = begin(node, "HoldCall")
    digest = call.digest
    correct(line, Remedy(to_state="Active"))
    turn(node)
    assert (call.state, call.digest) == ("Active", digest)


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        (Remedy(), "one of the two"),
        (Remedy(event="ResumeCall", to_state="Active"), "one of the two"),
        (Remedy(event="Nothing"), "no event of the language"),
        (Remedy(event="ReinviteReceived"), "cannot be made up"),
    ],
)
def test_a_remedy_that_makes_no_sense_is_refused(
    node: FakeNode, line: Flow, remedy: Remedy, said: str
) -> None:
    begin(node, "HoldCall")
    with pytest.raises(Refused, match=said):
        correct(line, remedy)


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        (Remedy(event="MuteCall"), "no row takes MuteCall in OnHold"),
        (Remedy(to_state="Terminated"), "Terminated is a final state: hang up instead"),
        (Remedy(to_state="Nowhere"), "its version has no state Nowhere"),
        (Remedy(to_state="OnHold"), "it is there already"),
    ],
)
def test_what_a_remedy_cannot_do_is_said_for_each_call(
    node: FakeNode, line: Flow, remedy: Remedy, said: str
) -> None:
    begin(node, "HoldCall")
    found = orders.correction(flow=line, remedy=remedy, only=Only("OnHold"), now=time.time())
    assert [x.why for x in found.lines] == [said]
    with pytest.raises(Refused, match="no call"):
        correct(line, remedy)


def test_a_young_stay_is_no_stuck_one(node: FakeNode, line: Flow) -> None:
    begin(node, "HoldCall")
    with pytest.raises(Refused, match="no call"):
        correct(line, Remedy(event="ResumeCall"), older=7200.0)


# -- acts on one call ------------------------------------------------------------------------------


def test_a_hang_up_says_by_which_row_or_by_force(node: FakeNode, line: Flow, alice: Any) -> None:
    told = acts.hang_up(session=begin(node).id, reason="asked by phone", user=alice)
    assert (told["how"], told["row"], told["ended"]) == ("row", 2, True)
    told = acts.hang_up(session=begin(node, "HoldCall").id, reason="asked by phone", user=alice)
    assert (told["how"], told["why"]) == ("force", "OnHold has no row for HangupCall now")
    assert [
        e.detail["how"] for e in AuditEntry.objects.filter(act="call.hangup").order_by("pk")
    ] == ["row", "force"]


def test_an_event_is_injected_with_typed_fields(node: FakeNode, line: Flow) -> None:
    call = begin(node)
    acts.inject(session=call.id, event="HoldCall", raw={}, reason="test", by_name="Olaf")
    assert call.state == "OnHold"
    with pytest.raises(Refused, match="cannot be made up"):
        acts.inject(session=call.id, event="ReinviteReceived", raw={}, reason="x", by_name="O")


def test_a_pin_outlives_what_the_node_remembers(node: FakeNode, line: Flow) -> None:
    call = begin(node)
    acts.pin(session=call.id, reason="a customer waits", by_name="Ada")
    node.operations.pinned = {}
    turn(node)
    assert node.operations.pinned == {call.id: "Ada: a customer waits"}
    node.give(call, "DialogBYE")
    turn(node)
    assert not CallPin.objects.exists(), "the call is over"


def test_one_call_is_moved_at_once_or_when_it_comes_to_rest(
    node: FakeNode, line: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "PATIENCE", 0.0)
    call, busy = begin(node, "HoldCall"), begin(node)
    told = acts.migrate(session=call.id, version=second(line), reason=WHY, by_name="Olaf")
    assert (told["status"], told["state"]) == ("moved", "Held")
    busy.busy = "an action is awaited"
    told = acts.migrate(session=busy.id, version=second(line), reason=WHY, by_name="Olaf")
    assert told["status"] == "waiting"
    busy.busy = None
    turn(node)
    assert busy.digest == second(line).digest
    assert orders.progress(CallOrder.objects.get(pk=told["order"]))["counts"] == {"done": 1}


def test_acts_need_a_reason_and_the_right(node: FakeNode, line: Flow, vera: Any) -> None:
    call = begin(node)
    with pytest.raises(Refused, match="reason is needed"):
        acts.hang_up(session=call.id, reason="  ", by_name="Olaf")
    with pytest.raises(Refused, match="Your account"):
        acts.hang_up(session=call.id, reason="no", user=vera)
    with pytest.raises(Refused, match="no session"):
        acts.hang_up(session="nobody", reason="no", by_name="Olaf")
    assert call.state == "Active"


# -- the deadline ----------------------------------------------------------------------------------


def past(line: Flow, seconds: float) -> None:
    """Let the first version be replaced so long ago."""
    at = timezone.now() - timedelta(seconds=seconds)
    line.deployments.filter(version__number=1).update(superseded_at=at)


def test_old_calls_wait_unless_somebody_chose_otherwise(node: FakeNode, line: Flow) -> None:
    begin(node)
    past(line, 1e6)
    turn(node)
    assert not CallOrder.objects.exists()
    assert policy.words(None) == "Calls stay on their version until they end."


def test_at_the_deadline_calls_move_to_the_version_new_calls_take(
    node: FakeNode, line: Flow
) -> None:
    call = begin(node, "HoldCall")
    policy.choose(flow=line, act="migrate", after_seconds=1800, by_name="Dora")
    past(line, 1700)
    turn(node)
    assert call.state == "OnHold", "there is time left"
    past(line, 1801)
    turn(node)
    turn(node)
    assert (call.state, call.digest) == ("Held", second(line).digest)
    order = CallOrder.objects.get()
    assert (order.by_name, order.deployment) == ("Callsmith", deployments.current(line))
    assert "30 min after their version was replaced" in order.reason
    entry = AuditEntry.objects.get(act="call.migrate")
    assert (entry.by, entry.by_name) == (None, "Callsmith")


def test_or_they_are_ended_politely_and_by_force_if_that_does_not_help(
    node: FakeNode, line: Flow
) -> None:
    call, held = begin(node), begin(node, "HoldCall")
    policy.choose(flow=line, act="end", after_seconds=0, by_name="Dora")
    turn(node)
    turn(node)
    assert (call.outcome, held.outcome) == ("completed", "hangup")
    assert [each["why"] for each in orders.calls_of(CallOrder.objects.get())] == [
        "row 2",
        "force: OnHold has no row for HangupCall now",
    ]


def test_pinned_calls_are_left_alone_by_the_deadline(node: FakeNode, line: Flow) -> None:
    call = begin(node)
    acts.pin(session=call.id, reason="a customer waits", by_name="Ada")
    policy.choose(flow=line, act="end", after_seconds=0, by_name="Dora")
    turn(node)
    turn(node)
    assert not call.ended and not CallAct.objects.exists()


def test_what_could_not_be_moved_is_tried_again_later(node: FakeNode, line: Flow) -> None:
    call = begin(node)
    call.busy = "an action is awaited"
    policy.choose(flow=line, act="migrate", after_seconds=0, by_name="Dora")
    turn(node)
    CallOrder.objects.update(patience=0.0)
    turn(node)
    act = CallAct.objects.get()
    assert (act.status, act.attempts) == ("missed", 1)
    turn(node)
    assert CallAct.objects.get().attempts == 1, "not at once"
    CallAct.objects.update(at=timezone.now() - timedelta(seconds=policy.RETRY_SECONDS + 1))
    call.busy = None
    turn(node)
    turn(node)
    assert call.digest == second(line).digest


def test_a_stopped_deadline_stays_stopped_until_it_is_chosen_anew(
    node: FakeNode, line: Flow
) -> None:
    call = begin(node)
    policy.choose(flow=line, act="migrate", after_seconds=0, by_name="Dora")
    call.busy = "an action is awaited"
    turn(node)
    orders.stop(order=CallOrder.objects.get(), by_name="Olaf")
    call.busy = None
    turn(node)
    turn(node)
    assert call.state == "Active" and CallOrder.objects.count() == 1
    policy.choose(flow=line, act="migrate", after_seconds=0, by_name="Dora")
    turn(node)
    turn(node)
    assert call.digest == second(line).digest


def test_a_deployment_may_have_a_policy_of_its_own(node: FakeNode, line: Flow) -> None:
    now = deployments.current(line)
    policy.choose(flow=line, act="end", after_seconds=0, by_name="Dora")
    policy.choose(flow=line, act="wait", after_seconds=0, deployment=now, by_name="Dora")
    call = begin(node)
    turn(node)
    turn(node)
    assert not call.ended
    assert policy.of_flow(line, now) == DrainPolicy.objects.get(deployment=now)


@pytest.mark.parametrize(
    ("act", "after", "said"), [("vanish", 0, "one of"), ("end", -1, "30 days")]
)
def test_a_policy_that_is_none_is_refused(line: Flow, act: str, after: int, said: str) -> None:
    with pytest.raises(Refused, match=said):
        policy.choose(flow=line, act=act, after_seconds=after, by_name="Dora")


def test_a_policy_that_ends_calls_needs_the_right_to_hang_up(line: Flow, olaf: Any) -> None:
    with pytest.raises(Refused, match="Your account"):
        policy.choose(flow=line, act="end", after_seconds=0, user=olaf)
