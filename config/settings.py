"""Django settings of Callsmith, chosen by the environment (see config.environment)."""

import os
import secrets
import tomllib
from pathlib import Path
from typing import Any

import dj_database_url

from config import environment

CALLSMITH = environment.read()
BASE_DIR = environment.BASE
DATA = CALLSMITH.data
DEBUG = CALLSMITH.debug


def software(base: Path) -> str:
    """Return the version of this program as nodes show it, with the commit where git knows one."""
    with (base / "pyproject.toml").open("rb") as file:
        version: str = tomllib.load(file)["project"]["version"]
    try:
        head = (base / ".git" / "HEAD").read_text().strip()
        named = head.removeprefix("ref: ")
        commit = head if named == head else (base / ".git" / named).read_text().strip()
    except OSError:
        return version
    return f"{version} ({commit[:7]})"


SOFTWARE = software(BASE_DIR)


def secret_key(folder: Path) -> str:
    """Return the instance's key, made at the first start and readable by its owner only."""
    path = folder / "secret_key"
    try:
        if path.exists():
            return path.read_text()
        # The database in it holds sessions and password hashes: it is nobody else's to read.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = secrets.token_urlsafe(48)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text()
        with os.fdopen(handle, "w") as file:
            file.write(key)
        return key
    except OSError as error:
        raise environment.EnvironmentMistake(
            f"The data folder {folder} cannot be used ({error.strerror})."
            " Name one that this user may write: CALLSMITH_DATA=FOLDER make run"
        ) from error


SECRET_KEY = os.environ.get("CALLSMITH_SECRET_KEY") or secret_key(DATA)
SECRET_KEY_FALLBACKS = [
    key for key in os.environ.get("CALLSMITH_SECRET_KEY_BEFORE", "").split() if key
]
ALLOWED_HOSTS = list(CALLSMITH.allowed_hosts)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_vite",
    "config.apps.Wiring",
    "designer.apps.DesignerConfig",
    "runtime.apps.RuntimeConfig",
]

MIDDLEWARE = [
    "config.csp.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# A further node serves no pages: whoever watches it asks how it does, phones speak SIP with it.
ROOT_URLCONF = "config.node_urls" if CALLSMITH.role == "node" else "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = None

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "builtins": ["django.templatetags.static"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Each request has a thread of its own here: a connection that outlived it would be in nobody's
# reach and stay open until garbage is collected.
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(CALLSMITH.database_url, conn_max_age=0)
}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # A server that answers nothing must not hold pages and start for minutes.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL: pages read while the shipper writes. IMMEDIATE: writers queue instead of failing.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS: dict[str, Any] = {
    "default": (
        {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [CALLSMITH.redis_url], "prefix": "callsmith"},
        }
        if CALLSMITH.redis_url
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}
CONTROL_SOCKET = DATA / "control.sock"

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "flows"
LOGOUT_REDIRECT_URL = "login"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# Two instances on one host share its cookies, whatever their ports: the port keeps them apart.
SESSION_COOKIE_NAME = f"callsmith_session_{CALLSMITH.http[1]}"
CSRF_COOKIE_NAME = f"callsmith_csrf_{CALLSMITH.http[1]}"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 << 20

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static" / "dist"] if (BASE_DIR / "static" / "dist").is_dir() else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
DJANGO_VITE = {
    "default": {
        "manifest_path": BASE_DIR / "static" / "dist" / "manifest.json",
        "static_url_prefix": "",
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("CALLSMITH_LOG", "WARNING")},
}
