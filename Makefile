# Each target sets up what it needs by itself: a virtual environment in .venv and the packages.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto
PORT ?= 4100
MINUTES ?= 10

.PHONY: run test test-slow test-all check format bench bench-growth bench-soak clean

run: $(VENV)/.run  ## serve the demo tenant
	$(BIN)/python -m mockidp serve --port $(PORT)

test: $(VENV)/.dev  ## every test but the long suites
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-slow: $(VENV)/.clients  ## the long suites: every official SDK, and browsers
	$(BIN)/python -m pytest -n $(JOBS) -m slow

test-all: test test-slow  ## both

check: $(VENV)/.dev  ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -p no:randomly tests/test_architecture.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.run  ## mockidp beside its peers: benchmarks/RESULTS.md, within 15 minutes
	$(BIN)/python -m benchmarks.run

bench-growth: $(VENV)/.bench  ## by users and by connections: benchmarks/GROWTH.md
	$(BIN)/python -m benchmarks.growth

bench-soak: $(VENV)/.bench  ## MINUTES of load: benchmarks/SOAK.md
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	touch $@

$(VENV)/.clients: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[clients]'
	touch $@

$(VENV)/.bench: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) benchmarks/.peers dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
