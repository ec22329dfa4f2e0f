# Build your own Redis in Rust, in ten steps. `make` lists what there is.

STEPS := $(patsubst %/,%,$(filter-out 10-%,$(sort $(wildcard [0-9][0-9]-*/))))

# Flags for the server or the bench: make 03-get-set ARGS="--port 7000"
ARGS ?=

# One line that says what to do, instead of "cargo: not found" from deep inside.
CARGO := $(shell command -v cargo 2>/dev/null)
ifeq ($(CARGO),)
cargo = @echo "cargo is not here; install Rust from https://rustup.rs and open a new terminal" >&2; exit 1;
else
cargo = $(CARGO)
endif

.PHONY: help
help:
	@echo "make <step>       build and run a step; flags go into ARGS=\"--port 7000\""
	@for step in $(STEPS); do echo "                  make $$step"; done
	@echo "make 10-capstone  measure the newest step against real Redis (under 3 minutes)"
	@echo "make report       measure all steps, and more, into report.html (6 minutes)"
	@echo "make diff-03      what a step adds to the one before it"
	@echo "make check-03     grade what you built for the exercises of step 03"
	@echo
	@echo "To write a step's heart yourself, in my/:"
	@echo "make start-02     begin; PART=3 fills the parts before, DONE=1 all, and KEEP=1"
	@echo "                  takes along what you made differently in the step before"
	@echo "make try-02       build it, and stop at the first test that fails"
	@echo "make watch-02     the same at each save"
	@echo "make hint-02      the next hint; make reveal-02: the answer (WRITE=1 takes it)"
	@echo "make run-02       your server; make diff-02 MY=1: what you have written"
	@echo "make progress     where you stand; make doctor: is everything here?"
	@echo
	@echo "make redis        install real Redis, if it is not here"
	@echo "make verify-03 SERVER=./my-server"
	@echo "                  step 03's suites against a server of yours, in any language"
	@echo "make test         test every step, and its pages (minutes)"
	@echo "make prove        prove the rest: exercises, solutions, and what tests the tests"
	@echo "make stress SUITE=aof RUNS=20"
	@echo "                  tests of the newest step, or of STEP=05, on a busy machine"
	@echo "make lint         formatting and clippy"
	@echo "make bench        the micro-benchmarks"
	@echo "make clean        remove what was built"

.PHONY: $(STEPS)
$(STEPS):
	@$(cargo) build --release --quiet --package step$@
	@exec target/release/step$@ $(ARGS)

# The newest step, and step 01 as the floor.
.PHONY: 10-capstone
10-capstone: redis-if-possible
	@$(cargo) build --release --quiet $(addprefix --package step,$(lastword $(STEPS)) $(firstword $(STEPS)) 10-capstone)
	@exec target/release/step10-capstone --html report.html $(ARGS)

.PHONY: report
report: redis-if-possible
	@$(cargo) build --release --quiet $(addprefix --package step,$(STEPS) 10-capstone)
	@target/release/step10-capstone --seconds 0.5 --html report.html --json report.json \
		--svg 10-capstone/latency.svg --cross-check $(ARGS)
	@target/release/step10-capstone --seconds 0.5 --all-steps --html report.steps.html $(ARGS)
	@target/release/step10-capstone --pause 200ms --seconds 1 --no-floor --html report.pause.html $(ARGS)

.PHONY: redis-if-possible
redis-if-possible:
	@scripts/redis || if [ "$$CI" = true ]; then exit 1; else echo "NOTICE: going on without Redis"; fi

.PHONY: diff-%
diff-%:
	@$(cargo) xtask diff $* $(if $(MY),--my) $(ARGS)

# The learner's own folder, my/.
part = $(if $(PART),--part $(PART))

.PHONY: start-%
start-%:
	@$(cargo) xtask start $* $(part) $(if $(DONE),--done) $(if $(KEEP),--keep) $(ARGS)

.PHONY: try-% watch-% hint-%
try-% watch-% hint-%:
	@$(cargo) xtask $(firstword $(subst -, ,$@)) $* $(part) $(ARGS)

.PHONY: reveal-%
reveal-%:
	@$(cargo) xtask reveal $* $(part) $(if $(WRITE),--write) $(ARGS)

.PHONY: run-%
run-%:
	@test -d my/$*-* || { echo "my/$*-… is not there yet; make it: make start-$*" >&2; exit 1; }
	@cd my/$*-* && $(cargo) run --quiet $(if $(filter 10,$*),--release) -- $(ARGS)

.PHONY: progress
progress:
	@$(cargo) xtask progress $(ARGS)

.PHONY: doctor
doctor:
	@scripts/doctor

.PHONY: check-%
check-%:
	@$(cargo) xtask check $* $(ARGS)

.PHONY: redis
redis:
	@scripts/redis && redis-server --version

# SERVER goes through the environment: it may hold quotes.
.PHONY: verify-%
verify-%: export SERVER := $(SERVER)
verify-%:
	@$(cargo) xtask verify $* --server "$$SERVER" $(ARGS)

.PHONY: test
test:
	@scripts/test

.PHONY: prove
prove:
	@scripts/prove

SUITE ?=
RUNS ?= 20
.PHONY: stress
stress:
	@$(cargo) xtask stress "$(SUITE)" --runs $(RUNS) $(if $(STEP),--step $(STEP)) $(ARGS)

.PHONY: lint
lint:
	$(cargo) fmt --all --check
	$(cargo) clippy --workspace --all-targets --quiet -- -D warnings
	@scripts/dependencies

.PHONY: bench
bench:
	$(cargo) bench --workspace --bench '*' -- $(ARGS)

.PHONY: clean
clean:
	$(cargo) clean
	rm -rf my/target
