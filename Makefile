# Kermes. `make demo` shows it, `make test` checks it; `make help` lists the rest.

GO         ?= go
REAL       ?= 0
GOLANGCI    = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GREMLINS    = github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0
FUZZTIME   ?= 10s
ALLOC_TESTS = Alloc|CostsNothing

.PHONY: mq-once mq-outages help demo test check fmt vet lint modules fuzz bench bench-guard bench-peers bench-failover acceptance acceptance-pubsub soak soak-leader soak-pubsub soak-lock soak-mq bench-lock bench-mq redis
.PHONY: test-servers chaos mutants imports

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | sort | awk -F'\t' '{printf "  %-16s %s\n", $$1, $$2}'

demo: ## a client follows a failover: embedded servers, or REAL=1 for redis-server and redis-sentinel
	@if [ "$(REAL)" = 1 ]; then scripts/redis.sh && $(GO) run ./examples/demo -real; else $(GO) run ./examples/demo; fi

test: redis ## every test, race detector on; then what counts allocations, off
	$(GO) test -race -shuffle=on -timeout 15m -p 2 ./...
	$(GO) test -run '$(ALLOC_TESTS)' ./redis ./bench ./resp ./client

redis: ## make sure that redis-server and redis-sentinel are there
	@scripts/redis.sh

SERVERS ?=

test-servers: ## the tests that talk to real servers, on each server of SERVERS="DIR1 DIR2"; on newer ones of Debian without
	scripts/test-servers.sh $(SERVERS)

check: ## everything that a change must pass, as CI runs it
	@.ci/run

fmt: ## gofmt changes nothing
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet ./...

lint: ## golangci-lint, pinned, outside go.mod; and vet for commands that are made and not sent
	$(GO) run $(GOLANGCI) run
	$(GO) vet -unusedresult.funcs="$$(GO=$(GO) scripts/constructors.sh)" ./...

imports: ## the table of DESIGN.md: which package may import which
	$(GO) test -count=1 ./internal/imports

MUTATED ?= resp conn pool redis pubsub

mutants: ## change one token after the other in MUTATED="resp pool", MUTANTS_TIME a package, and say which changes its tests do not notice
	GREMLINS=$(GREMLINS) GO=$(GO) scripts/mutants.sh $(MUTATED)

modules: ## vet the modules of their own, and test those that have tests
	@set -e; for mod in $$(git ls-files '*/go.mod'); do echo "module $$(dirname $$mod)"; \
		(cd $$(dirname $$mod) && $(GO) vet ./... && $(GO) test ./...); done

fuzz: ## each fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

bench: ## micro-benchmarks of the layers
	$(GO) test -run '^$$' -bench . -benchmem ./bench

bench-guard: redis ## instructions, allocations, reads and writes of operations, held to bench/GUARD.md; UPDATE=1 writes it, ONLY chooses
	$(GO) run ./bench/guard $(if $(UPDATE),-update,-only '$(ONLY)')

ROUNDS  ?= 3
TIME    ?= 200ms
ONLY    ?=
CLIENTS ?=
OUT     ?=
ADD     ?=

# A table that is written to OUT has a copy in bench/history, named by the commit it was measured on.
KEEP = commit=$$(git describe --always --dirty); \
	keep() { [ -z '$(OUT)' ] || cp '$(OUT)' ../history/$$1-$$(date +%F)-$$commit.md; }

bench-peers: redis ## Kermes next to other clients; ROUNDS, TIME, ONLY, CLIENTS, OUT choose; ALLOCS=1 for what takes no clock
	@$(KEEP); cd bench/peers && $(GO) run . -rounds $(ROUNDS) -time $(TIME) -only '$(if $(ALLOCS),^(own|allocations|size),$(ONLY))' \
		-clients '$(CLIENTS)' -out '$(OUT)' -add '$(ADD)' && keep peers

RUNS ?= 5
SOAK ?= 10m

acceptance: redis ## the scenarios A1 to A44 on real processes, RUNS times over with strict bounds; ONLY='A(6|7)' chooses
	$(GO) run ./internal/acceptance -runs $(RUNS) $(if $(ONLY),-only '$(ONLY)')

CHAOS ?= 1m

chaos: redis ## every kind of call on a pool whose network misbehaves, CHAOS for each of six set-ups
	KERMES_CHAOS=$(CHAOS) KERMES_REQUIRE_REDIS=1 $(GO) test -race -count=1 -run '^TestChaos' -timeout 2h -v ./pool

soak: redis ## random accidents for SOAK, and an audit
	KERMES_SOAK=$(SOAK) KERMES_REQUIRE_REDIS=1 $(GO) test -race -count=1 -run '^TestA41' -timeout 30m -v ./client

LEADER_ROUNDS ?= 30

soak-leader: redis ## the leading sentinel is killed, or cut off, at its +promoted-slave, LEADER_ROUNDS times for each kind: what each rule loses
	KERMES_LEADER_ROUNDS=$(LEADER_ROUNDS) KERMES_REQUIRE_REDIS=1 $(GO) test -count=1 -run '^TestSoakTheLeader' -timeout 4h -v ./client

soak-pubsub: redis ## random faults between a subscriber and its server for SOAK: gaps are held to their word
	KERMES_SOAK=$(SOAK) KERMES_REQUIRE_REDIS=1 $(GO) test -race -count=1 -run '^TestSoak' -timeout 30m -v ./pubsub

mq-once: redis ## a hundred thousand messages with delays, retries and prefetch: none is handled twice
	KERMES_MQ_MESSAGES=100000 KERMES_REQUIRE_REDIS=1 $(GO) test -count=1 -timeout 10m -v -run NothingIsHandledTwice ./mq

mq-outages: redis ## a hundred thousand messages through three failovers and half a minute without a master: none is lost
	KERMES_MQ_MESSAGES=100000 KERMES_REQUIRE_REDIS=1 $(GO) test -count=1 -timeout 20m -v -run ManyMessages ./mq

acceptance-pubsub: redis ## subscribers through failovers and outages, KERMES_RUNS (20) times each with strict bounds
	KERMES_ACCEPTANCE=1 KERMES_REQUIRE_REDIS=1 $(GO) test -count=1 -timeout 90m -v -run 'EveryKindOfFailover|EveryOutage|NoMessageIsLost' ./pubsub

bench-failover: redis ## Kermes, go-redis and rueidis through the same failovers; RUNS, ONLY, CLIENTS, ADD, OUT choose
	@$(KEEP); cd bench/failover && $(GO) run . -runs $(RUNS) -only '$(ONLY)' -clients '$(CLIENTS)' -add '$(ADD)' -out '$(OUT)' && keep failover

LOCK_ROUNDS ?= 30

soak-lock: redis ## locks through LOCK_ROUNDS failovers of each kind, 5,000 sections with kills and pauses, 1,000 pauses, 10,000 races
	KERMES_LOCK_ROUNDS=$(LOCK_ROUNDS) KERMES_REQUIRE_REDIS=1 $(GO) test -count=1 -timeout 90m -v -run 'Failover|Replicas|Minority|Outlive|Kills|SIGCONT|Cancellation|Killed|Contenders|Overlapping' ./lock

MQ_ROUNDS ?= 30
MQ_ONLY   ?= ConfirmedMessage|ComesBack|SentinelsThatAre|HearsOfAMessage|GroupsAndResults|LostRepliesLeave

soak-mq: redis ## queues with a backlog through MQ_ROUNDS failovers of each kind: what was confirmed and lost, what was handled twice
	KERMES_MQ_ROUNDS=$(MQ_ROUNDS) KERMES_REQUIRE_REDIS=1 $(GO) test -count=1 -timeout 90m -v -run '$(MQ_ONLY)' ./mq

bench-lock: redis ## lock next to redsync, redislock and rueidislock, contenders in processes of their own; ROUNDS, OUT choose
	@$(KEEP); cd bench/lock && $(GO) run . -rounds $(ROUNDS) -out '$(OUT)' && keep lock

bench-mq: redis ## mq next to asynq and rmq, as they come and tuned, in one run; ROUNDS, ONLY, OUT choose
	@$(KEEP); cd bench/mq && $(GO) run . -rounds $(ROUNDS) -only '$(ONLY)' -out '$(OUT)' && keep mq
