/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a scenario is written with, in the manner of kselftest_harness.h: one file,
 * one scenario. scenarios/README.md explains how; this is the reference.
 *
 *	SCENARIO("name", "what races with what");
 *	SUBJECT("widget");		only in a file outside the subject's folder
 *	REACHES("find_widget", ...);	optional: functions of the kernel and named
 *					points that its actors reach; checked by
 *					"make coverage"
 *	INPUTS(8);			optional: scenario_input() is 0 ... 7
 *	CARRIES_ON();			optional: ids and random numbers go on from
 *					one execution to the next
 *
 *	STATE {				shared by all processes, zeroed before each
 *		int seen;		execution, reached through "self"
 *	};
 *
 *	SETUP() { ... }			optional, before each execution
 *	ACTOR(reader, KEPT) { ... }	at least two; the race is among them
 *	ACTOR(target, FRESH) { ... }
 *	BEFORE(reader) { ... }		optional: what a KEPT actor does before it
 *					joins an execution, of which it knows
 *					nothing yet; CHILD actors are made here
 *	AFTER(reader) { ... }		optional: what a KEPT actor undoes after
 *					the check
 *	CHECK() { ... }			optional, when all actors have finished
 *	TEARDOWN() { ... }		optional, after each execution
 *
 * ASSERT_* and REQUIRE() return from the function they are in (a void one).
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
 * @FRESH_REAPED: like @FRESH, but its parent does not wait for it when it exits
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

/**
 * struct scenario - what a file defines
 * @name: as tokens have it; of a file of the user's own with a hash of its text
 * @given: how much of @name the file has given, in bytes
 * @about: what races with what, one line
 * @subject: the one whose points and oracles count; NULL: those of all
 * @file: its source, relative to scenarios/
 * @setup: or NULL
 * @check: or NULL
 * @teardown: or NULL
 * @self: where the file keeps the address of its STATE
 * @actors: in the order of the file
 * @nactors: how many
 * @inputs: as INPUTS() has it, 0 where there is none
 * @reaches: as REACHES() has it, NULL behind the last; or NULL
 * @carries_on: as CARRIES_ON() has it
 * @next: the next one by name
 */
struct scenario {
	const char *name;
	size_t given;
	const char *about;
	const char *subject;
	const char *file;
	void (*setup)(void);
	void (*check)(void);
	void (*teardown)(void);
	void **self;
	struct actor actors[SCENARIO_MAX_ACTORS];
	unsigned int nactors;
	unsigned int inputs;
	const char * const *reaches;
	bool carries_on;
	struct scenario *next;
};

/* === What a scenario is made of === */

/*
 * Defined by the Makefile for files in the folder of a subject. Without one, the
 * points and oracles of all subjects count.
 */
#ifndef NSLAB_SUBJECT
#define NSLAB_SUBJECT	NULL
#endif

/* Defined by the harness for a file of the user's own: a hash of its text. */
#ifdef NSLAB_TEXT
#define NSLAB_SUFFIX	"+" NSLAB_TEXT
#else
#define NSLAB_SUFFIX	""
#endif

#define SCENARIO(_name, _about)						\
static struct scenario this_scenario = {				\
	.name = _name NSLAB_SUFFIX, .given = sizeof(_name) - 1,		\
	.about = _about,						\
	.subject = NSLAB_SUBJECT, .file = __FILE__,			\
};									\
__attribute__((constructor)) static void register_this_scenario(void)	\
{									\
	scenario_register(&this_scenario);				\
}									\
struct scenario_state

#define SUBJECT(_name)							\
__attribute__((constructor)) static void set_subject(void)		\
{									\
	this_scenario.subject = _name;					\
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

#define CARRIES_ON()							\
__attribute__((constructor)) static void set_carries_on(void)		\
{									\
	this_scenario.carries_on = true;				\
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
 * MARKED_CHANGES() - the same, of a call that changes something although it fails
 * @call: as of MARKED()
 * @changes: CHANGES("its credentials are others", ...): what may have changed then,
 *	in the words of the attributes (see nslab_attribute in the kernel's part of
 *	a subject); everything else may not
 *
 * Where an earlier part of the call is not undone, as a session keyring that
 * add_key() has made before it ran out of memory. Each use has a comment that says
 * why that is right.
 */
#define MARKED_CHANGES(call, changes, ...)				\
({									\
	int actor_ = marked_begin(#call);				\
	long ret_ = (call);						\
									\
	marked_end_changes(actor_, __FILE__, __LINE__, ret_, changes,	\
			   (const int[]){ __VA_ARGS__, 0 });		\
	ret_;								\
})

#define CHANGES(...)	((const char * const []){ __VA_ARGS__, NULL })

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
	refused_end(actor_, #call, __FILE__, __LINE__, (call),	\
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
void marked_end_changes(int actor, const char *file, int line, long ret,
			const char * const *changes, const int *allowed);
int refused_begin(const char *name);
void refused_end(int actor, const char *name, const char *file, int line,
		 long ret, const int *allowed);

#endif /* SCENARIOS_LIB_SCENARIO_H */
