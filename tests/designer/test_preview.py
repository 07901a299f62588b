"""What an edit would do, told before it is done."""

import pytest

from designer.errors import Refused
from designer.preview import difference, preview
from designer.services import BLANK

TEXT = BLANK.format(name="p")


def test_a_preview_shows_the_lines_and_the_findings_that_follow() -> None:
    row = {"from_state": "Idle", "role": "UAS", "event": "IncomingCall", "next_state": "Nowhere"}
    shown = preview(TEXT, "add_row", row)
    assert [line["text"] for line in shown["lines"] if line["kind"] == "old"] == ["transitions: []"]
    new = [line["text"] for line in shown["lines"] if line["kind"] == "new"]
    assert new[0] == "transitions:" and "IncomingCall" in "".join(new)
    assert any("Nowhere" in finding["message"] for finding in shown["come"])
    assert shown["errors"] >= 1


def test_an_edit_that_is_refused_has_no_preview() -> None:
    with pytest.raises(Refused, match="There is no state"):
        preview(TEXT, "rename_state", {"name": "Ghost", "new_name": "Host"})


def test_lines_carry_the_number_of_their_own_text_and_far_ones_are_left_out() -> None:
    old = "\n".join("abcdefghijklmnop")
    new = old.replace("c", "C").replace("o", "O")
    lines = difference(old, new)
    changed = [(line["kind"], line["number"], line["text"]) for line in lines]
    assert ("old", 3, "c") in changed and ("new", 3, "C") in changed
    assert sum(line["kind"] == "gap" for line in lines) == 1
    assert len(lines) < 16
