/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One object of each kind that stays.
 *
 * Without any, the first one that an execution makes allocates the node of the
 * tree of ids, or does not, depending on the index that is next. With one that
 * stays the node stays, and each execution starts from the same state.
 */
#ifndef SCENARIOS_IPC_LIB_KEEPER_H
#define SCENARIOS_IPC_LIB_KEEPER_H

#include <stdbool.h>

/**
 * keep_objects() - make them, once a boot; called in SETUP()
 *
 * Return: false, with errno, if that fails.
 */
bool keep_objects(void);

#endif /* SCENARIOS_IPC_LIB_KEEPER_H */
