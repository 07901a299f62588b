"""Call flows of RFC 3665 and RFC 5407 against SIPp, clean and over a bad network.

Each flow runs several calls at once on one node. Over the bad network messages are lost, doubled
and reordered by a seed; then SIPp may not play its part to the end, but every session of ours ends
as it may, with nothing that met no row. A flow or a seed that fails is named.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from contextlib import contextmanager

import pytest

from runtime.sip.transaction import Periods
from tests.runtime.node import nodes
from tests.runtime.node.nodes import Watcher, running
from tests.sip.impairment import BAD, tcp, udp
from tests.sip.rfc_flows import BY_NAME, FLOWS, OURS, SIPP, Flow
from tests.sip.sipp import MISSING, Sipp
from tests.sip.sipp import SIPP as FOUND
from tests.sip.starters import starter

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(FOUND is None, reason=MISSING)]

CALLS = 5
SEEDS = 1000
SEEDS_AT_ONCE = 25
TOLERANT = ("-default_behaviors", "all,-abortunexp", "-max_retrans", "7")
FEW = ("caller_hangs_up", "we_call_and_hang_up", "we_call_and_they_hang_up")
LIMIT = 40
PATIENCE = 8
UNTIL_ACK = re.compile(
    r'<send>(<!\[CDATA\[\nSIP/2\.0 2(?:(?!</send>).)*</send>\n<recv request="ACK")', re.DOTALL
)
QUICK = [flow for flow in FLOWS if not flow.slow]
STURDY = [flow for flow in FLOWS if not flow.fragile]


class People:
    """What the people at our side do: once a session is in a state, an event, once for each."""

    def __init__(self, node, acts) -> None:
        self._node, self._acts = node, acts
        self._done = set()
        node.listeners.add(self)

    def __call__(self, session, step, done) -> None:
        event = self._acts.get(step.to_state)
        if event is None or step.ended or (session.id, event) in self._done:
            return
        self._done.add((session.id, event))
        asyncio.get_running_loop().call_soon(self._node.send, session.id, event)


@contextmanager
def watched(node, flow: Flow):
    """Hear of the steps of a flow, and let people act in it."""
    watcher, people = Watcher(node), People(node, flow.acts)
    try:
        yield watcher
    finally:
        node.listeners.remove(watcher)
        node.listeners.remove(people)


def place(node, flow: Flow, port: int) -> None:
    """Place the calls, if they are ours to place."""
    for _ in range(CALLS if flow.calls == OURS else 0):
        node.call(flow.table, f"sip:bob@127.0.0.1:{port}")


def odd(watcher) -> list[tuple[str, str, str]]:
    """What met no row or was our own fault: state, event, kind."""
    steps = [step for _, step, _ in watcher.heard]
    return [
        (step.from_state, step.event, step.kind)
        for step in steps
        if step.kind in ("unhandled", "error")
    ]


def quick(settings):
    """SIP timers 25 times as fast: for what takes 64*T1."""
    return dataclasses.replace(settings, periods=Periods(0.02, 0.16, 0.2, 1.3))


@pytest.fixture
async def node(tmp_path, request):
    tables = sorted({flow.table for flow in FLOWS})
    routes, settings = (("*", "call_with_hold"),), getattr(request, "param", nodes.quick)
    given = [starter(name) for name in tables]
    async with running(
        tmp_path, *given, routes=routes, link=nodes.no_media, settings=settings
    ) as node:
        yield node


async def played(node, flow: Flow) -> str:
    """Run a flow over a clean network; return what was wrong, empty if nothing."""
    remote = node.sip_address if flow.calls == SIPP else None
    with watched(node, flow) as watcher:
        peer = await Sipp(flow.scenario, remote=remote, calls=CALLS, rate=100).start()
        place(node, flow, peer.port)
        try:
            outcomes = await watcher.ended(CALLS, timeout=LIMIT)
        except TimeoutError:
            outcomes = ["no end in time"]
        result = await peer.finish()
    wrong = [outcome for outcome in outcomes if outcome != flow.outcome] + odd(watcher)
    if result.successful != CALLS:
        wrong.append(f"SIPp: {result.successful} of {CALLS}\n{result}")
    return f"{flow.name} ({flow.source}): {wrong}" if wrong else ""


async def test_every_flow_runs_in_its_role(node):
    wrong = [await played(node, flow) for flow in QUICK]
    assert not any(wrong), "\n\n".join(filter(None, wrong))


@pytest.mark.parametrize("node", [quick], indirect=True, ids=["quick"])
@pytest.mark.parametrize("flow", [f for f in FLOWS if f.slow], ids=lambda flow: flow.name)
async def test_a_flow_that_waits_for_64_t1_runs(node, flow):
    assert not await played(node, flow)


def sturdy(flow: Flow) -> str:
    """SIPp's part, where it repeats what a phone would: its 2xx until the ACK, requests sooner.

    A lost 180 is not sent again, and nobody may wait for it.
    """
    scenario = flow.scenario.replace('retrans="500"', 'retrans="100"')
    scenario = scenario.replace('response="180"', 'response="180" optional="true"')
    return UNTIL_ACK.sub(r'<send retrans="100">\1', scenario)


async def settled(node, watcher) -> list[str]:
    """Return how the calls ended. Where SIPp has lost its way people hang up, which ends a call."""
    try:
        return await watcher.ended(CALLS, timeout=PATIENCE)
    except TimeoutError:
        for line in node.sessions():
            node.send(line.id, "HangupCall")
    try:
        async with asyncio.timeout(PATIENCE):
            await node.drained()
    except TimeoutError:
        return [f"{line.id} stays in {line.state}" for line in node.sessions()]
    return [step.outcome for _, step, _ in watcher.heard if step.ended]


async def battered(node, flow: Flow, seed: int) -> str:
    """Run a flow over a bad network; return what was wrong, empty if nothing."""
    async with udp(BAD, seed, node.sip_address) as network:
        scenario = sturdy(flow).replace("[local_port]", str(network.there[1]))
        remote = network.here if flow.calls == SIPP else None
        with watched(node, flow) as watcher:
            peer = Sipp(scenario, remote=remote, calls=CALLS, rate=100, extra=TOLERANT)
            await peer.start()
            network.far = ("127.0.0.1", peer.port)
            place(node, flow, network.there[1])
            outcomes = await settled(node, watcher)
            await peer.stop()
    allowed = {flow.outcome, "completed", "cancelled", "failed", "rejected"}
    wrong = [outcome for outcome in outcomes if outcome not in allowed] + odd(watcher)
    return f"seed {seed}, {flow.name}: {wrong}" if wrong else ""


@pytest.mark.parametrize("seed", [1, 2])
async def test_flows_survive_loss_doubles_and_disorder(node, seed):
    wrong = [await battered(node, BY_NAME[name], seed) for name in FEW]
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_AT_ONCE))
async def test_every_flow_survives_a_thousand_bad_networks(node, first):
    wrong = [
        await battered(node, STURDY[seed % len(STURDY)], seed)
        for seed in range(first, first + SEEDS_AT_ONCE)
    ]
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_flow_survives_any_segmentation_of_a_stream(node, seed):
    for flow in (BY_NAME["caller_hangs_up"], BY_NAME["no_answer_and_the_caller_gives_up"]):
        with watched(node, flow) as watcher:
            async with tcp(seed, node.sip_address) as address:
                peer = Sipp(flow.scenario, remote=address, calls=CALLS, extra=("-t", "t1"))
                result = await (await peer.start()).finish()
            assert await watcher.ended(CALLS, timeout=LIMIT) == [flow.outcome] * CALLS
        assert result.successful == CALLS, (seed, result)
        assert odd(watcher) == []


@pytest.mark.parametrize("node", [quick], indirect=True, ids=["quick"])
async def test_nobody_answers_at_all(node):
    """RFC 3665 3.10, S16: no response; the transaction gives up after 64*T1."""
    loop = asyncio.get_running_loop()
    silent, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    watcher = Watcher(node)
    port = silent.get_extra_info("sockname")[1]
    node.call("call_with_hold", f"sip:bob@127.0.0.1:{port}")
    assert await watcher.ended() == ["failed"]
    silent.close()
    assert odd(watcher) == []
