"""Requests that need no call: registering, asking, telling."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.node.api.call import PATIENCE, Call
from runtime.node.api.coordinator import UnifiedCoordinator
from runtime.node.api.data import Refused
from runtime.node.asking import Answer, Question
from runtime.sip.auth import Credentials

Headers = tuple[tuple[str, str], ...]


class SipClient:
    """Sends requests outside dialogs through a coordinator's node.

    Each method returns the final `Answer`, whatever its code. Refused for what cannot be sent,
    OSError for what cannot be reached, TimeoutError if nobody answers (32 s, or `timeout`).
    `credentials` answer a challenge (401, 407) once.
    """

    def __init__(
        self, coordinator: UnifiedCoordinator, credentials: Credentials | None = None
    ) -> None:
        self._coordinator = coordinator
        self.credentials = credentials

    async def register(
        self, registrar: str, user: str = "", expires: int = 3600, timeout: float | None = None
    ) -> Registration:
        """Register this peer's address at a domain (RFC 3261 10.2); Refused if it is not taken.

        `registrar` is its SIP address (`sip:example.com`), `user` the user part, by default the
        peer's own; `expires` in seconds, as wished. Refresh and end it with what is returned.
        """
        domain = registrar.partition(":")[2]
        address = f"sip:{user or self._coordinator.config.user}@{domain}"
        registration = Registration(self, address)
        await registration.refresh(expires, timeout)
        return registration

    async def send_options(self, target: str, timeout: float | None = None) -> Answer:
        """Ask a SIP address what it can do, or whether it is there (RFC 3261 11)."""
        return await self.send_raw_request("OPTIONS", target, timeout=timeout)

    async def send_message(
        self,
        target: str,
        text: str,
        content_type: str = "text/plain",
        timeout: float | None = None,
    ) -> Answer:
        """Send a MESSAGE outside any call (RFC 3428)."""
        return await self.send_raw_request(
            "MESSAGE", target, text.encode(), content_type, timeout=timeout
        )

    async def subscribe(
        self,
        target: str,
        event: str = "presence",
        expires: int = 3600,
        timeout: float | None = None,
    ) -> Subscription:
        """Subscribe to an event package of a SIP address (RFC 6665); Refused if it is not accepted.

        `expires` in seconds. The table `presence_watcher` keeps it: it refreshes in time, tries
        again where that may help, and ends with `unsubscribe`.
        """
        fields = {"target": target, "event": event, "expires": expires}
        coordinator = self._coordinator
        session = await coordinator.begin("presence_watcher", "StartSubscription", fields)
        subscription = Subscription(coordinator.call(session))
        await subscription.accepted(timeout)
        return subscription

    async def send_raw_request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        content_type: str = "",
        headers: Headers = (),
        timeout: float | None = None,
    ) -> Answer:
        """Send any request that needs no dialog; not INVITE, ACK, CANCEL, BYE, SUBSCRIBE, NOTIFY.

        `timeout` in seconds; None leaves it to the transaction.
        """
        uri = self._coordinator.uri
        question = Question(
            method, target, uri, body, content_type, headers, credentials=self.credentials
        )
        return await self.ask(question, timeout)

    async def ask(self, question: Question, timeout: float | None) -> Answer:
        """Send a question, within a time."""
        return await self._coordinator.within(self._coordinator.node.ask(question), timeout)


@dataclass(frozen=True, slots=True)
class Notification:
    """The state that a NOTIFY tells."""

    state: str
    """active, or pending while nobody has decided."""
    content_type: str
    body: str


class Subscription:
    """One subscription; iterate over it for what is told, until it ends."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._feed = call.events()

    @property
    def id(self) -> str:
        """Id of its session."""
        return self._call.id

    async def accepted(self, timeout: float | None = None) -> None:
        """Return once the far side has accepted it; CallOver if it refused, TimeoutError."""
        await self._call.wait_for_fact("SubscriptionActive", timeout)

    async def unsubscribe(self, timeout: float = PATIENCE) -> None:
        """End it, and wait for the last word of the far side. Harmless once it is over."""
        if not self._call.ended:
            await self._coordinator.act(self.id, "UnsubscribeRequest", {}, ("Ended",), timeout)

    @property
    def _coordinator(self) -> UnifiedCoordinator:
        return self._call.coordinator

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Notification:
        async for event in self._feed:
            if event.name == "StateNotified":
                told = event.fields
                kind, body = str(told.get("content_type", "")), str(told.get("body", ""))
                return Notification(str(told.get("state", "")), kind, body)
        raise StopAsyncIteration


class Registration:
    """One registration that was taken; nothing refreshes it by itself."""

    def __init__(self, client: SipClient, address: str) -> None:
        self._client = client
        self.address = address
        """The address that was registered."""
        self.expires = 0
        """Seconds that the registrar granted, 0 once it is removed."""

    async def refresh(self, expires: int = 3600, timeout: float | None = None) -> Answer:
        """Register again; Refused, with the answer's code, if it is not taken."""
        question = Question(
            "REGISTER",
            self.address,
            self.address,
            credentials=self._client.credentials,
            expires=expires,
        )
        answer = await self._client.ask(question, timeout)
        if answer.code == 423:
            least = answer.header("Min-Expires")
            if least.isascii() and least.isdigit() and expires < int(least[:9]):
                return await self.refresh(int(least[:9]), timeout)
        if answer.code >= 300:
            raise Refused(f"the registration was refused: {answer.code} {answer.reason}")
        self.expires = _granted(answer, expires)
        return answer

    async def unregister(self, timeout: float | None = None) -> None:
        """Remove the binding; Refused if the registrar does not."""
        await self.refresh(0, timeout)


def _granted(answer: Answer, wished: int) -> int:
    """Return what was granted: the Contact's `expires`, else the header, else what was wished."""
    if wished == 0:
        return 0
    for name, value in answer.headers:
        if name.lower() == "contact" and "expires=" in value:
            number = value.rpartition("expires=")[2].partition(";")[0].partition(",")[0].strip()
            if number.isascii() and number.isdigit():
                return int(number[:9])
    number = answer.header("Expires")
    return int(number[:9]) if number.isascii() and number.isdigit() else wished
