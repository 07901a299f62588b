"""The SIP half of a leg: one usage of the stack, and the peer's requests that wait for an answer.

It remembers under a number (an event's *cause*) which request of the peer the event came from; how
what happened reads to a table stands in `telling`.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from runtime.adapters.port import ActionError
from runtime.adapters.registration import Registration
from runtime.adapters.requests import reading_of
from runtime.adapters.telling import REQUESTS, told
from runtime.executor.step import Event
from runtime.sip.agent import Agent
from runtime.sip.auth import DigestClient
from runtime.sip.build import MAX_FORWARDS
from runtime.sip.events import Happening, OutsideReceived, RequestReceived
from runtime.sip.hop import Hop
from runtime.sip.message import Response
from runtime.sip.subscription import Subscription
from runtime.sip.transaction import ServerTransaction
from runtime.sip.uri import parse_name_addr
from runtime.sip.usage import Usage, UsageError, UsageState

Headers = Iterable[tuple[str, str]]


class Way(NamedTuple):
    """Where a target is reached: the URI to ask for and the hop to send it to."""

    uri: str
    hop: Hop
    trunk: str = ""
    """Name of the trunk that leads there, whose credentials its challenges may be answered with."""
    headers: tuple[tuple[str, str], ...] = ()
    """What the first request has to carry on this way, such as Route."""
    caller: str = ""
    """Who a call on this way is from, whatever its flow says; empty: as it says."""
    blocked: str = ""
    """Why nothing is sent on this way now: a call on it fails as if a 503 had come."""


Resolve = Callable[[str], Awaitable[Way]]
"""Finds the way to a target; raises OSError or ValueError with a reason."""


class DialogHalf:
    """The signalling of one session; every act is handed to the stack and sent at once."""

    def __init__(
        self,
        agent: Agent,
        *,
        resolve: Resolve,
        registrar: Resolve | None = None,
        now: Callable[[], float],
        flush: Callable[[], None],
    ) -> None:
        self._agent = agent
        self._resolve = resolve
        self._registrar = registrar or resolve
        self._now = now
        self._flush = flush
        self._numbers = itertools.count(1)
        self._causes: dict[int, ServerTransaction] = {}
        self.usage: Usage | None = None
        self.context: Any = None
        """What the stack gives back with everything that happens to the usage."""
        self.epitaph: Any = None
        """What takes its place once the dialog is closed and only its last messages are left."""
        self.registration: Registration | None = None
        """What is registered; None for all other sessions."""
        self.trunk = ""
        """The trunk an own call was placed through; empty for a call that came in."""
        self.blocked = ""
        """Why an own call is not sent; empty if it is."""

    # -- the peer's requests -----------------------------------------------------------------------

    def adopt(self, usage: Usage) -> None:
        """Speak for `usage`, which an INVITE began."""
        self.usage = usage
        usage.context = self.context

    @property
    def calls(self) -> bool:
        """Whether the usage is a call; a subscription, publication or message alone is none."""
        return self.usage is not None and self.usage.state is not UsageState.NEW

    def over_websocket(self) -> bool:
        """Whether the peer is reached over a WebSocket, as browsers are."""
        return self.usage is not None and self.usage.hop.browser

    @property
    def peer_host(self) -> str:
        """The address the peer signals from; empty over a WebSocket and before there is a usage."""
        remote = self.usage.hop.remote if self.usage is not None else ""
        return "" if isinstance(remote, str) else remote[0]

    def transaction(self, cause: int | None) -> ServerTransaction | None:
        """Return the open request of `cause`, else the oldest open one, else None."""
        if cause is not None:
            known = self._causes.get(cause)
            if known is not None and not known.answered:
                return known
        return self.usage.open[0] if self.usage is not None and self.usage.open else None

    @property
    def open(self) -> list[ServerTransaction]:
        """The peer's requests that wait for an answer, oldest first."""
        return self.usage.open if self.usage is not None else []

    def first_invite(self) -> ServerTransaction:
        """Return the INVITE that began the call; ActionError if it is answered."""
        usage = self.usage
        if usage is None or usage.initial is None or usage.initial not in usage.open:
            raise ActionError("no INVITE of the peer waits for its final answer")
        return usage.initial

    def is_stale(self, event: Event) -> bool:
        """Whether the event is a CANCEL of an INVITE that got its final response meanwhile."""
        if event.name != "DialogCANCEL" or event.cause is None:
            return False
        known = self._causes.get(event.cause)
        return known is None or known.answered

    def unsettled(self) -> str | None:
        """Say which request is open, the peer's or an own one; None if the dialog is at rest."""
        usage = self.usage
        if usage is None:
            return None
        if usage.open:
            return f"the peer's {usage.open[0].method} waits for its answer"
        if usage.unacknowledged:
            return "our 200 waits for its ACK"
        if usage.own_invite is not None:
            kind = "re-INVITE" if usage.own_invite.reinvite else "INVITE"
            return f"our {kind} waits for its answer"
        if usage.own_update is not None:
            return "our UPDATE waits for its answer"
        if usage.ack_wanted:
            return "a 200 of the peer waits for our ACK"
        if usage.bye_wanted is not None or usage.bye_tx is not None:
            return "the dialog is being ended"
        if usage.waiting:
            return f"our {usage.waiting[0].method} waits for its answer"
        return None

    def event(self, happening: Happening) -> Event | None:
        """Return the event of a happening; None if it says nothing to a table."""
        if isinstance(happening, RequestReceived | OutsideReceived):
            request, transaction = happening.request, happening.transaction
            reading = reading_of(request, outside=isinstance(happening, OutsideReceived))
            if reading is not None:
                event, fields = reading(request)
                return Event(event, fields, self._cause(transaction))
            if isinstance(happening, OutsideReceived) or happening.method not in REQUESTS:
                self._respond(transaction, 501)
                return None
        answered = self.registration.told(happening) if self.registration is not None else None
        return answered or told(happening, self._cause)

    def cause_of(self, transaction: ServerTransaction) -> int:
        """Return the number by which an event names the request it came with."""
        return self._cause(transaction)

    def open_request(self, method: str, cause: int | None) -> ServerTransaction | None:
        """Return the open request of a method: that of `cause`, else the oldest one."""
        known = self._causes.get(cause) if cause is not None else None
        waiting = self.usage.open if self.usage is not None else []
        if known is not None and known.method == method and known in waiting:
            return known
        return next((one for one in waiting if one.method == method), None)

    def _cause(self, transaction: ServerTransaction) -> int:
        for number, known in self._causes.items():
            if known is transaction:
                return number
        number = next(self._numbers)
        self._causes[number] = transaction
        return number

    # -- acts --------------------------------------------------------------------------------------

    async def create(
        self,
        target: str,
        caller: str,
        headers: Headers = (),
        hops: int = MAX_FORWARDS,
        *,
        reliable: bool = False,
    ) -> None:
        """Allocate the dialog of a call to `target`: Call-ID, tag and the way to it.

        `hops` is the Max-Forwards of its INVITE; `reliable` says in it that provisional answers
        are confirmed.
        """
        if self.usage is not None:
            return
        way = await self._way(target)
        with refusals():
            usage = self._agent.prepare(
                way.uri,
                caller=way.caller or caller,
                hop=way.hop,
                headers=[*way.headers, *headers],
                now=self._now(),
                reliable=reliable,
            )
        usage.max_forwards = hops
        self.adopt(usage)
        self.trunk, self.blocked = way.trunk, way.blocked

    async def invite_elsewhere(self, target: str, sdp: str, headers: Headers = ()) -> None:
        """Send the refused first INVITE again, to another address (RFC 3261 8.1.3.4).

        Credentials stay behind: they were for who asked at the old one.
        """
        way = await self._way(target)
        if way.blocked:
            raise ActionError(way.blocked)

        def again(usage: Usage, now: float) -> None:
            before = usage.hop, usage.headers, usage.credentials
            usage.hop, usage.headers, usage.credentials = way.hop, [*way.headers, *headers], ()
            try:
                usage.invite(sdp=bytes_of(sdp), target=way.uri, now=now)
            except UsageError:
                usage.hop, usage.headers, usage.credentials = before
                raise

        self._act(again)
        self.trunk = way.trunk

    async def _way(self, target: str, resolve: Resolve | None = None) -> Way:
        try:
            return await (resolve or self._resolve)(target)
        except (OSError, ValueError) as unreachable:
            raise ActionError(f"{target} cannot be reached: {unreachable}") from unreachable

    def invite(self, sdp: str | None) -> None:
        """Send the first INVITE."""
        self._act(lambda usage, now: usage.invite(sdp=bytes_of(sdp), now=now))

    async def enrol(self, registrar: str, address: str) -> None:
        """Allocate what registers an address with a registrar (RFC 3261 10.2).

        The way says whose address it is where it knows better, as a trunk does.
        """
        if self.usage is not None:
            return
        way = await self._way(registrar, self._registrar)
        address = way.caller or address
        with refusals():
            target = parse_name_addr(address).uri
            usage = self._agent.prepare(
                target.text, caller=address, hop=way.hop, headers=way.headers, now=self._now()
            )
            user = target.text.partition(":")[2].partition("@")[0]
            contact = self._agent.contact(usage, user if "@" in target.text else "")
        self.adopt(usage)
        self.trunk = way.trunk
        self.registration = Registration(way.uri, contact, tuple(way.headers))

    def register(self, registration: Registration, seconds: int) -> None:
        """Send REGISTER, with 0 seconds to remove."""
        self._act(
            lambda usage, now: usage.register(
                registrar=registration.registrar,
                contact=registration.contact,
                expires=seconds,
                headers=registration.headers,
                now=now,
            )
        )

    def authorize(self, response: Response, client: DigestClient) -> None:
        """Answer the challenges of a response in every request from now on."""
        self._act(lambda usage, now: usage.authorize(response, client))

    def repeat(self, method: str) -> None:
        """Send a refused request again as it was."""
        self._act(lambda usage, now: usage.repeat(method, now=now))

    def prack(self, sdp: str | None) -> None:
        """Confirm the oldest reliable provisional answer that was told."""
        self._act(lambda usage, now: usage.prack(sdp=bytes_of(sdp), now=now))

    def progress(
        self, transaction: ServerTransaction, code: int, reason: str | None, sdp: str | None
    ) -> None:
        """Answer an INVITE provisionally, repeated until its PRACK comes."""
        self._act(
            lambda usage, now: usage.respond(
                transaction, code, reason, sdp=bytes_of(sdp), reliable=True, now=now
            )
        )

    def ack(self, sdp: str | None) -> None:
        """Acknowledge the last 2xx."""
        self._act(lambda usage, now: usage.ack(sdp=bytes_of(sdp), now=now))

    def bye(self) -> None:
        """End the dialog."""
        self._act(lambda usage, now: usage.bye(now=now))

    def cancel(self) -> None:
        """Give up an own INVITE that has no final response."""
        self._act(lambda usage, now: usage.cancel(now=now))

    def reinvite(self, sdp: str) -> None:
        """Send a new offer inside the dialog."""
        self._act(lambda usage, now: usage.reinvite(sdp=bytes_of(sdp), now=now))

    def request(
        self, method: str, body: bytes = b"", content_type: str = "", headers: Headers = ()
    ) -> None:
        """Send a request inside the dialog."""
        self._act(
            lambda usage, now: usage.request(
                method, body=body, content_type=content_type, headers=headers, now=now
            )
        )

    def message(self, body: bytes, content_type: str) -> None:
        """Send a MESSAGE: in the dialog if there is one, else to the target (RFC 3428)."""
        if self.usage is not None and self.usage.dialog is not None:
            self.request("MESSAGE", body, content_type)
            return
        self._act(lambda usage, now: usage.message(body, content_type, now=now))

    def act(self, act: Callable[[Usage, float], None]) -> None:
        """Let the usage do something now; what the stack refuses is an ActionError."""
        self._act(act)

    def left(self, subscription: Subscription) -> int:
        """Whole seconds that are left of a subscription."""
        return subscription.left(self._now())

    def respond(
        self,
        transaction: ServerTransaction,
        code: int,
        reason: str | None,
        sdp: str | None,
        headers: Headers = (),
    ) -> None:
        """Answer a request of the peer."""
        self._act(
            lambda usage, now: usage.respond(
                transaction, code, reason, sdp=bytes_of(sdp), headers=headers, now=now
            )
        )
        self._let_go(transaction)

    def answer(self, cause: int | None, code: int) -> None:
        """Answer the open request of `cause`, else the oldest one; none is harmless."""
        transaction = self.transaction(cause)
        if transaction is not None:
            self._respond(transaction, code)

    def answer_with(self, transaction: ServerTransaction, code: int) -> None:
        """Answer a request that is no business of the table."""
        self._respond(transaction, code)

    def notify(
        self, event: str, *, state: str, reason: str, body: bytes, content_type: str
    ) -> None:
        """Tell the peer how what it is subscribed to stands (RFC 6665 4.2.2)."""
        self._act(
            lambda usage, now: usage.notify(
                now=now,
                event=event,
                state=state,
                reason=reason,
                body=body,
                content_type=content_type,
            )
        )

    def close(self) -> None:
        """Forget the dialog, politely: what is open is answered, what lives is ended."""
        usage, self.usage, self.registration = self.usage, None, None
        if usage is None:
            return
        usage.context = self.epitaph
        self._causes.clear()
        usage.close(now=self._now())
        self._flush()

    def _respond(self, transaction: ServerTransaction, code: int) -> None:
        self._act(lambda usage, now: usage.respond(transaction, code, now=now))
        self._let_go(transaction)

    def _let_go(self, transaction: ServerTransaction) -> None:
        """Keep no request for the rest of a call that has its final answer."""
        if transaction.answered:
            self._causes = {n: known for n, known in self._causes.items() if not known.answered}

    def _act(self, act: Callable[[Usage, float], None]) -> None:
        if self.usage is None:
            raise ActionError("the session has no dialog: CreateDialog goes before")
        with refusals():
            act(self.usage, self._now())
        self._flush()


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the stack refuses to do into what a table can answer."""
    try:
        yield
    except UsageError as refused:
        raise ActionError(str(refused)) from refused


def bytes_of(sdp: str | None) -> bytes | None:
    """Return an SDP as the stack carries it."""
    return None if sdp is None else sdp.encode()
