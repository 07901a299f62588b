"""A trunk is registered from its page: by which flow, how it stands, how it ends."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from designer import services
from designer.errors import Refused
from designer.models import AuditEntry
from runtime import deployments, registering, trunks
from runtime.journal_rows import parties
from runtime.models import Session, TrunkRegistration
from runtime.node.api import CallRefused
from tests.runtime.web.stage import FakeNode

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).parents[3] / "state_tables" / "registration.yaml"


@pytest.fixture
def digest() -> str:
    """The deployed version of the shipped table."""
    flow = services.flow_import(
        text=TABLE.read_text("utf-8"), file_name="registration.yaml", author_name="alice"
    ).flow
    version = flow.versions.get()
    deployments.deploy(version=version)
    return version.digest


@pytest.fixture
def begun(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the node was asked to begin."""
    asked: list[Any] = []

    def begin(flow: str, event: str, fields: Any, caller: str | None = None) -> str:
        asked.append((flow, event, dict(fields), caller))
        return "node1-7-1"

    monkeypatch.setattr(node, "begin", begin)
    return asked


def page(client: Client) -> str:
    return client.get(reverse("trunk", args=["carrier"])).content.decode()


def post(client: Client, name: str, **fields: str) -> str:
    answer = client.post(reverse(name, args=["carrier"]), fields, follow=True)
    return answer.content.decode()


def living(digest: str, state: str, **more: Any) -> Session:
    return Session.objects.create(
        id=more.pop("id", "node1-7-1"), node="node1", epoch=7, flow_name="registration",
        digest=digest, role="UAC", callee=more.pop("callee", "sip:carrier"), started_at=1.0,
        state=state, **more,
    )  # fmt: skip


def test_a_trunk_is_registered_from_its_page_and_shown_how_it_stands(
    client: Client, alice: Any, node: FakeNode, digest: str, begun: list[Any]
) -> None:
    client.force_login(alice)
    trunks.trunk_add(name="carrier", given={"host": "192.0.2.8", "user": "we"}, password="x")
    assert "Register…" in page(client) and "No flow registers with it now" in page(client)
    said = post(client, "trunk_register", flow="registration")
    assert "registration registers carrier" in said
    assert begun == [("registration", "StartRegistration", {"registrar": "sip:carrier"}, None)]
    again = post(client, "trunk_register", flow="registration")
    assert "being registered already" in again and len(begun) == 1, "its record is on the way"
    session = living(digest, "Registered")
    assert "Register…" not in page(client)
    assert 'data-testid="trunk-unregister"' in page(client) and "Registered" in page(client)
    assert "being registered already" in post(client, "trunk_register", flow="registration")
    node.living["node1-7-1"] = None  # type: ignore[assignment]
    assert "is being unregistered" in post(client, "trunk_unregister")
    assert node.sent == [("node1-7-1", "StartUnregistration", {})]
    acts = AuditEntry.objects.filter(subject="carrier", flow_name="registration")
    assert {entry.detail["what"] for entry in acts} == {"registered", "unregistered"}
    session.state = "Unregistering"
    session.save()
    assert 'data-testid="trunk-unregister"' not in page(client)
    assert "cannot be removed" in post(client, "trunk_unregister")
    session.ended_at = 2.0
    session.save()
    assert "is not registered by a flow" in post(client, "trunk_unregister")


def test_a_program_registers_a_trunk(
    client: Client, alice: Any, node: FakeNode, digest: str, begun: list[Any]
) -> None:
    client.force_login(alice)
    trunks.trunk_add(name="carrier", given={"host": "192.0.2.8", "user": "we"})
    address = reverse("api_trunk_registration", args=["carrier"])
    made = client.post(address, {}, content_type="application/json")
    assert made.json() == {"session": "node1-7-1"} and len(begun) == 1
    assert client.delete(address).json()["name"] == "carrier"
    assert client.delete(address).status_code == 409


@pytest.mark.parametrize(
    ("given", "flow", "said"),
    [
        ({}, "registration", "has no user"),
        ({"user": "we", "enabled": False}, "registration", "is disabled"),
        ({"user": "we"}, "echo_test", "No version of echo_test that registers"),
        ({"user": "we"}, "", "No version of a flow that registers"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_a_sentence(
    client: Client,
    alice: Any,
    digest: str,
    begun: list[Any],
    given: dict[str, Any],
    flow: str,
    said: str,
) -> None:
    client.force_login(alice)
    trunks.trunk_add(name="carrier", given={"host": "192.0.2.8", **given})
    assert said in post(client, "trunk_register", flow=flow) and begun == []


def test_without_a_flow_that_registers_the_page_says_what_is_missing(
    client: Client, alice: Any, node: FakeNode
) -> None:
    client.force_login(alice)
    trunks.trunk_add(name="carrier", given={"host": "192.0.2.8", "user": "we"})
    assert "begin with StartRegistration" in page(client) and "Register…" not in page(client)
    assert Session.objects.count() == 0


def test_a_command_need_not_name_the_only_flow_that_registers(node: FakeNode) -> None:
    with pytest.raises(Refused, match="none is deployed"):
        registering.only_flow()
    text = TABLE.read_text("utf-8")
    for name in ("registration", "other"):
        text = text.replace("name: registration", f"name: {name}")
        flow = services.flow_import(text=text, file_name=f"{name}.yaml", author_name="alice").flow
        deployments.deploy(version=flow.versions.get())
        if name == "registration":
            assert registering.only_flow() == "registration"
    with pytest.raises(Refused, match="other, registration: name one"):
        registering.only_flow()


def test_the_record_names_the_registrar_as_the_far_side() -> None:
    fields = {"registrar": "sip:carrier", "caller": "sip:we@h"}
    assert parties(fields) == ("", "sip:carrier")


def test_other_calls_to_the_trunk_are_no_registration(
    client: Client, alice: Any, node: FakeNode, digest: str
) -> None:
    client.force_login(alice)
    trunks.trunk_add(name="carrier", given={"host": "192.0.2.8", "user": "we"})
    living(digest, "Registered", callee="sip:other")
    living("0" * 64, "Active", id="node1-7-2")
    assert "No flow registers with it now" in page(client)


@pytest.fixture
def wanted(digest: str, begun: list[Any]) -> TrunkRegistration:
    """A trunk that was registered a while ago."""
    trunk = trunks.trunk_add(name="carrier", given={"host": "192.0.2.8", "user": "we"})
    registering.register(trunk=trunk, flow="registration")
    begun.clear()
    TrunkRegistration.objects.update(tried_at=time.time() - 60, session="node1-6-1")
    return TrunkRegistration.objects.get()


@pytest.mark.parametrize("outcome", ["lost", "shutdown"])
def test_a_registration_that_ended_with_its_node_is_begun_again(
    client: Client,
    alice: Any,
    wanted: TrunkRegistration,
    digest: str,
    begun: list[Any],
    outcome: str,
) -> None:
    living(digest, "Registered", id="node1-6-1", ended_at=2.0, outcome=outcome)
    client.force_login(alice)
    assert "it is begun again" in page(client)
    registering.keep()
    registering.keep()
    assert begun == [("registration", "StartRegistration", {"registrar": "sip:carrier"}, None)]
    wanted.refresh_from_db()
    assert wanted.session == "node1-7-1" and wanted.tried_at > time.time() - 5


@pytest.mark.parametrize(
    "last",
    [
        {"ended_at": 2.0, "outcome": "failed"},
        {"ended_at": 2.0, "outcome": "completed"},
        {"ended_at": None},
    ],
)
def test_one_that_lives_or_ended_by_itself_is_left_alone(
    wanted: TrunkRegistration, digest: str, begun: list[Any], last: dict[str, Any]
) -> None:
    living(digest, "Registered", id="node1-6-1", **last)
    registering.keep()
    assert begun == []


def test_a_disabled_trunk_is_not_registered_again_and_a_node_that_refuses_is_asked_later(
    wanted: TrunkRegistration, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(*given: Any) -> str:
        raise CallRefused("the node is stopping")

    monkeypatch.setattr(node, "begin", begin)
    registering.keep()
    wanted.refresh_from_db()
    assert wanted.session == "node1-6-1" and wanted.tried_at > time.time() - 5
    trunks.trunk_change(trunk=wanted.trunk, given={"enabled": False})
    TrunkRegistration.objects.update(tried_at=7.0)
    registering.keep()
    wanted.refresh_from_db()
    assert wanted.tried_at == 7.0


def test_one_that_gave_up_is_shown_and_can_be_left_so(
    client: Client, alice: Any, wanted: TrunkRegistration, digest: str
) -> None:
    client.force_login(alice)
    living(digest, "Failed", id="node1-6-1", ended_at=2.0, outcome="failed")
    assert "gave up at" in page(client) and "Register…" in page(client)
    assert "is being unregistered" in post(client, "trunk_unregister")
    assert "gave up at" not in page(client) and not TrunkRegistration.objects.exists()
