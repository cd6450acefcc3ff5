# Three verbs: make run, make test, make check. Everything else is the `suhe` command.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# The tests run in so many processes, a file of tests never in two of them.
WORKERS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run setup test check lock web format servers clean

help:
	@echo "make run    build the environment and start the whole county on this machine"
	@echo "make test   build the environment, start real servers, run the tests"
	@echo "make check  format, lint, types, import rules"

run: $(VENV)/.county $(VENV)/.chain
	@$(BIN)/python hatch_build.py >/dev/null
	@exec $(BIN)/suhe up --demo

setup: $(VENV)/.dev

test: $(VENV)/.dev $(VENV)/.chain servers
	@$(BIN)/python hatch_build.py >/dev/null
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# On Debian as root the real servers are installed, their own start suppressed; elsewhere this is a no-op.
servers:
	@sh tests/install_servers.sh

# Web assets are built by the packaging hook when they are missing; this builds them again.
web: $(VENV)/.county
	$(BIN)/python hatch_build.py --force

lock:
	sh requirements/lock.sh

clean:
	rm -rf $(VENV) dashboards/static dashboards/web/node_modules simulators/chain/node_modules

$(VENV)/.venv:
	@test -n "$(PYTHON)" || { echo "Suhe needs Python 3.11 or newer with venv (Debian: apt install python3 python3-venv; macOS: brew install python)."; exit 1; }
	@echo "building the environment in $(VENV) (once; a few minutes on a slow line)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.county: $(VENV)/.venv requirements/county.txt requirements/build.txt pyproject.toml hatch_build.py
	@$(PIP) -r requirements/build.txt -r requirements/county.txt
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-build-isolation --no-deps -e .
	@touch $@

# The demo's and the tests' development chain. Without it everything else runs, and says that nothing is anchored.
$(VENV)/.chain: $(VENV)/.county simulators/chain/package-lock.json simulators/chain/install.py
	@$(BIN)/python simulators/chain/install.py && touch $@ || echo "the development chain was not fetched: nothing is anchored until it is"

$(VENV)/.dev: $(VENV)/.county requirements/dev.txt
	@$(PIP) -r requirements/dev.txt
	@touch $@
