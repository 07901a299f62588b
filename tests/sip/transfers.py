"""Far sides of transfers as scenarios of SIPp: who sends us away, and who is called in the end."""

from __future__ import annotations

from collections.abc import Sequence

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="far side">\n'
_OWN = """\
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: sipp <sip:sipp@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
Call-ID: [call_id]
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
"""
_TO = "To: <sip:[service]@[remote_ip]:[remote_port]>"
_SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000

"""
_LAST = "[last_Via:]\n[last_From:]\n[last_Call-ID:]\n[last_CSeq:]\n"


def _send(text: str, more: str = "") -> str:
    return f"<send{more}><![CDATA[\n{text}]]></send>\n"


def _request(method: str, number: int, more: str = "", body: str = "") -> str:
    line = f"{method} [next_url] SIP/2.0\n{_OWN}{_TO}[peer_tag_param]\nCSeq: {number} {method}\n"
    again = ' retrans="500"' if method != "ACK" else ""
    return _send(line + more + (body or "Content-Length: 0\n\n"), again)


def _ok(to: str = "[last_To:]", body: str = "", code: str = "200 OK") -> str:
    contact = "Contact: <sip:sipp@[local_ip]:[local_port]>\n"
    return _send(f"SIP/2.0 {code}\n{_LAST}{to}\n{contact}" + (body or "Content-Length: 0\n\n"))


def _notified(code: int) -> str:
    look = f'<ereg regexp="SIP/2.0 {code}" search_in="body" check_it="true" assign_to="1"/>'
    return f'<recv request="NOTIFY"><action>{look}</action></recv>\n{_ok()}'


def _called() -> str:
    """The beginning of a call that we place: up to our ACK."""
    line = "INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
    invite = _send(f"{line}{_OWN}{_TO}\nCSeq: 1 INVITE\n{_SDP}", ' retrans="500"')
    answers = '<recv response="100" optional="true"/>\n<recv response="180" optional="true"/>\n'
    return f'{invite}{answers}<recv response="200" rrs="true"/>\n{_request("ACK", 1)}'


_REFERENCE = '<Reference variables="1"/>\n</scenario>'


def referring(target: str, reports: Sequence[int], *, hangs_up: bool, headers: str = "") -> str:
    """A caller who sends REFER and hears these reports; then it hangs up, or we do."""
    refer = _request("REFER", 2, f"Refer-To: <{target}>\n{headers}")
    heard = "".join(map(_notified, reports))
    end = f'{_request("BYE", 3)}<recv response="200"/>\n'
    if not hangs_up:
        end = f'<recv request="BYE"/>\n{_ok()}'
    return f'{_HEAD}{_called()}{refer}<recv response="202"/>\n{heard}{end}{_REFERENCE}'


def refused(target: str, code: int) -> str:
    """A caller whose REFER is refused, who then hangs up."""
    refer = _request("REFER", 2, f"Refer-To: <{target}>\n")
    end = f'{_request("BYE", 3)}<recv response="200"/>\n'
    return f'{_HEAD}{_called()}{refer}<recv response="{code}"/>\n{end}</scenario>'


_TAGGED = "[last_To:];tag=[pid]far[call_number]"
_CONFIRMED = '<recv request="ACK"/>\n'


def refusing(code: str = "486 Busy Here") -> str:
    """A called side that is busy, or a gateway that takes no call."""
    refusal = _ok(_TAGGED, code=code)
    return f'{_HEAD}<recv request="INVITE"/>\n{refusal}{_CONFIRMED}</scenario>'


def answering(header: str = "") -> str:
    """A called side that rings and answers until we hang up; its INVITE must have this header."""
    look = f'<ereg regexp="{header}" search_in="msg" check_it="true" assign_to="1"/>'
    seen = f"<action>{look}</action>" if header else ""
    ringing = _ok(_TAGGED, code="180 Ringing")
    answer = _ok(_TAGGED, _SDP)
    end = f'<recv request="BYE"/>\n{_ok()}'
    last = _REFERENCE if header else "</scenario>"
    return f'{_HEAD}<recv request="INVITE">{seen}</recv>\n{ringing}{answer}{_CONFIRMED}{end}{last}'


def ringing() -> str:
    """A called side that rings until the caller gives up."""
    invite = f'<recv request="INVITE"/>\n{_ok(_TAGGED, code="180 Ringing")}'
    cancelled = f'<recv request="CANCEL"/>\n{_ok(_TAGGED)}'
    ended = _ok(_TAGGED, code="487 Request Terminated").replace("[last_CSeq:]", "CSeq: 1 INVITE")
    return f"{_HEAD}{invite}{cancelled}{ended}{_CONFIRMED}</scenario>"


def referred(header: str, *, held: bool) -> str:
    """A caller who is put on hold if `held`, sent away by a REFER with this in it, and reports."""
    look = f'<ereg regexp="{header}" search_in="msg" check_it="true" assign_to="1"/>'
    hold = f'<recv request="INVITE"/>\n{_ok(body=_SDP)}{_CONFIRMED}' if held else ""
    refer = f'<recv request="REFER"><action>{look}</action></recv>\n{_ok(code="202 Accepted")}'
    reports = _reported(2, "active;expires=60", "100 Trying")
    reports += _reported(3, "terminated;reason=noresource", "200 OK")
    end = f'<recv request="BYE"/>\n{_ok()}'
    return f"{_HEAD}{_called()}{hold}{refer}{reports}{end}{_REFERENCE}"


def _reported(number: int, state: str, status: str) -> str:
    headers = f"Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag\n"
    body = f"Content-Length: [len]\n\nSIP/2.0 {status}\n"
    return _request("NOTIFY", number, headers, body) + '<recv response="200"/>\n'
