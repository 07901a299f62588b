"""Scenarios of SIPp written in a line for each message.

`caller("> INVITE sdp", "< 180?", "< 200", "> ACK", "< BYE", "> 200")` calls, `callee(...)` is
called. A line is a direction (`>` sends, `<` waits for), a method or a status code, and words:
`sdp` carries a description, `sendonly` and its like give it that direction, `hold` the old way of
holding (0.0.0.0); `text` carries a line of text, `hash` the key #. `?` behind a code makes it
optional; `invite` answers the last INVITE whatever came since; `rseq` keeps the RSeq for `[$rseq]`.
A step may be a tuple: the line, and then headers to send, or regular expressions that what arrives
has to match. `verify USER PASSWORD` among them ends the run unless the request has the credentials
of a 401 that was sent (MD5).
"""

from __future__ import annotations

import itertools
from xml.sax.saxutils import quoteattr

Step = str | tuple[str, ...]

_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_SDP = """v=0
o=peer 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 {address}
t=0 0
m=audio [media_port] RTP/AVP 0
"""
_WRONG = """
<nop condexec="{name}" condexec_inverse="true"><action><error message="wrong credentials"/></action>
</nop>"""
_VIA = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
_CONTACT = "Contact: <sip:peer@[local_ip]:[local_port]>"


def caller(*steps: Step) -> str:
    """A scenario that sends the first INVITE to [service] at the remote address."""
    return _Scenario(calls=True).text(steps)


def callee(*steps: Step) -> str:
    """A scenario that waits for an INVITE."""
    return _Scenario(calls=False).text(steps)


class _Scenario:
    def __init__(self, *, calls: bool) -> None:
        self._calls = calls
        self._cseq = 0
        self._invite = 0
        self._version = 0
        self._in_dialog = False
        self._known = False
        "The first INVITE was seen: whose it is, where the far side is reached, its number."
        self._up = False
        "Our 2xx to it was sent."
        self._cancelled = False
        self._tagged = True
        "The last request named us by our tag."
        self._names = itertools.count(1)
        self._index = 0
        "Place of the message among all; SIPp makes its branches of it."
        self._began = 0
        "Place of our last INVITE: CANCEL and the ACK of a refusal carry its branch."
        self._refused = False

    def text(self, steps: tuple[Step, ...]) -> str:
        parts = ['<?xml version="1.0" encoding="UTF-8"?>', '<scenario name="peer">']
        for step in steps:
            line, *rest = (step,) if isinstance(step, str) else step
            direction, what, *words = line.split()
            if direction == "<":
                parts.append(self._receive(what, rest, "rseq" in words))
            else:
                body = self._body(words)
                if what.isdigit():
                    parts.append(self._respond(what, rest, body, "invite" in words))
                else:
                    parts.append(self._request(what, rest, body))
            self._index += 1
        return "\n".join((*parts, "</scenario>"))

    def _receive(self, what: str, patterns: list[str], reliable: bool) -> str:
        optional = ' optional="true"' if what.endswith("?") else ""
        what = what.rstrip("?")
        kind = "response" if what.isdigit() else "request"
        if kind == "response":
            self._in_dialog |= what != "100"
            self._refused = what >= "300"
        keep = ' rrs="true"' if what in ("INVITE", "180", "183", "200") else ""
        patterns = list(patterns)
        actions = ""
        if kind == "request" and not self._calls:
            self._tagged = self._up or what not in ("INVITE", "CANCEL", "SUBSCRIBE")
            self._cancelled = what == "CANCEL"
        if what in ("INVITE", "SUBSCRIBE") and not self._calls and not self._known:
            self._known = True
            actions += _found(r"From:[ ]*([^\r\n]*)", "peer", group=True)
            actions += _found(r"Contact:[ ]*<([^>]*)>", "target", group=True)
        if what == "INVITE":
            for name in ("Via", "From", "To", "CSeq"):
                actions += _found(rf"{name}:[ ]*([^\r\n]*)", f"invite{name}", group=True)
        if reliable:
            actions += _found(r"RSeq:[ ]*([0-9]*)", "rseq", group=True)
        after = ""
        for pattern in patterns:
            name = f"seen{next(self._names)}"
            if pattern.startswith("verify "):
                _, user, password = pattern.split()
                actions += (
                    f'<verifyauth assign_to="{name}" username="{user}" password="{password}"/>'
                )
                after += _WRONG.format(name=name)
            else:
                actions += _found(pattern, name)
        inside = f"<action>{actions}</action>" if actions else ""
        return f"<recv {kind}={quoteattr(what)}{optional}{keep}>{inside}</recv>{after}"

    def _request(self, method: str, headers: list[str], body: str) -> str:
        if method not in ("ACK", "CANCEL"):
            self._cseq += 1
        if method == "INVITE":
            self._invite, self._began = self._cseq, self._index
        number = self._invite if method in ("ACK", "CANCEL") else self._cseq
        here = "<sip:peer@[local_ip]:[local_port]>;tag=[pid]peer[call_number]"
        if self._calls:
            there = "<sip:[service]@[remote_ip]:[remote_port]>"
            inside = self._in_dialog and method != "CANCEL"
            uri = "[next_url]" if inside else "sip:[service]@[remote_ip]:[remote_port]"
            there += "[peer_tag_param]" if inside else ""
        else:
            uri, there = "[$target]", "[$peer]"
        same = method == "CANCEL" or (method == "ACK" and self._refused)
        branch = f"[branch-{self._index - self._began}]" if same else "[branch]"
        via = _VIA.replace("[branch]", branch)
        lines = [f"{method} {uri} SIP/2.0", via, f"From: {here}", f"To: {there}"]
        lines += ["Call-ID: [call_id]", f"CSeq: {number} {method}", "Max-Forwards: 70", _CONTACT]
        again = "" if method == "ACK" else ' retrans="500"'
        return _sent(lines + headers, body, again)

    def _respond(self, code: str, headers: list[str], body: str, to_invite: bool) -> str:
        tagged = self._calls or code == "100" or (self._up if to_invite else self._tagged)
        where = "To: [$inviteTo]" if to_invite else "[last_To:]"
        to = where + ("" if tagged else ";tag=[pid]peer[call_number]")
        self._up |= code.startswith("2") and not tagged and not self._cancelled
        via, from_, number = (
            f"{name}: [$invite{name}]" if to_invite else f"[last_{name}:]"
            for name in ("Via", "From", "CSeq")
        )
        lines = [f"SIP/2.0 {code} Peer", via, "[last_Record-Route:]", from_, to]
        lines += ["[last_Call-ID:]", number]
        redirects = any(header.startswith("Contact:") for header in headers)
        lines += [] if redirects else [_CONTACT]
        return _sent(lines + headers, body, "")

    def _body(self, words: list[str]) -> str:
        if "text" in words:
            return "Hello there"
        if "hash" in words:
            return "Signal=#\nDuration=160\n"
        if not {"sdp", "hold", *_DIRECTIONS} & {*words}:
            return ""
        self._version += 1
        address = "0.0.0.0" if "hold" in words else "[local_ip]"
        body = _SDP.format(version=self._version, address=address)
        return body + "".join(f"a={word}\n" for word in words if word in _DIRECTIONS)


def _sent(lines: list[str], body: str, more: str) -> str:
    told = any(line.startswith("Content-Type:") for line in lines)
    kind = ["Content-Type: application/sdp"] if body and not told else []
    text = "\n".join((*lines, *kind, "Content-Length: [len]", "", body))
    return f"<send{more}><![CDATA[\n{text}]]></send>"


def _found(pattern: str, name: str, *, group: bool = False) -> str:
    """Look for a pattern in what arrived; each name has to be used, so it is logged."""
    names = f"whole{name},{name}" if group else name
    asked = f'<ereg regexp={quoteattr(pattern)} search_in="msg" check_it="true" '
    used = "".join(f'<log message="[${one}]"/>' for one in names.split(","))
    return f'\n{asked}assign_to="{names}"/>{used}'
