"""Putting a text in order changes neither its meaning nor a comment, and is done once."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.compile import compile_text
from flows.edit import EditRefused, apply
from flows.format import format_text

STARTERS = sorted((Path(__file__).parents[2] / "state_tables").glob("*.yaml"))

UNTIDY = """\
# A line.   \n\
callflow: 1
name: untidy


description: "two  blanks  stay"
states:
  Idle:   {group:   setup,initial:true,   initial: true}
  Talk: {  }   # people talk
  Done: {final:  true}



transitions:
  # the first
  -   {next_state: Talk,event: IncomingCall, role: UAS, from_state: Idle ,actions: [ {SendSIPResponse:  {code: 200}} ,CleanupMedia]}   # answers
  - from_state: Talk   \n\
    role:   Both
    event: DialogBYE
    description: |
      kept   \n\


      as it is
    next_state: Done
"""  # noqa: E501


def test_an_untidy_text_is_put_in_order() -> None:
    text = UNTIDY.replace("initial:true,   ", "")
    new = format_text(text)
    assert "  Idle: {initial: true, group: setup}\n" not in text
    assert "{initial: true, group: setup}\n" in new
    assert (
        "{from_state: Idle, role: UAS, event: IncomingCall,"
        " actions: [{SendSIPResponse: {code: 200}}, CleanupMedia], next_state: Talk}" in new
    )
    assert "two  blanks  stay" in new and "# answers" in new and "# people talk" in new
    assert "      kept   \n\n\n      as it is\n" in new
    assert not re.search(r"\n\n\n", new.replace("kept   \n\n\n", ""))
    assert new.startswith("# A line.\n") and new.endswith("Done\n")


def test_it_is_an_edit_and_is_refused_where_nothing_is_to_be_done() -> None:
    text = UNTIDY.replace("initial:true,   ", "")
    edited = apply(text, "format", {})
    assert edited.text == format_text(text)
    with pytest.raises(EditRefused, match="in order already"):
        apply(edited.text, "format", {})
    with pytest.raises(EditRefused):
        apply("a: [", "format", {})


@pytest.mark.parametrize("path", STARTERS, ids=lambda path: path.stem)
def test_the_starters_mean_the_same_afterwards(path: Path) -> None:
    text = path.read_text()
    new = format_text(text)
    assert format_text(new) == new
    before, after = compile_text(text).table, compile_text(new).table
    assert before is not None and after is not None
    assert [str(row.actions) for row in before.rows] == [str(row.actions) for row in after.rows]
    assert list(before.states) == list(after.states)


PIECES = st.lists(
    st.sampled_from(
        [
            "  - {from_state: A,  role: UAS, event: X, next_state: B}\n",
            "  - {next_state: B,from_state: A, role: UAS, event: {after:  3s}}  # why\n",
            "  - from_state: A\n    event:   X   \n    guards: [ a,b ]\n",
            "  - {from_state: A, event: X, description: 'it''s  so'}\n",
            '  - {from_state: A, event: X, ignore: "a # b"} # c\n',
            "  - &row {from_state: A, event: X}\n",
            "  # a comment   \n",
            "\n",
            "   \n",
            "  - {from_state: !!str A, event: 486}\n",
            "  - from_state: A\n    description: >\n      two   \n\n\n      lines\n    event: X\n",
            "  - from_state: A\n    description: |+\n      kept\n\n\n",
            "  - {from_state: A,\n     event: X}\n",
        ]
    ),
    max_size=8,
)


@settings(max_examples=200)
@given(PIECES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n\n\n", "# end"]))
def test_any_text_keeps_its_meaning_its_comments_and_the_second_time_changes_nothing(
    pieces: list[str], eol: str, end: str
) -> None:
    head = "callflow: 1\nstates:\n  A: {initial: true}\n  B: {final: true}\ntransitions:\n"
    text = (head + "".join(pieces) + end).replace("\n", eol)
    try:
        new = format_text(text)
    except EditRefused:
        return
    assert format_text(new) == new
    before, after = compile_text(text), compile_text(new)
    assert [f.code for f in before.findings] == [f.code for f in after.findings]
    assert (before.sketch is None) == (after.sketch is None)
    if before.sketch is not None and after.sketch is not None:
        assert [r.description for r in before.sketch.rows] == [
            r.description for r in after.sketch.rows
        ]
    for comment in ("# why", "# c", "# a comment", "# end"):
        assert text.count(comment) == new.count(comment)
