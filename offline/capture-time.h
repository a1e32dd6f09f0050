/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * When captures of proc files were made, by what they have themselves. Pure but for reading their files.
 */

#include <stddef.h>
#include <stdint.h>

#include "daemon/store/batch.h"

enum capture_clock {
        CAPTURE_UPTIME, /* proc/uptime and the boot's moment in proc/stat */
        CAPTURE_DATE,   /* a file "date" */
        CAPTURE_NAME,   /* of the directory */
        CAPTURE_FILES,  /* when the files were last changed */
        _CAPTURE_CLOCK_MAX,
};

/* In words, to follow "times are ". */
const char *capture_clock_to_string(enum capture_clock clock) _const_;

/* Of one capture, by one clock: the directory, its proc files (maybe the same), its name. *ret_stamp's
 * monotonic clock starts anywhere, but in the same way for all. 0; -ENODATA: it does not say. */
int capture_time(int dir_fd, int proc_fd, const char *name, enum capture_clock clock,
                 struct stamp *ret_stamp);

/* What date(1) prints in the C locale and others', seconds since the epoch, ISO 8601. 0 or -EINVAL. */
int capture_date_parse(const char *text, uint64_t *ret_us);
/* A moment within a name: 20261122-140310, 2026-11-22T14:03:10, 1795389465. 0 or -EINVAL. */
int capture_name_parse(const char *name, uint64_t *ret_us);
