# make demo   a real Elasticsearch, the collector, a replayed attack, and the incident it becomes
# make test   every test, on real parts
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
BUILD := build
PLUGIN := grafana-plugin

.PHONY: help build demo test test-go test-plugin lint generate bench clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

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
	$(GO) build -o $(PLUGIN)/dist/gpx_openmxdr_$$($(GO) env GOOS)_$$($(GO) env GOARCH) ./grafana-plugin/pkg

plugin: $(PLUGIN)/node_modules/.fetched plugin-backend
	@echo "==> building the Grafana app's front end"
	cd $(PLUGIN) && npm run build --silent

$(PLUGIN)/node_modules/.fetched: $(PLUGIN)/package-lock.json
	@echo "==> fetching the front end's packages with npm"
	cd $(PLUGIN) && npm ci --no-audit --no-fund
	@touch $@

clean: ## remove what was built (fetched parts stay in .cache)
	rm -rf $(BUILD) $(PLUGIN)/dist coverage
