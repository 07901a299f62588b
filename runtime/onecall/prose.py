"""A call as plain text: who, how it ended, its steps, its ladder in characters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runtime.onecall.legs import OneCall
from runtime.onecall.model import model_of
from runtime.onecall.veil import Veil
from runtime.onecall.words import call_time, moment, spoken

LANE = 26
"""Characters between two lifelines."""
TIME = 12


def text_of(call: OneCall, veil: Veil) -> str:
    """Return the whole call as text."""
    told = model_of(call, veil)
    lines = [*heading(told), "", "Steps", *_steps(told), "", "Ladder", *_ladder(told), ""]
    return "\n".join(line.rstrip() for line in lines)


def heading(told: dict[str, Any]) -> Iterator[str]:
    """Yield who talked with whom, when, and how it ended, one line for each leg."""
    own = next(leg for leg in told["legs"] if leg["letter"] == told["own"])
    yield f"{own['caller']} with {own['callee']}"
    began = told["ladder"]["began"]
    for leg in told["legs"]:
        version = f" v{leg['number']}" if leg.get("number") else f" {leg['digest'][:12]}"
        over = leg.get("ended")
        how = f"{leg['outcome'] or 'over'} after {spoken(over - began)}" if over else leg["state"]
        ran = f"{leg['role']}, {leg['flow']}{version}"
        yield f"Leg {leg['letter']}: {ran}, session {leg['id']}, {how}"
    yield f"Began {moment(began)} UTC"


def _steps(told: dict[str, Any]) -> Iterator[str]:
    began = told["ladder"]["began"]
    for step in told["ladder"]["steps"]:
        if step["gap"]:
            yield f"      -- {step['gap']} --"
        time = call_time(step["time"] - began)
        yield f"{step['number']:>4}  {time:>11}  {step['leg']}  {way(step)}"
        done = doing(step)
        if done:
            yield f"{'':22}{done}"


def way(step: dict[str, Any]) -> str:
    """Return what came and where it led."""
    stays = step["from_state"] == step["to_state"]
    to = f"stays in {step['to_state']}" if stays else f"{step['from_state']} -> {step['to_state']}"
    line = f" (line {step['line']})" if step["line"] else ""
    lost = "; no row took it" if step["kind"] == "unhandled" else ""
    return f"{step['label']}: {to}{line}{lost}"


def doing(step: dict[str, Any]) -> str:
    """Return what was done, with how long it took or why it failed."""
    parts = []
    for index, action in enumerate(step["actions"]):
        result = step["results"][index] if index < len(step["results"]) else None
        if result is None:
            parts.append(action)
        elif result[0]:
            parts.append(f"{action} {result[1] / 1000:.1f} ms")
        else:
            parts.append(f"{action} FAILED: {result[2]}")
    parts += [f"publishes {name}" for name in step["published"]]
    return ", ".join(parts)


def _ladder(told: dict[str, Any]) -> Iterator[str]:
    columns = told["ladder"]["columns"]
    blank = " " * TIME
    yield blank + "".join(f"{column['title'][: LANE - 2]:^{LANE}}" for column in columns)
    yield blank + "".join(f"{column['detail'][: LANE - 2]:^{LANE}}" for column in columns)
    width = LANE * len(columns)
    numbers = {step["key"]: step["number"] for step in told["ladder"]["steps"]}
    for item in told["ladder"]["items"]:
        if item["kind"] == "gap":
            yield blank + f" {item['label']} ".center(width, "~")
            continue
        steps = ", ".join(f"#{numbers[key]}" for key in item["steps"])
        yield f"{call_time(item['time']):>{TIME - 2}}  {_rung(item, len(columns))} {steps}"


def _rung(item: dict[str, Any], columns: int) -> str:
    """Return one row of the ladder in characters: `|---- INVITE --->|`."""
    row = list("".join(f"{'|':^{LANE}}" for _ in range(columns)))
    at = [LANE // 2 + LANE * index for index in range(columns)]
    left, right = sorted((at[item["from"]], at[item["to"]]))
    label = f" {item['label']}{' (again)' if item['again'] else ''} "
    if left == right:
        start = left + 2 if item["from"] < columns - 1 else max(0, left - len(label) - 1)
        return _put(row, start, f"* {item['label']}")
    line = "-" if item["style"] == "request" else "=" if item["style"] == "bad" else "."
    span = label[: right - left - 3].center(right - left - 1, line)
    span = f"{span[:-1]}>" if item["to"] > item["from"] else f"<{span[1:]}"
    return _put(row, left + 1, span)


def _put(row: list[str], start: int, text: str) -> str:
    row[start : start + len(text)] = text
    return "".join(row)
