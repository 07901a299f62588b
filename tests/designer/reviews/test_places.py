"""What was said of a row or state is shown where it belongs in the text under review now."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from designer.errors import Refused
from designer.models import Flow
from designer.reviews import places, services
from designer.reviews.models import Review
from flows.anchors import NEW, OLD, ROW, STATE, WHOLE, Anchor
from flows.compile import compile_text
from flows.edit import apply
from tests.designer.reviews.conftest import save
from tests.web import ECHO

pytestmark = pytest.mark.django_db

GONE_ROW = next(
    row.index
    for row in compile_text(ECHO).table.rows  # type: ignore[union-attr]
    if row.event == "HangupCall" and row.from_state == "Active"
)


def edited(text: str, operation: str, **arguments: Any) -> str:
    return apply(text, operation, arguments).text


LESS = edited(ECHO, "delete_row", row=GONE_ROW)


@pytest.fixture
def review(flow: Flow, ada: User) -> Review:
    save(flow, ECHO, ada)
    return services.review_request(version=save(flow, LESS, ada), user=ada)


def again(review: Review, text: str, ada: User) -> Review:
    return services.review_request(version=save(review.flow, text, ada), user=ada)


def said(review: Review, by: User, anchor: Anchor, text: str = "Why?") -> None:
    services.comment_add(review=review, user=by, text=text, anchor=anchor)


def test_a_comment_goes_with_its_row_to_a_new_name_and_place(
    review: Review, ada: User, rex: User
) -> None:
    said(review, rex, Anchor(ROW, 5))
    (before,) = places.threads_of(review)
    text = edited(LESS, "rename_state", name="Active", new_name="Talking")
    text = edited(text, "move_row", row=5, before=0)
    (after,) = places.threads_of(again(review, text, ada))
    assert (before.href, after.href, after.gone) == ("#t/5", "#t/0", False)


def test_a_comment_on_a_removed_row_stands_on_it_and_on_the_row_once_it_is_back(
    review: Review, ada: User, rex: User
) -> None:
    said(review, rex, Anchor(ROW, GONE_ROW, OLD))
    (thread,) = places.threads_of(review)
    assert (thread.href, thread.removed) == (f"#old/{GONE_ROW}", True)
    assert thread.title == "Active, on HangupCall (UAS)"
    (back,) = places.threads_of(again(review, ECHO + "# back\n", ada))
    assert (back.href, back.removed) == (f"#t/{GONE_ROW}", False)


def test_a_comment_on_a_row_that_came_and_went_is_kept_by_its_name(
    review: Review, ada: User, rex: User
) -> None:
    fresh = edited(LESS, "add_row", from_state="Active", event="SendDTMF", after_row=None)
    review = again(review, fresh, ada)
    row = next(
        row.index
        for row in compile_text(fresh).table.rows  # type: ignore[union-attr]
        if row.event == "SendDTMF"
    )
    said(review, rex, Anchor(ROW, row))
    (thread,) = places.threads_of(again(review, LESS + "# gone\n", ada))
    assert (thread.gone, thread.href, thread.title) == (True, "", "Active, on SendDTMF (UAS)")


def test_a_comment_on_a_state_follows_its_name(review: Review, ada: User, rex: User) -> None:
    said(review, rex, Anchor(STATE, "Active"))
    text = edited(LESS, "rename_state", name="Active", new_name="InTalk")
    (thread,) = places.threads_of(again(review, text, ada))
    assert (thread.href, thread.title) == ("#s/InTalk", "State InTalk")


def test_answers_stand_under_what_they_answer_and_it_is_resolved_as_one(
    review: Review, ada: User, rex: User
) -> None:
    said(review, rex, Anchor(ROW, 2), "Keep it?")
    first = review.comments.get()
    answer = services.comment_add(review=review, user=ada, text="Yes.", parent=first)
    services.comment_add(review=review, user=rex, text="Good.", parent=answer)
    said(review, rex, WHOLE, "Fine otherwise.")
    threads = places.threads_of(review)
    assert [(t.number, [r.text for r in t.replies]) for t in threads] == [
        (1, ["Yes.", "Good."]),
        (2, []),
    ]
    services.comment_resolve(comment=answer, user=ada, resolved=True)
    first.refresh_from_db()
    assert (first.resolved_by_name, places.threads_of(review)[0].resolved) == ("ada", True)
    services.comment_resolve(comment=first, user=rex, resolved=False)
    assert not places.threads_of(review)[0].resolved


def test_who_is_named_with_an_at_sign_is_mentioned(
    review: Review, ada: User, rex: User, ria: User
) -> None:
    said(review, rex, WHOLE, "@ada, and @ria: look. mail@leo.example is nobody; @nobody neither.")
    assert set(review.comments.get().mentioned.all()) == {ada, ria}


def test_nothing_is_said_of_what_is_not_there(review: Review, rex: User) -> None:
    for anchor in (Anchor(ROW, 999), Anchor(STATE, "Nowhere"), Anchor(ROW, 999, OLD)):
        with pytest.raises(Refused, match="no such row or state"):
            said(review, rex, anchor)
    with pytest.raises(Refused, match="Say something"):
        said(review, rex, WHOLE, " \n")


@pytest.mark.parametrize(
    ("fragment", "anchor"),
    [
        ("#t/4", Anchor(ROW, 4, NEW)),
        ("old/2", Anchor(ROW, 2, OLD)),
        ("#s/OnHold", Anchor(STATE, "OnHold")),
        ("", WHOLE),
        ("#t/x", WHOLE),
        ("#t/99999999", WHOLE),
        ("#what/1", WHOLE),
    ],
)
def test_a_place_is_read_as_the_address_names_it(fragment: str, anchor: Anchor) -> None:
    assert places.anchor_from(fragment) == anchor
