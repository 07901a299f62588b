"""The walk over every address of the product: who may read, who may change, and by which method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from designer import services
from designer.access import PERMISSIONS, may
from designer.models import (
    AccessToken,
    Comment,
    Draft,
    Flow,
    Judgement,
    Review,
    ReviewRule,
    Scenario,
    Task,
    Version,
)
from designer.reviews import services as reviews
from runtime import deployments, registrations
from runtime.models import (
    Account,
    CallOrder,
    CallPin,
    Deployment,
    DrainPolicy,
    Node,
    PeerPolicy,
    Ramp,
    Registration,
    Route,
    Trunk,
)
from runtime.node.location import Binding
from runtime.ramps import services as ramps
from runtime.ramps.plan import Plan, read_steps
from tests.runtime.web.stage import FakeNode
from tests.web import ECHO, PASSWORD

pytestmark = pytest.mark.django_db

OPEN = {"login", "logout", "healthz", "readyz"}
"""What anybody may ask for; logging out twice is harmless."""

ARGUMENTS: dict[str, dict[str, Any]] = {
    "flow": {"name": "echo_test"},
    "flow_live": {"name": "echo_test"},
    "flow_fires": {"name": "echo_test"},
    "flow_figures": {"name": "echo_test"},
    "flow_insight": {"name": "echo_test"},
    "flow_versions": {"name": "echo_test"},
    "flow_version": {"name": "echo_test", "number": 1},
    "version_restore": {"name": "echo_test", "number": 1},
    "version_check": {"name": "echo_test", "number": 1},
    "version_check_cancel": {"name": "echo_test", "number": 1},
    "version_check_again": {"name": "echo_test", "number": 1},
    "flow_alarm": {"name": "echo_test"},
    "version_lacks": {"name": "echo_test", "number": 1},
    "flow_reviews": {"name": "echo_test"},
    "flow_review": {"name": "echo_test", "number": 1},
    "review_request": {"name": "echo_test"},
    "review_rule": {"name": "echo_test"},
    "review_judge": {"name": "echo_test", "number": 1},
    "review_withdraw": {"name": "echo_test", "number": 1},
    "review_comment": {"name": "echo_test", "number": 1},
    "review_pass": {"name": "echo_test", "number": 1},
    "comment_act": {"name": "echo_test", "number": 1, "comment": "COMMENT"},
    "flow_tests": {"name": "echo_test"},
    "flow_tests_files": {"name": "echo_test"},
    "flow_test_new": {"name": "echo_test"},
    "flow_test_save": {"name": "echo_test"},
    "flow_test_try": {"name": "echo_test"},
    "flow_test": {"name": "echo_test", "id": 1},
    "flow_test_rename": {"name": "echo_test", "id": 1},
    "flow_test_delete": {"name": "echo_test", "id": 1},
    "flow_tests_state": {"name": "echo_test", "number": 1},
    "flow_tests_again": {"name": "echo_test", "number": 1},
    "flow_strength": {"name": "echo_test", "number": 1},
    "flow_strength_again": {"name": "echo_test", "number": 1},
    "flow_strength_cancel": {"name": "echo_test", "number": 1},
    "flow_tests_cancel": {"name": "echo_test", "number": 1},
    "flow_compare": {"name": "echo_test", "left": "1", "right": "1"},
    "flow_compare_pick": {"name": "echo_test"},
    "flow_deploy": {"name": "echo_test"},
    "flow_export": {"name": "echo_test", "form": "svg"},
    "flow_move": {"name": "echo_test"},
    "rule": {"code": "COV401"},
    "ramp_control": {"deployment": "RAMP"},
    "node_drain": {"node": "node1"},
    "trunk": {"trunk": "carrier"},
    "trunk_change": {"trunk": "carrier"},
    "trunk_switch": {"trunk": "carrier"},
    "trunk_remove": {"trunk": "carrier"},
    "trunk_test": {"trunk": "carrier"},
    "trunk_register": {"trunk": "carrier"},
    "trunk_unregister": {"trunk": "carrier"},
    "account": {"account": 998},
    "account_change": {"account": 998},
    "account_password": {"account": 998},
    "account_switch": {"account": 998},
    "account_remove": {"account": 998},
    "registration_remove": {"key": "0" * 40},
    "api_trunk": {"trunk": "carrier"},
    "api_trunk_test": {"trunk": "carrier"},
    "api_trunk_registration": {"trunk": "carrier"},
    "api_account": {"account": 998},
    "api_account_password": {"account": 998},
    "api_registration_end": {"key": "0" * 40},
    "node_undrain": {"node": "node1"},
    "node_forget": {"node": "node1"},
    "deployment": {"deployment": "RAMP"},
    "deploy_steps": {"name": "echo_test", "number": 1},
    "api_node": {"node": "node1"},
    "api_node_drain": {"node": "node1"},
    "api_node_undrain": {"node": "node1"},
    "audit_export": {"form": "csv"},
    "audit_recording": {"name": "echo_test"},
    "call": {"id": "LIVE"},
    "call_model": {"id": "LIVE"},
    "call_conformance": {"id": "LIVE"},
    "call_messages": {"id": "LIVE"},
    "call_moment": {"id": "LIVE", "sequence": 1},
    "call_export": {"id": "LIVE"},
    "call_export_shown": {"id": "LIVE"},
    "call_others": {"id": "LIVE"},
    "call_replay": {"id": "LIVE"},
    "call_test": {"id": "LIVE"},
    "call_compare": {"id": "LIVE", "other": "predicted"},
    "call_send": {"id": "LIVE"},
    "call_simulate": {"id": "LIVE"},
    "flow_shadow": {"name": "echo_test", "number": 1},
    "flow_shadow_state": {"name": "echo_test", "number": 1},
    "flow_shadow_start": {"name": "echo_test", "number": 1},
    "flow_shadow_stop": {"name": "echo_test", "number": 1},
    "flow_replay": {"name": "echo_test", "number": 1},
    "flow_replay_state": {"name": "echo_test", "number": 1},
    "flow_replay_again": {"name": "echo_test", "number": 1},
    "flow_replay_cancel": {"name": "echo_test", "number": 1},
    "call_acts": {"id": "LIVE"},
    "call_hangup": {"id": "LIVE"},
    "call_inject": {"id": "LIVE"},
    "call_pin": {"id": "LIVE"},
    "call_migrate": {"id": "LIVE"},
    "flow_drain": {"name": "echo_test"},
    "flow_old_calls": {"name": "echo_test"},
    "flow_migrate": {"name": "echo_test"},
    "flow_correct": {"name": "echo_test"},
    "flow_drain_policy": {"name": "echo_test"},
    "call_order": {"name": "echo_test", "number": 999},
    "call_order_stop": {"name": "echo_test", "number": 999},
    "api_old_calls": {"name": "echo_test"},
    "api_live": {"name": "echo_test"},
    "api_insight": {"name": "echo_test"},
    "api_migration": {"name": "echo_test"},
    "api_migration_dry_run": {"name": "echo_test"},
    "api_correction": {"name": "echo_test"},
    "api_correction_dry_run": {"name": "echo_test"},
    "api_deadline": {"name": "echo_test"},
    "api_orders": {"name": "echo_test"},
    "api_order": {"name": "echo_test", "order": 999},
    "api_hangup": {"id": "LIVE"},
    "api_inject": {"id": "LIVE"},
    "api_pin": {"id": "LIVE"},
    "api_move": {"id": "LIVE"},
    "api_flow": {"name": "echo_test"},
    "api_scenarios": {"name": "echo_test"},
    "api_scenarios_run": {"name": "echo_test"},
    "api_versions": {"name": "echo_test"},
    "api_version": {"name": "echo_test", "number": 1},
    "api_restore": {"name": "echo_test", "number": 1},
    "api_rollback": {"name": "echo_test"},
    "api_ramp": {"name": "echo_test"},
    "api_ramp_control": {"name": "echo_test"},
    "api_session": {"id": "LIVE"},
    "api_wire": {"id": "LIVE"},
    "api_call": {"id": "LIVE"},
    "api_why": {"id": "LIVE", "sequence": 1},
    "api_call_compare": {"id": "LIVE", "other": "LIVE"},
    "api_call_export": {"id": "LIVE"},
    "api_nothing": {"rest": "no/such/thing"},
    "api_scenario": {"name": "echo_test"},
    "api_mutants": {"name": "echo_test", "number": 1},
    "api_tests": {"name": "echo_test", "number": 1},
    "api_shadow": {"name": "echo_test", "number": 1},
    "api_replay": {"name": "echo_test", "number": 1},
    "api_coverage": {"name": "echo_test", "number": 1},
    "api_compare": {"name": "echo_test", "left": "1", "right": "1"},
    "api_check": {"name": "echo_test", "number": 1},
    "api_reviews": {"name": "echo_test"},
    "api_review": {"name": "echo_test", "number": 1},
    "api_review_judge": {"name": "echo_test", "number": 1},
    "api_review_comments": {"name": "echo_test", "number": 1},
    "api_deploy": {"name": "echo_test"},
    "api_steps": {"id": "LIVE"},
    "api_events": {"id": "LIVE"},
}

SCENARIO = """\
flow: echo_test
scenarios:
- name: Answered
  roles: [UAS]
  steps:
  - event: IncomingCall
"""

CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    # name: (the act it needs, what is sent)
    "flow_new": ("flow.create", {"name": "made"}),
    "version_restore": ("version.save", {}),
    "version_check_cancel": ("check.control", {}),
    "version_check_again": ("check.control", {}),
    "flow_test_save": ("scenario.edit", {"text": SCENARIO.replace("Answered", "Again")}),
    "flow_test_try": ("scenario.edit", {"text": SCENARIO}),
    "flow_test_rename": ("scenario.edit", {"title": "Another"}),
    "flow_test_delete": ("scenario.edit", {}),
    "flow_tests_again": ("check.control", {}),
    "flow_strength_again": ("check.control", {}),
    "flow_strength_cancel": ("check.control", {}),
    "flow_tests_cancel": ("check.control", {}),
    "flow_shadow_start": ("deployment.make", {"share": "10"}),
    "flow_shadow_stop": ("deployment.make", {}),
    "flow_replay_again": ("check.control", {}),
    "flow_replay_cancel": ("check.control", {}),
    "review_request": ("review.request", {"version": 1}),
    "review_rule": ("review.rule", {"low": 0, "medium": 1, "high": 1}),
    "review_judge": ("review.judge", {"verdict": "changes", "note": "Slower."}),
    "review_withdraw": ("review.request", {}),
    "review_comment": ("comment.write", {"text": "Why?"}),
    "review_pass": ("comment.write", {"key": "verification", "reason": "Seen."}),
    "comment_act": ("comment.write", {"act": "resolve"}),
    "flow_deploy": ("deployment.make", {"version": 1}),
    "ramp_control": ("ramp.control", {"act": "hold"}),
    "deploy_steps": ("deployment.make", {"preset": "quick", "watch_answered": "on"}),
    "call_place": ("call.place", {"flow": "echo_test", "target": "sip:b@127.0.0.1"}),
    "call_begin": ("call.place", {"what": "echo_test SendMessage", "target": "sip:b@127.0.0.1"}),
    "call_send": ("call.send", {"event": "HangupCall"}),
    "call_hangup": ("call.hangup", {"reason": "asked for"}),
    "call_inject": ("call.inject", {"event": "HangupCall", "reason": "asked for"}),
    "call_pin": ("call.pin", {"reason": "asked for"}),
    "call_migrate": ("call.migrate", {"version": 1, "reason": "asked for"}),
    "flow_migrate": ("call.migrate", {"version": 1, "at_most": 1, "reason": "asked for"}),
    "flow_correct": (
        "call.migrate",
        {"fix.state": "Answering", "fix.to": "Active", "at_most": 1, "reason": "asked for"},
    ),
    "flow_drain_policy": ("call.migrate", {"act": "wait", "minutes": 60}),
    "call_order_stop": ("call.migrate", {}),
    "call_export_shown": ("call.unmask", {"form": "text", "reason": "asked by a court"}),
    "calls_unmask": ("call.unmask", {"reason": "asked by a court"}),
    "calls_mask": ("call.view", {}),
    "audit_verify": ("audit.view", {}),
    "audit_erase": ("audit.erase", {"number": "+493055564217", "reason": "asked for"}),
    "audit_recording": ("recording.change", {"level": "4", "values_days": "30"}),
    "call_test": ("scenario.edit", {"name": "As it went"}),
    "route_add": ("route.change", {"pattern": "9*", "flow": "echo_test"}),
    "route_delete": ("route.change", {"pattern": "1*"}),
    "route_move": ("route.change", {"pattern": "1*", "to": "0"}),
    "trunk_add": ("trunk.manage", {"name": "backup", "host": "192.0.2.9"}),
    "trunk_change": ("trunk.manage", {"host": "192.0.2.10"}),
    "trunk_switch": ("trunk.manage", {"enabled": "0"}),
    "trunk_remove": ("trunk.manage", {}),
    "trunk_test": ("trunk.manage", {}),
    "trunk_register": ("trunk.manage", {"flow": "registration"}),
    "trunk_unregister": ("trunk.manage", {}),
    "account_add": ("account.manage", {"user": "202"}),
    "account_change": ("account.manage", {"display": "Workshop"}),
    "account_password": ("account.manage", {}),
    "account_switch": ("account.manage", {"enabled": "0"}),
    "account_remove": ("account.manage", {}),
    "account_policy": ("account.manage", {"anybody_calls": "1"}),
    "registration_remove": ("account.manage", {"reason": "asked for"}),
    "api_trunks": ("trunk.manage", {"name": "backup", "host": "192.0.2.9"}),
    "api_trunk_test": ("trunk.manage", {}),
    "api_trunk_registration": ("trunk.manage", {"flow": "echo_test"}),
    "api_accounts": ("account.manage", {"user": "202"}),
    "api_account_password": ("account.manage", {}),
    "api_anybody": ("account.manage", {"anybody_calls": True, "anybody_asks": False}),
    "api_registration_end": ("account.manage", {"reason": "asked for"}),
    "node_drain": ("node.drain", {"reason": "a new disk"}),
    "node_undrain": ("node.drain", {}),
    "node_forget": ("node.drain", {}),
    "api_node_drain": ("node.drain", {"reason": "a new disk"}),
    "api_node_undrain": ("node.drain", {}),
    "access_tokens": ("token.own", {"name": "nightly", "days": "30"}),
    "token_revoke": ("token.own", {"name": "nightly"}),
    "person_add": ("people.manage", {"username": "nina"}),
    "person_password": ("people.manage", {"username": "alice"}),
    "person_lock": ("people.manage", {"username": "alice", "locked": "0"}),
    "person_roles": ("people.manage", {"username": "alice", "role": ["viewer"]}),
    "project_add": ("people.manage", {"project": "desk"}),
    "project_delete": ("people.manage", {"project": "none"}),
    "project_member": ("people.manage", {"project": "none", "username": "alice"}),
    "flow_move": ("people.manage", {"project": ""}),
    "api_flows": ("flow.create", {"name": "made"}),
    "api_versions": ("version.save", {"text": "callflow: 1\n", "base": 1}),
    "api_restore": ("version.save", {}),
    "api_rollback": ("deployment.make", {}),
    "api_ramp": ("deployment.make", {"steps": "quick"}),
    "api_ramp_control": ("ramp.control", {"act": "hold"}),
    "api_check": ("check.control", {"act": "cancel"}),
    "api_mutants": ("check.control", {"act": "again"}),
    "api_tests": ("check.control", {"act": "again"}),
    "api_replay": ("check.control", {"act": "cancel"}),
    "api_shadow": ("deployment.make", {"act": "start"}),
    "api_scenarios": ("scenario.edit", {"text": SCENARIO.replace("Answered", "Again")}),
    "api_reviews": ("review.request", {}),
    "api_review_judge": (
        "review.judge",
        {"verdict": "changes", "note": "Slower.", "digest": "0" * 64},
    ),
    "api_review_comments": ("comment.write", {"text": "Why?"}),
    "api_deploy": ("deployment.make", {"version": 1}),
    "api_routes": ("route.change", {"pattern": "8*", "flow": "echo_test"}),
    "api_calls": ("call.place", {"flow": "echo_test", "target": "sip:b@127.0.0.1"}),
    "api_migration": ("call.migrate", {"version": 1, "at_most": 1, "reason": "asked for"}),
    "api_correction": (
        "call.migrate",
        {"state": "Answering", "to_state": "Active", "at_most": 1, "reason": "asked for"},
    ),
    "api_deadline": ("call.migrate", {"act": "wait"}),
    "api_order": ("call.migrate", {"act": "stop"}),
    "api_hangup": ("call.hangup", {"reason": "asked for"}),
    "api_inject": ("call.inject", {"event": "HangupCall", "reason": "asked for"}),
    "api_pin": ("call.pin", {"reason": "asked for"}),
    "api_move": ("call.migrate", {"version": 1, "reason": "asked for"}),
    "api_events": ("call.send", {"event": "HangupCall", "fields": {}}),
}

READ_TOO = {"flow_new", "deploy_steps", "access_tokens", "api_flows", "api_versions", "api_check",
            "api_deploy", "api_routes", "api_tests", "api_scenarios", "api_reviews",
            "api_replay", "api_shadow", "api_mutants", "api_deadline", "api_order",
            "api_ramp", "api_trunks", "api_accounts", "api_anybody"}  # fmt: skip
ONLY_POST = set(CHANGES) - READ_TOO


def addresses(resolver: URLResolver | None = None) -> Iterator[str]:
    """Yield the name of every address there is."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from addresses(entry)
        elif isinstance(entry, URLPattern):
            assert entry.name, f"{entry.pattern} has no name"
            yield entry.name


NAMES = sorted(set(addresses()))


@pytest.fixture
def call_id(node: FakeNode, flow: Flow) -> str:
    Scenario.objects.create(pk=1, flow=flow, name="Answered", text=SCENARIO)
    Node.objects.create(name="node1", folder="f")
    Trunk.objects.create(name="carrier", host="192.0.2.8")
    Account.objects.create(pk=998, user="201", realm="callsmith", md5="0", sha256="0")
    registrations.store({"0" * 40: Binding("201", "callsmith", "sip:201@192.0.2.7", "UDP")})
    session = node.begin("echo_test")
    node.give(session, "IncomingCall")
    # Far from where a database begins to number by itself.
    CallOrder.objects.create(pk=999, flow=flow, act="end", by_name="alice", reason="a test")
    return session.id


@pytest.fixture(autouse=True)
def ramp(request: pytest.FixtureRequest) -> None:
    """v2 of the flow beside v1, for the addresses that are about a ramp."""
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    if name != "api_ramp_control" and "RAMP" not in ARGUMENTS.get(str(name), {}).values():
        return
    flow = request.getfixturevalue("flow")
    deployments.deploy(version=flow.versions.get())
    second = services.version_save(flow=flow, text=ECHO + "# 2\n", base=1, author_name="a")
    ramps.start(version=second, plan=Plan(read_steps("quick")))


@pytest.fixture(autouse=True)
def review(request: pytest.FixtureRequest) -> None:
    """A review of v1 in which something was said, for the addresses that are about one."""
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    if not any(word in str(name) for word in ("review", "comment")):
        return
    version = request.getfixturevalue("flow").versions.get()
    asker = User.objects.create_superuser("asker")
    kept = reviews.review_request(version=version, user=asker)
    reviews.comment_add(review=kept, user=asker, text="Why?")


def address(name: str, call_id: str) -> str:
    ramped = Ramp.objects.values_list("deployment", flat=True).first()
    said = Comment.objects.values_list("pk", flat=True).first()
    places = {"LIVE": call_id, "RAMP": ramped or 1, "COMMENT": said or 1}
    given = {k: places.get(v, v) for k, v in ARGUMENTS.get(name, {}).items()}
    return reverse(name, kwargs=given)


def send(client: Client, name: str, url: str, data: dict[str, Any]) -> Any:
    if name.startswith("api_"):
        return client.post(url, data, content_type="application/json")
    return client.post(url, data, headers={"Accept": "application/json"})


def everything() -> tuple[Any, ...]:
    """Return all that a change could change."""
    return (
        list(Flow.objects.values_list("name", flat=True)),
        Version.objects.count(),
        Draft.objects.count(),
        list(Deployment.objects.values_list("version", "superseded_at")),
        list(Ramp.objects.values_list("state", "step", "revision")),
        list(Route.objects.values_list("pattern", "flow")),
        list(Task.objects.values_list("key", "state")),
        list(Scenario.objects.values_list("name", "text")),
        list(AccessToken.objects.values_list("name", "revoked_at")),
        list(DrainPolicy.objects.values_list("act", "after_seconds")),
        list(CallOrder.objects.values_list("act", "stopped_by")),
        list(CallPin.objects.values_list("session", "by_name")),
        list(Review.objects.values_list("flow", "version", "closed")),
        list(Comment.objects.values_list("text", "resolved_at")),
        list(Judgement.objects.values_list("by_name", "verdict")),
        list(Trunk.objects.values_list("name", "host", "enabled")),
        list(Account.objects.values_list("user", "display", "md5", "enabled")),
        list(Registration.objects.values_list("key", "gone")),
        list(PeerPolicy.objects.values_list("anybody_calls", "anybody_asks")),
        list(ReviewRule.objects.values_list("flow", "required", "high")),
    )


def test_every_change_of_the_product_is_in_this_table() -> None:
    assert set(CHANGES) <= set(NAMES)
    acts = {act for act, _ in CHANGES.values()}
    sockets = {"draft.edit", "phone.use", "deployment.force"}
    sockets |= {"call.export", "audit.export"}  # they read, and are recorded as acts
    reading = {act for act, permission in PERMISSIONS.items() if permission is None}
    assert acts | sockets | reading == set(PERMISSIONS)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_sees_anything_without_logging_in(
    client: Client, name: str, flow: Flow, call_id: str
) -> None:
    if name in OPEN:
        return
    client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    before = everything()
    for answer in (client.get(address(name, call_id)), client.post(address(name, call_id))):
        if answer.status_code == 302:
            assert answer["Location"].startswith("/login/"), name
        else:
            assert answer.status_code in (401, 403, 405), name
        assert b"echo_test" not in answer.content
    assert everything() == before


@pytest.mark.parametrize("name", sorted(ONLY_POST))
def test_no_change_is_made_by_reading(
    client: Client, name: str, flow: Flow, alice: Any, call_id: str, node: FakeNode
) -> None:
    client.force_login(alice)
    before = everything()
    for method in (client.get, client.head, client.put, client.patch):
        assert method(address(name, call_id)).status_code == 405, (name, method)
    assert everything() == before and node.placed == [] and node.sent == []


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_no_change_is_made_without_the_token_against_forgery(
    name: str, flow: Flow, alice: Any, call_id: str, node: FakeNode
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    before = everything()
    assert send(client, name, address(name, call_id), CHANGES[name][1]).status_code == 403
    assert everything() == before and node.placed == [] and node.sent == []


@pytest.mark.parametrize("name", sorted(CHANGES))
@pytest.mark.parametrize("who", ["alice", "dora", "olaf", "vera"])
def test_each_change_is_made_by_whoever_has_the_permission_and_nobody_else(
    client: Client, name: str, who: str, flow: Flow, call_id: str, request: Any, node: FakeNode
) -> None:
    from runtime import routes

    user = request.getfixturevalue(who)
    routes.route_add(pattern="1*", flow=flow)
    client.force_login(user)
    act, data = CHANGES[name]
    before = everything()
    answer = send(client, name, address(name, call_id), data)
    if may(user, act):
        assert answer.status_code in (200, 201, 302, 409), (name, answer.content)
    else:
        assert answer.status_code == 403, name
        assert everything() == before and node.placed == [] and node.sent == []


def test_a_locked_account_may_do_nothing(client: Client, alice: Any) -> None:
    assert may(alice, "flow.view")
    alice.is_active = False
    alice.save()
    assert not may(alice, "flow.view")
    assert not client.login(username="alice", password=PASSWORD)


def test_an_act_that_is_not_in_the_table_does_not_exist(alice: Any) -> None:
    with pytest.raises(KeyError):
        may(alice, "everything")
