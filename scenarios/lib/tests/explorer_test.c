// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests: the explorer with a toy in the kernel's place. The toy runs the
 * actors as processes, too, one after the other; what it does not have is a
 * kernel that could go wrong.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/run/execute.h"
#include "lib/tests/test_group.h"

/* === A scenario that does what the test tells it === */

SCENARIO("toy", "a toy");

STATE {
	int ran[3];
	int seen_at_check;
};

static struct {
	bool fail_actor, fail_setup, fail_check, crash;
	int fail_call;
	int setups, checks, teardowns, afters, orphans, left_over;
	pid_t child;
	char inputs[128];	/* one after the other */
} *told;

#define WARM_UPS	3
INPUTS(WARM_UPS);

SETUP()
{
	told->setups++;
	told->inputs[strlen(told->inputs)] = '0' + scenario_input();
	if (told->fail_setup)
		FAIL("told to");
}

static int told_call(void)
{
	errno = told->fail_call;
	return errno ? -1 : 0;
}

ACTOR(first, KEPT)
{
	self->ran[0]++;
	REQUIRE(told_call());
	if (told->fail_actor)
		FAIL("told to %s", "fail");
}

BEFORE(first)
{
	told->left_over += told->child && !kill(told->child, 0);
	told->child = actor_make("third", 0);
}

AFTER(first)
{
	told->afters++;
}

ACTOR(second, FRESH)
{
	self->ran[1]++;
	if (told->crash)
		raise(SIGTERM);
}

ACTOR(third, CHILD)
{
	self->ran[2]++;
	told->orphans += getppid() != actor_pid("first") ||
			 getpid() != actor_pid("third");
}

CHECK()
{
	told->checks++;
	ASSERT_EQ(1, self->ran[2]);
	self->seen_at_check = self->ran[0] + self->ran[1];
	ASSERT_EQ(told->fail_check ? 3 : 2, self->seen_at_check);
}

TEARDOWN()
{
	told->teardowns++;
}

/* === The toy === */

static struct {
	volatile int go[3], done[3];
	int runs, warm_ups, status, err, faults;
	int leaks_in, back_after, settles;	/* in which run, of it */
	volatile int rests, restarts;
	bool no_count;
	int scans, clears, slept;
	bool forgets, no_kmemleak;
	/* Objects that an execution asks for and does not free. */
	uint64_t keeps_in;
	int repetitions, plain_runs, status_again;
	bool caches, flushes, no_heap;
	int objects, most, before;
	bool suspect;
	int words, shared_new;
	__u32 word_flags;
	bool finds_later, no_words;
	int adopted;
	unsigned long profiled;		/* runs, a bit each */
	uint64_t profile_seeds;
	int dies_in;
	struct nslab_run run;
} *toy;

static char lines[8192];

static int toy_join(unsigned int index, const char *name)
{
	while (!toy->go[index])
		usleep(100);
	toy->go[index] = 0;
	return 0;
}

static unsigned int toy_index(void)
{
	unsigned int i = 0;

	while (shared->pids[i] != getpid())
		i++;
	return i;
}

static int toy_leave(void)
{
	int before = toy->rests;

	toy->done[toy_index()] = 1;
	while (toy->rests == before)
		usleep(100);
	return 0;
}

static bool died(pid_t pid)
{
	siginfo_t info = {};

	waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid == pid;
}

static void toy_keep(const struct nslab_run *run)
{
	bool again = run->flags & NSLAB_RUN_REPEATED;

	if (run->flags & NSLAB_RUN_WARM_UP) {
		toy->plain_runs += again;
		if (again && toy->flushes)
			toy->objects = 0;
	} else {
		toy->repetitions += again;
		toy->objects += toy->keeps_in &&
				run->execution == toy->keeps_in &&
				!(again && toy->caches);
	}
}

static int toy_run(struct nslab_run *run)
{
	int i;

	toy->runs++;
	toy->warm_ups += !!(run->flags & NSLAB_RUN_WARM_UP);
	toy_keep(run);
	toy->run = *run;
	if (run->flags & NSLAB_RUN_PROFILE && toy->runs < 64)
		toy->profiled |= 1UL << toy->runs;
	if (run->flags & NSLAB_RUN_PROFILE && run->flags & NSLAB_RUN_WARM_UP)
		toy->profile_seeds = mix64(toy->profile_seeds ^ run->seed);
	if (toy->runs == toy->dies_in) {
		run->status = NSLAB_STATUS_SPLAT;
		return 0;
	}
	run->shared_new = toy->finds_later;
	if (toy->err)
		return toy->err;
	for (i = 0; i < 3; i++) {
		toy->done[i] = 0;
		toy->go[i] = 1;
		while (!toy->done[i] && !died(shared->pids[i]))
			usleep(100);
	}
	run->status = run->flags & NSLAB_RUN_REPEATED ? toy->status_again :
							toy->status;
	run->points = 5;
	run->hash = run->seed ^ 1;
	run->nevents = 3;
	if (!(run->flags & NSLAB_RUN_WARM_UP))
		run->shared_new += toy->shared_new;
	return 0;
}

/* Of what the toy does: the first actor runs to its end, then the second. */
static int toy_events(struct nslab_event *events)
{
	const __u8 decided = NSLAB_EVENT_IS_POINT | NSLAB_EVENT_IS_FREE;

	events[0] = (struct nslab_event) {
		.kind = NSLAB_EVENT_BEGIN, .actor = NSLAB_NOBODY,
		.flags = decided, .enabled = 3, .next = 0,
	};
	events[1] = (struct nslab_event) {
		.kind = NSLAB_EVENT_END, .actor = 0, .local = 1,
		.flags = decided, .enabled = 2, .next = 1,
	};
	events[2] = (struct nslab_event) {
		.kind = NSLAB_EVENT_END, .actor = 1, .local = 1,
		.flags = decided, .next = NSLAB_NOBODY,
	};
	if (toy->run.nswitches) {
		events[0].next = 1;
		events[1].actor = 1;
		events[1].enabled = 1;
		events[1].next = 0;
		events[2].actor = 0;
	}
	return 0;
}

static int toy_next(unsigned int index, const char *name)
{
	return toy_leave() ?: toy_join(index, name);
}

/* What an execution left comes back late, or not at all. */
static int toy_count(struct nslab_counters *counters)
{
	counters->n = 2;
	memset(counters->values, 0, sizeof(counters->values));
	if (toy->runs == toy->leaks_in && toy->settles < toy->back_after) {
		counters->values[0] = 2;
		counters->values[1] = -1;
	}
	return toy->no_count ? -1 : 0;
}

/* There are two, of which the scenario has none: all take part. */
static int toy_subject(struct nslab_subject_info *info)
{
	if (info->index > 1)
		return -1;
	info->number = info->index ? 4 : 1;
	snprintf(info->name, sizeof(info->name), "toy %u", info->index);
	info->ncounters = 1;
	snprintf(info->counters[0], sizeof(info->counters[0]), "%s",
		 info->index ? "gadgets" : "widgets");
	return 0;
}

static int toy_settle(void)
{
	toy->settles += toy->runs == toy->leaks_in;
	return 0;
}

static int toy_release(struct nslab_release *release)
{
	toy->rests++;
	toy->restarts += !!(release->flags & NSLAB_RELEASE_RESTART);
	if (release->flags & NSLAB_RELEASE_SETTLE)
		toy_settle();
	toy_count(&release->counters);
	release->grown = toy->objects > toy->most;
	return release->mask == 1 ? 0 : -1;
}

static int toy_heap(struct nslab_heap *heap)
{
	switch (heap->command) {
	case NSLAB_HEAP_START:
		toy->most = toy->objects;
		break;
	case NSLAB_HEAP_GROWN:
		heap->n = toy->objects > toy->most;
		break;
	case NSLAB_HEAP_SUSPECT:
		toy->suspect = toy->objects > toy->most;
		toy->before = toy->objects;
		heap->n = toy->suspect;
		break;
	case NSLAB_HEAP_AGAIN:
		heap->n = toy->suspect && toy->objects > toy->before;
		break;
	case NSLAB_HEAP_JUDGE:
	case NSLAB_HEAP_LAST:
		toy->suspect &= toy->objects > toy->before;
		toy->before = toy->objects;
		heap->n = toy->suspect;
		break;
	case NSLAB_HEAP_LEFT:
		toy->suspect &= toy->objects >= toy->before;
		heap->n = toy->suspect;
		break;
	case NSLAB_HEAP_END:
		heap->n = toy->suspect;
		snprintf(heap->text, sizeof(heap->text), "kmalloc-8 +1 from f < g");
		toy->suspect = false;
		if (toy->objects > toy->most)
			toy->most = toy->objects;
		break;
	}
	errno = ENOTTY;
	return toy->no_heap ? -1 : 0;
}

static const char unreferenced[] =
	"unreferenced object 0x61c8 (size 64):\n"
	"  comm \"init\", pid 1, jiffies 4294937472\n"
	"  hex dump (first 32 bytes):\n"
	"    01 00 00 00 00 00 00 00  ........\n"
	"  backtrace (crc 8d83b8a2):\n"
	"    kmemleak_alloc+0x2e/0x40\n"
	"    kmem_cache_alloc_noprof+0x152/0x2c0\n"
	"    copy_fs_struct+0x1c/0x230\n"
	"    make_widget+0x91/0x140\n"
	"    sys_widget+0x191/0xbe0\n"
	"    handle_syscall+0x77/0xb0\n"
	"unreferenced object 0x61c9 (size 8):\n"
	"    other+0x77/0xb0\n";

static int toy_kmemleak(const char *command, char *report, size_t size)
{
	if (toy->no_kmemleak) {
		errno = EPERM;
		return -1;
	}
	toy->scans += command && !strcmp(command, "scan");
	toy->clears += command && !strcmp(command, "clear");
	if (report)
		snprintf(report, size, "%s",
			 toy->forgets ? unreferenced : "");
	return 0;
}

static void toy_sleep(unsigned int seconds)
{
	toy->slept += seconds;
}

static int toy_faults(void)
{
	return toy->faults;
}

static void toy_emit(const char *line)
{
	strcat(lines, line);
}

/* One word, from the warm-up on or only later. */
static int toy_one_word(struct nslab_words *words)
{
	struct nslab_word *word;

	word = (void *)(uintptr_t)words->words;
	words->n = toy->words++ || !toy->shared_new;
	*word = (struct nslab_word) { .flags = toy->word_flags };
	return 0;
}

/* Two words, and a third that is found later. */
static int toy_shared(struct nslab_words *words)
{
	struct nslab_word *to = (struct nslab_word *)(uintptr_t)words->words;
	unsigned int i;

	if (toy->word_flags)
		return toy_one_word(words);
	words->n = toy->finds_later ? 3 : 2;
	for (i = 0; i < words->n; i++)
		to[i] = (struct nslab_word) {
			.kind = i ? NSLAB_WORD_KMALLOC : NSLAB_WORD_STATIC,
			.what = i, .offset = 8 * i, .size = 4, .nsides = 1,
			.site = 0x120, .site_start = 0x100,
			.flags = NSLAB_WORD_IS_WATCHED, .name = "widget",
			.sides[0] = {
				.ip = 0x40, .actor = 1, .flags = NSLAB_SIDE_IS_WRITE,
				.locks[0] = "lock",
			},
		};
	to[0].flags |= NSLAB_WORD_IS_POINT;
	snprintf(to[1].locked, sizeof(to[1].locked), "lock");
	to[2].flags = NSLAB_WORD_IS_NEW | NSLAB_WORD_IS_POINT;
	return toy->no_words ? -1 : 0;
}

static int toy_adopt(void)
{
	toy->adopted = toy->runs;
	return 0;
}

static const struct control profiles = {
	.join = toy_join, .leave = toy_leave, .next = toy_next, .run = toy_run,
	.faults = toy_faults, .emit = toy_emit, .events = toy_events,
	.release = toy_release, .count = toy_count, .subject = toy_subject,
	.settle = toy_settle, .heap = toy_heap, .kmemleak = toy_kmemleak, .sleep = toy_sleep,
	.shared = toy_shared, .adopt = toy_adopt,
};

static const struct control control = {
	.join = toy_join, .leave = toy_leave, .next = toy_next, .run = toy_run,
	.faults = toy_faults, .emit = toy_emit, .events = toy_events,
	.release = toy_release, .count = toy_count, .subject = toy_subject,
	.settle = toy_settle, .heap = toy_heap, .kmemleak = toy_kmemleak, .sleep = toy_sleep,
};

static int explored_with(struct plan *plan)
{
	plan->seed = 1;
	plan->timeout_ms = 1000;
	snprintf(plan->token, sizeof(plan->token), "T");
	return explore(plan, scenario_find("toy"), &control);
}

static int explored(uint64_t first, uint64_t count)
{
	struct plan plan = {
		.strategy = "none", .first = first, .count = count,
	};

	return explored_with(&plan);
}

static int before(void **state)
{
	begin_group();
	told = map_for_all(sizeof(*told));
	toy = map_for_all(sizeof(*toy));
	lines[0] = '\0';
	return 0;
}

/* === Tests === */

static void each_execution_is_told(void **state)
{
	assert_int_equal(0, explored(3, 2));
	/* One for each input to warm up, which nobody hears of. */
	assert_int_equal(WARM_UPS, toy->warm_ups);
	assert_int_equal(WARM_UPS + 2, toy->runs);
	assert_int_equal(WARM_UPS + 2, told->setups);
	assert_int_equal(WARM_UPS + 2, told->checks);
	assert_int_equal(WARM_UPS + 2, told->teardowns);
	assert_non_null(strstr(lines, "\"n\":3,"));
	assert_non_null(strstr(lines, "\"n\":4,"));
	assert_null(strstr(lines, "fail"));
}

static void actors_and_check_share_the_state(void **state)
{
	assert_int_equal(0, explored(0, 1));
	assert_int_equal(2, self->seen_at_check);
}

static void first_failed_assertion_is_told(void **state)
{
	told->fail_actor = true;
	told->fail_check = true;
	assert_int_equal(0, explored(0, 1));
	assert_non_null(strstr(lines, "\"oracle\":\"assertion\""));
	assert_non_null(strstr(lines, "explorer_test.c:"));
	assert_non_null(strstr(lines, "told to fail"));
}

static void failed_check_is_told(void **state)
{
	told->fail_check = true;
	assert_int_equal(0, explored(0, 1));
	assert_non_null(strstr(lines, "self->seen_at_check is 2, expected"));
}

static void crashed_actor_is_told(void **state)
{
	told->crash = true;
	assert_int_equal(0, explored(0, 1));
	assert_non_null(strstr(lines, "second:0: killed by signal 15"));
}

static void leak_is_told(void **state)
{
	toy->leaks_in = WARM_UPS + 2;
	toy->back_after = 1000;
	assert_int_equal(0, explored(5, 3));
	assert_non_null(strstr(lines, "\"n\":5,"));
	assert_non_null(strstr(lines, "\"n\":6,"));
	assert_non_null(strstr(lines, "\"oracle\":\"leak\",\"message\":"
				      "\"widgets +2, gadgets -1\""));
	/* The one after it gets what was missing, which is as wrong. */
	assert_non_null(strstr(lines, "widgets -2"));
}

static void leak_ends_a_search(void **state)
{
	struct plan plan = {
		.strategy = "bounded", .first = 3, .count = 100,
		.preemptions = 2,
	};

	toy->leaks_in = WARM_UPS + 1;
	toy->back_after = 1000;
	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(WARM_UPS + 1, toy->runs);
}

static void what_comes_back_late_is_no_leak(void **state)
{
	toy->leaks_in = WARM_UPS + 2;
	toy->back_after = 7;
	assert_int_equal(0, explored(5, 3));
	assert_null(strstr(lines, "leak"));
	assert_int_equal(7, toy->settles);
}

static int times(const char *what);

static void lost_memory_is_told(void **state)
{
	toy->keeps_in = 6;
	assert_int_equal(0, explored(5, 3));
	assert_non_null(strstr(strstr(lines, "\"n\":6,"),
			       "\"oracle\":\"leak\",\"message\":\"kmalloc-8 +1 "
			       "from f < g, in each of 3 repetitions\""));
	assert_int_equal(1, times("\"verdict\":\"fail\""));
	/* They are no executions of their own. */
	assert_int_equal(3, times("\"event\":\"execution\""));
	assert_int_equal(3, toy->repetitions);
	assert_int_equal(2, toy->plain_runs);
	assert_int_equal(WARM_UPS + 3 + 3 + 2, toy->runs);
	/* As execution 6 itself, not as those that warm up. */
	assert_string_equal("012" "1" "222222" "0", told->inputs);
}

static void cached_memory_is_no_leak(void **state)
{
	toy->keeps_in = 6;
	toy->caches = true;
	assert_int_equal(0, explored(5, 3));
	assert_null(strstr(lines, "fail"));
	assert_int_equal(1, toy->repetitions);
	assert_int_equal(0, toy->plain_runs);
}

static void what_another_execution_frees_is_no_leak(void **state)
{
	toy->keeps_in = 6;
	toy->flushes = true;
	assert_int_equal(0, explored(5, 3));
	assert_null(strstr(lines, "fail"));
	assert_int_equal(3, toy->repetitions);
	assert_in_range(toy->plain_runs, 1, 2);
}

static void a_repetition_that_cannot_follow_tells_nothing(void **state)
{
	toy->keeps_in = 6;
	toy->status_again = NSLAB_STATUS_DIVERGED;
	assert_int_equal(0, explored(5, 3));
	assert_null(strstr(lines, "fail"));
	assert_int_equal(1, toy->repetitions);
}

static void a_repetition_that_hangs_is_told(void **state)
{
	toy->keeps_in = 6;
	toy->status_again = NSLAB_STATUS_HANG;
	assert_int_not_equal(0, explored(5, 3));
	assert_non_null(strstr(strstr(lines, "\"n\":6,"), "\"oracle\":\"hang\""));
	assert_null(strstr(lines, "\"n\":7,"));
}

static int explored_idle(void)
{
	struct plan plan = {
		.strategy = "none", .first = 5, .count = 2, .idle = 2,
	};

	return explored_with(&plan);
}

static void idle_executions_follow(void **state)
{
	assert_int_equal(0, explored_idle());
	assert_int_equal(2 * 2, toy->plain_runs);
	assert_int_equal(WARM_UPS + 2 * (1 + 2), toy->runs);
	assert_int_equal(2, times("\"event\":\"execution\""));
	/* With the input of the execution that they follow. */
	assert_string_equal("012" "111" "222", told->inputs);
	assert_null(strstr(lines, "fail"));
}

static void what_an_idle_execution_shows_is_of_the_one_before(void **state)
{
	toy->status_again = NSLAB_STATUS_HANG;
	assert_int_not_equal(0, explored_idle());
	assert_non_null(strstr(strstr(lines, "\"n\":5,"), "\"oracle\":\"hang\""));
	assert_int_equal(1, times("\"event\":\"execution\""));
	assert_int_equal(1, toy->plain_runs);
}

static void no_heap_is_the_labs_error(void **state)
{
	toy->no_heap = true;
	assert_int_not_equal(0, explored(0, 1));
	assert_non_null(strstr(lines, "no counters: Inappropriate ioctl"));
}

static void lost_memory_ends_a_search(void **state)
{
	struct plan plan = {
		.strategy = "bounded", .first = 3, .count = 100,
		.preemptions = 2,
	};

	toy->keeps_in = 3;
	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(1, times("\"event\":\"execution\""));
	assert_int_equal(3, toy->repetitions);
}

static void cached_memory_leaves_a_search_its_trace(void **state)
{
	struct plan plan = {
		.strategy = "bounded", .first = 3, .count = 100,
		.preemptions = 2,
	};

	toy->keeps_in = 3;
	toy->caches = true;
	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(2, times("\"event\":\"execution\""));
	assert_non_null(strstr(lines, "\"complete\":2"));
	assert_int_equal(2, toy->repetitions);
}

static void no_count_is_the_labs_error(void **state)
{
	toy->no_count = true;
	assert_int_not_equal(0, explored(0, 1));
	assert_non_null(strstr(lines, "no counters: "));
}

static int explored_for_memory(void)
{
	struct plan plan = {
		.strategy = "none", .first = 5, .count = 3,
		.knobs = { "kmemleak=scan=off" }, .nknobs = 1,
	};

	return explored_with(&plan);
}

static void memory_is_looked_for_at_the_end(void **state)
{
	assert_int_equal(0, explored_for_memory());
	assert_int_equal(4, toy->scans);
	assert_int_equal(1, toy->clears);
	assert_int_equal(12, toy->slept);
	assert_null(strstr(lines, "fail"));
}

static void forgotten_memory_is_told(void **state)
{
	char *last;

	toy->forgets = true;
	assert_int_equal(0, explored_for_memory());
	last = strstr(lines, "\"n\":7,");
	assert_non_null(last);
	assert_non_null(strstr(last, "\"oracle\":\"kmemleak\",\"message\":"
			       "\"2 objects, one of 64 bytes from copy_fs_struct"
			       " < make_widget < sys_widget\""));
	assert_ptr_equal(strstr(lines, "fail"), strstr(last, "fail"));
}

static void a_search_looks_for_memory_when_it_is_through(void **state)
{
	struct plan plan = {
		.strategy = "bounded", .first = 3, .count = 100,
		.preemptions = 2,
		.knobs = { "kmemleak=scan=off" }, .nknobs = 1,
	};

	toy->forgets = true;
	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(4, toy->scans);
	assert_non_null(strstr(strstr(lines, "\"event\":\"search\""),
			       "\"oracle\":\"kmemleak\""));
}

static void no_kmemleak_is_the_labs_error(void **state)
{
	toy->no_kmemleak = true;
	assert_int_not_equal(0, explored_for_memory());
	assert_non_null(strstr(lines, "kmemleak: Operation not permitted"));
}

static void failed_setup_is_the_labs_error(void **state)
{
	told->fail_setup = true;
	assert_int_not_equal(0, explored(0, 1));
	assert_int_equal(0, toy->runs);
	assert_non_null(strstr(lines, "\"event\":\"error\""));
	assert_non_null(strstr(lines, "set-up of execution 0"));
}

static void kernel_that_refuses_is_the_labs_error(void **state)
{
	toy->err = -ETIMEDOUT;
	assert_int_not_equal(0, explored(0, 1));
	assert_non_null(strstr(lines, "an actor did not reach the start"));
}

static void hang_and_splat_end_the_boot(void **state)
{
	toy->status = NSLAB_STATUS_HANG;
	assert_int_not_equal(0, explored(0, 5));
	assert_int_equal(1, toy->runs);
	assert_int_equal(0, told->checks);
	assert_non_null(strstr(lines, "\"oracle\":\"hang\""));

	lines[0] = '\0';
	after(state);
	toy->status = NSLAB_STATUS_SPLAT;
	assert_int_not_equal(0, explored(0, 5));
	assert_non_null(strstr(lines, "\"oracle\":\"splat\""));
}

static void seeds_depend_on_plan_and_number(void **state)
{
	assert_true(execution_seed(1, 5) == execution_seed(1, 5));
	assert_true(execution_seed(1, 5) != execution_seed(1, 6));
	assert_true(execution_seed(1, 5) != execution_seed(2, 5));
}

static void messages_are_json(void **state)
{
	struct nslab_run run = { .points = 3 };
	struct result result = {
		.n = 1, .oracle = "assertion", .message = "a \"b\" \\ \n",
		.run = &run,
	};
	char line[1024];

	json_result(line, sizeof(line), &result);
	assert_non_null(strstr(line, "\"message\":\"a \\\"b\\\" \\\\ \\u000a\""));
	assert_non_null(strstr(line, "\"points\":3,"));
}

static void faults_excuse_a_failed_call(void **state)
{
	told->fail_call = EIO;
	assert_int_equal(0, explored(0, 1));
	assert_non_null(strstr(lines, "told_call(): Input/output error"));

	lines[0] = '\0';
	after(state);
	toy->faults = 1;
	assert_int_equal(0, explored(0, 1));
	assert_null(strstr(lines, "fail"));
}

static int times(const char *what)
{
	const char *at = lines;
	int n = 0;

	while ((at = strstr(at, what))) {
		n++;
		at++;
	}
	return n;
}

static void inputs_come_in_turn(void **state)
{
	assert_int_equal(0, explored(2, 4));
	/* However it goes on, all boots begin in the same way. */
	assert_string_equal("012" "1201", told->inputs);
}

static void kept_actors_rest_after_the_check(void **state)
{
	assert_int_equal(0, explored(1, 2));
	assert_int_equal(WARM_UPS + 2, toy->rests);
	/* The last one may still be at it. */
	assert_in_range(told->afters, WARM_UPS + 1, WARM_UPS + 2);
}

static void executions_start_from_the_same_state(void **state)
{
	assert_int_equal(0, explored(1, 2));
	assert_int_equal(toy->rests, toy->restarts);
}

static void a_scenario_may_carry_on(void **state)
{
	int ret;

	this_scenario.carries_on = true;
	ret = explored(1, 2);
	this_scenario.carries_on = false;
	assert_int_equal(0, ret);
	assert_int_equal(WARM_UPS + 2, toy->rests);
	assert_int_equal(0, toy->restarts);
}

static void a_stress_test_carries_on(void **state)
{
	struct plan plan = { .strategy = "unsteered", .first = 1, .count = 2 };

	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(0, toy->restarts);
}

static void children_live_for_one_execution(void **state)
{
	assert_int_equal(0, explored(1, 3));
	assert_int_equal(0, told->orphans);
	assert_int_equal(0, told->left_over);
}

static void drawn_strategies_reach_the_kernel(void **state)
{
	struct plan plan = {
		.strategy = "pct", .first = 4, .count = 1, .depth = 3,
		.length = 77, .unnamed = true,
	};

	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(NSLAB_STRATEGY_PCT, toy->run.strategy);
	assert_int_equal(3, toy->run.depth);
	assert_int_equal(77, toy->run.length);
	assert_int_equal(NSLAB_RUN_UNNAMED, toy->run.flags);
	assert_non_null(strstr(lines, "\"schedule\":null"));
}

static void what_is_a_point_reaches_the_kernel(void **state)
{
	struct plan plan = {
		.strategy = "random", .first = 4, .count = 1,
		.all_points = true, .shared = true,
	};

	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(NSLAB_RUN_ALL_POINTS | NSLAB_RUN_SHARED, toy->run.flags);
}

static unsigned int flags_of_execution(uint64_t n)
{
	struct plan plan = {
		.strategy = "random", .first = n, .count = 1, .reuse = true,
	};

	assert_int_equal(0, explored_with(&plan));
	return toy->run.flags;
}

static void even_executions_use_memory_again(void **state)
{
	assert_int_equal(NSLAB_RUN_REUSE, flags_of_execution(4));
}

static void odd_executions_do_not(void **state)
{
	assert_int_equal(0, flags_of_execution(5));
}

static int explored_shared(struct plan *plan)
{
	plan->timeout_ms = 1000;
	snprintf(plan->token, sizeof(plan->token), "T");
	return explore(plan, scenario_find("toy"), &profiles);
}

/* Each of the three actors first, and some that are drawn, of each input. */
#define DRAWN		2
#define PROFILED	(WARM_UPS * (3 + DRAWN))

static uint64_t profile_seeds;

static void shared_memory_is_looked_for_first(void **state)
{
	struct plan plan = {
		.strategy = "random", .first = 4, .count = 9, .seed = 1,
		.profiles = DRAWN, .words = true,
	};
	int i, last = WARM_UPS + PROFILED;

	assert_int_equal(0, explored_shared(&plan));
	assert_int_equal(last, toy->warm_ups);
	assert_int_equal(last, toy->adopted);
	assert_int_equal(last + 9, toy->runs);
	for (i = 1; i <= WARM_UPS; i++)
		assert_false(toy->profiled & 1UL << i);
	for (; i <= last; i++)
		assert_true(toy->profiled & 1UL << i);
	/* The first, second, fourth and eighth of those that count. */
	assert_int_equal(0b10001011, toy->profiled >> i);
	assert_non_null(strstr(lines, "{\"word\":{\"what\":0,\"kind\":\"static\","
			       "\"name\":\"widget\","));
	assert_non_null(strstr(lines, "\"kind\":\"kmalloc\",\"name\":\"widget\","
			       "\"site\":{\"ip\":\"0x120\",\"start\":\"0x100\"},"
			       "\"offset\":8,\"size\":4,\"object_size\":0,\"locked\":\"lock\","
			       "\"sides\":[{\"actor\":1,\"write\":true,\"ip\":\"0x40\","
			       "\"locks\":[\"lock\"],\"rcu\":0,"));
	assert_non_null(strstr(lines, "{\"profile\":{\"words\":1,\"locked\":1,\"profiled\":4,"
			       "\"outside\":0,\"outside_unprotected\":0,\"held\":true}}"));
	profile_seeds = toy->profile_seeds;
}

/* Each test has its own actors, so the test before ran the other plan. */
static void the_set_does_not_depend_on_the_seed(void **state)
{
	struct plan plan = {
		.strategy = "pct", .first = 7, .count = 1, .seed = 2, .profiles = DRAWN,
	};

	assert_int_equal(0, explored_shared(&plan));
	assert_int_not_equal(0, profile_seeds);
	assert_int_equal(profile_seeds, toy->profile_seeds);
}

static void what_is_found_later_is_told(void **state)
{
	struct plan plan = { .strategy = "random", .first = 1, .count = 1, .profiles = 1 };

	toy->finds_later = true;
	assert_int_equal(0, explored_shared(&plan));
	assert_null(strstr(lines, "\"new\":false"));
	assert_non_null(strstr(lines, "\"watched\":false,\"new\":true}}"));
	assert_non_null(strstr(lines, "\"outside\":1,\"outside_unprotected\":1,\"held\":false}}"));
}

static void nothing_is_looked_for_where_nobody_decides(void **state)
{
	struct plan plan = { .strategy = "none", .first = 1, .count = 2, .profiles = 8 };

	assert_int_equal(0, explored_shared(&plan));
	assert_int_equal(WARM_UPS, toy->warm_ups);
	assert_int_equal(0, toy->profiled);
	assert_null(strstr(lines, "profil"));
}

static void a_deadly_profile_execution_is_no_result(void **state)
{
	struct plan plan = { .strategy = "random", .first = 1, .count = 1, .profiles = 1 };

	toy->dies_in = WARM_UPS + 2;
	assert_int_equal(EXPLORE_STOPPED, explored_shared(&plan));
	assert_null(strstr(lines, "\"event\""));
	assert_string_equal("{\"profiling\":1}\n{\"profiling\":2}\n", lines);
}

static void profile_executions_can_be_left_out(void **state)
{
	struct plan plan = {
		.strategy = "random", .first = 1, .count = 1, .profiles = 1,
		.skip = "2,5",
	};

	assert_int_equal(0, explored_shared(&plan));
	assert_int_equal(WARM_UPS + WARM_UPS * 4 - 2 + 1, toy->runs);
	assert_null(strstr(lines, "{\"profiling\":2}"));
	assert_null(strstr(lines, "{\"profiling\":5}"));
	assert_non_null(strstr(lines, "{\"profiling\":12}\n{\"profiling\":0}\n"));
}

static void without_a_list_of_words_there_is_no_run(void **state)
{
	struct plan plan = { .strategy = "random", .first = 1, .count = 1, .profiles = 1 };

	toy->no_words = true;
	assert_int_equal(EXPLORE_ERROR, explored_shared(&plan));
	assert_non_null(strstr(lines, "no list of shared words"));
}

static void listed_schedules_are_followed(void **state)
{
	struct plan plan = {
		.strategy = "replay", .first = 4,
		.schedules = { "0", "a2b-a1" }, .nschedules = 2,
	};

	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(WARM_UPS + 2, toy->runs);
	assert_int_equal(1, toy->run.nswitches);
	assert_int_equal(1, toy->run.nfailures);
	assert_int_equal(4, toy->run.execution);
	assert_non_null(strstr(toy->run.token, " schedule=a2b-a1"));
	assert_non_null(strstr(lines, "\"schedule\":\"0\""));
	assert_non_null(strstr(lines, "\"schedule\":\"a2b-a1\""));
}

static void what_is_no_schedule_is_told(void **state)
{
	struct plan plan = {
		.strategy = "replay", .first = 4,
		.schedules = { "a2" }, .nschedules = 1,
	};

	assert_int_not_equal(0, explored_with(&plan));
	assert_non_null(strstr(lines, "\\\"a2\\\" is no schedule"));
}

static void divergence_is_no_failure_of_the_kernel(void **state)
{
	struct plan plan = {
		.strategy = "replay", .first = 4,
		.schedules = { "a2b", "0" }, .nschedules = 2,
	};

	toy->status = NSLAB_STATUS_DIVERGED;
	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(2, times("\"oracle\":\"diverged\""));
}

static void search_runs_every_schedule(void **state)
{
	struct plan plan = {
		.strategy = "bounded", .first = 1, .count = 100,
		.preemptions = 2,
	};

	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(2, times("\"event\":\"execution\""));
	assert_int_equal(1, times("\"schedule\":\"0\""));
	assert_int_equal(1, times("\"schedule\":\"z0b\""));
	assert_int_equal(1, times("\"event\":\"search\""));
	assert_non_null(strstr(lines, "\"complete\":2"));
	assert_non_null(strstr(lines, "\"schedules\":[2,0,"));
}

static int searched_with_word(__u32 flags, bool late)
{
	struct plan plan = {
		.strategy = "bounded", .first = 1, .count = 100,
		.preemptions = 2, .shared = true, .timeout_ms = 1000,
	};
	static struct control with_words;

	with_words = control;
	with_words.shared = toy_shared;
	with_words.adopt = toy_adopt;
	toy->word_flags = flags;
	toy->shared_new = late;
	assert_int_equal(0, explore(&plan, scenario_find("toy"), &with_words));
	return strstr(lines, "\"complete\":2") &&
	       strstr(lines, "\"cut\":null");
}

static void search_with_known_words_is_complete(void **state)
{
	assert_true(searched_with_word(NSLAB_WORD_IS_POINT |
				       NSLAB_WORD_IS_WATCHED, false));
}

static void search_with_a_late_word_under_a_lock_is_complete(void **state)
{
	assert_true(searched_with_word(NSLAB_WORD_IS_NEW, true));
}

/* What only shows in the middle of a search had no points from the beginning. */
static void search_with_a_late_word_is_not_complete(void **state)
{
	assert_false(searched_with_word(NSLAB_WORD_IS_POINT |
					NSLAB_WORD_IS_NEW, true));
	assert_non_null(strstr(lines, "\"complete\":-1"));
	assert_non_null(strstr(lines, "\"cut\":\"unknown\""));
}

static void search_ends_with_its_first_finding(void **state)
{
	struct plan plan = {
		.strategy = "bounded", .first = 1, .count = 100,
		.preemptions = 2,
	};

	told->fail_check = true;
	assert_int_equal(0, explored_with(&plan));
	assert_int_equal(1, times("\"event\":\"execution\""));
	assert_non_null(strstr(lines, "\"complete\":-1"));
}

static void unknown_strategy_is_told(void **state)
{
	struct plan plan = { .strategy = "luck", .first = 1, .count = 1 };

	assert_int_not_equal(0, explored_with(&plan));
	assert_non_null(strstr(lines, "there is no strategy luck"));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, before, after)
	const struct CMUnitTest tests[] = {
		TEST(each_execution_is_told),
		TEST(actors_and_check_share_the_state),
		TEST(first_failed_assertion_is_told),
		TEST(failed_check_is_told),
		TEST(crashed_actor_is_told),
		TEST(leak_is_told),
		TEST(leak_ends_a_search),
		TEST(what_comes_back_late_is_no_leak),
		TEST(no_count_is_the_labs_error),
		TEST(lost_memory_is_told),
		TEST(cached_memory_is_no_leak),
		TEST(what_another_execution_frees_is_no_leak),
		TEST(a_repetition_that_cannot_follow_tells_nothing),
		TEST(a_repetition_that_hangs_is_told),
		TEST(idle_executions_follow),
		TEST(what_an_idle_execution_shows_is_of_the_one_before),
		TEST(no_heap_is_the_labs_error),
		TEST(lost_memory_ends_a_search),
		TEST(cached_memory_leaves_a_search_its_trace),
		TEST(memory_is_looked_for_at_the_end),
		TEST(forgotten_memory_is_told),
		TEST(a_search_looks_for_memory_when_it_is_through),
		TEST(no_kmemleak_is_the_labs_error),
		TEST(failed_setup_is_the_labs_error),
		TEST(kernel_that_refuses_is_the_labs_error),
		TEST(hang_and_splat_end_the_boot),
		TEST(seeds_depend_on_plan_and_number),
		TEST(messages_are_json),
		TEST(faults_excuse_a_failed_call),
		TEST(inputs_come_in_turn),
		TEST(kept_actors_rest_after_the_check),
		TEST(executions_start_from_the_same_state),
		TEST(a_scenario_may_carry_on),
		TEST(a_stress_test_carries_on),
		TEST(children_live_for_one_execution),
		TEST(drawn_strategies_reach_the_kernel),
		TEST(what_is_a_point_reaches_the_kernel),
		TEST(even_executions_use_memory_again),
		TEST(odd_executions_do_not),
		TEST(shared_memory_is_looked_for_first),
		TEST(the_set_does_not_depend_on_the_seed),
		TEST(what_is_found_later_is_told),
		TEST(nothing_is_looked_for_where_nobody_decides),
		TEST(a_deadly_profile_execution_is_no_result),
		TEST(profile_executions_can_be_left_out),
		TEST(without_a_list_of_words_there_is_no_run),
		TEST(listed_schedules_are_followed),
		TEST(what_is_no_schedule_is_told),
		TEST(divergence_is_no_failure_of_the_kernel),
		TEST(search_runs_every_schedule),
		TEST(search_with_known_words_is_complete),
		TEST(search_with_a_late_word_under_a_lock_is_complete),
		TEST(search_with_a_late_word_is_not_complete),
		TEST(search_ends_with_its_first_finding),
		TEST(unknown_strategy_is_told),
	};

	return cmocka_run_group_tests_name("explorer", tests, NULL, NULL);
}
