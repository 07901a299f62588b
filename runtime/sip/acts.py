"""What a usage may ask for outside an INVITE: registrations, messages, publications, questions.

These are the names by which the user of the stack calls them; what they do stands in `outside`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from runtime.sip.build import Headers

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.usage import Usage


class OutsideActs:
    """Requests that need no dialog: one Call-ID, one local tag, CSeq numbers that count up.

    Each comes back as `ResponseReceived`, `TransactionTimedOut` or `TransportFailed` with its
    method. Of each method one is under way at a time: `UsageError` while the last has no answer.
    """

    __slots__ = ()
    _agent: Agent

    def register(
        self,
        *,
        now: float,
        registrar: str = "",
        contact: str = "",
        expires: int | None = None,
        headers: Headers = (),
    ) -> None:
        """Send REGISTER for the address the usage was prepared with (RFC 3261 10.2).

        `registrar` is the Request-URI, by default the domain of the address. `contact` is a URI or
        a whole Contact value, by default our own; "*" removes all and wants `expires` 0. `expires`
        is in seconds; None leaves it to the registrar.
        """
        agent = self._agent
        agent.outside.register(cast("Usage", self), registrar, contact, expires, headers, now)

    def message(self, body: bytes, content_type: str, *, now: float, headers: Headers = ()) -> None:
        """Send a MESSAGE to the target (RFC 3428): no dialog and no Contact."""
        self.send_outside("MESSAGE", now=now, body=body, content_type=content_type, headers=headers)

    def options(self, *, now: float, headers: Headers = ()) -> None:
        """Ask the target what it can do, or whether it is there (RFC 3261 11.1)."""
        self._agent.outside.options(cast("Usage", self), headers, now)

    def publish(
        self,
        event: str,
        *,
        now: float,
        expires: int | None = None,
        body: bytes = b"",
        content_type: str = "",
        headers: Headers = (),
    ) -> None:
        """Publish event state (RFC 3903): with a body it begins or changes, without it refreshes.

        `expires` in seconds; 0 removes it. The entity tag of the last answer is kept and sent; a
        412 forgets it, so that the next PUBLISH wants a body again.
        """
        self._agent.outside.publish(
            cast("Usage", self), event, expires, body, content_type, headers, now
        )

    def subscribe(
        self,
        event: str,
        *,
        now: float,
        expires: int = 3600,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> None:
        """Subscribe to `event` (or `event;id=x`), refresh, or with 0 end it (RFC 6665).

        The dialog is made by the first NOTIFY or 2xx, whichever comes; NOTIFYs of other branches
        are refused with 481. Each NOTIFY comes as `RequestReceived`; `notice.notice_of(request)`
        reads its state. Once it has ended, the next call begins a new one. `expires` in seconds.
        """
        agent, usage = self._agent, cast("Usage", self)
        agent.subscriber.subscribe(usage, event, expires, headers, body, content_type, now)

    def notify(
        self,
        *,
        now: float,
        state: str = "active",
        reason: str = "",
        retry_after: int | None = None,
        event: str = "",
        body: bytes = b"",
        content_type: str = "",
        headers: Headers = (),
    ) -> None:
        """Tell the subscriber our state (RFC 6665 4.2.2); the answer is a response to "NOTIFY".

        `state` is "active", "pending" or "terminated", the last with a `reason` and, in seconds,
        `retry_after`; once the granted time is over every NOTIFY says "terminated". `event` names
        which one where the dialog has several (`refer;id=3`).
        """
        agent, usage = self._agent, cast("Usage", self)
        agent.notifier.notify(
            usage, state, reason, retry_after, event, body, content_type, headers, now
        )

    def send_outside(
        self,
        method: str,
        *,
        now: float,
        uri: str = "",
        body: bytes = b"",
        content_type: str = "",
        headers: Headers = (),
    ) -> None:
        """Send a request of any method but INVITE, ACK, CANCEL and BYE that needs no dialog.

        `uri` is the Request-URI, by default the target.
        """
        self._agent.outside.send(cast("Usage", self), method, uri, headers, body, content_type, now)
