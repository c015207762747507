/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One execution, from its start to its end.
 */
#ifndef KERNEL_NSLAB_CORE_EXECUTION_H
#define KERNEL_NSLAB_CORE_EXECUTION_H

#include "actors.h"

extern struct nslab_switch nslab_switches[NSLAB_MAX_SWITCHES];

int nslab_actor_join(const struct nslab_join *join);
int nslab_actor_leave(bool exits);
int nslab_execute(struct nslab_run *run);
int nslab_release_actors(unsigned long mask);
void nslab_settle(void);

#endif /* KERNEL_NSLAB_CORE_EXECUTION_H */
