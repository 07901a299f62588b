"""What the record costs: `make bench-audit`.

CPU time of an audit row, from the journal's file into the database with digests, chain and
sessions, beside the same rows made beforehand and only written; on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.runner import Goal, Worker, interleaved, report
from tests import services

ROUNDS = 5
KINDS = ("calls", "steps only")


def _table(vendor: str, way: str, url: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="callsmith-bench-") as data:
        os.environ |= {"CALLSMITH_DATA": data, "DATABASE_URL": url.format(data=data)}
        worker = Worker(Path(sys.executable), "benchmarks.audit_rows")
        figures = interleaved([worker], ROUNDS)
    goals = [Goal(f"{vendor}, {kind}", f"bare {way}, {kind}", 1.5) for kind in KINDS]
    reference = {f"{vendor}, {kind}, client": f"bare {way}, {kind}, client" for kind in KINDS}
    title = f"{vendor}: CPU time of one audit row, this process and the database together"
    return report(title, figures, goals, reference)


def main() -> bool:
    good = _table("sqlite", "executemany", "sqlite:///{data}/bench.sqlite3")
    with services.postgresql() as url:
        return _table("postgresql", "COPY", url) and good


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
