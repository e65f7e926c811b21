# Everything here needs only python3 (3.11 or later) and make; the rest comes from the lock files.
# `make` alone tells what there is.

PYTHON  ?= python3
WORKERS ?= 2
BIN     := .venv/bin
READY   := .venv/ready
PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
BENCH   ?= relay network

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format stubs baseline bench lock wheel clean
MAKEFLAGS += --no-print-directory

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(READY) ## Make .venv with everything from requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Yidi needs Python 3.11 or later; name one with: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || { echo "== making .venv"; $(PYTHON) -m venv .venv; }
	@echo "== installing the locked packages into .venv (a minute, the first time)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Start a small network on this machine and settle a visit across it
	@$(BIN)/yidi demo

test: lint ## Lint, then every test; a test file alone: .venv/bin/pytest tests/...
	@echo "== pytest, $(WORKERS) at a time"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(READY) ## Style, types, layers, the contract, the Dockerfile
	@echo "== ruff: style and layout"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "run: make format"; exit 1; }
	@echo "== mypy: types"
	@$(BIN)/mypy --no-error-summary
	@echo "== lint-imports: layers"
	@$(BIN)/lint-imports --no-logo >.lint-imports.log 2>&1 || { cat .lint-imports.log; exit 1; }
	@echo "== buf: the contract, and that it breaks nobody"
	@cd protos && ../$(BIN)/buf lint && ../$(BIN)/buf format --diff --exit-code
	@cd protos && ../$(BIN)/buf breaking --against baseline.binpb
	@echo "== the table of errors in docs/errors.md"
	@$(BIN)/python docs/build_errors.py --check
	@echo "== hadolint: Dockerfile"
	@$(BIN)/hadolint Dockerfile

format: $(READY) ## Lay out Python and protos as lint wants them
	@$(BIN)/ruff check --fix --quiet; $(BIN)/ruff format --quiet
	@cd protos && ../$(BIN)/buf format --write

stubs: $(READY) ## Generate protos/python from the contract
	@$(BIN)/python protos/generate.py

baseline: $(READY) ## At a release: later changes of the contract must not break this one
	@cd protos && ../$(BIN)/buf build --exclude-source-info --output baseline.binpb
	@echo "wrote protos/baseline.binpb"

bench: $(READY) ## The measurements: make bench, or make bench BENCH=relay
	@for what in $(BENCH); do $(BIN)/yidi bench $$what || exit 1; done

# Resolves anew within the bounds of pyproject.toml. Locks carry hashes for every platform and name no index.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --no-config

lock: $(READY) ## Renew the lock files
	@$(PIP) install uv
	@$(LOCK) --output-file requirements.lock pyproject.toml --group dev
	@$(LOCK) --output-file requirements-runtime.lock pyproject.toml
	@$(LOCK) --output-file requirements-build.lock --group build
	@echo "wrote requirements.lock, requirements-runtime.lock, requirements-build.lock"

wheel: $(READY) ## Build dist/yidi-*.whl
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist . && ls dist

clean: ## Remove everything that can be made again
	@rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .lint-imports.log
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
