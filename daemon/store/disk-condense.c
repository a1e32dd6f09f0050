/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Coarser tiers are made from the finer ones that are in the file: what was condensed and what was not is
 * known from the file alone, so that a daemon that was killed goes on where the one before it ended.
 */

#include <string.h>

#include "daemon/store/condense.h"
#include "daemon/store/disk-private.h"
#include "daemon/store/segment.h"

enum {
        BLOCK_STEPS = 30,          /* of 10 s and of 1 min */
        BLOCK_STEPS_COARSEST = 12, /* of 10 min */
        SLACK_US = 1000, /* a block's number may be some microseconds above that of the segment it ends in */
        FINER_PASSES_MAX = 20000, /* at a time */
        SILENT_BLOCKS = 3,        /* a collector that is silent for so long is not waited for */
};

static unsigned block_steps(enum disk_tier tier) {
        return tier == TIER_10MIN ? BLOCK_STEPS_COARSEST : BLOCK_STEPS;
}

static int64_t timeline_of(const struct disk *disk, const struct stamp *stamp) {
        return (int64_t)stamp->realtime_us - disk->offset_us;
}

/* How far a source was condensed into a tier. */
struct mark {
        int64_t id, run; /* 0: not at all */
        uint64_t last_ns;
};

static int read_mark(struct disk *disk, enum disk_tier tier, int64_t source, struct mark *ret_mark) {
        static const char *const texts[] =
                SQL_PER_TIER("SELECT id, run, last_ns FROM ", " WHERE source = ? ORDER BY id DESC LIMIT 1");
        struct sql_statement *row;
        int r;

        *ret_mark = (struct mark){};
        r = sql_use(disk->file->sql, texts[tier], &row);
        if (r >= 0)
                r = sql_bind(row, source);
        if (r >= 0)
                r = sql_step(row);
        if (r <= 0)
                return r;

        *ret_mark = (struct mark){
                .id = sql_value(row, 0),
                .run = sql_value(row, 1),
                .last_ns = (uint64_t)sql_value(row, 2),
        };
        sql_reset(row);
        return 0;
}

/* The finer segments that are to be condensed next: of one run, from the head of a block on. */
struct piece {
        int64_t start, run;
        bool continues; /* the run that was condensed last */
        bool is_over;   /* nothing more of it can come */
};

/* The first segment of a source that a query finds from the mark on: its columns are the row's, which is to be reset.
 * 1; 0: there is none. */
static int find_from(struct disk *disk, const char *text, int64_t source, const struct mark *mark,
                     struct sql_statement **ret_row) {
        int r;

        r = sql_use(disk->file->sql, text, ret_row);
        if (r >= 0)
                r = sql_bind(*ret_row, source);
        if (r >= 0)
                r = sql_bind(*ret_row, mark->id - SLACK_US);
        if (r >= 0)
                r = sql_bind(*ret_row, mark->run);
        if (r >= 0)
                r = sql_bind(*ret_row, (int64_t)mark->last_ns);
        return r < 0 ? r : sql_step(*ret_row);
}

/* The block with the pass that was condensed last, which its values go on from. 1. */
static int find_seam(struct disk *disk, enum disk_tier finer, int64_t source, const struct mark *mark,
                     struct piece *piece) {
        static const char *const texts[] = SQL_PER_TIER(
                "SELECT block FROM ",
                " WHERE source = ? AND id >= ? AND run = ? AND last_ns >= ? ORDER BY id LIMIT 1");
        struct sql_statement *row;
        int r;

        r = find_from(disk, texts[finer], source, mark, &row);
        if (r < 0)
                return r;
        if (r > 0) {
                piece->start = MIN(piece->start, sql_value(row, 0));
                sql_reset(row);
        }
        return 1;
}

/* 1: there is one; 0: all is condensed. */
static int find_piece(struct disk *disk, enum disk_tier finer, int64_t source, const struct mark *mark,
                      struct piece *ret_piece) {
        static const char *const texts[] =
                SQL_PER_TIER("SELECT block, run FROM ", " WHERE source = ?1 AND id >= ?2 AND (run > ?3 OR "
                                                        "(run = ?3 AND last_ns > ?4)) ORDER BY id LIMIT 1");
        struct sql_statement *row;
        int r;

        r = find_from(disk, texts[finer], source, mark, &row);
        if (r <= 0)
                return r;

        *ret_piece = (struct piece){ .start = sql_value(row, 0), .run = sql_value(row, 1) };
        ret_piece->continues = ret_piece->run == mark->run;
        ret_piece->is_over = ret_piece->run != disk->run;
        sql_reset(row);
        return ret_piece->continues ? find_seam(disk, finer, source, mark, ret_piece) : 1;
}

/* What a piece is read into and condensed to. */
struct bench {
        struct source *finer, *coarser;
        struct segment_reader *reader;
        struct source_limits limits;
        bool complete; /* all of the piece was read */
};

static void bench_done(struct bench *bench) {
        (void)segment_reader_free(bench->reader); /* return NULL */
        (void)source_free(bench->finer);
        (void)source_free(bench->coarser);
}

static int bench_init(struct bench *bench, const struct disk_source *source, uint32_t *map) {
        int r;

        bench->limits = (struct source_limits){ .n_series_max = SIZE_MAX, .chunk_bytes = SIZE_MAX };
        for (size_t i = 0; i < source->n_metrics; i++)
                map[i] = (uint32_t)i;
        r = source_new(source->name, source->metrics, source->n_metrics, &bench->finer);
        if (r >= 0)
                r = source_new(source->name, source->metrics, source->n_metrics, &bench->coarser);
        if (r >= 0)
                r = segment_reader_new(bench->finer, &bench->limits, &bench->reader);
        if (r >= 0)
                segment_reader_map(bench->reader, map, source->n_metrics);
        return r;
}

/* Enough for a block, or all there is: a block's time, and of collectors that are slower than its steps, or were silent
 * for a while, at least a pass for each of them. Damaged segments are left out, and with them the rest of their block. */
static int read_piece(struct disk *disk, enum disk_tier finer, int64_t source, const struct piece *piece,
                      uint64_t after_ns, enum disk_tier tier, struct bench *bench) {
        static const char *const texts[] = SQL_PER_TIER(
                "SELECT run, body FROM ", " WHERE id >= ? AND source = ? AND run >= ? ORDER BY id");
        uint64_t span_us = (block_steps(tier) + 2) * disk_tier_step(tier), first_us = 0, first_pass = 0;
        struct segment_origin origin = { .run = piece->run };
        struct sql_statement *row;
        int r;

        r = sql_use(disk->file->sql, texts[finer], &row);
        if (r >= 0)
                r = sql_bind(row, piece->start);
        if (r >= 0)
                r = sql_bind(row, source);
        if (r >= 0)
                r = sql_bind(row, piece->run);
        while (r >= 0 && (r = sql_step(row)) > 0) {
                const void *data;
                size_t size;

                if (sql_value(row, 0) != piece->run) {
                        sql_reset(row);
                        r = 0;
                        break;
                }
                data = sql_bytes(row, 1, &size);
                r = segment_read(bench->reader, &origin, UINT64_MAX, data, size);
                if (r < 0 && r != -EBADMSG)
                        break;
                r = 1; /* a segment that cannot be read is left out */
                if (bench->finer->next_pass == 0 || bench->finer->last.monotonic_ns <= after_ns)
                        continue;
                if (first_us == 0) {
                        first_us = bench->finer->last.realtime_us;
                        first_pass = bench->finer->next_pass;
                }
                if ((bench->finer->last.realtime_us > first_us + span_us &&
                     bench->finer->next_pass > first_pass + block_steps(tier)) ||
                    bench->finer->n_passes > FINER_PASSES_MAX) {
                        sql_reset(row);
                        return 0;
                }
        }

        if (r < 0)
                sql_reset(row);
        bench->complete = r >= 0;
        return r;
}

/* The number of the finer segment that a moment lies in. */
static int find_segment(struct disk *disk, enum disk_tier finer, int64_t source, const struct piece *piece,
                        uint64_t last_ns, int64_t *ret_id) {
        static const char *const texts[] = SQL_PER_TIER(
                "SELECT id FROM ",
                " WHERE id >= ? AND source = ? AND run = ? AND last_ns >= ? ORDER BY id LIMIT 1");
        struct sql_statement *row;
        int r;

        r = sql_use(disk->file->sql, texts[finer], &row);
        if (r >= 0)
                r = sql_bind(row, piece->start);
        if (r >= 0)
                r = sql_bind(row, source);
        if (r >= 0)
                r = sql_bind(row, piece->run);
        if (r >= 0)
                r = sql_bind(row, (int64_t)last_ns);
        if (r >= 0)
                r = sql_step(row);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;

        *ret_id = sql_value(row, 0);
        sql_reset(row);
        return 0;
}

/* A number that is free in that table. */
static int free_id(struct disk *disk, enum disk_tier tier, int64_t *id) {
        static const char *const texts[] = SQL_PER_TIER("SELECT 1 FROM ", " WHERE id = ?");
        struct sql_statement *row;
        int r = 1;

        for (--*id; r > 0;) {
                ++*id;
                r = sql_use(disk->file->sql, texts[tier], &row);
                if (r >= 0)
                        r = sql_bind(row, *id);
                if (r >= 0)
                        r = sql_step(row);
                if (r > 0)
                        sql_reset(row);
        }
        return r;
}

static int insert_block(struct disk *disk, enum disk_tier tier, int64_t source, const struct piece *piece,
                        const struct chunk *chunk, const struct source *coarser) {
        static const char *const texts[] = SQL_PER_TIER(
                "INSERT INTO ",
                " (id, block, first_id, source, run, last_ns, body) VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6)");
        struct writer writer = {};
        struct bytes packed = {};
        struct sql_statement *statement;
        int64_t id = 0;
        int r;

        segment_write(coarser, chunk, 0, chunk->n_passes, &writer);
        r = writer.error;
        if (r >= 0)
                r = pack(&writer.bytes, &packed);
        disk->part_bytes[tier] += (int64_t)packed.size;
        if (r >= 0)
                r = find_segment(disk, tier - 1, source, piece, coarser->last.monotonic_ns, &id);
        if (r >= 0)
                r = free_id(disk, tier, &id);
        if (r >= 0)
                r = sql_use(disk->file->sql, texts[tier], &statement);
        if (r >= 0 && (r = sql_bind(statement, id)) >= 0 &&
            (r = sql_bind(statement, timeline_of(disk, &chunk->passes[0].stamp))) >= 0 &&
            (r = sql_bind(statement, source)) >= 0 && (r = sql_bind(statement, piece->run)) >= 0 &&
            (r = sql_bind(statement, (int64_t)coarser->last.monotonic_ns)) >= 0 &&
            (r = sql_bind_bytes(statement, packed.data, packed.size)) >= 0)
                r = sql_run(statement);
        bytes_done(&writer.bytes);
        bytes_done(&packed);
        return r;
}

/* 1: the block is ready; 0: there is not enough for one yet. */
static int fill_block(struct disk *disk, enum disk_tier tier, const struct disk_source *source,
                      uint64_t after_ns, const struct piece *piece, struct bench *bench,
                      const struct chunk **ret_chunk) {
        int64_t span = (int64_t)(block_steps(tier) * disk_tier_step(tier));
        bool silent = timeline_of(disk, &bench->finer->last) + SILENT_BLOCKS * span < disk->last_id;
        struct condense_request request = {
                .step_us = disk_tier_step(tier),
                .after_ns = after_ns,
                .n_max = block_steps(tier),
                .to_the_end = (piece->is_over || silent) && bench->complete,
        };
        unsigned n;
        int r;

        r = condense(bench->finer, &request, bench->coarser, ret_chunk, &n);
        if (r == -EBADMSG && after_ns > 0) {
                /* What it would go on from is gone: it begins anew. */
                bench->coarser = source_free(bench->coarser);
                r = source_new(source->name, source->metrics, source->n_metrics, &bench->coarser);
                request.after_ns = 0;
                if (r >= 0)
                        r = condense(bench->finer, &request, bench->coarser, ret_chunk, &n);
        }
        if (r < 0)
                return r;

        /* Where there was more to read, every step is over: a block that has few is better than none for ever. */
        return n == request.n_max || (n > 0 && !bench->complete) ||
               (request.to_the_end && (n > 0 || request.after_ns == 0));
}

/* Is everything of that run in the tier that will ever be? */
static int tier_is_complete(struct disk *disk, enum disk_tier tier, int64_t source, int64_t run) {
        struct piece piece;
        struct mark mark;
        int r;

        if (run == disk->run)
                return 0;
        if (tier == TIER_RAW)
                return 1;

        r = read_mark(disk, tier, source, &mark);
        if (r >= 0)
                r = find_piece(disk, tier - 1, source, &mark, &piece);
        if (r > 0 && piece.run <= run)
                return 0;
        return r < 0 ? r : tier_is_complete(disk, tier - 1, source, run);
}

/* 1: a block was made. *ret_due: when it is worth trying again, on the timeline. *ret_done: up to where
 * nothing finer is needed any more. Every try in vain reads all that the block is to be made of: it is not worth it
 * before the finer tier can have something new. */
static int condense_source(struct disk *disk, enum disk_tier tier, const struct disk_source *source, int64_t finer_due,
                           int64_t *ret_due, int64_t *ret_done) {
        int64_t span = (int64_t)(block_steps(tier) * disk_tier_step(tier));
        _cleanup_(bench_done) struct bench bench = {};
        _cleanup_(freep) uint32_t *map = NULL;
        const struct chunk *chunk = NULL;
        uint64_t after_ns;
        struct piece piece;
        struct mark mark;
        int r;

        *ret_due = MAX(disk->last_id + (int64_t)disk_tier_step(tier), finer_due);
        r = read_mark(disk, tier, source->id, &mark);
        if (r >= 0)
                r = find_piece(disk, tier - 1, source->id, &mark, &piece);
        if (r < 0)
                return r;
        *ret_done = r > 0 ? mark.id : INT64_MAX;
        if (r == 0)
                return 0;
        r = tier_is_complete(disk, tier - 1, source->id, piece.run);
        if (r < 0)
                return r;

        piece.is_over = r > 0;
        after_ns = piece.continues ? mark.last_ns : 0;
        map = calloc(source->n_metrics + 1, sizeof(*map));
        if (!map)
                return -ENOMEM;
        r = bench_init(&bench, source, map);
        if (r >= 0)
                r = read_piece(disk, tier - 1, source->id, &piece, after_ns, tier, &bench);
        if (r >= 0 && bench.finer->next_pass == 0)
                *ret_done = INT64_MAX; /* what is left of damaged blocks */
        if (r < 0 || bench.finer->next_pass == 0)
                return r;

        r = fill_block(disk, tier, source, after_ns, &piece, &bench, &chunk);
        if (r > 0) {
                r = insert_block(disk, tier, source->id, &piece, chunk, bench.coarser);
                /* A step is over when something of the next one is there. */
                *ret_due = timeline_of(disk, &bench.coarser->last) + span + (int64_t)disk_tier_step(tier);
                return r < 0 ? r : 1;
        }
        return r;
}

static struct disk_condensed *find_condensed(struct disk *disk, int64_t source) {
        for (size_t i = 0; i < disk->n_condensed; i++)
                if (disk->condensed[i].source == source)
                        return &disk->condensed[i];

        if (disk->n_condensed == ELEMENTSOF(disk->condensed))
                return NULL;
        disk->condensed[disk->n_condensed] = (struct disk_condensed){ .source = source };
        return &disk->condensed[disk->n_condensed++];
}

/* All sources that the file knows, also of versions and collectors that are gone. */
static int read_sources(struct disk *disk) {
        struct sql_statement *row;
        int r;

        r = sql_use(disk->file->sql, "SELECT id FROM source ORDER BY id", &row);
        while (r >= 0 && (r = sql_step(row)) > 0)
                if (!find_condensed(disk, sql_value(row, 0)))
                        break;
        if (r > 0)
                sql_reset(row);
        return MIN(r, 0);
}

/* 1: a block was made. One at a time: between two of them what is new is written. */
static int condense_next(struct disk *disk) {
        for (int tier = TIER_10S; tier < _DISK_TIER_MAX; tier++)
                for (size_t i = 0; i < disk->n_condensed; i++) {
                        struct disk_condensed *condensed = &disk->condensed[i];
                        const struct disk_source *source;
                        int r;

                        if (disk->last_id < condensed->due[tier])
                                continue;
                        r = disk_file_source(disk->file, condensed->source, &source);
                        if (r >= 0)
                                r = condense_source(disk, (enum disk_tier)tier, source,
                                                    tier > TIER_10S ? condensed->due[tier - 1] : 0,
                                                    &condensed->due[tier], &condensed->done[tier]);
                        if (r != 0)
                                return r;
                }

        return 0;
}

int disk_condense(struct disk *disk, bool *ret_more) {
        int r;

        *ret_more = false;
        r = read_sources(disk);
        if (r >= 0)
                r = sql_exec(disk->file->sql, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;

        r = condense_next(disk);
        *ret_more = r > 0;
        if (r >= 0)
                r = sql_exec(disk->file->sql, "COMMIT");
        if (r < 0)
                (void)sql_exec(disk->file->sql, "ROLLBACK"); /* the first failure is the one to tell */
        return r;
}

int64_t disk_condensed_until(const struct disk *disk, enum disk_tier tier) {
        int64_t until = INT64_MAX;

        for (size_t i = 0; tier + 1 < _DISK_TIER_MAX && i < disk->n_condensed; i++)
                until = MIN(until, disk->condensed[i].done[tier + 1]);
        return until;
}
