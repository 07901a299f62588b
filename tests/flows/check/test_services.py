"""Seeded defects in transfers and in early media: each is told by its rule at its row."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from flows.check.deep import examine
from flows.findings import Severity

ROOT = Path(__file__).parents[3]
PLACES = (ROOT / "state_tables", ROOT / "tests" / "flows" / "data" / "correct")


class Seed(NamedTuple):
    """A defect: `old` on the line that begins with `at` becomes `new`."""

    code: str
    table: str
    at: str
    old: str
    new: str


REFERRED = "- {from_state: Active, role: Both, event: TransferRequested"
TRANSFERRED = "- {from_state: BeingTransferred, role: Both, event: "
PROGRESS = "- {from_state: Progressing, role: UAS, event: "
RELIABLE = "- {from_state: Ringing, role: UAC, event: DialogReliableProgress"

SEEDS = (
    # RFC 3515 2.4.4: the first report at once, the last one in the end, none for nothing.
    Seed("OBL623", "transfer", REFERRED, "SendRefer100Trying, ", ""),
    Seed("OBL623", "transfer", TRANSFERRED + "DialogBYE", "SendTransferNOTIFYFailure, ", ""),
    Seed("ACT601", "transfer", TRANSFERRED + "LinkedFailed", "[", "[SendTransferNOTIFYFailure, "),
    Seed("OBL621", "transfer", REFERRED, "SendReferAccepted, SendRefer100Trying, ", ""),
    Seed("ACT604", "transfer", TRANSFERRED + "LinkedRinging", "[", "[SendReferAccepted, "),
    # One REFER at a time, within a call, and to a consultation call that is up.
    Seed("ACT606", "transfer", "- {from_state: Referring, role: Both, event: DialogACK",
         "[NegotiateSDPAsUAS", "[NegotiateSDPAsUAS, SendREFER"),
    Seed("ACT608", "transfer", "- {from_state: Terminating, role: Both, event: UpdateReceived",
         "[", "[SendREFER, "),
    Seed("ACT601", "transfer", "- {from_state: Consulting, role: Both, event: HangupCall",
         "[", "[SendREFERWithReplaces, "),
    Seed("TMR701", "transfer", "- {from_state: Referring, role: Both, event: {after: 90s}",
         "event: {after: 90s}", "event: HoldCall"),
    Seed("RES507", "transfer", "- {from_state: Consulted, role: Both, event: DialogBYE",
         "TerminateConsultationCall, ", ""),
    Seed("PUB812", "transfer", "- {from_state: Replacing, role: Both, event: TransferSuccess",
         ", publish_events: [TransferSucceeded]", ""),
    Seed("PUB814", "transfer", "- {from_state: Replacing, role: Both, event: TransferSuccess",
         "TransferSucceeded", "TransferFailed, TransferSucceeded"),
    # RFC 3262: a reliable answer and its PRACK.
    Seed("ACT610", "early_media", RELIABLE, "SendPRACK, ", ""),
    Seed("ACT610", "early_media", RELIABLE, "[SendPRACK", "[SendPRACK, SendPRACK"),
    Seed("ACT610", "early_media", PROGRESS + "AcceptCall", "role: UAS, event: AcceptCall",
         "role: UAS, event: AcceptCall, actions: [{SendSIPResponse: {code: 200}}]"),
    Seed("ACT610", "early_media", PROGRESS + "AcceptCall", "role: UAS, event: AcceptCall",
         "role: UAS, event: AcceptCall, actions: [SendReliableProgress]"),
    Seed("OBL621", "early_media", PROGRESS + "DialogPRACK", "{SendSIPResponse: {code: 200}}, ", ""),
    Seed("OBL624", "early_media", PROGRESS + "DialogTimeout", "504", "486"),
    # What is told of one case is told of the other; a call is ended for a reason.
    Seed("PUB812", "early_media", "- {from_state: Initiating, role: UAC, event: Dialog180Ringing, "
         "guards", ", publish_events: [CallRinging]", ""),
    Seed("PUB812", "call_with_hold", "- {from_state: Active, role: Both, event: UnmuteCall",
         ", publish_events: [CallUnmuted]", ""),
    Seed("INV801", "call_with_hold", "- {from_state: Answering, role: UAS, event: ReinviteReceived",
         "[{SendSIPResponse: {code: 491}}]", "[{SendSIPResponse: {code: 491}}], "
         "next_state: HangingUp"),
)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.code}-{seed.table}")
def test_a_defect_of_a_service_is_told_at_its_row(seed: Seed) -> None:
    path = next(p for place in PLACES if (p := place / f"{seed.table}.yaml").exists())
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith(seed.at))
    assert seed.old in lines[number]
    lines[number] = lines[number].replace(seed.old, seed.new, 1)
    found = examine("\n".join(lines), tier=1).findings
    places = [(f.code, f.place.line) for f in found if f.severity is not Severity.INFO]
    assert (seed.code, number + 1) in places or (
        seed.code == "TMR701" and any(code == seed.code for code, _ in places)
    ), places


@pytest.mark.parametrize("event", ["Dialog183SessionProgress", "DialogReliableProgress"])
def test_media_before_the_answer_is_heard_in_every_state_or_in_none(event: str) -> None:
    text = (PLACES[0] / "early_media.yaml").read_text()
    row = f"- {{from_state: Ringing, role: UAC, event: {event}, guards: [event.sdp]"
    without = "\n".join(line for line in text.splitlines() if not line.startswith(row))
    assert without != text.rstrip("\n")
    found = examine(without, tier=1).findings
    assert ("COV409", "Ringing") in {(f.code, f.state) for f in found}
