# Every target does its own set-up; a machine needs python3 (3.11 or newer) with venv, git and make.
#
#   PYTHON      the Python that makes the environment     make test PYTHON=python3.12
#   TORCH_ARGS  more arguments for installing PyTorch, such as the index of another build
#   PYTEST_ARGS more arguments for pytest                 make test PYTEST_ARGS="-k layers"

PYTHON ?= python3
TORCH_ARGS ?=
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test faults soak lint clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## watch a rendered video from end to end; writes demo/report.html
	@$(BIN)/videoxl-stream demo

test: lint ## lint, type check, then every test
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

faults: $(INSTALLED) ## kill, stop, fill and garble everything there is, 12 minutes; writes build/faults.json
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults

soak: $(INSTALLED) ## a day of footage, as fast as the machine takes it; writes build/soak.json
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.soak

lint: $(INSTALLED) ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean: ## remove everything that these targets made, the environment too
	rm -rf $(VENV) build dist demo htmlcov .coverage .coverage.* *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# PyTorch goes first and alone, so that the wanted build is in place before anything else asks for any build.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "videoxl-stream needs Python 3.11 or newer; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV); the first time takes a few minutes."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt $(TORCH_ARGS) torch setuptools
	@$(PIP) install --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@
