// SPDX-License-Identifier: GPL-2.0
/*
 * The same with the namespaces that take a millisecond to make and to free.
 */

#define HEAVY_NAMESPACES
#include "nsproxy/ns_readlink_vs_unshare.c"
