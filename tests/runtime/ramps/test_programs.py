"""Deployments in steps by the API and by the command line."""

import json
from typing import Any

import pytest
from django.test import Client

from config import cli
from designer.models import Version
from runtime.models import Ramp
from runtime.ramps import services
from tests.runtime.ramps.test_page import judged
from tests.runtime.web.contract import ContractClient

pytestmark = pytest.mark.django_db

JSON = "application/json"
WHERE = "/api/flows/echo_test/ramp"


@pytest.fixture
def api(alice: Any) -> Client:
    client = ContractClient()
    client.force_login(alice)
    return client


def run(capsys: Any, *arguments: str, code: int = 0) -> Any:
    assert cli.main([*arguments, "--format", "json"]) == code, capsys.readouterr()
    return json.loads(capsys.readouterr().out)


def test_a_program_begins_looks_and_controls(api: Client, candidate: Version, flow: Any) -> None:
    assert api.get(WHERE).status_code == 404
    sent = {"steps": "5 % 10 min, 20 % 1 h", "callers": ["tina"], "limits": {"answered": 0.1}}
    made = api.post(WHERE, sent, content_type=JSON).json()
    assert (made["version"], made["beside"], made["percent"]) == (2, 1, 5)
    assert made["limits"] == {"answered": 0.1} and made["callers"] == ["tina"]
    judged(services.active(flow), 40, 400)
    told = api.get(WHERE).json()
    assert told["verdict"] == "undecided" and "more calls decide it" in told["sentence"]
    assert told["figures"][0]["stable_calls"] == 400

    def act(word: str, **more: str) -> Any:
        return api.post(f"{WHERE}/control", {"act": word, **more}, content_type=JSON)

    assert act("hold").json()["state"] == "held"
    assert act("resume").json()["state"] == "running"
    assert act("go").status_code == 409
    assert act("go", reason="seen").json()["percent"] == 20
    ended = act("back", reason="enough").json()
    assert ended["state"] == "back" and ended["history"][-1]["what"] == "back"
    assert act("hold").status_code == 409


def test_a_plan_that_makes_no_sense_is_refused_to_programs(api: Client, candidate: Version) -> None:
    for sent in ({"steps": "fast"}, {"limits": {"mood": 1}}, {"sources": ["x"]}, {"version": 9}):
        assert api.post(WHERE, sent, content_type=JSON).status_code == 409


def test_a_rollback_by_the_api_takes_the_candidate_back(api: Client, ramp: Ramp) -> None:
    back = api.post("/api/flows/echo_test/rollback", {"reason": "no"}, content_type=JSON).json()
    assert back["version"] == 1
    assert api.get(WHERE).json()["state"] == "back"


def test_the_command_line_begins_and_its_exit_code_tells_how_it_stands(
    candidate: Version, flow: Any, capsys: Any
) -> None:
    begun = run(
        capsys, "deploy", "echo_test", "--ramp", "5 % 10 min", "--caller", "tina",
        "--limit", "answered=0.05", "--limit", "failed=0.1",
    )  # fmt: skip
    assert begun["percent"] == 5 and begun["limits"] == {"answered": 0.05, "failed": 0.1}
    assert run(capsys, "ramp", "echo_test", code=3)["verdict"] == ""
    assert run(capsys, "deploy", "echo_test", "--version", "1", code=1)["error"]
    judged(services.active(flow), 3000, 9000)
    assert run(capsys, "ramp", "echo_test")["verdict"] == "pass"
    assert run(capsys, "ramp", "echo_test", "--hold")["state"] == "held"
    run(capsys, "ramp", "echo_test", code=3)
    assert run(capsys, "ramp", "echo_test", "--back", "--reason", "no")["state"] == "back"
    run(capsys, "ramp", "echo_test", code=1)
    assert "over already" in run(capsys, "ramp", "echo_test", "--go", code=1)["error"]


def test_the_command_line_tells_the_figures_in_lines(ramp: Ramp, capsys: Any) -> None:
    judged(ramp, 100, 400, answered=0.1)
    assert cli.main(["ramp", "echo_test"]) == 1
    said = capsys.readouterr().out
    assert "echo_test v2 rolled back at 5 % beside v1. Calls answered: 10.0 % on v2" in said
    assert "Calls answered" in said and "−80.0 pt  worse" in said


def test_the_command_line_refuses_what_makes_no_sense(
    flow: Any, candidate: Version, capsys: Any
) -> None:
    for arguments in (
        ["ramp", "nothing"],
        ["ramp", "echo_test"],
        ["deploy", "echo_test", "--ramp", "fast"],
        ["deploy", "echo_test", "--ramp", "--limit", "answered"],
    ):
        assert run(capsys, *arguments, code=1)["error"]


def test_a_rollback_by_the_command_line_takes_the_candidate_back(ramp: Ramp, capsys: Any) -> None:
    assert run(capsys, "rollback", "echo_test")["version"] == 1
    ramp.refresh_from_db()
    assert ramp.state == "back"
