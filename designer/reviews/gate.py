"""What a version lacks before calls take it: approvals of its very text, and checks that pass.

lacks(version)      # [] or sentences; only where the flow asks for a review
checks_of(version, base, review)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from designer import required
from designer.models import Flow, Version
from designer.required import Check
from designer.reviews.models import Judgement, PassedOver, Review
from designer.reviews.rules import rule_of
from designer.reviews.services import APPROVAL, open_review, risk_of
from designer.reviews.standing import base_of, counting, standing_of, writers_of


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that stands in the way of a deployment."""

    key: str
    """`approval`, or the key of a check."""
    sentence: str
    url: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return it as plain data for JSON."""
        return {"key": self.key, "sentence": self.sentence, "url": self.url}


def lacks(version: Version) -> list[Lack]:
    """Return what a version lacks where its flow asks for reviews; nothing where it does not."""
    rule = rule_of(version.flow)
    base = base_of(version)
    if not rule.required or (base is not None and base.digest == version.digest):
        return []
    if not version.compiles:
        return [Lack("rules", f"{version.label} does not compile.")]
    found = []
    approvals = approvals_of(version, base)
    needed = rule.needed(_level(version, base))
    if len(approvals) < needed:
        found.append(Lack(APPROVAL, _approval(version, base, needed, len(approvals))))
    for check in required.holding_back(checks_of(version, base)):
        found.append(Lack(check.key, f"{check.title}: {check.sentence}", check.url))
    return found


def approvals_of(version: Version, base: Version | None) -> list[Judgement]:
    """Return the approvals of exactly this text against exactly this base, by others."""
    judged = Judgement.objects.filter(
        review__flow=version.flow_id,
        digest=version.digest,
        base_digest=base.digest if base is not None else "",
    ).order_by("pk")
    votes = counting(judged, writers_of(version, base))
    if any(not vote.approved for vote in votes):
        return []
    return [vote.judgement for vote in votes if vote.counts]


def checks_of(version: Version, base: Version | None) -> list[Check]:
    """Return the required checks as they stand, with those that somebody passed over."""
    passed = {
        each.key: each
        for each in PassedOver.objects.filter(
            review__flow=version.flow_id,
            digest=version.digest,
            base_digest=base.digest if base is not None else "",
        ).order_by("pk")
    }
    return [
        check.passed_over(passed[check.key].by_name, passed[check.key].reason)
        if check.key in passed
        else check
        for check in required.checks_of(version, base)
    ]


def way_of(flow: Flow) -> dict[str, Any]:
    """Return where a flow is on the way to a deployment, as it travels to browsers.

    `{"required", "review": {"number", "state", "word", "version", "digest"} or None}`
    """
    review = open_review(flow)
    told: dict[str, Any] | None = None
    if review is not None:
        standing = standing_of(review)
        told = {
            "number": review.number,
            "state": standing.state,
            "word": standing.word,
            "version": review.version.number,
            "digest": review.version.digest,
        }
    return {"required": rule_of(flow).required, "review": told}


def _level(version: Version, base: Version | None) -> str:
    """The risk as it was kept with a review of the same two texts, else told anew."""
    known = Review.objects.filter(
        flow=version.flow_id,
        version__digest=version.digest,
        base__digest=base.digest if base is not None else None,
    ).first()
    if known is not None and known.risk:
        return str(known.risk["level"])
    return str(risk_of(version, base)["level"])


def _approval(version: Version, base: Version | None, needed: int, given: int) -> str:
    others = "1 other person approves" if needed == 1 else f"{needed} other people approve"
    against = f" against {base.label}" if base is not None else ""
    said = "nobody did" if given == 0 else f"{given} did"
    return f"{version.label} goes live once {others} it{against}; {said} so far."
