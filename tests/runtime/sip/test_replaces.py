"""An INVITE that takes the place of another call (RFC 3891), both sides."""

from __future__ import annotations

import pytest

from runtime.sip import replaces
from runtime.sip.events import InviteReceived
from runtime.sip.headers import parse_refer_to
from runtime.sip.usage import UsageError
from tests.runtime.sip.peer import SDP, Bench, request, response


def invite(value: str, *, further: tuple[str, ...] = ()) -> bytes:
    headers = [f"Replaces: {value}", *further]
    return request(call_id="call-2", branch="z9hG4bK-2", headers=headers, body=SDP)


def test_an_established_call_is_found_whoever_began_it() -> None:
    bench = Bench()
    theirs = bench.established()
    bench.receive(invite(f"{theirs.call_id};from-tag=alice;to-tag={theirs.local_tag}"))
    assert bench.take(InviteReceived).replaces is theirs
    bench = Bench()
    ours, _ = bench.connected()
    bench.receive(invite(f"{ours.call_id};to-tag={ours.local_tag};from-tag=bob"))
    told = bench.take(InviteReceived)
    assert told.replaces is ours
    bench.do(told.usage.respond, told.transaction, 200, sdp=SDP)
    assert bench.do(ours.bye)[0].kind == "BYE"


def test_an_early_call_of_ours_may_be_replaced_and_one_of_the_peer_may_not() -> None:
    bench = Bench()
    usage, sent = bench.call()
    bench.receive(response(sent, 180))
    bench.happenings.clear()
    bench.receive(invite(f"{usage.call_id};to-tag={usage.local_tag};from-tag=bob;early-only"))
    assert bench.take(InviteReceived).replaces is usage
    bench = Bench()
    theirs = bench.ring().usage
    value = f"{theirs.call_id};to-tag={theirs.local_tag};from-tag=alice"
    assert bench.receive(invite(value))[0].kind == "481 INVITE"


def test_what_cannot_be_replaced_is_refused() -> None:
    bench = Bench()
    usage = bench.established()
    value = f"{usage.call_id};to-tag={usage.local_tag};from-tag=alice"
    for refused, code in (
        (f"{value};early-only", 486),
        (f"x{value}", 481),
        ("call-1", 400),
        ("", 400),
        (f"{usage.call_id};to-tag=alice;from-tag={usage.local_tag}", 481),
    ):
        assert bench.receive(invite(refused))[0].kind == f"{code} INVITE", refused
    twice = invite(value, further=(f"Replaces: {value}",))
    assert bench.receive(twice)[0].kind == "400 INVITE"
    bench.receive(bench.in_dialog(usage, "BYE"))
    assert bench.receive(invite(value))[0].kind == "603 INVITE"
    bench.advance(64)
    assert bench.receive(invite(value))[0].kind == "603 INVITE"


def test_the_calls_remembered_to_have_ended_are_few() -> None:
    bench = Bench()
    for number in range(replaces.REMEMBERED + 10):
        usage = bench.established(call_id=f"call-{number}", branch=f"z9hG4bK-x{number}")
        bench.receive(bench.in_dialog(usage, "BYE", branch=f"z9hG4bK-y{number}"))
        bench.happenings.clear()
    assert len(bench.agent.ended) == replaces.REMEMBERED


def test_an_agent_without_the_extension_takes_the_call_for_a_new_one() -> None:
    bench = Bench({"extensions": ("100rel", "timer")})
    bench.receive(invite("nothing;to-tag=a;from-tag=b"))
    assert bench.take(InviteReceived).replaces is None
    required = request(branch="z9hG4bK-3", call_id="call-3", headers=["Require: replaces"])
    assert bench.receive(required)[0].kind == "420 INVITE"


def test_own_invites_carry_checked_headers() -> None:
    bench = Bench()
    headers = [("Replaces", "a;to-tag=b;from-tag=c"), ("Referred-By", "<sip:carol@example.com>")]
    _, sent = bench.call(headers=headers)
    assert sent.get("Replaces") == "a;to-tag=b;from-tag=c"
    for header in (("Replaces", "a;to-tag=b"), ("Referred-By", "<carol>")):
        with pytest.raises(UsageError):
            bench.call(headers=[header])


def test_a_refer_to_names_the_call_to_replace_as_its_target_knows_it() -> None:
    bench = Bench()
    usage, _ = bench.connected()
    value = replaces.refer_to("sip:bob@192.0.2.7:5071", usage)
    asked = parse_refer_to(value)
    assert asked.uri.text == "sip:bob@192.0.2.7:5071"
    assert str(asked.replaces) == f"{usage.call_id};to-tag=bob;from-tag={usage.local_tag}"
    assert replaces.refer_to("tel:123") == "<tel:123>"


def test_a_call_without_a_dialog_has_no_name_yet() -> None:
    usage, _ = Bench().call()
    with pytest.raises(ValueError, match="no dialog"):
        replaces.naming(usage)


def test_a_call_with_a_peer_without_tags_is_named_by_zero_and_found_so() -> None:
    bench = Bench()
    usage, sent = bench.call()
    bench.receive(response(sent, 200, tag="", body=SDP))
    bench.happenings.clear()
    assert replaces.naming(usage).to_tag == "0"
    bench.receive(invite(f"{usage.call_id};to-tag={usage.local_tag};from-tag=0"))
    assert bench.take(InviteReceived).replaces is usage


def test_what_a_refer_to_asks_for_is_an_address_and_the_call_to_replace() -> None:
    assert replaces.referred("<sip:b@h?Replaces=x%3Bto-tag%3Da%3Bfrom-tag%3Db&Subject=s>") == (
        "sip:b@h",
        [("Replaces", "x;to-tag=a;from-tag=b")],
    )
    for wrong in ("<b>", "<sip:b@h?Replaces=x>"):
        with pytest.raises(ValueError):
            replaces.referred(wrong)
