"""What the page that compares versions says of their behaviour."""

from designer.behaviour import compared
from tests.web import BROKEN, ECHO


def test_two_texts_are_compared_by_what_they_do() -> None:
    found = compared(ECHO, ECHO.replace("StartEcho", "StopEcho"))
    assert found is not None and found["change"] == "breaking" and found["complete"]
    assert [f["code"] for f in found["findings"]][:2] == ["VER976", "VER973"]
    assert {"state", "verdict", "why"} == set(found["states"][0])


def test_a_comment_changes_nothing_that_calls_do() -> None:
    found = compared(ECHO, ECHO + "# two\n")
    assert found is not None and found["change"] == "same"


def test_what_does_not_compile_is_not_compared() -> None:
    assert compared(ECHO, BROKEN) is None
