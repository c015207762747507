// SPDX-License-Identifier: GPL-2.0
/*
 * Which allocation of which marked call fails in which execution.
 *
 * A boot first counts: of each input, the allocations of each marked call while
 * none fails. What was counted is a list for each input, with one more entry
 * behind each call, in which nothing fails. Execution n fails entry number
 * (n - 1) / inputs of its input's list, and begins again behind the last one.
 */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct list {
	struct nslab_site *sites;
	unsigned int n;
};

static struct list *lists;
static unsigned int nr_lists;

/* === What was seen in this boot === */

struct seen {
	struct nslab_site site;
	unsigned int input;
};

static struct seen *table;
static unsigned int table_size, table_used;

static bool same(const struct seen *seen, unsigned int input,
		 const struct nslab_site *site)
{
	return seen->input == input && seen->site.stack == site->stack &&
	       seen->site.actor == site->actor &&
	       seen->site.call == site->call && seen->site.again == site->again;
}

static struct seen *slot_of(unsigned int input, const struct nslab_site *site)
{
	uint64_t hash = mix64(site->stack ^ (uint64_t)input << 48 ^
			      (uint64_t)site->actor << 40 ^
			      (uint64_t)site->call << 20 ^ site->again);
	unsigned int i = hash & (table_size - 1);

	while (table[i].site.stack && !same(&table[i], input, site))
		i = (i + 1) & (table_size - 1);
	return &table[i];
}

static void grow(void)
{
	struct seen *old = table;
	unsigned int i, n = table_size;

	table_size = n ? 2 * n : 1024;
	table = calloc(table_size, sizeof(*table));
	if (!table)
		abort();
	for (i = 0; i < n; i++)
		if (old[i].site.stack)
			*slot_of(old[i].input, &old[i].site) = old[i];
	free(old);
}

/**
 * failnth_is_new() - has that allocation never been seen in this boot?
 * @input: of the execution that made it
 * @site: it
 *
 * It has from now on.
 */
bool failnth_is_new(unsigned int input, const struct nslab_site *site)
{
	struct seen *slot;

	if (2 * table_used >= table_size)
		grow();
	slot = slot_of(input, site);
	if (slot->site.stack)
		return false;
	slot->site = *site;
	slot->input = input;
	table_used++;
	return true;
}

/* === What was counted === */

/**
 * failnth_start() - nothing has been counted yet
 * @inputs: how many there are
 *
 * Return: 0, or -1 without memory.
 */
int failnth_start(unsigned int inputs)
{
	unsigned int i;

	for (i = 0; i < nr_lists; i++)
		free(lists[i].sites);
	free(lists);
	free(table);
	table = NULL;
	table_size = 0;
	table_used = 0;
	lists = calloc(inputs, sizeof(*lists));
	nr_lists = lists ? inputs : 0;
	return lists ? 0 : -1;
}

/**
 * failnth_counted() - one execution, in which nothing failed
 * @input: it had
 * @sites: the allocations in marked calls, in the order they were made
 * @n: how many
 * @ncalls: how many marked calls each actor made
 *
 * Return: 0, or -1 without memory.
 */
int failnth_counted(unsigned int input, const struct nslab_site *sites,
		    unsigned int n, const unsigned int *ncalls)
{
	struct list *list = &lists[input];
	unsigned int actor, call, i, room = n;

	for (actor = 0; actor < SCENARIO_MAX_ACTORS; actor++)
		room += ncalls[actor];
	free(list->sites);
	list->n = 0;
	list->sites = calloc(room ?: 1, sizeof(*list->sites));
	if (!list->sites)
		return -1;
	for (actor = 0; actor < SCENARIO_MAX_ACTORS; actor++)
		for (call = 1; call <= ncalls[actor]; call++) {
			for (i = 0; i < n; i++)
				if (sites[i].actor == actor &&
				    sites[i].call == call)
					list->sites[list->n++] = sites[i];
			list->sites[list->n++] = (struct nslab_site) {
				.actor = actor, .call = call,
			};
		}
	return 0;
}

/**
 * failnth_aim() - the allocation that is to fail in an execution
 * @n: its number, from 1
 *
 * Return: its stack is 0 if none is; NULL if there are no marked calls.
 */
const struct nslab_site *failnth_aim(uint64_t n)
{
	const struct list *list = &lists[(n - 1) % nr_lists];

	return list->n ? &list->sites[(n - 1) / nr_lists % list->n] : NULL;
}

/**
 * failnth_round() - executions from number 1 until all of the lists are through
 */
uint64_t failnth_round(void)
{
	unsigned int i, longest = 0;

	for (i = 0; i < nr_lists; i++)
		if (lists[i].n > longest)
			longest = lists[i].n;
	return (uint64_t)longest * nr_lists;
}
