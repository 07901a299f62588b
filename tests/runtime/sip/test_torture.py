"""Messages in the spirit of RFC 4475, each with the verdict an element should give."""

from __future__ import annotations

import pytest

from runtime.sip.message import Response
from tests.runtime.sip.peer import Bench, request

ODD_BUT_VALID = """\
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 5
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;rport;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

v=0
"""
STRANGE = (
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too."
    "(doesn't-it)@example.com"
)


def test_white_space_wherever_the_grammar_lets_it_stand() -> None:
    bench = Bench()
    bench.receive(ODD_BUT_VALID.replace("\n", "\r\n").encode())
    (invite,) = bench.happenings
    message = invite.request  # type: ignore[union-attr]
    assert message.cseq.number == 9 and message.sdp == b"v=0\r\n"
    assert message.from_.display == 'J Rosenberg \\"' and message.from_.tag == "98asjd8"
    assert message.contacts[0].display == 'Quoted string ""'
    assert message.contacts[0].params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert len(message.get_all("Via")) == 3
    assert bench.sent[0].kind == "100 INVITE"


VERDICTS = [
    ("a method of odd characters", request("!interesting-Method0123456789_*+`.%indeed'~"), 405),
    ("a URI of odd characters", request("OPTIONS", uri=STRANGE), 200),
    ("a null in a user part", request("OPTIONS", uri="sip:null-%00-null@example.com"), 200),
    ("no space after a name", request("OPTIONS", from_="caller<sip:c@example.com>;tag=3"), 200),
    ("one word as user and host", request("OPTIONS", to="sip:user@pc1"), 200),
    ("a Via of unknown transports", request("OPTIONS", headers=["Via: SIP/2.0/SCTP h"]), 200),
    ("a Via of commas", request(via="SIP/2.0/UDP 192.0.2.15;;,;,,"), None),
    ("a display name with a comma", request(from_="Bell, A <sip:a@b>;tag=4"), 400),
    ("a quote that does not end", request(to='"Mr. J. User <sip:j@b>'), 400),
    ("spaces at the end of the line", request("OPTIONS").replace(b"/2.0\r", b"/2.0  \r", 1), 400),
    ("no version", request("OPTIONS").replace(b" SIP/2.0\r", b"\r", 1), 400),
    ("a higher version", request("OPTIONS").replace(b" SIP/2.0\r", b" SIP/7.0\r", 1), 505),
    ("brackets around the URI", request("OPTIONS", uri="<sip:user@example.com>"), 400),
    ("a scheme nobody knows", request("OPTIONS", uri="nobodyKnowsThis:totallyopaque"), 416),
    ("a scheme with a dot", request("OPTIONS", uri="soap.beep://192.0.2.103:3002"), 416),
    ("a foreign scheme in From", request("OPTIONS", from_="<http://x.example>;tag=3"), 200),
    ("an extension nobody has", request("OPTIONS", headers=["Require: nothingSupports"]), 420),
    ("two Call-IDs", request("OPTIONS", headers=["Call-ID: another"]), 400),
    ("two lengths", request("OPTIONS", headers=["l: 15"]), 400),
    ("only the cookie as branch", request("OPTIONS", branch="z9hG4bK"), 200),
    ("no tag in From", request("OPTIONS", from_="<sip:old@example.com>"), 200),
]


@pytest.mark.parametrize(
    ("data", "code"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS]
)
def test_verdict(data: bytes, code: int | None) -> None:
    bench = Bench()
    codes = [
        sent.message.code for sent in bench.receive(data) if isinstance(sent.message, Response)
    ]
    assert codes == ([] if code is None else [code])
    assert bench.happenings == []
