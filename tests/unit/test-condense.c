/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Condensing against a model: random passes go through three coarser steps, each made from the one before, in
 * blocks and through segments as on disk; at each step every series must have the total, the largest rate,
 * the value at the end and the marks that are worked out here from the passes as they were read.
 * IRQWATCH_SEED=N repeats a run.
 */

#include "tests/unit/store-fixture.h"

#include <math.h>

#include "daemon/store/condense.h"
#include "daemon/store/scan.h"
#include "daemon/store/segment.h"
#include "daemon/store/store-private.h"
#include "tests/unit/random-passes.h"

enum {
        PASSES = 600, /* of about a second */
        SERIES = RANDOM_KEYS * (RANDOM_CPUS + 1),
        LEVELS = 3,
        BLOCK_MAX = 6, /* steps */
        ROUNDS = 12,
        PASS_SECONDS_MAX = 7, /* one second, and the five of a gap */
};

static const uint64_t steps_us[LEVELS] = { 5 * USEC_PER_SEC, 20 * USEC_PER_SEC, 80 * USEC_PER_SEC };
static const uint32_t identity[N_METRICS] = { 0, 1, 2 };

struct model_cell {
        bool touched, first, reset;
        uint64_t value, delta;
        double max;  /* counters: per second; gauges: the largest value that came */
        double held; /* gauges: the largest that may have been there when the step began */
};

struct model_pass {
        struct stamp stamp;
        unsigned n_passes;
        bool after_gap;
        struct model_cell cells[SERIES];
};

struct model {
        const struct source *source;
        struct model_pass *passes;
        size_t n;
};

static size_t series_of(const struct source *source, const struct store_change *change) {
        const char *name = source->rows.items[change->row]->identity.key.name;

        return (size_t)(name[1] - '0') * (RANDOM_CPUS + 1) + (size_t)(change->cpu + 1);
}

static bool is_gauge(size_t series) {
        return test_metrics[series / (RANDOM_CPUS + 1) % N_METRICS].type == METRIC_GAUGE;
}

/* A pass as it is delivered; also that of a coarser source. */
static int take_pass(const struct store_pass *pass, void *userdata) {
        struct model *model = userdata;
        struct model_pass *out = &model->passes[model->n];
        double seconds = model->n == 0 ? 0
                                       : (double)(pass->stamp.monotonic_ns - out[-1].stamp.monotonic_ns) /
                                                 (double)NSEC_PER_SEC;

        assert_true(model->n < PASSES);
        model->n++;
        *out = (struct model_pass){
                .stamp = pass->stamp,
                .n_passes = pass->n_passes,
                .after_gap = pass->after_gap,
        };
        for (size_t i = 0; i < pass->n_changes; i++) {
                const struct store_change *change = &pass->changes[i];
                size_t series = series_of(model->source, change);

                assert_false(out->cells[series].touched);
                out->cells[series] = (struct model_cell){
                        .touched = true,
                        .first = change->first,
                        .reset = change->reset,
                        .value = change->value,
                        .delta = change->delta,
                        .max = is_gauge(series) ? (double)change->max
                               : seconds > 0    ? (double)change->max * pass->n_passes / seconds
                                                : 0,
                };
        }
        return 0;
}

static void read_source(struct model *model, const struct source *source) {
        *model = (struct model){ .source = source, .passes = calloc(PASSES, sizeof(*model->passes)) };
        assert_non_null(model->passes);
        assert_int_equal(
                source_scan(source,
                            &(struct store_scan){ .metrics = STORE_ALL_METRICS, .until_us = UINT64_MAX },
                            take_pass, take_pass, model),
                0);
}

static uint64_t step_at(const struct model_pass *pass, uint64_t step_us) {
        return (pass->stamp.realtime_us - 1) / step_us;
}

/* held: what a gauge had before this pass; begun: passes of this step before it had that, unless its row or
 * CPU was away. */
static void add_cell_to(struct model_cell *sum, const struct model_cell *cell, uint64_t held, bool begun) {
        if (!cell->touched)
                return;

        sum->max = sum->touched ? fmax(sum->max, cell->max) : cell->max;
        sum->held = fmax(sum->held, begun ? (double)held : 0);
        sum->first |= cell->first && !sum->touched;
        sum->reset |= cell->reset || (cell->first && sum->touched);
        sum->value = cell->value;
        sum->delta += cell->delta;
        sum->touched = true;
}

/* The first pass stands for itself: what it took to get there is not known. */
static void fold(const struct model *raw, uint64_t step_us, struct model *ret_folded) {
        struct model folded = { .passes = calloc(PASSES, sizeof(*folded.passes)) };
        uint64_t held[SERIES] = {};

        assert_non_null(folded.passes);
        for (size_t i = 0; i < raw->n; i++) {
                const struct model_pass *pass = &raw->passes[i];
                struct model_pass *sum;
                bool begun = i > 1 && step_at(pass, step_us) == step_at(&raw->passes[i - 1], step_us);

                if (!begun)
                        folded.n++;
                sum = &folded.passes[folded.n - 1];
                sum->stamp = pass->stamp;
                sum->n_passes += pass->n_passes;
                sum->after_gap |= pass->after_gap;
                for (size_t j = 0; j < SERIES; j++) {
                        add_cell_to(&sum->cells[j], &pass->cells[j], held[j], begun);
                        if (pass->cells[j].touched)
                                held[j] = pass->cells[j].value;
                }
        }

        *ret_folded = folded;
}

/* By how much the largest is above the mean has 62 bits: what is more stays there. */
static bool is_beyond_numbers(double count) {
        return count >= 0x1p61;
}

/* The largest rate is kept as a count per pass, above the mean's: each level may be wrong by about one, and a
 * pass takes about a second at least. */
static void check_max(const struct model_cell *got, const struct model_cell *expected, unsigned level) {
        /* It may have been cut at a finer level, where a pass took longer. */
        if (is_beyond_numbers(expected->max * PASS_SECONDS_MAX))
                assert_true(is_beyond_numbers(got->max * PASS_SECONDS_MAX * (1 + 1e-9)));
        else if (fabs(got->max - expected->max) > 1.01 * (level + 1) + 1e-9 * expected->max)
                fail_msg("level %u: largest rate %.3f, not %.3f", level, got->max, expected->max);
}

static void check_pass(const struct model_pass *got, const struct model_pass *expected, unsigned level) {
        assert_int_equal(got->stamp.realtime_us, expected->stamp.realtime_us);
        assert_int_equal(got->stamp.monotonic_ns, expected->stamp.monotonic_ns);
        assert_int_equal(got->n_passes, expected->n_passes);
        assert_int_equal(got->after_gap, expected->after_gap);

        for (size_t i = 0; i < SERIES; i++) {
                const struct model_cell *a = &got->cells[i], *b = &expected->cells[i];

                if (a->touched != b->touched || a->value != b->value || a->delta != b->delta ||
                    a->first != b->first || a->reset != b->reset)
                        fail_msg("level %u, pass at %llu, series %zu: %llu+%llu%s%s, not %llu+%llu%s%s",
                                 level, (unsigned long long)((got->stamp.realtime_us - AT(0)) / USEC_PER_SEC),
                                 i, (unsigned long long)a->value, (unsigned long long)a->delta,
                                 a->first ? "first" : "", a->reset ? "reset" : "",
                                 (unsigned long long)b->value, (unsigned long long)b->delta,
                                 b->first ? "first" : "", b->reset ? "reset" : "");
                if (a->touched && is_gauge(i) && is_beyond_numbers(b->max))
                        assert_true(is_beyond_numbers(a->max));
                else if (a->touched && is_gauge(i) && (a->max < b->max || a->max > fmax(b->max, b->held)))
                        fail_msg("level %u, pass at %llu, series %zu: largest value %g, not %g to %g", level,
                                 (unsigned long long)((got->stamp.realtime_us - AT(0)) / USEC_PER_SEC), i,
                                 a->max, b->max, fmax(b->max, b->held));
                if (a->touched && !is_gauge(i))
                        check_max(a, b, level);
        }
}

/* The last step is not over; the first pass holds values, of which only those that are not zero need be
 * there. */
static void check_level(const struct model *got, const struct model *raw, unsigned level) {
        struct model expected;

        fold(raw, steps_us[level], &expected);
        assert_true(got->n >= 2);
        assert_true(got->n <= expected.n);
        assert_int_equal(got->passes[0].stamp.realtime_us, raw->passes[0].stamp.realtime_us);
        for (size_t i = 1; i < got->n; i++)
                check_pass(&got->passes[i], &expected.passes[i], level);
        free(expected.passes);
}

/* Gaps that ended with a pass that is there. */
static void check_gaps(const struct source *got, const struct source *raw) {
        size_t n = 0;

        for (size_t i = 0; i < raw->gaps.n_items; i++) {
                const struct gap *expected = &raw->gaps.items[i], *gap = &got->gaps.items[n];

                if (expected->until_us == UINT64_MAX || expected->until_monotonic_ns > got->last.monotonic_ns)
                        continue;
                assert_true(n < got->gaps.n_items);
                n++;
                assert_int_equal(gap->since_us, expected->since_us);
                assert_int_equal(gap->until_us, expected->until_us);
                assert_string_equal(gap->reason, expected->reason);
        }
        assert_int_equal(got->gaps.n_items, n);
}

/* One block, as the disk makes it. False: there is not enough for a step. */
static bool add_block(const struct source *finer, struct segment_reader *reader, uint64_t *after_ns,
                      uint64_t step_us, unsigned n_max) {
        static const struct segment_origin origin = { .run = 1, .boot = 1 };
        const struct condense_request request = { .step_us = step_us, .after_ns = *after_ns, .n_max = n_max };
        _cleanup_(source_freep) struct source *block = NULL;
        const struct chunk *chunk = NULL;
        struct writer writer = {};
        struct bytes packed = {};
        unsigned n = 0;

        assert_int_equal(source_new("test", test_metrics, N_METRICS, &block), 0);
        assert_int_equal(condense(finer, &request, block, &chunk, &n), 0);
        if (n == 0)
                return false;

        assert_true(n <= n_max);
        segment_write(block, chunk, 0, chunk->n_passes, &writer);
        assert_int_equal(writer.error, 0);
        assert_int_equal(pack(&writer.bytes, &packed), 0);
        assert_int_equal(segment_read(reader, &origin, UINT64_MAX, packed.data, packed.size), 0);
        *after_ns = block->last.monotonic_ns;
        bytes_done(&writer.bytes);
        bytes_done(&packed);
        return true;
}

static struct source *condense_all(struct random_passes *random, const struct source *finer,
                                   uint64_t step_us) {
        static const struct source_limits limits = { .n_series_max = 65536, .chunk_bytes = 1 << 20 };
        _cleanup_(segment_reader_freep) struct segment_reader *reader = NULL;
        struct source *coarser = NULL;
        uint64_t after_ns = 0;

        assert_int_equal(source_new("test", test_metrics, N_METRICS, &coarser), 0);
        assert_int_equal(segment_reader_new(coarser, &limits, &reader), 0);
        segment_reader_map(reader, identity, N_METRICS);
        while (add_block(finer, reader, &after_ns, step_us, 1 + (unsigned)(random_next(random) % BLOCK_MAX)))
                continue;
        return coarser;
}

static void run_round(uint64_t seed) {
        struct random_passes random;
        struct source *sources[LEVELS] = {};
        const struct source *finer;
        struct store *store;
        struct model raw;
        unsigned source;

        store = new_store(&test_limits, &source);
        random_passes_init(&random, seed);
        for (size_t i = 0; i < PASSES; i++)
                random_passes_commit(&random, store, source);

        finer = store_source_at(store, source);
        read_source(&raw, finer);
        for (unsigned level = 0; level < LEVELS; level++) {
                struct model got;

                sources[level] = condense_all(&random, finer, steps_us[level]);
                read_source(&got, sources[level]);
                check_level(&got, &raw, level);
                check_gaps(sources[level], store_source_at(store, source));
                free(got.passes);
                finer = sources[level];
        }

        for (unsigned level = 0; level < LEVELS; level++)
                (void)source_free(sources[level]);
        free(raw.passes);
        (void)store_free(store);
}

static void test_model(void **state) {
        uint64_t seed = random_seed();

        for (unsigned i = 0; i < ROUNDS; i++)
                run_round(seed + i);
}

/* A level that fell in the middle of a step had been there in it. */
static void test_gauge_that_fell(void **state) {
        static const uint64_t levels[] = { 7, 7, 7, 2, 2, 2, 2, 2, 2, 2, 2, 2 };
        const struct condense_request request = { .step_us = 5 * USEC_PER_SEC, .n_max = 2 };
        _cleanup_(source_freep) struct source *coarser = NULL;
        const struct chunk *chunk = NULL;
        struct store *store;
        struct model got;
        unsigned source, n = 0;

        store = new_store(&test_limits, &source);
        for (unsigned i = 0; i < ELEMENTSOF(levels); i++) {
                _cleanup_(batch_done) struct batch batch = {};

                batch_init(&batch);
                stamp_at(&batch.stamp, i);
                add_row(&batch, LEVEL, "k2");
                add_cell(&batch, 0, levels[i]);
                assert_int_equal(store_commit(store, source, &batch), 0);
        }

        assert_int_equal(source_new("test", test_metrics, N_METRICS, &coarser), 0);
        assert_int_equal(condense(store_source_at(store, source), &request, coarser, &chunk, &n), 0);
        assert_int_equal(n, 2);
        read_source(&got, coarser);
        /* The baseline at 0; the step of 1 to 5. */
        assert_true(got.passes[1].cells[2 * (RANDOM_CPUS + 1) + 1].touched);
        assert_int_equal(got.passes[1].cells[2 * (RANDOM_CPUS + 1) + 1].value, 2);
        assert_int_equal((uint64_t)got.passes[1].cells[2 * (RANDOM_CPUS + 1) + 1].max, 7);
        free(got.passes);
        (void)store_free(store);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_model),
                cmocka_unit_test(test_gauge_that_fell),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
