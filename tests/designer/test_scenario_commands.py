"""`callsmith test`: what it says and its exit codes."""

import json
from pathlib import Path

import pytest

from config.cli import main
from designer import services
from designer.models import Scenario

FOLDER = Path(__file__).parents[2] / "state_tables"
FILE = str(FOLDER / "echo_test.yaml")
WRONG = """
flow: echo_test
scenarios:
- name: Not as it is
  roles: [UAS]
  steps:
  - event: IncomingCall
    expect: {state: Active}
"""


def test_the_scenarios_beside_a_file_are_played(capsys):
    assert main(["test", FILE, "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "  holds  Echo" in out and "3 of 3 scenarios hold" in out and "rows fired" in out


def test_what_goes_otherwise_is_one_exit_code_and_one_sentence(tmp_path, capsys):
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    assert main(["test", FILE, "--scenarios", str(path)]) == 1
    assert (
        "step 1, IncomingCall: state is Answering, expected was Active." in capsys.readouterr().out
    )
    assert main(["test", FILE, "--scenarios", str(tmp_path), "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["scenarios"][0]["differences"][0]["step"] == 1 and told["flow"] == "echo_test"


@pytest.mark.parametrize(
    "scenarios, said",
    [
        ("scenarios: 3", "begins with"),
        ("flow: other\nscenarios: []", "no scenario"),
        (None, "not there"),
    ],
)
def test_what_cannot_be_played_is_unusable(tmp_path, capsys, scenarios, said):
    path = tmp_path / "s.yaml"
    if scenarios is not None:
        path.write_text(scenarios)
    assert main(["test", FILE, "--scenarios", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_broken_table_is_unusable(tmp_path, capsys):
    path = tmp_path / "t.yaml"
    path.write_text("a: [")
    assert main(["test", str(path)]) == 2
    assert "does not compile" in capsys.readouterr().err


@pytest.mark.django_db
def test_a_saved_flow_is_played_with_the_scenarios_kept_with_it(capsys):
    text = Path(FILE).read_text("utf-8")
    flow = services.flow_import(text=text, file_name="echo_test.yaml", author_name="a").flow
    assert main(["test", "echo_test"]) == 2
    Scenario.objects.create(flow=flow, name="Not as it is", text=WRONG)
    assert main(["test", "echo_test"]) == 1
    assert main(["test", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
