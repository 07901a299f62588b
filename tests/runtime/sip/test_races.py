"""The races of RFC 5407 and the flows of RFC 3665 between two agents, on a clock that jumps.

The network is told how long messages of a kind take, so that two of them cross as the RFC draws it.
"""

from __future__ import annotations

import pytest

from runtime.sip.auth import Credentials, DigestClient
from runtime.sip.events import (
    AckReceived,
    AckTimedOut,
    CancelReceived,
    InviteReceived,
    OutOfDialogReceived,
    RequestReceived,
    ResponseReceived,
)
from runtime.sip.usage import Usage, UsageState
from tests.runtime.sip.network import FAIR, SDP, STORM, Network, Party, User
from tests.runtime.sip.test_network import PLAIN, pair, settled


def called(answer: float | None = 0.5, **user: object) -> tuple[Network, Party, Party, Usage]:
    """Alice has called Bob; nothing has arrived yet."""
    network, alice, bob = pair(answer=answer, **user)
    return network, alice, bob, alice.call(bob)


def theirs(bob: Party) -> Usage:
    """The usage at Bob's side."""
    (invite,) = bob.told(InviteReceived)
    assert isinstance(invite, InviteReceived)
    return invite.usage


def codes(party: Party, method: str) -> list[int]:
    return [
        told.code
        for told in party.happenings
        if isinstance(told, ResponseReceived) and told.method == method
    ]


# RFC 5407 3.1: a request that arrives in a state it was not meant for.


def test_a_bye_for_an_early_dialog_ends_the_invite() -> None:
    """3.1.1 and 15: the caller ends an early dialog by BYE, the callee gets rid of the INVITE."""
    network, alice, bob, usage = called(answer=None)
    network.run(0.3)
    alice.do(alice.agent.uac.end_silently, usage, usage.dialog)  # type: ignore[arg-type]
    network.run()
    assert "bob 200 BYE" in network.kinds and codes(alice, "INVITE")[-1] == 487
    settled(network, alice, bob)


def test_a_cancel_that_crosses_the_200_is_answered_and_the_call_ended_by_bye() -> None:
    """3.1.2: the CANCEL comes too late; the caller acknowledges and hangs up."""
    network, alice, bob, usage = called()
    alice.user.hangs_up = 0.0
    alice.later(0.515, usage.cancel)
    network.run()
    assert network.kinds[3:] == [
        "bob 200 INVITE", "alice CANCEL", "alice ACK", "alice BYE", "bob 200 CANCEL", "bob 200 BYE"
    ]  # fmt: skip
    assert not bob.told(CancelReceived)
    settled(network, alice, bob)


def test_a_200_that_overtakes_the_180_is_the_answer_all_the_same() -> None:
    """3.1.3 is about provisional answers that come late: nobody is told of them."""
    network, alice, bob, _ = called(hangs_up=3.0)
    network.slow["180 INVITE"] = 1.0
    network.run()
    assert codes(alice, "INVITE") == [200]
    settled(network, alice, bob)


@pytest.mark.parametrize("offer", [SDP, None])
def test_a_re_invite_that_overtakes_the_ack_is_answered(offer: bytes | None) -> None:
    """3.1.4: the callee still waits for the ACK when the caller offers anew."""
    network, alice, bob, usage = called()
    network.slow["ACK"] = 0.3
    alice.later(0.6, usage.reinvite, sdp=offer)
    alice.later(5.0, usage.bye)
    network.run()
    assert codes(alice, "INVITE")[-2:] == [200, 200]
    assert [told.reinvite for told in bob.told(AckReceived)] == [False, True]  # type: ignore[attr-defined]
    settled(network, alice, bob)


def test_a_bye_that_overtakes_the_ack_ends_the_call() -> None:
    """3.1.5: the 200 is repeated no more, and the ACK that follows is of no call."""
    network, alice, bob, usage = called()
    network.slow["ACK"] = 0.9
    alice.later(0.6, usage.bye)
    network.run()
    assert network.kinds.count("bob 200 INVITE") == 1
    assert bob.agent.counters["stray_ack"] == 1 and not bob.told(AckTimedOut)
    settled(network, alice, bob)


# RFC 5407 3.2: requests that cross in an established call.


def test_two_re_invites_that_cross_are_both_refused_and_one_is_tried_again() -> None:
    """3.2.1: glare."""
    network, alice, bob, usage = called()
    network.run(1.0)
    alice.do(usage.reinvite, sdp=SDP)
    bob.do(theirs(bob).reinvite, sdp=SDP)
    network.run(2.0)
    assert codes(alice, "INVITE")[-1] == 491 and codes(bob, "INVITE") == [491]
    assert usage.established and theirs(bob).established
    bob.do(theirs(bob).reinvite, sdp=SDP)
    alice.later(2.0, usage.bye)
    network.run()
    assert codes(bob, "INVITE") == [491, 200]
    settled(network, alice, bob)


def test_two_updates_that_cross_are_both_refused() -> None:
    """3.2.2, with UPDATE (RFC 3311 5.2)."""
    network, alice, bob, usage = called()
    network.run(1.0)
    for party, call in ((alice, usage), (bob, theirs(bob))):
        party.do(call.request, "UPDATE", body=SDP, content_type="application/sdp")
    alice.later(2.0, usage.bye)
    network.run()
    assert codes(alice, "UPDATE") == [491] and codes(bob, "UPDATE") == [491]
    settled(network, alice, bob)


def test_a_re_invite_that_crosses_a_bye_gets_481() -> None:
    """3.2.3."""
    network, alice, bob, usage = called()
    network.run(1.0)
    alice.do(usage.bye)
    bob.do(theirs(bob).reinvite, sdp=SDP)
    network.run()
    assert "alice 481 INVITE" in network.kinds and "bob 200 BYE" in network.kinds
    settled(network, alice, bob)


def test_two_byes_that_cross_are_both_answered() -> None:
    """3.2.4."""
    network, alice, bob, usage = called()
    network.run(1.0)
    alice.do(usage.bye)
    bob.do(theirs(bob).bye)
    network.run()
    assert network.kinds[-4:] == ["alice BYE", "bob BYE", "bob 200 BYE", "alice 200 BYE"]
    settled(network, alice, bob)


def test_an_ack_of_a_re_invite_that_crosses_a_bye_is_of_no_call() -> None:
    """3.2.5: Bob hangs up between the 200 to his own offer and its ACK."""
    network, alice, bob, usage = called()
    network.run(1.0)
    network.slow["200 INVITE"] = 0.3
    bob.do(theirs(bob).reinvite, sdp=SDP)
    alice.later(0.2, usage.bye)
    network.run()
    settled(network, alice, bob)


def test_an_old_answer_that_comes_late_changes_nothing() -> None:
    """3.3.1: the first 200 is lost, its repeats cross the ACK and are acknowledged again."""
    network, alice, bob, usage = called()
    network.slow["ACK"] = 0.8
    alice.later(3.0, usage.bye)
    network.run()
    assert network.kinds.count("alice ACK") == network.kinds.count("bob 200 INVITE") == 2
    assert codes(alice, "INVITE") == [180, 200] and len(bob.told(AckReceived)) == 1
    settled(network, alice, bob)


def test_a_refer_that_crosses_a_bye_is_no_transfer() -> None:
    network, alice, bob, usage = called()
    network.run(1.0)
    alice.do(usage.request, "REFER", headers=[("Refer-To", "<sip:carol@192.0.2.9>")])
    bob.do(theirs(bob).bye)
    network.run()
    assert usage.state is UsageState.TERMINATED
    settled(network, alice, bob)


# RFC 3665 3: sessions.


def test_a_call_whose_caller_offers_nothing_is_answered_by_its_ack() -> None:
    """3.1 with the offer in the 200 (RFC 3261 13.2.1)."""
    network, alice, bob = pair(hangs_up=1.0)
    alice.call(bob, sdp=None)
    network.run()
    assert network.kinds == PLAIN.split(", ")
    settled(network, alice, bob)


def test_a_call_that_nobody_answers_is_given_up() -> None:
    """3.8."""
    network, alice, bob, usage = called(answer=None)
    alice.later(20.0, usage.cancel)
    network.run()
    assert network.kinds == [
        "alice INVITE", "bob 100 INVITE", "bob 180 INVITE",
        "alice CANCEL", "bob 200 CANCEL", "bob 487 INVITE", "alice ACK",
    ]  # fmt: skip
    settled(network, alice, bob)


@pytest.mark.parametrize("code", [486, 480])
def test_a_call_that_is_refused_is_acknowledged(code: int) -> None:
    """3.9, 3.10."""
    network, alice, bob, _ = called(code=code)
    network.run()
    assert network.kinds[3:] == [f"bob {code} INVITE", "alice ACK"]
    settled(network, alice, bob)


class Follower(User):
    """Goes where a redirection sends it, and answers one challenge."""

    def on(self, party: Party, happening: object) -> None:
        if isinstance(happening, ResponseReceived) and happening.method == "INVITE":
            usage = happening.usage
            if happening.code == 302:
                contact = happening.response.contacts[0].uri_text
                party.do(usage.invite, sdp=SDP, target=contact)
                return
            if happening.code in (401, 407) and not usage.credentials:
                client = DigestClient(Credentials("alice", "secret"), random_hex=lambda n: "0" * n)
                usage.authorize(happening.response, client)
                party.do(usage.repeat, "INVITE")
                return
        super().on(party, happening)  # type: ignore[arg-type]


class Redirector(User):
    """Is known under another name."""

    def on(self, party: Party, happening: object) -> None:
        if isinstance(happening, InviteReceived) and "bob@" in happening.request_uri:
            header = ("Contact", "<sip:carol@192.0.2.2:5060>")
            party.do(happening.usage.respond, happening.transaction, 302, headers=[header])
            self._over(party, happening.usage)
            return
        super().on(party, happening)  # type: ignore[arg-type]


def test_a_redirected_call_goes_to_the_new_address() -> None:
    """3.6, under any weather."""
    placed = 0
    for seed in range(30):
        network, alice, bob = pair(seed, STORM if seed else FAIR)
        alice.user, bob.user = Follower(hangs_up=3.0), Redirector(hangs_up=300.0)
        usage = alice.call(bob)
        network.run()
        placed += bool(alice.user.up) and usage.target == "sip:carol@192.0.2.2:5060"
        settled(network, alice, bob)
    assert placed > 25


def test_a_challenged_call_is_placed_with_credentials() -> None:
    """3.3: 407 and then 200, to the end under any weather."""
    challenge = 'Digest realm="example.com", nonce="abc", qop="auth"'
    placed = 0
    for seed in range(30):
        network, alice, bob = pair(seed, STORM if seed else FAIR, code=407)
        alice.user, bob.user = Follower(hangs_up=3.0), Challenger(challenge)
        alice.call(bob)
        network.run()
        placed += bool(alice.user.up)
        settled(network, alice, bob)
        if not seed:
            assert network.kinds == [
                "alice INVITE", "bob 100 INVITE", "bob 407 INVITE", "alice ACK",
                "alice INVITE", "bob 100 INVITE", "bob 180 INVITE", "bob 200 INVITE", "alice ACK",
                "alice BYE", "bob 200 BYE",
            ]  # fmt: skip
    assert placed > 25


class Challenger(User):
    """Wants credentials for a call."""

    def __init__(self, challenge: str) -> None:
        super().__init__(hangs_up=300.0)
        self._challenge = challenge

    def on(self, party: Party, happening: object) -> None:
        if isinstance(happening, InviteReceived):
            if happening.request.get("Proxy-Authorization") is None:
                header = ("Proxy-Authenticate", self._challenge)
                party.do(happening.usage.respond, happening.transaction, 407, headers=[header])
                self._over(party, happening.usage)
                return
        super().on(party, happening)  # type: ignore[arg-type]


# RFC 3665 2: registration.


def test_a_registration_is_answered_whatever_is_lost() -> None:
    """2.1, with the answer lost: the request is repeated and answered from memory."""
    network = Network()
    alice = network.join("alice")
    registrar = network.join("bob", out_of_dialog=frozenset({"REGISTER"}))
    network.dropped["200 REGISTER"] = 2
    usage = alice.prepare(registrar)
    alice.do(usage.register, expires=3600)
    network.run(30)
    assert codes(alice, "REGISTER") == [200]
    assert len(registrar.told(OutOfDialogReceived)) == 1
    assert network.kinds == ["alice REGISTER", "bob 200 REGISTER"] * 3
    alice.do(usage.close)
    network.run()
    assert network.left() == []


# What the network itself may do.


@pytest.mark.parametrize(
    ("kind", "times"),
    [("INVITE", 3), ("100 INVITE", 1), ("200 INVITE", 4), ("ACK", 3), ("BYE", 3), ("200 BYE", 3)],
)
def test_each_message_of_a_call_may_be_lost(kind: str, times: int) -> None:
    network, alice, bob = pair(hangs_up=10.0)
    network.dropped[kind] = times
    alice.call(bob)
    network.run()
    assert alice.user.up and bob.user.up
    assert [told.method for told in alice.told(RequestReceived)] == ["BYE"]  # type: ignore[attr-defined]
    settled(network, alice, bob)
