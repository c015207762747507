/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What scenarios that move between namespaces have in common.
 */
#ifndef SCENARIOS_LIB_NAMESPACES_H
#define SCENARIOS_LIB_NAMESPACES_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct trail - the namespaces in which a task was seen, one after the other
 * @at: their numbers, each only once
 * @n: how many
 */
struct trail {
	long at[7];
	int n;
};

int namespaces_restore(void);
const char *namespaces_call(const char *call, int flags);
int namespaces_dir(pid_t pid);
long namespace_at(int dir, const char *link);
long namespace_of(pid_t pid, const char *link);
bool trail_turns_back(struct trail *trail, long number);

#endif /* SCENARIOS_LIB_NAMESPACES_H */
