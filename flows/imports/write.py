"""A flat chart written in the native language; words it does not know are named and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flows.edit.refusal import EditRefused
from flows.edit.render import plain, text_of
from flows.expressions import ExpressionError, parse
from flows.imports.chart import CHANGED, KEPT, LOST, Chart, ChartState, Effects, FlatRow, flattened
from flows.suggest import did_you_mean, nearest
from flows.table import duration_text
from flows.vocabulary import ACTIONS, EVENTS, GUARDS, PUBLISHED

_ODD = re.compile(r"[^\w.-]+")


def written(chart: Chart) -> str:
    """Return the native text of a chart; what was changed on the way is told to the chart."""
    return _Writing(chart).text()


class _Writing:
    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.rows = flattened(chart)
        self.names = self._state_names()
        self.known: dict[tuple[str, str], str] = {}

    def text(self) -> str:
        chart = self.chart
        lines = ["callflow: 1", f"name: {text_of(_plain(chart.name) or 'imported')}"]
        said = chart.description or f"Imported from {chart.dialect}."
        lines.append(f"description: {text_of(said)}")
        lines += ["", "states:"]
        initial = chart.root.leaf()
        for leaf in chart.root.leaves():
            lines.append(f"  {text_of(self.names[leaf])}: {self._state(leaf, initial)}")
        if chart.variables:
            lines += ["", "variables:"]
            lines += [f"  {name}: {_literal(v)}" for name, v in chart.variables.items()]
        lines += ["", "transitions:"]
        if not self.rows:
            lines[-1] += " []"
        for row in self.rows:
            lines += self._row(row)
        return "\n".join(lines) + "\n"

    def _state(self, leaf: ChartState, initial: ChartState) -> str:
        said: dict[str, str] = {}
        if leaf is initial:
            said["initial"] = "true"
        if leaf.final:
            said["final"] = "true"
        if leaf.parent is not None and leaf.parent.parent is not None:
            said["group"] = text_of(_plain(leaf.parent.name))
        if leaf.description:
            said["description"] = text_of(leaf.description)
        return "{" + ", ".join(f"{key}: {value}" for key, value in said.items()) + "}"

    def _row(self, row: FlatRow) -> list[str]:
        event = f"{{after: {duration_text(row.after)}}}" if row.after is not None else ""
        name = event or self._word("event", row.event, EVENTS, row.line)
        lines = [f"- from_state: {text_of(self.names[row.state]) if row.state else 'Any'}"]
        lines.append(f"  role: {self._role(name)}")
        lines.append(f"  event: {event or text_of(name)}")
        if row.guard:
            lines.append(f"  guards: [{self._guard(row.guard, row.line)}]")
        lines += self._effects(row.effects, row.line)
        if row.target is not None:
            lines.append(f"  next_state: {text_of(self.names[row.target])}")
        if row.description:
            lines.append(f"  description: {text_of(row.description)}")
        return lines

    def _role(self, event: str) -> str:
        word = EVENTS.get(event)
        return word.roles[0] if word is not None and len(word.roles) == 1 else "Both"

    def _effects(self, effects: Effects, line: int) -> list[str]:
        lines = []
        actions = []
        for deed in effects.deeds:
            name = self._word("action", deed.name, ACTIONS, line)
            written = _arguments(deed.arguments)
            if written is None:
                self._once(line, f"action {name}", LOST, "Its parameters cannot be written here.")
            actions.append(f"{{{text_of(name)}: {written}}}" if written else text_of(name))
        if actions:
            lines.append(f"  actions: [{', '.join(actions)}]")
        if effects.set:
            changes = ", ".join(f"{n}: {text_of(e)}" for n, e in effects.set.items())
            lines.append(f"  set: {{{changes}}}")
        if effects.publish:
            published = [self._word("event", name, PUBLISHED, line) for name in effects.publish]
            lines.append(f"  publish_events: [{', '.join(map(text_of, published))}]")
        return lines

    def _guard(self, guard: str, line: int) -> str:
        text = guard.strip()
        text = text.replace("===", "==").replace("!==", "!=").replace("&&", " and ")
        text = text.replace("||", " or ").replace("_event.data.", "event.")
        text = re.sub(r"!(?!=)", "not ", text)
        try:
            expression = parse(text)
        except ExpressionError as problem:
            self._once(
                line, f"guard {guard}", LOST,
                f"It is kept as it was written, and can not be read here: {problem.message}",
            )  # fmt: skip
            return text_of(guard)
        names = expression.names - GUARDS.keys() - self.chart.variables.keys()
        if names:
            self._once(
                line, f"guard {guard}", LOST,
                f"Nothing here is called {', '.join(sorted(names))}; the name is kept and marked.",
            )  # fmt: skip
        elif expression.text != guard:
            self._once(line, f"guard {guard}", CHANGED, f"Written {expression.text} here.")
        return text_of(expression.text)

    def _word(self, kind: str, name: str, known: Mapping[str, object], line: int) -> str:
        """Return the word of the language that is meant; unknown ones are kept and told."""
        found = self.known.get((kind, name))
        if found is not None:
            return found
        same = {_folded(word): word for word in known}.get(_folded(name))
        if name in known:
            found = name
        elif same is not None:
            found = same
            self.chart.tell(line, f"{kind} {name}", CHANGED, f"It is called {same} here.")
        else:
            found = _plain(name) or "unnamed"
            close = nearest(found, known)
            self.chart.tell(
                line, f"{kind} {name}", LOST,
                f"No {kind} is called so here; the name is kept and marked{did_you_mean(close)}",
            )  # fmt: skip
        self.known[kind, name] = found
        return found

    def _once(self, line: int, element: str, verdict: str, message: str) -> None:
        if not any(told.element == element for told in self.chart.told):
            self.chart.tell(line, element, verdict, message)

    def _state_names(self) -> dict[ChartState, str]:
        names: dict[ChartState, str] = {}
        taken: set[str] = set()
        for leaf in self.chart.root.leaves():
            name = _plain(leaf.name) or "State"
            if name in taken and leaf.parent is not None:
                name = f"{_plain(leaf.parent.name)}_{name}"
            unique, count = name, 1
            while unique in taken:
                count += 1
                unique = f"{name}_{count}"
            taken.add(unique)
            names[leaf] = unique
            if unique == leaf.name:
                self.chart.tell(leaf.line, f"state {leaf.name}", KEPT, "")
            else:
                said = f"It is called {unique} here."
                self.chart.tell(leaf.line, f"state {leaf.name}", CHANGED, said)
        return names


def _plain(name: str) -> str:
    plain = _ODD.sub("_", name).strip("_.-")[:60]
    if plain in ("Any", "after") or (plain and not plain[0].isalpha()):
        return f"s_{plain}"
    return plain


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else text_of(str(value))


def _arguments(arguments: Mapping[str, object]) -> str | None:
    """Write an action's parameters; empty if it has none, None if they cannot be written."""
    if not arguments:
        return ""
    try:
        return text_of(plain({str(k): v for k, v in arguments.items()}))
    except EditRefused:
        return None
