"""The composition of a table as a model for SPIN, so that another tool can count the same states.

The local steps of both sides, as the walk came to know them, become guarded commands. What SPIN
searches by itself is every order in which they and the messages can happen. Channels are its own: a
sorted send and a receive from anywhere make a bag of messages, plain ones a queue.

    spin -a -o1 -o2 -o3 model.pml && cc -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -E -m100000

counts as many states and transitions as `flows.explore.pair.explore`, if neither lost nor repeated
messages are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from flows.explore.doing import Message
from flows.explore.pair import SIDES, Outcome, Walked

PER_PROCESS = 200
"""Guarded commands in one process: all processes do nothing but to offer theirs."""


def model(walked: Walked) -> str:
    """Return the model of a finished walk; ValueError if it lost or repeated messages."""
    options = walked.pair.options
    if options.losses or options.duplicates:
        raise ValueError("the model has channels that neither lose nor repeat")
    # A table that begins no call has none; a process without commands is none to SPIN.
    commands = list(_commands(walked, _codes(walked))) or ["s0 < 0 -> s0 = s0"]
    first = walked.joints[0].sides
    lines = [
        f"chan to0 = [{options.capacity}] of {{ byte }};",
        f"chan to1 = [{options.capacity}] of {{ byte }};",
        f"short s0 = {first[0]}, s1 = {first[1]};",
    ]
    for number, start in enumerate(range(0, len(commands), PER_PROCESS)):
        lines += [f"active proctype P{number}() {{", "  do"]
        lines += [
            f"  :: d_step {{ {command} }}" for command in commands[start : start + PER_PROCESS]
        ]
        lines += ["  od", "}"]
    return "\n".join(lines) + "\n"


def _codes(walked: Walked) -> dict[Message, int]:
    """Number the messages; in their own order, so that a sorted channel is sorted alike."""
    found: set[Message] = set()
    for known in walked.pair.steps_known():
        for _, _, sends in known[2]:
            found.update(sends)
    return {message: number for number, message in enumerate(sorted(found))}


def _commands(walked: Walked, codes: dict[Message, int]) -> Iterator[str]:
    reached = [{joint.sides[side] for joint in walked.joints} for side in (0, 1)]
    for config, message, outcomes in walked.pair.steps_known():
        side = SIDES.index(walked.pair.configs[config].role)
        if config in reached[side] and (message is None or message in codes):
            for outcome in outcomes:
                yield _command(walked, side, config, message, outcome, codes)


def _command(
    walked: Walked,
    side: int,
    config: int,
    message: Message | None,
    outcome: Outcome,
    codes: dict[Message, int],
) -> str:
    options = walked.pair.options
    _, after, sends = outcome
    mine, other = f"to{side}", f"to{1 - side}"
    send, receive = ("!!", "??") if options.reorder else ("!", "?")
    guards, effects = [f"s{side} == {config}"], []
    if message is not None:
        guards.append(f"{mine}{receive}[{codes[message]}]")
        effects.append(f"{mine}{receive}{codes[message]}")
    if sends:
        guards.append(f"len({other}) + {len(sends)} <= {options.capacity}")
    effects += [f"{other}{send}{codes[sent]}" for sent in sends]
    effects.append(f"s{side} = {after}")
    return f"{' && '.join(guards)} -> {'; '.join(effects)}"
