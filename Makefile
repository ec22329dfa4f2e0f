# Build your own Redis in Rust, in ten steps. `make` lists what there is.

STEPS := $(patsubst %/,%,$(filter-out 10-%,$(sort $(wildcard [0-9][0-9]-*/))))

# The chapters of the advanced track, like 012-transactions.
CHAPTERS := $(shell sed -n '/^\[\[chapter/,/^name/s/^n[a-z]* = "\(.*\)"/\1/p' advanced/chapters.toml | paste -d- - -)

# Flags for the server or the bench: make 03-get-set ARGS="--port 7000"
ARGS ?=

CARGO := $(shell command -v cargo 2>/dev/null)
cargo = $(or $(CARGO),$(error cargo is not here; install Rust from https://rustup.rs and open a new terminal))

# $(call first,PROGRAM,WHAT,HOW LONG) says what is built, if it was never built before.
# Then cargo shows at a terminal how far it is; later it is silent.
first = $(if $(wildcard $1),,echo "building $2 for the first time, which takes $3" >&2;)
quiet = $(if $(wildcard $1),--quiet,$$(test -t 2 || echo --quiet))

# The workshop's tool, as learners need it: it reads no diagrams, so it is built sooner.
TOOL := target/debug/xtask
tool = $(call first,$(TOOL),the workshop's tool,about two minutes) $(cargo) run $(call quiet,$(TOOL)) --package xtask --no-default-features --

.PHONY: help
help:
	@echo "make <step>       build and run a step; flags go into ARGS=\"--port 7000\""
	@for step in $(STEPS); do echo "                  make $$step"; done
	@echo "make 10-capstone  measure the newest step against real Redis (under 3 minutes);"
	@echo "                  with OF=advanced or OF=05-aof-persistence, that server"
	@echo "make report       measure all steps, and more, into report.html (6 minutes)"
	@echo "make diff-03      what a step adds to the one before it"
	@echo "make demo-03      what an instructor shows of a step in class; with MY=1, of yours"
	@echo "make slides-03    its slides, for a class: one HTML file, made from the pages"
	@echo "make check-03     grade what you built for the exercises of step 03"
	@echo
	@echo "To write a step's heart yourself, in my/:"
	@echo "make start-02     begin; PART=3 fills the parts before, DONE=1 all, and KEEP=1"
	@echo "                  takes along what you made differently in the step before"
	@echo "make try-02       build it, and stop at the first test that fails"
	@echo "make watch-02     the same at each save"
	@echo "make hint-02      the next hint; make reveal-02: the answer (WRITE=1 takes it)"
	@echo "make run-02       your server; make diff-02 MY=1: what you have written,"
	@echo "                  MY=step: yours beside the step's"
	@echo "make progress     where you stand; make doctor: is everything here?"
	@echo
	@echo "The advanced track goes on where step 09 ends (advanced/README.md). A chapter has"
	@echo "three digits, and all that is above works on it, like make start-006:"
	@echo "make advanced     the whole server"
	@for chapter in $(CHAPTERS); do echo "make $$chapter"; done
	@echo "                  the server up to a chapter"
	@echo "make tcl-006      Redis's own test suite, as far as a chapter goes"
	@echo "make draw-005 FILE=my.mmd"
	@echo "                  your diagram of a module of the advanced track: what is missing"
	@echo
	@echo "make redis        install real Redis, if it is not here"
	@echo "make verify-03 SERVER=./my-server"
	@echo "                  step 03's suites against a server of yours, in any language"
	@echo "make test         test every step, and its pages (minutes)"
	@echo "make prove        prove the rest: exercises, solutions, and what tests the tests"
	@echo "make stress SUITE=aof RUNS=20"
	@echo "                  tests of the newest step, or of STEP=05, on a busy machine"
	@echo "make book         these pages as a site, with search, for a browser"
	@echo "make lint         formatting and clippy"
	@echo "make bench        the micro-benchmarks"
	@echo "make clean        remove what was built"

.PHONY: $(STEPS)
$(STEPS):
	@$(call first,target/release/step$@,$@,a minute or two) $(cargo) build --release $(call quiet,target/release/step$@) --package step$@
	@exec target/release/step$@ $(ARGS)

.PHONY: advanced
advanced:
	@$(call first,target/release/$@,$@,a minute or two) $(cargo) build --release $(call quiet,target/release/$@) --package $@
	@exec target/release/$@ $(ARGS)

# A chapter's source is made from that of `advanced`.
.PHONY: $(CHAPTERS)
$(CHAPTERS):
	@$(tool) chapter $@ --only-make >/dev/null
	@$(call first,target/release/step$@,$@,a minute or two) cd target/chapters/$@ && $(cargo) build --release $(call quiet,target/release/step$@) --package step$@
	@exec target/release/step$@ $(ARGS)

# The newest step, and step 01 as the floor. OF=advanced measures the advanced track, and OF=05-aof-persistence step 05.
OF ?=
of = $(if $(OF),$(OF:%=$(if $(filter advanced,$(OF)),%,step%)),step$(lastword $(STEPS)))

.PHONY: 10-capstone
10-capstone: redis-if-possible
	@$(call first,target/release/step$@,$@ and what it measures,some minutes) $(cargo) build --release $(call quiet,target/release/step$@) --package $(of) $(addprefix --package step,$(firstword $(STEPS)) 10-capstone)
	@exec target/release/step10-capstone $(if $(OF),--server-bin target/release/$(of)) --html report.html $(ARGS)

.PHONY: report
report: redis-if-possible
	@$(call first,target/release/step10-capstone,all steps,some minutes) $(cargo) build --release $(call quiet,target/release/step10-capstone) $(addprefix --package step,$(STEPS) 10-capstone)
	@target/release/step10-capstone --seconds 0.5 --html report.html --json report.json \
		--svg 10-capstone/latency.svg --cross-check $(ARGS)
	@target/release/step10-capstone --seconds 0.5 --all-steps --html report.steps.html $(ARGS)
	@target/release/step10-capstone --pause 200ms --seconds 1 --no-floor --html report.pause.html $(ARGS)

.PHONY: redis-if-possible
redis-if-possible:
	@scripts/redis || if [ "$$CI" = true ]; then exit 1; else echo "NOTICE: going on without Redis"; fi

.PHONY: diff-%
diff-%:
	@$(tool) diff $* $(if $(MY),--my$(if $(filter step,$(MY)),=step)) $(ARGS)

.PHONY: demo-%
demo-%:
	@$(call first,target/debug/step$*-*,the step,about a minute) DEMO_OF=$(if $(MY),$(or $(wildcard my/$*-*),$(error my/$*-… is not there yet; make it: make start-$*))) exec ./$*-*/demo.sh

# It reads diagrams, as the slides do.
.PHONY: draw-%
draw-%:
	@test -n "$(FILE)" || { echo "say which diagram is yours: make draw-$* FILE=my.mmd" >&2; exit 1; }
	@$(call first,$(TOOL),the workshop's tool,some minutes) $(cargo) run $(call quiet,$(TOOL)) --package xtask -- draw $* "$(FILE)" $(ARGS)

.PHONY: slides-%
slides-%:
	@$(call first,$(TOOL),the workshop's tool,some minutes) $(cargo) run $(call quiet,$(TOOL)) --package xtask -- slides $* $(ARGS)

# The learner's own folder, my/.
part = $(if $(PART),--part $(PART))

.PHONY: start-%
start-%:
	@$(tool) start $* $(part) $(if $(DONE),--done) $(if $(KEEP),--keep) $(ARGS)

.PHONY: try-% watch-% hint-%
try-% watch-% hint-%:
	@$(tool) $(firstword $(subst -, ,$@)) $* $(part) $(ARGS)

.PHONY: reveal-%
reveal-%:
	@$(tool) reveal $* $(part) $(if $(WRITE),--write) $(ARGS)

# Step 10 measures, so it is built as what it measures.
mode = $(if $(filter 10,$*),release,debug)

.PHONY: run-%
run-%:
	@test -d my/$*-* || { echo "my/$*-… is not there yet; make it: make start-$*" >&2; exit 1; }
	@$(call first,my/target/$(mode)/step$*-*,your server,about a minute) cd my/$*-* && $(cargo) run $(call quiet,my/target/$(mode)/step$*-*) $(if $(filter 10,$*),--release) -- $(ARGS)

.PHONY: progress
progress:
	@$(tool) progress $(ARGS)

.PHONY: doctor
doctor:
	@scripts/doctor

.PHONY: check-%
check-%:
	@$(tool) check $* $(ARGS)

.PHONY: redis
redis:
	@scripts/redis && redis-server --version

.PHONY: tcl-%
tcl-%:
	@$(tool) tcl $* $(ARGS)

# SERVER goes through the environment: it may hold quotes.
.PHONY: verify-%
verify-%: export SERVER := $(SERVER)
verify-%:
	@$(tool) verify $* --server "$$SERVER" $(ARGS)

.PHONY: test
test:
	@scripts/test

.PHONY: prove
prove:
	@scripts/prove

# It draws diagrams, so it needs the tool as maintainers have it.
.PHONY: book
book:
	@$(call first,target/tools,the book's tools,some minutes) $(cargo) run $(call quiet,target/tools) --package xtask -- book $(ARGS)

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
