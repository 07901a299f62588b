"""Where the control socket lies when the data folder's own path is too long for one."""

from pathlib import Path

import pytest

from designer.control import short_path


@pytest.fixture
def long_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / ("deep/" * 40) / "control.sock"


def test_a_short_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = Path("/srv/callsmith/control.sock")
    assert short_path(path) == path


def test_a_long_path_gets_a_folder_of_its_owner_alone(long_path: Path, tmp_path: Path) -> None:
    stand_in = short_path(long_path)
    assert stand_in.parent.parent == tmp_path
    assert stand_in.parent.stat().st_mode & 0o777 == 0o700
    assert short_path(long_path) == stand_in


def test_a_stand_in_that_others_may_enter_is_not_trusted(long_path: Path) -> None:
    short_path(long_path).parent.chmod(0o777)
    with pytest.raises(PermissionError, match="CALLSMITH_DATA"):
        short_path(long_path)
