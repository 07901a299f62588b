from pathlib import Path

import pytest

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
