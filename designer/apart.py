"""Walks done apart: by a child process, bounded in time and memory, stopped at any moment.

A walk is pure Python and would hold the interpreter that calls run in, or the worker that has to
look whether it was told to stop. So a child does it (`designer.walker`): kept warm between walks,
killed when a walk is not wanted any more or exceeds its bounds, started anew when one is asked
for. Free of Django.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from designer.walker import OUT_OF_MEMORY, USUAL

LOOK_EVERY = 0.1
"""Seconds between two beats, whatever the child says."""
STARTING = 10.0
"""Seconds that a child may take to start, beside those of the walk."""
CHUNK = 1 << 16
BASE = Path(__file__).resolve().parent.parent

Beat = Callable[[float, int], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a walk may go."""

    tier: int
    states: int
    """Configurations visited in one walk."""
    seconds: float
    memory: int
    """MiB of the child's address space."""
    grace: float = 5.0
    """Seconds above `seconds` after which a walk that did not stop by itself is killed."""


class Exceeded(Exception):
    """The walk was cut short by a bound that it could not stop at by itself."""

    def __init__(self, limit: str, searched: int = 0) -> None:
        super().__init__(limit)
        self.limit = limit
        self.searched = searched


class Broken(Exception):
    """The walk broke off by a mistake of ours, or its process was ended by somebody else."""


class Stopped(Exception):
    """Somebody called `stop` while it walked."""


class Apart:
    """One child that walks, one walk at a time. `stop` may be called from any thread."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        command: Sequence[str] = (),
        doing: str = USUAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds
        own = (sys.executable, "-m", "designer.walker", str(bounds.memory), doing)
        self._command = tuple(command) or own
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The child's process id, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def examine(self, text: str, beat: Beat | None = None) -> dict[str, Any]:
        """Return what `designer.deep.examine` says of the text.

        `beat` is told how far it is several times a second and may raise to stop the walk. Raises
        Exceeded, Broken or Stopped.
        """
        bounds = self.bounds
        return self.ask(
            {"text": text, "tier": bounds.tier, "states": bounds.states, "seconds": bounds.seconds},
            beat,
        )

    def ask(self, question: dict[str, Any] | bytes, beat: Beat | None = None) -> dict[str, Any]:
        """Return what the child says to a question; the rest is as of `examine`.

        Bytes are a question in JSON without a line break.
        """
        with self._turn:
            self._stopped = False
            try:
                return self._asked(question, beat)
            except BaseException:
                # Whatever the child is at now, the next walk has nothing to do with it.
                self._dispose()
                raise

    def stop(self) -> None:
        """End the child, and the walk it is at; the next question starts another one."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()
        with self._turn:
            self._dispose()

    def _asked(self, question: dict[str, Any] | bytes, beat: Beat | None) -> dict[str, Any]:
        process, fresh = self._child()
        bounds = self.bounds
        patience = bounds.seconds + bounds.grace + (STARTING if fresh else 0.0)
        answers = _Answers(process)
        ends = self._clock() + patience
        try:
            answers.ask(question)
            while True:
                for answer in answers.within(LOOK_EVERY):
                    if "result" in answer:
                        result: dict[str, Any] = answer["result"]
                        return result
                    if "error" in answer:
                        raise Broken(answer["error"])
                if beat is not None:
                    beat(answers.share, answers.searched)
                if self._clock() > ends:
                    raise Exceeded(f"{bounds.seconds:g} s", answers.searched)
        except (EOFError, BrokenPipeError):
            raise self._ended(process, answers.searched) from None
        finally:
            answers.close()

    def _child(self) -> tuple[subprocess.Popen[bytes], bool]:
        """Return the running child, or a new one and True."""
        if self._process is not None and self._process.poll() is None:
            return self._process, False
        self._dispose()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=BASE,
            bufsize=0,
        )
        return self._process, True

    def _ended(self, process: subprocess.Popen[bytes], searched: int) -> Exception:
        """Say why there is no answer."""
        code = process.wait()
        if self._stopped:
            return Stopped("The walk was stopped.")
        if code == OUT_OF_MEMORY:
            return Exceeded(f"{self.bounds.memory} MiB of memory", searched)
        return Broken(f"The process that walked ended ({code}).")

    def _dispose(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class _Answers:
    """What the child says, line by line, with what it said of its progress last."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._from, selectors.EVENT_READ)
        self._rest = b""
        self.share = 0.0
        self.searched = 0

    def ask(self, question: dict[str, Any] | bytes) -> None:
        encoded = question if isinstance(question, bytes) else json.dumps(question).encode()
        data = memoryview(encoded + b"\n")
        while data:
            data = data[self._to.write(data) :]

    def within(self, seconds: float) -> list[dict[str, Any]]:
        """Return what was said within so many seconds; raises EOFError when nothing more comes."""
        if not self._selector.select(seconds):
            return []
        data = os.read(self._from.fileno(), CHUNK)
        if not data:
            raise EOFError
        *lines, self._rest = (self._rest + data).split(b"\n")
        said = [json.loads(line) for line in lines]
        for each in said:
            self.share = each.get("share", self.share)
            self.searched = each.get("searched", self.searched)
        return said

    def close(self) -> None:
        self._selector.close()
