/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which memory the actors share: executions that find it out.
 */
#ifndef SCENARIOS_LIB_RUN_PROFILE_H
#define SCENARIOS_LIB_RUN_PROFILE_H

#include "lib/run/execute.h"

bool profile_wanted(const struct job *job);
void profile_tell(const struct control *control, unsigned int n);
int profile_warm_up(const struct job *job);
bool profile_due(const struct job *job);
int profile_ran(const struct job *job, const struct nslab_run *run);
unsigned int profile_unknown(const struct job *job);
void profile_end(const struct job *job);

#endif /* SCENARIOS_LIB_RUN_PROFILE_H */
