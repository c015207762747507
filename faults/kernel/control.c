// SPDX-License-Identifier: GPL-2.0
/*
 * The control interface in debugfs: see uapi.h.
 */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "core/calls.h"
#include "core/execution.h"
#include "core/faults.h"
#include "core/restart.h"
#include "core/subject.h"
#include "core/trace.h"
#include "memory/heap.h"
#include "memory/kinds.h"
#include "memory/leftout.h"
#include "memory/words.h"
#include "report/host.h"
#include "report/report.h"

static long run_ioctl(struct nslab_run __user *arg)
{
	struct nslab_run *run;
	long ret;

	run = memdup_user(arg, sizeof(*run));
	if (IS_ERR(run))
		return PTR_ERR(run);
	ret = nslab_execute(run);
	if (run->flags & NSLAB_RUN_PROFILE)
		run->shared_new = nslab_words_new();
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
	return nslab_actor_join(&join);
}

static long next_ioctl(struct nslab_join __user *arg)
{
	return nslab_actor_leave(false) ?: join_ioctl(arg);
}

/*
 * None of these asks for memory, so that what an execution finds in the allocators'
 * caches does not depend on it.
 */
static long release_ioctl(struct nslab_release __user *arg)
{
	struct nslab_release release;
	int ret;

	if (copy_from_user(&release, arg, sizeof(release)))
		return -EFAULT;
	if (release.flags & ~(NSLAB_RELEASE_SETTLE | NSLAB_RELEASE_RESTART))
		return -EINVAL;
	ret = nslab_release_actors(release.mask);
	if (ret)
		return ret;
	if (release.flags & NSLAB_RELEASE_SETTLE)
		nslab_settle();
	nslab_count(&release.counters);
	release.grown = release.flags & NSLAB_RELEASE_SETTLE ? nslab_heap_grown() : 0;
	if (release.flags & NSLAB_RELEASE_RESTART)
		nslab_restart();
	return copy_to_user(arg, &release, sizeof(release)) ? -EFAULT : 0;
}

/* What kvfree_rcu() and vfree() have been given waits for more otherwise. */
static long heap_ioctl(struct nslab_heap __user *arg)
{
	struct nslab_heap heap;
	int ret;

	if (copy_from_user(&heap, arg, sizeof(heap)))
		return -EFAULT;
	if (heap.command & NSLAB_HEAP_SETTLES) {
		kvfree_rcu_barrier();
		nslab_settle();
		vm_unmap_aliases();
	}
	ret = nslab_heap_do(&heap);
	if (ret)
		return ret;
	return copy_to_user(arg, &heap, sizeof(heap)) ? -EFAULT : 0;
}

static long events_ioctl(void __user *arg)
{
	const struct nslab_event *events;
	unsigned int n;

	events = nslab_trace_events(&n);
	return copy_to_user(arg, events, n * sizeof(*events)) ? -EFAULT : 0;
}

static long counters_ioctl(struct nslab_counters __user *arg)
{
	struct nslab_counters counters;

	if (copy_from_user(&counters, arg, sizeof(counters)))
		return -EFAULT;
	nslab_count(&counters);
	return copy_to_user(arg, &counters, sizeof(counters)) ? -EFAULT : 0;
}

static long sites_ioctl(void __user *arg)
{
	const struct nslab_site *sites;
	unsigned int n;

	sites = nslab_calls_sites(&n);
	return copy_to_user(arg, sites, n * sizeof(*sites)) ? -EFAULT : 0;
}

static long attributes_ioctl(struct nslab_attributes __user *arg)
{
	struct nslab_attributes attributes;

	if (copy_from_user(&attributes, arg, sizeof(attributes)))
		return -EFAULT;
	nslab_read_attributes(&attributes);
	return copy_to_user(arg, &attributes, sizeof(attributes)) ? -EFAULT : 0;
}

static long subject_ioctl(struct nslab_subject_info __user *arg)
{
	/* Too large for a stack. The explorer alone asks, before there are actors. */
	static struct nslab_subject_info info;
	int ret;

	memset(&info, 0, sizeof(info));
	if (get_user(info.index, &arg->index))
		return -EFAULT;
	ret = nslab_describe_subject(&info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
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
		return nslab_actor_leave(false);
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
	case NSLAB_IOC_RELEASE:
		return release_ioctl((struct nslab_release __user *)arg);
	case NSLAB_IOC_COUNTERS:
		return counters_ioctl((struct nslab_counters __user *)arg);
	case NSLAB_IOC_SETTLE:
		nslab_settle();
		return 0;
	case NSLAB_IOC_CALLS:
		return nslab_calls_map(arg);
	case NSLAB_IOC_SITES:
		return sites_ioctl((void __user *)arg);
	case NSLAB_IOC_TELL:
		return nslab_emit_stack(arg);
	case NSLAB_IOC_ATTRIBUTES:
		return attributes_ioctl((struct nslab_attributes __user *)arg);
	case NSLAB_IOC_SUBJECT:
		return subject_ioctl((struct nslab_subject_info __user *)arg);
	case NSLAB_IOC_SHARED:
		return nslab_words_copy((struct nslab_words __user *)arg);
	case NSLAB_IOC_ADOPT:
		return nslab_words_adopt();
	case NSLAB_IOC_HEAP:
		return heap_ioctl((struct nslab_heap __user *)arg);
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

/* Of a page at the most. */
static ssize_t write_text(const char __user *ubuf, size_t len, int (*take)(char *text))
{
	char *text;
	int ret;

	if (len >= PAGE_SIZE)
		return -EINVAL;
	text = memdup_user_nul(ubuf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	ret = take(strim(text));
	kfree(text);
	return ret ?: len;
}

/* One text in each write. */
static ssize_t watch_write(struct file *file, const char __user *ubuf,
			   size_t len, loff_t *pos)
{
	return write_text(ubuf, len, nslab_watch_add);
}

static const struct file_operations watch_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = watch_write,
};

/* A list in each write. */
static ssize_t leave_out_write(struct file *file, const char __user *ubuf,
			       size_t len, loff_t *pos)
{
	return write_text(ubuf, len, nslab_leave_out);
}

static const struct file_operations leave_out_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.write = leave_out_write,
};

static int __init nslab_control_init(void)
{
	struct dentry *dir = debugfs_create_dir("nslab", NULL);

	debugfs_create_file_unsafe("control", 0600, dir, NULL, &control_fops);
	debugfs_create_file("results", 0200, dir, NULL, &results_fops);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	debugfs_create_file("watch", 0200, dir, NULL, &watch_fops);
	debugfs_create_file("leave_out", 0200, dir, NULL, &leave_out_fops);
	return 0;
}
late_initcall(nslab_control_init);
