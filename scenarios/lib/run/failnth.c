// SPDX-License-Identifier: GPL-2.0
/*
 * Which allocation of which marked call fails in which execution.
 *
 * A boot first counts: of each set-up (an setup, and who starts) the allocations
 * of each marked call while none fails. That is a list for each set-up, with
 * one more entry behind each call, in which nothing fails. Set-ups take turns,
 * each goes through its list and then begins again: what execution n fails
 * depends on n alone.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

struct list {
	struct nslab_site *sites;
	unsigned int n;
};

static struct list *lists;
static unsigned int nr_lists;

/* === What was seen in this boot === */

struct seen {
	struct nslab_site site;
	unsigned int setup;
};

static struct seen *table;
static unsigned int table_size, table_used;

static bool same(const struct seen *seen, unsigned int setup,
		 const struct nslab_site *site)
{
	return seen->setup == setup && seen->site.stack == site->stack &&
	       seen->site.actor == site->actor &&
	       seen->site.call == site->call && seen->site.again == site->again;
}

static struct seen *slot_of(unsigned int setup, const struct nslab_site *site)
{
	uint64_t hash = mix64(site->stack ^ (uint64_t)setup << 48 ^
			      (uint64_t)site->actor << 40 ^
			      (uint64_t)site->call << 20 ^ site->again);
	unsigned int i = hash & (table_size - 1);

	while (table[i].site.stack && !same(&table[i], setup, site))
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
			*slot_of(old[i].setup, &old[i].site) = old[i];
	free(old);
}

/**
 * failnth_is_new() - has that allocation never been seen in this boot?
 * @setup: of the execution that made it
 * @site: it
 *
 * It has from now on.
 */
bool failnth_is_new(unsigned int setup, const struct nslab_site *site)
{
	struct seen *slot;

	if (2 * table_used >= table_size)
		grow();
	slot = slot_of(setup, site);
	if (slot->site.stack)
		return false;
	slot->site = *site;
	slot->setup = setup;
	table_used++;
	return true;
}

/* === What was counted === */

/**
 * failnth_start() - nothing has been counted yet
 * @setups: how many there are
 *
 * Return: 0, or -1 without memory.
 */
int failnth_start(unsigned int setups)
{
	unsigned int i;

	for (i = 0; i < nr_lists; i++)
		free(lists[i].sites);
	free(lists);
	free(table);
	table = NULL;
	table_size = 0;
	table_used = 0;
	lists = calloc(setups, sizeof(*lists));
	nr_lists = lists ? setups : 0;
	return lists ? 0 : -1;
}

/**
 * failnth_both() - keep of the allocations what two executions have
 * @sites: of the one; those that stay are moved together
 * @n: how many
 * @again: of the other
 * @nagain: how many
 *
 * The nodes of an IDR come once in a while, and not when they are aimed at.
 *
 * Return: how many stay.
 */
unsigned int failnth_both(struct nslab_site *sites, unsigned int n,
			  const struct nslab_site *again, unsigned int nagain)
{
	unsigned int i, j, kept = 0;

	for (i = 0; i < n; i++) {
		struct seen seen = { .site = sites[i] };

		for (j = 0; j < nagain && !same(&seen, 0, &again[j]); j++)
			;
		if (j < nagain)
			sites[kept++] = sites[i];
	}
	return kept;
}

/**
 * failnth_counted() - one execution, in which nothing failed
 * @setup: it had
 * @sites: the allocations in marked calls, in the order they were made
 * @n: how many
 * @ncalls: how many marked calls each actor made
 *
 * Return: 0, or -1 without memory.
 */
int failnth_counted(unsigned int setup, const struct nslab_site *sites,
		    unsigned int n, const unsigned int *ncalls)
{
	struct list *list = &lists[setup];
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

static unsigned int longest(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_lists; i++)
		if (lists[i].n > n)
			n = lists[i].n;
	return n;
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
	uint64_t turn = (n - 1) / nr_lists, round;

	if (!list->n)
		return NULL;
	/*
	 * Boots of two rounds may be alike, and what kept an allocation from
	 * failing would do so again: each round begins elsewhere in the list.
	 */
	round = turn / longest();
	turn = turn % longest() + round * (list->n / 3 + 1);
	return &list->sites[turn % list->n];
}

/**
 * failnth_round() - executions from number 1 until all of the lists are through
 */
uint64_t failnth_round(void)
{
	return (uint64_t)longest() * nr_lists;
}
