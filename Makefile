# The one front door. Needs Python >= 3.11 and make; everything else is set up here.
PYTHON ?= python3
BIN := .venv/bin
# Tests run from the checkout; the archive of a run must never be world-readable, whatever the umask.
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export GX_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

.PHONY: help demo test tests-alone test-nights test-services test-browser front-door check bench soak mutants golden update audit clean
help:
	@echo "make demo          the whole job on a sandbox tenant and directory; reports under data/demo/"
	@echo "make test          what needs Python only, in minutes"
	@echo "make test-nights   whole nights and services at the command line, killed and interrupted; Python only too"
	@echo "make test-services what needs Debian or npm parts, or waits for minutes; as root"
	@echo "make test-browser  the report and the review in Chromium"
	@echo "make check         ruff, mypy --strict, import-linter"
	@echo "make bench         figures beside their floors and peers; make bench night: whole nights"
	@echo "make soak          slow depth: long fuzzing, many kills, other people's SCIM servers (needs npm, or root)"
	@echo "make mutants       a sample of small faults put into the code: does a test notice? takes hours"
	@echo "make golden        write the golden reports anew (then read the diff)"
	@echo "make front-door    set up from nothing with the oldest and the newest pip"
	@echo "make update        renew the pins and say what changed"
	@echo "make audit         ask for known vulnerabilities in what is pinned"

.venv/run.done: requirements/run.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ rm -rf .venv; echo "Trueup needs Python 3.11 to 3.14; say which with make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Setting up .venv (a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

.venv/test.done: requirements/test.txt .venv/run.done
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/test.txt
	@$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

demo: .venv/run.done
	@$(BIN)/trueup demo --folder data/demo

# The checks use one core: beside the tests, so that the other is not idle meanwhile.
test: .venv/test.done
	@$(MAKE) --no-print-directory -j 2 check tests-alone

tests-alone: .venv/test.done
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m "not browser and not soak and not services and not nights"

test-nights: .venv/test.done
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m "nights and not soak"

front-door:
	requirements/front_door.sh 22.3 $(PYTHON)
	requirements/front_door.sh newest $(PYTHON)

# pytest ends with 5 when it collected tests and none is marked: nothing to run is not a fault.
test-services: .venv/test.done front-door
	tests/end_to_end/debian.sh
	$(BIN)/python -m pytest -m services -p no:randomly --timeout 900

test-browser: .venv/test.done
	tests/browser/chromium.sh
	$(BIN)/python -m pytest -m browser -p no:randomly tests/browser

check: .venv/test.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv-peer/done: requirements/peer.txt
	@test -x .venv-peer/bin/python || $(PYTHON) -m venv .venv-peer
	@.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/peer.txt
	@.venv-peer/bin/python -m pip check --disable-pip-version-check
	@touch $@

# Some of them with e.g. make bench night; sizes with e.g. TRUEUP_BENCH_NIGHTS=1000 make bench night.
BENCHES := $(filter $(basename $(notdir $(wildcard tests/bench/*.py))),$(MAKECMDGOALS))
bench: .venv/test.done .venv-peer/done
	$(BIN)/python -m tests.bench $(BENCHES)
ifneq ($(filter bench,$(MAKECMDGOALS)),)
.PHONY: $(BENCHES)
$(BENCHES): ;@:
endif

# Other people's SCIM servers, on node and in an environment of their own.
.venv-foreign/done: tests/foreign/install.sh
	@PYTHON=$(PYTHON) tests/foreign/install.sh
	@touch $@

soak: .venv/test.done .venv-foreign/done
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m soak --timeout 3600

# More with e.g. make mutants MUTANTS="--sample 1000 --only planning".
mutants: .venv/test.done
	$(BIN)/python -m tests.mutants $(MUTANTS)

golden: .venv/test.done
	TRUEUP_WRITE_GOLDEN=1 $(BIN)/python -m pytest tests/golden

# Tools that are not part of the product live in an environment of their own.
.venv-update/done: requirements/update.in
	@test -x .venv-update/bin/python || $(PYTHON) -m venv .venv-update
	@.venv-update/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/update.in
	@touch $@

update: .venv-update/done
	@.venv-update/bin/python requirements/update.py

audit: .venv-update/done
	@.venv-update/bin/python requirements/audit.py

clean:
	rm -rf .venv .venv-peer .venv-update .venv-foreign build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
