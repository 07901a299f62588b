"""Requests that need no call, asked of an agent that answers as it is told."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from runtime.node.api import PeerConfig, Refused, SipClient, UnifiedCoordinator
from runtime.sip.agent import Agent, AgentSettings
from runtime.sip.auth import Credentials, DigestServer, ha1
from runtime.sip.transport.shell import Shell
from tests.runtime.node.nodes import quick, wires

METHODS = frozenset({"REGISTER", "MESSAGE", "PUBLISH"})


class Server:
    """Answers requests outside dialogs: `answers` holds (code, headers) in order."""

    def __init__(self, answers, digest=None):
        self.answers = list(answers)
        self.digest = digest
        self.requests = []
        settings = AgentSettings("server-1", out_of_dialog=METHODS)
        self.shell = Shell(Agent(settings), on_happening=self._happened)

    def _happened(self, happening):
        request, now = happening.request, self.shell.now()
        self.requests.append(request)
        code, headers = 200, []
        if self.digest is not None:
            verdict = self.digest.verify(
                request, now, "s", lambda user, algorithm: ha1(user, "here", "secret", algorithm)
            )
            if verdict.outcome != "ok":
                code, headers = 401, self.digest.challenge(now, "s", proxy=False)
        if code == 200 and self.answers:
            code, headers = self.answers.pop(0)
        self.shell.agent.respond(happening.transaction, code, headers=headers, now=now)


@asynccontextmanager
async def asked(*answers, digest=None, credentials=None):
    server = Server(answers, digest)
    async with UnifiedCoordinator(PeerConfig(user="alice", settings=quick)) as coordinator:
        host, port = await server.shell.listen_udp("127.0.0.1", 0)
        try:
            yield SipClient(coordinator, credentials), server, f"sip:{host}:{port}"
        finally:
            await server.shell.close()


async def test_options_and_messages_get_their_answers():
    async with asked((202, ())) as (client, server, target):
        answer = await client.send_options(target, timeout=10)
        assert answer.code == 200 and "INVITE" in answer.header("allow")
        assert (await client.send_message(target, "Hallo", timeout=10)).code == 202
        message = server.requests[0]
        assert (message.method, message.body) == ("MESSAGE", b"Hallo")


async def test_the_wire_of_a_question_is_in_the_journal_and_belongs_to_no_session():
    async with asked() as (client, _, target):
        await client.send_options(target, timeout=10)
        node = client._coordinator.node
        assert [record.session for record in wires(node)] == [None, None]


async def test_a_registration_answers_a_challenge_takes_what_is_granted_and_is_removed():
    digest = DigestServer("here", b"k" * 32)
    credentials = Credentials("alice", "secret")
    granted = ("Contact", "<sip:alice@127.0.0.1>;expires=120")
    answers = (200, [granted]), (200, ())
    async with asked(*answers, digest=digest, credentials=credentials) as (client, server, where):
        registration = await client.register(where, timeout=10)
        assert registration.expires == 120
        await registration.unregister(10)
        assert registration.expires == 0
        assert [bool(each.get("Authorization")) for each in server.requests][:2] == [False, True]
        assert len({each.call_id for each in server.requests}) == 2
        assert server.requests[-1].get("Expires") == "0"


async def test_a_registration_that_is_too_short_asks_for_what_the_registrar_wants():
    async with asked((423, [("Min-Expires", "1800")])) as (client, server, where):
        assert (await client.register(where, expires=60, timeout=10)).expires == 1800
        assert [each.get("Expires") for each in server.requests] == ["60", "1800"]


async def test_a_registration_that_is_not_taken_is_refused():
    async with asked((403, ())) as (client, _, where):
        with pytest.raises(Refused, match="403"):
            await client.register(where, timeout=10)


async def test_wrong_credentials_are_tried_once():
    wrong = Credentials("alice", "wrong")
    digest = DigestServer("here", b"k" * 32)
    async with asked(digest=digest, credentials=wrong) as (client, server, where):
        with pytest.raises(Refused, match="401"):
            await client.register(where, timeout=10)
        assert len(server.requests) == 2


async def test_what_nobody_answers_times_out():
    async with asked() as (client, _, _):
        loop = asyncio.get_running_loop()
        silent, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        port = silent.get_extra_info("sockname")[1]
        with pytest.raises(TimeoutError):
            await client.send_options(f"sip:127.0.0.1:{port}", timeout=10)
        silent.close()


@pytest.mark.parametrize("method", ["INVITE", "BYE", "SUBSCRIBE", "not a method"])
async def test_what_begins_a_dialog_is_no_question(method):
    async with asked() as (client, _, target):
        with pytest.raises(Refused):
            await client.send_raw_request(method, target, timeout=10)
