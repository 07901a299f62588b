"""Flows of other tools on the page for new flows, and by command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from config.cli import main
from designer.models import Draft, Flow, Version

DATA = Path(__file__).parents[1] / "data"
DOORBELL = (DATA / "doorbell.scxml").read_text("utf-8")
QUEUE = (DATA / "queue.xstate.json").read_text("utf-8")

pytestmark = pytest.mark.django_db


def post(client: Any, user: Any, **data: Any) -> Any:
    client.force_login(user)
    return client.post("/flows/new/", data)


def upload(text: str, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def test_a_file_is_looked_at_before_anything_is_created(client: Any, alice: Any) -> None:
    answer = post(client, alice, look="1", file=upload(DOORBELL, "doorbell.scxml"))
    page = answer.content.decode()
    assert answer.status_code == 200 and not Flow.objects.exists()
    assert 'data-verdict="lost"' in page and "makeCoffee" in page and "SCXML" in page
    assert "&lt;scxml" in page and 'value="doorbell"' in page


def test_a_file_of_another_tool_becomes_a_version_with_its_original_below(
    client: Any, alice: Any
) -> None:
    file = upload(DOORBELL, "doorbell.scxml")
    answer = post(client, alice, name="bell", file=file, keep_original="1")
    assert answer.status_code == 302
    version = Version.objects.get()
    assert version.flow.name == "bell" and version.text.startswith("callflow: 1\n")
    assert "# The original (SCXML):" in version.text and '<state id="Idle">' in version.text


def test_a_pasted_machine_becomes_a_draft_and_its_losses_are_said(client: Any, alice: Any) -> None:
    answer = post(client, alice, name="queue", text=QUEUE)
    assert answer.status_code == 302
    assert Draft.objects.get().text.startswith("callflow: 1\nname: queue\n")
    said = client.get("/flows/").content.decode() + client.get("/").content.decode()
    assert "can not be kept" in said or "more were changed" in said


def test_what_cannot_be_read_is_said_and_nothing_is_created(client: Any, alice: Any) -> None:
    bomb = '<!DOCTYPE scxml [<!ENTITY a "b">]><scxml/>'
    answer = post(client, alice, name="bomb", text=bomb)
    assert answer.status_code == 422 and "DOCTYPE" in answer.content.decode()
    assert not Flow.objects.exists()
    empty = post(client, alice, look="1")
    assert empty.status_code == 422 and "Choose a file" in empty.content.decode()


def test_a_native_text_stays_byte_for_byte(client: Any, alice: Any) -> None:
    text = "callflow: 1\n# mine\nstates:\n  Idle: {initial: true}\ntransitions: []\n"
    post(client, alice, name="own", text=text, keep_original="1")
    assert Draft.objects.get().text == text


def test_convert_prints_the_native_text_and_a_report(tmp_path: Path, capsys: Any) -> None:
    assert main(["convert", str(DATA / "doorbell.scxml")]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("callflow: 1\n") and ": lost: action makeCoffee" in said.err
    output = tmp_path / "out.yaml"
    file = str(DATA / "queue.xstate.json")
    assert main(["convert", file, "--output", str(output), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["dialect"] == "XState"
    assert main(["convert", str(output)]) == 0
    assert capsys.readouterr().out == output.read_text()
    assert main(["convert", str(tmp_path / "none.yaml")]) == 2
    (tmp_path / "bad.scxml").write_text("<scxml>")
    assert main(["convert", str(tmp_path / "bad.scxml")]) == 2
    assert "no XML" in capsys.readouterr().err
