"""SCXML (W3C, 2015) read into a chart. Entities and document types are refused: the text is data.

Read are `scxml state final parallel history transition onentry onexit initial datamodel data assign
raise send log script if invoke`; what has no meaning here is told and lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from flows.document import MAX_BYTES
from flows.expressions import ExpressionError, parse
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
from flows.vocabulary import ACTIONS, PUBLISHED

DIALECT = "SCXML"
MOST_ELEMENTS = 20_000
_DELAY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)\s*")
_NAME = re.compile(r"[A-Za-z_]\w{0,63}")


@dataclass(slots=True)
class Element:
    """One element: its name without namespace, its attributes, and what is inside."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")


def looks_like(text: str) -> bool:
    """Whether this may be SCXML."""
    head = text.lstrip("\ufeff \t\r\n")[:4000]
    return head.startswith("<") and re.search(r"<(?:\w+:)?scxml[\s>/]", head) is not None


def read(text: str) -> Chart:
    """Read a chart; ImportRefused, and nothing else, for what is none."""
    root = tree(text)
    if root.name != "scxml":
        raise ImportRefused(f"The document is a <{root.name}>, not <scxml>.")
    return _Reader(root).chart


def tree(text: str) -> Element:
    """Parse XML without entities, document types or outside references."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ImportRefused(f"The text is larger than {MAX_BYTES >> 20} MiB.")
    parser = expat.ParserCreate(namespace_separator=" ")
    stack: list[Element] = []
    found: list[Element] = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MOST_ELEMENTS or len(stack) >= DEEPEST:
            raise ImportRefused("The document has too many elements, or they are nested too deep.")
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        element = Element(name.rpartition(" ")[2], plain, parser.CurrentLineNumber)
        (stack[-1].children if stack else found).append(element)
        stack.append(element)

    def end(name: str) -> None:
        stack.pop()

    def characters(data: str) -> None:
        if stack and len(stack[-1].text) < 2000:
            stack[-1].text += data

    def refuse(*_: object) -> int:
        raise ImportRefused("The document declares a DOCTYPE or entities; they are not read.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        # As text, so that a declared encoding is not believed.
        parser.Parse(text.lstrip("\ufeff \t\r\n").encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise ImportRefused(
            f"Line {error.lineno} is no XML: {expat.errors.messages[error.code]}."
        ) from None
    except (ValueError, LookupError) as error:
        if isinstance(error, ImportRefused):
            raise
        raise ImportRefused("The document has an encoding that is not read; use UTF-8.") from None
    return found[0]


class _Reader:
    def __init__(self, root: Element) -> None:
        top = ChartState(root.get("name") or "imported", None, root.line)
        self.chart = Chart(DIALECT, root.get("name") or "imported", top)
        self.states: dict[str, ChartState] = {}
        self.elements: list[tuple[ChartState, Element]] = []
        self.histories: dict[str, ChartState] = {}
        for element in root.children:
            if element.name == "datamodel":
                self._data(element)
        self._inside(root, top)
        if not top.children:
            raise ImportRefused("The chart has no state.")
        self._ways(root, top)
        for state, element in self.elements:
            self._ways(element, state)
        self._initial(root, top)
        for state, element in self.elements:
            self._initial(element, state)

    def _tell(self, element: Element, verdict: str, message: str) -> None:
        named = element.get("id") or element.get("event") or element.get("expr")
        what = f"<{element.name}>{' ' + named if named else ''}"
        self.chart.tell(element.line, what, verdict, message)

    def _data(self, element: Element) -> None:
        for data in element.children:
            name, said = data.get("id"), (data.get("expr") or data.text).strip()
            value = _literal(said)
            if data.name == "data" and _NAME.fullmatch(name) and value is not None:
                self.chart.variables[name] = value
            else:
                self._tell(data, LOST, "A variable begins with a number, a text, true or false.")

    def _inside(self, element: Element, state: ChartState) -> None:
        """Make the states inside an element."""
        inner = [c for c in element.children if c.name in ("state", "parallel", "final")]
        if element.name == "parallel" and len(inner) > 1:
            lost = ", ".join(c.get("id") or "a region" for c in inner[1:])
            self._tell(
                element, LOST,
                "A session is in one state at a time: the first region is kept, "
                f"{lost} can not be kept. Write it as a flow of its own.",
            )  # fmt: skip
            inner = inner[:1]
        for child in inner:
            if len(self.elements) >= MOST_STATES:
                raise ImportRefused(f"The chart has more than {MOST_STATES} states.")
            name = child.get("id") or f"{state.name}_{len(state.children) + 1}"
            made = ChartState(name, state, child.line, final=child.name == "final")
            if made.final and state.parent is not None:
                made.final = False
                self._tell(child, CHANGED, "The end of a nested state is a state like any other.")
            state.children.append(made)
            self.states.setdefault(name, made)
            self.elements.append((made, child))
            self._inside(child, made)
        for child in element.children:
            if child.name == "history" and child.get("id"):
                self.histories[child.get("id")] = state
                self._tell(
                    child, CHANGED, "Leads to where the state begins: nothing is remembered."
                )

    def _initial(self, element: Element, state: ChartState) -> None:
        name = element.get("initial")
        for child in element.children:
            if child.name == "initial" and child.children:
                name = child.children[0].get("target")
        target = self.states.get(name.split()[0]) if name.split() else None
        if target is None:
            if name:
                self._tell(element, LOST, f"It begins in {name}, which is not there.")
            return
        while target.parent is not None and target.parent is not state:
            target.parent.initial = target
            target = target.parent
        if target.parent is state:
            state.initial = target

    def _ways(self, element: Element, state: ChartState) -> None:
        for child in element.children:
            match child.name:
                case "transition":
                    self._way(child, state)
                case "onentry":
                    state.entry = state.entry + self._effects(child)
                case "onexit":
                    state.exit = state.exit + self._effects(child)
                case "invoke" | "script" | "donedata":
                    self._tell(child, LOST, "It runs something else, and nothing here does that.")
                case "state" | "parallel" | "final" | "history" | "initial" | "datamodel":
                    pass
                case _:
                    self._tell(child, LOST, "This element has no meaning here.")

    def _way(self, element: Element, state: ChartState) -> None:
        events = element.get("event").split()
        if not events:
            self._tell(
                element, LOST, "A transition without an event has no row: rows wait for one."
            )
            return
        target = self._target(element)
        effects = self._effects(element)
        for event in events:
            if event == "*" or event.startswith(("done.", "error.")):
                self._tell(element, LOST, f"The event {event} is never given here.")
                continue
            name = event.removesuffix(".*")
            state.ways.append(Way(name, None, element.get("cond"), effects, target, element.line))

    def _target(self, element: Element) -> ChartState | None:
        names = element.get("target").split()
        if not names:
            return None
        if len(names) > 1:
            self._tell(element, CHANGED, f"Of several targets the first counts: {names[0]}.")
        target = self.states.get(names[0]) or self.histories.get(names[0])
        if target is None:
            self._tell(element, LOST, f"Its target {names[0]} is not there; it stays.")
        return target

    def _effects(self, element: Element) -> Effects:
        effects = Effects()
        for child in element.children:
            self._effect(child, effects)
        return effects

    def _effect(self, element: Element, effects: Effects) -> None:
        match element.name:
            case "send" | "raise":
                self._sent(element, effects)
            case "assign":
                name, said = element.get("location"), element.get("expr")
                if name in self.chart.variables and _readable(said):
                    effects.set[name] = said
                else:
                    self._tell(element, LOST, "This change of a value can not be written here.")
            case "log" | "script" | "cancel" | "if" | "foreach":
                self._tell(element, LOST, "Rows have actions and no program; it is left out.")
            case _:
                arguments: dict[str, object] = {k: _value(v) for k, v in element.attributes.items()}
                effects.deeds.append(Deed(element.name, arguments))

    def _sent(self, element: Element, effects: Effects) -> None:
        name = element.get("event") or element.get("eventexpr")
        delay = element.get("delay")
        if delay and _DELAY.fullmatch(delay):
            text = (
                f"A timer is a row here: event {{after: {delay.strip()}}} in the state it runs in."
            )
            self._tell(element, LOST, text)
        elif name in PUBLISHED:
            effects.publish.append(name)
        elif name in ACTIONS or element.name == "send":
            pairs = ((p.get("name"), p.get("expr")) for p in element.children if p.name == "param")
            effects.deeds.append(Deed(name or "unnamed", {n: _value(e) for n, e in pairs if n}))
        else:
            self._tell(element, LOST, "A session gives itself no events; nothing is published.")


def _literal(text: str) -> object | None:
    value = _value(text)
    if isinstance(value, str):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
        return text[1:-1] if quoted else None
    return value


def _value(text: str) -> object:
    said = text.strip()
    if said in ("true", "false"):
        return said == "true"
    if re.fullmatch(r"-?\d{1,15}", said):
        return int(said)
    if re.fullmatch(r"-?\d{1,15}\.\d{1,15}", said):
        return float(said)
    return said.strip("'\"") if len(said) > 1 and said[0] == said[-1] and said[0] in "'\"" else text


def _readable(text: str) -> bool:
    try:
        parse(text)
    except ExpressionError:
        return False
    return True
