PYTHON ?= $(shell command -v python3.11 || command -v python3)
STUDIO_HOME ?= studio-data
OFFLINE_BACKBONE := $(STUDIO_HOME)/backbones/HuggingFaceTB--SmolLM2-135M-Instruct
BIN := .venv/bin
export STUDIO_HOME

.PHONY: run test test-families test-ray test-rented test-s3 check clean

run: .venv/installed  ## start the studio on http://127.0.0.1:7860
	@$(BIN)/python -m lamp.hub.offline $(OFFLINE_BACKBONE)
	@exec $(BIN)/python app.py

test: check .venv/test-tools  ## everything: style, types, import rules, unit, integration and browser tests
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder --durations=15

test-families: .venv/installed-dev  ## families of models that compute as others in the matrix do: a minute
	$(BIN)/python -m pytest -m relatives tests/unit/test_families.py

test-ray: .venv/test-tools  ## runs on a real Ray cluster of two nodes: minutes
	$(BIN)/pip install -r requirements-ray.txt
	$(BIN)/python -m pytest -m ray tests/ray

test-s3: .venv/test-tools  ## files in a bucket of an S3 server, also for a Ray cluster whose nodes share no folder: minutes
	$(BIN)/pip install -r requirements-s3.txt -r requirements-ray.txt -r tests/s3/requirements.txt
	$(BIN)/python -m pytest -m s3 tests/s3
	S3_NODES=1 $(BIN)/python -m pytest -m ray tests/ray

test-rented: .venv/test-tools  ## runs on rented machines, which a small Hub plays: minutes
	$(BIN)/python -m pytest -m rented tests/rented

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo  # its cache does not always see that a file has changed

.venv/installed: requirements.txt requirements-offline.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -r requirements.txt
	$(BIN)/pip install --no-deps -r requirements-offline.txt
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/pip install -r requirements-dev.txt
	touch $@

.venv/test-tools: .venv/installed-dev tests/install-tools.sh
	bash tests/install-tools.sh
	touch $@

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
