"""`x in (...)` says what comparing with each choice says, however it is looked up."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flows.expressions import _equal, _membership

values = st.one_of(
    st.integers(-20, 600),
    st.integers(-20, 20).map(str),
    st.sampled_from([1.0, True, False, None, "486", "05", "1.0", "", "x", "--5", "-0", "²", "٣"]),
    st.floats(allow_nan=False),
)


@given(value=values, choices=st.lists(values, min_size=1, max_size=5))
def test_membership_is_equality_with_one_of_the_choices(value: Any, choices: list[Any]) -> None:
    member = _membership(lambda _values, _fields: value, tuple(choices))
    assert member({}, {}) is any(_equal(value, choice) for choice in choices)
