"""Messages out of a byte stream, however it was cut (RFC 3261 18.3, 7.5): no socket, no clock.

Work is linear in what comes in: each byte is looked at once, whether a message comes in one piece,
byte by byte, or with a hundred others. What cannot be framed ends the stream, because nobody can
say where the next message would begin.
"""

from __future__ import annotations

import re
from typing import Final

from runtime.sip import limits
from runtime.sip.message import Malformed
from runtime.sip.wire import salvage

PING: Final = b"\r\n\r\n"
"A keep-alive of the peer that opened the connection (RFC 5626 3.5.1)."

PONG: Final = b"\r\n"
"The answer to one."

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r\n]*)", re.IGNORECASE)
_FOLD = re.compile(rb"\r\n[ \t]+")
_DIGITS = re.compile(rb"[0-9]{1,9}")
_BEGINNING = re.compile(rb"[!#-'*+.0-9A-Z^-z|~-]")
_SKIPPED: Final = 4096
"Empty lines taken as keep-alives at a time; a stream of nothing else is worth no more answers."


class Framer:
    """Cuts one stream. After a fault it takes nothing more."""

    __slots__ = ("_data", "_searched", "_wanted", "_ends", "fault")

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0
        "Bytes in which the end of the headers is certainly not."
        self._wanted = 0
        "Bytes of the message whose headers are there; 0 while they are not."
        self._ends = 0
        "Empty lines since the last message that have not made a ping yet."
        self.fault: Malformed | None = None
        "Why the stream cannot be cut any further."

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole yet."""
        return len(self._data)

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read; returns whole messages and, as `PING` or `PONG`, keep-alives."""
        if self.fault is not None:
            return []
        self._data += data
        found: list[bytes] = []
        start = 0
        try:
            while True:
                start = self._skip(start, found)
                end = self._end(start)
                if end is None:
                    break
                found.append(bytes(self._data[start:end]))
                start, self._searched, self._wanted = end, 0, 0
        except Malformed as fault:
            self.fault = fault
            self._data.clear()
            return found
        if start:
            del self._data[:start]
        return found

    def _skip(self, start: int, found: list[bytes]) -> int:
        """Pass over the empty lines before a message (RFC 3261 7.5)."""
        if self._wanted or self._searched:
            return start
        pings = 0
        while self._data.startswith(PONG, start):
            start += 2
            self._ends += 1
            if self._ends == 2:
                self._ends = 0
                pings += 1
                if pings <= _SKIPPED:
                    found.append(PING)
        rest = self._data[start : start + 2]
        if rest and rest != b"\r":
            if not _BEGINNING.match(rest):
                raise Malformed(400, "neither a request nor a response")
            self._ends = 0
        elif self._ends and len(self._data) == start:
            # A single empty line answers a ping, if we sent one; its second half may yet come.
            found.append(PONG)
        return start

    def _end(self, start: int) -> int | None:
        """Where the message that begins at `start` ends, None while that is not known or here."""
        if not self._wanted:
            headers = self._data.find(b"\r\n\r\n", start + max(0, self._searched - 3))
            size = len(self._data) - start
            if size < 2:
                return None  # Half an empty line may be all there is.
            if headers < 0:
                self._searched = size
                if size > limits.MESSAGE:
                    raise Malformed(513, "Message Too Large", salvage(bytes(self._data[start:])))
                return None
            head = bytes(self._data[start : headers + 4])
            self._wanted = len(head) + _length(head)
            if self._wanted > limits.MESSAGE:
                raise Malformed(513, "Message Too Large", salvage(head))
        end = start + self._wanted
        return end if len(self._data) >= end else None


def _length(head: bytes) -> int:
    """The Content-Length of a header section; Malformed if it has none, or more than one."""
    found = _LENGTH.findall(
        head if b"\r\n " not in head and b"\r\n\t" not in head else unfold(head)
    )
    if len(found) != 1:
        reason = "Content-Length is there twice" if found else "Content-Length is missing"
        raise Malformed(400, f"Bad Request - {reason}", salvage(head))
    value = found[0].strip(b" \t")
    if not _DIGITS.fullmatch(value):
        raise Malformed(400, "Bad Request - Content-Length is not valid", salvage(head))
    return int(value)


def unfold(head: bytes) -> bytes:
    """Header lines each in one line (RFC 3261 7.3.1)."""
    return _FOLD.sub(b" ", head)
