/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/store/disk-boots.h"

enum { BOOTS_MAX = 4096 };

void disk_boots_done(struct disk_boots *boots) {
        free(boots->items);
        *boots = (struct disk_boots){};
}

int disk_boots_read(struct disk_file *file, struct disk_boots *ret_boots) {
        struct disk_boots boots = {};
        struct sql_statement *row;
        int r;

        boots.items = calloc(BOOTS_MAX, sizeof(*boots.items));
        if (!boots.items)
                return -ENOMEM;

        r = sql_use(file->sql,
                    "SELECT boot_id, min(started_us), max(coalesce(last_us, started_us)), boot.id FROM run"
                    " JOIN boot ON boot.id = run.boot GROUP BY boot.id ORDER BY boot.id DESC LIMIT 4096",
                    &row);
        while (r >= 0 && boots.n < BOOTS_MAX && (r = sql_step(row)) > 0) {
                struct disk_boot *boot = &boots.items[BOOTS_MAX - ++boots.n]; /* the newest comes first */
                const char *text = sql_text(row, 0);

                boot->first_us = (uint64_t)sql_value(row, 1);
                boot->last_us = (uint64_t)sql_value(row, 2);
                if (!text || sd_id128_from_string(text, &boot->boot_id) < 0)
                        boot->boot_id = SD_ID128_NULL;
        }
        if (r > 0)
                sql_reset(row);
        if (r < 0) {
                disk_boots_done(&boots);
                return r;
        }

        for (size_t i = 0; i < boots.n; i++)
                boots.items[i] = boots.items[BOOTS_MAX - boots.n + i];
        *ret_boots = boots;
        return 0;
}
