"""What the journal adds to a step, beside a bare `os.write` of as many bytes."""

from __future__ import annotations

import os
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks import timing
from benchmarks.runner import Goal, Worker, interleaved, report
from flows.semantics import Decision
from runtime.executor.step import Step
from runtime.node.journal import Journal, StepRecord, read

STEPS = 5000
DECISION = Decision(
    12,
    "answer",
    "Ringing",
    "Active",
    "UAS",
    ("GenerateLocalSDP", "SendSIPResponse", "StartMediaSession"),
    ("CallEstablished", "StateChanged"),
    "fired",
    "0123456789abcdef" * 4,
)
FIELDS = {"from": "sip:alice@example.com", "to": "sip:bob@example.com"}


def _records(count: int) -> list[StepRecord]:
    return [
        StepRecord(Step("n1-7-0000001a", i, 1.7e9 + i, "IncomingCall", FIELDS, DECISION))
        for i in range(count)
    ]


def encode_only() -> timing.Round:
    encode = msgspec.msgpack.Encoder().encode

    def run(records: list[StepRecord]) -> None:
        for record in records:
            encode(record)

    return timing.cpu(lambda: _records(STEPS), run, STEPS)


def encode_and_checksum() -> timing.Round:
    encode = msgspec.msgpack.Encoder().encode

    def run(records: list[StepRecord]) -> None:
        for record in records:
            zlib.crc32(encode(record))

    return timing.cpu(lambda: _records(STEPS), run, STEPS)


def bare_write() -> timing.Round:
    folder = tempfile.TemporaryDirectory()
    frame = bytes(len(msgspec.msgpack.encode(_records(1)[0])) + 9)
    fd = os.open(Path(folder.name) / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def run(count: range, folder: object = folder) -> None:
        for _ in count:
            os.write(fd, frame)

    def prepare() -> range:
        os.ftruncate(fd, 0)
        return range(STEPS)

    return timing.cpu(prepare, run, STEPS)


def append() -> timing.Round:
    folder = tempfile.TemporaryDirectory()
    epoch = 0

    def prepare() -> tuple[Journal, list[StepRecord]]:
        nonlocal epoch
        epoch += 1
        for path in Path(folder.name).iterdir():
            path.unlink()
        return Journal(Path(folder.name), "bench", epoch), _records(STEPS)

    def run(prepared: tuple[Journal, list[StepRecord]]) -> None:
        journal, records = prepared
        add = journal.append
        for record in records:
            add(record)

    last: list[Journal] = []

    def prepare_one() -> tuple[Journal, list[StepRecord]]:
        if last:
            last.pop().close()
        prepared = prepare()
        last.append(prepared[0])
        return prepared

    return timing.cpu(prepare_one, run, STEPS)


def read_back() -> timing.Round:
    folder = tempfile.TemporaryDirectory()
    journal = Journal(Path(folder.name), "bench", 1)
    for record in _records(STEPS):
        journal.append(record)
    journal.close()

    def run(path: Path, folder: object = folder) -> None:
        assert sum(1 for _ in read(path)) == STEPS

    return timing.cpu(lambda: journal.segment.path, run, STEPS)


CASES: dict[str, Callable[[], timing.Round]] = {
    "bare os.write": bare_write,
    "encode only": encode_only,
    "encode and checksum": encode_and_checksum,
    "Journal.append of a step": append,
    "read of a step": read_back,
}
GOALS = [Goal("Journal.append of a step", "bare os.write", 0.0, absolute=3000.0)]
REFERENCE = dict.fromkeys(["encode only", "encode and checksum", "read of a step"], "bare os.write")


def main() -> bool:
    size = len(msgspec.msgpack.encode(_records(1)[0])) + 9
    figures = interleaved([Worker(Path(sys.executable), "benchmarks.journal")])
    return report(f"Journal: CPU time of one step of {size} bytes", figures, GOALS, REFERENCE)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
