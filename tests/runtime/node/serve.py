"""A node in a process of its own, to be killed: `python -m tests.runtime.node.serve FOLDER`."""

import asyncio
import sys
from pathlib import Path

from tests.runtime.node import nodes
from tests.runtime.node.nodes import ECHO, running


async def serve(folder: Path) -> None:
    async with running(folder, ("echo_test", ECHO), link=nodes.no_media) as node:
        sys.stdout.write(f"{node.sip_address[1]}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
