# The whole workflow: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run test test-docker lint types unit coverage backends kills images pipelines benchmark format lock licences audit hooks clean

help: ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "error: Python 3.11, 3.12 or 3.13 is needed; name it: make PYTHON=python3.12 …"; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/cpu.installed: images/cpu.lock pyproject.toml | $(BIN)/python
	@echo "installing (hashes checked) …"
	$(PIP) --no-deps --require-hashes -r images/cpu.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

IMAGE := encoder-bakeoff-python
# `make images GPU_ARGS='--build-arg LOCK=images/cpu.lock'` builds the train image without CUDA.
GPU_ARGS :=
# BUILD_ARGS='--build-arg BASE_IMAGE=python@sha256:…' pins the base by digest.
BUILD_ARGS :=
BUILD = docker build $(BUILD_ARGS) --build-arg REVISION=$(shell git describe --always --dirty 2>/dev/null || echo unknown)

# Not in the lock: the CPU build has another hash and another index than the CUDA one.
TORCH := torch==2.13.0

$(VENV)/dev.installed: images/dev.lock $(VENV)/cpu.installed
	$(PIP) --no-deps --require-hashes -r images/dev.lock
	$(PIP) $(TORCH)
	@touch $@

run: $(VENV)/cpu.installed ## Compare a tiny ALBERT and BERT on the built-in sample.
	$(BIN)/bakeoff run

test: lint types unit backends ## All checks but those that need Docker.
	@echo "left out: the tests marked docker (make test-docker runs them) and gpu"

test-docker: images $(VENV)/dev.installed ## The tests that need a Docker Engine, on freshly built images.
	$(BIN)/python -m pytest -m docker

lint: $(VENV)/dev.installed ## Formatting, lint rules, import directions.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/hadolint images/Dockerfile Dockerfile.gpu

types: $(VENV)/dev.installed ## Strict types.
	$(BIN)/mypy

# Two processes test at once, and each step is one more: more threads only wait for each other.
unit coverage backends kills test-docker: export OMP_NUM_THREADS ?= 1

unit: $(VENV)/dev.installed ## The tests.
	$(BIN)/python -m pytest -m "not docker and not gpu" -n 2 --dist worksteal

coverage: $(VENV)/dev.installed ## The tests, and the lines that none of them runs.
	$(BIN)/python -m pytest -m "not docker and not gpu" --cov --cov-report=term -n 2 --dist worksteal

# Of the tests of whole trainings, which take long to compile there, those whose code is a backend's own.
ON_JAX := tests/encoders $(filter-out %_step.py %_checkpoints.py,$(wildcard tests/train/test_*.py)) \
  tests/train/test_step.py::test_the_same_seed_gives_the_same_weights \
  tests/train/test_step.py::test_training_starts_from_a_checkpoint_and_proves_it \
  tests/train/test_checkpoints.py::test_it_may_be_stopped_again_and_again

# PyTorch compiles nothing.
ON_TORCH := tests/encoders tests/train

backends: $(VENV)/dev.installed ## The encoders' parity and training on JAX and PyTorch too.
	KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 --dist worksteal $(ON_JAX)
	KERAS_BACKEND=torch $(BIN)/python -m pytest -n 2 --dist worksteal $(ON_TORCH)

kills: $(VENV)/dev.installed ## Kill steps at 20 random moments and begin them again, and tell of each.
	$(BIN)/python -m pytest -n 2 -rP tests/test_kills.py

images: ## Build the CPU image and the train image.
	$(BUILD) --file images/Dockerfile --tag $(IMAGE):cpu .
	$(BUILD) --file Dockerfile.gpu $(GPU_ARGS) --tag $(IMAGE):gpu .

pipelines: $(VENV)/dev.installed ## Compile the pipelines anew into pipelines/*.yaml.
	for pipeline in albert-vs-bert leaderboard; do \
	  $(BIN)/bakeoff compile --pipeline $$pipeline --output pipelines/$$pipeline.yaml && \
	  $(BIN)/bakeoff compile --pipeline $$pipeline --platform vertex \
	    --output pipelines/$$pipeline-vertex.yaml || exit; \
	done

# Peers beside what is locked. keras-hub's TensorFlow Text would bring a second TensorFlow.
$(VENV)/benchmark.installed: $(VENV)/dev.installed
	echo tensorflow-text | $(BIN)/uv pip install --quiet --python $(BIN)/python --group benchmark \
	  --constraints images/dev.lock --excludes /dev/stdin
	@touch $@

# ARGS='--peers all --batch-sizes 16,64 --rounds 3' measures everything, in some hours.
benchmark: $(VENV)/benchmark.installed ## Speed beside other ways, in tables (some 30 minutes).
	$(BIN)/python -m benchmarks.speed --output runs/speed.md $(ARGS)
	$(BIN)/python -m benchmarks.tokenization

format: $(VENV)/dev.installed ## Format the code and mend what can be mended.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

LOCK = $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" --group build pyproject.toml
CUDA = --constraint images/cpu.lock --python-platform x86_64-manylinux_2_28

lock: $(VENV)/dev.installed ## Resolve the dependencies anew into images/*.lock.
	$(LOCK) --universal --output-file images/cpu.lock
	$(LOCK) --universal --constraint images/cpu.lock --group dev --output-file images/dev.lock
	echo tensorflow-cpu | $(LOCK) $(CUDA) --extra gpu-tensorflow --excludes /dev/stdin \
	  --output-file images/gpu-tensorflow.lock
	$(LOCK) $(CUDA) --extra gpu-jax --output-file images/gpu-jax.lock

licences: $(VENV)/cpu.installed ## Write the list of the locked packages' licences anew.
	$(BIN)/python images/licences.py > images/licences.md.partial
	mv images/licences.md.partial images/licences.md

audit: $(VENV)/dev.installed ## Ask the database of the package index for known weaknesses of what is locked.
	for lock in images/*.lock; do \
	  $(BIN)/uv tool run pip-audit --strict --no-deps --disable-pip --requirement $$lock || exit; \
	done

hooks: $(VENV)/dev.installed ## Install the pre-commit hooks.
	$(BIN)/pre-commit install

clean: ## Remove the environment and all results.
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
