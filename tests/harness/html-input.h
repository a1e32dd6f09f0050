/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a page is made of, invented: a machine of n CPUs over an hour, the report of
 * fixtures/client/report-db1.json, names that would be dangerous if they were not escaped. The same arguments
 * make the same page.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/field.h"
#include "client/html-page.h"
#include "common/json-build.h"

#define HTML_UNTIL_US (UINT64_C(1795356790) * USEC_PER_SEC) /* 2026-11-22 14:13:10 UTC */
#define HTML_SINCE_US (HTML_UNTIL_US - 3600 * USEC_PER_SEC)
#define HTML_HOSTILE "<script>alert(1)</script>\"'&]]>--><img src=x onerror=alert(1)>\033]0;x\007"

static inline uint32_t html_random(uint32_t *seed) {
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static inline struct json_object *html_load(const char *fixtures, const char *name) {
        char path[4096];

        (void)snprintf(path, sizeof(path), "%s/client/%s.json", fixtures, name);
        return json_object_from_file(path);
}

static inline int html_make_rates(struct html_matrix *matrix, size_t slice, int n_cpus, uint32_t *seed,
                                  bool by_row) {
        static const char *const names[] = { "NET_RX", "TIMER", "SCHED", HTML_HOSTILE };
        struct json_object *rates = json_object_new_object(), *rows = json_object_new_array();
        struct json_object *cpus = json_object_new_array();
        int r;

        for (int cpu = 0; cpu < n_cpus; cpu++)
                (void)json_array_append(cpus, json_object_new_int(cpu));
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                struct json_object *row = json_object_new_object(), *cells = json_object_new_array();

                for (int cpu = 0; cpu < n_cpus; cpu++) {
                        struct json_object *cell = json_object_new_object();
                        uint32_t total = html_random(seed) % (i == 0 && cpu == 1 ? 6000000 : 40000);

                        (void)json_add(cell, "cpu", json_object_new_int(cpu));
                        (void)json_add(cell, "total", json_object_new_int64(total));
                        (void)json_array_append(cells, cell);
                }
                (void)json_add_text(row, "name", names[i]);
                (void)json_add(row, "perCpu", cells);
                (void)json_array_append(rows, row);
        }
        (void)json_add(rates, "elapsedNsec", json_object_new_int64(INT64_C(30000000000)));
        (void)json_add(rates, "online", json_object_get(cpus));
        (void)json_add(rates, "cpus", cpus);
        (void)json_add(rates, "rows", rows);
        r = html_matrix_add(matrix, slice, rates, by_row);
        json_object_put(rates);
        return r;
}

static inline struct json_object *html_make_stack(int i) {
        struct json_object *stack = json_object_new_array();

        for (int depth = 0; depth < 24; depth++) {
                struct json_object *frame = json_object_new_object();
                char symbol[64];

                (void)snprintf(symbol, sizeof(symbol), "function_%d_of_some_subsystem",
                               depth < 20 ? depth * 31 + i % (depth + 1) : depth);
                (void)json_add_text(frame, "symbol", depth == 3 && i % 7 == 0 ? HTML_HOSTILE : symbol);
                (void)json_add(frame, "offset", json_object_new_int(16));
                (void)json_add_null(frame, "module");
                (void)json_array_append(stack, frame);
        }
        return stack;
}

static inline struct json_object *html_make_event(int i, int n_windows, int n_cpus) {
        static const char *const classes[] = { "irq-off", "hardirq", "steal", "unknown" };
        uint64_t max_ns = (uint64_t)(n_windows - i) * 120 * NSEC_PER_USEC + 5 * NSEC_PER_MSEC;
        struct json_object *event = json_object_new_object();

        (void)json_add(event, "id", json_object_new_int(i + 1));
        (void)json_add_text(event, "kind", "irq-delay");
        (void)json_add(event, "timeUsec",
                       json_object_new_int64(
                               (int64_t)(HTML_SINCE_US + (uint64_t)(i * 7919 % 3600) * USEC_PER_SEC + 1000)));
        (void)json_add(event, "cpu", json_object_new_int(i * 13 % n_cpus));
        (void)json_add(event, "durationMinNsec",
                       json_object_new_int64((int64_t)(max_ns - 3 * NSEC_PER_MSEC)));
        (void)json_add(event, "durationMaxNsec", json_object_new_int64((int64_t)max_ns));
        (void)json_add_text(event, "class", classes[i % 4]);
        (void)json_add_text(event, "culprit", i % 5 == 0 ? HTML_HOSTILE : "mpt_put_msg_frame");
        (void)json_add_text(event, "comm", i % 3 == 0 ? HTML_HOSTILE : "cpptools");
        (void)json_add(event, "kernelStack", html_make_stack(i));
        return event;
}

/* Timers that ran late, most of them little. */
static inline int html_make_lateness(struct html_matrix *matrix, int cpu, uint32_t *seed) {
        struct json_object *object = json_object_new_object(), *items = json_object_new_array();
        struct json_object *item = json_object_new_object(), *buckets = json_object_new_array();
        int r;

        for (int exponent = 8; exponent < 27 - cpu % 3; exponent++) {
                struct json_object *bucket = json_object_new_object();

                (void)json_add(bucket, "exponent", json_object_new_int(exponent));
                (void)json_add(bucket, "count",
                               json_object_new_int64((1 << (28 - exponent)) + html_random(seed) % 3));
                (void)json_array_append(buckets, bucket);
        }
        (void)json_add(item, "buckets", buckets);
        (void)json_array_append(items, item);
        (void)json_add(object, "histograms", items);
        r = html_matrix_add_histogram(matrix, cpu, object);
        json_object_put(object);
        return r;
}

/* fixtures: the directory. 0 or negative. */
static inline int html_make_input(const char *fixtures, int n_cpus, int n_windows, struct html_input *input) {
        size_t n_slices = html_n_slices(HTML_SINCE_US, HTML_UNTIL_US, (size_t)n_cpus);
        uint32_t seed = 1;
        int r = 0;

        *input = (struct html_input){ .now_us = HTML_UNTIL_US };
        flame_graph_init(&input->flame, FLAME_WEIGHT_TIME);
        html_matrix_init(&input->softirqs, HTML_SINCE_US, HTML_UNTIL_US, n_slices);
        html_matrix_init(&input->interrupts, HTML_SINCE_US, HTML_UNTIL_US, n_slices);
        html_matrix_init(&input->lateness, HTML_SINCE_US, HTML_UNTIL_US, 36);
        input->report = html_load(fixtures, "report-db1");
        input->status = html_load(fixtures, "status");
        input->windows = json_object_new_array();
        if (!input->report || !input->windows)
                return -ENOENT;
        (void)json_add_text(input->report, "hostname", HTML_HOSTILE);
        (void)json_add(input->report, "sinceUsec", json_object_new_int64((int64_t)HTML_SINCE_US));

        for (size_t slice = 0; r == 0 && slice < n_slices; slice++) {
                if (slice > 0 && slice % 40 == 39)
                        continue; /* nothing recorded */
                r = html_make_rates(&input->softirqs, slice, n_cpus, &seed, true);
                if (r == 0)
                        r = html_make_rates(&input->interrupts, slice, n_cpus, &seed, false);
        }
        for (int cpu = 0; r == 0 && cpu < MIN(n_cpus, 64); cpu++)
                r = html_make_lateness(&input->lateness, cpu, &seed);
        for (int i = 0; i < n_windows; i++)
                (void)json_array_append(input->windows, html_make_event(i, n_windows, n_cpus));
        return r < 0 ? r : flame_graph_add_events(&input->flame, input->windows, &(struct flame_filter){});
}
