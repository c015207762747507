/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Schedules that wait to be run, first in, first out, and the memory that a
 * search may take for them.
 */
#ifndef SCENARIOS_LIB_SEARCH_QUEUE_H
#define SCENARIOS_LIB_SEARCH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../faults/kernel/uapi.h"

/**
 * struct budget - memory, in bytes
 * @most: that may be in use; 0: no limit
 * @used: now
 * @peak: the most that was ever in use
 */
struct budget {
	size_t most, used, peak;
};

bool budget_take(struct budget *budget, size_t bytes);

/**
 * struct node - a schedule; in a queue its switches and the numbers of the steps
 *	that sleep, by actor, stand behind it
 * @hash: of the trace until its last switch
 * @deviation: index of the event of its last switch
 * @nswitches: how many
 * @asleep: the actors that sleep there, a bit each
 */
struct node {
	uint64_t hash;
	uint32_t deviation;
	uint16_t nswitches;
	uint16_t asleep;
};

/**
 * struct candidate - a schedule outside of a queue
 * @node: the schedule
 * @switches: its switches
 * @sleep: by actor, the number of the step that it is asleep at; 0: it is awake
 */
struct candidate {
	struct node node;
	struct nslab_switch switches[NSLAB_MAX_SWITCHES];
	uint32_t sleep[NSLAB_MAX_ACTORS];
};

struct chunk;

/**
 * struct queue - schedules; all zero is an empty one
 * @first: what is read
 * @last: what is written
 * @read: of @first, in bytes
 */
struct queue {
	struct chunk *first, *last;
	unsigned int read;
};

bool queue_empty(const struct queue *queue);
bool queue_push(struct queue *queue, struct budget *budget,
		const struct candidate *schedule);
void queue_pop(struct queue *queue, struct budget *budget,
	       struct candidate *schedule);
void queue_append(struct queue *to, struct queue *from);
void queue_clear(struct queue *queue, struct budget *budget);

#endif /* SCENARIOS_LIB_SEARCH_QUEUE_H */
