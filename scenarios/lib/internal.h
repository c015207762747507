/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the framework share, and scenarios do not see.
 *
 *   scenario.c  the list of scenarios, assertions
 *   plan.c      reads the plan
 *   json.c      writes the results
 *   explorer.c  runs execution after execution
 *   actors.c    the processes that take part
 *   bounded.c   strategy "bounded": which schedule next
 *   effects.c   what steps do, and which of them depend on each other
 *   schedule.c  schedules as text
 *   leak.c      is there as much after an execution as before?
 *   heap.c      the same of the objects of each slab cache
 *   marked.c    marked calls: has one that failed left everything as it was?
 *   failnth.c   which allocation of which marked call fails when
 *   kmemleak.c  the same of memory, at the end of a boot
 *   guest.c     what init has to do in a guest
 *   main.c      init, and --list on the host
 */
#ifndef SCENARIOS_LIB_INTERNAL_H
#define SCENARIOS_LIB_INTERNAL_H

#include <stdio.h>

#include "lib/scenario.h"
#include "../faults/kernel/uapi.h"

struct control;

#define MARKED_MAX_CALLS	64	/* of an actor, in an execution */
#define MARKED_NAME_MAX		64

/**
 * struct marked - the marked calls of an execution
 * @ncalls: how many of each actor
 * @failed: in one of them an allocation failed
 * @actor: which
 * @call: its number, from 1
 * @err: the errno it returned, 0 if it did not fail
 */
struct marked {
	unsigned int ncalls[SCENARIO_MAX_ACTORS];
	bool failed;
	unsigned int actor;
	unsigned int call;
	int err;
};

/**
 * struct shared - memory that the explorer and all actors see
 * @calls: in its first page: what the kernel sees, too
 * @scenario: the scenario (a pointer into the program, the same everywhere)
 * @n: number of the execution
 * @input: what scenario_input() is in it
 * @seed: of the execution
 * @pids: of the actors, by index
 * @control: how to reach the kernel
 * @unsteered: actors sleep for some random time before they begin
 * @warm: there was an execution before, so the leak oracle has looked
 * @failed: some assertion did not hold, or the execution left something
 * @message: which assertion
 * @marks: marked calls count
 * @marked: those of this execution
 * @names: theirs
 */
struct shared {
	struct nslab_calls calls;
	struct scenario *scenario;
	uint64_t n;
	unsigned int input;
	uint64_t seed;
	pid_t pids[SCENARIO_MAX_ACTORS];
	const struct control *control;
	bool unsteered;
	bool warm;
	bool failed;
	char message[SCENARIO_MESSAGE_MAX];
	bool marks;
	struct marked marked;
	char names[SCENARIO_MAX_ACTORS][MARKED_MAX_CALLS][MARKED_NAME_MAX];
};

extern struct shared *shared;

#define SCENARIO_NAME_MAX	40	/* without the hash of its text */

struct scenario *scenario_next(const struct scenario *scenario);
struct scenario *scenario_find(const char *name);
void scenarios_check(void);

uint64_t mix64(uint64_t x);
uint64_t execution_seed(uint64_t plan_seed, uint64_t n);

/* === Plan === */

#define PLAN_MAX_KNOBS		1024
#define PLAN_KNOB_MAX		4000	/* bytes; the kernel takes a page at a time */
#define PLAN_PROFILES		16
#define PLAN_MAX_SCHEDULES	4096

/**
 * struct plan - what this boot is to do
 * @scenario: name
 * @strategy: name
 * @token: what comes before ".N" in the token of execution N
 * @seed: every execution's seed derives from it
 * @first: number of the first execution
 * @count: how many
 * @timeout_ms: guest time after which an execution hangs
 * @trace: write the steps of each execution
 * @unnamed: named points are no scheduling points
 * @all_points: with @shared: those that touch no shared word are, too
 * @reuse: freed memory is used again at once: in every second execution that is drawn,
 *	in all that have a schedule
 * @shared: what actors share is watched: one of @knobs says so
 * @fail_nth: each allocation of each marked call fails once
 * @depth: for pct
 * @length: for pct, in steps
 * @preemptions: for bounded: how many at most
 * @unpruned: for bounded: leave nothing out
 * @words: report the words that the actors share
 * @profiles: find them in so many executions that are drawn, of all inputs, some of
 *	each; besides those where each actor goes first
 * @skip: numbers of those that are left out, "3,17": the kernel dies in them
 * @idle: each execution is followed by so many without faults, whose failures are its
 * @measure: no execution, run the benchmark of the scenario's subject
 * @failures: for bounded: the allocations that fail, as schedules have them
 * @schedules: for replay: texts, as schedule_parse() reads them
 * @nschedules: how many
 * @knobs: "path=value", to be written below debugfs
 * @nknobs: how many
 */
struct plan {
	char scenario[64];
	char strategy[32];
	char token[NSLAB_TOKEN_LEN - 24];
	uint64_t seed;
	uint64_t first;
	uint64_t count;
	uint64_t timeout_ms;
	bool trace;
	bool unnamed;
	bool all_points;
	bool reuse;
	bool shared;
	bool fail_nth;
	bool unpruned;
	bool measure;
	bool words;
	uint64_t profiles;
	const char *skip;
	uint64_t idle;
	uint64_t depth;
	uint64_t length;
	uint64_t preemptions;
	const char *failures;
	const char *schedules[PLAN_MAX_SCHEDULES];
	unsigned int nschedules;
	const char *knobs[PLAN_MAX_KNOBS];
	unsigned int nknobs;
};

int plan_parse(struct plan *plan, char *text, char *error, size_t size);

/* === Schedules === */

/* A switch takes up to seven characters, a failure up to six. */
#define SCHEDULE_TEXT_MAX	(NSLAB_MAX_SWITCHES * 8 + NSLAB_MAX_FAILURES * 8)

/**
 * struct schedule - what is to happen in an execution
 * @switches: decisions that are not made by default
 * @failures: allocations that fail
 */
struct schedule {
	struct nslab_switch switches[NSLAB_MAX_SWITCHES];
	unsigned int nswitches;
	struct nslab_failure failures[NSLAB_MAX_FAILURES];
	unsigned int nfailures;
};

int schedule_parse(struct schedule *schedule, const char *text);
int schedule_parse_failures(struct schedule *schedule, const char *text);
char *schedule_text(char *buf, const struct schedule *schedule);

/* === Results === */

/**
 * struct result - of one execution
 * @n: its number in the plan
 * @seed: its own
 * @oracle: what judged it to have failed, NULL if it passed
 * @message: what the oracle said, or NULL
 * @schedule: as text, NULL where the strategy did not follow one
 * @failed: the allocation that failed in a marked call, or NULL
 * @run: what the kernel counted
 */
struct result {
	uint64_t n;
	uint64_t seed;
	const char *oracle;
	const char *message;
	const char *schedule;
	const struct nslab_site *failed;
	const struct nslab_run *run;
};

/* Each byte of a message may become six. */
#define RESULT_MAX	(SCHEDULE_TEXT_MAX + 6 * SCENARIO_MESSAGE_MAX + 1024)

struct bounded_stats;

void json_result(char *buf, size_t size, const struct result *result);
void json_error(char *buf, size_t size, const char *message);
void json_search(char *buf, size_t size, uint64_t n,
		 const struct bounded_stats *stats);
void json_site(char *buf, size_t size, uint64_t n, const struct nslab_site *site,
	       bool counted);
void json_round(char *buf, size_t size, uint64_t executions,
		unsigned int points);
void json_list(FILE *out);

/* === Explorer === */

/**
 * struct control - how the explorer reaches the kernel; the tests have a toy
 * @join: the calling actor waits for the start; 0, or negative
 * @leave: the calling actor leaves; returns when it may do other things
 * @next: @leave and @join for the next execution, in one
 * @run: one execution; 0, or a negative errno
 * @faults: how many allocations of the calling actor failed in this execution
 * @events: copy the trace of the last execution; 0, or a negative errno
 * @subject: describe one of the subjects that the kernel has; 0, or negative
 * @count: how many objects there are; 0, or negative
 * @settle: wait until no callback and no work is pending; 0, or negative
 * @heap: compare what slab caches hold; 0, or negative
 * @kmemleak: give the detector a command, or take its report; 0, or negative
 * @sleep: let some seconds of guest time pass
 * @release: the execution has been judged; returns 0 when the kept actors wait
 *	for the next one, with a count
 * @calls: the memory in which actors write which call they are in; 0, or negative
 * @sites: copy the allocations in marked calls; 0, or negative
 * @report: hand the stack with that id to the harness, once; 0, or negative
 * @attributes: what the calling actor has; 0, or negative
 * @shared: copy the words that profile executions have found; 0, or negative; NULL:
 *	there are no such executions
 * @adopt: those are the set from now on; 0, or negative
 * @emit: hand a line to the harness
 */
struct control {
	int (*join)(unsigned int index, const char *name);
	int (*leave)(void);
	int (*next)(unsigned int index, const char *name);
	int (*run)(struct nslab_run *run);
	int (*faults)(void);
	int (*events)(struct nslab_event *events);
	int (*subject)(struct nslab_subject_info *info);
	int (*release)(struct nslab_release *release);
	int (*count)(struct nslab_counters *counters);
	int (*settle)(void);
	int (*heap)(struct nslab_heap *heap);
	int (*calls)(struct nslab_calls *calls);
	int (*sites)(struct nslab_site *sites);
	int (*report)(uint64_t stack);
	int (*attributes)(struct nslab_attributes *attributes);
	int (*kmemleak)(const char *command, char *report, size_t size);
	void (*sleep)(unsigned int seconds);
	int (*shared)(struct nslab_words *words);
	int (*adopt)(void);
	void (*emit)(const char *line);
};

int explore(const struct plan *plan, struct scenario *scenario,
	    const struct control *control);
void json_error_line(const struct control *control, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* === Actors === */

int actors_start(struct scenario *scenario, const struct control *control,
		 bool kept);
void actors_stop_fresh(struct scenario *scenario);
unsigned long actors_kept(const struct scenario *scenario);
bool actors_nobody_reaps(const struct scenario *scenario);
int actors_self(void);

/* === Each allocation fails once === */

int failnth_start(unsigned int setups);
unsigned int failnth_both(struct nslab_site *sites, unsigned int n,
			  const struct nslab_site *again, unsigned int nagain);
int failnth_counted(unsigned int setup, const struct nslab_site *sites,
		    unsigned int n, const unsigned int *ncalls);
const struct nslab_site *failnth_aim(uint64_t n);
uint64_t failnth_round(void);
bool failnth_is_new(unsigned int setup, const struct nslab_site *site);

/* === Leaks === */

int leak_start(const struct control *control);
int leak_check(const struct control *control, struct nslab_counters now,
	       char *message, size_t size);

/**
 * struct heap_runs - how to run an execution once more
 * @again: as it was: 0, or what heap_check() is to return
 * @plain: without faults, as the first executions of a boot: likewise
 * @data: for both
 */
struct heap_runs {
	int (*again)(void *data);
	int (*plain)(void *data);
	void *data;
};

int heap_start(const struct control *control);
int heap_accept(const struct control *control);
int heap_check(const struct control *control, const struct heap_runs *runs,
	       char *message, size_t size);

void kmemleak_summary(const char *report, char *message, size_t size);
int kmemleak_start(const struct control *control);
int kmemleak_check(const struct control *control, char *message, size_t size);

/* === Subjects === */

int subjects_start(const struct control *control,
		   const struct scenario *scenario);
unsigned int subjects_mask(void);
const char *subjects_counter(unsigned int i);
const struct nslab_attribute_info *subjects_attribute(unsigned int i);

/* === Measuring === */

/**
 * struct benchmark - what a subject measures for "make bench", registered by a
 *	constructor
 * @subject: name
 * @measure: measure everything. @control takes a line for each: calls, and the
 *	nanoseconds they took. @expedite writes "1" or "0" to where RCU is told to
 *	expedite grace periods. 0, or -1 after an error line for the harness
 */
struct benchmark {
	const char *subject;
	int (*measure)(const struct control *control,
		       int (*expedite)(const char *value));
	struct benchmark *next;
};

void benchmark_register(struct benchmark *benchmark);
int benchmark_run(const struct scenario *scenario, const struct control *control,
		  int (*expedite)(const char *value));

/* === Guest === */

int guest_main(void);

#endif /* SCENARIOS_LIB_INTERNAL_H */
