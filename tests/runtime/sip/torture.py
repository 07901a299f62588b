"""The messages of RFC 4475 and RFC 5118, read from the files under data/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from runtime.sip.message import Message

DATA = Path(__file__).parent / "data"
_TAG = re.compile(
    rb"<hex>(?P<hex>[0-9A-F ]*)</hex>|<repeat count=(?P<count>\d+)>(?P<again>.*?)</repeat>"
    rb"|<sdp>(?P<sdp>.*?)</sdp>|(?P<end><end/>\r\n)"
)
_SDP = (
    "v=0\r\no=mhandley 29739 7272939 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\n"
    "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC"
)


@dataclass(frozen=True)
class Torture:
    """One message with its verdict and what must be read of it."""

    name: str
    verdict: str
    expected: tuple[tuple[str, str], ...]
    data: bytes


@lru_cache
def messages(rfc: str) -> tuple[Torture, ...]:
    """All messages of data/RFC.txt in its order."""
    text = (DATA / f"{rfc}.txt").read_text("utf-8")
    found = []
    for part in re.split(r"^@ (?=\S+ \d)", text, flags=re.MULTILINE)[1:]:
        first, *lines = part.split("\n")
        name, _, verdict = first.split(" ")
        expected = []
        while lines[0].startswith("@ "):
            path, _, value = lines.pop(0)[2:].partition(" =")
            expected.append((path, value.removeprefix(" ")))
        data = _TAG.sub(_expanded, "\r\n".join(lines).encode())
        if data.partition(b"\r\n\r\n")[2].endswith(b"\r\n\r\n"):
            data = data[:-2]  # The empty line before the next message.
        found.append(Torture(name, verdict, tuple(expected), data))
    return tuple(found)


def _expanded(tag: re.Match[bytes]) -> bytes:
    if tag["hex"] is not None:
        return bytes.fromhex(tag["hex"].decode())
    if tag["count"]:
        return tag["again"] * int(tag["count"])
    return b"" if tag["end"] else _SDP.format(tag["sdp"].decode()).encode()


def read(message: Message, path: str) -> str:
    """What stands at a path such as "contacts.0.uri.user", or in a header that is named."""
    if path in ("vias", "contacts", "body"):
        found = {"vias": message.get_all("Via"), "contacts": message.contacts, "body": message.body}
        return str(len(found[path]))  # type: ignore[arg-type]
    if path[0].isupper():
        (value,) = message.named(path)
        return value
    value_of: object = message
    for step in path.split("."):
        value_of = value_of[int(step)] if step.isdigit() else getattr(value_of, step)  # type: ignore[index]
    return str(value_of)
