/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How to write a scenario: one file, which reads like kselftest_harness.h.
 *
 *	SCENARIO("name", "what races with what");
 *
 *	STATE {				shared by all, zeroed before each
 *		int seen;		execution, reached through "self"
 *	};
 *
 *	SETUP() { ... }			optional, before each execution
 *	ACTOR(reader, KEPT) { ... }	at least two; the race is among them
 *	ACTOR(target, FRESH) { ... }
 *	AFTER(reader) { ... }		optional: what a KEPT actor has to put
 *					back when the check has been made
 *	BEFORE(reader) { ... }		optional: what it does before it joins
 *					the next execution, of which it knows
 *					nothing yet: here it makes its CHILDs
 *	INPUTS(8);			optional: scenario_input() is 0 ... 7
 *	REACHES("find_widget", ...);	the functions that load what another task
 *					publishes, and the named points, that its
 *					actors reach: "make coverage" checks that
 *	CHECK() { ... }			optional, when all actors are through
 *	TEARDOWN() { ... }		optional, after each execution
 *
 * ASSERT_* and REQUIRE() end the function they stand in (a void one).
 *
 * The profile "fail-nth" fails each allocation of a call that is MARKED():
 *
 *	REQUIRE(MARKED(mkdir(path, 0700), ENOMEM, ENOSPC, EPERM));
 *
 * says which errors the manual page allows. When an allocation has failed and
 * the call does, too, its errno has to be one of them, and nothing may have
 * changed: see marked.c. With other profiles the call is just made.
 */
#ifndef SCENARIOS_LIB_SCENARIO_H
#define SCENARIOS_LIB_SCENARIO_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#define SCENARIO_MAX_ACTORS	8
#define SCENARIO_STATE_MAX	(64 * 1024)
#define SCENARIO_MESSAGE_MAX	256

/**
 * enum actor_life - how long an actor's process lives
 * @KEPT: from boot to power-off; cheap
 * @FRESH: made anew for each execution; its parent reaps it after the check,
 *	so one that exits stays a zombie until then. Its memory is that of the
 *	check, so a static variable is the same for both.
 * @FRESH_REAPED: like @FRESH, but when it exits nobody waits for it
 * @CHILD: like @FRESH, but made by a KEPT actor, with actor_make(), and then
 *	its child, with its memory. That one may reap it; if it does not, it
 *	is done for it before its AFTER()
 */
enum actor_life {
	KEPT,
	FRESH,
	FRESH_REAPED,
	CHILD,
};

struct actor {
	const char *name;
	enum actor_life life;
	void (*body)(void);
	void (*before)(void);
	void (*after)(void);
	/* Set by the explorer before SETUP (KEPT) or before the start (FRESH). */
	pid_t pid;
};

struct scenario {
	const char *name;
	const char *about;
	const char *subject;	/* which points and oracles count; NULL: all */
	void (*setup)(void);
	void (*check)(void);
	void (*teardown)(void);
	void **self;
	struct actor actors[SCENARIO_MAX_ACTORS];
	unsigned int nactors;
	unsigned int inputs;
	const char * const *reaches;	/* NULL behind the last; or NULL */
};

/* === What a scenario is made of === */

/* The Makefile defines it: the folder of the scenario. Without one: all there are. */
#ifndef NSLAB_SUBJECT
#define NSLAB_SUBJECT	NULL
#endif

#define SCENARIO(_name, _about)						\
static struct scenario this_scenario = {				\
	.name = _name, .about = _about, .subject = NSLAB_SUBJECT,	\
};									\
__attribute__((constructor)) static void register_this_scenario(void)	\
{									\
	scenario_register(&this_scenario);				\
}									\
struct scenario_state

#define STATE								\
static struct scenario_state *self;					\
struct scenario_state

#define SCENARIO_PART_(part)						\
static void scenario_##part(void);					\
__attribute__((constructor)) static void set_##part(void)		\
{									\
	this_scenario.part = scenario_##part;				\
}									\
static void scenario_##part(void)

#define SETUP()		SCENARIO_PART_(setup)
#define CHECK()		SCENARIO_PART_(check)
#define TEARDOWN()	SCENARIO_PART_(teardown)

#define ACTOR(_name, _life)						\
static void actor_##_name(void);					\
__attribute__((constructor)) static void add_actor_##_name(void)	\
{									\
	_Static_assert(sizeof(*self) <= SCENARIO_STATE_MAX,		\
		       "STATE is too large");				\
	this_scenario.self = (void **)&self;				\
	scenario_add_actor(&this_scenario, #_name, _life,		\
			   actor_##_name);				\
}									\
static void actor_##_name(void)

#define ACTOR_PART_(part, _name)					\
static void part##_##_name(void);					\
__attribute__((constructor)) static void set_##part##_##_name(void)	\
{									\
	scenario_actor(&this_scenario, #_name)->part = part##_##_name;	\
}									\
static void part##_##_name(void)

#define BEFORE(_name)	ACTOR_PART_(before, _name)
#define AFTER(_name)	ACTOR_PART_(after, _name)

#define INPUTS(n)							\
__attribute__((constructor)) static void set_inputs(void)		\
{									\
	this_scenario.inputs = (n);					\
}									\
struct scenario_state

#define REACHES(...)							\
__attribute__((constructor)) static void set_reaches(void)		\
{									\
	static const char * const these[] = { __VA_ARGS__, NULL };	\
									\
	this_scenario.reaches = these;					\
}									\
struct scenario_state

/* === Assertions === */

#define FAIL(...)							\
do {									\
	scenario_fail(__FILE__, __LINE__, __VA_ARGS__);			\
	return;								\
} while (0)

#define ASSERT_TRUE(cond)						\
do {									\
	if (!(cond))							\
		FAIL("%s does not hold", #cond);			\
} while (0)

#define ASSERT_EQ(expected, seen)					\
do {									\
	long long expected_ = (expected), seen_ = (seen);		\
									\
	if (expected_ != seen_)						\
		FAIL("%s is %lld, expected %s (%lld)", #seen, seen_,	\
		     #expected, expected_);				\
} while (0)

/*
 * The call must not fail (return a negative value), except by an injected
 * fault: then the actor ends, and that is no finding.
 */
#define REQUIRE(call)							\
do {									\
	if ((long)(call) < 0) {						\
		if (scenario_injected())				\
			return;						\
		FAIL("%s: %s", #call, strerror(errno));			\
	}								\
} while (0)

/*
 * The call may fail with one of these (a list of errno values), or by an
 * injected fault, and with nothing else.
 */
#define ASSERT_ERRNO_IN(call, ...)					\
do {									\
	if ((long)(call) < 0 &&						\
	    !scenario_errno_in((const int[]){ __VA_ARGS__, 0 }))	\
		FAIL("%s: unexpected %s", #call, strerror(errno));	\
} while (0)

/**
 * MARKED() - an actor's call of which each allocation is to fail once
 * @call: returns a negative value, and sets errno, if it fails
 * @...: the errno values that its manual page allows
 *
 * Not within another one, nor in a process that the actor makes. Which calls an
 * actor makes, one after the other, must depend on nothing but scenario_input()
 * and scenario_random(), as long as none fails.
 *
 * Return: what @call does.
 */
#define MARKED(call, ...)	MARKED_AS(#call, call, __VA_ARGS__)

/**
 * MARKED_AS() - the same, under another name than @call as it is written
 * @name: as reports call it
 */
#define MARKED_AS(name, call, ...)					\
({									\
	int actor_ = marked_begin(name);				\
	long ret_ = (call);						\
									\
	marked_end(actor_, __FILE__, __LINE__, ret_,			\
		   (const int[]){ __VA_ARGS__, 0 });			\
	ret_;								\
})

/**
 * REFUSED() - an actor's call that has to fail, and then nothing may have changed
 * @call: returns a negative value, and sets errno, if it fails
 * @...: the errno values that it may have; with ENOMEM, as it is MARKED()
 *
 * Other than for one that is only MARKED(), this holds in every profile.
 */
#define REFUSED(call, ...)						\
do {									\
	int actor_ = refused_begin(#call);				\
									\
	refused_end(actor_, #call, __FILE__, __LINE__, (call),		\
		    (const int[]){ __VA_ARGS__, 0 });			\
} while (0)

/* === What scenarios call === */

pid_t actor_pid(const char *name);
pid_t actor_make(const char *name, unsigned long flags);
uint64_t scenario_random(void);
unsigned int scenario_input(void);

/* === Below the macros === */

void scenario_register(struct scenario *scenario);
void scenario_add_actor(struct scenario *scenario, const char *name,
			enum actor_life life, void (*body)(void));
struct actor *scenario_actor(struct scenario *scenario, const char *name);
__attribute__((format(printf, 3, 4)))
void scenario_fail(const char *file, int line, const char *fmt, ...);
bool scenario_injected(void);
bool scenario_errno_in(const int *allowed);
int marked_begin(const char *name);
void marked_end(int actor, const char *file, int line, long ret,
		const int *allowed);
int refused_begin(const char *name);
void refused_end(int actor, const char *name, const char *file, int line,
		 long ret, const int *allowed);

#endif /* SCENARIOS_LIB_SCENARIO_H */
