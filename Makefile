# Driftcast. Bare `make` prints this help.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export CGO_ENABLED ?= 0

CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/driftcast
LINT    := $(CACHE)/bin/golangci-lint-2.15.0
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZ    ?= 10s
PLUGINS ?= $(HOME)/.local/bin
UI      := api/ui/dist/index.html
UI_SRC  := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)

.PHONY: help build install-plugin run test test-short cluster e2e lint race fuzz bench bench-go cover ui clean
help: ## print this help
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: $(UI) ## build ./driftcast, web page included
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o driftcast ./cmd/driftcast

install-plugin: build ## link ./driftcast as kubectl-driftcast into PLUGINS (default ~/.local/bin), so that "kubectl driftcast" works
	mkdir -p $(PLUGINS) && ln -sf $(CURDIR)/driftcast $(PLUGINS)/kubectl-driftcast
	@command -v kubectl-driftcast >/dev/null || echo "$(PLUGINS) is not in your PATH: kubectl will not find it there" >&2

run: build ## build and start the demo on loopback: a simulated GPU cluster, nothing else needed
	./driftcast demo

test: $(UI) ## every test that passes on a laptop (Go and web)
	go vet ./...
	go test -timeout 25m ./...
	cd web && npm test --silent

test-short: ## the quick ones
	go test -short ./...

cluster: ## build the control plane and Helm that e2e starts: 9-12 min once, then nothing
	go run ./internal/cluster/prepare

e2e: $(UI) build cluster ## the tests against a real control plane, Prometheus, Alertmanager and Chromium (Debian packages; see .ci/run)
	go test -count=1 -p 1 -timeout 40m -tags e2e ./internal/cluster ./internal/e2e/...

lint: $(LINT) ## golangci-lint
	$(LINT) run ./...
$(LINT):
	mkdir -p $(@D) && GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 && mv $(@D)/golangci-lint $@

race: ## tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -short -race -timeout 40m ./...

fuzz: ## every fuzz target for FUZZ=10s
	@for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | awk '{print $$2}'); do \
	    echo "fuzz $$dir $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) -fuzzminimizetime 1s $$dir; done; done

bench: ## the tables of accuracy: every model beside naive on every recording under DRIFTCAST_DATA (BENCH=flags, see go run ./internal/bench -h)
	go run ./internal/bench $(BENCH)

bench-go: ## Go benchmarks of speed and memory
	go test -run '^$$' -bench . -benchmem ./...

cover: ## coverage by package
	go test -short -coverprofile=coverage.out ./... && go tool cover -func=coverage.out | tail -1

ui: $(UI) ## build the web page into api/ui/dist
$(UI): $(UI_SRC)
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm run build --silent

clean: ## remove what was built (not ./data)
	rm -rf driftcast api/ui/dist web/node_modules coverage.out
