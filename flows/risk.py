"""How much can go wrong with a change, told from the change itself: a class, and the reasons.

    found = risk(old, new, changes(old, new))
    found.level                  # none, low, medium or high: the gravest of the reasons
    [r.words for r in found.reasons]

The class says how many people should look before calls take the change; it is no verdict on it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flows.changes import ADDED, REMOVED, ROW, STATE, Change, Changes
from flows.check.liveness import components
from flows.findings import Finding, Severity
from flows.pairing import Pairing
from flows.phrases import short_event
from flows.table import ANY_STATE, Row, Table
from flows.vocabulary import ACTIONS, EVENTS, OUTCOMES

NONE, LOW, MEDIUM, HIGH = "none", "low", "medium", "high"
LEVELS = (NONE, LOW, MEDIUM, HIGH)

_MEDIA_GROUPS = frozenset(("Media", "Description"))
_ENDING = frozenset(("SendBYE", "SendCANCEL"))
_REFUSAL = 300
_EMERGENCY = re.compile(
    r"(?<![\w.+])(?:112|911|999|000|110|113|115|117|118|119|122|133|144)(?!\w)"
    r"|urn:service:sos|emergency|\bsos\b",
    re.IGNORECASE,
)
"""Numbers and names of emergency services (RFC 5031; national numbers in wide use)."""
_NUMBER = re.compile(r'"[^"]*\d{2,}[^"]*"|"[+*#?\d][^"]*"')
"""A string of a guard that looks like a number or a pattern of one."""
_NUMBERED = frozenset(("to", "from", "target", "digits", "refer_to"))
"""Fields of events that carry numbers."""
_LOOKED_AT = frozenset((Severity.ERROR, Severity.WARNING))


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing about a change that makes it worth looking at."""

    level: str
    kind: str
    """Such as `ends calls`, `media`, `timer`: the same word for the same sort of thing."""
    words: str
    """One sentence."""
    change: int | None = None
    """Which of `Changes.real` it speaks of; None: of the flow."""


@dataclass(frozen=True, slots=True)
class Risk:
    """The class of a change, and why: the gravest reason first."""

    level: str
    reasons: tuple[Reason, ...] = ()

    @property
    def words(self) -> str:
        """The gravest reasons in a few words, as they stand behind a number of people."""
        if not self.reasons:
            return "nothing that calls notice changed"
        gravest = dict.fromkeys(r.kind for r in self.reasons if r.level == self.level)
        return ", ".join(gravest)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "level": self.level,
            "words": self.words,
            "reasons": [asdict(reason) for reason in self.reasons],
        }


def risk(
    old: Table | None,
    new: Table,
    found: Changes | None,
    findings: tuple[Sequence[Finding], Sequence[Finding]] = ((), ()),
) -> Risk:
    """Judge a change; without an old table all of the new one is new. Never raises.

    `findings` are what the checker said of the old and of the new text.
    """
    if old is None or found is None:
        return _sorted([Reason(MEDIUM, "first version", "Nothing of this flow took calls before.")])
    reasons = [*_of_changes(old, new, found), *_loops(old, new, found.pairing), *_found(*findings)]
    return _sorted(reasons)


def _sorted(reasons: Iterable[Reason]) -> Risk:
    ordered = sorted(dict.fromkeys(reasons), key=lambda r: -LEVELS.index(r.level))
    return Risk(ordered[0].level if ordered else NONE, tuple(ordered))


# -- the changes one by one ------------------------------------------------------------------------


def _of_changes(old: Table, new: Table, found: Changes) -> Iterator[Reason]:
    for number, change in enumerate(found.real):
        told = list(_of_change(old, new, found, change))
        if not told:
            told = [(LOW, "rows" if change.subject == ROW else change.subject, change.title)]
        for level, kind, words in told:
            yield Reason(level, kind, words, number)


def _of_change(
    old: Table, new: Table, found: Changes, change: Change
) -> Iterator[tuple[str, str, str]]:
    if change.subject == STATE:
        yield from _of_state(change)
    elif change.subject == ROW:
        rows = _Rows(old, new, change)
        yield from _ends(rows)
        yield from _emergency(rows, old, new)
        yield from _answers(rows)
        yield from _media(rows)
        yield from _timer(rows)
        yield from _gone(rows, found)
    elif change.title == "Beginning":
        yield HIGH, "beginning", change.words
    elif change.title == "Features" and _EMERGENCY.search(change.words):
        yield HIGH, "emergency", change.words


class _Rows:
    """The old and the new row of a change, with what ends calls in either text."""

    def __init__(self, old: Table, new: Table, change: Change) -> None:
        self.title = change.title
        self.how = change.how
        self.kinds = {aspect.kind for aspect in change.aspects}
        self.old = None if change.old_row is None else old.rows[change.old_row]
        self.new = None if change.new_row is None else new.rows[change.new_row]
        self.pairs: tuple[tuple[Row | None, Table], ...] = ((self.old, old), (self.new, new))

    @property
    def both(self) -> list[Row]:
        return [row for row, _ in self.pairs if row is not None]

    @property
    def verb(self) -> str:
        return {ADDED: "is new", REMOVED: "is gone"}.get(self.how, "changed")


def _of_state(change: Change) -> Iterator[tuple[str, str, str]]:
    kinds = {aspect.kind for aspect in change.aspects}
    if "final" in kinds:
        yield HIGH, "a state that ends calls changed", change.words
    elif change.how == REMOVED:
        yield (
            HIGH,
            "a state is gone",
            f"{change.title} is gone: calls that wait there have no place.",
        )
    elif "ignore" in kinds:
        yield MEDIUM, "events ignored", change.words


def _ends(rows: _Rows) -> Iterator[tuple[str, str, str]]:
    if any(_is_end(row, table) for row, table in rows.pairs if row is not None):
        words = f"{rows.title}: a row that ends calls {rows.verb}."
        yield HIGH, f"a row that ends calls {rows.verb}", words


def _is_end(row: Row, table: Table) -> bool:
    target = table.states.get(row.next_state) if row.next_state is not None else None
    names = {word.name for word in row.actions}
    return (
        (target is not None and target.final)
        or bool(names & _ENDING)
        or any(name in OUTCOMES for name in row.publish)
    )


def _emergency(rows: _Rows, old: Table, new: Table) -> Iterator[tuple[str, str, str]]:
    said = " ".join([rows.title, *(_written(row) for row in rows.both)])
    if any("emergency" in table.features for table in (old, new)):
        yield HIGH, "emergency calls", f"{rows.title}: the flow takes emergency calls."
    elif _EMERGENCY.search(said):
        yield HIGH, "emergency calls", f"{rows.title}: it names an emergency number or service."
    elif any(_numbered(row) for row in rows.both):
        yield MEDIUM, "number patterns", f"{rows.title}: it tells calls apart by their numbers."


def _written(row: Row) -> str:
    words = [guard.text for guard in row.guards]
    words += [v for word in row.actions for v in word.arguments.values() if isinstance(v, str)]
    return " ".join([row.from_state, row.next_state or "", *words])


def _numbered(row: Row) -> bool:
    return any(
        guard.expression.fields & _NUMBERED and _NUMBER.search(guard.text) for guard in row.guards
    )


def _answers(rows: _Rows) -> Iterator[tuple[str, str, str]]:
    before, after = (_codes(row) for row, _ in rows.pairs)
    if before == after:
        return
    changed = sorted((before - after) + (after - before))
    if any(code >= _REFUSAL for code in changed):
        yield MEDIUM, "a refusal changed", f"{rows.title}: {_now(before, after)}"
    else:
        yield MEDIUM, "an answer changed", f"{rows.title}: {_now(before, after)}"


def _codes(row: Row | None) -> Counter[int]:
    found: Counter[int] = Counter()
    for word in row.actions if row is not None else ():
        code = word.arguments.get("code")
        if ACTIONS[word.name].sends == "response" and isinstance(code, int):
            found[code] += 1
    return found


def _now(before: Counter[int], after: Counter[int]) -> str:
    one, two = (" and ".join(map(str, sorted(codes))) for codes in (before, after))
    if not one:
        return f"it answers {two} now."
    return f"it answers {two} instead of {one}." if two else f"it no longer answers {one}."


def _media(rows: _Rows) -> Iterator[tuple[str, str, str]]:
    """Rows whose doings with the media are otherwise; one that was only moved is not."""
    before, after = (_media_words(row) for row, _ in rows.pairs)
    if before != after:
        yield MEDIUM, "media changed", f"{rows.title}: what it does with the media changed."


def _media_words(row: Row | None) -> list[tuple[str, str]]:
    return [
        (word.name, str(sorted(word.arguments.items(), key=str)))
        for word in (row.actions if row is not None else ())
        if ACTIONS[word.name].group in _MEDIA_GROUPS
    ]


def _timer(rows: _Rows) -> Iterator[tuple[str, str, str]]:
    before, after = rows.old, rows.new
    if before is None or after is None or before.after is None or after.after is None:
        return
    if after.after < before.after:
        words = f"{rows.title}: the wait is shorter than before, which was {before.label}."
        yield MEDIUM, "a wait is shorter", words


def _gone(rows: _Rows, found: Changes) -> Iterator[tuple[str, str, str]]:
    row = rows.old
    if rows.how != REMOVED or row is None:
        return
    taken = any(
        change.how == ADDED
        and change.new_state == found.pairing.now(row.from_state)
        and change.title == rows.title
        for change in found.real
    )
    if not taken and _comes_from_outside(row):
        event = short_event(row)
        yield (
            HIGH,
            "an event lost its row",
            f"{rows.title}: the row that took {event} there is gone.",
        )
    else:
        yield MEDIUM, "a row is gone", f"{rows.title}: the row is gone."


def _comes_from_outside(row: Row) -> bool:
    word = EVENTS.get(row.event)
    return word is not None and row.ignore is None and bool(word.owes or word.user)


# -- what a call can do without anybody ------------------------------------------------------------


def _loops(old: Table, new: Table, pairing: Pairing) -> Iterator[Reason]:
    """A circle of waits that nothing counts and nothing leaves by itself, and that is new."""
    before = {frozenset(pairing.now(name) for name in circle) for circle in _circles(old)}
    for circle in _circles(new):
        if circle not in before:
            names = ", ".join(sorted(circle))
            words = f"A call can go round for ever by its timers alone: {names}."
            yield Reason(HIGH, "an endless loop", words)


def _circles(table: Table) -> list[frozenset[str]]:
    """Sets of states that unguarded timers lead round in."""
    places = [state.name for state in table.states.values() if not state.final]
    edges = [
        (source, row.next_state)
        for row in table.rows
        if row.after is not None and not row.guards and row.next_state is not None
        for source in (places if row.from_state == ANY_STATE else [row.from_state])
    ]
    numbers = {name: at for at, name in enumerate(table.states)}
    component = components([(numbers[a], numbers[b]) for a, b in edges])
    together: dict[int, set[str]] = {}
    for name, number in numbers.items():
        together.setdefault(component.get(number, -1 - number), set()).add(name)
    alone = {a for a, b in edges if a == b}
    return [frozenset(c) for c in together.values() if len(c) > 1 or c & alone]


# -- what the checker says -------------------------------------------------------------------------


def _found(before: Sequence[Finding], after: Sequence[Finding]) -> Iterator[Reason]:
    """Findings there were fewer of; where they stand changes with the text, how many does not."""
    was, now = _graded(before), _graded(after)
    for code, findings in now.items():
        more = len(findings) - len(was.get(code, ()))
        if more > 0:
            grave = any(f.severity is Severity.ERROR for f in findings)
            noun = "error" if grave else "warning"
            words = f"{more} new {noun}{'s' if more != 1 else ''} of {code}: {findings[0].message}"
            yield Reason(HIGH if grave else MEDIUM, f"a new {noun}", words)


def _graded(findings: Sequence[Finding]) -> Mapping[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity in _LOOKED_AT:
            found.setdefault(finding.code, []).append(finding)
    return found
