"""The decision procedure agrees with trying every value."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.decide import ANYTHING, BOOLEAN, FIELD, Budget, Domain, TooLarge, fixed, satisfying
from flows.expressions import (
    Both,
    Comparison,
    Constant,
    Either,
    EventField,
    Membership,
    Name,
    Not,
    Sum,
    from_node,
    parse,
)

SMALL = Domain(frozenset(("integer",)), low=-3, high=3)
TEXT = Domain(frozenset(("text",)))
DOMAINS = {"a": BOOLEAN, "b": BOOLEAN, "n": SMALL, "m": SMALL, "event.code": SMALL, "s": TEXT}
NUMBERS = range(-3, 4)
WORDS = ("", "1", "a", "b", "a0", "z")


def holds(text: str, domains=DOMAINS):
    return satisfying(parse(text).node, domains)


@pytest.mark.parametrize(
    "text",
    [
        "n < 3 and n >= 3",
        "a and not a",
        "n in (1, 2) and n > 2",
        "n > 2 and n < 3",
        's == "x" and s == "y"',
        "n == m and n < m",
        "n + 1 < 2 and n > 0",
        'event.code == "7"',
        "n + true > 1",
        "n > 3",
    ],
)
def test_what_can_not_hold_has_no_values(text):
    assert holds(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "n < 3 and n >= 2",
        "a or b",
        "not (a and b)",
        's > "a" and s < "b"',
        's == "1" and s == 1',
        "n < m and m < 0",
        "n + 1 == 2",
        "event.code",
        "not s",
        "(n < 2) == a",
    ],
)
def test_what_can_hold_comes_with_values_that_show_it(text):
    found = holds(text)
    assert found is not None
    expression = parse(text)
    values = {k: v for k, v in found.items() if not k.startswith(FIELD)}
    fields = {k.removeprefix(FIELD): v for k, v in found.items() if k.startswith(FIELD)}
    assert expression.evaluate(values, fields)


def test_only_what_matters_has_a_value():
    assert holds("not a or n > 2") == {"a": False}


def test_a_number_between_two_is_found_only_where_fractions_are():
    between = parse("n > 1 and n < 2").node
    assert satisfying(between, {"n": Domain(frozenset(("integer",)))}) is None
    assert satisfying(between, {"n": Domain(frozenset(("number",)))}) == {"n": 1.5}


def test_a_fixed_value_is_the_only_one():
    assert satisfying(parse("n > 3").node, {"n": fixed(3)}) is None
    assert satisfying(parse("n > 3").node, {"n": fixed(4)}) == {"n": 4}


def test_an_unknown_kind_may_be_of_any():
    assert satisfying(parse("x == none").node, {}) == {"x": None}
    assert satisfying(parse("x > 5").node, {"x": ANYTHING}) is not None


@pytest.mark.parametrize("text", ["n + m < 3", "n < m + 1", "3 - n > 1"])
def test_sums_of_unknowns_are_given_up_and_not_guessed(text):
    with pytest.raises(TooLarge):
        holds(text)


def test_the_budget_ends_a_search():
    names = [f"v{i}" for i in range(40)]
    text = " and ".join(f"({a} or {b})" for a, b in itertools.pairwise(names)) + " and not v0"
    text += " and not v1"
    domains = {name: BOOLEAN for name in names}
    with pytest.raises(TooLarge):
        satisfying(parse(text).node, domains, Budget(3))
    assert satisfying(parse(text).node, domains) is None


NUMERIC = st.one_of(
    st.sampled_from([Name("n"), Name("m"), EventField("code")]),
    st.integers(-4, 4).map(Constant),
)
SHIFTED = st.builds(
    lambda name, sign, by: Sum(sign, Name(name), Constant(by)),
    st.sampled_from(["n", "m"]),
    st.sampled_from("+-"),
    st.integers(0, 4),
)
OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
ATOMS = st.one_of(
    st.sampled_from([Name("a"), Name("b"), Name("n"), Name("s")]),
    st.builds(Comparison, OPERATORS, NUMERIC, NUMERIC),
    st.builds(Comparison, OPERATORS, SHIFTED, st.integers(-4, 4).map(Constant)),
    st.builds(
        Comparison, OPERATORS, st.just(Name("s")), st.sampled_from([*WORDS, 1, 2]).map(Constant)
    ),
    st.builds(
        Membership, NUMERIC, st.lists(st.sampled_from([-1, 0, 2, "1"]), min_size=1).map(tuple)
    ),
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Both(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Either(tuple(parts))),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_it_agrees_with_trying_every_value(node):
    expression = from_node(node)
    found = satisfying(node, DOMAINS, Budget(1_000_000))
    if found is not None:
        rest = {"a": False, "b": False, "n": 0, "m": 0, "s": ""}
        values = rest | {k: v for k, v in found.items() if not k.startswith(FIELD)}
        fields = {"code": found.get("event.code", 0)}
        assert expression.evaluate(values, fields)
        assert all(v in NUMBERS for k, v in found.items() if k in ("n", "m", "event.code"))
        return
    for a, b, n, m, code, s in itertools.product(
        (False, True), (False, True), NUMBERS, NUMBERS, NUMBERS, WORDS
    ):
        values = {"a": a, "b": b, "n": n, "m": m, "s": s}
        assert not expression.evaluate(values, {"code": code})
