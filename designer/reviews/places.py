"""What was said in a review, each at the place where it belongs by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from designer import rendering
from designer.models import Version
from designer.reviews.models import Comment, Review
from designer.reviews.services import anchor_of
from flows import anchors
from flows.anchors import Anchor, located
from flows.change_words import title
from flows.pairing import Pairing, pair
from flows.table import Table

MOST_STEPS = 40
"""Versions that an anchor is followed through one by one; of more, the first and the last."""


@dataclass(slots=True)
class Thread:
    """One thing that was said, with the answers to it, and where it belongs now."""

    comment: Comment
    number: int
    """As it stands on the diagram and in the list: 1, 2, 3 in the order they were begun."""
    place: Anchor | None
    """None: the row or state is in neither text any more."""
    title: str
    replies: list[Comment] = field(default_factory=list)

    @property
    def href(self) -> str:
        """The place as the address of the page names it; empty for the whole and for a lost one."""
        return href_of(self.place)

    @property
    def gone(self) -> bool:
        return self.place is None

    @property
    def removed(self) -> bool:
        """It belongs to something that the newer text has no more."""
        return self.place is not None and self.place.side == anchors.OLD

    @property
    def resolved(self) -> bool:
        return self.comment.resolved_at is not None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "number": self.number,
            "on": self.title,
            "place": self.href,
            "gone": self.gone,
            "resolved": self.resolved,
            "resolved_by": self.comment.resolved_by_name,
            "comments": [_said(each) for each in (self.comment, *self.replies)],
        }


def threads_of(review: Review) -> list[Thread]:
    """Return everything that was said in a review, in the order in which it was begun."""
    found = review.comments.select_related("version", "base", "by").order_by("pk")
    whole = list(found)
    answers: dict[int, list[Comment]] = {}
    for comment in whole:
        if comment.parent_id is not None:
            answers.setdefault(comment.parent_id, []).append(comment)
    begun = [comment for comment in whole if comment.parent_id is None]
    texts = _Texts(review, begun)
    threads = []
    for number, comment in enumerate(begun, 1):
        place = texts.place(comment)
        name = texts.title(place) or comment.title
        threads.append(Thread(comment, number, place, name, answers.get(comment.pk, [])))
    return threads


def href_of(place: Anchor | None) -> str:
    """Return the fragment that chooses a place on a page with both texts in one picture."""
    if place is None or place.kind == anchors.FLOW:
        return ""
    if place.kind == anchors.STATE:
        return f"#s/{quote(str(place.what))}"
    return f"#{'t' if place.side == anchors.NEW else 'old'}/{place.what}"


def anchor_from(fragment: str) -> Anchor:
    """Read a place as the address names it; the whole if it names none."""
    kind, _, what = fragment.lstrip("#").partition("/")
    if kind in ("t", "old") and what.isascii() and what.isdigit() and len(what) < 7:
        return Anchor(anchors.ROW, int(what), anchors.NEW if kind == "t" else anchors.OLD)
    if kind == "s" and what:
        return Anchor(anchors.STATE, what)
    return anchors.WHOLE


class _Texts:
    """The tables between the texts that were spoken of and those under review now."""

    def __init__(self, review: Review, comments: Iterable[Comment]) -> None:
        self.review = review
        numbers = {review.version.number, *([review.base.number] if review.base else [])}
        for comment in comments:
            numbers |= {comment.version.number}
            numbers |= {comment.base.number} if comment.base is not None else set()
        low, high = min(numbers), max(numbers)
        found = Version.objects.filter(flow=review.flow_id, number__gte=low, number__lte=high)
        if high - low > MOST_STEPS:
            found = found.filter(number__in=numbers)
        self.versions = {version.number: version for version in found.order_by("number")}

    def place(self, comment: Comment) -> Anchor | None:
        """Return where a comment belongs now."""
        anchor = anchor_of(comment)
        old, new = self.review.base, self.review.version
        text = self._way(comment.version, new)
        base = self._way(comment.base, old) if comment.base and old else []
        if not text:
            return anchor if anchor.kind == anchors.FLOW else None
        found = located(anchor, base=base, text=text, pairs=paired)
        if found is not None and found.exists(base[-1] if base else None, text[-1]):
            return found
        return None

    def title(self, place: Anchor | None) -> str:
        if place is None or place.kind == anchors.FLOW:
            return ""
        if place.kind == anchors.STATE:
            return f"State {place.what}"
        version = self.review.version if place.side == anchors.NEW else self.review.base
        table = _table(version) if version is not None else None
        return title(table.rows[place.what]) if table and isinstance(place.what, int) else ""

    def _way(self, first: Version, last: Version) -> list[Table]:
        """Return the tables from one version to another, in their order, forward or back; none if
        the last cannot be drawn."""
        if _table(last) is None:
            return []
        low, high = sorted((first.number, last.number))
        numbers = [number for number in self.versions if low <= number <= high]
        if first.number > last.number:
            numbers.reverse()
        tables = [_table(self.versions[number]) for number in numbers]
        return [table for table in tables if table is not None]


def paired(old: Table, new: Table) -> Pairing:
    """Return which row is which; each two texts are compared once."""
    return _paired(_Known(old), _Known(new))


class _Known:
    """A table by the hash of its text, so that what is known of it is found again."""

    __slots__ = ("table",)

    def __init__(self, table: Table) -> None:
        self.table = table

    def __hash__(self) -> int:
        return hash(self.table.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.table.digest == self.table.digest


@lru_cache(maxsize=256)
def _paired(old: _Known, new: _Known) -> Pairing:
    return pair(old.table, new.table)


@lru_cache(maxsize=64)
def _drawn(digest: str, text: str) -> Table | None:
    return rendering.drawing(text).table


def _table(version: Version) -> Table | None:
    return _drawn(version.digest, version.text)


def _said(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.pk,
        "by": comment.by_name,
        "at": comment.at.isoformat(),
        "text": comment.text,
        "version": comment.version.number,
    }
