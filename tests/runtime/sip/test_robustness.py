"""Hostile and broken input against a whole agent: no exception, bounded memory, next call works."""

from __future__ import annotations

import os
import random
import sys
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import InviteReceived, OutOfDialogReceived
from runtime.sip.screen import Refusal
from runtime.sip.usage import UsageError
from tests.runtime.sip.mutants import corpus, mutate, read_all
from tests.runtime.sip.peer import BROWSER, PEER, SDP, Bench, request

LONG = int(os.environ.get("CALLSMITH_FUZZ", "1000000"))
"Mutants of the long run: 10**7 take half an hour."


def storm(seed: int, mutants: int) -> Bench:
    """Give one agent damaged messages, and its user's answers to what got through."""
    chance = random.Random(seed)
    bench = Bench({"out_of_dialog": frozenset({"REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE"})})
    messages = corpus(bench)
    agent = bench.agent
    now = 1.0
    for step in range(mutants):
        now += 0.01
        data = mutate(chance.choice(messages), chance)
        agent.receive(data, chance.choice((PEER, BROWSER)), now)
        if step % 4 == 0:
            read_all(data)
        agent.take_messages()
        for happening in agent.take_happenings():
            usage = getattr(happening, "usage", None)
            if isinstance(happening, InviteReceived) and step % 2:
                usage.respond(happening.transaction, 200, now=now, sdp=SDP)  # type: ignore[union-attr]
            elif usage is not None and step % 3:
                usage.close(now=now)
            elif isinstance(happening, OutOfDialogReceived):
                agent.respond(happening.transaction, 200, now=now)
        agent.expire(now)
        # What waits is what came within the last 64*T1, whatever it was.
        assert len(agent.uas.transactions) <= 32 / 0.01 and len(agent.timers) <= 20_000
    bench.now = now
    agent.take_messages()
    bench.happenings.clear()
    return bench


def assert_nothing_is_left(bench: Bench) -> None:
    """After the next call worked and everything was let go, nothing is held."""
    assert bench.ring(call_id="next", branch="z9hG4bK-next").usage.call_id == "next"
    agent = bench.agent
    for usage in tuple(agent.usages.values()):
        usage.close(now=bench.now)
    bench.advance(400)
    assert not agent.uas.transactions and not agent.uac.transactions
    assert not agent.usages and not agent.dialogs and len(agent.timers) == 0
    assert not agent.uas._merge


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_messages_raise_nothing_and_the_next_call_works(seed: int) -> None:
    assert_nothing_is_left(storm(seed, 25_000))


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("seed", range(10))
def test_a_million_mutated_messages_raise_nothing_and_the_next_call_works(seed: int) -> None:
    tracemalloc.start()
    try:
        bench = storm(1000 + seed, LONG // 10)
        assert_nothing_is_left(bench)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The corpus and the lists of the bench; nothing that grows with the number of messages.
    assert held < 16 * 2**20


def work(run: Callable[[], object]) -> int:
    """How many functions are called meanwhile, those written in C as well."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


def bombs() -> list[bytes]:
    """The largest messages that pass the caps, all of one thing."""
    pieces = ['"', "\\", '\\"', "<", ">", ",", ";", ";a=b", "%41", "a.", "a-", "[1:", " ", "?a=b&"]
    names = ("Via", "From", "To", "Contact", "Record-Route", "Route", "Authorization", "Require")
    names += ("Refer-To", "Replaces", "Supported", "Accept", "Call-ID", "CSeq", "Subject")
    big = [
        request(headers=[f"{name}: <sip:a@b>{piece * (8000 // len(piece))}"], without=[name])
        for piece in pieces
        for name in names
    ]
    big += [request(uri="sip:" + piece * (8000 // len(piece)) + "@h") for piece in pieces]
    big += [request(headers=[f"X-{number}: y" for number in range(240)])]
    big += [request(headers=["X: y", *[" z"] * 4000])]
    return big + [request(body=b"v=0\r\n" * 12_000)]


@pytest.mark.timeout(60)
def test_the_work_for_the_worst_single_message_is_bounded() -> None:
    """Work is counted in calls, so that a busy machine changes nothing; the loops are Python's."""
    chance = random.Random(5)
    bench = Bench({"out_of_dialog": frozenset({"REGISTER"})})
    messages = corpus(bench)
    inputs = bombs() + [mutate(chance.choice(messages), chance) for _ in range(1500)]
    for number, data in enumerate(inputs):
        calls = work(lambda: bench.agent.receive(data, PEER, 1.0 + number))  # noqa: B023
        calls += work(lambda: read_all(data))  # noqa: B023
        assert calls <= 3000 + 4 * len(data), data[:200]
        bench.agent.take_messages()


_TOKEN = st.text(st.sampled_from("abcZ019-.!%*_+`'~"), min_size=1, max_size=8)
_TEXT = st.text(st.sampled_from('ab1@:;?&<>,"\\ %=[]*/\t\x00\u20acé\r\n'), max_size=30)
_NAMES = (
    st.sampled_from(
        "Via v From f To t Call-ID i CSeq Contact m Max-Forwards Content-Length l Content-Type "
        "Require Supported k Route Record-Route Authorization Refer-To r Replaces Event o "
        "Expires".split()
    )
    | _TOKEN
)
_LINES = st.lists(
    st.tuples(_NAMES, st.sampled_from([":", " :", ":\r\n ", ": "]), _TEXT), max_size=6
)


@settings(max_examples=400, deadline=None)
@given(
    method=_TOKEN | st.sampled_from(["INVITE", "BYE"]), uri=_TEXT, lines=_LINES, body=st.binary()
)
def test_made_messages_raise_nothing_and_the_next_call_works(
    method: str, uri: str, lines: list[tuple[str, str, str]], body: bytes
) -> None:
    made = "".join(f"{name}{colon}{value}\r\n" for name, colon, value in lines).encode()
    head, _, rest = request(method, uri=uri or "sip:a@b").partition(b"\r\n")
    bench = Bench()
    for data in (head + b"\r\n" + made + rest + body, head + b"\r\n" + made + b"\r\n" + body):
        read_all(data)
        codes = [sent.message.code for sent in bench.receive(data)]  # type: ignore[union-attr]
        assert len(codes) <= 1
    bench.happenings.clear()
    bench.ring(call_id="next", branch="z9hG4bK-next")


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
