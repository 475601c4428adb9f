# `make help` lists the targets. Every target may be called from a fresh clone.

SHELL := /bin/bash
ARGS ?=

# One configuration of flags per build, so that no target ever rebuilds another's work. The release binaries carry
# Swift's runtime in them: they start faster and can be copied to a machine without Swift.
CHECKS  := --explicit-target-dependency-import-check error
DEBUG   := $(CHECKS)
RELEASE := -c release --static-swift-stdlib $(CHECKS)
SOURCES  = $(shell find Package.swift Shared Services Tests Tools Benchmarks -name '*.swift' -not -path '*/Generated/*')

.DEFAULT_GOAL := help
.PHONY: help build run test test-swift test-interop test-end-to-end test-containers bench bench-client bench-scaling fuzz generate
.PHONY: bench-compaction format lint clean setup setup-test documents

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

build: setup ## Build every executable for release into .build/release
	swift build $(RELEASE)

run: build ## Build and run the whole line in one process: make run ARGS="--replay DIR --speed max --data DIR"
	.build/release/signalbox up --config config/embedded.toml $(ARGS)

test: setup-test ## Run every test: Swift, real Kafka clients, the executables, the pages; ends with "N passed, N failed"
	@Tools/Setup/test.sh "$(DEBUG)" "$(RELEASE)"

test-swift: setup ## Run the Swift tests alone: make test-swift ARGS="--filter KafkaWireTests"
	swift build --build-tests $(DEBUG)
	swift test --skip-build --disable-xctest $(DEBUG) $(ARGS)

test-interop: setup-test build ## Run the real Kafka clients against the release broker: ARGS goes to pytest
	.venv/bin/pytest -c Tests/pytest.ini Tests/Interop $(ARGS)

test-end-to-end: setup-test build ## Run the release executables from outside: ARGS goes to pytest
	.venv/bin/pytest -c Tests/pytest.ini Tests/EndToEnd $(ARGS)

test-containers: ## Run docker-compose.yml on a container engine started for it (root; installs docker.io)
	Tools/Setup/install.sh containers
	Tests/EndToEnd/compose.sh

fuzz: setup ## Fuzz every decoder with libFuzzer: make fuzz SECONDS=60 TARGET=log-folder
	Tools/Fuzz/fuzz.sh "$(SECONDS)" "$(TARGET)"

bench: setup-test build ## Measure the broker through kcat and print it beside Apache Kafka: ARGS="--scale 0.1"
	.venv/bin/python Tools/Bench/bench.py $(ARGS)

bench-client: setup-test build ## Measure KafkaClient beside kcat on one broker: ARGS="--scale 0.2 --rounds 3"
	.venv/bin/python Benchmarks/client.py $(ARGS)

bench-scaling: setup-test build ## Measure what partitions and long logs cost: ARGS="--only partitions"
	.venv/bin/python Tools/Bench/scaling.py $(ARGS)

bench-compaction: setup-test build ## Measure compaction and what it costs a producer: ARGS="--records 1000000"
	.venv/bin/python Tools/Bench/compaction.py $(ARGS)

generate: setup ## Write Shared/KafkaMessages/Generated anew from the definitions
	swift run $(DEBUG) ProtocolGenerator $(ARGS)

documents: setup ## Write the tables in docs/ anew: which APIs are served, which settings there are
	swift build --build-tests $(DEBUG)
	WRITE_DOCUMENTS=1 swift test --skip-build --disable-xctest $(DEBUG) --filter 'ProtocolSupportTests|BrokerSettingTests'

format: ## Format the Swift sources in place
	swift format format --in-place --parallel $(SOURCES)

lint: ## Check the format of the Swift sources
	swift format lint --strict --parallel $(SOURCES)

clean: ## Remove what building and testing made; .venv stays
	rm -rf .build

setup:
	@Tools/Setup/install.sh build

setup-test:
	@Tools/Setup/install.sh test
