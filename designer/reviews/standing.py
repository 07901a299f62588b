"""How a review stands now: what its texts and judgements amount to, in one word and one sentence.

Only that it was withdrawn or deployed is kept with it; the rest is told from the hashes each time,
so that no approval outlives the text, or the base, it was given for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from designer import facts
from designer.models import Flow, Version
from designer.reviews.models import Judgement, Review
from designer.reviews.rules import Rule, rules_of

OPEN, CHANGES, APPROVED, STALE = "open", "changes", "approved", "stale"
WITHDRAWN, DEPLOYED = "withdrawn", "deployed"
WORDS = {
    OPEN: "In review",
    CHANGES: "Changes requested",
    APPROVED: "Approved",
    STALE: "Stale",
    WITHDRAWN: "Withdrawn",
    DEPLOYED: "Deployed",
}


@dataclass(frozen=True, slots=True)
class Vote:
    """The last word of one person on what is under review now."""

    judgement: Judgement
    counts: bool
    """It is an approval of somebody who did not write any of it."""

    @property
    def approved(self) -> bool:
        return self.judgement.verdict == Judgement.Verdict.APPROVED


@dataclass(frozen=True, slots=True)
class Standing:
    """A review as it is now."""

    review: Review
    state: str
    sentence: str
    """What is true, and what is to be done."""
    rule: Rule
    needed: int
    """How many people have to approve."""
    votes: tuple[Vote, ...] = ()
    stale: str = ""
    """Why what was approved here says nothing of what would go live, or empty."""

    @property
    def word(self) -> str:
        return WORDS[self.state]

    @property
    def open(self) -> bool:
        """Somebody may still judge it or ask again."""
        return not self.review.closed

    @property
    def approvals(self) -> int:
        return sum(vote.counts for vote in self.votes)

    @property
    def lacking(self) -> int:
        """How many more people have to approve."""
        return max(0, self.needed - self.approvals)


def standing_of(review: Review) -> Standing:
    """Return how one review stands."""
    return standings([review])[0]


def standings(reviews: Iterable[Review]) -> list[Standing]:
    """Return how reviews stand, in a handful of queries however many there are."""
    listed = list(reviews)
    flows = list({review.flow_id: review.flow for review in listed}.values())
    rules, newest = rules_of(flows), _newest(flows)
    deployed = facts.runtime().deployed()
    votes = _votes(listed)
    return [
        _standing(
            review,
            rules[review.flow_id],
            newest[review.flow_id],
            deployed.get(review.flow.name),
            votes.get(review.pk, ()),
        )
        for review in listed
    ]


def base_of(version: Version) -> Version | None:
    """Return what a version is held against: what new calls take, else what it was made from."""
    deployed = facts.runtime().deployed().get(version.flow.name)
    if deployed is not None and deployed.digest != version.digest:
        return Version.objects.filter(flow=version.flow, number=deployed.number).first()
    return version.parent


def writers_of(version: Version, base: Version | None) -> frozenset[int]:
    """Return the keys of everybody who saved a part of what is between the two.

    Somebody who wrote one of the versions on the way does not judge the whole of it.
    """
    found = Version.objects.filter(flow=version.flow_id, number__lte=version.number)
    if base is not None and base.number < version.number:
        found = found.filter(number__gt=base.number)
    else:
        found = found.filter(pk=version.pk)
    return frozenset(key for key in found.values_list("author_id", flat=True) if key is not None)


def counting(judgements: Iterable[Judgement], writers: frozenset[int]) -> list[Vote]:
    """Return the last word of each person, in the order in which they first spoke."""
    last: dict[Any, Judgement] = {}
    for judgement in judgements:
        last[judgement.by_id or judgement.by_name] = judgement
    return [
        Vote(
            each,
            counts=each.verdict == Judgement.Verdict.APPROVED
            and each.by_id is not None
            and each.by_id not in writers,
        )
        for each in last.values()
    ]


def _newest(flows: list[Flow]) -> dict[int, Version | None]:
    found: dict[int, Version | None] = dict.fromkeys((flow.pk for flow in flows), None)
    tops = Version.objects.filter(flow__in=flows).order_by().values("flow")
    keys = tops.annotate(top=Max("pk")).values("top")
    for version in Version.objects.filter(pk__in=keys).defer("text", "report"):
        found[version.flow_id] = version
    return found


def _votes(reviews: list[Review]) -> dict[int, tuple[Vote, ...]]:
    """Return by review who judged what is under review in it now."""
    known: dict[int, list[Judgement]] = {}
    of = {review.pk: review for review in reviews}
    for each in Judgement.objects.filter(review__in=reviews).order_by("pk"):
        review = of[each.review_id]
        if each.digest == review.version.digest and each.base_digest == review.base_digest:
            known.setdefault(review.pk, []).append(each)
    return {
        key: tuple(counting(judgements, writers_of(of[key].version, of[key].base)))
        for key, judgements in known.items()
    }


def _standing(
    review: Review,
    rule: Rule,
    newest: Version | None,
    deployed: facts.Deployed | None,
    votes: Iterable[Vote],
) -> Standing:
    votes = tuple(votes)
    needed = rule.needed(str(review.risk.get("level", "")))
    stale = "" if review.closed else _stale(review, newest, deployed)
    state = _state(review, needed, votes, stale)
    sentence = _sentence(review, state, needed, votes, stale)
    return Standing(review, state, sentence, rule, needed, votes, stale)


def _stale(review: Review, newest: Version | None, deployed: facts.Deployed | None) -> str:
    version = review.version
    if deployed is not None and deployed.digest not in (review.base_digest, version.digest):
        was = review.base.label if review.base else "nothing"
        return f"v{deployed.number} is deployed now; {version.label} was held against {was}."
    if newest is not None and newest.number > version.number and newest.digest != version.digest:
        return f"{newest.author_name} saved {newest.label} after {version.label} was asked about."
    return ""


def _state(review: Review, needed: int, votes: tuple[Vote, ...], stale: str) -> str:
    if review.closed:
        return str(review.closed)
    if stale:
        return STALE
    if any(not vote.approved for vote in votes):
        return CHANGES
    count = sum(vote.counts for vote in votes)
    return APPROVED if count and count >= needed else OPEN


def _sentence(review: Review, state: str, needed: int, votes: tuple[Vote, ...], stale: str) -> str:
    label = review.version.label
    if state == STALE:
        return f"{stale} What was said of it stays; approvals hold for {label} alone."
    if state == CHANGES:
        names = _names(vote for vote in votes if not vote.approved)
        return f"{names} asks for changes. Save a version that has them and ask again."
    if state == APPROVED:
        return f"{_names(vote for vote in votes if vote.counts)} approved {label}."
    if state == OPEN:
        lacking = needed - sum(vote.counts for vote in votes)
        if lacking <= 0:
            return f"Nobody has to approve {label}: {review.risk.get('words', 'little')}."
        return f"{_people(lacking)} has to approve {label}." if lacking == 1 else (
            f"{_people(lacking)} have to approve {label}."
        )  # fmt: skip
    who = review.closed_by_name or "Somebody"
    return f"{who} {'withdrew it' if state == WITHDRAWN else f'deployed {label}'}."


def _names(votes: Iterable[Vote]) -> str:
    names = [vote.judgement.by_name for vote in votes]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _people(count: int) -> str:
    return "1 more person" if count == 1 else f"{count} more people"
