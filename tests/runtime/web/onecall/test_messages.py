"""Messages are read for people: whatever came is shown, in full or short forms."""

from __future__ import annotations

import pytest

from runtime.onecall.messages import description, direction_of, read

USUAL = (
    "INVITE sip:b@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:b@y>;tag=1\r\n"
    "Call-ID: c@x\r\nCSeq: 7 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"
)
SHORT = (
    "INVITE sip:b@y SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nt: <sip:b@y>;tag=1\r\n"
    "I: c@x\r\nCSEQ: 7 INVITE\r\nc: application/sdp\r\n\r\nv=0\r\n"
)


@pytest.mark.parametrize("text", [USUAL, SHORT, USUAL.replace("\r\n", "\n")])
def test_a_message_is_read_however_its_headers_are_written(text: str) -> None:
    told = read(text.encode())
    assert (told.method, told.code, told.call_id, told.cseq) == ("INVITE", None, "c@x", "7")
    assert (told.branch, told.to_tag, told.has_sdp, told.body[:3]) == (
        "z9hG4bK1",
        True,
        True,
        "v=0",
    )
    assert (told.label, told.style) == ("INVITE", "request")


@pytest.mark.parametrize(
    ("line", "label", "style"),
    [
        ("SIP/2.0 180 Ringing", "180 Ringing", "answer"),
        ("SIP/2.0 486 Busy Here", "486 Busy Here", "bad"),
        ("SIP/2.0 302 Moved", "302 Moved", "bad"),
    ],
)
def test_an_answer_is_drawn_by_its_class(line: str, label: str, style: str) -> None:
    told = read(f"{line}\r\nCSeq: 1 BYE\r\n\r\n".encode())
    assert (told.label, told.style, told.method) == (label, style, "BYE")


@pytest.mark.parametrize(
    "junk", [b"", b"\r\n\r\n", b"\xff\xfe\x00", b"x" * 70_000, b"INVITE", b":"]
)
def test_junk_is_read_as_junk(junk: bytes) -> None:
    told = read(junk)
    assert told.code is None and told.call_id == "" and list(told.mentions()) == []


def test_other_calls_are_named_by_replaces_target_dialog_and_refer_to() -> None:
    head = (
        "REFER sip:b@y SIP/2.0\r\nReplaces: one@x;to-tag=1\r\ntarget-dialog: two@x;local-tag=1\r\n"
        "Refer-To: <sip:c@z?Replaces=three%40x%3Bto-tag%3D1>\r\n\r\n"
    )
    assert list(read(head).mentions()) == ["one@x", "two@x", "three@x"]


def test_a_description_is_told_in_facts() -> None:
    body = (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\na=inactive\r\n"
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 192.0.2.2\r\n"
        "a=rtpmap:111 opus/48000/2\r\n"
        "a=sendonly\r\na=candidate:1 1 udp 1 192.0.2.2 4000 typ host\r\n"
        "a=fingerprint:sha-256 AA:BB\r\na=rtcp-mux\r\nm=video 0 RTP/AVP 96\r\n"
    )
    told = description(body)
    assert told is not None
    audio, video = told["media"]
    assert audio["codecs"] == ["opus/48000/2 (111)", "PCMU/8000 (0)"]
    assert (audio["address"], audio["direction"], audio["ice"]) == ("192.0.2.2", "sendonly", 1)
    assert audio["dtls"] == "sha-256 AA:BB" and audio["rtcp_mux"]
    assert (video["direction"], video["address"]) == ("inactive", "192.0.2.1")
    assert direction_of(read(f"INVITE x SIP/2.0\r\n\r\n{body}")) == "sendonly"
    assert description("hello") is None and description("v=0\r\nm=\r\na=\r\n") is not None
