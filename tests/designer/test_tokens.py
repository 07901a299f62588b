"""Access tokens: made, shown once, listed, taken back; by page and by command line."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import cli
from designer import tokens
from designer.errors import Refused
from designer.models import AccessToken

pytestmark = pytest.mark.django_db


def test_only_a_hash_of_a_token_is_kept(alice: Any) -> None:
    secret, token = tokens.token_add(user=alice, name=" nightly   deploy ", days=30)
    assert secret.startswith(tokens.MARK) and len(secret) > 40 and tokens.SHAPE.fullmatch(secret)
    assert token.name == "nightly deploy" and secret.startswith(token.begins)
    kept = AccessToken.objects.values_list().get()
    assert secret not in map(str, kept) and token.digest == tokens.digest_of(secret)
    assert tokens.token_of(secret) == token and tokens.token_of(secret + "x") is None


@pytest.mark.parametrize(
    ("name", "days"), [("", 30), ("x" * 101, 30), ("a\x00", 30), ("a", 0), ("a", 9999)]
)
def test_a_token_without_a_usable_name_or_end_is_refused(alice: Any, name: str, days: int) -> None:
    with pytest.raises(Refused):
        tokens.token_add(user=alice, name=name, days=days)


def test_a_name_is_free_again_when_its_token_has_ended(alice: Any, dora: Any) -> None:
    tokens.token_add(user=alice, name="one", days=1)
    tokens.token_add(user=dora, name="one", days=1)
    with pytest.raises(Refused, match="exists already"):
        tokens.token_add(user=alice, name="one", days=1)
    later = timezone.now() + timedelta(days=2)
    tokens.token_add(user=alice, name="one", days=1, now=later)
    tokens.token_revoke(user=alice, name="one")
    tokens.token_add(user=alice, name="one", days=1)
    assert AccessToken.objects.filter(user=alice).count() == 3


def test_a_person_has_so_many_living_tokens_only(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_LIVING", 2)
    for name in "ab":
        tokens.token_add(user=alice, name=name, days=1)
    with pytest.raises(Refused, match="at most 2"):
        tokens.token_add(user=alice, name="c", days=1)


def test_the_use_of_a_token_is_kept_to_the_minute(alice: Any) -> None:
    secret, _ = tokens.token_add(user=alice, name="one", days=1)
    now = timezone.now()
    for seconds in (0, 30, 90):
        tokens.token_of(secret, now + timedelta(seconds=seconds))
        used = AccessToken.objects.get().used_at
        assert used == now + timedelta(seconds=90 if seconds == 90 else 0)


def test_the_page_shows_a_secret_once(client: Client, vera: Any) -> None:
    client.force_login(vera)
    made = client.post("/tokens/", {"name": "nightly", "days": "30"})
    (secret,) = set(re.findall(r'value="(csm_[^"]+)"', made.content.decode()))
    assert tokens.token_of(secret) and made["Cache-Control"] == "no-store"
    again = client.get("/tokens/").content.decode()
    assert secret not in again and "nightly" in again and 'data-state="active"' in again
    for name, days in (("nightly", "30"), ("other", "soon"), ("", "30")):
        refused = client.post("/tokens/", {"name": name, "days": days})
        assert refused.status_code == 409 and b"token-problem" in refused.content
    assert client.post("/tokens/revoke/", {"name": "nightly"}).status_code == 302
    assert tokens.token_of(secret) is None
    assert 'data-state="revoked"' in client.get("/tokens/").content.decode()


def test_nobody_sees_or_takes_back_the_token_of_another(
    client: Client, alice: Any, vera: Any
) -> None:
    secret, _ = tokens.token_add(user=alice, name="hers", days=1)
    client.force_login(vera)
    assert "hers" not in client.get("/tokens/").content.decode()
    answer = client.post("/tokens/revoke/", {"name": "hers"}, headers={"Accept": JSON})
    assert answer.status_code == 409 and tokens.token_of(secret)


JSON = "application/json"


def run(capsys: Any, *arguments: str, code: int = 0) -> Any:
    assert cli.main([*arguments, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_tokens_are_kept_by_command_line(alice: Any, capsys: Any) -> None:
    assert cli.main(["token", "add", "alice", "nightly", "--days", "7"]) == 0
    secret = capsys.readouterr().out.strip()
    assert tokens.token_of(secret)
    made = run(capsys, "token", "add", "alice", "other")
    assert tokens.token_of(made["token"]) and made["state"] == "active"
    listed = run(capsys, "token", "list", "alice")["tokens"]
    assert [each["name"] for each in listed] == ["other", "nightly"]
    assert "token" not in listed[0]
    assert run(capsys, "token", "revoke", "alice", "nightly")["state"] == "revoked"
    assert tokens.token_of(secret) is None
    assert len(run(capsys, "token", "list")["tokens"]) == 2
    assert run(capsys, "token", "revoke", "alice", "nightly", code=1)["error"]
    assert run(capsys, "token", "add", "nobody", "x", code=1)["error"]
    assert run(capsys, "token", "list", "nobody", code=1)["error"]
