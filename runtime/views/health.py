"""How the instance does: one JSON for whoever watches it, and figures for Prometheus."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from designer.access import may
from designer.models import Task
from runtime import bridge, sip_figures

WAITING_TOO_LONG = 30.0
"""Seconds after which a waiting task says that no worker is there."""


@login_not_required
@require_safe
async def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while web, runtime and journal work, else 503; no log-in, for it tells no call."""
    node = bridge.current_node()
    runtime = node.health() if node is not None else None
    database, worker = await database_sync_to_async(_database_and_worker)()
    working = runtime is not None and runtime["sip"]["listening"] and runtime["journal"]["healthy"]
    well = (
        working
        and runtime is not None
        and runtime["status"] == "ok"
        and database["status"] == "ok"
        and worker["status"] == "ok"
    )
    state = {
        "status": "ok" if well else "degraded",
        "web": {"status": "ok"},
        "runtime": runtime or {"status": "away"},
        "journal": _journal(runtime),
        "media": runtime["media"] if runtime else {"attached": False},
        "database": database,
        "worker": worker,
    }
    return JsonResponse(state, status=200 if working else 503)


@login_not_required
@require_safe
async def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while this node takes new calls, else 503 and why: for whoever spreads calls."""
    node = bridge.current_node()
    trouble = "no node runs here" if node is None else node.trouble()
    said = {"ready": not trouble, "reason": trouble}
    headers = {"Retry-After": str(node.config.retry_after)} if node is not None and trouble else {}
    return JsonResponse(said, status=503 if trouble else 200, headers=headers)


def _journal(runtime: dict[str, Any] | None) -> dict[str, Any]:
    if runtime is None:
        return {"healthy": False, "reason": "no node runs here"}
    shipper = bridge.current_shipper()
    shipped = (
        {"shipped": shipper.shipped, "behind": shipper.lag, "trouble": shipper.trouble}
        if shipper is not None
        else {}
    )
    return {**runtime["journal"], **shipped}


def _database_and_worker() -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        waiting = Task.objects.filter(state=Task.State.QUEUED).order_by("created_at")
        oldest = waiting.values_list("created_at", flat=True).first()
        age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
        queued = waiting.count()
    except DatabaseError as error:
        return {"status": "away", "reason": type(error).__name__}, {"status": "unknown"}
    worker = {
        "status": "ok" if age < WAITING_TOO_LONG else "away",
        "queued": queued,
        "oldest_seconds": round(age, 1),
    }
    return {"status": "ok", "engine": connection.vendor}, worker


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus' text format, to this machine or to somebody logged in."""
    if not _is_local(request) and not may(request.user, "metrics.view"):
        raise PermissionDenied("Figures are given to this machine or to somebody logged in.")
    registry = CollectorRegistry()
    registry.register(NodeFigures())
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4")


def _is_local(request: HttpRequest) -> bool:
    # Behind a proxy every caller comes from this machine; then the log-in decides.
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class NodeFigures:
    """The node's health as figures; without a node only that there is none."""

    def collect(self) -> Iterator[Metric]:
        node = bridge.current_node()
        # Asked on the node's own loop: the journal belongs to its thread.
        health = bridge.ask(lambda node: node.health()) if node is not None else None
        yield GaugeMetricFamily("callsmith_up", "A node runs here.", value=health is not None)
        if health is None:
            return
        sessions, journal = health["sessions"], health["journal"]
        yield GaugeMetricFamily("callsmith_sessions", "Living sessions.", value=sessions["now"])
        yield CounterMetricFamily(
            "callsmith_sessions_started", "Sessions begun.", value=sessions["started"]
        )
        outcomes = CounterMetricFamily(
            "callsmith_sessions_ended", "Sessions over, by outcome.", labels=["outcome"]
        )
        for outcome, count in sessions["outcomes"].items():
            outcomes.add_metric([outcome], count)
        yield outcomes
        versions = GaugeMetricFamily(
            "callsmith_sessions_of", "Living sessions by flow and version.", labels=["flow", "hash"]
        )
        for each in sessions["versions"]:
            versions.add_metric([each["flow"], each["digest"][:12]], each["sessions"])
        yield versions
        refused = CounterMetricFamily(
            "callsmith_calls_refused", "Calls no session answered, by code.", labels=["code"]
        )
        for code, count in health["sip"]["refused"].items():
            refused.add_metric([code], count)
        yield refused
        yield from sip_figures.metrics(health["sip"])
        yield GaugeMetricFamily(
            "callsmith_journal_healthy", "Records can be kept.", value=journal["healthy"]
        )
        yield CounterMetricFamily(
            "callsmith_journal_records", "Records appended.", value=journal["number"]
        )
        yield CounterMetricFamily(
            "callsmith_journal_lost", "Records that could not be kept.", value=journal["unrecorded"]
        )
        yield GaugeMetricFamily(
            "callsmith_media_attached", "The media is there.", value=health["media"]["attached"]
        )
