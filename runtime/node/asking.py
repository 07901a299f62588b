"""SIP requests that belong to no session: a question to somebody, and the answer awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from runtime.node.api.data import Refused
from runtime.sip.agent import Agent
from runtime.sip.auth import Credentials, DigestClient
from runtime.sip.events import Happening, ResponseReceived, TransactionTimedOut, TransportFailed
from runtime.sip.hop import Hop
from runtime.sip.message import Response
from runtime.sip.usage import Usage, UsageError

CHALLENGED = (401, 407)


@dataclass(frozen=True, slots=True)
class Question:
    """A request outside any dialog."""

    method: str
    target: str
    """SIP address that is asked."""
    caller: str
    """SIP address in From."""
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials | None = None
    """With what a challenge (401, 407) is answered, once."""
    expires: int | None = None
    """REGISTER: seconds the binding shall hold."""
    contact: str = ""
    """REGISTER: another Contact than our own; "*" with `expires` 0 removes all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A final response."""

    code: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    """Name and value, in their order."""
    body: bytes

    def header(self, name: str) -> str:
        """Return the first value of a header; empty if there is none."""
        wanted = name.lower()
        return next((value for known, value in self.headers if known.lower() == wanted), "")


class Wires(Protocol):
    """What is needed of the node's SIP side."""

    agent: Agent

    @property
    def shell(self) -> Clock: ...


class Clock(Protocol):
    """What is needed of the shell."""

    now: Callable[[], float]

    def flush(self) -> None: ...

    def resolve(self, uri: str) -> Awaitable[Hop]: ...


class Asking:
    """One question under way: what the stack gives back with its answers."""

    def __init__(self, usage: Usage, question: Question, now: Callable[[], float]) -> None:
        self.usage = usage
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._question = question
        self._now = now
        self._authorized = question.credentials is None

    def heard(self, happening: Happening) -> None:
        """Take what became of it."""
        if self.answer.done():
            return
        match happening:
            case ResponseReceived() if happening.code >= 200:
                if not self._repeated(happening.response):
                    response = happening.response
                    headers = tuple(response.headers)
                    answer = Answer(response.code, response.reason, headers, response.body)
                    self.answer.set_result(answer)
            case TransactionTimedOut():
                self.answer.set_exception(TimeoutError(f"no answer to {self._question.method}"))
            case TransportFailed():
                reason = f"{self._question.method} could not be sent"
                self.answer.set_exception(OSError(reason))

    def _repeated(self, response: Response) -> bool:
        """Answer a challenge, the first time."""
        if response.code not in CHALLENGED or self._authorized:
            return False
        self._authorized = True
        credentials = self._question.credentials
        assert credentials is not None
        try:
            self.usage.authorize(response, DigestClient(credentials))
            self.usage.repeat(self._question.method, now=self._now())
        except (UsageError, ValueError):
            return False
        return True


async def ask(wires: Wires, question: Question) -> Answer:
    """Send a request and return its final response.

    Raises Refused for what cannot be sent, OSError for what cannot be reached, TimeoutError after
    the 32 s of a transaction without an answer (RFC 3261 17.1.2.2).
    """
    shell = wires.shell
    try:
        hop = await shell.resolve(question.target)
        usage = wires.agent.prepare(
            question.target, caller=question.caller, hop=hop, now=shell.now()
        )
        asking = Asking(usage, question, shell.now)
        usage.context = asking
        _send(usage, question, shell.now())
    except (UsageError, ValueError) as wrong:
        raise Refused(str(wrong)) from wrong
    shell.flush()
    try:
        return await asking.answer
    finally:
        usage.close(now=shell.now())
        shell.flush()


def _send(usage: Usage, question: Question, now: float) -> None:
    match question.method:
        case "OPTIONS" if not question.body:
            usage.options(now=now, headers=question.headers)
        case "REGISTER":
            usage.register(
                now=now,
                contact=question.contact,
                expires=question.expires,
                headers=question.headers,
            )
        case _:
            usage.send_outside(
                question.method,
                now=now,
                body=question.body,
                content_type=question.content_type,
                headers=question.headers,
            )
