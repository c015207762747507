/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few rtnetlink requests that scenarios make.
 */
#ifndef SCENARIOS_LIB_RTNL_H
#define SCENARIOS_LIB_RTNL_H

#include <sys/types.h>

int rtnl_open(void);
int rtnl_new_dummy(int fd, const char *name, pid_t pid);
int rtnl_del_link(int fd, const char *name);
int rtnl_get_nsid(int fd, pid_t pid);
int rtnl_set_nsid(int fd, pid_t pid, int nsid);
int rtnl_get_link_there(int fd, int nsid);

#endif /* SCENARIOS_LIB_RTNL_H */
