"""Load versions of flows into the running node: compile beside the calls, then swap one reference.

A flow may have two: the stable version and, while it is ramped, a candidate with the rule that says
which new calls take it (`runtime.node.ramp`). Each call is wholly on one of them.
A load that fails leaves the last good version where it was and says why. Texts are kept by their
hash in a folder, so that a node starts with its flows while the database is away.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flows.check import examine
from flows.findings import Finding, Severity
from flows.semantics import Program
from runtime.adapters.binding import bind
from runtime.node.calling import NewCall
from runtime.node.keep import read_json, write, write_json
from runtime.node.ramp import Ramp, Rule, Wanted

log = logging.getLogger(__name__)

DIGEST = re.compile(r"[0-9a-f]{64}\Z")
KEPT_TEXTS = 200
"""Texts in the cache beyond those in use; older ones are removed at the start."""
KEPT_BESIDE = 16
"""Programs kept beside those that new sessions take."""
SOURCE_PATIENCE = 5.0
"""Seconds to wait for the source of texts at the start before the local copies are taken."""


class TextSource(Protocol):
    """Where the node asks what it should run; any exception means that the source is away."""

    async def desired(self) -> Mapping[str, str | Wanted]:
        """Return what each flow shall run: a digest, or two of them with the rule between them."""

    async def text(self, digest: str) -> str | None:
        """Return the exact text with this SHA-256, None if there is none."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A flow was loaded: new sessions of `flow` run the text of `digest`."""

    flow: str
    digest: str
    milliseconds: float
    """Time from the text to the swapped reference."""


class LoadRefused(Exception):
    """A version was not loaded; `reason` in words, `findings` if the text is to blame."""

    def __init__(self, flow: str, digest: str, reason: str, findings: tuple[Finding, ...] = ()):
        super().__init__(f"{flow}: {reason}")
        self.flow = flow
        self.digest = digest
        self.reason = reason
        self.findings = findings


class Loader:
    """The programs that new sessions take, by flow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs: dict[str, Program] = {}
        self._ramps: dict[str, Ramp] = {}
        self._turn = asyncio.Lock()
        self._beside: dict[str, Program] = {}
        """By digest: programs that running sessions were moved to and no new session takes."""
        self.failures: dict[str, str] = {}
        """Flows whose last load failed, with the reason; shown by the health page."""

    def program(self, flow: str, call: NewCall | None = None) -> Program | None:
        """Return what a new session of `flow` runs, None if nothing is deployed.

        Without a call it is the stable version; with one it may be the candidate beside it.
        """
        ramp = self._ramps.get(flow)
        if ramp is not None and call is not None and ramp.takes(call):
            return ramp.program
        return self._programs.get(flow)

    def deployed(self) -> dict[str, str]:
        """Return the digest of the stable version of each flow."""
        return {flow: program.table.digest for flow, program in self._programs.items()}

    def programs(self) -> Mapping[str, Program]:
        """Return the stable version of each flow."""
        return self._programs

    def candidates(self) -> dict[str, tuple[str, float]]:
        """Return digest and percentage of the candidate of each flow that has one."""
        return {
            flow: (ramp.program.table.digest, ramp.rule.percent)
            for flow, ramp in self._ramps.items()
        }

    async def deploy(self, flow: str, digest: str, text: str, *, force: bool = False) -> Loaded:
        """Make new sessions of `flow` run `text`.

        `force` lets pass findings of severity error; a text that does not compile never passes.
        Raises LoadRefused; then the version before stays.
        """
        async with self._turn:
            loaded = await self._take(flow, digest, text, force)
            await asyncio.to_thread(self._remember, digest, text)
            await asyncio.to_thread(self._remember_desired, self._wanted())
        return loaded

    async def ramp(
        self, flow: str, digest: str, text: str, rule: Rule, *, force: bool = False
    ) -> Loaded:
        """Let the new sessions that `rule` names run `text`, beside the stable version.

        For a candidate that is loaded already only the rule is replaced. Raises LoadRefused; then
        calls go on as before.
        """
        async with self._turn:
            loaded = await self._take_beside(flow, digest, text, rule, force)
            await asyncio.to_thread(self._remember, digest, text)
            await asyncio.to_thread(self._remember_desired, self._wanted())
        return loaded

    async def withdraw_ramp(self, flow: str) -> None:
        """Let all new sessions of `flow` run the stable version; running ones keep theirs."""
        # At once and not in turn: a bad candidate does not wait for another flow's compilation.
        self._ramps.pop(flow, None)
        async with self._turn:
            self._ramps.pop(flow, None)
            await asyncio.to_thread(self._remember_desired, self._wanted())

    async def _take(self, flow: str, digest: str, text: str, force: bool) -> Loaded:
        started = time.perf_counter()
        try:
            program = await asyncio.to_thread(_compile, flow, digest, text, force)
        except LoadRefused as refused:
            self.failures[flow] = refused.reason
            raise
        self._programs[flow] = program
        ramp = self._ramps.get(flow)
        if ramp is not None and ramp.program.table.digest == digest:
            # The candidate has become the stable version: there is nothing left to choose.
            del self._ramps[flow]
        self.failures.pop(flow, None)
        return Loaded(flow, digest, (time.perf_counter() - started) * 1000)

    async def prepared(self, source: TextSource | None, flow: str, digest: str) -> Program:
        """Return the program of any version, for sessions that go over to it; LoadRefused.

        What new sessions take is not changed. Findings do not stop it: whoever asks has looked.
        """
        program = self._programs.get(flow)
        if program is not None and program.table.digest == digest:
            return program
        program = self._beside.get(digest)
        if program is None:
            text = await self._text(source, digest)
            if text is None:
                reason = f"the text of {digest[:12]} is nowhere to be found"
                raise LoadRefused(flow, digest, reason)
            program = await asyncio.to_thread(_compile, flow, digest, text, True)
            if len(self._beside) >= KEPT_BESIDE:
                self._beside.pop(next(iter(self._beside)))
            self._beside[digest] = program
        return program

    async def _take_beside(
        self, flow: str, digest: str, text: str, rule: Rule, force: bool
    ) -> Loaded:
        started = time.perf_counter()
        known = self._ramps.get(flow)
        if known is not None and known.program.table.digest == digest:
            program = known.program
        else:
            program = await asyncio.to_thread(_compile, flow, digest, text, force)
        try:
            self._ramps[flow] = Ramp(flow, program, rule)
        except ValueError as mistaken:
            raise LoadRefused(flow, digest, f"the rule of the ramp is none: {mistaken}") from None
        return Loaded(flow, digest, (time.perf_counter() - started) * 1000)

    async def withdraw(self, flow: str) -> None:
        """Let no new session of `flow` begin; sessions that run keep their version."""
        async with self._turn:
            self._programs.pop(flow, None)
            self._ramps.pop(flow, None)
            await asyncio.to_thread(self._remember_desired, self._wanted())

    async def restore(self, source: TextSource | None) -> list[Loaded]:
        """Load what should run at the start, from `source` or, if it is away, from the folder.

        Findings do not stop a version that was deployed once. What cannot be loaded is named in
        `failures`; new calls of its flow take what this node ran before it stopped.
        """
        before = await asyncio.to_thread(self._read_desired)
        desired = await self._desired(source, before)
        loaded = []
        for flow, wanted in sorted(desired.items()):
            digest = _stable(wanted)
            async with self._turn:
                try:
                    loaded.append(await self._fetch(source, flow, digest))
                    if isinstance(wanted, Wanted):
                        await self._fetch_beside(source, flow, wanted)
                except LoadRefused as refused:
                    log.error("flow %s is not loaded: %s", flow, refused.reason)
                    last = _stable(before.get(flow, digest))
                    loaded += await self._return_to(flow, last, refused)
        # A flow that could not be loaded at all keeps its place in the list for the next start.
        kept = {flow: digest for flow, digest in before.items() if flow in desired}
        kept.update(self._wanted())
        await asyncio.to_thread(self._remember_desired, kept)
        await asyncio.to_thread(
            self._forget_old, {each for wanted in (desired, kept) for each in _digests(wanted)}
        )
        return loaded

    async def _fetch_beside(self, source: TextSource | None, flow: str, wanted: Wanted) -> None:
        """Take up a ramp again; a candidate that cannot be loaded leaves all calls where they are.

        Only its share is at stake: the stable version takes it, and the node says so.
        """
        text = await self._text(source, wanted.candidate)
        try:
            if text is None:
                reason = f"the text of {wanted.candidate[:12]} is nowhere to be found"
                raise LoadRefused(flow, wanted.candidate, reason)
            await self._take_beside(flow, wanted.candidate, text, wanted.rule, True)
            await asyncio.to_thread(self._remember, wanted.candidate, text)
        except LoadRefused as refused:
            log.error("the candidate of %s is not loaded: %s", flow, refused.reason)
            self.failures[flow] = f"the candidate takes no calls: {refused.reason}"

    async def _fetch(self, source: TextSource | None, flow: str, digest: str) -> Loaded:
        text = await self._text(source, digest)
        if text is None:
            reason = f"the text of {digest[:12]} is nowhere to be found"
            self.failures[flow] = reason
            raise LoadRefused(flow, digest, reason)
        loaded = await self._take(flow, digest, text, True)
        await asyncio.to_thread(self._remember, digest, text)
        return loaded

    async def _return_to(self, flow: str, digest: str, refused: LoadRefused) -> list[Loaded]:
        """Load the last good version in place of the one that was refused, and say so."""
        if digest == refused.digest:
            return []
        try:
            loaded = await self._fetch(None, flow, digest)
        except LoadRefused as also:
            log.error("flow %s has no version to return to: %s", flow, also.reason)
            self.failures[flow] = refused.reason
            return []
        self.failures[flow] = f"{refused.reason}; {digest[:12]} goes on, as before the start"
        return [loaded]

    async def _desired(
        self, source: TextSource | None, before: Mapping[str, str | Wanted]
    ) -> Mapping[str, str | Wanted]:
        if source is not None:
            try:
                async with asyncio.timeout(SOURCE_PATIENCE):
                    return dict(await source.desired())
            except Exception as away:  # noqa: BLE001 - a port: whatever it raises, it is away
                log.warning("deployments cannot be asked for, the local copies run: %s", away)
        return before

    async def _text(self, source: TextSource | None, digest: str) -> str | None:
        cached = await asyncio.to_thread(self._read_text, digest)
        if cached is not None or source is None:
            return cached
        try:
            async with asyncio.timeout(SOURCE_PATIENCE):
                return await source.text(digest)
        except Exception as away:  # noqa: BLE001 - a port: whatever it raises, it is away
            log.warning("the text of %s cannot be fetched: %s", digest[:12], away)
            return None

    # The folder: DIGEST.yaml for each text, desired.json for what ran last.

    def _remember(self, digest: str, text: str) -> None:
        try:
            path = self._folder / f"{digest}.yaml"
            if not path.exists():
                write(path, text.encode())
        except OSError as full:
            # The flow runs; only a start without the database would miss it.
            log.warning("the text of %s is not kept locally: %s", digest[:12], full)

    def _wanted(self) -> dict[str, str | Wanted]:
        """Return what runs, as the next start shall take it up again."""
        wanted: dict[str, str | Wanted] = dict(self.deployed())
        for flow, ramp in self._ramps.items():
            if flow in self._programs:
                stable = self._programs[flow].table.digest
                wanted[flow] = Wanted(stable, ramp.program.table.digest, ramp.rule)
        return wanted

    def _remember_desired(self, desired: Mapping[str, str | Wanted]) -> None:
        try:
            write_json(self._folder / "desired.json", desired)
        except OSError as full:
            log.warning("the list of deployed flows is not kept locally: %s", full)

    def _read_desired(self) -> dict[str, str | Wanted]:
        found = read_json(self._folder / "desired.json", dict[str, str | Wanted])
        return found or {}

    def _read_text(self, digest: str) -> str | None:
        if not DIGEST.match(digest):
            return None
        try:
            raw = (self._folder / f"{digest}.yaml").read_bytes()
        except OSError:
            return None
        return raw.decode() if hashlib.sha256(raw).hexdigest() == digest else None

    def _forget_old(self, wanted: set[str]) -> None:
        texts = sorted(self._folder.glob("*.yaml"), key=lambda path: path.stat().st_mtime)
        for path in [path for path in texts if path.stem not in wanted][:-KEPT_TEXTS]:
            path.unlink(missing_ok=True)


def _stable(wanted: str | Wanted) -> str:
    return wanted.digest if isinstance(wanted, Wanted) else wanted


def _digests(wanted: Mapping[str, str | Wanted]) -> Iterator[str]:
    for each in wanted.values():
        yield _stable(each)
        if isinstance(each, Wanted):
            yield each.candidate


def _compile(flow: str, digest: str, text: str, force: bool) -> Program:
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        raise LoadRefused(flow, digest, "the text does not have the announced hash")
    compiled = examine(text)
    findings = tuple(compiled.findings)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if compiled.table is None:
        raise LoadRefused(flow, digest, f"it does not compile: {_first(errors)}", findings)
    if errors and not force:
        raise LoadRefused(flow, digest, f"it has errors: {_first(errors)}", findings)
    return Program(compiled.table, bind)


def _first(errors: list[Finding]) -> str:
    if not errors:
        return "no reason was given"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"line {errors[0].place.line}: {errors[0].message}{more}"
