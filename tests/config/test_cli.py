"""The command line where something around it is missing: a sentence and a code, never a trace."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent.parent
ECHO = BASE / "state_tables" / "echo_test.yaml"


def run(
    *arguments: str, folder: Path, given: bytes = b"", cwd: Path = BASE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CALLSMITH_")}
    for name in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"):
        clean.pop(name, None)
    result = subprocess.run(
        [sys.executable, "-m", "config.cli", *arguments],
        cwd=cwd,
        env={**clean, "CALLSMITH_DATA": str(folder), "PYTHONPATH": str(BASE), **environment},
        input=given,
        capture_output=True,
        timeout=60,
    )
    assert b"Traceback" not in result.stderr, result.stderr.decode()
    return result


@pytest.mark.parametrize(
    "verb",
    [
        ["sessions"],
        ["steps", "x"],
        ["route", "list"],
        ["route", "add", "--to", "*", "echo_test"],
        ["deploy", "echo_test", "--wait"],
        ["import", str(ECHO)],
        ["list"],
        ["token", "list"],
        ["rollback", "echo_test"],
        ["replay", "echo_test"],
    ],
)
def test_a_database_that_is_not_set_up_is_said_in_words(verb: list[str], tmp_path: Path) -> None:
    said = run(*verb, folder=tmp_path)
    assert said.returncode == 2
    assert b"The database cannot be used" in said.stderr and b"make run" in said.stderr
    told = run(*verb, "--format", "json", folder=tmp_path)
    assert told.returncode == 2 and "database" in json.loads(told.stdout)["error"]


def test_a_database_that_is_away_is_said_in_words(tmp_path: Path) -> None:
    said = run("sessions", folder=tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/x")
    assert said.returncode == 2 and b"The database cannot be used" in said.stderr


@pytest.mark.parametrize("verb", [["call", "f", "sip:1@127.0.0.1"], ["send", "x", "HangupCall"]])
def test_a_server_that_is_away_is_said_in_words(verb: list[str], tmp_path: Path) -> None:
    said = run(*verb, folder=tmp_path)
    assert said.returncode == 1 and b"The server is not running here" in said.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLSMITH_HTTP", "foo"),
        ("CALLSMITH_SIP", "127.0.0.1:99999"),
        ("CALLSMITH_RTP_PORTS", "9-1"),
        ("CALLSMITH_MEDIA", "moon"),
        ("DATABASE_URL", "nonsense:secret"),
        ("REDIS_URL", "http://secret"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str, tmp_path: Path) -> None:
    said = run("sessions", folder=tmp_path, **{name: value})
    assert said.returncode == 2
    assert name in said.stderr.decode() and "write" in said.stderr.decode()
    assert b"secret" not in said.stderr
    # Checking a file needs no settings at all.
    assert run("check", str(ECHO), folder=tmp_path, **{name: value}).returncode == 0
    served = subprocess.run(
        [sys.executable, str(BASE / "manage.py"), "serve"],
        env={**os.environ, "CALLSMITH_DATA": str(tmp_path), name: value},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert served.returncode == 1 and name in served.stderr and "Traceback" not in served.stderr


def test_names_of_files_are_relative_to_where_one_stands(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(ECHO.read_text())
    told = run("check", "mine.yaml", "--format", "json", folder=tmp_path, cwd=tmp_path)
    assert told.returncode == 0
    assert json.loads(told.stdout)["files"][0]["file"] == "mine.yaml"


def test_a_dash_is_the_standard_input(tmp_path: Path) -> None:
    good = run("check", "-", "--format", "json", folder=tmp_path, given=ECHO.read_bytes())
    assert good.returncode == 0 and json.loads(good.stdout)["files"][0]["findings"] == []
    assert run("check", "-", folder=tmp_path, given=b"- {").returncode == 1
    assert run("check", "-", folder=tmp_path, given=b"\xff\x00").returncode == 2


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    many = [str(ECHO)] * 60
    command = [sys.executable, "-m", "config.cli", "check", *many, "--format", "json"]
    checking = subprocess.Popen(command, cwd=BASE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert checking.stdout is not None and checking.stderr is not None
    checking.stdout.close()
    assert checking.stderr.read() == b""
    assert checking.wait(60) == 0
