"""The language of guards: parsed once, never evaluated as code."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.expressions import ExpressionError, conjunction, parse


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("IsIdle", "IsIdle"),
        (" NOT  MediaReady", "not MediaReady"),
        ("!MediaReady", "not MediaReady"),
        ("not not a", "a"),
        ("retries<3 and event.code in (486,600)", "retries < 3 and event.code in (486, 600)"),
        ("(a or b) and c", "(a or b) and c"),
        ("a or (b and c)", "a or b and c"),
        ("not (a and b)", "not (a and b)"),
        ("x not in ('it''s', \"b\")", 'x not in ("it\'s", "b")'),
        ("n - (m - 1) >= -3", "n - (m - 1) >= -3"),
        ("n + 1.50", "n + 1.5"),
        ("true or none", "true or none"),
        ("(a == b) == c", "(a == b) == c"),
    ],
)
def test_the_canonical_text_says_the_same_and_is_stable(text: str, canonical: str):
    expression = parse(text)
    assert expression.text == canonical
    assert parse(canonical) == expression and parse(canonical).text == canonical


@pytest.mark.parametrize(
    ("text", "values", "fields", "result"),
    [
        ("IsIdle", {"IsIdle": True}, {}, True),
        ("not a and b", {"a": False, "b": True}, {}, True),
        ("a or b", {"a": False}, {}, False),
        ("retries < 3", {"retries": 2}, {}, True),
        ("retries < 3", {"retries": "2"}, {}, False),
        ("retries < 3", {}, {}, False),
        ("name < 'm'", {"name": "anna"}, {}, True),
        ("event.code in (486, 600)", {}, {"code": 600}, True),
        ("event.code not in (486, 600)", {}, {"code": 404}, True),
        ("event.digit == 1", {}, {"digit": "1"}, True),
        ("event.digit == '1'", {}, {"digit": 1}, True),
        ("flag == 1", {"flag": True}, {}, False),
        ("a != b", {"a": 1, "b": 1.0}, {}, False),
        ("event.sdp == none", {}, {}, True),
        ("n + 1", {"n": 1}, {}, 2),
        ("n - 1 >= 0", {"n": 0}, {}, False),
        ("n + 1", {"n": "x"}, {}, None),
        ("n + n", {"n": 10**15}, {}, 10**15),
        ("a <= b and b > c and c >= d", {"a": 1, "b": 2, "c": 1, "d": 1}, {}, True),
    ],
)
def test_evaluation_never_raises_and_means_what_people_expect(text, values, fields, result):
    assert parse(text).evaluate(values, fields) == result


@pytest.mark.parametrize(
    ("text", "words", "offset"),
    [
        ("", "too early", 0),
        ("a and", "too early", 5),
        ("a = b", "==", 2),
        ("a && b", "and", 2),
        ("a b", "not expected", 2),
        ("(a", "')' is missing", 2),
        ("x in 3", "'(' is missing", 5),
        ("x in (a)", "plain values", 6),
        ("session.state", "only fields of the event", 0),
        ("event.a.b", "only fields of the event", 0),
        ("-x", "minus", 0),
        ("'open", "never closed", 0),
        ("a\u2026", "no place", 1),
        ("9x", "no place", 0),
        ("(" * 60 + "a", "levels deep", 40),
        ("a or " * 300 + "a", "characters", 1000),
    ],
)
def test_a_text_that_is_no_expression_says_why_and_where(text: str, words: str, offset: int):
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert words in refused.value.message
    assert refused.value.offset == offset


def test_names_and_fields_are_known_without_evaluating():
    expression = parse("a and not b or event.code > n - 1")
    assert expression.names == {"a", "b", "n"} and expression.fields == {"code"}


def test_what_is_known_beforehand_is_folded():
    expression = parse("IsIdle and retries < 3")
    assert expression.partial({"IsIdle": True}).text == "retries < 3"
    assert expression.partial({"IsIdle": False}).constant is False
    assert expression.partial({}) is expression
    assert parse("not (a or b)").partial({"a": False, "b": False}).constant is True
    assert parse("n + 1 > 2").partial({"n": 2}).constant is True


def test_derived_names_expand_to_what_they_stand_for():
    whole = parse("not Ready").expanded({"Ready": parse("a and b")})
    assert whole.text == "not (a and b)" and whole.names == {"a", "b"}


def test_guards_of_a_row_hold_together():
    assert conjunction([parse("a"), parse("b or c")]).text == "a and (b or c)"


def test_an_expression_survives_a_pickle():
    expression = parse("retries < 3")
    copy = pickle.loads(pickle.dumps(expression))
    assert copy == expression and copy.evaluate({"retries": 1}, {}) is True


@given(st.text(max_size=60))
def test_no_text_raises_anything_but_an_expression_error(text: str):
    try:
        expression = parse(text)
    except ExpressionError as problem:
        assert 0 <= problem.offset <= len(text) and problem.message
    else:
        assert parse(expression.text) == expression
        expression.evaluate({}, {})
