import pytest

from runtime.ramps import judging
from runtime.ramps.figures import FIGURES
from runtime.ramps.judging import Names, compare, judge
from runtime.ramps.sequential import Quantile, Share

NAMES = Names("v42", "v41")
TIMES = tuple(sorted(1 + (n * 7919 % 1000) / 1000 for n in range(1000)))


def looked(arms, limits=None, slack=1.0, seconds=600.0):
    limits = limits or {key: FIGURES[key].limit for key in arms}
    return judge(arms, limits, slack=slack, steps=1, names=NAMES, share=0.25, seconds=seconds)


def one(key, candidate, stable, slack=1.0, limit=None):
    figure = FIGURES[key]
    return compare(figure, candidate, stable, limit or figure.limit, alpha=0.01, slack=slack)


def test_calls_that_are_not_answered_are_worse_and_fail_the_step():
    found = looked({"answered": (Share(60, 200), Share(720, 800))})
    assert found["verdict"] == "fail"
    assert found["head"] == "v42 is worse than v41."
    assert found["sentence"] == (
        "Calls answered: 30.0 % on v42 against 90.0 % on v41, surely more than 5.0 pt below."
    )


def test_more_failures_are_worse_and_fewer_are_better():
    assert one("failed", Share(60, 200), Share(8, 800)).verdict == "worse"
    assert one("failed", Share(8, 800), Share(60, 200)).verdict == "better"
    assert one("answered", Share(720, 800), Share(60, 200)).verdict == "better"


def test_equal_versions_are_not_worse_once_there_are_enough_calls():
    assert one("answered", Share(700, 1000), Share(7000, 10000)).verdict == "undecided"
    assert one("answered", Share(7000, 10000), Share(21000, 30000)).verdict == "not worse"


def test_a_small_step_may_stay_unsure_for_more_but_not_get_worse_by_more():
    few = Share(700, 1000), Share(7000, 10000)
    assert one("answered", *few, slack=4.0).verdict == "not worse"
    assert one("answered", Share(60, 200), Share(720, 800), slack=4.0).verdict == "worse"


def test_an_undecided_figure_says_how_many_calls_decide_it():
    found = one("answered", Share(700, 1000), Share(7000, 10000))
    decided = 1000 + found.needs
    assert (
        one("answered", Share(0.7 * decided, decided), Share(7 * decided, 10 * decided)).verdict
        != "undecided"
    )
    said = looked({"answered": (Share(700, 1000), Share(7000, 10000))})
    assert said["verdict"] == "undecided" and said["head"] == "One figure is undecided."
    assert "may be up to" in said["sentence"] and "more calls decide it, in" in said["sentence"]


def test_a_figure_at_its_limit_may_never_be_decided():
    found = looked({"answered": (Share(6500, 10000), Share(70000, 100000))})
    assert found["verdict"] == "undecided"
    assert "so close to the limit" in found["sentence"]


def test_without_a_call_of_the_candidate_nothing_passes():
    found = looked({"answered": (Share(0, 0), Share(700, 1000))})
    assert found["verdict"] == "missing"
    assert found["head"] == "No call of v42 is measured yet."
    assert found["sentence"].startswith("It waits for the first calls of v42. About ")
    assert found["figures"][0]["needs"] > 100


def test_a_figure_that_is_not_measured_fails_closed():
    fine = Share(9000, 10000), Share(9000, 10000)
    found = looked({"answered": fine, "one_way": (Share(0, 0), Share(0, 0))})
    assert found["verdict"] == "missing"
    assert found["sentence"].startswith(
        "No call of v42 tells of one-way audio; what is not measured does not pass."
    )


def test_a_worse_figure_fails_the_step_even_if_others_are_missing():
    arms = {"answered": (Share(60, 200), Share(720, 800)), "one_way": (Share(0, 0), Share(0, 0))}
    assert looked(arms)["verdict"] == "fail"


def test_without_figures_nothing_passes():
    assert looked({}, limits={})["verdict"] == "missing"


def test_all_figures_within_their_limits_pass_the_step():
    found = looked({
        "failed": (Share(10, 5000), Share(20, 10000)),
        "stuck": (Share(0, 5000), Share(0, 10000)),
    })  # fmt: skip
    assert found["verdict"] == "pass"
    assert found["sentence"] == "All 2 figures are within what this step allows."


def test_a_longer_delay_is_worse_in_seconds():
    slow = tuple(time + 0.6 for time in TIMES[::2])
    found = one("delay", Quantile(slow, 0.95), Quantile(TIMES, 0.95))
    assert found.verdict == "worse" and found.difference == pytest.approx(0.6, abs=0.01)
    few = one("delay", Quantile(TIMES[:50], 0.95), Quantile(TIMES, 0.95))
    assert few.verdict == "undecided" and few.high is None and 50 <= few.needs <= 400


@pytest.mark.parametrize(
    ("key", "number", "shown", "change"),
    [
        ("answered", 0.7183, "71.8 %", "−1.2 pt"),
        ("delay", 2.314, "2.31 s", "−0.01 s"),
        ("unhandled", 0.0009, "0.9", "−12.0"),
    ],
)
def test_a_value_is_shown_in_its_own_measure(key, number, shown, change):
    assert judging.value(FIGURES[key], number) == shown
    assert judging.signed(FIGURES[key], -0.012) == change
    assert judging.value(FIGURES[key], None) == judging.signed(FIGURES[key], None) == "—"


@pytest.mark.parametrize(("calls", "shown"), [(7, 7), (183, 190), (1831, 1900)])
def test_a_guess_is_given_with_two_figures(calls, shown):
    assert judging.rounded(calls) == shown
