"""A table in the formats of other tools: text in, text out, nothing is run and nothing is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flows.draw import dot
from flows.export.mermaid import mermaid
from flows.export.sheets import csv_text, markdown
from flows.table import Table


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what a browser calls it and how its files end."""

    name: str
    suffix: str
    media_type: str
    write: Callable[[Table], str]


FORMATS: Mapping[str, Format] = {
    known.name: known
    for known in (
        Format("dot", ".dot", "text/vnd.graphviz", dot),
        Format("mermaid", ".mmd", "text/plain", mermaid),
        Format("markdown", ".md", "text/markdown", markdown),
        Format("csv", ".csv", "text/csv", csv_text),
    )
}
"""The formats a table is written in, by name; pictures are made by `designer.pictures`."""

__all__ = ["FORMATS", "Format", "csv_text", "markdown", "mermaid"]
