"""Where requests go (RFC 3263), with name servers that are dictionaries."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from runtime.sip.hop import TCP, TLS, UDP
from runtime.sip.locate import Found, Locator, Naptr, Srv, in_order
from runtime.sip.names import SystemNames

NAPTR = (
    Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
    Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
    Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
    Naptr(10, 10, "s", "E2U+sip", "_sip._udp.example.com"),
    Naptr(10, 10, "u", "SIP+D2U", "elsewhere.example.com"),
)
UDP_SRV = (Srv(2, 0, 5070, "backup.example.com"), Srv(1, 0, 5060, "main.example.com"))


class FakeNames:
    """Knows what a test says, counts what it is asked."""

    def __init__(self, **records: dict[str, tuple]) -> None:
        self.records = records
        self.asked: Counter[tuple[str, str]] = Counter()
        self.late = False
        self.ttl = 60.0

    async def _answer(self, kind: str, name: str) -> Found:
        self.asked[kind, name] += 1
        if self.late:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if kind == "addresses" and name not in self.records.get(kind, {}):
            raise OSError("unknown")
        return Found(self.records.get(kind, {}).get(name, ()), self.ttl)

    async def naptr(self, name: str) -> Found:
        return await self._answer("naptr", name)

    async def srv(self, name: str) -> Found:
        return await self._answer("srv", name)

    async def addresses(self, name: str) -> Found:
        return await self._answer("addresses", name)

    def local(self, name: str) -> bool:
        return "." not in name


def example(**more: dict[str, tuple]) -> FakeNames:
    known: dict[str, dict[str, tuple]] = {
        "srv": {
            "_sip._udp.example.com": UDP_SRV,
            "_sip._tcp.example.com": (Srv(1, 0, 5080, "main.example.com"),),
            "_sips._tcp.example.com": (Srv(1, 0, 5061, "main.example.com"),),
            "_sip._udp.closed.example": (Srv(0, 0, 0, "."),),
        },
        "addresses": {
            "example.com": ("192.0.2.1",),
            "main.example.com": ("192.0.2.2",),
            "backup.example.com": ("192.0.2.3", "2001:db8::3"),
            "closed.example": ("192.0.2.9",),
            "desk": ("192.0.2.4",),
        },
    }
    return FakeNames(**{**known, **more})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def locator(names: FakeNames, clock: Clock | None = None) -> Locator:
    return Locator(names, clock or Clock(), transports=lambda: (UDP, TCP, TLS), chance=lambda: 0.0)


async def found(names: FakeNames, uri: str) -> list[str]:
    return [str(hop) for hop in await locator(names).locate(uri)]


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@192.0.2.5", "UDP 192.0.2.5:5060"),
        ("sip:a@192.0.2.5:5099", "UDP 192.0.2.5:5099"),
        ("sip:a@192.0.2.5;transport=TCP", "TCP 192.0.2.5:5060"),
        ("sip:a@192.0.2.5;transport=tls", "TLS 192.0.2.5:5061"),
        ("sips:a@192.0.2.5", "TLS 192.0.2.5:5061"),
        ("sips:a@192.0.2.5:5099;transport=tcp", "TLS 192.0.2.5:5099"),
        ("sip:a@[2001:db8::1];transport=tcp", "TCP [2001:db8::1]:5060"),
        ("sip:a@example.org;maddr=192.0.2.6", "UDP 192.0.2.6:5060"),
        ("sip:a@localhost:7000", "UDP 127.0.0.1:7000"),
    ],
)
async def test_an_address_asks_no_name_server(uri: str, hop: str) -> None:
    names = example()
    assert await found(names, uri) == [hop] and not names.asked


@pytest.mark.parametrize(
    ("uri", "hop", "asked"),
    [
        ("sip:a@main.example.com:5099", "UDP 192.0.2.2:5099", {"addresses"}),
        ("sips:a@main.example.com:5099", "TLS 192.0.2.2:5099", {"addresses"}),
        ("sip:a@example.com;transport=tcp", "TCP 192.0.2.2:5080", {"srv", "addresses"}),
        ("sips:a@example.com", "TLS 192.0.2.2:5061", {"naptr", "srv", "addresses"}),
        ("sip:a@main.example.com", "UDP 192.0.2.2:5060", {"naptr", "srv", "addresses"}),
        ("sip:a@main.example.com;transport=tls", "TLS 192.0.2.2:5061", {"srv", "addresses"}),
        ("sip:a@closed.example;transport=udp", "UDP 192.0.2.9:5060", {"srv", "addresses"}),
        ("sip:a@desk", "UDP 192.0.2.4:5060", {"addresses"}),
    ],
)
async def test_a_name_is_asked_for_as_its_uri_wants(uri: str, hop: str, asked: set[str]) -> None:
    names = example()
    assert (await found(names, uri))[0] == hop
    assert {kind for kind, _ in names.asked} == asked


async def test_naptr_decides_the_transports_in_its_order_and_unknown_services_are_left_out() -> (
    None
):
    names = example(naptr={"example.com": NAPTR})
    assert await found(names, "sip:a@example.com") == [
        "TLS 192.0.2.2:5061",
        "TCP 192.0.2.2:5080",
        "UDP 192.0.2.2:5060",
        "UDP 192.0.2.3:5070",
        "UDP [2001:db8::3]:5070",
    ]


async def test_a_sips_uri_never_leads_to_anything_but_tls() -> None:
    names = example(naptr={"example.com": NAPTR})
    assert await found(names, "sips:a@example.com") == ["TLS 192.0.2.2:5061"]
    (hop,) = await locator(names).locate("sips:a@example.com")
    assert hop.name == "example.com"  # The certificate bears the name that was called.


async def test_without_naptr_each_of_our_transports_is_looked_for() -> None:
    assert await found(example(), "sip:a@example.com") == [
        "UDP 192.0.2.2:5060",
        "UDP 192.0.2.3:5070",
        "UDP [2001:db8::3]:5070",
        "TCP 192.0.2.2:5080",
        "TLS 192.0.2.2:5061",
    ]


@pytest.mark.parametrize(
    "uri",
    ["bob", "tel:+123", "mailto:a@b", "sip:a@h.example;transport=ws", "sips:a@h;transport=udp"],
)
async def test_what_cannot_be_called_is_an_error_of_the_caller(uri: str) -> None:
    with pytest.raises(ValueError):
        await found(example(), uri)


async def test_a_name_that_nobody_knows_leads_nowhere() -> None:
    with pytest.raises(OSError, match="leads to no address"):
        await found(example(), "sip:a@nobody.example")


async def test_a_name_server_that_never_answers_is_waited_for_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("runtime.sip.locate.PATIENCE", 0.01)
    names = example()
    names.late = True
    with pytest.raises(OSError):
        await found(names, "sip:a@example.com")


async def test_answers_are_kept_for_their_time_and_asked_for_once_at_a_time() -> None:
    names, clock = example(), Clock()
    locate = locator(names, clock).locate
    await asyncio.gather(*(locate("sip:a@main.example.com:5060") for _ in range(20)))
    clock.now = 59
    await locate("sip:a@main.example.com:5060")
    assert names.asked["addresses", "main.example.com"] == 1
    clock.now = 61
    await locate("sip:a@main.example.com:5060")
    assert names.asked["addresses", "main.example.com"] == 2


async def test_ten_thousand_names_and_a_thousand_records_leave_no_more_than_is_kept() -> None:
    names = example(
        srv={"_sip._udp.big.example": tuple(Srv(1, 1, 5060, f"h{n}") for n in range(1000))}
    )
    names.records["addresses"] |= {f"h{n}": ("192.0.2.1", "192.0.2.2") for n in range(1000)}
    looker = locator(names)
    assert len(await looker.locate("sip:a@big.example;transport=udp")) <= 8
    for number in range(2000):
        with pytest.raises(OSError):
            await looker.locate(f"sip:a@n{number}.example:5060")
    assert len(looker._kept) <= 1024 and not looker._asking


def test_srv_records_are_drawn_by_priority_and_by_weight() -> None:
    records = [Srv(1, 30, 1, "a"), Srv(1, 10, 1, "b"), Srv(0, 0, 1, "first"), Srv(1, 0, 1, "c")]
    dice = random.Random(1)
    seconds: Counter[str] = Counter()
    for _ in range(2000):
        ordered = [each.target for each in in_order(records, dice.random)]
        assert ordered[0] == "first" and sorted(ordered[1:]) == ["a", "b", "c"]
        seconds[ordered[1]] += 1
    assert 1400 < seconds["a"] < 1600 and 400 < seconds["b"] < 600


async def test_the_hosts_file_goes_before_the_name_servers(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("192.0.2.8 pbx.example.com pbx # the old one\n2001:db8::8\tpbx\n")
    names = SystemNames(hosts)
    assert names.local("pbx.example.com") and names.local("desk")
    assert not names.local("other.example.com")
    assert (await names.addresses("PBX")).records == ("192.0.2.8", "2001:db8::8")
