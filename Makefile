# Two commands: `make smoke` and `make test`. Both do all set-up; set-up is skipped when nothing changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup smoke test check docs lock clean
help:
	@echo "make smoke   run the richpanel pack against the embedded sandbox, end in a decision and a report"
	@echo "make test    lint, type check, import contract, drift check and the whole test suite"
	@echo "make check   the checks of make test without the test suite"
	@echo "make docs    write docs/reference.md anew from the commands' own help"
	@echo "make lock    write requirements.lock anew from pyproject.toml"
	@echo "make clean   remove the virtual environment and caches"

setup: $(STAMP)

$(STAMP): pyproject.toml requirements.lock scripts/make_venv.sh
	@sh scripts/make_venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

smoke: $(STAMP)
	$(BIN)/gonogo run richpanel --stage 1 --env sandbox

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/gonogo compile --check

test: check
	@sh scripts/get_prometheus.sh "$(VENV)"
	@sh scripts/get_browser.sh "$(VENV)"
	$(BIN)/python -m pytest tests -n 4 --dist worksteal

docs: $(STAMP)
	$(BIN)/python -m typer gonogo.cli.main utils docs --name gonogo --output docs/reference.md

lock: $(STAMP)
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --all-extras --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-options \
		--strip-extras --no-header --no-annotate --allow-unsafe --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
