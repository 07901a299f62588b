"""Two media engines on the loopback address, and what tests hear from them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from runtime.media import g711
from runtime.media.link import InProcess
from runtime.media.port import LegInfo, MediaConfig, MediaEvent

PATIENCE = 10.0


class Side:
    """One in-process engine with the events its legs said."""

    def __init__(self, **settings: Any) -> None:
        self.events: list[MediaEvent] = []
        self._changed = asyncio.Event()
        self.link = InProcess(MediaConfig(**settings), self.take)

    def take(self, event: MediaEvent) -> None:
        self.events.append(event)
        self._changed.set()

    def named(self, name: str) -> list[MediaEvent]:
        return [event for event in self.events if event.name == name]

    async def event(self, name: str, count: int = 1) -> MediaEvent:
        """Wait for the `count`-th event of this name."""
        async with asyncio.timeout(PATIENCE):
            while len(self.named(name)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.named(name)[count - 1]

    def hears(self, leg: str) -> Ear:
        return Ear(self.link._media._legs[leg])


class Ear:
    """What a leg of an in-process engine hears, as samples at its rate."""

    def __init__(self, leg: Any) -> None:
        self.rate: int = leg.rate
        self._parts: list[np.ndarray] = []
        heard = leg.heard

        def listen(samples: np.ndarray) -> None:
            self._parts.append(samples)
            heard(samples)

        leg.heard = listen

    def clear(self) -> None:
        self._parts.clear()

    async def listen(self, seconds: float = 0.2) -> np.ndarray:
        """Answer the next `seconds` of sound that arrive."""
        self.clear()
        async with asyncio.timeout(PATIENCE):
            while sum(map(len, self._parts)) < seconds * self.rate:
                await asyncio.sleep(0.005)
        return np.concatenate(self._parts)

    async def until(self, frequency: float) -> None:
        """Wait until the leg hears this frequency above all others."""
        async with asyncio.timeout(PATIENCE):
            while strongest(await self.listen(), self.rate) != pytest.approx(frequency, abs=15):
                pass

    async def until_silent(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while np.abs(await self.listen(0.1)).max() > 300:
                pass


def strongest(samples: np.ndarray, rate: int = g711.RATE) -> float:
    """Answer the frequency that carries most energy, 0 for silence."""
    if len(samples) == 0 or np.abs(samples).max() < 1000:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))


async def until(condition: Callable[[], Any] | Callable[[], Awaitable[Any]]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.005)


async def call(one: Side, two: Side, kind: Any = "rtp") -> tuple[LegInfo, LegInfo]:
    """Let leg "a" of one engine call leg "b" of the other."""
    await one.link.create("a", kind)
    await two.link.create("b", kind)
    answer = await two.link.answer("b", await one.link.offer("a"))
    await one.link.accept("a", answer)
    await one.link.start("a")
    await two.link.start("b")
    return await one.link.info("a"), await two.link.info("b")
