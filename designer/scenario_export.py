"""The tests of a flow as files that run elsewhere: YAML, pytest, and SIPp for the far side.

    for path, content in files("support_line", text, scenarios): ...

pytest plays the scenarios with the executor, beside the flow's text; SIPp plays the far side of a
test of one role against a running server, as far as SIP can do what the test does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from designer.scenario_files import write_scenarios
from designer.scenarios import Scenario
from designer.simulation.stage import FAR, Line, Stage
from flows.explore.doing import Message
from flows.table import Table
from flows.vocabulary import EVENTS

README = """\
# Tests of {flow}

`{flow}.yaml` is the flow, `scenarios/{flow}.yaml` its tests: `callsmith test {flow}.yaml`.

    pytest test_{module}.py             # the same, one function a test; needs Callsmith to import

Files in `sipp/` are the far side of single tests, for a server that runs the flow:

    sipp -sf sipp/NAME.xml -m 1 HOST:PORT     # the flow is called
    sipp -sf sipp/NAME.xml -m 1 -p 5080       # callsmith call {flow} sip:x@HOST:5080

Where a person does something in between, a comment says what.
"""
PYTEST = '''\
"""The tests of the flow {flow}, played by its executor."""

from pathlib import Path

from designer.scenario_files import read_scenarios
from designer.scenarios import judge
from flows.compile import compile_text

HERE = Path(__file__).parent
TABLE = compile_text((HERE / "{flow}.yaml").read_text()).table
SCENARIOS = {{
    scenario.name: scenario
    for scenario in read_scenarios((HERE / "scenarios" / "{flow}.yaml").read_text()).scenarios
}}


def held(name):
    assert TABLE is not None, "the flow does not compile"
    assert judge(TABLE, SCENARIOS[name]).differences == []
'''
HEAD = """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch{branch}]
From: {from_}
To: {to}
Call-ID: [call_id]
CSeq: {number} {method}
Max-Forwards: 70
"""
CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port]>\n"
BODY = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 {version} IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a={direction}
"""
EMPTY = "Content-Length: 0\n\n"
SENDS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "MESSAGE")
REASONS = {180: "Ringing", 183: "Session Progress", 200: "OK", 486: "Busy Here", 491: "Pending"}


class NotForSipp(Exception):
    """SIPp cannot play the far side of this test; the text says why."""


def files(
    flow: str, text: str, table: Table, scenarios: Sequence[Scenario]
) -> Iterator[tuple[str, str]]:
    """Yield path and content of each file; a test that SIPp cannot play has none there."""
    module = _word(flow)
    yield "README.md", README.format(flow=flow, module=module)
    yield f"{flow}.yaml", text
    yield f"scenarios/{flow}.yaml", write_scenarios(flow, scenarios)
    yield f"test_{module}.py", pytest_of(flow, scenarios)
    taken: set[str] = set()
    for scenario in scenarios:
        try:
            content = sipp_of(table, scenario)
        except NotForSipp:
            continue
        yield f"sipp/{_unique(_word(scenario.name), taken)}.xml", content


def pytest_of(flow: str, scenarios: Sequence[Scenario]) -> str:
    """Write a module of pytest with a function for each scenario, named as it is."""
    lines = [PYTEST.format(flow=flow)]
    taken: set[str] = set()
    for scenario in scenarios:
        name = _unique(_word(scenario.name), taken)
        lines.append(f"\n\ndef test_{name}():\n    held({scenario.name!r})\n")
    return "".join(lines)


def sipp_of(table: Table, scenario: Scenario) -> str:
    """Write a SIPp scenario of the far side of a test; NotForSipp says why there is none."""
    run = scenario.run
    if run.both:
        raise NotForSipp("both sides of the table take part.")
    stage = Stage(table, run).play()
    if stage.problem is not None or not stage.ladder:
        raise NotForSipp("it does not come to a message.")
    if any(given.kind in ("lose", "set") or given.fails is not None for given in run.inputs):
        raise NotForSipp("it needs a message to be lost, a value set, or an action to fail.")
    far = _Far(called=stage.ladder[0].source != FAR)
    parts = [part for said in _in_order(stage) for part in far.play(said)]
    body = "\n".join(parts)
    name = scenario.name.replace("--", "- -")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<!-- {escape(name)} -->\n"
        f'<scenario name="{escape(name, {chr(34): "&quot;"})}">\n{body}\n</scenario>\n'
    )


def _in_order(stage: Stage) -> Iterator[Line | str]:
    """Yield messages as they go, and between them what people and media do."""
    waiting = {line.number: line for line in stage.ladder}
    for entry in stage.entries:
        given, numbers = entry.given, {number for number, _, _ in entry.steps}
        word = EVENTS.get(given.event)
        if given.event and (word is None or not any(
            line.heard_in in numbers and line.source == FAR for line in waiting.values()
        )):  # fmt: skip
            yield given.event
        last = max((line.number for line in waiting.values()
                    if {line.sent_in, line.heard_in} & numbers), default=0)  # fmt: skip
        for number in sorted(each for each in waiting if each <= last):
            yield waiting.pop(number)
    yield from (waiting[number] for number in sorted(waiting))


class _Far:
    """SIPp as it stands in the call: what it has sent and heard."""

    def __init__(self, *, called: bool) -> None:
        self.called = called
        self.number = 0
        """The CSeq of its last request."""
        self.invite = 0
        """That of its last INVITE."""
        self.established = False
        self.versions = 0
        self.messages = 0
        """Messages so far, sent and awaited: SIPp counts back in them to an earlier branch."""
        self.invite_at = 0

    def play(self, said: Line | str) -> Iterator[str]:
        """Yield what SIPp does for one message, or for something else that happens."""
        if isinstance(said, str):
            yield f"  <!-- here happens: {escape(said)} -->"
        elif said.source == FAR:
            yield from self._sends(said.message)
        else:
            yield from self._hears(said.message)

    def _hears(self, message: Message) -> Iterator[str]:
        if message.kind != "RESP":
            first = message.kind == "INVITE" and not self.established
            if message.kind not in SENDS or (message.kind == "CANCEL" and self.called):
                raise NotForSipp(f"{message.kind} is beyond it.")
            self.messages += 1
            yield (_RECV_FIRST if first else f'  <recv request="{message.kind}"/>')
            return
        if message.method == "CANCEL":
            return
        if message.method == "INVITE":
            self.messages += 1
            yield '  <recv response="100" optional="true"/>'
        self.messages += 1
        final = message.method == "INVITE" and message.code >= 200
        route = ' rrs="true"' if final else ""
        yield f'  <recv response="{message.code}"{route}/>'
        if final and message.code >= 300:
            # The ACK of a refusal belongs to its INVITE (RFC 3261 17.1.1.3).
            yield self._request("ACK", self.invite, branch=self._back())
        elif final:
            self.established = True

    def _sends(self, message: Message) -> Iterator[str]:
        if message.kind == "RESP":
            yield self._response(message)
            refused = message.method == "INVITE" and message.code >= 300
            if message.method == "INVITE" and 200 <= message.code < 300:
                self.established = True
            if refused:
                self.messages += 1
                yield '  <recv request="ACK"/>'
            return
        if message.kind not in SENDS:
            raise NotForSipp(f"{message.kind} is beyond it.")
        if message.kind == "ACK":
            yield self._request("ACK", self.invite)
        elif message.kind == "CANCEL":
            yield self._request("CANCEL", self.invite, branch=self._back())
            # The stack answers it alone (RFC 3261 9.2).
            self.messages += 1
            yield '  <recv response="200"/>'
        else:
            self.number += 1
            if message.kind == "INVITE":
                self.invite, self.invite_at = self.number, self.messages
            yield self._request(message.kind, self.number, direction=message.direction)

    def _request(self, method: str, number: int, *, branch: str = "", direction: str = "") -> str:
        within = self.established or self.called
        uri = "[next_url]" if within else "sip:[service]@[remote_ip]:[remote_port]"
        if self.called:
            from_, to = "[$2];tag=[pid]SIPpTag01[call_number]", "[$1]"
        else:
            from_ = "sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]"
            tag = "[peer_tag_param]" if self.established or method == "ACK" else ""
            to = f"<sip:[service]@[remote_ip]:[remote_port]>{tag}"
        head = HEAD.format(branch=branch, from_=from_, to=to, number=number, method=method)
        self.messages += 1
        retried = "" if method == "ACK" else ' retrans="500"'
        text = f"{method} {uri} SIP/2.0\n{head}{CONTACT}{self._described(direction)}"
        return f"  <send{retried}><![CDATA[\n{text}]]></send>"

    def _response(self, message: Message) -> str:
        tag = "" if self.established else ";tag=[pid]SIPpTag01[call_number]"
        reason = REASONS.get(message.code, "Said by the test")
        text = (
            f"SIP/2.0 {message.code} {reason}\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n"
            f"[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n{CONTACT}"
            f"{self._described(message.direction)}"
        )
        self.messages += 1
        final = message.method == "INVITE" and message.code >= 200
        retried = ' retrans="500"' if final else ""
        return f"  <send{retried}><![CDATA[\n{text}]]></send>"

    def _back(self) -> str:
        """How far back its INVITE is, whose branch CANCEL and the ACK of a refusal share."""
        return f"-{self.messages - self.invite_at}"

    def _described(self, direction: str) -> str:
        if not direction:
            return EMPTY
        self.versions += 1
        return BODY.format(version=self.versions, direction=direction)


_RECV_FIRST = """\
  <recv request="INVITE" rrs="true">
    <action>
      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="2"/>
    </action>
  </recv>
  <Reference variables="1,2"/>"""


def _word(name: str) -> str:
    """A readable name for files and functions."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:80] or "test"


def _unique(name: str, taken: set[str]) -> str:
    found, count = name, 2
    while found in taken:
        found, count = f"{name}_{count}", count + 1
    taken.add(found)
    return found
