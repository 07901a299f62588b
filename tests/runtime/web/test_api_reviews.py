"""Reviews by API and by command line: the same acts, the same refusals."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from config.cli import build_parser
from designer.models import Flow
from designer.reviews import rules, services
from designer.reviews.models import Review
from tests.designer.reviews.conftest import EDITOR, REVIEWER, save
from tests.designer.reviews.test_places import GONE_ROW, LESS
from tests.runtime.web.contract import ContractClient
from tests.web import BROKEN, person

pytestmark = pytest.mark.django_db

JSON = "application/json"
REVIEWS = "/api/flows/echo_test/reviews"


def client(name: str, permissions: list[str]) -> Client:
    made = ContractClient()
    made.force_login(person(name, permissions))
    return made


@pytest.fixture
def ada(flow: Flow) -> Client:
    return client("ada", EDITOR)


@pytest.fixture
def rex(db: Any) -> Client:
    return client("rex", REVIEWER)


def asked(flow: Flow, ada: Client, **more: Any) -> dict[str, Any]:
    save(flow, LESS, User.objects.get(username="ada"))
    answer = ada.post(REVIEWS, more, content_type=JSON)
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_a_review_is_asked_for_judged_and_read(flow: Flow, ada: Client, rex: Client) -> None:
    told = asked(flow, ada, message="Look!", reviewers=["rex"])
    assert (told["number"], told["state"], told["version"], told["base"]) == (1, "open", 2, 1)
    assert told["risk"] == "high" and told["needed"] == 2
    assert {check["key"] for check in told["checks"]} >= {"rules", "verification", "behaviour"}
    wrong = {"verdict": "approved", "digest": "0" * 64}
    assert rex.post(f"{REVIEWS}/1/judge", wrong, content_type=JSON).status_code == 409
    sent = {"verdict": "approved", "digest": told["digest"], "note": "Fine."}
    judged = rex.post(f"{REVIEWS}/1/judge", sent, content_type=JSON).json()
    assert [(v["by"], v["counts"], v["note"]) for v in judged["votes"]] == [("rex", True, "Fine.")]
    assert ada.post(f"{REVIEWS}/1/judge", sent, content_type=JSON).status_code == 403
    (line,) = ada.get(REVIEWS).json()
    assert line["approvals"] == 1
    assert ada.get(f"{REVIEWS}/1").json()["sentence"] == "1 more person has to approve v2."


def test_what_is_said_by_api_has_its_place(flow: Flow, ada: Client, rex: Client) -> None:
    asked(flow, ada)
    sent = {"text": "Who hangs up, @ada?", "place": f"#old/{GONE_ROW}"}
    told = rex.post(f"{REVIEWS}/1/comments", sent, content_type=JSON).json()
    (thread,) = told["threads"]
    assert (thread["place"], thread["on"]) == (f"#old/{GONE_ROW}", "Active, on HangupCall (UAS)")
    answer = {"text": "Nobody.", "answers": thread["comments"][0]["id"]}
    told = ada.post(f"{REVIEWS}/1/comments", answer, content_type=JSON).json()
    assert [c["text"] for c in told["threads"][0]["comments"]] == ["Who hangs up, @ada?", "Nobody."]
    missing = {"text": "x", "answers": 999_999}
    assert ada.post(f"{REVIEWS}/1/comments", missing, content_type=JSON).status_code == 404


def test_what_cannot_be_asked_is_refused(flow: Flow, ada: Client) -> None:
    assert ada.post(REVIEWS, {"version": 9}, content_type=JSON).status_code == 404
    nobody = ada.post(REVIEWS, {"reviewers": ["nobody"]}, content_type=JSON)
    assert nobody.status_code == 409 and "Nobody is called nobody" in nobody.json()["detail"]
    save(flow, BROKEN)
    assert ada.post(REVIEWS, {}, content_type=JSON).status_code == 409
    assert ada.get(f"{REVIEWS}/4").status_code == 404


# -- callsmith review ------------------------------------------------------------------------------


def verb(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    options = build_parser().parse_args(["review", *arguments, "--json"])
    code = int(options.run(options))
    return code, json.loads(capsys.readouterr().out)


def test_the_verb_says_what_is_lacking_with_its_exit_code(
    flow: Flow, capsys: pytest.CaptureFixture[str]
) -> None:
    person("ada", EDITOR)
    code, told = verb(capsys, "echo_test")
    assert (code, told["lacks"], told["review"]) == (0, [], None)
    code, told = verb(capsys, "echo_test", "--require", "--medium", "1")
    assert code == 1 and told["lacks"][0]["key"] == "approval"
    assert rules.rule_of(flow).required
    code, told = verb(capsys, "echo_test", "--ask", "--by", "ada", "--message", "Look!")
    assert code == 1 and told["review"]["state"] == "open"
    assert Review.objects.get().message == "Look!"
    assert verb(capsys, "echo_test", "--free")[0] == 0


def test_the_verb_refuses_what_there_is_not(flow: Flow, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb(capsys, "nothing")[0] == 2
    assert verb(capsys, "echo_test", "--version", "7")[0] == 2
    code, told = verb(capsys, "echo_test", "--ask")
    assert code == 1 and "--ask needs --by" in told["error"]
    assert verb(capsys, "echo_test", "--ask", "--by", "nobody")[0] == 1


def test_the_verb_reads_well(flow: Flow, capsys: pytest.CaptureFixture[str]) -> None:
    ada = person("ada", EDITOR)
    services.review_request(version=save(flow, LESS, ada), user=ada)
    options = build_parser().parse_args(["review", "echo_test"])
    assert options.run(options) == 0
    text = capsys.readouterr().out
    assert "Review 1: open. 2 more people have to approve v2." in text
    assert "passed      Rules" in text and text.endswith("Nothing is lacking.\n")
