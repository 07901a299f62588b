"""The parent of an instance: what it keeps alive, what it stops, and what it says."""

import asyncio
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime import processes
from tests.conftest import eventually, wait_until
from tests.instance import BASE, Instance

READY = "import pathlib, sys, time; pathlib.Path(sys.argv[1], 'web.ready').touch(); time.sleep(600)"
SLEEP = "import time; time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


def child(name: str, code: str, folder: Path, **options: object) -> processes.Child:
    return processes.Child(name, [sys.executable, "-c", code, str(folder)], **options)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def pids(folder: Path) -> dict[str, int]:
    path = folder / "processes.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


@asynccontextmanager
async def running(
    folder: Path, *children: processes.Child, said: list[str] | None = None
) -> AsyncIterator[processes.Supervisor]:
    """Run a supervisor until it is ready; stop it at the end."""
    supervisor = processes.Supervisor(children, folder, (said if said is not None else []).append)
    ready = asyncio.Event()
    task = asyncio.create_task(supervisor.run(ready.set))
    try:
        await asyncio.wait_for(ready.wait(), 20)
        yield supervisor
    finally:
        supervisor.stop()
        await asyncio.wait_for(task, 20)


async def test_a_killed_child_comes_back_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    web, worker = child("web", READY, tmp_path), child("worker", SLEEP, tmp_path)
    async with running(tmp_path, web, worker, said=said):
        first = pids(tmp_path)["worker"]
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: pids(tmp_path)["worker"] != first, what="a new worker")
    assert said == ["The worker process ended (SIGKILL); starting it again."]
    assert not pids(tmp_path) and not (tmp_path / "web.ready").exists()


async def test_a_full_disk_does_not_end_the_watch_over_the_children(tmp_path: Path) -> None:
    (tmp_path / "processes.new").mkdir()  # in the way of what is written there
    said: list[str] = []
    web, worker = child("web", READY, tmp_path), child("worker", SLEEP, tmp_path)
    async with running(tmp_path, web, worker, said=said):
        for _ in range(2):
            first = worker.process
            assert first is not None
            os.kill(first.pid, signal.SIGKILL)
            await eventually(lambda old=first: worker.process is not old, what="a new worker")
    assert any("processes.json cannot be written" in line for line in said)


async def test_children_stop_together_and_the_last_one_after_them(tmp_path: Path) -> None:
    tell = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    with open(pathlib.Path(sys.argv[1], 'order'), 'a') as f: f.write('NAME ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[1], 'NAME.ready').touch()\n"
        "time.sleep(600)\n"
    )
    named = [
        child(name, tell.replace("NAME", name), tmp_path, last=name == "media")
        for name in ("media", "worker", "web")
    ]
    async with running(tmp_path, *named):
        await eventually(lambda: len(list(tmp_path.glob("*.ready"))) == 3, what="all are up")
    order = (tmp_path / "order").read_text().split()
    assert order[2] == "media" and set(order) == {"web", "worker", "media"}


async def test_a_child_that_will_not_stop_is_killed_when_its_patience_is_over(
    tmp_path: Path,
) -> None:
    deaf = child("worker", DEAF + SLEEP, tmp_path, patience=0.1)
    async with running(tmp_path, child("web", READY, tmp_path), deaf):
        pid = pids(tmp_path)["worker"]
    assert not alive(pid)


async def test_asked_twice_it_waits_for_nobody(tmp_path: Path) -> None:
    deaf = child("web", DEAF + READY, tmp_path, patience=600)
    async with running(tmp_path, deaf) as supervisor:
        pid = pids(tmp_path)["web"]
        supervisor.stop()
    assert not alive(pid)


DRAINS = (
    "import pathlib, signal, sys, time\n"
    "here = pathlib.Path(sys.argv[1])\n"
    "signal.signal(signal.SIGTERM, lambda *_: (here / 'draining').touch())\n"
    "signal.signal(signal.SIGINT, lambda *_: sys.exit())\n"
    "(here / 'web.ready').touch()\n"
    "while not (here / 'empty').exists(): time.sleep(0.01)\n"
)
"""A node: SIGTERM takes no new calls and it ends once it is empty, SIGINT ends it at once."""


async def test_a_drain_keeps_the_other_children_until_the_calls_are_over(tmp_path: Path) -> None:
    said: list[str] = []
    node, media = child("node", DRAINS, tmp_path), child("media", SLEEP, tmp_path, last=True)
    supervisor = processes.Supervisor([node, media], tmp_path, said.append, drain=600)
    ready = asyncio.Event()
    task = asyncio.create_task(supervisor.run(ready.set))
    await asyncio.wait_for(ready.wait(), 20)
    supervisor.stop_when_empty()
    await eventually((tmp_path / "draining").exists, what="the node drains")
    first = pids(tmp_path)["media"]
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: pids(tmp_path)["media"] != first, what="media is there for its calls")
    (tmp_path / "empty").touch()
    assert await asyncio.wait_for(task, 20) == 0
    assert said[0] == "No new calls are taken; those that run have 600 s to end."


async def test_a_second_signal_shortens_a_drain_without_killing_anybody(tmp_path: Path) -> None:
    node = child("node", DRAINS, tmp_path, patience=600)
    supervisor = processes.Supervisor([node], tmp_path, [].append, drain=600)
    ready = asyncio.Event()
    task = asyncio.create_task(supervisor.run(ready.set))
    await asyncio.wait_for(ready.wait(), 20)
    supervisor.stop_when_empty()
    await eventually((tmp_path / "draining").exists, what="the node drains")
    supervisor.stop_when_empty()
    await asyncio.wait_for(task, 20)
    assert node.process is not None and node.process.returncode == 0


async def test_a_web_child_that_never_serves_is_given_up(tmp_path: Path) -> None:
    said: list[str] = []
    broken = child("web", "raise SystemExit(3)", tmp_path)
    supervisor = processes.Supervisor([broken], tmp_path, said.append)
    code = await asyncio.wait_for(supervisor.run(lambda: None), 30)
    assert code == 1 and len(said) == processes.ATTEMPTS
    assert said[-1] == (
        "The web process ended (exit code 3) 3 times without serving; the reason stands above."
    )


async def test_standard_output_of_a_quiet_child_stays_out_of_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    talk = "import os, time; os.write(1, b'noise'); os.write(2, b'wrong'); time.sleep(600)"
    talker = child("worker", talk, tmp_path, quiet=True)
    heard = ""

    def wrong() -> bool:
        nonlocal heard
        heard += "".join(capfd.readouterr())
        return "wrong" in heard

    async with running(tmp_path, child("web", READY, tmp_path), talker):
        await eventually(wrong, what="its standard error is heard")
    assert "noise" not in heard


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_children_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from runtime.processes import Child, Supervisor\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "sleeper = Child('web', [sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "asyncio.run(Supervisor([sleeper], folder, print).run(lambda: None))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=BASE)
    pid = wait_until(lambda: pids(tmp_path).get("web"), what="the child runs")
    parent.kill()
    parent.wait(10)
    wait_until(lambda: not alive(pid), what="the child ended too")


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_taken_is_named_with_the_way_to_choose_another(kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        both = [("127.0.0.1", 0), ("127.0.0.1", 0)]
        both[0 if kind == socket.SOCK_STREAM else 1] = ("127.0.0.1", port)
        name = "HTTP" if kind == socket.SOCK_STREAM else "SIP"
        with pytest.raises(processes.PortTaken, match=rf":{port}, .* CALLSMITH_{name}=\S+ make"):
            processes.check_ports(*both)


def test_a_data_folder_belongs_to_one_server(tmp_path: Path) -> None:
    with processes.lock(tmp_path):
        with pytest.raises(processes.AlreadyRunning, match=rf"pid {os.getpid()}\b"):
            processes.lock(tmp_path)
    processes.lock(tmp_path).close()


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(processes.Unusable, match="Name one that this user may write"):
        processes.lock(tmp_path / "file" / "data")


def test_settings_that_cannot_be_used_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, value in (
        ("CALLSMITH_HTTP", "nonsense"),
        ("CALLSMITH_DATA", str(tmp_path / "file" / "data")),
    ):
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", name: value}
        result = subprocess.run(
            [sys.executable, "manage.py", "serve"],
            cwd=BASE,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 1 and value in result.stderr
        assert "Traceback" not in result.stderr and len(result.stderr.splitlines()) == 1


def test_a_terminal_shows_what_matters_and_its_interrupt_stops_everything(
    tmp_path: Path,
) -> None:
    """Ctrl+C goes to the whole foreground group, as a terminal sends it."""
    instance = Instance(tmp_path / "data")
    pid, terminal = pty.fork()
    if pid == 0:
        arguments = [sys.executable, str(BASE / "manage.py"), "serve"]
        os.execve(sys.executable, arguments, instance.environment)
    shown = read_until(terminal, lambda text: "Ctrl+C stops it." in text)
    children = [p for name, p in instance.pids().items() if name != "serve"]
    assert instance.health()["status"] == "ok" and len(children) == 4
    os.write(terminal, b"\x03")
    shown += read_until(terminal, lambda text: False)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == 0
    assert not [p for p in children if alive(p)]
    assert (
        shown.count("password   ") == 1 and instance.url.replace("127.0.0.1", "localhost") in shown
    )
    # The terminal's echo of the key may stand at the end of any line.
    told = [line.strip() for line in shown.replace("^C", "").splitlines() if line.strip()]
    assert told[-2:] == ["Ctrl+C stops it.", "Stopped."], shown
    assert "Traceback" not in shown and "{" not in shown, shown


def read_until(terminal: int, enough: Callable[[str], bool]) -> str:
    """Read what the terminal shows until it is enough, or until it is closed."""
    shown = ""
    while not enough(shown):
        try:
            read = os.read(terminal, 4096)
        except OSError:
            break
        if not read:
            break
        shown += read.decode()
    return shown
