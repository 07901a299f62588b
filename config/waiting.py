"""Wait for a file, then become a command: a child that costs next to nothing until it is needed.

    python -m config.waiting FILE COMMAND ARGUMENTS...

It imports neither Django nor Celery. The file is removed before the command begins, so whoever
wants the command writes it again should it end.
"""

import os
import signal
import sys
import time

LOOK_SECONDS = 0.25


def main(arguments: list[str]) -> None:
    """Wait, then run the command in place of this program."""
    wanted, command = arguments[0], arguments[1:]
    # Ctrl+C goes to all children of a terminal: there is nothing to say about it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    while not os.path.exists(wanted):
        if os.getppid() == 1:
            return  # whoever was to be waited for is gone
        time.sleep(LOOK_SECONDS)
    os.unlink(wanted)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
