"""The deep rules' codes: how grave each is, and why it matters in a real call."""

from __future__ import annotations

from flows.findings import Severity

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741

MEANINGS: dict[str, tuple[Severity, str]] = {
    "RES501": (E, "Every finished call would leave a dialog behind until the node restarts."),
    "RES502": (E, "Every finished call would leave its media and ports behind."),
    "RES503": (E, "What is taken twice is given back once, or the second taking fails."),
    "RES504": (E, "The action fails in every call that comes this way."),
    "RES505": (E, "The row believes that something is held which is not."),
    "RES506": (E, "The action fails: what it works with is gone."),
    "RES507": (E, "Something started is never stopped."),
    "RES508": (E, "When an action fails, what was taken before it is never given back."),
    "RES509": (I, "Give back in the reverse order of taking: the media before the dialog."),
    "RES510": (E, "A session at its beginning holds nothing; the next call would take it again."),
    "ACT601": (E, "The action fails or misleads the far side when its precondition is not met."),
    "ACT602": (E, "RFC 3261 15: the called side sends BYE after the ACK, or when none came."),
    "ACT603": (E, "RFC 3261 9.1: one CANCEL, after a provisional and before the final answer."),
    "ACT604": (E, "RFC 3261 17.2.1: a request has exactly one final answer."),
    "ACT605": (E, "RFC 3264 4: one offer at a time, and each has its answer before media flows."),
    "ACT606": (E, "RFC 3261 14.1: no second re-INVITE while one of ours waits."),
    "ACT607": (W, "The second one does nothing, or undoes the first."),
    "ACT608": (E, "RFC 3261 15: nothing but answers is sent in a call that was ended."),
    "ACT609": (E, "RFC 3261 13.2.2.4: each 2xx to an INVITE is confirmed by one ACK; without it "
                  "the far side repeats the 2xx and then gives the call up."),
    "ACT610": (E, "RFC 3261 13.3.1.1: provisional answers come before the final one."),
    "ACT611": (E, "The far side is not told and goes on waiting or talking to nobody."),
    "ACT612": (W, "Within one row the second action takes back what the first one did."),
    "OBL621": (E, "The far side waits for the answer until its transaction times out."),
    "OBL622": (E, "RFC 3261 13.3.1: an INVITE gets a final answer, and a 2xx its ACK or a BYE."),
    "OBL623": (E, "RFC 3515 2.4.4: whoever accepts a REFER tells how it ended."),
    "OBL624": (E, "The far side draws the wrong conclusion from this answer."),
    "COV401": (W, "RFC 3261 15.1.2: the far side may hang up at any time of a call."),
    "COV402": (W, "RFC 3261 9.2: the caller may give up until we answer."),
    "COV403": (W, "A person hangs up and nothing happens."),
    "COV404": (W, "When no answer comes the session waits for ever."),
    "COV405": (E, "A failed call would hang in this state."),
    "COV406": (E, "The re-INVITE is refused and the table never learns it."),
    "COV407": (E, "RFC 3261 14.2: the far side may change the session while the call is up."),
    "COV408": (E, "Media can break whenever it is held."),
    "COV409": (E, "Provisional answers repeat and may come after the 200 that overtook them."),
    "COV410": (E, "RFC 3261 13.3.1.4: without ACK the call is answered all the same; BYE ends it."),
    "COV411": (W, "The person has no way to do it."),
    "COV412": (E, "The table claims the feature and does not handle its answer here."),
    "COV413": (W, "The request is refused by the runtime's own rule."),
    "COV414": (E, "A connection can be lost in every state."),
    "COV415": (I, "How many of the things that may happen are answered by a row or ignored."),
    "TMR701": (E, "Nothing ends the waiting if what it waits for never comes."),
    "TMR702": (E, "The timer is lost: no row takes it when it fires."),
    "TMR704": (E, "RFC 3261 14.1: whoever began the call waits 2.1 to 4 s, the other side up to "
                  "2 s, else both collide again and again."),
    "TMR705": (W, "RFC 3261 13.3.1.4, 17.1.2.2: the stack tries for 64*T1 = 32 s."),
    "INV801": (E, "In this state a call is up and both sides hear each other."),
    "INV802": (E, "The state has no row for this side of a call."),
    "INV805": (W, "Once a call is up the protocol makes no difference between its two sides."),
    "INV806": (W, "Rows that start in this state can not rely on what is held and flows there."),
    "INV804": (W, "Two states that answer everything alike can be one."),
    "PUB811": (E, "Whoever counts calls by their outcome counts wrong."),
    "PUB812": (E, "Listeners see an end without a beginning, or a beginning twice."),
    "PUB813": (W, "Listeners still show the call as it was."),
    "PUB814": (E, "Listeners are told something that is not so."),
    "LIV821": (E, "The session lives until the longest life of sessions ends it."),
    "LIV822": (E, "The two sides send for ever and load the network."),
    "LIV823": (E, "A retry without a limit never gives up."),
    "LIV824": (E, "The session would spin without time passing."),
    "LIV825": (E, "The person hung up, and if the far side keeps silent the call never ends."),
    "REA302": (W, "What can not be reached is a mistake or not needed."),
    "REA303": (W, "Either the row stands in the wrong state or its guards can not hold there."),
    "REA309": (W, "It looks like a condition and is none."),
    "CMP841": (E, "Between two sides that run this table a message meets no row."),
    "CMP842": (E, "Both sides wait for each other and nothing ever wakes them."),
    "CMP843": (E, "One side believes the call to be over and the other can never end it."),
    "CMP844": (E, "A lost message leaves one side behind."),
    "CMP845": (E, "Messages can overtake each other on UDP."),
    "CMP846": (E, "Messages can come twice on UDP."),
    "CMP847": (E, "Both persons can act at the same time."),
    "CMP848": (E, "The two persons see different calls for good."),
    "CMP849": (E, "A side sends without waiting for what it sent before."),
    "CMP850": (E, "The process of the far side dies and comes back: it knows no such call, answers "
                  "481 to every request and sends nothing more by itself."),
    "CMP851": (E, "A peer that keeps to the RFCs may send this here."),
    "CMP852": (E, "Of two legs that belong together one has ended; somebody talks to nobody."),
    "RACE901": (E, "RFC 5407 3.1.1: an INVITE that comes again while the ACK is awaited is a "
                   "repetition; the 200 is repeated and the call comes about."),
    "RACE902": (E, "RFC 5407 3.1.2: the call is up when CANCEL and 200 cross; the CANCEL changes "
                   "nothing, the 200 gets its ACK, and BYE ends the call."),
    "RACE903": (E, "RFC 5407 3.1.3: a BYE of the early dialog that crosses the 200 is answered "
                   "with 200 and ends the call; the 200 to the INVITE still gets its ACK."),
    "RACE904": (E, "RFC 5407 3.1.4: a re-INVITE may arrive before the ACK; it gets a final answer "
                   "(200, or 491) and the call goes on."),
    "RACE905": (E, "RFC 5407 3.1.5: while the offer in our 200 waits for the answer in the ACK, "
                   "another offer is refused with 491, and whoever sent it tries again later."),
    "RACE906": (E, "RFC 5407 3.1.6: a BYE may arrive before the ACK; it ends the call and the ACK "
                   "is awaited no more."),
    "RACE907": (E, "RFC 5407 3.2.1: two BYEs that cross are both answered with 200."),
    "RACE908": (E, "RFC 5407 3.2.2: a re-INVITE that crosses BYE is refused with 481; the BYE is "
                   "answered and ends the call."),
    "RACE909": (E, "RFC 5407 3.2.3: a 200 to a re-INVITE is confirmed with ACK, BYE or no BYE; "
                   "otherwise the far side repeats it for 32 s."),
    "RACE910": (E, "RFC 5407 3.2.4: an ACK may come after our BYE went out; it changes nothing."),
    "RACE911": (E, "RFC 5407 3.3.1: re-INVITEs that cross are both refused with 491 and tried "
                   "again after the different times of RFC 3261 14.1."),
    "RACE912": (E, "RFC 5407 3.3.2, RFC 3311 5.2: an offer in UPDATE that crosses the offer in our "
                   "re-INVITE is refused with 491."),
    "RACE913": (E, "RFC 5407 3.3.3: a REFER that crosses BYE is refused; the call it speaks of is "
                   "gone."),
    "RACE914": (E, "RFC 5407 appendix A, RFC 3261 15.1.2: a BYE of the early dialog ends the "
                   "INVITE with 487."),
    "META991": (I, "What a proof covers."),
    "META992": (W, "The verdict is no proof: a limit was reached before everything was seen."),
}  # fmt: skip
"""Code to severity and explanation."""
