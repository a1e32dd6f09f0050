/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One capture of proc files, as the collectors see a machine: a directory with proc/ and sys/ below it,
 * whatever the layout of the capture is.
 */

#include "common/cleanup.h"
#include "daemon/store/batch.h"

struct capture {
        char *name;
        int dir_fd;  /* of the capture */
        int proc_fd; /* of its proc files: dir_fd again where there is no proc/ */
        struct stamp stamp;
};

/* A capture in the directory "name" below fd. 0; 1: it has none of the files that matter; -errno. */
int capture_open(int fd, const char *name, struct capture *ret_capture);
void capture_done(struct capture *capture);

/* A directory of symlinks into the capture. What it lacks of sysfs, the list of CPUs that are online, is made
 * from its proc files. Needs a directory for temporary files. */
struct capture_root {
        char dir[64];
        int fd;
        int sys_fd; /* of the capture's own sys/, -EBADF: it has none */
};

/* 0 or -errno. */
int capture_root_make(const struct capture *capture, struct capture_root *ret_root);
void capture_root_done(struct capture_root *root);
