/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What scenarios that move between namespaces have in common.
 */
#ifndef SCENARIOS_LIB_NAMESPACES_H
#define SCENARIOS_LIB_NAMESPACES_H

int namespaces_restore(void);

#endif /* SCENARIOS_LIB_NAMESPACES_H */
