"""What became of mutants, counted and printed: by table, by operator, by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant."""

    table: str
    operator: str
    where: str
    """Line, row and change, for people."""
    same: bool = False
    """It does in every configuration what the correct table does."""
    grave: frozenset[str] = frozenset()
    """Codes of the errors and warnings that the correct table does not have."""
    told: frozenset[str] = frozenset()
    """Codes of the information that the correct table does not have."""
    seconds: float = 0.0


@dataclass
class Score:
    """Verdicts, with the shares that are asked of them."""

    verdicts: list[Verdict] = field(default_factory=list)

    def of(self, choice: Callable[[Verdict], bool]) -> Score:
        return Score([verdict for verdict in self.verdicts if choice(verdict)])

    @property
    def same(self) -> int:
        return sum(verdict.same for verdict in self.verdicts)

    @property
    def defects(self) -> int:
        return len(self.verdicts) - self.same

    @property
    def found(self) -> int:
        """Defects that an error or a warning tells."""
        return sum(bool(v.grave) for v in self.verdicts if not v.same)

    @property
    def found_or_told(self) -> int:
        """Defects that any finding tells, information included."""
        return sum(bool(v.grave or v.told) for v in self.verdicts if not v.same)

    def share(self) -> float:
        return 100.0 * self.found / self.defects if self.defects else 100.0

    def share_told(self) -> float:
        return 100.0 * self.found_or_told / self.defects if self.defects else 100.0

    def survivors(self) -> list[Verdict]:
        return [v for v in self.verdicts if not (v.same or v.grave)]


HEAD = f"{'':<24}{'made':>7}{'same':>7}{'defects':>9}{'found':>7}{'share':>9}{'with info':>11}"


def line(name: str, score: Score) -> str:
    return (
        f"{name:<24}{len(score.verdicts):>7}{score.same:>7}{score.defects:>9}{score.found:>7}"
        f"{score.share():>8.1f}%{score.share_told():>10.1f}%"
    )


def tables(score: Score) -> Iterable[str]:
    """Yield one line for each table, one for each operator, and the whole."""
    yield HEAD
    for name in dict.fromkeys(v.table for v in score.verdicts):
        yield line(name, score.of(lambda v, name=name: v.table == name))
    operators = list(dict.fromkeys(v.operator for v in score.verdicts))
    if len(operators) > 1:
        yield ""
        for name in operators:
            yield line(name, score.of(lambda v, name=name: v.operator == name))
        yield ""
    yield line("all", score)


def rules(score: Score) -> str:
    """Name each code with the defects it found, and those that no other code found."""
    found: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for verdict in score.verdicts:
        if not verdict.same:
            found.update(verdict.grave)
            alone.update(verdict.grave if len(verdict.grave) == 1 else ())
    return ", ".join(f"{code} {n} ({alone[code]} alone)" for code, n in found.most_common())


def times(score: Score) -> str:
    ordered = sorted(v.seconds for v in score.verdicts if v.seconds) or [0.0]
    middle = ordered[len(ordered) // 2]
    return f"time per mutant: median {middle:.2f} s, most {ordered[-1]:.2f} s"
