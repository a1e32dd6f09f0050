/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The boots of the machine that a file has history of.
 */

#include <systemd/sd-id128.h>

#include "daemon/store/disk-file.h"

struct disk_boot {
        sd_id128_t boot_id;
        uint64_t first_us, last_us; /* realtime of the first and the last thing on record, about */
};

struct disk_boots {
        struct disk_boot *items; /* oldest first */
        size_t n;
};

/* last_us of the newest one is when it was last written down, which a running daemon is ahead of. 0 or
 * -errno. */
int disk_boots_read(struct disk_file *file, struct disk_boots *ret_boots);
void disk_boots_done(struct disk_boots *boots);
