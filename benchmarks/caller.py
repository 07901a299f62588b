"""A caller of few words: INVITE, ACK, BYE over UDP, blocking, for benchmarks and system tests.

It waits for what it sent to be answered and repeats it after half a second, as RFC 3261 17.1 asks;
requests of the other side are answered 200 while it waits. It is no phone: it hears nothing.
"""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass

REPEAT_SECONDS = 0.5
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


class NoAnswer(Exception):
    """The other side did not answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A final response."""

    code: int
    reason: str
    headers: dict[str, str]


class Caller:
    """One call to `user` at an address, from its INVITE to its end."""

    def __init__(
        self,
        remote: tuple[str, int],
        user: str = "echo",
        *,
        caller: str = "",
        patience: float = 10.0,
    ) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(remote)
        self.local = "{}:{}".format(*self.socket.getsockname())
        self.caller = caller or f"sip:caller@{self.local}"
        self.uri = f"sip:{user}@{remote[0]}:{remote[1]}"
        self.call_id = secrets.token_hex(8)
        self.tag = secrets.token_hex(4)
        self.to = f"<{self.uri}>"
        self.target = self.uri
        self.sequence = 0
        self.heard: list[str] = []
        """Methods of requests that came."""
        self.patience = patience

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def invite(self) -> Answer:
        """Call, or call again inside the call; the final response is acknowledged."""
        branch = self._branch()
        answer = self._ask("INVITE", branch, SDP)
        self.to = answer.headers.get("to", self.to)
        if answer.code < 300:
            contact = answer.headers.get("contact", "")
            if "<" in contact:
                self.target = contact.split("<", 1)[1].split(">", 1)[0]
            branch = self._branch()
        self._send("ACK", branch)
        return answer

    def bye(self) -> Answer:
        """Hang up."""
        return self._ask("BYE", self._branch())

    def options(self) -> Answer:
        """Ask whether calls are taken."""
        return self._ask("OPTIONS", self._branch())

    def wait_for(self, method: str, seconds: float = 10.0) -> None:
        """Return once the other side has sent this request."""
        deadline = time.monotonic() + seconds
        while method not in self.heard:
            if time.monotonic() > deadline:
                raise NoAnswer(f"no {method} came within {seconds:g} s")
            self._receive(0.2)

    def _ask(self, method: str, branch: str, body: str = "") -> Answer:
        self.sequence += 1
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            self._send(method, branch, body)
            repeat = time.monotonic() + REPEAT_SECONDS
            while (left := repeat - time.monotonic()) > 0:
                answer = self._receive(left)
                if answer is not None and answer.headers.get("cseq", "").endswith(method):
                    if answer.code >= 200:
                        return answer
                    repeat = deadline
        raise NoAnswer(f"{method} to {self.uri} was not answered within {self.patience:g} s")

    def _receive(self, seconds: float) -> Answer | None:
        self.socket.settimeout(seconds)
        try:
            text = self.socket.recv(65536).decode()
        except (TimeoutError, ConnectionRefusedError):
            return None
        head, _, _ = text.partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        if first.startswith("SIP/2.0 "):
            _, code, reason = first.split(" ", 2)
            return Answer(int(code), reason, headers)
        self._answer(first.split(" ", 1)[0], headers)
        return None

    def _answer(self, method: str, headers: dict[str, str]) -> None:
        self.heard.append(method)
        if method == "ACK":
            return
        kept = "".join(
            f"{name.title()}: {headers[name]}\r\n" for name in ("via", "from", "to", "call-id")
        )
        said = f"SIP/2.0 200 OK\r\n{kept}CSeq: {headers['cseq']}\r\nContent-Length: 0\r\n\r\n"
        self.socket.send(said.encode())

    def _send(self, method: str, branch: str, body: str = "") -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        message = (
            f"{method} {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.local};branch={branch}\r\n"
            "Max-Forwards: 70\r\n"
            f"From: <{self.caller}>;tag={self.tag}\r\n"
            f"To: {self.to}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {self.sequence} {method}\r\n"
            f"Contact: <sip:caller@{self.local}>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        try:
            self.socket.send(message.encode())
        except ConnectionRefusedError:
            return

    def _branch(self) -> str:
        return f"z9hG4bK{secrets.token_hex(6)}"
