"""The way into the API: by token, by session, and for nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from designer import tokens
from designer.models import AccessToken, Flow
from runtime.api import entrance
from runtime.api.failures import MOST_FAILURES, WINDOW_SECONDS, Failures
from runtime.models import Route
from tests.runtime.web.contract import ContractClient

pytestmark = pytest.mark.django_db
JSON = "application/json"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(entrance, "failures", Failures(clock))
    return clock


def bearer(user: Any, days: int = 30) -> dict[str, str]:
    secret, _ = tokens.token_add(user=user, name="program", days=days)
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def program() -> Client:
    return ContractClient(enforce_csrf_checks=True)


def test_a_token_does_what_its_person_may_do_and_no_more(
    program: Client, olaf: Any, dora: Any, flow: Flow
) -> None:
    sent = {"pattern": "1*", "flow": "echo_test"}
    made = program.post("/api/routes", sent, content_type=JSON, headers=bearer(olaf))
    assert made.status_code == 200 and Route.objects.count() == 1
    shown = bearer(dora)
    assert program.get("/api/routes", headers=shown).status_code == 200
    refused = program.post("/api/routes", sent, content_type=JSON, headers=shown)
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused["WWW-Authenticate"]
    assert "runtime.change_route" in refused.json()["detail"]


def test_nothing_shown_is_challenged_without_an_error(program: Client) -> None:
    for headers in ({}, {"Authorization": "Basic YTpi"}):
        refused = program.get("/api/flows", headers=headers)
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"] == 'Bearer realm="callsmith"'
        assert refused["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("shown", ["", "a b", "ü", "x" * 201, '"', "a=b"])
def test_what_is_no_token_at_all_is_a_bad_request(program: Client, shown: str) -> None:
    refused = program.get("/api/flows", headers={"Authorization": f"Bearer {shown}"})
    assert refused.status_code == 400
    assert 'error="invalid_request"' in refused["WWW-Authenticate"]


def test_a_token_ends_with_its_day_its_account_or_when_it_is_taken_back(
    program: Client, alice: Any
) -> None:
    shown = bearer(alice)
    assert program.get("/api/flows", headers=shown).status_code == 200
    AccessToken.objects.update(expires_at=timezone.now())
    ended = program.get("/api/flows", headers=shown)
    assert ended.status_code == 401 and 'error="invalid_token"' in ended["WWW-Authenticate"]
    AccessToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    alice.is_active = False
    alice.save()
    assert program.get("/api/flows", headers=shown).status_code == 401
    alice.is_active = True
    alice.save()
    assert program.get("/api/flows", headers=shown).status_code == 200
    tokens.token_revoke(user=alice, name="program")
    assert program.get("/api/flows", headers=shown).status_code == 401


def test_a_session_needs_the_token_against_forgery_and_is_let_in_with_it(
    program: Client, alice: Any, flow: Flow
) -> None:
    program.force_login(alice)
    sent = {"pattern": "1*", "flow": "echo_test"}
    refused = program.post("/api/routes", sent, content_type=JSON)
    assert refused.status_code == 403 and "X-CSRFToken" in refused.json()["detail"]
    assert not Route.objects.exists()
    program.get("/routes/")
    shown = {"X-CSRFToken": program.cookies[forgery_cookie()].value}
    assert program.post("/api/routes", sent, content_type=JSON, headers=shown).status_code == 200


def forgery_cookie() -> str:
    from django.conf import settings

    return str(settings.CSRF_COOKIE_NAME)


def test_a_bad_token_beside_a_good_session_opens_nothing(
    program: Client, alice: Any, flow: Flow
) -> None:
    program.force_login(alice)
    refused = program.get("/api/flows", headers={"Authorization": "Bearer csm_wrong"})
    assert refused.status_code == 401


def test_a_token_opens_no_page(program: Client, alice: Any) -> None:
    assert program.get("/tokens/", headers=bearer(alice)).status_code == 302


def test_too_many_failures_have_to_wait_and_a_known_token_has_not(
    program: Client, alice: Any, dora: Any, clock: Clock
) -> None:
    known = bearer(alice)
    assert program.get("/api/flows", headers=known).status_code == 200
    wrong = {"Authorization": "Bearer csm_wrong"}
    for _ in range(MOST_FAILURES):
        assert program.get("/api/flows", headers=wrong).status_code == 401
    refused = program.get("/api/flows", headers=wrong)
    assert refused.status_code == 429 and refused["Retry-After"] == str(int(WINDOW_SECONDS))
    assert program.get("/api/flows", headers=known).status_code == 200
    unknown_yet = bearer(dora)
    assert program.get("/api/flows", headers=unknown_yet).status_code == 429
    elsewhere = program.get("/api/flows", headers=wrong, REMOTE_ADDR="192.0.2.9")
    assert elsewhere.status_code == 401
    clock.now += WINDOW_SECONDS
    assert program.get("/api/flows", headers=unknown_yet).status_code == 200


def test_what_failures_remember_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.api import failures as module

    monkeypatch.setattr(module, "MOST_ADDRESSES", 3)
    monkeypatch.setattr(module, "MOST_KNOWN", 2)
    kept = Failures(Clock())
    for each in map(str, range(9)):
        kept.failed(each, each)
        kept.succeeded(each)
    assert len(kept._windows) == 3 and list(kept._known) == ["7", "8"]
