"""The node's journal: what happened, on disk before anybody outside can see its effects.

A folder holds segments, one or more for each start of the node: `NODE-EPOCH.journal`, then
`NODE-EPOCH.1.journal` and so on once one is full. A segment is a list of frames:

    length u32, crc32 u32 (little endian), then `length` bytes: version u8, MessagePack

Each record is one `write` to a file opened for appending. That survives the death of the process;
a thread brings it to the disk (`fdatasync`) at most every 10 ms, so a power cut costs at most that
much. A torn last frame is cut off when the node starts again, never guessed at.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from runtime.executor.step import Step

RECORD_VERSION: Final = 1
SYNC_INTERVAL: Final = 0.010
SEGMENT_BYTES: Final = 64 << 20
LONGEST_RECORD: Final = 16 << 20

_HEADER: Final = struct.Struct("<II")
_BODY: Final = _HEADER.size + 1
_PROBE: Final = bytes(64 << 10)
_CHUNK: Final = 1 << 20


class StepRecord(msgspec.Struct, array_like=True, tag="step", gc=False):
    """A decision of the executor, written before its effects."""

    step: Step
    number: int = 0
    """Place in the journal of this node and epoch, from 1; set by `Journal.append`."""


class ActionResult(msgspec.Struct, array_like=True, gc=False):
    """How one action of a step went."""

    ok: bool
    microseconds: int
    error: str | None = None


class DoneRecord(msgspec.Struct, array_like=True, tag="done", gc=False):
    """The results of a step's actions, in their order; fewer than its actions if one failed."""

    session: str
    sequence: int
    """The step's own."""
    results: tuple[ActionResult, ...]
    number: int = 0


class WireRecord(msgspec.Struct, array_like=True, tag="wire", gc=False):
    """One SIP message, raw."""

    session: str | None
    time: float
    direction: str
    """`in` or `out`."""
    transport: str
    local: str
    remote: str
    data: bytes
    number: int = 0


class MediaRecord(msgspec.Struct, array_like=True, tag="media", gc=False):
    """A fact of the media: ICE, DTLS, DTMF, statistics."""

    session: str
    time: float
    kind: str
    detail: dict[str, Any]
    number: int = 0


Record = StepRecord | DoneRecord | WireRecord | MediaRecord


class PackedStep(msgspec.Struct, array_like=True, gc=False):
    """A step whose event's fields and decision are MessagePack still."""

    session: str
    sequence: int
    time: float
    event: str
    fields: msgspec.Raw
    decision: msgspec.Raw


class PackedStepRecord(msgspec.Struct, array_like=True, tag="step", gc=False):
    """A step on its way to the database: most of it is the same for many and unpacked once."""

    step: PackedStep
    number: int = 0


Shipped = PackedStepRecord | DoneRecord | WireRecord | MediaRecord
"""A record as the shipper hands it over."""


class JournalError(Exception):
    """A segment can not be used: not of this version, or held by another process."""


class JournalFull(OSError):
    """A record could not be kept. Nothing of it is left behind in the segment."""


class Segment(NamedTuple):
    """One file of the journal; sorts in the order in which it was written."""

    node: str
    epoch: int
    part: int
    path: Path

    @property
    def name(self) -> str:
        """The file's name: the key under which a sink keeps its position."""
        return self.path.name


class Files(Protocol):
    """What the journal needs of the operating system; tests give one that fails."""

    def open(self, path: Path) -> int: ...
    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int: ...
    def truncate(self, fd: int, length: int) -> None: ...
    def sync(self, fd: int) -> None: ...
    def close(self, fd: int) -> None: ...


class RealFiles:
    """The operating system itself."""

    def open(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)

    write = staticmethod(os.write)
    truncate = staticmethod(os.ftruncate)
    sync = staticmethod(os.fdatasync)
    close = staticmethod(os.close)


# -- the folder ------------------------------------------------------------------------------------

_SEGMENT_NAME = re.compile(r"(?P<node>.+)-(?P<epoch>\d+)(?:\.(?P<part>\d+))?\.journal")
_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def segments(folder: Path, node: str | None = None) -> list[Segment]:
    """Return the segments in the folder, of one node or of all, oldest first."""
    found = []
    for path in folder.glob("*.journal"):
        match = _SEGMENT_NAME.fullmatch(path.name)
        if match is not None and node in (None, match["node"]):
            part = int(match["part"] or 0)
            found.append(Segment(match["node"], int(match["epoch"]), part, path))
    return sorted(found)


def next_epoch(folder: Path, node: str, after: int = 0) -> int:
    """Count one more start of the node, and keep the count in the folder.

    Never goes back: segments whose epoch is higher than the kept count are believed, and so is
    whoever knows that numbers up to `after` were used (by a folder that is gone).
    """
    if not _NODE_NAME.fullmatch(node):
        raise ValueError(f"{node!r} can not be the name of a node")
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{node}.epoch"
    epoch = 1 + max([after, _number_in(kept), *(s.epoch for s in segments(folder, node))])
    fresh = folder / f"{node}.epoch.new"
    with fresh.open("w") as file:
        file.write(f"{epoch}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(kept)
    _sync_folder(folder)
    return epoch


def _number_in(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(path.read_text())
    return 0


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


# -- reading ---------------------------------------------------------------------------------------

_decoder: Final = msgspec.msgpack.Decoder(Record)
_packed: Final = msgspec.msgpack.Decoder(Shipped)


def read(path: Path, offset: int = 0) -> Iterator[tuple[int, Record]]:
    """Yield (offset behind the record, record) from `offset` to the last whole record.

    A frame that is not whole, or whose checksum is wrong, is the end: it is a torn tail, or being
    written just now. Raises JournalError for a whole record of a version this program does not
    know.
    """
    with path.open("rb") as file:
        file.seek(offset)
        pending = b""
        while chunk := file.read(_CHUNK):
            pending += chunk
            used = 0
            while (body := _frame(pending, used)) is not None:
                used += _HEADER.size + len(body)
                yield offset + used, _record(body, path, offset + used)
            offset += used
            pending = pending[used:]


def read_some(path: Path, offset: int, most: int) -> tuple[list[Shipped], int, str]:
    """Return at most so many records from `offset` on, the offset behind the last of them, and why
    no more can be read behind it (empty if it only is the end, as `read` knows it).

    The same as `read`, at half the cost: this is done for every record of every call.
    """
    found: list[Shipped] = []
    end = offset
    header, checksum_of, decode = _HEADER.unpack_from, zlib.crc32, _packed.decode
    with path.open("rb") as file:
        file.seek(offset)
        pending = b""
        while len(found) < most and (chunk := file.read(_CHUNK)):
            pending += chunk
            view, used, size = memoryview(pending), 0, len(pending)
            while len(found) < most and size - used >= _BODY:
                length, checksum = header(pending, used)
                start = used + _HEADER.size
                stop = start + length
                if not 2 <= length <= LONGEST_RECORD or stop > size:
                    break
                if checksum_of(view[start:stop]) != checksum:
                    return found, end, ""
                if pending[start] != RECORD_VERSION:
                    return found, end, _unreadable(path, end + stop - used, pending[start])
                try:
                    found.append(decode(view[start + 1 : stop]))
                except msgspec.MsgspecError as error:
                    why = f"{path.name}: the record that ends at {end + stop - used}: {error}"
                    return found, end, why
                end += stop - used
                used = stop
            pending = pending[used:]
    return found, end, ""


def _unreadable(path: Path, end: int, version: int) -> str:
    return (
        f"{path.name}: the record that ends at {end} has version {version}; "
        f"this program reads version {RECORD_VERSION}"
    )


def _frame(data: bytes, start: int) -> bytes | None:
    """Return version and MessagePack of the frame at `start`; None if it is not whole and right."""
    if len(data) - start < _BODY:
        return None
    length, checksum = _HEADER.unpack_from(data, start)
    body = data[start + _HEADER.size : start + _HEADER.size + length]
    if not 2 <= length <= LONGEST_RECORD or len(body) < length or zlib.crc32(body) != checksum:
        return None
    return body


def _record(body: bytes, path: Path, end: int) -> Record:
    if body[0] != RECORD_VERSION:
        raise JournalError(_unreadable(path, end, body[0]))
    try:
        record: Record = _decoder.decode(memoryview(body)[1:])
    except msgspec.MsgspecError as error:
        raise JournalError(f"{path.name}: the record that ends at {end}: {error}") from error
    return record


def whole_length(path: Path) -> int:
    """Return how many bytes of the segment are whole records."""
    end = 0
    with path.open("rb") as file:
        pending = b""
        while chunk := file.read(_CHUNK):
            pending += chunk
            used = 0
            while (body := _frame(pending, used)) is not None:
                used += _HEADER.size + len(body)
            end += used
            pending = pending[used:]
    return end


def cut_torn_tail(path: Path) -> int:
    """Cut off what follows the last whole record; return how many bytes that were.

    They are put beside the segment (`.torn`), for whoever wants to look at them.
    """
    end = whole_length(path)
    torn = path.stat().st_size - end
    if torn:
        with path.open("rb") as file:
            file.seek(end)
            path.with_suffix(".torn").write_bytes(file.read())
        os.truncate(path, end)
    return torn


# -- writing ---------------------------------------------------------------------------------------


class Journal:
    """The segment this process writes. `append` belongs to one thread.

    Raises JournalError if another process holds the node's journal, OSError if the first segment
    can not be made. Opening cuts the torn tails of earlier epochs.
    """

    def __init__(
        self,
        folder: Path,
        node: str,
        epoch: int,
        *,
        files: Files | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        sync_interval: float = SYNC_INTERVAL,
    ) -> None:
        self.folder = folder
        self.node = node
        self.epoch = epoch
        self.number = 0
        """Of the last record appended."""
        self.durable = 0
        """Records up to this number have reached the disk."""
        self._write_trouble = ""
        self._lasting_trouble = ""
        self._files: Files = files or RealFiles()
        self._segment_bytes = segment_bytes
        self._lock = _hold(folder, node)
        try:
            self.cut = sum(cut_torn_tail(s.path) for s in segments(folder, node))
            self._part = 0
            self._offset = 0
            self._fd = self._open()
        except BaseException:
            os.close(self._lock)
            raise
        self._write = self._files.write
        self._encode_into = msgspec.msgpack.Encoder().encode_into
        self._buffer = bytearray(4096)
        self._batch = bytearray()
        """Records that were numbered and wait to be written."""
        self._holding = False
        self._numbered = 0
        self._dirty = False
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._retired: list[int] = []
        """Files of full segments; the thread that syncs closes them."""
        self._interval = sync_interval
        self._syncer = threading.Thread(target=self._sync_loop, name="journal-sync", daemon=True)
        self._syncer.start()

    @property
    def segment(self) -> Segment:
        """The segment being written."""
        suffix = f".{self._part}" if self._part else ""
        path = self.folder / f"{self.node}-{self.epoch}{suffix}.journal"
        return Segment(self.node, self.epoch, self._part, path)

    @property
    def healthy(self) -> bool:
        """Every record so far could be kept, as far as is known."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why it is not healthy, for people; else empty."""
        return self._lasting_trouble or self._write_trouble

    def append(self, record: Record) -> int:
        """Number the record and write it, or let it wait (`hold`); return its number.

        Raises JournalFull if it could not be kept: nothing of it is left, `healthy` is false and
        `reason` says why.
        """
        if self._lasting_trouble:
            raise JournalFull(errno.EIO, self._lasting_trouble)
        record.number = number = self._numbered + 1
        buffer = self._buffer
        self._encode_into(record, buffer, _BODY)
        buffer[_HEADER.size] = RECORD_VERSION
        length = len(buffer) - _HEADER.size
        if length > LONGEST_RECORD:
            raise ValueError(f"a record of {length} bytes is longer than the journal takes")
        _HEADER.pack_into(buffer, 0, length, zlib.crc32(memoryview(buffer)[_HEADER.size :]))
        self._numbered = number
        if self._holding:
            self._batch += buffer
        else:
            self._keep(buffer)
        return number

    # -- several records in one write --------------------------------------------------------------

    def hold(self) -> None:
        """Let records wait for `commit`: what they are about has no effect outside before it."""
        self._holding = True

    def commit(self) -> None:
        """Write what waits, and go on holding; JournalFull if none of it could be kept."""
        if self._batch:
            batch, self._batch = self._batch, bytearray()
            self._keep(batch)

    def release(self) -> None:
        """Write what waits, and write each record at once from now on. JournalFull."""
        self._holding = False
        self.commit()

    def _keep(self, data: bytearray) -> None:
        if self._offset >= self._segment_bytes:
            self._rotate()
        try:
            self._put(data)
        except JournalFull:
            self._numbered = self.number
            raise
        self.number = self._numbered
        if self._write_trouble:
            self._write_trouble = ""
        if not self._dirty:
            self._dirty = True
            self._wake.set()

    def check(self) -> bool:
        """Say whether a new call may be taken on; one asks before each.

        After a write that failed it tries again, so that room on the disk heals the journal by
        itself. A failed sync is never tried again: only a restart heals that.
        """
        if self._write_trouble and not self._lasting_trouble:
            start = self._offset
            try:
                self._put(_PROBE)
            except JournalFull:
                return False
            self._take_back(start)
            self._write_trouble = ""
        return not self._lasting_trouble

    def close(self) -> None:
        """Bring everything to the disk and let the node's name go; harmless when repeated."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._wake.set()
        self._syncer.join()
        self._sync()
        self._lasting_trouble = self._lasting_trouble or "the journal is closed"
        self._files.close(self._fd)
        os.close(self._lock)

    def _open(self) -> int:
        path = self.segment.path
        fd = self._files.open(path)
        try:
            _sync_folder(self.folder)
        except OSError:
            # Left behind, it would look like the segment that is written, and block its number.
            self._files.close(fd)
            path.unlink(missing_ok=True)
            raise
        return fd

    def _rotate(self) -> None:
        """Go on in a new segment; stay in the old one if none can be made."""
        self._part += 1
        try:
            fd = self._open()
        except OSError:
            self._part -= 1
            return
        self._retired.append(self._fd)
        self._fd = fd
        self._offset = 0

    def _put(self, data: bytes | bytearray) -> None:
        """Write all of the data, or none of it."""
        start = self._offset
        try:
            written = self._write(self._fd, data)
            while written < len(data):
                more = self._write(self._fd, memoryview(data)[written:])
                if more == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += more
        except OSError as error:
            self._write_trouble = f"the journal can not be written: {error.strerror or error}"
            self._take_back(start)
            raise JournalFull(error.errno, self.reason) from error
        self._offset = start + len(data)

    def _take_back(self, start: int) -> None:
        try:
            self._files.truncate(self._fd, start)
        except OSError as error:
            self._lasting_trouble = f"the journal's end can not be cut: {error.strerror or error}"
        self._offset = start

    # -- the thread that syncs ---------------------------------------------------------------------

    def _sync_loop(self) -> None:
        while not self._stop.is_set() and not self._lasting_trouble:
            self._wake.wait()
            self._wake.clear()
            self._dirty = False
            self._sync()
            self._stop.wait(self._interval)

    def _sync(self) -> None:
        """Bring to the disk what is written by now.

        The order of reading number, file, retired files matters: the other thread may go on to a
        new segment at any point in between.
        """
        number = self.number
        if self._lasting_trouble or number == self.durable:
            return
        try:
            self._files.sync(self._fd)
            while self._retired:
                self._files.sync(self._retired[0])
                self._files.close(self._retired.pop(0))
        except OSError as error:
            # What the kernel failed to write it may have dropped: asking again proves nothing.
            trouble = f"the journal did not reach the disk: {error.strerror or error}"
            self._lasting_trouble = trouble
        else:
            self.durable = number


def _hold(folder: Path, node: str) -> int:
    """Take the node's name for this process; two must never write for one node."""
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder / f"{node}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise JournalError(f"another process writes the journal of node {node}") from error
    return fd
