"""Seeded defects: how many single mistakes in correct tables the checker finds.

    python -m benchmarks.mutants [--tables DIR] [--sample N] [--held-out] [--survivors]

A mutant counts as found if the checker says anything it does not say about the correct table. Those
that behave like it on every configuration it can reach are no defects and are left out. A variant
that means the same must bring nothing new: everything said about one is a false alarm.
"""

from __future__ import annotations

import argparse
import platform
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.mutations import HELD_OUT, OPERATORS, Mutant
from flows.check import check
from flows.check.deep import examine
from flows.compile import Compiled, compile_text
from flows.explore.acts import leaves_a_trace
from flows.explore.party import Config, Move, Party
from flows.explore.walk import Bounds, Walk, explore
from flows.findings import Finding
from flows.semantics import Program
from flows.table import Table

ROOT = Path(__file__).resolve().parent.parent
COUNTS = frozenset(("COV415", "META991", "META992"))
"""Codes that tell figures about the whole table: they differ for every table."""
BOUNDS = Bounds(states=20_000)

Said = frozenset[tuple[str, str, str | None]]


@dataclass
class Subject:
    """A correct table, and what is known about it."""

    name: str
    text: str
    compiled: Compiled
    table: Table
    walk: Walk
    said: Said
    signatures: list[list[Any]] = field(default_factory=list)


@dataclass
class Score:
    """Mutants by what became of them."""

    made: Counter[str] = field(default_factory=Counter)
    equivalent: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    sole: Counter[str] = field(default_factory=Counter)
    survivors: list[str] = field(default_factory=list)
    slowest: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def share(self, operator: str | None = None) -> float:
        keys = [operator] if operator else list(self.made)
        real = sum(self.made[k] - self.equivalent[k] for k in keys)
        return 100.0 * sum(self.found[k] for k in keys) / real if real else 100.0


def findings_of(compiled: Compiled, table: Table, tier: int) -> list[Finding]:
    """Return all that is said about a table: the quick rules and the deep ones."""
    quick = check(Compiled(compiled.document, table, [], table))
    return [*quick, *examine(table, tier=tier, budget=BOUNDS).findings]


def said(findings: list[Finding]) -> Said:
    return frozenset(
        (f.code, f.message, f.state)
        for f in findings
        if f.state is not None or f.row is not None or f.code not in COUNTS
    )


def subject(path: Path, tier: int) -> Subject:
    text = path.read_text()
    compiled = compile_text(text)
    table = compiled.table
    assert table is not None, path
    walk = explore(Party(Program(table)), BOUNDS)
    return Subject(path.stem, text, compiled, table, walk, said(findings_of(compiled, table, tier)))


def signature(config: Config, move: Move) -> tuple[Any, ...]:
    """Return what a step does, whichever row did it and in whichever order of its actions."""
    words: list[tuple[str, str]] = []
    published: tuple[str, ...] = ()
    if move.transition is not None and move.kind == "fired":
        words = sorted(
            (w.name, str(w.arguments)) for w in move.transition.words if not leaves_a_trace(w.name)
        )
        published = move.transition.decision.published
    return (move.kind, words, published, move.sends, len(move.complaints), move.target)


def same_behaviour(subject: Subject, table: Table) -> bool:
    """Whether the mutant does the same on every configuration the correct table reaches."""
    party = Party(Program(table), keep=subject.walk.party.domain.names)
    for config, edges in zip(subject.walk.configs, subject.walk.edges, strict=True):
        durations = party.program.timers(config.state, config.role)
        if durations != subject.walk.party.program.timers(config.state, config.role):
            return False
        done = 0
        while done < len(edges):
            stimulus = edges[done].move.stimulus
            moves = []
            while done < len(edges) and edges[done].move.stimulus is stimulus:
                moves.append(edges[done].move)
                done += 1
            ours = [signature(config, move) for move in moves if move.broke < 0]
            reactions = party.react(config, stimulus)
            theirs = [signature(config, move) for move in reactions if move.broke < 0]
            if ours != theirs:
                return False
    return True


def judge(subject: Subject, mutant: Mutant, score: Score, tier: int) -> None:
    operator = mutant.operator
    score.made[operator] += 1
    if mutant.table is None:
        compiled = compile_text(mutant.text)
        new = said(compiled.findings) - said(subject.compiled.findings)
    else:
        if same_behaviour(subject, mutant.table):
            score.equivalent[operator] += 1
            return
        began = time.perf_counter()
        new = said(findings_of(subject.compiled, mutant.table, tier)) - subject.said
        score.seconds.append(time.perf_counter() - began)
    if new:
        score.found[operator] += 1
        codes = {code for code, _, _ in new}
        score.by_rule.update(codes)
        if len(codes) == 1:
            score.sole.update(codes)
    else:
        row = subject.table.rows[mutant.row]
        score.survivors.append(
            f"{subject.name}:{row.place.line} {operator}: {row.from_state}/{row.role}/{row.label}"
            f" {mutant.change}"
        )


def variants(subject: Subject, chance: random.Random) -> list[tuple[str, Table]]:
    """Return tables that mean the same: other orders, `Both` split, other names."""
    table = subject.table
    found: list[tuple[str, Table]] = []
    for number in range(4):
        groups: dict[tuple[str, str, str], list[Any]] = {}
        for row in table.rows:
            groups.setdefault((row.from_state, row.role, row.event), []).append(row)
        keys = list(groups)
        chance.shuffle(keys)
        rows = [row for key in keys for row in groups[key]]
        found.append((f"order {number}", _numbered(table, rows)))
    split = []
    for row in table.rows:
        roles = ("UAC", "UAS") if row.role == "Both" else (row.role,)
        split += [replace(row, role=role) for role in roles]
    if not any(row.from_state == "*" and row.role == "Both" for row in table.rows):
        found.append(("Both split", _numbered(table, split)))
    names = list(table.states)
    reordered = {name: table.states[name] for name in sorted(names, reverse=True)}
    found.append(("states in another order", replace(table, states=reordered)))
    renamed = {n: f"{n}State" for n, s in table.states.items() if not s.final and n != "Active"}
    found.append(("states renamed", _renamed(table, renamed)))
    return found


def _numbered(table: Table, rows: list[Any]) -> Table:
    numbered = tuple(replace(row, index=index) for index, row in enumerate(rows))
    return replace(table, rows=numbered)


def _renamed(table: Table, names: dict[str, str]) -> Table:
    states = {names.get(n, n): replace(s, name=names.get(n, n)) for n, s in table.states.items()}
    rows = tuple(
        replace(
            row,
            from_state=names.get(row.from_state, row.from_state),
            next_state=None
            if row.next_state is None
            else names.get(row.next_state, row.next_state),
        )
        for row in table.rows
    )
    initial = names.get(table.initial, table.initial)
    return replace(table, states=states, rows=rows, initial=initial)


def main(arguments: list[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=ROOT / "state_tables")
    parser.add_argument("--sample", type=int, default=0, help="mutants per operator and table")
    parser.add_argument("--tier", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--survivors", action="store_true")
    chosen = parser.parse_args(arguments)
    score, alarms, tried = Score(), [], 0
    for path in sorted(chosen.tables.glob("*.yaml")):
        one = subject(path, chosen.tier)
        chance = random.Random(chosen.seed)
        for operator in HELD_OUT if chosen.held_out else OPERATORS:
            mutants = list(operator(one.table, one.text, chance))
            if chosen.sample and len(mutants) > chosen.sample:
                mutants = chance.sample(mutants, chosen.sample)
            for mutant in mutants:
                judge(one, mutant, score, chosen.tier)
        for name, table in variants(one, chance):
            tried += 1
            new = {code for code, _, _ in said(findings_of(one.compiled, table, chosen.tier))}
            if new - {code for code, _, _ in one.said}:
                alarms.append(f"{one.name}, {name}: {', '.join(sorted(new))}")
    _print(score, alarms, tried, chosen.survivors)
    return score.share() >= 99.0 and not alarms


def _print(score: Score, alarms: list[str], tried: int, survivors: bool) -> None:
    print(f"seeded defects on {platform.node()}, {platform.python_version()}")
    print(f"{'operator':<18}{'made':>7}{'same':>7}{'found':>7}{'share':>9}")
    for operator, made in score.made.items():
        same, found = score.equivalent[operator], score.found[operator]
        print(f"{operator:<18}{made:>7}{same:>7}{found:>7}{score.share(operator):>8.1f}%")
    made, same = sum(score.made.values()), sum(score.equivalent.values())
    found = sum(score.found.values())
    print(f"{'all':<18}{made:>7}{same:>7}{found:>7}{score.share():>8.1f}%")
    rules = ", ".join(
        f"{code} {count} ({score.sole[code]} alone)" for code, count in score.by_rule.most_common()
    )
    print(f"by rule: {rules}")
    if score.seconds:
        ordered = sorted(score.seconds)
        print(
            f"time per mutant: median {ordered[len(ordered) // 2]:.2f} s, most {ordered[-1]:.2f} s"
        )
    print(f"false alarms: {len(alarms)} on {tried} variants that mean the same")
    for alarm in alarms:
        print(f"  {alarm}")
    if survivors:
        for survivor in score.survivors:
            print(f"  survived: {survivor}")


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
