"""Keeps a node's shadows at what the rows say, and the rows at what the node counted."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from flows.compile import compile_text
from flows.semantics import Program
from runtime import audit, shadows
from runtime.executor.beside import pairs_of
from runtime.node.shadowing import Counted, Shade, Shadows

log = logging.getLogger(__name__)


class ShadowDesk:
    """The shadows of one node."""

    def __init__(self, node: Any, rows: Any) -> None:
        self.node = node
        self._rows = rows
        self.shadows = Shadows()
        self._followed: set[int] = set()
        self._unusable: dict[int, str] = {}
        """Shadows whose text does not load here, with the reason."""

    async def look(self) -> None:
        """Follow the shadows that the rows name; what the others counted is told first."""
        wanted = await self._rows.ask(shadows.wanted)
        if {each.id for each in wanted} == self._followed:
            return
        await self.report()
        shades = []
        for each in wanted:
            known = self.shadows.get(each.id)
            shade = known or await self._made(each)
            if shade is not None:
                shades.append(shade)
        self.shadows.follow(shades)
        self._followed = {each.id for each in wanted}
        self._unusable = {k: why for k, why in self._unusable.items() if k in self._followed}

    async def report(self) -> None:
        """Tell the rows what was counted since the last time."""
        living = {line.id for line in self.node.sessions()} if self._followed else set()
        reports: dict[int, tuple[Counted, int, str]] = {}
        for shade in list(self.shadows):
            counted = shade.take(living.__contains__)
            reports[shade.id] = (counted, len(shade.living), shade.error)
        for id, why in self._unusable.items():
            reports[id] = (Counted(), 0, why)
        if not reports:
            return
        try:
            await self._rows.ask(shadows.told, self.node.name, reports)
        except BaseException:
            # Kept for the next time: the database is away, not what was found.
            for shade in list(self.shadows):
                shade.give_back(reports[shade.id][0])
            raise

    async def _made(self, wanted: shadows.Wanted) -> Shade | None:
        text = await self._rows.ask(shadows.text_of, wanted.id)
        ran = self.node.deployed().get(wanted.flow, "")
        before = await self._rows.ask(audit.text_of, ran) if ran else ""
        try:
            program = await asyncio.to_thread(_compiled, text, before)
        except Exception as bug:
            log.exception("the shadow %d of %s cannot be followed", wanted.id, wanted.flow)
            self._unusable[wanted.id] = f"{type(bug).__name__}: {bug}"[:500]
            return None
        if program is None:
            self._unusable[wanted.id] = "Its text does not compile on this node."
            return None
        return Shade(wanted.id, wanted.flow, program, share=wanted.share, most=wanted.most)


def _compiled(text: str, before: str) -> Program | None:
    table = compile_text(text).table
    if table is None:
        return None
    ran = compile_text(before).table if before else None
    if ran is not None:
        # Looked at here, so that the first call has not to wait for it.
        pairs_of(ran, table)
    return Program(table)
