"""Finding calls: what somebody looks for, and the sessions that match.

A search is a handful of fields, in the address of the page and in the search box alike
(`row:answer event:ReferReceived 4930`), never a language of the database. Pages are cut by the key
of the last line (when it began, and its id) and nothing is counted to the end, so a page costs the
same however many calls there are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.utils.functional import cached_property

from designer import selectors
from runtime.models import Session, Step
from runtime.numbers import key_of

PAGE_SIZE: Final = 50
MOST_COUNTED: Final = 10_000
"""Calls that are counted, and reached by the number of a page; further ones by their time."""
LONGEST: Final = 200

SORTS = {
    "newest": ("-started_at", "-id"),
    "oldest": ("started_at", "id"),
    "steps": ("-steps", "-started_at"),
    "unhandled": ("-unhandled", "-started_at"),
}
"""What a person may sort by. Nothing else reaches `order_by`."""
STATES = ("all", "live", "ended", "unhandled", "failed")
FAILURES = ("failed", "error", "unhandled", "lost")
WORDS: Final = {
    "caller": "caller",
    "callee": "callee",
    "number": "number",
    "flow": "flow",
    "version": "version",
    "v": "version",
    "state": "state",
    "outcome": "outcome",
    "callid": "call_id",
    "call-id": "call_id",
    "row": "row",
    "event": "event",
    "since": "since",
    "until": "until",
}
"""What may stand before a colon in the search box, and the field that it fills."""
SPANS: Final = {"h": 3600.0, "d": 86400.0, "min": 60.0, "w": 604800.0}
_SPAN = re.compile(r"(\d{1,5})\s*(min|h|d|w)")


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What somebody looks for in the list of calls; unknown words mean the default."""

    flow: str = ""
    text: str = ""
    """Part of a number or a name, how an id begins, or a Call-ID."""
    show: str = "all"
    sort: str = "newest"
    number: str = ""
    """Part of the caller's or callee's number or name."""
    caller: str = ""
    callee: str = ""
    version: int | None = None
    state: str = ""
    outcome: str = ""
    call_id: str = ""
    row: str = ""
    """A row that fired: its id, or its place from 1."""
    event: str = ""
    """An event that no row was there for; `*` for any."""
    since: str = ""
    """A day, a moment (ISO 8601), or how long ago: `2 h`, `7 d`."""
    until: str = ""

    @classmethod
    def of(cls, query: Any) -> CallFilter:
        """Read a filter from a request's query."""
        show, sort = query.get("show", "all"), query.get("sort", "newest")
        rest, typed = _typed(_clean(query.get("q", "")))
        told = {
            name: _clean(query.get(name, "")) or typed.get(name, "")
            for name in sorted(set(WORDS.values()))
        }
        version = told.pop("version").lstrip("vV")
        return cls(
            **told,
            text=rest,
            show=show if show in STATES else "all",
            sort=sort if sort in SORTS else "newest",
            version=(int(version) or None) if version.isdecimal() and len(version) < 9 else None,
        )

    @property
    def narrowed(self) -> bool:
        """Something is looked for."""
        return replace(self, sort="newest") != CallFilter()

    def as_query(self, **other: Any) -> str:
        """Return the filter as it stands in an address, with some fields changed."""
        said: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        said["q"] = said.pop("text")
        said |= other
        return urlencode({
            name: value
            for name, value in said.items()
            if value not in ("", None) and (name, value) not in _DEFAULTS
        })  # fmt: skip

    def chips(self) -> list[dict[str, str]]:
        """Return what narrows the list beside text, flow and show: {name, value, without}."""
        found = []
        for name, label in _LABELS.items():
            value = getattr(self, name)
            if value not in ("", None):
                told = {"name": label, "value": f"{value}", "without": self.as_query(**{name: ""})}
                found.append(told)
        return found

    @property
    def from_time(self) -> float | None:
        return moment_of(self.since)

    @property
    def to_time(self) -> float | None:
        """The end of a day that is named without a time."""
        at = moment_of(self.until)
        whole = re.fullmatch(r"\d{4}-\d\d-\d\d", self.until) is not None
        return at + 86400.0 if at is not None and whole else at


_DEFAULTS = {("show", "all"), ("sort", "newest")}
_LABELS = {
    "number": "Number",
    "caller": "Caller",
    "callee": "Callee",
    "version": "Version",
    "state": "State",
    "outcome": "Outcome",
    "row": "Row fired",
    "event": "Without a row",
    "since": "Since",
    "until": "Until",
    "call_id": "Call-ID",
}


def _clean(value: Any) -> str:
    return str(value).strip().replace("\x00", "")[:LONGEST]


def _typed(text: str) -> tuple[str, dict[str, str]]:
    """Split what was typed into free text and `field:value`."""
    rest, found = [], {}
    for word in text.split():
        name, colon, value = word.partition(":")
        if colon and value and name.lower() in WORDS:
            found[WORDS[name.lower()]] = value
        else:
            rest.append(word)
    return " ".join(rest), found


def moment_of(text: str, now: datetime | None = None) -> float | None:
    """Return a moment in seconds since 1970, of a date and time, or of how long ago it was."""
    now = now or datetime.now(UTC)
    ago = _SPAN.fullmatch(text.strip().lower())
    if ago is not None:
        return (now - timedelta(seconds=int(ago[1]) * SPANS[ago[2]])).timestamp()
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None


# -- the sessions that match -----------------------------------------------------------------------


def sessions(wanted: CallFilter, hidden: Collection[str] = ()) -> QuerySet[Session]:
    """Return the sessions that match, in the order asked for, without those of `hidden` flows."""
    found = Session.objects.order_by(*SORTS[wanted.sort])
    if hidden:
        found = found.exclude(flow_name__in=hidden)
    if wanted.flow:
        found = found.filter(flow_name=wanted.flow)
    if wanted.version is not None:
        found = found.filter(number=wanted.version)
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.outcome:
        found = found.filter(outcome=wanted.outcome)
    if wanted.call_id:
        found = found.filter(call_id=wanted.call_id)
    if (since := wanted.from_time) is not None:
        found = found.filter(started_at__gte=since)
    if (until := wanted.to_time) is not None:
        found = found.filter(started_at__lt=until)
    found = _shown(_by_party(found, wanted), wanted.show)
    if wanted.row:
        found = found.filter(pk__in=_fired(wanted))
    if wanted.event:
        steps = Step.objects.filter(kind="unhandled")
        if wanted.event != "*":
            steps = steps.filter(event=wanted.event)
        found = found.filter(unhandled__gt=0, pk__in=steps.values("session_id"))
    return found


def _shown(found: QuerySet[Session], show: str) -> QuerySet[Session]:
    match show:
        case "live":
            return found.filter(ended_at=None)
        case "ended":
            return found.exclude(ended_at=None)
        case "unhandled":
            return found.filter(unhandled__gt=0)
        case "failed":
            return found.filter(outcome__in=FAILURES)
    return found


def _by_party(found: QuerySet[Session], wanted: CallFilter) -> QuerySet[Session]:
    if caller := key_of(wanted.caller):
        found = found.filter(caller_key__contains=caller)
    if callee := key_of(wanted.callee):
        found = found.filter(callee_key__contains=callee)
    if number := key_of(wanted.number):
        found = found.filter(Q(caller_key__contains=number) | Q(callee_key__contains=number))
    if text := wanted.text:
        matches = Q(pk__startswith=text) | Q(call_id=text)
        if key := key_of(text):
            matches |= Q(caller_key__contains=key) | Q(callee_key__contains=key)
        found = found.filter(matches)
    return found


def _fired(wanted: CallFilter) -> QuerySet[Any]:
    """Return the ids of sessions in which a row fired: by its place, from 1, or by its id."""
    steps = Step.objects.filter(kind="fired")
    if wanted.row.isdecimal() and len(wanted.row) < 7:
        steps = steps.filter(row=int(wanted.row) - 1)
    else:
        steps = steps.filter(row_id=wanted.row)
    if (since := wanted.from_time) is not None:
        steps = steps.filter(time__gte=since)
    if wanted.flow and wanted.version is not None:
        flow = selectors.flow_named(wanted.flow)
        version = selectors.version_of(flow, wanted.version) if flow is not None else None
        if version is not None:
            steps = steps.filter(digest=version.digest)
    return steps.values("session_id")


# -- pages -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slice:
    """A page of sessions, cut by the key of the line before it."""

    sessions: list[Session]
    first: bool
    """Nothing stands before it, as far as was looked for."""
    older: str
    """The key to go on from, empty at the end."""
    newer: str


def slice_of(
    wanted: CallFilter,
    *,
    before: str = "",
    after: str = "",
    size: int = PAGE_SIZE,
    hidden: Collection[str] = (),
) -> Slice:
    """Return the sessions that follow the key `before`, or come just ahead of the key `after`.

    Only for the orders by time; in the others there is one page, of the first `size` sessions.
    """
    found = sessions(wanted, hidden)
    if wanted.sort not in ("newest", "oldest"):
        return Slice(list(found[:size]), True, "", "")
    falls = wanted.sort == "newest"
    key, back = _key(after or before), bool(after)
    if key is not None:
        found = found.filter(_beyond(key, earlier=falls != back))
    if back and key is not None:
        rows = list(found.reverse()[: size + 1])
        more, rows = len(rows) > size, rows[:size][::-1]
        older, newer = bool(rows), more
    else:
        rows = list(found[: size + 1])
        older, newer, rows = len(rows) > size, key is not None, rows[:size]
    return Slice(
        rows,
        not newer,
        key_text(rows[-1]) if rows and older else "",
        key_text(rows[0]) if rows and newer else "",
    )


def key_text(session: Session) -> str:
    return f"{session.started_at!r}_{session.pk}"


def _key(text: str) -> tuple[float, str] | None:
    at, sign, name = text.partition("_")
    try:
        return (float(at), name[:128].replace("\x00", "")) if sign else None
    except ValueError:
        return None


def _beyond(key: tuple[float, str], *, earlier: bool) -> Q:
    at, name = key
    if earlier:
        return Q(started_at__lte=at) & (Q(started_at__lt=at) | Q(pk__lt=name))
    return Q(started_at__gte=at) & (Q(started_at__gt=at) | Q(pk__gt=name))


class _Bounded(Paginator):  # type: ignore[type-arg]
    """Counts to a bound and no further."""

    @cached_property
    def count(self) -> int:
        found: Any = self.object_list
        return int(found.order_by()[:MOST_COUNTED].count())


def page_of(
    wanted: CallFilter, number: Any, size: int = PAGE_SIZE, hidden: Collection[str] = ()
) -> Page[Session]:
    """Return one page of sessions by its number, of the first `MOST_COUNTED` that match.

    A page that does not exist is the nearest one that does.
    """
    return _Bounded(sessions(wanted, hidden), size).get_page(number)


def as_mapping(wanted: CallFilter) -> Mapping[str, Any]:
    """Return the filter as plain data, for the record of an export."""
    return {each.name: getattr(wanted, each.name) for each in fields(wanted)}
