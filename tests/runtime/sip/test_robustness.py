"""Hostile and broken input against a whole agent: no exception, bounded memory, next call works."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import InviteReceived
from runtime.sip.screen import Refusal
from runtime.sip.usage import UsageError
from tests.runtime.sip.peer import BROWSER, PEER, SDP, Bench, request, response

MUTANTS = 60_000


def corpus(bench: Bench) -> list[bytes]:
    """Messages of every kind, some of a call that lives in `bench`."""
    usage = bench.established(call_id="living", branch="z9hG4bK-living")
    _, invite = bench.call()
    return [
        request(body=SDP, headers=["Record-Route: <sip:192.0.2.50;lr>", "Require: x"]),
        request(headers=['Subject: "a;b,c" <d>', "Supported: a, b", "Timestamp: 5"]),
        request("CANCEL"),
        request("OPTIONS", branch="z9hG4bK-o"),
        request("REGISTER", contact='"x" <sip:a@b.invalid;transport=ws>;expires=60, <sip:c@d>'),
        request("ACK", call_id="living", to_tag=usage.local_tag),
        bench.in_dialog(usage, "INVITE", number=3, body=SDP),
        bench.in_dialog(usage, "INFO", number=4, body=b"Signal=1", content_type="text/plain"),
        bench.in_dialog(usage, "UPDATE", number=5),
        response(invite, 183, body=SDP, headers=["Record-Route: <sip:192.0.2.50;lr>"]),
        response(invite, 200, body=SDP),
        response(invite, 486),
    ]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """One to four small damages: bytes flipped, cut, doubled, put in, lines shuffled."""
    out = bytearray(data)
    tokens = [b"\r\n", b"\r\n\r\n", b"\x00", b'"', b"<", b">", b";", b",", b":", b" ", b"%", b"@"]
    tokens += [b"\xff", b"99999999999", b"-1", b"\\", b"[", b"SIP/2.0", b"\t", b"\n", "é".encode()]
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        length = chance.randint(1, 12)
        match chance.randrange(6):
            case 0:
                out[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del out[at : at + length]
            case 2:
                out[at:at] = out[at : at + length] * chance.randint(1, 4)
            case 3:
                out[at:at] = chance.choice(tokens)
            case 4:
                del out[at:]
            case 5:
                lines = bytes(out).split(b"\r\n")
                here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
                lines[here], lines[there] = lines[there], lines[here]
                out = bytearray(b"\r\n".join(lines))
    return bytes(out)


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_messages_raise_nothing_and_the_next_call_works(seed: int) -> None:
    chance = random.Random(seed)
    bench = Bench({"out_of_dialog": frozenset({"REGISTER"})})
    messages = corpus(bench)
    agent = bench.agent
    now = 1.0
    for step in range(MUTANTS // 2):
        now += 0.01
        data = mutate(chance.choice(messages), chance)
        agent.receive(data, chance.choice((PEER, BROWSER)), now)
        agent.take_messages()
        for happening in agent.take_happenings():
            usage = getattr(happening, "usage", None)
            if isinstance(happening, InviteReceived) and step % 2:
                usage.respond(happening.transaction, 200, now=now, sdp=SDP)  # type: ignore[union-attr]
            elif usage is not None and step % 3:
                usage.close(now=now)
        agent.expire(now)
    bench.now = now
    agent.take_messages()
    bench.happenings.clear()
    assert bench.ring(call_id="next", branch="z9hG4bK-next").usage.call_id == "next"
    for usage in tuple(agent.usages.values()):
        usage.close(now=now)
    bench.advance(400)
    assert not agent.uas.transactions and not agent.uac.transactions
    assert not agent.usages and not agent.dialogs and len(agent.timers) == 0
    assert not agent.uas._merge


@pytest.mark.parametrize(
    "data",
    [
        request()[:40],
        request()[:200],
        request(body=SDP)[:-5],
        request(without=["Via"]),
        request().replace(b"Content-Length: 0", b"Content-Length: 500"),
        bytes(random.Random(3).randrange(256) for _ in range(1500)),
        b"A" * 65_507,
        request(body=b"x" * 64_000, content_type="application/x")[:65_507],
        request(headers=["X: " + "y" * 60_000]),
        request(headers=["Contact: <sip:a@b>"] * 200),
        b"INVITE",
        b"SIP/2.0 200 OK\r\n\r\n",
        b" \r\n \r\n",
        b":\r\n\r\n",
    ],
    ids=lambda data: f"{data[:12]!r} {len(data)}",
)
def test_a_malformed_datagram_is_refused_or_dropped_and_the_next_call_works(data: bytes) -> None:
    bench = Bench()
    codes = [sent.message.code for sent in bench.receive(data)]  # type: ignore[union-attr]
    assert all(400 <= code < 500 for code in codes) and len(codes) <= 1
    assert bench.happenings == [] and not bench.agent.uas.transactions
    bench.ring()


def test_a_truncated_request_that_can_be_answered_gets_400() -> None:
    bench = Bench()
    (refused,) = bench.receive(request(body=SDP)[:-5])
    assert refused.message.code == 400  # type: ignore[union-attr]
    assert bench.receive(request(without=["Via"])) == []


def test_text_of_a_peer_never_becomes_a_header_of_ours() -> None:
    bench = Bench()
    evil = '"x\\"y<>;,%0d%0a" <sip:a%0d%0aX:y@192.0.2.7>'
    usage = bench.established(from_=f"{evil};tag=alice")
    (bye,) = bench.do(usage.bye)
    assert bye.message.get("To") == f"{evil};tag=alice"
    assert bye.message.get("X") is None


def test_a_flood_of_refused_requests_leaves_nothing_behind() -> None:
    agent = Agent(AgentSettings("n1-1", screen=lambda request, hop, now: Refusal(503, [])))
    for number in range(3000):
        agent.receive(
            request(call_id=f"c{number}", branch=f"z9hG4bK-{number}"), PEER, number / 1000
        )
        agent.receive(request("OPTIONS", branch=f"z9hG4bK-o{number}"), PEER, number / 1000)
        agent.receive(request("BYE", branch=f"z9hG4bK-b{number}"), PEER, number / 1000)
    assert len(agent.take_messages()) == 9000
    assert not agent.uas.transactions and not agent.usages and len(agent.timers) == 0


def test_two_thousand_calls_leave_nothing_behind() -> None:
    bench = Bench()
    for number in range(2000):
        usage = bench.established(call_id=f"c{number}", branch=f"z9hG4bK-{number}")
        bench.receive(bench.in_dialog(usage, "BYE", branch=f"z9hG4bK-b{number}"))
        bench.happenings.clear()
        bench.sent.clear()
    bench.advance(64)
    agent = bench.agent
    assert not (agent.usages or agent.dialogs or agent.uas.transactions or agent.uas._merge)
    assert len(agent.timers) == 0 and not agent.timers._heap


SYNTAX = st.text(st.sampled_from('ab1@:;?&<>,"\\ %=\r\n\t\x00\u20acé[]'), max_size=20)


def names(message: object) -> list[str]:
    return [name for name, _ in message.headers]  # type: ignore[attr-defined]


@settings(max_examples=300, deadline=None)
@given(user=SYNTAX, display=SYNTAX, value=SYNTAX)
def test_text_of_an_event_never_becomes_syntax_of_an_invite(
    user: str, display: str, value: str
) -> None:
    bench = Bench()
    plain = names(bench.call(headers=[("X-Note", "x")])[1])
    try:
        _, invite = bench.call(
            target=f"sip:{user}@192.0.2.7",
            caller=f"{display} <sip:us@h>",
            headers=[("X-Note", value)],
        )
    except UsageError:
        return
    assert names(invite) == plain
    assert invite.uri.host == "192.0.2.7" and invite.from_.uri.host == "h"


@settings(max_examples=300, deadline=None)
@given(reason=SYNTAX, value=SYNTAX)
def test_text_of_an_event_never_becomes_syntax_of_a_response(reason: str, value: str) -> None:
    bench = Bench()
    invite = bench.ring()
    try:
        (sent,) = bench.do(
            invite.usage.respond, invite.transaction, 486, reason, headers=[("X-Note", value)]
        )
    except UsageError:
        assert not invite.transaction.answered
        return
    assert names(sent.message) == [
        *("Via", "From", "To", "Call-ID", "CSeq", "X-Note", "Server", "Content-Length")
    ]
