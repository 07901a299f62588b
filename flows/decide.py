"""Whether an expression can hold, and with which values: a small decision procedure.

Every name and every field of the event has a domain. What an expression says of a number or a text
changes only at the constants it is compared with, so each domain is cut there into points and
stretches, and one value of each is enough to try. The search gives values only to what still
matters and stops at a budget; it never guesses: `TooLarge` is raised where it would have to.

Complete for the grammar of expressions, but for sums of two unknown numbers (`a + b < c`) and for
comparisons of an unknown with a sum of another (`a < b + 1`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.expressions import (
    Both,
    Comparison,
    Constant,
    Either,
    EventField,
    Function,
    Membership,
    Name,
    Node,
    Not,
    Sum,
    from_node,
)

MAX_STEPS = 4000
"""Values tried before a question is given up."""

FIELD = "event."
"""Begins the key of a field of the event, as in `event.code`; names have no dot."""

Valuation = dict[str, Any]


class TooLarge(Exception):
    """The question is outside what can be decided here, or takes too many steps."""


@dataclass(frozen=True, slots=True)
class Domain:
    """Which values a name can have."""

    kinds: frozenset[str]
    """Of `boolean`, `integer`, `number`, `text` and `none`."""
    low: int | None = None
    high: int | None = None
    only: tuple[Any, ...] | None = None
    """Exactly these values, if they are known."""


ANYTHING = Domain(frozenset(("boolean", "number", "text", "none")))
BOOLEAN = Domain(frozenset(("boolean",)))


def fixed(value: Any) -> Domain:
    """Return the domain of one value."""
    return Domain(frozenset(), only=(value,))


@dataclass(slots=True)
class Budget:
    """Steps that several questions may take together."""

    steps: int = MAX_STEPS

    def spend(self) -> None:
        if self.steps <= 0:
            raise TooLarge("too many combinations of values")
        self.steps -= 1


def satisfying(
    node: Node, domains: Mapping[str, Domain], budget: Budget | None = None
) -> Valuation | None:
    """Return values with which the expression holds, or None if there are none; raises TooLarge.

    Only what matters has a value: with any values of the rest the expression holds as well.
    """
    points = _Points(node, domains)
    tree = _tree(node)
    return _search(tree, points, {}, {}, {}, budget if budget is not None else Budget())


def representatives(
    nodes: Iterable[Node], domains: Mapping[str, Domain], terms: Iterable[str]
) -> dict[str, tuple[Any, ...]]:
    """Return for each term values that between them decide these expressions; raises TooLarge."""
    points = _Points(Both(tuple(nodes)), domains)
    return {term: points.of(term) for term in terms}


def _search(
    tree: _Tree,
    points: _Points,
    chosen: Valuation,
    values: Valuation,
    fields: Valuation,
    budget: Budget,
) -> Valuation | None:
    verdict, term = _verdict(tree, chosen, values, fields)
    if verdict is not None:
        return dict(chosen) if verdict else None
    assert term is not None
    place = fields if term.startswith(FIELD) else values
    name = term.removeprefix(FIELD)
    for value in points.of(term):
        budget.spend()
        chosen[term] = place[name] = value
        found = _search(tree, points, chosen, values, fields, budget)
        if found is not None:
            return found
        del chosen[term], place[name]
    return None


# -- three-valued reading --------------------------------------------------------------------------


@dataclass(slots=True)
class _Tree:
    """An expression with its atoms made ready to be asked."""

    kind: str
    """`all`, `any`, `not` or `atom`."""
    parts: tuple[_Tree, ...] = ()
    terms: tuple[str, ...] = ()
    function: Function | None = None


def _tree(node: Node) -> _Tree:
    match node:
        case Both(operands):
            return _Tree("all", tuple(_tree(o) for o in operands))
        case Either(operands):
            return _Tree("any", tuple(_tree(o) for o in operands))
        case Not(operand):
            return _Tree("not", (_tree(operand),))
    expression = from_node(node)
    terms = (*sorted(expression.names), *(FIELD + name for name in sorted(expression.fields)))
    return _Tree("atom", terms=terms, function=expression.function)


def _verdict(
    tree: _Tree, chosen: Valuation, values: Valuation, fields: Valuation
) -> tuple[bool | None, str | None]:
    """Return the truth as far as it is settled, else None and a term that matters."""
    if tree.kind == "atom":
        for known in tree.terms:
            if known not in chosen:
                return None, known
        assert tree.function is not None
        return bool(tree.function(values, fields)), None
    if tree.kind == "not":
        verdict, term = _verdict(tree.parts[0], chosen, values, fields)
        return (None, term) if verdict is None else (not verdict, None)
    deciding = tree.kind == "any"
    wanted: str | None = None
    for part in tree.parts:
        verdict, term = _verdict(part, chosen, values, fields)
        if verdict is deciding:
            return deciding, None
        if verdict is None and wanted is None:
            wanted = term
    return (None, wanted) if wanted is not None else (not deciding, None)


# -- the values worth trying -----------------------------------------------------------------------


@dataclass(slots=True)
class _Cuts:
    """What one term is compared with."""

    numbers: set[int | float] = field(default_factory=lambda: {0})
    texts: set[str] = field(default_factory=lambda: {""})
    linked: set[str] = field(default_factory=set)
    """Other terms it is compared with."""


class _Points:
    """For each term the values that stand for all values of its domain."""

    def __init__(self, node: Node, domains: Mapping[str, Domain]) -> None:
        self.domains = domains
        self.cuts: dict[str, _Cuts] = defaultdict(_Cuts)
        self._read(node)
        self._join()
        self._made: dict[str, tuple[Any, ...]] = {}

    def of(self, term: str) -> tuple[Any, ...]:
        made = self._made.get(term)
        if made is None:
            made = self._made[term] = tuple(self._values(term))
        return made

    def _values(self, term: str) -> Iterator[Any]:
        domain = self.domains.get(term, ANYTHING)
        if domain.only is not None:
            yield from domain.only
            return
        cuts = self.cuts[term]
        each = 1 + len(cuts.linked)
        if "boolean" in domain.kinds:
            yield from (False, True)
        if "number" in domain.kinds:
            yield from _numbers(cuts.numbers, each)
        elif "integer" in domain.kinds:
            yield from _integers(cuts.numbers, each, domain.low, domain.high)
        if "text" in domain.kinds:
            yield from _texts(cuts.texts, each)
        if "none" in domain.kinds:
            yield None

    # -- reading the comparisons -------------------------------------------------------------------

    def _read(self, node: Node) -> None:
        match node:
            case Both(operands) | Either(operands):
                for operand in operands:
                    self._read(operand)
            case Not(operand):
                self._read(operand)
            case Comparison(_, left, right):
                self._compare(left, right)
            case Membership(operand, choices):
                for choice in choices:
                    self._compare(operand, Constant(choice))
            case Sum():
                self._compare(node, Constant(0))

    def _compare(self, left: Node, right: Node) -> None:
        for side in (left, right):
            if isinstance(side, Both | Either | Not | Comparison | Membership):
                self._read(side)
        a, b = _linear(left), _linear(right)
        if a is None or b is None:
            return
        if a.term and b.term:
            if a.term == b.term and not (a.summed or b.summed):
                return
            if a.summed or b.summed:
                raise TooLarge("a sum is compared with another unknown")
            self.cuts[a.term].linked.add(b.term)
            self.cuts[b.term].linked.add(a.term)
        elif a.term:
            self._cut(a, b.constant)
        elif b.term:
            self._cut(b, a.constant)

    def _cut(self, side: _Linear, constant: Any) -> None:
        cuts = self.cuts[side.term]
        if type(constant) in (int, float):
            cuts.numbers.add(constant - side.constant if side.summed else constant)
            if not side.summed:
                cuts.texts.add(str(constant))
        elif isinstance(constant, str):
            number = _number_of(constant)
            if not side.summed:
                cuts.texts.add(constant)
            if number is not None:
                cuts.numbers.add(number - side.constant if side.summed else number)

    def _join(self) -> None:
        """Terms that are compared with each other share their cuts."""
        seen: set[str] = set()
        for start in list(self.cuts):
            if start in seen or not self.cuts[start].linked:
                continue
            group: list[str] = []
            waiting = [start]
            while waiting:
                term = waiting.pop()
                if term not in seen:
                    seen.add(term)
                    group.append(term)
                    waiting.extend(self.cuts[term].linked)
            numbers = set().union(*(self.cuts[t].numbers for t in group))
            texts = set().union(*(self.cuts[t].texts for t in group))
            texts |= {str(n) for n in _numbers(numbers, len(group))}
            texts |= {str(n) for n in _integers(numbers, len(group), None, None)}
            for term in group:
                self.cuts[term] = _Cuts(numbers, texts, set(group) - {term})


@dataclass(frozen=True, slots=True)
class _Linear:
    """A side of a comparison: a term, a constant, or their sum."""

    term: str
    """Empty for a constant."""
    constant: Any
    summed: bool


def _linear(node: Node) -> _Linear | None:
    """Return what a side is; None for one that is true, false or nothing whatever happens."""
    match node:
        case Constant(value):
            return _Linear("", value, False)
        case Name(name):
            return _Linear(name, 0, False)
        case EventField(name):
            return _Linear(FIELD + name, 0, False)
        case Sum(operator, left, right):
            a, b = _linear(left), _linear(right)
            if a is None or b is None:
                return None
            if a.term and b.term or (b.term and operator == "-"):
                raise TooLarge("two unknown numbers are added")
            if any(not s.term and type(s.constant) not in (int, float) for s in (a, b)):
                return None
            constant = a.constant + (b.constant if operator == "+" else -b.constant)
            return _Linear(a.term or b.term, constant, True)
    return None


def _number_of(text: str) -> int | float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(text) if text.lstrip("-").isdecimal() else number


def _integers(
    cuts: set[int | float], each: int, low: int | None, high: int | None
) -> Iterator[int]:
    """Yield the whole numbers at the cuts and `each` on both sides of every cut."""
    found = {
        near
        for cut in cuts
        for base in (math.floor(cut), math.ceil(cut))
        for near in range(base - each, base + each + 1)
    }
    found |= {bound for bound in (low, high) if bound is not None}
    for bound, step in ((low, 1), (high, -1)):
        if bound is not None:
            found |= {bound + step * i for i in range(each + 1)}
    for number in sorted(found, key=lambda n: (abs(n), n)):
        if (low is None or number >= low) and (high is None or number <= high):
            yield number


def _numbers(cuts: set[int | float], each: int) -> Iterator[int | float]:
    """Yield the cuts, as whole numbers and as fractions, and `each` numbers of every stretch."""
    ordered = sorted(cuts)
    found: list[int | float] = [ordered[0] - i for i in range(1, each + 1)]
    for here, after in zip(ordered, (*ordered[1:], None), strict=True):
        found.append(here)
        if float(here).is_integer():
            found.append(float(here) if isinstance(here, int) else int(here))
        if after is None:
            found.extend(here + i for i in range(1, each + 1))
        else:
            found.extend(here + (after - here) * i / (each + 1) for i in range(1, each + 1))
    yield from found


def _texts(cuts: set[str], each: int) -> Iterator[str]:
    """Yield the texts at the cuts and `each` texts of every stretch between them."""
    ordered = sorted(cuts)
    for here, after in zip(ordered, (*ordered[1:], None), strict=True):
        yield here
        yield from _between(here, after, each)


def _between(low: str, high: str | None, each: int) -> Iterator[str]:
    """Yield up to `each` texts above `low` and below `high`, readable ones if there are any."""
    left = each
    readable: Iterable[str] = ("other", "x", f"{low}0", f"{low}a", f"{low}!")
    plain = (low + "\0" * i for i in range(1, each + 1))
    for text in (*readable, *plain):
        if left and text > low and (high is None or text < high):
            yield text
            left -= 1
