"""Old and new version in one house: an old caller with a new callee, and the reverse (VER975).

While the old version drains both are answered and called by each other. What goes wrong only then,
and with neither version among its own, is a finding with its trace in lanes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.check.composition import (
    REORDER,
    Fault,
    deadlocks,
    disagreements,
    half_open,
    overrun,
    unhandled,
)
from flows.explore.pair import FIFO, SIDES, Options, Pair, Walked, explore
from flows.explore.party import Party
from flows.explore.peer import begins
from flows.explore.walk import Bounds
from flows.findings import START, Finding, Place, Severity
from flows.semantics import Program
from flows.table import Table

OLD, NEW = "old", "new"
CHANNELS = (FIFO, REORDER)
WHY = "Both versions are in the house until the last call of the old one has ended."


@dataclass(slots=True)
class Mixed:
    """What the two compositions showed."""

    findings: list[Finding] = field(default_factory=list)
    states: int = 0
    limits: list[str] = field(default_factory=list)
    """Which bounds stopped it; without one it looked at everything within the channel."""


def mixed(old: Table, new: Table, bounds: Bounds = Bounds()) -> Mixed:  # noqa: B008
    """Set each version's caller against the other one's callee."""
    parties = {OLD: Party(Program(old)), NEW: Party(Program(new))}
    found = Mixed()
    usual: dict[Options, set[str]] = {}
    told: set[str] = set()
    for caller, called in ((OLD, NEW), (NEW, OLD)):
        one, other = parties[caller], parties[called]
        if not (begins(one, one.start("UAC")) and begins(other, other.start("UAS"))):
            continue
        for options in CHANNELS:
            walked = _walk(found, one, other, options, bounds)
            for fault in _faults(walked):
                if options not in usual:
                    usual[options] = _usual(parties.values(), options, bounds)
                if fault.topic not in usual[options] and fault.message not in told:
                    told.add(fault.message)
                    found.findings.append(_said(fault, walked, {"UAC": caller, "UAS": called}, new))
    return found


def _walk(found: Mixed, one: Party, other: Party, options: Options, bounds: Bounds) -> Walked:
    walked = explore(Pair(one, options, other), bounds)
    found.states += len(walked.joints)
    if not walked.complete and walked.limit not in found.limits:
        found.limits.append(walked.limit)
    return walked


def _usual(parties: Any, options: Options, bounds: Bounds) -> set[str]:
    """What is wrong with a version among its own is no matter of mixing them."""
    return {
        fault.topic
        for party in parties
        if all(begins(party, party.start(role)) for role in SIDES)
        for fault in _faults(explore(Pair(party, options), bounds))
    }


def _faults(walked: Walked) -> Iterator[Fault]:
    yield from unhandled(walked)
    yield from overrun(walked)
    yield from deadlocks(walked)
    if walked.complete:
        yield from half_open(walked)
    # A version that does not look at the direction does not claim to follow a hold.
    if all("direction" in walked.pair.side(r).domain.read["ReinviteReceived"] for r in SIDES):
        yield from disagreements(walked)


def _said(fault: Fault, walked: Walked, runs: dict[str, str], new: Table) -> Finding:
    code, message = fault.code, fault.message
    trace = [{**line, "version": runs[line["side"]]} for line in walked.trace(fault.step)]
    rows = [line["row"] for line in trace if line["version"] == NEW and line["row"] >= 0]
    place: Place = new.rows[rows[-1]].place if rows else START
    who = f"The {runs['UAC']} version calls, the {runs['UAS']} one is called"
    return Finding(
        "VER975",
        Severity.ERROR,
        f"{who}: {message} ({code})",
        place,
        WHY,
        row=rows[-1] if rows else None,
        confidence="bounded",
        trace=tuple(trace),
    )
