"""The calls about reviews: asked for, read, judged, talked over."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import Http404

from designer import selectors
from designer.errors import Refused
from designer.models import Review
from designer.reviews import places, services
from designer.reviews.telling import line_of, whole_of
from designer.views.reviews import comment_or_404, review_or_404
from designer.views.shell import flow_or_404
from runtime.api import review_shapes, shapes
from runtime.api.declare import Call, operation


@operation("flow.view", list[review_shapes.ReviewLine], query=shapes.Paging, paged=True)
def list_reviews(call: Call, name: str) -> Any:
    """List the reviews of a flow, newest first."""
    found = Review.objects.filter(flow=flow_or_404(name)).order_by("-number")
    return [line_of(each) for each in call.page_of(found.select_related("flow", "version", "base"))]


@operation("review.request", review_shapes.ReviewWhole, body=review_shapes.NewReview, status=201)
def request_review(call: Call, name: str) -> Any:
    """Ask for a review of a version, held against what new calls take now.

    At most one review of a flow is open. If one is, it goes on with this version: what was said in
    it stays, its approvals do not count any more.
    """
    flow, number = flow_or_404(name), call.body.version
    newest = selectors.newest_version(flow)
    version = selectors.version_of(flow, number) if number else newest
    if version is None:
        raise Http404(f"{name} has no version {number or 'yet'}.")
    people = list(get_user_model().objects.filter(username__in=call.body.reviewers, is_active=True))
    unknown = set(call.body.reviewers) - {person.get_username() for person in people}
    if unknown:
        raise Refused(f"Nobody is called {', '.join(sorted(unknown))}.")
    review = services.review_request(
        version=version, user=call.user, message=call.body.message, reviewers=people
    )
    return whole_of(review)


@operation("flow.view", review_shapes.ReviewWhole)
def get_review(call: Call, name: str, number: int) -> Any:
    """Get a review: votes, risk, checks, and what was said."""
    return whole_of(review_or_404(flow_or_404(name), number))


@operation("review.judge", review_shapes.ReviewWhole, body=review_shapes.NewJudgement)
def judge_review(call: Call, name: str, number: int) -> Any:
    """Approve the text under review, or ask for changes.

    With another `digest` than that of the text under review it is refused: nobody approves what
    they did not read. Who wrote a part of it does not judge it.
    """
    review = review_or_404(flow_or_404(name), number)
    services.review_judge(
        review=review,
        user=call.user,
        verdict=call.body.verdict,
        note=call.body.note,
        digest=call.body.digest,
    )
    return whole_of(review_or_404(review.flow, number))


@operation("comment.write", review_shapes.ReviewWhole, body=review_shapes.NewComment, status=201)
def comment_review(call: Call, name: str, number: int) -> Any:
    """Say something of a row, a state or the whole, or answer a comment."""
    review = review_or_404(flow_or_404(name), number)
    parent = comment_or_404(review, str(call.body.answers)) if call.body.answers else None
    services.comment_add(
        review=review,
        user=call.user,
        text=call.body.text,
        anchor=places.anchor_from(call.body.place),
        parent=parent,
    )
    return whole_of(review)
