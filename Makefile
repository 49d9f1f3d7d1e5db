# Names for the commands of the project. What they do is in the commands: `go run ./cmd/orders --help`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

ORDERS := .local/bin/orders
UV := 0.13.9

# Go and npm keep their caches below HOME. Without one, they go with the rest.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/.local/home
endif


# $(call step,NAME,COMMAND) runs a command and says how long it took.
step = @started=$$SECONDS; echo "== $(1)"; \
	if $(2); then echo "== $(1): ok, $$((SECONDS - started)) s"; else echo "== $(1): FAILED after $$((SECONDS - started)) s"; exit 1; fi

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: local
local: orders ## Install, start, deploy and post 20 orders on this machine, and check that they arrive (PORT=4566)
	@$(ORDERS) up --demo

.PHONY: local-down
local-down: orders ## Stop what `make local` left running
	@$(ORDERS) down

.PHONY: orders
orders: check-go ## Build the operator's command, .local/bin/orders
	@if [ ! -x $(ORDERS) ]; then echo "building $(ORDERS) (the first time takes a while)"; fi; go build -o $(ORDERS) ./cmd/orders

# Lint has vetted all of it already.
go-test = go test -vet=off -timeout 30m
# Packages that load the CDK through jsii: the race detector would report jsii's own exit.
JSII := /orderpipeline$$|/constructs/|/stacks$$|/test/(snapshot|upgrade|embed)$$
RACE := $(if $(shell command -v $${CC:-cc}),-race)

.PHONY: test
test: lint ## Run all checks, as in CI: lint, all tests (they start their own emulators), fuzzing, mutants
	@$(if $(RACE),,echo "== no C compiler (cc): the tests run without the race detector")
	$(call step,unit tests,$(go-test) $(RACE) $$(go list ./... | grep -Ev '$(JSII)'))
	$(call step,tests of constructs and templates,$(go-test) $$(go list ./... | grep -E '$(JSII)'))
	@$(MAKE) --no-print-directory templates
	$(call step,fault simulation,$(go-test) -v ./test/faults -schedules 20000)
	@$(MAKE) --no-print-directory emulator
	$(call step,embedding apps,$(go-test) -tags slow ./test/embed)
	@$(MAKE) --no-print-directory fuzz mutants

# Three at a time: they wait more than they work. The longest come first.
.PHONY: emulator
emulator: check-go ## Run the emulator tests: they start their own emulators, and deploy to them
	$(call step,tests on the emulator,$(go-test) -tags emulator -count=1 -p 3 \
		./test/chaos ./test/operate ./test/monitoring ./test/e2e ./test/upgrade ./internal/local)

.PHONY: steady
steady: check-go ## Run the emulator tests N=5 times while other work keeps every core busy
	@go build -o .local/bin/steady ./test/steady && exec .local/bin/steady -n $(or $(N),5) $(MAKE) --no-print-directory emulator

# Every Fuzz function there is. Without -fuzzminimizetime, minimizing one input can take the whole time.
FUZZTIME ?= 8s

.PHONY: fuzz
fuzz: check-go ## Run every Fuzz function, for FUZZTIME=8s each
	$(call step,fuzzing,for found in $$(grep -rE --include='*_test.go' '^func Fuzz' order lambdas internal cmd constructs test | sed -E 's|/[^/]*:func (Fuzz[A-Za-z]+).*|:\1|' | sort); do \
		echo "$$found"; go test -vet=off "./$${found%:*}" -run '^$$' -fuzz "^$${found#*:}$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x || exit 1; done)

.PHONY: mutants
mutants: check-go ## Inject known bugs into the handlers: the fault simulation must catch each one
	$(call step,mutants,go run ./test/faults/mutants)

.PHONY: soak
soak: check-go ## Run the fault simulation for a long time: N=1000000 schedules, or T=1h
	go run ./test/faults/soak $(if $(T),-for $(T),-schedules $(or $(N),100000))

.PHONY: lint
lint: golangci-lint ## Run golangci-lint (.golangci.yml): format, vet, staticcheck; and actionlint over the workflows
	$(call step,lint,$(LINT) run ./...)
	$(call step,actionlint,$(AUDIT) actionlint -shellcheck= -pyflakes=)

JUDGES := .local/judges/bin
.PHONY: templates
templates: $(JUDGES)/cfn-lint ## Run cfn-lint, checkov and parliament over the templates (tools/accepted.txt)
	@rm -rf .local/templates
	$(call step,templates for three regions,$(go-test) -count=1 ./test/snapshot -run '^TestEveryRegion$$' -templates $(CURDIR)/.local/templates)
	$(call step,table of regions,$(JUDGES)/python tools/regions.py --check)
	$(call step,judges of the templates,$(JUDGES)/python -W ignore tools/judges.py $(TEMPLATES) .local/templates/*/*.json)
TEMPLATES := $(filter-out %/local.json %/local-monitoring.json,$(wildcard test/snapshot/testdata/*.json)) \
	.github/deploy-role.yaml

.PHONY: regions
regions: $(JUDGES)/cfn-lint ## Renew the table of resource types that regions lack, from the pinned cfn-lint
	$(JUDGES)/python tools/regions.py

$(JUDGES)/cfn-lint: tools/requirements.txt
	@echo "installing the judges of the templates and the packages into .local/judges (about a minute)"
	@python3 -m venv --clear .local/judges && $(JUDGES)/pip install --quiet --require-hashes -r tools/requirements.txt && touch $@

# The tools that tools/supply pins. Without a path, actionlint takes .github/workflows.
AUDIT := go tool -modfile=tools/supply/go.mod

SUPPLY := .local/bin/supply
.PHONY: vuln
vuln: check-go $(JUDGES)/cfn-lint ## Audit all dependencies; fails for known vulnerabilities (1), and where it could not check (3)
	@go build -o $(SUPPLY) ./test/supply && $(SUPPLY) vuln

.PHONY: sbom
sbom: check-go ## Write CycloneDX documents of the module and of each Lambda function into .local/sbom
	@go build -o $(SUPPLY) ./test/supply && $(SUPPLY) sbom

.PHONY: fmt
fmt: golangci-lint ## Format the Go code and sort its imports
	$(LINT) fmt ./...

# The linter is built from tools/go.mod, which pins it; the build cache makes the second time fast.
LINT := .local/bin/golangci-lint
.PHONY: golangci-lint
golangci-lint: check-go
	@if [ ! -x $(LINT) ]; then echo "building $(LINT) (the first time takes a minute or two)"; fi; \
		go build -modfile=tools/go.mod -o $(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: clean
clean: local-down ## Remove everything that was created here: tools, caches, builds
	chmod -R u+w .local 2>/dev/null || true # a module cache is read-only
	rm -rf .local node_modules cdk.out

.PHONY: lock
lock: ## Renew the lock files, after a change to package.json or a requirements.in
	npm install --package-lock-only
	python3 -m venv .local/lock && .local/lock/bin/pip install --quiet uv==$(UV)
	$(call pip-lock,internal/local)
	$(call pip-lock,tools)

pip-lock = cd $(1) && $(CURDIR)/.local/lock/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --output-file requirements.txt requirements.in

# Go is the one tool that the rest cannot check: it is written in it. With GOTOOLCHAIN=auto (the default) an older Go fetches
# the one that go.mod asks for, and GOVERSION is that one.
.PHONY: check-go
check-go:
	@want=$$(awk '$$1 == "go" { print $$2; exit }' go.mod); remedy="install Go $$want or newer (https://go.dev/dl) and put it on the PATH"; \
	command -v go >/dev/null || { echo "Go is not installed (no go on the PATH)"; echo "   ->   $$remedy"; exit 1; }; \
	have=$$(go env GOVERSION) || { echo "Go does not work here (see above)"; echo "   ->   $$remedy, or unset GOTOOLCHAIN so that Go fetches it"; exit 1; }; \
	awk -v have="$$have" -v want="$$want" 'BEGIN { if (!match(have, /[0-9]+\.[0-9]+/)) exit 0; split(substr(have, RSTART, RLENGTH), h, "."); split(want, w, "."); \
		exit h[1] < w[1] || (h[1] == w[1] && h[2] < w[2]) }' || { echo "Go $${have#go} is too old: go.mod asks for $$want"; echo "   ->   $$remedy, or unset GOTOOLCHAIN so that Go fetches it"; exit 1; }
