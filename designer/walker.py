"""The child process that walks: `python -m designer.walker MEMORY [MODULE:FUNCTION]`, in MiB.

It reads questions from standard input, one JSON object a line, and answers each on standard output:
`{"share": 0.4, "searched": 2048}` while it works, at last `{"result": ...}` or `{"error": "..."}`.
It uses no more memory than it was given, lets everybody else on the machine go first, and ends
when its standard input does: whatever its parent died of, it leaves no orphan. Free of Django.

What it does with a question is the business of the function: `function(question, beat)`, by default
`designer.deep.answer`. A function with an attribute `decode` reads its questions itself.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from queue import SimpleQueue
from typing import Any, BinaryIO

from flows import plugins

OUT_OF_MEMORY = 77
"""Exit code of a child whose walk did not fit into its memory."""
TELL_EVERY = 0.1
"""Seconds between two words of progress."""
NICE = 10

Question = dict[str, Any]
Doing = Callable[[Question, Callable[[float, int], None]], dict[str, Any]]
USUAL = "designer.deep:answer"


def main(memory: int, doing: str = USUAL) -> None:
    """Answer questions until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the parent's affair
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (memory << 20, memory << 20))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    sys.stdout = sys.stderr  # what a plug-in prints is no answer
    questions: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    try:
        module, _, name = doing.partition(":")
        done: Doing = getattr(import_module(module), name)
        plugins.load()
        while True:
            _answer(questions.get(), answers, done)
    except MemoryError:
        # Nothing can be relied upon from here on, not even that a word can be said.
        os._exit(OUT_OF_MEMORY)
    except BrokenPipeError:
        os._exit(0)


def _listen(questions: SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        questions.put(line)
    os._exit(0)


def _answer(line: bytes, answers: BinaryIO, done: Doing) -> None:
    last = time.monotonic()

    def beat(share: float, searched: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TELL_EVERY:
            last = now
            _say(answers, {"share": share, "searched": searched})

    try:
        read = getattr(done, "decode", json.loads)
        _say(answers, {"result": done(read(line), beat)})
    except (MemoryError, BrokenPipeError):
        raise
    except Exception as error:
        # A mistake of ours in one walk; the next question is another text.
        _say(answers, {"error": f"{type(error).__name__}: {error}"[:500]})


def _say(answers: BinaryIO, message: dict[str, Any]) -> None:
    data = memoryview(json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n")
    while data:
        data = data[answers.write(data) :]


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
