import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import cli
from designer.models import Version
from flows.check import deep
from tests.designer import tables
from tests.web import BASE, BROKEN, ECHO


def run(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[1:] = {list(arguments)!r}\n{ALONE}"],
        cwd=BASE,
        capture_output=True,
        text=True,
    )
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


ALONE = """
from config.cli import main
code = main(sys.argv[1:])
assert "django" not in sys.modules, "check needs no Django"
sys.exit(code)
"""


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(ECHO)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(ECHO.replace("StartEcho", "StartEchoo"))
    return str(path)


def test_check_finds_nothing_in_a_good_file_and_needs_no_django(good: str) -> None:
    code, printed = run("check", good, "--format", "json")
    assert code == 0
    (file,) = json.loads(printed)["files"]
    assert (file["file"], file["findings"]) == (good, [])


def test_check_names_line_column_and_code(bad: str, capsys: Any) -> None:
    assert cli.main(["check", bad, "--format", "json"]) == 1
    finding = json.loads(capsys.readouterr().out)["files"][0]["findings"][0]
    assert {"code", "severity", "line", "column", "message"} <= finding.keys()
    assert ECHO.splitlines()[finding["line"] - 1].find("StartEcho") == finding["column"] - 1
    assert cli.main(["check", bad]) == 1
    printed = capsys.readouterr().out
    assert f"{bad}:{finding['line']}:{finding['column']}: error: " in printed
    assert f"[{finding['code']}]" in printed


def test_check_says_2_for_what_cannot_be_read(
    good: str, bad: str, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for unusable in (str(tmp_path / "absent.yaml"), str(tmp_path / "binary.yaml"), str(tmp_path)):
        assert cli.main(["check", bad, unusable, good, "--format", "json"]) == 2
        files = json.loads(capsys.readouterr().out)["files"]
        assert [file["file"] for file in files] == [bad, unusable, good]
        assert files[1]["problem"] and files[0]["findings"]


def test_check_answers_a_huge_file_at_once(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "huge.yaml").write_text("- a\n" * (10 << 18))
    assert cli.main(["check", str(tmp_path / "huge.yaml"), "--format", "json"]) == 1
    codes = [f["code"] for f in json.loads(capsys.readouterr().out)["files"][0]["findings"]]
    assert codes == ["SYN007"]


@pytest.mark.django_db
def test_import_makes_versions(good: str, tmp_path: Path, capsys: Any) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(BROKEN)
    assert cli.main(["import", good, str(broken), "--format", "json"]) == 0
    imported = json.loads(capsys.readouterr().out)["imported"]
    assert [each["flow"] for each in imported] == ["echo_test", "broken"]
    assert imported[0]["digest"] == Version.objects.get(flow__name="echo_test").digest
    assert imported[1]["errors"] > 0
    assert cli.main(["import", good]) == 0
    assert "was already echo_test v1" in capsys.readouterr().out


@pytest.mark.django_db
def test_import_of_what_cannot_be_read_is_refused(tmp_path: Path, capsys: Any) -> None:
    assert cli.main(["import", str(tmp_path / "absent.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert not Version.objects.exists()


def test_a_code_is_explained_without_a_file(capsys: Any) -> None:
    assert cli.main(["check", "--explain", "DET206"]) == 0
    assert "can never hold" in capsys.readouterr().out
    assert cli.main(["check", "--explain", "DET2O6"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_check_without_a_file_says_what_it_needs(capsys: Any) -> None:
    assert cli.main(["check"]) == 2
    assert "--explain" in capsys.readouterr().err


def test_fix_mends_the_file_and_tells_what_is_left(bad: str, good: str, capsys: Any) -> None:
    assert cli.main(["check", "--fix", bad, good]) == 0
    assert "mended NAM105" in capsys.readouterr().err
    assert Path(bad).read_text() == ECHO == Path(good).read_text()
    assert cli.main(["check", "--fix", "-"]) == 2


def test_check_prints_sarif_and_colours_on_demand(bad: str, capsys: Any) -> None:
    assert cli.main(["check", bad, "--format", "sarif"]) == 1
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"
    assert cli.main(["check", bad, "--color", "always"]) == 1
    assert "\x1b[31m" in capsys.readouterr().out
    assert cli.main(["check", bad]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_schema_is_printed_for_editors() -> None:
    code, printed = run("schema")
    assert code == 0 and json.loads(printed)["title"] == "Callsmith call flow"


def test_diff_tells_what_a_new_version_does_otherwise(good: str, bad: str, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(ECHO.replace("StartEcho", "StopEcho"))
    code, printed = run("diff", good, good, "--format", "json")
    assert code == 0 and json.loads(printed)["change"] == "same"
    code, printed = run("diff", good, str(other))
    assert code == 1 and "VER973" in printed
    assert cli.main(["diff", good, bad]) == 2
    assert cli.main(["diff", good, str(tmp_path / "absent")]) == 2


def test_the_deeper_check_speaks_on_demand(good: str, tmp_path: Path, capsys: Any) -> None:
    assert cli.main(["check", "--deep", good]) == 0
    assert "nothing to complain about" in capsys.readouterr().out
    leaky = tmp_path / "leaky.yaml"
    leaky.write_text(ECHO.replace("[CleanupMedia, CleanupDialog]", "[CleanupDialog]"))
    assert cli.main(["check", str(leaky)]) == 0
    assert cli.main(["check", "--deep", str(leaky)]) == 1
    assert "RES502" in capsys.readouterr().out


def test_an_interrupted_check_tells_what_it_judged_and_what_not(
    good: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = tmp_path / "endless.yaml"
    endless.write_text(tables.exploding())
    walked = deep.explore

    def explore(party: Any, *more: Any) -> Any:
        if "n" in party.program.table.variables:
            raise KeyboardInterrupt
        return walked(party, *more)

    monkeypatch.setattr(deep, "explore", explore)
    assert cli.main(["check", "--deep", good, str(endless)]) == 130
    told = capsys.readouterr()
    assert told.out == "1 file: nothing to complain about.\n"
    assert told.err == f"Stopped. Not checked to the end: {endless}.\n"


# -- a folder that git likes -----------------------------------------------------------------------


def told(capsys: Any, *arguments: str, code: int = 0) -> Any:
    assert cli.main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def two_flows(db: Any) -> None:
    from designer import services

    services.flow_import(text=ECHO, file_name="x.yaml", author_name="a", name="echo_test")
    crlf = "# café\r\n" + ECHO
    services.flow_import(text=crlf, file_name="x.yaml", author_name="a", name="Other-Flow")


def test_a_folder_goes_out_and_comes_back_without_a_new_version(
    two_flows: None, tmp_path: Path, capsys: Any
) -> None:
    folder = tmp_path / "deep" / "flows"
    out = told(capsys, "export", "--all", str(folder))
    assert [each["written"] for each in out["files"]] == [True, True]
    assert sorted(each.name for each in folder.iterdir()) == ["Other-Flow.yaml", "echo_test.yaml"]
    assert (folder / "Other-Flow.yaml").read_bytes() == ("# café\r\n" + ECHO).encode()
    before = (folder / "echo_test.yaml").stat().st_mtime_ns
    out = told(capsys, "export", "--all", str(folder))
    assert [each["written"] for each in out["files"]] == [False, False]
    assert (folder / "echo_test.yaml").stat().st_mtime_ns == before
    back = told(capsys, "import", str(folder))["imported"]
    assert [each["created"] for each in back] == [False, False]
    assert Version.objects.count() == 2


def test_a_folder_makes_versions_of_what_changed_by_the_file(
    two_flows: None, tmp_path: Path, capsys: Any
) -> None:
    told(capsys, "export", "--all", str(tmp_path))
    (tmp_path / "Other-Flow.yaml").write_text(ECHO + "# mine\n")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "notes.txt").write_text("no flow")
    back = told(capsys, "import", str(tmp_path))["imported"]
    assert [(each["flow"], each["version"]) for each in back if each["created"]] == [
        ("Other-Flow", 2)
    ]
    made = Version.objects.get(number=2)
    assert (made.author_name, made.origin) == ("file:Other-Flow.yaml", "file")


def test_a_folder_is_taken_over_whole_or_not_at_all(
    two_flows: None, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "a.yaml").write_text(ECHO)
    (tmp_path / "b.yaml").write_text("a\x00b")
    assert "Nothing was imported" in told(capsys, "import", str(tmp_path), code=1)["error"]
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    assert "UTF-8" in told(capsys, "import", str(tmp_path), code=2)["error"]
    assert Version.objects.count() == 2
    (tmp_path / "empty").mkdir()
    assert told(capsys, "import", str(tmp_path / "empty"), code=2)["error"]
    assert told(capsys, "import", str(tmp_path), "--name", "x", code=2)["error"]


def test_export_is_of_a_file_or_of_all(two_flows: None, tmp_path: Path, capsys: Any) -> None:
    assert cli.main(["export"]) == 2
    assert cli.main(["export", "x.yaml", "--all", str(tmp_path)]) == 2
    (tmp_path / "file").write_text("")
    assert told(capsys, "export", "--all", str(tmp_path / "file"), code=2)["error"]
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_the_flows_are_listed(two_flows: None, capsys: Any) -> None:
    first, second = told(capsys, "list")["flows"]
    assert (first["name"], second["name"], second["version"]) == ("Other-Flow", "echo_test", "v1")
    assert cli.main(["list"]) == 0
    assert "Not deployed" in capsys.readouterr().out
