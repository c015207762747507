// SPDX-License-Identifier: GPL-2.0
/*
 * Oracle "kmemleak": at the end of a boot there is no memory without a pointer
 * to. The kernel's own detector finds it (Documentation/dev-tools/kmemleak.rst);
 * here is when it scans, and what of its report goes on to the harness.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

/* Younger objects may be on their way to where a pointer to them will be. */
#define MIN_AGE_S	6

/* Of the report: more objects than that are counted no further. */
#define REPORT_MAX	(64 * 1024)

#define FRAMES		3

/* Functions that hand memory on, and the detector's own. */
static const char * const allocators[] = {
	"kmemleak", "slab_post_alloc", "kmem_cache_alloc", "__kmem_cache_alloc",
	"kmalloc", "__kmalloc", "__do_kmalloc", "kvmalloc", "__kvmalloc",
	"kmemdup", "kstrdup", "krealloc", "vmalloc", "__vmalloc",
	"___slab_alloc", "__slab_alloc", "kvasprintf", "kasprintf",
};

static bool is_allocator(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(allocators) / sizeof(allocators[0]); i++)
		if (!strncmp(name, allocators[i], strlen(allocators[i])))
			return true;
	return false;
}

/* "    copy_fs_struct+0x1c/0x230" */
static bool frame(const char *line, char *name, size_t size)
{
	size_t len = strcspn(line, "+\n");

	if (strncmp(line, "    ", 4) || line[4] == ' ' || line[len] != '+')
		return false;
	snprintf(name, size, "%.*s", (int)len - 4, line + 4);
	return true;
}

/**
 * kmemleak_summary() - what a report of the detector says, in one line
 * @report: as the kernel writes it
 * @message: out: "2 objects, one of 64 bytes from copy_fs_struct < clone";
 *	empty if there are none
 * @size: bytes
 */
void kmemleak_summary(const char *report, char *message, size_t size)
{
	unsigned int objects = 0, bytes = 0, frames = 0;
	char name[64], from[160] = "";
	const char *line;

	for (line = report; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, "unreferenced object", 19)) {
			const char *at = strstr(line, "(size ");

			if (!objects++ && at)
				bytes = atoi(at + strlen("(size "));
		} else if (objects == 1 && frames < FRAMES &&
			   frame(line, name, sizeof(name)) &&
			   !is_allocator(name)) {
			snprintf(from + strlen(from),
				 sizeof(from) - strlen(from), "%s%s",
				 frames++ ? " < " : "", name);
		}
	}
	*message = '\0';
	if (objects)
		snprintf(message, size, "%u object%s, one of %u bytes from %s",
			 objects, objects == 1 ? "" : "s", bytes, from);
}

static int scan(const struct control *control)
{
	unsigned int i;

	/* What is found to have changed is looked at again. */
	for (i = 0; i < 2; i++)
		if (control->kmemleak("scan", NULL, 0))
			return -1;
	return 0;
}

/**
 * kmemleak_start() - what is unreferenced by now is not to be reported
 *
 * Return: 0, or -1 with errno set.
 */
int kmemleak_start(const struct control *control)
{
	control->sleep(MIN_AGE_S);
	if (scan(control))
		return -1;
	return control->kmemleak("clear", NULL, 0);
}

/**
 * kmemleak_check() - is there memory that no pointer refers to?
 * @message: out: see kmemleak_summary()
 * @size: bytes
 *
 * Return: 0, or -1 with errno set.
 */
int kmemleak_check(const struct control *control, char *message, size_t size)
{
	static char report[REPORT_MAX];

	control->sleep(MIN_AGE_S);
	if (scan(control) ||
	    control->kmemleak(NULL, report, sizeof(report)))
		return -1;
	kmemleak_summary(report, message, size);
	return 0;
}
