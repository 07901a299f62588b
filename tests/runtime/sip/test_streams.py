"""TCP and TLS over real sockets: framing, reuse, opening anew, and what is let go."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import (
    ConnectionLost,
    Happening,
    InviteReceived,
    ResponseReceived,
    TransportFailed,
)
from runtime.sip.hop import TCP, TLS, Hop
from runtime.sip.message import Request, Response
from runtime.sip.transport.connection import StreamLimits
from runtime.sip.transport.framing import Framer
from runtime.sip.transport.shell import Shell
from runtime.sip.transport.tls import TlsFiles, client_context
from runtime.sip.wire import parse
from tests.conftest import eventually
from tests.runtime.sip.peer import SDP, request, response
from tests.sip.certificates import Authority

VIA = "SIP/2.0/TCP 127.0.0.1:{port};rport;branch=z9hG4bK-s"


class Node:
    """A shell that answers every call, on a clock that is moved by hand."""

    def __init__(self, limits: StreamLimits, **settings: Any) -> None:
        self.log: list[tuple[str, Hop, bytes]] = []
        self.happenings: list[Happening] = []
        self.later = 0.0
        self.shell = Shell(
            Agent(AgentSettings("n1-1", **settings)),
            on_happening=self.on_happening,
            tap=lambda direction, hop, data, now, usage: self.log.append((direction, hop, data)),
            clock=lambda: asyncio.get_running_loop().time() + self.later,
            limits=limits,
        )
        self.port = self.tls_port = 0

    def on_happening(self, happening: Happening) -> None:
        self.happenings.append(happening)
        if isinstance(happening, InviteReceived):
            happening.usage.respond(happening.transaction, 200, now=self.shell.now(), sdp=SDP)
        if isinstance(happening, ResponseReceived) and happening.method == "INVITE":
            if happening.code == 200:
                happening.usage.ack(now=self.shell.now())

    def happened(self, kind: type) -> list[Any]:
        return [happening for happening in self.happenings if isinstance(happening, kind)]

    def pass_over(self, seconds: float) -> None:
        self.later += seconds
        self.shell.streams.sweep(self.shell.now())

    def call(self, hop: Hop, target: str = "sip:phone@127.0.0.1", sdp: bytes = SDP) -> Any:
        hop = self.shell.agent.complete(hop)
        usage = self.shell.agent.invite(
            target, caller="sip:b@h", hop=hop, now=self.shell.now(), sdp=sdp
        )
        self.shell.flush()
        return usage

    @property
    def counters(self) -> Any:
        return self.shell.streams.counters


@asynccontextmanager
async def node(
    limits: StreamLimits | None = None, *, host: str = "127.0.0.1", tls: TlsFiles | None = None
) -> AsyncIterator[Node]:
    made = Node(limits or StreamLimits())
    _, made.port = await made.shell.listen(host, 0)
    if tls is not None:
        _, made.tls_port = await made.shell.listen_tls(host, 0, tls)
        made.shell.trust(tls)
    try:
        yield made
    finally:
        await made.shell.close()


class Phone:
    """The peer's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._framer, self._frames = Framer(), list[bytes]()

    async def heard(self) -> Request | Response:
        return parse(await self.heard_bytes())

    async def heard_bytes(self) -> bytes:
        while not self._frames:
            data = await asyncio.wait_for(self.reader.read(65536), 10)
            if not data:
                raise EOFError
            self._frames += self._framer.feed(data)
        return self._frames.pop(0)

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def closed(self) -> bool:
        try:
            while await asyncio.wait_for(self.reader.read(65536), 10):
                pass
        except ConnectionError:
            pass
        return True

    def invite(self, number: int = 1, **options: Any) -> bytes:
        port = self.writer.get_extra_info("sockname")[1]
        via = f"SIP/2.0/TCP 127.0.0.1:{port};rport;branch=z9hG4bK-s{number}"
        options.setdefault("via", via)
        contact = f"<sip:alice@127.0.0.1:{port};transport=tcp>"
        return request(call_id=f"c{number}", contact=contact, body=SDP, **options)


@asynccontextmanager
async def phone(port: int, host: str = "127.0.0.1", **options: Any) -> AsyncIterator[Phone]:
    made = Phone(*await asyncio.open_connection(host, port, **options))
    try:
        yield made
    finally:
        made.writer.close()


async def listener(
    then: Callable[[Phone], None], port: int = 0, **options: Any
) -> tuple[asyncio.Server, int]:
    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        then(Phone(reader, writer))

    server = await asyncio.start_server(met, "127.0.0.1", port, **options)
    return server, server.sockets[0].getsockname()[1]


async def test_a_call_over_tcp_is_answered_on_its_connection_with_rport_and_received() -> None:
    async with node() as n, phone(n.port) as p:
        p.say(p.invite(via="SIP/2.0/TCP phone.invalid;rport;branch=z9hG4bK-s"))
        assert (await p.heard()).code == 100  # type: ignore[union-attr]
        answer = await p.heard()
        own = p.writer.get_extra_info("sockname")[1]
        assert answer.via.params["rport"] == str(own)
        assert answer.via.params["received"] == "127.0.0.1"
        assert f"@127.0.0.1:{n.port};transport=tcp>" in (answer.get("Contact") or "")
        assert [direction for direction, _, _ in n.log] == ["in", "out", "out"]


async def test_a_request_in_the_dialog_goes_over_the_connection_of_the_call() -> None:
    async with node() as n, phone(n.port) as p:
        p.say(p.invite())
        await p.heard()
        answer = await p.heard()
        tag = answer.to.tag
        p.say(p.invite(to_tag=tag, number=1).replace(b"INVITE", b"ACK").replace(b"-s1", b"-a"))
        (invite,) = n.happened(InviteReceived)
        await eventually(lambda: not invite.usage.unacknowledged)
        invite.usage.bye(now=n.shell.now())
        n.shell.flush()
        bye = await p.heard()
        assert isinstance(bye, Request) and bye.method == "BYE"
        assert bye.top_via_text.startswith(f"SIP/2.0/TCP 127.0.0.1:{n.port};rport;branch=")
        assert n.counters["opened"] == 0


@pytest.fixture(params=["TCP", "TLS"])
async def met(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Node, Phone]]:
    """A node and a phone that is connected to it over each of the two."""
    files = Authority(tmp_path).issue("127.0.0.1") if request.param == "TLS" else None
    async with node(tls=files) as n:
        port, secure = (n.tls_port, client_context(files)) if files else (n.port, None)
        async with phone(port, ssl=secure) as p:
            yield n, p


async def test_a_message_in_two_segments_and_two_in_one_segment_are_taken(
    met: tuple[Node, Phone],
) -> None:
    n, p = met
    one, two = p.invite(1), p.invite(2)
    p.say(one[:100])
    await p.writer.drain()
    await eventually(lambda: n.counters["accepted"] == 1)
    p.say(one[100:] + two)
    codes = [(await p.heard()).code for _ in range(4)]  # type: ignore[union-attr]
    assert codes == [100, 200, 100, 200]


async def test_messages_that_come_byte_by_byte_are_taken(met: tuple[Node, Phone]) -> None:
    _, p = met
    for byte in request("OPTIONS", via="SIP/2.0/TCP h;branch=z9hG4bK-1"):
        p.say(bytes([byte]))
        await p.writer.drain()
    assert (await p.heard()).code == 200  # type: ignore[union-attr]


async def test_a_connection_that_is_cut_at_any_byte_leaves_nothing_and_hurts_nobody(
    met: tuple[Node, Phone],
) -> None:
    n, p = met
    data = p.invite()
    for length in range(len(data)):
        with socket.create_connection(("127.0.0.1", n.port)) as cut:
            cut.send(data[:length])
        if length % 50 == 0:
            await asyncio.sleep(0)
    seen = lambda: n.counters["accepted"] + n.counters["vanished"]  # noqa: E731
    await eventually(lambda: seen() > len(data) and len(n.shell.streams) == 1)
    assert not n.shell.agent.usages and n.shell.streams.most == 1
    p.say(data)
    assert (await p.heard()).code == 100  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(10))
async def test_calls_in_random_segments_end_as_they_would_in_one(seed: int) -> None:
    dice = random.Random(seed)
    async with node() as n, phone(n.port) as p:
        stream = b"".join(p.invite(number) for number in range(20))
        while stream:
            size = dice.choice((1, 2, 7, 50, 400, 3000))
            p.say(stream[:size])
            stream = stream[size:]
            if dice.random() < 0.3:
                await p.writer.drain()
                await asyncio.sleep(0)
        codes = Counter([(await p.heard()).code for _ in range(40)])  # type: ignore[union-attr]
        assert codes == {100: 20, 200: 20}, f"seed {seed}"
        assert n.shell.agent.counters["malformed"] == 0


async def test_a_hundred_thousand_empty_lines_and_tiny_pieces_hold_nobody_up(
    met: tuple[Node, Phone],
) -> None:
    n, p = met
    p.say(b"\r\n" * 100_000)
    p.say(request("OPTIONS", via="SIP/2.0/TCP h;branch=z9hG4bK-1"))
    while (answer := await p.heard_bytes()) in (b"\r\n", b"\r\n\r\n"):
        pass
    assert answer.startswith(b"SIP/2.0 200 ") and n.counters["keep_alive"] <= 50_000


async def test_headers_without_end_get_513_and_end_the_connection(met: tuple[Node, Phone]) -> None:
    _, p = met
    p.say(request("OPTIONS", via="SIP/2.0/TCP h;branch=z9hG4bK-1")[:-2] + b"X: " + b"y" * 70_000)
    assert (await p.heard()).code == 513  # type: ignore[union-attr]
    assert await p.closed()


async def test_a_ping_is_answered_by_a_pong() -> None:
    async with node() as n, phone(n.port) as p:
        p.say(b"\r\n\r\n")
        assert await p.heard_bytes() == b"\r\n"
        assert n.log == [] and n.counters["keep_alive"] == 1


async def test_a_message_without_a_length_gets_400_and_ends_the_connection() -> None:
    async with node() as n, phone(n.port) as p:
        p.say(p.invite().replace(b"Content-Length", b"Content-Size"))
        assert (await p.heard()).code == 400  # type: ignore[union-attr]
        assert await p.closed()
        assert n.counters["unframed"] == 1 and len(n.shell.streams) == 0


async def test_a_message_that_is_too_long_gets_513_and_ends_the_connection() -> None:
    async with node() as n, phone(n.port) as p:
        p.say(p.invite().replace(b"Content-Length: ", b"Content-Length: 9999"))
        assert (await p.heard()).code == 513  # type: ignore[union-attr]
        assert await p.closed()


async def test_a_response_whose_connection_is_gone_goes_to_the_port_of_the_via() -> None:
    async with node() as n:
        met: list[Phone] = []
        server, port = await listener(met.append)
        n.on_happening = n.happenings.append  # type: ignore[method-assign]
        n.shell._on_happening = n.happenings.append
        async with phone(n.port) as p:
            via = f"SIP/2.0/TCP 127.0.0.1:{port};branch=z9hG4bK-s"
            p.say(p.invite(via=via))
            await p.heard()
        await eventually(lambda: len(n.shell.streams) == 0)
        (invite,) = n.happened(InviteReceived)
        invite.usage.respond(invite.transaction, 486, now=n.shell.now())
        n.shell.flush()
        await eventually(lambda: met)
        assert (await met[0].heard()).code == 486  # type: ignore[union-attr]
        server.close()
        met[0].writer.close()


async def test_a_call_outlives_its_connection_and_goes_on_over_a_new_one() -> None:
    async with node() as n:
        met: list[Phone] = []
        server, port = await listener(met.append)
        async with phone(n.port) as p:
            data = p.invite()
            own = p.writer.get_extra_info("sockname")[1]
            p.say(data.replace(f"alice@127.0.0.1:{own}".encode(), f"a@127.0.0.1:{port}".encode()))
            await p.heard()
            tag = (await p.heard()).to.tag
            p.say(p.invite(to_tag=tag).replace(b"INVITE", b"ACK").replace(b"-s1", b"-a"))
            (invite,) = n.happened(InviteReceived)
            await eventually(lambda: not invite.usage.unacknowledged)
        await eventually(lambda: len(n.shell.streams) == 0)
        assert n.happened(ConnectionLost) == [] and invite.usage.established
        invite.usage.bye(now=n.shell.now())
        n.shell.flush()
        await eventually(lambda: met)
        bye = await met[0].heard()
        assert isinstance(bye, Request) and bye.method == "BYE"
        server.close()
        met[0].writer.close()


async def test_own_calls_to_one_address_share_a_connection_which_is_opened_once() -> None:
    async with node() as n:
        met: list[Phone] = []
        server, port = await listener(met.append)
        hop = Hop(TCP, ("127.0.0.1", port))
        first, second = n.call(hop), n.call(hop)
        await eventually(lambda: met)
        invites = [await met[0].heard() for _ in range(2)]
        assert [i.call_id for i in invites] == [first.call_id, second.call_id]
        for invite in invites:
            assert isinstance(invite, Request)
            met[0].say(response(invite, 200, body=SDP, contact="<sip:b@127.0.0.1:9>"))
            ack = await met[0].heard()  # Over the connection, though the Contact names another.
            assert isinstance(ack, Request) and ack.method == "ACK"
        assert n.counters["opened"] == 1
        server.close()
        met[0].writer.close()


async def test_a_request_goes_to_the_connection_that_came_from_its_address() -> None:
    async with node() as n, phone(n.port) as p:
        p.say(b"\r\n\r\n")
        await p.heard_bytes()
        own = p.writer.get_extra_info("sockname")[1]
        n.call(Hop(TCP, ("127.0.0.1", own)))
        assert (await p.heard()).cseq.method == "INVITE"


async def test_a_long_request_reaches_a_phone_that_listens_to_udp_alone() -> None:
    async with node() as n:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            udp.setblocking(False)
            hop = await n.shell.resolve(f"sip:phone@127.0.0.1:{udp.getsockname()[1]}")
            n.call(hop, sdp=SDP + b"a=x\r\n" * 300)
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(udp, 65536), 10)
        assert data.startswith(b"INVITE ") and b"\r\nVia: SIP/2.0/UDP " in data
        assert n.counters["connect_failed"] == 1 and not n.happened(TransportFailed)


async def test_a_long_request_reaches_a_phone_that_listens_to_tcp_over_it() -> None:
    async with node() as n:
        met: list[Phone] = []
        server, port = await listener(met.append)
        hop = await n.shell.resolve(f"sip:phone@127.0.0.1:{port}")
        n.call(hop, sdp=SDP + b"a=x\r\n" * 300)
        await eventually(lambda: met)
        assert (await met[0].heard()).via.transport == "TCP"
        server.close()
        met[0].writer.close()


async def test_an_alias_that_is_only_claimed_counts_for_nothing() -> None:
    async with node() as n, phone(n.port) as p:
        server, port = await listener(lambda met: None)
        p.say(p.invite(via=f"SIP/2.0/TCP 127.0.0.1:{port};alias;branch=z9hG4bK-s"))
        await p.heard()
        n.call(Hop(TCP, ("127.0.0.1", port)))
        await eventually(lambda: n.counters["opened"] == 1)
        server.close()


async def test_a_connection_that_nobody_accepts_is_a_failed_transport() -> None:
    async with node() as n:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            usage = n.call(Hop(TCP, nobody.getsockname()))
            (failed,) = await eventually(lambda: n.happened(TransportFailed))
        assert failed.usage is usage and len(n.shell.streams) == 0


async def test_a_connection_that_is_lost_fails_what_got_no_answer_and_not_what_rings() -> None:
    async with node() as n:
        met: list[Phone] = []
        server, port = await listener(met.append)
        hop = Hop(TCP, ("127.0.0.1", port))
        ringing, silent = n.call(hop), n.call(hop)
        await eventually(lambda: met)
        invite = await met[0].heard()
        assert isinstance(invite, Request)
        met[0].say(response(invite, 180))
        await eventually(lambda: n.happened(ResponseReceived))
        met[0].writer.close()
        (failed,) = await eventually(lambda: n.happened(TransportFailed))
        assert failed.usage is silent and ringing.pending_invite
        async with phone(n.port) as p:  # The peer connects to us for its final answer.
            p.say(response(invite, 200, body=SDP))
            assert (await p.heard()).cseq.method == "ACK"
        server.close()


@pytest.mark.parametrize(
    ("says", "seconds", "reason"),
    [
        (b"", 11, "silent"),
        (b"\r\n\r\n", 11, "silent"),
        (b"INVITE sip:a", 11, "incomplete"),
        (request("OPTIONS", via="SIP/2.0/TCP h;branch=z9hG4bK-1"), 901, "idle"),
    ],
)
async def test_a_connection_that_holds_us_up_is_closed(
    says: bytes, seconds: float, reason: str
) -> None:
    async with node() as n, phone(n.port) as p:
        p.say(says)
        await eventually(lambda: len(n.shell.streams) == 1)
        if says.startswith((b"\r", b"OPT")):
            await p.heard_bytes()
        elif says:
            connection = next(iter(n.shell.streams._connections.values()))
            await eventually(lambda: connection._framer.pending)
        n.pass_over(seconds)
        assert await p.closed()
        assert n.counters[f"closed_{reason}"] == 1


async def test_a_peer_that_never_reads_is_let_go_and_nothing_is_kept_for_it() -> None:
    async with node(StreamLimits(written=20_000)) as n:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.connect(("127.0.0.1", n.port))
            deaf.settimeout(10)
            await eventually(lambda: len(n.shell.streams) == 1)
            options = request("OPTIONS", via="SIP/2.0/TCP h;branch=z9hG4bK-1")
            deaf.setblocking(False)

            def flood() -> bool:
                try:
                    deaf.send(options * 50)
                except BlockingIOError:
                    pass
                except ConnectionError:
                    return True
                return n.counters["slow_reader"] == 1

            await eventually(flood)
        await eventually(lambda: len(n.shell.streams) == 0)


async def test_the_oldest_silent_connection_makes_room_for_a_new_one() -> None:
    async with node(StreamLimits(connections=2)) as n, phone(n.port) as old, phone(n.port) as good:
        await eventually(lambda: len(n.shell.streams) == 2)
        good.say(request("OPTIONS", via="SIP/2.0/TCP h;branch=z9hG4bK-1"))
        await good.heard()
        async with phone(n.port) as new:
            assert await old.closed()
            new.say(request("OPTIONS", via="SIP/2.0/TCP h;branch=z9hG4bK-1"))
            await new.heard()
            async with phone(n.port) as late:
                assert await late.closed()
        assert n.counters["refused"] == 1


async def test_one_source_has_only_so_many_connections() -> None:
    async with node(StreamLimits(each_source=1)) as n, phone(n.port) as first:
        first.say(b"\r\n\r\n")
        await first.heard_bytes()
        async with phone(n.port) as second:
            assert await second.closed()
    assert n.shell.streams.most == 0


async def test_own_connections_are_kept_alive_and_given_up_when_the_pongs_end() -> None:
    async with node() as n:
        met: list[Phone] = []
        server, port = await listener(met.append)
        n.call(Hop(TCP, ("127.0.0.1", port)))
        await eventually(lambda: met)
        await met[0].heard()
        n.pass_over(101)
        assert await met[0].heard_bytes() == b"\r\n\r\n"
        met[0].say(b"\r\n")
        await eventually(lambda: n.counters["pong_in"] == 1)
        n.pass_over(101)
        assert await met[0].heard_bytes() == b"\r\n\r\n"
        n.pass_over(11)
        assert await met[0].closed() and n.counters["closed_no_pong"] == 1
        server.close()


async def test_ipv6_and_ipv4_peers_connect_to_one_wildcard() -> None:
    async with node(host="::") as n:
        for number, host in enumerate(("127.0.0.1", "::1")):
            async with phone(n.port, host) as p:
                p.say(p.invite(number, via=f"SIP/2.0/TCP h;rport;branch=z9hG4bK-{number}"))
                await p.heard()
                answer = await p.heard()
                assert answer.via.params["received"] == host
                shown = f"[{host}]" if ":" in host else host
                assert f"@{shown}:{n.port};transport=tcp>" in (answer.get("Contact") or "")


async def test_a_call_over_tls_shows_tls_in_via_and_contact(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("localhost", "127.0.0.1")
    async with node(tls=files) as n:
        trusting = client_context(TlsFiles(authorities=files.authorities))
        async with phone(n.tls_port, ssl=trusting) as p:
            p.say(p.invite(via="SIP/2.0/TLS h;rport;branch=z9hG4bK-s"))
            await p.heard()
            answer = await p.heard()
            assert f"@127.0.0.1:{n.tls_port};transport=tls>" in (answer.get("Contact") or "")
            p.say(p.invite(2, uri="sips:b@h", via="SIP/2.0/TLS h;rport;branch=z9hG4bK-t"))
            await p.heard()
            answer = await p.heard()
            assert f"<sips:n1-1.2@127.0.0.1:{n.tls_port}>" in (answer.get("Contact") or "")


async def test_an_older_tls_than_1_2_is_refused(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("127.0.0.1")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with node(tls=files) as n:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with phone(n.tls_port, ssl=old):
                pass
        await eventually(lambda: n.counters["handshake_failed"] == 1)
        assert len(n.shell.streams) == 0


@pytest.mark.parametrize(("name", "reached"), [("localhost", True), ("other.example", False)])
async def test_the_name_of_a_peer_is_checked_before_anything_is_said(
    tmp_path: Path, name: str, reached: bool
) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("localhost")
    async with node(tls=files) as called, node(tls=authority.issue("127.0.0.1")) as n:
        n.call(Hop(TLS, ("127.0.0.1", called.tls_port), name=name))
        if reached:
            await eventually(lambda: called.happened(InviteReceived))
        else:
            await eventually(lambda: n.happened(TransportFailed))
            assert called.log == []


async def test_half_a_handshake_holds_a_connection_only_for_its_time(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("127.0.0.1")
    async with node(tls=files) as n, phone(n.tls_port) as p:
        p.say(b"\x16\x03\x01")
        await eventually(lambda: n.counters["accepted"] == 1)
        n.pass_over(11)
        assert await p.closed() and n.counters["closed_silent"] == 1
        await eventually(lambda: len(n.shell.streams) == 0 and n.shell.streams.most == 0)


async def test_an_alias_over_tls_counts_with_a_certificate_that_bears_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("localhost", "127.0.0.1")
    async with node(tls=files) as n:
        async with phone(n.tls_port, ssl=client_context(files)) as p:
            via = "SIP/2.0/TLS localhost:7061;alias;branch=z9hG4bK-s"
            p.say(p.invite(via=via))
            await p.heard(), await p.heard()
            n.call(Hop(TLS, ("127.0.0.1", 7061), name="localhost"))
            assert (await p.heard()).cseq.method == "INVITE"
            assert n.counters["opened"] == 0


def test_it_runs_under_uvloop_too(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("localhost", "127.0.0.1")

    async def calls() -> None:
        async with node(tls=files) as one, node(tls=files) as other:
            one.call(Hop(TLS, ("127.0.0.1", other.tls_port), name="localhost"))
            one.call(Hop(TCP, ("127.0.0.1", other.port)))
            await eventually(lambda: len(one.happened(ResponseReceived)) == 2)
            assert {hop.transport for _, hop, _ in other.log} == {"TCP", "TLS"}

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(calls())
