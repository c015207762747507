// SPDX-License-Identifier: GPL-2.0
/*
 * The control interface in debugfs: see uapi.h.
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "nslab.h"

static long run_ioctl(struct nslab_run __user *arg)
{
	struct nslab_run *run;
	long ret;

	run = memdup_user(arg, sizeof(*run));
	if (IS_ERR(run))
		return PTR_ERR(run);
	ret = nslab_run(run);
	if (!ret && copy_to_user(arg, run, sizeof(*run)))
		ret = -EFAULT;
	kfree(run);
	return ret;
}

static long join_ioctl(struct nslab_join __user *arg)
{
	struct nslab_join join;

	if (copy_from_user(&join, arg, sizeof(join)))
		return -EFAULT;
	return nslab_join(&join);
}

static long next_ioctl(struct nslab_join __user *arg)
{
	return nslab_leave(false) ?: join_ioctl(arg);
}

static long rest_ioctl(struct nslab_rest __user *arg)
{
	struct nslab_rest rest;
	int ret;

	if (copy_from_user(&rest, arg, sizeof(rest)))
		return -EFAULT;
	if (rest.flags & ~NSLAB_REST_SETTLE)
		return -EINVAL;
	ret = nslab_rest(rest.mask);
	if (ret)
		return ret;
	if (rest.flags & NSLAB_REST_SETTLE)
		nslab_settle();
	nslab_census(&rest.census);
	return copy_to_user(arg, &rest, sizeof(rest)) ? -EFAULT : 0;
}

static long events_ioctl(void __user *arg)
{
	const struct nslab_event *events;
	unsigned int n;

	events = nslab_trace_events(&n);
	return copy_to_user(arg, events, n * sizeof(*events)) ? -EFAULT : 0;
}

static long census_ioctl(void __user *arg)
{
	struct nslab_census census;

	nslab_census(&census);
	return copy_to_user(arg, &census, sizeof(census)) ? -EFAULT : 0;
}

static long sites_ioctl(void __user *arg)
{
	const struct nslab_site *sites;
	unsigned int n;

	sites = nslab_calls_sites(&n);
	return copy_to_user(arg, sites, n * sizeof(*sites)) ? -EFAULT : 0;
}

static long self_ioctl(void __user *arg)
{
	struct nslab_self self;

	nslab_self(&self);
	return copy_to_user(arg, &self, sizeof(self)) ? -EFAULT : 0;
}

static long control_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	switch (cmd) {
	case NSLAB_IOC_ARM:
		nslab_faults_arm();
		return 0;
	case NSLAB_IOC_JOIN:
		return join_ioctl((struct nslab_join __user *)arg);
	case NSLAB_IOC_LEAVE:
		return nslab_leave(false);
	case NSLAB_IOC_NEXT:
		return next_ioctl((struct nslab_join __user *)arg);
	case NSLAB_IOC_RUN:
		return run_ioctl((struct nslab_run __user *)arg);
	case NSLAB_IOC_POINTS:
		nslab_emit_points();
		return 0;
	case NSLAB_IOC_FAULTS:
		return nslab_faults();
	case NSLAB_IOC_EVENTS:
		return events_ioctl((void __user *)arg);
	case NSLAB_IOC_REST:
		return rest_ioctl((struct nslab_rest __user *)arg);
	case NSLAB_IOC_CENSUS:
		return census_ioctl((void __user *)arg);
	case NSLAB_IOC_SETTLE:
		nslab_settle();
		return 0;
	case NSLAB_IOC_CALLS:
		return nslab_calls_map(arg);
	case NSLAB_IOC_SITES:
		return sites_ioctl((void __user *)arg);
	case NSLAB_IOC_TELL:
		return nslab_calls_tell(arg);
	case NSLAB_IOC_SELF:
		return self_ioctl((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = control_ioctl,
};

/* What is written here goes to the host as it is. */
static ssize_t results_write(struct file *file, const char __user *ubuf,
			     size_t len, loff_t *pos)
{
	ssize_t ret;
	char *buf;

	buf = memdup_user_nul(ubuf, len);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	ret = nslab_host_write(buf, len);
	kfree(buf);
	return ret;
}

static const struct file_operations results_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = results_write,
};

int __init nslab_control_init(void)
{
	struct dentry *dir = debugfs_create_dir("nslab", NULL);

	debugfs_create_file_unsafe("control", 0600, dir, NULL, &control_fops);
	debugfs_create_file("results", 0200, dir, NULL, &results_fops);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	nslab_watch_init(dir);
	return 0;
}
