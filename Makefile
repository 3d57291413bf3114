# Each target does all of its own set-up: it needs Python 3.11 or newer and a package index.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The plain name takes a build with CUDA; name a CPU build where the index has one.
TORCH ?= torch>=2.6
READY := $(VENV)/.ready
# Processes that share the tests.
WORKERS ?= 2
# The newest transformers 5, which has no Flax, with torch.
HF5 ?= $(VENV)-hf5
# The lock holds tested versions for the Python that runs; other Pythons take the ranges.
LOCK := requirements-lock-$(shell $(PYTHON) -c 'import sys; print("py%d%d" % sys.version_info[:2])').txt
CONSTRAINTS := $(if $(wildcard $(LOCK)),-c $(LOCK),)

.PHONY: quickstart test test-slow test-faults test-hf test-export test-no-tensorflow docs notebooks \
	fuzz audit licences lint format lock clean

quickstart: $(READY)
	$(BIN)/python main.py --config=configs/quickstart.py --workdir=runs/quickstart

test: $(READY) lint
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not faults and not fuzz and not gpu and not tpu" \
		--ignore=tests/hf --ignore=tests/export

test-slow: $(READY)
	$(BIN)/python -m pytest -m "slow and not fuzz and not gpu and not tpu" --ignore=tests/hf --ignore=tests/export

# Real runs and tools, killed, starved and damaged (docs/reliability.md); 20 minutes on two cores.
test-faults: $(READY)
	$(BIN)/python -m pytest -m faults tests/faults

# Against the torch classes of transformers: a process of its own, because TensorFlow and
# torch do not get on in one.
test-hf: $(READY)
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pytest -m "hf and not slow" tests/hf

# Exports, loaded by strangers: transformers 4.57 is in the environment of the tests, with
# torch and Flax, and a fresh process there imports nothing of ours; 5 has its own.
test-export: $(READY) $(HF5)/.ready
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	TRANSFORMER_LM_HF4_PYTHON=$(abspath $(BIN)/python) \
	TRANSFORMER_LM_HF5_PYTHON=$(abspath $(HF5)/bin/python) \
	$(BIN)/python -m pytest -m "export and not slow" tests/export

$(HF5)/.ready:
	test -x $(HF5)/bin/python || $(PYTHON) -m venv $(HF5)
	$(HF5)/bin/python -m pip install --quiet "$(TORCH)" "transformers>=5" \
		fugashi ipadic unidic-lite tinysegmenter
	touch $@

# In an environment of its own where TensorFlow is not installed.
BARE := .venv-no-tensorflow
test-no-tensorflow:
	test -x $(BARE)/bin/python || $(PYTHON) -m venv $(BARE)
	grep -vE '^(tensorflow|clu|importlib-resources)' requirements.txt > $(BARE)/requirements.txt
	$(BARE)/bin/python -m pip install --quiet -r $(BARE)/requirements.txt "pytest>=8" pytest-timeout $(CONSTRAINTS)
	! $(BARE)/bin/python -c 'import tensorflow' 2>/dev/null
	$(BARE)/bin/python -m pytest tests/train/test_without_tensorflow.py

# Coverage-guided fuzzing of every reader; its time, and counts by reader at the end.
FUZZ_SECONDS ?= 600
fuzz: $(READY)
	$(BIN)/python -m pip install --quiet "atheris>=3"
	TRANSFORMER_LM_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -s -m fuzz tests/fuzz

# Known vulnerabilities of the locked versions; says so where no service can be asked.
AUDIT := .venv-audit
audit:
	test -x $(AUDIT)/bin/pip-audit || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet pip-audit
	$(AUDIT)/bin/python .ci/audit.py $(AUDIT)/bin/pip-audit $(wildcard requirements-lock-*.txt)

# Writes docs/licences.md from what is installed.
licences: $(READY)
	$(BIN)/python -m tests.licences

# The site, in an environment of its own: every link and anchor must lead somewhere.
DOCS := .venv-docs
docs: $(DOCS)/.ready
	$(DOCS)/bin/mkdocs build --strict

$(DOCS)/.ready: requirements-docs.txt
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet -r requirements-docs.txt
	touch $@

# Executes the notebooks, with few steps.
notebooks: $(READY)
	$(BIN)/python -m pip install --quiet nbclient ipykernel "$(TORCH)"
	$(BIN)/python -m pytest -m "slow or not slow" tests/docs/test_notebooks.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes the versions that are installed now as the tested ones for this Python.
lock: $(READY)
	$(BIN)/python -m pip freeze --exclude-editable --exclude transformer-lm > $(LOCK)

$(READY): requirements.txt pyproject.toml $(wildcard $(LOCK))
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev,corpora,ja]" $(CONSTRAINTS)
	touch $(READY)

clean:
	rm -rf $(VENV) $(HF5) $(BARE) $(DOCS) $(AUDIT) runs site build dist
