/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /proc/keys says of keys.
 */
#ifndef SCENARIOS_KEYS_LIB_PROC_KEYS_H
#define SCENARIOS_KEYS_LIB_PROC_KEYS_H

/**
 * struct keys_seen - the keys of one name
 * @keys: how many there are that somebody refers to
 * @references: to all of them
 */
struct keys_seen {
	int keys;
	int references;
};

int keys_named(const char *name, struct keys_seen *seen);

#endif /* SCENARIOS_KEYS_LIB_PROC_KEYS_H */
