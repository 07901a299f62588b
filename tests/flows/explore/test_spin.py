"""SPIN, another tool altogether, counts as many states and transitions as the explorer does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flows.compile import compile_text
from flows.explore.pair import Options, Pair, explore
from flows.explore.party import Party
from flows.explore.promela import model
from flows.semantics import Program

STARTERS = Path(__file__).parents[3] / "state_tables"
CORRECT = Path(__file__).parents[1] / "data" / "correct"
AT_EACH_CHECK = ("auto_attendant_stub", "basic_call", "call_with_hold", "echo_test")
TABLES = [
    path if path.stem in AT_EACH_CHECK else pytest.param(path, marks=pytest.mark.long)
    for path in (*sorted(STARTERS.glob("*.yaml")), *sorted(CORRECT.glob("*.yaml")))
]
"""The oldest of the shipped ones at each check; the others and those of the tests by hand."""
needs_spin = pytest.mark.skipif(
    shutil.which("spin") is None or shutil.which("cc") is None,
    reason="needs SPIN and a C compiler: apt-get install spin gcc",
)


def counted_by_spin(text: str, folder: Path) -> tuple[int, int]:
    """Return the states stored and the transitions taken; bounds and reductions off.

    SPIN counts the coming into the initial state as a transition; here it is none.
    """
    (folder / "model.pml").write_text(text)
    for command in (
        ["spin", "-a", "-o1", "-o2", "-o3", "model.pml"],
        ["cc", "-O0", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(
        ["./pan", "-E", "-m1000000"], cwd=folder, check=True, capture_output=True, text=True
    )
    states = re.search(r"(\d+) states, stored", done.stdout)
    transitions = re.search(r"(\d+) transitions", done.stdout)
    assert states is not None and transitions is not None, done.stdout
    return int(states.group(1)), int(transitions.group(1)) - 1


@needs_spin
@pytest.mark.parametrize("reorder", [False, True], ids=["queue", "bag"])
@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_spin_counts_the_same_states_and_transitions(
    path: Path, reorder: bool, tmp_path: Path
) -> None:
    """Tables that only answer too: their caller stays where it begins, and nothing follows."""
    table = compile_text(path.read_text()).table
    assert table is not None
    walked = explore(Pair(Party(Program(table)), Options(reorder=reorder)))
    assert walked.complete
    counted = counted_by_spin(model(walked), tmp_path)
    assert counted == (len(walked.joints), walked.transitions)


def test_a_model_of_losses_is_refused() -> None:
    table = compile_text((STARTERS / "basic_call.yaml").read_text()).table
    assert table is not None
    walked = explore(Pair(Party(Program(table)), Options(losses=1)))
    with pytest.raises(ValueError, match="neither lose nor repeat"):
        model(walked)
