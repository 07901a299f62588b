"""`callsmith call-export` and `call-compare`, and the same over the API."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from config import cli
from designer.models import AuditEntry, Flow
from tests.runtime.web.contract import ContractClient
from tests.runtime.web.recorded import echo_call
from tests.web import ECHO

pytestmark = pytest.mark.django_db
SECRET = b"493055500017"


@pytest.fixture(autouse=True)
def calls(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    echo_call("node1-3-2", ECHO, unhandled=False).store()


def test_a_call_is_written_masked_and_shown_for_a_reason_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "call.pcap"
    asked = ["call-export", "node1-3-1", "--form", "pcap", "--output", str(file)]
    assert cli.main(asked) == 0
    assert SECRET not in file.read_bytes() and "bytes" in capsys.readouterr().out
    assert cli.main([*asked, "--unmask"]) == 1
    assert "--reason" in capsys.readouterr().err
    assert cli.main([*asked, "--unmask", "--reason", "The carrier asked"]) == 0
    assert SECRET in file.read_bytes()
    told = AuditEntry.objects.filter(act="call.export").values_list("by_name", "reason")
    assert set(told) == {("command line", ""), ("command line", "The carrier asked")}
    assert cli.main(["call-export", "node1-3-9"]) == 2


def test_two_calls_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["call-compare", "node1-3-1", "node1-3-1"]) == 0
    assert cli.main(["call-compare", "node1-3-1", "node1-3-2", "--json"]) == 1
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "Then the first call takes InfoReceived" in told["sentence"]
    assert cli.main(["call-compare", "node1-3-1", "node1-3-9"]) == 2


def test_the_api_tells_of_a_call_what_its_page_shows(alice: Any) -> None:
    api = ContractClient()
    api.force_login(alice)
    call = api.get("/api/sessions/node1-3-1/call").json()
    assert call["ladder"]["items"][0]["label"] == "INVITE"
    why = api.get("/api/sessions/node1-3-1/steps/5/why").json()
    assert why["event"] == "InfoReceived" and why["tried"][0]["verdict"] == "fired"
    assert api.get("/api/sessions/node1-3-1/steps/77/why").status_code == 404
    told = api.get("/api/sessions/node1-3-1/compare/node1-3-2").json()
    assert not told["same"] and [p["first"] for p in told["steps"]].count(True) == 1
    copy = api.get("/api/sessions/node1-3-1/export?form=text").json()
    assert copy["name"] == "call-node1-3-1.txt"
    text = base64.b64decode(copy["base64"])
    assert b"INVITE" in text and SECRET not in text
    assert AuditEntry.objects.get(act="call.export").by == alice
