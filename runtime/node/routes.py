"""Routes: which flow answers a call. They are tried in their order; the first that fits wins.

A pattern is plain characters, `?` for exactly one and `*` for any number, compared with case as
RFC 3261 19.1.4 compares user parts; hosts and names of headers are compared without. Nobody's text
becomes a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from runtime.node.calling import Network, NewCall, network, user_of, within
from runtime.sip.uri import parse_uri

ANYBODY = "*"
"""The pattern that matches every user; without a further condition it is always asked last."""
MAX_PATTERN = 128
"""Longest pattern in characters."""
MAX_SOURCES = 64
"""Most networks of one route."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")


class When(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What else has to be true of a call; what is left empty is true of any."""

    sources: tuple[str, ...] = ()
    """Networks such as `203.0.113.0/24` that it may come from."""
    trunk: str = ""
    """Pattern of the name of the trunk it comes from."""
    caller: str = ""
    """Pattern of the user in From, or of `user@host` if it has an `@`."""
    domain: str = ""
    """Pattern of the host of the Request-URI."""
    header: str = ""
    """Name of a header that some value of has to fit `value`."""
    value: str = ""
    web_user: str = ""
    """Pattern of who is logged in at the page whose phone calls."""

    def __bool__(self) -> bool:
        return self != When()


class Route(msgspec.Struct, frozen=True, array_like=True):
    """Calls to a user matching `pattern` are answered by `flow`, `when` the rest fits as well."""

    pattern: str
    flow: str
    when: When = When()

    @property
    def anybody(self) -> bool:
        """Whether it takes every call, so that nothing after it would ever be asked."""
        return self.pattern == ANYBODY and not self.when


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
        """Take `routes` in their order, with the one for anybody moved to the end.

        Raises ValueError for one that cannot match or stands twice; nothing changes then.
        """
        wanted = tuple(routes)
        for route in wanted:
            check(route)
        keys = [(route.pattern, route.when) for route in wanted]
        if len(set(keys)) != len(keys):
            raise ValueError("a pattern stands twice among the routes, with the same conditions")
        self._routes = _with_anybody_last(wanted)

    def add(self, route: Route) -> None:
        """Put `route` above the others, or in the place of the one that asks for the same."""
        check(route)

        def same(known: Route) -> bool:
            return (known.pattern, known.when) == (route.pattern, route.when)

        if any(same(known) for known in self._routes):
            self._routes = tuple(route if same(known) else known for known in self._routes)
        else:
            self._routes = _with_anybody_last((route, *self._routes))

    def find(self, call: NewCall) -> Route | None:
        """Return the first route that fits the call."""
        return next(self.fitting(call), None)

    def fitting(self, call: NewCall) -> Iterator[Route]:
        """Yield the routes that fit the call, in their order."""
        for route in self._routes:
            if misses(route, call) is None:
                yield route


def misses(route: Route, call: NewCall) -> str | None:
    """Return why a route does not take a call, in words, or None if it does."""
    when = route.when
    if not matches(route.pattern, call.number):
        return f"the number is not {route.pattern}"
    if when.sources and not within(_networks(when.sources), call.source):
        return f"it does not come from {' or '.join(when.sources)}"
    if when.trunk and not (call.trunk and matches(when.trunk.lower(), call.trunk)):
        return f"it does not come from trunk {when.trunk}"
    if when.caller and not _called_by(when.caller, call.party):
        return f"the caller is not {when.caller}"
    if when.domain and not matches(when.domain.lower(), call.domain.lower()):
        return f"the domain is not {when.domain}"
    if when.header and not any(matches(when.value, each) for each in call.header(when.header)):
        return f"no {when.header} is {when.value}"
    if when.web_user and not (call.web_user and matches(when.web_user, call.web_user)):
        return f"it is not the phone of {when.web_user}"
    return None


def _called_by(pattern: str, party: str) -> bool:
    user, at, host = pattern.rpartition("@")
    if not at:
        return matches(pattern, user_of(party))
    try:
        uri = parse_uri(party)
    except ValueError:
        return False
    return matches(user, uri.user) and matches(host.lower(), uri.host.lower())


@lru_cache(maxsize=256)
def _networks(sources: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(network(each) for each in sources)


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


def check(route: Route) -> None:
    """Raise ValueError, with a sentence, for a route that could never match or be understood."""
    when = route.when
    _check_pattern(route.pattern, "a pattern")
    for part, name in (
        (when.caller, "the caller"),
        (when.domain, "the domain"),
        (when.web_user, "the phone"),
        (when.trunk, "the trunk"),
    ):
        if part:
            _check_pattern(part, name)
    if len(when.sources) > MAX_SOURCES:
        raise ValueError(f"a route has at most {MAX_SOURCES} networks")
    for source in when.sources:
        try:
            network(source)
        except ValueError:
            raise ValueError(f"{source[:40]} is no network such as 203.0.113.0/24") from None
    if when.header and not _TOKEN.match(when.header):
        raise ValueError(f"{when.header[:40]} is no name of a header")
    if bool(when.header) != bool(when.value):
        raise ValueError("a header has a name and a pattern of its value, * for any")
    if len(when.value) > MAX_PATTERN or not when.value.isprintable():
        raise ValueError(f"the value of a header has at most {MAX_PATTERN} printable characters")


def _check_pattern(pattern: str, name: str) -> None:
    if not pattern or len(pattern) > MAX_PATTERN:
        raise ValueError(f"{name} has 1 to {MAX_PATTERN} characters")
    if any(character.isspace() or not character.isprintable() for character in pattern):
        raise ValueError(f"{name} has no white space and no control characters")


def _with_anybody_last(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    return tuple(sorted(routes, key=lambda route: route.anybody))
