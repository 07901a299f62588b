"""Routes: which flow answers a call, chosen by the user part of the Request-URI.

A pattern is plain characters, `?` for exactly one and `*` for any number, compared with case as
RFC 3261 19.1.4 compares user parts. Nobody's text becomes a regular expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ANYBODY = "*"
"""The pattern that matches every user; it is always asked last."""
MAX_PATTERN = 128
"""Longest pattern in characters."""


@dataclass(frozen=True, slots=True)
class Route:
    """Calls to a user matching `pattern` are answered by `flow`."""

    pattern: str
    flow: str


class RouteTable:
    """Ordered routes, first match wins; changed by replacing the whole or adding one."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._routes: tuple[Route, ...] = ()
        self.replace(routes)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def replace(self, routes: Iterable[Route]) -> None:
        """Take `routes` in their order, with `*` moved to the end.

        Raises ValueError for a pattern that cannot match or stands twice; nothing changes then.
        """
        wanted = tuple(routes)
        patterns = [route.pattern for route in wanted]
        for pattern in patterns:
            _check(pattern)
        if len(set(patterns)) != len(patterns):
            raise ValueError("a pattern stands twice among the routes")
        self._routes = _with_anybody_last(wanted)

    def add(self, route: Route) -> None:
        """Put `route` above the others, or in the place of the one with the same pattern."""
        _check(route.pattern)
        if any(known.pattern == route.pattern for known in self._routes):
            self._routes = tuple(
                route if known.pattern == route.pattern else known for known in self._routes
            )
        else:
            self._routes = _with_anybody_last((route, *self._routes))

    def find(self, user: str) -> Route | None:
        """Return the first route whose pattern matches `user`."""
        for route in self._routes:
            if matches(route.pattern, user):
                return route
        return None


def matches(pattern: str, text: str) -> bool:
    """Whether the whole `text` fits `pattern`; time grows at worst with the product of lengths."""
    at = position = 0
    star = resume = -1
    while position < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, position
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[position]):
            at += 1
            position += 1
        elif star >= 0:
            # The last star takes one character more, and the rest is tried again.
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return pattern[at:].strip("*") == ""


def _check(pattern: str) -> None:
    if not pattern or len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has 1 to {MAX_PATTERN} characters")
    if any(character.isspace() or not character.isprintable() for character in pattern):
        raise ValueError("a pattern has no white space and no control characters")


def _with_anybody_last(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    return tuple(sorted(routes, key=lambda route: route.pattern == ANYBODY))
