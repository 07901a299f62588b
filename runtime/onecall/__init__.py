"""One call as people look at it: its legs, its ladder, why each step went as it did, and copies
of it for others. Read from the record only; nothing here changes anything.

    call = legs.call_of(session_id)      # the linked sessions with their records
    ladder.ladder_of(call)               # what page, text, SVG and HTML draw
    why.moment(leg, sequence)            # which row fired, which did not, and the values
"""
