"""The set-up, with everything it would start replaced: what it does, and what it says."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BASE = Path(__file__).resolve().parent.parent.parent
Answer = tuple[int, str]


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load tools/setup.py as it would stand in an empty folder."""
    spec = importlib.util.spec_from_file_location("set_up_a_machine", BASE / "tools" / "setup.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "BASE", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMPS", tmp_path / ".setup")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return module


@pytest.fixture
def commands(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run; every command succeeds."""
    return answers(setup, monkeypatch, lambda _: (0, ""))


def answers(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, answer: Callable[[list[str]], Answer]
) -> list[list[str]]:
    heard: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        heard.append(command)
        code, text = answer(command)
        return subprocess.CompletedProcess(command, code, stdout="", stderr=text)

    monkeypatch.setattr(setup, "run", run)
    return heard


def environment(setup: ModuleType) -> None:
    """Make what looks like a virtual environment."""
    setup.PYTHON.parent.mkdir(parents=True)
    setup.PYTHON.symlink_to(sys.executable)


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10)])
def test_make_refuses_an_old_python_in_a_sentence(tmp_path: Path, version: tuple[int, int]) -> None:
    old = tmp_path / "python3"
    number = ".".join(map(str, version))
    old.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "Python {number}" && exit 0\nexit 1\n')
    old.chmod(0o755)
    result = make("setup", f"PYTHON={old}")
    assert result.returncode == 2
    assert f"is too old (Python {number}). Callsmith needs Python 3.11 or newer" in result.stderr
    assert "Traceback" not in result.stderr


def test_make_names_the_packages_where_there_is_no_python() -> None:
    result = make("setup", "PYTHON=python3.nowhere")
    assert result.returncode == 2
    assert "sudo apt install python3 python3-venv" in result.stderr


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    return subprocess.run(["make", *arguments], cwd=BASE, capture_output=True, text=True)


def test_a_python_without_venv_is_said_with_the_command_that_brings_it(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(setup, monkeypatch, lambda _: (1, "ensurepip is not available"))
    with pytest.raises(setup.SetupFailure, match=r"sudo apt install python3\.\d+-venv"):
        setup.virtual_environment()


@pytest.mark.parametrize(
    "text",
    [
        "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
        "cause: dns error",
        "npm error request failed, reason: getaddrinfo EAI_AGAIN somewhere",
        "Cannot connect to proxy: [Errno 111] Connection refused",
    ],
)
def test_a_registry_out_of_reach_is_one_sentence_and_one_line(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    answers(setup, monkeypatch, lambda _: (1, f"{text}\nand much\nmore"))
    with pytest.raises(setup.SetupFailure) as failure:
        setup.online(["uv", "pip", "sync"])
    assert "cannot be reached" in str(failure.value) and text in str(failure.value)
    assert "more" not in str(failure.value).splitlines()[-1]


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        "cause: Hash mismatch for `msgspec==0.22.0`",
        "npm error Integrity checksum failed when using sha512: wanted a but got b",
    ],
)
def test_a_package_with_another_hash_is_refused_and_named(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    answers(setup, monkeypatch, lambda _: (1, text))
    with pytest.raises(setup.SetupFailure, match="not the one that is locked") as failure:
        setup.online(["uv", "pip", "sync"])
    assert text in str(failure.value)


def test_an_interrupted_step_is_done_again_and_a_finished_one_is_not(setup: ModuleType) -> None:
    with setup.making("step", "one", "A step"):
        pass
    assert setup.fresh("step", "one")
    with pytest.raises(KeyboardInterrupt), setup.making("step", "two", "A step"):
        raise KeyboardInterrupt
    assert not setup.fresh("step", "one") and not setup.fresh("step", "two")


def test_an_interruption_and_a_folder_that_cannot_be_written_are_said_without_a_traceback(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, "set_up", interrupted)
    assert setup.main(["run"]) == 130
    assert "goes on where it stopped" in capsys.readouterr().out
    monkeypatch.setattr(setup, "STAMPS", Path("/dev/null/.setup"))
    assert setup.main(["run"]) == 1
    assert "Set-up stopped: Not a directory: /dev/null/.setup" in capsys.readouterr().out


def test_an_environment_is_used_where_it_was_made_and_made_anew_elsewhere(
    setup: ModuleType, commands: list[list[str]]
) -> None:
    environment(setup)
    assert setup.usable(setup.PYTHON) and len(commands) == 1
    assert setup.usable(setup.PYTHON) and len(commands) == 1, "the stamp answers"
    setup.stamp("venv").write_text("/elsewhere/.venv/bin/python 1 2")
    assert not setup.usable(setup.PYTHON)


def test_packages_are_installed_once_and_again_for_a_new_environment_or_lock(
    setup: ModuleType, commands: list[list[str]]
) -> None:
    def syncs() -> int:
        return sum("sync" in command for command in commands)

    folder = setup.BASE / "requirements"
    folder.mkdir()
    for name in ("base", "dev", "uv"):
        (folder / f"{name}.txt").write_text("one==1 --hash=sha256:0\n")
    environment(setup)
    (setup.VENV / "bin" / "uv").touch()

    setup.python_packages("dev")
    setup.python_packages("dev")
    assert syncs() == 1
    assert setup.wants_dev(), "`make run` keeps what `make test` installed"
    (folder / "dev.txt").write_text("one==2 --hash=sha256:0\n")
    setup.python_packages("dev")
    assert syncs() == 2
    setup.PYTHON.unlink()
    setup.PYTHON.symlink_to(sys.executable)
    setup.python_packages("dev")
    assert syncs() == 3


def test_uv_and_npm_get_what_pip_is_configured_to_use(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = "global.index-url='https://mirror.example/simple'\n:env:.cert='/etc/own.pem'\n"

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, stdout=listed, stderr="")

    names = ["UV_DEFAULT_INDEX", "UV_INSECURE_HOST", "SSL_CERT_FILE", "PIP_CERT", "HTTPS_PROXY"]
    for name in [*names, "NODE_EXTRA_CA_CERTS"]:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CERT", "/etc/mine.pem")
    monkeypatch.setattr(setup, "run", run)
    setup.use_pips_settings()
    environ = setup.os.environ
    assert environ["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert environ["SSL_CERT_FILE"] == environ["NODE_EXTRA_CA_CERTS"] == "/etc/own.pem"
    assert environ["PIP_CERT"] == "/etc/mine.pem", "what the environment says stays"
    assert "HTTPS_PROXY" not in environ
    for name in ("UV_DEFAULT_INDEX", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        del environ[name]


def test_without_the_right_to_install_each_missing_program_names_its_tests_and_its_command(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "has", lambda command: command != "sipp")
    monkeypatch.setattr(setup, "apt_command", lambda: None)
    setup.system_packages()
    said = capsys.readouterr().out
    assert said == "  skipped: the calls with SIPp. To enable: sudo apt install sip-tester\n"


def test_one_package_that_apt_does_not_know_keeps_none_of_the_others_away(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed: set[str] = set()

    def apt(command: list[str]) -> Answer:
        named = {p for p in setup.SYSTEM_PACKAGES if p in command}
        if "install" not in command:
            return 0, ""
        if "baresip-core" in named:
            return 100, "E: Unable to locate package baresip-core"
        installed.update(setup.SYSTEM_PACKAGES[p][0] for p in named)
        return 0, ""

    heard = answers(setup, monkeypatch, apt)
    monkeypatch.setattr(setup, "has", lambda command: command in installed)
    monkeypatch.setattr(setup, "apt_command", lambda: ["apt"])
    monkeypatch.setattr(setup.no_services, "path", setup.BASE / "policy-rc.d")
    monkeypatch.setattr(setup.shutil, "which", lambda name: f"/bin/{name}")
    setup.system_packages()
    wanted = {command for command, _ in setup.SYSTEM_PACKAGES.values()}
    assert installed == wanted - {setup.SYSTEM_PACKAGES["baresip-core"][0]}
    assert "sudo apt install baresip-core" in capsys.readouterr().out
    off = [command for command in heard if "disable" in command]
    assert off and off[0][-2:] == ["redis-server", "postgresql"], "no service starts with Linux"
