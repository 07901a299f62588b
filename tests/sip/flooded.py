"""A user agent in a process of its own, to be flooded: prints its port, and its figures if asked.

It answers calls and REGISTER; 127.0.0.2 is trusted, all other addresses are strangers.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

from runtime.node.figures import stack_figures
from runtime.sip.agent import Agent
from runtime.sip.events import Happening, InviteReceived, OutOfDialogReceived, RequestReceived
from runtime.sip.guard import Guard, GuardSettings
from runtime.sip.settings import AgentSettings
from runtime.sip.transport.address import source_of
from runtime.sip.transport.shell import Shell

SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"


class Answerer:
    """Says yes to everything."""

    def __init__(self) -> None:
        self.guard = Guard(GuardSettings(trusted=lambda host: host == "127.0.0.2"), source_of)
        surfaced = frozenset({"REGISTER"})
        self.agent = Agent(AgentSettings("n1-1", guard=self.guard, out_of_dialog=surfaced))
        self.shell = Shell(self.agent, on_happening=self.happened)

    def happened(self, happening: Happening) -> None:
        now = self.shell.now()
        match happening:
            case InviteReceived(usage=usage, transaction=transaction):
                usage.respond(transaction, 200, now=now, sdp=SDP)
            case OutOfDialogReceived(transaction=transaction):
                self.agent.respond(transaction, 200, now=now)
            case RequestReceived(usage=usage, transaction=transaction, method="INFO"):
                usage.respond(transaction, 200, now=now)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> None:
    answerer = Answerer()
    _, port = await answerer.shell.listen("0.0.0.0", 0)
    say(str(port))
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.readline():
        figures = stack_figures(answerer.agent, answerer.shell, answerer.guard, 0)
        say(json.dumps(figures))
    await answerer.shell.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
