"""Which of two versions a new call takes while one is ramped up; no database is asked.

A caller is put by a keyed hash at a point between 0 and 1 and keeps it: over pauses and restarts
and on every node, as long as the ramp has its salt. The candidate takes the callers below the
percentage, so whoever is in at 5 % stays in at 25 %. Another ramp has another salt: the same people
are not always the first.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from flows.semantics import Program
from runtime.node.calling import NewCall, network, user_of, within
from runtime.node.routes import matches

_NUMBER = re.compile(r"\+?[0-9*?][0-9*?().\- ]*\Z")
"""A telephone number, or a pattern of some."""
_NOBODY = ("", "anonymous", "unknown", "restricted", "unavailable")
_SEPARATORS = str.maketrans("", "", "().- ")


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who takes the candidate: test callers always, and a share of the callers in scope."""

    salt: str
    """Keys the hash; made once for a ramp."""
    percent: float
    """Share of the callers in scope, 0 to 100."""
    sources: tuple[str, ...] = ()
    """Networks such as `10.1.0.0/16`; if there are any, calls from elsewhere stay on the stable
    version. Calls that this node places come from nowhere."""
    numbers: tuple[str, ...] = ()
    """Patterns of called users, as in routes; if there are any, only calls to them are in scope."""
    callers: tuple[str, ...] = ()
    """Patterns of test callers, who take the candidate whatever the scope says."""


class Wanted(msgspec.Struct, frozen=True):
    """What a flow shall run where a ramp is on: the stable version and the candidate beside it."""

    digest: str
    candidate: str
    rule: Rule


class Ramp:
    """A candidate's program with the rule that gives it calls; never changed, only replaced."""

    __slots__ = ("program", "rule", "_flow", "_networks")

    def __init__(self, flow: str, program: Program, rule: Rule) -> None:
        """Raises ValueError for a source that is no network."""
        self.program = program
        self.rule = rule
        self._flow = flow
        self._networks = tuple(network(each) for each in rule.sources)

    def takes(self, call: NewCall) -> bool:
        """Whether this call takes the candidate."""
        who = identity(call.party)
        if who and is_test_caller(self.rule, who):
            return True
        if not self._in_scope(call):
            return False
        return point(self.rule.salt, self._flow, who or call.call) < self.rule.percent / 100

    def _in_scope(self, call: NewCall) -> bool:
        numbers = self.rule.numbers
        if numbers and not any(matches(pattern, call.number) for pattern in numbers):
            return False
        return not self._networks or within(self._networks, call.source)


def point(salt: str, flow: str, who: str) -> float:
    """Return where a caller stands, 0 to below 1, the same everywhere and always."""
    key = hashlib.blake2b(f"{flow}\0{who}".encode(), key=salt.encode()[:64], digest_size=8).digest()
    return (int.from_bytes(key, "big") >> 11) / (1 << 53)


def identity(address: str) -> str:
    """Return by what a caller is known again; empty for one who does not say.

    The user part alone, in small letters: hosts change with the trunk, and a telephone number is
    the same with and without separators, plus or 00 (RFC 3966 5.1.1 compares without separators).
    """
    user = _plain(user_of(address))
    return "" if user in _NOBODY else user


def _plain(user: str) -> str:
    """Return a user part, or a pattern of some, in the writing in which they are compared."""
    user = user.partition(";")[0].partition(":")[0].lower()
    if not _NUMBER.match(user):
        return user
    number = user.translate(_SEPARATORS).removeprefix("+")
    return number.removeprefix("00") or number


def is_test_caller(rule: Rule, who: str) -> bool:
    """Whether a known caller is one of the test callers."""
    return any(matches(_plain(pattern), who) for pattern in rule.callers)
