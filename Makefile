# make app    everything from nothing to the page in the browser, on the built-in demo shop
# make help   the other targets

VENV  ?= .venv
DEMO  := models/demo
LOCK_FLAGS = $(UPGRADE) --quiet --universal --generate-hashes --no-strip-extras \
              --no-emit-index-url --no-emit-find-links --no-header --no-annotate

BIN := $(abspath $(VENV))/bin
# The run-time lock holds no build tool, so the package is used from src/ and not installed.
RUN := PYTHONPATH=$(CURDIR)/src $(BIN)/python -m buysignal

.DEFAULT_GOAL := help
.PHONY: help app demo test lint format bench docs mlflow lock sbom wheel clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

app: $(DEMO)/manifest.json  ## install, train on the demo shop if needed, open the app
	$(RUN) app

demo: $(DEMO)/manifest.json  ## simulate the demo shop and train on it

# A quick training, so that a newcomer sees the page within 90 seconds; the app trains at leisure.
$(DEMO)/manifest.json: demo/events.parquet
	$(RUN) train demo/events.parquet --fast --imbalance none --no-track --out $(DEMO)

demo/events.parquet: | $(VENV)/.run
	$(RUN) demo --visitors 5000 --days 28 --seed 0 --out demo

# Each process has a core of its own: threads that wait for one another there cost more than they bring.
test: $(VENV)/.dev  ## all tests; BUYSIGNAL_DATA=FOLDER adds those on the real data sets
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev  ## style, types and import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev  ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## run every benchmark, print one table of their results; LARGE=1 adds 100 million events
	@$(BIN)/python benchmarks/_run.py $(if $(LARGE),--large)

# The theme's makers advertise a successor on every run.
docs: $(VENV)/.dev  ## build the site into site/, any warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

mlflow: $(VENV)/.dev  ## look at the tracked training runs
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db

lock: $(VENV)/.dev  ## write all locks from pyproject.toml; UPGRADE=--upgrade for newer versions
	$(BIN)/uv pip compile pyproject.toml --extra app $(LOCK_FLAGS) -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev -c requirements.txt $(LOCK_FLAGS) \
	  -o requirements-dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra app --extra api --extra stream -c requirements-dev.txt $(LOCK_FLAGS) \
	  -o requirements-serve.txt

sbom: $(VENV)/.dev  ## write the bill of materials of the image's lock to sbom.cdx.json
	$(BIN)/python scripts/sbom.py requirements-serve.txt sbom.cdx.json

wheel: $(VENV)/.dev  ## build the wheel into dist/
	$(BIN)/python -m hatchling build -t wheel

clean:  ## remove environments, demo files and caches (not your own models or runs)
	rm -rf .venv demo $(DEMO) dist build site
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The development lock contains the run-time lock, so either environment can open the app.
$(VENV)/.run: requirements.txt
	@echo "Installing what the app needs into $(VENV) ..."
	@scripts/make-venv $(VENV) requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml
	@echo "Installing what development needs into $(VENV) ..."
	@scripts/make-venv $(VENV) requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@touch $@ $(VENV)/.run
