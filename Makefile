# Two commands: `make lab` opens the course, `make test` runs every test. ARGS= passes options on:
# make lab ARGS=--no-browser
# What these run can be typed where there is no make; the README says what.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: lab test test-kind lint bench docs clean

lab: .venv/ready
	$(BIN)/statelab lab $(ARGS)

test: .venv/ready
	$(BIN)/python -m pytest $(ARGS)

# On a real kind cluster, made for this and deleted: needs Docker or Podman, kind, and some minutes (docs/kind.md).
test-kind: .venv/ready
	STATELAB_TEST_KIND=$${STATELAB_TEST_KIND:-1} $(BIN)/python -m pytest -m kind $(ARGS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready
	$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/docs
	$(BIN)/python docs/build.py

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "StateLab needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev,kubectl]'
	touch .venv/ready

.venv/docs: .venv/ready
	$(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	touch .venv/docs

clean:
	rm -rf .venv build/docs .pytest_cache .mypy_cache .ruff_cache .hypothesis
