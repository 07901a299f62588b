"""Subscriptions (RFC 6665): what both sides keep of one, and how it comes and goes.

A subscription is a usage of its dialog beside others (RFC 5057): a dialog that a SUBSCRIBE made has
one, an INVITE dialog gets one by each accepted REFER (RFC 3515). The dialog lives as long as any.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from runtime.sip.events import SubscriptionEnded
from runtime.sip.notice import EventId
from runtime.sip.timers import Entry

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.transaction import ClientTransaction
    from runtime.sip.usage import Usage

NO_USAGE: Final = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})
"Answers to SUBSCRIBE or NOTIFY that end the subscription (RFC 6665 4.1.2.3, RFC 5057 5.1)."

CHALLENGES: Final = frozenset({401, 407})


class Side(enum.Enum):
    """Which end of a subscription we are."""

    SUBSCRIBER = "subscriber"
    NOTIFIER = "notifier"


class Subscription:
    """One subscription. Its timers: N waits for a NOTIFY, X is the end of the granted time."""

    __slots__ = (
        "agent", "usage", "side", "event", "implicit", "state", "until", "requested", "removing",
        "overdue", "notifies", "timers",
    )  # fmt: skip

    def __init__(
        self, agent: Agent, usage: Usage, side: Side, event: EventId, *, implicit: bool = False
    ) -> None:
        self.agent = agent
        self.usage = usage
        self.side = side
        self.event = event
        self.implicit = implicit
        "Made by a REFER, not by a SUBSCRIBE."
        self.state = "asked"
        '"asked", then what the last NOTIFY said: "pending", "active", "terminated".'
        self.until: float | None = None
        "When the granted time ends, monotonic seconds; None while nothing was granted."
        self.requested = 0
        "Seconds that the last SUBSCRIBE asked for."
        self.removing = False
        "The last SUBSCRIBE asked for no time: a NOTIFY that ends it is still to come."
        self.overdue = False
        "The granted time is over."
        self.notifies: tuple[ClientTransaction, ...] = ()
        "Notifier: own NOTIFYs that have no answer yet."
        self.timers: dict[str, Entry] = {}

    def grant(self, seconds: int, now: float) -> None:
        """The time that is left, counted anew."""
        self.until = now + seconds
        self.overdue = False
        self.agent.timers.start(self, "X", self.until)

    def left(self, now: float) -> int:
        """Whole seconds that are left of the granted time."""
        return max(0, round((self.until or now) - now))

    def wait_for_notify(self, now: float) -> None:
        """Arm timer N (RFC 6665 4.1.2.4)."""
        self.agent.timers.start(self, "N", now + 64 * self.agent.periods.t1)

    def on_timer(self, name: str, now: float) -> None:
        if name == "N":
            self.end("silent", now)
        elif self.side is Side.NOTIFIER:
            self.overdue = True
            self.agent.tell(self.usage, SubscriptionEnded(self.usage, self.event, "timeout"))
            if self.usage.closed:
                self.drop(now)
        elif any(tx.method == "SUBSCRIBE" for tx in self.usage.waiting):
            self.overdue = True  # A refresh crosses the expiry: its answer decides.
        else:
            self.end("timeout", now)

    def end(self, reason: str, now: float) -> None:
        """It is over, and no message says so to the user."""
        self.agent.tell(self.usage, SubscriptionEnded(self.usage, self.event, reason))
        self.drop(now)

    def drop(self, now: float) -> None:
        """Forget it; the dialog goes with the last usage of it. Harmless when repeated."""
        self.state = "terminated"
        self.agent.timers.stop_all(self)
        usage = self.usage
        usage.subscriptions = tuple(one for one in usage.subscriptions if one is not self)
        self.agent.subscriber.forget(usage)
        self.agent.settle(usage, now)


def find(usage: Usage, side: Side, event: EventId) -> Subscription | None:
    """The living subscription of a usage that a message with this Event means.

    The first REFER of a dialog may leave out the id (RFC 3515 2.4.6), so that a subscription to
    `refer` is also found without one as long as it is the only one.
    """
    ours = [one for one in usage.subscriptions if one.side is side]
    exact = [one for one in ours if one.event == event]
    if exact:
        return exact[0]
    alike = [one for one in ours if one.implicit and one.event.package == event.package]
    return alike[0] if len(alike) == 1 and not event.id else None
