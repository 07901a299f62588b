"""Shadows: a version that judges the living calls of its flow, muted, and what it found.

shadow = start(version, share=20, by="Dora")      # every node follows the row
found = found_of(version)                         # Found: counts, differences in words
stop(version.flow, by="Dora")
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from designer import auditing, notices, required, selectors
from designer.errors import Refused
from designer.models import Flow, Version
from designer.required import FAILED, PASSED, RUNNING, Check
from runtime.differences import Line, lines_of
from runtime.models import Shadow, ShadowCount, ShadowDifference
from runtime.node.shadowing import SAMPLES, Counted, Key
from runtime.replay_runs import spaced

USUAL_SHARE = 20
"""Percent of the new sessions."""
USUAL_MOST = 500
MOST = 20_000
"""Sessions that one node follows at a time: by default, and at most."""
ACT = "deployment.make"
"""Whoever may let calls take a version may let it judge them."""


@dataclass(slots=True)
class Found:
    """What a shadow found: the running one of a version, else the last."""

    version: Version
    shadow: Shadow | None = None
    counts: list[ShadowCount] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def running(self) -> bool:
        return self.shadow is not None and self.shadow.stopped_at is None

    @property
    def followed(self) -> int:
        return sum(each.followed for each in self.counts)

    @property
    def same(self) -> int:
        return sum(each.same for each in self.counts)

    @property
    def differed(self) -> int:
        return sum(each.differed for each in self.counts)

    @property
    def left_out(self) -> int:
        return sum(each.left_out for each in self.counts)

    @property
    def living(self) -> int:
        return sum(each.living for each in self.counts) if self.running else 0

    @property
    def errors(self) -> list[ShadowCount]:
        """The nodes on which it judges no calls, though it should."""
        return [each for each in self.counts if each.error]

    @property
    def state(self) -> str:
        """`none`, `running`, `stopped`."""
        if self.shadow is None:
            return "none"
        return "running" if self.running else "stopped"

    @property
    def figure(self) -> str:
        judged = self.same + self.differed
        return f"{spaced(self.same)} of {spaced(judged)} same" if judged else ""

    @property
    def sentence(self) -> str:
        """How it stands, in a sentence for a person."""
        label = self.version.label
        if self.shadow is None:
            return f"{label} never judged living calls."
        judged = self.same + self.differed
        how = f"{label} judges {self.shadow.share} % of new calls, muted"
        if not self.running:
            how = f"{label} judged {self.shadow.share} % of the calls, muted"
        if not judged:
            return f"{how}. {'None of them is over' if self.running else 'There were none'}."
        if not self.differed:
            return f"{how}; {spaced(judged)} went as it says."
        return f"{how}; it differs in {spaced(self.differed)} of {spaced(judged)}."

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        shadow = self.shadow
        return {
            "version": self.version.number,
            "digest": self.version.digest,
            "state": self.state,
            "share": shadow.share if shadow else 0,
            "most": shadow.most if shadow else 0,
            "by": shadow.by_name if shadow else "",
            "started_at": shadow.started_at.isoformat() if shadow else None,
            "stopped_at": (shadow.stopped_at.isoformat() if shadow and shadow.stopped_at else None),
            "followed": self.followed,
            "living": self.living,
            "same": self.same,
            "differed": self.differed,
            "left_out": self.left_out,
            "sentence": self.sentence,
            "nodes": [
                {
                    "node": each.node,
                    "followed": each.followed,
                    "same": each.same,
                    "differed": each.differed,
                    "left_out": each.left_out,
                    "error": each.error,
                }
                for each in self.counts
            ],
            "differences": [line.as_dict() for line in self.lines],
        }


def found_of(version: Version) -> Found:
    """Return what the newest shadow of a version found."""
    shadow = Shadow.objects.filter(version=version).first()
    if shadow is None:
        return Found(version)
    counts = list(shadow.counts.all())
    return Found(version, shadow, counts, lines_of(version, shadow.differences.all()[:200]))


def running_of(flow: Flow) -> Shadow | None:
    """Return the shadow that judges calls of a flow now."""
    return Shadow.objects.filter(flow=flow, stopped_at=None).select_related("version").first()


# -- acts ------------------------------------------------------------------------------------------


def start(
    version: Version,
    *,
    share: int = USUAL_SHARE,
    most: int = USUAL_MOST,
    reason: str = "",
    user: Any = None,
    by_name: str = "",
) -> Shadow:
    """Let a version judge a share of the new calls of its flow, in place of another one; Refused
    says why not."""
    if not 1 <= share <= 100:
        raise Refused("A shadow judges 1 to 100 percent of the new calls.")
    if not 1 <= most <= MOST:
        raise Refused(f"A node follows 1 to {spaced(MOST)} calls beside a shadow.")
    if selectors.compiled_version(version).table is None:
        raise Refused(f"{version} does not compile, so it can judge nothing.")
    with transaction.atomic():
        Flow.objects.select_for_update().get(pk=version.flow_id)
        _end(version.flow, user=user, by_name=by_name, why=f"{version.label} took its place.")
        entry = auditing.record(
            ACT, user=user, by_name=by_name, flow=version.flow, subject=version.label,
            reason=reason, detail={"shadow": "start", "share": share, "most": most},
        )  # fmt: skip
        shadow = Shadow.objects.create(
            flow=version.flow,
            version=version,
            share=share,
            most=most,
            by_name=entry.by_name,
            reason=reason.strip(),
        )
        _ring(version.flow)
    return shadow


def stop(flow: Flow, *, user: Any = None, by_name: str = "", why: str = "") -> Shadow:
    """Let no version judge the calls of a flow any more; Refused if none does."""
    with transaction.atomic():
        shadow = _end(flow, user=user, by_name=by_name, why=why)
        if shadow is None:
            raise Refused(f"No version judges the calls of {flow.name}.")
        _ring(flow)
    return shadow


def _end(flow: Flow, *, user: Any, by_name: str, why: str) -> Shadow | None:
    shadow = running_of(flow)
    if shadow is None:
        return None
    entry = auditing.record(
        ACT, user=user, by_name=by_name, flow=flow, subject=shadow.version.label, reason=why,
        detail={"shadow": "stop"},
    )  # fmt: skip
    shadow.stopped_at, shadow.stopped_by, shadow.why_stopped = timezone.now(), entry.by_name, why
    shadow.save(update_fields=["stopped_at", "stopped_by", "why_stopped"])
    return shadow


def _ring(flow: Flow) -> None:
    notices.announce(notices.NODES, {"type": "flow.shadow", "flow": flow.name})


# -- what nodes read and tell ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """A shadow as a node follows it."""

    id: int
    flow: str
    digest: str
    share: int
    most: int


def wanted() -> list[Wanted]:
    """Return the shadows that every node follows."""
    found = Shadow.objects.filter(stopped_at=None).order_by("pk")
    told = found.values_list("pk", "flow__name", "version__digest", "share", "most")
    return [Wanted(*each) for each in told]


def text_of(shadow_id: int) -> str:
    """Return the text of a shadow's version."""
    text: str = Shadow.objects.values_list("version__text", flat=True).get(pk=shadow_id)
    return text


def told(node: str, reports: Mapping[int, tuple[Counted, int, str]]) -> None:
    """Keep what a node counted since it told last: by shadow what, how many live, and why not."""
    with transaction.atomic():
        known = set(Shadow.objects.filter(pk__in=reports).values_list("pk", flat=True))
        for id, (counted, living, error) in reports.items():
            if id in known:
                _keep(id, node, counted, living, error)


def _keep(id: int, node: str, counted: Counted, living: int, error: str) -> None:
    line, _ = ShadowCount.objects.get_or_create(shadow_id=id, node=node)
    ShadowCount.objects.filter(pk=line.pk).update(
        followed=F("followed") + counted.followed,
        same=F("same") + counted.same,
        differed=F("differed") + counted.differed,
        left_out=F("left_out") + counted.left_out,
        steps=F("steps") + counted.steps,
        living=living,
        error=error,
        at=timezone.now(),
    )
    for key, found in counted.differences.items():
        _keep_difference(id, key, found.count, found.samples)


def _keep_difference(id: int, key: Key, count: int, samples: list[tuple[str, int]]) -> None:
    ran, was_row, row, event, kinds, early, final = key
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
    line, _ = ShadowDifference.objects.get_or_create(
        shadow_id=id,
        key=name,
        defaults={
            "ran": ran, "was_row": was_row, "row": row, "event": event, "kinds": list(kinds),
            "early": early, "final": final,
        },
    )  # fmt: skip
    kept = [*line.samples, *map(list, samples)][:SAMPLES]
    ShadowDifference.objects.filter(pk=line.pk).update(
        count=F("count") + count, samples=kept, last_at=timezone.now()
    )


# -- the check -------------------------------------------------------------------------------------


def shadowed(version: Version, base: Version | None) -> Check | None:
    """Tell what a version's shadow found; None if it never judged living calls."""
    found = found_of(version)
    if found.shadow is None:
        return None
    url = reverse("flow_shadow", args=[version.flow.name, version.number])
    state = FAILED if found.differed else RUNNING if found.running else PASSED
    return Check(
        "shadow", "Living calls judged", state, found.sentence, url, found.figure, needed=False
    )


def register() -> None:
    """Let the list of checks tell of shadows."""
    required.register("shadow", shadowed, rank=55)
