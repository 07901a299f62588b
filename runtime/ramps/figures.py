"""What is compared between two versions: each figure, where it comes from, how far it may be worse.

A figure is a share of calls, or a high quantile of a time. `limit` is in its own measure (a share
of 1, or seconds); it is what somebody would roll back for.
"""

from __future__ import annotations

from dataclasses import dataclass

QUANTILE = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that is compared."""

    key: str
    """The field of a measured call it is made of (`runtime.models.RampCall`)."""
    title: str
    unit: str
    """`%`, `s`, or `per 1 000`."""
    limit: float
    """How far it may be worse, as usual."""
    most: float
    """The widest limit that means anything."""
    up: bool
    """More is better."""
    about: str
    quantile: bool = False

    @property
    def sign(self) -> int:
        """By what a difference is multiplied to make worse the positive direction."""
        return -1 if self.up else 1


FIGURES: dict[str, Figure] = {
    figure.key: figure
    for figure in (
        Figure(
            "answered", "Calls answered", "%", 0.05, 1.0, True,
            "calls whose INVITE got a 2xx, of those with a final answer or none in 3 min",
        ),
        Figure(
            "delay", "Post-dial delay, 95th", "s", 0.25, 60.0, False,
            "from the INVITE to the first 18x or 2xx; 95 of 100 calls wait at most this long",
            quantile=True,
        ),
        Figure(
            "failed", "Set-up failures", "%", 0.02, 1.0, False,
            "calls that got no answer or a 4xx to 6xx that no person chose: all but 480, 486, 487,"
            " 600 and 603",
        ),
        Figure(
            "one_way", "One-way audio", "%", 0.02, 1.0, False,
            "answered calls of at least 2 s where packets of audio went in one direction only",
        ),
        Figure(
            "unhandled", "Calls with an unhandled event", "per 1 000", 0.02, 1.0, False,
            "calls in which an event found no row, within their first minute",
        ),
        Figure(
            "stuck", "Stuck calls", "%", 0.01, 1.0, False,
            "calls that are over on the wire and whose session lives on, or that get no answer",
        ),
    )
}  # fmt: skip
"""All figures by key, in the order in which pages show them."""

USUAL = ("answered", "delay", "failed", "unhandled", "stuck")
"""What is watched unless somebody chooses otherwise; one-way audio is added where calls of the
stable version had audio."""
