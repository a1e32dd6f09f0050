/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Segments: random passes are written and read back in pieces, and must come out as they went in; damaged
 * ones must be refused, or at least harm nothing. IRQWATCH_SEED=N repeats a run.
 */

#include "tests/unit/store-fixture.h"

#include "daemon/store/segment.h"
#include "daemon/store/store-private.h"
#include "tests/unit/random-passes.h"

static struct source_limits limits = { .n_series_max = 65536, .chunk_bytes = 1 << 20 };

struct copy {
        struct store *store;
        unsigned source;
        struct segment_reader *reader;
};

static const uint32_t identity[N_METRICS] = { 0, 1, 2 };

static void copy_init(struct copy *copy) {
        copy->store = new_store(&test_limits, &copy->source);
        assert_int_equal(
                segment_reader_new(store_source_at(copy->store, copy->source), &limits, &copy->reader), 0);
        segment_reader_map(copy->reader, identity, N_METRICS);
}

static void copy_done(struct copy *copy) {
        (void)segment_reader_free(copy->reader);
        (void)store_free(copy->store);
}

/* Passes [from, to) of a chunk as a record. */
static struct bytes make_record(struct store *store, unsigned source, const struct chunk *chunk, size_t from,
                                size_t to) {
        struct writer writer = {};
        struct bytes packed = {};

        segment_write(store_source_at(store, source), chunk, from, to, &writer);
        assert_int_equal(writer.error, 0);
        assert_int_equal(pack(&writer.bytes, &packed), 0);
        bytes_done(&writer.bytes);
        return packed;
}

static int feed(struct copy *copy, const struct bytes *record, int64_t run, int64_t boot) {
        const struct segment_origin origin = { .run = run, .boot = boot };

        return segment_read(copy->reader, &origin, UINT64_MAX, record->data, record->size);
}

static const struct chunk *chunk_at(struct store *store, unsigned source, size_t index) {
        const struct chunk *chunk = store_source_at(store, source)->oldest;

        while (index-- > 0)
                chunk = chunk->next;
        return chunk;
}

static void check_same(struct store *store, unsigned source, struct copy *copy) {
        _cleanup_(freep) char *expected = sorted_scan(store, source),
                              *got = sorted_scan(copy->store, copy->source);

        assert_string_equal(got, expected);
}

/* All of it as it grows, in segments of one to a few passes, as the daemon does. */
static void run_round(uint64_t seed, bool twice) {
        struct random_passes random;
        struct store *store;
        struct copy copy;
        size_t written = 0;
        unsigned source;

        store = new_store(&test_limits, &source);
        copy_init(&copy);
        random_passes_init(&random, seed);
        for (unsigned i = 0; i < 300; i++) {
                struct source *s = store_source_at(store, source);

                random_passes_commit(&random, store, source);
                if (!random_one_in(&random, 4) && i < 299)
                        continue;

                for (const struct chunk *chunk = s->oldest; chunk; chunk = chunk->next) {
                        uint64_t end = chunk->first_pass + chunk->n_passes;
                        struct bytes record;

                        if (written >= end)
                                continue;
                        written = MAX(written, chunk->first_pass);
                        record = make_record(store, source, chunk, written - chunk->first_pass,
                                             chunk->n_passes);
                        assert_int_equal(feed(&copy, &record, 1, 1), 0);
                        bytes_done(&record);
                        written = end;
                }
        }

        check_same(store, source, &copy);
        /* What is known already changes nothing. */
        for (size_t i = 0; twice && i < 2; i++) {
                const struct chunk *chunk = chunk_at(store, source, i);
                struct bytes record = make_record(store, source, chunk, 0, chunk->n_passes);

                assert_int_equal(feed(&copy, &record, 1, 1), 0);
                bytes_done(&record);
        }
        check_same(store, source, &copy);
        copy_done(&copy);
        (void)store_free(store);
}

static void test_round_trip(void **state) {
        uint64_t seed = random_seed();

        for (unsigned i = 0; i < 30; i++)
                run_round(seed + i, i % 2);
}

static void feed_chunk(struct copy *copy, struct store *store, unsigned source, size_t index, int64_t run,
                       int64_t boot) {
        const struct chunk *chunk = chunk_at(store, source, index);
        struct bytes record = make_record(store, source, chunk, 0, chunk->n_passes);

        assert_int_equal(feed(copy, &record, run, boot), 0);
        bytes_done(&record);
}

static void commit_at(struct store *store, unsigned source, uint64_t at_s, unsigned metric, uint64_t value) {
        _cleanup_(batch_done) struct batch batch = {};

        batch_init(&batch);
        batch.stamp = (struct stamp){ .monotonic_ns = at_s * NSEC_PER_SEC, .realtime_us = AT(at_s) };
        add_row(&batch, metric, "row");
        add_cell(&batch, 0, value);
        assert_int_equal(store_commit(store, source, &batch), 0);
}

/* 120 passes fill a chunk. */
static struct store *three_chunks(unsigned *ret_source) {
        struct store *store = new_store(&test_limits, ret_source);

        for (unsigned i = 0; i < 3 * CHUNK_PASSES_MAX; i++)
                commit_at(store, *ret_source, i + 1, WIDE, 10 * (i + 1));
        return store;
}

static size_t n_gaps;
static char gap_reason[128];

static int note_gap(const struct store_gap *gap, void *userdata) {
        n_gaps++;
        (void)snprintf(gap_reason, sizeof(gap_reason), "%s", gap->reason);
        return 0;
}

static void count_gaps(const struct copy *copy) {
        n_gaps = 0;
        assert_int_equal(store_for_each_gap(copy->store, 0, UINT64_MAX, note_gap, NULL), 0);
}

/* A block that is lost is a gap, over which counters are compared. */
static void test_missing_block(void **state) {
        struct copy copy;
        unsigned source;
        struct store *store = three_chunks(&source);

        copy_init(&copy);
        feed_chunk(&copy, store, source, 0, 1, 1);
        feed_chunk(&copy, store, source, 2, 1, 1);
        check_scan(copy.store, copy.source, AT(119), AT(242),
                   "base 119 cpus=0: row@0=1190+0\n120 cpus=0: row@0=1200+10\n241 cpus=0 after-gap: "
                   "row@0=2410+1210\n"
                   "242 cpus=0: row@0=2420+10\n");
        count_gaps(&copy);
        assert_int_equal(n_gaps, 1);
        copy_done(&copy);
        (void)store_free(store);
}

/* Segments whose head is lost say nothing. */
static void test_missing_head(void **state) {
        unsigned source;
        struct store *store = three_chunks(&source);
        struct bytes record = make_record(store, source, chunk_at(store, source, 0), 5, 10);
        struct copy copy;

        copy_init(&copy);
        assert_int_equal(feed(&copy, &record, 1, 1), -EBADMSG);
        assert_int_equal(store_source_at(copy.store, copy.source)->next_pass, 0);
        bytes_done(&record);
        copy_done(&copy);
        (void)store_free(store);
}

/* The daemon was started again: the kernel's counters went on. */
static void test_another_run(void **state) {
        unsigned source, source2;
        struct store *store = three_chunks(&source), *later = new_store(&test_limits, &source2);
        struct copy copy;

        commit_at(later, source2, 200, WIDE, 5000);
        commit_at(later, source2, 201, WIDE, 5001);
        copy_init(&copy);
        feed_chunk(&copy, store, source, 0, 1, 1);
        feed_chunk(&copy, later, source2, 0, 2, 1);
        check_scan(copy.store, copy.source, AT(120), AT(1000),
                   "base 120 cpus=0: row@0=1200+0\n200 cpus=0 after-gap: row@0=5000+3800\n201 cpus=0: "
                   "row@0=5001+1\n");
        count_gaps(&copy);
        assert_int_equal(n_gaps, 1);
        assert_string_equal(gap_reason, "irqwatchd was not running");
        copy_done(&copy);
        (void)store_free(store);
        (void)store_free(later);
}

/* The machine was started again: counters began at zero, however high they are by now, and so did the clock.
 */
static void test_another_boot(void **state) {
        unsigned source, source2;
        struct store *store = three_chunks(&source), *later = new_store(&test_limits, &source2);
        _cleanup_(batch_done) struct batch batch = {};
        struct copy copy;

        for (unsigned i = 0; i < 2; i++) {
                batch_clear(&batch);
                batch.stamp =
                        (struct stamp){ .monotonic_ns = (30 + i) * NSEC_PER_SEC, .realtime_us = AT(200 + i) };
                add_row(&batch, WIDE, "row");
                add_cell(&batch, 0, 5000 + i);
                assert_int_equal(store_commit(later, source2, &batch), 0);
        }
        copy_init(&copy);
        feed_chunk(&copy, store, source, 0, 1, 1);
        feed_chunk(&copy, later, source2, 0, 2, 2);
        check_scan(copy.store, copy.source, AT(120), AT(1000),
                   "base 120 cpus=0: row@0=1200+0\n200 cpus=0 after-gap: row@0=5000+5000reset\n"
                   "201 cpus=0: row@0=5001+1\n");
        assert_int_equal(store_source_at(copy.store, copy.source)->last.monotonic_ns, 201 * NSEC_PER_SEC);
        count_gaps(&copy);
        assert_string_equal(gap_reason, "the machine was rebooted");
        copy_done(&copy);
        (void)store_free(store);
        (void)store_free(later);
}

static void test_until(void **state) {
        unsigned source;
        struct store *store = three_chunks(&source);
        struct bytes record = make_record(store, source, chunk_at(store, source, 0), 0, CHUNK_PASSES_MAX);
        const struct segment_origin origin = { 1, 1 };
        struct copy copy;

        copy_init(&copy);
        assert_int_equal(segment_read(copy.reader, &origin, AT(3), record.data, record.size), 1);
        check_scan(copy.store, copy.source, AT(1), UINT64_MAX,
                   "base 1 cpus=0: row@0=10+0\n2 cpus=0: row@0=20+10\n3 cpus=0: row@0=30+10\n");
        bytes_done(&record);
        copy_done(&copy);
        (void)store_free(store);
}

/* What is older than the pass that the first one wanted is compared to is read past; nothing is a gap. */
static void test_skip(void **state) {
        unsigned source;
        struct store *store = three_chunks(&source);
        struct bytes record = make_record(store, source, chunk_at(store, source, 0), 0, CHUNK_PASSES_MAX);
        const struct segment_origin origin = { 1, 1 };
        struct copy copy;

        copy_init(&copy);
        segment_reader_skip(copy.reader, AT(118));
        assert_int_equal(segment_read(copy.reader, &origin, UINT64_MAX, record.data, record.size), 0);
        check_scan(copy.store, copy.source, AT(0), UINT64_MAX,
                   "base 118 cpus=0: row@0=1180+0\n119 cpus=0: row@0=1190+10\n120 cpus=0: row@0=1200+10\n");
        feed_chunk(&copy, store, source, 1, 1, 1);
        check_scan(copy.store, copy.source, AT(120), AT(122),
                   "base 120 cpus=0: row@0=1200+0\n121 cpus=0: row@0=1210+10\n122 cpus=0: row@0=1220+10\n");
        count_gaps(&copy);
        assert_int_equal(n_gaps, 0);
        bytes_done(&record);
        copy_done(&copy);
        (void)store_free(store);
}

/* A metric that is no longer known is left out. */
static void test_map(void **state) {
        static const uint32_t map[N_METRICS] = {
                [WIDE] = SEGMENT_METRIC_NONE, [NARROW] = LEVEL, [LEVEL] = NARROW
        };
        struct random_passes random;
        unsigned source;
        struct store *store = new_store(&test_limits, &source);
        struct copy copy;

        random_passes_init(&random, 1);
        for (unsigned i = 0; i < 100; i++)
                random_passes_commit(&random, store, source);
        copy_init(&copy);
        segment_reader_map(copy.reader, map, N_METRICS);
        feed_chunk(&copy, store, source, 0, 1, 1);
        assert_true(store_n_rows(copy.store, copy.source) > 0);
        for (uint32_t i = 0; i < store_n_rows(copy.store, copy.source); i++)
                assert_int_not_equal(store_row_at(copy.store, copy.source, i)->metric, WIDE);
        copy_done(&copy);
        (void)store_free(store);
}

/* Flips and cuts, inside of what the checksum guards as well: nothing may be read that is not there. */
static void test_damage(void **state) {
        struct random_passes random;
        unsigned source;
        struct store *store = new_store(&test_limits, &source);
        struct writer writer = {};

        random_passes_init(&random, random_seed());
        for (unsigned i = 0; i < 60; i++)
                random_passes_commit(&random, store, source);
        segment_write(store_source_at(store, source), chunk_at(store, source, 0), 0, 60, &writer);
        assert_int_equal(writer.error, 0);

        for (unsigned i = 0; i < 4000; i++) {
                struct bytes damaged = {}, packed = {};
                struct copy copy;

                copy_init(&copy);
                assert_int_equal(bytes_reserve(&damaged, writer.bytes.size), 0);
                memcpy(damaged.data, writer.bytes.data, writer.bytes.size);
                damaged.size = random_one_in(&random, 4) ? random_next(&random) % writer.bytes.size
                                                         : writer.bytes.size;
                for (unsigned n = 0; n < 3 && damaged.size > 0; n++)
                        damaged.data[random_next(&random) % MIN(damaged.size, (size_t)1500)] ^=
                                (uint8_t)random_next(&random);
                assert_int_equal(pack(&damaged, &packed), 0);
                assert_in_range(-feed(&copy, &packed, 1, 1), 0, EBADMSG);
                if (packed.size > 20) {
                        packed.data[packed.size / 2] ^= 0x10;
                        assert_int_equal(feed(&copy, &packed, 2, 1), -EBADMSG); /* the checksum */
                }
                bytes_done(&damaged);
                bytes_done(&packed);
                copy_done(&copy);
        }

        bytes_done(&writer.bytes);
        (void)store_free(store);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_missing_block),
                cmocka_unit_test(test_missing_head), cmocka_unit_test(test_another_run),
                cmocka_unit_test(test_another_boot), cmocka_unit_test(test_until),
                cmocka_unit_test(test_skip),
                cmocka_unit_test(test_map),          cmocka_unit_test(test_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
