"""Every arrow of RFC 3261 figures 5 to 8 and of RFC 6026, written down a second time and driven."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from runtime.sip import tables
from runtime.sip.build import Outline
from runtime.sip.hop import UDP, WS, Hop
from runtime.sip.message import Request, Response
from runtime.sip.tables import Machine, State
from runtime.sip.timers import Timers
from runtime.sip.transaction import ClientTransaction, Periods, ServerTransaction, Transaction
from runtime.sip.wire import parse
from tests.runtime.sip.peer import PEER, request, response

S = State

# (machine, state, event) -> state after it, what was sent, what the user was told.
ARROWS = """
invite-client calling A calling sent -
invite-client calling B terminated - timeout
invite-client calling 1xx proceeding - response
invite-client calling 2xx accepted - response
invite-client calling 3xx completed ack response
invite-client calling error terminated - failure
invite-client proceeding 1xx proceeding - response
invite-client proceeding 2xx accepted - response
invite-client proceeding 3xx completed ack response
invite-client proceeding X terminated - timeout
invite-client proceeding error terminated - failure
invite-client completed 3xx completed ack -
invite-client completed D terminated - -
invite-client completed error terminated - failure
invite-client accepted 2xx accepted - response
invite-client accepted M terminated - -
invite-client accepted error accepted - failure
other-client trying E trying sent -
other-client trying F terminated - timeout
other-client trying 1xx proceeding - response
other-client trying 2xx completed - response
other-client trying 3xx completed - response
other-client trying error terminated - failure
other-client proceeding E proceeding sent -
other-client proceeding F terminated - timeout
other-client proceeding 1xx proceeding - response
other-client proceeding 2xx completed - response
other-client proceeding 3xx completed - response
other-client proceeding error terminated - failure
other-client completed K terminated - -
invite-server proceeding request proceeding sent -
invite-server proceeding 1xx proceeding sent -
invite-server proceeding 2xx accepted sent -
invite-server proceeding 3xx completed sent -
invite-server proceeding error terminated - -
invite-server completed request completed sent -
invite-server completed G completed sent -
invite-server completed H terminated - unacknowledged
invite-server completed ACK confirmed - -
invite-server completed error terminated - -
invite-server confirmed ACK confirmed - -
invite-server confirmed I terminated - -
invite-server accepted request accepted - -
invite-server accepted 2xx accepted sent -
invite-server accepted R accepted sent -
invite-server accepted ACK accepted - ack
invite-server accepted error accepted - -
invite-server accepted L terminated - unacknowledged
other-server trying N trying - late
other-server proceeding U terminated - -
other-server trying 1xx proceeding sent -
other-server trying 2xx completed sent -
other-server trying 3xx completed sent -
other-server proceeding request proceeding sent -
other-server proceeding 1xx proceeding sent -
other-server proceeding 2xx completed sent -
other-server proceeding 3xx completed sent -
other-server proceeding error terminated - -
other-server completed request completed sent -
other-server completed J terminated - -
other-server completed error terminated - -
"""
ROWS = [tuple(line.split()) for line in ARROWS.split("\n") if line]

# What the figures draw, state by state: RFC 3261 figures 5 to 8, as RFC 6026 8 draws 5 and 7 anew.
FIGURES = """
invite-client calling A B 1xx 2xx 3xx error
invite-client proceeding 1xx 2xx 3xx
invite-client completed 3xx D error
invite-client accepted 2xx M
other-client trying E F 1xx 2xx 3xx error
other-client proceeding E F 1xx 2xx 3xx error
other-client completed K
invite-server proceeding request 1xx 2xx 3xx error
invite-server completed request G H ACK error
invite-server confirmed ACK I
invite-server accepted request ACK 2xx L error
other-server trying 1xx 2xx 3xx
other-server proceeding request 1xx 2xx 3xx error
other-server completed request J error
"""
DRAWN = {
    (name, state, event)
    for name, state, *events in (line.split() for line in FIGURES.split("\n") if line)
    for event in events
}

# And what is ours, with its reason.
OURS = {
    ("invite-client", "proceeding", "X"): "RFC 3261 9.1: 64*T1 after the CANCEL",
    ("invite-client", "proceeding", "error"): "a connection that is lost brings no answer",
    ("invite-client", "accepted", "error"): "an ACK that could not be sent; RFC 6026 7.2",
    ("invite-server", "accepted", "R"): "RFC 3261 13.3.1.4: the 2xx until its ACK",
    ("other-server", "trying", "N"): "RFC 4320 4.1: a late 100",
    ("other-server", "proceeding", "U"): "nobody answered: the client has given up",
}

# The messages that lead from the first state to each other one.
PATHS: dict[str, dict[str, list[str]]] = {
    "invite-client": {
        "calling": [],
        "proceeding": ["1xx"],
        "completed": ["3xx"],
        "accepted": ["2xx"],
    },
    "other-client": {"trying": [], "proceeding": ["1xx"], "completed": ["2xx"]},
    "invite-server": {
        "proceeding": ["1xx"],
        "completed": ["3xx"],
        "confirmed": ["3xx", "ACK"],
        "accepted": ["2xx"],
    },
    "other-server": {"trying": [], "proceeding": ["1xx"], "completed": ["2xx"]},
}
MACHINES: dict[str, Machine] = {
    "invite-client": tables.INVITE_CLIENT,
    "other-client": tables.NON_INVITE_CLIENT,
    "invite-server": tables.INVITE_SERVER,
    "other-server": tables.NON_INVITE_SERVER,
}
CODES = {"1xx": 180, "2xx": 200, "3xx": 486}


class Rig:
    """A transaction with a sender and a user that only remember."""

    def __init__(self, name: str, hop: Hop = PEER, periods: Periods | None = None) -> None:
        self.timers = Timers()
        self.periods = periods or Periods()
        self.sent: list[bytes] = []
        self.told: list[str] = []
        self.ended = 0
        self.name = name
        method = "INVITE" if name.startswith("invite") else "BYE"
        self.request = parse(request(method))
        assert isinstance(self.request, Request)
        self.tx: Transaction
        if name.endswith("client"):
            via = "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK-own"
            outline = Outline(method, "sip:b@h", via, "<sip:a@h>;tag=a", "<sip:b@h>", "c", 7)
            self.tx = ClientTransaction(
                self, self, outline, b"the request", branch="z9hG4bK-own", hop=hop, usage=None
            )
            self.tx.begin(0.0)
        else:
            self.tx = ServerTransaction(self, self, self.request, hop, hop)
            self.tx.start(0.0)

    def send(self, data: bytes, hop: Hop, usage: object, *, again: bool = False) -> None:
        self.sent.append(data)

    def event(self, event: str, now: float = 0.0) -> None:
        if isinstance(self.tx, ServerTransaction) and event in CODES:
            self.tx.respond(CODES[event], f"{CODES[event]}".encode(), now)
        elif event in CODES:
            answer = parse(response(self.request, CODES[event]))
            assert isinstance(answer, Response)
            self.tx.receive(answer, now)  # type: ignore[attr-defined]
        elif len(event) == 1:
            self.tx.on_timer(event, now)
        else:
            self.tx.feed(event, now, self.request)

    def on_response(self, tx: object, answer: Response, now: float) -> None:
        self.told.append("response")

    def on_timeout(self, tx: object, now: float) -> None:
        self.told.append("timeout")

    def on_failure(self, tx: object, now: float) -> None:
        self.told.append("failure")

    def on_client_end(self, tx: object) -> None:
        self.ended += 1

    def on_ack(self, tx: object, ack: Request, now: float) -> None:
        self.told.append("ack")

    def on_unacknowledged(self, tx: object, now: float) -> None:
        self.told.append("unacknowledged")

    def on_late(self, tx: object, now: float) -> None:
        self.told.append("late")

    def on_server_end(self, tx: object) -> None:
        self.ended += 1


def at(name: str, state: str, hop: Hop = PEER) -> Rig:
    rig = Rig(name, hop)
    for event in PATHS[name][state]:
        rig.event(event)
    assert rig.tx.state.value == state
    rig.sent.clear()
    rig.told.clear()
    return rig


def test_the_tables_hold_exactly_the_arrows_written_here() -> None:
    written = {(row[0], row[1], row[2]) for row in ROWS}
    held = {
        (name, state.value, event)
        for name, machine in MACHINES.items()
        for state, event in machine.arrows
    }
    assert held == written


def test_every_arrow_of_the_figures_is_in_the_tables_and_every_other_one_has_its_reason() -> None:
    held = {(row[0], row[1], row[2]) for row in ROWS}
    assert DRAWN <= held
    assert held - DRAWN == set(OURS)


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_an_arrow_does_what_the_figure_says(row: tuple[str, ...]) -> None:
    name, state, event, after, sent, told = row
    rig = at(name, state)
    rig.event(event)
    assert rig.tx.state.value == after
    assert len(rig.sent) == (sent != "-")
    if sent == "ack":
        ack = parse(rig.sent[0])
        assert isinstance(ack, Request) and ack.method == "ACK"
        assert ack.via.branch == "z9hG4bK-own"
    assert rig.told == ([] if told == "-" else [told])
    assert rig.ended == (after == "terminated")
    if after == "terminated":
        assert len(rig.timers) == 0


EVENTS = ["1xx", "2xx", "3xx", "request", "ACK", "error", *"ABDEFGHIJKLMNRUX"]


@pytest.mark.parametrize("name", MACHINES)
def test_an_event_without_an_arrow_changes_nothing(name: str) -> None:
    for state in PATHS[name]:
        for event in EVENTS:
            if (State(state), event) in MACHINES[name].arrows:
                continue
            if name.endswith("server") and event in CODES:
                continue  # The agent refuses a second final answer before it comes here.
            rig = at(name, state)
            armed = set(rig.tx.timers)
            rig.tx.feed(event, 0.0, rig.request)
            assert rig.tx.state.value == state and not rig.sent and not rig.told
            assert set(rig.tx.timers) == armed


def firing_times(rig: Rig, limit: float = 400.0) -> list[tuple[str, float]]:
    """Let all timers fire; the name and time of each."""
    fired = []
    original = type(rig.tx).on_timer

    def on_timer(tx: Transaction, name: str, now: float) -> None:
        fired.append((name, now))
        original(tx, name, now)  # type: ignore[arg-type]

    with patch.object(type(rig.tx), "on_timer", on_timer):
        while (deadline := rig.timers.deadline()) is not None and deadline < limit:
            rig.timers.expire(deadline)
    return fired


DOUBLING = [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
TO_T2 = [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
TIMES = [
    ("invite-client", "calling", [*(("A", at_) for at_ in DOUBLING), ("B", 32.0)]),
    ("invite-client", "proceeding", []),
    ("invite-client", "completed", [("D", 32.0)]),
    ("invite-client", "accepted", [("M", 32.0)]),
    ("other-client", "trying", [*(("E", at_) for at_ in TO_T2), ("F", 32.0)]),
    ("other-client", "completed", [("K", 5.0)]),
    ("invite-server", "proceeding", []),
    ("invite-server", "completed", [*(("G", at_) for at_ in TO_T2), ("H", 32.0)]),
    ("invite-server", "confirmed", [("I", 5.0)]),
    ("invite-server", "accepted", [*(("R", at_) for at_ in TO_T2), ("L", 32.0)]),
    ("other-server", "trying", [("N", 3.5)]),
    ("other-server", "proceeding", [("U", 32.0)]),
    ("other-server", "completed", [("J", 32.0)]),
]


@pytest.mark.parametrize(("name", "state", "times"), TIMES)
def test_timers_fire_when_the_rfc_says(
    name: str, state: str, times: list[tuple[str, float]]
) -> None:
    assert firing_times(at(name, state)) == times


RELIABLE = [
    ("invite-client", "calling", [("B", 32.0)]),
    ("invite-client", "completed", [("D", 0.0)]),
    ("invite-client", "accepted", [("M", 32.0)]),
    ("other-client", "trying", [("F", 32.0)]),
    ("other-client", "completed", [("K", 0.0)]),
    ("invite-server", "completed", [("H", 32.0)]),
    ("invite-server", "confirmed", [("I", 0.0)]),
    ("invite-server", "accepted", [*(("R", at_) for at_ in TO_T2), ("L", 32.0)]),
    ("other-server", "completed", [("J", 0.0)]),
]


@pytest.mark.parametrize(("name", "state", "times"), RELIABLE)
def test_over_a_reliable_transport_only_the_2xx_is_repeated(
    name: str, state: str, times: list[tuple[str, float]]
) -> None:
    assert firing_times(at(name, state, Hop(WS, "c", "h:1"))) == times


@pytest.mark.parametrize(("name", "state", "times"), [*TIMES, *RELIABLE])
def test_other_base_times_scale_every_timer(
    name: str, state: str, times: list[tuple[str, float]]
) -> None:
    """T1, T2 and T4 are all there is; D alone is a time of its own (RFC 3261 17.1.1.2)."""
    reliable = (name, state, times) in RELIABLE
    hop = Hop(WS, "c", "h:1") if reliable else PEER
    rig = Rig(name, hop, Periods(t1=0.05, t2=0.4, t4=0.5, d=3.2))
    for event in PATHS[name][state]:
        rig.event(event)
    scaled = [(timer, round(at_ / 10, 6)) for timer, at_ in times]
    assert [(timer, round(at_, 6)) for timer, at_ in firing_times(rig)] == scaled


def test_a_request_that_is_proceeding_is_repeated_every_t2() -> None:
    rig = Rig("other-client", Hop(UDP, ("192.0.2.7", 5060), "h:1"))
    rig.event("1xx", 0.2)
    assert firing_times(rig) == [
        *(("E", 0.5 + 4 * step) for step in range(8)),
        ("F", 32.0),
    ]


def test_late_timers_fire_once_each_and_in_order() -> None:
    rig = at("invite-client", "calling")
    rig.timers.expire(100.0)
    assert rig.sent == [b"the request"]
    assert rig.told == ["timeout"]
