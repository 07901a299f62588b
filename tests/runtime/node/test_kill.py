"""A node is killed in the middle of calls: nothing that a peer could see is missing."""

import asyncio
import sys
from pathlib import Path

from runtime.node.journal import StepRecord, WireRecord, cut_torn_tail, read, segments
from runtime.sip.events import ResponseReceived
from tests.runtime.node import nodes
from tests.runtime.node.nodes import ECHO, Peer, Watcher, running

ROOT = Path(__file__).parents[3]
CALLS = 30


async def test_no_step_that_a_peer_could_see_is_lost_by_kill_9(tmp_path):
    async with Peer.open() as peer:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.runtime.node.serve", str(tmp_path)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        port = int(await process.stdout.readline())
        hop = await peer.shell.resolve(f"sip:echo@127.0.0.1:{port}")
        agent, now = peer.shell.agent, peer.shell.now
        for _ in range(CALLS):
            agent.invite(
                f"sip:echo@127.0.0.1:{port}",
                caller="sip:peer@127.0.0.1",
                sdp=Peer.OFFER,
                hop=hop,
                now=now(),
            )
        peer.shell.flush()

        def answered():
            return [h for h in peer.happened if isinstance(h, ResponseReceived) and h.code == 200]

        await peer.wait(lambda: True if len(answered()) >= CALLS // 3 else None)
        process.kill()
        await process.wait()
        seen = {response.usage.call_id for response in answered()}

    (segment,) = segments(tmp_path / "journal")
    cut_torn_tail(segment.path)
    records = [record for _, record in read(segment.path)]
    stepped = {r.step.session for r in records if isinstance(r, StepRecord)}
    kept = {
        call_id
        for record in records
        if isinstance(record, WireRecord) and record.session in stepped
        for call_id in seen
        if call_id.encode() in record.data
    }
    assert kept == seen

    async with running(tmp_path, link=nodes.no_media) as again:
        assert again.epoch == 2
        assert again.deployed() == {"echo_test": nodes.digest(ECHO)}
        watcher = Watcher(again)
        async with Peer.open() as peer:
            await peer.call(again)
            assert (await watcher.state("Active")).id.startswith("node1-2-")
