"""Calls on the old version, and what people do to running calls.

- `reach`: asks the nodes how their sessions stand, and lets them act
- `verbs`: what a node does when it is asked
- `judging`: may these calls go over to that version; the dry run
- `dwell`: how long calls usually stay in a state, from the record
- `view`: who still runs an old version, by state
- `acts`: acts on one call
- `orders`: acts on many: planned, limited, stopped, reported
- `policy`: what becomes of old calls when their time is up
- `carrier`: does in a node's process what the rows say
"""
