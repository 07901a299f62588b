"""Pictures as files: Graphviz in a child of its own, with limits of time and memory.

The editor draws in the browser; this is for pages without a script, for printing and for the
command line. A machine without Graphviz says so in a sentence.
"""

from __future__ import annotations

import resource
import shutil
import subprocess

from designer.errors import Refused

MEDIA_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}
SECONDS = 20
MEMORY = 1 << 30
_NO_GRAPHVIZ = (
    "This machine has no Graphviz, which makes PDF files and pictures. The editor makes SVG and"
    " PNG without it (View), and prints to PDF from the browser. Else install it"
    " (Debian: apt-get install graphviz)."
)


def picture(dot: str, kind: str) -> bytes:
    """Lay out DOT of `flows.draw` and return the file; Refused says why there is none."""
    program = shutil.which("dot")
    if program is None:
        raise Refused(_NO_GRAPHVIZ)
    try:
        done = subprocess.run(
            [program, f"-T{kind}:cairo" if kind == "pdf" else f"-T{kind}", "-Gbgcolor=white"],
            input=dot.encode(),
            capture_output=True,
            timeout=SECONDS,
            preexec_fn=_limits,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"This picture takes more than {SECONDS} s to draw; fold groups.") from None
    if done.returncode != 0 or not done.stdout:
        raise Refused("Graphviz could not draw this picture; fold groups, or leave the rows out.")
    return done.stdout


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
