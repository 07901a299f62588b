"""The side that subscribes (RFC 6665 4.1): SUBSCRIBE out, NOTIFY in, and the times between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.sip import build
from runtime.sip.build import Headers
from runtime.sip.dialog import Dialog, from_notify, from_response
from runtime.sip.hop import Hop
from runtime.sip.message import Request, Response
from runtime.sip.notice import (
    DEFAULT_EXPIRES,
    MAX_SECONDS,
    EventId,
    event_of,
    expires_of,
    notice_of,
    parse_event,
    wants_no_subscription,
)
from runtime.sip.outside import Asked, checked
from runtime.sip.subscription import CHALLENGES, NO_USAGE, Side, Subscription, find
from runtime.sip.transaction import ClientTransaction
from runtime.sip.usage import Usage, UsageError, UsageState

if TYPE_CHECKING:
    from runtime.sip.agent import Agent

Pairs = list[tuple[str, str]]


class Subscriber:
    """Begins, refreshes and ends own subscriptions, and knows which NOTIFY belongs to them."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._awaited: dict[tuple[str, str], Usage] = {}
        "Usages that wait for their dialog, by Call-ID and local tag."

    # Acts.

    def subscribe(
        self,
        usage: Usage,
        event: str,
        expires: int,
        headers: Headers,
        body: bytes,
        content_type: str,
        now: float,
    ) -> None:
        """See `OutsideActs.subscribe`."""
        self._agent.outside.require_free(usage, "SUBSCRIBE")
        if usage.state is not UsageState.NEW:
            raise UsageError("the usage is a call: a subscription is one of its own")
        try:
            wanted = parse_event(event)
            build.check_headers([("Event", event)])
            build.check_content_type(content_type)
        except ValueError as error:
            raise UsageError(f"{event!r} is no event") from error
        if not 0 <= expires <= MAX_SECONDS:
            raise UsageError("expires is a number of seconds from 0 on")
        if body and not content_type:
            raise UsageError("a body needs a content type")
        own = [("Event", event), ("Expires", str(expires)), *checked(headers)]
        asked = Asked("SUBSCRIBE", usage.target, own, body, content_type)
        known = find(usage, Side.SUBSCRIBER, wanted)
        if known is None:
            if any(one.side is Side.SUBSCRIBER for one in usage.subscriptions):
                raise UsageError("the usage has another subscription")
            known = self._begin(usage, wanted)
        known.requested, known.removing = expires, expires == 0
        usage.asked = {**(usage.asked or {}), "SUBSCRIBE": asked}
        self._send(known, asked, [], now)

    def repeat(self, usage: Usage, asked: Asked, headers: Headers, now: float) -> None:
        """Send the last SUBSCRIBE again, in its dialog if there is one."""
        for subscription in usage.subscriptions:
            if subscription.side is Side.SUBSCRIBER and not subscription.implicit:
                self._send(subscription, asked, checked(headers), now)
                return
        raise UsageError("the subscription is over")

    def _begin(self, usage: Usage, event: EventId) -> Subscription:
        if usage.dialog is not None:
            # The former subscription has ended: the next one is a dialog of its own.
            usage.cseq = max(usage.cseq, usage.dialog.local_cseq)
            self._agent.dialogs.pop(usage.dialog.key, None)
            usage.dialog = None
            usage.local_tag = self._agent.new_tag()
            name = usage.from_value.rpartition(";tag=")[0]
            usage.from_value = f"{name};tag={usage.local_tag}"
        subscription = Subscription(self._agent, usage, Side.SUBSCRIBER, event)
        usage.subscriptions = (*usage.subscriptions, subscription)
        return subscription

    def _send(self, subscription: Subscription, asked: Asked, extra: Pairs, now: float) -> None:
        usage, dialog = subscription.usage, subscription.usage.dialog
        headers = [("Contact", self._agent.contact(usage)), *asked.headers, *extra]
        if dialog is None:
            self._awaited[(usage.call_id, usage.local_tag)] = usage
            self._agent.outside.begin(usage, asked, headers, now)
        else:
            tx = self._agent.uac.send_inside(
                usage, dialog, "SUBSCRIBE", headers, asked.body, asked.content_type, now
            )
            usage.waiting = (*usage.waiting, tx)
        subscription.wait_for_notify(now)

    def referred(self, usage: Usage, tx: ClientTransaction) -> None:
        """An own REFER asks for a subscription, named by its CSeq (RFC 3515 2.4.6)."""
        event = EventId("refer", str(tx.outline.cseq))
        subscription = Subscription(self._agent, usage, Side.SUBSCRIBER, event, implicit=True)
        usage.subscriptions = (*usage.subscriptions, subscription)

    def abandon(self, usage: Usage, now: float) -> None:
        """The user let go: un-subscribe where there is a dialog, and wait for the last NOTIFY."""
        for subscription in usage.subscriptions:
            if subscription.side is not Side.SUBSCRIBER:
                continue
            free = not any(tx.method == "SUBSCRIBE" for tx in usage.waiting)
            if subscription.implicit or usage.dialog is None or not free:
                subscription.drop(now)
            elif not subscription.removing:
                subscription.removing = True
                own = [("Event", str(subscription.event)), ("Expires", "0")]
                self._send(subscription, Asked("SUBSCRIBE", usage.target, own, b"", ""), [], now)

    # What comes back.

    def answered(self, usage: Usage, tx: ClientTransaction, response: Response, now: float) -> None:
        """Take over what the final answer to an own SUBSCRIBE or REFER says."""
        if tx.method == "SUBSCRIBE":
            for subscription in usage.subscriptions:
                if subscription.side is Side.SUBSCRIBER and not subscription.implicit:
                    self._subscribed(subscription, tx, response, now)
                    return
        elif tx.method == "REFER":
            self._refer_answered(usage, tx, response, now)

    def _subscribed(
        self, subscription: Subscription, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        usage, code = subscription.usage, response.code
        if code < 300:
            if usage.dialog is None and response.to.tag:
                self._establish(usage, from_response(response, tx.outline.uri, tx.hop))
            elif usage.dialog is not None and response.to.tag == usage.dialog.remote_tag:
                usage.dialog.refresh(response)
            if not subscription.removing:
                subscription.grant(_granted(subscription, response), now)
        elif code in CHALLENGES:
            self._agent.timers.stop(subscription, "N")
        elif usage.dialog is None or code in NO_USAGE:
            subscription.drop(now)
        elif subscription.overdue:
            subscription.end("timeout", now)
        else:
            # The refresh failed, the subscription runs on until its time is over (4.1.2.2).
            subscription.removing = False
            self._agent.timers.stop(subscription, "N")

    def _refer_answered(
        self, usage: Usage, tx: ClientTransaction, response: Response, now: float
    ) -> None:
        subscription = find(usage, Side.SUBSCRIBER, EventId("refer", str(tx.outline.cseq)))
        if subscription is None:
            return
        if response.code in CHALLENGES or response.code >= 300 or wants_no_subscription(response):
            subscription.drop(now)
        elif subscription.state == "asked":
            subscription.wait_for_notify(now)

    def lost(self, usage: Usage, tx: ClientTransaction, now: float) -> None:
        """An own SUBSCRIBE or REFER got no answer: that is told already, so it ends silently."""
        for subscription in usage.subscriptions:
            if subscription.side is not Side.SUBSCRIBER:
                continue
            refer = tx.method == "REFER" and subscription.event.id == str(tx.outline.cseq)
            if (tx.method == "SUBSCRIBE" and not subscription.implicit) or refer:
                subscription.drop(now)

    # NOTIFY.

    def awaits(self, request: Request) -> Usage | None:
        """The usage that waits for this NOTIFY to make its dialog (RFC 6665 4.4.1)."""
        return self._awaited.get((request.call_id, request.to.tag))

    def notified(self, usage: Usage, request: Request, hop: Hop, now: float) -> int | None:
        """Take over a NOTIFY; the code to refuse it with, None if it is the subscription's."""
        try:
            event, notice = event_of(request), notice_of(request)
        except ValueError:
            return 400
        subscription = find(usage, Side.SUBSCRIBER, event)
        if subscription is None:
            known = {one.event.package for one in usage.subscriptions} | {"refer"}
            return 481 if event.package in known | self._agent.settings.events else 489
        if usage.dialog is None:
            try:
                self._establish(usage, from_notify(request, usage.cseq, hop))
            except ValueError:
                return 400
        assert usage.dialog is not None
        usage.dialog.refresh(request)  # RFC 6665 4.4.1: NOTIFY and SUBSCRIBE renew the target.
        self._agent.timers.stop(subscription, "N")
        subscription.state = notice.state
        if notice.terminated:
            self._forget_asking(usage)
            subscription.drop(now)
        elif subscription.removing:
            subscription.wait_for_notify(now)
        elif notice.expires is not None:
            subscription.grant(notice.expires, now)
        elif subscription.until is None:
            subscription.grant(subscription.requested or DEFAULT_EXPIRES, now)
        return None

    @staticmethod
    def _forget_asking(usage: Usage) -> None:
        """A SUBSCRIBE that crosses the end of its subscription: its answer changes nothing."""
        for tx in usage.waiting:
            if tx.method == "SUBSCRIBE":
                tx.silent = True
        usage.waiting = tuple(tx for tx in usage.waiting if tx.method != "SUBSCRIBE")

    def _establish(self, usage: Usage, dialog: Dialog) -> None:
        """The first answer or NOTIFY makes the dialog; those of other branches have none."""
        dialog.confirmed = True
        usage.dialog = dialog
        self._agent.register(usage, dialog)
        self.forget(usage)

    def forget(self, usage: Usage) -> None:
        """No dialog is waited for any more."""
        self._awaited.pop((usage.call_id, usage.local_tag), None)


def _granted(subscription: Subscription, response: Response) -> int:
    """RFC 6665 4.1.2.1: the answer says how long it is, and it is never longer than asked for."""
    try:
        said = expires_of(response)
    except ValueError:
        said = None
    return subscription.requested if said is None else min(said, subscription.requested)
