# Two commands do all the set-up: `make run` and `make test`. `make quick` is the tests that need nothing, in a minute;
# `make check` is what a change must pass; `make docs` makes the documentation's site.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
DATA ?= .data
# Three processes run tests, a file each at a time, which keeps two cores busy: each often waits for servers and engines.
# `make test SPREAD=` runs one.
SPREAD ?= --numprocesses=3 --dist=loadfile --no-loadscope-reorder

# Unit and contract tests that ask nothing of the machine but Python: no network, no sandbox, no other program.
QUICK := tests/unit tests/contract -m "not (slow or network or sandbox or hub or browser or registry or podman)"

# Where byte code may not be written, each process that tests start compiles all anew: a third of their time.
test test-python quick check: export PYTHONDONTWRITEBYTECODE :=

# A Node from PyPI is in $(BIN), for where the machine has none.
test test-page test-python check: export PATH := $(PATH):$(CURDIR)/$(BIN)

.PHONY: run test test-page test-python quick check docs images cluster test-cluster lock audit clean
run: $(VENV)/.installed
	@$(BIN)/hubkiln up --data-dir $(DATA) $(ARGS)

# The page's own tests keep one core busy for a minute, in which the others wait for much: they run beside those.
test: $(VENV)/.installed-dev ui/node_modules
	@$(MAKE) --no-print-directory --jobs=$(if $(SPREAD),2,1) test-page test-python

test-page: ui/node_modules
	@rm -f $(VENV)/.page-passed
	@said=$$(cd ui && npm test --silent 2>&1); ended=$$?; echo "$$said"; exit $$ended
	@touch $(VENV)/.page-passed

test-python: $(VENV)/.installed-dev
	env -u MAKEFLAGS $(BIN)/pytest $(SPREAD) $(ARGS)

ui/node_modules:
	cd ui && npm ci --silent

quick: $(VENV)/.installed-dev
	$(BIN)/pytest $(SPREAD) $(QUICK) $(ARGS)

docs: $(VENV)/.installed-dev
	$(BIN)/sphinx-build -q -W --keep-going -c docs . .site
	@echo "The site is in .site/index.html"

check: $(VENV)/.installed-dev docs audit
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini tests
	$(BIN)/lint-imports
	cd ui && npm run check
	$(BIN)/pytest $(SPREAD) $(ARGS)

# What is locked is what is installed: every file by its hash, from whatever index the environment names (the lock says
# PyPI, `uv pip` goes by UV_DEFAULT_INDEX and the like). `make lock` renews the lock, and needs PyPI itself.
PYPI := --default-index https://pypi.org/simple
LOCKED = env -u UV_INDEX -u UV_EXTRA_INDEX_URL $(UV) export --quiet --locked --offline $(PYPI) --no-emit-project --no-header --no-annotate

$(VENV)/bin/uv: .ci/uv.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .ci/uv.txt
	@touch $@

$(VENV)/.installed: $(VENV)/bin/uv pyproject.toml uv.lock hatch_build.py $(shell find ui/src -type f 2>/dev/null)
	$(LOCKED) --no-default-groups -o $(VENV)/locked.txt || { echo "uv.lock does not fit pyproject.toml: run make lock" >&2; false; }
	$(LOCKED) --only-group build -o $(VENV)/build.txt
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(VENV)/locked.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --build-constraints $(VENV)/build.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(LOCKED) --extra conda --extra repo2docker --group dev -o $(VENV)/locked-dev.txt
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(VENV)/locked-dev.txt
	@touch $@

# For the chart's tests, which are skipped without it.
$(VENV)/bin/helm: .ci/helm $(VENV)/bin/uv
	$(BIN)/python .ci/helm $(BIN)
	@touch $@

# Our own images, without a container engine; `make images ARGS="--push quay.io/org/"` pushes them.
images: $(VENV)/.installed
	$(BIN)/python images/make.py $(ARGS)

# etcd and Kubernetes' API server, from source by Go, in minutes: what tests of the chart and of pods are held against.
# Without it they are skipped. `make test-cluster` runs all that concerns Kubernetes, our own images too, in minutes: it
# builds the other parts as well, and starts pods by a real kubelet over Debian's containerd, runc and CNI plugins; what
# enforces network policies there is kube-network-policies, a module of its own.
# HUBKILN_Z2JH=FOLDER names the chart of zero-to-jupyterhub (its folder `jupyterhub`), for the tests that render it, or
# install it on the node.
CLUSTER := tests/cluster/hubkiln-cluster
KUBERNETES := 1.34.4
VERSIONED := -X k8s.io/component-base/version.gitVersion=v$(KUBERNETES) -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34

cluster: $(CLUSTER)
$(CLUSTER): tests/cluster/main.go tests/cluster/go.mod tests/cluster/go.sum
	cd tests/cluster && go build -ldflags "-s -w $(VERSIONED)" -o hubkiln-cluster .

WHOLE := tests/cluster/hubkiln-node
$(WHOLE): tests/cluster/main.go tests/cluster/node.go tests/cluster/go.mod tests/cluster/go.sum
	cd tests/cluster && go build -tags node -ldflags "-s -w $(VERSIONED)" -o hubkiln-node .

POLICIES := tests/cluster/policies/hubkiln-policies
$(POLICIES): tests/cluster/policies/main.go tests/cluster/policies/go.mod tests/cluster/policies/go.sum
	cd tests/cluster/policies && go build -ldflags "-s -w" -o hubkiln-policies .

test-cluster: $(VENV)/.installed-dev $(VENV)/bin/helm $(CLUSTER) $(WHOLE) $(POLICIES)
	HUBKILN_TEST_IMAGES=1 HUBKILN_TEST_LONG=1 HUBKILN_TEST_NODE=1 $(BIN)/pytest tests/contract/test_chart.py tests/contract/test_kubespawner.py \
	  tests/integration/test_chart_installed.py tests/integration/test_kubespawner_started.py tests/integration/test_z2jh.py tests/integration/test_own_images.py tests/integration/test_step_images.py \
	  tests/integration/test_step_pods.py tests/integration/test_step_pods_built.py tests/integration/test_kubelet_hub.py tests/integration/test_kubelet_charts.py $(ARGS)

lock: $(VENV)/bin/uv
	$(UV) lock $(PYPI) $(ARGS)
	$(LOCKED) --only-group uv -o .ci/uv.txt

audit: $(VENV)/.installed-dev
	$(BIN)/python .ci/audit $(VENV)/locked-dev.txt ui

clean:
	rm -rf $(VENV) .site ui/node_modules src/hubkiln/hub/static
