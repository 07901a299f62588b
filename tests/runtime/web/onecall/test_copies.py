"""Copies of a call: what is in them, what is masked, and that nothing in them can run."""

from __future__ import annotations

import json
import struct
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from designer.models import AuditEntry, Flow
from runtime.onecall import copies
from runtime.onecall.legs import OneCall, call_of
from runtime.onecall.veil import Veil
from tests.runtime.web.recorded import Recorder, echo_call, message
from tests.web import ECHO

pytestmark = pytest.mark.django_db
SECRET = "493055500017"
PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    '"><svg onload=alert(4)>',
    "'><iframe src=javascript:alert(5)>",
    "<!--<b>-->",
    "]]><script>alert(7)</script>",
    "&lt;script&gt;alert(8)",
    '<a href="javascript:alert(9)">x</a>',
    "{{constructor.constructor('alert(10)')()}}",
    "${alert(11)}",
    "<style>*{display:none}</style>",
    "<base href=//evil>",
    "<meta http-equiv=refresh content=0;url=//evil>",
    "<link rel=stylesheet href=//evil>",
    "<object data=//evil>",
    "<embed src=//evil>",
    "<form action=//evil><input>",
    "<textarea>",
    "</title><script>alert(20)</script>",
    "</pre><script>alert(21)</script>",
    "</summary></details><script>alert(22)</script>",
    "</text></svg><script>alert(23)</script>",
    "<svg><animate onbegin=alert(24)>",
    "<math><mi xlink:href=javascript:alert(25)>",
    "<video><source onerror=alert(26)>",
    "<body onload=alert(27)>",
    "<input autofocus onfocus=alert(28)>",
    "<marquee onstart=alert(29)>",
    "<details open ontoggle=alert(30)>",
    "<script src=//evil></script>",
    "\u2028<script>alert(32)</script>",
    "\u202e<script>alert(33)</script>",
    "<scr<script>ipt>alert(34)</scr</script>ipt>",
    "<ScRiPt>alert(35)</ScRiPt>",
    "%3Cscript%3Ealert(36)%3C/script%3E",
    "&#60;script&#62;alert(37)",
    "\\u003cscript\\u003ealert(38)",
    "javascript:alert(39)",
    "`<script>alert(40)</script>`",
]


def call(session: str = "node1-3-1") -> OneCall:
    found = call_of(session)
    assert found is not None
    return found


def evil_call() -> OneCall:
    """A call whose every text of the other side is a payload."""
    assert len(PAYLOADS) == 40
    recorder = Recorder("node1-3-1", ECHO)
    for at, payload in enumerate(PAYLOADS):
        safe = payload.replace("\n", " ")
        start = f"INFO sip:x@{safe} SIP/2.0" if at % 2 else f"SIP/2.0 488 {safe}"
        data = message(start, branch=str(at), more=[f"Subject: {safe}", f"X-{safe}: 1"], body=safe)
        recorder.wire(at * 0.1, "in", data)
    recorder.step(0.5, "IncomingCall", **{"from": PAYLOADS[0], "to": PAYLOADS[2], "sdp": ""})
    recorder.media(1.0, "error", code="x", reason=PAYLOADS[3])
    recorder.store()
    return call()


class Elements(HTMLParser):
    """Collects what a browser would make elements and attributes of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)


OURS = set(
    "html head meta title style body h1 h2 p div table thead tbody tr th td details summary span"
    " b pre svg rect text line path g".split()
)


def test_a_page_in_one_file_holds_all_of_the_call_and_loads_nothing(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    page = copies.make(call(), "html", Veil()).data.decode()
    for said in ("INVITE", "469 Bad Info Package", "DialogACK", "talking, 19 s", "audio comes in"):
        assert said in page, said
    elements = Elements()
    elements.feed(page)
    assert elements.tags <= OURS
    assert not elements.attributes & {"src", "href", "srcset", "action", "style", "data"}
    assert "default-src 'none'" in page and "url(" not in page


@pytest.mark.parametrize("form", ["html", "svg"])
def test_no_text_of_a_packet_becomes_an_element(flow: Flow, form: str) -> None:
    page = copies.make(evil_call(), form, Veil(lifted=True)).data.decode()
    elements = Elements()
    elements.feed(page)
    assert elements.tags <= OURS
    assert not {name for name in elements.attributes if name.startswith("on")}
    assert "&lt;script" in page


def test_no_text_of_a_packet_becomes_an_element_of_the_page(
    client: Client, alice: Any, flow: Flow
) -> None:
    evil_call()
    client.force_login(alice)
    page = client.get("/calls/node1-3-1/").content.decode()
    elements = Elements()
    elements.feed(page)
    assert not {"iframe", "img", "object", "embed", "base", "marquee", "math"} & elements.tags
    assert not {name for name in elements.attributes if name.startswith("on")}
    for payload in PAYLOADS:
        if "<" in payload and "script" in payload.lower():
            assert payload not in page, payload


def test_a_picture_is_well_formed_whatever_was_said(flow: Flow) -> None:
    root = ElementTree.fromstring(copies.make(evil_call(), "svg", Veil()).data)
    assert root.tag.endswith("svg")
    assert not [each for each in root.iter() if each.tag.endswith(("script", "foreignObject"))]


@pytest.mark.parametrize("form", list(copies.FORMS))
def test_numbers_are_masked_unless_somebody_may_see_them(flow: Flow, form: str) -> None:
    echo_call("node1-3-1", ECHO).store()
    masked, shown = (copies.make(call(), form, Veil(lifted=on)).data for on in (False, True))
    assert SECRET.encode() not in masked and SECRET.encode() in shown


def packets(data: bytes) -> list[tuple[float, bytes]]:
    magic, major, minor, _, _, _, link = struct.unpack("<IHHiIII", data[:24])
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 101)
    at, found = 24, []
    while at < len(data):
        seconds, micros, length, whole = struct.unpack("<IIII", data[at : at + 16])
        assert length == whole
        found.append((seconds + micros / 1e6, data[at + 16 : at + 16 + length]))
        at += 16 + length
    return found


def folded(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_packets_carry_the_messages_with_their_times_and_addresses(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    found = packets(copies.make(call(), "pcap", Veil(lifted=True)).data)
    assert len(found) == len(call().own.wire)
    when, first = found[0]
    assert when == 1000.0
    assert first[0] == 0x45 and folded(first[:20]) == 0xFFFF
    assert ".".join(map(str, first[12:16])) == "203.0.113.20"
    assert ".".join(map(str, first[16:20])) == "198.51.100.14"
    source, target, length, _ = struct.unpack(">HHHH", first[20:28])
    assert (source, target, length) == (5060, 5060, len(first) - 20)
    assert first[28:].startswith(b"INVITE sip:support@desk.example SIP/2.0\r\n")
    assert found[1][1][12:16] == first[16:20]


def test_packets_of_a_browser_and_of_version_six_have_addresses_too(flow: Flow) -> None:
    recorder = Recorder("node1-3-1", ECHO, between=("ws:7", "[2001:db8::1]:5060"), transport="WS")
    recorder.wire(0.0, "in", message("INVITE sip:x SIP/2.0"))
    recorder.step(0.1, "IncomingCall", **{"from": "sip:a@x", "to": "sip:b@x", "sdp": ""})
    recorder.store()
    ((_, packet),) = packets(copies.make(call(), "pcap", Veil()).data)
    assert packet[0] >> 4 == 6 and packet[24:40].hex().startswith("20010db8")
    assert packet[8:24].hex().endswith("ffffc0000201")


def test_text_shows_steps_and_ladder(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    text = copies.make(call(), "text", Veil()).data.decode()
    assert "IncomingCall: Idle -> Answering (line" in text
    assert "-- in Active, 19 s folded --" in text
    (invite,) = [line for line in text.splitlines() if " INVITE " in line]
    assert invite.strip().startswith("0.000") and ">" in invite and invite.rstrip().endswith("#1")


def test_data_is_the_model_with_its_messages(flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    data = json.loads(copies.make(call(), "json", Veil()).data)
    assert data["masked"] and data["own"] == "A"
    assert len(data["messages"]) == 9 and data["ladder"]["items"][0]["label"] == "INVITE"


def test_an_export_is_recorded_and_one_with_numbers_needs_a_reason(
    client: Client, alice: Any, flow: Flow
) -> None:
    echo_call("node1-3-1", ECHO).store()
    client.force_login(alice)
    answer = client.get("/calls/node1-3-1/export/", {"form": "text"})
    assert answer["Content-Disposition"] == 'attachment; filename="call-node1-3-1.txt"'
    assert SECRET not in answer.content.decode()
    assert client.get("/calls/node1-3-1/export/", {"form": "exe"}).status_code == 404

    shown = "/calls/node1-3-1/export/shown/"
    refused = client.post(shown, {"form": "text"}, headers={"Accept": "application/json"})
    assert refused.status_code == 409 and "needs a reason" in refused.json()["error"]
    answer = client.post(shown, {"form": "text", "reason": "The carrier asked"})
    assert SECRET in answer.content.decode()
    acts = AuditEntry.objects.filter(act="call.export").order_by("pk")
    assert [(each.subject, each.reason, each.detail["masked"]) for each in acts] == [
        ("node1-3-1", "", True),
        ("node1-3-1", "The carrier asked", False),
    ]


def test_numbers_are_shown_for_a_reason_that_is_recorded(
    client: Client, alice: Any, flow: Flow
) -> None:
    echo_call("node1-3-1", ECHO).store()
    client.force_login(alice)

    def shown() -> bool:
        page = client.get("/calls/node1-3-1/").content.decode()
        asked = {"message": str(call().own.wire[0].id)}
        message = client.get("/calls/node1-3-1/messages/", asked).content.decode()
        assert (SECRET in page) == (SECRET in message)
        return SECRET in page

    assert not shown()
    client.post("/calls/show-numbers/", {"reason": ""})
    assert not shown()
    client.post("/calls/show-numbers/", {"reason": "The caller complained"})
    assert shown()
    assert AuditEntry.objects.get(act="call.unmask").reason == "The caller complained"
    alice.is_superuser = False
    alice.save()
    assert not shown()


def test_whoever_only_looks_is_offered_nothing_else(client: Client, vera: Any, flow: Flow) -> None:
    echo_call("node1-3-1", ECHO).store()
    client.force_login(vera)
    page = client.get("/calls/node1-3-1/").content.decode()
    shown = json.loads(page.split('id="boot" type="application/json">')[1].split("</script>")[0])
    allowed = {"edit": False, "export": False, "unmask": False, "test": False, "masked": True}
    assert shown["can"] == allowed
    assert client.get("/calls/node1-3-1/export/").status_code == 403
