# Every target sets up what it needs: .venv appears, and follows pyproject.toml. PYTHON=... names another interpreter.

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.installed
PYTHON ?= python3
COVERAGE := $(PY) -m coverage
SPREAD := -n auto --dist worksteal  # over the processors
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint type bench fuzz interop slow tests tests-fix tests-session tests-rest coverage format clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## create or refresh .venv

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "fixgw needs Python 3.11 or newer; '$(PYTHON)' is missing or older." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON)' has no working venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PY) -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## show the whole venue: trade, lose connections, hold everything against its ledger
	$(PY) -m fixgw demo

test: lint type tests coverage ## everything that has to hold: lint, types, layers, tests, coverage

lint: $(STAMP) ## ruff, its formatter, and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

type: $(STAMP) ## mypy --strict
	$(BIN)/mypy --strict

# Each test runs once. The pure rooms have to be covered in full by their own tests, so these run apart, and are
# not measured again while the others run: they are the code that runs most.
MEASURED := 'fixgw/fix/*,fixgw/session/*,fixgw/cli/*,*/__main__.py'
tests: tests-fix tests-session tests-rest

tests-fix: $(STAMP)
	rm -rf .coverage-data/fix
	COVERAGE_FILE=.coverage-data/fix/data $(COVERAGE) run --source=fixgw/fix -m pytest -q $(SPREAD) tests/fix
	COVERAGE_FILE=.coverage-data/fix/data $(COVERAGE) combine --quiet
	COVERAGE_FILE=.coverage-data/fix/data $(COVERAGE) report --include='fixgw/fix/*' --fail-under=100

tests-session: $(STAMP)
	rm -rf .coverage-data/session
	COVERAGE_FILE=.coverage-data/session/data $(COVERAGE) run --source=fixgw/session -m pytest -q $(SPREAD) tests/session
	COVERAGE_FILE=.coverage-data/session/data $(COVERAGE) combine --quiet
	COVERAGE_FILE=.coverage-data/session/data $(COVERAGE) report --include='fixgw/session/*' --fail-under=100

tests-rest: $(STAMP)
	rm -rf .coverage-data/rest
	COVERAGE_FILE=.coverage-data/rest/data $(COVERAGE) run --omit=$(MEASURED) -m pytest -q $(SPREAD) tests --ignore=tests/fix --ignore=tests/session
	COVERAGE_FILE=.coverage-data/rest/data $(COVERAGE) combine --quiet

coverage: tests
	COVERAGE_FILE=.coverage-data/all $(COVERAGE) combine --quiet --keep \
	  .coverage-data/fix/data .coverage-data/session/data .coverage-data/rest/data
	COVERAGE_FILE=.coverage-data/all $(COVERAGE) report --fail-under=95

slow: $(STAMP) ## what takes whole programs and seconds: every example, the benchmarks at work
	$(PY) -m pytest -q -m slow $(SPREAD) tests

bench: ## measure fixgw beside QuickFIX with TLS and simplefix; BENCH=--quick for a look
	PYTHON=$(PYTHON) bench/setup
	bench/.venv/bin/python -m bench --attempts 3 $(BENCH)

interop: ## run against QuickFIX and fixcore in both directions, over TLS where they have it
	PYTHON=$(PYTHON) interop/setup
	interop/.venv/bin/python -m interop $(INTEROP)

fuzz: ## guided fuzzing with atheris: make fuzz TARGETS="framer session" SECONDS=600; without TARGETS all
	PYTHON=$(PYTHON) tests/fuzz/setup
	var/fuzz/venv/bin/python -m tests.fuzz $(TARGETS) --seconds $(or $(SECONDS),60)

format: $(STAMP) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove everything that was made here
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage-data dist build var bench/.venv interop/.venv
