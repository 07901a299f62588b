"""Settings of the test suite: a data folder of its own, in-process media, no outside services."""

import os
import tempfile

os.environ.setdefault("CALLSMITH_DATA", tempfile.mkdtemp(prefix="callsmith-test-"))
os.environ.setdefault("CALLSMITH_MEDIA", "inprocess")

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file as in real life: threads share it, which a database in memory does not allow.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA / "test.sqlite3")}  # noqa: F405
