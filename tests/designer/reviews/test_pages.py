"""The pages of reviews: what they show, and what their forms do."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from designer.models import Flow
from designer.reviews import rules, services
from designer.reviews.models import Review
from designer.reviews.rules import Rule
from designer.reviews.standing import standing_of
from flows.anchors import OLD, ROW, Anchor
from tests.designer.reviews.conftest import Running, save
from tests.designer.reviews.test_places import GONE_ROW, LESS
from tests.web import ECHO

pytestmark = pytest.mark.django_db
PAGE = "/flows/support/reviews/1/"


def asked(flow: Flow, ada: User, running: Running | None = None) -> Review:
    one = save(flow, ECHO, ada)
    if running is not None:
        running.run(one)
    return services.review_request(version=save(flow, LESS, ada), user=ada, message="Look!")


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_review_is_asked_for_on_its_page(flow: Flow, ada: User, rex: User) -> None:
    save(flow, ECHO, ada)
    save(flow, LESS, ada)
    client = browser(ada)
    page = client.get("/flows/support/reviews/").content.decode()
    assert 'name="reviewer"' in page and "rex" in page
    answer = client.post(
        "/flows/support/reviews/new/", {"version": "2", "message": "Look!", "reviewer": rex.pk}
    )
    assert answer["Location"] == PAGE
    review = Review.objects.get()
    assert (review.message, list(review.reviewers.all())) == ("Look!", [rex])
    assert client.post("/flows/support/reviews/new/", {"version": "x"}).status_code == 404


def test_the_page_shows_the_change_in_words_and_what_callers_notice(
    flow: Flow, ada: User, rex: User, running: Running
) -> None:
    asked(flow, ada, running)
    answer = browser(rex).get(PAGE)
    page = answer.content.decode()
    assert "v2 against v1" in page and "In review" in page
    assert "HangupCall in Active has no row any more" in page
    assert "0 of 2: a row that ends calls is gone" in page
    assert [c.key for c in answer.context["checks"]][:2] == ["rules", "verification"]
    assert answer.context["counts"]["removed"] == 1


def test_the_author_may_not_approve_and_a_reviewer_may(flow: Flow, ada: User, rex: User) -> None:
    review = asked(flow, ada)
    assert 'data-testid="approve"' not in browser(ada).get(PAGE).content.decode()
    client = browser(rex)
    assert 'data-testid="approve"' in client.get(PAGE).content.decode()
    digest = review.version.digest
    client.post(f"{PAGE}judge/", {"verdict": "approved", "digest": digest})
    assert standing_of(review).approvals == 1
    assert browser(ada).post(f"{PAGE}judge/", {"verdict": "approved"}).status_code == 403


def test_what_is_said_of_a_row_stands_beside_its_change(flow: Flow, ada: User, rex: User) -> None:
    review = asked(flow, ada)
    client = browser(rex)
    sent = {"text": "Who hangs up now, @ada?\n<b>Hm</b>", "place": f"#old/{GONE_ROW}"}
    answer = client.post(f"{PAGE}comments/", sent)
    comment = review.comments.get()
    assert answer["Location"] == f"{PAGE}#c-{comment.pk}"
    page = client.get(PAGE)
    ((change, threads),) = page.context["rows"]
    assert change.old_row == GONE_ROW and [t.number for t in threads] == [1]
    text = page.content.decode()
    assert '<b class="mention">@ada</b>?<br>&lt;b&gt;Hm' in text
    client.post(f"{PAGE}comments/{comment.pk}/", {"act": "resolve"})
    assert browser(ada).get(PAGE).context["unresolved"] == 0
    client.post(f"{PAGE}comments/{comment.pk}/", {"act": "reopen"})
    assert browser(ada).get(PAGE).context["unresolved"] == 1
    client.post(f"{PAGE}comments/", {"text": "A timer.", "parent": comment.pk})
    assert client.get(PAGE).context["rows"][0][1][0].replies[0].text == "A timer."
    assert client.post(f"{PAGE}comments/9999/", {"act": "resolve"}).status_code == 404


def test_what_is_said_of_a_row_that_did_not_change_stands_apart(
    flow: Flow, ada: User, rex: User
) -> None:
    review = asked(flow, ada)
    services.comment_add(review=review, user=rex, text="And this?", anchor=Anchor(ROW, 0))
    services.comment_add(review=review, user=rex, text="Gone", anchor=Anchor(ROW, GONE_ROW, OLD))
    page = browser(ada).get(PAGE)
    assert [t.number for t in page.context["elsewhere"]] == [1]


def test_the_pulse_changes_when_somebody_speaks(flow: Flow, ada: User, rex: User) -> None:
    review = asked(flow, ada)
    client = browser(ada)
    before = client.get(f"{PAGE}?part=pulse").json()
    assert before == client.get(f"{PAGE}?part=pulse").json()
    services.comment_add(review=review, user=rex, text="Hm")
    assert before != client.get(f"{PAGE}?part=pulse").json()


def test_a_stale_review_offers_to_ask_again(flow: Flow, ada: User, rex: User) -> None:
    asked(flow, ada)
    save(flow, ECHO + "# again\n", ada)
    page = browser(ada).get(PAGE).content.decode()
    assert "Ask again with v3" in page and 'data-testid="stale"' in page
    assert 'data-testid="approve-open"' not in browser(rex).get(PAGE).content.decode()


def test_a_check_is_answered_for_on_the_page(
    flow: Flow, ada: User, rex: User, running: Running
) -> None:
    review = asked(flow, ada, running)
    browser(ada).post(f"{PAGE}pass/", {"key": "behaviour", "reason": "Meant so."})
    assert review.passed_over.get().reason == "Meant so."
    told = browser(rex).post(
        f"{PAGE}pass/", {"key": "behaviour", "reason": "x"}, headers={"Accept": "application/json"}
    )
    assert told.status_code == 409


def test_who_looks_sees_and_does_nothing(flow: Flow, ada: User, leo: User) -> None:
    asked(flow, ada)
    client = browser(leo)
    page = client.get(PAGE).content.decode()
    assert 'data-part="composer"' not in page and 'data-testid="approve"' not in page
    for act in ("judge/", "comments/", "withdraw/"):
        assert client.post(PAGE + act, {}).status_code == 403
    assert client.post("/flows/support/reviews/rule/", {}).status_code == 403
    assert client.get("/flows/support/reviews/9/").status_code == 404


def test_an_administrator_says_what_a_flow_asks_for(flow: Flow, alice: User) -> None:
    client = browser(alice)
    sent = {"required": "on", "low": "1", "medium": "1", "high": "2"}
    client.post("/flows/support/reviews/rule/", sent)
    assert rules.rule_of(flow).required
    client.post("/flows/support/reviews/rule/", {**sent, "high": "7"})
    assert rules.rule_of(flow).high == 2
    client.post("/flows/support/reviews/rule/", {"act": "clear"})
    assert rules.rule_of(flow) == rules.DEFAULT


def test_what_a_version_lacks_is_told_to_the_dialog_that_deploys(
    flow: Flow, ada: User, leo: User
) -> None:
    asked(flow, ada)
    rules.rule_set(flow=flow, user=None, by_name="a test", rule=Rule(required=True))
    told = browser(leo).get("/flows/support/versions/2/lacks/").json()
    assert told["required"] and told["review"]["word"] == "In review"
    assert told["lacks"][0]["sentence"].startswith("v2 goes live once 2 other people approve it")


def test_the_first_version_of_a_flow_is_reviewed_against_nothing(flow: Flow, ada: User) -> None:
    services.review_request(version=save(flow, ECHO, ada), user=ada)
    page = browser(ada).get(PAGE).content.decode()
    assert "Nothing of this flow took calls before" in page
