"""Requests that need no dialog, on a fake clock: what is sent, what is kept, what is told."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.sip.events import ResponseReceived, TransactionTimedOut, TransportFailed
from runtime.sip.message import Request
from runtime.sip.usage import Usage, UsageError
from tests.runtime.sip.peer import BROWSER, PEER, T1, Bench, response

AOR = "sip:alice@example.org"
BODY = b"<presence/>"


def prepared(bench: Bench, target: str = AOR) -> Usage:
    return bench.agent.prepare(target, caller=AOR, hop=bench.hop)


def sent(bench: Bench, act: Any, *arguments: Any, **options: Any) -> Request:
    (out,) = bench.do(act, *arguments, **options)
    assert isinstance(out.message, Request)
    return out.message


def test_a_register_goes_to_the_domain_and_names_the_address_and_our_contact() -> None:
    bench = Bench()
    usage = prepared(bench)
    register = sent(bench, usage.register, expires=600, headers=[("X-A", "b")])
    assert register.uri_text == "sip:example.org"
    assert (register.to.uri_text, register.to.tag) == (AOR, "")
    assert register.from_.uri_text == AOR and register.from_.tag == usage.local_tag
    assert register.get("Contact") == f"<sip:n1-1.{usage.id:x}@192.0.2.1:5060>"
    assert (register.get("Expires"), register.get("X-A")) == ("600", "b")
    bench.receive(response(register, 200))
    told = bench.take(ResponseReceived)
    assert (told.usage, told.method, told.code) == (usage, "REGISTER", 200)


@pytest.mark.parametrize(
    ("aor", "registrar", "uri"),
    [
        ("sip:a@example.org:5080;transport=tcp", "", "sip:example.org:5080"),
        ("sips:a@[2001:db8::1]", "", "sips:[2001:db8::1]"),
        (AOR, "sip:192.0.2.9:5070", "sip:192.0.2.9:5070"),
    ],
)
def test_the_registrar_is_the_domain_unless_one_is_named(
    aor: str, registrar: str, uri: str
) -> None:
    bench = Bench()
    assert sent(bench, prepared(bench, aor).register, registrar=registrar).uri_text == uri


@pytest.mark.parametrize(
    ("contact", "expires", "value"),
    [
        ("sip:a@192.0.2.1;ob", 60, "<sip:a@192.0.2.1;ob>"),
        ('"A" <sip:a@192.0.2.1>;q=0.5', None, '"A" <sip:a@192.0.2.1>;q=0.5'),
        ("*", 0, "*"),
    ],
)
def test_a_contact_is_written_as_given(contact: str, expires: int | None, value: str) -> None:
    bench = Bench()
    register = sent(bench, prepared(bench).register, contact=contact, expires=expires)
    assert register.get("Contact") == value
    assert register.get("Expires") == (None if expires is None else str(expires))


def test_requests_of_a_usage_share_call_id_and_tag_and_count_up() -> None:
    bench = Bench()
    usage = prepared(bench)
    numbers = []
    for act in (usage.register, usage.options, usage.register):
        request = sent(bench, act)
        assert (request.call_id, request.from_.tag) == (usage.call_id, usage.local_tag)
        numbers.append(request.cseq.number)
        bench.receive(response(request, 200))
    assert numbers == [1, 2, 3]


def test_of_each_method_one_request_is_under_way_at_a_time() -> None:
    """RFC 3261 10.2 and RFC 3903 4.1 forbid a second one before the first was answered."""
    bench = Bench()
    usage = prepared(bench)
    register = sent(bench, usage.register)
    with pytest.raises(UsageError, match="no answer yet"):
        bench.do(usage.register)
    options = sent(bench, usage.options)
    bench.receive(response(register, 423, headers=["Min-Expires: 1800"]))
    assert sent(bench, usage.register, expires=1800).cseq.number == 3
    bench.receive(response(options, 200))
    assert [bench.take(ResponseReceived).code for _ in range(2)] == [423, 200]


def test_a_message_has_a_body_and_no_contact() -> None:
    bench = Bench()
    usage = prepared(bench, "sip:bob@192.0.2.7:5071")
    message = sent(bench, usage.message, "grüß dich".encode(), "text/plain;charset=utf-8")
    assert (message.method, message.uri_text) == ("MESSAGE", "sip:bob@192.0.2.7:5071")
    assert message.get("Contact") is None and message.body.decode() == "grüß dich"
    bench.receive(response(message, 202, contact=None))
    assert bench.take(ResponseReceived).code == 202


def test_options_says_what_we_can_do() -> None:
    bench = Bench()
    options = sent(bench, prepared(bench).options)
    assert options.get("Accept") == "application/sdp" and "INVITE" in (options.get("Allow") or "")


def test_a_request_without_an_answer_times_out_after_64_t1() -> None:
    bench = Bench()
    usage = prepared(bench)
    sent(bench, usage.register)
    bench.advance(64 * T1 - 0.1)
    assert bench.happenings == []
    bench.advance(0.2)
    told = bench.take(TransactionTimedOut)
    assert (told.usage, told.method) == (usage, "REGISTER")
    assert sent(bench, usage.register).cseq.number == 2


def test_a_transport_that_fails_is_told_and_the_next_try_is_possible() -> None:
    bench = Bench()
    usage = prepared(bench)
    sent(bench, usage.register)
    bench.do(bench.agent.transport_failed, PEER)
    assert bench.take(TransportFailed).method == "REGISTER"
    assert sent(bench, usage.register).cseq.number == 2


def test_a_lost_connection_fails_what_waits() -> None:
    bench = Bench(hop=BROWSER)
    usage = prepared(bench)
    sent(bench, usage.message, b"hi", "text/plain")
    bench.do(bench.agent.connection_lost, "connection-1")
    assert {type(told).__name__ for told in bench.happenings} == {
        "ConnectionLost",
        "TransportFailed",
    }


def test_a_closed_usage_lets_its_request_go_silently() -> None:
    bench = Bench()
    usage = prepared(bench)
    register = sent(bench, usage.register)
    bench.do(usage.close)
    assert not bench.agent.usages
    bench.receive(response(register, 200))
    bench.advance(64)
    assert bench.happenings == []
    assert not bench.agent.uac.transactions and len(bench.agent.timers) == 0
    with pytest.raises(UsageError, match="closed"):
        bench.do(usage.register)


@pytest.mark.parametrize(
    ("act", "arguments", "options"),
    [
        ("register", (), {"contact": "*"}),
        ("register", (), {"contact": "\r\n"}),
        ("register", (), {"registrar": "tel:1"}),
        ("register", (), {"expires": -1}),
        ("register", (), {"headers": [("Call-ID", "mine")]}),
        ("message", (b"hi", ""), {}),
        ("message", (b"hi", "text/plain\r\nX: y"), {}),
        ("publish", ("presence",), {}),
        ("publish", ("presence\r\nX: y",), {"body": BODY, "content_type": "a/b"}),
        ("send_outside", ("INVITE",), {}),
        ("send_outside", ("A B",), {}),
    ],
)
def test_what_cannot_be_sent_is_refused_and_changes_nothing(
    act: str, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    bench = Bench()
    usage = prepared(bench)
    with pytest.raises(UsageError):
        bench.do(getattr(usage, act), *arguments, **options)
    assert bench.sent == [] and usage.waiting == () and usage.cseq == 0


def test_a_request_outside_is_not_sent_by_the_called_side() -> None:
    bench = Bench()
    usage = bench.established()
    with pytest.raises(UsageError):
        bench.do(usage.register)


def test_a_publication_names_the_entity_tag_of_the_last_answer() -> None:
    """RFC 3903 4.2 to 4.5: initial, refresh, modify, remove."""
    bench = Bench()
    usage = prepared(bench)

    def publish(etag: str | None, **options: Any) -> Request:
        request = sent(bench, usage.publish, "presence", **options)
        headers = [f"SIP-ETag: {etag}"] if etag else []
        bench.receive(response(request, 200, headers=headers))
        return request

    first = publish("one", expires=60, body=BODY, content_type="application/pidf+xml")
    assert (first.get("Event"), first.get("SIP-If-Match")) == ("presence", None)
    refresh = publish("two", expires=60)
    assert (refresh.get("SIP-If-Match"), refresh.body) == ("one", b"")
    change = publish("three", expires=60, body=BODY, content_type="application/pidf+xml")
    assert change.get("SIP-If-Match") == "two"
    removal = publish(None, expires=0)
    assert (removal.get("SIP-If-Match"), removal.get("Expires")) == ("three", "0")
    with pytest.raises(UsageError):
        bench.do(usage.publish, "presence")


def test_a_412_forgets_the_entity_tag() -> None:
    bench = Bench()
    usage = prepared(bench)
    first = sent(bench, usage.publish, "presence", body=BODY, content_type="a/b")
    bench.receive(response(first, 200, headers=["SIP-ETag: one"]))
    second = sent(bench, usage.publish, "presence")
    bench.receive(response(second, 412))
    with pytest.raises(UsageError, match="has a body"):
        bench.do(usage.publish, "presence")
    third = sent(bench, usage.publish, "presence", body=BODY, content_type="a/b")
    assert third.get("SIP-If-Match") is None


def test_a_challenged_request_is_repeated_whole_with_the_next_number() -> None:
    bench = Bench()
    usage = prepared(bench)
    register = sent(bench, usage.register, expires=60)
    bench.receive(response(register, 401))
    credentials = [("Authorization", "Digest x")]
    again = sent(bench, bench.agent.outside.repeat, usage, "REGISTER", credentials)
    assert (again.get("Authorization"), again.get("Expires")) == ("Digest x", "60")
    assert (again.cseq.number, again.call_id) == (2, register.call_id)
    with pytest.raises(UsageError):
        bench.do(bench.agent.outside.repeat, usage, "REGISTER", credentials)
    with pytest.raises(UsageError):
        bench.do(bench.agent.outside.repeat, usage, "OPTIONS", credentials)
