"""An installation of three nodes: one with pages, two without, over PostgreSQL and Redis."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.client import connect

from benchmarks.caller import Caller
from tests import fleet as fleets
from tests.conftest import wait_until
from tests.fleet import PROBE, Fleet, telling
from tests.instance import BASE, FurtherNode, Person

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(240)]
ALL = {"node1", "node2", "node3"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleets.running(tmp_path_factory.mktemp("fleet"), "node2", "node3") as fleet:
        yield fleet


def told(fleet: Fleet, node: str) -> str:
    """Return the word that the version in use tells on a node."""
    with Caller(fleet.sip(node), caller=PROBE) as caller:
        return caller.invite().reason


@contextlib.contextmanager
def following(fleet: Fleet, session: str) -> Iterator[Callable[[], list[str]]]:
    """Follow a call as its page does; give what tells the events of the steps it was sent."""
    person = Person(fleet.server)
    cookies = "; ".join(f"{each.name}={each.value}" for each in person.jar)
    address = f"ws://{fleet.server.http}/ws/calls/{session}"
    events: list[str] = []
    with connect(address, origin=fleet.server.url, additional_headers={"Cookie": cookies}) as page:  # type: ignore[arg-type]

        def heard() -> list[str]:
            with contextlib.suppress(TimeoutError):
                frame = json.loads(page.recv(timeout=0.1))
                parts = frame["frames"] if frame["type"] == "batch" else [frame]
                events.extend(each["step"]["event"] for each in parts if each["type"] == "step")
            return events

        heard()
        # The node is asked to tell as soon as the page is there; nothing happened yet.
        wait_until(lambda: fleet.server.ask("health"), what="the server has turned to it")
        yield heard


def test_a_deployment_reaches_each_node_and_each_says_so(fleet: Fleet) -> None:
    fleet.deploy(fleet.save(telling("two")))
    wait_until(lambda: fleet.progress() == dict.fromkeys(ALL, "runs"), what="all nodes run it")
    assert {told(fleet, node) for node in ALL} == {"two"}
    assert fleet.states() == dict.fromkeys(ALL, "ready")


def test_a_call_on_another_node_is_seen_and_given_an_event(fleet: Fleet) -> None:
    with Caller(fleet.sip("node2")) as caller:
        assert caller.invite().code == 200

        def here() -> list[str]:
            lines = fleet.server.ask("sessions")["sessions"]
            return [each["id"] for each in lines if each["id"].startswith("node2-")]

        (session,) = wait_until(here, what="the server lists it")
        counted = {each["node"]: each["sessions"] for each in fleet.api("GET", "nodes")}
        assert set(counted) == ALL
        with following(fleet, session) as frames:
            sent = fleet.api("POST", f"sessions/{session}/events", {"event": "HangupCall"})
            assert sent == {"sent": "HangupCall"}
            caller.wait_for("BYE")
            assert wait_until(lambda: "HangupCall" in frames(), what="its page is told")


def test_a_node_that_dies_is_shown_as_lost_and_follows_when_it_is_back(fleet: Fleet) -> None:
    third = fleet.nodes["node3"]
    caller = Caller(fleet.sip("node3"))
    assert caller.invite().code == 200

    def living() -> list[str]:
        lines = fleet.api("GET", "sessions?show=live&q=node3-")
        return [each["id"] for each in lines]

    (session,) = wait_until(living, what="the call is recorded")
    pids = third.pids()
    for name in ("serve", "node", "media"):
        os.kill(pids[name], signal.SIGKILL)
    assert third.process is not None
    third.process.wait()
    wait_until(lambda: fleet.states()["node3"] == "lost", what="it is lost")
    fleet.deploy(fleet.save(telling("three")))
    expected = {"node1": "runs", "node2": "runs", "node3": "lost"}
    wait_until(lambda: fleet.progress() == expected, what="the others run it")
    # Nobody but its own next start may say what became of its calls.
    assert living() == [session]
    third.start()
    wait_until(lambda: fleet.progress() == dict.fromkeys(ALL, "runs"), what="it follows")
    assert told(fleet, "node3") == "three"
    over = f"sessions/{session}"
    wait_until(lambda: fleet.api("GET", over)["outcome"] == "lost", what="the call is marked")
    caller.socket.close()


def test_a_node_drained_by_a_person_refuses_new_calls_until_it_takes_them_again(
    fleet: Fleet,
) -> None:
    fleet.api("POST", "nodes/node2/drain", {"reason": "a new disk"})
    wait_until(lambda: fleet.states()["node2"] == "draining", what="it drains")
    with Caller(fleet.sip("node2")) as caller:
        refused = caller.invite()
    assert refused.code == 503 and refused.headers["retry-after"] == "5"
    fleet.api("POST", "nodes/node2/undrain", {})
    wait_until(lambda: fleet.states()["node2"] == "ready", what="it takes calls again")
    assert told(fleet, "node2") == "three"


def test_a_stop_takes_no_new_calls_and_lets_those_that_run_end(fleet: Fleet) -> None:
    second = fleet.nodes["node2"]
    assert second.process is not None
    with Caller(fleet.sip("node2")) as caller:
        assert caller.invite().code == 200
        second.process.terminate()
        wait_until(lambda: fleet.states()["node2"] == "draining", what="it drains")
        with Caller(fleet.sip("node2")) as other:
            assert other.options().code == other.invite().code == 503
        assert caller.invite().code == 200, "a call that runs goes on, with its re-INVITE"
        assert caller.bye().code == 200
    assert second.process.wait(30) == 0
    second.process = None
    assert fleet.states()["node2"] == "stopped"
    assert fleet.progress().get("node2") == "past"


def test_a_second_node_under_a_living_name_is_refused(fleet: Fleet) -> None:
    double = FurtherNode(fleet.folder / "double", "node3", **fleet.services)
    refused = subprocess.run(
        [sys.executable, str(BASE / "manage.py"), "node"],
        env=double.environment,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1 and "A node named node3 lives already" in refused.stderr
    assert "Traceback" not in refused.stderr
