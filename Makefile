# The two commands that matter: `make run` starts a server for development, `make test` installs what the tests need and
# runs everything. CONTRIBUTING.md explains the others.

.PHONY: run build test unit check fuzz crash clients browser bench bench-quick vuln clean kms

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 10s

run: build ## build and start `latchkey dev`
	./bin/latchkey dev

build: ## build bin/latchkey
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/latchkey ./cmd/latchkey

test: check unit fuzz crash clients kms browser bench-quick ## everything; CI runs this
	@echo "all tests passed"

unit: ## the tests of the module, with the race detector
	scripts/need cc gcc libc6-dev
	$(GO) test -race ./...

check: ## vet and staticcheck
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

fuzz: ## every fuzz target for FUZZTIME
	FUZZTIME=$(FUZZTIME) scripts/fuzz

crash: ## kill the server in the middle of logins, 25 times
	LATCHKEY_CRASH_ROUNDS=25 $(GO) test -count=1 -run 'Killed' ./cmd/latchkey

clients: ## real AWS SDKs against a real server
	test/clients/install.sh
	cd test/clients && $(GO) test -count=1 ./...

kms: ## root keys in AWS KMS, by moto, and in the transit engine of Vault
	LATCHKEY_MOTO=1 LATCHKEY_TRANSIT=1 $(GO) test -count=1 -run 'OfMoto|OfVault' ./internal/rootkey

browser: ## the pages in real Chromium
	test/browser/install.sh
	cd test/browser && $(GO) test -count=1 ./...

bench: ## measure against the floor; takes minutes
	$(GO) run ./cmd/latchkey-bench

bench-quick: ## see that the benchmark works; judges nothing
	$(GO) run ./cmd/latchkey-bench --quick

vuln: ## known vulnerabilities; needs the Go vulnerability database
	$(GO) tool -modfile=tools/go.mod govulncheck ./...

clean:
	rm -rf bin artifacts
