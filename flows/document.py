"""YAML text as nodes that know where they stand.

A `Document` is the text, its root node and what is wrong with the text as YAML. Nothing is ever
constructed from the text: scalars keep the characters that were written (`on`, `No` and `0486` stay
text), and tags that ask for more are findings.

All limits are checked while the parser's events arrive, before anything is built from them: a bomb
of aliases or twenty thousand nested lists cost no more than the events up to the limit.
"""

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from flows import syntax
from flows.findings import Finding, Place, Severity
from flows.nodes import (
    Entry,
    Lines,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Span,
    coercion,
    implicit_tag,
)

__all__ = [
    "Document",
    "Entry",
    "Lines",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Span",
    "coercion",
    "implicit_tag",
    "read",
    "without_collector",
]

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_ALIASES = 100

_BYTE_ORDER_MARK = "\ufeff"
_UNREADABLE = re.compile(
    "[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_STANDARD = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    ("!", *(_STANDARD + name for name in ("str", "int", "float", "bool", "null")))
)
_COLLECTION_TAGS = frozenset(("!", _STANDARD + "seq", _STANDARD + "map"))


@dataclass(slots=True)
class Document:
    """A text that was read. ``root`` is None for an empty text and for one that cannot be read."""

    text: str
    root: Node | None
    findings: list[Finding] = field(default_factory=list)
    lines: Lines = field(default_factory=lambda: Lines(""))

    @property
    def readable(self) -> bool:
        return not any(finding.severity is Severity.ERROR for finding in self.findings)


def read(text: str) -> Document:
    """Read a text. Never raises: what cannot be read is a finding (SYN001, SYN002, SYN007)."""
    lines = Lines(text)
    unreadable = _refuse_characters(text, lines)
    if unreadable is not None:
        return Document(text, None, [unreadable], lines)
    builder = _Builder(text, lines)
    with without_collector():
        root = builder.build()
    return Document(text, root, builder.findings, lines)


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the cycle collector, which takes a quarter of the time of building many objects."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _error(code: str, message: str, place: Place, explanation: str = "") -> Finding:
    return Finding(code, Severity.ERROR, message, place, explanation)


def _refuse_characters(text: str, lines: Lines) -> Finding | None:
    """Size and characters are judged before the parser sees anything."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        message = f"The text is longer than {MAX_BYTES >> 20} MiB, the most a flow may have."
        return _error("SYN007", message, Place(1, 1, 1, 1))
    found = _UNREADABLE.search(text, 1 if text.startswith(_BYTE_ORDER_MARK) else 0)
    if found is None:
        return None
    message = f"The character U+{ord(found.group()):04X} is not allowed in YAML; remove it."
    return _error("SYN001", message, lines.place(found.start(), found.end()))


class _Stop(Exception):
    """Reading ends here; the finding says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(slots=True)
class _Known:
    """An anchored node: what one use of it costs."""

    node: Node
    visits: int
    height: int


@dataclass(slots=True)
class _Open:
    """A collection that is being built."""

    node: Sequence | Mapping
    visits_before: int
    height: int = 0
    key: Scalar | None = None
    keys: dict[str, int] = field(default_factory=dict)
    broken_key: bool = False


class _Builder:
    """Turns the parser's events into nodes and stops at the first limit that is passed."""

    def __init__(self, text: str, lines: Lines) -> None:
        self.findings: list[Finding] = []
        self._text = text
        self._lines = lines
        self._shift = 1 if text.startswith(_BYTE_ORDER_MARK) else 0
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._visits = 0
        self._aliases = 0
        self._anchors: dict[str, _Known | None] = {}
        self._last_quoted: Scalar | None = None

    def build(self) -> Node | None:
        try:
            self._consume(CParser(self._text[self._shift :]))
        except _Stop as stop:
            self.findings.append(stop.finding)
            return None
        except yaml.MarkedYAMLError as error:
            self.findings.append(
                syntax.explain(error, self._text, self._lines, self._shift, self._last_quoted)
            )
            return None
        except (yaml.YAMLError, ValueError) as error:
            message = f"The text cannot be read as YAML: {syntax.one_line(str(error))}."
            self.findings.append(_error("SYN001", message, Place(1, 1, 1, 1)))
            return None
        root = self._root
        if isinstance(root, Scalar) and root.plain and not root.text:
            return None
        return root

    def _consume(self, parser: CParser) -> None:
        # One untyped read of the C parser: its stubs know neither values nor that marks exist.
        get_event: Callable[[], Any] = parser.get_event
        shift, lines, stack = self._shift, self._lines, self._stack
        documents = 0
        while (event := get_event()) is not None:
            kind = type(event)
            if kind is ScalarEvent:
                tag, style, anchor = event.tag, event.style or "", event.anchor
                start = event.start_mark.index + shift
                end = event.end_mark.index + shift
                if tag is not None and tag not in _PLAIN_TAGS:
                    self._refuse_tag(tag, start, end)
                plain = not style and tag is None
                scalar = Scalar(event.value, start, end, lines, style, plain, anchor)
                if style:
                    self._last_quoted = scalar
                self._visits += 1
                if self._visits > MAX_NODES:
                    self._visit(scalar, 0)
                if anchor is not None:
                    self._anchors[anchor] = _Known(scalar, 1, 0)
                if stack and type(container := (opened := stack[-1]).node) is Sequence:
                    container.items.append(scalar)
                elif stack and (key := opened.key) is not None:
                    container.entries.append(Entry(key, scalar))  # type: ignore[union-attr]
                    opened.key = None
                else:
                    self._add(scalar, 0)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._open(event, kind is MappingStartEvent)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._close(event.end_mark.index + shift)
            elif kind is AliasEvent:
                self._use(event)
            elif kind is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    start = event.start_mark.index + shift
                    raise self._stop(
                        "SYN001", "A flow is one document; remove this `---`.", start, start + 3
                    )

    def _open(self, event: Any, is_mapping: bool) -> None:
        start = event.start_mark.index + self._shift
        end = event.end_mark.index + self._shift
        if event.tag is not None and event.tag not in _COLLECTION_TAGS:
            self._refuse_tag(event.tag, start, end)
        if len(self._stack) >= MAX_DEPTH:
            raise self._too_deep(start, end)
        flow = bool(event.flow_style)
        node = (Mapping if is_mapping else Sequence)(start, self._lines, flow, event.anchor)
        before = self._visits
        self._visit(node, 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(node, before))

    def _close(self, end: int) -> None:
        opened = self._stack.pop()
        node = opened.node
        node.end = end if node.flow else _end_of_block(node)
        if node.anchor is not None:
            visits = self._visits - opened.visits_before
            self._anchors[node.anchor] = _Known(node, visits, opened.height + 1)
        self._add(node, opened.height + 1)

    def _use(self, event: Any) -> None:
        """An alias becomes a node of its own place that shares the content of what it names."""
        start = event.start_mark.index + self._shift
        end = event.end_mark.index + self._shift
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise self._stop(
                "SYN007", f"More than {MAX_ALIASES} aliases (`*name`) in one text.", start, end
            )
        name = str(event.anchor)
        if name not in self._anchors:
            raise self._stop(
                "SYN001", f"`*{name}` names nothing: there is no `&{name}` above.", start, end
            )
        known = self._anchors[name]
        if known is None:
            raise self._stop("SYN007", f"`*{name}` contains itself.", start, end)
        if len(self._stack) + known.height > MAX_DEPTH:
            raise self._too_deep(start, end)
        node = _alias_of(known.node, start, end)
        self._visit(node, known.visits)
        self._add(node, known.height)

    def _add(self, node: Node, height: int) -> None:
        if not self._stack:
            self._root = node
            return
        opened = self._stack[-1]
        if height > opened.height:
            opened.height = height
        container = opened.node
        if type(container) is Sequence:
            container.items.append(node)
        elif opened.key is None and not opened.broken_key:
            self._take_key(opened, node)
        else:
            if opened.key is not None:
                container.entries.append(Entry(opened.key, node))  # type: ignore[union-attr]
            opened.key = None
            opened.broken_key = False

    def _take_key(self, opened: _Open, node: Node) -> None:
        if not isinstance(node, Scalar):
            opened.broken_key = True
            message = "A key must be one word, not a list or a mapping."
            self.findings.append(_error("SYN001", message, node.place))
            return
        opened.key = node
        first = opened.keys.setdefault(node.text, node.start)
        if first != node.start:
            line = self._lines.position(first)[0]
            name = syntax.shorten(node.text)
            message = f"`{name}` is written twice (first on line {line}); keep one of them."
            self.findings.append(_error("SYN002", message, node.place))

    def _visit(self, node: Node, visits: int) -> None:
        self._visits += visits
        if self._visits > MAX_NODES:
            message = (
                f"More than {MAX_NODES:,} values in one text (each use of an alias counts in full)."
            )
            raise self._stop("SYN007", message, node.start, node.start)

    def _refuse_tag(self, tag: str, start: int, end: int) -> None:
        short = tag.replace(_STANDARD, "!!")
        message = (
            f"The tag `{syntax.shorten(short)}` is not allowed; remove it: values are read as text."
        )
        raise self._stop("SYN007", message, start, end)

    def _too_deep(self, start: int, end: int) -> _Stop:
        message = f"Lists and mappings are nested more than {MAX_DEPTH} levels deep."
        return self._stop("SYN007", message, start, end)

    def _stop(self, code: str, message: str, start: int, end: int) -> _Stop:
        return _Stop(_error(code, message, self._lines.place(start, end)))


def _end_of_block(node: Sequence | Mapping) -> int:
    """A block ends with its last value, not with the comments and blank lines after it."""
    if isinstance(node, Sequence):
        return node.items[-1].end if node.items else node.start
    return node.entries[-1].value.end if node.entries else node.start


def _alias_of(node: Node, start: int, end: int) -> Node:
    copy: Node
    if isinstance(node, Scalar):
        copy = Scalar(node.text, start, end, node._lines, node.style, node.plain, None)
    elif isinstance(node, Sequence):
        copy = Sequence(start, node._lines, node.flow, None)
        copy.items = node.items
    else:
        copy = Mapping(start, node._lines, node.flow, None)
        copy.entries = node.entries
    copy.end = end
    copy.alias = True
    return copy
