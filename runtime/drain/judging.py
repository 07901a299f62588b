"""May these running calls go over to that version: the dry run, for each of them.

    found = dry_run(flow, version, chosen={"OnHold": "Held"})
    found.count("safe"), found.count("needs mapping"), found.count("blocked")

What two texts say of each other is judged once (`flows.moving`) and kept; what is asked anew is how
each session stands. Nothing is changed by looking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from designer import behaviour, renames, selectors, verdicts
from designer.models import Flow, Version
from flows.moving import MAPPING, SAFE, Way, passage, targets
from flows.semantics import Program
from runtime import audit, deployments
from runtime.drain import reach

BLOCKED = "blocked"
VERDICTS = (SAFE, MAPPING, BLOCKED)
BUDGET = 5000
"""Configurations of each side that are tried while somebody waits."""
WARNS = ("VER975", "VER977")
"""Rules about two versions that speak of more than one state: told beside the calls."""

Ways = Mapping[tuple[str, str], Way]


@dataclass(frozen=True, slots=True)
class Only:
    """Which calls are meant; empty members mean all."""

    state: str = ""
    older: float = 0.0
    """Seconds they have been in their state, at least."""
    sessions: tuple[str, ...] = ()
    digest: str = ""

    def has(self, line: Mapping[str, Any], now: float) -> bool:
        """Say whether a session is meant."""
        return (
            self.state in ("", line["state"])
            and self.digest in ("", line["digest"])
            and (not self.sessions or line["id"] in self.sessions)
            and now - line["since"] >= self.older
        )

    @property
    def words(self) -> str:
        """Say which calls are meant."""
        parts = [f"in {self.state}"] if self.state else []
        parts += [f"there for {_span(self.older)} or longer"] if self.older else []
        parts += [f"chosen one by one ({len(self.sessions)})"] if self.sessions else []
        return ", ".join(parts) or "all"


@dataclass(frozen=True, slots=True)
class Line:
    """One call and what would become of it."""

    standing: Mapping[str, Any]
    number: int | None
    verdict: str
    why: str
    target: str = ""
    way: Way | None = None
    waits: bool = False
    """Blocked only until it comes to a quiet point."""

    @property
    def possible(self) -> bool:
        """Whether an order reaches it."""
        return self.verdict == SAFE or self.waits


@dataclass(frozen=True, slots=True)
class Place:
    """The calls in one state and role of one old version."""

    number: int | None
    digest: str
    way: Way
    calls: int
    choices: list[str]


@dataclass(slots=True)
class DryRun:
    """What an order would do; nothing was done."""

    version: Version
    lines: list[Line] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    """Of the version calls would go over to."""
    warnings: list[dict[str, str]] = field(default_factory=list)

    def count(self, verdict: str) -> int:
        """Return how many calls have this verdict."""
        return sum(line.verdict == verdict for line in self.lines)

    @property
    def counts(self) -> dict[str, int]:
        """Calls by verdict."""
        return {verdict: self.count(verdict) for verdict in VERDICTS}

    @property
    def waiting(self) -> int:
        """Calls that can go over once nothing is open any more."""
        return sum(line.waits for line in self.lines)

    @property
    def unmapped(self) -> int:
        """Calls for which a person has to choose a state."""
        return self.count(MAPPING)

    @property
    def possible(self) -> list[Line]:
        """The calls an order reaches, those that can go at once first."""
        return sorted((x for x in self.lines if x.possible), key=lambda line: line.waits)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why calls are not safe, with their number, the commonest first."""
        return Counter(x.why for x in self.lines if x.verdict != SAFE).most_common()

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "version": self.version.number,
            "digest": self.version.digest,
            "counts": self.counts,
            "errors": len(self.errors),
            "warnings": self.warnings,
            "silent": self.silent,
            "states": [_place(each) for each in self.places],
            "calls": [told(each) for each in self.lines],
        }


def _place(place: Place) -> dict[str, Any]:
    way = place.way
    return {
        "state": way.state, "role": way.role, "version": place.number, "digest": place.digest,
        "calls": place.calls, "verdict": way.verdict, "target": way.target, "how": way.how,
        "why": way.why, "code": way.code, "suggestion": way.suggestion, "timers": way.timers,
        "choices": place.choices,
    }  # fmt: skip


def told(line: Line) -> dict[str, Any]:
    at = line.standing
    return {
        "session": at["id"], "node": at["node"], "version": line.number, "digest": at["digest"],
        "role": at["role"], "state": at["state"], "since": at["since"], "started": at["started"],
        "caller": at["caller"], "callee": at["callee"], "verdict": line.verdict,
        "target": line.target, "why": line.why, "waits": line.waits,
    }  # fmt: skip


def dry_run(
    flow: Flow,
    version: Version,
    *,
    chosen: Mapping[str, str] | None = None,
    only: Only = Only(),  # noqa: B008
    now: float,
) -> DryRun:
    """Judge each call of the flow that runs another version than this one."""
    found = reach.standings(flow.name, [version.digest])
    result = DryRun(version, silent=found.silent)
    result.errors = deployments.errors_of(version, verdicts.verdict_of(version))
    old = found.lines
    digests = dict.fromkeys(each["digest"] for each in old)
    judged = {digest: ways(flow, digest, version, chosen or {}) for digest in digests}
    known = numbers(flow, digests)
    meant = [each for each in old if only.has(each, now)]
    result.lines = [line_of(each, known, judged[each["digest"]]) for each in meant]
    result.places = _places(meant, known, judged, version)
    result.warnings = [
        warning for digest in digests for warning in _warnings(digest, version, known)
    ]
    return result


def numbers(flow: Flow, digests: Iterable[str]) -> dict[str, int]:
    """Return the version numbers of digests; the newest where a text was saved twice."""
    found = Version.objects.filter(flow=flow, digest__in=list(digests)).order_by("number")
    return dict(found.values_list("digest", "number"))


def line_of(standing: Mapping[str, Any], known: Mapping[str, int], judged: Ways | None) -> Line:
    """Judge one session."""
    number = known.get(standing["digest"])
    if judged is None:
        why = "the text it runs is not in the database, or does not compile any more"
        return Line(standing, number, BLOCKED, why)
    way = judged.get((standing["state"], standing["role"]))
    if standing["pinned"]:
        return Line(standing, number, BLOCKED, f"pinned by {standing['pinned']}", way=way)
    if way is None:
        return Line(standing, number, BLOCKED, "no call can wait in this state")
    if way.verdict == MAPPING:
        return Line(standing, number, MAPPING, way.why, way.target, way)
    if standing["unquiet"]:
        why = f"not now: {standing['unquiet']}"
        return Line(standing, number, BLOCKED, why, way.target, way, waits=True)
    return Line(standing, number, SAFE, way.why, way.target, way)


def _places(
    meant: Iterable[Mapping[str, Any]],
    known: Mapping[str, int],
    judged: Mapping[str, Ways | None],
    version: Version,
) -> list[Place]:
    calls = Counter((each["digest"], each["state"], each["role"]) for each in meant)
    there = program_of(version.digest)
    places = []
    for (digest, state, role), count in calls.items():
        way = (judged[digest] or {}).get((state, role))
        if way is not None and there is not None:
            place = Place(known.get(digest), digest, way, count, targets(there, role))
            places.append(place)
    return sorted(places, key=lambda place: (place.way.verdict == SAFE, -place.calls))


def _warnings(digest: str, version: Version, known: Mapping[str, int]) -> list[dict[str, str]]:
    found = behaviour.compared(audit.text_of(digest), version.text)
    called = f"v{known[digest]}" if digest in known else digest[:12]
    return [
        {"code": each["code"], "message": each["message"], "against": called}
        for each in (found["findings"] if found is not None else ())
        if each["code"] in WARNS
    ]


# -- what two texts say of each other --------------------------------------------------------------


def ways(flow: Flow, digest: str, version: Version, chosen: Mapping[str, str]) -> Ways | None:
    """Return where calls of a version go on in another one; None if a text is missing."""
    if program_of(version.digest) is None or program_of(digest) is None:
        return None
    older = numbers(flow, [digest]).get(digest)
    table = selectors.compiled_version(version).table
    names = {} if older is None else renames.between(flow, older, version.number, table)
    return _ways(digest, version.digest, _frozen(names), _frozen(chosen))


def _frozen(pairs: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pairs.items()))


@lru_cache(maxsize=64)
def _ways(
    here: str, there: str, names: tuple[tuple[str, str], ...], chosen: tuple[tuple[str, str], ...]
) -> Ways:
    before, after = program_of(here), program_of(there)
    assert before is not None and after is not None
    return passage(before, after, dict(names), dict(chosen), BUDGET)


def program_of(digest: str) -> Program | None:
    """Return the program of a text the database knows; asked again while it knows none."""
    try:
        return _program(digest)
    except LookupError:
        return None


@lru_cache(maxsize=64)
def _program(digest: str) -> Program:
    table = audit.table_of(digest)
    if table is None:
        raise LookupError(digest)
    return Program(table)


def plain_ways(judged: Ways) -> dict[str, dict[str, str]]:
    """Return the safe ways as an order and a node take them: by role and state."""
    plain: dict[str, dict[str, str]] = {}
    for (state, role), way in judged.items():
        if way.verdict == SAFE:
            plain.setdefault(role, {})[state] = way.target
    return plain


def _span(seconds: float) -> str:
    for size, word in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {word}"
    return f"{seconds:g} s"
