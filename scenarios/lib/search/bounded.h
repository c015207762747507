/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strategy "bounded": every schedule with up to so many preemptions, those
 * with fewer first.
 */
#ifndef SCENARIOS_LIB_BOUNDED_H
#define SCENARIOS_LIB_BOUNDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../faults/kernel/uapi.h"

#define BOUNDED_MAX_PREEMPTIONS	31

/**
 * struct bounded_config - what to search
 * @nactors: how many actors
 * @max_preemptions: the bound, up to BOUNDED_MAX_PREEMPTIONS
 * @prune: leave out schedules that others with no more preemptions stand for
 * @unknown: actors share words that are not in the traces and that no lock
 *	protects. Any step may depend on any other then, so nothing is left out
 * @max_schedules: run so many at most; 0: no limit
 * @max_bytes: of memory for what is still to be run; 0: no limit
 */
struct bounded_config {
	unsigned int nactors;
	unsigned int max_preemptions;
	bool prune;
	bool unknown;
	uint64_t max_schedules;
	size_t max_bytes;
};

enum bounded_cut {
	BOUNDED_CUT_NOTHING,
	BOUNDED_CUT_SCHEDULES,	/* there are more, but no more are to be run */
	BOUNDED_CUT_MEMORY,	/* some were left out, there was no room */
	BOUNDED_CUT_DIVERGED,	/* some were left out, a replay went wrong */
	BOUNDED_CUT_UNKNOWN,	/* some were, for want of a word that is shared */
};

/**
 * struct bounded_stats - how far it has come
 * @schedules: how many were run
 * @by_preemptions: the same, by the number of preemptions
 * @redundant: of those, how many became another's equivalent at some point
 * @pruned: alternatives that were not tried, as others stand for them
 * @beyond: alternatives that were not tried, as the bound forbids them
 * @max_points: the most points of any execution
 * @complete: all schedules with so many preemptions were run; -1: none
 * @cut: the first reason why the search is not complete up to the bound
 * @bytes: the most memory it took
 * @unexplained: steps after which others could run or not for a reason that
 *	the trace does not show, or in the middle of which somebody else did
 *	something; if not 0, pruning may have left out too much
 * @unfinished: executions whose trace does not show all actors' ends, nor that
 *	nobody could run; if it was too long, more is missing
 * @message: where a replay went another way, or empty
 */
struct bounded_stats {
	uint64_t schedules;
	uint64_t by_preemptions[BOUNDED_MAX_PREEMPTIONS + 1];
	uint64_t redundant;
	uint64_t pruned;
	uint64_t beyond;
	unsigned int max_points;
	int complete;
	enum bounded_cut cut;
	size_t bytes;
	uint64_t unexplained;
	uint64_t unfinished;
	char message[192];
};

struct bounded;

struct bounded *bounded_new(const struct bounded_config *config);
void bounded_free(struct bounded *b);
bool bounded_next(struct bounded *b, const struct nslab_switch **switches,
		  unsigned int *n);
unsigned int bounded_preemptions(const struct bounded *b);
int bounded_ran(struct bounded *b, const struct nslab_event *events,
		unsigned int n);
void bounded_unknown(struct bounded *b);
const struct bounded_stats *bounded_stats(const struct bounded *b);

#endif /* SCENARIOS_LIB_BOUNDED_H */
