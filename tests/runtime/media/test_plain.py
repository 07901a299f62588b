"""Legs over plain RTP: two engines talk over the loopback address, and strangers try to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from runtime.media import g711, rtp, sound
from runtime.media.port import MediaError
from tests.runtime.media.sides import Side, call, strongest, until

OFFER = """v=0
o=phone 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 {host}
t=0 0
m=audio {port} RTP/AVP {formats}
"""


class Phone:
    """A bare UDP socket that speaks and records RTP."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()
        self.sequence, self.timestamp = 65530, 4_294_967_000
        self.ssrc = 77

    def offer(self, formats: str = "0 8 101", extra: str = "", host: str = "") -> str:
        return OFFER.format(host=host or self.host, port=self.port, formats=formats) + extra

    def say(
        self, to: int, payload: bytes, payload_type: int = 0, *, timestamp: int | None = None
    ) -> None:
        self.sequence += 1
        self.timestamp += 160
        moment = self.timestamp if timestamp is None else timestamp
        data = rtp.build(payload_type, self.sequence, moment, self.ssrc, payload, False)
        self.socket.sendto(data, ("127.0.0.1", to))

    async def receive(self) -> rtp.Packet:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            packet = rtp.parse(await loop.sock_recv(self.socket, 2000))
        assert packet is not None
        return packet

    def received(self) -> list[rtp.Packet]:
        """Answer what has come so far."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while packet := rtp.parse(self.socket.recv(2000)):
                found.append(packet)
        return found


@pytest.fixture
def phone() -> Iterator[Phone]:
    phone = Phone()
    yield phone
    phone.socket.close()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    side = Side()
    yield side
    await side.link.shutdown()


async def answered(side: Side, offer: str, leg: str = "a") -> int:
    """Answer an offer with a started leg; its port."""
    info = await side.link.create(leg, "rtp")
    await side.link.answer(leg, offer)
    await side.link.start(leg)
    return info.port


async def test_a_tone_of_one_leg_is_heard_by_the_other(sides: tuple[Side, Side]) -> None:
    one, two = sides
    a, b = await call(one, two)
    ear = two.hears("b")
    await one.link.tone("a", 440)
    await ear.until(440)
    assert (await two.event("flowing")).detail["codec"] == "PCMU"
    assert a.remote == f"127.0.0.1:{b.port}"
    assert a.port % 2 == b.port % 2 == 0


async def test_an_echoing_leg_returns_what_it_hears_in_its_own_stream(
    side: Side, phone: Phone
) -> None:
    port = await answered(side, phone.offer())
    await side.link.echo("a", True)
    encode = g711.encoder("PCMU")
    heard: list[np.ndarray] = []
    packets = []
    for index in range(60):
        phone.say(port, encode(sound.tone_frame(700, index * 160, 160, 8000)))
        packets.append(await phone.receive())
        heard.append(g711.decoder("PCMU")(packets[-1].payload))
    assert strongest(np.concatenate(heard[-20:])) == pytest.approx(700, abs=15)
    assert {packet.ssrc for packet in packets} != {phone.ssrc}
    assert len({packet.ssrc for packet in packets}) == 1
    for before, after in zip(packets, packets[1:], strict=False):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 160


async def test_packets_go_out_each_20_ms_and_are_counted(side: Side, phone: Phone) -> None:
    await answered(side, phone.offer("8"))
    loop = asyncio.get_running_loop()
    await phone.receive()
    start = loop.time()
    for _ in range(25):
        packet = await phone.receive()
    assert 0.4 < loop.time() - start < 0.65
    assert packet.payload_type == 8 and packet.payload == b"\xd5" * 160
    stats = await side.link.stats("a")
    assert stats["packets_out"] >= 26 and stats["bytes_out"] == 160 * stats["packets_out"]
    assert stats["codec"] == "PCMA"


async def test_an_offer_without_a_common_codec_is_refused(side: Side, phone: Phone) -> None:
    await side.link.create("a", "rtp")
    with pytest.raises(MediaError) as refused:
        await side.link.answer("a", phone.offer("18 97", "a=rtpmap:97 opus/48000/2\r\n"))
    assert refused.value.code == "no_common_codec"


async def test_an_offer_of_the_other_address_family_is_refused(side: Side, phone: Phone) -> None:
    await side.link.create("a", "rtp")
    with pytest.raises(MediaError) as refused:
        await side.link.answer("a", phone.offer().replace("c=IN IP4 127.0.0.1", "c=IN IP6 ::1"))
    assert refused.value.code == "unsupported_sdp"
    assert await side.link.answer("a", phone.offer())


async def test_an_engine_on_every_ipv6_address_speaks_with_ipv4_phones(phone: Phone) -> None:
    side = Side(bind="::")
    port = await answered(side, phone.offer("0"))
    info = await side.link.info("a")
    assert "c=IN IP4 127.0.0.1" in info.local_sdp
    await side.link.echo("a", True)
    phone.say(port, b"\x11" * 160)
    assert (await side.event("flowing")).detail["remote"] == f"127.0.0.1:{phone.port}"
    assert (await phone.receive()).payload_type == 0
    assert (await side.link.stats("a"))["strangers"] == 0
    await side.link.shutdown()


@pytest.mark.parametrize(("bind", "peer"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
async def test_an_engine_on_every_address_offers_the_one_that_faces_the_peer(
    bind: str, peer: str
) -> None:
    side = Side(bind=bind)
    await side.link.create("a", "rtp", towards=peer)
    assert f" {peer}\r\n" in await side.link.offer("a")
    await side.link.shutdown()


async def test_static_payload_types_need_no_rtpmap(side: Side, phone: Phone) -> None:
    await side.link.create("a", "rtp")
    answer = await side.link.answer("a", phone.offer("8 0"))
    assert "m=audio" in answer and "a=rtpmap:8 PCMA/8000" in answer
    assert (await side.link.info("a")).codec == "PCMA"


async def test_a_second_answer_is_refused_while_an_offer_waits(side: Side, phone: Phone) -> None:
    await side.link.create("a", "rtp")
    await side.link.offer("a")
    with pytest.raises(MediaError) as refused:
        await side.link.answer("a", phone.offer())
    assert refused.value.code == "wrong_state"
    await side.link.rollback("a")
    assert "a=sendrecv" in await side.link.answer("a", phone.offer())


@pytest.mark.parametrize(
    ("remote", "flow", "answered_direction"),
    [
        ("a=sendonly\r\n", "recvonly", "recvonly"),
        ("a=recvonly\r\n", "sendonly", "sendonly"),
        ("a=inactive\r\n", "inactive", "inactive"),
        ("a=sendrecv\r\n", "sendrecv", "sendrecv"),
    ],
)
async def test_the_other_sides_hold_is_answered_and_obeyed(
    side: Side, phone: Phone, remote: str, flow: str, answered_direction: str
) -> None:
    await side.link.create("a", "rtp")
    answer = await side.link.answer("a", phone.offer("0", remote))
    assert f"a={answered_direction}\r\n" in answer
    assert (await side.link.info("a")).flow == flow


async def test_the_old_hold_by_a_null_address_stops_what_is_sent(side: Side, phone: Phone) -> None:
    await answered(side, phone.offer())
    await phone.receive()
    answer = await side.link.answer("a", phone.offer(host="0.0.0.0"))
    assert "a=recvonly" in answer
    phone.received()
    sent = (await side.link.stats("a"))["packets_out"]
    leg = side.link._media._legs["a"]
    later = leg._timestamp + 5 * g711.FRAME
    await until(lambda: leg._timestamp >= later)
    assert (await side.link.stats("a"))["packets_out"] == sent
    await side.link.answer("a", phone.offer())
    await phone.receive()


async def test_own_hold_and_resume_by_a_new_offer(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await call(one, two)
    ear = one.hears("a")
    await two.link.tone("b", 600)
    await ear.until(600)
    first = (await one.link.info("a")).local_sdp
    await one.link.direction("a", "sendonly")
    held = await one.link.offer("a")
    assert _version(held) == _version(first) + 1
    await one.link.accept("a", await two.link.answer("b", held))
    assert (await two.link.info("b")).flow == "recvonly"
    assert (await one.link.info("a")).flow == "sendonly"
    await one.link.direction("a", "sendrecv")
    await one.link.accept("a", await two.link.answer("b", await one.link.offer("a")))
    await ear.until(600)


def _version(description: str) -> int:
    origin = next(line for line in description.splitlines() if line.startswith("o="))
    return int(origin.split()[2])


async def test_a_refused_hold_is_rolled_back(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await call(one, two)
    await one.link.direction("a", "inactive")
    await one.link.offer("a")
    await one.link.rollback("a")
    assert (await one.link.info("a")).flow == "sendrecv"


async def test_an_unchanged_answer_keeps_its_version(side: Side, phone: Phone) -> None:
    await side.link.create("a", "rtp")
    first = await side.link.answer("a", phone.offer())
    assert await side.link.answer("a", phone.offer()) == first


async def test_a_strangers_packets_are_not_heard_and_get_nothing(side: Side, phone: Phone) -> None:
    port = await answered(side, phone.offer())
    await side.link.echo("a", True)
    ear = side.hears("a")
    stranger = Phone("127.0.0.9")
    try:
        for index in range(30):
            stranger.say(port, g711.encoder("PCMU")(sound.tone_frame(900, index * 160, 160, 8000)))
            phone.say(port, b"\xff" * 160)
            await phone.receive()
        await until(lambda: side.link._media._legs["a"].strangers >= 30)
        assert stranger.received() == []
        assert np.abs(np.concatenate(ear._parts)).max() == 0
    finally:
        stranger.socket.close()


async def test_a_phone_that_sends_from_another_port_of_its_address_is_answered_there(
    side: Side, phone: Phone
) -> None:
    port = await answered(side, phone.offer())
    other = Phone()
    try:
        other.say(port, b"\xff" * 160)
        assert (await other.receive()).payload
        assert (await side.link.info("a")).remote == f"127.0.0.1:{other.port}"
        phone.say(port, b"\xff" * 160)
        await until(lambda: side.link._media._legs["a"].strangers == 1)
    finally:
        other.socket.close()


async def test_digits_are_received_once_each(side: Side, phone: Phone) -> None:
    port = await answered(side, phone.offer("0 101", "a=rtpmap:101 telephone-event/8000\r\n"))
    for start, event in ((8000, 5), (16000, 11)):
        for duration, flags in ((160, 10), (320, 10), (480, 138), (480, 138), (480, 138)):
            phone.say(port, struct.pack("!BBH", event, flags, duration), 101, timestamp=start)
    await side.event("dtmf", 2)
    assert [event.detail for event in side.named("dtmf")] == [
        {"digit": "5", "duration": 60},
        {"digit": "#", "duration": 60},
    ]


async def test_a_digit_whose_end_is_lost_is_still_said(side: Side, phone: Phone) -> None:
    port = await answered(side, phone.offer("0 101", "a=rtpmap:101 telephone-event/8000\r\n"))
    phone.say(port, struct.pack("!BBH", 7, 10, 800), 101, timestamp=1)
    assert (await side.event("dtmf")).detail == {"digit": "7", "duration": 100}


async def test_digits_go_from_leg_to_leg(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await call(one, two)
    await one.link.dtmf("a", "1*d", duration=60)
    assert (await one.event("dtmf_sent")).detail == {"digits": "1*D"}
    await two.event("dtmf", 3)
    assert [event.detail["digit"] for event in two.named("dtmf")] == ["1", "*", "D"]
    assert two.named("dtmf")[0].detail["duration"] == 60


async def test_digits_become_tones_where_events_are_unknown(side: Side, phone: Phone) -> None:
    await answered(side, phone.offer("0"))
    await side.link.dtmf("a", "5", duration=200)
    heard = []
    while not side.named("dtmf_sent"):
        heard.append(g711.decoder("PCMU")((await phone.receive()).payload))
    spectrum = np.abs(np.fft.rfft(np.concatenate(heard[-12:-4]).astype(float)))
    peaks = np.argsort(spectrum)[-2:] * 8000 / (160 * 8)
    assert sorted(peaks) == pytest.approx([770, 1336], abs=15)


async def test_bad_digits_and_digits_before_the_start_are_refused(side: Side, phone: Phone) -> None:
    await answered(side, phone.offer())
    with pytest.raises(MediaError) as refused:
        await side.link.dtmf("a", "12x")
    assert refused.value.code == "bad_argument"
    await side.link.create("new", "rtp")
    with pytest.raises(MediaError) as refused:
        await side.link.dtmf("new", "1")
    assert refused.value.code == "wrong_state"


async def test_a_prompt_is_played_to_its_end(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await call(one, two)
    ear = two.hears("b")
    await one.link.play("a", "beep")
    await ear.until(1000)
    assert (await one.event("play_finished")).detail == {"source": "beep", "stopped": False}
    await one.link.play("a", "music", repeat=True)
    await one.link.stop("a")
    assert (await one.event("play_finished", 2)).detail == {"source": "music", "stopped": True}


async def test_an_unknown_source_is_refused(side: Side) -> None:
    await side.link.create("a", "rtp")
    with pytest.raises(MediaError) as refused:
        await side.link.play("a", "no/such/file.wav")
    assert refused.value.code == "unknown_source"


async def test_a_muted_leg_sends_silence(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await call(one, two)
    ear = two.hears("b")
    await one.link.tone("a", 500)
    await ear.until(500)
    await one.link.mute("a", True)
    await ear.until_silent()
    await one.link.mute("a", False)
    await ear.until(500)


async def test_bridged_legs_hear_each_other(side: Side) -> None:
    phones = [Phone(), Phone()]
    try:
        ports = [
            await answered(side, phone.offer(), name)
            for phone, name in zip(phones, "ab", strict=True)
        ]
        await side.link.bridge("a", "b")
        heard = []
        for index in range(40):
            tone = sound.tone_frame(800, index * 160, 160, 8000)
            phones[0].say(ports[0], g711.encoder("PCMU")(tone))
            heard.append(g711.decoder("PCMU")((await phones[1].receive()).payload))
        assert strongest(np.concatenate(heard[-15:])) == pytest.approx(800, abs=15)
        await side.link.unbridge("b")
        assert (await side.link.info("a")).bridged == ""
    finally:
        for phone in phones:
            phone.socket.close()


async def test_keys_pressed_on_one_side_of_a_bridge_are_pressed_on_the_other(side: Side) -> None:
    phones = [Phone(), Phone()]
    try:
        events = ("0 101", "a=rtpmap:101 telephone-event/8000\r\n")
        ports = [
            await answered(side, phone.offer(*events), name)
            for phone, name in zip(phones, "ab", strict=True)
        ]
        await side.link.bridge("a", "b")
        for duration, flags in ((160, 10), (480, 138), (480, 138)):
            packet = struct.pack("!BBH", 7, flags, duration)
            phones[0].say(ports[0], packet, 101, timestamp=8000)
        assert (await side.event("dtmf")).detail == {"digit": "7", "duration": 60}
        sent = await side.event("dtmf_sent")
        assert (sent.leg, sent.detail) == ("b", {"digits": "7"})
    finally:
        for phone in phones:
            phone.socket.close()


async def test_silence_of_the_other_side_is_said_once_and_only_while_the_leg_receives(
    phone: Phone,
) -> None:
    side = Side(timeout=0.1)
    try:
        await answered(side, phone.offer("0", "a=recvonly\r\n"))
        for _ in range(10):
            await phone.receive()
        assert side.named("timeout") == []
        await side.link.answer("a", phone.offer("0"))
        assert (await side.event("timeout")).detail == {"seconds": 0.1}
        for _ in range(10):
            await phone.receive()
        assert len(side.named("timeout")) == 1
    finally:
        await side.link.shutdown()


async def test_ports_come_from_the_range_until_none_is_left() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        low = (probe.getsockname()[1] + 1) & ~1
    side = Side(port_low=low, port_high=low + 3, advertised="192.0.2.7")
    try:
        ports = {(await side.link.create(name, "rtp")).port for name in ("a", "b")}
        assert ports == {low, low + 2}
        with pytest.raises(MediaError) as refused:
            await side.link.create("c", "rtp")
        assert refused.value.code == "no_port"
        assert "c=IN IP4 192.0.2.7" in await side.link.offer("a")
        await side.link.close("a")
        assert (await side.link.create("c", "rtp")).port in ports
    finally:
        await side.link.shutdown()


async def test_a_leg_on_every_address_names_the_one_that_faces_the_phone(phone: Phone) -> None:
    side = Side(bind="0.0.0.0")
    try:
        await side.link.create("a", "rtp")
        assert "c=IN IP4 127.0.0.1\r\n" in await side.link.answer("a", phone.offer())
        await side.link.create("b", "rtp")
        assert "c=IN IP4 0.0.0.0" not in await side.link.offer("b")
    finally:
        await side.link.shutdown()


async def test_a_leg_is_built_again_on_its_port_with_what_it_did(side: Side, phone: Phone) -> None:
    port = await answered(side, phone.offer())
    other = Phone()
    try:
        other.say(port, b"\xff" * 160)
        await other.receive()
        await side.link.tone("a", 650)
        info = await side.link.info("a")
        await side.link.shutdown()
        again = await side.link.recover("a", info)
        assert (again.port, again.remote, again.codec) == (port, info.remote, info.codec)
        heard = [g711.decoder("PCMU")((await other.receive()).payload) for _ in range(60)]
        assert strongest(np.concatenate(heard[-10:])) == pytest.approx(650, abs=15)
        assert _version(await side.link.offer("a")) == _version(info.local_sdp) + 1
    finally:
        other.socket.close()


async def test_legs_are_known_by_name(side: Side) -> None:
    await side.link.create("a", "rtp")
    with pytest.raises(MediaError) as refused:
        await side.link.create("a", "rtp")
    assert refused.value.code == "leg_exists"
    with pytest.raises(MediaError) as refused:
        await side.link.echo("nobody", True)
    assert refused.value.code == "unknown_leg"
    assert [info.leg for info in await side.link.legs()] == ["a"]
    await side.link.close("a")
    await side.link.close("a")
    assert await side.link.legs() == []


async def test_random_datagrams_never_harm_a_leg(side: Side, phone: Phone) -> None:
    port = await answered(side, phone.offer())
    random = np.random.default_rng(7)
    for size in random.integers(0, 60, 300):
        phone.socket.sendto(random.bytes(size), ("127.0.0.1", port))
    leg = side.link._media._legs["a"]
    await until(lambda: leg.malformed + leg.reception.packets + leg.reception.duplicates > 200)
    assert side.named("error") == []
