/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists that the linker makes: what is in them is defined in any layer, by any number
 * of files, and found by a lower layer that knows none of them by name. They are
 * complete before the first line of the kernel's code runs, and gdb can read them
 * before it boots.
 *
 * A section whose name is an identifier in C gets __start_ and __stop_ symbols. The
 * elements are pointers, which the linker puts one behind the other.
 */
#ifndef KERNEL_NSLAB_CORE_LIST_H
#define KERNEL_NSLAB_CORE_LIST_H

#include <linux/compiler.h>

/* Declare a list of pointers; @type has to end with const, or the section is writable. */
#define NSLAB_LIST(list, type)						\
	extern type __start_##list[];					\
	extern type __stop_##list[]

/* Add the address of @object to it. */
#define NSLAB_LISTED(list, type, object)				\
	static type __##object##_listed __used __section(#list) = &(object)

#define nslab_for_each(at, list)					\
	for (at = __start_##list; at < __stop_##list; at++)

#endif /* KERNEL_NSLAB_CORE_LIST_H */
