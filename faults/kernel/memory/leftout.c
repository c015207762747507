// SPDX-License-Identifier: GPL-2.0
/*
 * Text whose accesses do not count: the machinery that all code runs on. The host knows
 * which file each instruction is from, and says which ones these are.
 */

#include <linux/kernel.h>
#include <linux/sort.h>
#include <linux/string.h>

#include <asm/sections.h>

#include "leftout.h"

/* Offsets from the kernel's first instruction, sorted, no two overlap. */
static struct {
	u32 start;
	u32 end;
} ranges[1024];

static unsigned int nr_ranges;

static int compare(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 :
	       *(const u32 *)a > *(const u32 *)b;
}

/* Two that touch are one. */
static void merge(void)
{
	unsigned int i, n = 0;

	sort(ranges, nr_ranges, sizeof(*ranges), compare, NULL);
	for (i = 1; i < nr_ranges; i++) {
		if (ranges[i].start > ranges[n].end)
			ranges[++n] = ranges[i];
		else
			ranges[n].end = max(ranges[n].end, ranges[i].end);
	}
	nr_ranges = n + 1;
}

/**
 * nslab_leave_out() - accesses from this text do not count
 * @text: "START-END[,START-END...]", hexadecimal offsets from the kernel's first
 *	instruction, the end is behind the last byte. Before the first execution
 *
 * Return: 0, -ENOSPC, or -EINVAL.
 */
int nslab_leave_out(char *text)
{
	char *start, *end;
	u32 from, to;

	while ((end = strsep(&text, ","))) {
		start = strsep(&end, "-");
		if (!end || kstrtou32(start, 16, &from) ||
		    kstrtou32(end, 16, &to) || from >= to)
			return -EINVAL;
		if (nr_ranges == ARRAY_SIZE(ranges))
			return -ENOSPC;
		ranges[nr_ranges].start = from;
		ranges[nr_ranges++].end = to;
	}
	if (nr_ranges)
		merge();
	return 0;
}

/**
 * nslab_left_out() - is an access from there none that counts?
 */
bool nslab_left_out(unsigned long ip)
{
	unsigned long offset = ip - (unsigned long)_text;
	unsigned int low = 0, high = nr_ranges;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (offset >= ranges[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nr_ranges && offset >= ranges[low].start;
}
