"""The table that the calls of `make bench-sip` run: signalling alone, without sound.

As UAS it answers at once (180, 200) and waits for the ACK and the BYE of its caller. As UAC it
calls, acknowledges and hangs up. The node and the bare answerer run the same text.
"""

from __future__ import annotations

from hashlib import sha256

FLOW = "bench"
TEXT = """\
callflow: 1
name: bench
description: Signalling alone. Answers at once; as caller hangs up as soon as it is answered.
states:
  Idle: {initial: true}
  Initiating: {group: setup}
  Ringing: {group: setup}
  Answering: {group: setup}
  Active: {group: talk}
  Terminating: {group: end}
  Terminated: {final: true}
  Failed: {final: true}
transitions:
- from_state: Idle
  role: UAS
  event: IncomingCall
  actions: [CreateDialog, {SendSIPResponse: {code: 180}}, {SendSIPResponse: {code: 200}}]
  next_state: Answering
  publish_events: [SessionCreated, CallRinging]
- {from_state: Answering, role: UAS, event: DialogACK, next_state: Active,
   publish_events: [CallEstablished]}
- {from_state: Answering, role: UAS, event: DialogTimeout, actions: [SendBYE],
   next_state: Terminating}
- {from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE], next_state: Terminating}
- {from_state: Idle, role: UAC, event: MakeCall, actions: [CreateDialog, SendINVITE],
   next_state: Initiating, publish_events: [SessionCreated]}
- {from_state: Initiating, role: UAC, event: Dialog180Ringing, next_state: Ringing,
   publish_events: [CallRinging]}
- {from_state: Initiating, role: UAC, event: Dialog200OK, actions: [SendACK, SendBYE],
   next_state: Terminating, publish_events: [CallEstablished]}
- {from_state: Ringing, role: UAC, event: Dialog200OK, actions: [SendACK, SendBYE],
   next_state: Terminating, publish_events: [CallEstablished]}
- {from_state: Terminating, role: Both, event: Dialog200OK, actions: [CleanupDialog],
   next_state: Terminated, publish_events: [CallTerminated]}
- {from_state: Any, role: Both, event: DialogBYE, actions: [CleanupDialog],
   next_state: Terminated, publish_events: [CallTerminated]}
- {from_state: Any, role: Both, event: DialogTimeout, actions: [CleanupDialog],
   next_state: Failed, publish_events: [CallFailed]}
- {from_state: Any, role: UAC, event: Dialog4xxFailure, actions: [CleanupDialog],
   next_state: Failed, publish_events: [CallFailed]}
"""
DIGEST = sha256(TEXT.encode()).hexdigest()

TWO_LEGS = "two_legs"
_TWO_LEGS_TEXT = """\
callflow: 1
name: two_legs
description: Calls a second leg, answers when it is answered, and ends with it. No sound.
states:
  Idle: {initial: true}
  Asking: {group: setup}
  Answering: {group: setup}
  Active: {group: talk}
  Terminated: {final: true}
  Failed: {final: true}
transitions:
- from_state: Idle
  role: UAS
  event: IncomingCall
  actions: [CreateDialog, {CreateLinkedSession: {target: "sip:bench@127.0.0.1:PORT", flow: leg}}]
  next_state: Asking
  publish_events: [SessionCreated]
- {from_state: Asking, role: UAS, event: LinkedRinging, actions: [{SendSIPResponse: {code: 180}}],
   publish_events: [CallRinging]}
- {from_state: Asking, role: UAS, event: LinkedAnswered, actions: [{SendSIPResponse: {code: 200}}],
   next_state: Answering}
- {from_state: Asking, role: UAS, event: LinkedFailed, actions: [{SendSIPResponse: {code: 503}}],
   next_state: Failed, publish_events: [CallFailed]}
- {from_state: Answering, role: UAS, event: DialogACK, next_state: Active,
   publish_events: [CallEstablished]}
- {from_state: Any, role: UAS, event: DialogBYE,
   actions: [{SignalLinked: {event: HangupCall}}, CleanupDialog],
   next_state: Terminated, publish_events: [CallTerminated]}
"""
LEG = "leg"
LEG_TEXT = """\
callflow: 1
name: leg
description: The second leg. Rings, is answered, and hangs up when it is told to.
states:
  Idle: {initial: true}
  Initiating: {group: setup}
  Active: {group: talk}
  Terminating: {group: end}
  Terminated: {final: true}
  Failed: {final: true}
transitions:
- {from_state: Idle, role: UAC, event: MakeCall, actions: [CreateDialog, SendINVITE],
   next_state: Initiating, publish_events: [SessionCreated]}
- {from_state: Initiating, role: UAC, event: Dialog180Ringing, publish_events: [CallRinging]}
- {from_state: Initiating, role: UAC, event: Dialog200OK, actions: [SendACK], next_state: Active,
   publish_events: [CallEstablished]}
- {from_state: Initiating, role: UAC, event: HangupCall, actions: [SendCANCEL],
   next_state: Failed, publish_events: [CallFailed]}
- {from_state: Active, role: UAC, event: HangupCall, actions: [SendBYE], next_state: Terminating}
- {from_state: Any, role: UAC, event: DialogBYE, actions: [CleanupDialog],
   next_state: Terminated, publish_events: [CallTerminated]}
- {from_state: Terminating, role: UAC, event: Dialog200OK, actions: [CleanupDialog],
   next_state: Terminated, publish_events: [CallTerminated]}
- {from_state: Any, role: UAC, event: DialogTimeout, actions: [CleanupDialog],
   next_state: Failed, publish_events: [CallFailed]}
- {from_state: Any, role: UAC, event: Dialog4xxFailure, actions: [CleanupDialog],
   next_state: Failed, publish_events: [CallFailed]}
"""


def two_legs(port: int) -> str:
    """The table of a call that is passed on to a port of the loopback address."""
    return _TWO_LEGS_TEXT.replace("PORT", str(port))


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return sha256(text.encode()).hexdigest()
