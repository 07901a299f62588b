"""Who may begin how much, and what gives way under overload: counts on a fake clock."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from runtime.sip import agent
from runtime.sip.events import InviteReceived, RequestReceived
from runtime.sip.guard import Guard, GuardSettings, Rate
from runtime.sip.hop import UDP, Hop
from runtime.sip.message import Response
from runtime.sip.transport.address import source_of
from tests.runtime.sip.peer import PEER, SDP, Bench, Sent, request, response

NUMBERS = count(1)


def guarded(**settings: object) -> tuple[Bench, Guard]:
    settings.setdefault("retry_after", (5, 15))
    guard = Guard(GuardSettings(**settings), source_of, chance=lambda: 0.5)  # type: ignore[arg-type]
    return Bench({"guard": guard, "out_of_dialog": frozenset({"REGISTER"})}), guard


def fresh(method: str = "INVITE", **options: object) -> bytes:
    number = next(NUMBERS)
    options.setdefault("from_", f"<sip:alice@192.0.2.7>;tag=t{number}")
    return request(
        method,
        branch=f"z9hG4bK-{number}",
        call_id=f"c{number}",
        **options,  # type: ignore[arg-type]
    )


def codes(sent: list[Sent]) -> list[int]:
    return [each.message.code for each in sent if isinstance(each.message, Response)]


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS"])
def test_a_source_that_begins_too_much_is_refused_by_503_and_then_by_silence(method: str) -> None:
    rates = {method: Rate(1, 3), "*": Rate(1, 3)}
    bench, guard = guarded(rates=rates, answers=Rate(1, 2))
    heard = [codes(bench.receive(fresh(method))) for _ in range(8)]
    assert [answers for answers in heard[3:]] == [[503], [503], [], [], []]
    assert guard.counters["too_many"] == 3 and guard.counters["shunned"] == 2
    refused = bench.sent[-1].message
    assert isinstance(refused, Response) and refused.get("Retry-After") == "10"
    bench.now = 1.0
    bench.receive(fresh(method))
    assert guard.counters["too_many"] == 3
    other = Hop(UDP, ("192.0.2.99", 5060), PEER.local)
    assert codes(bench.receive(fresh(method), other)) != [503]


def test_a_flood_from_a_source_leaves_its_running_call_alone() -> None:
    bench, _ = guarded(rates={"*": Rate(1, 1)}, answers=Rate(0, 0))
    usage = bench.established()
    for _ in range(100):
        bench.receive(fresh())
    bench.happenings.clear()
    (info,) = bench.receive(bench.in_dialog(usage, "INFO", contact=None)) or [None]
    assert info is None  # It waits for the answer of whoever has the call.
    asked = bench.take(RequestReceived)
    bench.do(usage.respond, asked.transaction, 200)
    reinvite = bench.in_dialog(usage, "INVITE", number=3, body=SDP)
    assert codes(bench.receive(reinvite)) == [100]
    assert codes(bench.receive(bench.in_dialog(usage, "BYE", number=1))) == [500]  # Even refusals.
    assert 200 in codes(bench.receive(bench.in_dialog(usage, "BYE", number=4)))


def test_a_source_that_goes_on_is_not_read_for_a_while_but_for_its_call_and_emergencies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, guard = guarded(rates={"*": Rate(0, 1)}, answers=Rate(0, 0), reserve=Rate(0, 5))
    usage = bench.established()
    bench.receive(fresh())
    parsed = []
    split = agent.split
    monkeypatch.setattr(agent, "split", lambda data: parsed.append(data) or split(data))
    for _ in range(1000):
        bench.agent.receive(fresh(), PEER, bench.now)
    assert not parsed and guard.counters["shunned"] == 1000
    assert codes(bench.receive(fresh(uri="sip:112@192.0.2.1"))) == [100]
    bench.receive(fresh(uri="sip:1123@192.0.2.1"))
    assert guard.counters["shunned"] == 1001
    assert 200 in codes(bench.receive(bench.in_dialog(usage, "BYE")))
    bench.now = 1.1
    parsed.clear()
    bench.receive(fresh())
    assert len(parsed) == 1


def test_trusted_sources_are_exempt_from_the_rates_and_not_from_overload() -> None:
    bench, guard = guarded(trusted=lambda host: True, rates={"*": Rate(1, 1)})
    assert [codes(bench.receive(fresh())) for _ in range(50)] == [[100]] * 50
    guard.share = 0.02
    assert [codes(bench.receive(fresh())) for _ in range(50)].count([503]) == 49


def test_a_flood_from_everywhere_is_bounded_in_what_it_keeps_and_in_what_is_remembered() -> None:
    bench, guard = guarded(strangers=Rate(10, 100), sources=64)
    for number in range(2000):
        source = Hop(UDP, (f"198.18.{number // 256}.{number % 256}", 5060), PEER.local)
        bench.receive(fresh("REGISTER"), source)
    assert len(bench.agent.uas.transactions) == 100
    assert guard.figures()["sources"] == 64


def test_a_flood_from_everywhere_is_hardly_read_while_those_who_are_trusted_are() -> None:
    bench, guard = guarded(strangers=Rate(10, 10), trusted=lambda host: host == "192.0.2.7")
    for number in range(1000):
        bench.now = number / 1000
        source = Hop(UDP, (f"198.18.{number // 256}.{number % 256}", 5060), PEER.local)
        bench.receive(fresh(), source)
    assert guard.counters["shunned"] > 950
    assert codes(bench.receive(fresh())) == [100]


def test_an_ipv6_source_is_its_64() -> None:
    bench, _ = guarded(rates={"*": Rate(0, 1)})
    heard = [
        codes(bench.receive(fresh(), Hop(UDP, (f"2001:db8::{n:x}", 5060), "[2001:db8:1::1]:5060")))
        for n in range(1, 4)
    ]
    assert heard == [[100], [503], [503]]


def test_malformed_messages_and_stray_requests_are_answered_only_so_often() -> None:
    bench, guard = guarded(answers=Rate(1, 5))
    for number in range(50):
        bench.receive(request(number=number, without=["Call-ID"]))
        bench.receive(request("BYE", number=number, to_tag="gone", branch=f"z9hG4bK-{number}"))
    assert len(bench.sent) == 5 and guard.counters["unanswered"] == 95


def test_spoofed_responses_are_dropped_before_anything_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, _ = guarded()
    usage, invite = bench.call()
    forged = response(invite, 200).replace(invite.via.branch.encode(), b"z9hG4bKguess")

    def parsed(*_: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr("runtime.sip.agent.split", parsed)
    for _ in range(100_000):
        bench.agent.receive(forged, PEER, 0.0)
    assert bench.agent.counters["stray_response"] == 100_000
    monkeypatch.undo()
    bench.receive(response(invite, 200, body=SDP))
    assert usage.established


def test_the_ack_to_a_refusal_is_dropped_before_anything_is_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, guard = guarded()
    guard.share = 0.0
    (refused,) = bench.receive(request())
    monkeypatch.setattr("runtime.sip.agent.split", lambda data: 1 / 0)
    assert bench.receive(request("ACK", to_tag=refused.message.to.tag)) == []
    assert bench.agent.counters["refusal_acknowledged"] == 1


@pytest.mark.parametrize(
    "uri",
    ["sip:112@192.0.2.1", "sip:+112@h", "tel:911", "urn:service:sos", "sips:000@h"],
)
def test_emergency_calls_go_first_within_their_reserve(uri: str) -> None:
    bench, guard = guarded(rates={"*": Rate(0, 0)}, reserve=Rate(0, 3))
    guard.share = 0.0
    heard = [codes(bench.receive(fresh(uri=uri))) for _ in range(4)]
    if uri.startswith("urn"):
        assert heard[0] == [416]  # It is let through, to be told that nobody here knows the scheme.
    else:
        assert heard == [[100]] * 3 + [[503]]
        assert guard.counters["emergency"] == 3


def test_options_are_answered_under_overload() -> None:
    bench, guard = guarded(trusted=lambda host: True)
    guard.share = 0.0
    assert codes(bench.receive(fresh("OPTIONS"))) == [200]


def test_the_wait_that_is_asked_for_differs_within_its_bounds() -> None:
    dice = iter([0.0, 0.5, 0.999])
    guard = Guard(GuardSettings(retry_after=(5, 15)), source_of, chance=lambda: next(dice))
    assert [guard.retry_after() for _ in range(3)] == [5, 10, 15]


def look(guard: Guard, times: int, **measured: float) -> float:
    for _ in range(times):
        guard.look(**{"busy": 0.2, "late": 0.0, "transactions": 0, **measured})  # type: ignore[arg-type]
    return guard.share


def test_the_share_of_new_calls_follows_how_busy_the_loop_is_and_comes_back() -> None:
    guard = Guard(GuardSettings(), source_of)
    assert look(guard, 50, busy=0.85) == 1.0 and not guard.overloaded
    assert 0.2 < look(guard, 20, busy=1.0) < 0.8
    assert look(guard, 60, busy=1.0) == 0.02
    assert look(guard, 60) == 1.0


def test_a_page_or_an_fsync_that_holds_up_the_loop_once_refuses_nobody() -> None:
    guard = Guard(GuardSettings(), source_of)
    look(guard, 20, busy=0.5)
    assert look(guard, 3, busy=1.0) == 1.0
    assert look(guard, 1, busy=0.0, late=5.0) == 1.0
    assert look(guard, 1) == 1.0


def test_a_loop_that_is_late_again_and_again_lets_new_calls_give_way() -> None:
    guard = Guard(GuardSettings(), source_of)
    assert look(guard, 5, late=2.0) == pytest.approx(0.5**4)


def test_too_many_transactions_let_new_calls_give_way_at_once() -> None:
    guard = Guard(GuardSettings(transactions=1000), source_of)
    assert look(guard, 1, transactions=1000) == 1.0
    assert look(guard, 1, transactions=1001) == 0.02


CALL = 1.0 / 500
"Seconds that a whole call costs here: INVITE, ACK and BYE."
LOOK = 0.1
"Seconds between two looks at how busy the loop is."
REFUSAL = CALL * 0.03
"Beside it a refusal: measured, 25 us beside 0.8 ms and more of a call with table and journal."


def offered(each_second: float, seconds: float) -> Iterator[float]:
    return (number / each_second for number in range(int(each_second * seconds)))


def goodput(times_peak: float, seconds: float = 60.0) -> tuple[float, Counter[str]]:
    """Calls a second that end well with one server, and what became of the others.

    A call counts if its INVITE was answered within the caller's first retransmission.
    """
    guard = Guard(GuardSettings(trusted=lambda host: True), source_of)
    peak = 1 / CALL
    waiting = [(at, 0, "INVITE") for at in offered(times_peak * peak, seconds)]
    heapq.heapify(waiting)
    now, busy, looked, numbers, fates = 0.0, 0.0, LOOK, count(1), Counter[str]()
    while waiting:
        at, _, kind = heapq.heappop(waiting)
        while looked <= max(now, at):
            guard.look(busy=min(1.0, busy / LOOK), late=max(0.0, now - looked), transactions=0)
            busy, looked = max(0.0, busy - LOOK), looked + LOOK
        begun = now = max(now, at)
        if kind == "INVITE":
            refused = not guard._share_allows()
            now += REFUSAL if refused else CALL * 0.6
            if refused:
                fates["refused"] += 1
            elif begun - at > 0.5:
                fates["late"] += 1
            else:
                heapq.heappush(waiting, (now + 0.01, next(numbers), "ACK"))
                heapq.heappush(waiting, (now + 1.0, next(numbers), "BYE"))
        else:
            now += CALL * (0.15 if kind == "ACK" else 0.25)
            fates[kind] += 1
        busy += now - begun
    return fates["BYE"] / seconds, fates


def test_five_times_the_load_leaves_four_fifths_of_the_peak() -> None:
    peak, _ = goodput(0.85)
    under, fates = goodput(5.0)
    assert under >= 0.8 * peak, (peak, under, fates)
    assert fates["late"] < 0.12 * fates["BYE"]  # Until the share has found its place.


def test_without_overload_nothing_is_refused() -> None:
    _, fates = goodput(0.8)
    assert fates["refused"] == fates["late"] == 0


def test_a_request_that_is_refused_begins_nothing() -> None:
    bench, guard = guarded()
    guard.share = 0.0
    for _ in range(1000):
        bench.receive(fresh())
    assert not bench.agent.usages and not bench.agent.uas.transactions
    assert not [h for h in bench.happenings if isinstance(h, InviteReceived)]


def test_a_malformed_call_is_refused_as_such_under_overload_too() -> None:
    bench, guard = guarded()
    guard.share = 0.0
    assert codes(bench.receive(request(without=["Contact"]))) == [503]
    bench.agent.receive(request(without=["From"]), PEER, 0.0)
    assert bench.agent.counters["malformed"] == 1


def test_a_request_within_the_limits_is_judged_once() -> None:
    bench, guard = guarded(rates={"*": Rate(0, 2), "INVITE": Rate(0, 2)})
    guard.share = 0.999
    guard._credit = 1.0
    assert codes(bench.receive(fresh())) == [100] and codes(bench.receive(fresh())) == [100]
