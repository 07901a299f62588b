"""The Celery application: Redis where REDIS_URL names one, otherwise a folder as the broker.

A task is a database row; the broker is only the bell. Rows whose worker is gone
are rung again by the server (designer.tasks), so a lost message loses no work.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from celery import Celery  # noqa: E402
from celery.signals import worker_shutting_down  # noqa: E402
from django.conf import settings  # noqa: E402

app = Celery("callsmith")


def broker() -> dict[str, Any]:
    """Return the broker settings of this environment."""
    if settings.CALLSMITH.redis_url:
        return {"broker_url": settings.CALLSMITH.redis_url}
    queue = settings.DATA / "queue"
    for name in ("messages", "processed", "control"):
        (queue / name).mkdir(parents=True, exist_ok=True)
    return {
        # The host means nothing to a folder; without one kombu warns at every start.
        "broker_url": "filesystem://localhost",
        "broker_transport_options": {
            "data_folder_in": str(queue / "messages"),
            "data_folder_out": str(queue / "messages"),
            "processed_folder": str(queue / "processed"),
            "control_folder": str(queue / "control"),
            "polling_interval": 0.02,
        },
    }


app.conf.update(
    **broker(),
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=600,
    worker_prefetch_multiplier=1,
    # A queue and a worker of their own: no long check may hold up taking a bad version back.
    task_routes={"runtime.look_ramp": {"queue": "ramps"}},
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
app.autodiscover_tasks(["designer", "runtime"])


@worker_shutting_down.connect
def leave_at_once_when_idle(**_: object) -> None:
    """Leave the wait for messages, which nothing else ends before its seconds are over.

    A message taken in this very moment is lost, its task is not: the row is rung again.
    """
    from celery.worker import state

    if not state.reserved_requests:
        raise SystemExit(0)
