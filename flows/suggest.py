"""Did you mean ...? The nearest known word to an unknown one."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable

LONGEST = 64
"""A longer word is no slip of the hand; nothing is suggested for it."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was most probably meant, or None."""
    if not word or len(word) > LONGEST:
        return None
    return _nearest(word, tuple(known))


@functools.lru_cache(maxsize=4096)
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    """Remembered, as an editor asks the same question at every keystroke."""
    by_key: dict[str, str] = {}
    for name in known:
        by_key.setdefault(_key(name), name)
    key = _key(word)
    if key in by_key:
        return by_key[key]
    close = difflib.get_close_matches(key, by_key, n=1, cutoff=0.72)
    if close:
        return by_key[close[0]]
    beginning = max(by_key, key=lambda other: _shared(key, other), default="")
    return by_key[beginning] if _shared(key, beginning) >= max(4, 0.8 * len(key)) else None


def _shared(left: str, right: str) -> int:
    """How many letters two words share from their beginning."""
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count


def did_you_mean(suggestion: str | None) -> str:
    """Return the tail of a message: `; did you mean X?`, or a full stop."""
    return f"; did you mean {suggestion}?" if suggestion else "."


def _key(word: str) -> str:
    return word.replace("_", "").replace("-", "").replace(" ", "").lower()


def distance_is_one(left: str, right: str) -> bool:
    """Whether one letter more, less, other, or two swapped neighbours make `right` of `left`."""
    if abs(len(left) - len(right)) > 1 or left == right:
        return False
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    a, b = left[start:], right[start:]
    swapped = len(a) >= 2 and len(b) >= 2 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped
