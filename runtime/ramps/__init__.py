"""Deploying in steps: a candidate beside the stable version, compared, and taken back if worse.

- `plan`: steps, who is in scope, presets; read from what people type
- `sequential`: bands that hold however often one looks, pure
- `figures`: what is compared and how far it may be worse, pure
- `judging`: one verdict for each figure, one for the step, in words, pure
- `measuring`: what each call says to the figures, from its record
- `services`: the acts, of people and of the product itself
- `looking`: a look at a ramp by a worker, and the bell that calls for one
- `following`: how a node follows
"""

QUEUE = "ramps"
"""The queue of looks, and the name of the child that does them."""
WANTED = "ramps.wanted"
"""The file in the data folder for which that child waits before it starts."""
