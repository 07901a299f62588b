import asyncio

import pytest

from runtime.node.calling import NewCall, asserted, believed
from runtime.node.peers import Peers
from runtime.node.routes import Route, When, misses
from runtime.node.trunks import Trunk, TrunkBook
from runtime.sip.auth import Challenge
from runtime.sip.events import InviteReceived
from runtime.sip.message import Request
from runtime.sip.uri import parse_uri
from tests.runtime.node.nodes import CALLER, ECHO, Peer, Watcher, no_media, quick, running
from tests.sip.starters import starter


def book(*trunks):
    made = TrunkBook(unseal=lambda sealed: None if sealed == "lost" else f"opened {sealed}")
    made.replace(trunks)
    return made


def test_a_challenge_is_answered_for_the_trunk_of_the_call_alone():
    known = book(Trunk("carrier", user="u1", secret="s", realm="carrier.example"))
    own = Challenge("carrier.example", "n")
    assert known.credentials(own, "carrier").password == "opened s"
    assert known.credentials(own, "") is None
    assert known.credentials(own, "another") is None
    assert known.credentials(Challenge("elsewhere.example", "n"), "carrier") is None


def test_a_password_that_cannot_be_opened_is_none():
    known = book(Trunk("carrier", user="u1", secret="lost"))
    assert known.credentials(Challenge("r", "n"), "carrier") is None
    assert "opened" not in repr(book(Trunk("c", secret="s")).named("c"))


def test_a_target_goes_through_the_trunk_it_names_or_lies_at():
    known = book(
        Trunk("carrier", host="203.0.113.5", port=5070),
        Trunk("off", host="192.0.2.1", enabled=False),
    )
    names = {
        "sip:100@carrier": "carrier",
        "sip:100@CARRIER": "carrier",
        "sip:100@203.0.113.5:5070": "carrier",
        "sip:100@203.0.113.5:5060": None,
        "sip:100@off": None,
        "sip:100@192.0.2.1": None,
    }
    for target, name in names.items():
        found = known.towards(parse_uri(target))
        assert (found.name if found else None) == name, target


def test_addresses_of_trunks_are_written_as_their_transport_asks():
    assert Trunk("a", host="h.example").uri("100") == "sip:100@h.example"
    trunk = Trunk("a", host="2001:db8::1", port=5061, transport="TLS", proxy="p.example:5061")
    assert trunk.uri("100") == "sip:100@[2001:db8::1]:5061;transport=tls"
    assert trunk.next_hop == "sip:p.example:5061;transport=tls"


def test_calls_are_counted_until_their_session_has_ended():
    living = {"s1", "s2"}
    known = TrunkBook(lives=lambda session: session in living)
    trunk = Trunk("carrier", out_calls=2)
    known.replace([trunk])
    for session in ("s1", "s2"):
        assert known.full(trunk, "out", 0.0) == ""
        known.began(trunk, "out", session)
    assert "all 2 calls" in known.full(trunk, "out", 0.0)
    assert known.full(trunk, "in", 0.0) == ""
    living.remove("s1")
    assert known.full(trunk, "out", 0.0) == "" and known.calls("carrier", "out") == 1


def test_calls_a_second_are_limited():
    trunk = Trunk("carrier", in_rate=2.0)
    known = book(trunk)
    assert [known.full(trunk, "in", 0.0) == "" for _ in range(3)] == [True, True, False]
    assert known.full(trunk, "in", 1.0) == ""


def test_a_route_may_ask_for_a_trunk():
    route = Route("*", "echo_test", When(trunk="carr*"))
    assert misses(route, NewCall("", "100", trunk="carrier")) is None
    assert misses(route, NewCall("", "100")) == "it does not come from trunk carr*"


def test_who_vouches_for_a_caller_is_believed_only_where_it_is_trusted():
    headers = [("P-Asserted-Identity", '"A" <tel:+4930>'), ("X-Campaign", "winter")]
    request = Request("INVITE", "sip:x", headers, b"", "SIP/2.0")
    assert asserted(request) == "tel:+4930"
    hide = believed(request)
    assert hide("p-asserted-identity") == [] and hide("x-campaign") == ["winter"]


async def test_a_call_through_a_trunk_arrives_at_it(tmp_path):
    async with Peer.open() as carrier, running(tmp_path, ("caller", CALLER), link=no_media) as node:
        node.set_peers(Peers([Trunk("carrier", "127.0.0.1", carrier.address[1], out_calls=1)]))
        watcher = Watcher(node)
        node.call("caller", "sip:+4930123@carrier")
        invite = await carrier.until(InviteReceived)
        assert invite.request_uri == f"sip:+4930123@127.0.0.1:{carrier.address[1]}"
        assert node.health()["sip"]["trunks"]["carrier"]["out"] == 1
        # The second one is over the limit: the table hears of a 503, and nothing is sent.
        node.call("caller", "sip:+4930124@carrier")
        _, step, _ = await watcher.until(lambda session, step, done: "5xx" in step.event)
        assert step.fields["code"] == 503 and "in use" in step.fields["reason"]
        assert sum(isinstance(each, InviteReceived) for each in carrier.happened) == 1


async def test_a_trunk_is_asked_whether_it_is_there(tmp_path):
    async with Peer.open() as carrier, running(tmp_path, link=no_media, settings=quick) as node:
        silent = Trunk("silent", "127.0.0.1", 9, "TCP", every=5.0)
        node.set_peers(
            Peers([Trunk("carrier", "127.0.0.1", carrier.address[1], every=5.0), silent])
        )
        watch = node.signalling.watch
        watch.look()
        async with asyncio.timeout(20):
            while not watch.marks or watch.standings.get("silent") is None:
                await asyncio.sleep(0.02)
        assert watch.standings["carrier"].state == "up" and watch.standings["carrier"].code == 200
        assert watch.down("carrier") == "" and watch.standings["silent"].failures == 1
        watch.ask(silent)
        async with asyncio.timeout(20):
            while watch.standings["silent"].state != "down":
                await asyncio.sleep(0.02)
        assert "silent is down" in watch.down("silent")
        assert [mark.trunk for mark in watch.marks] == ["carrier", "silent"]


class Thief(asyncio.DatagramProtocol):
    """Answers every request but ACK with a challenge that names a trunk's realm."""

    def __init__(self):
        self.requests = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        head = data.decode().partition("\r\n\r\n")[0].split("\r\n")
        self.requests.append("\n".join(head))
        if head[0].startswith(("ACK", "SIP/2.0")):
            return
        kept = [line for line in head[1:] if line.startswith(("Via", "From", "Call-ID", "CSeq"))]
        to = next(line for line in head if line.startswith("To"))
        asks = 'Proxy-Authenticate: Digest realm="carrier.example", nonce="n", algorithm=MD5'
        tag = "" if ";tag=" in to else ";tag=thief"
        lines = ["SIP/2.0 407 Pay first", *kept, to + tag, asks, "Content-Length: 0", "", ""]
        self.transport.sendto("\r\n".join(lines).encode(), address)


@pytest.mark.parametrize("incoming", [True, False])
async def test_a_stranger_who_names_a_trunks_realm_gets_no_digest(tmp_path, incoming):
    loop = asyncio.get_running_loop()
    transport, thief = await loop.create_datagram_endpoint(Thief, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    flows = [("echo_test", ECHO), starter("authenticated_call")]
    opened = {"unseal": lambda sealed: sealed}
    async with running(tmp_path, *flows, link=no_media, settings=quick, **opened) as node:
        trunk = Trunk("carrier", "192.0.2.9", realm="carrier.example", user="u1", secret="sesame")
        node.set_peers(Peers([trunk]))
        watcher = Watcher(node)
        if incoming:
            await called(node, transport, port, thief)
            node.send((await watcher.state("Active")).id, "HangupCall")
        else:
            node.call("authenticated_call", f"sip:x@127.0.0.1:{port}")
        await watcher.until(lambda session, step, done: step.event == "AuthRequired")
        if not incoming:
            await watcher.ended()
        asked = [line for line in thief.requests if line.startswith(("BYE", "INVITE"))]
        assert asked and not any("Digest" in each or "sesame" in each for each in thief.requests)
    transport.close()


async def called(node, transport, port, thief):
    """Call the node from the stranger's socket."""
    head = [
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1",
        "From: <sip:thief@elsewhere.example>;tag=t",
        "Call-ID: theft",
        f"Contact: <sip:thief@127.0.0.1:{port}>",
    ]

    def send(method, to, number, body=b""):
        lines = [f"{method} sip:100@127.0.0.1 SIP/2.0", *head, f"To: {to}"]
        lines += [f"CSeq: {number} {method}", "Max-Forwards: 70"]
        lines += ["Content-Type: application/sdp"] if body else []
        lines += [f"Content-Length: {len(body)}", "", ""]
        data = "\r\n".join(lines).encode() + body
        transport.sendto(data.replace(b"hG4bK1", b"hG4bK" + method.encode()), node.sip_address)

    send("INVITE", "<sip:100@127.0.0.1>", 1, Peer.OFFER)
    async with asyncio.timeout(10):
        while not (answers := [r for r in thief.requests if r.startswith("SIP/2.0 200")]):
            await asyncio.sleep(0.01)
    to = next(line for line in answers[0].splitlines() if line.startswith("To: "))
    send("ACK", to[4:], 1)
