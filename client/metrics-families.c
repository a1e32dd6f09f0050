/* SPDX-License-Identifier: Apache-2.0 */

#include "client/metrics-families.h"

#include <string.h>

#include "build-config.h"
#include "client/field.h"
#include "client/metrics-internal.h"

struct json_object *metrics_find(struct json_object *answer, const char *name) {
        struct json_object *metrics = field_array(answer, "metrics");

        for (size_t i = 0; i < array_length(metrics); i++) {
                const char *have = field_string(array_at(metrics, i), "name");

                if (have && strcmp(have, name) == 0)
                        return array_at(metrics, i);
        }

        return NULL;
}

struct json_object *metrics_find_row(struct json_object *metric, const char *name) {
        struct json_object *rows = field_array(metric, "rows");

        for (size_t i = 0; i < array_length(rows); i++) {
                const char *have = field_string(array_at(rows, i), "name");

                if (have && strcmp(have, name) == 0)
                        return array_at(rows, i);
        }

        return NULL;
}

const char *metrics_row_label(struct json_object *row, size_t index) {
        return json_object_get_string(array_at(field_array(row, "labels"), index)) ?: "";
}

/* ---- the daemon itself ---- */

static void write_gauge(struct families *families, const struct metrics_family *family, uint64_t value) {
        metrics_family(&families->writer, family);
        metrics_u64(&families->writer, NULL, value);
}

static void write_build(struct families *families, struct json_object *status) {
        static const struct metrics_family build = { "irqwatch_build", NULL,
                                                     "Version of the irqwatchd that answers.", METRICS_INFO };
        static const struct metrics_family start = { "irqwatch_start_time_seconds", "seconds",
                                                     "When irqwatchd started; most counters start then.",
                                                     METRICS_GAUGE };
        const struct metrics_label labels[] = { { "version", field_string(status, "version") ?: "" },
                                                { "kernel", field_string(status, "kernel") ?: "" },
                                                {} };

        metrics_family(&families->writer, &build);
        metrics_u64(&families->writer, labels, 1);
        metrics_family(&families->writer, &start);
        metrics_seconds(&families->writer, NULL, field_u64(status, "startedUsec") * NSEC_PER_USEC);
}

static void write_cost(struct families *families, struct json_object *status) {
        static const struct metrics_family cpu = { "irqwatch_daemon_cpu_seconds", "seconds",
                                                   "CPU time of irqwatchd.", METRICS_COUNTER };
        static const struct metrics_family bpf = {
                "irqwatch_daemon_bpf_seconds", "seconds",
                "Run time of its BPF programs, where the kernel counts it.", METRICS_COUNTER
        };
        static const struct metrics_family rss = { "irqwatch_daemon_resident_memory_bytes", "bytes",
                                                   "Resident memory of irqwatchd.", METRICS_GAUGE };
        static const struct metrics_family history = { "irqwatch_store_bytes", "bytes",
                                                       "Memory that history takes.", METRICS_GAUGE };

        metrics_family(&families->writer, &cpu);
        metrics_seconds(&families->writer, NULL, field_u64(status, "cpuNsec"));
        metrics_family(&families->writer, &bpf);
        if (field_u64(status, "bpfNsec") > 0)
                metrics_seconds(&families->writer, NULL, field_u64(status, "bpfNsec"));
        write_gauge(families, &rss, field_u64(status, "rssBytes"));
        write_gauge(families, &history, field_u64(field_object(status, "store"), "bytes"));
}

static const char *collector_state(struct json_object *collector) {
        return field_string(collector, "state") ?: "";
}

static void write_collector(struct families *families, struct json_object *collector, uint64_t value) {
        const struct metrics_label labels[] = { { "collector", field_string(collector, "name") ?: "" }, {} };

        metrics_u64(&families->writer, labels, value);
}

/* 1: does all that it is configured to do; 0: less, or nothing. Those that are switched off are left out, and so are
 * those that this machine cannot have: nobody is to be called for them. They have a series of their own, by which
 * one sees where in a fleet something cannot be seen. */
static void write_collectors(struct families *families, struct json_object *status) {
        static const struct metrics_family up = { "irqwatch_collector_up", NULL,
                                                  "Whether the collector does all that it is configured to do.",
                                                  METRICS_GAUGE };
        static const struct metrics_family failed = { "irqwatch_collector_failed_passes", NULL,
                                                      "Passes of the collector that failed.",
                                                      METRICS_COUNTER };
        static const struct metrics_family unsupported = { "irqwatch_collector_unsupported", NULL,
                                                           "Collectors that cannot run on this machine.",
                                                           METRICS_GAUGE };
        struct json_object *collectors = field_array(status, "collectors");

        for (int pass = 0; pass < 3; pass++) {
                metrics_family(&families->writer, pass == 0 ? &up : pass == 1 ? &failed : &unsupported);
                for (size_t i = 0; i < array_length(collectors); i++) {
                        struct json_object *collector = array_at(collectors, i);
                        bool is_unsupported = strcmp(collector_state(collector), "unsupported") == 0;

                        if (strcmp(collector_state(collector), "disabled") == 0 || is_unsupported != (pass == 2))
                                continue;
                        write_collector(families, collector,
                                        pass == 0   ? strcmp(collector_state(collector), "running") == 0
                                        : pass == 1 ? field_u64(collector, "failedPasses")
                                                    : 1);
                }
        }
}

static uint64_t delay_total(const struct families *families, const char *metric) {
        struct json_object *answer = families->answers->items[ANSWER_DELAYS];

        return field_u64(metrics_find_row(metrics_find(answer, metric), ""), "total");
}

static uint64_t count_active(struct json_object *alerts, const char *rule) {
        uint64_t n = 0;

        for (size_t i = 0; i < array_length(alerts); i++) {
                struct json_object *alert = array_at(alerts, i);

                n += strcmp(field_string(alert, "rule") ?: "", rule) == 0 &&
                     strcmp(field_string(alert, "state") ?: "cleared", "cleared") != 0;
        }

        return n;
}

static void write_alerts(struct families *families) {
        static const struct metrics_family family = {
                "irqwatch_alert_active", NULL, "What a rule of irqwatchd is raised for: how many things.",
                METRICS_GAUGE
        };
        struct json_object *answer = families->answers->items[ANSWER_ALERTS];
        struct json_object *rules = field_array(answer, "rules");

        metrics_family(&families->writer, &family);
        for (size_t i = 0; i < array_length(rules); i++) {
                const char *name = field_string(array_at(rules, i), "name") ?: "";

                if (field_boolean(array_at(rules, i), "enabled"))
                        metrics_u64(&families->writer, (const struct metrics_label[]){ { "rule", name }, {} },
                                    count_active(field_array(answer, "alerts"), name));
        }
}

/* Everything that was seen and not kept. */
static void write_losses(struct families *families, struct json_object *status) {
        static const struct metrics_family family = {
                "irqwatch_losses", NULL, "What was seen and not recorded, kept or delivered, by where.",
                METRICS_COUNTER
        };
        struct json_object *store = field_object(status, "store");
        const struct {
                const char *where;
                uint64_t n;
        } losses[] = {
                { "kernel_buffer", delay_total(families, "lost") },
                { "event_rate_limit", delay_total(families, "suppressed") },
                { "store_events", field_u64(store, "eventsDropped") },
                { "store_passes", field_u64(store, "passesDropped") },
                { "store_series", field_u64(store, "seriesRefused") },
                { "client_messages", field_u64(status, "droppedMessages") },
                { "journal", field_u64(status, "journalDropped") },
                { "journal_rate_limit", field_u64(status, "journalSuppressed") },
        };

        metrics_family(&families->writer, &family);
        for (size_t i = 0; i < ELEMENTSOF(losses); i++)
                metrics_u64(&families->writer,
                            (const struct metrics_label[]){ { "where", losses[i].where }, {} }, losses[i].n);
}

static void write_pressure(struct families *families) {
        static const struct metrics_family family = {
                "irqwatch_irq_pressure_seconds", "seconds",
                "Time for which tasks were kept from running by interrupts (/proc/pressure/irq).",
                METRICS_COUNTER
        };
        struct json_object *metric = metrics_find(families->answers->items[ANSWER_PRESSURE], "irq-stall");
        struct json_object *row = metrics_find_row(metric, "");

        metrics_family(&families->writer, &family);
        if (row)
                metrics_seconds(&families->writer, NULL, field_u64(row, "total"));
}

static void write_all(struct families *families) {
        struct json_object *status = families->answers->items[ANSWER_STATUS];

        write_build(families, status);
        families_write_windows(families);
        families_write_lateness(families);
        families_write_softirq_times(families);
        families_write_cpus(families);
        families_write_softnet(families);
        families_write_interrupts(families);
        write_pressure(families);
        write_collectors(families, status);
        write_alerts(families);
        write_losses(families, status);
        write_cost(families, status);
}

int metrics_render(const struct metrics_answers *answers, enum metrics_format format, char **ret_text,
                   size_t *ret_size, size_t *ret_n_samples) {
        static const struct metrics_family up = { "irqwatch_up", NULL, "Whether irqwatchd answered.",
                                                  METRICS_GAUGE };
        _cleanup_(freep) char *text = NULL;
        struct families families = { .writer = { .format = format }, .answers = answers };
        size_t size = 0;
        bool failed;

        families.writer.f = open_memstream(&text, &size);
        if (!families.writer.f)
                return -ENOMEM;

        write_gauge(&families, &up, answers != NULL);
        if (answers)
                write_all(&families);
        metrics_end(&families.writer);
        failed = ferror(families.writer.f);
        if (fclose(families.writer.f) != 0 || failed || families.error < 0)
                return -ENOMEM;

        *ret_text = TAKE_PTR(text);
        *ret_size = size;
        *ret_n_samples = families.writer.n_samples;
        return 0;
}
