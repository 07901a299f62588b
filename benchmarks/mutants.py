"""Seeded defects: how many single mistakes in correct tables the checker finds.

    python -m benchmarks.mutants [--sample N] [--seconds N] [--only KIND ...] [--survivors]

A mutant counts as found if an error or a warning is told that the correct table does not have; a
second share counts information too. Mutants that do the same in every configuration the correct
table can reach are no defects and are left out: so are those that only release in another order,
which RES509 tells as information. A variant that means the same must bring nothing new: every error
or warning about one is a false alarm.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import random
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import scores
from benchmarks.memory import Cell, Memory, meaning
from benchmarks.mutations import HELD_OUT, KEPT, OPERATORS, Mutant, second_order
from benchmarks.scores import Score, Verdict
from benchmarks.variants import variants
from flows.check import check
from flows.check.deep import examine
from flows.check.meanings import MEANINGS
from flows.compile import Compiled, compile_text
from flows.explore.acts import leaves_a_trace
from flows.explore.party import Config, Move, Party
from flows.explore.walk import Bounds, Walk, explore
from flows.findings import Finding, Severity
from flows.semantics import SESSION_ROLES, Program
from flows.table import Table

ROOT = Path(__file__).resolve().parent.parent
TABLES = ("state_tables", "tests/flows/data/correct")
NOT_COUNTED = frozenset(("COV415", "META991", "META992", "META996"))
"""Figures about the whole, which differ for every table, and words that are not performed, which
would betray any row that moves."""
BOUNDS = Bounds(states=20_000)
Said = frozenset[tuple[bool, str, str, str | None]]
"""Whether it is an error or a warning; code, message, state."""


@dataclass
class Subject:
    """A correct table, and what is known about it."""

    name: str
    text: str
    compiled: Compiled
    table: Table
    walk: Walk
    said: Said
    memory: Memory


def findings_of(
    compiled: Compiled, table: Table, tier: int, party: Party | None = None
) -> list[Finding]:
    """Return all that is said about a table: the quick rules and the deep ones."""
    quick = check(Compiled(compiled.document, table, [], table))
    return [*quick, *examine(table, tier=tier, budget=BOUNDS, party=party).findings]


def said(findings: list[Finding]) -> Said:
    return frozenset(
        (f.severity is not Severity.INFO, f.code, f.message, f.state)
        for f in findings
        if f.code not in NOT_COUNTED or (f.code == "COV415" and f.state is not None)
    )


def subject(path: Path, tier: int) -> Subject:
    text = path.read_text()
    compiled = compile_text(text)
    table = compiled.table
    assert table is not None, path
    walk = explore(Party(Program(table)), BOUNDS)
    known = said(findings_of(compiled, table, tier))
    return Subject(path.stem, text, compiled, table, walk, known, Memory(walk))


# -- equal behaviour -------------------------------------------------------------------------------


def same_behaviour(subject: Subject, table: Table) -> bool:
    """Whether the mutant does the same on every configuration the correct table reaches."""
    party = Party(Program(table), keep=subject.walk.party.domain.names)
    correct = subject.walk.party.program
    for state in correct.table.states:
        for role in SESSION_ROLES:
            if correct.timers(state, role) != party.program.timers(state, role):
                return False
    cells: dict[Cell, bool] = {}
    for (config, stimulus), moves in subject.memory.moves.items():
        cell = (config.state, config.role, stimulus.event)
        if cell not in cells:
            cells[cell] = meaning(party.program, cell) == subject.memory.chain(cell)
        if cells[cell]:
            continue
        ours = [signature(config, move) for move in moves if move.broke < 0]
        reactions = party.react(config, stimulus)
        if ours != [signature(config, move) for move in reactions if move.broke < 0]:
            return False
    return True


def signature(config: Config, move: Move) -> tuple[Any, ...]:
    """Return what a step does, whichever row did it and in whichever order of its actions."""
    words: list[tuple[str, str]] = []
    published: tuple[str, ...] = ()
    if move.transition is not None and move.kind == "fired":
        words = sorted(
            (w.name, str(w.arguments)) for w in move.transition.words if not leaves_a_trace(w.name)
        )
        published = move.transition.decision.published
    wrong = sum(MEANINGS[c.code][0] is not Severity.INFO for c in move.complaints)
    return (move.kind, words, published, move.sends, wrong, move.target)


# -- one mutant ------------------------------------------------------------------------------------


def judge(subject: Subject, mutant: Mutant, tier: int) -> Verdict:
    """Return what the checker makes of a mutant."""
    row = subject.table.rows[mutant.row]
    where = f"{row.place.line}: {row.from_state}/{row.role}/{row.label}: {mutant.change}"
    began = time.perf_counter()
    same = False
    if mutant.table is None:
        compiled = compile_text(mutant.text)
        new = said(compiled.findings) - said(subject.compiled.findings)
    else:
        same = same_behaviour(subject, mutant.table)
        new = frozenset()
        if not same:
            party = subject.memory.party(Program(mutant.table))
            told = findings_of(subject.compiled, mutant.table, tier, party)
            new = said(told) - subject.said
    return Verdict(
        subject.name,
        mutant.operator,
        where,
        same,
        frozenset(code for grave, code, _, _ in new if grave),
        frozenset(code for grave, code, _, _ in new if not grave),
        time.perf_counter() - began,
    )


def alarms(subject: Subject, table: Table, tier: int) -> Said:
    """Return what is said about a variant and not about the correct table."""
    known = {(grave, code) for grave, code, _, _ in subject.said}
    return frozenset(
        new for new in said(findings_of(subject.compiled, table, tier)) if new[:2] not in known
    )


# -- many ------------------------------------------------------------------------------------------


@dataclass
class Work:
    """What the processes share: they are forked when it is complete."""

    subjects: list[Subject] = field(default_factory=list)
    mutants: dict[str, list[tuple[int, Mutant]]] = field(default_factory=dict)
    """Kind of mutants to the mutants, each with the number of its subject."""
    variants: list[tuple[int, str, Table]] = field(default_factory=list)
    tier: int = 1


_work = Work()


def _judged(task: tuple[str, int]) -> tuple[tuple[str, int], Verdict]:
    kind, number = task
    at, mutant = _work.mutants[kind][number]
    return task, judge(_work.subjects[at], mutant, _work.tier)


def _alarmed(number: int) -> tuple[str, Said]:
    at, name, table = _work.variants[number]
    subject = _work.subjects[at]
    return f"{subject.name}, {name}", alarms(subject, table, _work.tier)


def collect(paths: Iterable[Path], kinds: Iterable[str], sample: int, seed: int, tier: int) -> Work:
    """Read the tables and make their mutants; `sample` bounds those of one operator and table."""
    work = Work(tier=tier)
    for at, path in enumerate(paths):
        one = subject(path, tier)
        work.subjects.append(one)
        for kind in kinds:
            for operator in OF_KIND[kind]:
                chance = random.Random(f"{seed} {one.name} {operator.__name__}")
                mutants = list(operator(one.table, one.text, chance))
                if sample and len(mutants) > sample:
                    mutants = chance.sample(mutants, sample)
                work.mutants.setdefault(kind, []).extend((at, mutant) for mutant in mutants)
        chance = random.Random(f"{seed} {one.name}")
        found = list(variants(one.table, one.walk, chance))
        if sample and len(found) > sample + 2:
            found = chance.sample(found, sample + 2)
        work.variants += [(at, name, table) for name, table in found]
    return work


OF_KIND: dict[str, tuple[Any, ...]] = {
    "first": OPERATORS,
    "held-out": HELD_OUT,
    "kept": KEPT,
    "second": (second_order,),
}
TITLES = {
    "first": "Single mistakes, by the 13 operators",
    "held-out": "Single mistakes, by operators held out while the first rules were written",
    "kept": "Single mistakes, by operators kept until the rules were finished",
    "second": "Two mistakes at once",
}


def run(
    work: Work, processes: int, seconds: float = 0.0
) -> tuple[dict[str, Score], list[tuple[str, Said]]]:
    """Judge the variants and then the mutants, in an order of chance, in several processes.

    After so many seconds, if not 0, those that were not judged are left out: a sample of all.
    """
    global _work
    _work = work
    found = {kind: Score() for kind in work.mutants}
    tasks = [(kind, n) for kind, mutants in work.mutants.items() for n in range(len(mutants))]
    random.Random(1).shuffle(tasks)  # so that no process is left with the slow ones
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        told = pool.map(_alarmed, range(len(work.variants)), 2)
        judged = {}
        end = time.perf_counter() + seconds
        for done, (task, verdict) in enumerate(pool.imap_unordered(_judged, tasks)):
            judged[task] = verdict
            if sys.stderr.isatty():
                print(f"\r{done + 1} of {len(tasks)}", end="", file=sys.stderr, flush=True)
            if seconds and time.perf_counter() > end:
                break
    for task in sorted(judged):
        found[task[0]].verdicts.append(judged[task])
    return found, told


def main(arguments: list[str] | None = None) -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, nargs="*", help="tables instead of all correct ones")
    parser.add_argument("--sample", type=int, default=0, help="mutants per operator and table")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop then, with a sample")
    parser.add_argument("--tier", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=OF_KIND, nargs="*", default=list(OF_KIND))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--survivors", action="store_true")
    chosen = parser.parse_args(arguments)
    paths = chosen.tables or [p for d in TABLES for p in sorted((ROOT / d).glob("*.yaml"))]
    work = collect(paths, chosen.only, chosen.sample, chosen.seed, chosen.tier)
    began = time.perf_counter()
    found, told = run(work, chosen.processes, chosen.seconds)
    seconds = time.perf_counter() - began
    print(f"\nSeeded defects on {platform.node()}, {platform.python_version()}, tier {work.tier},")
    print(f"{len(work.subjects)} tables, seed {chosen.seed}, {seconds:.0f} s")
    for kind, score in found.items():
        print(f"\n{TITLES[kind]}\n")
        print("\n".join(scores.tables(score)))
        print(f"\nby rule: {scores.rules(score)}\n{scores.times(score)}")
        if chosen.survivors:
            for verdict in score.survivors():
                told_of = f" [{', '.join(sorted(verdict.told))}]" if verdict.told else ""
                print(f"  survived: {verdict.operator}, {verdict.table}:{verdict.where}{told_of}")
    false = [(name, new) for name, news in told for new in news if new[0]]
    print(f"\nfalse alarms: {len(false)} on {len(told)} variants that mean the same")
    for name, (_, code, message, _) in false:
        print(f"  {name}: {code} {message}")
    goals = {"first": 99.0, "second": 95.0}
    return not false and all(found[k].share() >= goals[k] for k in goals if k in found)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
