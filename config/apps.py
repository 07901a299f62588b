"""The wiring that Django needs at start: tasks are sent through our Celery application."""

from django.apps import AppConfig


class Wiring(AppConfig):
    """Makes config.celery the current application, so that shared tasks find their broker."""

    name = "config"

    def ready(self) -> None:
        from config import celery  # noqa: F401
