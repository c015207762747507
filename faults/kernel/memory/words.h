/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words that actors share, as all profile executions of a boot found them.
 */
#ifndef KERNEL_NSLAB_MEMORY_WORDS_H
#define KERNEL_NSLAB_MEMORY_WORDS_H

#include "profile.h"

bool nslab_is_counter(const struct nslab_seen *seen);
void nslab_words_add(const struct nslab_seen *seen);
int nslab_words_adopt(void);
unsigned int nslab_words_new(void);
bool nslab_lock_guards(const void *lock);
long nslab_words_copy(struct nslab_words __user *arg);

#endif /* KERNEL_NSLAB_MEMORY_WORDS_H */
