"""A flow that asks for reviews lets no version pass without one, except by force with a reason."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from designer import services as designer_services
from designer.errors import Refused
from designer.models import AuditEntry, Flow
from designer.reviews import rules, services
from designer.reviews.models import Review
from designer.reviews.rules import Rule
from designer.reviews.standing import DEPLOYED, standing_of
from runtime import deployments, rollback
from tests.designer.reviews.conftest import EDITOR, REVIEWER, proved, save
from tests.web import ECHO, person

pytestmark = pytest.mark.django_db
SLOWER = ECHO.replace("{after: 60s}", "{after: 70s}")


@pytest.fixture
def ada(db: Any) -> User:
    return person("ada", EDITOR)


@pytest.fixture
def rex(db: Any) -> User:
    return person("rex", REVIEWER)


@pytest.fixture
def flow(db: Any) -> Flow:
    flow = designer_services.flow_create(name="support")
    first = save(flow, ECHO)
    proved(first)
    deployments.deploy(version=first, by_name="setup")
    rules.rule_set(
        flow=flow, user=None, by_name="setup", rule=Rule(required=True, low=1, medium=1, high=1)
    )
    return flow


def asked(flow: Flow, ada: User) -> Review:
    version = save(flow, SLOWER, ada)
    proved(version)
    return services.review_request(version=version, user=ada)


def ready(review: Review, ada: User, rex: User) -> None:
    """Approve it and settle every check."""
    from designer import required
    from designer.reviews import gate

    services.review_judge(review=review, user=rex, verdict="approved")
    for check in required.holding_back(gate.checks_of(review.version, review.base)):
        by = ada if check.key == "behaviour" else rex
        services.pass_over(review=review, user=by, key=check.key, reason="Seen.")


def test_a_version_without_its_review_is_refused_with_what_is_missing(
    flow: Flow, ada: User, olaf: User
) -> None:
    version = asked(flow, ada).version
    with pytest.raises(Refused) as refusal:
        deployments.deploy(version=version, user=olaf)
    said = refusal.value.message
    assert "v2 goes live once 1 other person approves it against v1; nobody did so far." in said
    assert "/flows/support/reviews/" in said
    with pytest.raises(Refused, match="your account may not pass over it"):
        deployments.deploy(version=version, user=olaf, reason="Quick!")


def test_an_approved_version_goes_live_and_its_review_is_done(
    flow: Flow, ada: User, rex: User, olaf: User
) -> None:
    review = asked(flow, ada)
    ready(review, ada, rex)
    deployed = deployments.deploy(version=review.version, user=olaf)
    assert not deployed.forced
    review.refresh_from_db()
    assert standing_of(review).state == DEPLOYED
    assert standing_of(review).sentence == "olaf deployed v2."


def test_force_with_a_reason_passes_over_it_and_is_kept_in_three_places(
    flow: Flow, ada: User, alice: User
) -> None:
    review = asked(flow, ada)
    deployed = deployments.deploy(version=review.version, user=alice, reason="Calls fail now.")
    assert deployed.forced
    assert "1 other person approves" in deployed.findings_overridden[0]["message"]
    entry = AuditEntry.objects.get(act="review.override")
    assert (entry.by_name, entry.reason) == ("alice", "Calls fail now.")
    assert review.passed_over.get().key == "approval"
    assert deployments.alarm_of(deployed) is None


def test_the_way_back_is_never_barred(flow: Flow, ada: User, alice: User, olaf: User) -> None:
    review = asked(flow, ada)
    deployments.deploy(version=review.version, user=alice, reason="Try it.")
    back = rollback.roll_back(flow=flow, user=olaf)
    assert back.version.number == 1 and not back.forced


def test_an_approval_against_another_base_does_not_open_the_way(
    flow: Flow, ada: User, rex: User, alice: User, olaf: User
) -> None:
    review = asked(flow, ada)
    ready(review, ada, rex)
    other = save(flow, ECHO + "# other\n")
    proved(other)
    deployments.deploy(version=other, user=alice, reason="First this.")
    with pytest.raises(Refused, match="against v3; nobody did so far"):
        deployments.deploy(version=review.version, user=olaf)


def test_ringing_the_nodes_again_asks_nobody(flow: Flow, olaf: User) -> None:
    first = flow.versions.get(number=1)
    assert deployments.deploy(version=first, user=olaf).version == first
