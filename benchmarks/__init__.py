"""The figures that the documents quote, each beside its peers, in one run.

`python -m benchmarks` runs all of them; `python -m benchmarks.engine`, `.journal` and `.load` one.
Compare ratios only: cases take turns, in CPU time, and the median of the rounds counts.
"""
