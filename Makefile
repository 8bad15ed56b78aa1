# Every target works on a machine that has Python >= 3.11 and make, and nothing else; those with a browser want chromium.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BROWSER_STAMP := $(VENV)/.browser
BENCH_STAMP := $(VENV)/.bench
ALEMBIC := $(BIN)/python -m alembic -c shared/persistence/migrations/alembic.ini

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install
install: $(STAMP) ## Install everything into .venv, from the pinned requirements

$(STAMP): requirements/dev.txt requirements/installer.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: name it with 'make PYTHON=/path/to/python3.12 ...'"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's own venv is missing: 'apt-get install python3-venv' brings it"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.PHONY: demo
demo: $(STAMP) ## Run the main job once, end to end, on the sandbox; show each step; stop everything
	$(BIN)/python -m sandbox.demo

.PHONY: up
up: $(STAMP) ## Start the sandbox and every role in the background, and say where things are
	$(BIN)/python -m sandbox.stack up

.PHONY: down
down: $(STAMP) ## Stop what `make up` started
	$(BIN)/python -m sandbox.stack down

.PHONY: status
status: $(STAMP) ## Show what `make up` left running
	$(BIN)/python -m sandbox.stack status

.PHONY: test
test: $(STAMP) ## Run the whole suite
	$(BIN)/python -m pytest

.PHONY: unit
unit: $(STAMP) ## Run the unit and architecture tests: no server, seconds
	$(BIN)/python -m pytest tests/unit tests/architecture

$(BROWSER_STAMP): $(STAMP) requirements/browser.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/browser.txt
	@touch $@

.PHONY: browser
browser: $(BROWSER_STAMP) ## Drive the operators' console in a real browser, every page of it (needs chromium)
	$(BIN)/python -m pytest tests/browser

.PHONY: screenshots
screenshots: $(BROWSER_STAMP) ## Take the pictures of docs/console.md anew (needs chromium)
	$(BIN)/python -m tests.browser.screenshots

.PHONY: lint
lint: $(STAMP) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(STAMP) ## Check types, strictly
	$(BIN)/mypy

.PHONY: arch
arch: $(STAMP) ## Check the laws of the house: who may import whom
	$(BIN)/lint-imports --no-cache

.PHONY: check
check: lint types arch ## lint, types and arch

.PHONY: format
format: $(STAMP) ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: migrate
migrate: $(STAMP) ## Bring the database of EMAIL_DATABASE_URL to the newest schema
	$(ALEMBIC) upgrade head

$(BENCH_STAMP): $(STAMP) requirements/bench.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@

.PHONY: bench
bench: $(BENCH_STAMP) ## Measure how fast it is beside peers and floors (B=accept for one, takes long)
	$(BIN)/python -m bench.speed $(B)

.PHONY: bench-short
bench-short: $(STAMP) ## The same with everything small, in minutes
	$(BIN)/python -m bench.speed --short $(B)

.PHONY: plans
plans: $(STAMP) ## Show the plans of the frequent queries on a filled database
	$(BIN)/python -m bench.plans

.PHONY: api-test
api-test: $(STAMP) ## Send every route a request, on the sandbox that runs or on one of its own (needs npm)
	$(BIN)/python api-test/run.py

.PHONY: alerts
alerts: $(STAMP) ## Check the alert rules and how they ring in made-up situations (needs promtool)
	$(BIN)/python -m tests.promtool

.PHONY: fleet
fleet: $(STAMP) ## Measure more processes of each pool, then kill and replace half of a fleet while mail goes out
	$(BIN)/python -m bench.fleet

.PHONY: fuzz
fuzz: $(STAMP) ## Fuzz the HTTP interface by its own document, 100,000 requests (takes long)
	$(BIN)/python -m bench.fuzz

.PHONY: faults
faults: $(STAMP) ## Let things go wrong while mail goes out; nothing may be lost or doubled (F=F5 for one, takes long)
	$(BIN)/python -m bench.faults $(F)

.PHONY: faults-short
faults-short: $(STAMP) ## The same with every fault small, in minutes
	$(BIN)/python -m bench.faults --short --again --worlds 2 $(F)

.PHONY: requirements
requirements: $(STAMP) ## Pin the requirements anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes \
	  pyproject.toml -o requirements/base.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes \
	  --extra sandbox --extra test --extra lint pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes \
	  requirements/installer.in -o requirements/installer.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes \
	  --constraints requirements/dev.txt requirements/browser.in -o requirements/browser.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --generate-hashes \
	  --constraints requirements/dev.txt requirements/bench.in -o requirements/bench.txt

.PHONY: clean
clean: ## Remove what was installed and what caches left; the state of `make up` stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
