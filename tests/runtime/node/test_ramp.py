import random
from collections import Counter

import pytest

from runtime.node.calling import NewCall, within
from runtime.node.calling import network as net
from runtime.node.loader import Loader, LoadRefused
from runtime.node.ramp import Rule, Wanted, identity, point
from tests.runtime.node.nodes import BUSY, ECHO, digest
from tests.runtime.node.test_loader import BROKEN, Away

NUMBERS = [f"+4930{n:07d}" for n in random.Random(1).sample(range(10**7), 4000)]


def call(caller="+49301234", number="100", source="10.1.2.3", call="a@b"):
    return NewCall(f"sip:{caller}@trunk.example", number, source, call)


@pytest.fixture
async def loader(tmp_path):
    made = Loader(tmp_path / "flows")
    await made.deploy("echo", digest(ECHO), ECHO, force=True)
    return made


async def ramped(loader, percent=25.0, salt="s1", **scope):
    rule = Rule(salt, percent, **scope)
    await loader.ramp("echo", digest(BUSY), BUSY, rule, force=True)


def taken(loader, **about):
    return loader.program("echo", call(**about)).table.digest == digest(BUSY)


def test_callers_stand_evenly_between_0_and_1():
    tenths = Counter(int(point("s", "f", number) * 10) for number in NUMBERS)
    assert set(tenths) == set(range(10))
    assert all(330 < count < 470 for count in tenths.values()), tenths


async def test_the_candidate_takes_its_share_of_the_callers(loader):
    await ramped(loader, 25.0)
    share = sum(taken(loader, caller=number) for number in NUMBERS) / len(NUMBERS)
    assert share == pytest.approx(0.25, abs=0.03)


async def test_a_caller_who_is_in_stays_in_when_the_share_grows(loader):
    inside = set()
    for percent in (0.0, 1.0, 5.0, 25.0, 50.0, 100.0):
        await ramped(loader, percent)
        now = {number for number in NUMBERS if taken(loader, caller=number)}
        assert inside <= now
        inside = now
    assert inside == set(NUMBERS)


async def test_a_caller_keeps_the_side_from_any_address_and_in_any_writing(loader):
    await ramped(loader, 50.0)
    for number in NUMBERS[:50]:
        sides = {
            taken(loader, caller=caller, call=call_id, source=source)
            for caller in (number, number[1:], "00" + number[1:], f"{number[:3]}-{number[3:]}")
            for call_id, source in (("1@a", "10.0.0.1"), ("2@b", ""))
        }
        assert len(sides) == 1


async def test_another_ramp_takes_other_callers_first(loader):
    def inside(salt):
        return {number for number in NUMBERS if point(salt, "echo", number) < 0.1}

    assert len(inside("one") & inside("two")) < 0.3 * len(inside("one"))


async def test_a_caller_without_a_name_is_drawn_by_call(loader):
    await ramped(loader, 50.0)
    sides = {taken(loader, caller="anonymous", call=f"{n}@x") for n in range(40)}
    assert sides == {True, False}


async def test_the_scope_keeps_other_calls_on_the_stable_version(loader):
    await ramped(loader, 100.0, sources=("10.1.0.0/16", "2001:db8::/32"), numbers=("1??",))
    assert taken(loader) and taken(loader, source="2001:db8::7")
    assert not taken(loader, source="10.2.0.1")
    assert not taken(loader, source="")
    assert not taken(loader, number="2000")


async def test_test_callers_take_the_candidate_whatever_the_share_and_the_scope(loader):
    await ramped(loader, 0.0, numbers=("999",), callers=("+49 30 77*", "Tina"))
    assert taken(loader, caller="0049307712") and taken(loader, caller="tina")
    assert not taken(loader, caller="+49308")


async def test_without_a_call_the_stable_version_is_named(loader):
    await ramped(loader, 100.0)
    assert loader.program("echo").table.digest == digest(ECHO)
    assert loader.deployed() == {"echo": digest(ECHO)}
    assert loader.candidates() == {"echo": (digest(BUSY), 100.0)}


async def test_withdrawing_the_candidate_gives_all_calls_to_the_stable_version(loader, tmp_path):
    await ramped(loader, 100.0)
    await loader.withdraw_ramp("echo")
    assert not taken(loader) and loader.candidates() == {}
    again = Loader(tmp_path / "flows")
    await again.restore(Away())
    assert again.deployed() == {"echo": digest(ECHO)} and again.candidates() == {}


async def test_a_candidate_that_becomes_the_stable_version_ends_the_choice(loader):
    await ramped(loader, 5.0)
    await loader.deploy("echo", digest(BUSY), BUSY, force=True)
    assert loader.candidates() == {}
    assert all(taken(loader, caller=number) for number in NUMBERS[:50])


async def test_a_candidate_that_does_not_load_takes_no_call(loader):
    with pytest.raises(LoadRefused):
        await loader.ramp("echo", digest(BROKEN), BROKEN, Rule("s", 100.0), force=True)
    with pytest.raises(LoadRefused, match="rule"):
        await loader.ramp("echo", digest(BUSY), BUSY, Rule("s", 100.0, sources=("x",)), force=True)
    assert loader.candidates() == {} and not taken(loader)


@pytest.mark.parametrize("source", ["away", "there"])
async def test_a_start_takes_the_ramp_up_again_with_every_caller_on_the_same_side(
    loader, tmp_path, source
):
    await ramped(loader, 25.0, callers=("tina",))
    before = {number for number in NUMBERS if taken(loader, caller=number)}

    class There:
        async def desired(self):
            rule = Rule("s1", 25.0, callers=("tina",))
            return {"echo": Wanted(digest(ECHO), digest(BUSY), rule)}

        async def text(self, wanted):
            return {digest(ECHO): ECHO, digest(BUSY): BUSY}[wanted]

    folder = tmp_path / ("flows" if source == "away" else "another-node")
    again = Loader(folder)
    await again.restore(Away() if source == "away" else There())
    assert {number for number in NUMBERS if taken(again, caller=number)} == before
    assert taken(again, caller="tina") and again.failures == {}


async def test_a_start_whose_candidate_is_lost_gives_its_calls_to_the_stable_version(
    loader, tmp_path
):
    await ramped(loader, 25.0)
    (tmp_path / "flows" / f"{digest(BUSY)}.yaml").unlink()
    again = Loader(tmp_path / "flows")
    await again.restore(Away())
    assert again.deployed() == {"echo": digest(ECHO)} and again.candidates() == {}
    assert "takes no calls" in again.failures["echo"]


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("sip:Alice@example.org", "alice"),
        ("sip:+49-30-12.34@a;user=phone", "49301234"),
        ("tel:+49301234", "49301234"),
        ("sip:anonymous@anonymous.invalid", ""),
        ("sip:example.org", ""),
        ("no address", ""),
    ],
)
def test_a_caller_is_known_by_the_user_part(address, who):
    assert identity(address) == who


def test_what_is_no_address_lies_in_no_network():
    assert within((net("10.0.0.0/8"),), "10.2.3.4")
    assert not within((net("10.0.0.0/8"),), "node-1")
