/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which memory do the actors of one execution share?
 */
#ifndef KERNEL_NSLAB_MEMORY_PROFILE_H
#define KERNEL_NSLAB_MEMORY_PROFILE_H

#include <linux/lockdep_types.h>

#include "../core/actors.h"

/* Of the locks held at all accesses to a word, so many are kept. */
#define NSLAB_COMMON_LOCKS	4

/* Of the locks held at any access, classes, so many are kept. */
#define NSLAB_ANY_LOCKS		8

/**
 * struct nslab_held - a lock that an actor holds
 * @instance: the lock
 * @key: of its class
 * @name: of its class
 */
struct nslab_held {
	const struct lockdep_map *instance;
	const struct lock_class_key *key;
	const char *name;
};

/**
 * struct nslab_seen_side - a place that accesses a word
 * @ip: where
 * @actor: index
 * @flags: NSLAB_SIDE_*
 * @rcu: depth of its read sections
 * @locks: names of the locks it holds, the last ones first; NULL: no more
 */
struct nslab_seen_side {
	unsigned long ip;
	u8 actor;
	u8 flags;
	u8 rcu;
	const char *locks[NSLAB_SIDE_LOCKS];
};

/**
 * struct nslab_seen - what happened to eight bytes of memory in this execution
 * @addr: where; 0: the object has been freed
 * @reads: by actor, which bytes it read, a bit each
 * @writes: likewise
 * @nlocks: how many @locks
 * @nsides: how many @sides
 * @nany: how many @any
 * @special: some write to it was no plain store: atomic, or memset() and its kin
 * @locks: held at all accesses so far
 * @sides: in the order in which they came
 * @any: classes of which a lock was held at some access
 */
struct nslab_seen {
	const void *addr;
	u8 reads[NSLAB_MAX_ACTORS];
	u8 writes[NSLAB_MAX_ACTORS];
	u8 nlocks;
	u8 nsides;
	u8 nany;
	bool special;
	struct nslab_held locks[NSLAB_COMMON_LOCKS];
	struct nslab_seen_side sides[NSLAB_MAX_SIDES];
	const struct lock_class_key *any[NSLAB_ANY_LOCKS];
};

/**
 * struct nslab_profile_stats - of the last profile execution
 * @accesses: how many there were
 * @locations: to so many words
 * @lost: accesses that there was no room for
 */
struct nslab_profile_stats {
	u32 accesses;
	u32 locations;
	u32 lost;
};

extern bool nslab_profiling;
extern struct nslab_profile_stats nslab_profile_stats;

void nslab_profile_access(const struct nslab_actor *actor, const void *addr,
			  size_t size, bool write, bool plain,
			  unsigned long ip);
void nslab_profile_free(const void *object, size_t size, unsigned long ip);

#endif /* KERNEL_NSLAB_MEMORY_PROFILE_H */
