// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include "bounded.h"
struct bounded { struct bounded_stats stats; };
struct bounded *bounded_new(const struct bounded_config *config) { return calloc(1, sizeof(struct bounded)); }
void bounded_free(struct bounded *b) { free(b); }
bool bounded_next(struct bounded *b, const struct nslab_switch **switches, unsigned int *n) { return false; }
int bounded_ran(struct bounded *b, const struct nslab_event *events, unsigned int n) { return 0; }
const struct bounded_stats *bounded_stats(const struct bounded *b) { return &b->stats; }
