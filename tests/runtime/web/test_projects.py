"""Projects: who has no role in one sees nothing of it; a role there opens what it opens only."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from config.asgi import application
from designer import people, selectors, services
from designer.access import (
    EVERYWHERE,
    PERMISSIONS,
    ROLES,
    may,
    may_somewhere,
    projects_for,
    visible_flows,
)
from designer.errors import Refused
from designer.models import AuditEntry, Flow, Project, Version
from tests.runtime.web.stage import FakeNode
from tests.runtime.web.test_access import ARGUMENTS, CHANGES, NAMES, address, send
from tests.web import ECHO, WebsocketCommunicator, person

pytestmark = pytest.mark.django_db

OF_A_FLOW = sorted(name for name in NAMES if {"name", "id"} & set(ARGUMENTS.get(name, {})))
LOOKS = ("GET", "HEAD")


@pytest.fixture
def desk(alice: Any, flow: Flow) -> Project:
    """A project that holds the flow."""
    made = people.project_add(name="desk", by=alice)
    people.flow_move(flow=flow, project="desk", by=alice)
    return made


@pytest.fixture
def call_id(node: FakeNode, flow: Flow) -> str:
    session = node.begin("echo_test")
    node.give(session, "IncomingCall")
    return session.id


def member(name: str, *roles: str, project: str = "desk") -> User:
    """Make an account with these roles in a project and nothing else."""
    user = person(name, [])
    if roles:
        boss = User.objects.get(username="alice")
        people.members_set(project=project, username=name, roles=roles, by=boss)
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("name", OF_A_FLOW)
def test_nothing_of_a_project_is_seen_or_changed_by_somebody_without_a_role_in_it(
    client: Client, name: str, desk: Project, call_id: str, node: FakeNode
) -> None:
    client.force_login(member("nobody"))
    for method in ("get", "post"):
        data = CHANGES[name][1] if name in CHANGES else {}
        url = address(name, call_id)
        answer = client.get(url) if method == "get" else send(client, name, url, data)
        assert answer.status_code in (403, 404, 405), (name, method, answer.status_code)
        assert b"CreateMediaSession" not in answer.content
    assert node.sent == [] and node.placed == []


def test_lists_leave_out_what_one_may_not_see(client: Client, desk: Project, call_id: str) -> None:
    client.force_login(member("nobody"))
    for page in ("flows", "calls", "deployments", "routes", "find", "api_flows"):
        answer = client.get(reverse(page))
        assert answer.status_code == 200, page
        assert b"echo_test" not in answer.content, page


def test_sockets_of_a_project_are_closed_to_those_without_a_role(
    desk: Project, call_id: str
) -> None:
    nobody = member("nobody")

    async def opened(path: str) -> bool:
        socket = WebsocketCommunicator(application, path)
        socket.scope["user"] = nobody
        accepted, _ = await socket.connect()
        return accepted

    for path in ("/ws/flows/echo_test/edit", "/ws/flows/echo_test/live", f"/ws/calls/{call_id}"):
        assert not async_to_sync(opened)(path), path


@pytest.mark.parametrize("role", ROLES)
def test_a_role_in_a_project_gives_exactly_what_the_table_says_and_only_there(
    role: str, desk: Project, flow: Flow
) -> None:
    user = member(role, role)
    other = services.flow_create(name="other")
    for act, permission in PERMISSIONS.items():
        given = permission is None or permission in ROLES[role][1]
        assert may(user, act, flow) == given, act
        assert may(user, act, other) == (permission is None), act
        assert may(user, act) == (permission is None), act
        assert may_somewhere(user, act) == (
            permission is None or (given and act not in EVERYWHERE)
        ), act


@pytest.mark.parametrize("role", ROLES)
def test_a_role_everywhere_is_a_group_with_the_same_permissions(
    role: str, desk: Project, flow: Flow
) -> None:
    user = person(role, [])
    user.groups.add(Group.objects.get(name=role))
    user = User.objects.get(pk=user.pk)
    for act, permission in PERMISSIONS.items():
        given = permission is None or permission in ROLES[role][1]
        assert may(user, act, flow) == given, act
        assert may(user, act) == given, act


def test_deploying_is_never_implied_by_editing() -> None:
    assert not {p for p in ROLES["editor"][1] if "deploy" in p or "ramp" in p}
    assert "designer.add_version" not in ROLES["deployer"][1]


def test_an_editor_of_a_project_saves_there_and_makes_flows_there(
    client: Client, desk: Project, flow: Flow
) -> None:
    user = member("eda", "editor")
    client.force_login(user)
    assert projects_for(user, "flow.create") == [desk]
    made = client.post(reverse("flow_new"), {"name": "mine", "project": "desk"})
    assert made.status_code == 302
    assert selectors.flow_named("mine").project == desk  # type: ignore[union-attr]
    refused = client.post(reverse("flow_new"), {"name": "loose"})
    assert refused.status_code == 422 and selectors.flow_named("loose") is None


def test_a_flow_that_one_may_not_see_is_not_overwritten_by_an_import(
    client: Client, desk: Project, flow: Flow
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    Project.objects.create(name="elsewhere")
    user = member("eda", "editor", project="elsewhere")
    client.force_login(user)
    before = Version.objects.count()
    file = SimpleUploadedFile("echo_test.yaml", (ECHO + "\n# more\n").encode())
    answer = client.post(reverse("flow_new"), {"file": file, "project": "elsewhere"})
    assert answer.status_code == 422
    assert Version.objects.count() == before


def test_a_taken_role_counts_from_the_next_request(
    client: Client, desk: Project, flow: Flow, alice: Any
) -> None:
    user = member("eda", "viewer")
    client.force_login(user)
    assert client.get(reverse("flow", args=["echo_test"])).status_code == 200
    people.members_set(project="desk", username="eda", roles=[], by=alice)
    assert client.get(reverse("flow", args=["echo_test"])).status_code == 404


def test_who_sees_every_project_sees_its_flows(desk: Project, flow: Flow) -> None:
    assert flow in visible_flows(person("wanda", ["designer.view_flow"]))
    assert flow not in visible_flows(person("nils", []))


def test_nobody_takes_the_last_administrator_away(alice: Any) -> None:
    olga = person("olga", [])
    people.roles_set(username="olga", roles=["administrator"], by=alice)
    User.objects.filter(pk=alice.pk).update(is_superuser=False)
    with pytest.raises(Refused, match="Nobody would be left"):
        people.roles_set(username="olga", roles=["viewer"], by=olga)
    assert olga.groups.filter(name="administrator").exists()


def test_nobody_locks_themselves_and_a_locked_account_is_opened_again(alice: Any) -> None:
    with pytest.raises(Refused, match="their own"):
        people.person_lock(username="alice", locked=True, by=alice)
    dave = person("dave", [])
    people.person_lock(username="dave", locked=True, by=alice)
    assert not may(User.objects.get(pk=dave.pk), "flow.view")
    people.person_lock(username="dave", locked=False, by=alice)
    assert may(User.objects.get(pk=dave.pk), "flow.view")


def test_an_administrator_renews_no_password_of_somebody_who_may_do_more(alice: Any) -> None:
    person("adam", [])
    people.roles_set(username="adam", roles=["administrator"], by=alice)
    with pytest.raises(Refused):
        people.password_renew(username="alice", by=User.objects.get(username="adam"))


def test_the_password_of_a_new_account_is_shown_once_and_opens_it(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)
    answer = client.post(reverse("person_add"), {"username": "nina", "full_name": "Nina Sol"})
    assert answer.headers["Cache-Control"] == "no-store"
    secret = answer.context["secret"]
    assert secret.encode() in answer.content
    assert secret.encode() not in client.get(reverse("people")).content
    assert Client().login(username="nina", password=secret)
    again = client.post(reverse("person_add"), {"username": "nina"})
    assert again.status_code == 409 and b"already exists" in again.content


def test_what_is_done_to_people_and_projects_is_recorded(
    alice: Any, desk: Project, flow: Flow
) -> None:
    member("eda", "editor", "deployer")
    people.members_set(project="desk", username="eda", roles=[], by=alice)
    last = AuditEntry.objects.first()
    assert last is not None
    assert (last.act, last.by_name, last.subject) == ("project.member", "alice", "desk: eda")
    assert last.detail == {"before": ["deployer", "editor"], "after": []}
    acts = set(AuditEntry.objects.values_list("act", flat=True))
    assert {"project.add", "flow.move", "version.save"} <= acts


def test_a_project_with_flows_is_not_removed(alice: Any, desk: Project, flow: Flow) -> None:
    with pytest.raises(Refused, match="Move them"):
        people.project_delete(name="desk", by=alice)
    people.flow_move(flow=flow, project="", by=alice)
    people.project_delete(name="desk", by=alice)
    assert not Project.objects.exists()
