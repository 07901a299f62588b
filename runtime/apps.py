"""The runtime as Django sees it: deployments, routes, sessions and their record."""

from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "runtime"
    verbose_name = "Runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from designer import access, facts
        from runtime import audit, deployments, replay_runs

        facts.register(deployments.DesignerRuntime())
        replay_runs.register()
        access.tells_flow("id", audit.flow_of)
        access.tells_flow("deployment", deployments.flow_of)
