"""A call as one HTML file for people without Callsmith: it loads nothing and runs nothing.

Its own policy forbids everything but its inline styles. Each text of the call is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from runtime.onecall.drawing import STYLE, ladder_svg
from runtime.onecall.legs import OneCall
from runtime.onecall.model import model_of
from runtime.onecall.prose import doing, heading, way
from runtime.onecall.veil import Veil
from runtime.onecall.words import call_time, moment

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
_STYLE = """
body{margin:24px;font:13px/20px Arimo,"Liberation Sans",Arial,sans-serif;color:#18202b;
background:#fff}
h1{font-size:20px;line-height:28px}h2{font-size:14px;margin:28px 0 8px}
table{border-collapse:collapse}td,th{padding:4px 12px 4px 0;text-align:left;
vertical-align:top;border-bottom:1px solid #dde1e7}th{color:#5b6675;font-weight:400}
.m,pre{font:12px/18px Cousine,"Liberation Mono",monospace}.n{text-align:right}
pre{margin:0;padding:8px 12px;background:#eceff3;white-space:pre-wrap;overflow-wrap:anywhere}
details{border-bottom:1px solid #dde1e7}summary{padding:6px 0;cursor:pointer}
.gap td{color:#5b6675;background:#eceff3;text-align:center}.lost{background:#fcf1da}
.q{color:#5b6675}.scroll{overflow-x:auto}
@media print{details>*{display:block}}
"""


def page_of(call: OneCall, veil: Veil) -> str:
    """Return the call as a whole HTML page."""
    told = model_of(call, veil)
    title, *about = heading(told)
    masked = "" if veil.lifted else "<p class='q'>Numbers and names of people are masked.</p>"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *(f"<p>{escape(line)}</p>" for line in about),
            masked,
            "<h2>Ladder</h2>",
            f'<div class="scroll">{ladder_svg(told["ladder"])}</div>',
            "<h2>Steps</h2>",
            *_steps(told),
            "<h2>Messages</h2>",
            *_messages(call, veil),
            "</body></html>",
            "",
        ]
    )


def _steps(told: dict[str, Any]) -> Iterator[str]:
    began = told["ladder"]["began"]
    yield (
        '<table><thead><tr><th class="n">No.</th><th class="n">Time</th><th>Leg</th>'
        "<th>What came, where it led</th><th>What was done</th></tr></thead><tbody>"
    )
    for step in told["ladder"]["steps"]:
        if step["gap"]:
            yield f'<tr class="gap"><td colspan="5">{escape(step["gap"])}</td></tr>'
        lost = ' class="lost"' if step["kind"] == "unhandled" else ""
        yield (
            f'<tr{lost}><td class="n">{step["number"]}</td>'
            f'<td class="n m">{call_time(step["time"] - began)}</td><td>{escape(step["leg"])}</td>'
            f"<td>{escape(way(step))}</td><td>{escape(doing(step))}</td></tr>"
        )
    yield "</tbody></table>"


def _messages(call: OneCall, veil: Veil) -> Iterator[str]:
    every = [(leg.letter, wire) for leg in call.legs for wire in leg.wire]
    for letter, wire in sorted(every, key=lambda each: (each[1].time, each[1].id)):
        data = veil.message(wire.data).decode(errors="replace").replace("\r\n", "\n")
        way = "from" if wire.direction == "in" else "to"
        first = data.partition("\n")[0]
        yield (
            f"<details><summary><span class='m'>{call_time(wire.time - call.began)}</span>"
            f" leg {escape(letter)} {way} {escape(wire.remote)}, {escape(wire.transport)}:"
            f" <b>{escape(first)}</b></summary><p class='q'>{moment(wire.time)} UTC</p>"
            f"<pre>{escape(data)}</pre></details>"
        )
