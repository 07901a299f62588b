"""What people do in a review: ask, judge, comment, pass over a check, withdraw. Each act is whole
or not at all, recorded with who did it, and told to everybody who looks at the flow.
"""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from designer import auditing, notices, rendering, required, selectors
from designer.access import may
from designer.errors import Refused
from designer.models import Flow, Version
from designer.naming import person_name
from designer.reviews.models import Comment, Judgement, PassedOver, Review, Round
from designer.reviews.standing import base_of, standing_of, writers_of
from flows import anchors
from flows.anchors import Anchor
from flows.change_words import title
from flows.changes import changes
from flows.risk import risk

LONGEST = 4000
"""Characters of what somebody says at once."""
MOST_REVIEWERS = 20
APPROVAL = "approval"
"""What is passed over when a version goes live without the people it needs."""
NOTHING = """\
callflow: 1
name: nothing
states: {Idle: {initial: true}, Terminated: {final: true}}
transitions: []
"""
"""What the first version of a flow is held against."""
MENTION = re.compile(r"(?<![\w@])@([\w.+-]{1,150}[\w+-]|\w)")
"""A person's log-in name behind an @."""


def review_request(
    *,
    version: Version,
    user: Any,
    message: str = "",
    reviewers: list[Any] | tuple[Any, ...] = (),
) -> Review:
    """Ask for a review of a version against what new calls take now.

    If one is open in the flow, it goes on with this version: what was said in it stays.
    """
    _demand(user, "review.request", version.flow, "ask for a review")
    if selectors.compiled_version(version).table is None:
        raise Refused(f"{version} does not compile. Mend it before others read it.")
    base = base_of(version)
    if base is not None and base.digest == version.digest:
        raise Refused(f"{version.label} has the text of {base.label}: there is nothing to review.")
    with transaction.atomic():
        Flow.objects.select_for_update().get(pk=version.flow_id)
        review = open_review(version.flow)
        if review is None:
            review = _new(version, base)
        elif (review.version_id, review.base_id) == (version.pk, base.pk if base else None):
            raise Refused(f"{version.label} is in review {review.number} already.")
        review.version, review.base = version, base
        review.asked_by, review.asked_by_name = user, person_name(user)
        review.asked_at, review.message = timezone.now(), _said(message)
        review.risk = risk_of(version, base)
        review.save()
        review.reviewers.add(*_usable_reviewers(version.flow, user, reviewers))
        Round.objects.create(
            review=review, version=version, base=base, by_name=person_name(user),
            message=review.message,
        )  # fmt: skip
        _record("review.request", user, review, reason=review.message)
    return review


def review_withdraw(*, review: Review, user: Any) -> None:
    """Close a review without a verdict; what was said stays readable."""
    _demand(user, "review.request", review.flow, "withdraw a review")
    with transaction.atomic():
        review = _open(review)
        _close(review, Review.Closed.WITHDRAWN, person_name(user))
        _record("review.withdraw", user, review)


def review_judge(
    *, review: Review, user: Any, verdict: str, note: str = "", digest: str = ""
) -> Judgement:
    """Approve what is under review, or ask for changes.

    With a `digest` it is refused unless that is the text under review by now: nobody approves a
    text that came while they were reading another one.
    """
    _demand(user, "review.judge", review.flow, "judge a review")
    note = _said(note)
    if verdict not in Judgement.Verdict.values:
        raise Refused("A version is approved, or changes are asked for.")
    with transaction.atomic():
        review = _open(review)
        version = review.version
        if digest and digest != version.digest:
            raise Refused(f"{version.label} is under review by now. Look at it before you judge.")
        stale = standing_of(review).stale
        if stale:
            raise Refused(f"{stale} Ask for a review of it first.")
        if user.pk in writers_of(version, review.base):
            raise Refused(f"You wrote a part of {version.label}: others judge it.")
        if verdict == Judgement.Verdict.CHANGES and not note:
            raise Refused("Say which changes you ask for.")
        judgement = Judgement.objects.create(
            review=review, by=user, by_name=person_name(user), verdict=verdict, note=note,
            version=version, digest=version.digest, base_digest=review.base_digest,
        )  # fmt: skip
        act = "review.approve" if verdict == Judgement.Verdict.APPROVED else "review.changes"
        _record(act, user, review, reason=note)
    return judgement


def comment_add(
    *,
    review: Review,
    user: Any,
    text: str,
    anchor: Anchor = anchors.WHOLE,
    parent: Comment | None = None,
) -> Comment:
    """Say something of a row, a state or the whole, or answer what somebody said there."""
    _demand(user, "comment.write", review.flow, "comment")
    text = _said(text)
    if not text:
        raise Refused("Say something first.")
    with transaction.atomic():
        Flow.objects.select_for_update().get(pk=review.flow_id)
        review.refresh_from_db()
        if parent is not None:
            parent = parent.parent or parent
            anchor, name = anchor_of(parent), parent.title
        else:
            name = _title(review, anchor)
        comment = Comment.objects.create(
            review=review,
            parent=parent,
            by=user,
            by_name=person_name(user),
            text=text,
            kind=anchor.kind,
            side=anchor.side,
            row=anchor.what if isinstance(anchor.what, int) else None,
            state=anchor.what if isinstance(anchor.what, str) else "",
            title=name[:300],
            version=review.version if parent is None else parent.version,
            base=review.base if parent is None else parent.base,
        )
        comment.mentioned.set(mentioned_in(text, review.flow))
        _record("comment.write", user, review, detail={"comment": comment.pk, "on": name})
    return comment


def comment_resolve(*, comment: Comment, user: Any, resolved: bool) -> None:
    """Say that what was meant is done, or that it is not after all."""
    _demand(user, "comment.write", comment.review.flow, "comment")
    thread = comment.parent or comment
    with transaction.atomic():
        thread.resolved_at = timezone.now() if resolved else None
        thread.resolved_by_name = person_name(user) if resolved else ""
        thread.save(update_fields=["resolved_at", "resolved_by_name"])
        act = "comment.resolve" if resolved else "comment.reopen"
        _record(act, user, thread.review, detail={"comment": thread.pk, "on": thread.title})


def pass_over(*, review: Review, user: Any, key: str, reason: str) -> PassedOver:
    """Say why a check need not pass for this text. A difference in what calls do is answered for by
    whoever asks; any other check is passed over by somebody who judges."""
    reason = _said(reason)
    if not reason:
        raise Refused("Say why it need not pass.")
    from designer.checks import LOSS

    act = "review.request" if key == LOSS else "review.judge"
    _demand(user, act, review.flow, "pass over this check")
    with transaction.atomic():
        review = _open(review)
        known = {c.key: c for c in required.checks_of(review.version, review.base)}
        check = known.get(key)
        if check is None or not check.holds_back or not check.passable:
            raise Refused("This check cannot be passed over.")
        if key != LOSS and user.pk in writers_of(review.version, review.base):
            raise Refused("You wrote a part of it: others pass over its checks.")
        kept = PassedOver.objects.create(
            review=review, key=key, by=user, by_name=person_name(user), reason=reason,
            digest=review.version.digest, base_digest=review.base_digest,
        )  # fmt: skip
        _record("review.pass_over", user, review, reason=reason, detail={"check": key})
    return kept


def deployed(version: Version, by_name: str) -> None:
    """Close the review of what new calls take now. Called inside the deployment's transaction."""
    review = open_review(version.flow)
    if review is not None and review.version.digest == version.digest:
        _close(review, Review.Closed.DEPLOYED, by_name)
        _tell(review)


def overridden(version: Version, *, by_user: Any, by_name: str, reason: str) -> None:
    """Keep with the review of a version that it was deployed without its approvals, and why."""
    review = open_review(version.flow)
    if review is not None and review.version.digest == version.digest:
        PassedOver.objects.create(
            review=review, key=APPROVAL, by=by_user, by_name=by_name, reason=reason,
            digest=version.digest, base_digest=review.base_digest,
        )  # fmt: skip


def open_review(flow: Flow) -> Review | None:
    """Return the review of a flow that goes on, if there is one."""
    found = Review.objects.filter(flow=flow, closed="")
    return found.select_related("flow", "version", "base").first()


def anchor_of(comment: Comment) -> Anchor:
    """Return the place a comment was made at."""
    what = comment.row if comment.kind == anchors.ROW else comment.state or None
    return Anchor(comment.kind, what, comment.side)


def mentioned_in(text: str, flow: Flow) -> list[Any]:
    """Return whom a text names with an @, of those who may look at the flow."""
    names = set(MENTION.findall(text))
    people = get_user_model().objects.filter(username__in=names, is_active=True)
    return [person for person in people if may(person, "flow.view", flow)]


def risk_of(version: Version, base: Version | None) -> dict[str, Any]:
    """Return the risk of a change as it is kept."""
    now = selectors.compiled_version(version)
    before = selectors.compiled_version(base) if base is not None else None
    if now.table is None or before is None or before.table is None:
        assert now.table is not None, "what does not compile is not reviewed"
        return risk(None, now.table, None).as_dict()
    found = changes(before.table, now.table)
    return risk(before.table, now.table, found, (before.findings, now.findings)).as_dict()


def _new(version: Version, base: Version | None) -> Review:
    top = Review.objects.filter(flow=version.flow).aggregate(top=Max("number"))["top"] or 0
    return Review(flow=version.flow, number=top + 1, version=version, base=base)


def _usable_reviewers(flow: Flow, user: Any, reviewers: Any) -> list[Any]:
    chosen = [person for person in reviewers if person.pk != user.pk]
    if len(chosen) > MOST_REVIEWERS:
        raise Refused(f"At most {MOST_REVIEWERS} people are asked at once.")
    for person in chosen:
        if not may(person, "review.judge", flow):
            raise Refused(f"{person_name(person)} may not judge reviews of {flow.name}.")
    return chosen


def _title(review: Review, anchor: Anchor) -> str:
    """Name the place in words; Refused if there is no such place in what is under review."""
    old = rendering.drawing(review.base.text).table if review.base is not None else None
    new = rendering.drawing(review.version.text).table
    if not anchor.exists(old, new):
        raise Refused("There is no such row or state in what is under review now.")
    if anchor.kind == anchors.FLOW:
        return ""
    if anchor.kind == anchors.STATE:
        return f"State {anchor.what}"
    table = new if anchor.side == anchors.NEW else old
    assert table is not None and isinstance(anchor.what, int), "it exists"
    return title(table.rows[anchor.what])


def _open(review: Review) -> Review:
    """Return the review with its row held; Refused if it is closed by now."""
    Flow.objects.select_for_update().get(pk=review.flow_id)
    found = Review.objects.select_related("flow", "version", "base").get(pk=review.pk)
    if found.closed:
        raise Refused(f"Review {found.number} is closed: it was {found.get_closed_display()}.")
    return found


def _close(review: Review, how: str, by_name: str) -> None:
    review.closed, review.closed_at, review.closed_by_name = how, timezone.now(), by_name
    review.save(update_fields=["closed", "closed_at", "closed_by_name"])


def _said(text: str) -> str:
    text = text.strip()
    if len(text) > LONGEST:
        raise Refused(f"At most {LONGEST} characters are said at once.")
    return text


def _demand(user: Any, act: str, flow: Flow, what: str) -> None:
    if not may(user, act, flow):
        raise Refused(f"Your account may not {what}.")


def _record(act: str, user: Any, review: Review, **more: Any) -> None:
    subject = f"{review.version.label} in review {review.number}"
    detail = {"review": review.number, "digest": review.version.digest,
              "base": review.base_digest, **more.pop("detail", {})}  # fmt: skip
    auditing.record(act, user=user, flow=review.flow, subject=subject, detail=detail, **more)
    _tell(review)


def _tell(review: Review) -> None:
    notices.announce(
        notices.flow_group(review.flow.name),
        {"type": "review.changed", "flow": review.flow.name, "review": review.number},
    )
