// SPDX-License-Identifier: GPL-2.0
/*
 * rtnetlink, as far as scenarios need it. A netlink library would bring its
 * own allocations and caches into the actors; three requests do without.
 */

#include <errno.h>
#include <stdint.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nsproxy/lib/rtnl.h"

struct request {
	struct nlmsghdr header;
	struct ifinfomsg info;
	char attributes[256];
};

static void start(struct request *request, int type, int flags)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	request->header.nlmsg_len = NLMSG_LENGTH(sizeof(request->info));
	request->info.ifi_family = AF_UNSPEC;
}

static struct rtattr *add(struct request *request, int type, const void *data,
			  size_t len)
{
	size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
	struct rtattr *attr = (void *)((char *)request + at);

	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
	request->header.nlmsg_len = at + RTA_ALIGN(attr->rta_len);
	return attr;
}

/* 0, or -1 with errno as the kernel's answer has it. */
static int talk(int fd, const struct nlmsghdr *request, int expected)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} answer;

	if (send(fd, request, request->nlmsg_len, 0) < 0)
		return -1;
	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		return -1;
	if (answer.header.nlmsg_type != NLMSG_ERROR) {
		errno = EPROTO;
		return answer.header.nlmsg_type == expected ? 0 : -1;
	}
	if (!answer.error.error)
		return 0;
	errno = -answer.error.error;
	return -1;
}

/**
 * rtnl_open() - a socket for the network namespace we are in
 *
 * Return: a descriptor, or -1 with errno.
 */
int rtnl_open(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/**
 * rtnl_new_dummy() - create a dummy device
 * @fd: the socket
 * @name: of the device
 * @pid: in the network namespace of this task (IFLA_NET_NS_PID), which is
 *	what get_net_ns_by_pid() looks up; 0 for the socket's own
 *
 * Return: 0, or -1 with errno.
 */
int rtnl_new_dummy(int fd, const char *name, pid_t pid)
{
	struct request request;
	struct rtattr *linkinfo;

	start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	add(&request, IFLA_IFNAME, name, strlen(name) + 1);
	if (pid)
		add(&request, IFLA_NET_NS_PID, &pid, sizeof(pid));
	linkinfo = add(&request, IFLA_LINKINFO, NULL, 0);
	add(&request, IFLA_INFO_KIND, "dummy", sizeof("dummy"));
	linkinfo->rta_len = (char *)&request + request.header.nlmsg_len -
			    (char *)linkinfo;
	return talk(fd, &request.header, NLMSG_ERROR);
}

/**
 * rtnl_del_link() - remove a device by name
 *
 * Return: 0, or -1 with errno.
 */
int rtnl_del_link(int fd, const char *name)
{
	struct request request;

	start(&request, RTM_DELLINK, 0);
	add(&request, IFLA_IFNAME, name, strlen(name) + 1);
	return talk(fd, &request.header, NLMSG_ERROR);
}

/**
 * rtnl_get_nsid() - ask for the id of a task's network namespace
 * @fd: the socket
 * @pid: the task (NETNSA_PID); get_net_ns_by_pid() looks it up
 *
 * Return: 0 if there is such a namespace, or -1 with errno.
 */
int rtnl_get_nsid(int fd, pid_t pid)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
		char pad[3];
		struct rtattr attr;
		uint32_t pid;
	} request = {
		.header.nlmsg_len = sizeof(request),
		.header.nlmsg_type = RTM_GETNSID,
		.header.nlmsg_flags = NLM_F_REQUEST,
		.family.rtgen_family = AF_UNSPEC,
		.attr.rta_type = NETNSA_PID,
		.attr.rta_len = RTA_LENGTH(sizeof(uint32_t)),
		.pid = pid,
	};

	return talk(fd, &request.header, RTM_NEWNSID);
}

/**
 * rtnl_set_nsid() - give the network namespace of a task an id here
 * @fd: the socket
 * @pid: the task (NETNSA_PID)
 * @nsid: the id
 *
 * Return: 0, or -1 with errno.
 */
int rtnl_set_nsid(int fd, pid_t pid, int nsid)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg family;
		char pad[3];
		struct rtattr pid_attr;
		uint32_t pid;
		struct rtattr nsid_attr;
		int32_t nsid;
	} request = {
		.header.nlmsg_len = sizeof(request),
		.header.nlmsg_type = RTM_NEWNSID,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.family.rtgen_family = AF_UNSPEC,
		.pid_attr.rta_type = NETNSA_PID,
		.pid_attr.rta_len = RTA_LENGTH(sizeof(uint32_t)),
		.pid = pid,
		.nsid_attr.rta_type = NETNSA_NSID,
		.nsid_attr.rta_len = RTA_LENGTH(sizeof(int32_t)),
		.nsid = nsid,
	};

	return talk(fd, &request.header, NLMSG_ERROR);
}

/**
 * rtnl_get_link_there() - ask for the first device of another network namespace
 * @fd: the socket
 * @nsid: that namespace's id here (IFLA_TARGET_NETNSID)
 *
 * Return: 0 if there is one, or -1 with errno.
 */
int rtnl_get_link_there(int fd, int nsid)
{
	struct request request;

	start(&request, RTM_GETLINK, 0);
	request.header.nlmsg_flags &= ~NLM_F_ACK;
	request.info.ifi_index = 1;
	add(&request, IFLA_TARGET_NETNSID, &nsid, sizeof(nsid));
	return talk(fd, &request.header, RTM_NEWLINK);
}
