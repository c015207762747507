/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which allocation fails.
 */
#ifndef KERNEL_NSLAB_CORE_FAULTS_H
#define KERNEL_NSLAB_CORE_FAULTS_H

#include <linux/types.h>

void nslab_faults_arm(void);
void nslab_faults_reset(void);
const char *nslab_fault_name(unsigned int number);
bool nslab_hands_memory_on(const char *name);

#endif /* KERNEL_NSLAB_CORE_FAULTS_H */
