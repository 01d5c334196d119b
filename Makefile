# Two commands: `make lab` opens the course, `make test` runs every test. ARGS= passes options on:
# make lab ARGS=--no-browser
# What these run can be typed where there is no make; the README says what.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: lab test test-kind lint bench docs site clean

lab: .venv/ready-learner
	$(BIN)/statelab lab $(ARGS)

test: .venv/ready-dev
	$(BIN)/python -m pytest $(ARGS)

# On a real kind cluster, made for this and deleted: needs Docker or Podman, kind, and some minutes (docs/kind.md).
test-kind: .venv/ready-dev
	STATELAB_TEST_KIND=$${STATELAB_TEST_KIND:-1} $(BIN)/python -m pytest -m kind $(ARGS)

lint: .venv/ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready-dev
	$(BIN)/python -m benchmarks $(ARGS)

docs: .venv/ready-docs
	$(BIN)/python docs/build.py

# The course as a static site, in build/site (docs/browser.md).
site: .venv/ready-site
	$(BIN)/statelab site --to build/site $(ARGS)

# What a learner needs; the tests and the site need more.
.venv/ready-%: pyproject.toml constraints.txt
	$(PYTHON) install.py $(filter-out learner,$*)

clean:
	rm -rf .venv build/docs build/site .pytest_cache .mypy_cache .ruff_cache .hypothesis
