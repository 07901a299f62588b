"""What waits for whom, and what lists say of reviews."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from designer import selectors
from designer.models import Flow
from designer.reviews import inbox, services
from designer.reviews.models import Review
from tests.designer.reviews.conftest import save
from tests.designer.reviews.test_places import LESS
from tests.web import ECHO

pytestmark = pytest.mark.django_db


@pytest.fixture
def review(flow: Flow, ada: User) -> Review:
    save(flow, ECHO, ada)
    return services.review_request(version=save(flow, LESS, ada), user=ada, message="Look!")


def kinds(user: Any) -> list[str]:
    return [one.kind for one in inbox.waiting_for(user)]


def test_whoever_may_judge_is_asked_until_they_spoke(
    review: Review, ada: User, rex: User, ria: User, leo: User
) -> None:
    assert [kinds(user) for user in (rex, ria, ada, leo)] == [["asked"], ["asked"], [], []]
    (asked,) = inbox.waiting_for(rex)
    assert asked.title == "Your review is asked for: support v2"
    services.review_judge(review=review, user=rex, verdict="approved")
    assert (kinds(rex), kinds(ria)) == ([], ["asked"])


def test_only_those_who_are_named_wait_if_some_are(
    flow: Flow, ada: User, rex: User, ria: User
) -> None:
    save(flow, ECHO, ada)
    services.review_request(version=save(flow, LESS, ada), user=ada, reviewers=[ria])
    assert (kinds(rex), kinds(ria)) == ([], ["asked"])


def test_who_asked_hears_of_changes_of_staleness_and_of_the_approval(
    review: Review, ada: User, rex: User, ria: User
) -> None:
    services.review_judge(review=review, user=rex, verdict="changes", note="Slower.")
    assert kinds(ada) == ["changes"]
    newer = save(review.flow, LESS + "# slower\n", ada)
    assert kinds(ada) == ["stale"]
    again = services.review_request(version=newer, user=ada)
    for person in (rex, ria):
        services.review_judge(review=again, user=person, verdict="approved")
    assert kinds(ada) == ["approved"]


def test_who_is_named_waits_until_they_answer_or_it_is_resolved(
    review: Review, ada: User, rex: User
) -> None:
    first = services.comment_add(review=review, user=rex, text="@ada why?")
    (named,) = inbox.waiting_for(ada)
    assert named.url == f"/flows/support/reviews/1/#c-{first.pk}"
    services.comment_add(review=review, user=ada, text="Because.", parent=first)
    assert kinds(ada) == []
    other = services.comment_add(review=review, user=rex, text="@ada and this?")
    services.comment_resolve(comment=other, user=rex, resolved=True)
    assert kinds(ada) == []


def test_lists_show_the_review_of_a_flow_and_of_its_versions(
    review: Review, rex: User, ada: User
) -> None:
    services.review_judge(review=review, user=rex, verdict="approved")
    (line,) = [line for line in selectors.flow_lines(rex) if line.name == "support"]
    assert line.review is not None and line.review.state == "open"
    told = inbox.by_version(review.flow)
    assert told == {2: {"review": 1, "state": "open", "approved": ["rex"]}}
    client = Client()
    client.force_login(ada)
    assert 'data-testid="review-chip"' in client.get("/").content.decode()
    page = client.get("/flows/support/versions/").content.decode()
    assert "approved by rex" in page and "Review of v2" in page
    assert "In review" in client.get("/flows/support/versions/2/").content.decode()


def test_what_waits_stands_on_the_first_page(review: Review, rex: User) -> None:
    client = Client()
    client.force_login(rex)
    page = client.get("/").content.decode()
    assert "Waiting for you" in page and "Your review is asked for: support v2" in page
