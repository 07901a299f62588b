"""What designer pages ask of the running side, through a port.

The runtime's web part may use the designer, never the reverse: so it registers itself here when
Django starts. Without one, nothing is deployed and no calls are live, and the pages say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from designer.errors import Refused
from designer.models import Version


@dataclass(frozen=True, slots=True)
class Deployed:
    """The version of a flow that new calls take."""

    number: int
    digest: str
    by: str
    at: Any
    forced: bool
    reason: str
    acknowledged: bool
    """A running node said that it runs exactly this hash."""
    milliseconds: float | None = None
    """How long the node took to load it."""
    failed: str = ""
    """Why a node could not load it, or empty."""
    unchecked: bool = False
    """It went live without a word of the deeper check."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """The deeper check found errors in the version that new calls take, after it was deployed."""

    flow: str
    number: int
    errors: int
    first: Mapping[str, Any]
    """The first of them, as plain data."""
    before: int | None
    """The version that ran before, which one may go back to."""

    def as_message(self) -> dict[str, Any]:
        """Return it as it travels to browsers."""
        first = {"line": self.first["line"], "message": self.first["message"]}
        return {
            "flow": self.flow,
            "version": self.number,
            "errors": self.errors,
            "first": first,
            "before": self.before,
        }


@dataclass(frozen=True, slots=True)
class Taken:
    """Which rows of a version recorded calls took."""

    rows: Mapping[int, int] = field(default_factory=dict)
    """By the row's index: in how many calls."""
    calls: int = 0
    """How many recorded calls were looked at."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that is deployed in steps, beside the one that takes the other calls."""

    number: int
    percent: float
    beside: int
    deployment: int
    """The key of its deployment, which has a page."""
    waits: bool
    """It does not go on by itself now: held by somebody, or undecided."""


class Runtime(Protocol):
    """What the runtime answers about all flows at once, and does for one."""

    def deployed(self) -> Mapping[str, Deployed]:
        """Return what is deployed, by the flow's name."""

    def live_calls(self) -> Mapping[str, int]:
        """Return how many sessions each flow has now."""

    def deploy(self, *, version: Version, user: Any, reason: str) -> None:
        """Let new calls take this version; Refused says why not."""

    def deployment_message(self, flow: str) -> dict[str, Any] | None:
        """Return the newest deployment of a flow as it travels to browsers."""

    def alarm(self, flow: str) -> Alarm | None:
        """Return what was found in the flow's running version after it was deployed."""

    def candidate(self, flow: str) -> Candidate | None:
        """Return the version of a flow that is deployed in steps now."""

    def routes_of(self, flow: str) -> list[dict[str, str]]:
        """Return the routes that lead to a flow: {"pattern", "flow"}."""

    def taken(self, version: Version) -> Taken:
        """Return which rows of a version were taken by recorded calls, of it and of others."""

    def saved(self, version: Version) -> None:
        """Hear of a new version, inside the transaction that saves it."""

    def trouble(self) -> str:
        """Return what keeps calls from being taken now, as a sentence for every page, or empty."""


class NoRuntime:
    """A designer on its own."""

    def deployed(self) -> Mapping[str, Deployed]:
        return {}

    def live_calls(self) -> Mapping[str, int]:
        return {}

    def deploy(self, *, version: Version, user: Any, reason: str) -> None:
        raise Refused("There is no runtime here to deploy to.")

    def deployment_message(self, flow: str) -> dict[str, Any] | None:
        return None

    def alarm(self, flow: str) -> Alarm | None:
        return None

    def candidate(self, flow: str) -> Candidate | None:
        return None

    def routes_of(self, flow: str) -> list[dict[str, str]]:
        return []

    def taken(self, version: Version) -> Taken:
        return Taken()

    def saved(self, version: Version) -> None:
        pass

    def trouble(self) -> str:
        return ""


_runtime: Runtime = NoRuntime()


def register(runtime: Runtime) -> None:
    """Let this runtime answer from now on."""
    global _runtime
    _runtime = runtime


def runtime() -> Runtime:
    """Return whoever answers."""
    return _runtime
