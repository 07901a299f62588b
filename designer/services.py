"""What people do to flows: create, draft, save, restore, import. Each act is whole or not at all.

A save names the version it was built on; if another one has become the newest since, it is refused
with both, so that nothing is overwritten silently.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from designer import auditing, facts, notices, scenario_runs, selectors
from designer import renames as renaming
from designer.errors import Conflict, Refused
from designer.history import History
from designer.models import FLOW_NAME, RESERVED_NAMES, Draft, DraftHistory, Flow, Project, Version
from designer.naming import person_name
from designer.tasks import check_request
from flows import dialects
from flows.check import examine
from flows.compile import Compiled
from flows.document import MAX_BYTES
from flows.imports import Converted, ImportRefused, convert

BLANK = """\
callflow: 1
name: {name}
description: ""
states:
  Idle: {{initial: true}}
  Terminated: {{final: true}}
transitions: []
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing one text made: the version, or the equal one that was there before."""

    flow: Flow
    version: Version
    created: bool
    notes: list[dict[str, Any]] = field(default_factory=list)
    """Findings of the translation from another language."""
    dialect: str = dialects.NATIVE


def digest_of(text: str) -> str:
    """Return the SHA-256 of the text's UTF-8 bytes in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def flow_create(
    *, name: str, user: Any = None, text: str | None = None, project: Project | None = None
) -> Flow:
    """Make a flow; with a user it begins with that person's draft. Refused if the name is taken."""
    _usable_name(name)
    text = usable_text(BLANK.format(name=name) if text is None else text)
    try:
        with transaction.atomic():
            flow = Flow.objects.create(
                name=name, description=_description(examine(text)), project=project
            )
    except IntegrityError:
        raise Refused(f"A flow named {name} exists already. Choose another name.") from None
    if user is not None:
        auditing.record("flow.create", user=user, flow=flow)
        draft_save(flow=flow, user=user, text=text, base=None)
    return flow


def draft_save(
    *,
    flow: Flow,
    user: Any,
    text: str,
    base: Version | None,
    renames: Sequence[renaming.Rename] = (),
    merged: bool = False,
) -> Draft:
    """Keep what a person is working on, replacing what was kept before."""
    draft, _ = Draft.objects.update_or_create(
        user=user,
        flow=flow,
        defaults={
            "text": usable_text(text),
            "base": base,
            "renames": [list(each) for each in renames],
            "merged": merged,
            "updated_at": timezone.now(),
        },
    )
    return draft


def history_save(*, flow: Flow, user: Any, text: str, steps: bytes) -> None:
    """Keep the steps back and forth of a person's text, as `History.dump` gives them."""
    DraftHistory.objects.update_or_create(
        user=user,
        flow=flow,
        defaults={
            "digest": digest_of(text),
            "steps": steps,
            "updated_at": timezone.now(),
        },
    )


def history_load(*, flow: Flow, user: Any, text: str) -> History:
    """Return the history of this text; without a step if another text was kept."""
    kept = DraftHistory.objects.filter(flow=flow, user=user, digest=digest_of(text)).first()
    return History.load(text, bytes(kept.steps)) if kept is not None else History(text)


def draft_discard(*, flow: Flow, user: Any) -> None:
    """Let go of a person's draft."""
    Draft.objects.filter(flow=flow, user=user).delete()


def version_save(
    *,
    flow: Flow,
    text: str,
    base: int | None,
    author: Any = None,
    author_name: str = "",
    message: str = "",
    origin: str = Version.Origin.EDIT,
    renames: Sequence[renaming.Rename] = (),
) -> Version:
    """Save a text as the next version; Conflict unless `base` is the number of the newest one.

    The flow's kept tests follow the `renames` of states that the text holds.

    A text with errors, or one that does not compile, can be saved: it is not deployed.
    """
    compiled = examine(usable_text(text))
    try:
        with transaction.atomic():
            # Two savers queue where rows can be locked; elsewhere the unique number decides.
            Flow.objects.select_for_update().get(pk=flow.pk)
            latest = selectors.newest_version(flow)
            if (latest.number if latest else None) != base:
                assert latest is not None, "a base exists, so a version does"
                raise Conflict(base=selectors.version_of(flow, base), latest=latest)
            version = _insert(
                flow, compiled, text, latest, author, author_name, message, origin, renames
            )
            renaming.follow(flow, renaming.in_force(renames, compiled.table), version.author_name)
            _follow_up(version, author)
    except IntegrityError:
        latest = selectors.newest_version(flow)
        assert latest is not None
        raise Conflict(base=selectors.version_of(flow, base), latest=latest) from None
    return version


def version_restore(*, flow: Flow, number: int, author: Any) -> Version:
    """Save the text of an older version as the newest one."""
    old = selectors.version_of(flow, number)
    if old is None:
        raise Refused(f"{flow.name} has no version {number}.")
    latest = selectors.newest_version(flow)
    assert latest is not None
    if latest.digest == old.digest:
        raise Refused(f"v{latest.number} has the text of v{number} already.")
    return version_save(
        flow=flow,
        text=old.text,
        base=latest.number,
        author=author,
        message=f"Restore v{number}",
        origin=Version.Origin.RESTORE,
    )


def flow_import(
    *,
    text: str,
    file_name: str,
    author: Any = None,
    author_name: str = "",
    origin: str = Version.Origin.IMPORT,
    name: str | None = None,
    keep_original: bool = False,
    project: Project | None = None,
    allowed: Callable[[Flow], bool] = lambda flow: True,
) -> Imported:
    """Make a new version from a file's text, translating other languages; the flow is made if new.

    The name is the one asked for, else the one in the text, else the file's. A new flow goes into
    the project; one that is there already is Refused unless it is `allowed` to save versions of it.
    """
    translated = native_text(text, keep_original=keep_original)
    native = translated.text
    notes = [finding.as_dict() for finding in translated.findings]
    compiled = examine(native)
    name = name or _name_in(compiled) or name_from_file(file_name)
    _usable_name(name)
    flow, made = Flow.objects.get_or_create(
        name=name, defaults={"description": _description(compiled), "project": project}
    )
    if not made and not allowed(flow):
        raise Refused(f"A flow named {name} exists already. Choose another name.")
    latest = selectors.newest_version(flow)
    if latest is not None and latest.text == native:
        return Imported(flow, latest, created=False, notes=notes, dialect=translated.dialect)
    version = version_save(
        flow=flow,
        text=native,
        base=latest.number if latest else None,
        author=author,
        author_name=author_name,
        message=f"Import {file_name}",
        origin=origin,
    )
    return Imported(flow, version, created=True, notes=notes, dialect=translated.dialect)


def native_text(text: str, *, keep_original: bool = False) -> Converted:
    """Make a text native, whatever language it is in; Refused says why it can not be read."""
    try:
        made = convert(usable_text(text))
    except ImportRefused as problem:
        raise Refused(str(problem)) from None
    foreign = made.text != text
    return made.with_original(text) if keep_original and foreign else made


def import_starters(folder: Path) -> list[str]:
    """Import each file of the folder whose flow does not exist yet; return their names."""
    made = []
    for path in sorted(Path(folder).glob("*.yaml")):
        if Flow.objects.filter(name=path.stem).exists():
            continue
        flow_import(
            text=path.read_bytes().decode(),
            file_name=path.name,
            author_name="Callsmith",
            origin=Version.Origin.FILE,
            name=path.stem,
        )
        made.append(path.stem)
    return made


def name_from_file(file_name: str) -> str:
    """Make a flow's name of a file's: `Gateway states.yaml` becomes `gateway_states`."""
    stem = Path(file_name).name.rsplit(".", 1)[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_-").lower()[:64].strip("_-") or "imported"


def usable_text(text: str) -> str:
    """Return the text if it can be kept at all; what it says is not judged here."""
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise Refused(f"The text is larger than {MAX_BYTES >> 20} MiB. Split the flow.")
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise Refused("The text holds characters that no file can keep.")
    return text


def _insert(
    flow: Flow,
    compiled: Compiled,
    text: str,
    parent: Version | None,
    author: Any,
    author_name: str,
    message: str,
    origin: str,
    renames: Sequence[renaming.Rename] = (),
) -> Version:
    return Version.objects.create(
        flow=flow,
        number=parent.number + 1 if parent else 1,
        text=text,
        digest=digest_of(text),
        author=author,
        author_name=author_name or (person_name(author) if author else "unknown"),
        message=message.strip()[:2000],
        parent=parent,
        origin=origin,
        compiles=compiled.table is not None,
        errors=compiled.errors,
        warnings=compiled.warnings,
        report={"findings": [finding.as_dict() for finding in compiled.findings]},
        renames=[list(each) for each in renames],
    )


def _follow_up(version: Version, author: Any) -> None:
    """What a save brings with it: the draft is done, the flow says what it is, all are told."""
    flow = version.flow
    description = _description_of(version)
    if description is not None and description != flow.description:
        Flow.objects.filter(pk=flow.pk).update(description=description)
    if author is not None:
        Draft.objects.filter(flow=flow, user=author, text=version.text).delete()
    scenario_runs.request(version)
    check_request(version)
    auditing.record(
        "version.save",
        user=author,
        by_name=version.author_name,
        flow=flow,
        subject=version.label,
        reason=version.message,
        detail={"digest": version.digest, "origin": version.origin},
    )
    facts.runtime().saved(version)
    notices.announce(
        notices.flow_group(flow.name),
        {"type": "version.saved", "flow": flow.name, "number": version.number},
    )


def _usable_name(name: str) -> None:
    if not re.match(FLOW_NAME, name):
        raise Refused(
            "A flow name has 1 to 64 letters, digits, - and _, at both ends a letter or digit."
        )
    if name in RESERVED_NAMES:
        raise Refused(f"{name} is a word of the product. Choose another name.")


def _name_in(compiled: Compiled) -> str | None:
    name = compiled.table.name if compiled.table else ""
    return name if re.match(FLOW_NAME, name) and name not in RESERVED_NAMES else None


def _description(compiled: Compiled) -> str:
    return compiled.table.description if compiled.table else ""


def _description_of(version: Version) -> str | None:
    table = selectors.compiled_version(version).table
    return table.description if table else None
