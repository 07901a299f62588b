from hypothesis import given
from hypothesis import strategies as st

from designer.history import MAX_CHARACTERS, MAX_KEPT, MAX_STEPS, History, step


def test_typing_without_a_pause_is_one_step_back() -> None:
    history = History("a")
    history.type("ab", 10.0)
    history.type("abc", 10.5)
    history.type("abcd", 11.2)
    assert history.undo() and history.text == "a"
    assert not history.undo()


def test_a_pause_begins_a_new_step() -> None:
    history = History("a")
    history.type("ab", 10.0)
    history.type("abc", 11.0)
    assert history.undo() and history.text == "ab"


def test_an_edit_between_two_typings_keeps_them_apart() -> None:
    history = History("a")
    history.type("ab", 10.0)
    history.change("AB")
    history.type("ABC", 10.1)
    assert [history.undo() and history.text for _ in range(3)] == ["AB", "ab", "a"]


def test_a_change_after_an_undo_forgets_what_was_undone() -> None:
    history = History("a")
    history.change("b")
    history.undo()
    assert history.can_redo
    history.change("c")
    assert not history.can_redo and not history.redo()


def test_redo_takes_back_an_undo() -> None:
    history = History("a")
    history.change("b")
    history.undo()
    assert history.redo() and history.text == "b" and history.can_undo


def test_the_same_text_is_no_step() -> None:
    history = History("a")
    assert not history.type("a", 1.0) and not history.change("a") and not history.can_undo


def test_the_oldest_steps_are_forgotten_when_it_grows_too_long() -> None:
    history = History("0")
    for number in range(MAX_STEPS + 10):
        history.change(str(number + 1))
    steps = 0
    while history.undo():
        steps += 1
    assert steps == MAX_STEPS and history.text == "10"


def test_large_texts_are_kept_within_a_budget() -> None:
    history = History("")
    for number in range(20):
        history.change(str(number) * (1 << 20))
    kept = 0
    while history.undo():
        kept += len(history.text)
    assert kept <= MAX_CHARACTERS


@given(st.text("abc\n", max_size=12), st.text("abc\n", max_size=12))
def test_a_step_leads_from_one_text_to_the_other(text: str, target: str) -> None:
    found = step(text, target)
    assert found.fits(text) and found.apply(text) == target


@given(st.lists(st.text("ab\n", max_size=6), max_size=12), st.integers(0, 12))
def test_a_history_that_was_written_down_goes_on_where_it_was(texts: list[str], back: int) -> None:
    history = History("begin")
    for text in texts:
        history.change(text)
    for _ in range(back):
        history.undo()
    loaded = History.load(history.text, history.dump())
    while True:
        assert loaded.text == history.text and loaded.can_undo is history.can_undo
        if not (history.undo(), loaded.undo())[0]:
            break
    while history.redo():
        assert loaded.redo() and loaded.text == history.text
    assert not loaded.redo()


def test_what_is_written_down_is_bounded_and_keeps_the_nearest_steps() -> None:
    history = History("")
    for number in range(8):
        history.change(str(number) * (MAX_KEPT // 4))
    loaded = History.load(history.text, history.dump())
    steps = 0
    while loaded.undo():
        steps += 1
    assert 0 < steps < 8
    assert len(history.dump()) < MAX_KEPT


def test_steps_of_another_text_or_broken_ones_are_not_taken() -> None:
    history = History("a long text")
    history.change("a longer text")
    assert not History.load("x", history.dump()).can_undo
    assert not History.load("a longer text", b"nothing of ours").can_undo
