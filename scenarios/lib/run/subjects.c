// SPDX-License-Identifier: GPL-2.0
/*
 * The subjects of the kernel that take part in the executions of a scenario, and what
 * they count and compare. Only the kernel knows that; it is asked once in each boot.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/internal.h"

static unsigned int mask;
static unsigned int ncounters, nattributes;
static char counters[NSLAB_MAX_COUNTERS][NSLAB_TEXT_LEN];
static struct nslab_attribute_info attributes[NSLAB_MAX_ATTRIBUTES];

static void add(const struct nslab_subject_info *info)
{
	mask |= 1U << info->number;
	/* The kernel has made sure that there is room for those of all. */
	memcpy(counters[ncounters], info->counters,
	       info->ncounters * sizeof(counters[0]));
	ncounters += info->ncounters;
	memcpy(&attributes[nattributes], info->attributes,
	       info->nattributes * sizeof(attributes[0]));
	nattributes += info->nattributes;
}

/**
 * subjects_start() - find out which subjects take part, before the first actor is made
 * @scenario: its subject, or all that the kernel has
 *
 * Return: 0, or -1 after an error line for the harness.
 */
int subjects_start(const struct control *control,
		   const struct scenario *scenario)
{
	static struct nslab_subject_info info;

	mask = 0;
	ncounters = 0;
	nattributes = 0;
	for (info.index = 0; !control->subject(&info); info.index++)
		if (!scenario->subject || !strcmp(scenario->subject, info.name))
			add(&info);
	if (mask || !scenario->subject)
		return 0;
	json_error_line(control, "the kernel has no subject %s (faults/kernel/subjects)",
			scenario->subject);
	return -1;
}

/**
 * subjects_mask() - those that take part, a bit for the number of each
 */
unsigned int subjects_mask(void)
{
	return mask;
}

/**
 * subjects_counter() - the name of a value in struct nslab_counters
 */
const char *subjects_counter(unsigned int i)
{
	return i < ncounters ? counters[i] : "?";
}

/**
 * subjects_attribute() - what is known of a value in struct nslab_attributes
 */
const struct nslab_attribute_info *subjects_attribute(unsigned int i)
{
	return &attributes[i < nattributes ? i : 0];
}

/* === Benchmarks === */

static struct benchmark *benchmarks;

void benchmark_register(struct benchmark *benchmark)
{
	benchmark->next = benchmarks;
	benchmarks = benchmark;
}

/**
 * benchmark_run() - run that of a scenario's subject
 *
 * Return: 0, or -1 after an error line for the harness.
 */
int benchmark_run(const struct scenario *scenario, const struct control *control,
		  int (*expedite)(const char *value))
{
	const struct benchmark *benchmark = benchmarks;

	while (benchmark && (!scenario->subject ||
			     strcmp(benchmark->subject, scenario->subject)))
		benchmark = benchmark->next;
	if (benchmark)
		return benchmark->measure(control, expedite);
	json_error_line(control, "the subject of scenario %s has no benchmark",
			scenario->name);
	return -1;
}
