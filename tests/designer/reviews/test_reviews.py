"""A review from the first asking to the deployment, and what it is worth on the way."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from designer import services as designer_services
from designer.errors import Refused
from designer.models import AuditEntry, Flow, Version
from designer.reviews import gate, rules, services
from designer.reviews.models import Review
from designer.reviews.rules import Rule
from designer.reviews.standing import (
    APPROVED,
    CHANGES,
    DEPLOYED,
    OPEN,
    STALE,
    WITHDRAWN,
    standing_of,
    standings,
)
from tests.designer.reviews.conftest import Running, proved, save
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db

LONGER = ECHO.replace("event: {after: 35s}", "event: {after: 45s}")
FASTER = ECHO.replace("event: {after: 60s}", "event: {after: 50s}")
"""Ends calls: grave."""


def asked(flow: Flow, ada: User, text: str = FASTER, **more: Any) -> Review:
    if not flow.versions.exists():
        save(flow, ECHO, ada)
    return services.review_request(version=save(flow, text, ada), user=ada, **more)


def test_a_version_is_held_against_what_is_deployed_else_against_its_parent(
    flow: Flow, ada: User, running: Running
) -> None:
    one, two = save(flow, ECHO, ada), save(flow, LONGER, ada)
    three = save(flow, FASTER, ada)
    review = services.review_request(version=three, user=ada)
    assert (review.number, review.version, review.base) == (1, three, two)
    services.review_withdraw(review=review, user=ada)
    running.run(one)
    again = services.review_request(version=three, user=ada)
    assert (again.number, again.base) == (2, one)


def test_the_risk_says_how_many_people_have_to_approve(
    flow: Flow, ada: User, rex: User, ria: User
) -> None:
    review = asked(flow, ada)
    assert review.risk["level"] == "high"
    standing = standing_of(review)
    assert (standing.state, standing.needed, standing.lacking) == (OPEN, 2, 2)
    services.review_judge(review=review, user=rex, verdict="approved")
    assert standing_of(review).state == OPEN
    assert standing_of(review).sentence == "1 more person has to approve v2."
    services.review_judge(review=review, user=ria, verdict="approved")
    assert standing_of(review).state == APPROVED
    assert standing_of(review).sentence == "rex and ria approved v2."


def test_nobody_has_to_approve_what_no_call_notices(flow: Flow, ada: User) -> None:
    review = asked(flow, ada, ECHO + "# only said\n")
    standing = standing_of(review)
    assert (review.risk["level"], standing.needed, standing.state) == ("none", 0, OPEN)
    assert "Nobody has to approve v2" in standing.sentence


def test_who_wrote_a_part_of_it_does_not_judge_it(flow: Flow, alice: User, ada: User) -> None:
    save(flow, ECHO, ada)
    save(flow, LONGER, alice)
    version = save(flow, FASTER, ada)
    base = flow.versions.get(number=1)
    review = services.review_request(version=version, user=ada)
    Review.objects.filter(pk=review.pk).update(base=base)
    review.refresh_from_db()
    with pytest.raises(Refused, match="You wrote a part of v3: others judge it"):
        services.review_judge(review=review, user=alice, verdict="approved")


def test_the_last_word_of_a_person_counts(flow: Flow, ada: User, rex: User) -> None:
    review = asked(flow, ada)
    services.review_judge(review=review, user=rex, verdict="approved")
    services.review_judge(review=review, user=rex, verdict="changes", note="Too fast.")
    standing = standing_of(review)
    assert (standing.state, standing.approvals) == (CHANGES, 0)
    assert standing.sentence.startswith("rex asks for changes.")
    with pytest.raises(Refused, match="Say which changes"):
        services.review_judge(review=review, user=rex, verdict="changes", note="  ")


def test_a_newer_version_makes_a_review_stale_and_the_next_round_goes_on_with_it(
    flow: Flow, ada: User, rex: User
) -> None:
    review = asked(flow, ada)
    services.review_judge(review=review, user=rex, verdict="changes", note="Slower.")
    newer = save(flow, LONGER, ada)
    assert standing_of(review).state == STALE
    with pytest.raises(Refused, match="ada saved v3 after v2 was asked about"):
        services.review_judge(review=review, user=rex, verdict="approved")
    again = services.review_request(version=newer, user=ada, message="slower now")
    assert (again.pk, again.version) == (review.pk, newer)
    assert standing_of(again).state == OPEN and not standing_of(again).votes
    assert [r.version.number for r in again.rounds.all()] == [2, 3]
    with pytest.raises(Refused, match="v3 is in review 1 already"):
        services.review_request(version=newer, user=ada)


def test_an_approval_says_nothing_against_another_base(
    flow: Flow, ada: User, rex: User, ria: User, running: Running
) -> None:
    one, two = save(flow, ECHO, ada), save(flow, LONGER, ada)
    running.run(one)
    version = save(flow, FASTER, ada)
    review = services.review_request(version=version, user=ada)
    for person in (rex, ria):
        services.review_judge(review=review, user=person, verdict="approved")
    assert standing_of(review).state == APPROVED
    assert len(gate.approvals_of(version, one)) == 2
    running.run(two)
    assert standing_of(review).state == STALE
    assert standing_of(review).stale == "v2 is deployed now; v3 was held against v1."
    assert gate.approvals_of(version, two) == []
    running.run(one)
    assert standing_of(review).state == APPROVED


def test_nobody_approves_a_text_that_came_while_they_were_reading(
    flow: Flow, ada: User, rex: User
) -> None:
    review = asked(flow, ada)
    read = review.version.digest
    services.review_request(version=save(flow, LONGER, ada), user=ada)
    with pytest.raises(Refused, match="v3 is under review by now"):
        services.review_judge(review=review, user=rex, verdict="approved", digest=read)


def test_a_closed_review_is_judged_no_more(flow: Flow, ada: User, rex: User) -> None:
    review = asked(flow, ada)
    services.review_withdraw(review=review, user=ada)
    review.refresh_from_db()
    assert standing_of(review).state == WITHDRAWN
    with pytest.raises(Refused, match="Review 1 is closed: it was withdrawn"):
        services.review_judge(review=review, user=rex, verdict="approved")


def test_deploying_the_text_under_review_closes_it(flow: Flow, ada: User) -> None:
    review = asked(flow, ada)
    services.deployed(flow.versions.get(number=1), "olaf")
    assert services.open_review(flow) == review
    services.deployed(review.version, "olaf")
    review.refresh_from_db()
    assert standing_of(review).state == DEPLOYED
    assert standing_of(review).sentence == "olaf deployed v2."


def test_what_cannot_be_read_or_says_the_same_is_not_reviewed(flow: Flow, ada: User) -> None:
    save(flow, ECHO, ada)
    with pytest.raises(Refused, match="does not compile"):
        services.review_request(version=save(flow, BROKEN, ada), user=ada)


def test_only_who_may_does(flow: Flow, ada: User, rex: User, leo: User) -> None:
    save(flow, ECHO, ada)
    version = save(flow, LONGER, ada)
    with pytest.raises(Refused, match="may not ask for a review"):
        services.review_request(version=version, user=rex)
    with pytest.raises(Refused, match="leo may not judge"):
        services.review_request(version=version, user=ada, reviewers=[leo])
    review = services.review_request(version=version, user=ada, reviewers=[rex, ada])
    assert list(review.reviewers.all()) == [rex]
    for act in (
        lambda: services.review_judge(review=review, user=leo, verdict="approved"),
        lambda: services.comment_add(review=review, user=leo, text="Hm."),
        lambda: services.review_withdraw(review=review, user=leo),
        lambda: rules.rule_set(flow=flow, user=ada, rule=Rule(required=True)),
    ):
        with pytest.raises(Refused, match="Your account may not"):
            act()


def test_each_act_is_recorded_with_who_and_the_hashes(flow: Flow, ada: User, rex: User) -> None:
    review = asked(flow, ada, message="faster")
    services.review_judge(review=review, user=rex, verdict="approved", note="fine")
    services.comment_add(review=review, user=rex, text="Why?")
    kept = AuditEntry.objects.filter(act__regex="review|comment").order_by("pk")
    assert [(each.act, each.by_name) for each in kept] == [
        ("review.request", "ada"),
        ("review.approve", "rex"),
        ("comment.write", "rex"),
    ]
    assert kept[1].detail["digest"] == review.version.digest
    assert kept[0].reason == "faster"


def test_standings_of_many_reviews_take_a_handful_of_queries(
    ada: User, rex: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        review = asked(designer_services.flow_create(name=f"f{number}"), ada)
        services.review_judge(review=review, user=rex, verdict="approved")
    found = Review.objects.select_related("flow", "version", "base")
    with django_assert_max_num_queries(10):
        assert [each.approvals for each in standings(found)] == [1, 1, 1, 1]


# -- the way to a deployment -----------------------------------------------------------------------


def strict(flow: Flow, **more: int) -> None:
    rules.rule_set(flow=flow, user=None, by_name="a test", rule=Rule(required=True, **more))


def lacking(version: Version) -> set[str]:
    return {lack.key for lack in gate.lacks(version)}


def test_a_flow_that_asks_for_nothing_holds_nothing_back(flow: Flow, ada: User) -> None:
    assert gate.lacks(save(flow, ECHO, ada)) == []
    assert not gate.way_of(flow)["required"]


def test_a_flow_that_asks_for_reviews_names_all_that_is_missing(
    flow: Flow, ada: User, rex: User, running: Running
) -> None:
    one = save(flow, ECHO, ada)
    running.run(one)
    strict(flow, high=1)
    version = save(flow, FASTER, ada)
    assert {"approval", "verification", "behaviour"} <= lacking(version)
    found = {lack.key: lack.sentence for lack in gate.lacks(version)}
    assert found["approval"] == (
        "v2 goes live once 1 other person approves it against v1; nobody did so far."
    )
    review = services.review_request(version=version, user=ada)
    services.review_judge(review=review, user=rex, verdict="approved")
    proved(version)
    services.pass_over(review=review, user=ada, key="behaviour", reason="Meant so.")
    assert {"approval", "verification", "behaviour"} & lacking(version) == set()
    assert gate.way_of(flow)["review"]["state"] == APPROVED


def test_asking_for_changes_takes_the_approvals_of_others_out_of_force(
    flow: Flow, ada: User, rex: User, ria: User
) -> None:
    strict(flow, high=1)
    review = asked(flow, ada)
    services.review_judge(review=review, user=rex, verdict="approved")
    assert "approval" not in lacking(review.version)
    services.review_judge(review=review, user=ria, verdict="changes", note="No.")
    assert "approval" in lacking(review.version)


def test_a_check_is_passed_over_for_one_text_by_somebody_who_did_not_write_it(
    flow: Flow, alice: User, ada: User, rex: User
) -> None:
    strict(flow)
    review = asked(flow, ada)
    with pytest.raises(Refused, match="may not pass over"):
        services.pass_over(review=review, user=ada, key="verification", reason="Later.")
    with pytest.raises(Refused, match="Say why"):
        services.pass_over(review=review, user=rex, key="verification", reason=" ")
    with pytest.raises(Refused, match="cannot be passed over"):
        services.pass_over(review=review, user=rex, key="rules", reason="They hold.")
    services.pass_over(review=review, user=rex, key="verification", reason="Seen by hand.")
    (check,) = (c for c in gate.checks_of(review.version, review.base) if c.key == "verification")
    assert (check.state, check.sentence) == (
        "passed over",
        "rex passed over it: Seen by hand.",
    )
    newer = save(flow, LONGER, ada)
    assert "verification" in lacking(newer)


def test_a_rule_of_the_project_holds_until_the_flow_has_one_of_its_own(flow: Flow) -> None:
    from designer.models import Project, ReviewRule

    assert rules.rule_of(flow) == rules.DEFAULT
    project = Project.objects.create(name="house")
    Flow.objects.filter(pk=flow.pk).update(project=project)
    flow.refresh_from_db()
    ReviewRule.objects.create(project=project, required=True, low=0)
    found = rules.rule_of(flow)
    assert (found.required, found.needed("low"), found.source) == (True, 0, "project")
    strict(flow, low=2)
    assert (rules.rule_of(flow).low, rules.rule_of(flow).source) == (2, "flow")
    rules.rule_set(flow=flow, user=None, by_name="a test", rule=None)
    assert rules.rule_of(flow).source == "project"
    with pytest.raises(Refused, match="0 to 5 people"):
        strict(flow, high=9)
    wanted = Rule(required=True, low=3)
    rules.rule_set(flow=flow, user=None, by_name="a test", rule=wanted, project=True)
    assert (rules.rule_of(flow).low, rules.rule_of(flow).source) == (3, "project")
    alone = designer_services.flow_create(name="alone")
    with pytest.raises(Refused, match="alone belongs to no project"):
        rules.rule_set(flow=alone, user=None, by_name="a test", rule=wanted, project=True)
