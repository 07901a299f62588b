import asyncio
import errno
import os

import pytest

from benchmarks.caller import Caller
from runtime.media.port import MediaEvent
from runtime.node.api import CallRefused, EventRefused, NoSuchSession
from runtime.node.config import NodeConfig
from runtime.node.journal import Journal, RealFiles
from runtime.node.node import Node
from runtime.node.routes import Route
from runtime.sip.events import InviteReceived
from tests.runtime.adapters.fakes import BROWSER, FakeLink
from tests.runtime.node import nodes
from tests.runtime.node.nodes import CALLER, ECHO, Peer, Watcher, running


class Disk(RealFiles):
    """A disk that is full while `full` is set."""

    full = False

    def write(self, fd, data):
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(fd, data)


@pytest.fixture
async def peer():
    async with Peer.open() as peer:
        yield peer


def fake(link):
    def make(on_event):
        link.on_event = on_event
        return link

    return make


@pytest.fixture
def link():
    return FakeLink()


# -- the journal -----------------------------------------------------------------------------------


async def test_a_full_disk_refuses_new_calls_and_lets_live_ones_go_on(tmp_path, peer, link):
    disk = Disk()

    def journal(config, epoch):
        return Journal(config.folder / "journal", config.name, epoch, files=disk)

    async with running(tmp_path, ("echo_test", ECHO), journal=journal, link=fake(link)) as node:
        watcher = Watcher(node)
        first = await peer.call(node)
        session = await watcher.state("Active")
        disk.full = True
        response = await peer.refused(node)
        assert response.code == 503
        assert response.response.get("Retry-After") == "5"
        health = node.health()
        assert health["status"] == "degraded"
        assert "No space" in health["journal"]["reason"]
        with pytest.raises(CallRefused, match="No space"):
            node.call("echo_test", "sip:bob@127.0.0.1")

        node.send(session.id, "HangupCall")
        assert await watcher.ended() == ["completed"]
        assert session.unjournalled
        assert not first.established

        disk.full = False
        await peer.call(node)
        again = (await watcher.until(lambda s, step, _: s is not session and step.row == 1))[0]
        assert not again.unjournalled
        assert node.health()["status"] == "ok"
        kept = nodes.steps(node)
        assert [step.event for step in kept if step.session == session.id][-1] != "HangupCall"
        assert {step.session for step in kept} == {session.id, again.id}


async def test_a_step_is_on_disk_before_the_peer_can_see_it(tmp_path, peer, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        order = []
        append = node.journal.append

        def noting(record):
            order.append(record)
            return append(record)

        node.journal.append = noting
        await peer.call(node)
        await Watcher(node).until(lambda *_: True) if not node.sessions() else None
        kinds = [type(record).__name__ for record in order]
        outgoing = [
            index
            for index, record in enumerate(order)
            if kinds[index] == "WireRecord" and record.data.startswith(b"SIP/2.0 200")
        ]
        assert kinds[0] == "WireRecord" and order[0].direction == "in"
        assert kinds.index("StepRecord") < outgoing[0]
        assert (
            len({record.session for record in order if kinds[order.index(record)] == "WireRecord"})
            == 1
        )


# -- sessions --------------------------------------------------------------------------------------


async def test_our_own_mistake_ends_one_call_and_the_others_go_on(tmp_path, peer, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        watcher = Watcher(node)
        await peer.call(node)
        good = await watcher.state("Active")

        async def broken(leg, remote_sdp):
            raise ZeroDivisionError("oops")

        link.answer = broken
        response = await peer.refused(node)
        assert response.code == 500
        ended = await watcher.until(lambda _, step, __: step.ended)
        assert ended[1].outcome == "error"
        assert "ZeroDivisionError" in nodes.steps(node, ended[0].id)[-1].fields["error"]
        del link.answer
        assert [one.id for one in node.sessions()] == [good.id]
        node.send(good.id, "HangupCall")
        assert await watcher.ended(2) == ["error", "completed"]
        assert link.legs_held == set()


async def test_media_that_is_refused_answers_488_by_the_table(tmp_path, peer, link):
    link.failing["answer"] = "no_common_codec"
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        response = await peer.refused(node)
        assert response.code == 488
        assert node.sessions() == []
        assert node.health()["sessions"]["outcomes"] == {"failed": 1}


async def test_media_events_reach_the_table_and_the_journal(tmp_path, peer, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        watcher = Watcher(node)
        await peer.call(node)
        session = await watcher.state("Active")
        link.on_event(MediaEvent(session.id, "lost", {"reason": "killed"}))
        await watcher.until(lambda _, step, done: step.event == "MediaLost" and done)
        assert "recover" in link.ops()
        link.on_event(MediaEvent("nobody", "lost", {}))
        kinds = [getattr(record, "kind", None) for record in nodes.journal(node)]
        assert "lost" in kinds


async def test_people_send_only_what_people_may_send(tmp_path, peer, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        watcher = Watcher(node)
        await peer.call(node)
        session = await watcher.state("Active")
        assert node.possible(session.id) == ["HangupCall"]
        with pytest.raises(NoSuchSession):
            node.send("nobody", "HangupCall")
        for event, fields in (
            ("DialogBYE", {}),
            ("Nonsense", {}),
            ("MakeCall", {"target": "x"}),
            ("HangupCall", {"colour": "red"}),
        ):
            with pytest.raises(EventRefused):
                node.send(session.id, event, fields)
        assert session.state == "Active"
        line = node.session(session.id).as_dict()
        assert line["flow"] == "echo_test" and line["state"] == "Active" and line["steps"] == 2


async def test_a_listener_that_fails_harms_nobody(tmp_path, peer, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:

        def broken(session, step, done):
            raise ValueError("listener")

        node.listeners.add(broken)
        watcher = Watcher(node)
        await peer.call(node)
        await watcher.state("Active")
        node.listeners.remove(watcher)
        heard = len(watcher.heard)
        node.send(node.sessions()[0].id, "HangupCall")
        assert len(watcher.heard) == heard


async def test_a_call_is_not_placed_without_a_reason_being_given(tmp_path, link):
    async with running(tmp_path, ("basic", CALLER), link=fake(link)) as node:
        with pytest.raises(CallRefused, match="deployed"):
            node.call("other", "sip:bob@127.0.0.1")
        for target in ("tel:123", "sip:", "http://x", "sip:a b@c"):
            with pytest.raises(CallRefused, match="SIP address"):
                node.call("basic", target)
        await node.stop()
        with pytest.raises(CallRefused):
            node.call("basic", "sip:bob@127.0.0.1")


async def test_a_flow_that_only_answers_places_no_call(tmp_path, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        with pytest.raises(CallRefused, match="no row that places a call"):
            node.call("echo_test", "sip:bob@127.0.0.1")
        assert node.sessions() == []


# -- start and stop --------------------------------------------------------------------------------


async def test_a_stopping_node_waits_for_its_calls(tmp_path, peer, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        watcher = Watcher(node)
        await peer.call(node)
        session = await watcher.state("Active")
        stopping = asyncio.create_task(node.stop(drain=20))
        await asyncio.sleep(0)
        assert (await peer.refused(node)).code == 503
        assert not stopping.done()
        node.send(session.id, "HangupCall")
        await stopping
        assert await watcher.ended() == ["completed"]
        await node.stop()


def asked(node):
    with Caller(node.sip_address) as caller:
        return caller.options()


async def test_a_closed_node_refuses_new_calls_and_says_so_until_it_takes_them_again(
    tmp_path, peer, link
):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        watcher = Watcher(node)
        well = await asyncio.to_thread(asked, node)
        assert well.code == 200
        assert well.headers["x-callsmith-load"] == "sessions=0;limit=2000;takes=100%"
        await peer.call(node)
        await watcher.state("Active")
        node.close("olaf lets it take no new calls: a new disk")
        refused = await asyncio.to_thread(asked, node)
        assert refused.code == 503 and refused.headers["retry-after"] == "5"
        assert refused.headers["x-callsmith-load"] == "sessions=1;limit=2000;takes=100%"
        assert (await peer.refused(node)).code == 503
        with pytest.raises(CallRefused, match="a new disk"):
            node.call("echo_test", "sip:bob@127.0.0.1")
        assert node.session_count == 1, "calls that run go on"
        node.reopen()
        assert (await asyncio.to_thread(asked, node)).code == 200 and node.trouble() == ""


async def test_a_node_starts_again_with_its_flows_routes_and_a_new_epoch(tmp_path, link):
    async with running(tmp_path, ("echo_test", ECHO), routes=[("1*", "echo_test")]) as node:
        epoch = node.epoch
    again = Node(NodeConfig(folder=tmp_path, sip_port=0))
    await again.start()
    try:
        assert again.epoch == epoch + 1
        assert again.deployed() == {"echo_test": nodes.digest(ECHO)}
        assert list(again.routes) == [Route("1*", "echo_test")]
        assert again.health()["status"] == "ok"
    finally:
        await again.stop()


async def test_a_taken_port_is_an_os_error(tmp_path, link):
    async with running(tmp_path / "a", link=fake(link)) as node:
        config = NodeConfig(folder=tmp_path / "b", sip_port=node.sip_address[1])
        second = Node(config, link=fake(FakeLink()))
        with pytest.raises(OSError):
            await second.start()
        await second.stop()


async def test_nothing_is_held_after_many_calls(tmp_path, peer, link):
    async with running(
        tmp_path, ("echo_test", ECHO), link=fake(link), settings=nodes.quick
    ) as node:
        watcher = Watcher(node)
        for _ in range(20):
            usage = await peer.call(node)
            usage.bye(now=peer.shell.now())
            peer.shell.flush()
        await watcher.ended(20)
        assert node.sessions() == []
        assert link.legs_held == set()
        assert len(node._supervisor._timers) == 0
        assert not node._supervisor._tasks or await _finished(node)
        assert node.health()["sessions"]["versions"] == []


async def _finished(node):
    await asyncio.wait(node._supervisor._tasks)
    return True


# -- browsers --------------------------------------------------------------------------------------


async def test_a_registered_browser_is_called_over_its_websocket(tmp_path, link):
    async with running(tmp_path, ("basic", CALLER), link=fake(link)) as node:
        async with Peer.browser(node, "ws1", user="alice") as browser:
            assert (await browser.register("alice")) == 200
            assert (await browser.register("bob")) == 403
            watcher = Watcher(node)
            node.call("basic", "alice")
            invite = await browser.until(InviteReceived)
            assert invite.request.uri.user == "browser"
            assert link.log[0] == ("create", "webrtc")
            invite.usage.respond(
                invite.transaction, 200, sdp=b"v=0 theirs\r\n", now=browser.shell.now()
            )
            browser.shell.flush()
            await watcher.state("Active")
            assert node.health()["sip"]["registered"] == 1
        assert node.health()["sip"]["registered"] == 0


async def test_a_browser_calls_in_like_a_phone(tmp_path, link):
    async with running(tmp_path, ("echo_test", ECHO), link=fake(link)) as node:
        async with Peer.browser(node, "ws1") as browser:
            watcher = Watcher(node)
            usage = await browser.call(node, sdp=BROWSER)
            session = await watcher.state("Active")
            assert session.role == "UAS"
            assert ("create", "webrtc") in link.log
            assert nodes.wires(node, session.id)[0].transport == "WS"
            usage.bye(now=browser.shell.now())
            browser.shell.flush()
            assert await watcher.ended() == ["completed"]


async def test_a_phone_does_not_register_without_credentials(tmp_path, peer, link):
    async with running(tmp_path, link=fake(link)) as node:
        assert await peer.register("alice", node.sip_address) == 401


async def test_junk_is_kept_only_in_part(tmp_path, peer, link):
    async with running(tmp_path, link=fake(link)) as node:
        node._signalling._tap("in", Peer.hop(node), b"x" * 60_000, 0.0, None)
        assert len(nodes.wires(node)[-1].data) == 4096
        assert nodes.wires(node)[-1].session is None


@pytest.mark.parametrize(
    ("event", "fields", "reason"),
    [
        ("DialogBYE", {}, "no event that a session begins with"),
        ("AcceptCall", {}, "no event that a session begins with"),
        ("Nonsense", {}, "no event that a session begins with"),
        ("MakeCall", {"target": "sip:b@h", "colour": "red"}, "no field colour"),
        ("MakeCall", {"target": "sip:b@h"}, "no row that places a call"),
        ("HangupCall", {}, "no row that begins with HangupCall"),
    ],
)
async def test_a_session_begins_with_what_its_flow_takes_from_people(
    tmp_path, event, fields, reason
):
    async with running(tmp_path, ("echo_test", ECHO)) as node:
        with pytest.raises(CallRefused, match=reason):
            node.begin("echo_test", event, fields)
        with pytest.raises(CallRefused, match="no version"):
            node.begin("nothing", event, fields)
