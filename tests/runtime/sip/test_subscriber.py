"""The subscribing side on a fake clock, with the races of RFC 6665 and RFC 5057."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.sip.auth import Credentials, DigestClient
from runtime.sip.events import (
    RequestReceived,
    ResponseReceived,
    SubscriptionEnded,
    TransactionTimedOut,
)
from runtime.sip.message import Request, Response
from runtime.sip.notice import EventId, notice_of
from runtime.sip.usage import Usage, UsageError
from tests.runtime.sip.peer import T1, Bench, Sent, request, response

AOR = "sip:alice@192.0.2.7:5071"
CONTACT = "<sip:pa@192.0.2.7:5071>"


def notify(
    subscribe: Request,
    state: str,
    *,
    number: int = 1,
    tag: str = "pa",
    event: str = "presence",
    body: bytes = b"",
    **options: Any,
) -> bytes:
    """A NOTIFY of the peer in the dialog that `subscribe` asks for."""
    headers = [f"Event: {event}"] if event else []
    headers += [f"Subscription-State: {state}"] if state else []
    return request(
        "NOTIFY",
        uri="sip:us@192.0.2.1",
        branch=f"z9hG4bK-n-{tag}-{number}",
        number=number,
        call_id=subscribe.call_id,
        from_=f"<{AOR}>;tag={tag}",
        to=subscribe.get("From") or "",
        headers=headers,
        contact=options.pop("contact", CONTACT),
        body=body,
        content_type="application/pidf+xml",
        **options,
    )


def ok(subscribe: Request, expires: int | None = 600, *, tag: str = "pa", code: int = 200) -> bytes:
    headers = [] if expires is None else [f"Expires: {expires}"]
    return response(subscribe, code, tag=tag, contact=CONTACT, headers=headers)


class Watcher(Bench):
    """A bench whose agent has subscribed to presence."""

    def begin(self, expires: int = 600) -> tuple[Usage, Request]:
        usage = self.agent.prepare(AOR, caller="sip:us@192.0.2.1", hop=self.hop)
        return usage, self.ask(usage, expires)

    def ask(self, usage: Usage, expires: int = 600, event: str = "presence") -> Request:
        (sent,) = self.do(usage.subscribe, event, expires=expires)
        assert isinstance(sent.message, Request)
        return sent.message

    def subscribed(self, expires: int = 600) -> tuple[Usage, Request]:
        usage, subscribe = self.begin(expires)
        self.receive(ok(subscribe, expires))
        self.accept(notify(subscribe, f"active;expires={expires}"))
        self.happenings.clear()
        return usage, subscribe

    def accept(self, data: bytes) -> RequestReceived:
        """Receive a NOTIFY that is told, and answer it with 200."""
        assert self.receive(data) == []
        told = next(h for h in self.happenings if isinstance(h, RequestReceived))
        self.happenings.remove(told)
        assert self.code(self.do(told.usage.respond, told.transaction, 200)) == 200
        return told

    @staticmethod
    def code(sent: list[Sent]) -> int:
        assert len(sent) == 1 and isinstance(sent[0].message, Response)
        return sent[0].message.code


def test_a_subscribe_names_event_time_and_contact() -> None:
    _, subscribe = Watcher().begin()
    assert (subscribe.uri_text, subscribe.to.tag) == (AOR, "")
    assert (subscribe.get("Event"), subscribe.get("Expires")) == ("presence", "600")
    assert (subscribe.get("Contact") or "").startswith("<sip:n1-1.")


def test_an_answer_and_then_a_notify_make_one_dialog() -> None:
    bench = Watcher()
    usage, subscribe = bench.begin()
    bench.receive(ok(subscribe))
    assert bench.take(ResponseReceived).method == "SUBSCRIBE"
    told = bench.accept(notify(subscribe, "active;expires=500", body=b"<presence/>"))
    assert told.method == "NOTIFY" and told.request.body == b"<presence/>"
    assert notice_of(told.request).expires == 500
    (subscription,) = usage.subscriptions
    assert (subscription.state, subscription.left(bench.now)) == ("active", 500)
    refresh = bench.ask(usage)
    assert (refresh.to.tag, refresh.uri_text) == ("pa", "sip:pa@192.0.2.7:5071")
    assert refresh.cseq.number == subscribe.cseq.number + 1


def test_a_notify_before_the_answer_makes_the_dialog() -> None:
    bench = Watcher()
    usage, subscribe = bench.begin()
    told = bench.accept(notify(subscribe, "pending;expires=600"))
    assert told.usage is usage and usage.dialog is not None
    bench.receive(ok(subscribe))
    assert bench.take(ResponseReceived).code == 200
    assert bench.ask(usage).to.tag == "pa"


@pytest.mark.parametrize("first", ["answer", "notify"])
def test_a_notify_of_another_branch_is_refused(first: str) -> None:
    """RFC 6665 4.4.1 leaves it to the subscriber; one of the forks is enough."""
    bench = Watcher()
    _, subscribe = bench.begin()
    bench.receive(ok(subscribe)) if first == "answer" else bench.accept(notify(subscribe, "active"))
    assert bench.code(bench.receive(notify(subscribe, "active", tag="other"))) == 481


@pytest.mark.parametrize(
    ("event", "state", "code"),
    [
        ("presence", "", 400),
        ("presence", ";expires=1", 400),
        ("", "active", 400),
        ("presence;id=7", "active", 481),
        ("dialog", "active", 489),
    ],
)
def test_a_notify_that_fits_no_subscription_is_refused(event: str, state: str, code: int) -> None:
    bench = Watcher({"events": frozenset({"presence"})})
    usage, subscribe = bench.begin()
    sent = bench.receive(notify(subscribe, state, event=event))
    assert bench.code(sent) == code and usage.dialog is None
    if code == 489:
        assert sent[0].message.get("Allow-Events") == "presence"


def test_a_notify_that_was_never_asked_for_is_refused() -> None:
    bench = Watcher()
    _, subscribe = bench.begin()
    stranger = notify(subscribe, "active").replace(subscribe.call_id.encode(), b"other")
    assert bench.code(bench.receive(stranger)) == 481
    without_tag = request("NOTIFY", headers=["Event: presence", "Subscription-State: active"])
    assert bench.code(bench.receive(without_tag)) == 481


def test_without_a_notify_the_subscription_fails_after_timer_n() -> None:
    bench = Watcher()
    usage, subscribe = bench.begin()
    bench.receive(ok(subscribe))
    bench.take(ResponseReceived)
    bench.advance(64 * T1 - 1)
    assert bench.happenings == []
    bench.advance(2)
    ended = bench.take(SubscriptionEnded)
    assert (ended.event, ended.reason) == (EventId("presence"), "silent")
    assert usage.subscriptions == () and len(bench.agent.timers) == 0


def test_without_any_answer_only_the_time_out_is_told() -> None:
    bench = Watcher()
    usage, _ = bench.begin()
    bench.advance(64 * T1 + 1)
    assert bench.take(TransactionTimedOut).method == "SUBSCRIBE"
    assert bench.happenings == [] and usage.subscriptions == ()
    assert bench.ask(usage).cseq.number == 2


@pytest.mark.parametrize("code", [403, 404, 423, 489, 500, 603])
def test_a_refused_subscribe_can_be_tried_again(code: int) -> None:
    bench = Watcher()
    usage, subscribe = bench.begin()
    bench.receive(response(subscribe, code))
    assert bench.take(ResponseReceived).code == code
    assert bench.ask(usage, 1800).get("Expires") == "1800"


def test_a_challenged_subscribe_is_repeated_outside_and_inside_its_dialog() -> None:
    bench = Watcher()
    usage, subscribe = bench.begin()
    bench.receive(response(subscribe, 407))
    repeat = bench.agent.outside.repeat
    (again,) = bench.do(repeat, usage, "SUBSCRIBE", [("Proxy-Authorization", "Digest x")])
    assert isinstance(again.message, Request) and again.message.get("Event") == "presence"
    bench.receive(ok(again.message))
    bench.accept(notify(subscribe, "active;expires=600"))
    refresh = bench.ask(usage)
    bench.receive(response(refresh, 401))
    (again,) = bench.do(repeat, usage, "SUBSCRIBE", [("Authorization", "Digest x")])
    assert again.message.to.tag == "pa" and again.message.cseq.number == 4
    bench.receive(ok(again.message))
    assert len(usage.subscriptions) == 1


CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'


@pytest.mark.parametrize("inside", [False, True])
def test_credentials_are_sent_wherever_a_subscribe_was_challenged(inside: bool) -> None:
    bench = Watcher()
    usage, asked = bench.subscribed() if inside else bench.begin()
    if inside:
        asked = bench.ask(usage)
    bench.receive(response(asked, 401, headers=[CHALLENGE]))
    told = bench.take(ResponseReceived)
    usage.authorize(told.response, DigestClient(Credentials("us", "secret")))
    (again,) = bench.do(usage.repeat, "SUBSCRIBE")
    assert isinstance(again.message, Request)
    assert (again.message.get("Authorization") or "").startswith("Digest ")
    assert again.message.to.tag == ("pa" if inside else "")
    assert len(again.message.lines("Contact")) == len(again.message.lines("Event")) == 1
    with pytest.raises(UsageError, match="no answer yet"):
        bench.do(usage.subscribe, "presence")
    bench.receive(ok(again.message))
    assert len(usage.subscriptions) == 1


def test_the_granted_time_ends_the_subscription_unless_it_is_refreshed() -> None:
    bench = Watcher()
    usage, _ = bench.subscribed(100)
    bench.advance(90)
    refresh = bench.ask(usage, 100)
    bench.receive(ok(refresh, 100))
    bench.accept(notify(refresh, "active;expires=100", number=2))
    bench.advance(99)
    assert [type(h).__name__ for h in bench.happenings] == ["ResponseReceived"]
    bench.advance(2)
    assert bench.happenings[-1] == SubscriptionEnded(usage, EventId("presence"), "timeout")


def test_a_notify_sets_the_time_anew() -> None:
    bench = Watcher()
    usage, subscribe = bench.subscribed(100)
    bench.accept(notify(subscribe, "active;expires=20", number=2))
    bench.advance(21)
    assert bench.take(SubscriptionEnded).reason == "timeout"


@pytest.mark.parametrize(
    ("answer", "lives", "told"),
    [(200, True, []), (481, False, []), (500, False, ["timeout"])],
)
def test_a_refresh_that_crosses_the_expiry_is_decided_by_its_answer(
    answer: int, lives: bool, told: list[str]
) -> None:
    bench = Watcher()
    usage, _ = bench.subscribed(100)
    bench.advance(99.5)
    refresh = bench.ask(usage, 100)
    bench.advance(1)
    assert bench.happenings == []
    bench.receive(ok(refresh, 100) if answer == 200 else response(refresh, answer))
    assert bool(usage.subscriptions) is lives
    ended = [h.reason for h in bench.happenings if isinstance(h, SubscriptionEnded)]
    assert ended == told


@pytest.mark.parametrize(("code", "lives"), [(481, False), (489, False), (503, True), (423, True)])
def test_a_refused_refresh_ends_what_the_notifier_has_forgotten(code: int, lives: bool) -> None:
    """RFC 6665 4.1.2.3: 481 and its like end it; after others it lasts until its time is over."""
    bench = Watcher()
    usage, _ = bench.subscribed()
    bench.receive(response(bench.ask(usage), code))
    assert bench.take(ResponseReceived).code == code
    assert bool(usage.subscriptions) is lives


def test_an_unsubscribe_waits_for_the_last_notify() -> None:
    bench = Watcher()
    usage, subscribe = bench.subscribed()
    bye = bench.ask(usage, 0)
    assert (bye.get("Expires"), bye.to.tag) == ("0", "pa")
    bench.accept(notify(subscribe, "active;expires=500", number=2))  # It crossed.
    bench.receive(ok(bye, 0))
    assert len(usage.subscriptions) == 1
    told = bench.accept(notify(subscribe, "terminated;reason=timeout", number=3))
    assert notice_of(told.request).reason == "timeout" and usage.subscriptions == ()
    bench.advance(64 * T1 + 1)
    assert [type(h).__name__ for h in bench.happenings] == ["ResponseReceived"]
    with_new_tag = bench.ask(usage)
    assert with_new_tag.to.tag == "" and with_new_tag.from_.tag != subscribe.from_.tag


def test_a_notifier_that_ends_it_is_told_with_reason_and_time() -> None:
    bench = Watcher()
    usage, subscribe = bench.subscribed()
    told = bench.accept(notify(subscribe, "terminated;reason=probation;retry-after=30", number=2))
    notice = notice_of(told.request)
    assert (notice.terminated, notice.reason, notice.retry_after) == (True, "probation", 30)
    assert usage.subscriptions == ()


def test_a_closed_usage_unsubscribes_and_takes_the_last_notify_silently() -> None:
    bench = Watcher()
    usage, subscribe = bench.subscribed()
    (sent,) = bench.do(usage.close)
    assert isinstance(sent.message, Request) and sent.message.get("Expires") == "0"
    bench.receive(ok(sent.message, 0))
    assert bench.code(bench.receive(notify(subscribe, "terminated", number=2))) == 200
    bench.advance(64)
    assert bench.happenings == [] and not bench.agent.usages and not bench.agent.dialogs
    assert len(bench.agent.timers) == 0


def test_a_closed_usage_is_forgotten_though_no_notify_comes() -> None:
    bench = Watcher()
    usage, _ = bench.subscribed()
    bench.do(usage.close)
    bench.advance(130)
    assert bench.happenings == [] and not bench.agent.usages and not bench.agent.dialogs


def test_a_usage_closed_before_it_had_a_dialog_knows_no_notify() -> None:
    bench = Watcher()
    usage, subscribe = bench.begin()
    assert bench.do(usage.close) == []
    assert bench.code(bench.receive(notify(subscribe, "active"))) == 481
    assert not bench.agent.usages


@pytest.mark.parametrize(
    ("event", "options"),
    [
        ("", {}),
        ("a b", {}),
        ("presence\r\nX: y", {}),
        ("presence", {"expires": -1}),
        ("presence", {"body": b"x"}),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused(event: str, options: dict[str, Any]) -> None:
    bench = Watcher()
    usage = bench.agent.prepare(AOR, caller=AOR, hop=bench.hop)
    with pytest.raises(UsageError):
        bench.do(usage.subscribe, event, **options)
    assert bench.sent == [] and usage.subscriptions == ()


def test_one_usage_has_one_subscription() -> None:
    bench = Watcher()
    usage, _ = bench.subscribed()
    with pytest.raises(UsageError, match="another"):
        bench.do(usage.subscribe, "dialog")


# REFER: a subscription without SUBSCRIBE, in the dialog of a call.


def referring(bench: Bench) -> tuple[Usage, Request, Request]:
    usage, invite = bench.connected()
    refer = [("Refer-To", "<sip:carol@192.0.2.8>")]
    (sent,) = bench.do(usage.request, "REFER", headers=refer)
    assert isinstance(sent.message, Request)
    return usage, invite, sent.message


def report(refer: Request, state: str, number: int, event: str = "refer") -> bytes:
    return notify(refer, state, number=number, tag="bob", event=event, body=b"SIP/2.0 200 OK")


def test_the_reports_of_a_refer_may_come_before_its_answer() -> None:
    bench = Bench()
    usage, _, refer = referring(bench)
    assert bench.receive(report(refer, "active;expires=60", 5)) == []
    told = bench.take(RequestReceived)
    assert told.method == "NOTIFY"
    bench.do(usage.respond, told.transaction, 200)
    bench.receive(response(refer, 202))
    assert usage.subscriptions[0].state == "active"


def test_the_reports_go_on_after_the_bye() -> None:
    """RFC 5057: the dialog lives as long as one of its usages."""
    bench = Bench()
    usage, _, refer = referring(bench)
    bench.receive(response(refer, 202))
    (bye,) = bench.do(usage.bye)
    assert isinstance(bye.message, Request)
    bench.receive(response(bye.message, 200))
    bench.happenings.clear()
    event = f"refer;id={refer.cseq.number}"
    assert bench.receive(report(refer, "terminated;reason=noresource", 5, event)) == []
    told = bench.take(RequestReceived)
    info = request(
        "INFO", call_id=refer.call_id, to=refer.get("From") or "", from_=refer.get("To") or "",
        number=6, branch="z9hG4bK-info",
    )  # fmt: skip
    assert Watcher.code(bench.receive(info)) == 481
    bench.do(usage.respond, told.transaction, 200)
    assert not bench.agent.usages and not bench.agent.dialogs


@pytest.mark.parametrize("code", [202, 403])
def test_a_refer_without_subscription_or_refused_has_no_reports(code: int) -> None:
    bench = Bench()
    usage, _, refer = referring(bench)
    headers = ["Refer-Sub: false"] if code == 202 else []
    bench.receive(response(refer, code, headers=headers))
    assert usage.subscriptions == ()
    assert Watcher.code(bench.receive(report(refer, "active", 5))) == 481
