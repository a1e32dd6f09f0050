/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The store against a naive model of it: random passes, from which the model works out in the most obvious
 * way what a scan must deliver, and random scans. IRQWATCH_SEED=N repeats a run.
 */

#include "tests/unit/store-fixture.h"

#include <sys/random.h>

enum { N_KEYS = 8, N_CPUS = 6, N_COLUMNS = N_CPUS + 1, N_PASSES = 400, N_ROUNDS = 12, N_SCANS = 30 };

/* Compared as bytes: what is padding must be zero. */
struct model_cell {
        bool changed, first, reset;
        uint64_t value, delta;
};

struct model_pass {
        struct stamp stamp;
        bool after_gap;
        bool cpus[N_CPUS];
        bool rows[N_KEYS];
        unsigned generations[N_KEYS];
        struct model_cell cells[N_KEYS][N_COLUMNS]; /* column 0: of no CPU */
        uint64_t values[N_KEYS][N_COLUMNS];         /* last seen of this generation */
};

struct model {
        struct model_pass passes[N_PASSES];
        size_t n_passes, first_kept;
        bool known[N_KEYS][N_COLUMNS];
        uint64_t kernel[N_KEYS][N_COLUMNS]; /* what the collector would read now */
        bool ever[N_KEYS];
        uint64_t random;
};

static uint64_t next_random(struct model *model) {
        model->random += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t z = model->random;

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static bool one_in(struct model *model, unsigned n) {
        return next_random(model) % n == 0;
}

static unsigned metric_of(unsigned key) {
        return key % N_METRICS;
}

/* Keys 6 and 7 have one value that belongs to no CPU. */
static bool is_single(unsigned key) {
        return key >= 6;
}

static void advance_value(struct model *model, unsigned key, uint64_t *value) {
        uint64_t limit = metric_of(key) == NARROW ? UINT32_MAX : UINT64_MAX;

        if (one_in(model, 2))
                return;
        if (one_in(model, 40))
                *value = next_random(model) & limit;
        else if (one_in(model, 60))
                *value = limit - next_random(model) % 1000;
        else if (one_in(model, 60))
                *value = 0;
        else if (metric_of(key) == NARROW)
                *value = (uint32_t)(*value + next_random(model) % 5000);
        else
                *value += next_random(model) % 5000;
}

static void advance_kernel(struct model *model) {
        for (unsigned key = 0; key < N_KEYS; key++)
                for (unsigned column = 0; column < N_COLUMNS; column++)
                        /* Some never count. */
                        if ((key + column) % 3 != 0)
                                advance_value(model, key, &model->kernel[key][column]);
}

/* The difference in wide arithmetic, by the words of store.h and batch.h. */
static void model_difference(unsigned metric, struct model_cell *cell, uint64_t from, uint64_t to) {
        const uint64_t range = UINT64_C(1) << 32;

        cell->delta = to - from;
        if (metric == LEVEL)
                cell->delta = 0;
        else if (to < from && metric == NARROW && from >= range / 2 && from < range &&
                 to + range - from < range / 2)
                cell->delta = to + range - from;
        else if (to < from) {
                cell->reset = true;
                cell->delta = to;
        }
}

static void model_cell(struct model *model, struct model_pass *pass, unsigned key, unsigned column) {
        struct model_cell *cell = &pass->cells[key][column];
        bool *known = &model->known[key][column];
        uint64_t from = *known ? pass->values[key][column] : 0, to = model->kernel[key][column];

        *cell = (struct model_cell){ .changed = to != from, .first = !*known, .value = to };
        if (*known)
                model_difference(metric_of(key), cell, from, to);
        *known = true;
        pass->values[key][column] = to;
}

static void model_row(struct model *model, struct model_pass *pass, const struct model_pass *before,
                      unsigned key) {
        pass->generations[key] = before ? before->generations[key] : 0;
        if (before && before->rows[key])
                memcpy(pass->values[key], before->values[key], sizeof(pass->values[key]));
        else {
                memset(model->known[key], 0, sizeof(model->known[key]));
                if (pass->rows[key] && model->ever[key])
                        pass->generations[key]++;
        }

        if (!pass->rows[key])
                return;

        model->ever[key] = true;
        for (unsigned column = 0; column < N_COLUMNS; column++)
                if (is_single(key) ? column == 0 : column > 0 && pass->cpus[column - 1])
                        model_cell(model, pass, key, column);
}

static void choose_pass(struct model *model, struct model_pass *pass, const struct model_pass *before) {
        uint64_t step = 1 + next_random(model) % (2 * NSEC_PER_SEC);

        pass->stamp = before ? before->stamp : (struct stamp){ .realtime_us = AT(10000) };
        pass->stamp.monotonic_ns += step;
        pass->stamp.realtime_us += step / NSEC_PER_USEC;
        if (one_in(model, 80))
                pass->stamp.realtime_us += next_random(model) % (200 * USEC_PER_SEC);
        if (one_in(model, 80))
                pass->stamp.realtime_us -= next_random(model) % (200 * USEC_PER_SEC);

        pass->after_gap = one_in(model, 20);
        for (unsigned cpu = 0; cpu < N_CPUS; cpu++)
                pass->cpus[cpu] = one_in(model, 15) != (before ? before->cpus[cpu] : cpu != 3);
        for (unsigned key = 0; key < N_KEYS; key++)
                pass->rows[key] = one_in(model, 25) != (before ? before->rows[key] : key != 4);
}

static void fill_batch(struct model *model, const struct model_pass *pass, struct batch *batch) {
        unsigned rotate = one_in(model, 10) ? (unsigned)(next_random(model) % N_KEYS) : 0;

        batch->stamp = pass->stamp;
        for (unsigned cpu = 0; cpu < N_CPUS; cpu++)
                if (pass->cpus[cpu])
                        assert_int_equal(cpu_set_add(&batch->cpus, (int)cpu), 0);

        for (unsigned i = 0; i < N_KEYS; i++) {
                unsigned key = (i + rotate) % N_KEYS;
                char name[] = { (char)('A' + key), '\0' };

                if (!pass->rows[key])
                        continue;
                add_row(batch, metric_of(key), name);
                if (is_single(key))
                        add_cell(batch, CPU_NONE, model->kernel[key][0]);
                for (unsigned cpu = 0; cpu < N_CPUS && !is_single(key); cpu++)
                        if (pass->cpus[cpu])
                                add_cell(batch, (int)cpu, model->kernel[key][cpu + 1]);
        }
}

static void commit_random_pass(struct model *model, struct store *store, unsigned source) {
        struct model_pass *pass = &model->passes[model->n_passes];
        const struct model_pass *before = model->n_passes > 0 ? pass - 1 : NULL;
        _cleanup_(batch_done) struct batch batch = {};
        struct store_stats stats;

        advance_kernel(model);
        choose_pass(model, pass, before);
        for (unsigned key = 0; key < N_KEYS; key++)
                model_row(model, pass, before, key);

        fill_batch(model, pass, &batch);
        if (pass->after_gap)
                assert_int_equal(store_mark_gap(store, source, &pass->stamp, "chance"), 0);
        assert_int_equal(store_commit(store, source, &batch), 0);

        model->n_passes++;
        store_get_stats(store, &stats);
        model->first_kept = model->n_passes - stats.n_passes;
}

struct check {
        const struct model *model;
        const struct store *store;
        unsigned source;
        uint64_t since_us, until_us;
        size_t next; /* pass that must be delivered next */
        size_t n_delivered;
};

static void check_identity(const struct check *check, const struct model_pass *pass,
                           const struct store_pass *got) {
        assert_int_equal(got->stamp.monotonic_ns, pass->stamp.monotonic_ns);
        assert_int_equal(got->stamp.realtime_us, pass->stamp.realtime_us);
        assert_int_equal(got->after_gap, pass->after_gap);
        for (unsigned cpu = 0; cpu < N_CPUS; cpu++)
                assert_int_equal(cpu_set_contains(got->cpus, (int)cpu), pass->cpus[cpu]);
}

/* The model's key and column of a change; its generation must be right. */
static void locate(const struct check *check, const struct model_pass *pass,
                   const struct store_change *change, unsigned *ret_key, unsigned *ret_column) {
        const struct store_row *row = store_row_at(check->store, check->source, change->row);

        *ret_key = (unsigned)(row->key.name[0] - 'A');
        *ret_column = (unsigned)(change->cpu + 1);
        assert_in_range(*ret_key, 0, N_KEYS - 1);
        assert_in_range(*ret_column, 0, N_COLUMNS - 1);
        assert_int_equal(row->metric, metric_of(*ret_key));
        /* The store forgets generations of which nothing is kept. */
        assert_true(row->generation <= pass->generations[*ret_key]);
        if (check->model->first_kept == 0)
                assert_int_equal(row->generation, pass->generations[*ret_key]);
        assert_true(pass->rows[*ret_key]);
}

static int check_baseline(const struct store_pass *got, void *userdata) {
        struct check *check = userdata;
        const struct model_pass *pass = &check->model->passes[check->next - 1];
        size_t n = 0;

        check_identity(check, pass, got);
        for (unsigned key = 0; key < N_KEYS; key++)
                for (unsigned column = 0; column < N_COLUMNS && pass->rows[key]; column++)
                        n += pass->values[key][column] != 0;
        assert_int_equal(got->n_changes, n);

        for (size_t i = 0; i < got->n_changes; i++) {
                unsigned key, column;

                locate(check, pass, &got->changes[i], &key, &column);
                assert_int_equal(got->changes[i].value, pass->values[key][column]);
                assert_int_equal(got->changes[i].delta, 0);
                assert_false(got->changes[i].first || got->changes[i].reset);
        }

        return 0;
}

static bool in_range(const struct check *check, const struct model_pass *pass) {
        return pass->stamp.realtime_us > check->since_us && pass->stamp.realtime_us <= check->until_us;
}

static int check_pass(const struct store_pass *got, void *userdata) {
        struct check *check = userdata;
        const struct model_pass *pass = NULL;
        size_t n = 0;

        while (check->next < check->model->n_passes && !in_range(check, &check->model->passes[check->next]))
                check->next++;
        assert_true(check->next < check->model->n_passes);
        pass = &check->model->passes[check->next++];
        check->n_delivered++;

        check_identity(check, pass, got);
        for (unsigned key = 0; key < N_KEYS; key++)
                for (unsigned column = 0; column < N_COLUMNS; column++)
                        n += pass->cells[key][column].changed;
        assert_int_equal(got->n_changes, n);

        for (size_t i = 0; i < got->n_changes; i++) {
                const struct store_change *change = &got->changes[i];
                const struct model_cell *cell = NULL;
                unsigned key, column;

                locate(check, pass, change, &key, &column);
                cell = &pass->cells[key][column];
                assert_true(cell->changed);
                assert_int_equal(change->value, cell->value);
                assert_int_equal(change->delta, cell->delta);
                assert_int_equal(change->first, cell->first);
                assert_int_equal(change->reset, cell->reset);
        }

        return 0;
}

/* Number of the baseline + 1, 0: there is none. */
static size_t model_baseline(const struct check *check) {
        const struct model *model = check->model;
        size_t fallback = 0;

        for (size_t i = model->first_kept; i < model->n_passes; i++) {
                if (in_range(check, &model->passes[i]))
                        return i == model->first_kept ? i + 1 : i;
                if (model->passes[i].stamp.realtime_us <= check->until_us)
                        fallback = i + 1;
        }

        return fallback;
}

/* A joined scan: the model's passes are put together in the most obvious way, too. */
struct joined_check {
        struct check check;
        uint64_t join_ns, delivered_ns;
};

/* Of one delivery: whatever changed, rows of the same key together. */
struct tally {
        struct model_cell cells[N_KEYS][N_COLUMNS];
        uint64_t max[N_KEYS][N_COLUMNS];
        unsigned generations[N_KEYS][N_COLUMNS]; /* of the value */
        unsigned n_passes;
        uint64_t at_ns;
};

static void tally_model(struct tally *tally, const struct model_pass *pass) {
        for (unsigned key = 0; key < N_KEYS; key++)
                for (unsigned column = 0; column < N_COLUMNS; column++) {
                        struct model_cell *sum = &tally->cells[key][column];
                        const struct model_cell *cell = &pass->cells[key][column];

                        if (!cell->changed)
                                continue;
                        sum->changed = true;
                        sum->first |= cell->first;
                        sum->reset |= cell->reset;
                        sum->delta += cell->delta;
                        sum->value = cell->value;
                        tally->max[key][column] = MAX(tally->max[key][column],
                                                      metric_of(key) == LEVEL ? cell->value : cell->delta);
                }

        tally->n_passes++;
        tally->at_ns = pass->stamp.monotonic_ns;
}

static void tally_change(struct tally *tally, const struct store_row *row,
                         const struct store_change *change) {
        unsigned key = (unsigned)(row->key.name[0] - 'A'), column = (unsigned)(change->cpu + 1);
        struct model_cell *sum = NULL;

        assert_in_range(key, 0, N_KEYS - 1);
        assert_in_range(column, 0, N_COLUMNS - 1);
        sum = &tally->cells[key][column];
        if (!sum->changed || row->generation >= tally->generations[key][column])
                sum->value = change->value;
        tally->generations[key][column] = MAX(tally->generations[key][column], row->generation);
        sum->changed = true;
        sum->first |= change->first;
        sum->reset |= change->reset;
        sum->delta += change->delta;
        tally->max[key][column] = MAX(tally->max[key][column], change->max);
}

static bool model_may_join(const struct joined_check *joined, const struct model_pass *last,
                           const struct model_pass *next) {
        return in_range(&joined->check, next) && !last->after_gap && !next->after_gap &&
               memcmp(last->cpus, next->cpus, sizeof(last->cpus)) == 0 &&
               last->stamp.monotonic_ns - joined->delivered_ns < joined->join_ns;
}

static int check_joined(const struct store_pass *got, void *userdata) {
        struct joined_check *joined = userdata;
        struct check *check = &joined->check;
        const struct model *model = check->model;
        struct tally expected = {}, tally = {};

        while (check->next < model->n_passes && !in_range(check, &model->passes[check->next]))
                check->next++;
        assert_true(check->next < model->n_passes);
        do
                tally_model(&expected, &model->passes[check->next++]);
        while (check->next < model->n_passes &&
               model_may_join(joined, &model->passes[check->next - 1], &model->passes[check->next]));

        for (size_t i = 0; i < got->n_changes; i++)
                tally_change(&tally, store_row_at(check->store, check->source, got->changes[i].row),
                             &got->changes[i]);
        assert_memory_equal(tally.cells, expected.cells, sizeof(tally.cells));
        assert_memory_equal(tally.max, expected.max, sizeof(tally.max));
        assert_int_equal(got->n_passes, expected.n_passes);
        assert_int_equal(got->stamp.monotonic_ns, expected.at_ns);
        assert_int_equal(got->after_gap, model->passes[check->next - 1].after_gap);
        check->n_delivered += expected.n_passes;
        joined->delivered_ns = expected.at_ns;
        return 0;
}

static void check_joined_scan(struct model *model, const struct check *asked, size_t expected) {
        struct joined_check joined = { .check = *asked };
        const struct store_scan request = {
                .metrics = STORE_ALL_METRICS,
                .since_us = asked->since_us,
                .until_us = asked->until_us,
                .join_ns = one_in(model, 5) ? UINT64_MAX : next_random(model) % (20 * NSEC_PER_SEC),
        };

        joined.join_ns = request.join_ns;
        joined.delivered_ns = model->passes[asked->next - 1].stamp.monotonic_ns;
        assert_int_equal(store_scan_for(asked->store, asked->source, &request, NULL, check_joined, &joined),
                         0);
        assert_int_equal(joined.check.n_delivered, expected);
}

struct values_check {
        struct check check;
        uint64_t slack_us;
        size_t baseline; /* number of the newest pass that it may be */
        bool is_older;   /* what was delivered */
};

static int check_values(const struct store_pass *got, void *userdata) {
        struct values_check *values = userdata;
        struct check *check = &values->check;
        size_t i = values->baseline;

        while (i > check->model->first_kept &&
               check->model->passes[i].stamp.monotonic_ns > got->stamp.monotonic_ns)
                i--;
        values->is_older = i < values->baseline;
        if (values->is_older)
                assert_in_range(got->stamp.realtime_us,
                                check->until_us - MIN(check->until_us, values->slack_us), check->until_us);
        check->next = i + 1;
        return check_baseline(got, check);
}

/* Whether an older pass than the newest one was delivered. */
static bool check_random_values(struct model *model, const struct store *store, unsigned source) {
        uint64_t at_us = model->passes[next_random(model) % model->n_passes].stamp.realtime_us;
        struct values_check values = {
                .check = { .model = model,
                           .store = store,
                           .source = source,
                           .since_us = at_us,
                           .until_us = at_us },
                .slack_us = one_in(model, 4) ? 0 : next_random(model) % (200 * USEC_PER_SEC),
        };
        size_t baseline = model_baseline(&values.check);
        int r;

        values.baseline = baseline - 1;
        r = store_values_at(store, source, STORE_ALL_METRICS, at_us, values.slack_us, check_values, &values);
        assert_int_equal(r, baseline > 0 ? 0 : -ENOENT);
        return values.is_older;
}

static void check_random_scan(struct model *model, const struct store *store, unsigned source) {
        const struct model_pass *a = &model->passes[next_random(model) % model->n_passes];
        const struct model_pass *b = &model->passes[next_random(model) % model->n_passes];
        struct check check = { .model = model, .store = store, .source = source };
        size_t expected = 0;
        int r;

        check.since_us =
                one_in(model, 5) ? 0 : MIN(a->stamp.realtime_us, b->stamp.realtime_us) - one_in(model, 2);
        check.until_us = one_in(model, 5) ? UINT64_MAX : MAX(a->stamp.realtime_us, b->stamp.realtime_us);
        check.next = model_baseline(&check);
        for (size_t i = check.next; i < model->n_passes; i++)
                expected += check.next > 0 && in_range(&check, &model->passes[i]);
        if (check.next > 0)
                check_joined_scan(model, &check, expected);

        r = store_scan(store, source, check.since_us, check.until_us, check.next > 0 ? check_baseline : NULL,
                       check_pass, &check);
        assert_int_equal(r, check.next > 0 ? 0 : -ENOENT);
        assert_int_equal(check.n_delivered, expected);
}

/* How often the values of an older moment than the newest one were given. */
static unsigned run_round(uint64_t seed, const struct store_limits *limits) {
        _cleanup_(store_freep) struct store *store = NULL;
        _cleanup_(freep) struct model *model = NULL;
        unsigned source, n_older = 0;

        model = calloc(1, sizeof(*model));
        assert_non_null(model);
        model->random = seed;
        store = new_store(limits, &source);

        while (model->n_passes < N_PASSES) {
                commit_random_pass(model, store, source);
                if (one_in(model, 10))
                        check_random_scan(model, store, source);
        }
        for (unsigned i = 0; i < N_SCANS; i++)
                check_random_scan(model, store, source);
        for (unsigned i = 0; i < N_SCANS; i++)
                n_older += check_random_values(model, store, source);

        print_message("%zu of %u passes kept\n", model->n_passes - model->first_kept, N_PASSES);
        if (limits->budget_bytes == test_limits.budget_bytes &&
            limits->retention_ns == test_limits.retention_ns)
                assert_int_equal(model->first_kept, 0);
        else
                assert_true(model->first_kept > 0);
        return n_older;
}

static uint64_t seed_of_run(void) {
        const char *text = getenv("IRQWATCH_SEED");
        uint64_t seed = 1;

        if (text)
                seed = strtoull(text, NULL, 0);
        else
                assert_int_equal(getrandom(&seed, sizeof(seed), 0), sizeof(seed));

        print_message("IRQWATCH_SEED=%llu\n", (unsigned long long)seed);
        return seed;
}

static void test_everything_kept(void **state) {
        uint64_t seed = seed_of_run();
        unsigned n_older = 0;

        for (unsigned i = 0; i < N_ROUNDS; i++)
                n_older += run_round(seed + i, &test_limits);
        assert_true(n_older > 0);
}

static void test_retention(void **state) {
        struct store_limits limits = test_limits;
        uint64_t seed = seed_of_run();

        limits.retention_ns = 60 * NSEC_PER_SEC;
        for (unsigned i = 0; i < N_ROUNDS; i++)
                (void)run_round(seed + i, &limits);
}

static void test_budget(void **state) {
        struct store_limits limits = test_limits;
        uint64_t seed = seed_of_run();

        /* Small chunks as well: see chunk_is_full(). */
        limits.budget_bytes = 40000;
        for (unsigned i = 0; i < N_ROUNDS; i++)
                (void)run_round(seed + i, &limits);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_everything_kept),
                cmocka_unit_test(test_retention),
                cmocka_unit_test(test_budget),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
