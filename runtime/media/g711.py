"""G.711: PCMU and PCMA as numpy look-up tables (ITU-T G.711; RFC 3551 section 4.5.14).

Samples are signed 16-bit, 8 000 a second, one channel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Octets = NDArray[np.uint8]

RATE = 8000
FRAME = 160
"""Samples of one 20 ms packet."""


def _decode_table_ulaw() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4 & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32)
    magnitude = ((mantissa << 3) + 0x84 << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _decode_table_alaw() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = (code >> 4 & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32)
    small = (mantissa << 4) + 8
    large = (small + 0x100) << np.maximum(exponent - 1, 0)
    magnitude = np.where(exponent == 0, small, large)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode_table(decoded: Samples) -> Octets:
    """Answer the code nearest to each of the 65 536 samples, indexed by the unsigned sample."""
    order = np.argsort(decoded, kind="stable")
    levels = decoded[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    above = np.clip(np.searchsorted(levels, samples), 1, 255)
    below = above - 1
    nearest = np.where(samples - levels[below] <= levels[above] - samples, below, above)
    table = np.empty(65536, dtype=np.uint8)
    table[samples & 0xFFFF] = order[nearest]
    return table


_DECODE = {"PCMU": _decode_table_ulaw(), "PCMA": _decode_table_alaw()}
_ENCODE = {name: _encode_table(table) for name, table in _DECODE.items()}


def decoder(codec: str) -> Callable[[bytes], Samples]:
    """Answer a function from payload octets to samples for "PCMU" or "PCMA"."""
    table = _DECODE[codec]

    def decode(payload: bytes) -> Samples:
        samples: Samples = table[np.frombuffer(payload, dtype=np.uint8)]
        return samples

    return decode


def encoder(codec: str) -> Callable[[Samples], bytes]:
    """Answer a function from samples to payload octets for "PCMU" or "PCMA"."""
    table = _ENCODE[codec]

    def encode(samples: Samples) -> bytes:
        return table[samples.view(np.uint16)].tobytes()

    return encode
