"""Whole calls between two agents over a network that loses, doubles and reorders (RFC 3665).

Each run has a seed; a failure names it, and the same seed runs the same again.
"""

from __future__ import annotations

import random
from functools import partial

import pytest

from runtime.sip.events import CancelReceived, ResponseReceived
from runtime.sip.refresh import SessionTimer
from runtime.sip.usage import Usage, UsageState
from tests.runtime.sip.network import FAIR, SDP, STORM, Fork, Network, Party, User, Weather


def pair(seed: int = 0, weather: Weather = FAIR, **user: object) -> tuple[Network, Party, Party]:
    """Alice, who calls, and Bob, whose manners are given."""
    network = Network(seed, weather)
    alice, bob = network.join("alice"), network.join("bob")
    bob.user = User(**user)  # type: ignore[arg-type]
    return network, alice, bob


def settled(network: Network, alice: Party, bob: Party) -> None:
    """Nothing is left, and both sides know of the same end."""
    assert network.left() == [], f"seed {network.seed}"
    for party in (alice, bob):
        for usage in party.user.up + party.user.ended:
            assert usage.state is UsageState.TERMINATED, f"seed {network.seed}: {usage}"


# RFC 3665 3.1: a call that is made and ended.
PLAIN = (
    "alice INVITE, bob 100 INVITE, bob 180 INVITE, bob 200 INVITE, alice ACK, bob BYE,"
    " alice 200 BYE"
)


def test_a_call_takes_the_messages_of_the_rfc_and_no_more() -> None:
    network, alice, bob = pair(hangs_up=2.0)
    alice.call(bob)
    network.run()
    assert network.kinds == PLAIN.split(", ")
    settled(network, alice, bob)


def test_the_same_seed_gives_the_same_run() -> None:
    runs = []
    for _ in range(2):
        network, alice, bob = pair(5, STORM, hangs_up=2.0)
        alice.call(bob)
        network.run()
        runs.append([(passed.at, passed.sender, passed.kind) for passed in network.passed])
    assert runs[0] == runs[1]


SEEDS = range(60)


@pytest.mark.parametrize("hanging", ["alice", "bob", "both"])
def test_calls_in_a_storm_end_on_both_sides(hanging: str) -> None:
    up = 0
    for seed in SEEDS:
        network, alice, bob = pair(seed, STORM)
        alice.user.hangs_up = 2.0 if hanging != "bob" else None
        bob.user.hangs_up = 2.0 if hanging != "alice" else None
        if hanging == "alice":
            bob.user.hangs_up = 200.0  # Its ACK may never come: then somebody has to end it.
        if hanging == "bob":
            alice.user.hangs_up = 200.0
        alice.call(bob)
        network.run()
        settled(network, alice, bob)
        up += bool(alice.user.up and bob.user.up)
    assert up > len(SEEDS) * 0.9


@pytest.mark.parametrize("code", [302, 404, 486, 500, 603])
def test_refusals_in_a_storm_are_heard(code: int) -> None:
    heard = 0
    for seed in SEEDS:
        network, alice, bob = pair(seed, STORM, code=code)
        alice.call(bob)
        network.run()
        settled(network, alice, bob)
        heard += any(
            isinstance(told, ResponseReceived) and told.code == code for told in alice.happenings
        )
    assert heard > len(SEEDS) * 0.9


@pytest.mark.parametrize("after", [0.0, 0.05, 0.5, 0.98, 1.0, 1.02, 1.5])
def test_a_cancel_at_any_moment_ends_the_call(after: float) -> None:
    for seed in SEEDS:
        network, alice, bob = pair(seed, STORM)
        alice.user.hangs_up = bob.user.hangs_up = 3.0  # It may have been answered meanwhile.
        usage = alice.call(bob)
        alice.later(after, usage.cancel)
        network.run()
        settled(network, alice, bob)


@pytest.mark.parametrize("answer", [0.3, 1.0, 5.0])
def test_reliable_progress_in_a_storm_precedes_the_answer(answer: float) -> None:
    up = 0
    for seed in SEEDS:
        network, alice, bob = pair(seed, STORM, reliable=True, answer=answer, hangs_up=3.0)
        alice.user.hangs_up = 200.0
        alice.call(bob, reliable=True)
        network.run()
        settled(network, alice, bob)
        kinds = network.kinds
        if "bob 200 INVITE" in kinds:
            assert kinds.index("alice PRACK") < kinds.index("bob 200 INVITE")
            up += 1
    assert up > len(SEEDS) * 0.8


@pytest.mark.parametrize("confirms", [True, False])
def test_a_caller_that_demands_prack_is_served_by_a_user_who_knows_nothing_of_it(
    confirms: bool,
) -> None:
    up = 0
    for seed in SEEDS:
        network, alice, bob = pair(seed, STORM, hangs_up=3.0)
        alice.user.hangs_up = 200.0
        alice.user.confirms = confirms
        alice.call(bob, reliable=True, headers=[("Require", "100rel")])
        network.run()
        settled(network, alice, bob)
        up += bool(alice.user.up)
    assert up > len(SEEDS) * 0.8


def refreshing(network: Network, party: Party, usage: Usage) -> None:
    """Send an UPDATE every 40 s for as long as the call lives."""
    if usage.established:
        party.attempt(usage.request, "UPDATE")
        network.after(40, partial(refreshing, network, party, usage))


def test_sessions_in_a_storm_are_refreshed_by_whoever_has_to() -> None:
    for seed in range(20):
        network, alice, bob = pair(seed, STORM)
        alice.user.hangs_up = 400.0
        usage = alice.call(bob, session=SessionTimer(90))
        network.after(40, partial(refreshing, network, alice, usage))
        network.run()
        settled(network, alice, bob)
        assert network.now > 390


def meddle(network: Network, party: Party) -> None:
    """One of the things that a user may do in a call, if it is possible now."""
    if not party.user.up:
        return
    call = party.user.up[0]
    match network.chance.choice(["offer", "question", "refresh", "update", "info", "bye"]):
        case "offer":
            party.attempt(call.reinvite, sdp=SDP)
        case "question":
            party.attempt(call.reinvite)
        case "refresh":
            party.attempt(call.request, "UPDATE")
        case "update":
            party.attempt(call.request, "UPDATE", body=SDP, content_type="application/sdp")
        case "info":
            party.attempt(call.request, "INFO")
        case "bye" if network.chance.random() < 0.1:
            party.attempt(call.bye)


def test_whatever_two_users_do_at_once_both_come_to_the_same_end() -> None:
    """Offers, refreshes, questions and goodbyes of both sides at random moments (RFC 5407 3)."""
    for seed in range(200):
        network, alice, bob = pair(seed, STORM)
        alice.user.hangs_up = bob.user.hangs_up = 30.0
        alice.call(bob)
        for party in (alice, bob) * 12:
            network.after(network.chance.uniform(1, 20), partial(meddle, network, party))
        network.run()
        settled(network, alice, bob)


@pytest.mark.parametrize("reliable", [False, True])
@pytest.mark.parametrize("cancelled", [None, 0.8, 1.0])
def test_a_forked_call_is_one_call_and_its_other_branches_end(
    reliable: bool, cancelled: float | None
) -> None:
    """RFC 3261 13.2.2.4: a second 2xx is acknowledged and ended; so is one after a CANCEL."""
    several = 0
    for seed in SEEDS:
        network = Network(seed, STORM)
        alice = network.join("alice")
        callees = tuple(network.join(name) for name in ("bob", "carol", "dave"))
        for number, callee in enumerate(callees):
            callee.user = User(answer=1.0 + 0.1 * number, reliable=reliable, hangs_up=200.0)
        alice.user.hangs_up = 5.0
        usage = alice.call(Fork(network, callees), reliable=reliable)
        if cancelled is not None:
            alice.later(cancelled, usage.cancel)
        network.run()
        assert network.left() == [], f"seed {seed}"
        assert len(alice.user.up) <= 1
        several += alice.agent.counters["fork_ended"] > 0
    assert several > len(SEEDS) * (0.9 if cancelled is None else 0.2)


def test_nobody_answers_and_the_caller_gives_up() -> None:
    network, alice, bob = pair(answer=None)
    usage = alice.call(bob)
    alice.later(60.0, usage.cancel)
    network.run()
    settled(network, alice, bob)
    assert bob.told(CancelReceived)


def test_a_peer_that_is_not_there_times_out() -> None:
    network, alice, bob = pair()
    network.dropped["INVITE"] = 100
    alice.call(bob)
    network.run()
    settled(network, alice, bob)
    assert network.kinds == ["alice INVITE"] * 7


HURRICANE = Weather(loss=0.35, double=0.2, least=0.001, most=3.0)
SHUFFLE = Weather(double=0.3, least=0.0, most=5.0)


@pytest.mark.long
def test_calls_of_every_kind_in_any_weather_leave_nothing_behind() -> None:
    for seed in range(5000):
        chance = random.Random(seed)
        weather = chance.choice([STORM, HURRICANE, FAIR, SHUFFLE])
        network, alice, bob = pair(
            seed,
            weather,
            reliable=chance.random() < 0.3,
            answer=chance.choice([0.0, 0.2, 1.0, 5.0, None]),
            code=chance.choice([200, 200, 200, 486]),
        )
        for party in (alice, bob):
            party.user.lets_go = chance.random() < 0.5
            party.user.hangs_up = chance.choice([0.0, 0.5, 3.0, 30.0, 300.0])
        timer = SessionTimer(90) if chance.random() < 0.3 else None
        offer = SDP if chance.random() < 0.8 else None
        usage = alice.call(bob, reliable=chance.random() < 0.7, session=timer, sdp=offer)
        if bob.user.answer is None or chance.random() < 0.2:
            alice.later(chance.uniform(0, 6), usage.cancel)
        if chance.random() < 0.2:
            alice.later(chance.uniform(0, 6), usage.close)
        for party in (alice, bob) * 12:
            network.after(chance.uniform(0, 20), partial(meddle, network, party))
        network.run()
        settled(network, alice, bob)
