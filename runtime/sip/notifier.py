"""The side that is subscribed to (RFC 6665 4.2): SUBSCRIBE in, NOTIFY out, and the times between.

Whether a subscription is taken, and what is told, the user of the stack decides. Here stand the
refusals of what cannot be one, the times, and the Subscription-State that fits them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.sip import build
from runtime.sip.build import Headers
from runtime.sip.message import Request, Response
from runtime.sip.notice import (
    DEFAULT_EXPIRES,
    EventId,
    event_of,
    expires_of,
    parse_event,
    wants_no_subscription,
)
from runtime.sip.outside import checked
from runtime.sip.subscription import NO_USAGE, Side, Subscription, find
from runtime.sip.transaction import ClientTransaction, ServerTransaction
from runtime.sip.usage import Usage, UsageError

if TYPE_CHECKING:
    from runtime.sip.agent import Agent

Pairs = list[tuple[str, str]]

REFER_LASTS = 180
"Seconds for which a REFER is reported on; RFC 3515 2.4.4 leaves them to the notifier."

SIPFRAG = "message/sipfrag;version=2.0"


class Notifier:
    """Keeps the subscriptions of peers to our state."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    # Requests of the peer.

    def refusal(self, request: Request) -> tuple[int, Pairs] | None:
        """Why a SUBSCRIBE or PUBLISH cannot be taken by anybody here, None if it can be."""
        try:
            event, _ = event_of(request), expires_of(request)
        except ValueError:
            return (489, self.allow_events()) if not request.get("Event") else (400, [])
        if event.package not in self._agent.settings.events:
            return 489, self.allow_events()
        return None

    def allow_events(self) -> Pairs:
        return [("Allow-Events", ", ".join(sorted(self._agent.settings.events)))]

    def begin(self, usage: Usage, request: Request) -> None:
        """An initial SUBSCRIBE: the subscription exists once it is accepted."""
        subscription = Subscription(self._agent, usage, Side.NOTIFIER, event_of(request))
        usage.subscriptions = (*usage.subscriptions, subscription)

    def refreshed(self, usage: Usage, request: Request) -> tuple[int, Pairs] | None:
        """A SUBSCRIBE inside a dialog; why it is refused, None if the user is to answer it."""
        try:
            event, _ = event_of(request), expires_of(request)
        except ValueError:
            return 400, []
        return (481, []) if find(usage, Side.NOTIFIER, event) is None else None

    def headers(self, tx: ServerTransaction, code: int, headers: Pairs) -> Pairs:
        """What our answer to SUBSCRIBE, REFER or PUBLISH says beside the user's own headers."""
        given = {name.lower() for name, _ in headers}
        own: Pairs = []
        if code == 489 and "allow-events" not in given:
            own += self.allow_events()
        if code >= 300 or tx.usage is None:
            return own
        if tx.method in ("SUBSCRIBE", "REFER"):
            own.append(("Contact", self._agent.contact(tx.usage)))
        if tx.method == "SUBSCRIBE" and "expires" not in given:
            own.append(("Expires", str(_asked_for(tx.request))))
        if tx.method == "REFER" and wants_no_subscription(tx.request) and "refer-sub" not in given:
            own.append(("Refer-Sub", "false"))
        return own

    def answered(
        self, usage: Usage, tx: ServerTransaction, code: int, headers: Pairs, now: float
    ) -> None:
        """We answered a SUBSCRIBE or a REFER of the peer for good."""
        if tx.method == "REFER" and code < 300:
            if ("refer-sub", "false") not in {(n.lower(), v.lower()) for n, v in headers}:
                self._referred(usage, tx.request, now)
            return
        if tx.method != "SUBSCRIBE":
            return
        subscription = find(usage, Side.NOTIFIER, event_of(tx.request))
        if subscription is None:
            return
        if code >= 300:
            if subscription.state == "asked":
                subscription.drop(now)
            return
        if usage.dialog is not None:
            usage.dialog.refresh(tx.request)
        granted = _expires_in(headers, _asked_for(tx.request))
        if subscription.state == "asked":
            subscription.state = "pending"
        subscription.removing = granted == 0
        if granted:
            subscription.grant(granted, now)
        else:
            subscription.wait_for_notify(now)
            self._agent.timers.stop(subscription, "X")

    def _referred(self, usage: Usage, request: Request, now: float) -> None:
        """An accepted REFER is a subscription to what becomes of it (RFC 3515 2.4.4)."""
        event = EventId("refer", str(request.cseq.number))
        subscription = Subscription(self._agent, usage, Side.NOTIFIER, event, implicit=True)
        subscription.state = "active"
        usage.subscriptions = (*usage.subscriptions, subscription)
        subscription.grant(REFER_LASTS, now)

    # Acts.

    def notify(
        self,
        usage: Usage,
        state: str,
        reason: str,
        retry_after: int | None,
        event: str,
        body: bytes,
        content_type: str,
        headers: Headers,
        now: float,
    ) -> None:
        """See `OutsideActs.notify`."""
        subscription = self._meant(usage, event)
        if state not in ("active", "pending", "terminated"):
            raise UsageError(f"{state!r} is no state of a subscription")
        if subscription.state == "asked":
            raise UsageError("the SUBSCRIBE is not accepted yet")
        ending = subscription.removing or subscription.overdue or state == "terminated"
        if ending:
            state, reason = "terminated", reason or "timeout"
        if body and not content_type:
            raise UsageError("a body needs a content type")
        value = _state_value(state, reason, retry_after, subscription.left(now))
        try:
            build.check_headers([("Subscription-State", value)])
            build.check_content_type(content_type)
        except ValueError as error:
            raise UsageError(str(error)) from error
        own = [("Event", str(subscription.event)), ("Subscription-State", value)]
        self._send(subscription, state, own + checked(headers), body, content_type, now)

    def _meant(self, usage: Usage, event: str) -> Subscription:
        ours = [one for one in usage.subscriptions if one.side is Side.NOTIFIER]
        ours = [one for one in ours if one.state != "terminated"]
        if event:
            try:
                wanted = parse_event(event)
            except ValueError as error:
                raise UsageError(f"{event!r} is no event") from error
            ours = [one for one in ours if _meets(one.event, wanted)]
        if not ours or usage.dialog is None:
            raise UsageError("nobody is subscribed")
        return ours[0]

    def _send(
        self,
        subscription: Subscription,
        state: str,
        headers: Pairs,
        body: bytes,
        content_type: str,
        now: float,
    ) -> None:
        usage, dialog = subscription.usage, subscription.usage.dialog
        assert dialog is not None
        contact = [("Contact", self._agent.contact(usage))]
        tx = self._agent.uac.send_inside(
            usage, dialog, "NOTIFY", contact + headers, body, content_type, now
        )
        self._sent(subscription, tx, state)

    def _sent(self, subscription: Subscription, tx: ClientTransaction, state: str) -> None:
        subscription.notifies = (*subscription.notifies, tx)
        subscription.state = state
        if state == "terminated":
            self._agent.timers.stop_all(subscription)

    def sent(self, usage: Usage, tx: ClientTransaction, headers: Pairs) -> None:
        """The user wrote a NOTIFY by hand: what it says of its subscription holds."""
        values = {name.lower(): value for name, value in headers}
        try:
            event = parse_event(values.get("event", ""))
        except ValueError:
            return
        subscription = find(usage, Side.NOTIFIER, event)
        if subscription is not None:
            state = values.get("subscription-state", "active").partition(";")[0].strip().lower()
            self._sent(subscription, tx, state)

    def notified(
        self, usage: Usage, tx: ClientTransaction, response: Response | None, now: float
    ) -> None:
        """An own NOTIFY was answered, or got no answer (None): RFC 6665 4.2.2."""
        for subscription in usage.subscriptions:
            if tx not in subscription.notifies:
                continue
            rest = tuple(other for other in subscription.notifies if other is not tx)
            subscription.notifies = rest
            if subscription.state == "terminated":
                if not rest:
                    subscription.drop(now)
            elif response is None or response.code in NO_USAGE:
                subscription.end("silent" if response is None else "refused", now)

    def abandon(self, usage: Usage, now: float) -> None:
        """The user let go: tell those who are still subscribed that there is nothing more."""
        for subscription in usage.subscriptions:
            if subscription.side is not Side.NOTIFIER or subscription.state == "terminated":
                continue
            if subscription.state == "asked" or usage.dialog is None:
                subscription.drop(now)
                continue
            reason = "timeout" if subscription.overdue or subscription.removing else "noresource"
            value = _state_value("terminated", reason, None, 0)
            own = [("Event", str(subscription.event)), ("Subscription-State", value)]
            body = b"SIP/2.0 503 Service Unavailable\r\n" if subscription.implicit else b""
            self._send(subscription, "terminated", own, body, SIPFRAG, now)


def _asked_for(request: Request) -> int:
    said = expires_of(request)
    return DEFAULT_EXPIRES if said is None else said


def _expires_in(headers: Pairs, otherwise: int) -> int:
    for name, value in headers:
        if name.lower() == "expires" and value.isascii() and value.isdigit():
            return min(int(value[:10]), otherwise)
    return otherwise


def _state_value(state: str, reason: str, retry_after: int | None, left: int) -> str:
    if state != "terminated":
        return f"{state};expires={left}"
    wait = "" if retry_after is None else f";retry-after={retry_after}"
    return f"terminated;reason={reason}{wait}"


def _meets(event: EventId, wanted: EventId) -> bool:
    return event.package == wanted.package and wanted.id in ("", event.id)
