/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A child process that is stopped where it says "ready", and a true snapshot of it taken by ptrace: what the
 * kernel side records of a task, made without it.
 */

#include <sys/types.h>

#include "daemon/symbols/user-stack.h"

struct stopped_process {
        pid_t pid;
        int output_fd; /* the child's stdout */
        struct user_snapshot snapshot;
        unsigned char stack[USER_STACK_BYTES_MAX];
        struct bpf_stack_build_id frames[USER_FRAMES_MAX];
};

/* Runs argv[0] (a path) after prepare(userdata) in the child, which may be NULL and returns negative to give
 * up; waits until the child has written "ready" and has used a millisecond of CPU time more, and stops it. 0,
 * or negative when the child ended before. */
int stopped_process_start(struct stopped_process *process, const char *const *argv,
                          int (*prepare)(void *userdata), void *userdata);
/* Lets it run on for a moment and takes another snapshot. */
void stopped_process_again(struct stopped_process *process);
/* Kills and reaps it; the snapshot stays. */
void stopped_process_kill(struct stopped_process *process);
