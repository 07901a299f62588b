"""Nodes as rows: who lives under a name, what a deployment waits for, who is drained."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from designer.errors import Refused
from designer.models import AuditEntry
from runtime import bridge, deployments, nodes
from runtime.heartbeat import Heart, LoopDelay
from runtime.models import Node, Session
from runtime.rows import Shared
from tests.runtime.web.stage import FakeNode

pytestmark = pytest.mark.django_db


def living(name: str, **said: Any) -> Node:
    """Have a node say something of itself."""
    nodes.claim(name, f"folder of {name}")
    nodes.beat(name, f"folder of {name}", 1, said)
    return Node.objects.get(name=name)


def silent(name: str, seconds: float) -> None:
    """Let nothing have been heard of a node for so long."""
    Node.objects.filter(name=name).update(heartbeat_at=timezone.now() - timedelta(seconds=seconds))


def test_a_name_belongs_to_the_folder_whose_node_lives_under_it() -> None:
    living("edge-1")
    with pytest.raises(nodes.NameTaken, match="edge-1 lives already"):
        nodes.claim("edge-1", "another folder")
    assert nodes.claim("edge-1", "folder of edge-1") == 1, "its own next start may go on"
    silent("edge-1", nodes.LOST_SECONDS + 1)
    assert nodes.claim("edge-1", "another folder") == 1, "the number of its next start is above 1"


def test_a_node_whose_name_was_taken_meanwhile_hears_it_at_its_next_beat() -> None:
    living("edge-1")
    silent("edge-1", 60)
    nodes.claim("edge-1", "another folder")
    nodes.beat("edge-1", "another folder", 2, {})
    with pytest.raises(nodes.NameTaken):
        nodes.beat("edge-1", "folder of edge-1", 1, {})


def test_a_node_that_was_struck_out_is_in_the_list_again_when_it_beats() -> None:
    living("edge-1")
    Node.objects.all().delete()
    nodes.beat("edge-1", "folder of edge-1", 3, {"sessions": 2})
    (line,) = nodes.listed()
    assert (line.name, line.row.epoch, line.row.sessions) == ("edge-1", 3, 2)


def test_silence_is_shown_as_lost_and_an_end_in_order_is_not() -> None:
    living("edge-1")
    living("edge-2")
    silent("edge-1", nodes.LOST_SECONDS + 1)
    nodes.stopped("edge-2", "folder of edge-2", 1)
    silent("edge-2", 3600)
    assert [(line.name, line.state, line.lives) for line in nodes.listed()] == [
        ("edge-1", "lost", False),
        ("edge-2", "stopped", False),
    ]


def test_a_deployment_says_of_each_node_whether_it_has_reached_it(flow: Any) -> None:
    deployment = deployments.deploy(version=flow.versions.get())
    digest = deployment.version.digest
    for name in ("fails", "lost", "runs", "stopped", "waits"):
        living(name)
    silent("lost", 60)
    nodes.stopped("stopped", "folder of stopped", 1)
    deployments.acknowledge(deployment_id=deployment.pk, node="runs", digest=digest)
    deployments.acknowledge(deployment_id=deployment.pk, node="lost", digest=digest)
    deployments.acknowledge(deployment_id=deployment.pk, node="fails", digest="", error="broken")
    told = {each["node"]: each for each in deployments.as_message(deployment)["nodes"]}
    assert {name: each["state"] for name, each in told.items()} == {
        "fails": "failed",
        "lost": "lost",
        "runs": "runs",
        "waits": "waiting",
    }
    assert told["lost"]["seconds"] >= 60 and told["waits"]["at"] == ""


def test_the_sentence_says_who_runs_what_is_deployed_and_who_does_not() -> None:
    assert nodes.sentence([], {}) == "No node runs."
    for name in ("edge-1", "edge-2", "edge-3"):
        living(name, runs={"echo_test": "new"})
    living("edge-2", runs={"echo_test": "old"})
    said = nodes.sentence(nodes.listed(), {"echo_test": "new"})
    assert said == "2 of 3 nodes run what is deployed. Not yet: edge-2."
    living("edge-1", runs={"echo_test": "new"}, state="draining")
    said = nodes.sentence(nodes.listed(), {"echo_test": "new"})
    assert said.endswith("Not yet: edge-2. edge-1 takes no new calls.")
    silent("edge-3", 8)
    said = nodes.sentence(nodes.listed(), {"echo_test": "new"})
    assert said.startswith("1 of 3 nodes run") and "Nothing is heard of edge-3 for 8.0 s." in said


def test_draining_needs_a_reason_is_recorded_and_is_undone() -> None:
    living("edge-1", sessions=4)
    with pytest.raises(Refused, match="give a reason"):
        nodes.drain(name="edge-1", by_name="olaf")
    nodes.drain(name="edge-1", by_name="olaf", reason="a new disk")
    assert nodes.beat("edge-1", "folder of edge-1", 1, {}) == nodes.Wanted(
        True, "olaf", "a new disk"
    )
    with pytest.raises(Refused, match="already, by olaf"):
        nodes.drain(name="edge-1", by_name="olaf", reason="again")
    nodes.undrain(name="edge-1", by_name="olaf")
    assert not nodes.beat("edge-1", "folder of edge-1", 1, {}).drain
    acts = AuditEntry.objects.filter(subject="edge-1").order_by("pk")
    assert [(each.act, each.reason) for each in acts] == [
        ("node.drain", "a new disk"),
        ("node.undrain", ""),
    ]


def test_a_node_that_lives_is_not_struck_out_and_calls_of_one_that_is_are_lost() -> None:
    living("edge-1")
    Session.objects.create(
        id="edge-1-1-1", node="edge-1", epoch=1, flow_name="echo_test", digest="d", role="UAS",
        started_at=1.0, state="Active",
    )  # fmt: skip
    with pytest.raises(Refused, match="cannot be forgotten"):
        nodes.forget(name="edge-1")
    silent("edge-1", 60)
    nodes.forget(name="edge-1")
    assert Session.objects.get().outcome == "lost" and not Node.objects.exists()


def test_nobody_waits_for_the_answer_of_a_node_that_is_lost() -> None:
    assert not nodes.answers("edge-1"), "nobody was ever called that"
    living("edge-1")
    assert nodes.answers("edge-1")
    silent("edge-1", 60)
    with pytest.raises(bridge.NodeAway, match="edge-1 is lost for 60 s"):
        nodes.answers("edge-1")


def test_the_page_names_what_each_node_runs_and_hides_buttons_from_who_may_not(
    client: Client, flow: Any, olaf: Any, vera: Any
) -> None:
    version = flow.versions.get()
    deployments.deploy(version=version)
    living("edge-1", runs={"echo_test": version.digest}, sessions=2)
    client.force_login(vera)
    shown = client.get("/nodes/").content.decode()
    assert "1 of 1 node runs what is deployed." in shown and version.digest[:7] in shown
    assert "drain-edge-1" not in shown
    part = client.get("/nodes/?part=1").content.decode()
    assert "<html" not in part and "edge-1" in part


def test_the_page_says_which_node_is_overloaded_and_what_was_refused(
    client: Client, vera: Any
) -> None:
    said = {"tls": "192.0.2.1:5061", "share": 0.4, "busy": 0.97, "connections": 31, "browsers": 1}
    living("edge-1", sip={**said, "too_many": 12041, "overload": 0})
    living("edge-2")
    client.force_login(vera)
    shown = client.get("/nodes/").content.decode()
    assert "overload-edge-1" in shown and "Takes 40 % of new calls." in shown
    assert "192.0.2.1:5061 TLS" in shown and "31 connections, 1 browser" in shown
    assert "Refused: 12,041 as too many of one source" in shown and "97 % busy" in shown
    assert "overload-edge-2" not in shown


def heart_of(node: FakeNode) -> Heart:
    return Heart(
        node, Shared(), "folder", kind="node", http="h:1", delay=LoopDelay(lambda: 0.0),
        lag=lambda: 7,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
async def test_a_beat_says_how_the_node_does_and_brings_back_what_is_wanted() -> None:
    node = FakeNode()
    heart = heart_of(node)
    await heart.beat()
    row = await Node.objects.aget(name="node1")
    assert (row.state, row.journal_lag, row.epoch) == ("ready", 7, node.epoch)
    await Node.objects.aupdate(drain_wanted=True, drain_by="olaf", drain_reason="a new disk")
    await heart.beat()
    assert node.closed == "olaf lets it take no new calls: a new disk"
    await heart.beat()
    assert (await Node.objects.aget()).state == "draining"
    await Node.objects.aupdate(drain_wanted=False)
    await heart.beat()
    assert node.closed == ""


@pytest.mark.django_db(transaction=True)
async def test_a_node_takes_no_calls_under_a_name_that_another_has_taken() -> None:
    node = FakeNode()
    heart = heart_of(node)
    await heart.beat()
    await Node.objects.aupdate(folder="another", epoch=node.epoch + 1)
    await heart.beat()
    assert "node1 lives already" in node.closed


def test_the_loops_delay_is_the_worst_since_it_was_last_asked() -> None:
    now = 10.0
    delay = LoopDelay(lambda: now)
    now = 10.25
    delay.woke()
    now = 10.05
    delay.woke()
    assert delay.take() == 250.0 and delay.take() == 0.0
