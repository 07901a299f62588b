"""What kamailio in front of us reads of a request, we read too, or we refuse the request.

A header that the one sees and the other does not is how something is smuggled past a proxy that
checks it. Kamailio answers each request with what it read of it.
"""

from __future__ import annotations

import asyncio

import pytest

from runtime.sip.message import Malformed, Request
from runtime.sip.wire import parse
from tests.sip.kamailio import KAMAILIO, MISSING, kamailio
from tests.sip.smuggling import messages

pytestmark = pytest.mark.skipif(KAMAILIO is None, reason=MISSING)
NAMES = ("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length", "Route", "X-Test")
READ = "callid=$ci|cseq=$cs|method=$rm|from=$ft|to=$tt|uri=$ru|" + "|".join(
    f"{name}=$hdrc({name})" for name in NAMES
)
ROUTES = f"""
request_route {{
    force_rport();
    if ($ru =~ "^sip:probe") {{ sl_send_reply("200", "OK"); exit; }}
    set_reply_body("{READ}", "text/plain");
    sl_send_reply("200", "OK");
}}
"""


class Replies(asyncio.DatagramProtocol):
    """One request at a time, and a probe behind it that says when no answer will come."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.arrived.put_nowait(data)


PROBE = (
    "OPTIONS sip:probe@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};rport;"
    "branch=z9hG4bK-probe{number}\r\nMax-Forwards: 70\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:p@h>\r\n"
    "Call-ID: probe-{number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def ours(data: bytes) -> dict[str, str] | None:
    """What we read, in kamailio's words; None if the request is refused."""
    try:
        message = parse(data)
    except Malformed:
        return None
    assert isinstance(message, Request)
    read = {
        "callid": message.call_id,
        "cseq": str(message.cseq.number),
        "method": message.method,
        "from": message.from_.tag,
        "to": message.to.tag,
        "uri": message.uri_text,
    }
    return read | {name: str(len(message.named(name))) for name in NAMES}


def theirs(reply: bytes) -> dict[str, str] | None:
    head, _, body = reply.partition(b"\r\n\r\n")
    if not head.startswith(b"SIP/2.0 200"):
        return None
    pairs = (pair.partition("=") for pair in body.decode(errors="replace").split("|"))
    # Kamailio keeps a tab at the end of a Call-ID, which is white space to us (RFC 3261 25.1).
    return {name: "" if value == "<null>" else value.strip() for name, _, value in pairs}


async def differing(count: int, seed: int) -> list[tuple[bytes, dict[str, tuple[str, str]]]]:
    """The messages both take and read differently, with what differs."""
    found = []
    both = 0
    async with kamailio(ROUTES) as port:
        loop = asyncio.get_running_loop()
        transport, replies = await loop.create_datagram_endpoint(
            Replies, local_addr=("127.0.0.1", 0), remote_addr=("127.0.0.1", port)
        )
        own = transport.get_extra_info("sockname")[1]
        for number, data in enumerate(messages(count, seed, own)):
            transport.sendto(data)
            transport.sendto(PROBE.format(port=own, number=number).encode())
            answer = None
            async with asyncio.timeout(10):
                while f"probe-{number}".encode() not in (reply := await replies.arrived.get()):
                    answer = theirs(reply)
            read = ours(data)
            if read is None or answer is None:
                continue
            both += 1
            odd = {key: (read[key], answer[key]) for key in read if read[key] != answer[key]}
            if odd:
                found.append((data, odd))
        transport.close()
    assert both > count / 10, "the corpus is refused whole: it shows nothing"
    return found


async def test_what_a_proxy_reads_we_read_too_or_refuse() -> None:
    found = await differing(2000, seed=1)
    assert not found, "\n\n".join(f"{data!r}\n{odd}" for data, odd in found[:5])


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(2, 22))
async def test_what_a_proxy_reads_we_read_too_or_refuse_in_40_000_requests(seed: int) -> None:
    found = await differing(2000, seed)
    assert not found, "\n\n".join(f"{data!r}\n{odd}" for data, odd in found[:5])
