"""What is said of a change: sentences for people who do not read tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.phrases import summary_of
from flows.table import ANY_STATE, Row, State, Word

Now = Callable[[str | None], str | None]
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing that is otherwise, in a sentence."""

    kind: str
    """Such as `retargeted`, `guards`, `timer`, `action order`."""
    words: str
    before: str = ""
    after: str = ""
    """The two values, where they are short enough to stand side by side."""
    cosmetic: bool = False


def place(state: str) -> str:
    return "any state" if state == ANY_STATE else state


def title(row: Row) -> str:
    """Name a row: `OnHold, on HangupCall`."""
    when = row.label if row.after is not None else f"on {row.label}"
    role = "" if row.role == "Both" else f" ({row.role})"
    where = place(row.from_state)
    return f"{where[:1].upper()}{where[1:]}, {when}{role}"


def plain(value: Any) -> str:
    """Write a value of the table in a line, the same for equal values."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(plain, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value is None else str(value)


# -- rows as a whole -------------------------------------------------------------------------------


def new_row(row: Row, others: int) -> Aspect:
    """Say what a new row does, and whether its event met no row before."""
    before = "" if others or row.after is not None else " Before, no row took this event there."
    return Aspect("added", f"New{_says(row)}{before}")


def gone_row(row: Row, others: int) -> Aspect:
    """Say what no longer happens, and whether anything still takes the event."""
    rest = "" if others else " Nothing waits for it now." if row.after is not None else (
        " No row takes this event there any more."
    )  # fmt: skip
    return Aspect("removed", f"Gone{_says(row)}{rest}")


def _says(row: Row) -> str:
    """What a row does: `, if MediaReady: re-INVITE sendonly; the call goes to Holding.`"""
    condition = f", if {_and(g.text for g in row.guards)}" if row.guards else ""
    if row.ignore is not None:
        return f"{condition}: the event is ignored on purpose, {row.ignore.rstrip('.')}."
    does = summary_of(row)
    return f"{condition}: {does + '; ' if does else ''}the call {_leads(row)}."


def _leads(row: Row) -> str:
    target = row.next_state
    if target is None:
        return "stays where it is" if row.from_state == ANY_STATE else f"stays in {row.from_state}"
    return f"enters {target} anew" if target == row.from_state else f"goes to {target}"


def _and(texts: Any) -> str:
    return " and ".join(texts)


# -- one row before and after ----------------------------------------------------------------------


def row(old: Row, new: Row, now: Now) -> Iterator[Aspect]:
    """Yield all that differs between a row and what became of it, what matters first."""
    yield from _stands(old, new, now)
    yield from _guards(old, new)
    if now(old.next_state) != new.next_state:
        yield _retargeted(old, new)
    yield from _actions(old.actions, new.actions)
    yield from _set(old, new)
    yield from _published(old.publish, new.publish)
    yield from _ignored(old, new)
    if _waived(old) != _waived(new):
        yield Aspect("waivers", "Other findings are accepted on this row.")
    if old.id != new.id:
        said = f"The row is called {new.id or 'nothing'} instead of {old.id or 'nothing'}."
        yield Aspect("id", said, old.id, new.id, cosmetic=True)
    yield from description(old.description, new.description)


def _waived(row: Row) -> list[tuple[str, str, str]]:
    return sorted((waiver.code, waiver.reason, waiver.until) for waiver in row.waive)


def _stands(old: Row, new: Row, now: Now) -> Iterator[Aspect]:
    if now(old.from_state) != new.from_state:
        one, two = place(old.from_state), place(new.from_state)
        yield Aspect("moved", f"It holds in {two} now, no longer in {one}.", one, two)
    if old.role != new.role:
        yield Aspect("role", f"It is for {_who(new)} now, no longer for {_who(old)}.", old.role,
                     new.role)  # fmt: skip
    if old.event == new.event and old.label != new.label:
        longer = "longer" if (new.after or 0) > (old.after or 0) else "shorter"
        one, two = (row.label.removeprefix("after ") for row in (old, new))
        yield Aspect("timer", f"The wait is {longer}: {two} instead of {one}.", one, two)
    elif old.label != new.label:
        said = f"It answers {new.label} now, no longer {old.label}."
        yield Aspect("event", said, old.label, new.label)


def _who(row: Row) -> str:
    return {"UAC": "calls we make", "UAS": "calls we take"}.get(row.role, "both roles")


def _guards(old: Row, new: Row) -> Iterator[Aspect]:
    one, two = [g.text for g in old.guards], [g.text for g in new.guards]
    if one == two:
        return
    if sorted(one) == sorted(two):
        said = "The conditions stand in another order; all of them must hold, as before."
        yield Aspect("guards", said, cosmetic=True)
        return
    if not two:
        said = f"It always fires now; before, only if {_and(one)}."
    elif not one:
        said = f"It fires only if {_and(two)}; before, always."
    else:
        said = f"It fires if {_and(two)}; before, if {_and(one)}."
    yield Aspect("guards", said, _and(one), _and(two))


def _retargeted(old: Row, new: Row) -> Aspect:
    one, two = old.next_state or old.from_state, new.next_state or new.from_state
    if new.next_state is None:
        said = f"The call stays in {place(two)}; before, it went to {one}."
    elif old.next_state is None:
        said = f"The call goes to {two}; before, it stayed in {place(one)}."
    else:
        said = f"The call goes to {two} instead of {one}."
    if one == two:
        # To name the own state leaves and enters it: its timers begin again.
        anew = new.next_state is not None
        said = f"The call {'enters' if anew else 'stays in'} {two}: its timers "
        said += "begin again; before, they ran on." if anew else "run on; before, they began again."
        return Aspect("retargeted", said)
    return Aspect("retargeted", said, one, two)


def _actions(old: Sequence[Word], new: Sequence[Word]) -> Iterator[Aspect]:
    one, two = list(map(_action, old)), list(map(_action, new))
    if one == two:
        return
    gone, fresh = Counter(one) - Counter(two), Counter(two) - Counter(one)
    if not gone and not fresh:
        said = f"The actions run in another order: {', then '.join(two)}."
        yield Aspect("action order", said, ", ".join(one), ", ".join(two))
        return
    told = []
    if fresh:
        told.append(f"It now does {', '.join(fresh.elements())}.")
    if gone:
        told.append(f"It no longer does {', '.join(gone.elements())}.")
    yield Aspect("actions", " ".join(told), ", ".join(one), ", ".join(two))


def _action(word: Word) -> str:
    arguments = {name: value for name, value in word.arguments.items() if value is not None}
    return f"{word.name} ({plain(arguments)})" if arguments else word.name


def _set(old: Row, new: Row) -> Iterator[Aspect]:
    one, two = ([f"{name} = {e.text}" for name, e in row.set] for row in (old, new))
    if one == two:
        return
    if sorted(one) == sorted(two):
        yield Aspect("set", "Variables are set in another order, with the same result.",
                     cosmetic=True)  # fmt: skip
        return
    said = f"It sets {', '.join(two) or 'no variable'}; before, {', '.join(one) or 'none'}."
    yield Aspect("set", said, ", ".join(one), ", ".join(two))


def _published(old: Sequence[str], new: Sequence[str]) -> Iterator[Aspect]:
    if old == new:
        return
    gone, fresh = Counter(old) - Counter(new), Counter(new) - Counter(old)
    if not gone and not fresh:
        said = f"Others are told in another order: {', then '.join(new)}."
    else:
        told = [f"tells others {', '.join(fresh.elements())}"] if fresh else []
        told += [f"no longer tells others {', '.join(gone.elements())}"] if gone else []
        said = f"It {' and '.join(told)}."
    yield Aspect("published", said, ", ".join(old), ", ".join(new))


def _ignored(old: Row, new: Row) -> Iterator[Aspect]:
    if old.ignore == new.ignore:
        return
    if old.ignore is not None and new.ignore is not None:
        said = "The event is ignored for another reason."
        yield Aspect("ignore", said, old.ignore, new.ignore, cosmetic=True)
    elif new.ignore is not None:
        yield Aspect("ignore", f"The event is ignored on purpose now: {new.ignore.rstrip('.')}.")
    else:
        yield Aspect("ignore", "The event is no longer ignored.")


def order(row: Row, other: int) -> Aspect:
    """Say that a row is now tried before one that was tried before it."""
    return Aspect("order", f"It is tried before row {other + 1} now; before, after it.")


# -- states and head -------------------------------------------------------------------------------


def new_state(state: State, rows: int) -> Aspect:
    if state.final:
        return Aspect("added", f"New: calls can end in {state.name}.")
    return Aspect("added", f"New, with {_counted(rows, 'row')}.")


def gone_state(state: State, rows: int) -> Aspect:
    if state.final:
        return Aspect("removed", f"No call ends in {state.name} any more.")
    return Aspect("removed", f"It is gone, and {_counted(rows, 'row')} of it.")


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def moved_group(name: str, old: str, new: str) -> Aspect:
    if not new:
        return Aspect("group", f"{name} is in no group any more; before, in {old}.", old, new)
    before = f", no longer to {old}" if old else ""
    return Aspect("group", f"{name} belongs to the group {new}{before}.", old, new)


def ignored(state: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Aspect]:
    """Yield what is ignored in a state now, what no longer, and what for another reason."""
    for event in new:
        if event not in old:
            said = f"{event} in {state} is ignored on purpose: {new[event].rstrip('.')}."
            yield Aspect("ignore", said)
        elif old[event] != new[event]:
            said = f"{event} in {state} is ignored for another reason."
            yield Aspect("ignore", said, old[event], new[event], cosmetic=True)
    for event in old:
        if event not in new:
            yield Aspect("ignore", f"{event} in {state} is no longer ignored.")


def description(old: str, new: str) -> Iterator[Aspect]:
    if old != new:
        said = "Its description reads otherwise." if new and old else (
            "It has a description now." if new else "Its description is gone."
        )  # fmt: skip
        yield Aspect("description", said, _cut(old), _cut(new), cosmetic=True)


def value(kind: str, what: str, old: str, new: str) -> Iterator[Aspect]:
    if old != new:
        yield Aspect(kind, f"{what} is {new or 'empty'}, no longer {old or 'empty'}.", old, new)


def members(kind: str, noun: str, old: Sequence[str], new: Sequence[str]) -> Iterator[Aspect]:
    """Yield what came to a list and what left it; an order alone does not matter."""
    gone, fresh = Counter(old) - Counter(new), Counter(new) - Counter(old)
    for item in fresh.elements():
        yield Aspect(kind, f"New {noun}: {_cut(item)}.", "", item)
    for item in gone.elements():
        yield Aspect(kind, f"No longer a {noun}: {_cut(item)}.", item, "")
    if not gone and not fresh and list(old) != list(new):
        yield Aspect(kind, "They stand in another order.", cosmetic=True)


def variables(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Aspect]:
    for name, begins in new.items():
        if name not in old:
            yield Aspect("variables", f"New variable {name}, at first {plain(begins)}.")
        elif plain(old[name]) != plain(begins) or type(old[name]) is not type(begins):
            said = f"The variable {name} is at first {plain(begins)}, no longer {plain(old[name])}."
            yield Aspect("variables", said, plain(old[name]), plain(begins))
    for name in old:
        if name not in new:
            yield Aspect("variables", f"The variable {name} is gone.")
    if list(old) != list(new) and dict(old) == dict(new):
        yield Aspect("variables", "They stand in another order.", cosmetic=True)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"
