"""Who still runs an old version of a flow: by state, how long, and what they wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from designer.errors import Refused
from designer.models import Flow, Version
from flows.semantics import Program
from runtime import deployments
from runtime.drain import dwell, judging, reach

MOST_LISTED = 200
KEPT_SECONDS = 2.0
"""How long what the nodes said is good enough for a page that asks again and again."""


@dataclass(frozen=True, slots=True)
class Group:
    """The old calls in one state."""

    state: str
    calls: int
    oldest: float
    """Seconds since the oldest of them began."""
    longest: float
    """Seconds the one that is there longest has been in the state."""
    expected: str
    """When they are expected to leave it, in words; empty if nobody knows."""
    how: str
    """Whence that is known: `timer`, `learned`, or empty."""
    untimed: int
    """Calls for which no timer is armed that would lead out of it."""
    share: float
    """Of the largest group, 0 to 1; for a bar."""

    @property
    def oldest_words(self) -> str:
        return span(self.oldest)

    @property
    def percent(self) -> int:
        return round(100 * self.share)


@dataclass(slots=True)
class OldCalls:
    """The calls of a flow that run another version than the one that is looked at."""

    flow: Flow
    version: Version | None
    """The version that takes new calls, or that somebody asked for."""
    numbers: dict[str, int | None] = field(default_factory=dict)
    """By digest: the versions they run."""
    groups: list[Group] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.lines)

    @property
    def versions(self) -> str:
        """Say which versions they run: `v41`, `v40 and v41`."""
        known = sorted(n for n in self.numbers.values() if n is not None)
        named = [f"v{number}" for number in known]
        named += [digest[:12] for digest, number in self.numbers.items() if number is None]
        return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))

    @property
    def listed(self) -> list[dict[str, Any]]:
        """The calls that are shown one by one, the oldest first."""
        return self.lines[:MOST_LISTED]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "flow": self.flow.name,
            "version": self.version.number if self.version else None,
            "digest": self.version.digest if self.version else "",
            "calls": self.count,
            "silent": self.silent,
            "states": [
                {name: getattr(each, name) for name in Group.__slots__ if name != "share"}
                for each in self.groups
            ],
            "sessions": [
                {
                    "session": line["id"], "node": line["node"], "version": line["number"],
                    "digest": line["digest"], "role": line["role"], "state": line["state"],
                    "since": line["since"], "started": line["started"],
                    "caller": line["caller"], "callee": line["callee"],
                    "waits": line["waits"], "pinned": line["pinned"],
                    "unquiet": line["unquiet"] or "",
                }
                for line in self.listed
            ],
        }  # fmt: skip


def old_calls(flow: Flow, version: Version | None = None, *, now: float) -> OldCalls:
    """Return the calls that run another version than `version`.

    Without one: the calls whose version no new call takes; while a version is deployed in steps,
    new calls take two. Where nothing is deployed nothing is old.
    """
    serving = in_force(flow) if version is None else {version.digest}
    version = version or newest_taken(flow)
    if version is None:
        return OldCalls(flow, None)
    found = reach.standings(flow.name, serving)
    old = found.lines
    known = judging.numbers(flow, {each["digest"] for each in old})
    result = OldCalls(flow, version, silent=found.silent)
    result.numbers = {each["digest"]: known.get(each["digest"]) for each in old}
    result.lines = sorted(
        (_line(each, known, now) for each in old), key=lambda line: float(line["started"])
    )
    result.groups = grouped(result.lines, dwell.learned(flow.name) if old else {}, now)
    return result


def in_force(flow: Flow) -> set[str]:
    """Return the digests that new calls of a flow may take now: two while there is a ramp."""
    deployment, ramp = deployments.current(flow), deployments.ramp_of(flow)
    found = {deployment.version.digest} if deployment is not None else set()
    return found | ({ramp.deployment.version.digest} if ramp is not None else set())


_kept: dict[tuple[str, str], tuple[float, dict[str, Group]]] = {}


def expectations(flow: Flow, digest: str, now: float) -> dict[str, Group]:
    """Return by state when the calls of one version are expected to leave it; kept for a moment.

    Nothing where no node can be asked. `now` is in seconds since the epoch.
    """
    known = _kept.get((flow.name, digest))
    if known is not None and 0 <= now - known[0] < KEPT_SECONDS:
        return known[1]
    try:
        found = reach.standings(flow.name)
    except Refused:
        return {}
    numbers = judging.numbers(flow, [digest])
    lines = [_line(each, numbers, now) for each in found.lines if each["digest"] == digest]
    groups = grouped(lines, dwell.learned(flow.name) if lines else {}, now)
    if len(_kept) > MOST_LISTED:
        _kept.clear()
    _kept[flow.name, digest] = now, {group.state: group for group in groups}
    return _kept[flow.name, digest][1]


def newest_taken(flow: Flow) -> Version | None:
    """Return the version that new calls take."""
    deployment = deployments.current(flow)
    return deployment.version if deployment is not None else None


def _line(standing: Mapping[str, Any], known: Mapping[str, int], now: float) -> dict[str, Any]:
    leaves = leaving(standing, judging.program_of(standing["digest"]))
    return {
        **standing,
        "number": known.get(standing["digest"]),
        "age": now - standing["started"],
        "stayed": now - standing["since"],
        "leaves": leaves,
        "waits": "no timer armed" if leaves is None else f"within {span(leaves - now)}",
    }


def leaving(standing: Mapping[str, Any], program: Program | None) -> float | None:
    """Return when a timer leads a session out of its state; None if none will.

    Guards are not asked: they may say otherwise when the time has come.
    """
    if program is None:
        return None
    rows = program.table.rows
    state, role = standing["state"], standing["role"]
    leads = {
        row.after
        for row in rows
        if row.from_state == state
        and row.role in (role, "Both")
        and row.ignore is None
        and row.next_state not in (None, state)
    }
    return next((t["at"] for t in standing["timers"] if t["seconds"] in leads), None)


def grouped(
    lines: Iterable[Mapping[str, Any]], learned: Mapping[str, dwell.Dwell], now: float
) -> list[Group]:
    """Return the states calls are in, the fullest first."""
    by_state: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        by_state[line["state"]].append(line)
    most = max(map(len, by_state.values()), default=1)
    groups = [
        _group(state, each, learned.get(state), most, now) for state, each in by_state.items()
    ]
    return sorted(groups, key=lambda group: (-group.calls, group.state))


def _group(
    state: str,
    lines: list[Mapping[str, Any]],
    stays: dwell.Dwell | None,
    most: int,
    now: float,
) -> Group:
    timed = [line["leaves"] for line in lines if line["leaves"] is not None]
    expected, how = "", ""
    if len(timed) == len(lines):
        expected, how = f"within {span(max(timed) - now)}, timer armed", "timer"
    elif stays is not None:
        expected, how = f"learned: 90 % in {span(stays.ninety)}", "learned"
    return Group(
        state,
        len(lines),
        max(line["age"] for line in lines),
        max(line["stayed"] for line in lines),
        expected,
        how,
        len(lines) - len(timed),
        len(lines) / most,
    )


def span(seconds: float) -> str:
    """Write a duration as pages do: `22 s`, `41 min`, `1 h 12 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
