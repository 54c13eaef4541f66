# The targets that people type are those that .ci/run calls.

.DEFAULT_GOAL := help
.PHONY: help build plugin run test race lint fmt parity bench bench-once bench-peers bench-ci bench-ci-save

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/harness (the first time takes a minute or two)
	go build -o bin/ ./harness

plugin: build ## install the XLA CPU plugin into the user's cache, unless there is one
	bin/harness backend install cpu

run: plugin ## build, install the plugin and run the quickstart (about three minutes)
	bin/harness run configs/quickstart.yaml

test: plugin ## run all tests
	go vet ./...
	go test -timeout 20m ./...

# The packages that start goroutines, but for tests that load XLA's plugin: the detector aborts such a process at its end.
race: ## run the tests of the concurrent packages under the race detector
	go test -race -short -timeout 20m ./harness/internal/backend ./harness/internal/compare ./harness/internal/dataset ./harness/internal/launch ./harness/internal/store/... ./harness/internal/web/...

lint: ## check formatting, go vet and staticcheck
	@unformatted=$$(gofmt -l $(wildcard harness models schedulers metrics)); \
		test -z "$$unformatted" || { echo "not formatted (make fmt does it):"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go tool staticcheck ./...

fmt: ## format all code
	gofmt -w $(wildcard harness models schedulers metrics)

parity: plugin ## train 300 steps on MNIST and compare with PyTorch's losses (an hour or more)
	go test ./harness/internal/train -run TestParity -parity -timeout 3h -v

BENCHMARKED = $(sort $(dir $(shell grep -rl '^func Benchmark' --include='*_test.go' harness metrics models schedulers)))

bench: plugin ## run all Go benchmarks; those of harness bench say their ratio to a fixed amount of work (half an hour)
	go test -run xxx -bench . -timeout 2h $(BENCHMARKED:%=./%)

bench-once: plugin ## run every benchmark once at a small size: do they still work?
	go test -run xxx -bench . -benchtime 1x -short -timeout 10m $(BENCHMARKED:%=./%)

PYTHON ?= python3

bench-peers: plugin ## measure against other programs; the last lines are ratios (an hour; torch, diffusers and the trackers are installed by pip)
	$(PYTHON) harness/internal/speed/peers/peers.py

bench-ci: plugin ## train the benchmark's variants and hold them against runs/baselines/ci.json (ten minutes)
	test -n "$$HARNESS_DATA_DIR" || bin/harness data fetch mnist
	bin/harness --store runs/ci/harness.db sweep configs/sweeps/ci.yaml
	bin/harness --store runs/ci/harness.db sweep check ci --baseline runs/baselines/ci.json --out runs/ci

bench-ci-save: plugin ## the same, but save what comes out as the baseline
	test -n "$$HARNESS_DATA_DIR" || bin/harness data fetch mnist
	bin/harness --store runs/ci/harness.db sweep configs/sweeps/ci.yaml
	bin/harness --store runs/ci/harness.db sweep check ci --baseline runs/baselines/ci.json --save
