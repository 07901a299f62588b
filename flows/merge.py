"""Two people's changes to one text put together, part by part: head fields, states and rows.

    merged = merge(base, mine, theirs)
    merged.text, merged.conflicts          # conflicts stand as `mine` until somebody decides
    merge(base, mine, theirs, {"row answer": "theirs"})

A part that one side changed is taken from that side; where both did, the same change is taken once
and different ones are a conflict. Lines that neither side touched stay as they are, comments too.
The result is only text: whoever takes it has it checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from flows.cut import HEAD, ROW, STATE, Cut, Part, Uncuttable, cut, cuttable

MINE, THEIRS, BOTH = "mine", "theirs", "both"
ORDER = "order"
ALIKE = 0.72
"""From this share of equal characters on, a row that was changed in all its fields is still it."""
MOST_COMPARED = 400


class MergeRefused(ValueError):
    """One of the texts cannot be taken apart; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A part that both sides changed, each otherwise."""

    key: str
    """`row ID`, `state NAME`, `head FIELD`; `order` of a kind of parts."""
    kind: str
    name: str
    base: str | None
    """None where it is not there: not yet, or not any more."""
    mine: str | None
    theirs: str | None
    both: bool = False
    """Whether keeping both makes sense."""


@dataclass(frozen=True, slots=True)
class Change:
    """A part that was taken over from them without a question."""

    kind: str
    name: str
    how: str
    """`added`, `changed` or `removed`."""


@dataclass(slots=True)
class Merged:
    text: str
    conflicts: list[Conflict] = field(default_factory=list)
    taken: list[Change] = field(default_factory=list)
    kept: list[Change] = field(default_factory=list)
    """The same of mine."""


def merge(base: str, mine: str, theirs: str, choices: Mapping[str, str] | None = None) -> Merged:
    """Merge two texts that began as `base`; raises MergeRefused, and nothing else."""
    if mine == theirs or theirs == base:
        return Merged(mine)
    if mine == base:
        return Merged(theirs)
    return _Merge(_cuts(base, mine, theirs), choices or {}).merged()


def _cuts(base: str, mine: str, theirs: str) -> tuple[Cut, Cut, Cut]:
    names = ("the version both began with", "your text", "the newer version")
    try:
        done = []
        for name, text in zip(names, (base, mine, theirs), strict=True):
            who = name
            done.append(cut(text))
        whole = frozenset(
            name
            for name in ("states", "transitions")
            if not all(cuttable(text, name) for text in (base, mine, theirs))
        )
        if whole:
            done = [cut(text, whole=whole) for text in (base, mine, theirs)]
    except Uncuttable as problem:
        raise MergeRefused(f"In {who}, {problem}") from None
    if any(each.heads for each in done) and any(each.rows and not each.heads for each in done):
        raise MergeRefused("One text is a bare list of rows and the other has a head.")
    return done[0], done[1], done[2]


class _Merge:
    def __init__(self, cuts: tuple[Cut, Cut, Cut], choices: Mapping[str, str]) -> None:
        self.base, self.mine, self.theirs = cuts
        self.choices = choices
        self.done = Merged("")
        self._left = ""
        """Comments of parts that are gone, behind which none follows."""

    def merged(self) -> Merged:
        base, mine, theirs = self.base, self.mine, self.theirs
        result = Cut(
            self._parts(HEAD, base.heads, mine.heads, theirs.heads),
            self._parts(STATE, base.states, mine.states, theirs.states),
            self._parts(
                ROW, base.rows, _known(base.rows, mine.rows), _known(base.rows, theirs.rows)
            ),
            self._left + _either(base.tail, mine.tail, theirs.tail),
        )
        self._open_headers(result)
        _end_lines(result)
        self.done.text = result.text
        return self.done

    def _parts(
        self, kind: str, base: list[Part], mine: list[Part], theirs: list[Part]
    ) -> list[Part]:
        of_base, of_mine, of_theirs = (_by_key(parts) for parts in (base, mine, theirs))
        out: list[Part] = []
        left = ""
        for key in self._order(kind, list(of_base), list(of_mine), list(of_theirs)):
            sides = of_base.get(key), of_mine.get(key), of_theirs.get(key)
            found = self._part(kind, key, *sides)
            if not found:
                left += _inherited(*sides)
            elif left:
                first = found[0]
                found[0] = Part(first.kind, first.key, left + first.lead, first.body, first.about)
                left = ""
            out += found
        self._left += left
        return out

    def _part(
        self, kind: str, key: str, base: Part | None, mine: Part | None, theirs: Part | None
    ) -> list[Part]:
        b, m, t = (None if p is None else p.body.rstrip("\r\n") for p in (base, mine, theirs))
        if m == t or t == b:
            if m != t:
                self.done.kept.append(Change(kind, key, _how(b, m)))
            return _led(mine, base, theirs)
        if m == b:
            self.done.taken.append(Change(kind, key, _how(b, t)))
            return _led(theirs, base, mine)
        both = kind == ROW and m is not None and t is not None
        conflict = Conflict(f"{kind} {key}", kind, key, b, m, t, both)
        self.done.conflicts.append(conflict)
        match self.choices.get(conflict.key, MINE):
            case "theirs":
                return _led(theirs, base, mine)
            case "both" if both:
                assert mine is not None and theirs is not None
                second = Part(kind, f"{key} (mine)", "", mine.body, mine.about)
                return [*_led(theirs, base, mine), second]
        return _led(mine, base, theirs)

    def _order(self, kind: str, base: list[str], mine: list[str], theirs: list[str]) -> list[str]:
        """Put the keys of all three in one order: that of the side which moved some."""
        first, second = mine, theirs
        if _moved(base, theirs):
            if _moved(base, mine) and _common(mine, theirs) != _common(theirs, mine):
                key = f"{ORDER} {kind}"
                one, two, three = (" · ".join(_common(s, base)) for s in (base, mine, theirs))
                self.done.conflicts.append(Conflict(key, ORDER, f"{kind}s", one, two, three))
                if self.choices.get(key) == THEIRS:
                    first, second = theirs, mine
            else:
                first, second = theirs, mine
        order = list(first)
        for other in (second, base):
            _insert(order, other)
        return order

    def _open_headers(self, result: Cut) -> None:
        """See to it that `transitions: []` does not stand above rows that came from elsewhere."""
        for name, parts in (("states", result.states), ("transitions", result.rows)):
            for at, head in enumerate(result.heads):
                if head.key != name or not parts or not head.body.split(":", 1)[1].strip():
                    continue
                sides = (self.mine, self.theirs, self.base)
                others = [h for side in sides for h in side.heads if h.key == name]
                opened = [h for h in others if not h.body.split(":", 1)[1].split("#")[0].strip()]
                if opened:
                    result.heads[at] = Part(HEAD, name, head.lead, opened[0].body)


def _how(before: str | None, after: str | None) -> str:
    return "added" if before is None else "removed" if after is None else "changed"


def _led(part: Part | None, base: Part | None, other: Part | None) -> list[Part]:
    """Return the part with what stands before it merged as well: comments and blank lines."""
    if part is None:
        return []
    if base is None or other is None:
        return [part]
    lead = _either(base.lead, part.lead, other.lead)
    return [Part(part.kind, part.key, lead, part.body, part.about)]


def _inherited(base: Part | None, mine: Part | None, theirs: Part | None) -> str:
    """Return what a part that is gone had inherited from the one before it, gone on one side.

    A comment above a part that is removed stays, above the next one: where the other side removes
    that one, the comment is nobody's but still there.
    """
    kept = mine or theirs
    if base is None or kept is None or not kept.lead.endswith(base.lead):
        return ""
    return kept.lead[: len(kept.lead) - len(base.lead)]


def _either(base: str, mine: str, theirs: str) -> str:
    return theirs if mine == base else mine


def _by_key(parts: list[Part]) -> dict[str, Part]:
    return {part.key: part for part in parts}


def _common(keys: list[str], others: list[str]) -> list[str]:
    known = set(others)
    return [key for key in keys if key in known]


def _moved(base: list[str], side: list[str]) -> bool:
    return _common(base, side) != _common(side, base)


def _insert(order: list[str], other: list[str]) -> None:
    """Put in the keys that only the other list has, each behind the key before it there."""
    known = set(order)
    before: str | None = None
    for key in other:
        if key not in known:
            at = 0 if before is None else order.index(before) + 1
            order.insert(at, key)
            known.add(key)
        before = key


def _known(base: list[Part], side: list[Part]) -> list[Part]:
    """Give the rows of one side the keys of the base's rows that they once were.

    Rows of the same identity are the same; then those that alone answer the same event in the same
    state and role; then those that read almost the same.
    """
    left = {part.key: part for part in base}
    names: dict[int, str] = {}
    for at, part in enumerate(side):
        if left.pop(part.key, None) is not None:
            names[at] = part.key
    for at, part in enumerate(side):
        if at in names:
            continue
        alike = [key for key, old in left.items() if old.about == part.about]
        twins = [i for i, p in enumerate(side) if i not in names and p.about == part.about]
        if len(alike) == 1 and len(twins) == 1:
            names[at] = alike[0]
            del left[alike[0]]
    if len(left) * (len(side) - len(names)) <= MOST_COMPARED:
        for at, part in enumerate(side):
            if at not in names and (near := _nearest(part, left)):
                names[at] = near
                del left[near]
    taken = set(names.values())
    return [
        Part(ROW, names.get(at) or _free(p.key, taken), p.lead, p.body, p.about)
        for at, p in enumerate(side)
    ]


def _nearest(part: Part, left: Mapping[str, Part]) -> str:
    best, name = ALIKE, ""
    for key, old in left.items():
        share = SequenceMatcher(None, old.body, part.body, autojunk=False).ratio()
        if share > best:
            best, name = share, key
    return name


def _free(key: str, taken: set[str]) -> str:
    name = key
    while name in taken:
        name += "'"
    taken.add(name)
    return name


def _end_lines(result: Cut) -> None:
    """End every line but the last one of the text, which may have stood last before."""
    lists = [result.heads, result.states, result.rows]
    eol = "\r\n" if any("\r\n" in p.body for parts in lists for p in parts) else "\n"
    open_ended = [
        (parts, at)
        for parts in lists
        for at, part in enumerate(parts)
        if not part.body.endswith(("\n", "\r"))
    ]
    if not open_ended:
        return
    last = _last_of(result)
    for parts, at in open_ended:
        part = parts[at]
        if part is not last:
            parts[at] = Part(part.kind, part.key, part.lead, part.body + eol, part.about)


def _last_of(result: Cut) -> Part | None:
    if result.tail:
        return None
    if not result.heads:
        return result.rows[-1] if result.rows else None
    head = result.heads[-1]
    below = {"states": result.states, "transitions": result.rows}.get(head.key) or [head]
    return below[-1]
