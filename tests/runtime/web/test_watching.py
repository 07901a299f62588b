from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.db import OperationalError
from watchfiles import Change

from designer import selectors
from runtime import deployments, watching
from tests.web import BROKEN, ECHO

pytestmark = pytest.mark.django_db


def test_a_changed_file_becomes_a_version_and_is_deployed(tmp_path: Path) -> None:
    path = tmp_path / "echo_test.yaml"
    path.write_text(ECHO)
    version = watching.take(path)
    assert version is not None and version.author_name == "file:echo_test.yaml"
    assert version.origin == "file"
    (made,) = deployments.desired()
    assert made.version == version and made.by_name == "file:echo_test.yaml"


def test_a_file_with_errors_becomes_a_version_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "echo_test.yaml"
    path.write_text(ECHO)
    good = watching.take(path)
    path.write_text(BROKEN)
    bad = watching.take(path)
    assert bad is not None and bad.number == 2 and not bad.compiles
    assert [made.version for made in deployments.desired()] == [good]


def test_a_file_that_is_gone_or_no_text_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    assert watching.take(tmp_path / "binary.yaml") is None
    assert watching.take(tmp_path / "absent.yaml") is None
    assert selectors.flow_named("binary") is None


async def test_a_mistake_over_one_file_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def take(path: Path) -> None:
        taken.append(path.name)
        raise (OperationalError if path.name == "a.yaml" else ZeroDivisionError)("on purpose")

    async def changes(*_: object, **__: object) -> AsyncIterator[set[tuple[Change, str]]]:
        for name in ("a.yaml", "b.yaml", "notes.txt", "c.yaml"):
            yield {(Change.modified, str(tmp_path / name))}

    monkeypatch.setattr(watching, "take", take)
    monkeypatch.setattr(watching, "awatch", changes)
    await watching.follow(tmp_path)
    assert taken == ["a.yaml", "b.yaml", "c.yaml"]
