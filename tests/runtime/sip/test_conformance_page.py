"""The page on conformance names tests; each is one that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "sip-conformance.md").read_text()
NAMED = re.findall(r"`([a-z_0-9/]+\.py)(?:::(test_\w+))?`", PAGE)


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_a_test_that_the_page_names_exists(file: str, name: str) -> None:
    path = ROOT / "tests" / file
    assert path.is_file()
    assert not name or name in names_in(path)


def test_every_row_names_a_proof() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and "---" not in line]
    rows = [row for row in rows if not row.endswith("| Proof |")]
    assert len(rows) > 50
    assert [row for row in rows if "`" not in row.split("|")[-2]] == []
