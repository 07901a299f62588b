"""Real calls: SIPp on one side, tables on the other, over real sockets."""

from collections import Counter

import pytest

from tests.runtime.node import nodes
from tests.runtime.node.nodes import BUSY, CALLER, ECHO, Watcher, running
from tests.sip.sipp import MISSING, SIPP, Sipp, run_sipp

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]


async def test_sipps_stock_caller_is_answered_by_the_table(tmp_path):
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        result = await run_sipp("uac", remote=node.sip_address, calls=10, rate=20)
        assert result.successful == 10, result
        assert await watcher.ended(10) == ["completed"] * 10
        assert node.sessions() == []

        steps = nodes.steps(node)
        events = Counter(step.event for step in steps)
        assert events["IncomingCall"] == events["DialogACK"] == events["DialogBYE"] == 10
        for session in {step.session for step in steps}:
            own = nodes.steps(node, session)
            assert [step.sequence for step in own] == list(range(1, len(own) + 1))
            wire = [record.data.split(b" ")[0] for record in nodes.wires(node, session)]
            assert wire[0] == b"INVITE"
            assert b"ACK" in wire and b"BYE" in wire
        answered = [step for step in steps if step.event == "IncomingCall"]
        assert {step.version for step in answered} == {nodes.digest(ECHO)}
        assert {step.fields["flow"] for step in answered} == {"echo_test"}
        assert all(result.ok for done in nodes.dones(node) for result in done.results)


async def test_the_very_next_call_runs_what_was_deployed(tmp_path):
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        first = await run_sipp("uac", remote=node.sip_address, calls=1)
        assert first.successful == 1
        loaded = await nodes.deploy(node, "echo_test", BUSY)
        assert loaded.digest == node.deployed()["echo_test"] == nodes.digest(BUSY)
        second = await run_sipp("uac", remote=node.sip_address, calls=1)
        assert second.failed == 1
        assert "486" in second.errors
        outcome = [step.outcome for step in nodes.steps(node) if step.ended]
        assert outcome == ["completed", "rejected"]


async def test_a_call_in_progress_keeps_its_version(tmp_path):
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        caller = await Sipp(
            "uac", remote=node.sip_address, extra=["-d", "20000"], timeout=60
        ).start()
        session = await watcher.state("Active")
        await nodes.deploy(node, "echo_test", BUSY)
        assert node.session(session.id).digest == nodes.digest(ECHO)
        assert node.possible(session.id) == ["HangupCall"]
        node.send(session.id, "HangupCall")
        await watcher.ended()
        await caller.stop()
        assert {step.version for step in nodes.steps(node, session.id)} == {nodes.digest(ECHO)}


async def test_the_node_places_a_call_that_the_table_drives(tmp_path):
    async with running(tmp_path, ("basic", CALLER)) as node:
        watcher = Watcher(node)
        callee = await Sipp("uas", calls=1).start()
        session_id = node.call("basic", f"sip:bob@127.0.0.1:{callee.port}")
        session = await watcher.state("Active")
        assert session.id == session_id and session.role == "UAC"
        node.send(session_id, "HangupCall")
        assert await watcher.ended() == ["completed"]
        result = await callee.finish()
        assert result.successful == 1, result
        own = nodes.steps(node, session_id)
        assert [step.event for step in own if step.kind == "fired"] == [
            "MakeCall",
            "Dialog180Ringing",
            "Dialog200OK",
            "HangupCall",
            "Dialog200OK",
        ]


async def test_calls_that_no_flow_takes_are_refused(tmp_path):
    routes = (("1000", "echo_test"), ("2000", "nothing"))
    async with running(tmp_path, ("echo_test", ECHO), routes=routes) as node:
        taken = await run_sipp("uac", remote=node.sip_address, service="1000")
        unknown = await run_sipp("uac", remote=node.sip_address, service="3000")
        undeployed = await run_sipp("uac", remote=node.sip_address, service="2000")
        assert taken.successful == 1, taken
        assert "404" in unknown.errors
        assert "480" in undeployed.errors
        assert node.health()["sip"]["refused"] == {"404": 1, "480": 1}


async def test_more_calls_than_allowed_get_503(tmp_path):
    async with running(tmp_path, ("echo_test", ECHO), config={"max_sessions": 1}) as node:
        watcher = Watcher(node)
        first = await Sipp("uac", remote=node.sip_address, extra=["-d", "20000"]).start()
        session = await watcher.state("Active")
        second = await run_sipp("uac", remote=node.sip_address)
        assert "503" in second.errors
        node.send(session.id, "HangupCall")
        await watcher.ended()
        await first.stop()


async def test_stopping_ends_calls_politely(tmp_path):
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        watcher = Watcher(node)
        caller = await Sipp("uac", remote=node.sip_address, extra=["-d", "20000"]).start()
        session = await watcher.state("Active")
        await node.stop()
        assert await watcher.ended() == ["shutdown"]
        sent = [record.data for record in nodes.wires(node, session.id)]
        assert any(data.startswith(b"BYE ") for data in sent)
        await caller.stop()


async def test_a_target_without_address_is_an_action_that_failed(tmp_path, monkeypatch):
    async with running(tmp_path, ("basic", CALLER)) as node:

        async def unknown(uri):
            raise OSError("name or service not known")

        monkeypatch.setattr(node._signalling.shell, "resolve", unknown)
        watcher = Watcher(node)
        node.call("basic", "sip:bob@nowhere.invalid")
        assert await watcher.ended() == ["failed"]
        failed = [step for step in nodes.steps(node) if step.event == "ActionFailed"]
        assert failed[0].fields["action"] == "CreateDialog"
        assert "not known" in failed[0].fields["reason"]


async def test_a_message_that_cannot_be_sent_is_an_event(tmp_path):
    async with running(tmp_path, ("basic", CALLER)) as node:
        watcher = Watcher(node)
        node.call("basic", "sip:bob@[::1]:5999")
        assert await watcher.ended() == ["failed"]
        assert "DialogError" in [step.event for step in nodes.steps(node)]
