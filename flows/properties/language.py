"""The property language: its text read into a pattern over propositions.

A run of a call is a row of moments: its beginning, then each step with the state it leads to. A
proposition is true or false of a moment:

    state Active   event DialogBYE   action SendBYE   publishes CallFailed   sends INVITE
    holds media    both Terminated   ended            MediaReady (a condition that is true)

each perhaps with `uac.` or `uas.` before it, and joined by `and`, `or`, `not` and brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flows.table import TIMER_EVENT

MAX_LENGTH = 1000
MAX_DEPTH = 30
KINDS = ("state", "event", "action", "publishes", "sends", "holds", "both")


class PropertyError(ValueError):
    """The text is no property; one sentence says why."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One thing that may be true of a moment."""

    kind: str
    """One of KINDS, `ended` or `condition`."""
    name: str = ""
    side: str = ""
    """`UAC`, `UAS` or empty for either."""


@dataclass(frozen=True, slots=True)
class Not:
    operand: Proposition


@dataclass(frozen=True, slots=True)
class All:
    operands: tuple[Proposition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    operands: tuple[Proposition, ...]


Proposition = Atom | Not | All | Any


@dataclass(frozen=True, slots=True)
class Never:
    """`never P`, `always P`, `A and B exclude each other`; perhaps only after and before others."""

    bad: Proposition
    after: Proposition | None = None
    before: Proposition | None = None
    strict: bool = False
    """`between`: it counts only where `before` really comes."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """`P at most 2 times`."""

    what: Proposition
    times: int


@dataclass(frozen=True, slots=True)
class Precedes:
    """`A precedes B`: no B before the first A."""

    first: Proposition
    second: Proposition


@dataclass(frozen=True, slots=True)
class Response:
    """`after A eventually B`, `A leads to B unless C`."""

    trigger: Proposition
    answer: Proposition


@dataclass(frozen=True, slots=True)
class Reachable:
    """`P is always reachable`."""

    what: Proposition


Pattern = Never | AtMost | Precedes | Response | Reachable


def read(text: str) -> Pattern:
    """Read a property; raises PropertyError and nothing else."""
    if len(text) > MAX_LENGTH:
        raise PropertyError(f"A property has at most {MAX_LENGTH} characters.")
    return _Reader(text).whole()


def atoms(pattern: Pattern) -> list[Atom]:
    """Return every atom of a pattern."""
    return [atom for proposition in propositions(pattern) for atom in atoms_of(proposition)]


def propositions(pattern: Pattern) -> list[Proposition]:
    """Return the propositions a pattern is made of."""
    match pattern:
        case Never(bad, after, before):
            return [p for p in (bad, after, before) if p is not None]
        case AtMost(what, _) | Reachable(what):
            return [what]
        case Precedes(first, second):
            return [first, second]
        case Response(trigger, answer):
            return [trigger, answer]


def atoms_of(proposition: Proposition) -> list[Atom]:
    """Return the atoms of a proposition."""
    match proposition:
        case Atom():
            return [proposition]
        case Not(operand):
            return atoms_of(operand)
        case All(operands) | Any(operands):
            return [atom for operand in operands for atom in atoms_of(operand)]


_TOKEN = re.compile(r"\s*(?:(?P<word>[\w.*#-]+)|(?P<mark>[(),]))")
_PATTERN_WORDS = frozenset(
    (
        *("always", "never", "at", "precedes", "after", "eventually", "before", "between"),
        *("leads", "unless", "is", "exclude", "until", "and", "or", "to", "most", "times"),
    )
)


class _Reader:
    """Recursive descent; the depth is limited, so no text exhausts the stack."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        self.position = 0
        self.depth = 0
        at = 0
        text = text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise PropertyError(f"{text[at:].strip()[:1]!r} has no place in a property.")
            self.tokens.append(match.group().strip())
            at = match.end()

    @property
    def next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        """Take these words if all of them come next."""
        if self.tokens[self.position : self.position + len(words)] != list(words):
            return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.take(*words):
            found = f"not {self.next}" if self.next else "but the property ends"
            raise PropertyError(f"Here comes {' '.join(words)}, {found}.")

    def whole(self) -> Pattern:
        pattern = self.pattern()
        if self.next:
            raise PropertyError(f"{self.next} is not expected here.")
        return pattern

    def pattern(self) -> Pattern:
        if self.take("between"):
            after = self.single()
            self.expect("and")
            before = self.single()
            return self.body(after, before, strict=True)
        if self.take("after"):
            after = self.either()
            self.take(",")
            if self.take("eventually"):
                return Response(after, self.either())
            if self.take("before") or self.take("until"):
                return self.body(after, self.either())
            return self.body(after, None)
        if self.take("before"):
            return self.body(None, self.either())
        if self.next in ("always", "never"):
            return self.body(None, None)
        return self.about(self.either())

    def about(self, what: Proposition) -> Pattern:
        if self.take("at", "most"):
            times = self.next
            self.position += 1
            if not times.isdecimal() or len(times) > 3:
                raise PropertyError("`at most` needs a number of times.")
            if not self.take("time"):
                self.expect("times")
            return AtMost(what, int(times))
        if self.take("precedes"):
            return Precedes(what, self.either())
        if self.take("leads", "to"):
            answer = self.either()
            if self.take("unless"):
                answer = Any((answer, self.either()))
            return Response(what, answer)
        if self.take("is", "always", "reachable"):
            return Reachable(what)
        if self.take("exclude", "each", "other"):
            if not isinstance(what, All):
                raise PropertyError("`exclude each other` needs two things joined by and.")
            return Never(what)
        raise PropertyError(
            "A property is always P, never P, P at most 2 times, A precedes B, after A eventually "
            "B, after A before B never C, between A and B always P, A leads to B unless C, P is "
            "always reachable, or A and B exclude each other."
        )

    def body(
        self, after: Proposition | None, before: Proposition | None, strict: bool = False
    ) -> Pattern:
        self.take(",")
        if self.take("never"):
            return Never(self.either(), after, before, strict)
        self.expect("always")
        return Never(Not(self.either()), after, before, strict)

    # -- propositions ------------------------------------------------------------------------------

    def either(self) -> Proposition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise PropertyError(f"A property is at most {MAX_DEPTH} levels deep.")
        operands = [self.both()]
        while self.take("or"):
            operands.append(self.both())
        self.depth -= 1
        return operands[0] if len(operands) == 1 else Any(tuple(operands))

    def both(self) -> Proposition:
        operands = [self.single()]
        while self.take("and"):
            operands.append(self.single())
        return operands[0] if len(operands) == 1 else All(tuple(operands))

    def single(self) -> Proposition:
        negations = 0
        while self.take("not"):
            negations += 1
        inner = self.atom()
        return Not(inner) if negations % 2 else inner

    def atom(self) -> Proposition:
        if self.take("("):
            inner = self.either()
            self.expect(")")
            return inner
        word = self.next
        if not word or word in _PATTERN_WORDS or word in ",)":
            told = f"before {word}" if word else "at the end"
            raise PropertyError(f"Something is missing {told}: state X, event X, action X ...")
        self.position += 1
        side, dot, rest = word.partition(".")
        known = side.upper() if dot and side.lower() in ("uac", "uas") else ""
        kind = rest if known else word
        if kind in KINDS:
            name = self.next
            timer = (kind, name) == ("event", TIMER_EVENT)
            if not name or (name in _PATTERN_WORDS and not timer) or name in "(),":
                raise PropertyError(f"{kind} needs a name behind it.")
            self.position += 1
            return Atom(kind, name, known)
        if kind == "ended":
            return Atom("ended", "", known)
        return Atom("condition", kind, known)
