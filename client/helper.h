/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The programs beside irqctl, which have what few need, and the libraries for it: irqctl by itself stays
 * small, and works where they are not installed.
 */

#include <limits.h>
#include <sys/types.h>

#define HELPER_SELFTEST "irqctl-selftest"
#define HELPER_OFFLINE "irqctl-offline"

/* Where the program is: in a build tree in irqctl's directory, else in libexecdir. 0; -ENOENT. */
int helper_find(const char *program, char ret_path[PATH_MAX]);
/* Becomes the program. Returns on failure only: EXIT_FAILED after a message, which names the package it comes
 * with. */
int helper_exec(const char *program, const char *package, char **arguments);
/* Starts a program with one end of a socket pair as its standard input and output. *ret_fd is the other one.
 * path without a slash is searched for; argv[0] is for show. 0 or -errno. */
int helper_spawn(const char *path, char *const argv[], int *ret_fd, pid_t *ret_pid);
