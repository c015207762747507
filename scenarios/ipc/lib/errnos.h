/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a call may fail with, as the manual pages have it (man-pages 6.9), for
 * MARKED(). Left out is what no scenario asks for, such as EFAULT.
 */
#ifndef SCENARIOS_IPC_LIB_ERRNOS_H
#define SCENARIOS_IPC_LIB_ERRNOS_H

#include <errno.h>

/* What a call says of an object that is removed before or while it runs. */
#define REMOVED		EIDRM, EINVAL

/* semop(2) */
#define ERRNOS_SEMOP	ENOMEM, ENOSPC, REMOVED

/* msgsnd(2), msgrcv(2) */
#define ERRNOS_MSGSND	ENOMEM, REMOVED
#define ERRNOS_MSGRCV	REMOVED

/* shmat(2) */
#define ERRNOS_SHMAT	ENOMEM, ENFILE, REMOVED

/* mq_open(3), mq_send(3) */
#define ERRNOS_MQ_OPEN	ENOMEM, ENOENT, ENFILE, EMFILE, ENOSPC
#define ERRNOS_MQ_SEND	ENOMEM

/* mq_notify(3), of a descriptor that may be closed */
#define ERRNOS_MQ_NOTIFY	ENOMEM, EBADF

/* shmget(2) */
#define ERRNOS_SHMGET	ENOMEM, ENOSPC, ENFILE

#endif /* SCENARIOS_IPC_LIB_ERRNOS_H */
