"""`manage.py prepare`: database, starter flows and the first account. Safe to repeat."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from designer import services
from runtime import deployments


class Command(BaseCommand):
    help = "Bring the database up to date; import the starter flows; make the first account."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in (settings.DATA, settings.STATIC_ROOT):
            folder.mkdir(parents=True, exist_ok=True)
        if pending_migrations():
            self.stdout.write("  Database ...")
            call_command("migrate", verbosity=0, interactive=False)
        imported = services.import_starters(settings.BASE_DIR / "state_tables")
        if imported:
            self.stdout.write(f"  Starter flows: {', '.join(imported)}")
        deployments.first_run()
        self.first_account()

    def first_account(self) -> None:
        """Make the account `admin` and print its password, this one time only."""
        users = get_user_model().objects
        if users.exists():
            return
        password = os.environ.get("CALLSMITH_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
        users.create_superuser("admin", password=password)
        self.stdout.write("")
        self.stdout.write("  Log in as   admin")
        self.stdout.write(f"  password    {password}     (shown this once: keep it)")
        self.stdout.write("  A new one:  .venv/bin/python manage.py changepassword admin")


def pending_migrations() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
