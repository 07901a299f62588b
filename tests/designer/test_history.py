from designer.history import MAX_CHARACTERS, MAX_STEPS, History


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
