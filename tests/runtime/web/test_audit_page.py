"""The page of the audit: acts, proof, what is kept, files."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from django.test import Client

from designer import auditing, jobs
from designer.models import AuditEntry, Flow
from runtime import acts_list, upkeep
from runtime.acts_list import ActFilter, acts, line_of, link_of
from runtime.blocks import seal_acts
from runtime.models import Recording

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    client.force_login(alice)
    return client


def some_acts() -> None:
    auditing.record("deployment.make", by_name="dora", flow="echo_test", subject="v1")
    auditing.record(
        "call.unmask", by_name="vera", flow="echo_test", reason="asked by +493055564217"
    )
    auditing.record("people.add", by_name="alice", subject="=cmd|' /C calc'!A0", reason="@new")
    auditing.record("audit.anchored", detail={"heads": {}})


def found(**wanted: str) -> list[str]:
    return [entry.act for entry in acts(ActFilter.of(wanted))]


def test_acts_are_found_by_who_what_which_flow_why_and_when(flow: Flow) -> None:
    AuditEntry.objects.all().delete()
    some_acts()
    assert found() == ["people.add", "call.unmask", "deployment.make"]
    assert found(who="DOR") == ["deployment.make"]
    assert found(act="Deployed") == found(act="deployment.make") == ["deployment.make"]
    assert found(act="audit.anchored") == ["audit.anchored"]
    assert found(flow="echo_test", q="asked") == ["call.unmask"]
    assert len(found(since="1 h")) == 3 and found(until="1 h") == []
    assert found(until="2000-01-01", q="%") == []
    assert [each.act for each in acts(ActFilter(), hidden=["echo_test"])] == ["people.add"]


def test_each_act_leads_to_what_it_was_done_to(flow: Flow) -> None:
    some_acts()
    links = {entry.act: link_of(entry) for entry in AuditEntry.objects.all()}
    assert links["deployment.make"] == "/flows/echo_test/versions/1/"
    assert links["people.add"] == "/people/"
    for act in acts_list.WORDS:
        link_of(AuditEntry(act=act, flow_name="echo_test", subject="a/b"))


def test_the_page_shows_acts_masked_and_turns_pages(page: Client, flow: Flow) -> None:
    some_acts()
    shown = page.get("/audit/").content.decode()
    assert "Saw the numbers of callers" in shown and "55564217" not in shown
    assert "+4930••••••17" in shown and 'aria-current="page" data-testid="nav-audit"' in shown
    for number in range(120):
        auditing.record("version.save", by_name="bulk", subject=f"v{number}")
    seen: list[str] = []
    address = "/audit/?who=bulk"
    while address:
        text = page.get(address).content.decode()
        seen += re.findall(r"(?<!·) (v\d+)</p>|desc\">(v\d+)</p>", text)  # type: ignore[arg-type]
        more = re.search(r'href="\?([^"]*)" rel="next"', text)
        address = "/audit/?" + more[1].replace("&amp;", "&") if more else ""
    assert len(seen) == 120
    assert "No act matches" in page.get("/audit/", {"who": "nobody"}).content.decode()


def test_who_may_not_see_the_audit_is_told_so_and_not_led_there(client: Client, olaf: Any) -> None:
    client.force_login(olaf)
    assert client.get("/audit/").status_code == 403
    assert "nav-audit" not in client.get("/calls/").content.decode()


def test_the_proof_is_asked_for_done_by_the_worker_and_shown(
    page: Client, flow: Flow, django_capture_on_commit_callbacks: Any
) -> None:
    assert 'data-testid="chain-never"' in page.get("/audit/").content.decode()
    assert page.post("/audit/verify/").status_code == 302
    assert 'data-testid="chain-running"' in page.get("/audit/").content.decode()
    auditing.record("version.save", by_name="a")
    seal_acts()

    def work() -> None:
        from django.utils import timezone

        jobs.work(upkeep.VERIFY, worker="w", clock=timezone.now)

    work()
    shown = page.get("/audit/").content.decode()
    assert "Nothing was changed." in shown and re.search(
        r"<span class=\"mono\">[0-9a-f]{64}", shown
    )
    AuditEntry.objects.filter(by_name="a").update(by_name="b")
    page.post("/audit/verify/")
    work()
    shown = page.get("/audit/").content.decode()
    assert "The record was changed." in shown and "version.save by b" in shown


def test_a_day_later_the_worker_is_asked_again(flow: Flow) -> None:
    from datetime import timedelta

    from django.utils import timezone

    assert upkeep.ring_daily() == [upkeep.KEEP, upkeep.VERIFY]
    assert upkeep.ring_daily() == []
    for kind in (upkeep.KEEP, upkeep.VERIFY):
        jobs.work(kind, worker="w", clock=timezone.now)
    assert upkeep.ring_daily() == []
    task = jobs.find(upkeep.KEEP)
    assert task is not None
    task.finished_at = timezone.now() - timedelta(hours=25)
    task.save()
    assert upkeep.ring_daily() == [upkeep.KEEP]


def test_a_file_of_acts_is_masked_recorded_and_no_formula(page: Client, flow: Flow) -> None:
    AuditEntry.objects.all().delete()
    some_acts()
    answer = page.get("/audit/export/csv/", {"who": "alice"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert answer["Content-Disposition"] == 'attachment; filename="audit.csv"'
    assert [row["act"] for row in rows][-1] == "people.add"
    assert rows[-1]["subject"].startswith("'=cmd") and rows[-1]["reason"] == "'@new"
    told = json.loads(page.get("/audit/export/json/").content)
    assert {line["act"] for line in told} == {
        "audit.export", "people.add", "call.unmask", "deployment.make",
    }  # fmt: skip
    assert "55564217" not in json.dumps(told)
    kept = AuditEntry.objects.filter(act="audit.export").first()
    assert kept is not None and kept.detail == {"filter": "", "masked": True}
    assert page.get("/audit/export/exe/").status_code == 404
    assert json.loads("".join(acts_list.as_json([], masked=True))) == []


def test_what_is_kept_is_changed_with_a_reason_and_recorded(page: Client, flow: Flow) -> None:
    data = {"level": "3", "values_days": "30", "messages_days": "", "reason": "policy 4"}
    assert page.post("/audit/kept/echo_test/", data).status_code == 302
    kept = Recording.objects.get()
    assert (kept.level, kept.values_days, kept.messages_days) == (3, 30, None)
    assert "media and values 30 d" in page.get("/audit/").content.decode()
    entry = AuditEntry.objects.get(act="recording.change")
    assert entry.reason == "policy 4" and entry.detail["values_days"] == 30
    for wrong in (
        {"level": "9"},
        {"level": "4", "steps_days": "0"},
        {"level": "4", "steps_days": "x"},
    ):
        answer = page.post("/audit/kept/echo_test/", wrong, headers={"Accept": "application/json"})
        assert answer.status_code == 409
    assert Recording.objects.get().level == 3


def test_a_person_is_erased_from_the_page(page: Client, flow: Flow) -> None:
    data = {"number": "+49 30 5556 4217", "reason": "art. 17"}
    assert page.post("/audit/erase/", data).status_code == 302
    refused = page.post("/audit/erase/", {"number": "30", "reason": "x"}, follow=True)
    assert "A whole number is needed" in refused.content.decode()


def test_an_act_whose_words_were_erased_says_so() -> None:
    entry = auditing.record("call.unmask", by_name="vera", reason="x")
    entry.values_digest = b"x"
    assert line_of(entry)["erased"] is True


def test_acts_and_proof_are_told_by_the_api(page: Client, flow: Flow) -> None:
    from tests.runtime.web.contract import ContractClient

    client = ContractClient()
    client.cookies = page.cookies
    some_acts()
    told = client.get("/api/audit", {"act": "call.unmask"}).json()
    assert [line["reason"] for line in told] == ["asked by +4930••••••17"]
    first = client.get("/api/audit", {"size": 1}).json()
    rest = client.get("/api/audit", {"before": first[0]["id"]}).json()
    assert first[0]["act"] == "people.add" and rest[0]["act"] == "call.unmask"
    assert client.get("/api/audit/chain").json()["state"] == "never"
    seal_acts()
    upkeep.verify_request()
    from django.utils import timezone

    jobs.work(upkeep.VERIFY, worker="w", clock=timezone.now)
    chain = client.get("/api/audit/chain").json()
    assert chain["state"] == "ok" and chain["acts"] == AuditEntry.objects.count()
    assert [head["name"] for head in chain["heads"]] == ["@acts"]


def test_acts_and_proof_are_told_on_the_command_line(
    flow: Flow, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    from config import cli

    some_acts()
    seal_acts()
    assert cli.main(["audit", "list", "--who", "vera"]) == 0
    assert "asked by +4930••••••17" in capsys.readouterr().out
    assert cli.main(["audit", "heads"]) == 0
    kept = tmp_path / "heads.json"
    kept.write_text(capsys.readouterr().out)
    assert cli.main(["audit", "verify", "--kept", str(kept)]) == 0
    assert "acts are as written" in capsys.readouterr().out
    AuditEntry.objects.filter(by_name="vera").update(reason="")
    assert cli.main(["audit", "verify"]) == 1
    assert "call.unmask by vera" in capsys.readouterr().out
    assert cli.main(["audit", "verify", "--kept", str(tmp_path / "none")]) == 1


def test_the_command_of_the_server_names_the_broken_link_and_fails(
    flow: Flow, tmp_path: Any
) -> None:
    from django.core.management import CommandError, call_command

    some_acts()
    seal_acts()
    out = io.StringIO()
    call_command("audit_verify", "--quiet", stdout=out)
    assert "acts are as written" in out.getvalue()
    heads = io.StringIO()
    call_command("audit_verify", "--head", stdout=heads)
    kept = tmp_path / "kept.json"
    kept.write_text(heads.getvalue())
    AuditEntry.objects.filter(by_name="vera").delete()
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("audit_verify", "--json", "--kept", str(kept), stdout=out)
    assert ended.value.code == 1
    assert json.loads(out.getvalue())["broken"]["what"].startswith("the row is missing")
    kept.write_text("[]")
    with pytest.raises(CommandError):
        call_command("audit_verify", "--kept", str(kept))
