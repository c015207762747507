/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The control interface: ioctls on /sys/kernel/debug/nslab/control, shared
 * with the explorer in scenarios/lib.
 *
 * One process, the explorer, prepares an execution and calls NSLAB_IOC_RUN;
 * the actors call NSLAB_IOC_JOIN, which returns when the execution begins, and
 * NSLAB_IOC_LEAVE when they are through (or exit: that is leaving, too).
 */
#ifndef KERNEL_NSLAB_UAPI_H
#define KERNEL_NSLAB_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define NSLAB_CONTROL		"/sys/kernel/debug/nslab/control"
#define NSLAB_RESULTS		"/sys/kernel/debug/nslab/results"

#define NSLAB_MAX_ACTORS	8
#define NSLAB_NOBODY		0xff	/* in place of an actor's index */
#define NSLAB_NAME_LEN		16
#define NSLAB_TOKEN_LEN		512
#define NSLAB_MAX_SWITCHES	1024
#define NSLAB_MAX_FAILURES	64

#define NSLAB_MAX_CHOICES	64	/* what a debugger's user decided by hand */
#define NSLAB_MAX_SUBJECTS	8	/* numbers 1 to 7; 0 is what all have */
#define NSLAB_MAX_COUNTERS	64	/* of all subjects that take part */
#define NSLAB_MAX_ATTRIBUTES	64	/* likewise */
#define NSLAB_TEXT_LEN		64
#define NSLAB_MAX_WORDS		1024	/* shared words that are kept */
#define NSLAB_MAX_SIDES		8	/* of each, places that access it */

/* Besides root the only user that scenarios have. */
#define NSLAB_UNPRIVILEGED_UID	1000

/**
 * struct nslab_join - an actor reports for the next execution
 * @index: its number in the scenario, below NSLAB_MAX_ACTORS
 * @reserved: zero
 * @name: its name in the trace
 */
struct nslab_join {
	__u32 index;
	__u32 reserved;
	char name[NSLAB_NAME_LEN];
};

/* How the next actor is chosen. */
#define NSLAB_STRATEGY_NONE	0	/* the scheduler does; faults delay */
#define NSLAB_STRATEGY_RANDOM	1
#define NSLAB_STRATEGY_PCT	2
#define NSLAB_STRATEGY_POS	3
#define NSLAB_STRATEGY_SCHEDULE	4	/* struct nslab_run.switches says it */
#define NSLAB_NR_STRATEGIES	5

/**
 * struct nslab_switch - one decision that is not the one made by default
 * @at: at a point of this actor, NSLAB_NOBODY for the start
 * @next: this one is to run next
 * @local: the number of that point among those of @at, from 1; 0 at the start
 *
 * By default an actor goes on as long as it can, and after it the first that
 * can, in the order of the indices.
 */
struct nslab_switch {
	__u8 at;
	__u8 next;
	__u16 local;
};

/**
 * struct nslab_failure - an allocation that is to fail
 * @actor: of this actor
 * @reserved: zero
 * @nth: its 1-based index among those that the profile may fail
 */
struct nslab_failure {
	__u8 actor;
	__u8 reserved;
	__u16 nth;
};

/* What struct nslab_run.flags asks for. */
#define NSLAB_RUN_TRACE		1	/* write the steps to the results */
#define NSLAB_RUN_WARM_UP	2	/* inject nothing, only fill caches */
#define NSLAB_RUN_UNNAMED	4	/* named points are no scheduling points */
#define NSLAB_RUN_FAILURES	8	/* fail what @failures says, not by chance */
#define NSLAB_RUN_SYNC		16	/* record sleeping locks, too */
#define NSLAB_RUN_UNSTEERED	32	/* the baseline: ordinary tasks, no points */
#define NSLAB_RUN_CALLS		64	/* allocations fail in marked calls only */
#define NSLAB_RUN_SETTLED	128	/* nothing was done since NSLAB_IOC_SETTLE */
#define NSLAB_RUN_SHARED	256	/* record locks of any kind, wake-ups, calls */
#define NSLAB_RUN_ALL_POINTS	512	/* with it: points that touch no shared word */
#define NSLAB_RUN_PROFILE	1024	/* record which memory the actors share */
#define NSLAB_RUN_REPEATED	2048	/* for the oracle "leak": it counts nowhere */
#define NSLAB_RUN_REUSE		4096	/* freed memory is used again at once */

/* What struct nslab_run.status says: bits, 0 when all went well. */
#define NSLAB_STATUS_HANG	1	/* some actor did not end */
#define NSLAB_STATUS_SPLAT	2	/* the kernel complained on the console */
#define NSLAB_STATUS_DIVERGED	4	/* the schedule did not fit */
#define NSLAB_STATUS_TRUNCATED	8	/* the trace was longer than is kept */
#define NSLAB_STATUS_MORE_SITES	16	/* more allocations than are kept */

/**
 * struct nslab_site - an allocation within a marked call
 * @stack: hash over the places in the kernel from where it was asked for
 * @call: 1-based index of the marked call among those of the actor
 * @nth: 1-based index among the allocations of that call
 * @again: 1-based index among those from the same places
 * @actor: index
 * @failed: it was refused
 *
 * (@actor, @call, @stack, @again) identifies it. @nth does not: it is another
 * number where something that the call needs has just run out.
 */
struct nslab_site {
	__u64 stack;
	__u16 call;
	__u16 nth;
	__u16 again;
	__u8 actor;
	__u8 failed;
};

/**
 * struct nslab_run - one execution
 * @seed: what every random number of this execution derives from
 * @execution: its number in the plan, for the report
 * @timeout_ns: guest time after which it is a hang
 * @nactors: how many actors take part, indices 0 to @nactors - 1
 * @flags: NSLAB_RUN_*
 * @strategy: NSLAB_STRATEGY_*
 * @depth: for pct: how many ordering constraints the bug has, from 1
 * @length: for pct: steps of an execution, among which change points are drawn
 * @nswitches: how many @switches there are
 * @nfailures: how many @failures there are
 * @switches: the address of an array of struct nslab_switch
 * @failures: the address of an array of struct nslab_failure
 * @aim: with NSLAB_RUN_CALLS: the allocation that is to fail, unless its stack
 *	is 0; @nth does not matter
 * @token: what replays this execution; printed if the kernel dies in it
 * @hash: out: hash over the trace
 * @virtual_ns: out: guest time it took
 * @points: out: how many points the actors reached
 * @faults: out: how many faults were injected, delays among them
 * @status: out: NSLAB_STATUS_*
 * @nevents: out: how many events the trace has
 * @nsites: out: how many allocations there were in marked calls
 * @first: with NSLAB_RUN_CALLS, where the scheduler decides: starts first
 * @subjects: those that take part, a bit for the number of each. Of others the
 *	named points do not count, the oracles are silent and nothing is counted
 * @shared_new: out: with NSLAB_RUN_PROFILE, after NSLAB_IOC_ADOPT: how many words are
 *	shared and not in the set, or are in it as protected and are not. Of all
 *	executions since then
 */
struct nslab_run {
	__u64 seed;
	__u64 execution;
	__u64 timeout_ns;
	__u32 nactors;
	__u32 flags;
	__u32 strategy;
	__u32 depth;
	__u32 length;
	__u32 nswitches;
	__u32 nfailures;
	__u32 padding;
	__u64 switches;
	__u64 failures;
	struct nslab_site aim;
	char token[NSLAB_TOKEN_LEN];
	__u64 hash;
	__u64 virtual_ns;
	__u32 points;
	__u32 faults;
	__u32 status;
	__u32 nevents;
	__u32 nsites;
	__u32 first;
	__u32 subjects;
	__u32 shared_new;
};

/* What struct nslab_event.kind says. */
enum {
#define NSLAB_EVENT(id, name, about) NSLAB_EVENT_##id,
#include "events.def"
#undef NSLAB_EVENT
	NSLAB_NR_EVENTS
};

#define NSLAB_OTHER_OBJECT	0xffff	/* in place of a number: not watched */

/* What struct nslab_event.flags says. */
#define NSLAB_EVENT_IS_POINT	1	/* the next actor was chosen here */
#define NSLAB_EVENT_IS_FREE	2	/* and no choice was a preemption */
#define NSLAB_EVENT_IS_WRITE	4	/* the access writes */
/* Of a named point: what the step does besides what the trace shows. */
#define NSLAB_EVENT_IS_SECTION	8	/* it begins or ends a read section */
#define NSLAB_EVENT_IS_GLOBAL	16	/* it may matter to every other step */
#define NSLAB_EVENT_IS_EXIT	32	/* the actor has begun to exit */

/* With NSLAB_RUN_SHARED, what struct nslab_event.what says of a lock; else 0. */
#define NSLAB_LOCK_READ		1	/* others may have it for reading, too */
#define NSLAB_LOCK_SPINS	2	/* no task sleeps for it */
#define NSLAB_LOCK_TRIES	4	/* trylock: @value is 1 if it was held */
#define NSLAB_LOCK_OVER		8	/* one sleeps for it, and it is released by now */

/* With NSLAB_RUN_SHARED, what it says of BLOCK: NSLAB_WAITS_*, else 0. */
#ifndef NSLAB_WAITS_LOCK
#define NSLAB_WAITS_LOCK	1	/* for a lock whose events are in the trace */
#define NSLAB_WAITS_GRACE	2	/* for a grace period */
#define NSLAB_WAITS_OTHER	3	/* for anything else */
#endif

/**
 * struct nslab_event - one line of the trace
 * @kind: NSLAB_EVENT_*
 * @actor: index, NSLAB_NOBODY for BEGIN
 * @nesting: the actor's depth of RCU read sections
 * @flags: NSLAB_EVENT_IS_*
 * @next: at a point: the actor that was chosen, NSLAB_NOBODY if none (hang, death)
 * @enabled: at a point: the actors that could run, a bit each
 * @what: depends on @kind; for an access, the number of the watch: those that were
 *	written to nslab/watch come first, in that order, then the kinds of objects
 *	of the shared words, see struct nslab_word
 * @local: at a point: its number among those of the actor, from 1; of a
 *	failed allocation: its number among those that could have failed
 * @object: of an access: number of the object, from 1; of a lock: its number
 * @size: of an access, bytes
 * @value: of an access to eight bytes: the number of the object that they point
 *	to (of a write: afterwards), 0 for NULL, NSLAB_OTHER_OBJECT for neither; of an
 *	allocation or free: the number of its slab cache, 0 unknown; else see
 *	events.def
 * @offset: of an access: in the object, bytes
 * @ip: where in the kernel, an offset from its first instruction; 0 unknown
 * @delay_ns: how long it was held back by a delay fault, 0 if it was not
 */
struct nslab_event {
	__u8 kind;
	__u8 actor;
	__u8 nesting;
	__u8 flags;
	__u8 next;
	__u8 enabled;
	__u16 what;
	__u16 local;
	__u16 object;
	__u16 size;
	__u16 value;
	__u32 offset;
	__u32 ip;
	__u64 delay_ns;
};

/* What struct nslab_attribute_info.kind says. */
#define NSLAB_IS_IDENTITY	0	/* another number: another object */
#define NSLAB_IS_COUNT		1	/* can be compared while no other actor runs */

/**
 * struct nslab_attribute_info - something that a task has
 * @kind: NSLAB_IS_*
 * @reserved: zero
 * @about: what is said when the number has changed. In that of a count, "#"
 *	stands for the difference, with its sign
 */
struct nslab_attribute_info {
	__u32 kind;
	__u32 reserved;
	char about[NSLAB_TEXT_LEN];
};

/**
 * struct nslab_subject_info - what a subject is called, counts and compares
 * @index: in: which one, from 0, in the order of their numbers
 * @number: out: its bit in struct nslab_run.subjects
 * @name: out: of its folder
 * @ncounters: out: how many @counters
 * @nattributes: out: how many @attributes
 * @counters: out: the name of each
 * @attributes: out: what is known of each
 */
struct nslab_subject_info {
	__u32 index;
	__u32 number;
	char name[NSLAB_NAME_LEN];
	__u32 ncounters;
	__u32 nattributes;
	char counters[NSLAB_MAX_COUNTERS][NSLAB_TEXT_LEN];
	struct nslab_attribute_info attributes[NSLAB_MAX_ATTRIBUTES];
};

/**
 * struct nslab_counters - how many objects there are, to be compared with before
 * @subjects: in: of these subjects, a bit for the number of each
 * @n: out: how many @values
 * @values: out: in the order of struct nslab_subject_info.counters, one subject
 *	after the other
 */
struct nslab_counters {
	__u32 subjects;
	__u32 n;
	__u64 values[NSLAB_MAX_COUNTERS];
};

/**
 * struct nslab_attributes - what the calling task has
 * @subjects: in: as these subjects see it, a bit for the number of each
 * @n: out: how many @values
 * @quiet: out: no other actor is under way, so counts can be compared
 * @reserved: zero
 * @values: out: in the order of struct nslab_subject_info.attributes, one subject
 *	after the other
 */
struct nslab_attributes {
	__u32 subjects;
	__u32 n;
	__u32 quiet;
	__u32 reserved;
	__u64 values[NSLAB_MAX_ATTRIBUTES];
};

/* What struct nslab_release.flags says. */
#define NSLAB_RELEASE_SETTLE	1	/* wait until everything is at rest, then count */
#define NSLAB_RELEASE_RESTART	2	/* the next starts from the same state */

/**
 * struct nslab_release - the last execution has been judged
 * @mask: the kept actors, a bit each
 * @flags: NSLAB_RELEASE_*
 * @counters: in and out: how many objects there are
 * @grown: out: how many slab caches hold more objects than they ever did at rest;
 *	0 where nothing was waited for
 * @reserved: zero
 */
struct nslab_release {
	__u32 mask;
	__u32 flags;
	struct nslab_counters counters;
	__u32 grown;
	__u32 reserved;
};

/* What struct nslab_heap.command asks for; the answer is a number of caches. */
#define NSLAB_HEAP_SUSPECT	0	/* those that hold more than they ever did */
#define NSLAB_HEAP_JUDGE	1	/* that do again: suspects; track what comes from then on */
#define NSLAB_HEAP_LAST		2	/* likewise, but track nothing new */
#define NSLAB_HEAP_SETTLES	8	/* all of the following settle first */
#define NSLAB_HEAP_START	8	/* what each holds is what it may hold */
#define NSLAB_HEAP_GROWN	9	/* which hold more than they ever did? */
#define NSLAB_HEAP_AGAIN	10	/* which suspects hold more than before? */
#define NSLAB_HEAP_LEFT		11	/* which have left some of what was tracked? */
#define NSLAB_HEAP_END		12	/* these, as text; nothing is a suspect any more */
#define NSLAB_HEAP_TEXT		224

/**
 * struct nslab_heap - slab caches that hold more objects than before
 * @command: NSLAB_HEAP_*
 * @n: out: how many
 * @text: out, of END: which, how many more objects, and who asked for the first
 */
struct nslab_heap {
	__u32 command;
	__u32 n;
	char text[NSLAB_HEAP_TEXT];
};

/**
 * struct nslab_calls - what actors say of themselves, by stores to memory
 * @call: the number of the marked call that it is in, from 1; 0: in none
 * @failures: written by the kernel: plus 1 for each allocation that failed there
 * @hidden: not 0: what it does now is no part of the execution
 *
 * By index of the actor. All of it lies within one page.
 */
struct nslab_calls {
	struct {
		__u16 call;
		__u16 failures;
		__u16 hidden;
		__u16 reserved;
	} actors[NSLAB_MAX_ACTORS];
};

/* What struct nslab_word.kind says. */
#define NSLAB_WORD_STATIC	0	/* static data; per-CPU data is, too */
#define NSLAB_WORD_CACHE	1	/* objects of a slab cache */
/* What one place asks kmalloc(), vmalloc() or alloc_percpu() for. */
#define NSLAB_WORD_KMALLOC	2
#define NSLAB_NR_WORD_KINDS	3

/* What struct nslab_word.flags says. */
#define NSLAB_WORD_IS_POINT	1	/* no lock is held at every access */
#define NSLAB_WORD_IS_NEW	2	/* not in the set that was adopted */
#define NSLAB_WORD_IS_EXPOSED	4	/* in the set as protected, and it is not */
#define NSLAB_WORD_IS_WATCHED	8	/* accesses to it are events */

/* What struct nslab_side.flags says. */
#define NSLAB_SIDE_IS_WRITE	1
#define NSLAB_SIDE_IRQ_OFF	2
#define NSLAB_SIDE_PREEMPT_OFF	4
#define NSLAB_SIDE_IS_LARGE	8	/* the access is to more than these eight bytes */

#define NSLAB_WORD_NAME_LEN	48
#define NSLAB_LOCK_NAME_LEN	48
#define NSLAB_SIDE_LOCKS	2

/**
 * struct nslab_side - one place in the kernel that accesses a shared word
 * @ip: where, an offset from the kernel's first instruction
 * @actor: index of the first actor that did
 * @flags: NSLAB_SIDE_*
 * @rcu: depth of its RCU read sections
 * @reserved: zero
 * @locks: classes of the locks that it held, the last ones; read sections are none
 */
struct nslab_side {
	__u32 ip;
	__u8 actor;
	__u8 flags;
	__u8 rcu;
	__u8 reserved;
	char locks[NSLAB_SIDE_LOCKS][NSLAB_LOCK_NAME_LEN];
};

/**
 * struct nslab_word - eight bytes that two actors access, one of them writing
 * @kind: NSLAB_WORD_*: of which objects
 * @flags: NSLAB_WORD_*
 * @what: as in events; 0xffff if it is not watched
 * @nsides: how many @sides are filled; there may be more
 * @offset: in the object, of the first byte that was accessed
 * @size: of what was accessed, 1 to 8 bytes; more for the slots of an array that ids
 *	or addresses choose, which are one word
 * @object_size: of the object, with what kmalloc() adds
 * @site: of kmalloc() memory and its like: where it was asked for, an offset from
 *	the kernel's first instruction; the one of the symbol for static data
 * @site_start: likewise, the first instruction of that function
 * @readers: actors, a bit each
 * @writers: likewise
 * @name: of the cache, of the function that asked for it, or of the symbol
 * @locked: class of a lock that is held at every access, or empty
 * @sides: in the order in which they came
 */
struct nslab_word {
	__u8 kind;
	__u8 flags;
	__u16 what;
	__u32 nsides;
	__u32 offset;
	__u32 size;
	__u32 object_size;
	__u32 site;
	__u32 site_start;
	__u16 readers;
	__u16 writers;
	char name[NSLAB_WORD_NAME_LEN];
	char locked[NSLAB_LOCK_NAME_LEN];
	struct nslab_side sides[NSLAB_MAX_SIDES];
};

/**
 * struct nslab_words - the shared words that profile executions have found
 * @room: in: for so many
 * @n: out: how many there are, at most NSLAB_MAX_WORDS
 * @accesses: out: how many accesses the last profile execution saw
 * @locations: out: to so many words
 * @lost: out: of words that there was no room for
 * @reserved: zero
 * @words: the address of an array of struct nslab_word
 */
struct nslab_words {
	__u32 room;
	__u32 n;
	__u32 accesses;
	__u32 locations;
	__u32 lost;
	__u32 reserved;
	__u64 words;
};

#define NSLAB_IOC_MAGIC		'n'
/* The fault attributes as they are now are where each execution starts from. */
#define NSLAB_IOC_ARM		_IO(NSLAB_IOC_MAGIC, 0)
#define NSLAB_IOC_JOIN		_IOW(NSLAB_IOC_MAGIC, 1, struct nslab_join)
#define NSLAB_IOC_LEAVE		_IO(NSLAB_IOC_MAGIC, 2)
#define NSLAB_IOC_RUN		_IOWR(NSLAB_IOC_MAGIC, 3, struct nslab_run)
/* Write to the results how often each point was reached, by how many executions. */
#define NSLAB_IOC_POINTS	_IO(NSLAB_IOC_MAGIC, 4)
/* How many allocations of the calling actor failed in this execution. */
#define NSLAB_IOC_FAULTS	_IO(NSLAB_IOC_MAGIC, 5)
/* Copy the trace of the last execution to an array with room for all of it. */
#define NSLAB_IOC_EVENTS	_IOR(NSLAB_IOC_MAGIC, 6, struct nslab_event)
/* The kept actors may leave the last execution; returns when they are back. */
#define NSLAB_IOC_RELEASE	_IOWR(NSLAB_IOC_MAGIC, 7, struct nslab_release)
#define NSLAB_IOC_COUNTERS	_IOWR(NSLAB_IOC_MAGIC, 8, struct nslab_counters)
/* Wait until no callback and no work is pending. */
#define NSLAB_IOC_SETTLE	_IO(NSLAB_IOC_MAGIC, 9)
/* Take this memory as the one in which actors say what they do. */
#define NSLAB_IOC_CALLS		_IOW(NSLAB_IOC_MAGIC, 10, struct nslab_calls)
/*
 * Copy the allocations in marked calls of the last execution to an array with
 * room for all of them.
 */
#define NSLAB_IOC_SITES		_IOR(NSLAB_IOC_MAGIC, 11, struct nslab_site)
#define NSLAB_IOC_ATTRIBUTES	_IOWR(NSLAB_IOC_MAGIC, 12, struct nslab_attributes)
/*
 * Write the stack with this id to the results, once. An allocation from a stack
 * that was not reported fails the first time: the explorer could not aim at it.
 */
#define NSLAB_IOC_TELL		_IO(NSLAB_IOC_MAGIC, 13)
/* LEAVE and, for the next execution, JOIN: each way to the kernel costs. */
#define NSLAB_IOC_NEXT		_IOW(NSLAB_IOC_MAGIC, 14, struct nslab_join)
/* Describe one of the subjects in this kernel; ENOENT behind the last. */
#define NSLAB_IOC_SUBJECT	_IOWR(NSLAB_IOC_MAGIC, 15, struct nslab_subject_info)
/* The words that profile executions have found since boot. */
#define NSLAB_IOC_SHARED	_IOWR(NSLAB_IOC_MAGIC, 16, struct nslab_words)
/* They are the set from now on; with "shared" in nslab/watch they are watched. */
#define NSLAB_IOC_ADOPT		_IO(NSLAB_IOC_MAGIC, 17)
/* Compare what slab caches hold with what they did. */
#define NSLAB_IOC_HEAP		_IOWR(NSLAB_IOC_MAGIC, 24, struct nslab_heap)

#endif /* KERNEL_NSLAB_UAPI_H */
