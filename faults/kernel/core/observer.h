/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How core reports to the layers above it, which it does not know.
 */
#ifndef KERNEL_NSLAB_CORE_OBSERVER_H
#define KERNEL_NSLAB_CORE_OBSERVER_H

#include "actors.h"
#include "list.h"

/**
 * struct nslab_observer - what a layer does when something has happened
 * @begins: an execution is about to begin, no actor runs yet
 * @ends: it has ended, with its results in @run
 * @section_begins: current, an actor, has entered a read section within no other
 * @section_ends: it is about to leave that section; others may have run
 *
 * Each may be NULL. They are called in the order of the layers, lowest first.
 */
struct nslab_observer {
	void (*begins)(const struct nslab_run *run);
	void (*ends)(const struct nslab_run *run);
	void (*section_begins)(struct nslab_actor *actor);
	void (*section_ends)(struct nslab_actor *actor);
};

NSLAB_LIST(nslab_observers, const struct nslab_observer *const);

#define NSLAB_OBSERVER(observer)					\
	NSLAB_LISTED(nslab_observers, const struct nslab_observer *const, observer)

/* Call @hook of every observer that has it. */
#define nslab_tell_observers(hook, ...)					\
do {									\
	const struct nslab_observer *const *one;			\
									\
	nslab_for_each(one, nslab_observers)				\
		if ((*one)->hook)					\
			(*one)->hook(__VA_ARGS__);			\
} while (0)

/**
 * struct nslab_debugger - stops an execution at its steps
 * @execution: the number of the only execution in which it does; 0: none
 * @recorded: an event was added to the trace
 * @decides: the next actor is about to be chosen; @event: where, with those that
 *	can run
 * @choice: has the debugger's user chosen it? An index, NSLAB_NOBODY: no
 * @goes_on: current, an actor, goes on after another one
 */
struct nslab_debugger {
	const u64 *execution;
	void (*recorded)(const struct nslab_event *event);
	void (*decides)(const struct nslab_event *event);
	unsigned int (*choice)(const struct nslab_event *event);
	void (*goes_on)(const struct nslab_actor *actor);
};

/*
 * At most one. Set once, by an initcall, before there is an actor: the readers need
 * no order.
 */
extern const struct nslab_debugger *nslab_debugger;

/*
 * Nearly always there is none that waits for anything. It writes *@execution from
 * outside, while the guest stands still: READ_ONCE() has no pair in the kernel.
 */
static inline bool nslab_debugged(void)
{
	return nslab_debugger && unlikely(READ_ONCE(*nslab_debugger->execution));
}

#define nslab_tell_debugger(hook, ...)					\
do {									\
	if (nslab_debugged())						\
		nslab_debugger->hook(__VA_ARGS__);			\
} while (0)

#endif /* KERNEL_NSLAB_CORE_OBSERVER_H */
