"""What strangers send to a running instance: refused or dropped, and the next call works."""

import asyncio
import random
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import eventually, wait_until
from tests.instance import BASE, Instance, Person
from tests.sip.sipp import MISSING, SIPP, run_sipp

pytestmark = [pytest.mark.sipp, pytest.mark.skipif(SIPP is None, reason=MISSING)]
Start = Callable[..., Instance]

SCRIPT = "<script>alert(1)</script>"
OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 40000 RTP/AVP {codec}",
        "",
    ]
)


class Stranger:
    """A UDP socket that writes SIP by hand."""

    def __init__(self, instance: Instance) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.remote = ("127.0.0.1", instance.sip_port)
        self.count = 0

    @property
    def own(self) -> str:
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def request(self, method: str, *more: str, body: str = "", without: str = "") -> bytes:
        """Write a request that is right; `more` headers come first, `without` leaves one out."""
        self.count += 1
        mark = f"{self.socket.getsockname()[1]}-{self.count}"
        lines = [
            f"Via: SIP/2.0/UDP {self.own};branch=z9hG4bK-{mark};rport",
            f"From: <sip:stranger@{self.own}>;tag={mark}",
            "To: <sip:600@127.0.0.1>",
            f"Call-ID: {mark}",
            f"CSeq: {self.count} {method}",
            f"Contact: <sip:stranger@{self.own}>",
            "Max-Forwards: 70",
            f"Content-Length: {len(body.encode())}",
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        replaced = {line.partition(":")[0] for line in more} | {without}
        lines = [line for line in lines if line.partition(":")[0] not in replaced]
        head = "\r\n".join([f"{method} sip:600@127.0.0.1 SIP/2.0", *more, *lines])
        return f"{head}\r\n\r\n{body}".encode()

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.remote)

    def answer(self, timeout: float = 5.0) -> tuple[int, bytes]:
        """Return code and text of the next message that is no 100."""
        self.socket.settimeout(timeout)
        while True:
            data = self.socket.recv(65536)
            code = int(data.split(b" ", 2)[1]) if data.startswith(b"SIP/2.0") else 0
            if code != 100:
                return code, data

    def reply(self) -> tuple[int, bytes]:
        """Return the next answer, code 0 if none comes."""
        try:
            return self.answer(2.0)
        except TimeoutError:
            return 0, b""

    def alive(self) -> None:
        """Ask OPTIONS; whatever is answered before was no answer to what went before it."""
        self.send(self.request("OPTIONS"))
        code, data = self.answer()
        assert code == 200 and f"{self.count} OPTIONS".encode() in data, data

    def acknowledge(self, answer: bytes) -> None:
        """Confirm a refusal, so that it is not repeated."""
        kept = [
            line
            for line in answer.decode().split("\r\n")
            if re.match(r"(Via|From|To|Call-ID|CSeq):", line)
        ]
        text = "\r\n".join(["ACK sip:600@127.0.0.1 SIP/2.0", *kept, "Max-Forwards: 70"])
        self.send((text.replace(" INVITE", " ACK") + "\r\nContent-Length: 0\r\n\r\n").encode())


def resident(pid: int) -> int:
    """Return the memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) >> 10


def malformed(stranger: Stranger) -> list[tuple[str, bytes, int | None]]:
    """Return what is sent, with the answer it gets (None: silence)."""
    good = stranger.request
    bomb = 'Digest a="b",' + ',a="b"' * 2000 + "a"
    return [
        ("cut in the first line", good("INVITE")[:20], None),
        ("cut in the headers", good("INVITE")[:150], 400),
        ("cut in the body", good("INVITE", body=OFFER.format(codec=0))[:-40], 400),
        ("no Via", good("INVITE", without="Via"), None),
        ("no From", good("INVITE", without="From"), 400),
        ("no CSeq", good("INVITE", without="CSeq"), 400),
        ("CSeq of another method", good("INVITE", "CSeq: 1 BYE"), 400),
        ("Content-Length beyond the end", good("INVITE", "Content-Length: 9999"), 400),
        ("Content-Length below zero", good("INVITE", "Content-Length: -1"), 400),
        ("Content-Length in words", good("INVITE", "Content-Length: many"), 400),
        ("another version", good("INVITE").replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1), 505),
        (
            "another scheme",
            good("INVITE").replace(b"sip:600@127.0.0.1", b"mailto:600@127.0.0.1", 1),
            416,
        ),
        ("unknown extension", good("INVITE", "Require: telepathy"), 420),
        ("unknown method", good("FROBNICATE"), 501),
        ("a BYE of no call", good("BYE"), 481),
        ("binary junk", random.Random(1).randbytes(1400), None),
        ("zeros", bytes(3000), None),
        ("64 KiB of one header", good("INVITE", "X: " + "y" * 64_000)[:65_507], 400),
        ("64 KiB of body", good("INVITE", body="x" * 64_000), 488),
        ("300 headers before the first Via", good("INVITE", *["X: y"] * 300), None),
        ("an authorization that explodes", good("OPTIONS", f"Authorization: {bomb}"), 400),
        ("one that explodes slowly", good("OPTIONS", f"Authorization: {bomb[:700]}a"), 200),
    ]


async def test_malformed_datagrams_are_refused_or_dropped_and_the_next_call_works(
    start: Start,
) -> None:
    instance = await asyncio.to_thread(start)
    stranger = Stranger(instance)
    wrong = []
    for name, data, code in malformed(stranger):
        stranger.send(data)
        if code is not None:
            got, answer = stranger.reply()
            if got != code:
                wrong.append((name, code, answer))
            stranger.acknowledge(answer)
        stranger.alive()
    assert not wrong, "\n".join(f"{name} {code} {answer.decode()}" for name, code, answer in wrong)
    assert (await run_sipp("uac", remote=stranger.remote)).successful == 1
    assert instance.health()["runtime"]["sessions"]["now"] == 0
    log = instance.log.read_text()
    assert "Traceback" not in log and "\x00" not in log


async def test_an_offer_without_a_common_codec_gets_488_because_a_row_says_so(
    start: Start,
) -> None:
    instance = await asyncio.to_thread(start)
    stranger = Stranger(instance)
    stranger.send(stranger.request("INVITE", body=OFFER.format(codec=18)))
    code, answer = stranger.answer()
    stranger.acknowledge(answer)
    assert code == 488, answer
    (session,) = await eventually(lambda: instance.json("sessions")["sessions"], what="recorded")
    steps = await eventually(
        lambda: s if len(s := instance.json("steps", session["id"])["steps"]) > 1 else None
    )
    assert steps[1]["event"] == "ActionFailed" and steps[1]["row"] >= 0
    assert "SendSIPResponse" in steps[1]["actions"] and steps[1]["answer"] is None


async def test_what_a_caller_writes_into_headers_is_text_on_every_page(start: Start) -> None:
    instance = await asyncio.to_thread(start)
    stranger = Stranger(instance)
    name = f'From: "{SCRIPT}" <sip:%3Cscript%3E@{stranger.own};x="{SCRIPT}">;tag=evil'
    agent = f"User-Agent: {SCRIPT}\x1b[31m"
    stranger.send(stranger.request("INVITE", name, agent, body=OFFER.format(codec=0)))
    code, answer = stranger.answer()
    assert code in (200, 400), answer
    name = f'From: "{SCRIPT}" <sip:a@{stranger.own}>;tag=evil2'
    agent = f"User-Agent: {SCRIPT}"
    stranger.send(stranger.request("INVITE", name, agent, body=OFFER.format(codec=18)))
    code, answer = stranger.answer()
    stranger.acknowledge(answer)
    assert code == 488, answer
    sessions = await eventually(lambda: instance.json("sessions")["sessions"], what="recorded")
    person = Person(instance)
    pages = ["/", "/calls/", "/calls/?q=%3Cscript%3E", "/flows/echo_test/live/"]
    pages += [f"/calls/{each['id']}/" for each in sessions]
    await eventually(
        lambda: instance.query("SELECT 1 FROM runtime_wiremessage WHERE direction = 'in'"),
        what="the messages are stored",
    )
    for path in pages:
        html = person.read(path)
        assert SCRIPT not in html and "<script>alert" not in html, path
    log = instance.log.read_text()
    assert "\x1b" not in log and SCRIPT not in log


async def test_twenty_thousand_random_datagrams_cost_neither_memory_nor_a_call(
    start: Start,
) -> None:
    instance = await asyncio.to_thread(start)
    stranger = Stranger(instance)
    chance = random.Random(7)
    good = stranger.request("INVITE", body=OFFER.format(codec=0))
    web = instance.pids()["web"]

    def flood(count: int) -> None:
        for number in range(count):
            junk = bytearray(good if number % 2 else chance.randbytes(chance.randrange(1, 1400)))
            for _ in range(chance.randrange(1, 40)):
                junk[chance.randrange(len(junk))] = chance.randrange(256)
            stranger.send(bytes(junk))
            if number % 500 == 499:
                drain(stranger)

    await asyncio.to_thread(flood, 2_000)
    before = resident(web)
    size = sum(path.stat().st_size for path in instance.data.rglob("*") if path.is_file())
    await asyncio.to_thread(flood, 20_000)
    assert (await run_sipp("uac", remote=stranger.remote)).successful == 1
    after = resident(web)
    grown = sum(path.stat().st_size for path in instance.data.rglob("*") if path.is_file()) - size
    assert after - before < 64, f"{before} MiB became {after} MiB"
    assert grown < 32 << 20, f"the folder grew by {grown >> 20} MiB"
    assert instance.health()["status"] == "ok"


def drain(stranger: Stranger) -> None:
    """Wait until everything sent was looked at: the answer to OPTIONS comes behind the others."""
    mark = stranger.request("OPTIONS")
    wanted = f"{stranger.count} OPTIONS".encode()

    def passed() -> bool:
        stranger.send(mark)
        stranger.socket.settimeout(0.5)
        try:
            while wanted not in stranger.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        return True

    wait_until(passed, what="the instance answers OPTIONS")


async def test_a_deployment_forced_into_the_database_never_replaces_a_good_table(
    start: Start,
) -> None:
    import sqlite3

    instance = await asyncio.to_thread(start)
    broken = "- {from_state: Idle, role: UAS, event: IncomingCal, next_state: Nowhere\n"
    digest = __import__("hashlib").sha256(broken.encode()).hexdigest()
    with sqlite3.connect(instance.data / "callsmith.sqlite3", timeout=20) as database:
        database.execute(
            "INSERT INTO designer_version (flow_id, number, text, digest, author_name, message,"
            " created_at, origin, errors, warnings, compiles, report, renames)"
            " SELECT id, 99, ?, ?, 'x', '', '2026-01-01', 'edit', 0, 0, 1, '{}', '[]'"
            " FROM designer_flow WHERE name = 'echo_test'",
            (broken, digest),
        )
        database.execute(
            "UPDATE runtime_deployment SET superseded_at = '2026-01-01' WHERE flow_id ="
            " (SELECT id FROM designer_flow WHERE name = 'echo_test')"
        )
        database.execute(
            "INSERT INTO runtime_deployment (flow_id, version_id, by_name, at, reason, forced,"
            " findings_overridden) SELECT flow_id, id, 'x', '2026-01-01', 'because', 1, '[]'"
            " FROM designer_version WHERE number = 99"
        )
    remote = "127.0.0.1", instance.sip_port
    said = "SELECT error, a.digest FROM runtime_acknowledgement a WHERE error <> ''"
    for _ in range(2):
        (error, running), *_ = await eventually(lambda: instance.query(said), what="it says no")
        assert "does not compile" in error and running != digest
        assert (await run_sipp("uac", remote=remote)).successful == 1
        assert "does not compile" in instance.health()["runtime"]["flows"]["failures"]["echo_test"]
        assert "does not compile" in Person(instance).read("/deployments/")
        await asyncio.to_thread(instance.stop)
        await asyncio.to_thread(instance.start)
    told = instance.cli("deploy", "echo_test", "--force", "because", code=1)
    assert "does not compile" in told.stderr and str(BASE) not in told.stderr
