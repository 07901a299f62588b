"""The designer: flows, drafts, versions and the pages that edit them."""

from django.apps import AppConfig


class DesignerConfig(AppConfig):
    name = "designer"
    verbose_name = "Designer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Take the words of plug-ins before any text is compiled; tell of the required checks; keep
        the groups of people at the table of roles."""
        from django.db.models.signals import post_migrate

        from designer import checks, mutant_runs, roles, scenario_runs
        from flows import plugins

        plugins.load()
        checks.register()
        scenario_runs.register()
        mutant_runs.register()
        post_migrate.connect(roles.keep_groups, sender=self)
