# Everything runs in .venv, which the first command makes. PYTHON chooses the interpreter: make test PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: site serve test lowest lint bench clean

site: .venv/ready
	$(BIN)/digest build

serve: .venv/ready
	$(BIN)/digest serve $(ARGS)

test: site .venv/ready-test
	$(BIN)/python -m pytest -n 2 $(ARGS)

# The same tests with the oldest libraries that pyproject.toml allows.
lowest: .venv-lowest/ready
	.venv-lowest/bin/python -m pytest -n 2 $(ARGS)

lint: .venv/ready-lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/ready
	$(BIN)/python -m tests.bench $(ARGS)

clean:
	rm -rf .venv .venv-lowest .digest
	git clean -fdXq output

.venv/bin/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

.venv/ready: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/ready-test: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group test
	touch $@

LOWEST = import tomllib; asked = tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]; \
	print(*[each.replace(">=", "==") for each in asked if ">=" in each])

.venv-lowest/ready: pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check $$($(PYTHON) -c '$(LOWEST)') --editable .
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --group test
	touch $@

.venv/ready-lint: .venv/ready-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group lint
	touch $@
