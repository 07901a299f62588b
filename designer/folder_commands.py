"""Flows as a folder of files: `export --all DIR` writes one, `import FILE|DIR ...` takes one over.

One file per flow, named as the flow, with exactly the text of its newest version: what has not
changed is not written, and what is imported unchanged makes no version, so both may be repeated.
"""

from __future__ import annotations

import os
import re
import tempfile
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from designer.services import Imported

DONE, REFUSED, UNUSABLE = 0, 1, 2
SUFFIXES = (".yaml", ".yml")


class Unusable(Exception):
    """A file or folder cannot be used; the text says why."""


def export_all(options: Namespace) -> int:
    """Write each flow's newest version into a folder: 0 done, 2 the folder cannot be used."""
    from designer import selectors
    from designer.commands import answer, refuse
    from designer.models import Version

    folder = Path(options.all)
    found = Version.objects.filter(pk__in=[each.pk for each in selectors.newest_versions()])
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for version in found.select_related("flow").defer("report").order_by("flow__name"):
            path = folder / f"{version.flow.name}.yaml"
            made = _write(path, version.text.encode())
            written.append(
                {
                    "file": str(path),
                    "flow": version.flow.name,
                    "version": version.number,
                    "digest": version.digest,
                    "written": made,
                }
            )
    except OSError as error:
        return refuse(options, f"{error.filename}: {error.strerror}", UNUSABLE)
    lines = [f"{each['file']} is v{each['version']}" for each in written if each["written"]]
    same = len(written) - len(lines)
    lines.append(f"{len(lines)} written, {same} unchanged.")
    answer(options, {"folder": str(folder), "files": written}, "\n".join(lines))
    return DONE


def _write(path: Path, content: bytes) -> bool:
    """Write a file whole or not at all; say whether it had to be written."""
    if path.is_file() and path.read_bytes() == content:
        return False
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes files for their owner only; a file of a repository is as others there.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~mask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return True


def import_files(options: Namespace) -> int:
    """Make files new versions, all or none: 0 done, 1 one was refused, 2 one cannot be read."""
    from django.db import transaction

    from designer.commands import answer, refuse
    from designer.errors import Refused

    try:
        paths = [each for name in options.files for each in _files(Path(name))]
        if options.name and len(paths) > 1:
            raise Unusable("--name goes with one file only.")
        texts = [(path, whole, _read(path)) for path, whole in paths]
        with transaction.atomic():
            made = [(path, _import(path, text, whole, options)) for path, whole, text in texts]
    except Unusable as problem:
        return refuse(options, str(problem), UNUSABLE)
    except Refused as refusal:
        return refuse(options, refusal.message)
    lines = [line for path, each in made for line in _said(path, each)]
    data = {"imported": [_told(path, each) for path, each in made]}
    answer(options, data, "\n".join(lines))
    return DONE


def _files(path: Path) -> list[tuple[Path, bool]]:
    """Return the files meant, each with whether it stands for its folder."""
    if not path.is_dir():
        return [(path, False)]
    found = sorted(each for each in path.iterdir() if each.suffix in SUFFIXES and each.is_file())
    if not found:
        raise Unusable(f"There is no file .yaml in {path}.")
    return [(each, True) for each in found]


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path} is no text in UTF-8.") from None


def _import(path: Path, text: str, whole: bool, options: Namespace) -> Imported:
    """Import one file. In a folder its name is the flow's, so that names there stay distinct."""
    from designer import services
    from designer.errors import Refused
    from designer.models import Version

    try:
        if whole:
            return services.flow_import(
                text=text,
                file_name=path.name,
                author_name=f"file:{path.name}",
                origin=Version.Origin.FILE,
                name=_name_of(path),
            )
        return services.flow_import(
            text=text, file_name=path.name, author_name="command line", name=options.name
        )
    except Refused as refusal:
        raise Refused(f"{path}: {refusal.message} Nothing was imported.") from None


def _name_of(path: Path) -> str:
    """Return the flow's name: the file's as it stands, as `export --all` wrote it, if it can be."""
    from designer import services
    from designer.models import FLOW_NAME

    return path.stem if re.match(FLOW_NAME, path.stem) else services.name_from_file(path.name)


def _told(path: Path, made: Imported) -> dict[str, Any]:
    version = made.version
    return {
        "file": str(path),
        "flow": made.flow.name,
        "version": version.number,
        "digest": version.digest,
        "created": made.created,
        "errors": version.errors,
        "warnings": version.warnings,
        "notes": made.notes,
    }


def _said(path: Path, made: Imported) -> list[str]:
    verb = "is" if made.created else "was already"
    first = f"{path} {verb} {made.version}  {made.version.digest[:12]}"
    return [first, *(f"  line {note['line']}: {note['message']}" for note in made.notes)]
