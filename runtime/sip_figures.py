"""The SIP stack in Prometheus' words, and what of it a page of nodes shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_COUNTED = {
    "callsmith_sip_stack": ("What the SIP stack counts, by name.", ("counters",)),
    "callsmith_sip_connections_events": (
        "What became of TCP and TLS connections, by name.",
        ("connections", "counters"),
    ),
    "callsmith_sip_datagrams": ("Datagrams not read or not sent, by name.", ("datagrams",)),
    "callsmith_sip_guard": (
        "What the limits have let through or refused, by name.",
        ("guard", "counters"),
    ),
    "callsmith_sip_screened": ("Who was asked to prove who calls, by name.", ("screened",)),
}
"""Families of counters: what they tell and where they stand. Their names come from the code alone,
never from a message, so there are only so many."""


def metrics(sip: Mapping[str, Any]) -> Iterator[Metric]:
    """Return the figures of the SIP side of a node's health."""
    for name, (told, path) in _COUNTED.items():
        family = CounterMetricFamily(name, told, labels=["name"])
        counters: Mapping[str, int] = sip
        for step in path:
            counters = counters.get(step, {})  # type: ignore[assignment]
        for label, count in sorted(counters.items()):
            family.add_metric([label], count)
        yield family
    guard, connections = sip["guard"], sip["connections"]
    yield _gauge(
        "share_of_new_calls", "Of new calls that is taken: 1 without overload.", guard["share"]
    )
    yield _gauge("loop_busy", "Of its time that the event loop uses.", guard["busy"])
    yield _gauge("loop_late_seconds", "By which the event loop was late.", guard["late"])
    yield _gauge("sources", "Sources whose rates are remembered.", guard["sources"])
    yield _gauge("connections", "TCP and TLS connections.", connections["open"])
    yield _gauge("connections_limit", "How many there may be.", connections["limit"])
    yield _gauge(
        "connections_of_one_source", "The most of one source.", connections["of_one_source"]
    )
    yield _gauge("browsers", "WebSockets that carry SIP.", connections["browsers"])
    yield _gauge("dialogs", "Dialogs.", sip["dialogs"])
    yield _gauge("registered", "Places where users are reached.", sip["registered"])
    yield CounterMetricFamily(
        "callsmith_sip_unkept", "Messages of nobody that were not recorded.", value=sip["unkept"]
    )
    yield from _trunks(sip.get("trunks", {}))
    sides = GaugeMetricFamily("callsmith_sip_transactions", "Transactions.", labels=["side"])
    for side, count in sip["transactions"].items():
        sides.add_metric([side], count)
    yield sides


def _trunks(trunks: Mapping[str, Mapping[str, int]]) -> Iterator[Metric]:
    """Tell of trunks by name: people name them, so there are only so many."""
    calls = GaugeMetricFamily(
        "callsmith_trunk_calls", "Calls through a trunk now.", labels=["trunk", "direction"]
    )
    down = GaugeMetricFamily("callsmith_trunk_down", "A trunk does not answer.", labels=["trunk"])
    for name, figures in sorted(trunks.items()):
        calls.add_metric([name, "in"], figures["in"])
        calls.add_metric([name, "out"], figures["out"])
        down.add_metric([name], figures["down"])
    yield calls
    yield down


def summary(sip: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of it the row of a node keeps."""
    guard, connections = sip["guard"], sip["connections"]
    refused = guard["counters"]
    return {
        "tls": sip["tls"],
        "share": guard["share"],
        "busy": guard["busy"],
        "connections": connections["open"],
        "browsers": connections["browsers"],
        "too_many": refused.get("too_many", 0) + refused.get("not_connected", 0),
        "overload": refused.get("overload", 0),
        "malformed": sip["counters"].get("malformed", 0),
    }


def told(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what pages, API and command line tell of a node's SIP side; empty parts are zero."""
    return {
        "tls_address": kept.get("tls", ""),
        "new_calls_percent": round(100 * kept.get("share", 1.0)),
        "busy_percent": round(100 * kept.get("busy", 0.0)),
        "connections": kept.get("connections", 0),
        "browsers": kept.get("browsers", 0),
        "refused_as_too_many": kept.get("too_many", 0),
        "refused_under_overload": kept.get("overload", 0),
        "malformed": kept.get("malformed", 0),
    }


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"callsmith_sip_{name}", told, value=value)
