"""A statechart as other tools write it, on its way to a flat state table.

Readers (SCXML, XState) fill a `Chart`; `flattened` makes rows of it. A session is in one state at a
time: a nested state becomes its innermost states, each with the rows of those around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

KEPT, CHANGED, LOST = "kept", "changed", "lost"
MOST_STATES = 2000
MOST_ROWS = 10_000
DEEPEST = 32


class ImportRefused(ValueError):
    """The text is no chart that can be read; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one element of the original."""

    line: int
    """In the original, from 1."""
    element: str
    verdict: str
    """`kept`, `changed` or `lost`."""
    message: str


@dataclass(frozen=True, slots=True)
class Deed:
    """One action: its name and its parameters, as the original has them."""

    name: str
    arguments: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Effects:
    """What happens on the way: actions, changes of variables, published events."""

    deeds: list[Deed] = field(default_factory=list)
    set: dict[str, str] = field(default_factory=dict)
    publish: list[str] = field(default_factory=list)

    def __add__(self, other: Effects) -> Effects:
        return Effects(
            [*self.deeds, *other.deeds],
            {**self.set, **other.set},
            [*self.publish, *other.publish],
        )


@dataclass(slots=True)
class Way:
    """One transition of the chart."""

    event: str
    after: float | None
    """Seconds, for a delayed transition."""
    guard: str
    effects: Effects
    target: ChartState | None
    """None stays."""
    line: int
    description: str = ""


@dataclass(slots=True, eq=False)
class ChartState:
    name: str
    parent: ChartState | None
    line: int
    final: bool = False
    initial: ChartState | None = None
    children: list[ChartState] = field(default_factory=list)
    entry: Effects = field(default_factory=Effects)
    exit: Effects = field(default_factory=Effects)
    ways: list[Way] = field(default_factory=list)
    description: str = ""

    @property
    def around(self) -> list[ChartState]:
        """The states around this one, itself first, without the root."""
        states: list[ChartState] = []
        state: ChartState | None = self
        while state is not None and state.parent is not None:
            states.append(state)
            state = state.parent
        return states

    def leaf(self) -> ChartState:
        """The innermost state that is entered with this one."""
        state, seen = self, 0
        while state.children and seen < DEEPEST:
            state = state.initial if state.initial in state.children else state.children[0]
            assert state is not None
            seen += 1
        return state

    def leaves(self) -> Iterator[ChartState]:
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@dataclass(slots=True)
class FlatRow:
    """One row as it will be written; `state` is None for a row of any state."""

    state: ChartState | None
    event: str
    after: float | None
    guard: str
    effects: Effects
    target: ChartState | None
    line: int
    description: str


@dataclass(slots=True)
class Chart:
    """A chart that was read."""

    dialect: str
    name: str
    root: ChartState
    description: str = ""
    variables: dict[str, object] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    def tell(self, line: int, element: str, verdict: str, message: str) -> None:
        self.told.append(Told(line, element, verdict, message))


def flattened(chart: Chart) -> list[FlatRow]:
    """Return the rows of a chart, those of inner states before those around them."""
    rows: list[FlatRow] = []
    nested = {state for leaf in chart.root.leaves() for state in leaf.around[1:]}
    for state in sorted(nested, key=lambda state: state.line):
        names = ", ".join(leaf.name for leaf in state.leaves())
        chart.tell(
            state.line, f"state {state.name}", CHANGED,
            f"It has states inside; each of them ({names}) carries its transitions now.",
        )  # fmt: skip
    for leaf in chart.root.leaves():
        for state in leaf.around:
            rows += [_row(leaf, way) for way in state.ways if not leaf.final]
        if len(rows) > MOST_ROWS:
            raise ImportRefused(f"The chart makes more than {MOST_ROWS} rows; split it.")
    rows += [_row(None, way) for way in chart.root.ways]
    return rows


def _row(leaf: ChartState | None, way: Way) -> FlatRow:
    target = way.target.leaf() if way.target is not None else None
    effects = way.effects
    if target is not None and leaf is not None:
        effects = _left(leaf, target) + effects + _entered(leaf, target)
    elif target is not None:
        effects = effects + _entered(None, target)
    return FlatRow(
        leaf, way.event, way.after, way.guard, effects, target, way.line, way.description
    )


def _left(leaf: ChartState, target: ChartState) -> Effects:
    stays = set(target.around) - {leaf}
    done = Effects()
    for state in leaf.around:
        if state not in stays:
            done = done + state.exit
    return done


def _entered(leaf: ChartState | None, target: ChartState) -> Effects:
    stays = set(leaf.around) - {leaf} if leaf is not None else set()
    done = Effects()
    for state in reversed(target.around):
        if state not in stays:
            done = done + state.entry
    return done
