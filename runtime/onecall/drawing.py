"""The ladder of a call as an SVG picture of its own: no script, no font, nothing loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from runtime.onecall.legs import OneCall
from runtime.onecall.model import model_of
from runtime.onecall.veil import Veil
from runtime.onecall.words import call_time

GUTTER = 90
LANE = 210
NEAR = 120
"""Pixels between a leg of ours and the next one."""
SIDE = 90
HEAD = 56
ROW = 34
GAP = 26
LETTER = 6.4

STYLE = """
.ld{font:12px Arimo,"Liberation Sans",Arial,sans-serif}
.ld text{fill:#18202b}.ld .b{font-weight:700;font-size:13px}.ld .q{fill:#5b6675}
.ld .t{font:11px Cousine,"Liberation Mono",monospace;fill:#5b6675}
.ld .life{stroke:#7d8796;stroke-width:1.5}.ld .own{fill:#eceff3}
.ld .uas{fill:#956cb1}.ld .uac{fill:#46879a}
.ld .a{stroke:#454f5d;stroke-width:1.6;fill:none}.ld .h{fill:#454f5d}
.ld .answer .a{stroke-dasharray:5 3.5}
.ld .bad .a,.ld .bad .x{stroke:#b3261e;stroke-width:2.6;fill:none}
.ld .bad .h,.ld .bad text.s{fill:#b3261e;font-weight:700}
.ld .again{opacity:.65}.ld .m{fill:#fff;stroke:#454f5d;stroke-width:1.5}
.ld .g rect{fill:#eceff3}.ld .g text{fill:#454f5d}
.ld .n rect{fill:#fff;stroke:#7d8796}.ld .n text{font:700 10px Arial,sans-serif;fill:#454f5d}
.ld .c{text-anchor:middle}.ld .e{text-anchor:end}
"""


def svg_of(call: OneCall, veil: Veil) -> str:
    """Return the ladder of a call as a file."""
    return ladder_svg(model_of(call, veil)["ladder"], alone=True)


def ladder_svg(ladder: dict[str, Any], *, alone: bool = False) -> str:
    """Return a ladder (`ladder.LADDER`) as SVG; `alone` with what a file needs beside."""
    at = _lanes(ladder["columns"])
    heights = [GAP if item["kind"] == "gap" else ROW for item in ladder["items"]]
    width, height = at[-1] + SIDE, HEAD + sum(heights) + 16
    space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
    style = f"<style>{STYLE}</style>" if alone else ""
    parts = [
        f'<svg{space} class="ld" role="img" aria-label="Ladder of the call" width="{width}"'
        f' height="{height}" viewBox="0 0 {width} {height}">{style}',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_lifelines(ladder, at, heights),
    ]
    numbers = {step["key"]: step["number"] for step in ladder["steps"]}
    firsts: set[str] = set()
    top = HEAD
    for item, tall in zip(ladder["items"], heights, strict=True):
        parts += _row(item, ladder, at, numbers, firsts, top, width)
        top += tall
    return "\n".join([*parts, "</svg>"])


def _lanes(columns: list[dict[str, Any]]) -> list[int]:
    at = [GUTTER + SIDE]
    for before, column in zip(columns, columns[1:], strict=False):
        at.append(at[-1] + (NEAR if before["own"] and column["own"] else LANE))
    return at


def _lifelines(ladder: dict[str, Any], at: list[int], heights: list[int]) -> Iterator[str]:
    own = [x for x, column in zip(at, ladder["columns"], strict=True) if column["own"]]
    yield (
        f'<rect class="own" x="{min(own) - 50}" y="6" width="{max(own) - min(own) + 100}"'
        f' height="{HEAD - 10}" rx="6"/>'
    )
    bottom = HEAD + sum(heights) + 8
    for index, column in enumerate(ladder["columns"]):
        x = at[index]
        yield f'<text class="b c" x="{x}" y="24">{_text(column["title"], 30)}</text>'
        yield f'<text class="q c" x="{x}" y="41">{_text(column["detail"], 32)}</text>'
        yield f'<line class="life" x1="{x}" y1="{HEAD}" x2="{x}" y2="{bottom}"/>'
        if column["own"]:
            from_, to = _span(ladder["items"], index, heights)
            kind = str(column["role"]).lower()
            tall = max(0, to - from_)
            yield f'<rect class="{kind}" x="{x - 2.5}" y="{from_}" width="5" height="{tall}"/>'


def _span(items: list[dict[str, Any]], column: int, heights: list[int]) -> tuple[int, int]:
    """Return from where to where something happens at a lifeline, in pixels."""
    touched = [
        index
        for index, item in enumerate(items)
        if item["kind"] != "gap" and column in (item["from"], item["to"])
    ]
    if not touched:
        return HEAD, HEAD
    return HEAD + sum(heights[: touched[0]]) + 4, HEAD + sum(heights[: touched[-1] + 1])


def _row(
    item: dict[str, Any],
    ladder: dict[str, Any],
    at: list[int],
    numbers: dict[str, int],
    firsts: set[str],
    top: int,
    width: int,
) -> Iterator[str]:
    if item["kind"] == "gap":
        middle = GUTTER + (width - GUTTER) // 2
        yield (
            f'<g class="g"><rect y="{top}" width="{width}" height="{GAP}"/>'
            f'<text class="c" x="{middle}" y="{top + 17}">{_text(item["label"], 80)}</text></g>'
        )
        return
    line = top + 24
    again = " again" if item["again"] else ""
    yield f'<g class="{item["style"]}{again}" data-kind={quoteattr(item["kind"])}>'
    yield f'<text class="t" x="14" y="{line + 1}">{call_time(item["time"])}</text>'
    yield _arrow(item, at, line) if item["kind"] == "sip" else _fact(item, ladder, at, line)
    for key in item["steps"]:
        if key not in firsts:
            firsts.add(key)
            yield _disc(key, numbers[key], ladder["columns"], at, line)
    yield "</g>"


def _arrow(item: dict[str, Any], at: list[int], line: int) -> str:
    start, tip = at[item["from"]], at[item["to"]]
    sign = 1 if tip > start else -1
    start, tip = start + 3 * sign, tip - 3 * sign
    back, middle = tip - 9 * sign, (start + tip) / 2
    cross = ""
    if item["style"] == "bad":
        cross = f'<path class="x" d="M{middle - 4} {line - 4}l8 8m0 -8l-8 8"/>'  # by shape, too
    said = f"{item['label']} · sent again" if item["again"] else item["label"]
    room = int((abs(tip - start) - 8) / LETTER)
    return (
        f'<path class="a" d="M{start} {line}H{back}"/>'
        f'<path class="h" d="M{tip} {line}L{back} {line - 4.5}V{line + 4.5}Z"/>{cross}'
        f'<text class="s c" x="{middle}" y="{line - 7}">{_text(said, room)}</text>'
    )


def _fact(item: dict[str, Any], ladder: dict[str, Any], at: list[int], line: int) -> str:
    x, left = at[item["from"]], ladder["columns"][item["from"]]["role"] == "UAS"
    place = f'class="s q e" x="{x - 13}"' if left else f'class="s q" x="{x + 13}"'
    mark = f'<path class="m" d="M{x} {line - 5}l5 5l-5 5l-5 -5Z"/>'
    return f'{mark}<text {place} y="{line + 4}">{_text(item["label"], 60)}</text>'


def _disc(key: str, number: int, columns: list[dict[str, Any]], at: list[int], line: int) -> str:
    own = [i for i, column in enumerate(columns) if column["own"] and column["leg"] == key[0]]
    x = at[own[0]] + (18 if columns[own[0]]["role"] == "UAS" else -18)
    return (
        f'<g class="n"><rect x="{x - 10}" y="{line - 9}" width="20" height="18" rx="9"/>'
        f'<text class="c" x="{x}" y="{line + 3.5}">{number}</text></g>'
    )


def _text(text: str, most: int) -> str:
    """Return a text for a picture: cut to its room, without what XML cannot hold."""
    short = text if len(text) <= max(6, most) else text[: max(5, most - 1)] + "…"
    return escape("".join(each for each in short if each >= " " and each not in "\ufffe\uffff"))
