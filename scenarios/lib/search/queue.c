// SPDX-License-Identifier: GPL-2.0
/*
 * Queues of schedules, packed into chunks: a search has millions of them.
 */

#include <stdlib.h>
#include <string.h>

#include "lib/search/queue.h"

#define CHUNK_SIZE	16384

struct chunk {
	struct chunk *next;
	unsigned int used;
	char data[CHUNK_SIZE - 16];
};

/**
 * budget_take() - before some memory is allocated
 *
 * Return: false if that would be too much.
 */
bool budget_take(struct budget *budget, size_t bytes)
{
	if (budget->most && budget->used + bytes > budget->most)
		return false;
	budget->used += bytes;
	if (budget->used > budget->peak)
		budget->peak = budget->used;
	return true;
}

static struct chunk *chunk_new(struct budget *budget)
{
	struct chunk *chunk;

	if (!budget_take(budget, sizeof(*chunk)))
		return NULL;
	chunk = malloc(sizeof(*chunk));
	if (!chunk) {
		budget->used -= sizeof(*chunk);
		return NULL;
	}
	chunk->next = NULL;
	chunk->used = 0;
	return chunk;
}

static size_t node_size(const struct node *node)
{
	size_t size = sizeof(*node) +
		      node->nswitches * sizeof(struct nslab_switch) +
		      __builtin_popcount(node->asleep) * sizeof(uint32_t);

	return (size + 7) & ~7UL;
}

/**
 * queue_push() - add a schedule
 *
 * Return: false if there is no memory for it.
 */
bool queue_push(struct queue *queue, struct budget *budget,
		const struct candidate *schedule)
{
	const struct node *node = &schedule->node;
	size_t size = node_size(node);
	struct chunk *chunk = queue->last;
	unsigned int i;
	char *to;

	if (!chunk || chunk->used + size > sizeof(chunk->data)) {
		chunk = chunk_new(budget);
		if (!chunk)
			return false;
		if (queue->last)
			queue->last->next = chunk;
		else
			queue->first = chunk;
		queue->last = chunk;
	}
	to = chunk->data + chunk->used;
	chunk->used += size;

	memcpy(to, node, sizeof(*node));
	to += sizeof(*node);
	memcpy(to, schedule->switches,
	       node->nswitches * sizeof(schedule->switches[0]));
	to += node->nswitches * sizeof(schedule->switches[0]);
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		if (!(node->asleep & 1U << i))
			continue;
		memcpy(to, &schedule->sleep[i], sizeof(uint32_t));
		to += sizeof(uint32_t);
	}
	return true;
}

static void drop_first(struct queue *queue, struct budget *budget)
{
	struct chunk *chunk = queue->first;

	queue->first = chunk->next;
	if (!queue->first)
		queue->last = NULL;
	queue->read = 0;
	free(chunk);
	budget->used -= sizeof(*chunk);
}

/**
 * queue_empty() - is nothing in it?
 */
bool queue_empty(const struct queue *queue)
{
	return !queue->first;
}

/**
 * queue_pop() - take the first schedule out of a queue that is not empty
 */
void queue_pop(struct queue *queue, struct budget *budget,
	       struct candidate *schedule)
{
	const char *from = queue->first->data + queue->read;
	struct node *node = &schedule->node;
	unsigned int i;

	memcpy(node, from, sizeof(*node));
	queue->read += node_size(node);
	from += sizeof(*node);
	memcpy(schedule->switches, from,
	       node->nswitches * sizeof(schedule->switches[0]));
	from += node->nswitches * sizeof(schedule->switches[0]);
	memset(schedule->sleep, 0, sizeof(schedule->sleep));
	for (i = 0; i < NSLAB_MAX_ACTORS; i++) {
		if (!(node->asleep & 1U << i))
			continue;
		memcpy(&schedule->sleep[i], from, sizeof(uint32_t));
		from += sizeof(uint32_t);
	}
	if (queue->read == queue->first->used)
		drop_first(queue, budget);
}

/**
 * queue_append() - move everything from one queue behind everything in another
 */
void queue_append(struct queue *to, struct queue *from)
{
	if (queue_empty(from))
		return;
	if (to->last)
		to->last->next = from->first;
	else
		to->first = from->first;
	to->last = from->last;
	*from = (struct queue) {};
}

/**
 * queue_clear() - drop everything
 */
void queue_clear(struct queue *queue, struct budget *budget)
{
	while (!queue_empty(queue))
		drop_first(queue, budget);
}
