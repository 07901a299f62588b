"""Walk through the chains and compare each digest with the row it stands for.

The walk goes chain by chain in the order of the numbers and holds a few thousand rows at a time,
so it takes as long as there are records and no more memory for a million than for a thousand. What
is first found broken is named and ends it: behind a link that does not hold nothing is proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from designer.models import AuditEntry
from runtime import chain
from runtime.blocks import heads
from runtime.chain import ACTS, BEFORE, NOT_KEPT, SIZE
from runtime.erasing import ROWS, VALUES, Erased, digest_of
from runtime.models import ChainBlock, Erasure, MediaRecord, Step, WireMessage
from runtime.proving import ActPlaces, BrokenLink, Found, JournalPlaces, Places

GROUP: Final = 5000
"""Records compared at a time, unless one block has more."""
BLOCKS: Final = 32
Tell = Callable[[int, int], None]
"""Is told how many records are compared, and how many there are."""


@dataclass(slots=True)
class Report:
    """What the walk found."""

    ok: bool = True
    broken: dict[str, Any] | None = None
    """{chain, epoch, number, subject, what} of the first broken link."""
    records: int = 0
    """Records of calls that are as they were written."""
    acts: int = 0
    erased: int = 0
    """Records that were erased by a rule: that there was one, when, and who erased it."""
    not_kept: int = 0
    """Records that were never stored: their flow keeps less."""
    before: int = 0
    """Rows from before the chain, of which nothing is proved."""
    waiting: int = 0
    """Acts of the last moment, not in the chain yet."""
    heads: dict[str, Any] = field(default_factory=dict)

    def as_message(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class _Group:
    """Blocks that follow each other without gap, as one."""

    epoch: int
    first: int
    digests: bytes
    position: int
    """Of the last of them."""

    @property
    def last(self) -> int:
        return self.first + len(self.digests) // SIZE - 1


def verify(kept: Mapping[str, Mapping[str, Any]] | None = None, tell: Tell | None = None) -> Report:
    """Compare all records and acts with their chains.

    `kept` are heads as `runtime.blocks.heads` told them some time before.
    """
    return _Walk(tell or (lambda done, total: None)).through(kept or {})


class _Walk:
    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._report = Report()
        self._erased = Erased()
        self._erasures: dict[int, str] = {}
        """Digests of the erasures there are."""
        self._newest_erasure = 0
        self._total = 0
        self._done = 0
        self._link = ""

    def through(self, kept: Mapping[str, Mapping[str, Any]]) -> Report:
        report = self._report
        report.heads = heads()
        counts = ChainBlock.objects.exclude(chain__startswith=BEFORE).values_list("count")
        self._total = sum(count for (count,) in counts.iterator(chunk_size=5000))
        try:
            self._load_erasures()
            acts = ActPlaces()
            self._chain(ACTS, acts)
            self._compare_erasures(acts)
            for name in report.heads:
                if name != ACTS:
                    self._chain(name, JournalPlaces(name))
            self._older_rows()
            self._unknown_nodes()
            self._kept(acts.anchored, "an act of the product says")
            self._kept(kept, "the head that was kept says")
        except BrokenLink as broken:
            report.ok = False
            report.broken = broken.told
        return report

    # -- one chain -----------------------------------------------------------------------------

    def _chain(self, name: str, places: Places) -> None:
        for group in self._groups(name):
            places.begin(group.epoch, group.first, group.digests)
            found: dict[int, Found] = {}
            for each in places.rows():
                self._compare(name, group, each, found)
            self._missing(name, group, found)
            places.compare_beside()
            self._done += len(group.digests) // SIZE
            self._tell(self._done, self._total)
        places.finish()
        self._report.waiting += places.waiting

    def _groups(self, name: str) -> Iterator[_Group]:
        """Yield the blocks of a chain, joined to groups, each with its link proved."""
        group: _Group | None = None
        for block in self._blocks(name):
            digests = bytes(block.digests)
            follows = (
                group is not None
                and group.epoch == block.epoch
                and group.last + 1 == block.first
                and len(group.digests) // SIZE + block.count <= GROUP
            )
            if group is not None and follows:
                group.digests += digests
                group.position = block.position
                continue
            if group is not None:
                yield group
            group = _Group(block.epoch, block.first, digests, block.position)
        if group is not None:
            yield group

    def _blocks(self, name: str) -> Iterator[ChainBlock]:
        before, position, end = chain.START, 0, (0, 0)
        head = self._report.heads.get(name, {"position": 0})["position"]
        while position < head:
            some = ChainBlock.objects.filter(chain=name, position__gt=position)
            for block in some.filter(position__lte=head).order_by("position")[:BLOCKS]:
                if block.position != position + 1:
                    what = f"block {position + 1} of the chain is missing"
                    raise BrokenLink(name, end[0], end[1] + 1, "", what)
                digests = bytes(block.digests)
                link = chain.link_of(
                    before, name, block.position, block.epoch, block.first, block.count,
                    block.at, digests,
                )  # fmt: skip
                if link != block.link or len(digests) != block.count * SIZE:
                    what = f"block {block.position} of the chain was changed"
                    raise BrokenLink(name, block.epoch, block.first, "", what)
                if (block.epoch, block.first) <= end and block.first:
                    what = f"block {block.position} of the chain goes back"
                    raise BrokenLink(name, block.epoch, block.first, "", what)
                before, position = link, block.position
                end = (block.epoch, block.first + block.count - 1)
                yield block

    def _compare(self, name: str, group: _Group, row: Found, found: dict[int, Found]) -> None:
        at = (row.number - group.first) * SIZE
        wanted = group.digests[at : at + SIZE]
        if row.number in found:
            self._broken(name, group, row, "a second row has its number")
        found[row.number] = row
        if row.values_gone and not self._is_erased(name, group.epoch, VALUES, row.number):
            self._broken(name, group, row, "its values are gone, and no erasure tells of it")
        if row.digest == wanted:
            return
        if wanted == NOT_KEPT:
            self._broken(name, group, row, "the row was added: this record was not stored")
        place = _place_of(group, row.digest)
        if place is not None:
            what = f"the row stands at the wrong place: it is record {place}"
            self._broken(name, group, row, what)
        self._broken(name, group, row, f"the row was changed ({row.table})")

    def _missing(self, name: str, group: _Group, found: dict[int, Found]) -> None:
        report = self._report
        for number in range(group.first, group.last + 1):
            if number in found:
                if name == ACTS:
                    report.acts += 1
                else:
                    report.records += 1
                continue
            at = (number - group.first) * SIZE
            if group.digests[at : at + SIZE] == NOT_KEPT:
                report.not_kept += 1
            elif self._is_erased(name, group.epoch, ROWS, number):
                report.erased += 1
            else:
                near = found.get(number - 1)
                subject = f"after {near.subject}" if near is not None else ""
                what = "the row is missing, and no erasure tells of it"
                raise BrokenLink(name, group.epoch, number, subject, what)

    def _broken(self, name: str, group: _Group, row: Found, what: str) -> None:
        raise BrokenLink(name, group.epoch, row.number, row.subject, what)

    # -- what was erased -----------------------------------------------------------------------

    def _load_erasures(self) -> None:
        fresh = Erasure.objects.filter(pk__gt=self._newest_erasure).order_by("pk")
        for erasure in fresh.iterator(chunk_size=50):
            places = bytes(erasure.places)
            try:
                self._erased.add(places, BEFORE)
            except ValueError:
                what = "the erasure was changed"
                raise BrokenLink("erasures", 0, erasure.pk, erasure.rule, what) from None
            self._erasures[erasure.pk] = digest_of(places)
            self._newest_erasure = erasure.pk

    def _is_erased(self, name: str, epoch: int, what: int, number: int) -> bool:
        if self._erased.has(name, epoch, what, number):
            return True
        # It may have been erased since the walk began.
        if Erasure.objects.filter(pk__gt=self._newest_erasure).exists():
            self._load_erasures()
        return self._erased.has(name, epoch, what, number)

    def _compare_erasures(self, acts: ActPlaces) -> None:
        """Each erasure has an act that tells of it, and each such act its erasure."""
        told = acts.erasures
        for pk, digest in self._erasures.items():
            if told.get(pk) != digest and not acts.may_wait(pk, digest):
                what = "no act tells of this erasure, or it was changed"
                raise BrokenLink("erasures", 0, pk, "", what)
        for pk in told:
            if pk not in self._erasures:
                raise BrokenLink("erasures", 0, pk, "", "the erasure an act tells of is missing")

    # -- what stands outside -------------------------------------------------------------------

    def _older_rows(self) -> None:
        """Rows without a number are all from before the chain, and none came since."""
        for model in (Step, WireMessage, MediaRecord, AuditEntry):
            name = BEFORE + model.__name__
            start = ChainBlock.objects.filter(chain=name, position=1).first()
            newest, count = (start.first, start.count) if start is not None else (0, 0)
            if start is not None:
                link = chain.link_of(chain.START, name, 1, 0, newest, count, start.at, b"")
                if link != start.link:
                    raise BrokenLink(name, 0, newest, "", "the block of older rows was changed")
            older = {"number": None, "seal": ""} if model is AuditEntry else {"number": None}
            rows: Any = model._default_manager.filter(**older)
            added = rows.filter(pk__gt=newest).order_by("pk").first()
            if added is not None:
                where = getattr(added, "node", ACTS), getattr(added, "epoch", 0)
                subject = str(getattr(added, "session_id", "") or added)
                what = f"a row was added (id {added.pk} of {model._meta.db_table})"
                raise BrokenLink(*where, 0, subject, what)
            there = rows.filter(pk__lte=newest).count()
            if there != count - self._erased.before.get(name, 0):
                what = f"{count} rows are older than the chain, {there} of them are there"
                raise BrokenLink(name, 0, newest, "", what)
            self._report.before += there

    def _unknown_nodes(self) -> None:
        for model in (Step, WireMessage, MediaRecord):
            rows = model._default_manager.exclude(number=None)
            for name in rows.order_by("node").values_list("node", flat=True).distinct():
                if name not in self._report.heads and name not in heads():
                    first = rows.filter(node=name).order_by("epoch", "number")[0]
                    what = "the node has rows and no chain"
                    raise BrokenLink(name, first.epoch, first.number or 0, "", what)

    def _kept(self, kept: Mapping[str, Mapping[str, Any]], who: str) -> None:
        for name, head in kept.items():
            block = ChainBlock.objects.filter(chain=name, position=head["position"]).first()
            if block is None:
                what = f"the end was cut off: {who} that it had block {head['position']}"
            elif block.link != head["link"]:
                what = f"block {block.position} is another one: {who} {head['link'][:12]}"
            else:
                continue
            now = self._report.heads.get(name, {})
            raise BrokenLink(name, now.get("epoch", 0), now.get("number", 0) + 1, "", what)


def _place_of(group: _Group, digest: bytes) -> int | None:
    at = group.digests.find(digest)
    while at >= 0 and at % SIZE:
        at = group.digests.find(digest, at + 1)
    return None if at < 0 else group.first + at // SIZE
