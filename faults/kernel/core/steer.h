/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Controlled scheduling: which actor runs next.
 */
#ifndef KERNEL_NSLAB_CORE_STEER_H
#define KERNEL_NSLAB_CORE_STEER_H

#include "actors.h"

struct nslab_op;

bool nslab_steering(void);
void nslab_steer_begin(const struct nslab_run *run,
		       const struct nslab_switch *switches);
unsigned int nslab_steer_end(void);
bool nslab_steer_diverged(void);
void nslab_steer_point(struct nslab_actor *actor, struct nslab_event *event,
		       const struct nslab_op *op);
void nslab_steer_joined(struct nslab_actor *actor);
void nslab_steer_left(struct nslab_actor *actor);

#endif /* KERNEL_NSLAB_CORE_STEER_H */
