"""The checks that a version needs before it goes live, in one list: each is told by a provider.

    required.register("scenarios", provider, rank=30)       # once, when Django starts
    required.checks_of(version, base)                       # [Check], in the order of their ranks

A provider says how its check stands *now* for a version and what it replaces. It reads what is
kept and starts nothing, so that a page may ask for all of them at once. What cannot be said is
`missing`, never `passed`: a check that nobody ran is not a check that holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from designer.models import Version

logger = logging.getLogger(__name__)

PASSED = "passed"
FAILED = "failed"
RUNNING = "running"
"""It waits for a worker or has one."""
MISSING = "missing"
"""Nobody ran it, or what it said is not of this text."""
PASSED_OVER = "passed over"
"""It did not pass, and a person said why it need not."""

WORDS = {
    PASSED: "passed",
    FAILED: "failed",
    RUNNING: "running",
    MISSING: "missing",
    PASSED_OVER: "passed over",
}


@dataclass(frozen=True, slots=True)
class Check:
    """How one check stands for one version against one other."""

    key: str
    """Such as `rules`: a slug, the same for ever."""
    title: str
    """A word or three: `Changed rows covered`."""
    state: str
    """One of PASSED, FAILED, RUNNING, MISSING; PASSED_OVER is put by a review only."""
    sentence: str
    """What was found, or what is to be done, in one sentence."""
    url: str = ""
    """The page that proves it, or where it is run; empty if there is none."""
    figure: str = ""
    """The number at the right: `61 of 61`."""
    needed: bool = True
    """Whether it holds a deployment back; one that does not is shown all the same."""
    passable: bool = True
    """Whether a person may pass over it with a reason."""

    @property
    def holds_back(self) -> bool:
        """It is needed, and neither passed nor passed over."""
        return self.needed and self.state not in (PASSED, PASSED_OVER)

    @property
    def word(self) -> str:
        return WORDS[self.state]

    def passed_over(self, by: str, reason: str) -> Check:
        """Return it as a person passed over it; one that passes by now stays as it is."""
        if self.state == PASSED or not self.passable:
            return self
        return replace(self, state=PASSED_OVER, sentence=f"{by} passed over it: {reason}")

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {**asdict(self), "holds_back": self.holds_back}


Provider = Callable[[Version, "Version | None"], "Check | None"]
"""Told the version and what it would replace (None: nothing does); None if it does not apply."""

_providers: dict[str, tuple[int, Provider]] = {}


def register(key: str, provider: Provider, *, rank: int = 100) -> None:
    """Let this provider tell of the check `key` from now on; the lowest rank stands first."""
    _providers[key] = (rank, provider)


def keys() -> list[str]:
    """Return the keys of all checks, in their order."""
    return sorted(_providers, key=lambda key: (_providers[key][0], key))


def checks_of(
    version: Version, base: Version | None, only: Iterable[str] | None = None
) -> list[Check]:
    """Return how every check that applies stands now, or those of `only` some keys."""
    wanted = None if only is None else set(only)
    found = (_asked(key, version, base) for key in keys() if wanted is None or key in wanted)
    return [check for check in found if check is not None]


def holding_back(checks: Iterable[Check]) -> list[Check]:
    """Return those that stand in the way of a deployment."""
    return [check for check in checks if check.holds_back]


def _asked(key: str, version: Version, base: Version | None) -> Check | None:
    """Ask one provider. One that breaks is our own mistake: it holds back, and the others tell."""
    try:
        return _providers[key][1](version, base)
    except Exception:
        logger.exception("the check %s of %s could not be told", key, version)
        title = key.replace("_", " ").capitalize()
        return Check(key, title, MISSING, "It could not be told: the log of the server says why.")
