# poco: `make demo` plays a market, `make test` runs every test. Each does its own set-up.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

# The first Python in range that really runs (a version manager may leave names that do not).
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
  $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$name && break; done)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# npm trusts the certificates that the system trusts; the lock file's hashes hold in any case.
SYSTEM_CERTIFICATES := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
LOCAL := export PATH="$(CURDIR)/$(BIN):$$PATH" APE_DATA_FOLDER="$(CURDIR)/$(VENV)/share/poco/ape" VIRTUAL_ENV="$(CURDIR)/$(VENV)";
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check install
SOLIDITY := contracts interfaces
PYTHON_SOURCES := src tests scripts benchmarks

.PHONY: help setup build test demo scenarios sdk-test lint fmt gas gas-update bench faults record lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(READY) ## prepare .venv and node_modules: locked Python and npm packages, compiler, local chain

build: $(READY) ## compile what changed, export the public contracts
	@$(LOCAL) python -m poco.toolchain build

test: build ## run every test
	@$(LOCAL) FOUNDRY_CONFIG=tests/forge/foundry.toml forge test
	@$(LOCAL) python -m pytest -q -p no:ape_test -n auto --dist loadfile --no-loadscope-reorder tests/unit tests/services tests/e2e
	@$(LOCAL) python tests/contracts

demo: build ## play a whole market on a fresh local chain
	@$(LOCAL) APE_FOUNDRY_HOST=auto ape run demo

scenarios: build ## show confidential computation on a fresh local chain
	@$(LOCAL) APE_FOUNDRY_HOST=auto ape run scenarios secrets

sdk-test: build ## try everything the official client can do on a local market (UPDATE=--update writes the table)
	@$(LOCAL) PYTHONPATH=tests python -m sdk $(UPDATE)

lint: $(READY) ## check style, types and formatting of Python and Solidity
	@$(LOCAL) ruff check $(PYTHON_SOURCES)
	@$(LOCAL) ruff format --check --quiet $(PYTHON_SOURCES)
	@$(LOCAL) mypy
	@$(LOCAL) forge fmt --check $(SOLIDITY)
	@$(LOCAL) node_modules/.bin/solhint --noPoster --max-warnings 0 'contracts/**/*.sol' 'interfaces/**/*.sol'

fmt: $(READY) ## format Python and Solidity
	@$(LOCAL) ruff check --fix --quiet $(PYTHON_SOURCES) || true
	@$(LOCAL) ruff format --quiet $(PYTHON_SOURCES)
	@$(LOCAL) forge fmt $(SOLIDITY)

gas: build ## measure gas on anvil and compare it with the reference and the snapshot
	@$(LOCAL) python -m benchmarks.gas && python -m benchmarks.breakdown > /dev/null

gas-update: build ## accept the gas as it is now, unless a target is missed
	@$(LOCAL) python -m benchmarks.gas --update && python -m benchmarks.breakdown --update

bench: build ## run the benchmarks
	@$(LOCAL) python -m benchmarks.gas
	@$(LOCAL) python -m benchmarks.breakdown
	@$(LOCAL) python -m benchmarks.orders
	@$(LOCAL) python -m benchmarks.execution
	@$(LOCAL) python -m benchmarks.throughput
	@$(LOCAL) python -m benchmarks.startup

faults: build ## kill processes of whole markets at random points and count losses
	@$(LOCAL) python -m benchmarks.faults

record: $(READY) ## accept the bytecode of the contracts as they are now
	@$(LOCAL) python -m poco.toolchain record

lock: $(READY) ## resolve the Python and npm versions again (needs uv)
	uv pip compile pyproject.toml --extra contracts --extra postgresql --extra s3 --group dev --universal --generate-hashes \
	  --python-version 3.11 --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements-dev.txt
	uv pip compile pyproject.toml --extra postgresql --extra s3 --group build --constraint requirements-dev.txt --universal --generate-hashes \
	  --python-version 3.11 --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements.txt
	uv pip compile --group node --universal --generate-hashes \
	  --python-version 3.11 --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements-node.txt
	npm install --package-lock-only

clean: ## remove what the targets above made, .venv and node_modules too
	rm -rf $(VENV) node_modules .build contracts/.cache src/poco/contracts/artifacts
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up, one stamp per step.

$(VENV)/.python: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo 'poco needs Python 3.11, 3.12 or 3.13 on PATH' >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; }; }
	@echo 'installing the locked Python packages'
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.package: pyproject.toml $(VENV)/.python
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.node: requirements-node.txt $(VENV)/.python
	@$(LOCAL) node -e 'process.exitCode = Number(parseInt(process.versions.node) < 20)' 2>/dev/null && npm --version >/dev/null \
	  || { echo 'installing Node into $(VENV)'; $(PIP) --require-hashes -r requirements-node.txt; }
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json .npmrc $(VENV)/.node
	@echo 'installing the locked npm packages'
	@$(LOCAL) export NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$(SYSTEM_CERTIFICATES)}"; npm ci --loglevel error --no-progress
	@touch $@

$(READY): $(VENV)/.package node_modules/.package-lock.json $(wildcard src/poco/toolchain/*.py src/poco/toolchain/*.cjs)
	@$(LOCAL) python -m poco.toolchain setup
	@touch $@
