"""The number that a table gives itself, held against what it changed (VER976).

`version: 1.4.0` in the head: a breaking change asks for the next first number, an extension for the
next second one, a refinement for the next third one.
"""

from __future__ import annotations

import re

SAME, REFINEMENT, EXTENSION, BREAKING = "same", "refinement", "extension", "breaking"
STEPS = {SAME: "none", REFINEMENT: "patch", EXTENSION: "minor", BREAKING: "major"}
"""The step of a version number that each class of change asks for."""
FORM = r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
_PARTS = {"major": 0, "minor": 1, "patch": 2}


def numbers(version: str) -> tuple[int, int, int] | None:
    """Return the three numbers of `1.4.0`; None if it is no such version."""
    match = re.fullmatch(FORM, version)
    return None if match is None else (int(match[1]), int(match[2]), int(match[3]))


def least(old: str, change: str) -> str:
    """Return the lowest version that may follow `old` after this class of change."""
    known = numbers(old)
    if known is None or change == SAME:
        return old
    part = _PARTS[STEPS[change]]
    if known[0] == 0 and part == 0:
        # Before 1.0.0 nothing is promised, so the second number stands for the first.
        part = 1
    raised = [n if at < part else n + 1 if at == part else 0 for at, n in enumerate(known)]
    return ".".join(map(str, raised))


def too_small(old: str, new: str, change: str) -> str:
    """Say what is wrong with the step from one version to the next; empty if nothing is."""
    before, after = numbers(old), numbers(new)
    if before is None:
        return ""
    if after is None:
        return f"The old text is version {old} and the new one names none."
    wanted = least(old, change)
    if after >= (numbers(wanted) or before):
        return ""
    if after < before:
        return f"Version {new} goes back behind {old}."
    return f"The step from {old} to {new} is too small: {wanted} is the least."
