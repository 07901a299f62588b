"""What waits for a person: reviews asked of them, changes asked for, where they are named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from designer.access import may, visible_flows
from designer.models import Comment, Flow, Version
from designer.reviews.models import Judgement, Review
from designer.reviews.standing import (
    APPROVED,
    CHANGES,
    OPEN,
    STALE,
    Standing,
    standings,
    writers_of,
)

MOST = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits for somebody."""

    kind: str
    """`asked`, `changes`, `stale`, `approved` or `named`."""
    title: str
    sentence: str
    url: str
    at: datetime


def waiting_for(user: Any) -> list[Waiting]:
    """Return what waits for a person, the oldest first; nothing for nobody."""
    if user is None:
        return []
    found = list(standings(_open(visible_flows(user))))
    told = [one for standing in found for one in _of(standing, user)]
    told += _named(found, user)
    return sorted(told, key=lambda one: one.at)[:MOST]


def open_by_flow(flows: Iterable[Flow] | None = None) -> dict[int, Standing]:
    """Return how the open review of each flow stands, by the flow's primary key."""
    return {each.review.flow_id: each for each in standings(_open(flows))}


def by_version(flow: Flow) -> dict[int, dict[str, Any]]:
    """Return what reviews say of the versions of a flow, by number: `review` (its number), `state`
    of the one that is under review or was the last of its review, `approved` by whom."""
    found = Review.objects.filter(flow=flow).select_related("flow", "version", "base")
    told: dict[int, dict[str, Any]] = {}
    for standing in standings(found.order_by("number")):
        told[standing.review.version.number] = {
            "review": standing.review.number,
            "state": standing.state,
            "approved": [],
        }
    approved = Judgement.objects.filter(
        review__flow=flow, verdict=Judgement.Verdict.APPROVED
    ).select_related("version", "review")
    for judgement in approved.order_by("pk"):
        number = judgement.version.number
        line = told.setdefault(
            number, {"review": judgement.review.number, "state": "", "approved": []}
        )
        if judgement.by_name not in line["approved"]:
            line["approved"].append(judgement.by_name)
    return told


def reviewed(flow: Flow, versions: Iterable[Version]) -> list[Version]:
    """Return the versions with what reviews say of each: `reviewed`, None if nobody asked."""
    known, listed = by_version(flow), list(versions)
    for version in listed:
        version.reviewed = known.get(version.number)
    return listed


def _open(flows: Any) -> list[Review]:
    found = Review.objects.filter(closed="").select_related("flow", "version", "base")
    found = found.defer("version__text", "version__report", "base__text", "base__report")
    return list(found if flows is None else found.filter(flow__in=flows))


def _of(standing: Standing, user: Any) -> list[Waiting]:
    review, label = standing.review, standing.review.version.label
    page = reverse("flow_review", args=[review.flow.name, review.number])

    def told(kind: str, title: str, sentence: str) -> list[Waiting]:
        return [Waiting(kind, title, sentence, page, review.asked_at)]

    if review.asked_by_id == user.pk:
        if standing.state == CHANGES:
            return told("changes", f"Changes are asked for in {review.flow.name} {label}",
                        standing.sentence)  # fmt: skip
        if standing.state == STALE:
            return told("stale", f"The review of {review.flow.name} {label} is stale",
                        standing.sentence)  # fmt: skip
        if standing.state == APPROVED:
            return told("approved", f"{review.flow.name} {label} is approved",
                        standing.sentence)  # fmt: skip
        return []
    if standing.state == OPEN and _asked(review, user) and not _spoke(standing, user):
        said = review.message or "to look at it"
        return told(
            "asked",
            f"Your review is asked for: {review.flow.name} {label}",
            f"{review.asked_by_name} asks: {said}",
        )
    return []


def _asked(review: Review, user: Any) -> bool:
    """Whether it is this person, or anybody who may, whose word is wanted."""
    if not may(user, "review.judge", review.flow):
        return False
    if user.pk in writers_of(review.version, review.base):
        return False
    named = set(review.reviewers.values_list("pk", flat=True))
    return not named or user.pk in named


def _spoke(standing: Standing, user: Any) -> bool:
    return any(vote.judgement.by_id == user.pk for vote in standing.votes)


def _named(found: list[Standing], user: Any) -> list[Waiting]:
    """Comments that name the person, not resolved, and not answered by them since."""
    reviews = [standing.review for standing in found]
    named = Comment.objects.filter(review__in=reviews, mentioned=user)
    told = []
    for comment in named.select_related("review__flow", "parent").order_by("pk"):
        thread = comment.parent or comment
        answered = thread.replies.filter(by=user, pk__gt=comment.pk).exists()
        if thread.resolved_at is not None or answered:
            continue
        review = comment.review
        page = reverse("flow_review", args=[review.flow.name, review.number])
        title = f"{comment.by_name} names you in {review.flow.name}"
        told.append(
            Waiting("named", title, comment.text[:200], f"{page}#c-{comment.pk}", comment.at)
        )
    return told
