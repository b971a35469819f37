# `make demo` and `make test` do all the set-up; both are quick when it is there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
WRITER := $(VENV)/.ready-docs
TESTS  ?= tests

.PHONY: demo test rounding lint bench docs docs-build pages book wheel clean

demo: $(READY)
	$(BIN)/gankit train cgan digits --minutes 2 --out runs/demo
	@echo
	@echo "pictures: runs/demo/grid.png (one class a column) and runs/demo/timeline.gif (the film)"
	@echo "the run:  runs/demo"

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -q $(TESTS)

rounding: $(READY)
	$(BIN)/python tools/check_rounding.py $(ROUNDING)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/scaling.py

# The site, on localhost:8000; after a change to a page, `make pages` in another terminal.
docs: pages
	$(BIN)/zensical serve

docs-build: pages
	$(BIN)/python tools/check_docs.py
	$(BIN)/python tools/run_book.py --check
	$(BIN)/zensical build --clean --strict
	$(BIN)/python tools/check_site.py build/site

pages: $(WRITER)
	$(BIN)/python tools/stage_pages.py

# Runs every chapter, and writes nothing; BOOK=--write puts the new pictures and outputs into the pages.
book: $(WRITER)
	$(BIN)/python tools/run_book.py $(BOOK)

wheel: $(READY)
	$(BIN)/python -m build --wheel --outdir dist

clean:
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache .mypy_cache

# torch first and by itself: with its version pinned, nothing else can bring another build of it.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet torch
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --editable ".[track,evaluate,onnx,efficientnet,serve,hub,notebook,gym]" --group dev
	touch $(READY)

$(WRITER): $(READY)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --group docs
	touch $(WRITER)
