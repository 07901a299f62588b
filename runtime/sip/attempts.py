"""Other ways for one request: the next server (RFC 3263 4.3), and a stream for a long one (18.1.1).

A request that is tried again keeps all but its branch, its Via and, towards another server, its
Contact. The user of the stack hears of the last way only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runtime.sip.hop import TCP, UDP, Hop
from runtime.sip.tables import State
from runtime.sip.transaction import ClientTransaction

if TYPE_CHECKING:
    from runtime.sip.agent import Agent
    from runtime.sip.uac import Uac


def by_stream(agent: Agent, hop: Hop, size: int) -> Hop:
    """The way for a request of so many bytes: TCP for one that is longer than a datagram should be,
    and UDP after all where nobody listens to TCP (RFC 3261 18.1.1)."""
    if not agent.streams or hop.transport != UDP or not 0 < agent.settings.datagram < size:
        return hop
    local = hop.local if agent.local_for is None else ""
    stream = Hop(TCP, hop.remote, local, others=(replace(hop, others=()), *hop.others))
    return agent.complete(stream)


def next_way(uac: Uac, agent: Agent, tx: ClientTransaction, now: float, *, late: bool) -> bool:
    """Send the request of a transaction that came to nothing the next way; False if there is none.

    `late`: nobody answered in time. Then UDP is no other way to the same address than TCP was.
    """
    usage, hop = tx.usage, tx.hop
    others = hop.others
    if late:
        others = tuple(other for other in others if other.remote != hop.remote)
    if not others or usage is None or usage.closed or tx.cancel_wanted or tx.silent:
        return False
    following = agent.complete(replace(others[0], others=others[1:]))
    elsewhere = following.remote != hop.remote
    if elsewhere and usage.early:
        return False  # Somebody rang there: what follows is about that call.
    data = tx.spare
    if elsewhere:
        before = agent.contact(usage)
        agent.follow(usage, following)
        data = _with(data, "Contact", before, agent.contact(usage))
        following = by_stream(agent, following, len(data))
    branch = uac.new_branch()
    via = agent.via(following, branch)
    data = _with(data, "Via", tx.outline.via, via)
    agent.counters["tried_again"] += 1
    _leave(uac, agent, tx, now)
    tx.begin_again(branch, following, replace(tx.outline, via=via), data)
    uac.transactions[(branch, tx.method)] = tx
    tx.begin(now)
    return True


def transport_failed(uac: Uac, hop: Hop, now: float) -> None:
    """Fail all that waits for an answer over a hop to which nothing can be sent."""
    for tx in tuple(uac.transactions.values()):
        if tx.hop == hop and tx.pending:
            tx.fail(now)


def connection_lost(uac: Uac, lost: Hop | str, now: float) -> None:
    """Fail what waits for an answer over a connection: a stream, or a WebSocket by its id.

    What had a provisional answer over a stream waits on: its peer connects to us for the final one
    (RFC 3261 18.2.2).
    """
    for tx in tuple(uac.transactions.values()):
        if isinstance(lost, str):
            if tx.hop.remote == lost and tx.pending:
                tx.fail(now)
        elif tx.pending and not tx.proceeding and _used(tx.hop, lost):
            tx.fail(now)


def _used(hop: Hop, connection: Hop) -> bool:
    """Whether what was sent to a hop went over a connection that is now closed."""
    if hop.connection:
        return hop.connection == connection.connection
    return (hop.transport, hop.remote) == (connection.transport, connection.remote)


def _leave(uac: Uac, agent: Agent, tx: ClientTransaction, now: float) -> None:
    """Take a transaction off its branch; a refusal of an INVITE is still acknowledged there."""
    del uac.transactions[(tx.branch, tx.method)]
    if tx.state is State.COMPLETED and tx.method == "INVITE":
        behind = ClientTransaction(
            agent, uac, tx.outline, b"", branch=tx.branch, hop=tx.hop, usage=tx.usage
        )
        uac.transactions[(tx.branch, tx.method)] = behind
        behind.complete(now)


def _with(data: bytes, name: str, before: str, after: str) -> bytes:
    """A request with another value of a header that the stack has written itself."""
    head, end, body = data.partition(b"\r\n\r\n")
    old, new = f"\r\n{name}: {before}".encode(), f"\r\n{name}: {after}".encode()
    return head.replace(old, new, 1) + end + body
