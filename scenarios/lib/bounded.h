/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SCENARIOS_LIB_BOUNDED_H
#define SCENARIOS_LIB_BOUNDED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../faults/kernel/uapi.h"
struct bounded_config { unsigned int nactors, max_preemptions; bool prune; uint64_t max_schedules; size_t max_bytes; };
struct bounded_stats { int x; };
struct bounded;
struct bounded *bounded_new(const struct bounded_config *config);
void bounded_free(struct bounded *b);
bool bounded_next(struct bounded *b, const struct nslab_switch **switches, unsigned int *n);
int bounded_ran(struct bounded *b, const struct nslab_event *events, unsigned int n);
const struct bounded_stats *bounded_stats(const struct bounded *b);
#endif
