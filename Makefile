# Every target makes what it needs in .venv; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install fmt check test slow demo bench receipts clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(BIN)/codex-py: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "codex_py needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

install: $(BIN)/codex-py ## make .venv with the project and the developers' tools

fmt: install ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: install ## formatting, lint and strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: install ## the tests (a few minutes)
	$(BIN)/python -m pytest

slow: install ## also the tests that take minutes
	$(BIN)/python -m pytest -m "slow"

demo: install ## one real task, one-shot and full-auto, on a small repository
	$(BIN)/python docs/demo/demo.py

bench: install ## the benchmarks against the scripted model server
	$(BIN)/python benchmarks/steps.py

receipts: install ## precision and recall of the receipts on labelled messages
	$(BIN)/python benchmarks/receipts.py

clean: ## remove what the targets made
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache
