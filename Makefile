# The two commands that matter are `make run` and `make test`; `make help` lists all.
SHELL := /bin/bash
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: run test lint format bench screenshots help

run: ## start the portal with its demonstration (PORT=8000, DATABASE_URL=postgres://…)
	@scripts/run.sh || [ $$? = 130 ] # Ctrl-C is the usual end

test: ## run everything: SQLite, PostgreSQL, real browsers
	@scripts/test.sh

lint: ## check style, types, templates, layers, migrations and the production settings
	@scripts/prepare.sh requirements-dev.txt && scripts/lint.sh

format: ## put code and templates into their usual form
	@scripts/prepare.sh requirements-dev.txt
	@$(PYTHON) -m ruff format . && $(PYTHON) -m ruff check --fix --quiet .
	@git ls-files 'templates/*.html' | xargs .venv/bin/djade --target-version 5.2

bench: ## measure what the portal promises about speed (SMALL=1: a tenth of the city)
	@SMALL=$(SMALL) scripts/bench.sh

screenshots: ## take the pictures of README.md and docs/ anew
	@scripts/prepare.sh requirements-dev.txt
	@SCREENSHOTS=docs/screenshots $(PYTHON) -m pytest tests/browser -m screenshots -p no:randomly

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
