# make run   sets everything up and starts the server;  make test  sets everything up and runs all tests.
# The first time takes a minute or two, later ones install nothing. PYTHON=python3.12 chooses another interpreter.

PYTHON ?= python3
BIN := .venv/bin
SETUP := PYTHON="$(PYTHON)" scripts/setup.sh
SOURCES := .
.DEFAULT_GOAL := help
.PHONY: help run test browser lint format lock messages front bench clean

help: ## This list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/make \1\t\2/' | expand -t 14

run: ## Set everything up, load the demo the first time, start the server
	@$(SETUP) runtime
	@$(SETUP) languages
	@$(SETUP) front
	@DEMO=$$(scripts/setup.sh demo-default) exec $(BIN)/python manage.py run

test: ## Set everything up and run the whole test suite; ARGS="-k name" passes options to pytest
	@$(SETUP) dev
	@$(SETUP) languages
	@$(SETUP) front
	@$(BIN)/python -m pytest -n $${TEST_PROCESSES:-2} $(ARGS)

browser: ## Set everything up and test the pages in Debian's Chromium; ARGS="-k name" passes options to pytest
	@$(SETUP) dev
	@$(SETUP) languages
	@$(SETUP) front
	@$(BIN)/python -m pytest browser $(ARGS)

lint: ## Style, types and import contracts
	@$(SETUP) dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports

format: ## Put the sources into one style
	@$(SETUP) dev
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

lock: ## Compile the pins: requirements*.in into requirements*.txt, for Python 3.11 and newer, with hashes
	@$(SETUP) dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url requirements-dev.in -o requirements-dev.txt

messages: ## Take the texts that are marked for translation into locale/, where they wait for words
	@$(SETUP) dev
	$(BIN)/python manage.py translations

front: ## Build the pages' scripts and styles into static/dist/
	@$(SETUP) front

bench: ## Run the benchmarks; each prints its figures beside a baseline
	@$(SETUP) dev
	@$(SETUP) languages
	@$(SETUP) front
	@for file in benchmarks/*.py; do case $$file in */__init__.py|*/_*) continue;; esac; \
		echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean: ## Remove what set-up made (.venv, node_modules, built files); the data under var/ stays
	rm -rf .venv node_modules static/dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
