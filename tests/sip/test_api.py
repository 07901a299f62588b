"""Programs that call, and are called by, phones that others wrote."""

import asyncio

import pytest

from runtime.node.api import AutoAnswer, CallOver, PeerConfig, SimplePeer, SipClient
from tests.runtime.node.nodes import quick
from tests.sip import baresip
from tests.sip.baresip import BARESIP, Baresip
from tests.sip.scenario import callee, caller
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

needs_sipp = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
QUICK = PeerConfig(settings=quick)
CALLS = 20


@needs_sipp[0]
@needs_sipp[1]
async def test_a_program_answers_many_calls_at_once():
    async with SimplePeer("desk", QUICK, handler=AutoAnswer()) as desk:
        events = desk.events()
        result = await run_sipp(
            caller("> INVITE sdp", "< 100?", "< 180", "< 200", "> ACK", "> BYE", "< 200"),
            remote=desk.coordinator.address,
            calls=CALLS,
            rate=100,
        )
        assert result.successful == CALLS, result
        ends = 0
        async for event in events:
            ends += event.final
            if ends == CALLS:
                break


@needs_sipp[0]
@needs_sipp[1]
@pytest.mark.parametrize("code", [404, 486, 503, 603])
async def test_a_program_learns_why_its_call_failed(code):
    peer = await Sipp(callee("< INVITE", f"> {code}", "< ACK")).start()
    async with SimplePeer("desk", QUICK) as desk:
        call = await desk.call(f"sip:bob@127.0.0.1:{peer.port}")
        with pytest.raises(CallOver) as over:
            await call.wait_for_answer(10)
        assert over.value.code == code
        result = await peer.finish()
    assert result.successful == 1, result


@needs_sipp[0]
@needs_sipp[1]
async def test_who_was_asked_first_is_joined_with_the_far_side():
    target = await Sipp("uas", calls=2).start()
    where = f"sip:carol@127.0.0.1:{target.port}"
    free = PeerConfig(settings=quick, refer_anywhere=True)
    async with SimplePeer("alice", QUICK) as alice:
        async with SimplePeer("bob", free, handler=AutoAnswer()) as bob:
            call = await alice.call(bob.uri)
            await call.wait_for_answer(10)
            consulted = await call.start_attended_transfer(where, 20)
            assert consulted.remote == where
            await call.complete_attended_transfer(20)
            assert await call.wait_for_end(10) == "completed"
            await consulted.wait_for_end(10)
            (joined,) = bob.coordinator.find_sessions(state="Active")
            assert f":{target.port}" in joined.callee
    result = await target.finish()
    assert result.successful == 2, result


@pytest.mark.skipif(BARESIP is None, reason=baresip.MISSING)
async def test_a_program_calls_a_softphone_hears_it_and_holds_it():
    phone = await Baresip(answers=True).start()
    try:
        async with SimplePeer("desk") as desk:
            async with await desk.call(f"sip:phone@127.0.0.1:{phone.port}") as call:
                await call.wait_for_answer(10)
                await call.wait_for_fact("MediaFlowEstablished", 10)
                await call.hold()
                await call.resume()
                assert (await call.statistics())["packets_in"] > 0
            assert call.outcome == "completed"
    finally:
        await phone.stop()


@pytest.mark.skipif(BARESIP is None, reason=baresip.MISSING)
async def test_a_softphone_calls_a_program_and_answers_its_options():
    async with SimplePeer("desk") as desk:
        phone = await Baresip(f"/dial {desk.uri}").start()
        try:
            incoming = await desk.wait_for_call(10)
            await incoming.accept()
            client = SipClient(desk.coordinator)
            answer = await client.send_options(f"sip:phone@127.0.0.1:{phone.port}", timeout=10)
            assert answer.code == 200
            await asyncio.wait_for(incoming.hangup(), 10)
            assert incoming.outcome == "completed"
        finally:
            await phone.stop()


@needs_sipp[0]
@needs_sipp[1]
async def test_a_program_watches_a_state_until_it_lets_go():
    kind = "application/pidf+xml"
    active = ("Event: presence", "Subscription-State: active;expires=600", f"Content-Type: {kind}")
    steps = (
        ("< SUBSCRIBE", "Event: presence", "Expires: 600"),
        ("> 200", "Expires: 600"),
        ("> NOTIFY text", *active),
        "< 200",
        ("< SUBSCRIBE", "Expires: 0"),
        ("> 200", "Expires: 0"),
        ("> NOTIFY", "Event: presence", "Subscription-State: terminated;reason=timeout"),
        "< 200",
    )
    peer = await Sipp(callee(*steps)).start()
    async with SimplePeer("desk") as desk:
        client = SipClient(desk.coordinator)
        where = f"sip:bob@127.0.0.1:{peer.port}"
        subscription = await client.subscribe(where, expires=600, timeout=10)
        told = await asyncio.wait_for(anext(subscription), 10)
        assert (told.state, told.content_type, told.body) == ("active", kind, "Hello there")
        await subscription.unsubscribe()
        assert [each async for each in subscription] == []
    result = await peer.finish()
    assert result.successful == 1, result
