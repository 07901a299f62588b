"""What a comparison says: a verdict for each figure, one for the step, and what is missing.

A figure is *worse* once its whole band lies past the limit, *better* once the whole band lies on
the good side of no difference, *not worse* once the band ends before what the step allows, else
*undecided*. A step passes if no figure is worse, undecided or missing; one that is worse fails it.
A figure that nothing is known of never passes: what is not measured is not fine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import ceil, inf, isinf
from typing import Any

from runtime.ramps.figures import FIGURES, Figure
from runtime.ramps.sequential import Arm, Quantile, Share, difference

ALPHA = 0.05
"""The chance that any figure at any look of any step takes a candidate back that is not worse."""
MOST_CALLS = 1_000_000
"""Beyond so many calls nothing is said about how many would decide."""
ENOUGH = 30
"""From so many calls on a side's own share is believed when more of them are imagined."""

PASS, FAIL, UNDECIDED, MISSING = "pass", "fail", "undecided", "missing"
NOT_WORSE, BETTER, WORSE = "not worse", "better", "worse"
FINE = (NOT_WORSE, BETTER)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of both versions."""

    key: str
    verdict: str
    stable: float | None
    candidate: float | None
    difference: float | None
    """Candidate less stable, in the figure's own measure."""
    low: float | None
    high: float | None
    """The band of the difference; None where nothing bounds it."""
    limit: float
    """How far it may be worse."""
    allowed: float
    """How far the band may reach at this step."""
    stable_calls: int
    candidate_calls: int
    needs: int | None = None
    """About so many calls more of the candidate decide it; None if that cannot be said."""


@dataclass(frozen=True, slots=True)
class Names:
    """How the two versions are called in sentences."""

    candidate: str
    stable: str


def judge(
    arms: Mapping[str, tuple[Arm, Arm]],
    limits: Mapping[str, float],
    *,
    slack: float,
    steps: int,
    names: Names,
    share: float,
    seconds: float,
) -> dict[str, Any]:
    """Compare all figures; return what is kept of it (`runtime.models.Ramp.judgement`).

    `arms` are candidate and stable by figure, `share` is what the candidate takes, 0 to 1,
    `seconds` is how long the step lasts by now.
    """
    alpha = ALPHA / max(1, steps * len(limits))
    compared = [
        compare(FIGURES[key], *arms[key], limit, alpha=alpha, slack=slack, share=share)
        for key, limit in limits.items()
    ]
    verdict = _overall(compared)
    return {
        "verdict": verdict,
        "head": _head(verdict, compared, names),
        "sentence": _sentence(verdict, compared, names, seconds),
        "figures": [asdict(each) for each in compared],
        "alpha": alpha,
    }


def compare(
    figure: Figure, candidate: Arm, stable: Arm, limit: float, *, alpha: float, slack: float,
    share: float = 0.5, needs: bool = True,
) -> Comparison:  # fmt: skip
    """Compare one figure of two versions; `needs`: and guess how many more calls decide it."""
    allowed = limit * slack
    values = candidate.estimate, stable.estimate
    known = Comparison(
        figure.key, MISSING, values[1], values[0], None, None, None, limit, allowed,
        stable.count, candidate.count,
    )  # fmt: skip
    if values[0] is not None and values[1] is not None:
        band = difference(candidate, stable, alpha)
        known = replace(
            known,
            verdict=_verdict(figure, band.low, band.high, limit, allowed),
            difference=values[0] - values[1],
            low=None if isinf(band.low) else band.low,
            high=None if isinf(band.high) else band.high,
        )
    if needs and known.verdict in (UNDECIDED, MISSING) and stable.count:
        more = _needs(figure, candidate, stable, limit, alpha, allowed, share)
        return replace(known, needs=more)
    return known


def _verdict(figure: Figure, low: float, high: float, limit: float, allowed: float) -> str:
    least, most = (low, high) if figure.sign > 0 else (-high, -low)
    if least > limit:
        return WORSE
    if most < 0:
        return BETTER
    return NOT_WORSE if most < allowed else UNDECIDED


def _needs(
    figure: Figure, candidate: Arm, stable: Arm, limit: float, alpha: float, allowed: float,
    share: float,
) -> int | None:  # fmt: skip
    """Return how many more calls of the candidate would decide, if things go on as they are."""
    have = candidate.count
    # Few calls say little about the many to come: they are then taken to be like the others.
    like = candidate if have >= ENOUGH else stable
    ratio = stable.count / have if have else (1 - share) / share if 0 < share < 1 else 1.0

    def decides(calls: int) -> bool:
        theirs = max(calls * ratio, stable.count)
        band = difference(_imagined(like, calls), _imagined(stable, theirs), alpha)
        return _verdict(figure, band.low, band.high, limit, allowed) != UNDECIDED

    most = max(2 * have, 16)
    while not decides(most):
        most *= 2
        if most > MOST_CALLS:
            return None
    least = have
    while most - least > max(1, most // 50):
        middle = (least + most) // 2
        least, most = (least, middle) if decides(middle) else (middle, most)
    return max(1, most - have)


def _imagined(arm: Arm, calls: float) -> Arm:
    if isinstance(arm, Quantile):
        return replace(arm, weight=calls / len(arm.times)) if arm.times else arm
    assert isinstance(arm, Share)
    return Share(arm.part / arm.total * calls, calls) if arm.total else arm


def _overall(compared: list[Comparison]) -> str:
    verdicts = [each.verdict for each in compared]
    for one, whole in ((WORSE, FAIL), (MISSING, MISSING), (UNDECIDED, UNDECIDED)):
        if one in verdicts:
            return whole
    # Without a figure there is nothing that could have passed.
    return PASS if verdicts else MISSING


# -- in words --------------------------------------------------------------------------------------


def _head(verdict: str, compared: list[Comparison], names: Names) -> str:
    """Return the fact: what is true now, in one short sentence."""
    if verdict == FAIL:
        return f"{names.candidate} is worse than {names.stable}."
    if verdict == PASS:
        return f"{names.candidate} is not worse than {names.stable}."
    open_ = [each for each in compared if each.verdict in (UNDECIDED, MISSING)]
    if verdict == MISSING and all(each.candidate_calls == 0 for each in open_):
        if all(each.candidate_calls == 0 for each in compared):
            return f"No call of {names.candidate} is measured yet."
    count = "One figure is" if len(open_) == 1 else f"{len(open_)} figures are"
    return f"{count} {'undecided' if verdict == UNDECIDED else 'undecided or missing'}."


def _sentence(verdict: str, compared: list[Comparison], names: Names, seconds: float) -> str:
    """Return what stands behind it: which figure, by how much, and what would decide it."""
    if verdict == FAIL:
        return " ".join(_worse(each, names) for each in compared if each.verdict == WORSE)
    if verdict == PASS:
        count = len(compared)
        figures = "The figure is" if count == 1 else f"All {count} figures are"
        return f"{figures} within what this step allows."
    if not compared:
        return "No figure is watched, so nothing can pass."
    open_ = [each for each in compared if each.verdict in (UNDECIDED, MISSING)]
    missing = [each for each in open_ if each.verdict == MISSING]
    if not any(each.candidate_calls for each in compared):
        return f"It waits for the first calls of {names.candidate}. {_outlook(open_, 0)}".strip()
    told = _missing(missing, names) if missing else _open(open_[0])
    if len(open_) > 1 and not missing:
        slowest = max(open_, key=lambda each: each.needs or MOST_CALLS)
        told = _open(slowest)
    return f"{told} {_outlook(open_, seconds)}".strip()


def _worse(each: Comparison, names: Names) -> str:
    figure = FIGURES[each.key]
    way = "below" if figure.up else "above"
    return (
        f"{figure.title}: {value(figure, each.candidate)} on {names.candidate} against"
        f" {value(figure, each.stable)} on {names.stable}, surely more than"
        f" {step(figure, each.limit)} {way}."
    )


def _open(each: Comparison) -> str:
    figure = FIGURES[each.key]
    end = each.low if figure.up else each.high
    way = {"s": "longer", "%": "lower" if figure.up else "higher"}.get(figure.unit, "more")
    if end is None:
        return f"{figure.title}: too few calls to bound it."
    return (
        f"{figure.title} may be up to {step(figure, abs(end))} {way};"
        f" this step allows {step(figure, each.allowed)}."
    )


def _missing(missing: list[Comparison], names: Names) -> str:
    whose = names.candidate if any(not each.candidate_calls for each in missing) else names.stable
    titles = [FIGURES[each.key].title.lower() for each in missing]
    listed = titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"
    return f"No call of {whose} tells of {listed}; what is not measured does not pass."


def _outlook(open_: list[Comparison], seconds: float) -> str:
    needs = [each.needs for each in open_]
    if any(need is None for need in needs):
        if all(each.verdict == UNDECIDED for each in open_):
            return "It lies so close to the limit that more calls may not decide it."
        return ""
    more = max(need for need in needs if need is not None)
    calls = rounded(more)
    said = f"About {thousands(calls)} more call{'s' if calls != 1 else ''} decide it"
    seen = min(each.candidate_calls for each in open_)
    if seen < 5 or seconds <= 0:
        return f"{said}."
    return f"{said}, in {about(more * seconds / seen)} at the present rate."


def value(figure: Figure, number: float | None) -> str:
    """Return a figure's value as pages show it."""
    if number is None:
        return "—"
    if figure.unit == "s":
        return f"{number:.2f} s"
    if figure.unit == "%":
        return f"{number * 100:.1f} %"
    return f"{number * 1000:.1f}"


def step(figure: Figure, number: float) -> str:
    """Return a difference or a limit without its sign."""
    if figure.unit == "s":
        return f"{number:.2f} s"
    if figure.unit == "%":
        return f"{number * 100:.1f} pt"
    return f"{number * 1000:.1f} per 1 000"


def signed(figure: Figure, number: float | None) -> str:
    """Return a difference with its sign."""
    if number is None:
        return "—"
    shown = step(figure, abs(number)).removesuffix(" per 1 000")
    if not any(digit in shown for digit in "123456789"):
        return shown
    return ("−" if number < 0 else "+") + shown


def rounded(calls: int) -> int:
    """Return a count with two figures: more would say more than is known."""
    unit: int = 10 ** max(0, len(str(calls)) - 2)
    return ceil(calls / unit) * unit


def thousands(number: int) -> str:
    """Return a number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\u2009")


def about(seconds: float) -> str:
    """Return a length of time that is only guessed."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    if seconds < 36 * 3600:
        return f"{round(seconds / 3600)} hours"
    return f"{round(seconds / 86400)} days" if seconds < inf else "a long time"
