import pytest

from designer.errors import Refused
from runtime.ramps.plan import PRESETS, Plan, Step, checked, read_scope, read_steps, steps_text


def test_steps_are_read_as_people_write_them():
    wanted = (Step(1, 600), Step(5, 1200), Step(25, 5400), Step(50, 30))
    assert read_steps("1 % 10 min, 5% 20min; 25 % 1.5 h, 50 % 30 s, 100 %") == wanted
    assert read_steps("2,5 % 10 min, 10 % 1 h") == (Step(2.5, 600), Step(10, 3600))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_read_by_name_and_as_it_is_written(name):
    steps = PRESETS[name][1]
    assert read_steps(name) == steps == read_steps(steps_text(steps))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at least one step"),
        ("100 %", "at least one step"),
        ("fast", "no step"),
        ("5 %", "how long"),
        ("5 % 10 parsecs", "no step"),
        ("120 % 1 min", "more than all"),
        ("5 % 1 min, 5 % 2 min", "more calls than the one before"),
        ("25 % 1 min, 5 % 2 min", "more calls than the one before"),
        ("5 % 8 d", "seven days"),
        (", ".join(f"{n} % 1 min" for n in range(1, 14)), "at most 12"),
    ],
)
def test_steps_that_make_no_sense_are_refused(text, why):
    with pytest.raises(Refused, match=why):
        read_steps(text)


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (Plan(read_steps("quick"), sources=("trunk-a",)), "no network"),
        (Plan(read_steps("quick"), numbers=("1" * 200,)), "no pattern"),
        (Plan(read_steps("test")), "name at least one"),
        (Plan(read_steps("quick"), limits={"mood": 0.1}), "no figure"),
        (Plan(read_steps("quick"), limits={"answered": 0.0}), "worse by more than 0"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(plan, why):
    with pytest.raises(Refused, match=why):
        checked(plan)


def test_a_scope_is_a_list_in_any_writing():
    assert read_scope(" 10.0.0.0/8,10.1.0.0/16\n 10.0.0.0/8") == ("10.0.0.0/8", "10.1.0.0/16")


def test_how_often_is_looked_is_kept_within_reason():
    assert checked(Plan(read_steps("quick"), every=0.0)).every == 0.5
    assert checked(Plan(read_steps("quick"), every=1e9)).every == 60.0


def test_a_small_share_may_stay_unsure_for_longer():
    assert [Step(share, 60).slack for share in (1, 5, 25, 50)] == [4.0, 2.0, 1.0, 1.0]
