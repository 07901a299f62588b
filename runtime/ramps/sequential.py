"""Bands that hold however often one looks, and whenever one stops looking.

A share of calls is held against every share it might truly be: the evidence against `p` is the
logarithm of a likelihood ratio, a beta mixture over the likelihood of `p`. Under the true `p` that
ratio is a martingale with mean 1, so by Ville's inequality it ever exceeds 1 / alpha with a
probability of at most alpha (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021, section 3).
What has less evidence against it than log(1 / alpha) is the band: at all times at once, with no
correction for looking.

A quantile needs no more: the calls at or below the true quantile are a share that is known, so a
value stands against its own count (Howard and Ramdas 2022). The times are taken to have no atoms.

Two versions are compared by adding their evidence: the product of the two ratios is a martingale
too, so the pairs with less than log(1 / alpha) hold the true pair, and the largest and smallest
difference of such a pair are the band of the difference. It needs no equal numbers and no order in
which calls arrive; it does take calls as independent, which calls of one caller are not quite.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf, lgamma, log
from typing import Protocol

PRIOR = 0.5
"""Both shape parameters of the mixture: wide, with weight at the ends where rare failures are."""
CUTS = 32
"""Parts into which the evidence is divided between the two; more are tighter and slower."""
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Band:
    """From the least to the most a value may be; infinite where nothing bounds it."""

    low: float
    high: float


class Arm(Protocol):
    """One side of a comparison: what was seen of it."""

    @property
    def count(self) -> int:
        """How many calls speak."""

    @property
    def estimate(self) -> float | None:
        """The value they suggest; None without calls."""

    @property
    def least(self) -> float:
        """The evidence against the value that has least against it; 0 or below."""

    def within(self, evidence: float) -> Band:
        """Return the values with at most so much evidence against them; `evidence` >= `least`."""


def evidence(part: float, count: float, share: float) -> float:
    """Return the evidence that a share of all is not `share`, of `count` seen with `part` in it."""
    rest = count - part
    against = _log_beta(PRIOR + part, PRIOR + rest) - _log_beta(PRIOR, PRIOR)
    if part > 0:
        against -= part * log(share) if share > 0 else -inf
    if rest > 0:
        against -= rest * log(1 - share) if share < 1 else -inf
    return against


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


@dataclass(frozen=True, slots=True)
class Share:
    """Of `total` calls, `part` had something."""

    part: float
    total: float

    @property
    def count(self) -> int:
        return round(self.total)

    @property
    def estimate(self) -> float | None:
        return self.part / self.total if self.total else None

    @property
    def least(self) -> float:
        return evidence(self.part, self.total, self.part / self.total) if self.total else 0.0

    def within(self, evidence: float) -> Band:
        if not self.total:
            return Band(0.0, 1.0)
        middle = self.part / self.total
        low = 0.0 if self.part <= 0 else self._edge(0.0, middle, evidence)
        high = 1.0 if self.part >= self.total else self._edge(1.0, middle, evidence)
        return Band(low, high)

    def _edge(self, outside: float, inside: float, most: float) -> float:
        """Return where the evidence passes `most`, rounded outwards."""
        part, rest = self.part, self.total - self.part
        begin = _log_beta(PRIOR + part, PRIOR + rest) - _log_beta(PRIOR, PRIOR) - most
        for _ in range(_HALVINGS):
            middle = (outside + inside) / 2
            if begin - part * log(middle) - rest * log(1 - middle) > 0:
                outside = middle
            else:
                inside = middle
        return outside


@dataclass(frozen=True, slots=True)
class Quantile:
    """Times in ascending order, of which the value is wanted that `share` of all stay below.

    `weight` counts each time so often: for saying how many calls more would decide.
    """

    times: Sequence[float]
    share: float
    weight: float = 1.0

    @property
    def count(self) -> int:
        return round(len(self.times) * self.weight)

    @property
    def estimate(self) -> float | None:
        if not self.times:
            return None
        return self.times[max(ceil(self.share * len(self.times)), 1) - 1]

    @property
    def least(self) -> float:
        if not self.times:
            return 0.0
        below = int(self.share * len(self.times))
        return min(self._against(below), self._against(below + 1), 0.0)

    def within(self, evidence: float) -> Band:
        times = self.times
        if not times:
            return Band(0.0, inf)
        middle = min(max(round(self.share * len(times)), 0), len(times))
        low = self._edge(-1, middle, evidence)
        high = self._edge(len(times) + 1, middle, evidence)
        # A value has as many at or below it as the times say: `low` and `high` of them are too few
        # and too many, so the value lies from time low + 1 up to the next after high - 1.
        least = times[low] if 0 <= low < len(times) else 0.0
        most = times[high - 1] if high <= len(times) else inf
        return Band(least, most)

    def _edge(self, outside: int, inside: int, most: float) -> int:
        """Return the count next to `inside` that has too much against it; `outside` if none has."""
        while abs(outside - inside) > 1:
            middle = (outside + inside) // 2
            if self._against(middle) > most:
                outside = middle
            else:
                inside = middle
        return outside

    def _against(self, below: int) -> float:
        if below > len(self.times):
            return inf
        return evidence(below * self.weight, len(self.times) * self.weight, self.share)

    def below(self, value: float) -> int:
        """Return how many times are at most `value`."""
        return bisect_right(self.times, value)


def band(arm: Arm, alpha: float) -> Band:
    """Return where the value of one side lies, at all times with probability 1 - alpha."""
    return arm.within(log(1 / alpha))


def difference(candidate: Arm, stable: Arm, alpha: float) -> Band:
    """Return where candidate - stable lies, at all times with probability 1 - alpha.

    The evidence is divided between the two in all ways; between two cuts the wider of both is
    taken, so the band is never too narrow.
    """
    most = log(1 / alpha)
    begin = candidate.least
    width = (most - stable.least - begin) / CUTS
    low, high = inf, -inf
    for cut in range(CUTS):
        spent = begin + cut * width
        ours = candidate.within(spent + width)
        theirs = stable.within(most - spent)
        low = min(low, ours.low - theirs.high)
        high = max(high, ours.high - theirs.low)
    return Band(low, high)
