"""Programs that call each other over the loopback address."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.node import api
from runtime.node.api import (
    Accept,
    AutoAnswer,
    CallOver,
    CallRefused,
    Composite,
    Forward,
    NoSuchSession,
    NotDone,
    PeerConfig,
    Queue,
    Refused,
    Reject,
    Routing,
    SessionControl,
    SimplePeer,
    UnifiedCoordinator,
    client,
)
from runtime.node.api.history import histories
from tests.runtime.node.nodes import quick

GUIDE = Path(__file__).parents[4] / "docs" / "guide" / "api.md"
QUICK = PeerConfig(settings=quick)


@pytest.fixture
async def pair():
    async with SimplePeer("alice", QUICK) as alice, SimplePeer("bob", QUICK) as bob:
        yield alice, bob


async def established(alice, bob):
    call = await alice.call(bob.uri)
    incoming = await bob.wait_for_call(10)
    await incoming.accept()
    await call.wait_for_answer(10)
    return call, incoming


async def test_a_call_is_placed_answered_held_resumed_and_ended(pair):
    call, incoming = await established(*pair)
    events = call.events()
    assert incoming.caller == pair[0].uri and call.remote == pair[1].uri
    await call.hold()
    assert (call.state, incoming.state) == ("OnHold", "HeldByPeer")
    await call.resume()
    await call.mute()
    await call.unmute()
    await call.send_dtmf("1")
    assert (await call.media_info())["codec"] == "PCMU"
    assert "packets_out" in await call.statistics()
    await incoming.hangup()
    assert await call.wait_for_end(10) == incoming.outcome == "completed"
    names = [event.name async for event in events]
    assert names[-1] == "Ended" and names.count("Ended") == 1
    assert [name for name in names if name.startswith("Call")] == [
        "CallOnHold",
        "CallResumed",
        "CallMuted",
        "CallUnmuted",
        "CallTerminated",
    ]
    assert [event.outcome async for event in call.events()] == ["completed"]


async def test_an_act_that_the_state_does_not_take_is_refused_and_the_call_goes_on(pair):
    call, _ = await established(*pair)
    with pytest.raises(NotDone, match="Active, which takes no ResumeCall"):
        await call.resume()
    assert call.state == "Active"
    await call.hangup()
    with pytest.raises(CallOver, match="completed"):
        await call.hold()
    with pytest.raises(NoSuchSession):
        call.info()


async def test_a_call_is_refused_with_the_code_the_program_says(pair):
    alice, bob = pair
    call = await alice.call(bob.uri)
    await (await bob.wait_for_call(10)).reject(603)
    with pytest.raises(CallOver) as over:
        await call.wait_for_answer(10)
    assert (over.value.outcome, over.value.code) == ("failed", 603)
    with pytest.raises(ValueError, match="400 to 699"):
        await (await established(alice, bob))[1].reject(200)


async def test_a_caller_is_sent_elsewhere(pair):
    alice, bob = pair
    call = await alice.call(bob.uri)
    await (await bob.wait_for_call(10)).forward("sip:carol@127.0.0.1")
    with pytest.raises(CallOver) as over:
        await call.wait_for_answer(10)
    assert over.value.code == 302


async def test_a_call_that_leaves_its_context_while_it_rings_is_cancelled(pair):
    alice, bob = pair
    async with await alice.call(bob.uri) as call:
        incoming = await bob.wait_for_call(10)
        await call.wait_for_fact("CallRinging", 10)
    assert call.outcome == await incoming.wait_for_end(10) == "cancelled"
    assert not incoming.ringing
    with pytest.raises(CallOver):
        await incoming.accept()


@asynccontextmanager
async def three():
    """Alice talks with Bob, who follows any REFER; Carol answers every call."""
    free = replace(QUICK, refer_anywhere=True)
    async with (
        SimplePeer("alice", QUICK) as alice,
        SimplePeer("bob", free) as bob,
        SimplePeer("carol", QUICK, handler=AutoAnswer()) as carol,
    ):
        call, incoming = await established(alice, bob)
        yield call, incoming, carol


async def test_the_far_side_is_sent_to_somebody_else():
    async with three() as (call, incoming, carol):
        await call.transfer(carol.uri, 20)
        assert await call.wait_for_end(10) == await incoming.wait_for_end(10) == "completed"
        assert [line.caller for line in carol.coordinator.list_sessions()] != []


async def test_a_transfer_that_fails_leaves_both_talking():
    async with three() as (call, incoming, carol):
        carol.coordinator.handler = lambda call: Reject(486)
        with pytest.raises(NotDone):
            await call.transfer(carol.uri, 20)
        assert (call.state, incoming.state) == ("Active", "Active")


async def test_a_target_that_gives_its_call_to_nobody_leaves_the_consultation_standing():
    async with three() as (call, incoming, carol):
        consulted = await call.start_attended_transfer(carol.uri, 20)
        assert consulted.remote == carol.uri and incoming.state == "HeldByPeer"
        with pytest.raises(NotDone):
            await call.complete_attended_transfer(20)
        assert call.state == "Consulted" and not consulted.ended


async def test_a_consultation_is_given_up():
    async with three() as (call, incoming, carol):
        consulted = await call.start_attended_transfer(carol.uri, 20)
        await call.cancel_attended_transfer(20)
        await consulted.wait_for_end(10)
        assert (call.state, incoming.state) == ("Active", "Active")


async def test_a_call_is_decided_on_once(pair):
    _, incoming = await established(*pair)
    with pytest.raises(Refused, match="decided"):
        await incoming.reject()


async def test_a_caller_who_gave_up_is_not_handed_out(pair):
    alice, bob = pair
    events = bob.events()
    async with await alice.call(bob.uri) as call:
        async for event in events:
            if event.name == "IncomingCall":
                break
        await call.wait_for_fact("CallRinging", 10)
    async for event in events:
        if event.final:
            break
    assert bob.incoming_call() is None


async def test_five_calls_run_at_once_between_two_peers(pair):
    alice, bob = pair
    calls = [await alice.call(bob.uri) for _ in range(5)]
    for _ in calls:
        await (await bob.wait_for_call(10)).accept()
    await asyncio.gather(*(call.wait_for_answer(10) for call in calls))
    assert len(bob.coordinator.find_sessions(state="Active", number="alice")) == 5
    assert bob.coordinator.find_sessions(health="Stuck") == []
    await asyncio.gather(*(call.hangup() for call in calls))
    assert {call.outcome for call in calls} == {"completed"}
    assert alice.get_latest_call_id() == calls[-1].id
    assert alice.get_call_id_for(bob.uri) is None


async def test_an_address_that_is_none_is_not_called(pair):
    with pytest.raises(CallRefused):
        await pair[0].call("sip:")


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (lambda call: Reject(404), 404),
        (lambda call: Forward("sip:desk@127.0.0.1"), 302),
        (Routing({"bo": lambda call: Reject(403), "bob": lambda call: Reject(488)}), 488),
        (Composite([lambda call: None, lambda call: Reject(603)]), 603),
        (lambda call: 1 / 0, 500),
    ],
)
async def test_a_handler_refuses(handler, code):
    async with SimplePeer("alice") as alice, SimplePeer("bob", handler=handler) as bob:
        call = await alice.call(bob.uri)
        with pytest.raises(CallOver) as over:
            await call.wait_for_answer(10)
        assert over.value.code == code


async def test_a_handler_answers_by_itself():
    async def known(call):
        return Accept() if "alice" in call.caller else None

    for handler in (AutoAnswer(), Composite([known])):
        async with SimplePeer("alice") as alice, SimplePeer("bob", handler=handler) as bob:
            async with await alice.call(bob.uri) as call:
                await call.wait_for_answer(10)


async def test_a_queue_lets_so_many_ring_and_no_more():
    async with SimplePeer("alice") as alice, SimplePeer("bob", handler=Queue(2)) as bob:
        first, second, third = [await alice.call(bob.uri) for _ in range(3)]
        assert await third.wait_for_end(10) == "failed" and third.code == 486
        for call in (first, second):
            await (await bob.wait_for_call(10)).accept()
            await call.wait_for_answer(10)


async def test_the_journal_keeps_what_the_history_says(tmp_path):
    config = PeerConfig(folder=tmp_path / "alice", settings=quick)
    async with SimplePeer("alice", config) as alice, SimplePeer("bob", QUICK) as bob:
        call, _ = await established(alice, bob)
        await call.hangup()
    kept = histories(tmp_path / "alice" / "journal")[call.id]
    assert kept.entries == call.history().entries
    assert kept.counts()["HangupCall"] == 1


async def test_session_control_does_the_same_by_other_names():
    bob = UnifiedCoordinator(PeerConfig(user="bob", settings=quick), AutoAnswer())
    control = SessionControl(UnifiedCoordinator(PeerConfig(user="alice", settings=quick)))
    async with bob:
        await control.start()
        try:
            session = await control.create_outgoing_call("sip:alice@127.0.0.1", bob.uri)
            await control.wait_for_answer(session, 10)
            assert control.list_active_sessions() == [session]
            assert control.get_stats()["states"] == {"Active": 1}
            with pytest.raises(Refused, match="takes no ResumeCall"):
                await control.resume_session(session)
            await control.hold_session(session)
            await control.resume_session(session)
            await control.set_audio_muted(session, True)
            await control.terminate_session(session)
            assert control.list_active_sessions() == []
        finally:
            await control.stop()


async def test_the_call_of_the_guide_runs(capsys):
    source = re.search(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.S)[1]
    scope = {}
    exec(compile(source.replace("asyncio.run(main())", ""), str(GUIDE), "exec"), scope)
    async with asyncio.timeout(20):
        await scope["main"]()
    assert capsys.readouterr().out == "completed\n"


def test_every_method_that_the_guide_names_is_there():
    rows = re.findall(r"^\| [^|]+ \| (`.+`) \|$", GUIDE.read_text("utf-8"), re.M)
    names = [name for row in rows for name in re.findall(r"`(\w+)(?:\.(\w+))?", row)]
    assert len(names) > 60
    for owner, method in names:
        where = client if owner in ("Registration", "Subscription") else api
        found = getattr(where, owner)
        assert not method or callable(getattr(found, method)), f"{owner}.{method}"
        assert (getattr(found, method) if method else found).__doc__, f"{owner}.{method}"
