"""Every code is in the catalogue, and its examples show what it says."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from flows import plugins
from flows.check import deep
from flows.check.catalogue import (
    FAMILIES,
    FOLDER,
    IMPLEMENTED,
    MARK,
    TIERS,
    catalogue,
    explained,
    families,
    planted,
)
from flows.check.meanings import MEANINGS
from flows.compile import compile_text
from flows.difference import difference
from flows.findings import Severity
from flows.report import judge
from flows.semantics import Program
from runtime.executor.conform import Recorded, deviation
from tests.flows.check.replaying import replayed

SIZES = {
    "SYN": 8, "NAM": 14, "DET": 10, "REA": 8, "COV": 15, "RES": 10, "ACT": 12, "OBL": 4, "TMR": 5,
    "INV": 6, "PUB": 4, "LIV": 5, "CMP": 13, "RACE": 14, "PRP": 4, "VER": 7, "POL": 3, "META": 8,
}  # fmt: skip
SHOWN = [e for e in catalogue().values() if e.bad and not (e.table or e.old or e.plugin)]
IN_TEXT = [entry for entry in SHOWN if entry.tier in ("T0", "T1")]
DEEP = [entry for entry in SHOWN if entry.tier not in ("T0", "T1")]
OF_TWO = [entry for entry in catalogue().values() if entry.old and not entry.record]
OF_RECORDS = [entry for entry in catalogue().values() if entry.record]
OF_PLUGINS = [entry for entry in catalogue().values() if entry.plugin]
PLANTED = [entry for entry in catalogue().values() if entry.table]
STARTERS = Path(__file__).parents[3] / "state_tables"


def test_no_code_is_missing():
    assert {family.name: len(family.entries) for family in families()} == SIZES
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(FAMILIES)


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.code)
def test_an_entry_is_whole(entry):
    assert entry.family in FAMILIES and entry.tier in TIERS
    assert entry.rule.endswith(".") and entry.why.endswith(".")
    assert (entry.status == IMPLEMENTED) == (not entry.reason)
    assert bool(entry.bad or entry.table) == bool(entry.good)
    assert not (entry.good and entry.status != IMPLEMENTED)
    assert entry.good or entry.status != IMPLEMENTED
    if entry.bad and not (entry.table or entry.plugin):
        assert entry.bad.count(MARK) == 1 and MARK not in entry.good


@pytest.mark.parametrize("entry", IN_TEXT, ids=lambda entry: entry.code)
def test_the_bad_example_is_found_by_its_code_at_its_line(entry):
    found = [(f.code, f.place.line, f.severity) for f in judge("example", entry.bad).findings]
    wanted = [f for f in found if f[:2] == (entry.code, entry.line)]
    assert wanted, found
    assert entry.severity_note or wanted[0][2] is entry.severity


@pytest.mark.parametrize("entry", IN_TEXT, ids=lambda entry: entry.code)
def test_the_good_example_is_free_of_it(entry):
    assert entry.code not in {f.code for f in judge("example", entry.good).findings}


@cache
def walked(text, tier=1):
    return deep.examine(text, tier=tier).findings


def all_replayed(text, tier=1):
    program = Program(compile_text(text).table)
    for finding in walked(text, tier):
        replayed(finding, program)


@pytest.mark.parametrize("entry", DEEP, ids=lambda entry: entry.code)
def test_the_deeper_check_finds_the_bad_example_and_not_the_good_one(entry):
    tier = 3 if entry.tier == "T3" else 1
    found = [(f.code, f.place.line, f.severity) for f in walked(entry.bad, tier)]
    assert (entry.code, entry.line, entry.severity) in found, found
    all_replayed(entry.bad, tier)
    assert entry.code not in {f.code for f in walked(entry.good, tier)}


@pytest.mark.parametrize("entry", PLANTED, ids=lambda entry: entry.code)
def test_a_line_planted_in_a_shipped_table_is_found_by_its_code_there(entry):
    text = (STARTERS / f"{entry.table}.yaml").read_text("utf-8")
    bad, line = planted(entry, text)
    tier = int(entry.tier[1:]) if entry.family in ("CMP", "RACE") else 1
    found = [(f.code, f.place.line, f.severity) for f in walked(bad, tier)]
    assert (entry.code, line, entry.severity) in found, found
    all_replayed(bad, tier)
    # A figure is told of every table, and the shipped tables release in the order that is meant.
    if entry.severity is not Severity.INFO:
        assert entry.code not in {f.code for f in walked(text, tier)}


def of_two(old, new):
    tables = [compile_text(text).table for text in (old, new)]
    assert all(tables)
    return difference(*tables).findings


@pytest.mark.parametrize("entry", OF_TWO, ids=lambda entry: entry.code)
def test_a_new_version_is_found_by_its_code_at_its_line_and_a_better_one_is_not(entry):
    found = [(f.code, f.place.line, f.severity) for f in of_two(entry.old, entry.bad)]
    wanted = [f for f in found if f[:2] == (entry.code, entry.line)]
    assert wanted, found
    grave = max(wanted, key=lambda f: f[2] is Severity.ERROR)[2]
    assert grave is entry.severity or entry.severity_note
    left = [f for f in of_two(entry.old, entry.good) if f.code == entry.code]
    assert all(f.severity is Severity.INFO for f in left), left


@pytest.mark.parametrize("entry", OF_RECORDS, ids=lambda entry: entry.code)
def test_a_record_that_contradicts_its_version_is_found_at_its_step(entry):
    program = Program(compile_text(entry.old).table)
    assert deviation(program, "UAS", recorded(entry.bad)).sequence == entry.line
    assert deviation(program, "UAS", recorded(entry.good)) is None


def recorded(text):
    return [
        Recorded(
            number, 0.0, step["event"], {}, step["row"], step["from_state"], step["to_state"],
            tuple(step["actions"]), (), "fired", None, (True,) * len(step["actions"]),
        )
        for number, step in enumerate(yaml.safe_load(text), 1)
    ]  # fmt: skip


@pytest.mark.parametrize("entry", OF_PLUGINS, ids=lambda entry: entry.code)
def test_a_package_is_told_of_by_its_code_and_a_better_one_is_not(entry):
    assert entry.code in told_with(entry.bad)
    assert entry.code not in told_with(entry.good)


def told_with(package):
    names = {}
    exec(package, names)
    plugins.register("example", names["WORDS"])
    try:
        return {f.code for f in judge("example", names.get("TEXT", SMALLEST)).findings}
    finally:
        plugins.unregister("example")


SMALLEST = "- {from_state: Idle, role: UAS, event: IncomingCall, next_state: Failed}\n"


def test_the_deep_codes_are_as_grave_as_the_rules_say():
    for code, (severity, _) in MEANINGS.items():
        assert catalogue()[code].severity is severity, code
        assert catalogue()[code].status == IMPLEMENTED, code


def test_what_may_be_deployed_at_once_says_so():
    for code in ("REA301", "COV401", "COV402", "COV403", "COV404"):
        assert catalogue()[code].severity.value == "warning"
        assert "on purpose" in catalogue()[code].severity_note


def test_a_code_is_explained_with_its_examples():
    text = explained("det206")
    assert text.startswith("DET206 (error): The guards of a row can never hold.")
    assert "tries < 3 and tries >= 3" in text and "docs/rules/DET.md#det206" in text
    assert "The old version:" in explained("VER975")


def test_an_unknown_code_is_told_with_a_suggestion():
    with pytest.raises(KeyError, match="did you mean DET20"):
        explained("DET2O6")


class Strict(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, of which the first would be lost."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key stands twice"
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_said_twice_in_an_entry(family):
    yaml.load((FOLDER / f"{family}.yaml").read_text("utf-8"), Strict)
