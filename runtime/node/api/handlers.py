"""What becomes of an incoming call before the program speaks with it.

A handler is called with an `IncomingCall` and returns a decision, or None where it has no opinion;
it may be a coroutine function. Fixed rules belong into routes and tables, where they are proved;
a handler is for what only the program knows.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.sip.uri import parse_uri

if TYPE_CHECKING:
    from runtime.node.api.call import IncomingCall


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the call."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call with a SIP code, 400 to 699."""

    code: int = 486
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Defer:
    """Let it ring until the program takes it with `incoming_call` or `wait_for_call`."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Send the caller elsewhere (302) with this SIP address."""

    target: str


Decision = Accept | Reject | Defer | Forward
Handler = Callable[["IncomingCall"], "Decision | None | Awaitable[Decision | None]"]


async def decide(handler: Handler, call: IncomingCall) -> Decision | None:
    """Ask a handler, whether it is a coroutine function or not."""
    answer = handler(call)
    return await answer if inspect.isawaitable(answer) else answer


class AutoAnswer:
    """Answers every call."""

    def __call__(self, call: IncomingCall) -> Decision:
        return Accept()


class Queue:
    """Lets at most `most` calls ring at once; the next is refused with `code`."""

    def __init__(self, most: int, code: int = 486) -> None:
        if most < 1:
            raise ValueError("a queue has room for one call at least")
        self.most = most
        self.code = code
        self._ringing: set[IncomingCall] = set()

    def __call__(self, call: IncomingCall) -> Decision:
        self._ringing = {each for each in self._ringing if each.ringing}
        if len(self._ringing) >= self.most:
            return Reject(self.code)
        self._ringing.add(call)
        return Defer()


class Routing:
    """Asks the handler of the longest prefix of the number that was called."""

    def __init__(self, prefixes: dict[str, Handler], default: Handler | None = None) -> None:
        self._prefixes = sorted(prefixes.items(), key=lambda each: -len(each[0]))
        self._default = default

    async def __call__(self, call: IncomingCall) -> Decision | None:
        try:
            number = parse_uri(call.callee).user
        except ValueError:
            number = ""
        for prefix, handler in self._prefixes:
            if number.startswith(prefix):
                return await decide(handler, call)
        return None if self._default is None else await decide(self._default, call)


class Composite:
    """Asks several handlers in order; the first that decides has decided."""

    def __init__(self, handlers: Sequence[Handler]) -> None:
        self._handlers = tuple(handlers)

    async def __call__(self, call: IncomingCall) -> Decision | None:
        for handler in self._handlers:
            decision = await decide(handler, call)
            if decision is not None:
                return decision
        return None
