/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Locks that actors take.
 */
#ifndef KERNEL_NSLAB_CORE_LOCKS_H
#define KERNEL_NSLAB_CORE_LOCKS_H

#include "actors.h"

void nslab_locks_begin(void);
u16 nslab_lock_number(const void *lock);
void nslab_note_unlock(struct nslab_actor *actor);

#endif /* KERNEL_NSLAB_CORE_LOCKS_H */
