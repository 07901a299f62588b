"""Routes as people keep them: conditions, order, what is tried, and the record of changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from designer import people, services
from designer.errors import Refused
from designer.models import AuditEntry, Flow
from runtime import routes
from runtime.models import Route
from runtime.node.routes import When
from tests.web import person

pytestmark = pytest.mark.django_db


def tried(**given: str) -> str:
    """Which pattern takes this call, or why the first route does not."""
    found = routes.match(routes.imagined(given))
    return found.route.pattern if found.route is not None else found.passed[0][1]


def test_a_call_is_tried_with_all_that_is_said_about_it(flow: Flow) -> None:
    when = When(sources=("203.0.113.0/24",), caller="+49*", header="X-Campaign", value="winter*")
    routes.route_add(pattern="1??", flow=flow, when=when)
    call = {"number": "sip:100@desk.example", "caller": "+4930", "source": "203.0.113.9"}
    assert "no X-Campaign" in tried(**call)
    assert tried(**call, header="x-campaign", value="winter-7") == "1??"
    assert "does not come from" in tried(number="100", caller="+4930")
    assert "the number" in tried(number="1000")


def test_an_address_that_is_tried_brings_its_domain(flow: Flow) -> None:
    routes.route_add(pattern="*", flow=flow, when=When(domain="desk.example"))
    assert tried(number="sip:100@Desk.example:5070;transport=udp") == "*"
    assert "the domain" in tried(number="100")
    assert tried(number="100", domain="desk.example") == "*"


def test_a_route_is_moved_and_anybody_stays_last(flow: Flow) -> None:
    for pattern in ("*", "3*", "2*", "1*"):
        routes.route_add(pattern=pattern, flow=flow)
    routes.route_move(route=routes.route_named(pattern="3*"), to=0)
    assert [each.pattern for each in routes.ordered()] == ["3*", "1*", "2*", "*"]
    routes.route_move(route=routes.route_named(pattern="3*"), to=99)
    assert [each.pattern for each in routes.ordered()] == ["1*", "2*", "3*", "*"]
    with pytest.raises(Refused, match="always asked last"):
        routes.route_move(route=routes.route_named(pattern="*"), to=0)


def test_the_same_number_for_two_trunks_is_named_by_its_key(flow: Flow) -> None:
    for network in ("10.0.0.0/8", "11.0.0.0/8"):
        routes.route_add(pattern="1", flow=flow, when=When(sources=(network,)))
    with pytest.raises(Refused, match="Several"):
        routes.route_named(pattern="1")
    last = routes.ordered()[-1]
    assert routes.route_named(key=last.pk) == last


def test_what_a_number_led_to_stays_in_the_record(flow: Flow, alice: Any) -> None:
    other = services.flow_create(name="other")
    routes.route_add(pattern="100", flow=flow, user=alice)
    routes.route_add(pattern="100", flow=other, user=alice)
    routes.route_delete(route=routes.route_named(pattern="100"), user=alice)
    said = [(each.detail["what"], each.flow_name) for each in routes.changes()]
    assert said == [("removed", "other"), ("replaced", "other"), ("added", "echo_test")]
    assert routes.changes()[1].detail["before"] == "echo_test"
    assert AuditEntry.objects.filter(act="route.change", by=alice).count() == 3


def test_the_form_takes_conditions_and_the_page_tries_a_call(
    client: Client, flow: Flow, alice: Any
) -> None:
    client.force_login(alice)
    sent = {"pattern": "1??", "flow": "echo_test", "sources": "10.0.0.0/8, 192.0.2.1"}
    client.post(reverse("route_add"), sent)
    assert Route.objects.get().when == When(sources=("10.0.0.0/8", "192.0.2.1"))
    page = client.get(reverse("routes"), {"number": "100", "source": "192.0.2.1"})
    assert page.context["match"].route.pattern == "1??"
    assert b"from 10.0.0.0/8 or 192.0.2.1" in page.content
    page = client.get(reverse("routes"), {"number": "100", "source": "192.0.2.2"})
    assert b"does not come from" in page.content
    bad = client.post(
        reverse("route_add"), {**sent, "sources": "nowhere"}, headers={"Accept": "application/json"}
    )
    assert bad.status_code == 409 and "no network" in bad.json()["error"]


def test_a_route_of_another_project_is_neither_named_nor_touched(
    client: Client, flow: Flow, alice: Any
) -> None:
    route = routes.route_add(pattern="100", flow=flow)
    people.project_add(name="desk", by=alice)
    people.flow_move(flow=flow, project="desk", by=alice)
    client.force_login(person("rolf", ["runtime.change_route"]))
    page = client.get(reverse("routes"), {"number": "100"})
    assert b"echo_test" not in page.content and b"another project" in page.content
    for name in ("route_delete", "route_move"):
        answer = client.post(reverse(name), {"id": route.pk, "to": "0"})
        assert answer.status_code == 404
    answer = client.post(reverse("route_add"), {"pattern": "100", "flow": "echo_test"})
    assert answer.status_code == 404
    assert Route.objects.get().flow == flow
