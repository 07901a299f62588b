"""What the tracked files may not hold, whoever wrote them on whatever machine."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent.parent
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.|(index|registry)[-_.a-z]*=\s*https?:", re.I
)
MACHINE = re.compile(r"(?<![\w.~-])/(work|root|tmp|home)/\w")
ADDRESS = re.compile(r"https?://|file://|git\+")


def tracked(*patterns: str) -> list[Path]:
    """Return the tracked text files that match, or skip where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--", *patterns], cwd=BASE, capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("these files are in no git repository")
    paths = [BASE / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def lines_that_match(pattern: re.Pattern[str], paths: list[Path]) -> Iterator[str]:
    for path in paths:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                yield f"{path.relative_to(BASE)}:{number}: {line.strip()[:120]}"


def test_no_tracked_file_names_a_package_registry() -> None:
    files = [path for path in tracked() if path != Path(__file__)]
    assert list(lines_that_match(REGISTRY, files)) == []


def test_no_tracked_file_names_a_folder_of_one_machine() -> None:
    files = [path for path in tracked() if "tests" not in path.relative_to(BASE).parts]
    assert list(lines_that_match(MACHINE, files)) == []


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    for lock in tracked("requirements/*.txt"):
        text = lock.read_text()
        assert not ADDRESS.search(text), lock.name
        pinned = re.findall(r"^[a-z0-9][^\s=]*==\S+", text, re.M | re.I)
        named = re.findall(r"^[a-z0-9].*$", text, re.M | re.I)
        assert pinned and len(pinned) == len(named), lock.name
        assert text.count("--hash=sha256:") >= len(pinned), lock.name


def test_the_front_end_lock_holds_integrity_and_no_addresses() -> None:
    packages = json.loads((BASE / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, name


def test_npm_is_told_to_keep_addresses_out_of_the_lock_and_versions_exact() -> None:
    settings = (BASE / ".npmrc").read_text().splitlines()
    assert {"omit-lockfile-registry-resolved=true", "save-exact=true"} <= set(settings)
    assert not [line for line in settings if "registry=" in line or "auth" in line.lower()]
    manifest = json.loads((BASE / "package.json").read_text())
    for name, version in {**manifest["dependencies"], **manifest["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name


@pytest.mark.parametrize("package", ["aiortc", "aioice"])
def test_the_media_stack_is_pinned_exactly(package: str) -> None:
    assert re.search(rf"^{package}==\d", (BASE / "requirements" / "base.in").read_text(), re.M)


def test_every_module_says_what_it_is_for() -> None:
    modules = [
        path
        for path in tracked("*.py")
        if not {"tests", "migrations"} & set(path.relative_to(BASE).parts)
    ]
    silent = [
        str(path.relative_to(BASE))
        for path in modules
        if (text := path.read_text()).strip() and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []
