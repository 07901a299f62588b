"""The races of RFC 5407 between two sides of call_with_hold, message by message.

Each test follows one diagram of the RFC: what people do, what arrives in which order, and what is
on the wire at the end. `tests/flows/check/test_races.py` has the same cases as rules for any table.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.compile import compile_text
from flows.explore.doing import Message
from flows.explore.pair import SIDES, Joint, Options, Pair
from flows.explore.party import Party
from flows.explore.peer import messages
from flows.semantics import Program

TEXT = (Path(__file__).parents[3] / "state_tables" / "call_with_hold.yaml").read_text()


class Script:
    """Two sides of the table, moved one step at a time."""

    def __init__(self) -> None:
        table = compile_text(TEXT).table
        assert table is not None
        self.pair = Pair(Party(Program(table)), Options(capacity=4))
        self.joint: Joint = self.pair.start()
        self.wire: list[str] = []
        """Every message sent, with its sender."""

    def state(self, side: str) -> str:
        return self.pair.configs[self.joint.sides[SIDES.index(side)]].state

    @property
    def states(self) -> tuple[str, str]:
        return self.state("UAC"), self.state("UAS")

    @property
    def under_way(self) -> bool:
        return self.joint.channels != ((), ())

    def does(self, side: str, event: str) -> None:
        """Let a person act, or a timer (`after`) fire."""
        for act, after in self.pair.acts(self.joint):
            found = act.move is not None and act.move.stimulus.event == event
            if act.message is None and found and SIDES[act.side] == side:
                assert after is not None and act.move is not None
                assert act.move.kind != "unhandled"
                self._to(act.side, act.sends, after)
                return
        raise AssertionError(f"{side} can not {event} in {self.state(side)}")

    def gets(self, side: str, message: str) -> None:
        """Let the message under way that begins with this text arrive."""
        for act, after in self.pair.acts(self.joint):
            if act.message is None or act.fate or SIDES[act.side] != side:
                continue
            if str(act.message).startswith(message):
                assert after is not None
                assert act.move is None or act.move.kind != "unhandled", act.move
                self._to(act.side, act.sends, after)
                return
        raise AssertionError(f"no {message} is under way to {side}: {self.joint.channels}")

    def injects(self, side: str, message: Message) -> None:
        """Put a message under way to a side, from a far side that can do more than the table."""
        channels = list(self.joint.channels)
        at = SIDES.index(side)
        channels[at] = tuple(sorted((*channels[at], message)))
        self.joint = self.joint._replace(channels=(channels[0], channels[1]))

    def rest(self) -> None:
        """Let everything under way arrive."""
        while self.under_way:
            side = SIDES[0] if self.joint.channels[0] else SIDES[1]
            self.gets(side, str(self.joint.channels[SIDES.index(side)][0]))

    def _to(self, side: int, sends: tuple[Message, ...], after: Joint) -> None:
        self.wire += [f"{SIDES[side]}: {message}" for message in sends]
        self.joint = after


@pytest.fixture
def script() -> Script:
    return Script()


def ringing(script: Script) -> None:
    script.does("UAC", "MakeCall")
    script.gets("UAS", "INVITE")
    script.gets("UAC", "180")


def answered(script: Script) -> None:
    """Up to the 200 on its way to the caller."""
    ringing(script)
    script.does("UAS", "AcceptCall")


def talking(script: Script) -> None:
    answered(script)
    script.rest()
    assert script.states == ("Active", "Active")
    script.wire.clear()


def test_race_901_an_invite_repeated_while_the_ack_is_waited_for_starts_no_second_call(
    script: Script,
) -> None:  # RFC 5407 3.1.1
    answered(script)
    script.injects("UAS", Message("INVITE", direction="sendrecv"))
    script.gets("UAS", "INVITE")
    assert script.state("UAS") == "Answering"
    script.rest()
    assert script.states == ("Active", "Active")


def test_race_902_a_cancel_that_crosses_the_200_ends_the_call_with_bye(script: Script) -> None:
    # RFC 5407 3.1.2
    ringing(script)
    script.does("UAC", "HangupCall")
    script.does("UAS", "AcceptCall")
    script.gets("UAS", "CANCEL")
    assert script.state("UAS") == "Answering"
    script.wire.clear()
    script.gets("UAC", "200 to INVITE")
    assert script.wire == ["UAC: ACK", "UAC: BYE"]
    script.gets("UAS", "ACK")
    script.rest()
    assert script.states == ("Terminated", "Terminated")


def test_race_903_an_early_bye_is_answered_and_the_invite_ended(script: Script) -> None:
    # RFC 5407 3.1.3
    ringing(script)
    script.injects("UAS", Message("BYE"))
    party, config = script.pair.party, script.pair.configs[script.joint.sides[1]]
    early = next(s for s in messages(party, config) if s.event == "DialogBYE")
    move = party.react(config, early)[0]
    assert [str(m) for m in move.sends] == ["487 to INVITE"]
    assert move.target.state == "Cancelled"


def test_race_904_a_reinvite_that_overtakes_the_ack_is_refused_with_491(script: Script) -> None:
    # RFC 5407 3.1.4
    answered(script)
    script.gets("UAC", "200 to INVITE")
    script.does("UAC", "HoldCall")
    script.gets("UAS", "re-INVITE")
    assert script.wire[-1] == "UAS: 491 to re-INVITE"
    script.gets("UAS", "ACK")
    script.rest()
    assert script.states == ("HoldGlare", "Active")


def test_race_905_after_that_491_the_second_try_succeeds(script: Script) -> None:
    # RFC 5407 3.1.5
    test_race_904_a_reinvite_that_overtakes_the_ack_is_refused_with_491(script)
    script.does("UAC", "after")
    script.rest()
    assert script.states == ("OnHold", "HeldByPeer")


def test_race_906_a_bye_that_overtakes_the_ack_ends_the_call(script: Script) -> None:
    # RFC 5407 3.1.6
    answered(script)
    script.gets("UAC", "200 to INVITE")
    script.does("UAC", "HangupCall")
    script.gets("UAS", "BYE")
    assert script.wire[-1] == "UAS: 200 to BYE"
    script.rest()
    assert script.states == ("Terminated", "Terminated")


def test_race_907_two_byes_that_cross_are_both_answered(script: Script) -> None:
    # RFC 5407 3.2.1
    talking(script)
    script.does("UAC", "HangupCall")
    script.does("UAS", "HangupCall")
    script.gets("UAC", "BYE")
    script.gets("UAS", "BYE")
    script.rest()
    assert script.states == ("Terminated", "Terminated")
    assert sorted(script.wire) == ["UAC: 200 to BYE", "UAC: BYE", "UAS: 200 to BYE", "UAS: BYE"]


def test_race_908_a_reinvite_that_crosses_bye_is_refused_with_481(script: Script) -> None:
    # RFC 5407 3.2.2
    talking(script)
    script.does("UAC", "HoldCall")
    script.does("UAS", "HangupCall")
    script.gets("UAS", "re-INVITE")
    assert script.wire[-1] == "UAS: 481 to re-INVITE"
    script.gets("UAC", "BYE")
    script.rest()
    assert script.states == ("Terminated", "Terminated")


def test_race_909_a_200_to_a_reinvite_after_bye_is_confirmed(script: Script) -> None:
    # RFC 5407 3.2.3
    talking(script)
    script.does("UAC", "HoldCall")
    script.gets("UAS", "re-INVITE")
    script.does("UAC", "HangupCall")
    script.gets("UAC", "200 to re-INVITE")
    assert script.wire[-1] == "UAC: ACK"
    script.rest()
    assert script.states == ("Terminated", "Terminated")


def test_race_910_an_ack_after_our_bye_disturbs_nothing(script: Script) -> None:
    # RFC 5407 3.2.4
    talking(script)
    script.does("UAC", "HoldCall")
    script.gets("UAS", "re-INVITE")
    script.does("UAS", "HangupCall")
    script.gets("UAC", "200 to re-INVITE")
    script.gets("UAS", "ACK")
    assert script.state("UAS") == "Terminating"
    script.rest()
    assert script.states == ("Terminated", "Terminated")


def test_race_911_two_reinvites_that_cross_are_refused_and_the_called_side_tries_first(
    script: Script,
) -> None:  # RFC 5407 3.3.1
    talking(script)
    script.does("UAC", "HoldCall")
    script.does("UAS", "HoldCall")
    script.gets("UAC", "re-INVITE")
    script.gets("UAS", "re-INVITE")
    script.rest()
    assert script.states == ("HoldGlare", "HoldGlare")
    assert sum(line.endswith("491 to re-INVITE") for line in script.wire) == 2
    waits = [script.pair.party.program.timers("HoldGlare", side)[0] for side in SIDES]
    assert waits[0] > waits[1]
    script.does("UAS", "after")
    script.rest()
    assert script.states == ("HeldByPeer", "OnHold")


def test_race_912_an_update_that_crosses_our_reinvite_is_refused_with_491(script: Script) -> None:
    # RFC 5407 3.3.2
    talking(script)
    script.does("UAC", "HoldCall")
    script.injects("UAC", Message("UPDATE", direction="sendrecv"))
    script.gets("UAC", "UPDATE")
    assert script.wire[-1] == "UAC: 491 to UPDATE"
    script.rest()
    assert script.states == ("OnHold", "HeldByPeer")


def test_race_913_a_refer_that_crosses_bye_starts_no_transfer(script: Script) -> None:
    # RFC 5407 3.3.3
    talking(script)
    script.does("UAS", "HangupCall")
    script.injects("UAS", Message("REFER"))
    script.gets("UAS", "REFER")
    assert script.wire[-1] == "UAS: 603 to REFER"
    script.rest()
    assert script.states == ("Terminated", "Terminated")


def test_race_914_a_200_that_comes_when_the_caller_is_gone_is_confirmed_and_ended(
    script: Script,
) -> None:  # RFC 5407 appendices; RFC 6026
    ringing(script)
    script.does("UAC", "HangupCall")
    script.does("UAC", "after")
    assert script.state("UAC") == "Cancelled"
    script.does("UAS", "AcceptCall")
    script.gets("UAC", "200 to INVITE")
    assert script.wire[-2:] == ["UAC: ACK", "UAC: BYE"]
    script.gets("UAS", "ACK")
    script.gets("UAS", "BYE")
    script.gets("UAC", "200 to BYE")
    assert script.states == ("Cancelled", "Terminated")
