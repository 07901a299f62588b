"""The runtime's work for the worker: looks at deployments that go in steps."""

from __future__ import annotations

import logging
import os
import socket

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from runtime import ramps
from runtime.models import Ramp
from runtime.ramps import looking

logger = logging.getLogger(__name__)


@shared_task(name="runtime.look_ramp")
def look_ramp(ramp_id: int) -> None:
    """Look at the figures of one ramp and do what follows from them."""
    looking.look(ramp_id, worker=f"{socket.gethostname()}:{os.getpid()}"[:64])


def ring_ramps() -> list[int]:
    """Call for a worker for each ramp whose figures are due; return their keys."""
    wanted = settings.DATA / ramps.WANTED
    if not Ramp.objects.filter(ended_at=None).exists():
        wanted.unlink(missing_ok=True)
        return []
    wanted.touch()
    rung = looking.due(timezone.now())
    for ramp in rung:
        ring(ramp)
    return [ramp.pk for ramp in rung]


def ring(ramp: Ramp) -> None:
    """Call for a worker. A broker that is away is no error: the row is rung for again."""
    try:
        look_ramp.delay(ramp.pk)
    except Exception as error:  # the broker's libraries raise their own, unrelated types
        logger.warning("no worker could be called for %s: %s", ramp, error)
