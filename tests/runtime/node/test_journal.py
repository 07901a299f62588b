"""What was appended is there after any death; what could not be kept leaves no trace."""

from __future__ import annotations

import errno
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.compile import compile_text
from flows.semantics import Decision, Program
from runtime.executor.machine import Machine
from runtime.executor.replay import restore
from runtime.executor.step import Event, Step
from runtime.node.journal import (
    ActionResult,
    DoneRecord,
    Journal,
    JournalError,
    JournalFull,
    MediaRecord,
    RealFiles,
    Record,
    StepRecord,
    WireRecord,
    cut_torn_tail,
    next_epoch,
    read,
    read_some,
    segments,
    whole_length,
)

ROOT = Path(__file__).resolve().parents[3]
DECISION = Decision(3, "r", "Idle", "Active", "UAS", ("CreateDialog",), (), "fired", "d" * 64)


def step(number: int = 1) -> StepRecord:
    fields = {"from": "sip:a@b", "count": number}
    return StepRecord(Step("session", number, 1.5, "IncomingCall", fields, DECISION))


def all_kinds() -> list[Record]:
    return [
        step(),
        DoneRecord("session", 1, (ActionResult(True, 12), ActionResult(False, 7, "no port"))),
        WireRecord("session", 2.5, "in", "UDP", "127.0.0.1:5060", "127.0.0.1:9", b"INVITE\0\xff"),
        WireRecord(None, 2.5, "out", "UDP", "127.0.0.1:5060", "127.0.0.1:9", b""),
        MediaRecord("session", 3.5, "dtmf", {"digit": "5", "duration": 100}),
    ]


class FaultyFiles(RealFiles):
    """A disk that fills up, breaks or lies, as the test wants."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.write_error = errno.ENOSPC
        self.shortest: int | None = None
        self.sync_error: int | None = None
        self.truncate_error: int | None = None
        self.syncs = 0
        self.synced = threading.Event()
        self.open_error: int | None = None

    def open(self, path: Path) -> int:
        if self.open_error is not None:
            raise OSError(self.open_error, os.strerror(self.open_error))
        return super().open(path)

    def write(self, fd: int, data: Any) -> int:  # type: ignore[override]
        size = len(data)
        if self.shortest is not None:
            size = min(size, self.shortest)
        if self.room is not None:
            if self.room == 0:
                raise OSError(self.write_error, os.strerror(self.write_error))
            size = min(size, self.room)
            self.room -= size
        return os.write(fd, memoryview(data)[:size])

    def truncate(self, fd: int, length: int) -> None:  # type: ignore[override]
        if self.truncate_error is not None:
            raise OSError(self.truncate_error, os.strerror(self.truncate_error))
        os.ftruncate(fd, length)

    def sync(self, fd: int) -> None:  # type: ignore[override]
        self.syncs += 1
        try:
            if self.sync_error is not None:
                raise OSError(self.sync_error, os.strerror(self.sync_error))
            os.fdatasync(fd)
        finally:
            self.synced.set()


FLOW = """\
- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Ringing,
   actions: [CreateDialog, StoreRemoteSDP]}
- {from_state: Ringing, role: UAS, event: AcceptCall, next_state: Active,
   actions: [GenerateLocalSDP, StartMediaSession]}
- {from_state: Ringing, role: UAS, event: {after: 5s}}
- {from_state: Active, role: UAS, event: ActionFailed, guards: [HasLocalSDP], next_state: Active}
- {from_state: Active, role: UAS, event: DialogBYE, next_state: Terminated}
"""


@pytest.fixture
def files() -> FaultyFiles:
    return FaultyFiles()


@pytest.fixture
def journal(tmp_path: Path, files: FaultyFiles) -> Iterator[Journal]:
    opened = Journal(tmp_path, "n1", next_epoch(tmp_path, "n1"), files=files)
    yield opened
    opened.close()


def records(path: Path) -> list[Record]:
    return [record for _, record in read(path)]


# -- what is written is read -----------------------------------------------------------------------


def test_all_four_kinds_come_back_as_they_were_with_their_numbers(journal: Journal) -> None:
    written = all_kinds()
    assert [journal.append(record) for record in written] == [1, 2, 3, 4, 5]
    assert records(journal.segment.path) == written
    assert [record.number for record in records(journal.segment.path)] == [1, 2, 3, 4, 5]


def test_a_record_is_in_the_file_when_append_returns(journal: Journal) -> None:
    for number in range(1, 50):
        journal.append(step(number))
        assert len(records(journal.segment.path)) == number


def test_reading_goes_on_from_any_offset_that_reading_gave(journal: Journal) -> None:
    for number in range(1, 6):
        journal.append(step(number))
    path = journal.segment.path
    ends = [end for end, _ in read(path)]
    assert ends[-1] == path.stat().st_size == whole_length(path)
    for index, end in enumerate(ends):
        assert [r.number for _, r in read(path, end)] == list(range(index + 2, 6))


def test_records_longer_than_a_read_are_read_whole(journal: Journal) -> None:
    big = WireRecord("s", 1.0, "in", "WS", "a", "b", os.urandom(3 << 20))
    for record in (step(), big, step(2)):
        journal.append(record)
    assert records(journal.segment.path)[1] == big
    assert len(records(journal.segment.path)) == 3


def test_a_record_beyond_the_limit_is_refused_and_leaves_nothing(journal: Journal) -> None:
    with pytest.raises(ValueError):
        journal.append(WireRecord("s", 1.0, "in", "WS", "a", "b", bytes(17 << 20)))
    assert journal.append(step()) == 1
    assert len(records(journal.segment.path)) == 1


def test_a_full_segment_is_followed_by_another_with_the_numbers_going_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "n1", 1, segment_bytes=500)
    for number in range(1, 11):
        journal.append(step(number))
    journal.close()
    found = segments(tmp_path, "n1")
    assert [s.part for s in found] == list(range(len(found))) and len(found) > 2
    assert found[1].name == "n1-1.1.journal"
    assert [r.number for s in found for r in records(s.path)] == list(range(1, 11))
    assert journal.durable == 10


def test_if_no_new_segment_can_be_made_the_old_one_goes_on(
    tmp_path: Path, files: FaultyFiles
) -> None:
    journal = Journal(tmp_path, "n1", 1, segment_bytes=100, files=files)
    files.open_error = errno.EMFILE
    for number in range(1, 4):
        journal.append(step(number))
    journal.close()
    assert len(segments(tmp_path)) == 1
    assert len(records(segments(tmp_path)[0].path)) == 3


def test_a_segment_whose_folder_entry_is_not_safe_is_taken_away_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, "n1", 1, segment_bytes=100)

    def failing(folder: Path) -> None:
        raise OSError(errno.EIO, "the folder does not reach the disk")

    with monkeypatch.context() as patched:
        patched.setattr("runtime.node.journal._sync_folder", failing)
        for number in (1, 2, 3):
            journal.append(step(number))
        assert [s.part for s in segments(tmp_path)] == [0]
    journal.append(step(4))
    journal.close()
    assert [s.part for s in segments(tmp_path)] == [0, 1]
    assert [r.number for s in segments(tmp_path) for r in records(s.path)] == [1, 2, 3, 4]


# -- epochs ----------------------------------------------------------------------------------------


def test_the_number_of_a_start_is_above_all_that_others_know_of_the_name(tmp_path):
    assert next_epoch(tmp_path, "n1", after=41) == 42
    assert next_epoch(tmp_path, "n1", after=7) == 43


def test_each_start_counts_one_more_epoch(tmp_path: Path) -> None:
    assert [next_epoch(tmp_path, "n1") for _ in range(3)] == [1, 2, 3]
    assert next_epoch(tmp_path, "n2") == 1


def test_a_lost_or_spoilt_count_never_goes_back_behind_a_segment(tmp_path: Path) -> None:
    Journal(tmp_path, "n1", 7).close()
    assert next_epoch(tmp_path, "n1") == 8
    (tmp_path / "n1.epoch").write_text("\0garbage")
    assert next_epoch(tmp_path, "n1") == 8
    (tmp_path / "n1.epoch").unlink()
    assert next_epoch(tmp_path, "n1") == 8


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 65])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError):
        next_epoch(tmp_path, name)


def test_two_processes_never_write_for_one_node(tmp_path: Path) -> None:
    first = Journal(tmp_path, "n1", 1)
    with pytest.raises(JournalError, match="another process"):
        Journal(tmp_path, "n1", 2)
    Journal(tmp_path, "n2", 1).close()
    first.close()
    Journal(tmp_path, "n1", 2).close()


def test_segments_are_listed_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    for name in ("n-1-10.journal", "n-1-9.journal", "n-1-9.2.journal", "n-1-9.10.journal"):
        (tmp_path / name).touch()
    (tmp_path / "n-1-9.torn").touch()
    assert [s.name for s in segments(tmp_path, "n-1")] == [
        "n-1-9.journal",
        "n-1-9.2.journal",
        "n-1-9.10.journal",
        "n-1-10.journal",
    ]
    assert segments(tmp_path, "n") == []


# -- torn and spoilt -------------------------------------------------------------------------------


def test_cut_at_each_byte_the_whole_records_before_it_are_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "n1", 1)
    written = all_kinds()
    for record in written:
        journal.append(record)
    journal.close()
    data = journal.segment.path.read_bytes()
    ends = [end for end, _ in read(journal.segment.path)]
    torn = tmp_path / "n2-1.journal"
    for size in range(len(data) + 1):
        torn.write_bytes(data[:size])
        whole = sum(end <= size for end in ends)
        assert records(torn) == written[:whole]
        assert cut_torn_tail(torn) == size - ([0, *ends][whole])
        assert torn.stat().st_size == [0, *ends][whole]


def test_a_session_is_restored_from_what_is_left_at_each_byte(tmp_path: Path) -> None:
    table = compile_text(FLOW).table
    assert table is not None
    program = Program(table)
    machine = Machine(program, "s", "UAS", 0.0)
    journal = Journal(tmp_path, "n1", 1)
    known = [(machine.state, machine.values, machine.deadline)]

    def note(taken: Step | None) -> Step:
        assert taken is not None
        journal.append(StepRecord(taken))
        known.append((machine.state, machine.values, machine.deadline))
        return taken

    note(machine.receive(Event("IncomingCall", {"from": "a"}), 0.0))
    note(machine.expire(5.0))
    accepted = note(machine.receive(Event("AcceptCall"), 6.0))
    failure = machine.failed(accepted, 1, "no port")
    note(machine.receive(failure, 6.1))
    note(machine.receive(Event("DialogBYE"), 9.0))
    journal.close()
    data = journal.segment.path.read_bytes()
    torn = tmp_path / "n2-1.journal"
    for size in range(len(data) + 1):
        torn.write_bytes(data[:size])
        steps = [r.step for r in records(torn) if isinstance(r, StepRecord)]
        again = restore(program, "UAS", steps, created=0.0)
        if again is None:
            assert not steps
        else:
            assert (again.state, again.values, again.deadline) == known[len(steps)]


def test_a_flipped_bit_is_the_end_of_what_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "n1", 1)
    for number in range(1, 4):
        journal.append(step(number))
    journal.close()
    path = journal.segment.path
    whole = path.read_bytes()
    first_end = next(iter(read(path)))[0]
    for place in range(first_end, len(whole)):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << random.Random(place).randrange(8)
        path.write_bytes(spoilt)
        assert [r.number for r in records(path)] in ([1], [1, 2])


def test_starting_again_cuts_the_torn_tail_and_keeps_it_aside(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "n1", 1)
    journal.append(step())
    journal.close()
    path = journal.segment.path
    with path.open("ab") as file:
        file.write(b"\x40\0\0\0torn")
    again = Journal(tmp_path, "n1", 2)
    again.close()
    assert again.cut == 8
    assert whole_length(path) == path.stat().st_size
    assert path.with_suffix(".torn").read_bytes() == b"\x40\0\0\0torn"


def test_zeros_at_the_end_are_no_record(tmp_path: Path) -> None:
    path = tmp_path / "n1-1.journal"
    path.write_bytes(bytes(100))
    assert records(path) == []
    assert cut_torn_tail(path) == 100


def test_a_record_of_an_unknown_version_is_refused(tmp_path: Path) -> None:
    import struct
    import zlib

    journal = Journal(tmp_path, "n1", 1)
    journal.append(step())
    journal.close()
    path = journal.segment.path
    body = bytes([2]) + b"\x90"
    with path.open("ab") as file:
        file.write(struct.pack("<II", len(body), zlib.crc32(body)) + body)
    reading = read(path)
    assert next(reading)[1].number == 1
    with pytest.raises(JournalError, match="version 2"):
        next(reading)
    assert cut_torn_tail(path) == 0, "what is whole is not torn, and nothing of it is cut"


# -- a full or broken disk -------------------------------------------------------------------------


def test_a_full_disk_is_said_and_leaves_no_half_record(
    journal: Journal, files: FaultyFiles
) -> None:
    journal.append(step())
    size = journal.segment.path.stat().st_size
    for room in (0, 1, 8, 20):
        files.room = room
        with pytest.raises(JournalFull) as caught:
            journal.append(step(2))
        assert caught.value.errno == errno.ENOSPC
        assert journal.segment.path.stat().st_size == size
        assert not journal.healthy
        assert "No space left" in journal.reason


def test_room_on_the_disk_heals_the_journal_by_itself(journal: Journal, files: FaultyFiles) -> None:
    journal.append(step())
    files.room = 0
    assert journal.check(), "nothing failed yet"
    with pytest.raises(JournalFull):
        journal.append(step(2))
    assert not journal.check()
    files.room = 1000
    assert not journal.check(), "room for a record is not room for a call"
    files.room = None
    assert journal.check()
    assert journal.healthy and journal.reason == ""
    assert journal.append(step(2)) == 2, "no number is lost"
    assert [r.number for r in records(journal.segment.path)] == [1, 2]


def test_a_running_call_may_go_on_writing_and_heals_it_too(
    journal: Journal, files: FaultyFiles
) -> None:
    files.room = 0
    with pytest.raises(JournalFull):
        journal.append(step())
    files.room = None
    journal.append(step())
    assert journal.healthy


def test_an_input_output_error_is_said_too(journal: Journal, files: FaultyFiles) -> None:
    files.room, files.write_error = 5, errno.EIO
    with pytest.raises(JournalFull) as caught:
        journal.append(step())
    assert caught.value.errno == errno.EIO
    assert records(journal.segment.path) == []


def test_a_short_write_is_completed(journal: Journal, files: FaultyFiles) -> None:
    files.shortest = 7
    for number in (1, 2):
        journal.append(step(number))
    assert [r.number for r in records(journal.segment.path)] == [1, 2]


def test_if_the_half_record_can_not_be_taken_back_the_segment_is_closed_for_good(
    journal: Journal, files: FaultyFiles
) -> None:
    journal.append(step())
    files.room, files.truncate_error = 5, errno.EIO
    with pytest.raises(JournalFull):
        journal.append(step(2))
    files.room = files.truncate_error = None
    assert not journal.check()
    with pytest.raises(JournalFull):
        journal.append(step(2))
    assert [r.number for r in records(journal.segment.path)] == [1]


def test_a_failed_sync_is_never_tried_again_and_closes_the_segment(
    tmp_path: Path, files: FaultyFiles
) -> None:
    files.sync_error = errno.EIO
    journal = Journal(tmp_path, "n1", 1, files=files)
    journal.append(step())
    assert files.synced.wait(10)
    journal._syncer.join(10)
    files.sync_error = None
    assert not journal.healthy
    assert "did not reach the disk" in journal.reason
    assert not journal.check()
    with pytest.raises(JournalFull):
        journal.append(step(2))
    journal.close()
    assert files.syncs == 1
    assert journal.durable == 0
    assert [r.number for r in records(segments(tmp_path)[0].path)] == [1]


def test_what_was_appended_is_brought_to_the_disk(journal: Journal, files: FaultyFiles) -> None:
    for number in range(1, 200):
        journal.append(step(number))
    journal.close()
    assert journal.durable == 199
    assert files.syncs < 199, "not each record alone"


def test_closing_twice_is_harmless_and_nothing_is_taken_afterwards(journal: Journal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(JournalFull):
        journal.append(step())


FILL_A_REAL_DISK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from runtime.node.journal import Journal, JournalFull, WireRecord, read
folder = Path(sys.argv[2])
ballast = folder / "ballast"
ballast.write_bytes(bytes(100_000))
journal = Journal(folder, "n1", 1)
count = 0
try:
    while True:
        journal.append(WireRecord("s", 1.0, "in", "UDP", "a", "b", bytes(1500)))
        count += 1
except JournalFull:
    pass
assert count > 10 and not journal.healthy and not journal.check()
assert len(list(read(journal.segment.path))) == count
ballast.unlink()
assert journal.check() and journal.healthy
journal.append(WireRecord("s", 1.0, "in", "UDP", "a", "b", b""))
assert [r.number for _, r in read(journal.segment.path)] == list(range(1, count + 2))
journal.close()
print("healed")
"""


def test_a_real_disk_that_is_full_and_gets_room_again(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=256k none {tmp_path}"
    namespace = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    try:
        subprocess.run([*namespace, mount], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody mount a small disk in a namespace of his own")
    done = subprocess.run(
        [*namespace, f'{mount} && exec "$0" -c "$1" "$2" "$3"', sys.executable]
        + [FILL_A_REAL_DISK, str(ROOT), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "healed\n", done.stderr


# -- a killed process ------------------------------------------------------------------------------

APPEND_AND_TELL = """
import socket, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from flows.semantics import Decision
from runtime.executor.step import Step
from runtime.node.journal import Journal, StepRecord, next_epoch
folder = Path(sys.argv[2])
journal = Journal(folder, "n1", next_epoch(folder, "n1"))
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.connect(("127.0.0.1", int(sys.argv[3])))
decision = Decision(0, "", "A", "B", "UAS", ("CreateDialog",), (), "fired", "d" * 64)
number = 0
while True:
    number += 1
    step = Step("s", number, float(number), "InfoReceived", {"pad": "x" * (number % 700)}, decision)
    journal.append(StepRecord(step))
    peer.send(b"%d %d" % (journal.epoch, number))
"""


def test_no_step_that_anybody_heard_of_is_lost_by_a_killed_process(tmp_path: Path) -> None:
    chance = random.Random(20)
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(("127.0.0.1", 0))
    heard.settimeout(60)
    port = heard.getsockname()[1]
    acknowledged: dict[int, int] = {}
    for epoch in range(1, 16):
        child = subprocess.Popen(
            [sys.executable, "-c", APPEND_AND_TELL, str(ROOT), str(tmp_path), str(port)]
        )
        try:
            for _ in range(chance.randrange(1, 600)):
                told_epoch, number = map(int, heard.recv(64).split())
                acknowledged[told_epoch] = max(number, acknowledged.get(told_epoch, 0))
        finally:
            child.kill()
            child.wait()
        heard.setblocking(False)
        try:
            while True:
                told_epoch, number = map(int, heard.recv(64).split())
                acknowledged[told_epoch] = max(number, acknowledged.get(told_epoch, 0))
        except BlockingIOError:
            heard.settimeout(60)
        assert max(acknowledged) == epoch
    heard.close()

    survivor = Journal(tmp_path, "n1", next_epoch(tmp_path, "n1"))
    survivor.close()
    assert survivor.epoch == 16
    for segment in segments(tmp_path, "n1")[:-1]:
        kept = records(segment.path)
        assert [r.number for r in kept] == list(range(1, len(kept) + 1))
        assert len(kept) >= acknowledged[segment.epoch]
        assert whole_length(segment.path) == segment.path.stat().st_size


def test_what_the_shipper_reads_is_what_anybody_reads(tmp_path: Path) -> None:
    written = Journal(tmp_path, "n1", 1)
    records = [
        StepRecord(Step("s1", 1, 1.5, "IncomingCall", {"from": "a"}, DECISION)),
        DoneRecord("s1", 1, (ActionResult(True, 3),)),
        WireRecord(None, 2.0, "in", "UDP", "l", "r", b"x" * 5000),
    ]
    for record in records * 40:
        written.append(record)
    written.close()
    path = written.segment.path
    whole = path.read_bytes()
    for cut in (*range(len(whole) - 6000, len(whole), 7), len(whole)):
        path.write_bytes(whole[:cut])
        ends = [end for end, _ in read(path)]
        found, end, why = read_some(path, 0, 1000)
        assert (len(found), end, why) == (len(ends), ends[-1], "")
    numbers = [record.number for record in found]
    some, end, _ = read_some(path, ends[9], 7)
    assert [record.number for record in some] == numbers[10:17] and end == ends[16]
    path.write_bytes(whole[:20] + bytes([whole[20] ^ 1]) + whole[21:])
    assert read_some(path, 0, 1000) == ([], 0, "")


def test_records_that_are_held_back_are_written_together(
    journal: Journal, files: FaultyFiles
) -> None:
    journal.append(step(1))
    journal.hold()
    assert [journal.append(step(number)) for number in (2, 3, 4)] == [2, 3, 4]
    assert (journal.number, numbers(journal)) == (1, [1])
    journal.commit()
    assert (journal.number, numbers(journal)) == (4, [1, 2, 3, 4])
    journal.append(step(5))
    journal.release()
    journal.append(step(6))
    assert numbers(journal) == [1, 2, 3, 4, 5, 6]


def test_of_records_that_cannot_be_written_together_none_is_kept(
    journal: Journal, files: FaultyFiles
) -> None:
    journal.append(step(1))
    journal.hold()
    journal.append(step(2))
    journal.append(step(3))
    files.room = 10
    with pytest.raises(JournalFull):
        journal.release()
    assert not journal.healthy and numbers(journal) == [1]
    files.room = None
    assert journal.check()
    assert journal.append(step(2)) == 2
    assert numbers(journal) == [1, 2]


def numbers(journal: Journal) -> list[int]:
    return [record.number for _, record in read(journal.segment.path)]
