"""All benchmarks, one after another: `python -m benchmarks`."""

import sys

from benchmarks import candidates, checker, engine, journal, load, mutants, ramp

if __name__ == "__main__":
    good = [module.main() for module in (engine, candidates, journal, load, checker, ramp)]
    good.append(mutants.main(["--sample", "2"]))
    sys.exit(0 if all(good) else 1)
