"""The runtime as Django sees it: deployments, routes, sessions and their record."""

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_save


class RuntimeConfig(AppConfig):
    name = "runtime"
    verbose_name = "Runtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from designer import access, facts
        from runtime import audit, deployments, replay_runs, reviewing, shadows, upkeep
        from runtime import facts as runtime_facts

        facts.register(runtime_facts.DesignerRuntime())
        replay_runs.register()
        reviewing.register()
        shadows.register()
        upkeep.register()
        access.tells_flow("id", audit.flow_of)
        access.tells_flow("deployment", deployments.flow_of)
        post_save.connect(_seal, sender="designer.AuditEntry", dispatch_uid="seal_acts")


def _seal(*, created: bool, **_: object) -> None:
    """Put an act into the chain as soon as it is kept."""
    from runtime.blocks import seal_acts

    if created:
        transaction.on_commit(seal_acts, robust=True)
