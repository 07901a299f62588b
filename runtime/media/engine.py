"""The media engine: legs by id. The same class serves in this process and in the media process."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from runtime.media.leg import Leg
from runtime.media.pacer import Pacer
from runtime.media.peer import PeerLeg, prepare
from runtime.media.plain import PlainLeg, Ports
from runtime.media.port import (
    Direction,
    EventSink,
    Kind,
    LegInfo,
    MediaConfig,
    MediaError,
    MediaEvent,
)

logger = logging.getLogger(__name__)

MAX_LEGS = 5000

OPERATIONS = frozenset(
    "create restore offer answer accept rollback start direction echo tone play stop dtmf mute"
    " bridge unbridge stats info legs close".split()
)


class Media:
    """Implements the requests of `runtime.media.port.MediaLink`; events go to `on_event`."""

    def __init__(self, config: MediaConfig, on_event: EventSink) -> None:
        prepare(config)
        self._config = config
        self._on_event = on_event
        self._legs: dict[str, Leg] = {}
        self._pacer = Pacer()
        self._ports = Ports(config)

    async def perform(self, op: str, args: dict[str, Any]) -> Any:
        """Do one operation by name; whatever goes wrong leaves as a MediaError."""
        if op not in OPERATIONS:
            raise MediaError("bad_argument", f"{op} is not an operation")
        try:
            if op == "restore" and not isinstance(args.get("info"), LegInfo):
                args = {"info": msgspec.convert(args.get("info"), LegInfo)}
            return await getattr(self, op)(**args)
        except MediaError:
            raise
        except Exception as error:
            logger.exception("media operation %s failed", op)
            raise MediaError("internal", f"{type(error).__name__}: {error}") from error

    def known(self, leg: str | None) -> LegInfo | None:
        """Answer what a leg is now, None if it does not exist."""
        found = self._legs.get(leg or "")
        return found.info() if found else None

    async def create(self, leg: str, kind: Kind, *, port: int = 0, towards: str = "") -> LegInfo:
        if leg in self._legs:
            raise MediaError("leg_exists")
        if len(self._legs) >= MAX_LEGS:
            raise MediaError("no_port", "the engine carries its most legs already")
        return (await self._make(leg, kind, port, towards)).info()

    async def restore(self, info: LegInfo) -> LegInfo:
        """Build a leg again from what was known of it; one that lives is left as it is."""
        if info.leg in self._legs:
            return self._legs[info.leg].info()
        leg = await self._make(info.leg, info.kind, info.port)
        try:
            await leg.restore(info)
            await leg.resume(info)
        except Exception:
            await self.close(info.leg)
            raise
        other = self._legs.get(info.bridged)
        if other is not None:
            self._join(leg, other)
        return leg.info()

    async def offer(self, leg: str, *, restart: bool = False) -> str:
        return await self._leg(leg).offer(restart)

    async def answer(self, leg: str, remote_sdp: str) -> str:
        return await self._leg(leg).answer(remote_sdp)

    async def accept(self, leg: str, remote_sdp: str) -> None:
        await self._leg(leg).accept(remote_sdp)

    async def rollback(self, leg: str) -> None:
        await self._leg(leg).rollback()

    async def start(self, leg: str) -> None:
        self._leg(leg).start()

    async def direction(self, leg: str, direction: Direction) -> None:
        await self._leg(leg).set_direction(direction)

    async def echo(self, leg: str, on: bool) -> None:
        self._leg(leg).voice.set_echo(on)

    async def tone(self, leg: str, frequency: float | None) -> None:
        if frequency is not None and not 20 <= frequency <= 3900:
            raise MediaError("bad_argument", "a tone has 20 to 3900 hertz")
        self._leg(leg).voice.set_tone(frequency or 0.0)

    async def play(self, leg: str, source: str, *, repeat: bool = False) -> None:
        await self._leg(leg).play(source, repeat)

    async def stop(self, leg: str) -> None:
        self._leg(leg).voice.stop()

    async def dtmf(self, leg: str, digits: str, *, duration: int = 160) -> None:
        self._leg(leg).send_digits(digits.upper(), duration)

    async def mute(self, leg: str, on: bool) -> None:
        self._leg(leg).voice.muted = on

    async def bridge(self, leg: str, other: str) -> None:
        one, two = self._leg(leg), self._leg(other)
        if one is two:
            raise MediaError("bad_argument", "a leg cannot be bridged with itself")
        self._part(one)
        self._part(two)
        self._join(one, two)

    async def unbridge(self, leg: str) -> None:
        self._part(self._leg(leg))

    async def stats(self, leg: str) -> dict[str, Any]:
        return await self._leg(leg).stats()

    async def info(self, leg: str) -> LegInfo:
        return self._leg(leg).info()

    async def legs(self) -> list[LegInfo]:
        return [leg.info() for leg in self._legs.values()]

    async def close(self, leg: str) -> None:
        gone = self._legs.pop(leg, None)
        if gone is not None:
            self._part(gone)
            self._pacer.remove(gone)
            await gone.close()

    async def shutdown(self) -> None:
        """Close all legs."""
        for leg in list(self._legs):
            await self.close(leg)

    async def _make(self, name: str, kind: Kind, port: int, towards: str = "") -> Leg:
        def say(event: str, detail: dict[str, Any]) -> None:
            if self._legs.get(name) is leg:
                self._tell(MediaEvent(name, event, detail))

        leg: Leg
        if kind == "rtp":
            plain = PlainLeg(name, self._config, say, towards)
            await plain.open(self._ports, port)
            leg = plain
        elif kind == "webrtc":
            leg = PeerLeg(name, self._config, say)
        else:
            raise MediaError("bad_argument", f"{kind} is not a kind of leg")
        if name in self._legs:
            await leg.close()
            raise MediaError("leg_exists")
        self._legs[name] = leg
        self._pacer.add(leg)
        return leg

    def _tell(self, event: MediaEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # a listener's mistake must not silence the leg
            logger.exception("the listener of media events failed")

    def _leg(self, name: str) -> Leg:
        try:
            return self._legs[name]
        except KeyError:
            raise MediaError("unknown_leg") from None

    def _join(self, one: Leg, two: Leg) -> None:
        one.join(two)
        two.join(one)

    def _part(self, leg: Leg) -> None:
        other = leg.bridged
        if other is not None:
            leg.part()
            other.part()
