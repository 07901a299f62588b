"""The side that is subscribed to, and other requests that begin a usage, on a fake clock."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.sip.events import (
    OutsideReceived,
    RequestReceived,
    ResponseReceived,
    SubscriptionEnded,
)
from runtime.sip.message import Request, Response
from runtime.sip.screen import Refusal
from runtime.sip.usage import Usage, UsageError
from tests.runtime.sip.peer import T1, Bench, Sent, request, response

BEGINS = frozenset({"MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER"})
STATE = b"<presence/>"


def subscribe(
    expires: str | None = "600", *, event: str | None = "presence", number: int = 1, **options: Any
) -> bytes:
    headers = [f"Event: {event}"] if event is not None else []
    headers += [f"Expires: {expires}"] if expires is not None else []
    return request(
        "SUBSCRIBE", number=number, branch=f"z9hG4bK-s{number}", headers=headers, **options
    )


class Presence(Bench):
    """A bench whose agent lets peers subscribe to presence."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            {"begins": BEGINS, "events": frozenset({"presence", "dialog"}), **settings}
        )

    def begun(self, data: bytes) -> OutsideReceived:
        assert self.receive(data) == []
        return self.take(OutsideReceived)

    def answer(
        self, told: OutsideReceived | RequestReceived, code: int = 200, **options: Any
    ) -> Response:
        (sent,) = self.do(told.usage.respond, told.transaction, code, **options)
        assert isinstance(sent.message, Response)
        return sent.message

    def subscribed(self, expires: str = "600") -> Usage:
        told = self.begun(subscribe(expires))
        self.answer(told)
        return told.usage

    def notify(self, usage: Usage, **options: Any) -> Request:
        (sent,) = self.do(usage.notify, **options)
        assert isinstance(sent.message, Request)
        return sent.message

    def inside(self, usage: Usage, expires: str, number: int, event: str = "presence") -> bytes:
        return subscribe(expires, event=event, number=number, to_tag=usage.local_tag)


def refused(sent: list[Sent], code: int) -> Response:
    assert len(sent) == 1 and isinstance(sent[0].message, Response)
    assert sent[0].message.code == code
    return sent[0].message


@pytest.mark.parametrize(
    ("data", "code", "header"),
    [
        (subscribe(event="winfo"), 489, ("Allow-Events", "dialog, presence")),
        (subscribe(event=None), 489, ("Allow-Events", "dialog, presence")),
        (subscribe(event="a b"), 400, None),
        (subscribe("soon"), 400, None),
        (subscribe(contact=None), 400, None),
        (request("PUBLISH", headers=["Event: winfo"], body=STATE), 489, None),
        (request("PUBLISH", headers=["Event: presence"]), 400, None),
        (request("PUBLISH", headers=["Event: presence", "SIP-If-Match: x"]), 412, None),
        (request("REFER"), 400, None),
        (request("REFER", headers=["Refer-To: <sip:a@b>", "Refer-To: <sip:c@d>"]), 400, None),
    ],
)
def test_what_cannot_begin_anything_is_refused_without_state(
    data: bytes, code: int, header: tuple[str, str] | None
) -> None:
    bench = Presence()
    answer = refused(bench.receive(data), code)
    if header is not None:
        assert answer.get(header[0]) == header[1]
    assert bench.happenings == [] and not bench.agent.usages and len(bench.agent.timers) == 0


@pytest.mark.parametrize("method", sorted(BEGINS))
def test_methods_that_begin_nothing_here_are_refused(method: str) -> None:
    answer = refused(Bench().receive(request(method, headers=["Event: presence"])), 405)
    assert "INVITE" in (answer.get("Allow") or "")


@pytest.mark.parametrize("method", sorted(BEGINS))
def test_the_screen_is_asked_before_anything_begins(method: str) -> None:
    bench = Presence(screen=lambda request, hop, now: Refusal(403, []))
    refused(bench.receive(request(method, headers=["Event: presence"])), 403)
    assert bench.happenings == []


@pytest.mark.parametrize(("code", "expires", "granted"), [
    (200, "600", "600"), (202, "600", "600"), (200, None, "3600"), (200, "0", "0"),
])  # fmt: skip
def test_an_accepted_subscribe_is_answered_with_its_time(
    code: int, expires: str | None, granted: str
) -> None:
    bench = Presence()
    route = ["Record-Route: <sip:192.0.2.9;lr>"]
    data = subscribe(expires).replace(b"Event:", route[0].encode() + b"\r\nEvent:")
    told = bench.begun(data)
    assert told.method == "SUBSCRIBE" and told.usage.role == "UAS"
    answer = bench.answer(told, code)
    assert (answer.get("Expires"), answer.to.tag) == (granted, told.usage.local_tag)
    assert answer.get("Contact") and answer.get("Record-Route") == "<sip:192.0.2.9;lr>"


def test_a_shorter_time_may_be_granted() -> None:
    bench = Presence()
    told = bench.begun(subscribe("600"))
    assert bench.answer(told, headers=[("Expires", "60")]).get("Expires") == "60"
    bench.advance(61)
    assert bench.take(SubscriptionEnded).reason == "timeout"


def test_a_notify_says_the_state_and_the_time_that_is_left() -> None:
    bench = Presence()
    usage = bench.subscribed()
    bench.advance(100)
    notify = bench.notify(usage, body=STATE, content_type="application/pidf+xml")
    assert (notify.uri_text, notify.to.tag) == ("sip:alice@192.0.2.7:5071", "alice")
    assert notify.get("Event") == "presence" and notify.body == STATE
    assert notify.get("Subscription-State") == "active;expires=500" and notify.get("Contact")
    bench.receive(response(notify, 200))
    assert bench.take(ResponseReceived).method == "NOTIFY"
    assert bench.notify(usage, state="pending").cseq.number == notify.cseq.number + 1


def test_a_refresh_is_told_and_begins_the_time_anew() -> None:
    bench = Presence()
    usage = bench.subscribed("100")
    bench.advance(90)
    bench.receive(bench.inside(usage, "100", 2))
    told = bench.take(RequestReceived)
    assert told.method == "SUBSCRIBE" and bench.answer(told).get("Expires") == "100"
    bench.advance(99)
    assert bench.happenings == []
    bench.advance(2)
    assert bench.take(SubscriptionEnded).reason == "timeout"


@pytest.mark.parametrize(("event", "code"), [("presence;id=4", 481), ("dialog", 481), ("", 400)])
def test_a_refresh_of_what_is_not_subscribed_is_refused(event: str, code: int) -> None:
    bench = Presence()
    usage = bench.subscribed()
    refused(bench.receive(bench.inside(usage, "600", 2, event)), code)


def test_an_unsubscribe_is_followed_by_a_last_notify() -> None:
    bench = Presence()
    usage = bench.subscribed()
    crossing = bench.notify(usage)
    bench.receive(bench.inside(usage, "0", 2))
    assert bench.answer(bench.take(RequestReceived)).get("Expires") == "0"
    bench.receive(response(crossing, 200))
    last = bench.notify(usage, state="active", body=STATE, content_type="a/b")
    assert last.get("Subscription-State") == "terminated;reason=timeout"
    bench.receive(response(last, 200))
    assert usage.subscriptions == ()
    with pytest.raises(UsageError, match="nobody"):
        bench.do(usage.notify)


def test_a_time_that_is_over_asks_for_a_last_notify() -> None:
    bench = Presence()
    usage = bench.subscribed("60")
    bench.advance(61)
    assert bench.take(SubscriptionEnded).reason == "timeout"
    last = bench.notify(usage)
    assert last.get("Subscription-State") == "terminated;reason=timeout"
    bench.receive(response(last, 481))
    assert usage.subscriptions == () and bench.take(ResponseReceived).code == 481
    assert bench.happenings == []


@pytest.mark.parametrize(("code", "lives"), [(200, True), (401, True), (503, True), (481, False)])
def test_a_refused_notify_ends_what_the_subscriber_has_forgotten(code: int, lives: bool) -> None:
    bench = Presence()
    usage = bench.subscribed()
    bench.receive(response(bench.notify(usage), code))
    assert bench.take(ResponseReceived).code == code
    assert [type(h) for h in bench.happenings] == ([] if lives else [SubscriptionEnded])
    assert bool(usage.subscriptions) is lives


def test_a_notify_that_nobody_answers_ends_the_subscription() -> None:
    bench = Presence()
    usage = bench.subscribed()
    bench.notify(usage)
    bench.advance(64 * T1 + 1)
    assert bench.happenings[-1].reason == "silent" and usage.subscriptions == ()  # type: ignore[union-attr]


def test_a_refused_subscribe_leaves_nothing() -> None:
    bench = Presence()
    told = bench.begun(subscribe())
    answer = bench.answer(told, 489)
    assert answer.get("Allow-Events") == "dialog, presence"
    bench.advance(64)
    assert not bench.agent.usages and not bench.agent.dialogs and len(bench.agent.timers) == 0


def test_a_notify_before_the_subscribe_is_accepted_is_an_error() -> None:
    bench = Presence()
    told = bench.begun(subscribe())
    with pytest.raises(UsageError, match="not accepted"):
        bench.do(told.usage.notify)


@pytest.mark.parametrize(
    "options",
    [{"state": "gone"}, {"state": "terminated", "reason": "a\r\nb"}, {"body": b"x"},
     {"event": "dialog"}, {"body": b"x", "content_type": "a\r\nb"}],
)  # fmt: skip
def test_a_notify_that_cannot_be_sent_changes_nothing(options: dict[str, Any]) -> None:
    bench = Presence()
    usage = bench.subscribed()
    before = len(bench.sent)
    with pytest.raises(UsageError):
        bench.do(usage.notify, **options)
    assert len(bench.sent) == before and usage.subscriptions[0].state == "pending"


def test_a_closed_notifier_says_that_it_is_over() -> None:
    bench = Presence()
    usage = bench.subscribed()
    (sent,) = bench.do(usage.close)
    assert sent.message.get("Subscription-State") == "terminated;reason=noresource"
    assert isinstance(sent.message, Request)
    bench.receive(response(sent.message, 200))
    assert bench.happenings == [] and not bench.agent.usages and not bench.agent.dialogs


def test_an_open_subscribe_is_answered_when_its_usage_is_closed() -> None:
    bench = Presence()
    told = bench.begun(subscribe())
    refused(bench.do(told.usage.close), 500)
    assert not bench.agent.usages and not bench.agent.dialogs


def test_a_call_has_no_place_in_the_dialog_of_a_subscription() -> None:
    bench = Presence()
    usage = bench.subscribed()
    for number, method in enumerate(("BYE", "INVITE", "INFO"), start=2):
        data = request(method, number=number, to_tag=usage.local_tag, branch=f"z9hG4bK-{method}")
        refused(bench.receive(data), 481)
    assert len(usage.subscriptions) == 1


@pytest.mark.parametrize("code", [200, 202, 480])
def test_a_message_is_told_and_over_with_its_answer(code: int) -> None:
    bench = Presence()
    told = bench.begun(request("MESSAGE", contact=None, body=b"hi", content_type="text/plain"))
    assert (told.method, told.request.body) == ("MESSAGE", b"hi")
    answer = bench.answer(told, code)
    assert answer.get("Contact") is None and answer.to.tag
    bench.advance(64)
    assert not bench.agent.usages and not bench.agent.uas.transactions


def test_a_repeated_or_merged_message_begins_nothing_new() -> None:
    bench = Presence()
    bench.begun(request("MESSAGE", body=b"hi", content_type="text/plain"))
    assert bench.receive(request("MESSAGE", body=b"hi", content_type="text/plain")) == []
    other_way = request("MESSAGE", body=b"hi", content_type="text/plain", branch="z9hG4bK-2")
    refused(bench.receive(other_way), 482)
    assert bench.happenings == []


def publish(number: int, *headers: str, body: bytes = STATE) -> bytes:
    return request(
        "PUBLISH",
        number=number,
        branch=f"z9hG4bK-p{number}",
        headers=["Event: presence", *headers],
        body=body,
        content_type="application/pidf+xml",
    )


def test_a_publication_gets_a_new_tag_each_time_and_only_the_last_counts() -> None:
    """RFC 3903 6: initial, refresh, a stale tag, removal, and a tag whose time is over."""
    bench = Presence()
    first = bench.answer(bench.begun(publish(1, "Expires: 60")))
    assert first.get("Expires") == "60" and first.get("SIP-ETag")
    match = f"SIP-If-Match: {first.get('SIP-ETag')}"
    second = bench.answer(bench.begun(publish(2, match, "Expires: 60", body=b"")))
    assert second.get("SIP-ETag") != first.get("SIP-ETag")
    refused(bench.receive(publish(3, match)), 412)
    match = f"SIP-If-Match: {second.get('SIP-ETag')}"
    bench.advance(61)
    refused(bench.receive(publish(4, match)), 412)
    third = bench.answer(bench.begun(publish(5)), headers=[("Expires", "10")])
    assert third.get("Expires") == "10"
    match = f"SIP-If-Match: {third.get('SIP-ETag')}"
    bench.answer(bench.begun(publish(6, match, "Expires: 0", body=b"")))
    refused(bench.receive(publish(7, match)), 412)
    bench.advance(64)
    assert not bench.agent.usages


# REFER: a subscription without SUBSCRIBE.


def refer(*headers: str, number: int = 2, **options: Any) -> bytes:
    return request(
        "REFER",
        number=number,
        branch=f"z9hG4bK-r{number}",
        headers=["Refer-To: <sip:carol@192.0.2.8>", *headers],
        **options,
    )


def test_a_refer_in_a_call_is_reported_on_after_the_bye() -> None:
    bench = Presence()
    usage = bench.established()
    bench.receive(refer(to_tag=usage.local_tag))
    answer = bench.answer(bench.take(RequestReceived), 202)
    assert answer.get("Contact") and answer.get("Refer-Sub") is None
    trying = bench.notify(usage, body=b"SIP/2.0 100 Trying", content_type="message/sipfrag")
    assert trying.get("Event") == "refer;id=2"
    bench.receive(response(trying, 200))
    bench.receive(bench.in_dialog(usage, "BYE", number=3))
    last = bench.notify(
        usage, state="terminated", reason="noresource", body=b"SIP/2.0 200 OK", content_type="a/b"
    )
    assert last.get("Subscription-State") == "terminated;reason=noresource"
    bench.receive(response(last, 200))
    assert not bench.agent.usages and not bench.agent.dialogs


def test_a_report_written_by_hand_counts_like_any_other() -> None:
    bench = Presence()
    usage = bench.established()
    bench.receive(refer(to_tag=usage.local_tag))
    bench.answer(bench.take(RequestReceived), 202)
    bench.receive(bench.in_dialog(usage, "BYE", number=3))
    headers = [("Event", "refer"), ("Subscription-State", "terminated;reason=noresource")]
    (sent,) = bench.do(usage.request, "NOTIFY", headers=headers)
    assert isinstance(sent.message, Request)
    bench.receive(response(sent.message, 200))
    assert not bench.agent.usages


def test_a_refer_that_wants_no_subscription_gets_none() -> None:
    bench = Presence()
    usage = bench.established()
    bench.receive(refer("Refer-Sub: false", to_tag=usage.local_tag))
    assert bench.answer(bench.take(RequestReceived), 200).get("Refer-Sub") == "false"
    assert usage.subscriptions == ()
    bench.receive(bench.in_dialog(usage, "BYE", number=3))
    assert not bench.agent.usages


def test_a_subscriber_to_a_refer_may_end_it() -> None:
    bench = Presence()
    usage = bench.established()
    bench.receive(refer(to_tag=usage.local_tag))
    bench.answer(bench.take(RequestReceived), 202)
    bench.receive(bench.inside(usage, "0", 3, "refer;id=2"))
    assert bench.answer(bench.take(RequestReceived)).get("Expires") == "0"
    assert "terminated" in (bench.notify(usage).get("Subscription-State") or "")


def test_a_refer_outside_a_dialog_makes_one() -> None:
    bench = Presence()
    told = bench.begun(refer())
    assert told.method == "REFER"
    assert bench.answer(told, 202).get("Contact")
    notify = bench.notify(told.usage, state="terminated", body=b"x", content_type="a/b")
    bench.receive(response(notify, 200))
    bench.do(told.usage.close)
    assert not bench.agent.usages and not bench.agent.dialogs


def test_a_call_that_is_let_go_ends_its_reports_too() -> None:
    bench = Presence()
    usage = bench.established()
    bench.receive(refer(to_tag=usage.local_tag))
    bench.answer(bench.take(RequestReceived), 202)
    sent = bench.do(usage.close)
    assert [one.kind for one in sent] == ["BYE", "NOTIFY"]
    assert sent[1].message.body.startswith(b"SIP/2.0 503")
    for one in sent:
        assert isinstance(one.message, Request)
        bench.receive(response(one.message, 200))
    assert not bench.agent.usages and not bench.agent.dialogs
