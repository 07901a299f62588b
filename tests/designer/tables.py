"""Tables that are hard on a checker."""

HEAD = "callflow: 1\nname: hard\n"


def exploding(limit: int = 1_000_000) -> str:
    """A counter that some guard compares: as many configurations as it counts."""
    return f"""{HEAD}states: {{Idle: {{initial: true}}, Talk: {{}}, Terminated: {{final: true}}}}
variables: {{n: 0}}
transitions:
- {{from_state: Idle, role: UAS, event: IncomingCall, actions: [CreateDialog], next_state: Talk}}
- {{from_state: Idle, role: UAC, event: MakeCall, actions: [CreateDialog], next_state: Talk}}
- {{from_state: Talk, role: Both, event: HangupCall, guards: [n < {limit}], set: {{n: n + 1}}}}
- {{from_state: Talk, role: Both, event: DialogBYE, next_state: Terminated}}
"""


def long(rows: int = 10_000, states: int = 200) -> str:
    """A table of very many rows that all can fire."""
    lines = [HEAD, "states:\n  Idle: {initial: true}\n"]
    lines += [f"  S{i}: {{}}\n" for i in range(states)]
    lines += ["  Terminated: {final: true}\nvariables: {n: 0}\ntransitions:\n"]
    lines += ["- {from_state: Idle, role: UAS, event: IncomingCall, next_state: S0}\n"]
    each = rows // states
    for state in range(states):
        follows = f"S{state + 1}" if state + 1 < states else "Terminated"
        lines += [
            f"- {{from_state: S{state}, role: UAS, event: HangupCall, guards: [n == {value}],"
            f" set: {{n: n + 1}}, next_state: {follows}}}\n"
            for value in range(each)
        ]
    return "".join(lines)


def nested(depth: int = 100_000) -> str:
    """A text that is nested deeper than any reader goes."""
    return HEAD + "transitions: " + "[" * depth
