# make demo   a real Elasticsearch, the collector, a replayed attack, and the incident it becomes
# make test   every test, on real parts
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
BUILD := build
PLUGIN := grafana-plugin

.PHONY: help build demo demo-local demo-containers test test-go test-plugin lint generate generated bench clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

build: $(BUILD)/mxdr $(BUILD)/mxdr-collector plugin ## build the command line, the collector and the Grafana app

.PHONY: $(BUILD)/mxdr $(BUILD)/mxdr-collector plugin plugin-backend
$(BUILD)/mxdr:
	@echo "==> building $@ (Go modules are fetched on the first run)"
	@mkdir -p $(BUILD)
	$(GO) build -o $@ ./cmd/mxdr

$(BUILD)/mxdr-collector:
	@echo "==> building $@ (three to six minutes the first time, seconds afterwards)"
	@mkdir -p $(BUILD)
	$(GO) build -o $@ ./collector-components/distribution

plugin-backend:
	@echo "==> building the Grafana app's backend"
	@mkdir -p $(PLUGIN)/dist
	CGO_ENABLED=0 $(GO) build -o $(PLUGIN)/dist/gpx_openmxdr_$$($(GO) env GOOS)_$$($(GO) env GOARCH) ./grafana-plugin/pkg

plugin: $(PLUGIN)/node_modules/.fetched
	@echo "==> building the Grafana app's front end"
	cd $(PLUGIN) && npm run build --silent
	@$(MAKE) --no-print-directory plugin-backend

$(PLUGIN)/node_modules/.fetched: $(PLUGIN)/package-lock.json
	@echo "==> fetching the front end's packages with npm"
	cd $(PLUGIN) && npm ci --no-audit --no-fund
	@touch $@

# Tests share one Elasticsearch, which this starts and ends. With MXDR_TESTDATA set nothing of ours may skip.
ELASTICSEARCH := $(GO) run ./internal/elastictest/cmd/elasticsearch
NO_SKIP := $(if $(MXDR_NO_SKIP),-no-skip)

test: test-go test-plugin ## run every test (fetches Elasticsearch with Maven, and the front end's packages with npm)

test-go: $(BUILD)/mxdr-collector plugin-backend
	@echo "==> Go tests, with a real Elasticsearch"
	MXDR_COLLECTOR=$(CURDIR)/$(BUILD)/mxdr-collector $(ELASTICSEARCH) -heap 1024 -- \
		bash -o pipefail -c '$(GO) test -json -p 2 -timeout 20m ./... | $(GO) run ./internal/testreport $(NO_SKIP)'

test-plugin: $(PLUGIN)/node_modules/.fetched
	@echo "==> front end tests"
	cd $(PLUGIN) && npm run typecheck --silent && npm test --silent

lint: $(PLUGIN)/node_modules/.fetched ## look for mistakes without running anything
	@echo "==> gofmt, go vet, staticcheck, generated files, eslint"
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted by gofmt:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	cd $(PLUGIN) && npm run lint --silent

generate: ## write the generated files anew
	$(GO) generate ./...

generated: generate ## fail if generated files are not current
	@git diff --exit-code --stat || { echo "generated files were not current: commit what make generate wrote"; exit 1; }

bench: ## measure the event view, the mappings, the rules and the engines
	$(GO) test -run '^$$' -bench . -benchtime 1s ./internal/event ./internal/document ./rules/... ./es-ingest/...

HAS_ENGINE := docker info >/dev/null 2>&1
COMPOSE := docker compose -f examples/quickstart/compose.yaml
demo: $(BUILD)/mxdr ## show the whole way once, in a few minutes
	@if $(HAS_ENGINE); then $(MAKE) --no-print-directory demo-containers; else $(MAKE) --no-print-directory demo-local; fi

demo-local: $(BUILD)/mxdr-collector
	@command -v java >/dev/null && command -v mvn >/dev/null || { echo "make demo needs a container engine, or Java 17 and Maven"; exit 1; }
	$(BUILD)/mxdr demo $(if $(KEEP),-keep)
	@echo "No container engine here, so no Grafana was started. grafana-plugin/README.md says how to load the app into yours;"
	@echo "make demo KEEP=1 leaves Elasticsearch and the collector running for it."

demo-containers: plugin
	CGO_ENABLED=0 GOOS=linux $(GO) build -o $(PLUGIN)/dist/gpx_openmxdr_linux_$$($(GO) env GOARCH) ./grafana-plugin/pkg
	$(COMPOSE) up --detach --build --wait
	MXDR_ELASTICSEARCH_PASSWORD=$${MXDR_ELASTICSEARCH_PASSWORD:-openmxdr} $(BUILD)/mxdr demo \
		-elasticsearch http://localhost:9200 -user elastic -otlp http://localhost:4318
	@echo "Grafana: http://localhost:3000/a/openmxdr-app (admin / admin). Stop everything: $(COMPOSE) down --volumes"

clean: ## remove what was built (fetched parts stay in .cache)
	rm -rf $(BUILD) $(PLUGIN)/dist coverage
