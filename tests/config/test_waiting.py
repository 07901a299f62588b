"""The child that waits for a file before it becomes a worker."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import wait_until
from tests.instance import BASE


def waiting(wanted: Path, *code: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "config.waiting", str(wanted), sys.executable, "-c", *code]
    return subprocess.Popen(command, cwd=BASE, stdout=subprocess.PIPE, text=True)


def test_the_command_begins_once_the_file_is_there_and_the_file_goes(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    child = waiting(wanted, "import os, sys; print(os.getpid(), sys.argv[1])", "now")
    assert child.poll() is None
    wanted.touch()
    said, _ = child.communicate(timeout=20)
    assert said.split() == [str(child.pid), "now"] and not wanted.exists()


def test_it_ends_at_the_first_word(tmp_path: Path) -> None:
    child = waiting(tmp_path / "wanted", "print('never')")
    wait_until(lambda: Path(f"/proc/{child.pid}/cmdline").exists())
    child.terminate()
    said, _ = child.communicate(timeout=20)
    assert said == "" and child.returncode != 0
