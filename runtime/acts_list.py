"""Acts of people and of the product: what somebody looks for, in words, and as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse

from designer.models import AuditEntry
from runtime import masking
from runtime.search import moment_of

PAGE_SIZE: Final = 50
MOST_EXPORTED: Final = 100_000

WORDS: Final = {
    "audit.anchored": "Kept the heads of all chains",
    "audit.erased": "Took out of the record",
    "audit.export": "Exported the audit",
    "call.export": "Exported a call",
    "call.hangup": "Hung a call up",
    "call.inject": "Gave a call an event",
    "call.migrate": "Moved calls to another version",
    "call.pin": "Kept a call on its version",
    "call.place": "Placed a call",
    "call.send": "Sent a call an event",
    "call.stop": "Stopped an order about calls",
    "call.unmask": "Saw the numbers of callers",
    "check.control": "Controlled a check",
    "comment.write": "Wrote a comment",
    "deployment.back": "Rolled back",
    "deployment.force": "Deployed past errors",
    "deployment.make": "Deployed",
    "drain.policy": "Said when old calls end",
    "flow.create": "Made a flow",
    "flow.move": "Moved a flow to another project",
    "node.drain": "Took a node out of the calls",
    "people.add": "Made an account",
    "people.lock": "Locked an account",
    "people.password": "Set a password",
    "people.roles": "Changed roles",
    "people.unlock": "Unlocked an account",
    "project.add": "Made a project",
    "project.delete": "Deleted a project",
    "project.member": "Changed who is in a project",
    "ramp.control": "Controlled a ramp",
    "recording.change": "Changed what is kept",
    "review.judge": "Judged a review",
    "review.override": "Passed over a review",
    "review.request": "Asked for a review",
    "review.rule": "Changed the rule of reviews",
    "route.change": "Changed routes",
    "scenario.edit": "Changed a test",
    "token.add": "Made an access token",
    "token.revoke": "Took an access token back",
    "version.save": "Saved a version",
}
"""An act as a person reads it; one that is not here is shown by its name."""
QUIET: Final = ("audit.anchored",)
"""Acts of the product that nobody looks for; shown when asked for by name."""


@dataclass(frozen=True, slots=True)
class ActFilter:
    """What somebody looks for among the acts."""

    who: str = ""
    act: str = ""
    flow: str = ""
    q: str = ""
    """Part of subject or reason."""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, query: Any) -> ActFilter:
        """Read a filter from a request's query."""
        told = {
            each.name: str(query.get(each.name, "")).strip().replace("\x00", "")[:200]
            for each in fields(cls)
        }
        return cls(**told)

    @property
    def narrowed(self) -> bool:
        return self != ActFilter()

    def as_query(self, **other: Any) -> str:
        """Return the filter as it stands in an address, with some fields changed."""
        said = {each.name: getattr(self, each.name) for each in fields(self)} | other
        return urlencode({name: value for name, value in said.items() if value not in ("", None)})


def acts(wanted: ActFilter, hidden: Collection[str] = ()) -> QuerySet[AuditEntry]:
    """Return the acts that match, newest first, without those about `hidden` flows."""
    found = AuditEntry.objects.order_by("-pk")
    if hidden:
        found = found.exclude(flow_name__in=hidden)
    if wanted.act:
        names = [name for name, words in WORDS.items() if words == wanted.act]
        found = found.filter(act__in=[wanted.act, *names])
    else:
        found = found.exclude(act__in=QUIET)
    if wanted.who:
        found = found.filter(by_name__icontains=wanted.who)
    if wanted.flow:
        found = found.filter(flow_name=wanted.flow)
    if wanted.q:
        found = found.filter(Q(subject__icontains=wanted.q) | Q(reason__icontains=wanted.q))
    for name, word in ((wanted.since, "at__gte"), (wanted.until, "at__lt")):
        at = moment_of(name)
        if at is not None:
            if word == "at__lt" and len(name) == len("2026-11-22"):
                at += 86400.0
            found = found.filter(**{word: _moment(at)})
    return found


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(max(0.0, min(seconds, 4e9)), UTC)


def before(found: QuerySet[AuditEntry], key: Any) -> QuerySet[AuditEntry]:
    """Return what is older than the act with this key; everything if there is no such key."""
    text = str(key or "")
    return found.filter(pk__lt=int(text)) if text.isdecimal() and len(text) < 19 else found


def line_of(entry: AuditEntry, *, masked: bool = True) -> dict[str, Any]:
    """Return an act as pages, files and the API tell it."""
    hide = masking.mask if masked else str
    return {
        "id": entry.pk,
        "at": entry.at.timestamp(),
        "by": entry.by_name,
        "act": entry.act,
        "words": WORDS.get(entry.act, entry.act),
        "flow": entry.flow_name,
        # A session's id looks like a number and names nobody.
        "subject": entry.subject if _is_id(entry) else hide(entry.subject),
        "reason": hide(entry.reason),
        "detail": masking.mask_values(entry.detail) if masked else entry.detail,
        "number": entry.number,
        "erased": entry.values_digest is not None,
    }


def _is_id(entry: AuditEntry) -> bool:
    return entry.act.startswith("call.") and re.fullmatch(r"[\w.-]+", entry.subject) is not None


def link_of(entry: AuditEntry) -> str:
    """Return the address of what an act was done to, empty if there is no page of it."""
    flow, subject = entry.flow_name, entry.subject
    if entry.act.startswith(("people.", "project.")):
        return reverse("people")
    if entry.act.startswith("route."):
        return reverse("routes")
    if entry.act.startswith("node."):
        return reverse("nodes")
    if flow and subject.startswith("v") and subject[1:].isdecimal():
        return reverse("flow_version", args=[flow, int(subject[1:])])
    if subject and _is_id(entry):
        return reverse("call", args=[subject])
    return reverse("flow_versions", args=[flow]) if flow else ""


# -- files -----------------------------------------------------------------------------------------

_COLUMNS: Final = ("number", "at", "by", "act", "flow", "subject", "reason", "detail")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(found: Iterable[AuditEntry], *, masked: bool) -> Iterator[str]:
    """Yield the lines of a CSV (RFC 4180) that no spreadsheet takes for formulas."""
    yield _csv_line(_COLUMNS)
    for entry in found:
        line = line_of(entry, masked=masked)
        line["at"] = entry.at.isoformat()
        line["detail"] = json.dumps(line["detail"], ensure_ascii=False) if line["detail"] else ""
        yield _csv_line([line[name] for name in _COLUMNS])


def _csv_line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([_safe(cell) for cell in cells])
    return out.getvalue()


def _safe(cell: Any) -> Any:
    """Let a text that a spreadsheet would compute begin with an apostrophe."""
    if isinstance(cell, str) and cell.lstrip().startswith(_FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell


def as_json(found: Iterable[AuditEntry], *, masked: bool) -> Iterator[str]:
    """Yield one JSON array."""
    glue = "[\n"
    for entry in found:
        line = {**line_of(entry, masked=masked), "at": entry.at.isoformat()}
        yield glue + json.dumps(line, ensure_ascii=False)
        glue = ",\n"
    yield "[]\n" if glue == "[\n" else "\n]\n"
