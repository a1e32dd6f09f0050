/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Passes as no machine would have them: rows that come and go, CPUs that go offline, counters that wrap and
 * are reset, gaps; a source with the metrics of store-fixture.h. The same seed gives the same passes.
 */

#include "tests/unit/store-fixture.h"

#include <time.h>

enum { RANDOM_KEYS = 9, RANDOM_CPUS = 6 };

struct random_passes {
        uint64_t state;
        uint64_t values[RANDOM_KEYS][RANDOM_CPUS];
        bool absent[RANDOM_KEYS];
        struct stamp stamp;
};

static inline uint64_t random_seed(void) {
        const char *text = getenv("IRQWATCH_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) * 1000;

        print_message("IRQWATCH_SEED=%llu\n", (unsigned long long)seed);
        return seed;
}

static inline uint64_t random_next(struct random_passes *random) {
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return z ^ z >> 31;
}

static inline bool random_one_in(struct random_passes *random, unsigned n) {
        return random_next(random) % n == 0;
}

static inline void random_passes_init(struct random_passes *random, uint64_t seed) {
        *random = (struct random_passes){ .state = seed, .stamp = { NSEC_PER_SEC, AT(0) } };
}

static inline void random_value(struct random_passes *random, unsigned metric, uint64_t *value) {
        if (random_one_in(random, 3))
                return;
        if (random_one_in(random, 50))
                *value = random_next(random) % 100; /* a reset, mostly */
        else if (random_one_in(random, 50))
                *value = (metric == NARROW ? UINT32_MAX : UINT64_MAX) - random_next(random) % 100;
        else
                *value += random_next(random) % 5000;
        if (metric == NARROW)
                *value = (uint32_t)*value;
}

/* Commits the next pass, about a second after the one before. */
static inline void random_passes_commit(struct random_passes *random, struct store *store, unsigned source) {
        _cleanup_(batch_done) struct batch batch = {};
        bool offline[RANDOM_CPUS] = { false, random_one_in(random, 20), false, random_one_in(random, 20) };

        batch_init(&batch);
        random->stamp.monotonic_ns +=
                NSEC_PER_SEC - NSEC_PER_MSEC + random_next(random) % (2 * NSEC_PER_MSEC);
        random->stamp.realtime_us = AT(0) + random->stamp.monotonic_ns / NSEC_PER_USEC;
        if (random_one_in(random, 30)) {
                assert_int_equal(store_mark_gap(store, source, &random->stamp, "reading failed"), 0);
                random->stamp.monotonic_ns += 5 * NSEC_PER_SEC;
                random->stamp.realtime_us += 5 * USEC_PER_SEC;
        }
        batch.stamp = random->stamp;

        for (unsigned key = 0; key < RANDOM_KEYS; key++) {
                char name[8];

                for (unsigned cpu = 0; cpu < RANDOM_CPUS; cpu++)
                        if ((key + cpu) % 4 != 0)
                                random_value(random, key % N_METRICS, &random->values[key][cpu]);
                if (random_one_in(random, 40))
                        random->absent[key] = !random->absent[key];
                if (random->absent[key])
                        continue;

                (void)snprintf(name, sizeof(name), "k%u", key); /* fits */
                add_row(&batch, key % N_METRICS, name);
                if (key >= RANDOM_KEYS - 2) {
                        add_cell(&batch, CPU_NONE, random->values[key][1]);
                        continue;
                }
                for (unsigned cpu = 0; cpu < RANDOM_CPUS; cpu++)
                        if (!offline[cpu])
                                add_cell(&batch, (int)cpu, random->values[key][cpu]);
        }

        assert_int_equal(store_commit(store, source, &batch), 0);
}

static inline int compare_words(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* scan_text() of everything with the changes of each pass in the order of their names: rows may be numbered
 * otherwise. */
static inline char *sorted_scan(const struct store *store, unsigned source) {
        _cleanup_(freep) char *text = scan_text(store, source, 0, UINT64_MAX);
        char *sorted = NULL, *lines = NULL, *save = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&sorted, &size);

        assert_non_null(f);
        lines = text;
        for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *words[RANDOM_KEYS * RANDOM_CPUS * 4], *inner = NULL, *changes = strchr(line, ':');
                size_t n = 0;

                *changes++ = '\0';
                for (char *word = strtok_r(changes, " ", &inner); word; word = strtok_r(NULL, " ", &inner))
                        words[n++] = word;
                qsort(words, n, sizeof(*words), compare_words);
                fprintf(f, "%s:", line);
                for (size_t i = 0; i < n; i++)
                        fprintf(f, " %s", words[i]);
                fputc('\n', f);
        }
        assert_int_equal(fclose(f), 0);
        return sorted;
}
