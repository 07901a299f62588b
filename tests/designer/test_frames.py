import json

import pytest

from designer import frames


def test_of_several_texts_in_a_row_only_the_last_is_worked_on() -> None:
    inbox = frames.Inbox()
    inbox.put(frames.Text(1, "a"))
    inbox.put(frames.Text(2, "ab"))
    inbox.put(frames.Undo(3))
    inbox.put(frames.Text(4, "c"))
    taken = [inbox.take() for _ in range(4)]
    assert taken == [frames.Text(2, "ab"), frames.Undo(3), frames.Text(4, "c"), None]


def test_a_sender_who_does_not_wait_is_stopped() -> None:
    inbox = frames.Inbox()
    with pytest.raises(frames.BadFrame):
        for number in range(frames.MAX_WAITING + 1):
            inbox.put(frames.Undo(number))
    assert len(inbox) == frames.MAX_WAITING


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        '{"type": "delete_all", "seq": 1}',
        '{"type": "text", "seq": "1", "text": "x"}',
        '{"type": "text", "seq": 1}',
        '{"type": "edit", "seq": 1, "operation": 7}',
        '{"type": "edit", "seq": 1, "operation": "x", "arguments": []}',
        '{"type": "save", "seq": 1, "base": "1"}',
        b"\xff\xfe",
        json.dumps({"type": "text", "seq": 1, "text": "x" * frames.MAX_FRAME}),
    ],
)
def test_what_is_no_frame_is_refused(data: str | bytes) -> None:
    with pytest.raises(frames.BadFrame):
        frames.decode(data)


def test_a_save_names_its_base_or_that_there_is_none() -> None:
    first = frames.decode('{"type": "save", "seq": 1, "message": "m", "base": null}')
    assert first == frames.Save(1, "m", None)
    assert frames.decode('{"type": "save", "seq": 2, "base": 3}') == frames.Save(2, "", 3)
