"""The pages of the rules, and the ways that lead to them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from designer import services
from flows.check.catalogue import catalogue
from tests.web import BROKEN

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def test_the_list_leads_to_every_rule(page: Client) -> None:
    shown = page.get(reverse("rules")).content.decode()
    for code in catalogue():
        assert f'href="/rules/{code}/"' in shown, code


def test_each_rule_says_what_why_how_grave_when_and_shows_both_examples(page: Client) -> None:
    for code, entry in catalogue().items():
        answer = page.get(reverse("rule", args=[code]))
        assert answer.status_code == 200, code
        shown = answer.content.decode()
        told = (entry.rule, entry.why, entry.bad, entry.good, entry.severity.value, entry.tier)
        for part in told:
            assert escape(part) in shown, (code, part)


def test_a_code_may_be_written_small_and_an_unknown_one_is_not_found(page: Client) -> None:
    assert b"COV401" in page.get("/rules/cov401/").content
    assert page.get("/rules/NIL999/").status_code == 404


def test_rules_are_only_read(page: Client) -> None:
    assert page.post(reverse("rules")).status_code == 405
    assert page.post(reverse("rule", args=["COV401"])).status_code == 405


def test_a_finding_of_a_version_leads_to_its_rule(page: Client, alice: Any) -> None:
    flow = services.flow_create(name="broken", user=alice, text=BROKEN)
    version = services.version_save(flow=flow, text=BROKEN, base=None, author=alice, message="")
    answer = page.get(reverse("flow_version", args=["broken", version.number]))
    codes = {finding["code"] for finding in answer.context["findings"]}
    assert codes
    for code in codes:
        assert f'href="/rules/{code}/"' in answer.content.decode()


def test_the_editor_knows_which_codes_have_a_page(page: Client, alice: Any) -> None:
    services.flow_create(name="broken", user=alice, text=BROKEN)
    boot = page.get(reverse("flow", args=["broken"])).context["boot"]
    assert boot["rules"] == sorted(catalogue())
    assert boot["urls"]["rule"] == "/rules/{code}/"
