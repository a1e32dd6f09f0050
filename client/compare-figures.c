/* SPDX-License-Identifier: Apache-2.0 */

#include "client/compare-figures.h"

#include <ctype.h>
#include <string.h>

#include "client/field.h"
#include "client/verbs.h"
#include "common/cleanup.h"

const struct figure_rule compare_rules[_FIGURE_TYPE_MAX] = {
        [WINDOWS_COUNT] = { "windows", "count", "perHour", 2, 2, 1, true },
        [WINDOWS_TOTAL] = { "windows", "total", "nsecPerHour", 2, 20e6, 20e6, true },
        [WINDOWS_WORST] = { "windows", "worst", "nsec", 2, 5e6, 5e6, false },
        /* Quantiles are upper edges of powers of two: one power is no difference. */
        [LATENCY_P99] = { "latency", "p99", "nsec", 3, 50e3, 50e3, false },
        [LATENCY_P999] = { "latency", "p99.9", "nsec", 3, 200e3, 200e3, false },
        [LATENCY_MAX] = { "latency", "max", "nsec", 2, 2e6, 2e6, false },
        [SOFTIRQ_RATE] = { "softirq", "rate", "perSecond", 1.5, 100, 100, false },
        [INTERRUPT_RATE] = { "interrupt", "rate", "perSecond", 1.5, 100, 100, false },
        [RUN_SHARE] = { "time", "share", "cpus", 1.5, 0.01, 0.01, false },
        [CPU_SHARE] = { "cpu", "share", "cpus", 1.5, 0.02, 0.02, false },
        [DEVICE_PACKETS] = { "device", "rx-packets", "perSecond", 1.5, 500, 500, false },
        [DEVICE_DROPS] = { "device", "rx-drops", "perSecond", 1.5, 1, 1, false },
        [SOFTNET_PACKETS] = { "softnet", "packets", "perSecond", 1.5, 500, 500, false },
        [SOFTNET_TROUBLE] = { "softnet", "rate", "perSecond", 1.5, 0.5, 0.5, false },
};

void compare_done(struct compare *compare) {
        for (size_t i = 0; i < compare->n_figures; i++) {
                free(compare->figures[i].key);
                free(compare->figures[i].subject);
        }
        free(compare->figures);
}

static struct figure *find_figure(struct compare *compare, enum figure_type type, const char *key) {
        for (size_t i = 0; i < compare->n_figures; i++)
                if (compare->figures[i].type == type && strcmp(compare->figures[i].key, key) == 0)
                        return &compare->figures[i];

        return NULL;
}

static struct figure *new_figure(struct compare *compare, enum figure_type type, const char *key,
                                 const char *subject) {
        size_t n = MAX(compare->n_allocated * 2, (size_t)32);
        struct figure figure = { .type = type };
        struct figure *figures;

        if (compare->n_figures == compare->n_allocated) {
                figures = reallocarray(compare->figures, n, sizeof(*figures));
                if (!figures)
                        return NULL;
                compare->figures = figures;
                compare->n_allocated = n;
        }

        figure.key = strdup(key);
        figure.subject = strdup(subject);
        if (!figure.key || !figure.subject) {
                free(figure.key);
                free(figure.subject);
                return NULL;
        }

        compare->figures[compare->n_figures] = figure;
        return &compare->figures[compare->n_figures++];
}

/* Adds to what is known of it, or keeps the larger one. */
static void add_figure(struct compare *compare, int side, enum figure_type type, const char *key,
                       const char *subject, double value, bool largest) {
        struct figure *figure;

        if (compare->error < 0)
                return;

        figure = find_figure(compare, type, key) ?: new_figure(compare, type, key, subject);
        if (!figure) {
                compare->error = -ENOMEM;
                return;
        }
        figure->values[side] = largest ? MAX(figure->values[side], value) : figure->values[side] + value;
}

bool compare_recorded(struct json_object *report, const char *list, const char *collector) {
        uint64_t since_us = field_u64(report, "sinceUsec"), until_us = field_u64(report, "untilUsec"),
                 gap_us = 0;
        struct json_object *gaps = field_array(report, "gaps");

        if (array_length(field_array(report, list)) > 0)
                return true;

        for (size_t i = 0; i < array_length(gaps); i++) {
                struct json_object *gap = array_at(gaps, i);
                uint64_t from_us = MAX(field_u64(gap, "sinceUsec"), since_us);
                uint64_t to_us = MIN(field_u64(gap, "untilUsec"), until_us);

                if (strcmp(field_string(gap, "collector") ?: "", collector) == 0 && to_us > from_us)
                        gap_us += to_us - from_us;
        }

        return until_us > since_us && gap_us < (until_us - since_us) / 100 * 99;
}

/* Of both reports, or of neither: what was not recorded in one of them is no 0. */
static bool both_have(const struct compare *compare, const char *list, const char *collector) {
        return compare_recorded(compare->sides[THEN]->report, list, collector) &&
               compare_recorded(compare->sides[NOW]->report, list, collector);
}

static bool both_watched(const struct compare *compare) {
        return compare->watched_hours[THEN] > 0 && compare->watched_hours[NOW] > 0;
}

static void add_windows(struct compare *compare, int side) {
        struct json_object *groups =
                field_array(field_object(compare->sides[side]->report, "windows"), "byCulprit");
        double hours = compare->watched_hours[side];

        if (!both_watched(compare))
                return;

        for (size_t i = 0; i < array_length(groups); i++) {
                struct json_object *group = array_at(groups, i);
                char key[512];

                (void)snprintf(key, sizeof(key), "%s (%s)", field_string(group, "culprit") ?: "not known",
                               field_string(group, "class") ?: "?"); /* what is cut is as good a key */
                add_figure(compare, side, WINDOWS_COUNT, key, key, (double)field_u64(group, "count") / hours,
                           false);
                add_figure(compare, side, WINDOWS_TOTAL, key, key,
                           (double)field_u64(group, "totalMinNsec") / hours, false);
                add_figure(compare, side, WINDOWS_WORST, key, key, (double)field_u64(group, "worstMinNsec"),
                           true);
        }
}

/* Of the worst CPU: another one may be it then and now. */
static void add_latency(struct compare *compare, int side) {
        struct json_object *latency = field_array(compare->sides[side]->report, "latency");

        for (size_t i = 0; both_watched(compare) && i < array_length(latency); i++) {
                struct json_object *cpu = array_at(latency, i);

                add_figure(compare, side, LATENCY_P99, "", "worst CPU", (double)field_u64(cpu, "p99Nsec"),
                           true);
                add_figure(compare, side, LATENCY_P999, "", "worst CPU", (double)field_u64(cpu, "p999Nsec"),
                           true);
                add_figure(compare, side, LATENCY_MAX, "", "worst CPU", (double)field_u64(cpu, "maxNsec"),
                           true);
        }
}

/* A list of objects with a name and a number. */
static void add_list(struct compare *compare, int side, const char *list, const char *collector,
                     const char *name, const char *number, enum figure_type type) {
        struct json_object *array = field_array(compare->sides[side]->report, list);

        for (size_t i = 0; both_have(compare, list, collector) && i < array_length(array); i++) {
                const char *subject = field_string(array_at(array, i), name) ?: "?";

                add_figure(compare, side, type, subject, subject, field_double(array_at(array, i), number),
                           false);
        }
}

/* Numbers of interrupts may be others after a boot; those of one name are one. */
static void add_interrupts(struct compare *compare, int side) {
        struct json_object *interrupts = field_array(compare->sides[side]->report, "interrupts");

        for (size_t i = 0; both_have(compare, "interrupts", "interrupts") && i < array_length(interrupts);
             i++) {
                struct json_object *row = array_at(interrupts, i);
                const char *irq = field_string(row, "irq") ?: "?", *name = field_string(row, "name");
                bool number = isdigit((unsigned char)irq[0]) && name && *name;
                char subject[512];

                (void)snprintf(subject, sizeof(subject), "%s%s%s", irq, name ? " " : "", name ?: "");
                add_figure(compare, side, INTERRUPT_RATE, number ? name : irq, subject,
                           field_double(row, "perSecond"), false);
        }
}

static void add_times(struct compare *compare, int side) {
        struct json_object *times = field_array(compare->sides[side]->report, "interruptTimes");

        for (size_t i = 0; both_watched(compare) && i < array_length(times); i++) {
                struct json_object *time = array_at(times, i);
                char subject[512];

                (void)snprintf(subject, sizeof(subject), "%s %s", field_string(time, "kind") ?: "?",
                               field_string(time, "name") ?: "?");
                add_figure(compare, side, RUN_SHARE, subject, subject, field_double(time, "share"), false);
        }
}

/* In CPUs' worth, over all CPUs. */
static void add_cpus(struct compare *compare, int side) {
        static const char *const members[] = { "irq", "softirq", "steal", "ksoftirqd" };
        struct json_object *times = field_array(compare->sides[side]->report, "cpuTimes");

        for (size_t i = 0; both_have(compare, "cpuTimes", "cpu") && i < array_length(times); i++)
                for (size_t j = 0; j < ELEMENTSOF(members); j++)
                        add_figure(compare, side, CPU_SHARE, members[j], members[j],
                                   field_double(array_at(times, i), members[j]), false);
}

static void add_softnet(struct compare *compare, int side) {
        struct json_object *rows = field_array(compare->sides[side]->softnet, "rows");

        for (size_t i = 0;
             compare->sides[THEN]->softnet && compare->sides[NOW]->softnet && i < array_length(rows); i++) {
                const char *name = field_string(array_at(rows, i), "name") ?: "?";
                bool trouble = strcmp(name, "dropped") == 0 || strcmp(name, "time_squeeze") == 0;

                add_figure(compare, side, trouble ? SOFTNET_TROUBLE : SOFTNET_PACKETS, name, name,
                           field_double(array_at(rows, i), "perSecond"), false);
        }
}

static void add_side(struct compare *compare, int side) {
        add_windows(compare, side);
        add_latency(compare, side);
        add_list(compare, side, "softirqs", "softirqs", "type", "perSecond", SOFTIRQ_RATE);
        add_interrupts(compare, side);
        add_times(compare, side);
        add_cpus(compare, side);
        add_list(compare, side, "devices", "netdev", "device", "rxPacketsPerSecond", DEVICE_PACKETS);
        add_list(compare, side, "devices", "netdev", "device", "rxDropsPerSecond", DEVICE_DROPS);
        add_softnet(compare, side);
}

double compare_score(const struct compare *compare, const struct figure *figure) {
        const struct figure_rule *rule = &compare_rules[figure->type];
        double hours = MIN(compare->watched_hours[THEN], compare->watched_hours[NOW]);
        double scale = rule->per_hour && hours > 0 ? 1 / hours : 1;
        double more = MAX(figure->values[THEN], figure->values[NOW]);
        double less = MIN(figure->values[THEN], figure->values[NOW]);
        double ratio = more / MAX(less, rule->floor * scale);

        return more - less >= rule->delta_min * scale && ratio >= rule->ratio_min ? ratio : 0;
}

static double watched_hours(const struct compare_side *side) {
        uint64_t since_us = field_u64(side->report, "sinceUsec"),
                 until_us = field_u64(side->report, "untilUsec");

        return until_us > since_us ? (double)(until_us - since_us) / (double)USEC_PER_SEC / 3600 *
                                             report_watched_share(side->report)
                                   : 0;
}

int compare_fill(struct compare *compare) {
        for (int side = 0; side < _SIDES; side++)
                compare->watched_hours[side] = watched_hours(compare->sides[side]);

        add_side(compare, NOW); /* first: names are those of now */
        add_side(compare, THEN);
        return compare->error;
}
