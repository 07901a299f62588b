"""The bands against simulation, with seeds: how often they are wrong, and how soon they see."""

import random
from bisect import insort
from math import exp, inf, log

import pytest

from runtime.ramps.sequential import Quantile, Share, band, difference, evidence

ALPHA = 0.05


def looks(most=2000, growth=1.25, first=5):
    """Look often: after each growth by a quarter."""
    at = float(first)
    while at < most:
        yield int(at)
        at = at * growth + 1


def test_the_evidence_is_a_fair_bet():
    """The mean of the ratio is 1 under the true share: it is a martingale that begins at 1."""
    for share in (0.05, 0.5, 0.95):
        ways = [1.0]
        for _ in range(12):
            ways = [a + b for a, b in zip([0.0, *ways], [*ways, 0.0], strict=True)]
        mean = sum(
            way * share**k * (1 - share) ** (12 - k) * exp(evidence(k, 12, share))
            for k, way in enumerate(ways)
        )
        assert mean == pytest.approx(1.0)


@pytest.mark.parametrize(("part", "total"), [(0, 0), (0, 7), (7, 7), (3, 7), (70, 100)])
def test_a_band_ends_where_the_evidence_is_enough(part, total):
    found = band(Share(part, total), ALPHA)
    assert 0 <= found.low <= (part / total if total else 0.5) <= found.high <= 1
    for end, trivial in ((found.low, 0.0), (found.high, 1.0)):
        if end != trivial:
            assert evidence(part, total, end) == pytest.approx(log(1 / ALPHA), abs=1e-6)


def test_a_difference_is_as_exact_as_the_pairs_it_is_made_of():
    """By hand on a fine grid: the ends of the difference over all pairs with less evidence."""
    ours, theirs = Share(30, 100), Share(400, 1000)
    grid = [n / 1000 for n in range(1, 1000)]
    spent = {p: evidence(30, 100, p) for p in grid}
    left = {p: evidence(400, 1000, p) for p in grid}
    ends = [p - q for p in grid for q in grid if spent[p] + left[q] < log(1 / ALPHA)]
    found = difference(ours, theirs, ALPHA)
    assert found.low <= min(ends) and max(ends) <= found.high
    assert found.low == pytest.approx(min(ends), abs=0.012)
    assert found.high == pytest.approx(max(ends), abs=0.012)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_a_share_leaves_its_band_at_any_look_no_more_often_than_said(share):
    rng = random.Random(7)
    wrong = 0
    for _ in range(1500):
        part = seen = 0
        for look in looks():
            part += sum(rng.random() < share for _ in range(look - seen))
            seen = look
            if evidence(part, seen, share) > log(1 / ALPHA):
                wrong += 1
                break
    assert wrong / 1500 <= ALPHA, wrong


def test_a_quantile_leaves_its_band_at_any_look_no_more_often_than_said():
    rng = random.Random(8)
    truth = log(20)  # the 95th of 100 of an exponential time with mean 1
    wrong = 0
    for _ in range(600):
        times: list[float] = []
        for look in looks(1000):
            while len(times) < look:
                insort(times, rng.expovariate(1.0))
            found = band(Quantile(times, 0.95), ALPHA)
            if not found.low <= truth <= found.high:
                wrong += 1
                break
    assert wrong / 600 <= ALPHA, wrong


@pytest.mark.parametrize("ratio", [1, 9])
def test_equal_versions_differ_at_any_look_no_more_often_than_said(ratio):
    rng = random.Random(9)
    wrong = 0
    for _ in range(150):
        ours = theirs = seen = 0
        for look in looks(600, 1.5):
            ours += sum(rng.random() < 0.7 for _ in range(look - seen))
            theirs += sum(rng.random() < 0.7 for _ in range((look - seen) * ratio))
            seen = look
            found = difference(Share(ours, seen), Share(theirs, seen * ratio), ALPHA)
            if not found.low <= 0 <= found.high:
                wrong += 1
                break
    assert wrong / 150 <= ALPHA, wrong


def test_a_real_loss_of_calls_is_seen_soon():
    """90 % against 70 %, one call in ten to the candidate: half within 160 of its calls."""
    rng = random.Random(10)
    needed = []
    for _ in range(100):
        ours = theirs = 0
        for call in range(1, 301):
            ours += rng.random() < 0.7
            theirs += sum(rng.random() < 0.9 for _ in range(9))
            if (
                call % 10 == 0
                and difference(Share(ours, call), Share(theirs, 9 * call), ALPHA).high < -0.05
            ):
                needed.append(call)
                break
    assert len(needed) >= 88
    assert sorted(needed)[50] <= 160, sorted(needed)[50]


def test_a_longer_delay_is_seen_in_the_quantile():
    rng = random.Random(11)
    old = sorted(rng.lognormvariate(0.0, 0.3) for _ in range(3000))
    new = sorted(0.6 + rng.lognormvariate(0.0, 0.3) for _ in range(600))
    assert difference(Quantile(new, 0.95), Quantile(old, 0.95), ALPHA).low > 0.25
    same = sorted(rng.lognormvariate(0.0, 0.3) for _ in range(600))
    equal = difference(Quantile(same, 0.95), Quantile(old, 0.95), ALPHA)
    assert equal.low < 0 < equal.high < inf


def test_few_calls_bound_no_high_quantile():
    few = sorted(random.Random(1).random() for _ in range(50))
    assert band(Quantile(few, 0.95), ALPHA).high == inf
    assert band(Quantile([], 0.95), ALPHA).high == inf
    assert Quantile([], 0.95).estimate is None and Share(0, 0).estimate is None


def test_without_calls_everything_is_possible():
    found = difference(Share(0, 0), Share(0, 0), ALPHA)
    assert (found.low, found.high) == (-1.0, 1.0)


def test_a_quantile_is_the_time_that_so_many_stay_below():
    times = [float(n) for n in range(1, 101)]
    assert Quantile(times, 0.95).estimate == 95.0
    found = band(Quantile(times, 0.95), ALPHA)
    assert found.low < 95 < found.high
    for weight in (1.0, 10.0):
        heavier = band(Quantile(times, 0.95, weight), ALPHA)
        assert heavier.low >= found.low and heavier.high <= found.high
