/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a file of history holds, tier by tier: hours, passes, cells that changed, and the bytes that each of
 * them takes. "bench-history FILE".
 */

#include <stdio.h>
#include <string.h>

#include "daemon/store/disk-file.h"
#include "daemon/store/scan.h"
#include "daemon/store/segment.h"

struct tier_sum {
        uint64_t n_segments, n_bytes, n_passes, n_cells, n_damaged;
        uint64_t first_us, last_us;
};

static int count_pass(const struct store_pass *pass, void *userdata) {
        struct tier_sum *sum = userdata;

        sum->n_passes++;
        sum->n_cells += pass->n_changes;
        sum->last_us = MAX(sum->last_us, pass->stamp.realtime_us);
        if (sum->first_us == 0 || pass->stamp.realtime_us < sum->first_us)
                sum->first_us = pass->stamp.realtime_us;
        return 0;
}

/* The segments of one collector. */
static int read_segments(struct disk_file *file, enum disk_tier tier, int64_t source,
                         struct segment_reader *reader, struct tier_sum *sum) {
        static const char *const texts[] =
                SQL_PER_TIER("SELECT run, body FROM ", " WHERE source = ? ORDER BY id");
        struct sql_statement *row;
        int r;

        r = sql_use(file->sql, texts[tier], &row);
        if (r >= 0)
                r = sql_bind(row, source);
        while (r >= 0 && (r = sql_step(row)) > 0) {
                const struct segment_origin origin = { .run = sql_value(row, 0) };
                const void *data;
                size_t size;

                data = sql_bytes(row, 1, &size);
                r = segment_read(reader, &origin, UINT64_MAX, data, size);
                sum->n_damaged += r == -EBADMSG;
                if (r < 0 && r != -EBADMSG)
                        break;
                r = 1;
                sum->n_segments++;
                sum->n_bytes += size;
        }
        if (r < 0)
                sql_reset(row);
        return r;
}

static int add_source(struct disk_file *file, enum disk_tier tier, int64_t id, struct tier_sum *sum) {
        static const struct source_limits limits = { .n_series_max = SIZE_MAX, .chunk_bytes = 1 << 20 };
        _cleanup_(segment_reader_freep) struct segment_reader *reader = NULL;
        _cleanup_(source_freep) struct source *source = NULL;
        const struct disk_source *from;
        uint32_t map[64];
        int r;

        r = disk_file_source(file, id, &from);
        if (r < 0)
                return r;
        if (from->n_metrics > ELEMENTSOF(map))
                return -E2BIG;
        for (uint32_t i = 0; i < from->n_metrics; i++)
                map[i] = i;

        if ((r = source_new(from->name, from->metrics, from->n_metrics, &source)) < 0 ||
            (r = segment_reader_new(source, &limits, &reader)) < 0)
                return r;
        segment_reader_map(reader, map, from->n_metrics);
        r = read_segments(file, tier, id, reader, sum);
        if (r >= 0)
                r = source_scan(source,
                                &(struct store_scan){ .metrics = STORE_ALL_METRICS, .until_us = UINT64_MAX },
                                NULL, count_pass, sum);
        return r == -ENOENT ? 0 : r;
}

static int print_tier(struct disk_file *file, enum disk_tier tier) {
        int64_t ids[64];
        struct tier_sum sum = {};
        struct sql_statement *row;
        size_t n = 0;
        int r;

        r = sql_use(file->sql, "SELECT id FROM source ORDER BY id", &row);
        while (r >= 0 && n < ELEMENTSOF(ids) && (r = sql_step(row)) > 0)
                ids[n++] = sql_value(row, 0);
        if (r > 0)
                sql_reset(row);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_source(file, tier, ids[i], &sum);
        if (r < 0)
                return r;

        printf("%-6s %7.1f h, %6.1f MiB, %6llu segments, %7llu passes, %9llu cells: %5.2f bytes each\n",
               disk_tier_to_string(tier), (double)(sum.last_us - sum.first_us) / 3600e6,
               (double)sum.n_bytes / (1 << 20), (unsigned long long)sum.n_segments,
               (unsigned long long)sum.n_passes, (unsigned long long)sum.n_cells,
               sum.n_cells > 0 ? (double)sum.n_bytes / (double)sum.n_cells : 0);
        if (sum.n_damaged > 0)
                /* The oldest go first, segment by segment: what is left of a block without its head says nothing. */
                printf("%-6s %llu segments have lost the head of their block, or are damaged\n",
                       disk_tier_to_string(tier), (unsigned long long)sum.n_damaged);
        return 0;
}

int main(int argc, char **argv) {
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;
        int r;

        if (argc != 2) {
                (void)fprintf(stderr, "usage: bench-history FILE\n");
                return 2;
        }

        r = disk_file_open(argv[1], 0, NULL, &file);
        for (int tier = TIER_RAW; tier < _DISK_TIER_MAX && r >= 0; tier++)
                r = print_tier(file, (enum disk_tier)tier);
        if (r < 0)
                (void)fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
