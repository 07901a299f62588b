"""Which places of the chains were erased: kept small, and looked up fast.

An erasure names its places by runs of numbers, MessagePack and zlib around:

    [[chain, epoch, what, [start, length, start, length ...]] ...]

`what` is ROWS (the row is gone) or VALUES (the row is there, its values are not). The chain
`runtime.chain.BEFORE` + table has one run whose length is how many older rows went.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

ROWS: Final = 0
VALUES: Final = 1
Key = tuple[str, int, int]
"""Chain, epoch, what."""
_PAGE: Final = 1 << 16


def packed(places: Mapping[Key, Iterable[int]]) -> bytes:
    """Return places, given as numbers, as an erasure keeps them."""
    told = [[*key, _runs(sorted(set(numbers)))] for key, numbers in sorted(places.items())]
    return zlib.compress(msgspec.msgpack.encode([each for each in told if each[3]]))


def digest_of(places: bytes) -> str:
    return hashlib.sha256(places).hexdigest()


def _runs(numbers: list[int]) -> list[int]:
    runs: list[int] = []
    for number in numbers:
        if runs and number == runs[-2] + runs[-1]:
            runs[-1] += 1
        else:
            runs += [number, 1]
    return runs


class Erased:
    """All erasures together: one bit for each place, in pages, only where there are any."""

    def __init__(self) -> None:
        self._pages: dict[tuple[Key, int], bytearray] = {}
        self.before: dict[str, int] = {}
        """Of the chains BEFORE: rows that went."""

    def add(self, places: bytes, before: str) -> None:
        """Take in one erasure; chains whose name begins with `before` are only counted.

        ValueError if it can not be read.
        """
        try:
            told = msgspec.msgpack.decode(
                zlib.decompress(places), type=list[tuple[str, int, int, list[int]]]
            )
        except (zlib.error, msgspec.MsgspecError) as error:
            raise ValueError(str(error)) from error
        for chain, epoch, what, runs in told:
            for start, length in zip(runs[::2], runs[1::2], strict=True):
                if chain.startswith(before):
                    self.before[chain] = self.before.get(chain, 0) + length
                else:
                    self._mark((chain, epoch, what), start, length)

    def _mark(self, key: Key, start: int, length: int) -> None:
        for number in range(start, start + length):
            page, at = divmod(number, _PAGE)
            bits = self._pages.get((key, page))
            if bits is None:
                bits = self._pages[key, page] = bytearray(_PAGE >> 3)
            bits[at >> 3] |= 1 << (at & 7)

    def has(self, chain: str, epoch: int, what: int, number: int) -> bool:
        page, at = divmod(number, _PAGE)
        bits = self._pages.get(((chain, epoch, what), page))
        return bits is not None and bool(bits[at >> 3] >> (at & 7) & 1)
