"""Session descriptions of telephones: kept whole, refused with a code, answered by RFC 3264."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.media import sdp
from runtime.media.port import DIRECTIONS, MediaError

LOCAL = sdp.Local("192.0.2.1", 40000, "sendrecv", 7, 1)

FULL = (
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 host.example\r\ns=call\r\nb=AS:84\r\n"
    "c=IN IP4 198.51.100.5\r\nt=0 0\r\na=sendonly\r\na=unknown:thing\r\n"
    "m=audio 49170 RTP/AVP 9 97 8 100\r\na=rtpmap:97 PCMU/8000\r\na=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:100 telephone-event/8000\r\na=fmtp:100 0-15\r\na=ptime:20\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n"
    "m=video 51372 RTP/AVP 99\r\na=rtpmap:99 h263-1998/90000\r\n"
    "m=image 5000 udptl t38\r\n"
)


def test_every_line_is_kept() -> None:
    assert str(sdp.parse(FULL)) == FULL


def test_bare_newlines_are_read_too() -> None:
    assert str(sdp.parse(FULL.replace("\r\n", "\n"))) == FULL


def test_direction_and_connection_of_the_session_hold_for_its_media() -> None:
    description = sdp.parse(FULL)
    assert description.direction_of(description.media[0]) == "sendonly"
    assert description.host_of(description.media[0]) == "198.51.100.5"


def test_an_answer_takes_the_first_common_codec_and_refuses_other_media() -> None:
    text, agreed = sdp.answer(sdp.parse(FULL), LOCAL)
    answer = sdp.parse(text)
    assert [media.port for media in answer.media] == [40000, 0, 0]
    assert [media.kind for media in answer.media] == ["audio", "video", "image"]
    assert answer.media[0].formats == ["97", "100"]
    assert answer.media[0].direction == "recvonly"
    assert (agreed.codec, agreed.send_type, agreed.events_type) == ("PCMU", 97, 100)
    assert (agreed.host, agreed.port, agreed.direction) == ("198.51.100.5", 49170, "recvonly")


def test_a_media_that_is_switched_off_is_not_the_audio() -> None:
    text = FULL.replace("m=audio 49170", "m=audio 0")
    with pytest.raises(MediaError) as refused:
        sdp.answer(sdp.parse(text), LOCAL)
    assert refused.value.code == "unsupported_sdp"


def test_a_secure_media_is_not_plain_rtp() -> None:
    with pytest.raises(MediaError) as refused:
        sdp.answer(sdp.parse(FULL.replace("RTP/AVP 9", "RTP/SAVP 9")), LOCAL)
    assert refused.value.code == "unsupported_sdp"


def test_stereo_and_other_clocks_of_a_known_name_are_not_common() -> None:
    text = FULL.replace("97 PCMU/8000", "97 PCMU/16000").replace("9 97 8 100", "9 97 100")
    with pytest.raises(MediaError) as refused:
        sdp.answer(sdp.parse(text), LOCAL)
    assert refused.value.code == "no_common_codec"


@pytest.mark.parametrize("own", DIRECTIONS)
@pytest.mark.parametrize("theirs", DIRECTIONS)
def test_directions_meet_in_what_both_want(own: str, theirs: str) -> None:
    text = FULL.replace("a=sendonly", f"a={theirs}")
    local = sdp.Local("192.0.2.1", 40000, own, 7, 1)  # type: ignore[arg-type]
    _, agreed = sdp.answer(sdp.parse(text), local)
    hears = theirs in ("sendrecv", "recvonly")
    speaks = theirs in ("sendrecv", "sendonly")
    assert sdp.sends(agreed.direction) == (own in ("sendrecv", "sendonly") and hears)
    assert sdp.receives(agreed.direction) == (own in ("sendrecv", "recvonly") and speaks)


def test_an_offer_and_its_answer_agree_on_both_sides() -> None:
    offer = sdp.offer(LOCAL)
    other = sdp.Local("192.0.2.2", 50000, "sendonly", 8, 1)
    answer, theirs = sdp.answer(sdp.parse(offer), other)
    ours = sdp.accept(sdp.parse(answer), LOCAL, sdp.parse(offer))
    assert (ours.codec, ours.port, ours.direction) == ("PCMU", 50000, "recvonly")
    assert (theirs.port, theirs.direction, theirs.events_type) == (40000, "sendonly", 101)


def test_a_later_offer_keeps_agreed_types_and_the_number_of_media() -> None:
    remote = sdp.parse(FULL)
    _, agreed = sdp.answer(remote, LOCAL)
    offer = sdp.parse(sdp.offer(LOCAL, remote, agreed))
    assert [media.port for media in offer.media] == [40000, 0, 0]
    assert offer.media[0].formats == ["97", "8", "100"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "hello",
        "v=1\r\no=- 1 1 IN IP4 h\r\n",
        "v=0\r\no=- 1 1\r\n",
        FULL.replace("49170", "99999"),
        FULL.replace("49170", "-1"),
        FULL.replace("49170", "x"),
        FULL.replace("c=IN IP4 198.51.100.5", "c=ATM"),
        FULL.replace("198.51.100.5", "a b"),
        FULL.replace("c=IN IP4 198.51.100.5\r\n", ""),
        FULL.replace("97 PCMU/8000", "97 PCMU"),
        FULL.replace("9 97 8 100", "9 97 8 1000"),
        FULL.replace("9 97 8 100", ""),
        FULL.replace("97 PCMU/8000", "٣ PCMU/8000"),
        FULL + "m=audio 1 RTP/AVP 0\r\n" * 40,
        FULL + "a=x\r\n" * 20000,
    ],
)
def test_what_cannot_be_read_is_refused_with_a_code(text: str) -> None:
    with pytest.raises(MediaError) as refused:
        sdp.answer(sdp.parse(text), LOCAL)
    assert refused.value.code == "malformed_sdp"


@given(st.data())
def test_only_coded_errors_leave_the_parser(data: st.DataObject) -> None:
    lines = FULL.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        cut = data.draw(st.integers(0, len(lines[at])))
        lines[at] = lines[at][:cut] + data.draw(st.text(max_size=6)) + lines[at][cut + 1 :]
    _exercise("\r\n".join(lines))


@given(st.text(max_size=200))
def test_only_coded_errors_leave_the_parser_on_any_text(text: str) -> None:
    _exercise(text)
    _exercise("v=0\no=- 1 1 IN IP4 h\nc=IN IP4 h\nm=audio 1 RTP/AVP 0\n" + text)


def _exercise(text: str) -> None:
    try:
        description = sdp.parse(text)
        answer, _ = sdp.answer(description, LOCAL)
        sdp.offer(LOCAL, description)
        sdp.parse(answer)
    except MediaError:
        return
