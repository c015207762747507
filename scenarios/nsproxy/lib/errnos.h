/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a call may fail with, as the manual pages have it (man-pages 6.9), for
 * MARKED(). Left out is what no scenario asks for, such as EFAULT.
 */
#ifndef SCENARIOS_LIB_ERRNOS_H
#define SCENARIOS_LIB_ERRNOS_H

#include <errno.h>

/* unshare(2), setns(2), clone(2) */
#define ERRNOS_UNSHARE	ENOMEM, ENOSPC, EINVAL, EPERM, EUSERS
/*
 * What the manual page does not know: without memory proc_net_ns_init() says
 * that its directory exists, and uevent_net_init() that there is no device.
 */
#define ERRNOS_UNSHARE_NET	ERRNOS_UNSHARE, EEXIST, ENODEV
#define ERRNOS_SETNS	ENOMEM, EBADF, EINVAL, EPERM, ESRCH
#define ERRNOS_CLONE	ENOMEM, EAGAIN, ENOSPC, EINVAL, EPERM, EUSERS

/*
 * open(2), openat(2), readlink(2). In /proc a component for which there is no
 * memory is one that does not exist.
 */
#define ERRNOS_OPEN	ENOMEM, ENOENT, EACCES, ENFILE, EMFILE, EINVAL
#define ERRNOS_READLINK	ENOMEM, ENOENT, EACCES, EINVAL, EIO

/* read(2): "Other errors may occur, depending on the object" */
#define ERRNOS_READ	ENOMEM, EAGAIN, EINVAL, EIO

/* pidfd_open(2), ioctl_ns(2), PIDFD_GET_UTS_NAMESPACE(2const) */
#define ERRNOS_PIDFD_OPEN	ENOMEM, EINVAL, ESRCH, ENFILE, EMFILE, ENODEV
#define ERRNOS_NS_IOCTL	ENOMEM, ESRCH, EPERM, ENFILE, EMFILE

/* sendmsg(2), recvmsg(2); netlink(7): ENOBUFS where an answer got lost */
#define ERRNOS_NETLINK	ENOMEM, ENOBUFS, EAGAIN

/* mq_open(3), shmget(2), semget(2), semop(2) */
#define ERRNOS_IPC	ENOMEM, ENOSPC, EEXIST, ENOENT, ENFILE, EMFILE

#endif /* SCENARIOS_LIB_ERRNOS_H */
