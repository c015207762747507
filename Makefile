# SPDX-License-Identifier: GPL-2.0
#
# Each target installs and builds what it needs, then calls harness/nslab.
#
## make run       run scenarios under faults and schedules; the main job
## make replay    repeat one execution and print its trace: TOKEN=...
## make gdb       an execution under gdb, forwards and backwards: TOKEN= or SCENARIO=
## make races     the memory that a scenario's actors share: who accesses it, under which locks
## make list      scenarios, profiles, strategies, variants, points, kernels, series, sweeps
## make kernel    only build the kernel and the scenarios
## make check     the tests that need no kernel, linters, types: a minute
## make test      the tests of the lab itself; TEST=... selects, as pytest -k
## make coverage  which points and readers the scenarios reach, and which they do not
## make matrix    executions until each deliberate defect is caught; about 15 minutes
## make history   bugs of the public record, each put back: what finds it, how soon; hours
## make bench     the speed of the lab; PART=speed, sweep, gdb, design or variants
## make sweep     many runs for a given time, unattended: SWEEP=smoke (2 minutes), nightly
## make report    what the last sweep found, as one HTML page
## make nightly-install   a sweep each night, by systemd; -uninstall, -status
## make clean     remove build/; the cache with the kernel source is kept
##
## Variables:  SCENARIO= PROFILE= STRATEGY= VARIANT= KERNEL= EXECUTIONS= SEED=
##             SCENARIO=path/to/mine.c  a scenario of your own: scenarios/README.md
##             SERIES=                  rcu or task_lock: which of the two designs
##             PATCH="a.patch b.patch"  kernel patches of your own, on top
##             JOBS=                    how many guests at once
##             FINDINGS=                a scenario stops after this many; 0: never
##             TIMES= FORMAT=           `make replay`: repetitions; text, svg, json, trace
##             FORMAT= ALL=1            `make races`; text, html, json
##             GDBSCRIPT=               `make gdb`: commands to run without a terminal
##             DEPTH= PREEMPTIONS=      of the strategies pct and bounded
##             SEEDS=                   `make matrix`, `make bench`: for a median
##             ONLY= CAP= RESUME=1      `make history`
##             BUDGET= RESUME=1 REPEAT= KNOWN= KEEP= NOTIFY= DB=    `make sweep`
##             SINCE= OUT= FORMAT=      `make report`; html, json, junit, ktap
##             AT=                      `make nightly-install`

MAKEFLAGS += --no-print-directory
NSLAB := harness/nslab
PYTEST := PYTHONPYCACHEPREFIX="$(CURDIR)/build/pycache" \
	PYTEST_DEBUG_TEMPROOT="$(CURDIR)/build/tmp" \
	/usr/bin/python3 -m pytest -q -p no:cacheprovider harness/tests

# The shell takes the variables from its environment, quoted, whatever is in them.
export SCENARIO PROFILE STRATEGY VARIANT KERNEL SERIES EXECUTIONS SEED PATCH JOBS TOKEN \
	TEST FINDINGS TIMES FORMAT DEPTH PREEMPTIONS PART SEEDS \
	ONLY CAP GDBSCRIPT SWEEP BUDGET RESUME REPEAT KNOWN KEEP NOTIFY DB SINCE OUT AT ALL

# What each target takes; harness/nslab refuses the others of make's command line, typos above all.
kernel_takes := KERNEL SERIES PATCH
run_takes := SCENARIO PROFILE STRATEGY VARIANT EXECUTIONS SEED JOBS FINDINGS DEPTH PREEMPTIONS
takes_kernel := $(kernel_takes)
takes_run := $(run_takes) $(kernel_takes)
takes_replay := TOKEN SCENARIO PROFILE JOBS TIMES FORMAT $(kernel_takes)
takes_gdb := TOKEN SCENARIO PROFILE STRATEGY VARIANT SEED GDBSCRIPT $(kernel_takes)
takes_races := SCENARIO VARIANT FORMAT ALL JOBS $(kernel_takes)
takes_bench := PART SEEDS VARIANT $(kernel_takes)
takes_matrix := VARIANT SCENARIO STRATEGY EXECUTIONS SEEDS JOBS $(kernel_takes)
takes_history := ONLY EXECUTIONS CAP JOBS RESUME KERNEL
takes_coverage := SCENARIO EXECUTIONS SEED JOBS $(kernel_takes)
takes_sweep := SWEEP BUDGET EXECUTIONS JOBS RESUME REPEAT KNOWN KEEP NOTIFY DB PATCH
takes_report := SINCE KNOWN DB OUT FORMAT
takes_nightly-install := SWEEP AT JOBS KEEP KNOWN NOTIFY
takes_test := TEST
given = $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
front = export NSLAB_TARGET='$@' NSLAB_GIVEN='$(subst ','\'',$(given))' \
	NSLAB_TAKES='$(foreach goal,$(or $(MAKECMDGOALS),$@),$(takes_$(goal)))'

# $(call option,name,VARIABLE): --name with the variable's value, if it has one
option = $${$(2):+--$(1) "$$$(2)"}
# $(call nslab,command and options): with --patch for each word of PATCH
nslab = set -f; for file in $$PATCH; do set -- "$$@" --patch "$$file"; done; \
	$(front); exec $(NSLAB) $(1) "$$@"

kernel_options = $(call option,kernel,KERNEL) $(call option,series,SERIES)
run_options = $(call option,scenario,SCENARIO) $(call option,profile,PROFILE) \
	$(call option,strategy,STRATEGY) $(call option,variant,VARIANT) \
	$(call option,executions,EXECUTIONS) $(call option,seed,SEED) $(call option,jobs,JOBS) \
	$(call option,findings,FINDINGS) $(call option,depth,DEPTH) \
	$(call option,preemptions,PREEMPTIONS)
replay_options = $(call option,scenario,SCENARIO) $(call option,profile,PROFILE) $(call option,jobs,JOBS) \
	$(call option,times,TIMES) $(call option,format,FORMAT)

.PHONY: help setup kernel run races replay gdb list check test coverage matrix history bench clean \
	sweep report nightly-install nightly-uninstall nightly-status
.NOTPARALLEL:

help:
	@sed -n 's/^## \?//p' Makefile

setup:
	@uml/setup.sh

kernel: setup
	@$(call nslab,build $(kernel_options))

run: setup
	@$(call nslab,run $(kernel_options) $(run_options))

replay: setup
	@$(call nslab,replay $(kernel_options) $(replay_options) $${TOKEN:+"$$TOKEN"})

races: setup
	@$(call nslab,races $(kernel_options) $(call option,scenario,SCENARIO) \
		$(call option,variant,VARIANT) $(call option,format,FORMAT) \
		$(if $(filter-out 0,$(ALL)),--all) $(call option,jobs,JOBS))

gdb: setup
	@$(call nslab,gdb $(kernel_options) $(call option,scenario,SCENARIO) \
		$(call option,profile,PROFILE) $(call option,strategy,STRATEGY) \
		$(call option,variant,VARIANT) $(call option,seed,SEED) \
		$(call option,script,GDBSCRIPT) $${TOKEN:+"$$TOKEN"})

list: setup
	@$(front); exec $(NSLAB) list

bench: setup
	@$(call nslab,bench $(kernel_options) $(call option,part,PART) $(call option,seeds,SEEDS) \
		$(call option,variant,VARIANT))

matrix: setup
	@$(call nslab,matrix $(kernel_options) $(call option,variant,VARIANT) \
		$(call option,scenario,SCENARIO) $(call option,strategy,STRATEGY) \
		$(call option,executions,EXECUTIONS) $(call option,seeds,SEEDS) $(call option,jobs,JOBS))

history: setup
	@$(front); exec $(NSLAB) history $(call option,only,ONLY) $(call option,executions,EXECUTIONS) \
		$(call option,cap,CAP) $(call option,jobs,JOBS) $(call option,kernel,KERNEL) \
		$(if $(filter-out 0,$(RESUME)),--resume)

coverage: setup
	@$(call nslab,coverage $(kernel_options) $(call option,scenario,SCENARIO) \
		$(call option,executions,EXECUTIONS) $(call option,seed,SEED) $(call option,jobs,JOBS))

sweep: setup
	@$(call nslab,sweep $(call option,budget,BUDGET) $(call option,executions,EXECUTIONS) \
		$(call option,jobs,JOBS) $(if $(filter-out 0,$(RESUME)),--resume) \
		$(call option,repeat,REPEAT) $(call option,known,KNOWN) $(call option,keep,KEEP) \
		$(call option,notify,NOTIFY) $(call option,db,DB) $${SWEEP:+"$$SWEEP"})

report: setup
	@$(front); exec $(NSLAB) report $(call option,since,SINCE) $(call option,known,KNOWN) \
		$(call option,db,DB) $(call option,out,OUT) $(call option,format,FORMAT)

nightly-install: setup
	@$(front); exec $(NSLAB) nightly install $(call option,at,AT) $(call option,jobs,JOBS) \
		$(call option,keep,KEEP) $(call option,known,KNOWN) $(call option,notify,NOTIFY) \
		$(call option,sweep,SWEEP)

nightly-uninstall nightly-status: setup
	@$(front); exec $(NSLAB) nightly $(@:nightly-%=%)

check:
	@uml/setup.sh check
	@mkdir -p build/tmp
	@$(PYTEST) -m 'not (kernel or browser or slow)' -n "$$(nproc)" $${TEST:+-k "$$TEST"}

test:
	@uml/setup.sh check tests
	@$(front); $(NSLAB) build || { echo '0 passed, 1 failed'; exit 1; }
	@mkdir -p build/tmp
	@$(PYTEST) $${TEST:+-k "$$TEST"}

clean:
	@rm -rf build
