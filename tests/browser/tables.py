"""Flows for the browser tests: small enough to follow, with comments that edits must keep."""

LINE = """\
# {name}: a line with one person behind it.
callflow: 1
name: {name}

states:            # in the order of a call
  Idle: {{initial: true}}
  Ringing:
    group: setup
  Active:          # both talk
    group: talk
  Terminating: {{group: end}}
  Terminated: {{final: true}}

transitions:
# -- a call comes in --
- id: ring
  from_state: Idle
  role: UAS
  event: IncomingCall
  actions: [CreateDialog, StoreRemoteSDP, CreateMediaSession, GenerateLocalSDP, {{SendSIPResponse: {{code: 180}}}}]
  next_state: Ringing
  publish_events: [IncomingCall]

# -- somebody answers, or nobody does --
- {{from_state: Ringing, role: UAS, event: AcceptCall, actions: [{{SendSIPResponse: {{code: 200}}}}], next_state: Active}}
- {{from_state: Ringing, role: UAS, event: RejectCall, actions: [{{SendSIPResponse: {{code: 486}}}}, CleanupMedia, CleanupDialog], next_state: Terminated}}
- {{from_state: Ringing, role: UAS, event: DialogCANCEL, actions: [{{SendSIPResponse: {{code: 487}}}}, CleanupMedia, CleanupDialog], next_state: Terminated}}
- {{from_state: Ringing, role: UAS, event: {{after: 30s}}, actions: [{{SendSIPResponse: {{code: 480}}}}, CleanupMedia, CleanupDialog], next_state: Terminated}}
- {{from_state: Ringing, role: UAS, event: DialogError, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}}

# -- the call --
- {{from_state: Active, role: UAS, event: DialogACK, actions: [NegotiateSDPAsUAS, StartMediaSession]}}
- {{from_state: Active, role: UAS, event: DialogBYE, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}}   # they hang up
- {{from_state: Active, role: UAS, event: HangupCall, actions: [SendBYE, StopMediaSession], next_state: Terminating}}   # we hang up
- {{from_state: Active, role: UAS, event: DialogTimeout, actions: [SendBYE, StopMediaSession], next_state: Terminating}}
- {{from_state: Terminating, role: UAS, event: Dialog200OK, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}}
- {{from_state: Terminating, role: UAS, event: {{after: 35s}}, actions: [CleanupMedia, CleanupDialog], next_state: Terminated}}
"""


def line(name: str) -> str:
    """A flow that rings until a person accepts; its text names it."""
    return LINE.format(name=name)
