# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
PY = .venv/bin/python
JOBS ?= auto

.PHONY: help run python setup test test-setup check lint types imports fmt test-long bench bench-deploy bench-mutants bench-browser bench-audit bench-search bench-sustained bench-ladder docs clean

help:
	@printf '%s\n' \
	  'make run        set up what is missing and serve Callsmith' \
	  'make test       set up what the tests need and run them' \
	  'make check      lint, types, import contracts, then the tests' \
	  'make setup      the set-up of make run alone' \
	  'make docs       write the pages that are made from the code' \
	  'make bench      the figures of docs/figures.md, beside their peers' \
	  'make bench-mutants  every seeded defect in every correct table; long' \
  'make bench-deploy   a save until calls run it, on one node and on three' \
	  'make bench-browser  what a person at the editor waits for, in Chromium' \
  'make bench-sip  CPU time of a call, beside other SIP stacks for Python' \
  'make bench-fanout  transitions to 50 browsers, beside bare ASGI' \
  'make bench-live  the live page with 10,000 sessions, in Chromium' \
	  'make bench-ladder  a call of 5,000 messages in Chromium' \
	  'make test-long  the long proofs, run by hand' \
	  'make fmt        write the code in its one style' \
	  'make images     take the pictures of README and guide' \
	  'make clean      remove what the set-up made; the data stays'

# Here, because an old Python cannot even read the set-up that would refuse it.
python:
	@command -v "$(PYTHON)" >/dev/null || { echo "There is no $(PYTHON) here. Callsmith needs Python\
	 3.11 or newer: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old\
	 ($$($(PYTHON) --version 2>&1)). Callsmith needs Python 3.11 or newer; install one and name it:\
	 make run PYTHON=python3.12" >&2; exit 1; }

setup: python
	@$(PYTHON) tools/setup.py run

run: setup
	@$(PY) manage.py serve

test-setup: python
	@$(PYTHON) tools/setup.py test

test: test-setup
	@$(PY) -m pytest -q -n $(JOBS) -m "not long"

test-long: test-setup
	@$(PY) -m pytest -q -m long

lint: test-setup
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .

types: test-setup
	@$(PY) -m mypy
	@PATH="$$($(PY) tools/node_path.py):$$PATH" node_modules/.bin/tsc --noEmit

imports: test-setup
	@.venv/bin/lint-imports

check: lint types imports test

fmt: test-setup
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

bench: test-setup
	@$(PY) -m benchmarks

bench-mutants: test-setup
	@nice $(PY) -m benchmarks.mutants

bench-deploy: test-setup
	@$(PY) -m benchmarks.deploy --traffic

bench-browser: test-setup
	@$(PY) -m benchmarks.browser

bench-audit: test-setup
	@nice $(PY) -m benchmarks.audit

bench-search: test-setup
	@nice $(PY) -m benchmarks.search

bench-sustained: test-setup
	@$(PY) -m benchmarks.sustained

.PHONY: bench-sip
bench-sip: test-setup
	@$(PY) -m benchmarks.sip

# Ten minutes of calls; an hour: SECONDS=3600.
.PHONY: bench-sip-soak
bench-sip-soak: test-setup
	@$(PY) -m benchmarks.sip_soak $(or $(SECONDS),600)

.PHONY: bench-fanout bench-live
bench-fanout: test-setup
	@$(PY) -m benchmarks.fanout

bench-live: test-setup
	@$(PY) -m benchmarks.live

bench-ladder: test-setup
	@$(PY) -m benchmarks.ladder

docs: test-setup
	@$(PY) -m flows.docs && $(PY) -m config.guide

clean:
	rm -rf .venv .venv-bench .setup node_modules static/dist

# The pictures of README and guide, taken by the browser tests.
.PHONY: images
images: test-setup
	@CALLSMITH_IMAGES=1 $(PY) -m pytest -q tests/browser
