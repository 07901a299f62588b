"""Questions about flows, for pages, sockets and commands. Nothing here changes anything."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Max, QuerySet

from designer import facts, verdicts
from designer.access import visible_flows
from designer.models import Draft, Flow, Task, Version
from designer.reviews import inbox
from designer.reviews.standing import Standing
from flows.check import examine
from flows.compile import Compiled

STATUS_LABELS = {
    "live": "Live",
    "draft": "Draft",
    "undeployed": "Not deployed",
    "invalid": "Has errors",
}


@dataclass(frozen=True, slots=True)
class FlowLine:
    """One line of the list of flows."""

    name: str
    description: str
    status: dict[str, str]
    """`key` is one of STATUS_LABELS, `label` its word."""
    version_label: str
    deployed_label: str
    live_calls: int
    errors: int
    warnings: int
    changed_text: str
    changed_by: str
    changed_at: datetime | None
    has_draft: bool
    review: Standing | None = None
    """How its open review stands."""


def flow_named(name: str) -> Flow | None:
    return Flow.objects.filter(name=name).first()


def newest_version(flow: Flow) -> Version | None:
    return flow.versions.order_by("-number").first()


def version_of(flow: Flow, number: int | None) -> Version | None:
    if number is None:
        return None
    return flow.versions.filter(number=number).first()


def version_by_digest(digest: str) -> Version | None:
    """Return a version with this text: equal hashes are equal texts, so any of them will do."""
    return Version.objects.filter(digest=digest).order_by("pk").first()


def versions_of(flow: Flow) -> QuerySet[Version]:
    """Return the versions for a list, newest first, without their texts."""
    return flow.versions.select_related("parent").defer("text", "report").order_by("-number")


def draft_of(flow: Flow, user: Any) -> Draft | None:
    return Draft.objects.filter(flow=flow, user=user).select_related("base").first()


def check_of(version: Version) -> Task | None:
    """Return the deeper check of a version, running or finished."""
    return Task.objects.filter(key=verdicts.check_key(version.pk)).first()


def compiled_version(version: Version) -> Compiled:
    """Return the compiled text of a version; versions never change, so once is enough."""
    return _compiled(version.digest, version.text)


@lru_cache(maxsize=32)
def _compiled(digest: str, text: str) -> Compiled:
    return examine(text)


def flow_lines(user: Any) -> list[FlowLine]:
    """Return the list of flows as this person sees it, in a handful of queries
    however many flows.

    Without a person, for the command line: all of them, as whoever may write the database sees.
    """
    known = facts.runtime()
    deployed, live = known.deployed(), known.live_calls()
    drafts = {d.flow_id: d for d in Draft.objects.filter(user=user).defer("text")}
    newest = _newest_versions()
    judged = verdicts.verdicts_of(newest.values())
    reviews = inbox.open_by_flow()
    return [
        _line(
            flow,
            newest.get(flow.pk),
            judged.get(newest[flow.pk].pk) if flow.pk in newest else None,
            drafts.get(flow.pk),
            deployed.get(flow.name),
            live.get(flow.name, 0),
            reviews.get(flow.pk),
        )
        for flow in (Flow.objects if user is None else visible_flows(user)).order_by("name")
    ]


def newest_versions() -> list[Version]:
    """Return the newest version of each flow, without its text."""
    return list(_newest_versions().values())


def _newest_versions() -> dict[int, Version]:
    numbers = Version.objects.values("flow").annotate(top=Max("pk")).values("top").order_by()
    found = Version.objects.filter(pk__in=numbers).defer("text", "report")
    return {version.flow_id: version for version in found}


def _line(
    flow: Flow,
    version: Version | None,
    verdict: verdicts.Verdict | None,
    draft: Draft | None,
    deployed: facts.Deployed | None,
    live: int,
    review: Standing | None,
) -> FlowLine:
    errors, warnings = problems_of(version, verdict)
    key = _status(version, deployed, errors)
    if draft is not None and (version is None or draft.updated_at > version.created_at):
        changed = ("Draft changed", "you", draft.updated_at)
    elif version is not None:
        changed = (version.message or "Saved", version.author_name, version.created_at)
    else:
        changed = ("Created", "", flow.created_at)
    return FlowLine(
        name=flow.name,
        description=flow.description,
        status={"key": key, "label": STATUS_LABELS[key]},
        version_label=version.label if version else "",
        deployed_label=f"v{deployed.number}" if deployed else "",
        live_calls=live,
        errors=errors,
        warnings=warnings,
        changed_text=changed[0],
        changed_by=changed[1],
        changed_at=changed[2],
        has_draft=draft is not None,
        review=review,
    )


def judged(versions: Iterable[Version]) -> list[Version]:
    """Return the versions with what is known of each: `verdict`, and `problems` as counts."""
    listed = list(versions)
    known = verdicts.verdicts_of(listed)
    for version in listed:
        version.verdict = known[version.pk]
        version.problems = problems_of(version, version.verdict)
    return listed


def problems_of(version: Version | None, verdict: verdicts.Verdict | None) -> tuple[int, int]:
    """Return how many errors and warnings are known: of the deeper check, else of the save."""
    if version is None:
        return 0, 0
    if verdict is None or verdict.unchecked:
        return version.errors, version.warnings
    return verdict.detail["errors"], verdict.detail["warnings"]


def _status(version: Version | None, deployed: facts.Deployed | None, errors: int) -> str:
    if deployed is not None:
        return "live"
    if version is None:
        return "draft"
    return "invalid" if errors or not version.compiles else "undeployed"


@dataclass(frozen=True, slots=True)
class Side:
    """One of two compared texts."""

    key: str
    label: str
    text: str
    number: int | None


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a comparison: `kind` is same, added, removed or gap (lines left out)."""

    kind: str
    left: int | None
    right: int | None
    text: str


def side_of(flow: Flow, user: Any, key: str) -> Side | None:
    """Resolve `draft`, `deployed` or a number to a text; None if there is no such text."""
    if key == "draft":
        draft = draft_of(flow, user)
        return Side(key, "your draft", draft.text, None) if draft else None
    if key == "deployed":
        deployed = facts.runtime().deployed().get(flow.name)
        version = version_of(flow, deployed.number) if deployed else None
    else:
        usable = key.isascii() and key.isdigit() and len(key) <= 9
        version = version_of(flow, int(key)) if usable else None
    return Side(key, version.label, version.text, version.number) if version else None


def compare(left: str, right: str, *, context: int = 4) -> list[DiffLine]:
    """Return a line diff with `context` equal lines around each change; the rest are gaps."""
    old, new = left.splitlines(), right.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=len(old) > 5000)
    opcodes = matcher.get_opcodes()
    lines: list[DiffLine] = []
    for index, (tag, i1, i2, j1, j2) in enumerate(opcodes):
        if tag == "equal":
            first, last = index == 0, index == len(opcodes) - 1
            lines += _equal(old, (i1, i2, j1), context, first=first, last=last)
            continue
        lines += [DiffLine("removed", i + 1, None, old[i]) for i in range(i1, i2)]
        lines += [DiffLine("added", None, j + 1, new[j]) for j in range(j1, j2)]
    return lines


def _equal(
    old: list[str], span: tuple[int, int, int], context: int, *, first: bool, last: bool
) -> list[DiffLine]:
    i1, i2, j1 = span
    same = [DiffLine("same", i + 1, j1 + i - i1 + 1, old[i]) for i in range(i1, i2)]
    head = 0 if first else context
    tail = 0 if last else context
    if len(same) <= head + tail + 1:
        return same
    gap = DiffLine("gap", None, None, f"{len(same) - head - tail} equal lines")
    return [*same[:head], gap, *same[len(same) - tail :]]
