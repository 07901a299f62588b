"""What the deeper check of a version does to its deployment."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config import cli
from designer import deep, facts, selectors, services, tasks, verdicts
from designer.apart import Exceeded
from designer.errors import Refused
from designer.models import Flow, Task, Version
from runtime import commands, deployments, service, watching
from runtime.models import Deployment
from tests.web import ECHO, LEAKING, checked

pytestmark = pytest.mark.django_db

FOUND = "RES501"


@pytest.fixture
def leaking(flow: Flow) -> Version:
    """A version whose only error is one that the deeper check finds; nobody looked yet."""
    version = services.version_save(flow=flow, text=LEAKING, base=1, author_name="a")
    assert version.errors == 0 and verdicts.verdict_of(version).state == "queued"
    return version


def outdate(version: Version) -> None:
    """Make the result one of another checker."""
    task = Task.objects.get(key=verdicts.check_key(version.pk))
    Task.objects.update(detail={**task.detail, "contract": "0" * 64})


# -- the verdict -------------------------------------------------------------------------------


def test_a_result_says_what_it_was_made_of(leaking: Version) -> None:
    detail = checked(leaking).detail
    assert detail["digest"] == leaking.digest and len(detail["contract"]) == 64
    assert detail["tier"] == 2 and detail["complete"] and detail["seconds"] >= 0
    assert detail["bounds"]["states"] == deep.BUDGET and detail["bounds"]["seconds"] == 60
    assert detail["explored"] > 100 and detail["rows_fired"] <= detail["rows"]


def test_a_result_of_another_checker_is_stale_and_made_anew(
    leaking: Version, rung: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    assert checked(leaking).state == "errors"
    outdate(leaking)
    stale = verdicts.verdict_of(leaking)
    assert stale.state == "stale" and stale.unchecked and stale.errors == []
    assert stale.detail["errors"] == 1, "it is shown all the same"
    rung.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.check_outdated([leaking]) == [leaking]
    assert rung == [leaking.pk] and verdicts.verdict_of(leaking).state == "queued"
    assert tasks.check_outdated([leaking]) == []
    assert checked(leaking).state == "errors"


@pytest.mark.django_db(transaction=True)
async def test_a_start_has_checked_anew_what_runs_and_what_is_newest(flow: Flow) -> None:
    first = flow.versions.get()
    deployments.deploy(version=first)
    texts = [ECHO + "# two\n", ECHO + "# three\n"]
    second, third = [
        services.version_save(flow=flow, text=text, base=at + 1, author_name="a")
        for at, text in enumerate(texts)
    ]
    for version in (first, second, third):
        checked(version)
        outdate(version)
    await service.check_outdated()
    states = [verdicts.verdict_of(version).state for version in (first, second, third)]
    assert states == ["queued", "stale", "queued"]


def test_a_version_that_nobody_looked_at_is_unknown_until_somebody_asks(leaking: Version) -> None:
    Task.objects.all().delete()
    assert verdicts.verdict_of(leaking).state == "unknown"
    tasks.check_again(leaking)
    assert checked(leaking).state == "errors"


# -- the gate ----------------------------------------------------------------------------------


def test_errors_of_the_deeper_check_keep_a_version_from_going_live(
    leaking: Version, alice: Any
) -> None:
    checked(leaking)
    with pytest.raises(Refused) as refused:
        deployments.deploy(version=leaking, user=alice)
    line = next(i for i, row in enumerate(LEAKING.splitlines(), 1) if "[CleanupMedia]," in row)
    told = refused.value.message
    assert "echo_test v2 has 1 error and is not deployed without a reason." in told
    assert f"Line {line}: " in told
    assert "/flows/echo_test/versions/2/ shows how it comes about." in told
    assert not Deployment.objects.exists()


def test_errors_of_the_deeper_check_are_passed_over_with_a_reason_by_those_who_may(
    leaking: Version, alice: Any, olaf: Any
) -> None:
    checked(leaking)
    with pytest.raises(Refused, match="may not deploy over errors"):
        deployments.deploy(version=leaking, user=olaf, reason="now")
    made = deployments.deploy(version=leaking, user=alice, reason="It rings no more than once")
    assert made.forced and made.standing == "errors" and not made.unchecked
    assert [f["code"] for f in made.findings_overridden] == [FOUND]
    assert facts.runtime().alarm("echo_test") is None, "what was decided is no news"


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled", "stale", "unknown"])
def test_a_check_that_has_not_spoken_keeps_nobody_waiting_and_is_written_down(
    leaking: Version, olaf: Any, state: str
) -> None:
    if state == "stale":
        checked(leaking)
        outdate(leaking)
    elif state == "unknown":
        Task.objects.all().delete()
    else:
        Task.objects.update(state=state)
    made = deployments.deploy(version=leaking, user=olaf)
    assert (made.standing, made.unchecked, made.forced) == (state, True, False)
    assert deployments.as_message(made)["unchecked"]


def test_a_walk_that_was_cut_short_forbids_nothing_and_proves_nothing(
    flow: Flow, olaf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(text: str, beat: Any) -> Any:
        beat(0.4, 9000)
        raise Exceeded("1536 MiB of memory", 9000)

    monkeypatch.setattr(tasks, "examine", examine)
    version = flow.versions.get()
    verdict = checked(version)
    assert verdict.state == "limited" and not verdict.unchecked and verdict.errors == []
    assert verdict.limits == [
        "The walk stopped at its limit of 1536 MiB of memory: what it did not see is unknown."
        " Nothing is proved."
    ]
    assert [f["code"] for f in verdict.detail["findings"]] == ["META992"]
    assert "That is no proof" in verdict.sentence and "1536 MiB" in verdict.sentence
    made = deployments.deploy(version=version, user=olaf)
    assert made.standing == "limited" and not made.unchecked
    tasks.check_again(version)
    assert verdicts.verdict_of(version).state == "queued", "another time it may come further"


def test_errors_that_are_found_after_it_went_live_are_told_to_everybody(
    leaking: Version,
    alice: Any,
    client: Client,
    published: list[tuple[str, dict[str, Any]]],
    django_capture_on_commit_callbacks: Any,
) -> None:
    first = Version.objects.get(number=1)
    deployments.deploy(version=first, user=alice)
    deployments.deploy(version=leaking, user=alice)
    assert facts.runtime().alarm("echo_test") is None
    published.clear()
    with django_capture_on_commit_callbacks(execute=True):
        checked(leaking)
    assert ("fleet", {"type": "fleet.alarm", "flow": "echo_test"}) in published
    alarm = facts.runtime().alarm("echo_test")
    assert alarm is not None and (alarm.number, alarm.errors, alarm.before) == (2, 1, 1)
    client.force_login(alice)
    pages = ["/flows/echo_test/", "/flows/echo_test/versions/", "/flows/echo_test/versions/1/",
             "/flows/echo_test/live/", "/flows/echo_test/alarm/", "/deployments/"]  # fmt: skip
    for path in pages:
        text = client.get(path).content.decode()
        assert "takes new calls and has 1 error" in text and "Roll back to v1" in text, path
    # The way back is a deployment like any other, and then all is said.
    answer = client.post("/flows/echo_test/deploy/", {"version": 1}, follow=True)
    assert b"take v1" in answer.content
    assert facts.runtime().alarm("echo_test") is None
    assert "Roll back" not in client.get("/flows/echo_test/alarm/").content.decode()


def test_who_may_not_deploy_sees_the_alarm_without_the_button(
    leaking: Version, alice: Any, vera: Any, client: Client
) -> None:
    deployments.deploy(version=leaking, user=alice)
    checked(leaking)
    client.force_login(vera)
    text = client.get("/flows/echo_test/").content.decode()
    assert "takes new calls and has 1 error" in text and "Roll back" not in text


# -- by every way ------------------------------------------------------------------------------


def test_the_history_of_deployments_shows_what_went_live_unchecked(
    leaking: Version, alice: Any, client: Client
) -> None:
    deployments.deploy(version=leaking, user=alice)
    client.force_login(alice)
    text = client.get("/deployments/").content.decode()
    assert "Unchecked" in text and "it waits to be checked" in text
    for page in ("/flows/echo_test/versions/", "/flows/echo_test/versions/2/"):
        assert "Unchecked" in client.get(page).content.decode(), page
    checked(leaking)
    assert "found later: 1 error" in client.get("/deployments/").content.decode()


def test_the_dialogs_say_what_the_check_says(leaking: Version, alice: Any, client: Client) -> None:
    client.force_login(alice)
    page = "/flows/echo_test/versions/"
    text = client.get(page).content.decode()
    assert "Deploy v2 unchecked" in text and "waits to be checked" in text
    checked(leaking)
    text = client.get(page).content.decode()
    assert "v2 has 1 error." in text and "Deploy v2 by force" in text


def test_programs_are_told_how_the_check_stands(
    leaking: Version, alice: Any, client: Client
) -> None:
    client.force_login(alice)
    made = client.post("/api/flows/echo_test/deploy", {"version": 2}, "application/json").json()
    assert made["unchecked"] and made["standing"] == "queued" and made["before"] is None
    checked(leaking)
    listed = client.get("/api/flows/echo_test/versions").json()
    assert [each["check"]["state"] for each in listed] == ["errors", "queued"]
    told = client.get("/api/flows/echo_test/versions/2/check").json()
    assert told["state"] == "errors" and FOUND in [f["code"] for f in told["findings"]]
    Deployment.objects.update(superseded_at=timezone.now())
    answer = client.post("/api/flows/echo_test/deploy", {"version": 2}, "application/json")
    assert answer.status_code == 409 and "has 1 error" in answer.json()["detail"]
    forced = {"version": 2, "reason": "now"}
    assert client.post("/api/flows/echo_test/deploy", forced, "application/json").json()["forced"]


def test_a_program_cancels_a_check_and_asks_again(
    leaking: Version, alice: Any, client: Client
) -> None:
    client.force_login(alice)
    path = "/api/flows/echo_test/versions/2/check"
    told = client.post(path, {"act": "cancel"}, "application/json").json()
    assert (told["state"], told["by"]) == ("cancelled", "alice")
    assert client.post(path, {"act": "cancel"}, "application/json").status_code == 409
    assert client.post(path, {"act": "again"}, "application/json").json()["state"] == "queued"
    assert client.post(path, {"act": "sing"}, "application/json").status_code == 400
    missing = client.get("/api/flows/echo_test/versions/9/check")
    assert missing.status_code == 404


def run(capsys: Any, *arguments: str, code: int = 0) -> Any:
    assert cli.main([*arguments, "--format", "json"]) == code, capsys.readouterr()
    return json.loads(capsys.readouterr().out)


def test_the_command_line_refuses_says_and_forces(leaking: Version, capsys: Any) -> None:
    assert cli.main(["deploy", "echo_test"]) == 0
    assert "waits to be checked" in capsys.readouterr().out
    Deployment.objects.all().delete()
    checked(leaking)
    refused = run(capsys, "deploy", "echo_test", code=1)
    assert "has 1 error" in refused["error"] and "/versions/2/" in refused["error"]
    made = run(capsys, "deploy", "echo_test", "--reason", "now")
    assert made["forced"] and made["check"]["state"] == "errors" and not made["unchecked"]


def test_the_command_line_waits_for_the_check_before_it_deploys(
    leaking: Version, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(seconds: float) -> None:
        assert not Deployment.objects.exists()
        checked(leaking)

    monkeypatch.setattr(commands, "_server_away", str)
    monkeypatch.setattr(commands.time, "sleep", sleep)
    assert "has 1 error" in run(capsys, "deploy", "echo_test", "--wait", code=1)["error"]
    assert not Deployment.objects.exists()


def test_the_command_line_does_not_wait_for_ever(
    leaking: Version, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_server_away", str)
    monkeypatch.setattr(commands, "CHECK_SECONDS", -1.0)
    refused = run(capsys, "deploy", "echo_test", "--wait", code=1)["error"]
    assert "waits to be checked" in refused and "Nothing was deployed" in refused
    assert not Deployment.objects.exists()


def test_a_followed_file_goes_live_unchecked_and_not_with_errors_that_are_known(
    flow: Flow, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "echo_test.yaml"
    path.write_text(LEAKING)
    with caplog.at_level(logging.INFO):
        version = watching.take(path)
    assert version is not None and Deployment.objects.get().unchecked
    assert "while its deeper check goes on" in caplog.text
    checked(version)
    deployments.deploy(version=Version.objects.get(number=1))
    caplog.clear()
    assert watching.take(path) is None
    assert "has 1 error" in caplog.text
    current = deployments.current(flow)
    assert current is not None and current.version.number == 1


# -- pages of a check --------------------------------------------------------------------------


def test_the_page_of_a_version_follows_its_check(
    leaking: Version, alice: Any, client: Client
) -> None:
    client.force_login(alice)
    page = "/flows/echo_test/versions/2/"
    Task.objects.filter(key=verdicts.check_key(leaking.pk)).update(
        state="running", progress=0.4, detail={"version": leaking.pk, "searched": 5120, "left": 3}
    )
    text = client.get(page).content.decode()
    assert "5120 states searched · about 3 s" in text and "check/cancel/" in text
    part = client.get(page + "check/")
    assert b"hx-get" in part.content and "HX-Refresh" not in part
    cancelled = client.post(page + "check/cancel/", follow=True).content.decode()
    assert "The check was cancelled by alice" in cancelled and "Check again" in cancelled
    again = client.post(page + "check/again/", follow=True).content.decode()
    assert "Waits for the worker" in again
    checked(leaking)
    assert client.get(page + "check/")["HX-Refresh"] == "true"
    text = client.get(page).content.decode()
    assert "1 error, 0 warnings" in text and FOUND in text and "check/again/" not in text
    refused = client.post(page + "check/again/", headers={"Accept": "application/json"})
    assert refused.status_code == 409 and "its text never changes" in refused.json()["error"]


def test_the_lists_count_what_the_deeper_check_found(
    leaking: Version, alice: Any, client: Client
) -> None:
    checked(leaking)
    (line,) = selectors.flow_lines(alice)
    assert (line.errors, line.status["key"]) == (1, "invalid")
