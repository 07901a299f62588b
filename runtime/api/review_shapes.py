"""What is sent about reviews and answered; see `runtime.api.shapes`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runtime.api.shapes import Digest, FlowName, Moment, Sent, Told

Said = Annotated[str, Meta(max_length=4000, description="What somebody says.")]
Place = Annotated[
    str,
    Meta(
        max_length=256,
        description="`#t/4`: row 4 (from 0) of the version; `#old/4`: of the one it is held"
        " against; `#s/Name`: a state; empty: the whole.",
    ),
]
ReviewState = Literal["open", "changes", "approved", "stale", "withdrawn", "deployed"]


class NewReview(Sent):
    """A version others shall look at."""

    version: Annotated[
        int, Meta(ge=0, lt=2**31, description="Its number; 0 or left out means the newest.")
    ] = 0
    message: Said = ""
    reviewers: Annotated[
        list[str], Meta(max_length=20, description="Log-in names; none: whoever may judge.")
    ] = []


class NewJudgement(Sent):
    """What somebody decided about the version under review."""

    verdict: Literal["approved", "changes"]
    digest: Annotated[
        str, Meta(min_length=64, max_length=64, description="The hash of the text that was read.")
    ]
    note: Said = ""


class NewComment(Sent):
    """Something said of a row, a state or the whole, or in answer to a comment."""

    text: Said
    place: Place = ""
    answers: Annotated[
        int, Meta(ge=0, lt=2**53, description="The id of the comment it answers; 0: none.")
    ] = 0


class Vote(Told):
    """The last word of one person on the text under review."""

    by: str
    verdict: Literal["approved", "changes"]
    note: str
    at: Moment
    counts: Annotated[bool, Meta(description="It is an approval of somebody who wrote none of it.")]


class RiskReason(Told):
    """One thing that makes a change worth looking at."""

    level: Literal["none", "low", "medium", "high"]
    kind: str
    words: str
    change: Annotated[int | None, Meta(description="Its place in the comparison's changes.")]


class RequiredCheck(Told):
    """How one check stands for the text under review."""

    key: str
    title: str
    state: Literal["passed", "failed", "running", "missing", "passed over"]
    sentence: str
    url: str
    figure: str
    needed: bool
    passable: Annotated[bool, Meta(description="A person may pass over it with a reason.")]
    holds_back: bool


class CommentTold(Told):
    """What somebody said."""

    id: int
    by: str
    at: Moment
    text: str
    version: Annotated[int, Meta(description="The version that was under review then.")]


class ThreadTold(Told):
    """Something that was said, the answers to it, and where it belongs by now."""

    number: int
    on: Annotated[str, Meta(description="The row or state in words; empty for the whole.")]
    place: Place
    gone: Annotated[bool, Meta(description="The row or state is in neither text any more.")]
    resolved: bool
    resolved_by: str
    comments: list[CommentTold]


class ReviewLine(Told):
    """A review in the list."""

    flow: FlowName
    number: int
    state: ReviewState
    sentence: str
    version: int
    digest: Digest
    base: Annotated[int | None, Meta(description="The version it is held against.")]
    asked_by: str
    asked_at: Moment
    message: str
    risk: Literal["none", "low", "medium", "high"]
    approvals: int
    needed: Annotated[int, Meta(description="How many others have to approve.")]
    required: Annotated[bool, Meta(description="The flow lets no version pass without.")]


class ReviewWhole(ReviewLine):
    """A review with all that was said and found."""

    votes: list[Vote]
    reasons: list[RiskReason]
    checks: list[RequiredCheck]
    threads: list[ThreadTold]
