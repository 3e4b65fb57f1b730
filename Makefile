# The two commands that matter: `make run` starts a server for development, `make test` installs what the tests need and
# runs everything. CONTRIBUTING.md explains the others.

.PHONY: run build test unit check fuzz crash cluster soak kms clients browser deploy-check bench bench-quick image vuln clean

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 3s

run: build ## build and start `latchkey dev`
	./bin/latchkey dev

build: ## build bin/latchkey
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/latchkey ./cmd/latchkey

test: ## everything; CI runs this
	scripts/test
	@echo "all tests passed"

unit: ## the tests of the module, with the race detector
	scripts/need cc gcc libc6-dev
	scripts/need pg_ctlcluster postgresql
	$(GO) test -race ./...

check: ## vet and staticcheck
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	cd examples/mcp-server && $(GO) vet ./...

fuzz: ## every fuzz target for FUZZTIME
	FUZZTIME=$(FUZZTIME) scripts/fuzz

ROUNDS ?= 100

crash: ## kill the server, its store and PostgreSQL in the middle of writes, 100 times each; ROUNDS=1000 for more
	scripts/need pg_ctlcluster postgresql
	LATCHKEY_CRASH_ROUNDS=25 $(GO) test -count=1 -run Killed ./cmd/latchkey
	LATCHKEY_STORE_CRASH_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 60m -run Killed ./internal/store/sqlite
	LATCHKEY_PG_CRASH_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 60m -run Killed ./internal/store/postgres

cluster: ## three nodes and PostgreSQL with a standby under faults, a wrong clock and an upgrade
	scripts/need pg_ctlcluster postgresql
	LATCHKEY_CLUSTER_ROUNDS=2 LATCHKEY_CLUSTER_SECONDS=2 $(GO) test -count=1 -timeout 20m ./internal/cluster

SOAK ?= 5m

soak: ## half load for SOAK, and nothing may grow; SOAK=1h before a release
	scripts/need pg_ctlcluster postgresql
	LATCHKEY_SOAK=$(SOAK) nice $(GO) test -count=1 -timeout 0 -run Soak ./internal/soak

clients: ## real AWS SDKs against a real server
	test/clients/install.sh
	cd test/clients && $(GO) test -count=1 ./...

kms: ## root keys in AWS KMS, by moto, and in the transit engine of Vault
	LATCHKEY_MOTO=1 LATCHKEY_TRANSIT=1 $(GO) test -count=1 -run 'OfMoto|OfVault' ./internal/rootkey

browser: ## the pages in real Chromium
	test/browser/install.sh
	cd test/browser && $(GO) test -count=1 ./...

deploy-check: ## the files of deploy/, by the programs that read them
	test/deploy/install.sh
	cd test/deploy && $(GO) test -count=1 ./...
	cd deploy/container && $(GO) vet ./...

image: ## build/image: an OCI image layout for linux/amd64 and linux/arm64
	cd deploy/container && $(GO) run . -out ../../build/image -version $(VERSION) \
	  -revision "$(shell git rev-parse HEAD 2>/dev/null)" -created "$(shell git log -1 --format=%ct 2>/dev/null || echo 0)"

bench: ## measure against the floor, PostgreSQL and a peer; a quarter of an hour
	$(GO) run ./cmd/latchkey-bench

bench-quick: ## see that the benchmark works; judges nothing
	$(GO) run ./cmd/latchkey-bench --quick

vuln: ## known vulnerabilities; needs the Go vulnerability database
	$(GO) tool -modfile=tools/go.mod govulncheck ./...

clean:
	rm -rf bin artifacts
