# Each target does its own set-up in .venv: a bare machine needs Python >= 3.11, venv and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
# Where bytecode may not be kept, each command compiles all that it loads anew: seconds of CPU.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test suite one cover profile check test-peers test-slow test-browser test-dask test-cluster bench torture calibrate check-contracts lock figures picture wheel-test test-docs docs clean

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hpobench needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[train]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(VENV)/.installed  ## the default study, to its figures and report
	$(BIN)/hpobench run
	$(BIN)/hpobench plot default
	$(BIN)/hpobench report default

check: $(VENV)/.installed-dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Slow libraries, and those in environments of their own, have a target of their own.
test: $(VENV)/.installed-dev  ## style, types, tests: what CI runs
	$(MAKE) --no-print-directory -j2 check suite

suite: $(VENV)/.installed-dev  ## the tests alone
	HPOBENCH_PEERS=build/no-peers OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n auto

one: $(VENV)/.installed-dev  ## some tests: make one T=tests/loop/test_simulator.py, or T='tests/loop -k ties'
	@test -n "$(T)" || { echo "which tests? make one T=tests/loop/test_simulator.py"; exit 1; }
	HPOBENCH_PEERS=build/no-peers OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python -m pytest $(T)

cover: $(VENV)/.installed-dev  ## what share of each room the tests reach (T: those tests only); build/coverage/index.html
	HPOBENCH_PEERS=build/no-peers OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n auto --cov --cov-report=html --cov-report=json $(T)
	$(BIN)/python -m tests.coverage_by_room build/coverage.json

profile: $(VENV)/.installed-dev  ## where a small study spends its time (S='method=tpe task=phoneme seeds=3': that one)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench.profiled $(S)

test-peers: $(VENV)/.installed-dev  ## all tests of peers; their environments are made first: gigabytes
	$(BIN)/hpobench peers install $(notdir $(basename $(wildcard methods/peers/requirements/*.txt)))
	HPOBENCH_SLOW_TESTS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n auto tests/methods/peers tests/differential

test-slow: $(VENV)/.installed-dev  ## those marked as slow: simulations of statistics, a thousand workers
	HPOBENCH_SLOW_TESTS=1 HPOBENCH_PEERS=build/no-peers OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python -m pytest -n auto -m slow

test-browser: $(VENV)/.installed-dev  ## the report page in headless Chromium, which is installed if it is missing
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null \
		|| apt-get install --yes --no-install-recommends chromium chromium-driver \
		|| { echo "install Chromium and its driver first: apt-get install chromium chromium-driver"; exit 1; }
	@mkdir -p build/axe && cd build/axe && test -f package/axe.min.js \
		|| { npm pack --silent axe-core@4.14.1 && tar xzf axe-core-*.tgz; } \
		|| echo "axe-core could not be fetched (npm): what it checks is left out"
	$(BIN)/python -m pytest tests/browser

build/dask/.installed: $(VENV)/.installed-dev constraints.txt
	$(PIP) --upgrade --target build/dask distributed
	@touch $@

test-dask: build/dask/.installed  ## real runs on Dask, which is installed beside the project
	PYTHONPATH=build/dask $(BIN)/python -m pytest tests/real/test_engines.py

test-cluster: $(VENV)/.installed-dev  ## clusters that are real: Dask, network namespaces, SLURM (root; minutes)
	$(PIP) -e '.[cluster]'
	@command -v slurmctld >/dev/null || apt-get install --yes --no-install-recommends slurmctld slurmd slurm-client munge
	HPOBENCH_CLUSTER_TESTS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python -m pytest tests/cluster tests/real/test_engines.py

bench: $(VENV)/.installed-dev  ## speed and memory, as ratios
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench

torture: $(VENV)/.installed-dev  ## attacks on what is stored and what runs, counted
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.torture

# Any build of torch will do, so that neither it nor what is built for it has a hash.
lock:  ## hashes of what the peers' environments are made of, anew; needs uv (pip install uv)
	for file in methods/peers/requirements/*.txt; do \
		uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate \
			--no-emit-package torch --no-emit-package torchvision --python-version 3.11 \
			$$file --output-file $${file%.txt}.lock >/dev/null || exit 1; \
	done

calibrate: $(VENV)/.installed-dev  ## coverage and false alarms of what is printed: docs/calibration.md
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.bench.calibrate

check-contracts: $(VENV)/.installed-dev  ## hpobench check of all that is shipped and installed (T: those names only)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.contracts $(T)

wheel-test: $(VENV)/.installed-dev  ## wheel and sdist are built, installed without extras in an environment of their own, and used
	$(BIN)/python -m tests.wheel

test-docs: $(VENV)/.installed-dev  ## all code of the documentation, its long commands too
	HPOBENCH_SLOW_TESTS=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/test_docs.py

docs: $(VENV)/.installed-dev  ## the documentation as a site, in build/site
	$(PIP) -e '.[docs]'
	$(BIN)/python -m tests.site

figures: $(VENV)/.installed-dev  ## all pictures of README and docs, from stated studies (P='anytime report': those)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.draw_pictures $(P)

picture: $(VENV)/.installed-dev  ## docs/rooms.svg, from the imports
	$(BIN)/python -m tests.draw_rooms

clean:
	rm -rf $(VENV) build *.egg-info .coverage* .hypothesis .mypy_cache .ruff_cache .pytest_cache
