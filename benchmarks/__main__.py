"""All benchmarks, one after another: `python -m benchmarks`."""

import sys

from benchmarks import engine, journal, load

if __name__ == "__main__":
    good = [module.main() for module in (engine, journal, load)]
    sys.exit(0 if all(good) else 1)
