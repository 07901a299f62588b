"""A fake clock, a wire that is a list, and messages written by hand: the bench of these tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.events import Happening, InviteReceived
from runtime.sip.hop import TCP, TLS, UDP, WS, Hop
from runtime.sip.message import Request, Response
from runtime.sip.usage import Usage
from runtime.sip.wire import check, split

H = TypeVar("H")

PEER = Hop(UDP, ("192.0.2.7", 5071), "192.0.2.1:5060")
OVER_TCP = Hop(TCP, ("192.0.2.7", 5071), "192.0.2.1:5060", "tcp-1")
OVER_TLS = Hop(TLS, ("192.0.2.7", 5071), "192.0.2.1:5061", "tls-1")
BROWSER = Hop(WS, "connection-1", "192.0.2.1:8000")
SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\n"
T1 = 0.5


def request(
    method: str = "INVITE",
    *,
    uri: str = "sip:bob@192.0.2.1:5060",
    branch: str = "z9hG4bK-1",
    number: int = 1,
    call_id: str = "call-1",
    from_: str = "<sip:alice@192.0.2.7>;tag=alice",
    to: str = "<sip:bob@192.0.2.1>",
    to_tag: str = "",
    via: str = "",
    headers: Iterable[str] = (),
    contact: str | None = "<sip:alice@192.0.2.7:5071>",
    body: bytes = b"",
    content_type: str = "application/sdp",
    without: Iterable[str] = (),
) -> bytes:
    """A request of the peer; `without` leaves out header lines by name."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via or f'SIP/2.0/UDP 192.0.2.7:5071;rport;branch={branch}'}",
        "Max-Forwards: 70",
        f"From: {from_}",
        f"To: {to}" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id}",
        f"CSeq: {number} {method}",
        *([f"Contact: {contact}"] if contact else []),
        *headers,
        *([f"Content-Type: {content_type}"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    lines = [line for line in lines if line.partition(":")[0] not in without]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(
    sent: Request,
    code: int,
    reason: str = "Whatever",
    *,
    tag: str = "bob",
    contact: str | None = "<sip:bob@192.0.2.7:5071>",
    headers: Iterable[str] = (),
    body: bytes = b"",
) -> bytes:
    """A response of the peer to a request we sent."""
    to = sent.get("To") or ""
    if tag and ";tag=" not in to:
        to += f";tag={tag}"
    lines = [
        f"SIP/2.0 {code} {reason}",
        *(f"Via: {value}" for value in sent.lines("Via")),
        *headers,
        f"From: {sent.get('From')}",
        f"To: {to}",
        f"Call-ID: {sent.call_id}",
        f"CSeq: {sent.get('CSeq')}",
        *([f"Contact: {contact}"] if contact else []),
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Sent:
    """A message that left the agent, with the time it left."""

    at: float
    message: Request | Response
    hop: Hop
    data: bytes

    @property
    def kind(self) -> str:
        """The method of a request, or "CODE METHOD" of a response."""
        if isinstance(self.message, Request):
            return self.message.method
        return f"{self.message.code} {self.message.cseq.method}"


@dataclass
class Bench:
    """One agent on a fake clock that starts at 0 and jumps from deadline to deadline."""

    settings: dict[str, Any] = field(default_factory=dict)
    hop: Hop = PEER

    def __post_init__(self) -> None:
        self.now = 0.0
        self.sent: list[Sent] = []
        self.happenings: list[Happening] = []
        numbers = count(1)
        self.settings.setdefault("random_hex", lambda size: f"{next(numbers):0{2 * size}x}")
        self.agent = Agent(AgentSettings("n1-1", **self.settings))

    def receive(self, data: bytes, hop: Hop | None = None) -> list[Sent]:
        """Give the agent a message; returns what it sent at once.

        A Via written for UDP names the transport that the message comes over."""
        hop = hop or self.hop
        if not data.startswith(b"SIP/2.0"):
            data = data.replace(b"Via: SIP/2.0/UDP ", f"Via: SIP/2.0/{hop.transport} ".encode())
        return self._collected(lambda: self.agent.receive(data, hop, self.now))

    def do(self, act: Any, *arguments: Any, **options: Any) -> list[Sent]:
        """Call an act with the present time; returns what was sent at once."""
        return self._collected(lambda: act(*arguments, now=self.now, **options))

    def advance(self, seconds: float) -> list[Sent]:
        """Let time pass, firing every timer at its own moment; returns what was sent."""
        end = self.now + seconds
        before = len(self.sent)
        while (deadline := self.agent.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self._collected(lambda: self.agent.expire(self.now))
        self.now = end
        return self.sent[before:]

    def _collected(self, run: Any) -> list[Sent]:
        before = len(self.sent)
        run()
        for out in self.agent.take_messages():
            if out.data != b"\r\n":
                message = split(out.data)
                if not isinstance(message, Response) or message.code not in (400, 505):
                    check(message)  # These give back the headers of what it refuses.
                self.sent.append(Sent(self.now, message, out.hop, out.data))
            else:
                self.sent.append(Sent(self.now, None, out.hop, out.data))  # type: ignore[arg-type]
        self.happenings += self.agent.take_happenings()
        return self.sent[before:]

    def take(self, kind: type[H]) -> H:
        """The oldest happening, which must be of this kind; it is removed."""
        assert self.happenings, f"nothing happened, expected {kind.__name__}"
        happening = self.happenings.pop(0)
        assert isinstance(happening, kind), happening
        return happening

    @property
    def kinds(self) -> list[str]:
        """All that was sent so far, by kind."""
        return [sent.kind for sent in self.sent]

    def ring(self, **options: Any) -> InviteReceived:
        """Receive an INVITE."""
        self.receive(request(**options))
        return self.take(InviteReceived)

    def answered(self, **options: Any) -> Usage:
        """Receive an INVITE and answer it with 200; the ACK is still to come."""
        invite = self.ring(**options)
        self.do(invite.usage.respond, invite.transaction, 200, sdp=SDP)
        return invite.usage

    def established(self, **options: Any) -> Usage:
        """A call of the peer that was answered and acknowledged."""
        usage = self.answered(**options)
        self.receive(self.in_dialog(usage, "ACK", number=1))
        self.happenings.clear()
        return usage

    def in_dialog(self, usage: Usage, method: str, number: int = 2, **options: Any) -> bytes:
        """A request of the peer inside a dialog that the peer began."""
        options.setdefault("branch", f"z9hG4bK-{method}-{number}")
        options.setdefault("call_id", usage.call_id)
        return request(method, number=number, to_tag=usage.local_tag, **options)

    def call(self, **options: Any) -> tuple[Usage, Request]:
        """Place a call; returns the usage and the INVITE that was sent."""
        options.setdefault("caller", "sip:us@192.0.2.1")
        options.setdefault("hop", self.hop)
        options.setdefault("sdp", SDP)
        target = options.pop("target", "sip:bob@192.0.2.7:5071")
        usage = self.agent.invite(target, now=self.now, **options)
        self._collected(lambda: None)
        invite = self.sent[-1].message
        assert isinstance(invite, Request)
        return usage, invite

    def connected(self, **options: Any) -> tuple[Usage, Request]:
        """A placed call that was answered and acknowledged."""
        usage, invite = self.call(**options)
        self.receive(response(invite, 200, body=SDP))
        self.do(usage.ack)
        self.happenings.clear()
        return usage, invite

    def last_request(self) -> Request:
        message = self.sent[-1].message
        assert isinstance(message, Request)
        return message
