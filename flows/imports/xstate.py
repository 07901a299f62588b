"""XState machines as JSON (the config of `createMachine`, versions 4 and 5) read into a chart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from flows.document import MAX_BYTES
from flows.imports.chart import (
    CHANGED,
    DEEPEST,
    LOST,
    MOST_STATES,
    Chart,
    ChartState,
    Deed,
    Effects,
    ImportRefused,
    Way,
)

DIALECT = "XState"
_KNOWN = frozenset(
    (
        *("id", "key", "initial", "states", "on", "after", "always", "entry", "exit", "type"),
        *("onDone", "onEntry", "onExit", "context", "description", "meta", "tags", "invoke"),
        *(
            "history",
            "target",
            "output",
            "version",
            "schema",
            "types",
            "predictableActionArguments",
        ),
        *("preserveActionOrder", "order", "delimiter", "strict"),
    )
)
_TELLING = ("invoke", "always", "onDone", "output")
_NAME = re.compile(r"[A-Za-z_]\w{0,63}")
_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m)?")
_UNITS = {"ms": 0.001, None: 0.001, "s": 1.0, "m": 60.0}
Json = dict[str, Any]


def looks_like(text: str) -> bool:
    """Whether this may be a machine: a JSON object with states and no native head."""
    head = text.lstrip("\ufeff \t\r\n")
    if not head.startswith("{") or '"states"' not in head:
        return False
    return '"callflow"' not in head and '"transitions"' not in head


def read(text: str) -> Chart:
    """Read a chart; ImportRefused, and nothing else, for what is none."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ImportRefused(f"The text is larger than {MAX_BYTES >> 20} MiB.")
    try:
        data = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise ImportRefused(f"Line {error.lineno} is no JSON: {error.msg}.") from None
    except (RecursionError, ValueError):
        raise ImportRefused("This JSON is nested too deep, or holds a number too large.") from None
    if not isinstance(data, dict) or not isinstance(data.get("states"), dict):
        raise ImportRefused("A machine is an object with states.")
    return _Reader(text, data).chart


class _Reader:
    def __init__(self, text: str, data: Json) -> None:
        self.text = text
        name = str(data.get("id") or data.get("key") or "imported")
        top = ChartState(name, None, 1)
        self.chart = Chart(DIALECT, name, top, description=_text(data.get("description")))
        self.ids: dict[str, ChartState] = {}
        self.made: list[tuple[ChartState, Json, str]] = [(top, data, "")]
        self.histories: dict[ChartState, dict[str, ChartState]] = {}
        self._context(data)
        self._inside(data, top, "", 0)
        if not top.children:
            raise ImportRefused("The machine has no state.")
        for state, node, path in self.made:
            initial = node.get("initial")
            if isinstance(initial, dict):
                initial = initial.get("target")
            if isinstance(initial, str):
                state.initial = next((c for c in state.children if c.name == initial), None)
                if state.initial is None:
                    self._tell(f"{path}initial", LOST, f"There is no state {initial} inside.")
        for state, node, path in self.made:
            self._ways(state, node, path)

    def _tell(self, path: str, verdict: str, message: str) -> None:
        self.chart.tell(self._line(path), path, verdict, message)

    def _line(self, path: str) -> int:
        """The line where the last name of a path first stands, as near as can be said."""
        at = 0
        for name in path.split("."):
            found = self.text.find(json.dumps(name, ensure_ascii=False), at)
            if found >= 0:
                at = found
        return self.text.count("\n", 0, at) + 1

    def _context(self, data: Json) -> None:
        context = data.get("context")
        if context is None:
            return
        if not isinstance(context, dict):
            self._tell("context", LOST, "Variables are an object of plain values.")
            return
        for name, value in context.items():
            if _NAME.fullmatch(name) and isinstance(value, bool | int | float | str):
                self.chart.variables[name] = value
            else:
                text = "A variable is a number, a text, true or false."
                self._tell(f"context.{name}", LOST, text)

    def _inside(self, node: Json, state: ChartState, path: str, depth: int) -> None:
        if depth > DEEPEST:
            raise ImportRefused("The states are nested too deep.")
        inner = [(str(n), c if isinstance(c, dict) else {}) for n, c in _object(node, "states")]
        kept = [(n, c) for n, c in inner if c.get("type") != "history"]
        if node.get("type") == "parallel" and len(kept) > 1:
            lost = ", ".join(name for name, _ in kept[1:])
            self._tell(
                f"{path}states", LOST,
                f"A session is in one state at a time: {kept[0][0]} is kept, {lost} can not be "
                "kept. Write it as a flow of its own.",
            )  # fmt: skip
            kept = kept[:1]
        for name, child in kept:
            if len(self.made) > MOST_STATES:
                raise ImportRefused(f"The machine has more than {MOST_STATES} states.")
            here = f"{path}states.{name}."
            made = ChartState(name, state, self._line(here.rstrip(".")))
            made.description = _text(child.get("description"))
            made.final = child.get("type") == "final"
            if made.final and state.parent is not None:
                made.final = False
                text = "The end of a nested state is a state like any other."
                self._tell(here.rstrip("."), CHANGED, text)
            state.children.append(made)
            if isinstance(child.get("id"), str):
                self.ids[child["id"]] = made
            self.made.append((made, child, here))
            self._inside(child, made, here, depth + 1)
        for name, child in inner:
            if child.get("type") == "history":
                self.histories.setdefault(state, {})[name] = state
                text = "Leads to where the state begins: nothing is remembered."
                self._tell(f"{path}states.{name}", CHANGED, text)

    def _ways(self, state: ChartState, node: Json, path: str) -> None:
        state.entry = self._effects(node.get("entry", node.get("onEntry")), f"{path}entry")
        state.exit = self._effects(node.get("exit", node.get("onExit")), f"{path}exit")
        for event, said in _object(node, "on"):
            for one in _several(said):
                self._way(state, str(event), None, one, f"{path}on.{event}")
        for delay, said in _object(node, "after"):
            found = _TIME.fullmatch(str(delay))
            for one in _several(said):
                if found is None or state.parent is None:
                    self._tell(f"{path}after.{delay}", LOST, "A time is a number of milliseconds.")
                    continue
                seconds = float(found[1]) * _UNITS[found[2]]
                self._way(state, "", max(seconds, 0.001), one, f"{path}after.{delay}")
        for name in _TELLING:
            if node.get(name):
                text = "Rows wait for an event and run nothing else; it is left out."
                self._tell(f"{path}{name}", LOST, text)
        for name in node:
            if name not in _KNOWN:
                self._tell(f"{path}{name}", LOST, "This field has no meaning here.")

    def _way(
        self, state: ChartState, event: str, after: float | None, said: Any, path: str
    ) -> None:
        node: Json = said if isinstance(said, dict) else {"target": said}
        if event in ("*", "") and after is None:
            self._tell(path, LOST, "A row takes one event by its name.")
            return
        if event.startswith(("done.", "error.", "xstate.")):
            self._tell(path, LOST, f"The event {event} is never given here.")
            return
        target = None
        if node.get("target") is not None:
            names = _several(node["target"])
            target = self._target(state, names[0] if names else None)
            if target is None:
                self._tell(path, LOST, f"Its target {names[:1]} is not there; it stays.")
            elif len(names) > 1:
                self._tell(path, CHANGED, f"Of several targets the first counts: {names[0]}.")
        guard = self._guard(node.get("guard", node.get("cond")), path)
        effects = self._effects(node.get("actions"), path)
        line = self._line(path)
        text = _text(node.get("description"))
        state.ways.append(Way(event, after, guard, effects, target, line, text))

    def _target(self, state: ChartState, name: Any) -> ChartState | None:
        if not isinstance(name, str) or not name:
            return None
        if name.startswith("#"):
            known, _, rest = name[1:].partition(".")
            begin = self.ids.get(name[1:]) or self.ids.get(known)
            if begin is None and known == self.chart.root.name:
                begin = self.chart.root
            if begin is self.ids.get(name[1:]):
                return begin
            return self._below(begin, rest)
        if name.startswith("."):
            return self._below(state, name[1:])
        return self._below(state.parent or state, name)

    def _below(self, state: ChartState | None, path: str) -> ChartState | None:
        for name in path.split(".") if path else ():
            if state is None:
                return None
            history = self.histories.get(state, {}).get(name)
            state = history or next((c for c in state.children if c.name == name), None)
        return state

    def _guard(self, said: Any, path: str) -> str:
        if said is None or isinstance(said, str):
            return said or ""
        if isinstance(said, dict) and isinstance(said.get("type"), str):
            if said.get("params"):
                self._tell(path, LOST, "Guards have no parameters; they are left out.")
            return str(said["type"])
        self._tell(path, LOST, "This guard is written in a way that is not read; it always holds.")
        return ""

    def _effects(self, said: Any, path: str) -> Effects:
        effects = Effects()
        for one in _several(said):
            if isinstance(one, str):
                effects.deeds.append(Deed(one))
            elif isinstance(one, dict) and isinstance(one.get("type"), str):
                params = one.get("params")
                effects.deeds.append(Deed(one["type"], params if isinstance(params, dict) else {}))
            elif one is not None:
                self._tell(path, LOST, "This action is written in a way that is not read.")
        return effects


def _object(node: Json, name: str) -> Iterator[tuple[str, Any]]:
    found = node.get(name)
    if isinstance(found, dict):
        yield from found.items()


def _several(said: Any) -> list[Any]:
    if said is None:
        return []
    return said if isinstance(said, list) else [said]


def _text(said: Any) -> str:
    return said[:2000] if isinstance(said, str) else ""
