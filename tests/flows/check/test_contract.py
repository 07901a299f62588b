"""The hash that says by which checker a result was made."""

import subprocess
import sys
from dataclasses import replace

import pytest

from flows import plugins
from flows.check import contract
from flows.check.contract import contract_hash
from flows.vocabulary import ACTIONS
from tests.instance import BASE


def test_every_process_has_the_same_hash() -> None:
    code = "from flows.check.contract import contract_hash; print(contract_hash())"
    for seed in ("1", "2"):
        command = [sys.executable, "-c", code]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(BASE)}
        told = subprocess.run(command, cwd=BASE, env=environment, capture_output=True, text=True)
        assert told.stdout.strip() == contract_hash(), told.stderr


def test_another_contract_of_a_word_is_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = contract_hash()
    word = ACTIONS["CleanupDialog"]
    monkeypatch.setitem(ACTIONS, word.name, replace(word, releases=()))
    assert contract_hash() != before
    monkeypatch.undo()
    assert contract_hash() == before


def test_words_and_rules_of_a_plug_in_belong_to_the_contract() -> None:
    def rule(graph: plugins.Graph) -> list[plugins.Finding]:
        return []

    before = contract_hash()
    seen = {before}
    for words in (
        plugins.Words(rules=(rule,)),
        plugins.Words(
            events=(plugins.EventWord("HouseBell", plugins.Kind.USER, "It rings.", "House"),)
        ),
    ):
        plugins.register("house", words)
        seen.add(contract_hash())
        plugins.unregister("house")
    assert len(seen) == 3 and contract_hash() == before


def test_rules_and_code_belong_to_the_contract(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flows")
    (folder / "rules").mkdir()
    (folder / "rules" / "COV.yaml").write_text("one")
    monkeypatch.setattr(contract, "FLOWS", folder)
    one = contract._of_code.__wrapped__()
    (folder / "rules" / "COV.yaml").write_text("two")
    two = contract._of_code.__wrapped__()
    (folder / "semantics.py").write_text("")
    assert len({one, two, contract._of_code.__wrapped__()}) == 3


def test_the_order_of_a_set_says_nothing() -> None:
    assert contract._told({"b", "a"}) == contract._told({"a", "b"}) == "{'a', 'b'}"
    assert contract._told({"y": 1, "x": (2, 3)}) == "{'x': [2, 3], 'y': 1}"
