# Two commands do all the set-up: `make run` and `make test`. `make quick` is the tests that need nothing, in a minute;
# `make check` is what a change must pass; `make docs` makes the documentation's site.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
DATA ?= .data
# Two processes run tests, a file each at a time, the long ones first; `make test TWO=` runs one.
TWO ?= --numprocesses=2 --dist=loadfile --no-loadscope-reorder

# Unit and contract tests that ask nothing of the machine but Python: no network, no sandbox, no other program.
QUICK := tests/unit tests/contract -m "not (slow or network or sandbox or hub or browser or registry or podman)"

# A Node from PyPI is in $(BIN), for where the machine has none.
test check: export PATH := $(PATH):$(CURDIR)/$(BIN)

.PHONY: run test quick check docs clean
run: $(VENV)/.installed
	@$(BIN)/hubkiln up --data-dir $(DATA) $(ARGS)

test: $(VENV)/.installed-dev
	cd ui && { [ -d node_modules ] || npm ci --silent; } && npm test --silent
	$(BIN)/pytest $(TWO) $(ARGS)

quick: $(VENV)/.installed-dev
	$(BIN)/pytest $(TWO) $(QUICK) $(ARGS)

docs: $(VENV)/.installed-dev
	$(BIN)/sphinx-build -q -W --keep-going -c docs . .site
	@echo "The site is in .site/index.html"

check: $(VENV)/.installed-dev docs
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd ui && npm run check
	$(BIN)/pytest $(TWO) $(ARGS)

$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.installed: $(VENV)/bin/uv pyproject.toml hatch_build.py $(shell find ui/src -type f 2>/dev/null)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[conda,repo2docker]' --group dev
	@touch $@

clean:
	rm -rf $(VENV) .site ui/node_modules src/hubkiln/hub/static
