# The whole workflow: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run test lint types unit backends format lock hooks clean

help: ## List the targets.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "error: Python 3.11, 3.12 or 3.13 is needed; name it: make PYTHON=python3.12 …"; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/cpu.installed: images/cpu.lock pyproject.toml | $(BIN)/python
	@echo "installing (hashes checked) …"
	$(PIP) --require-hashes -r images/cpu.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# Not in the lock: the CPU build has another hash and another index than the CUDA one.
TORCH := torch==2.13.0

$(VENV)/dev.installed: images/dev.lock $(VENV)/cpu.installed
	$(PIP) --require-hashes -r images/dev.lock
	$(PIP) $(TORCH)
	@touch $@

run: $(VENV)/cpu.installed ## Compare a tiny ALBERT and BERT on the built-in sample.
	$(BIN)/bakeoff run

test: lint types unit backends ## Everything that CI checks.

lint: $(VENV)/dev.installed ## Formatting, lint rules, import directions.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(VENV)/dev.installed ## Strict types.
	$(BIN)/mypy

unit: $(VENV)/dev.installed ## The tests, with coverage.
	$(BIN)/python -m pytest --cov --cov-report=term -n 2

backends: $(VENV)/dev.installed ## The encoders' parity and training on JAX too.
	KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 tests/encoders tests/train

format: $(VENV)/dev.installed ## Format the code and mend what can be mended.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/dev.installed ## Resolve the dependencies anew into images/*.lock.
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" \
	  --group build pyproject.toml --output-file images/cpu.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command "make lock" --constraint images/cpu.lock \
	  --group build --group dev pyproject.toml --output-file images/dev.lock

hooks: $(VENV)/dev.installed ## Install the pre-commit hooks.
	$(BIN)/pre-commit install

clean: ## Remove the environment and all results.
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
