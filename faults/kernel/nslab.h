/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of nslab share with each other, and with nobody else.
 *
 *   control.c  the ioctls of the explorer and the actors
 *   core.c     one execution from its start to its end
 *   points.c   what happens when an actor comes to a point
 *   coverage.c how many executions came there
 *   watch.c    accesses to watched objects
 *   steer.c    who runs next, as the strategy says (strategy.h)
 *   delay.c    the three fault attributes that delay, and all random numbers
 *   trace.c    what happened, and the hash over it
 *   oracles.c  how the lab's own oracles are told, and how they speak
 *   lifetime.c oracles "lifetime" and "grace period"
 *   order.c    oracle "order"
 *   census.c   how many nsproxies and namespaces there are
 *   calls.c    marked calls, and each allocation in them
 *   report.c   results to the host, and what is said when the kernel dies
 *   gdb.c      where gdb stops an execution
 */
#ifndef KERNEL_NSLAB_NSLAB_H
#define KERNEL_NSLAB_NSLAB_H

#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "hooks.h"
#include "uapi.h"

struct dentry;

/*
 * Actors are all of one real-time priority, so nobody takes the CPU from
 * another unless a delay or a strategy says so. The explorer stands above them, the RCU
 * kthreads above it (rcutree.kthread_prio), or grace periods would starve.
 */
#define NSLAB_ACTOR_PRIO	10
#define NSLAB_EXPLORER_PRIO	20

enum nslab_class {
	NSLAB_CLASS_READER,
	NSLAB_CLASS_SWITCH,
	NSLAB_CLASS_EXIT,
	NSLAB_NR_CLASSES,
};

/**
 * struct nslab_actor - a guest task that takes part in the schedule
 * @task: the task, NULL while none has joined under this index
 * @name: its name in the trace
 * @rnd: its own random numbers, so that no other actor's draws shift them
 * @delayed_until: guest time in ns when its delay ends, 0 while it has none
 * @faults: allocations of its that failed in this execution
 * @throws: allocations of its that could have failed
 * @call: the last marked call in which it asked for memory
 * @nth: how often it did in that call
 * @points: scheduling points of its in this execution
 * @loops: how often it said that it may sleep since its last event
 * @written: the event of its last write to a pointer, until that is looked at
 * @written_to: where that pointer is
 * @go: the execution has begun
 * @done: it has left, or exited
 * @exited: it is about to die, and may not be through with that
 * @waits: it sleeps, and has left the floor to others
 * @hidden: above 0 it meets no points and no faults: it is in here already,
 *	or in a block with nslab_hidden()
 */
struct nslab_actor {
	struct task_struct *task;
	char name[NSLAB_NAME_LEN];
	struct rnd_state rnd;
	u64 delayed_until;
	unsigned int faults;
	unsigned int throws;
	unsigned int call;
	unsigned int nth;
	unsigned int points;
	unsigned int loops;
	struct nslab_event *written;
	const void *written_to;
	bool go;
	bool done;
	bool exited;
	bool waits;
	int hidden;
};

/* === Points === */

struct nslab_point_info {
	const char *name;
	enum nslab_class class;
};

extern const struct nslab_point_info nslab_points[NSLAB_NR_POINTS];

u64 nslab_point_hits(enum nslab_point point);
void nslab_meet(struct nslab_actor *actor, struct nslab_event *event,
		bool point, const void *pointer);

/* === Coverage === */

void nslab_coverage_begin(bool counts);
void nslab_coverage_point(enum nslab_point point);
void nslab_coverage_reader(unsigned long ip, unsigned long from);
u64 nslab_coverage_of_point(enum nslab_point point);
u64 nslab_coverage_of_reader(unsigned long ip, unsigned long from);
void nslab_coverage_emit(void);

/* === Delays and random numbers === */

void nslab_delay_init(void);
void nslab_faults_arm(void);
void nslab_faults_reset(void);
void nslab_seed_actor(struct nslab_actor *actor, u64 seed, unsigned int index);
u32 nslab_random_below(struct rnd_state *rnd, u32 ceil);
u64 nslab_random_between(struct rnd_state *rnd, u64 min, u64 max);
u64 nslab_draw_delay(struct nslab_actor *actor, enum nslab_class class);
void nslab_delay(struct nslab_actor *actor, u64 ns);

/* === Trace === */

int nslab_trace_init(void);
void nslab_trace_reset(void);
struct nslab_event *nslab_trace_add(const struct nslab_event *event);
struct nslab_event *nslab_trace_point(struct nslab_actor *actor,
				      const struct nslab_event *event);
const struct nslab_event *nslab_trace_events(unsigned int *n);
bool nslab_trace_truncated(void);
u64 nslab_trace_hash(void);
unsigned int nslab_trace_count(unsigned int kind);
unsigned int nslab_trace_delays(void);
unsigned int nslab_trace_points(void);
u32 nslab_trace_number(const struct nslab_event *event);
void nslab_trace_emit(u64 execution);
u64 nslab_text_offset(unsigned long ip);
u64 nslab_mix(u64 hash, u64 word);

/* === Watched objects === */

#define NSLAB_MAX_WATCHES	16

void nslab_watch_init(struct dentry *dir);
void nslab_watch_begin(const struct nslab_run *run);
void nslab_watch_end(void);
u16 nslab_lock_number(const void *lock);
u8 nslab_object_owner(u16 number);
u16 nslab_pointee(const void *where);
void nslab_mark(const void *addr, size_t size);
bool nslab_marked(const void *addr);
const void *nslab_first_marked(const void *addr, size_t size);
const void *nslab_first_bad(const void *addr, size_t size);
void nslab_unmark_shown(const void *addr, const void *bad);

/* === Who runs next === */

struct nslab_op;

bool nslab_steering(void);
void nslab_steer_begin(const struct nslab_run *run,
		       const struct nslab_switch *switches);
unsigned int nslab_steer_end(void);
bool nslab_steer_diverged(void);
void nslab_steer_point(struct nslab_actor *actor, struct nslab_event *event,
		       const struct nslab_op *op);
void nslab_steer_joined(struct nslab_actor *actor);
void nslab_steer_left(struct nslab_actor *actor);

/* === Oracles === */

struct nsproxy;

void nslab_oracle_begin(const char *what);
void nslab_oracle_end(void);
void nslab_lifetime_begin(void);
void nslab_lifetime_alloc(const void *object, unsigned long ip);
void nslab_lifetime_free(const void *object, unsigned long ip);
void nslab_lifetime_loaded(const struct nslab_actor *actor, const void *object);
void nslab_lifetime_grace_period(const void *object, unsigned long ip);
void nslab_lifetime_tell(void);
void nslab_lifetime_use(struct nslab_actor *actor, const void *object,
			unsigned long ip);
void nslab_lifetime_section_ends(struct nslab_actor *actor);
void nslab_order_begin(void);
void nslab_order_new_task(const struct task_struct *task);
void nslab_order_section(const struct nslab_actor *actor);
void nslab_order_switching(const struct task_struct *task,
			   const struct nsproxy *next);
void nslab_order_switched(const struct task_struct *task);
void nslab_order_loaded(struct nslab_actor *actor,
			const struct task_struct *task,
			const struct nsproxy *nsproxy);

/* === What there is === */

void nslab_census_alloc(void);
void nslab_census_free(void);
unsigned int nslab_nsproxy_references(const struct nsproxy *nsproxy);
void nslab_census(struct nslab_census *census);

/* === Marked calls === */

extern struct nslab_calls *nslab_calls;

int nslab_calls_map(unsigned long addr);
int nslab_calls_begin(const struct nslab_run *run);
bool nslab_calls_armed(void);
bool nslab_calls_alloc(struct nslab_actor *actor, unsigned int what);
const struct nslab_site *nslab_calls_sites(unsigned int *n);
bool nslab_calls_incomplete(void);
int nslab_calls_tell(u64 id);
void nslab_self(struct nslab_self *self);

/* === gdb === */

#define NSLAB_MAX_CHOICES	64

enum nslab_gdb_moment {
	NSLAB_GDB_RECORDED,	/* an event that is no decision */
	NSLAB_GDB_DECIDES,	/* an event at which it is decided who runs next */
	NSLAB_GDB_GOES_ON,	/* an actor goes on after another one */
	NSLAB_GDB_ENDS,		/* the execution is over */
};

/**
 * struct nslab_gdb - what gdb waits for
 * @execution: the number of the only one in which it does; 0: none
 * @warm_up: it is the how manieth of those that warm up, from 1; 0: none
 * @step: at this event of the trace, from 1
 * @next: at every scheduling point
 * @turn: when another actor goes on
 * @points: at a named point, of these actors, a bit each
 * @nchoices: how many @choices there are
 * @choices: at that event this actor is to run next, whatever the strategy says
 * @warm_ups: out: how many that warm up have begun
 * @last: out: the actor that had the last turn
 * @moment: out: what has come
 * @at: out: the last event
 * @actor: out: whose moment it is
 * @status: out: of the execution, at its end
 * @hash: out: of its trace, likewise
 */
struct nslab_gdb {
	u64 execution;
	u32 step;
	u32 warm_up;
	u8 next;
	u8 turn;
	u8 points[NSLAB_NR_POINTS];
	u32 nchoices;
	struct {
		u32 step;
		u32 actor;
	} choices[NSLAB_MAX_CHOICES];
	u32 warm_ups;
	u8 last;
	u8 moment;
	u8 actor;
	u32 at;
	u32 status;
	u64 hash;
};

extern struct nslab_gdb nslab_gdb;

void nslab_gdb_stop(void);
void nslab_gdb_begins(const struct nslab_run *run);
void __nslab_gdb_recorded(const struct nslab_event *event);
void __nslab_gdb_decides(const struct nslab_event *event);
void __nslab_gdb_goes_on(const struct nslab_actor *actor);
void __nslab_gdb_ends(const struct nslab_run *run);
unsigned int nslab_gdb_choice(const struct nslab_event *event);

/* Nearly always there is no gdb. */
#define nslab_gdb_at(what, ...)						\
do {									\
	if (unlikely(READ_ONCE(nslab_gdb.execution)))			\
		__nslab_gdb_##what(__VA_ARGS__);			\
} while (0)

/* === Executions === */

bool nslab_running(void);
struct nslab_actor *nslab_actor_at(unsigned int index);
unsigned int nslab_actor_index(const struct nslab_actor *actor);
const char *nslab_actor_name(unsigned int index);
void nslab_tell_others(void);
const struct nslab_run *nslab_current_run(void);
int nslab_join(const struct nslab_join *join);
int nslab_leave(bool exits);
int nslab_rest(unsigned long mask);
bool nslab_listed_failure(const struct nslab_actor *actor);
unsigned int nslab_faults(void);
int nslab_run(struct nslab_run *run);
void nslab_settle(void);

/* === Control and report === */

int nslab_control_init(void);
int nslab_report_init(void);
ssize_t nslab_host_write(const char *buf, size_t len);
__printf(1, 2) void nslab_host_printf(const char *fmt, ...);
void nslab_emit_points(void);
bool nslab_splat_seen(void);
const char *nslab_fault_name(unsigned int number);

/**
 * nslab_is_hidden() - is what that actor does no part of the execution?
 */
static inline bool nslab_is_hidden(const struct nslab_actor *actor)
{
	const struct nslab_calls *calls = READ_ONCE(nslab_calls);

	return actor->hidden ||
	       (calls && READ_ONCE(calls->actors[nslab_actor_index(actor)].hidden));
}

#endif /* KERNEL_NSLAB_NSLAB_H */
