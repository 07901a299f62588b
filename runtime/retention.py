"""What is taken out of the record: by the rules of each flow, or everything that names a person.

Done by the worker in batches of calls that are over, each in a transaction of its own, so calls and
pages never wait for it. What goes is told by an erasure and an act of the same transaction; the
chain holds without it (`runtime.chain`): that there was a record, where and when stays proved, what
it said is gone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, models, transaction
from django.db.models import Q
from django.db.models.functions import Cast

from designer import auditing
from designer.errors import Refused
from designer.models import AuditEntry
from runtime import chain
from runtime.erasing import ROWS, VALUES, Key, digest_of, packed
from runtime.models import Erasure, MediaRecord, Recording, Session, Step, WireMessage
from runtime.numbers import key_of

BATCH: Final = 200
"""Calls in one transaction."""
DAY: Final = 86400.0
SETTLED: Final = 3600.0
"""Seconds after which nothing of a call is on its way into the record any more."""
SHORTEST_NUMBER: Final = 5
KEPT_ACTS: Final = ("audit.erased", "audit.anchored")
"""Acts that the chain itself needs; they name nobody."""

NOTHING, VALUES_GONE, MESSAGES_GONE, STEPS_GONE = range(4)
"""What is gone of a session: `Session.erased`."""
_WORDS: Final = {
    VALUES_GONE: "media and values",
    MESSAGES_GONE: "SIP messages",
    STEPS_GONE: "steps",
}
Places = defaultdict[Key, list[int]]


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes of a flow's calls, of those that ended before a moment."""

    flow: str
    until: int
    """VALUES_GONE, MESSAGES_GONE or STEPS_GONE; None of the call is left above them."""
    days: int | None
    before: float
    whole: bool = False
    """The call itself goes too."""

    @property
    def words(self) -> str:
        what = "everything" if self.whole else _WORDS[self.until]
        when = f"after {self.days} days" if self.days else "since the flow keeps less"
        return f"{self.flow}: {what} {when}"

    def calls(self) -> models.QuerySet[Session]:
        """Return the calls that the rule still has to do with, oldest first."""
        found = Session.objects.filter(flow_name=self.flow, ended_at__lt=self.before)
        if not self.whole:
            found = found.filter(erased__lt=self.until)
        return found.order_by("started_at", "pk")


@dataclass(slots=True)
class Done:
    """What one rule took out, or would."""

    rule: str
    sessions: int = 0
    rows: int = 0


def rules(now: float) -> list[Rule]:
    """Return the rules of all flows, what takes most first, so that nothing is done twice."""
    found = []
    for kept in Recording.objects.select_related("flow").order_by("flow__name"):
        name = kept.flow.name
        if kept.outcome_days is not None:
            before = now - kept.outcome_days * DAY
            found.append(Rule(name, STEPS_GONE, kept.outcome_days, before, whole=True))
        for until, least, days in (
            (STEPS_GONE, Recording.Level.STEPS, kept.steps_days),
            (MESSAGES_GONE, Recording.Level.MESSAGES, kept.messages_days),
            (VALUES_GONE, Recording.Level.EVERYTHING, kept.values_days),
        ):
            days = 0 if kept.level < least else days
            if days is not None:
                found.append(Rule(name, until, days, now - max(days * DAY, SETTLED)))
    return found


def run(
    *, dry: bool = False, now: float | None = None, beat: Callable[[int], None] | None = None
) -> list[Done]:
    """Apply all rules, or with `dry` only say what they would take."""
    told = []
    for rule in rules(time.time() if now is None else now):
        done = Done(rule.words)
        if dry:
            done.sessions = rule.calls().count()
        else:
            for sessions, rows in _batches(rule):
                done.sessions += sessions
                done.rows += rows
                if beat is not None:
                    beat(sessions)
        if done.sessions:
            told.append(done)
    return told


def _batches(rule: Rule) -> Iterator[tuple[int, int]]:
    while True:
        with transaction.atomic():
            sessions = list(rule.calls().values_list("pk", flat=True)[:BATCH])
            if not sessions:
                return
            places, rows = _take(sessions, rule.until)
            if rule.whole:
                Session.objects.filter(pk__in=sessions).delete()
            else:
                Session.objects.filter(pk__in=sessions).update(erased=rule.until)
            _tell(rule.words, auditing.PRODUCT, rule.flow, len(sessions), rows, places)
        yield len(sessions), rows


def _take(sessions: list[str], until: int) -> tuple[Places, int]:
    """Take out media and values, then messages, then steps of some sessions, as far as asked."""
    places: Places = defaultdict(list)
    rows = _delete(MediaRecord, Q(session__in=sessions), places)
    if until >= MESSAGES_GONE:
        rows += _delete(WireMessage, Q(session__in=sessions), places)
    if until >= STEPS_GONE:
        rows += _delete(Step, Q(session__in=sessions), places)
    else:
        rows += _blank_values(Q(session__in=sessions), places)
    return places, rows


def _delete(model: Any, which: Q, places: Places) -> int:
    names = ["pk", "node", "epoch", "number"] + ["done_number"] * (model is Step)
    found = list(model.objects.filter(which).values_list(*names))
    for pk, node, epoch, *numbers in found:
        if numbers[0] is None:
            places[chain.BEFORE + model.__name__, 0, ROWS].append(pk)
        else:
            places[node, epoch, ROWS] += [number for number in numbers if number is not None]
    keys = [row[0] for row in found]
    for at in range(0, len(keys), 500):
        model.objects.filter(pk__in=keys[at : at + 500])._raw_delete("default")
    return len(found)


def _blank_values(which: Q, places: Places) -> int:
    """Take the values out of steps; a digest stands for them."""
    condition = Step.objects.filter(which, values_digest=None).exclude(fields={})
    ids = list(condition.values_list("pk", flat=True))
    changed = []
    with connection.cursor() as cursor:
        for at in range(0, len(ids), 500):
            some = ids[at : at + 500]
            marks = ", ".join(["%s"] * len(some))
            # The text itself is wanted, as the digest was made of it.
            cursor.execute(
                "SELECT id, node, epoch, number, salt, fields FROM runtime_step"
                f" WHERE id IN ({marks})",
                some,
            )
            for pk, node, epoch, number, salt, fields in cursor.fetchall():
                changed.append((chain.values_digest(salt, fields), pk))
                if number is not None:
                    places[node, epoch, VALUES].append(number)
        cursor.executemany(
            "UPDATE runtime_step SET fields = '{}', salt = NULL, values_digest = %s WHERE id = %s",
            changed,
        )
    return len(changed)


def _tell(
    rule: str, by_name: str, flow: str, sessions: int, rows: int, places: Places, **more: Any
) -> Erasure:
    blob = packed(places)
    kept = Erasure.objects.create(
        rule=rule, by_name=by_name, sessions=sessions, rows=rows, places=blob,
        digest=digest_of(blob),
    )  # fmt: skip
    auditing.record(
        "audit.erased",
        by_name=by_name,
        flow=flow or None,
        subject=f"erasure {kept.pk}",
        reason=rule,
        detail={"erasure": kept.pk, "digest": kept.digest, "sessions": sessions, "rows": rows},
        **more,
    )
    return kept


# -- a person --------------------------------------------------------------------------------------


def erase_person(number: str, *, by_name: str, reason: str, dry: bool = False) -> Done:
    """Take out of the record what names a caller: values, messages, media, who called whom.

    That there was a call, in which states it was and how it ended stays. Refused for less than a
    whole number or without a reason, and while a call of theirs is going on.
    """
    key = key_of(number)
    if len(key) < SHORTEST_NUMBER:
        raise Refused("A whole number is needed, or a name of five letters and more.")
    if len(reason.strip()) < 3:
        raise Refused("Say why: it is kept with your name.")
    theirs = Session.objects.filter(Q(caller_key=key) | Q(callee_key=key))
    if theirs.filter(ended_at=None).exists():
        raise Refused("A call of theirs is going on. Erase when it is over.")
    done = Done(f"a person, {reason.strip()}", theirs.count())
    if dry:
        return done
    while True:
        with transaction.atomic():
            sessions = list(theirs.order_by("pk").values_list("pk", flat=True)[:BATCH])
            if not sessions:
                break
            places, rows = _take(sessions, MESSAGES_GONE)
            erased = Session.objects.filter(pk__in=sessions)
            erased.update(caller="", callee="", caller_key="", callee_key="", call_id="")
            erased.filter(erased__lt=MESSAGES_GONE).update(erased=MESSAGES_GONE)
            _tell(done.rule, by_name, "", len(sessions), rows, places)
            done.rows += rows
    with transaction.atomic():
        places = defaultdict(list)
        rows = _unclaimed(key, places) + _acts(key, places)
        if rows:
            _tell(done.rule, by_name, "", 0, rows, places)
            done.rows += rows
    return done


def _unclaimed(key: str, places: Places) -> int:
    """Messages that belong to no call and have the number in them."""
    found = [
        pk
        for pk, data in WireMessage.objects.filter(session="").values_list("pk", "data").iterator()
        if key.encode() in bytes(data).lower()
    ]
    return sum(
        _delete(WireMessage, Q(pk__in=found[at : at + 500]), places)
        for at in range(0, len(found), 500)
    )


def _acts(key: str, places: Places) -> int:
    """Acts of people that name the caller keep who, when and what, and lose the words."""
    told = Cast("detail", models.TextField())
    found = AuditEntry.objects.annotate(told=told).filter(
        Q(subject__icontains=key) | Q(reason__icontains=key) | Q(told__icontains=key)
    )
    count = 0
    for entry in found.exclude(act__in=KEPT_ACTS).exclude(number=None):
        assert entry.number is not None
        places[chain.ACTS, 0, VALUES].append(entry.number)
        AuditEntry.objects.filter(pk=entry.pk).update(
            values_digest=auditing.values_digest_of(entry),
            subject="", reason="", detail={}, salt=None,
        )  # fmt: skip
        count += 1
    return count
