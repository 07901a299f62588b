"""The shipped attended_transfer with three peers: consult, complete, give up; and being sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.sip.events import InviteReceived, RequestReceived
from runtime.sip.notifier import SIPFRAG
from runtime.sip.replaces import referred
from tests.runtime.node.nodes import Peer, Watcher, running, steps
from tests.sip import baresip, sipp, transfers
from tests.sip.baresip import BARESIP, Baresip
from tests.sip.sipp import SIPP, Sipp

TABLES = Path(__file__).parents[2] / "state_tables"
TRANSFER = ("attended_transfer", (TABLES / "attended_transfer.yaml").read_text())

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=sipp.MISSING)]


@asynccontextmanager
async def answering(folder, **config):
    """A node that takes every call at once, as a person would."""
    async with running(folder, TRANSFER, routes=[("*", TRANSFER[0])], config=config) as node:
        watcher = Watcher(node)

        def accept(session, step, done):
            if step.event == "IncomingCall":
                asyncio.get_running_loop().call_soon(node.send, session.id, "AcceptCall")

        node.listeners.add(accept)
        yield node, watcher


def address(port: int) -> dict[str, str]:
    return {"target": f"sip:third@127.0.0.1:{port}"}


async def consult(node, watcher, session, port: int) -> None:
    """Hold a call and ask a target."""
    node.send(session.id, "HoldCall")
    await watcher.state("OnHold")
    node.send(session.id, "StartAttendedTransfer", address(port))
    await watcher.state("Consulted")


def respond(peer, happening, sdp, code=200) -> None:
    happening.usage.respond(happening.transaction, code, sdp=sdp, now=peer.shell.now())
    peer.shell.flush()


def requested(peer, method):
    found = (h for h in peer.happened if isinstance(h, RequestReceived) and h.method == method)
    return next(found, None)


def invited(peer, but):
    found = (h for h in peer.happened if isinstance(h, InviteReceived) and h is not but)
    return next(found, None)


@asynccontextmanager
async def consulted(folder, target: int):
    """A softphone on hold that called us, and a target on a port that was asked."""
    async with answering(folder) as (node, watcher):
        phone = await Baresip(f"/dial sip:100@127.0.0.1:{node.sip_address[1]}").start()
        try:
            session = await watcher.state("Active")
            await consult(node, watcher, session, target)
            yield node, watcher, session
        finally:
            await phone.stop()


async def test_who_waits_on_hold_takes_our_place_with_whom_we_asked(tmp_path):
    target = await Sipp(transfers.answering()).start()
    async with answering(tmp_path) as (node, watcher):
        scenario = transfers.referred("Refer-To:.*Replaces=.*to-tag", held=True)
        caller = await Sipp(scenario, remote=node.sip_address).start()
        session = await watcher.state("Active")
        await consult(node, watcher, session, target.port)
        node.send(session.id, "CompleteAttendedTransfer")
        assert await watcher.ended(2) == ["completed", "completed"]
        told = [step.event for step in steps(node) if step.event.startswith("Transfer")]
        assert told == ["TransferAccepted", "TransferProgress", "TransferSuccess"]
    for peer in (caller, target):
        result = await peer.finish()
        assert result.successful == 1, result


async def test_the_call_that_replaces_the_consultation_finds_it(tmp_path):
    async with Peer.open() as caller, Peer.open() as target, answering(tmp_path) as (node, watcher):
        usage = await caller.call(node)
        session = await watcher.state("Active")
        node.send(session.id, "HoldCall")
        held = await caller.until(RequestReceived, usage)
        respond(caller, held, Peer.OFFER)
        await watcher.state("OnHold")
        node.send(session.id, "StartAttendedTransfer", address(target.address[1]))
        first = await target.until(InviteReceived)
        respond(target, first, Peer.OFFER)
        await watcher.state("Consulted")
        node.send(session.id, "CompleteAttendedTransfer")
        refer = await caller.wait(lambda: requested(caller, "REFER"))
        respond(caller, refer, None, 202)
        # The caller does as it is told: it calls the target in place of our call.
        uri, headers = referred(refer.request.get("Refer-To"))
        caller.shell.agent.invite(
            uri, caller="sip:peer@127.0.0.1", hop=await caller.shell.resolve(uri),
            now=caller.shell.now(), sdp=Peer.OFFER, headers=headers,
        )  # fmt: skip
        caller.shell.flush()
        taking = await target.wait(lambda: invited(target, but=first))
        assert taking.replaces is first.usage
        respond(target, taking, Peer.OFFER)
        taking.replaces.bye(now=target.shell.now())
        target.shell.flush()
        await watcher.until(lambda s, step, d: step.event == "LinkedEnded")
        report = b"SIP/2.0 200 OK\r\n"
        usage.notify(
            now=caller.shell.now(), state="terminated", body=report, content_type=SIPFRAG
        )  # fmt: skip
        caller.shell.flush()
        assert await watcher.ended(2) == ["completed", "completed"]
        told = [step.event for step in steps(node, session.id)]
        assert "LinkedEnded" in told and "TransferSuccess" in told


@pytest.mark.skipif(BARESIP is None, reason=baresip.MISSING)
async def test_a_consultation_that_is_given_up_leads_back_to_the_call(tmp_path):
    target = await Sipp(transfers.answering()).start()
    async with consulted(tmp_path, target.port) as (node, watcher, session):
        node.send(session.id, "ResumeCall")
        await watcher.until(lambda s, step, d: step.published == ("CallResumed",))
        assert await watcher.ended() == ["completed"]
        assert session.state == "Active"
        node.send(session.id, "HangupCall")
        assert await watcher.ended(2) == ["completed", "completed"]
    result = await target.finish()
    assert result.successful == 1, result


async def test_sent_to_replace_a_call_we_say_so_to_whom_we_call(tmp_path):
    replaced = "abc%40x.example%3Bto-tag%3D1%3Bfrom-tag%3D2"
    target = await Sipp(transfers.answering("Replaces: abc@x.example;to-tag=1;from-tag=2")).start()
    async with answering(tmp_path, refer_anywhere=True) as (node, watcher):
        scenario = transfers.referring(
            f"sip:third@127.0.0.1:{target.port}?Replaces={replaced}", (100, 180, 200),
            hangs_up=False,
        )  # fmt: skip
        caller = await sipp.run_sipp(scenario, remote=node.sip_address)
        assert (caller.successful, caller.failed) == (1, 0), caller
        assert await watcher.ended() == ["completed"]
        (asked,) = [step for step in steps(node) if step.event == "TransferRequested"]
        assert asked.fields["replaces"] == "abc@x.example;to-tag=1;from-tag=2"
        (line,) = node.sessions()
        node.send(line.id, "HangupCall")
        assert await watcher.ended(2) == ["completed", "completed"]
    result = await target.finish()
    assert result.successful == 1, result
