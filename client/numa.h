/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which NUMA node each CPU of this machine is on, from sysfs.
 */

#include <stddef.h>

/* Reads PATH/nodeN/cpulist (path relative to root_fd). *ret_node_of[cpu] is the node or -1; the caller frees.
 * Returns the number of nodes that have CPUs; 0 or 1 means that there is nothing to tell apart and
 * *ret_node_of is NULL; -ENOMEM. What cannot be read counts as not there: a machine without NUMA has no such
 * directory. */
int numa_read(int root_fd, const char *path, int **ret_node_of, size_t *ret_n);
