# `make` alone lists the targets. Each sets up what it needs (tools/setup.sh) and starts at once
# when nothing is missing.

# Debian and Homebrew keep Mosquitto where an ordinary user's PATH doesn't look.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin

SIM_OPTIONS = $(if $(NODES),--nodes '$(NODES)') $(if $(DURATION),--duration '$(DURATION)') \
	$(if $(BROKER),--broker '$(BROKER)') $(if $(WORLD),--world '$(WORLD)') $(if $(VM),--vm)
BUILD_OPTIONS = $(if $(BOARD),--board '$(BOARD)') $(if $(CONFIG),--config '$(CONFIG)') \
	$(if $(LAYOUT),--layout '$(LAYOUT)') $(if $(OUT),--out '$(OUT)')
FACTORY_OPTIONS = $(BUILD_OPTIONS) $(if $(MICROPYTHON),--micropython '$(MICROPYTHON)') \
	$(if $(SHA256),--sha256 '$(SHA256)') $(if $(NVS),--nvs '$(NVS)')
FLASH_OPTIONS = $(if $(PORT),--port '$(PORT)') $(if $(BOARD),--board '$(BOARD)') \
	$(if $(IMAGE),--image '$(IMAGE)') $(if $(ERASE),--erase)
DEPLOY_OPTIONS = $(if $(PORT),--port '$(PORT)') $(if $(BOARD),--board '$(BOARD)') \
	$(if $(CONFIG),--config '$(CONFIG)') $(if $(DRY_RUN),--dry-run)
VBOARD_OPTIONS = $(if $(FOLDER),'$(FOLDER)') $(if $(BOARD),--board '$(BOARD)') \
	$(if $(CONFIG),--config '$(CONFIG)') $(if $(WORLD),--world '$(WORLD)')
# A name mistyped on make's command line would be a run with the defaults.
SIM_TAKES = NODES DURATION BROKER WORLD VM
BUILD_TAKES = BOARD CONFIG LAYOUT OUT
FACTORY_TAKES = $(BUILD_TAKES) MICROPYTHON SHA256 NVS
FLASH_TAKES = PORT BOARD IMAGE ERASE
DEPLOY_TAKES = PORT BOARD CONFIG DRY_RUN
VBOARD_TAKES = FOLDER BOARD CONFIG WORLD
DRIVER_CHECK_TAKES = DRIVER BOARD
HIL_TAKES = PORT BOARD ARGS
GIVEN = $(foreach name,$(.VARIABLES),$(if $(findstring command line,$(origin $(name))),$(name)))
UNKNOWN = $(filter-out $(1) NO_APT PYTHON PIP_%,$(GIVEN))
refuse_unknown = $(if $(call UNKNOWN,$(1)),$(error make $@ takes $(1), not $(call UNKNOWN,$(1))))

.PHONY: help setup sim build factory flash deploy vboard sensors driver-check test test-hil conformance lint bench size \
	lock clean

help:
	@echo "Fieldpost. Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "Each sets up what is missing: Python packages in .venv, and Mosquitto with apt where allowed"
	@echo "(root or passwordless sudo; NO_APT=1 forbids it)."

setup: ## Set up everything that the others need
	@sh tools/setup.sh all

sim: ## Run simulated nodes against a broker: NODES=3 DURATION=seconds BROKER=host:port WORLD=file VM=1
	$(call refuse_unknown,$(SIM_TAKES))
	@BROKER='$(BROKER)' VM='$(VM)' sh tools/setup.sh sim
	@exec .venv/bin/python -IS tools/foreground.py .venv/bin/fieldpost sim $(SIM_OPTIONS)

build: ## Make a board's file system: BOARD=name CONFIG=file LAYOUT=ota OUT=folder
	$(call refuse_unknown,$(BUILD_TAKES))
	@sh tools/setup.sh build
	@exec .venv/bin/fieldpost build $(BUILD_OPTIONS)

factory: ## Make all of a board's flash: as build, MICROPYTHON=image SHA256=sum NVS=file
	$(call refuse_unknown,$(FACTORY_TAKES))
	@sh tools/setup.sh build
	@exec .venv/bin/fieldpost factory $(FACTORY_OPTIONS)

flash: ## Write what factory made onto a board: PORT=device BOARD=name IMAGE=folder ERASE=1
	$(call refuse_unknown,$(FLASH_TAKES))
	@sh tools/setup.sh build
	@exec .venv/bin/python -IS tools/foreground.py .venv/bin/fieldpost flash $(FLASH_OPTIONS)

deploy: ## Bring the application onto a board: PORT=port BOARD=name CONFIG=file DRY_RUN=1
	$(call refuse_unknown,$(DEPLOY_TAKES))
	@sh tools/setup.sh build
	@exec .venv/bin/python -IS tools/foreground.py .venv/bin/fieldpost deploy $(DEPLOY_OPTIONS)

vboard: ## Run a virtual board with a serial port: CONFIG=file BOARD=name FOLDER=its folder WORLD=file
	$(call refuse_unknown,$(VBOARD_TAKES))
	@sh tools/setup.sh vboard
	@exec .venv/bin/python -IS tools/foreground.py .venv/bin/fieldpost vboard start $(VBOARD_OPTIONS)

sensors: ## Write the page of the sensors, docs/sensors.md, out of what the drivers declare
	@sh tools/setup.sh build
	@exec .venv/bin/fieldpost drivers --page docs/sensors.md

driver-check: ## Put drivers through the mill: DRIVER='sht4x my.py' (default all) BOARD=name
	$(call refuse_unknown,$(DRIVER_CHECK_TAKES))
	@sh tools/setup.sh vboard
	@exec .venv/bin/python -IS tools/foreground.py .venv/bin/fieldpost driver-check $(or $(DRIVER),--all) $(if $(BOARD),--board '$(BOARD)')

# On several cores at once: most tests wait for a board or a broker.
test: ## Run all tests: ARGS='-k topic' goes to pytest
	@sh tools/setup.sh test
	@exec .venv/bin/pytest -n auto --maxprocesses 4 $(ARGS)

test-hil: ## Run the board tests on a real board: PORT=/dev/ttyUSB0 BOARD=name
	$(call refuse_unknown,$(HIL_TAKES))
	$(if $(PORT),,$(error make test-hil needs a board: PORT=/dev/ttyUSB0, maybe BOARD=esp32_s3))
	@sh tools/setup.sh lint
	@HIL_PORT='$(PORT)' HIL_BOARD='$(BOARD)' exec .venv/bin/pytest tests/hil $(ARGS)

conformance: ## Show each statement of MQTT 3.1.1, the tests that cover it, and how they end
	@sh tools/setup.sh test
	@.venv/bin/python tools/conformance.py

lint: ## Check style and types
	@sh tools/setup.sh lint
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/basedpyright
	.venv/bin/basedpyright -p pyrightconfig.board.json

bench: ## Measure the MQTT library beside its peers, nodes and boards: ARGS='--only rate --verbose'
	@sh tools/setup.sh bench
	@.venv/bin/python bench/compare.py $(ARGS)
	@$(if $(filter --only% --help -h,$(ARGS)),,.venv/bin/python bench/nodes.py)
	@$(if $(filter --only% --help -h,$(ARGS)),,.venv/bin/python bench/boards.py)
	@$(if $(filter --only% --help -h,$(ARGS)),,.venv/bin/python bench/readings.py)

size: ## Print the compiled sizes against their limits
	@sh tools/setup.sh lint
	@.venv/bin/python bench/size.py

clean: ## Remove what set-up and runs made
	rm -rf build .venv .setup.lock .pytest_cache .ruff_cache .hypothesis
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# For maintainers: pins anew, with hashes, what pyproject.toml's dependencies bring in. One lock
# serves every platform and Python; test.txt contains vboard.txt, that build.txt, that sim.txt.
COMPILE = .venv/bin/uv pip compile -q --universal --python-version 3.10 --generate-hashes \
	--config-file requirements/uv.toml --custom-compile-command 'make lock' pyproject.toml
COMPILE_BENCH = .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--config-file requirements/uv.toml --custom-compile-command 'make lock' --group bench

lock:
	@sh tools/setup.sh lint
	.venv/bin/python -I -m pip install -q uv==0.13.9
	$(COMPILE) --upgrade -o requirements/sim.txt
	$(COMPILE) --upgrade -c requirements/sim.txt --extra test -o requirements/test.txt
	$(COMPILE) --upgrade -c requirements/test.txt --extra build -o requirements/build.txt
	$(COMPILE) --upgrade -c requirements/test.txt --extra vboard -o requirements/vboard.txt
	$(COMPILE) --upgrade -c requirements/sim.txt --extra broker -o requirements/broker.txt
	$(COMPILE_BENCH) --upgrade -o requirements/bench.txt
