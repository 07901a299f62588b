"""WebRTC legs: two engines talk over ICE, DTLS and SRTP on the loopback address."""

from __future__ import annotations

import asyncio
import importlib.metadata
import re
import socket

import aiortc
import numpy as np
import pytest
from aioice import Candidate, ice, stun

from runtime.media import hardening
from runtime.media.link import InProcess
from runtime.media.port import MediaConfig, MediaError
from tests.runtime.media.sides import Side, call, until


async def connected(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    one, two = sides
    await call(one, two, "webrtc")
    await one.event("connected")
    await two.event("connected")
    return one, two


async def test_a_tone_is_heard_and_can_be_changed(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    ear = two.hears("b")
    await one.link.tone("a", 440)
    await ear.until(440)
    await one.link.tone("a", 880)
    await ear.until(880)
    await one.link.mute("a", True)
    await ear.until_silent()
    assert (await two.event("flowing")).detail["codec"] == "opus"
    info = await one.link.info("a")
    assert (info.codec, info.flow) == ("opus", "sendrecv")
    assert info.remote.startswith("127.0.0.1:")


async def test_an_echo_comes_back(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    await two.link.echo("b", True)
    ear = one.hears("a")
    await one.link.tone("a", 600)
    await ear.until(600)


async def test_a_prompt_is_played_to_its_end(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    ear = two.hears("b")
    await one.link.play("a", "beep")
    await ear.until(1000)
    assert (await one.event("play_finished")).detail == {"source": "beep", "stopped": False}


async def test_digits_go_both_ways(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    await one.link.dtmf("a", "12#", duration=80)
    await two.link.dtmf("b", "9", duration=80)
    await two.event("dtmf", 3)
    await one.event("dtmf")
    assert [event.detail["digit"] for event in two.named("dtmf")] == ["1", "2", "#"]
    assert one.named("dtmf")[0].detail == {"digit": "9", "duration": 80}
    assert (await one.event("dtmf_sent")).detail == {"digits": "12#"}


async def test_hold_and_resume_keep_the_identifiers(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    ear = two.hears("b")
    await one.link.tone("a", 500)
    await ear.until(500)
    first = (await two.link.info("b")).local_sdp
    await two.link.direction("b", "inactive")
    held = await two.link.offer("b")
    assert "a=inactive" in held
    assert _identifiers(held) == _identifiers(first)
    await two.link.accept("b", await one.link.answer("a", held))
    assert (await one.link.info("a")).flow == "inactive"
    await two.link.direction("b", "sendrecv")
    await two.link.accept("b", await one.link.answer("a", await two.link.offer("b")))
    await ear.until(500)


def _identifiers(description: str) -> list[str]:
    return re.findall(r"^a=(?:extmap|rtpmap|mid):.*$", description, re.MULTILINE)


async def test_a_refused_offer_changes_nothing(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    ear = two.hears("b")
    await one.link.tone("a", 700)
    await one.link.direction("a", "inactive")
    await one.link.offer("a")
    await one.link.rollback("a")
    assert (await one.link.info("a")).flow == "sendrecv"
    await ear.until(700)
    await one.link.accept("a", await two.link.answer("b", await one.link.offer("a")))
    await ear.until(700)


async def test_ice_starts_again_when_either_side_asks(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    ear = two.hears("b")
    before = (await one.link.info("a")).local_sdp
    offer = await one.link.offer("a", restart=True)
    assert _fragment(offer) != _fragment(before)
    assert _identifiers(offer) == _identifiers(before)
    answer = await two.link.answer("b", offer)
    await one.link.accept("a", answer)
    await one.event("connected", 2)
    await two.event("connected", 2)
    await one.link.tone("a", 750)
    await ear.until(750)
    assert one.named("error") == two.named("error") == []


def _fragment(description: str) -> str:
    found = re.search(r"^a=ice-ufrag:(\S+)", description, re.MULTILINE)
    assert found
    return found[1]


async def test_an_answer_without_candidates_is_found_by_the_other_sides_checks(
    sides: tuple[Side, Side],
) -> None:
    one, two = sides
    await one.link.create("a", "webrtc")
    await two.link.create("b", "webrtc")
    answer = await two.link.answer("b", await one.link.offer("a"))
    bare = re.sub(r"a=candidate:.*\r\n", "", answer)
    assert "a=end-of-candidates" in bare
    await one.link.accept("a", bare)
    await one.event("connected")
    await two.event("connected")


async def test_a_lost_leg_comes_back_with_a_new_offer(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    info = await one.link.info("a")
    third = Side(loopback=True, ice_addresses=("127.0.0.1",))
    try:
        recovered = await third.link.recover("a", info)
        assert recovered.needs_offer and recovered.started
        offer = await third.link.offer("a")
        assert _identifiers(offer) == _identifiers(info.local_sdp)
        await third.link.accept("a", await two.link.answer("b", offer))
        await third.event("connected")
        assert not (await third.link.info("a")).needs_offer
        ear = third.hears("a")
        await two.link.tone("b", 800)
        await ear.until(800)
    finally:
        await third.link.shutdown()


async def test_a_phone_and_a_browser_are_bridged(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    await one.link.create("phone", "rtp")
    await two.link.create("phone", "rtp")
    answer = await two.link.answer("phone", await one.link.offer("phone"))
    await one.link.accept("phone", answer)
    for side in sides:
        await side.link.start("phone")
    await one.link.bridge("a", "phone")
    browser, phone = two.hears("b"), two.hears("phone")
    await two.link.tone("b", 520)
    await phone.until(520)
    await two.link.tone("phone", 660)
    await browser.until(660)


async def test_statistics_are_counted(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)

    async def flowed() -> bool:
        stats = await two.link.stats("b")
        return bool(stats.get("packets_in", 0) > 10 and stats["packets_out"] > 10)

    await until(flowed)
    stats = await two.link.stats("b")
    assert stats["codec"] == "opus" and stats["lost"] == 0 and stats["jitter_ms"] >= 0


async def test_the_end_of_the_other_side_is_said(sides: tuple[Side, Side]) -> None:
    one, two = await connected(sides)
    await one.link.close("a")
    assert (await two.event("error")).detail["code"] == "transport_closed"


@pytest.mark.parametrize(
    "datagram",
    [
        bytes.fromhex("16fefd0000000000000000002f010000230000000000000023fefd")
        + bytes(32)
        + bytes.fromhex("0000000200000100"),
        bytes.fromhex("15fefd000000000000000000020228"),
        b"\x80\x00" + bytes(20),
        b"\x01\x01\x00\x04\x21\x12\xa4\x42" + bytes(12) + b"\x00\x20\x00\x01",
    ],
    ids=["client hello", "alert", "rtp", "malformed stun"],
)
async def test_strangers_cannot_end_a_call_that_is_being_set_up(
    sides: tuple[Side, Side], datagram: bytes
) -> None:
    one, two = sides
    await one.link.create("a", "webrtc")
    await two.link.create("b", "webrtc")
    offer = await one.link.offer("a")
    answer = await two.link.answer("b", offer)
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1 (\d+) typ host", offer + answer)}
    dropped = hardening.dropped.foreign + hardening.dropped.malformed
    attacking = asyncio.create_task(_attack(datagram, ports))
    try:
        await one.link.accept("a", answer)
        await one.event("connected")
        await two.event("connected")
        ear = two.hears("b")
        await one.link.start("a")
        await one.link.tone("a", 500)
        await ear.until(500)
    finally:
        attacking.cancel()
    assert hardening.dropped.foreign + hardening.dropped.malformed > dropped
    assert one.named("error") == two.named("error") == []


async def _attack(datagram: bytes, ports: set[int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as third:
        third.setblocking(False)
        while True:
            for port in ports:
                third.sendto(datagram, ("127.0.0.1", port))
            await asyncio.sleep(0.005)


OFFER_WITHOUT_OPUS = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 ILBC/8000\r\n"


async def test_an_offer_without_a_common_codec_is_refused(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await one.link.create("a", "webrtc")
    await two.link.create("b", "webrtc")
    offer = await one.link.offer("a")
    lines = [line for line in offer.splitlines() if not line.startswith(("a=rtpmap", "a=fmtp"))]
    text = re.sub(r"SAVPF .*", "SAVPF 120", "\r\n".join(lines)) + "\r\na=rtpmap:120 ILBC/8000\r\n"
    with pytest.raises(MediaError) as refused:
        await two.link.answer("b", text)
    assert refused.value.code == "no_common_codec"
    assert await two.link.answer("b", offer)


async def test_a_telephones_offer_is_refused_by_a_browsers_leg(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await one.link.create("a", "rtp")
    await two.link.create("b", "webrtc")
    with pytest.raises(MediaError) as refused:
        await two.link.answer("b", await one.link.offer("a"))
    assert refused.value.code == "unsupported_sdp"


async def test_broken_descriptions_leave_as_coded_errors_only(sides: tuple[Side, Side]) -> None:
    one, two = sides
    await one.link.create("a", "webrtc")
    lines = (await one.link.offer("a")).splitlines()
    codes = set()
    for index, line in enumerate(lines):
        for damage in ("", line[: len(line) // 2], line.replace(":", " "), line + " x/y:z"):
            text = "\r\n".join([*lines[:index], damage, *lines[index + 1 :], ""])
            name = f"b{index}"
            await two.link.create(name, "webrtc")
            try:
                await two.link.answer(name, text)
            except MediaError as error:
                codes.add(error.code)
            await two.link.close(name)
    assert codes <= {"malformed_sdp", "unsupported_sdp", "no_common_codec"}
    assert "malformed_sdp" in codes


async def test_mutated_stun_messages_are_counted_and_never_raised() -> None:
    random = np.random.default_rng(3)
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = "aaaa:bbbb"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 4000)
    whole = bytes(message)
    hardening.install(MediaConfig())
    protocol = ice.StunProtocol(ice.Connection(ice_controlling=False))
    protocol.local_candidate = Candidate.from_sdp("1 1 udp 1 127.0.0.1 9 typ host")
    before = hardening.dropped.malformed
    for _ in range(3000):
        data = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for _ in range(random.integers(1, 5)):
            data[random.integers(0, len(data))] = random.integers(0, 256)
        protocol.datagram_received(bytes(data), ("127.0.0.1", 5))
    assert hardening.dropped.malformed > before


async def test_nobody_is_asked_for_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("an ICE server was used")

    monkeypatch.setattr(ice, "server_reflexive_candidate", refuse)
    monkeypatch.setattr(ice, "relayed_candidate", refuse)
    side = Side(loopback=True, ice_addresses=("127.0.0.1",))
    await side.link.create("a", "webrtc")
    assert "typ host" in await side.link.offer("a")
    await side.link.shutdown()


async def test_the_loopback_address_is_offered_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hardening, "_find_addresses", lambda *_: ["192.0.2.1"])
    InProcess(MediaConfig(), print)
    assert ice.get_host_addresses(True, False) == ["192.0.2.1"]
    InProcess(MediaConfig(loopback=True), print)
    assert ice.get_host_addresses(True, False) == ["192.0.2.1", "127.0.0.1"]
    monkeypatch.setattr(hardening, "_find_addresses", lambda *_: [])
    InProcess(MediaConfig(), print)
    assert ice.get_host_addresses(True, False) == ["127.0.0.1"]


def test_aiortc_and_aioice_are_the_versions_whose_private_names_are_used() -> None:
    assert {name: importlib.metadata.version(name) for name in hardening.PINNED} == hardening.PINNED
    receiver = aiortc.RTCRtpReceiver
    assert hasattr(receiver, "_handle_rtp_packet")
    assert hasattr(aiortc.RTCDtlsTransport, "_send_rtp")
    assert hasattr(aiortc.rtcpeerconnection, "CODECS")
    assert hasattr(aiortc.rtcpeerconnection, "HEADER_EXTENSIONS")
    assert hasattr(ice.Connection, "check_complete") and hasattr(stun, "parse_message")
