// SPDX-License-Identifier: GPL-2.0
/*
 * Oracle "leak", of any memory: after an execution no slab cache holds more objects
 * than it ever did at rest.
 *
 * What holds more may have cached something: a dentry, the node of a tree. So the same
 * execution is run again, and again. A cache that holds more after each of them has
 * either lost what the execution asked for, or put it on some list until another
 * execution comes along, as the kernel does with objects whose set-up has failed. So in
 * the end the scenario is run in the plain way, without faults, and what is still there
 * then is lost.
 */

#include <stdio.h>
#include <string.h>

#include "lib/internal.h"

#define REPETITIONS	3

/* What an actor that is kept has made in one, it may put in the next. */
#define PLAIN_RUNS	2

/* As in leak.c; it takes longest where a leak is about to be reported. */
#define MAX_SETTLES	50
#define FEW_SETTLES	3

static struct nslab_heap heap;

static int ask(const struct control *control, unsigned int command)
{
	heap.command = command;
	return control->heap(&heap);
}

/* Settle until no cache holds more, or so many times. */
static int settle(const struct control *control, unsigned int command,
		  unsigned int times)
{
	int ret;

	do {
		ret = ask(control, command);
	} while (!ret && heap.n && --times);
	return ret;
}

static int repeat(const struct control *control, const struct heap_runs *runs)
{
	unsigned int i;
	int ret = 0;

	for (i = 1; !ret && heap.n && i <= REPETITIONS; i++) {
		ret = runs->again(runs->data);
		if (!ret)
			ret = settle(control, NSLAB_HEAP_AGAIN, FEW_SETTLES);
		if (!ret)
			ret = ask(control, i == REPETITIONS ? NSLAB_HEAP_LAST :
							      NSLAB_HEAP_JUDGE);
	}
	for (i = 1; !ret && heap.n && i <= PLAIN_RUNS; i++) {
		ret = runs->plain(runs->data);
		if (!ret)
			ret = settle(control, NSLAB_HEAP_LEFT,
				     i == PLAIN_RUNS ? MAX_SETTLES : FEW_SETTLES);
	}
	return ret;
}

/**
 * heap_start() - what slab caches hold now is what they may hold
 *
 * Return: 0, or -1 with errno set.
 */
int heap_start(const struct control *control)
{
	return ask(control, NSLAB_HEAP_START);
}

/**
 * heap_accept() - likewise, but of those alone that hold more than they did
 *
 * Return: 0, or -1 with errno set.
 */
int heap_accept(const struct control *control)
{
	return ask(control, NSLAB_HEAP_END);
}

/**
 * heap_check() - some cache holds more than it ever did: is that lost?
 * @runs: how to run the execution again
 * @message: out: which cache, how much and from whom; empty if nothing is lost
 * @size: bytes
 *
 * Return: 0, -1 with errno set, or what one of @runs returned, which ends it all.
 */
int heap_check(const struct control *control, const struct heap_runs *runs,
	       char *message, size_t size)
{
	int ret = settle(control, NSLAB_HEAP_GROWN, FEW_SETTLES);

	if (ret || !heap.n)
		return ret;
	ret = ask(control, NSLAB_HEAP_SUSPECT);
	if (!ret)
		ret = repeat(control, runs);
	if (ret < 0)
		return ret;
	if (ask(control, NSLAB_HEAP_END))
		return -1;
	if (!ret && heap.n)
		snprintf(message, size, "%.*s, in each of %d repetitions",
			 NSLAB_HEAP_TEXT, heap.text, REPETITIONS);
	return ret;
}
