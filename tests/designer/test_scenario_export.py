"""Tests of a flow as files: a module of pytest that runs, and the far side for SIPp."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from config import cli
from designer import scenario_rows, services
from designer.scenario_export import NotForSipp, files, pytest_of, sipp_of
from designer.scenario_files import read_scenarios, write_scenarios
from designer.scenarios import Scenario
from flows.compile import compile_text
from flows.table import Table

TABLES = Path(__file__).resolve().parent.parent.parent / "state_tables"


def of(flow: str) -> tuple[str, Table, list[Scenario]]:
    text = (TABLES / f"{flow}.yaml").read_text()
    table = compile_text(text).table
    assert table is not None
    kept = read_scenarios((TABLES / "scenarios" / f"{flow}.yaml").read_text()).scenarios
    return text, table, kept


def steps(content: str) -> list[str]:
    """What SIPp does, in order: `send INVITE`, `recv 200`."""
    found = []
    for each in ElementTree.fromstring(content):
        if each.tag == "send":
            found.append(f"send {(each.text or '').split()[0]}".replace("SIP/2.0", "answer"))
        elif each.tag == "recv":
            found.append(f"recv {each.get('response') or each.get('request')}")
    return found


def test_a_called_flow_has_a_caller_for_sipp() -> None:
    _, table, kept = of("echo_test")
    content = sipp_of(table, next(each for each in kept if "media" in each.name))
    assert steps(content) == [
        "send INVITE", "recv 100", "recv 200", "send ACK", "send BYE", "recv 200",
    ]  # fmt: skip
    assert "here happens: MediaLost" in content and "CSeq: 2 BYE" in content


def test_a_refusal_is_acknowledged_within_its_transaction() -> None:
    _, table, kept = of("basic_call")
    content = sipp_of(table, next(each for each in kept if each.name == "Incoming, rejected"))
    listed = steps(content)
    assert listed[-1] == "send ACK" and listed[-2].startswith("recv ")
    back = len(listed) - 1
    assert f"branch=[branch-{back}]" in content


def test_a_caller_who_gives_up_cancels_the_very_invite() -> None:
    _, table, kept = of("basic_call")
    content = sipp_of(table, next(each for each in kept if "the caller gives up" in each.name))
    assert steps(content) == [
        "send INVITE", "recv 100", "recv 180", "send CANCEL", "recv 200", "recv 100", "recv 487",
        "send ACK",
    ]  # fmt: skip
    assert "[branch-3]" in content and "[branch-7]" in content


def test_a_calling_flow_has_somebody_who_answers() -> None:
    _, table, kept = of("basic_call")
    content = sipp_of(table, next(each for each in kept if each.name == "Outgoing, hung up by us"))
    assert steps(content)[:5] == [
        "recv INVITE", "send answer", "send answer", "recv ACK", "recv BYE",
    ]  # fmt: skip
    busy = sipp_of(table, next(each for each in kept if "busy after all" in each.name))
    assert steps(busy)[-2:] == ["send answer", "recv ACK"]


def test_what_sipp_cannot_play_is_left_out_with_a_reason() -> None:
    _, table, kept = of("basic_call")
    with pytest.raises(NotForSipp, match="CANCEL"):
        sipp_of(table, next(each for each in kept if "given up while ringing" in each.name))
    _, table, kept = of("call_with_hold")
    with pytest.raises(NotForSipp, match="both sides"):
        sipp_of(table, next(each for each in kept if each.run.both))


def test_functions_are_named_as_the_tests_are_and_never_twice() -> None:
    _, _, kept = of("echo_test")
    module = pytest_of("echo_test", [kept[0], kept[0]])
    assert "def test_echo():" in module and "def test_echo_2():" in module


@pytest.mark.parametrize("flow", ["echo_test", "basic_call", "call_with_hold"])
def test_every_file_can_be_read_again(flow: str) -> None:
    text, table, kept = of(flow)
    made = dict(files(flow, text, table, kept))
    assert made[f"{flow}.yaml"] == text
    assert len(read_scenarios(made[f"scenarios/{flow}.yaml"]).scenarios) == len(kept)
    sipp = [content for path, content in made.items() if path.startswith("sipp/")]
    assert all(steps(content) for content in sipp)
    # Every test of call_with_hold has both sides, or needs something that SIPp cannot do.
    assert bool(sipp) == (flow != "call_with_hold")
    compile(made[f"test_{flow}.py"], "made", "exec")


def test_the_exported_tests_run_in_pytest(tmp_path: Path, capsys: Any) -> None:
    file = str(TABLES / "echo_test.yaml")
    assert cli.main(["test", file, "--export", str(tmp_path)]) == 0
    assert "test_echo_test.py" in capsys.readouterr().out
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", str(tmp_path)]
    options = ["-c", str(tmp_path / "none.ini"), "--rootdir", str(tmp_path)]
    (tmp_path / "none.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=120, cwd=TABLES.parent
    )
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout


@pytest.mark.django_db
def test_the_page_gives_all_of_it_as_one_file(client: Client, alice: Any) -> None:
    text, _, kept = of("echo_test")
    flow = services.flow_import(text=text, file_name="echo_test.yaml", author_name="a").flow
    scenario_rows.keep(flow, kept[0].name, write_scenarios("echo_test", kept[:1]), user=alice)
    client.force_login(alice)
    answer = client.get(reverse("flow_tests_files", args=["echo_test"]))
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert "echo_test_tests/sipp/echo.xml" in names and len(names) == 5
