from typing import Any

from designer.palette import palette
from designer.rendering import PICTURE, drawing, is_large
from tests.web import BROKEN, ECHO


def test_the_picture_has_the_shape_that_is_written_down() -> None:
    picture = drawing(ECHO).picture
    assert picture is not None
    assert picture.keys() == PICTURE.keys()
    assert picture["states"][0].keys() == PICTURE["states"][0].keys()  # type: ignore[index]
    assert picture["rows"][0].keys() == PICTURE["rows"][0].keys()  # type: ignore[index]


def test_each_row_names_its_lines_in_the_text() -> None:
    picture = drawing(ECHO).picture
    assert picture is not None
    lines = ECHO.splitlines()
    last = 0
    for row in picture["rows"]:
        text = "\n".join(lines[row["line"] - 1 : row["end_line"]])
        assert row["line"] > last and row["event"] in text, row
        last = row["end_line"]


def test_a_misspelt_word_is_drawn_and_marked() -> None:
    drawn = drawing(ECHO.replace("StartEcho", "StartEchoo"))
    assert not drawn.compiles and drawn.dot and drawn.picture
    assert any("StartEchoo" in f["message"] for f in drawn.findings)


def test_a_text_that_cannot_be_read_has_findings_and_no_picture() -> None:
    drawn = drawing(BROKEN)
    assert drawn.dot is None and drawn.picture is None and drawn.findings


def test_large_tables_are_told_from_small_ones() -> None:
    assert not is_large(ECHO)
    assert is_large("- {event: x}\n" * 300)


def test_the_palette_names_every_word_with_its_meaning() -> None:
    words: dict[str, Any] = palette()
    for kind in ("events", "actions", "guards", "published"):
        assert words[kind] and all(word["name"] and word["meaning"] for word in words[kind])
    respond = next(word for word in words["actions"] if word["name"] == "SendSIPResponse")
    assert respond["parameters"]["code"]["type"] == "integer"
