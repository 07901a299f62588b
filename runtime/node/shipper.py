"""Carry the journal into the database: in batches, off the event loop, each record once.

The sink keeps, in the same transaction as the records, how far each segment was taken. So a crash
or an outage at any point leaves neither a gap nor a double, and the shipper keeps no state itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

from runtime.node.journal import Segment, Shipped, read_some, segments

BATCH: Final = 4000
PAUSE: Final = 0.05
"""Seconds between looks at a journal that had nothing new."""
YOUNG: Final = 2
"""Segments that stay however much of them is stored: the one being written and one before it."""
LONGEST_PAUSE: Final = 5.0
"""Seconds between tries while the sink fails."""

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where records go. All calls come from one thread that belongs to the shipper."""

    def position(self, segment: str) -> int:
        """Return the offset up to which the segment of this name is stored; 0 if nothing is."""
        ...

    def store(self, segment: Segment, records: Sequence[Shipped], start: int, end: int) -> bool:
        """Store the records between the two offsets and `end` as the position, all or nothing.

        False, and nothing stored, if the segment's position is not `start`.
        """
        ...


class Shipper:
    """Reads the segments of one folder, oldest first, and hands batches to the sink.

    A segment is removed when all of it is stored and it is of an earlier start of the node (`epoch`
    is the current one), or two younger ones follow it: so a node that never stops does not fill its
    disk, and what was stored last stands in the journal until the database has long brought it to
    its own. With `keep=True` none is removed.
    """

    def __init__(
        self,
        folder: Path,
        node: str,
        epoch: int,
        sink: Sink,
        *,
        batch: int = BATCH,
        keep: bool = False,
    ) -> None:
        self.folder = folder
        self.node = node
        self.epoch = epoch
        self.sink = sink
        self.batch = batch
        self.keep = keep
        self.shipped = 0
        """Records stored since this shipper began."""
        self.lag = 0
        """Bytes of journal that the sink did not have when it was last looked at."""
        self._trouble = ""
        self._refused: dict[Path, str] = {}
        self._positions: dict[Path, int] = {}
        self._stopping = asyncio.Event()
        self._thread: ThreadPoolExecutor | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str:
        """Why records do not get through at the moment, for people; else empty."""
        return self._trouble or "; ".join(self._refused.values())

    # -- one pass, in any thread -------------------------------------------------------------------

    def pump(self) -> int:
        """Hand over at most one batch, from the oldest segments on; return how many records.

        Raises what the sink raises. A segment of an unknown version is left where it is.
        """
        found = segments(self.folder, self.node)
        for segment in found:
            if segment.path not in self._positions:
                self._positions[segment.path] = self.sink.position(segment.name)
        count = 0
        for segment in found:
            if count < self.batch and segment.path not in self._refused:
                count += self._pump_segment(segment, self.batch - count)
        behind = {s: s.path.stat().st_size - self._positions[s.path] for s in found}
        if not self.keep:
            for segment, size in behind.items():
                if size <= 0 and (segment.epoch < self.epoch or segment not in found[-YOUNG:]):
                    segment.path.unlink()
                    self._positions.pop(segment.path, None)
        self.lag = sum(behind.values())
        self.shipped += count
        return count

    def _pump_segment(self, segment: Segment, most: int) -> int:
        path = segment.path
        start = self._positions[path]
        if path.stat().st_size <= start:
            return 0
        found, end, why = read_some(path, start, most)
        if why:
            log.error("%s is not stored any further: %s", path, why)
            self._refused[path] = why
        if not found:
            return 0
        # Should it fail, whether it was stored is not known: the sink is asked again.
        self._positions.pop(path)
        if not self.sink.store(segment, found, start, end):
            self._positions[path] = self.sink.position(segment.name)
            return 0
        self._positions[path] = end
        return len(found)

    # -- the loop's side ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to ship beside the running loop."""
        if self._task is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-shipper")
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ship what is there, as far as the sink takes it, and stop; harmless when repeated."""
        task, self._task = self._task, None
        if task is None or self._thread is None:
            return
        self._stopping.set()
        await task
        self._thread.shutdown()

    async def _run(self) -> None:
        pause = PAUSE
        while True:
            stopping = self._stopping.is_set()
            count = await self._try_once()
            if stopping and not count:
                return
            if self._trouble:
                pause = min(pause * 2, LONGEST_PAUSE)
            elif count:
                pause = PAUSE
                continue
            else:
                pause = PAUSE
            if not stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)

    async def _try_once(self) -> int:
        """Pump in the thread. The sink's failure is the world's: it is shown and tried again."""
        assert self._thread is not None
        loop = asyncio.get_running_loop()
        try:
            count = await loop.run_in_executor(self._thread, self.pump)
        except Exception as error:
            trouble = f"{type(error).__name__}: {error}"
            if trouble != self._trouble:
                log.warning("the journal does not reach the database: %s", trouble)
            self._trouble = trouble
            return 0
        if self._trouble:
            log.info("the journal reaches the database again")
            self._trouble = ""
        return count
