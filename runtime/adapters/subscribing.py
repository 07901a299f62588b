"""Subscriptions and publications: SUBSCRIBE, NOTIFY and PUBLISH, from either side."""

from __future__ import annotations

from typing import Any, Final

from runtime.adapters.answers import Answer, reads, seconds_of
from runtime.adapters.informing import encoded
from runtime.adapters.leg import CallLeg
from runtime.adapters.noting import notes
from runtime.adapters.performing import Arguments, performs
from runtime.adapters.port import ActionError
from runtime.adapters.requests import Told, parties, tells, text_of
from runtime.executor.step import Event
from runtime.sip.message import Request
from runtime.sip.notice import DEFAULT_EXPIRES, event_of, expires_of, notice_of
from runtime.sip.subscription import Side, Subscription
from runtime.sip.usage import UsageState

PACKAGE: Final = "presence"
TOO_BRIEF: Final = 423
MARGIN: Final = 30.0
"""Seconds before the end of a granted time at which it is renewed; half of one below a minute."""
REFRESH, REPUBLISH = "RefreshSubscription", "RefreshPublication"


class Eventing:
    """What a session asked for and told last: it is renewed without being said again."""

    __slots__ = ("event", "expires", "accept", "state", "body", "content_type")

    def __init__(self) -> None:
        self.event = ""
        self.expires = DEFAULT_EXPIRES
        self.accept = ""
        self.state = "active"
        self.body = b""
        self.content_type = ""


def _of(leg: CallLeg) -> Eventing:
    if leg.eventing is None:
        leg.eventing = Eventing()
    return leg.eventing


def _ready(leg: CallLeg) -> None:
    if leg.dialog.blocked:
        raise ActionError(leg.dialog.blocked)


# -- subscribing -----------------------------------------------------------------------------------


@performs("SendSUBSCRIBE")
def send_subscribe(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Subscribe, renew or end."""
    _ready(leg)
    kept = _of(leg)
    asked = event.fields if event.name == "StartSubscription" else {}
    kept.event = arguments.get("event") or asked.get("event") or kept.event or PACKAGE
    kept.accept = arguments.get("accept") or kept.accept
    expires = _expires(arguments, event, asked, kept.expires)
    if expires:
        kept.expires = expires
    leg.alarms.clear(REFRESH)
    headers = [("Accept", kept.accept)] if kept.accept else []
    leg.dialog.act(
        lambda usage, now: usage.subscribe(kept.event, expires=expires, headers=headers, now=now)
    )


def _expires(arguments: Arguments, event: Event, asked: dict[str, Any], before: int) -> int:
    """Return the seconds to ask for; never less than a 423 has just demanded."""
    given = arguments.get("expires")
    if given is None:
        given = asked.get("expires")
    seconds = int(before if given is None else given)
    demanded = event.fields.get("minimum") if event.fields.get("code") == TOO_BRIEF else None
    return max(seconds, demanded) if seconds and demanded else seconds


@performs("ProcessNOTIFY")
def process_notify(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Answer the NOTIFY, and watch the time that is left."""
    transaction = leg.dialog.transaction(event.cause)
    if transaction is None or transaction.method != "NOTIFY":
        raise ActionError("no NOTIFY of the far side waits for its answer")
    leg.dialog.respond(transaction, 200, None, None)
    subscription = _subscription(leg, Side.SUBSCRIBER)
    if subscription is None or subscription.removing or subscription.until is None:
        leg.alarms.clear(REFRESH)
    else:
        leg.alarms.set(Event(REFRESH), _due(leg.dialog.left(subscription)))


def _due(seconds: float) -> float:
    return seconds - min(MARGIN, seconds / 2)


def _subscription(leg: CallLeg, side: Side) -> Subscription | None:
    usage = leg.dialog.usage
    found = usage.subscriptions if usage is not None else ()
    return next((one for one in found if one.side is side and not one.implicit), None)


@reads("SUBSCRIBE")
def subscribe_answered(answer: Answer) -> Event:
    """Say whether the far side took the subscription."""
    if answer.accepted:
        return answer.told("SubscriptionAccepted", expires=seconds_of(answer.response, "Expires"))
    return answer.told("SubscriptionFailed", minimum=seconds_of(answer.response, "Min-Expires"))


@notes("SubscriptionAccepted")
def accepted(leg: CallLeg, event: Event) -> Event | None:
    """Keep to ourselves that the end of a subscription was accepted: the last NOTIFY tells it."""
    subscription = _subscription(leg, Side.SUBSCRIBER)
    return None if subscription is None or subscription.removing else event


@tells("NOTIFY")
def notified(request: Request) -> Told:
    """Tell a state, or the end of the subscription."""
    notice = notice_of(request)
    body = {"content_type": request.content_type, "body": text_of(request.body)}
    fields: dict[str, Any] = {"event": event_of(request).package, "reason": notice.reason, **body}
    if notice.terminated:
        return "SubscriptionTerminated", {**fields, "retry_after": notice.retry_after}
    del fields["reason"]
    return "ReceiveNOTIFY", {**fields, "state": notice.state, "expires": notice.expires}


# -- notifying -------------------------------------------------------------------------------------


@tells("SUBSCRIBE", "outside SUBSCRIBE")
def requested(request: Request) -> Told:
    """Tell that somebody subscribes, renews or ends."""
    return "SubscriptionRequested", _about_events(request)


@tells("outside PUBLISH")
def published(request: Request) -> Told:
    """Tell that somebody publishes a state."""
    return "PublicationReceived", _about_events(request)


def _about_events(request: Request) -> dict[str, Any]:
    asked = expires_of(request)
    expires = DEFAULT_EXPIRES if asked is None else asked
    return {**parties(request), "event": event_of(request).package, "expires": expires}


@performs("SendNOTIFY")
def send_notify(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Tell the subscriber what is so now."""
    kept = _of(leg)
    said = event.fields if event.name == "SendNOTIFY" else {}
    state = arguments.get("state") or said.get("state") or kept.state
    reason = arguments.get("reason") or said.get("reason") or ""
    body = arguments.get("body") if arguments.get("body") is not None else said.get("body")
    if body is not None:
        kind = arguments.get("content_type") or said.get("content_type") or kept.content_type
        if body and not kind:
            raise ActionError("a body needs a content type")
        kept.body, kept.content_type = encoded(str(body)), kind
    leg.dialog.act(
        lambda usage, now: usage.notify(
            state=state,
            reason=reason,
            body=kept.body,
            content_type=kept.content_type if kept.body else "",
            now=now,
        )
    )
    if state != "terminated":
        kept.state = state


@reads("NOTIFY")
def notify_answered(answer: Answer) -> Event | None:
    """Say that the subscriber does not take what it is told."""
    return None if answer.accepted else answer.told("SubscriptionFailed")


@notes("SubscriptionFailed")
def failed(leg: CallLeg, event: Event) -> Event | None:
    """Reports on a transfer are no subscription of this session."""
    usage = leg.dialog.usage
    if usage is not None and usage.state is not UsageState.NEW:
        return None
    leg.alarms.clear(REFRESH)
    return event


# -- publishing ------------------------------------------------------------------------------------


@performs("SendPUBLISH")
def send_publish(leg: CallLeg, arguments: Arguments, event: Event) -> None:
    """Publish, refresh or remove."""
    _ready(leg)
    kept = _of(leg)
    said = event.fields if event.name == "PublishState" else {}
    kept.event = arguments.get("event") or said.get("event") or kept.event or PACKAGE
    body = arguments.get("body") if arguments.get("body") is not None else said.get("body")
    expires = _expires(arguments, event, {}, kept.expires)
    leg.alarms.clear(REPUBLISH)
    if not expires:
        leg.dialog.act(lambda usage, now: usage.publish(kept.event, expires=0, now=now))
        return
    kept.expires = expires
    if body is not None:
        kind = arguments.get("content_type") or said.get("content_type") or kept.content_type
        kept.body, kept.content_type = encoded(str(body)), kind
    usage = leg.dialog.usage
    known = usage is not None and usage.publication is not None and usage.publication.etag
    whole = kept.body if body is not None or not known else b""
    if not kept.body or not kept.content_type:
        raise ActionError("neither the action nor its event says what to publish, and as what")
    leg.dialog.act(
        lambda usage, now: usage.publish(
            kept.event,
            expires=expires,
            body=whole,
            content_type=kept.content_type if whole else "",
            now=now,
        )
    )


@reads("PUBLISH")
def publish_answered(answer: Answer) -> Event:
    """Say whether the server keeps what was published."""
    if answer.accepted:
        return answer.told("PublicationAccepted", expires=seconds_of(answer.response, "Expires"))
    return answer.told("PublicationFailed", minimum=seconds_of(answer.response, "Min-Expires"))


@notes("PublicationAccepted")
def kept_for(leg: CallLeg, event: Event) -> Event:
    """Watch the time for which it is kept."""
    usage = leg.dialog.usage
    removed = usage is None or usage.publication is None or not usage.publication.etag
    seconds = event.fields.get("expires")
    if removed:
        event.fields["expires"] = 0
    else:
        leg.alarms.set(Event(REPUBLISH), _due(seconds if seconds else _of(leg).expires))
    return event
