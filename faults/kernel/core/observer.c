// SPDX-License-Identifier: GPL-2.0
/*
 * How core reports to the layers above it, which it does not know.
 */

#include "observer.h"

const struct nslab_debugger *nslab_debugger;
