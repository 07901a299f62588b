"""One process that runs rounds on request: `python -m benchmarks.worker MODULE`.

It prints the names of its cases as a JSON list, then for each name it reads the figure of one
round, all as lines of JSON.
"""

from __future__ import annotations

import importlib
import json
import sys


def main() -> None:
    cases = importlib.import_module(sys.argv[1]).CASES
    rounds = {}
    print(json.dumps(list(cases)), flush=True)
    for line in sys.stdin:
        name = json.loads(line)
        if name not in rounds:
            rounds[name] = cases[name]()
        print(json.dumps(rounds[name]()), flush=True)


if __name__ == "__main__":
    main()
