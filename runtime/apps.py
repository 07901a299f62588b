"""The runtime as Django sees it: deployments, routes, sessions and their record."""

from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "runtime"
    verbose_name = "Runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from designer import facts
        from runtime.deployments import DesignerRuntime

        facts.register(DesignerRuntime())
