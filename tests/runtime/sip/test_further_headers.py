"""Headers of PRACK, session timers, Replaces and challenges with damage in them: nothing breaks."""

from __future__ import annotations

import random

import pytest

from runtime.sip.auth import Credentials, DigestClient
from runtime.sip.events import ResponseReceived
from runtime.sip.refresh import SessionTimer
from runtime.sip.usage import UsageError
from tests.runtime.sip.peer import SDP, Bench, request, response

WHOLE = (
    "Session-Expires: 1800;refresher=uac",
    'Session-Expires: 90;refresher=uas;x="a;b"',
    "Min-SE: 90",
    "Supported: 100rel, timer, replaces",
    "Require: 100rel",
    "RAck: 1 1 INVITE",
    "RSeq: 1",
    "Replaces: call-1;to-tag=a;from-tag=b;early-only",
    "Refer-To: <sip:a@h?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db>",
    'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256',
    "Retry-After: 7;duration=3",
    "Timestamp: 54.5",
)
PIECES = (
    *("", ";", ",", "=", '"', "\\", "<", ">", "%", " ", "\x00"),
    *("é", "٣", "-1", "4294967296", "a" * 300),
)


def damaged(chance: random.Random) -> list[str]:
    """Some of the headers, most of them wrong, some twice."""
    found = []
    for line in chance.choices(WHOLE, k=chance.randint(1, 4)):
        name, _, value = line.partition(": ")
        for _ in range(chance.randint(0, 3)):
            at = chance.randint(0, len(value))
            value = value[:at] + chance.choice(PIECES) + value[at + chance.randint(0, 3) :]
        found.append(f"{name}: {value}")
    return found


@pytest.mark.parametrize("method", ["INVITE", "PRACK", "UPDATE", "REFER"])
def test_requests_with_damaged_headers_are_answered_and_the_call_goes_on(method: str) -> None:
    chance = random.Random(method)
    bench = Bench()
    usage = bench.established()
    for number in range(2, 300):
        headers = damaged(chance)
        data = bench.in_dialog(usage, method, number, headers=headers, body=SDP)
        for sent in bench.receive(data):
            assert sent.kind.split()[0] in ("100", "200", "202", "400", "420", "422", "481", "500")
        while usage.open:
            bench.do(usage.respond, usage.open[0], chance.choice([200, 488]))
        bench.receive(bench.in_dialog(usage, "ACK", number))
        bench.happenings.clear()
    assert usage.established
    assert bench.receive(bench.in_dialog(usage, "BYE", 1000))[0].kind == "200 BYE"
    bench.do(usage.close)  # A REFER that was accepted would be reported on for a while.
    bench.advance(70)
    assert not bench.agent.usages and len(bench.agent.timers) == 0


def test_first_invites_with_damaged_headers_leave_nothing_behind() -> None:
    chance = random.Random(1)
    bench = Bench()
    for number in range(300):
        headers = damaged(chance)
        data = request(call_id=f"c{number}", branch=f"z9hG4bK-{number}", headers=headers, body=SDP)
        bench.receive(data)
        for usage in tuple(bench.agent.usages.values()):
            bench.do(usage.close)
    bench.advance(100)
    assert not bench.agent.usages and not bench.agent.uas.transactions
    assert len(bench.agent.timers) == 0 and bench.agent.counters["internal_error"] == 0


def test_answers_with_damaged_headers_are_told_and_nothing_breaks() -> None:
    chance = random.Random(2)
    client = DigestClient(Credentials("alice", "secret"))
    for _ in range(200):
        bench = Bench()
        usage, invite = bench.call(reliable=True, session=SessionTimer(90))
        for code in (183, chance.choice([180, 183]), chance.choice([200, 401, 407, 422, 503])):
            bench.receive(response(invite, code, headers=damaged(chance), body=SDP))
        for happening in bench.happenings:
            if isinstance(happening, ResponseReceived):
                _ = happening.retry_after
                try:
                    usage.authorize(happening.response, client)
                    bench.do(usage.repeat, "INVITE")
                except UsageError:
                    pass
        while usage.prack_wanted:
            bench.do(usage.prack)
        bench.do(usage.close)
        bench.advance(200)
        assert not bench.agent.usages and len(bench.agent.timers) == 0
