/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pseudo terminal, without anything in /dev.
 */
#ifndef SCENARIOS_TTY_LIB_PTY_H
#define SCENARIOS_TTY_LIB_PTY_H

#include <stddef.h>

int pty_open(char *path, size_t size);

#endif /* SCENARIOS_TTY_LIB_PTY_H */
