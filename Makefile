# Two commands matter: `make demo` and `make test`. Both set up all they need in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := demo-brand
# As many tests at once as there are cores, each half a gigabyte; who is done early takes over from the other.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

.PHONY: demo test test-train test-cluster test-ray check bench format clean models dev install docs docs-serve dist lock test-streamlit pythons

## make demo: a bare machine -> seven new posts and a contact sheet.
demo: install models
	$(BIN)/feedsmith init $(DEMO) --settings demo/brand.toml
	$(BIN)/feedsmith import $(DEMO) demo/tall-tree-outfitters-export.zip --credits demo/credits.csv
	$(BIN)/feedsmith generate $(DEMO) --count 7 --seed 7

## make test: everything the tests need, then the tests.
test: dev models
	$(PYTEST)

## make test-train: with the train and diffusion extras (torch: 1.3 GB on disk), the tests that `make test` skips
## without them.
test-train: $(VENV)/.train models
	$(PYTEST) tests/test_caption_training.py tests/test_cli_train.py \
	  tests/test_gan_layers.py tests/test_gan_layout.py tests/test_gan_train.py tests/test_cli_train_images.py \
	  tests/test_images_diffusion.py

## make test-streamlit: with Streamlit (92 MB from the index, 300 MB on disk), the demo app in a real browser.
test-streamlit: $(VENV)/.streamlit models
	$(BIN)/python -m pytest tests/test_streamlit.py

## make test-cluster: with the cluster and train extras (ray: 650 MB more), the tests on a real Ray cluster
## of two nodes. Ray listens on every address; where the system lets us, it sees the loopback one alone.
CLUSTER := $(BIN)/python -m pytest -m full
ALONE = $(shell unshare --net ip link set lo up 2>/dev/null && echo "unshare --net")
test-cluster: $(VENV)/.cluster models
	$(ALONE) sh -c '$(if $(ALONE),ip link set lo up &&) exec $(CLUSTER) tests/test_cluster.py'

## make test-ray: with Ray's core alone (285 MB), the shortest of them: two nodes prepare what one process prepares.
test-ray: $(VENV)/.ray
	$(ALONE) sh -c '$(if $(ALONE),ip link set lo up &&) exec $(CLUSTER) tests/test_cluster.py -k "prepare_the_file or kills_its_worker_once"'

## make check: format, lint, types, import rules.
check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

## make bench: the full-size measurements behind docs/bench.md (minutes).
bench: dev models
	$(BIN)/python -m pytest -m full
	$(BIN)/python -m bench

## make docs: the documentation as a site in site/; make docs-serve: the same, to read while it is written.
docs: $(VENV)/.docs
	$(BIN)/python tools/reference.py
	$(BIN)/python tools/licences.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

docs-serve: $(VENV)/.docs
	$(BIN)/mkdocs serve --strict

## make dist: wheel and sdist in dist/, built twice and compared.
dist: dev
	$(BIN)/python tools/dist.py

## make pythons PYTHONS="python3.12 python3.13": the wheel installed and used on each of these.
PYTHONS ?= python3
pythons: dist
	$(BIN)/python tools/pythons.py $(PYTHONS)

## make lock: requirements.lock anew, from pyproject.toml and constraints.txt, with the index's hashes.
lock: dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	head -2 requirements.lock > requirements.lock.part
	$(BIN)/uv pip compile pyproject.toml --extra postgres --constraints constraints.txt --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet >> requirements.lock.part
	mv requirements.lock.part requirements.lock

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

models: install
	$(BIN)/feedsmith models fetch

install: $(VENV)/.installed
dev: $(VENV)/.dev

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Feedsmith needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.train: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,train,diffusion]'
	@touch $@

$(VENV)/.cluster: $(VENV)/.train
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,train,cluster]'
	@touch $@

$(VENV)/.ray: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt ray
	@touch $@

$(VENV)/.streamlit: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' streamlit
	@touch $@

$(VENV)/.docs: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO) build dist site .mypy_cache .ruff_cache .pytest_cache
