/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Prometheus' text format 0.0.4 and OpenMetrics 1.0 from families, labels and values. Pure; knows nothing of
 * interrupts. What the formats differ in is settled here: names of counters, units, exemplars, the end mark.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cleanup.h"

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };
enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_INFO, _METRICS_TYPE_MAX };

/* name is without "_total" and "_info", and ends in the unit where it has one. help is plain text. */
struct metrics_family {
        const char *name, *unit, *help;
        enum metrics_type type;
};

/* value may be any bytes: it is made valid and escaped. NULL-name-terminated in arrays. */
struct metrics_label {
        const char *name, *value;
};

struct metrics_exemplar {
        const struct metrics_label *labels;
        uint64_t value_ns; /* shown in seconds */
        uint64_t time_us;
};

struct metrics_bucket {
        const char *le; /* upper edge in seconds, as text; "+Inf" for the last */
        uint64_t count; /* of this bucket alone */
        const struct metrics_exemplar *exemplar;
};

struct metrics_writer {
        FILE *f; /* borrowed */
        enum metrics_format format;
        const struct metrics_family *family; /* the current one */
        bool opened;                         /* its head is out */
        size_t n_samples;
};

/* Samples that follow are of this family, whose head is written with the first of them. Borrowed until the
 * next. */
void metrics_family(struct metrics_writer *writer, const struct metrics_family *family);
/* labels may be NULL. */
void metrics_u64(struct metrics_writer *writer, const struct metrics_label *labels, uint64_t value);
/* Nanoseconds, shown as seconds. */
void metrics_seconds(struct metrics_writer *writer, const struct metrics_label *labels, uint64_t ns);
/* The same with an exemplar, which only counters and buckets may have; NULL: none. */
void metrics_u64_example(struct metrics_writer *writer, const struct metrics_label *labels, uint64_t value,
                         const struct metrics_exemplar *exemplar);
/* A classic histogram. sum_ns NULL: not known, then no _sum and no _count are written. */
void metrics_histogram(struct metrics_writer *writer, const struct metrics_label *labels,
                       const struct metrics_bucket *buckets, size_t n, const uint64_t *sum_ns);
/* The end mark, where the format has one. */
void metrics_end(struct metrics_writer *writer);

/* Fills an exemplar's labels from the NULL-name-terminated list, leaving out empty values and cutting the
 * last one so that names and values together stay within the 128 characters of OpenMetrics. text keeps what
 * was cut. */
enum { METRICS_EXEMPLAR_CHARACTERS = 128, METRICS_EXEMPLAR_LABELS = 3 };
struct metrics_exemplar_labels {
        struct metrics_label labels[METRICS_EXEMPLAR_LABELS + 1];
        char text[METRICS_EXEMPLAR_CHARACTERS * 4 + 1];
};
void metrics_exemplar_fit(const struct metrics_label *labels, struct metrics_exemplar_labels *ret_fitted);
