"""Linked sessions: a second leg beside a call, against real SIP stacks over UDP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.adapters.linked import Wanted
from runtime.adapters.port import ActionError
from runtime.node import links
from runtime.node.trunks import Trunk
from runtime.sip.events import InviteReceived, RequestReceived, ResponseReceived
from tests.runtime.node.nodes import CALLER, Peer, Watcher, journal, no_media, running, steps

TABLES = Path(__file__).parents[3] / "state_tables"
B2BUA = (TABLES / "b2bua.yaml").read_text()
OUTGOING = (TABLES / "attended_transfer.yaml").read_text()
ROUTES = (("*", "b2bua"),)


def towards(peer, text=B2BUA):
    """The table with the address of a peer in the place of whom the caller dialled."""
    return text.replace("target: event.called", f'target: "sip:desk@127.0.0.1:{peer.address[1]}"')


@asynccontextmanager
async def two_legs(folder, text=B2BUA, **more):
    """A node that joins a caller with a callee; both are stacks of their own."""
    more.setdefault("link", no_media)
    async with Peer.open() as caller, Peer.open() as callee:
        flows = (("b2bua", towards(callee, text)), ("attended_transfer", OUTGOING))
        async with running(folder, *flows, routes=ROUTES, **more) as node:
            yield node, caller, callee, Watcher(node)


async def call(peer, node, headers=(), display="", number="100"):
    """Begin a call without waiting for anything."""
    sender = f"{display} <sip:alice@127.0.0.1:{peer.address[1]}>".strip()
    target = f"sip:{number}@127.0.0.1:{node.sip_address[1]}"
    usage = peer.shell.agent.invite(
        target, caller=sender, sdp=Peer.OFFER,
        hop=await peer.shell.resolve(target), now=peer.shell.now(), headers=headers,
    )  # fmt: skip
    peer.shell.flush()
    return usage


def respond(peer, happening, code, sdp=None):
    happening.usage.respond(happening.transaction, code, sdp=sdp, now=peer.shell.now())
    peer.shell.flush()


async def code(peer, usage, wanted):
    """Wait until a call got an answer with this code."""
    return await peer.wait(
        lambda: next(
            (
                h
                for h in peer.happened
                if isinstance(h, ResponseReceived) and h.usage is usage and h.code == wanted
            ),
            None,
        )  # fmt: skip
    )


async def established(node, caller, callee):
    """Both legs up; returns the usages of both peers."""
    usage = await call(caller, node)
    invite = await callee.until(InviteReceived)
    respond(callee, invite, 180)
    await code(caller, usage, 180)
    respond(callee, invite, 200, Peer.OFFER)
    await code(caller, usage, 200)
    usage.ack(now=caller.shell.now())
    caller.shell.flush()
    return usage, invite.usage


async def test_a_call_goes_through_and_the_caller_hangs_up(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        usage, other = await established(node, caller, callee)
        await watcher.state("Bridged")
        link = node._link
        bridged = [entry for entry in link.log if entry[0] == "bridge"]
        assert len(bridged) == 1 and len(set(bridged[0][1:])) == 2
        usage.bye(now=caller.shell.now())
        caller.shell.flush()
        await callee.hung_up(other)
        assert sorted(await watcher.ended(2)) == ["completed", "completed"]
        assert node.session_count == 0 and not node._signalling.links._children


async def test_the_callee_hangs_up_and_the_caller_is_told(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        usage, other = await established(node, caller, callee)
        await watcher.state("Bridged")
        other.bye(now=callee.shell.now())
        callee.shell.flush()
        await caller.hung_up(usage)
        await watcher.ended(2)
        told = [step for step in steps(node) if step.event.startswith("Linked")]
        assert [step.event for step in told] == ["LinkedRinging", "LinkedAnswered", "LinkedEnded"]
        assert {step.fields["link"] for step in told} == {"other"}


async def test_both_sessions_name_each_other_in_their_records(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        usage, _ = await established(node, caller, callee)
        await watcher.state("Bridged")
        first = {step.session: step for step in steps(node) if step.sequence == 1}
        (owner,) = [s for s, step in first.items() if step.event == "IncomingCall"]
        (linked,) = [s for s, step in first.items() if step.event == "MakeCall"]
        assert first[linked].fields["owner"] == owner
        facts = [r for r in journal(node) if getattr(r, "kind", "") == "linked"]
        assert [(f.session, f.detail["session"]) for f in facts] == [(owner, linked)]
        usage.bye(now=caller.shell.now())
        caller.shell.flush()
        await watcher.ended(2)


@pytest.mark.parametrize(
    ("refused", "told"), [(486, 486), (600, 600), (404, 404), (503, 503), (403, 403)]
)
async def test_a_refusal_of_the_second_leg_reaches_the_caller(tmp_path, refused, told):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        usage = await call(caller, node)
        respond(callee, await callee.until(InviteReceived), refused)
        await code(caller, usage, told)
        await watcher.ended(2)
        failed = [step for step in steps(node) if step.event == "LinkedFailed"]
        assert [step.fields["code"] for step in failed] == [refused]


async def test_a_caller_who_gives_up_ends_the_second_leg(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        usage = await call(caller, node)
        invite = await callee.until(InviteReceived)
        respond(callee, invite, 180)
        await code(caller, usage, 180)
        usage.cancel(now=caller.shell.now())
        caller.shell.flush()
        await code(caller, usage, 487)
        await callee.wait(lambda: True if invite.transaction.cancelled else None)
        respond(callee, invite, 487)
        assert sorted(await watcher.ended(2)) == ["cancelled", "cancelled"]


async def test_early_media_is_carried_on_and_joined_before_the_answer(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        usage = await call(caller, node)
        invite = await callee.until(InviteReceived)
        respond(callee, invite, 183, Peer.OFFER)
        progress = await code(caller, usage, 183)
        assert progress.sdp
        await watcher.state("EarlyMedia")
        assert [entry[0] for entry in node._link.log].count("bridge") == 1
        respond(callee, invite, 200, Peer.OFFER)
        await code(caller, usage, 200)
        usage.ack(now=caller.shell.now())
        usage.bye(now=caller.shell.now())
        caller.shell.flush()
        await callee.hung_up(invite.usage)
        await watcher.ended(2)


async def test_a_hold_of_the_caller_reaches_the_callee(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        usage, other = await established(node, caller, callee)
        await watcher.state("Bridged")
        usage.reinvite(sdp=Peer.OFFER + b"a=sendonly\r\n", now=caller.shell.now())
        caller.shell.flush()
        held = await callee.until(RequestReceived, other)
        assert held.method == "INVITE"
        await watcher.state("HeldByCaller")
        respond(callee, held, 200, Peer.OFFER + b"a=recvonly\r\n")
        await watcher.state("OnHold")


async def test_the_name_of_the_caller_and_chosen_headers_go_along_and_hops_are_counted(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        headers = [
            ("X-Account", "7"), ("x-other", "no"), ("P-Asserted-Identity", "<sip:boss@x.example>"),
        ]  # fmt: skip
        await call(caller, node, headers=headers, display='"Alice, Sales"')
        request = (await callee.until(InviteReceived)).request
        assert request.from_.display == "Alice, Sales" and request.from_.uri.user == "alice"
        assert request.named("X-Account") == ["7"]
        assert not request.named("X-Other") and not request.named("P-Asserted-Identity")
        assert request.get("Max-Forwards") == "69"


async def test_a_trusted_trunk_is_believed_who_calls(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher):
        trunk = Trunk(name="carrier", host="127.0.0.1", sources=("127.0.0.0/8",), trusted=True)
        node._signalling.trunks.replace([trunk])
        await call(caller, node, headers=[("P-Asserted-Identity", "<sip:boss@x.example>")])
        request = (await callee.until(InviteReceived)).request
        assert request.named("P-Asserted-Identity") == ["<sip:boss@x.example>"]


async def test_whom_the_caller_dialled_is_called_where_he_registered(tmp_path):
    flows = (("b2bua", B2BUA), ("attended_transfer", OUTGOING))
    async with (
        running(tmp_path, *flows, routes=ROUTES, link=no_media) as node,
        Peer.open() as caller,
    ):
        async with Peer.browser(node, "ws-1", user="bob") as bob:
            assert await bob.register("bob") == 200
            usage = await call(caller, node, number="bob")
            invite = await bob.until(InviteReceived)
            assert invite.request.from_.uri.user == "alice"
            respond(bob, invite, 200, Peer.OFFER)
            await code(caller, usage, 200)


async def test_a_session_has_eight_linked_ones_at_most(tmp_path):
    async with two_legs(tmp_path, LEAVING) as (node, caller, callee, watcher):
        await caller.call(node)
        (owner,) = [s for s in node.each_session() if s.role == "UAS"]
        book = owner.leg.links
        target = f"sip:x@127.0.0.1:{callee.address[1]}"
        for number in range(7):
            book.create(Wanted(f"link{number}", target, flow="attended_transfer"))
        with pytest.raises(ActionError, match="8 linked sessions"):
            book.create(Wanted("one more", target, flow="attended_transfer"))
        with pytest.raises(ActionError, match="no version of unheard is deployed"):
            book.let_go("link0")
            book.create(Wanted("link0", target, flow="unheard"))
        with pytest.raises(ActionError, match="already"):
            book.create(Wanted("link1", target))
        for bad in ("sip:", "tel:+49", "sip:x@y?Route=z"):
            with pytest.raises(ActionError, match="address"):
                book.create(Wanted("link0", bad))


async def test_a_call_that_comes_back_to_us_ends_when_its_hops_are_used_up(tmp_path):
    async with Peer.open() as caller:
        flows = (("b2bua", B2BUA), ("attended_transfer", OUTGOING))
        async with running(tmp_path, *flows, routes=ROUTES, link=no_media) as node:
            watcher = Watcher(node)
            usage = await call(caller, node)
            await code(caller, usage, 483)
            outcomes = await watcher.ended(2 * 10 + 1)
            assert set(outcomes) == {"failed"} and node.session_count == 0


LEAVING = """\
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Up,
   actions: [CreateDialog, StoreRemoteSDP, GenerateLocalSDP,
   {CreateLinkedSession: {target: event.called, flow: attended_transfer}},
   {SendSIPResponse: {code: 200}}]}
- {from_state: Up, role: UAS, event: LinkedRinging, actions: []}
- {from_state: Up, role: UAS, event: LinkedAnswered, actions: []}
- {from_state: Up, role: UAS, event: DialogACK, actions: []}
- {from_state: Up, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog],
   next_state: Terminated, publish_events: [CallTerminated]}
"""


@pytest.mark.parametrize("answered", [False, True])
async def test_nobody_is_left_behind_by_a_table_that_forgets_its_linked_session(tmp_path, answered):
    async with two_legs(tmp_path, LEAVING) as (node, caller, callee, watcher):
        usage = await caller.call(node)
        invite = await callee.until(InviteReceived)
        respond(callee, invite, 180)
        if answered:
            respond(callee, invite, 200, Peer.OFFER)
            await watcher.until(lambda s, step, d: step.event == "LinkedAnswered")
        usage.bye(now=caller.shell.now())
        caller.shell.flush()
        if answered:
            await callee.hung_up(invite.usage)
        else:
            await callee.wait(lambda: True if invite.transaction.cancelled else None)
            respond(callee, invite, 487)
        await watcher.ended(2)


async def test_a_linked_session_without_a_row_for_the_end_is_ended_all_the_same(tmp_path):
    deaf = CALLER.replace("event: HangupCall", "event: MuteCall")
    async with Peer.open() as caller, Peer.open() as callee:
        flows = (("b2bua", towards(callee, LEAVING)), ("attended_transfer", deaf))
        async with running(tmp_path, *flows, routes=ROUTES, link=no_media) as node:
            watcher = Watcher(node)
            usage = await caller.call(node)
            invite = await callee.until(InviteReceived)
            respond(callee, invite, 200, Peer.OFFER)
            await watcher.until(lambda s, step, d: step.event == "LinkedAnswered")
            usage.bye(now=caller.shell.now())
            caller.shell.flush()
            await callee.hung_up(invite.usage)
            assert sorted(await watcher.ended(2)) == ["abandoned", "completed"]


async def test_a_linked_session_that_was_told_and_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(links, "PATIENCE", 0.05)
    stubborn = CALLER.replace("[SendBYE, StopMediaSession],\n   next_state: Terminating", "[]")
    async with Peer.open() as caller, Peer.open() as callee:
        flows = (("b2bua", towards(callee, LEAVING)), ("attended_transfer", stubborn))
        async with running(tmp_path, *flows, routes=ROUTES, link=no_media) as node:
            watcher = Watcher(node)
            usage = await caller.call(node)
            invite = await callee.until(InviteReceived)
            respond(callee, invite, 200, Peer.OFFER)
            await watcher.until(lambda s, step, d: step.event == "LinkedAnswered")
            usage.bye(now=caller.shell.now())
            caller.shell.flush()
            await callee.hung_up(invite.usage)
            assert sorted(await watcher.ended(2)) == ["abandoned", "completed"]
            assert [s.event for s in steps(node) if s.outcome == "abandoned"] == ["OwnerEnded"]


async def test_a_pair_is_not_moved_while_its_second_leg_is_called(tmp_path):
    async with two_legs(tmp_path, LEAVING) as (node, caller, callee, watcher):
        await caller.call(node)
        invite = await callee.until(InviteReceived)
        (owner,) = [s for s in node.each_session() if s.role == "UAS"]
        await watcher.until(lambda s, step, d: s is owner and step.event == "DialogACK")
        assert owner.unquiet() == "the linked session other is being called"
        respond(callee, invite, 200, Peer.OFFER)
        await watcher.until(lambda s, step, d: step.event == "LinkedAnswered")
        assert owner.unquiet() is None


async def replacing(third, node, replaced):
    """Call with the Replaces header that names a call which a peer holds with us."""
    target = f"sip:100@127.0.0.1:{node.sip_address[1]}"
    dialog = replaced.dialog
    value = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
    usage = third.shell.agent.invite(
        target, caller="sip:carol@127.0.0.1", sdp=Peer.OFFER,
        hop=await third.shell.resolve(target), now=third.shell.now(),
        headers=[("Replaces", value)],
    )  # fmt: skip
    third.shell.flush()
    return usage


@pytest.mark.parametrize("place", ["caller", "callee"])
async def test_a_call_takes_the_place_of_either_leg(tmp_path, place):
    async with two_legs(tmp_path) as (node, caller, callee, watcher), Peer.open() as third:
        usage, other = await established(node, caller, callee)
        await watcher.state("Bridged")
        old, peer = (usage, caller) if place == "caller" else (other, callee)
        left, stays = (other, callee) if place == "caller" else (usage, caller)
        new = await replacing(third, node, old)
        await code(third, new, 200)
        new.ack(now=third.shell.now())
        third.shell.flush()
        await peer.hung_up(old)
        replaced = await watcher.ended()
        assert replaced == ["replaced"]
        pairs = [set(entry[1:]) for entry in node._link.log if entry[0] == "bridge"]
        assert len(pairs) == 2 and len(pairs[0] & pairs[1]) == 1
        # Whoever hangs up now ends the other one.
        new.bye(now=third.shell.now())
        third.shell.flush()
        await stays.hung_up(left)
        assert sorted(await watcher.ended(3)) == ["completed", "completed", "replaced"]
        assert not node._signalling.links._children and node.session_count == 0


async def test_who_stays_ends_the_call_that_took_a_place(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher), Peer.open() as third:
        usage, other = await established(node, caller, callee)
        await watcher.state("Bridged")
        new = await replacing(third, node, other)
        await code(third, new, 200)
        new.ack(now=third.shell.now())
        third.shell.flush()
        await callee.hung_up(other)
        usage.bye(now=caller.shell.now())
        caller.shell.flush()
        await third.hung_up(new)
        assert sorted(await watcher.ended(3)) == ["completed", "completed", "replaced"]


async def test_a_call_that_rings_elsewhere_is_picked_up(tmp_path):
    async with two_legs(tmp_path) as (node, caller, callee, watcher), Peer.open() as third:
        usage = await call(caller, node)
        invite = await callee.until(InviteReceived)
        respond(callee, invite, 180)
        await code(caller, usage, 180)
        new = await replacing(third, node, invite.usage)
        await code(third, new, 200)
        new.ack(now=third.shell.now())
        third.shell.flush()
        await callee.wait(lambda: True if invite.transaction.cancelled else None)
        respond(callee, invite, 487)
        await code(caller, usage, 200)
        usage.ack(now=caller.shell.now())
        caller.shell.flush()
        await watcher.until(lambda s, step, d: step.row_id == "bridged")
        usage.bye(now=caller.shell.now())
        caller.shell.flush()
        await third.hung_up(new)
        assert sorted(await watcher.ended(3)) == ["completed", "completed", "replaced"]


async def test_a_flow_that_does_not_ask_for_it_lets_nobody_take_a_place(tmp_path):
    async with two_legs(tmp_path, LEAVING) as (node, caller, callee, watcher), Peer.open() as third:
        usage = await caller.call(node)
        await code(third, await replacing(third, node, usage), 603)
        assert usage.established


@pytest.mark.parametrize("sender", ["caller", "callee"])
async def test_either_phone_sends_the_other_one_to_a_third(tmp_path, sender):
    async with (
        two_legs(tmp_path, config={"refer_anywhere": True}) as (node, caller, callee, watcher),
        Peer.open() as third,
    ):
        usage, other = await established(node, caller, callee)
        await watcher.state("Bridged")
        sent, peer = (usage, caller) if sender == "caller" else (other, callee)
        stays, left = (callee, other) if sender == "caller" else (caller, usage)
        to = [("Refer-To", f"<sip:third@127.0.0.1:{third.address[1]}>")]
        sent.request("REFER", now=peer.shell.now(), headers=to)
        peer.shell.flush()
        invite = await third.until(InviteReceived)
        respond(third, invite, 180)
        respond(third, invite, 200, Peer.OFFER)
        for _ in range(3):
            report = await peer.wait(lambda: waiting(sent, "NOTIFY"))
            sent.respond(report, 200, now=peer.shell.now())
            peer.shell.flush()
        await peer.hung_up(sent)
        assert await watcher.ended() == ["completed"]
        pairs = [set(entry[1:]) for entry in node._link.log if entry[0] == "bridge"]
        assert len(pairs) == 2 and len(pairs[0] & pairs[1]) == 1
        # Those two are joined now: whoever hangs up ends the other one.
        left.bye(now=stays.shell.now())
        stays.shell.flush()
        await third.hung_up(invite.usage)
        assert sorted(await watcher.ended(3)) == ["completed"] * 3
        assert not node._signalling.links._children and node.session_count == 0


def waiting(usage, method):
    return next((tx for tx in usage.open if tx.method == method), None)


async def test_a_transfer_that_fails_leads_back_to_the_joined_call(tmp_path):
    async with (
        two_legs(tmp_path, config={"refer_anywhere": True}) as (node, caller, callee, watcher),
        Peer.open() as third,
    ):
        usage, other = await established(node, caller, callee)
        await watcher.state("Bridged")
        to = [("Refer-To", f"<sip:third@127.0.0.1:{third.address[1]}>")]
        usage.request("REFER", now=caller.shell.now(), headers=to)
        caller.shell.flush()
        respond(third, await third.until(InviteReceived), 486)
        session, _, _ = await watcher.until(lambda s, step, d: step.row_id == "not-transferred")
        assert session.state == "Bridged"
        usage.bye(now=caller.shell.now())
        caller.shell.flush()
        await callee.hung_up(other)
        assert sorted(await watcher.ended(3)) == ["completed", "completed", "failed"]
