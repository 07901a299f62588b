"""The explorer: everything a table can do against any peer that keeps to the RFCs.

`party` is one side of a call: a session of the table with its SIP usage, its media and what it
owes. `peer` says what may happen to it next. `walk` visits every configuration, the nearest first.
`pair` sets a calling and a called party of the same table against each other over a channel.
"""
