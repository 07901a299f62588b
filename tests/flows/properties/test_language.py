"""The property language: what it reads, and what it refuses in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.properties.language import (
    All,
    Any,
    AtMost,
    Atom,
    Never,
    Not,
    Precedes,
    PropertyError,
    Reachable,
    Response,
    atoms,
    read,
)

A, B, C = Atom("state", "A"), Atom("event", "B"), Atom("action", "C")


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("always state A", Never(Not(A))),
        ("never state A and not event B", Never(All((A, Not(B))))),
        ("state A or event B at most 2 times", AtMost(Any((A, B)), 2)),
        ("action C at most 1 time", AtMost(C, 1)),
        ("state A precedes event B", Precedes(A, B)),
        ("after state A eventually event B", Response(A, B)),
        ("after state A, eventually event B", Response(A, B)),
        ("after state A never event B", Never(B, A)),
        ("after state A, before event B, never action C", Never(C, A, B)),
        ("after state A until event B always action C", Never(Not(C), A, B)),
        ("before event B never action C", Never(C, None, B)),
        ("between state A and event B always action C", Never(Not(C), A, B, strict=True)),
        ("state A leads to event B unless action C", Response(A, Any((B, C)))),
        ("ended is always reachable", Reachable(Atom("ended"))),
        ("state A and event B exclude each other", Never(All((A, B)))),
        ("never uas.state A and (holds media or MediaReady)", Never(
            All((Atom("state", "A", "UAS"),
                 Any((Atom("holds", "media"), Atom("condition", "MediaReady"))))))),
        ("never both A", Never(Atom("both", "A"))),
        ("never not not state A", Never(A)),
    ],
)  # fmt: skip
def test_a_property_is_read(text, pattern):
    assert read(text) == pattern


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "missing at the end"),
        ("after Actve ...", "always, not"),
        ("state A", "A property is"),
        ("never", "missing at the end"),
        ("never state", "needs a name"),
        ("never (state A", r"Here comes \)"),
        ("state A at most many times", "number of times"),
        ("state A exclude each other", "two things"),
        ("between state A never state B", "Here comes and"),
        ("always state A; drop", "';' has no place"),
        ("never state A state B", "state is not expected"),
        ("never " + "(" * 50 + "ended" + ")" * 50, "levels deep"),
        ("never " + "ended or " * 500 + "ended", "characters"),
    ],
)
def test_what_is_no_property_is_refused_in_words(text, says):
    with pytest.raises(PropertyError, match=says):
        read(text)


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["always", "never", "after", "state", "A", "and", "not", "(", ")", "before", ",", "eventually"]
)).map(" ".join))  # fmt: skip
def test_no_text_breaks_the_reader(text):
    try:
        atoms(read(text))
    except PropertyError:
        pass
