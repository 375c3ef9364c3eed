# Everything starts here. `make` alone lists the verbs; ARGS="…" is passed on where it says so.
# Needs: Python 3.11 or later, Java 17 or later, Maven, make.

SHELL := /bin/sh
PYTHON = $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-oidc faults breakages bench check contracts lock clean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is needed into the checkout (.venv and Kafka's jars), nothing else
	@py="$(PYTHON)"; test -n "$$py" || { \
		echo "make setup: no Python 3.11 or later found: install one (Debian, Ubuntu: apt-get install python3 python3-venv)" >&2; \
		exit 2; }; "$$py" -m localstack.install

demo: setup ## A municipality's year through the whole installation [ARGS=--once: ends by itself]
	@.venv/bin/kaa demo $(ARGS)

test: setup ## All tests [ARGS: passed on to pytest]
	@.venv/bin/python -m pytest -n auto --dist loadfile --ignore tests/oidc $(ARGS)

test-oidc: setup ## Login through a real Keycloak, which Maven fetches the first time (170 MB) [ARGS: passed on to pytest]
	@.venv/bin/python -m localstack.keycloak
	@.venv/bin/python -m pytest tests/oidc $(ARGS)

faults: setup ## Every kind of fault, many times; writes docs/faults.md [ARGS: passed on; --help lists them]
	@.venv/bin/python -m tests.faults $(ARGS)

breakages: setup ## Breaks a copy of the code on purpose; tests must notice; writes docs/breakages.md [ARGS=WORD: some]
	@.venv/bin/python -m tests.faults.breakages $(ARGS)

bench: setup ## The benchmarks, each against a reference of the same run [ARGS: passed on]
	@.venv/bin/python -m benchmarks $(ARGS)

check: setup ## Format, lint, types and the import rules between the rooms
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

contracts: setup ## Write the JSON Schemas and the AsyncAPI document anew from contracts/
	@.venv/bin/python -m contracts.generate

LOCK = .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate -q

lock: setup ## Write requirements.lock, and the image's part of it in deploy/, anew from pyproject.toml
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(LOCK) --extra dev -o requirements.lock
	@$(LOCK) --constraint requirements.lock -o deploy/requirements.lock

clean: ## Stop the local stack and remove all that was made here, .venv and data included
	@if test -x .venv/bin/kaa; then .venv/bin/kaa local down --forget && \
		KAA_HOME="$(CURDIR)/.kaa/demo" .venv/bin/kaa local down --forget; fi
	@rm -rf .venv .kaa out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
