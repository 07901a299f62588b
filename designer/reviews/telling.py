"""A review as plain data, for the API and the command line."""

from __future__ import annotations

from typing import Any

from designer.models import Review
from designer.reviews import gate, places
from designer.reviews.standing import Standing, Vote, standing_of


def line_of(review: Review) -> dict[str, Any]:
    """Return a review as lists show it."""
    return _line(standing_of(review))


def whole_of(review: Review) -> dict[str, Any]:
    """Return a review with its votes, the risk, all checks and what was said."""
    standing = standing_of(review)
    return {
        **_line(standing),
        "votes": [_vote(vote) for vote in standing.votes],
        "reasons": review.risk.get("reasons", []),
        "checks": [check.as_dict() for check in gate.checks_of(review.version, review.base)],
        "threads": [thread.as_dict() for thread in places.threads_of(review)],
    }


def _line(standing: Standing) -> dict[str, Any]:
    review = standing.review
    return {
        "flow": review.flow.name,
        "number": review.number,
        "state": standing.state,
        "sentence": standing.sentence,
        "version": review.version.number,
        "digest": review.version.digest,
        "base": review.base.number if review.base is not None else None,
        "asked_by": review.asked_by_name,
        "asked_at": review.asked_at.isoformat(),
        "message": review.message,
        "risk": review.risk.get("level", "none"),
        "approvals": standing.approvals,
        "needed": standing.needed,
        "required": standing.rule.required,
    }


def _vote(vote: Vote) -> dict[str, Any]:
    judgement = vote.judgement
    return {
        "by": judgement.by_name,
        "verdict": judgement.verdict,
        "note": judgement.note,
        "at": judgement.at.isoformat(),
        "counts": vote.counts,
    }
