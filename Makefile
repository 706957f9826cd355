# One place for every daily command; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MARKS ?= not network and not slow and not gpu and not browser

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all bench check format clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp makes a second call do nothing until a dependency changes.
$(VENV)/.stamp: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned packages into $(VENV) (once, a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(VENV)/.stamp  ## virtual environment, pinned packages, editable install

demo: setup  ## fine-tune MiniLM on CoNLL-2003 for one epoch and print its scores
	@$(BIN)/clozelab train experiment=demo

test: setup  ## the fast tests, without a network
	@$(BIN)/python -m pytest -n auto -m '$(MARKS)'

test-all: setup  ## every test this machine can run
	@$(BIN)/python -m pytest -n auto -m 'not gpu'

bench: setup  ## NER training speed against the HF Trainer, in alternating rounds
	@$(BIN)/python -m clozelab.bench

check: setup  ## format, lint, types, fast tests
	@$(BIN)/ruff format --check src tests
	@$(BIN)/ruff check src tests
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: setup  ## mend format and imports
	@$(BIN)/ruff format src tests
	@$(BIN)/ruff check --fix src tests

clean:  ## remove the virtual environment and everything generated but outputs/
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +
