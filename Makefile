PYTHON ?= python3
BIN := .venv/bin
ifeq ($(origin KAFKA),command line)
export ONENET_LOCAL_BROKER := $(KAFKA)
endif

# Three processes, since tests wait as much as they work; each with servers of its own; tests of one file stay together and share them, folder by
# folder, so that a folder's servers can end with it.
SIDE_BY_SIDE := --numprocesses 3 --dist loadfile --no-loadscope-reorder

# Compiled once, and not by each process of each run.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up test test-kafka test-containers chaos fuzz lint alerts bench clean constraints

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv/.local ## play the whole story on this machine, from two owners' sign-in to an empty cloud; KAFKA=apache
	@$(BIN)/onenet-local demo

up: .venv/.local ## keep the whole stack running until Ctrl-C; KAFKA=apache runs it on Apache Kafka
	@$(BIN)/onenet-local up

test: .venv/.dev ## all tests
	@$(BIN)/pytest $(SIDE_BY_SIDE)

# What ends otherwise than by failed tests has not run them all, so that AGAIN=1 has to.
test-kafka: export ONENET_LOCAL_BROKER := apache
test-kafka: .venv/.dev ## those that need a broker, on Apache Kafka; ONENET_TEST_KAFKA=host:port, AGAIN=1: those that failed
	@$(BIN)/pytest $(SIDE_BY_SIDE) $(if $(AGAIN),--last-failed) tests/e2e tests/integration \
		tests/local/test_apache_kafka.py tests/local/test_secured_kafka.py tests/local/test_topics_command.py || \
		{ code=$$?; test $$code -eq 1 || rm -f .pytest_cache/v/cache/lastfailed; exit $$code; }

test-containers: .venv/.dev ## the same, on the Kafka and PostgreSQL images of docker-compose.yml; needs Docker
	@$(BIN)/python -m tests.containers tests/integration
	@$(BIN)/python -m tests.containers tests/e2e

chaos: export ONENET_LOCAL_BROKER := apache
chaos: .venv/.dev ## kill and stop everything in turn while users work; SEED= CONNECTIONS= MINUTES=
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(CONNECTIONS),--connections $(CONNECTIONS)) \
		$(if $(MINUTES),--minutes $(MINUTES))

fuzz: CASES ?= 20000
fuzz: SEED ?= 1
fuzz: .venv/.dev ## made-up requests to the whole stack, by everybody who may come; CASES=20000 SEED=1; takes long
	@$(BIN)/python -m tests.fuzz --cases $(CASES) --seed $(SEED)

lint: .venv/.dev ## style, types, imports, published schemas
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy libs services deploy tests bench
	@$(BIN)/lint-imports
	@$(BIN)/python -m onenet_common.catalogue check
	@$(BIN)/python -m deploy.grafana check

alerts: ## check the alert rules and run their tests; needs promtool
	@command -v promtool >/dev/null || { echo "promtool is missing: the alert rules were NOT checked; on Debian: apt-get install prometheus" >&2; exit 1; }
	@promtool check rules deploy/prometheus/rules/*.yml
	@promtool test rules deploy/prometheus/tests/*.yml

bench: .venv/.dev ## speed and memory, as ratios of one run; KAFKA=apache QUICK=1 ONLY=throughput
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(addprefix --only ,$(ONLY))

clean: ## stop the stack, remove its data, the virtual environment and caches
	@if [ -x $(BIN)/onenet-local ]; then $(BIN)/onenet-local down --quiet && $(BIN)/onenet-local clean; fi
	@rm -rf .venv .onenet .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@rm -f bench.json bench.md chaos.json chaos.md
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

constraints: .venv/.dev ## pin what is installed now
	@$(BIN)/pip freeze --exclude-editable > constraints.txt

.venv/.local .venv/.dev: .venv/.%: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing what '$*' needs into .venv (once; about a minute)..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]'
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "OneNet needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
