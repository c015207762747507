/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What scenarios that move between namespaces have in common.
 */
#ifndef SCENARIOS_LIB_NAMESPACES_H
#define SCENARIOS_LIB_NAMESPACES_H

#include <sys/types.h>

int namespaces_restore(void);
int namespaces_dir(pid_t pid);
long namespace_at(int dir, const char *link);
long namespace_of(pid_t pid, const char *link);

#endif /* SCENARIOS_LIB_NAMESPACES_H */
