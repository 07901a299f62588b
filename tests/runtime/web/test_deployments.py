import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from designer import facts, selectors, services
from designer.errors import Refused
from designer.models import AuditEntry, Flow, Version
from runtime import deployments, rollback, routes
from runtime.models import Acknowledgement, Deployment, Route
from runtime.service import Desk
from tests.runtime.web.stage import FakeNode
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db

ERRORS = """\
callflow: 1
name: echo_test
states: {Idle: {initial: true}, Active: {}, Stuck: {}, Terminated: {final: true}}
transitions:
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Active}
- {from_state: Active, role: UAS, event: HangupCall, next_state: Terminated}
- {from_state: Active, role: UAS, event: DialogBYE, next_state: Stuck}
"""


def save(flow: Flow, text: str) -> Version:
    latest = selectors.newest_version(flow)
    return services.version_save(
        flow=flow, text=text, base=latest.number if latest else None, author_name="a"
    )


@pytest.fixture
def with_errors(flow: Flow) -> Version:
    version = save(flow, ERRORS)
    assert version.compiles and version.errors > 0
    return version


def test_a_deployment_says_who_when_and_what_and_rings_the_nodes(
    flow: Flow, alice: Any, published: Any, django_capture_on_commit_callbacks: Any
) -> None:
    version = selectors.newest_version(flow)
    assert version is not None
    with django_capture_on_commit_callbacks(execute=True):
        made = deployments.deploy(version=version, user=alice)
    assert (made.by_name, made.forced, made.reason) == ("alice", False, "")
    assert ("nodes", {"type": "flow.deploy", "deployment": made.pk}) in published
    told = [m["deployment"] for g, m in published if m["type"] == "flow.deployment"]
    assert told[0]["digest"] == version.digest and told[0]["nodes"] == []


def test_the_newest_deployment_is_the_one_in_force(flow: Flow, alice: Any) -> None:
    first = deployments.deploy(version=flow.versions.get(), user=alice)
    second = deployments.deploy(version=save(flow, ECHO + "# two\n"), user=alice)
    first.refresh_from_db()
    assert first.superseded_at is not None and deployments.current(flow) == second
    assert [each.pk for each in deployments.desired()] == [second.pk]


def test_deploying_what_is_deployed_makes_no_second_row(flow: Flow, alice: Any) -> None:
    version = flow.versions.get()
    assert deployments.deploy(version=version, user=alice) == deployments.deploy(
        version=version, user=alice
    )
    assert Deployment.objects.count() == 1


def test_what_does_not_compile_is_never_deployed(flow: Flow, alice: Any) -> None:
    version = save(flow, BROKEN)
    for user in (alice, None):
        with pytest.raises(Refused, match="does not compile"):
            deployments.deploy(version=version, user=user, reason="I insist")
    assert not Deployment.objects.exists()


def test_errors_need_a_reason(with_errors: Version, alice: Any) -> None:
    with pytest.raises(Refused, match="without a reason"):
        deployments.deploy(version=with_errors, user=alice, reason="  ")
    assert not Deployment.objects.exists()


def test_errors_need_the_permission_to_pass_over_them(with_errors: Version, olaf: Any) -> None:
    with pytest.raises(Refused, match="may not deploy over errors"):
        deployments.deploy(version=with_errors, user=olaf, reason="I insist")
    assert not Deployment.objects.exists()


def test_a_forced_deployment_keeps_its_reason_and_what_was_passed_over(
    with_errors: Version, alice: Any
) -> None:
    made = deployments.deploy(version=with_errors, user=alice, reason="The night is short")
    assert made.forced and made.reason == "The night is short"
    assert len(made.findings_overridden) == with_errors.errors
    assert all(finding["severity"] == "error" for finding in made.findings_overridden)
    assert deployments.as_message(made)["overridden"] == with_errors.errors


def test_who_may_not_deploy_does_not(flow: Flow, dora: Any, vera: Any) -> None:
    for user in (dora, vera):
        with pytest.raises(Refused, match="may not deploy"):
            deployments.deploy(version=flow.versions.get(), user=user)


@pytest.fixture
def gate() -> Iterator[list[deployments.Wish]]:
    """A gate that forbids version 2 unless it is gone back to; gives what it was asked."""
    asked: list[deployments.Wish] = []

    def forbid(wish: deployments.Wish) -> None:
        asked.append(wish)
        if wish.version.number == 2 and not wish.back:
            raise Refused("Version 2 waits for an approval.")

    deployments.add_gate("approvals", forbid)
    yield asked
    deployments.remove_gate("approvals")


def test_a_gate_forbids_a_deployment_and_nothing_is_written(
    flow: Flow, alice: Any, gate: list[deployments.Wish]
) -> None:
    second = save(flow, ECHO + "# two\n")
    deployments.deploy(version=selectors.version_of(flow, 1), user=alice)
    with pytest.raises(Refused, match="waits for an approval"):
        deployments.deploy(version=second, user=alice, reason="now")
    assert deployments.current(flow).version.number == 1
    assert (gate[-1].user, gate[-1].reason, gate[-1].back) == (alice, "now", False)


def test_a_gate_learns_that_a_version_is_gone_back_to(
    flow: Flow, alice: Any, gate: list[deployments.Wish]
) -> None:
    second = save(flow, ECHO + "# two\n")
    with pytest.raises(Refused):
        deployments.deploy(version=second, back=True)  # it never ran
    deployments.deploy(version=selectors.version_of(flow, 1), user=alice)
    deployments.deploy(version=save(flow, ECHO + "# three\n"), user=alice)
    rollback.roll_back(flow=flow, user=alice)
    assert [wish.back for wish in gate] == [False, False, False, True]


def test_the_pages_learn_what_is_deployed(flow: Flow, alice: Any) -> None:
    version = flow.versions.get()
    made = deployments.deploy(version=version, user=alice)
    known = facts.runtime().deployed()["echo_test"]
    assert (known.number, known.acknowledged, known.by) == (1, False, "alice")
    deployments.acknowledge(
        deployment_id=made.pk, node="node1", digest=version.digest, milliseconds=3.5
    )
    known = facts.runtime().deployed()["echo_test"]
    assert known.acknowledged and known.milliseconds == 3.5
    (line,) = selectors.flow_lines(alice)
    assert line.status["key"] == "live" and line.deployed_label == "v1"


def test_a_first_run_deploys_and_routes_the_echo_once(flow: Flow) -> None:
    deployments.first_run()
    deployments.first_run()
    assert [d.flow.name for d in deployments.desired()] == ["echo_test"]
    assert [(r.pattern, r.flow.name) for r in routes.ordered()] == [("*", "echo_test")]


def test_a_first_run_changes_nothing_that_somebody_decided(flow: Flow, alice: Any) -> None:
    other = services.flow_create(name="other")
    deployments.deploy(version=save(other, ECHO + "#\n"), user=alice)
    routes.route_add(pattern="1*", flow=other)
    deployments.first_run()
    assert [d.flow.name for d in deployments.desired()] == ["other"]
    assert [r.pattern for r in routes.ordered()] == ["1*"]


@pytest.mark.django_db(transaction=True)
async def test_the_node_loads_what_is_deployed_and_says_so(flow: Flow, published: Any) -> None:
    node = FakeNode()
    version = await asyncio.to_thread(flow.versions.get)
    made = await asyncio.to_thread(lambda: deployments.deploy(version=version, by_name="cli"))
    await asyncio.to_thread(lambda: routes.route_add(pattern="*", flow=flow))
    await Desk(node).look()  # type: ignore[arg-type]
    assert node.deployed() == {"echo_test": version.digest}
    assert [(r.pattern, r.flow) for r in node.routes] == [("*", "echo_test")]
    said = await asyncio.to_thread(Acknowledgement.objects.get)
    assert (said.deployment_id, said.digest, said.error) == (made.pk, version.digest, "")
    told = [m["deployment"] for _, m in published if m["type"] == "flow.deployment"][-1]
    assert told["nodes"][0]["digest"] == version.digest


@pytest.mark.django_db(transaction=True)
async def test_a_version_the_node_refuses_leaves_the_old_one_and_says_why(flow: Flow) -> None:
    node = FakeNode()
    good = await asyncio.to_thread(flow.versions.get)
    await asyncio.to_thread(lambda: deployments.deploy(version=good, by_name="cli"))
    desk = Desk(node)  # type: ignore[arg-type]
    await desk.look()
    bad = await asyncio.to_thread(lambda: save(flow, BROKEN))
    # Nobody can deploy this; a node is never told to believe a row.
    await asyncio.to_thread(
        lambda: (
            Deployment.objects.update(superseded_at="2026-01-01T00:00:00Z"),
            Deployment.objects.create(flow=flow, version=bad, by_name="x", forced=True),
        )
    )
    await desk.look()
    assert node.deployed() == {"echo_test": good.digest}
    said = await asyncio.to_thread(lambda: Acknowledgement.objects.get(deployment__version=bad))
    assert "does not compile" in said.error and said.digest == good.digest


@pytest.mark.parametrize(
    ("number", "taken"), [("100", "1??"), ("1000", "1*"), ("112", "112"), ("anna", "*")]
)
def test_the_first_route_that_matches_is_taken(flow: Flow, number: str, taken: str) -> None:
    for pattern in ("*", "1*", "1??", "112"):
        routes.route_add(pattern=pattern, flow=flow)
    found = routes.match(routes.imagined({"number": number}))
    assert found.route is not None and found.route.pattern == taken


def test_a_route_is_added_above_the_others_and_the_same_pattern_replaces(flow: Flow) -> None:
    other = services.flow_create(name="other")
    for pattern in ("1*", "*", "2*", "3*"):
        routes.route_add(pattern=pattern, flow=flow)
    routes.route_add(pattern="2*", flow=other)
    assert [(r.pattern, r.flow.name) for r in routes.ordered()] == [
        ("3*", "echo_test"),
        ("2*", "other"),
        ("1*", "echo_test"),
        ("*", "echo_test"),
    ]


@pytest.mark.parametrize("pattern", ["", " ", "a b", "x" * 129, "a\x00"])
def test_a_pattern_that_cannot_match_is_refused(flow: Flow, pattern: str) -> None:
    with pytest.raises(Refused):
        routes.route_add(pattern=pattern, flow=flow)
    assert not Route.objects.exists()


def test_a_typed_address_is_tried_by_its_user_part() -> None:
    assert routes.user_part("sip:100@host:5060;transport=udp") == "100"
    assert routes.user_part(" tel:+4930;ext=1 ") == "+4930"
    assert routes.user_part("anna") == "anna"


def test_who_deployed_and_who_went_back_stands_among_the_acts(flow: Flow, alice: Any) -> None:
    first = selectors.newest_version(flow)
    assert first is not None
    second = services.version_save(flow=flow, text=first.text + "\n# two\n", base=1, author=alice)
    deployments.deploy(version=first, user=alice, reason="to begin with")
    deployments.deploy(version=second, user=alice)
    rollback.roll_back(flow=flow, user=alice, reason="it crackles")
    done = AuditEntry.objects.filter(act__startswith="deployment.").order_by("pk")
    assert [(each.act, each.subject, each.reason) for each in done] == [
        ("deployment.make", "v1", "to begin with"),
        ("deployment.make", "v2", ""),
        ("deployment.back", "v1", "it crackles"),
    ]
    assert {each.by for each in done} == {alice}
