"""Events that met no row, on the wire: each request is answered by rule, and each step says so."""

import pytest

from runtime.node.routes import Route, When
from runtime.sip.events import RequestReceived, ResponseReceived
from tests.runtime.node import nodes
from tests.runtime.node.nodes import CALLER, Peer, Watcher, running

BARE = """\
- {from_state: Idle, role: UAS, event: IncomingCall,
   actions: [CreateDialog, CreateMediaSession, GenerateLocalSDP, {SendSIPResponse: {code: 200}}],
   next_state: Active}
- {from_state: Active, role: UAS, event: DialogACK, next_state: Active}
"""
RINGS = """\
- {from_state: Idle, role: UAS, event: IncomingCall,
   actions: [CreateDialog, {SendSIPResponse: {code: 180}}], next_state: Ringing}
"""


@pytest.fixture
async def peer():
    async with Peer.open() as opened:
        yield opened


def act(peer, deed):
    deed(peer.shell.now())
    peer.shell.flush()


async def answer_to(peer, usage, method):
    return await peer.wait(
        lambda: next(
            (
                one
                for one in peer.happened
                if isinstance(one, ResponseReceived)
                and one.usage is usage
                and one.code >= 200
                and (one.reinvite if method == "INVITE" else one.method == method)
            ),
            None,
        )
    )


async def test_requests_in_a_call_get_the_answer_of_the_rule_and_the_call_goes_on(tmp_path, peer):
    flow = ("echo_test", BARE)
    async with running(tmp_path, flow, link=nodes.no_media) as node:
        watcher = Watcher(node)
        usage = await peer.call(node)
        await watcher.until(lambda _, step, __: step.event == "DialogACK")
        act(peer, lambda now: usage.reinvite(sdp=Peer.OFFER, now=now))
        assert (await answer_to(peer, usage, "INVITE")).code == 488
        requests = {"UPDATE": 488, "INFO": 469, "MESSAGE": 501, "REFER": 501}
        for method, code in requests.items():
            to = [("Refer-To", "<sip:bob@127.0.0.1>")] if method == "REFER" else []
            kw = {"headers": to, "method": method}
            act(peer, lambda now, kw=kw: usage.request(now=now, **kw))
            assert (await answer_to(peer, usage, method)).code == code, method
        act(peer, lambda now: usage.bye(now=now))
        assert (await answer_to(peer, usage, "BYE")).code == 200
        assert await watcher.ended() == ["completed"]
        met_no_row = [
            (step.event, step.answer, step.ended, step.row)
            for step in nodes.steps(node)
            if step.kind == "unhandled"
        ]
        assert met_no_row == [
            ("ReinviteReceived", 488, False, -1),
            ("UpdateReceived", 488, False, -1),
            ("InfoReceived", 469, False, -1),
            ("MessageReceived", 501, False, -1),
            ("TransferRequested", 501, False, -1),
            ("DialogBYE", None, True, -1),
        ]


async def test_a_call_no_row_takes_gets_480(tmp_path, peer):
    async with running(tmp_path, ("echo_test", CALLER), link=nodes.no_media) as node:
        watcher = Watcher(node)
        assert (await peer.refused(node)).code == 480
        assert await watcher.ended() == ["unhandled"]
        (step,) = nodes.steps(node)
        assert (step.event, step.kind, step.answer) == ("IncomingCall", "unhandled", 480)


async def test_a_cancel_no_row_takes_gets_487_and_ends_the_session(tmp_path, peer):
    async with running(tmp_path, ("echo_test", RINGS), link=nodes.no_media) as node:
        watcher = Watcher(node)
        target = f"sip:echo@127.0.0.1:{node.sip_address[1]}"
        hop = await peer.shell.resolve(target)
        usage = peer.shell.agent.invite(
            target, caller="sip:a@127.0.0.1", sdp=Peer.OFFER, hop=hop, now=peer.shell.now()
        )
        peer.shell.flush()
        await peer.until(ResponseReceived, usage)
        act(peer, lambda now: usage.cancel(now=now))
        assert (await peer.until(ResponseReceived, usage, final=True)).code == 487
        assert await watcher.ended() == ["unhandled"]


async def test_a_200_that_is_never_confirmed_ends_the_session_with_a_bye(tmp_path, peer):
    async with running(
        tmp_path, ("echo_test", BARE), link=nodes.no_media, settings=nodes.quick
    ) as node:
        watcher = Watcher(node)
        usage, response = await peer._invite(node, Peer.OFFER)
        assert response.code == 200
        assert await watcher.ended() == ["unhandled"]
        last = nodes.steps(node)[-1]
        assert (last.event, last.fields["method"]) == ("DialogTimeout", "ACK")
        bye = await peer.until(RequestReceived, usage)
        assert bye.method == "BYE"


async def test_an_action_that_fails_without_a_row_ends_the_session_politely(tmp_path, peer):
    text = RINGS.replace(
        "{SendSIPResponse: {code: 180}}", "SendBYE, {SendSIPResponse: {code: 180}}"
    )
    async with running(tmp_path, ("echo_test", text), link=nodes.no_media) as node:
        watcher = Watcher(node)
        # Nothing was answered yet: the rule for what the table left open decides.
        assert (await peer.refused(node)).code == 480
        assert await watcher.ended() == ["unhandled"]
        first, last = nodes.steps(node)
        assert first.actions == ("CreateDialog", "SendBYE", "SendSIPResponse")
        (done,) = nodes.dones(node)
        assert [result.ok for result in done.results] == [True, False]
        assert (last.event, last.fields["action"], last.kind) == (
            "ActionFailed",
            "SendBYE",
            "unhandled",
        )


async def test_a_route_reads_the_user_part_alone(tmp_path, peer):
    flows = (("echo_test", BARE), ("rings", CALLER))
    routes = (("ech?", "echo_test"), ("echo*", "rings"), ("*", "echo_test"))
    async with running(tmp_path, *flows, routes=routes, link=nodes.no_media) as node:
        usage = await peer.call(node)
        assert [session.flow for session in node.sessions()] == ["echo_test"]
        act(peer, lambda now: usage.bye(now=now))
    async with running(tmp_path / "b", *flows, routes=routes[1:], link=nodes.no_media) as node:
        assert (await peer.refused(node)).code == 480, "the first match is taken, no later one"


async def test_a_route_asks_where_a_call_comes_from_and_whose_phone_it_is(tmp_path, peer):
    flows = (("echo_test", BARE), ("rings", CALLER))
    here = Route("*", "echo_test", When(sources=("127.0.0.0/8",), caller="peer@127.0.0.1"))
    anna = Route("echo", "echo_test", When(web_user="anna", domain="127.0.0.1"))
    elsewhere = Route("*", "rings", When(sources=("203.0.113.0/24",)))
    async with running(tmp_path, *flows, routes=(), link=nodes.no_media) as node:
        node.set_routes([elsewhere, here])
        usage = await peer.call(node)
        act(peer, lambda now: usage.bye(now=now))
        node.set_routes([elsewhere, anna])
        assert (await peer.refused(node)).code == 404
        async with Peer.browser(node, "one", user="anna") as browser:
            usage = await browser.call(node)
            act(browser, lambda now: usage.bye(now=now))
        async with Peer.browser(node, "two", user="bea") as browser:
            assert (await browser.refused(node)).code == 404
