/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/ipc/json-report.h"

#include <string.h>

#include "daemon/ipc/json-affinity.h"
#include "daemon/ipc/json-packets.h"
#include "daemon/ipc/json-rates.h"

/* 0 is no time. */
static void set_time(struct json_writer *writer, const char *key, uint64_t us) {
        if (us > 0)
                json_set_u64(writer, key, us);
        else
                json_set_null(writer, key);
}

static void set_findings(struct json_writer *writer, const struct findings *findings) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < findings->n_items; i++) {
                const struct finding *finding = &findings->items[i];
                struct json_writer object = json_writer_object();

                json_set_text(&object, "code", finding->code);
                json_set_text(&object, "severity", severity_to_string(finding->severity));
                json_set_text(&object, "subject", finding->subject);
                json_set_text(&object, "text", finding->text);
                json_set_evidence(&object, "evidence", finding->evidence, finding->n_evidence);
                json_set_text(&object, "advice", finding->advice);
                json_set_cpus(&object, "cpus", &finding->cpus);
                set_time(&object, "sinceUsec", finding->since_us);
                set_time(&object, "untilUsec", finding->until_us);
                json_set_text(&object, "explainedBy", finding->explained_by);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "findings", &array);
}

static void set_comms(struct json_writer *writer, const struct window_group *group) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < group->n_comms; i++)
                json_append(&array, json_text(group->comms[i], strnlen(group->comms[i], EVENT_COMM_MAX)));

        json_set_writer(writer, "comms", &array);
}

/* A window always has a class in words. */
static const char *json_class_name(enum event_class class) {
        return event_class_to_string(class) ?: "unknown";
}

static void append_group(struct json_writer *array, const struct window_group *group) {
        struct json_writer object = json_writer_object();

        json_set_text(&object, "culprit", group->culprit);
        json_set_text(&object, "class", json_class_name(group->class));
        json_set_u64(&object, "count", group->count);
        json_set_u64(&object, "totalMinNsec", group->total_min_ns);
        json_set_u64(&object, "totalMaxNsec", group->total_max_ns);
        json_set_u64(&object, "worstMinNsec", group->worst_min_ns);
        json_set_u64(&object, "worstMaxNsec", group->worst_max_ns);
        json_set_i64(&object, "worstId", group->worst_id);
        json_set_u64(&object, "firstUsec", group->first_us);
        json_set_u64(&object, "lastUsec", group->last_us);
        json_set_cpus(&object, "cpus", &group->cpus);
        set_comms(&object, group);
        json_set_text(&object, "fingerprint", group->fingerprint);
        json_set_text(&object, "caller", group->caller);
        json_append_writer(array, &object);
}

static void append_class(struct json_writer *array, const struct window_class *class) {
        struct json_writer object = json_writer_object();

        json_set_text(&object, "class", json_class_name(class->class));
        json_set_u64(&object, "count", class->count);
        json_set_u64(&object, "totalMinNsec", class->total_min_ns);
        json_set_u64(&object, "worstMaxNsec", class->worst_max_ns);
        json_append_writer(array, &object);
}

static void set_windows(struct json_writer *writer, const struct windows *windows) {
        struct json_writer object = json_writer_object();
        struct json_writer by_culprit = json_writer_array(), by_class = json_writer_array();

        for (size_t i = 0; i < MIN(windows->n_by_culprit, (size_t)JSON_CULPRITS_MAX); i++)
                append_group(&by_culprit, &windows->by_culprit[i]);
        for (size_t i = 0; i < windows->n_by_class; i++)
                append_class(&by_class, &windows->by_class[i]);

        json_set_u64(&object, "count", windows->count);
        json_set_u64(&object, "worstNsec", windows->worst_ns);
        json_set_writer(&object, "byCulprit", &by_culprit);
        json_set_writer(&object, "byClass", &by_class);
        json_set_writer(writer, "windows", &object);
}

static struct json_writer latency_array(const struct latency *latency) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; latency && i < latency->n_cpus; i++) {
                const struct latency_cpu *cpu = &latency->cpus[i];
                struct json_writer object = json_writer_object();

                json_set_i64(&object, "cpu", cpu->cpu);
                json_set_u64(&object, "samples", cpu->n);
                json_set_u64(&object, "p50Nsec", cpu->p50_ns);
                json_set_u64(&object, "p99Nsec", cpu->p99_ns);
                json_set_u64(&object, "p999Nsec", cpu->p999_ns);
                json_set_u64(&object, "maxNsec", cpu->max_ns);
                json_set_double(&object, "coverage", cpu->coverage);
                json_append_writer(&array, &object);
        }

        return array;
}

int json_latency(const struct latency *latency, struct json_object **ret_array) {
        struct json_writer array = latency_array(latency);

        return json_writer_finish(&array, ret_array);
}

/* The perCpu list of a row, and how uneven all of it is. */
static void set_counts(struct json_writer *writer, const struct rates *rates, const struct rates_row *row,
                     const struct json_report_request *request) {
        size_t max = request->per_cpu_max > 0 ? request->per_cpu_max : SIZE_MAX;

        json_set_per_cpu(writer, rates, row, request->with_cpus ? max : 0);
        json_set_double(writer, "imbalance", rates_row_imbalance(rates, row));
}

static void set_softirqs(struct json_writer *writer, const struct rates *rates,
                         const struct json_report_request *request) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; rates && i < rates->n_rows; i++) {
                const struct rates_row *row = &rates->rows[i];
                struct json_writer object;

                if (row->total == 0)
                        continue;
                object = json_writer_object();
                json_set_text(&object, "type", row->name);
                json_set_u64(&object, "total", row->total);
                json_set_double(&object, "perSecond", row->per_second);
                set_counts(&object, rates, row, request);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "softirqs", &array);
}

static void append_interrupt(struct json_writer *array, const struct report *report,
                             const struct rates_row *row, const struct json_report_request *request) {
        const struct rates *rates = report->interrupts;
        struct json_writer object = json_writer_object();

        json_set_text(&object, "irq", row->name);
        json_set_text(&object, "name", rates_row_label(rates, row, "actions"));
        json_set_text(&object, "chip", rates_row_label(rates, row, "chip"));
        json_set_text(&object, "hwirq", rates_row_label(rates, row, "hwirq"));
        json_set_u64(&object, "total", row->total);
        json_set_double(&object, "perSecond", row->per_second);
        set_counts(&object, rates, row, request);
        json_set_affinity(&object, report->affinity, row->name);
        json_append_writer(array, &object);
}

/* Of those with the same total the one that the kernel lists first. */
static int compare_most(const void *a, const void *b) {
        const struct rates_row *x = *(const struct rates_row *const *)a,
                               *y = *(const struct rates_row *const *)b;

        if (x->total != y->total)
                return x->total < y->total ? 1 : -1;
        return x < y ? -1 : x > y;
}

static void set_interrupts(struct json_writer *writer, const struct report *report,
                           const struct json_report_request *request) {
        const struct rates *rates = report->interrupts;
        size_t n_rows = rates ? rates->n_rows : 0, n = 0, n_shown;
        _cleanup_(freep) const struct rates_row **rows = calloc(n_rows + 1, sizeof(*rows));
        struct json_writer array;

        if (!rows) {
                writer->error = -ENOMEM;
                return;
        }

        for (size_t i = 0; i < n_rows; i++)
                if (rates->rows[i].total > 0)
                        rows[n++] = &rates->rows[i];

        n_shown = n;
        if (request->interrupts_max > 0 && n > request->interrupts_max) {
                qsort(rows, n, sizeof(struct rates_row *), compare_most);
                n_shown = request->interrupts_max;
        }

        array = json_writer_array();
        for (size_t i = 0; i < n_shown; i++)
                append_interrupt(&array, report, rows[i], request);

        json_set_writer(writer, "interrupts", &array);
        json_set_u64(writer, "interruptsTotal", n);
}

static void set_gaps(struct json_writer *writer, const struct report *report) {
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < MIN(report->n_gaps, (size_t)JSON_GAPS_MAX); i++) {
                struct json_writer object = json_writer_object();

                json_set_text(&object, "collector", report->gaps[i].collector);
                json_set_u64(&object, "sinceUsec", report->gaps[i].since_us);
                json_set_u64(&object, "untilUsec", report->gaps[i].until_us);
                json_set_text(&object, "reason", report->gaps[i].reason);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "gaps", &array);
}

/* hardirqs are labelled by number and action, softirqs by type. */
static void append_time(struct json_writer *array, const struct histograms *times,
                        const struct histogram *time, bool hardirqs) {
        struct json_writer object = json_writer_object();
        double share = 0;

        if (times->elapsed_ns > 0)
                share = (double)time->total_ns / (double)times->elapsed_ns;

        json_set_text(&object, "kind", hardirqs ? "hardirq" : "softirq");
        json_set_text(&object, "irq", hardirqs ? time->labels[0] : NULL);
        json_set_text(&object, "name", (hardirqs ? time->labels[1] : time->labels[0]) ?: "");
        json_set_u64(&object, "count", time->n);
        json_set_double(&object, "perSecond", time->per_second);
        json_set_u64(&object, "totalNsec", time->total_ns);
        json_set_double(&object, "share", share);
        json_set_u64(&object, "p99Nsec", time->p99_ns);
        json_set_u64(&object, "maxNsec", time->max_ns);
        if (time->has_ksoftirqd)
                json_set_u64(&object, "ksoftirqdCount", time->n_ksoftirqd);
        else
                json_set_null(&object, "ksoftirqdCount");
        json_append_writer(array, &object);
}

static void set_times(struct json_writer *writer, const struct report *report) {
        const struct histograms *const times[] = { report->softirq_times, report->hardirq_times };
        struct json_writer array = json_writer_array();

        for (size_t i = 0; i < ELEMENTSOF(times); i++)
                for (size_t j = 0; times[i] && j < MIN(times[i]->n_items, (size_t)JSON_TIMES_MAX); j++)
                        append_time(&array, times[i], &times[i]->items[j], i == 1);

        json_set_writer(writer, "interruptTimes", &array);
}

/* Per CPU the parts of its time that interrupts and the hypervisor took, over the span and at their worst. */
static void set_cpu_times(struct json_writer *writer, const struct load *load) {
        static const struct {
                const char *mode, *share, *peak;
        } modes[] = {
                { "irq", "irq", "irqPeak" },
                { "softirq", "softirq", "softirqPeak" },
                { "steal", "steal", "stealPeak" },
        };
        const struct rates *rates = load->metrics[LOAD_CPU_TIME];
        struct json_writer array = json_writer_array();

        for (size_t i = 0; rates && i < rates->n_cpus; i++) {
                struct json_writer object = json_writer_object();
                int cpu = rates->cpus[i];

                json_set_i64(&object, "cpu", cpu);
                for (size_t j = 0; j < ELEMENTSOF(modes); j++) {
                        double share = load_rate(load, LOAD_CPU_TIME, modes[j].mode, cpu);

                        json_set_double(&object, modes[j].share, share / (double)NSEC_PER_SEC);
                        json_set_double(&object, modes[j].peak,
                                        load_peak(load, LOAD_CPU_TIME, modes[j].mode, cpu).per_second /
                                                (double)NSEC_PER_SEC);
                }
                json_set_double(&object, "ksoftirqd",
                                load_rate(load, LOAD_KSOFTIRQD_TIME, "", cpu) / (double)NSEC_PER_SEC);
                json_set_double(&object, "ksoftirqdPeak",
                                load_peak(load, LOAD_KSOFTIRQD_TIME, "", cpu).per_second / (double)NSEC_PER_SEC);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "cpuTimes", &array);
}

static void set_devices(struct json_writer *writer, const struct load *load) {
        static const struct {
                const char *name;
                enum load_metric metric;
        } fields[] = {
                { "rxPacketsPerSecond", LOAD_RX_PACKETS }, { "rxBytesPerSecond", LOAD_RX_BYTES },
                { "rxDropsPerSecond", LOAD_RX_DROPS },     { "rxErrorsPerSecond", LOAD_RX_ERRORS },
                { "txPacketsPerSecond", LOAD_TX_PACKETS }, { "txBytesPerSecond", LOAD_TX_BYTES },
                { "txDropsPerSecond", LOAD_TX_DROPS },     { "txErrorsPerSecond", LOAD_TX_ERRORS },
        };
        const struct rates *rates = load->metrics[LOAD_RX_PACKETS];
        struct json_writer array = json_writer_array();

        for (size_t i = 0; rates && i < rates->n_rows; i++) {
                const char *device = rates->rows[i].name;
                struct json_writer object = json_writer_object();

                json_set_text(&object, "device", device);
                for (size_t j = 0; j < ELEMENTSOF(fields); j++)
                        json_set_double(&object, fields[j].name, load_rate(load, fields[j].metric, device, CPU_NONE));
                json_set_double(&object, "rxPeakPacketsPerSecond",
                                load_peak(load, LOAD_RX_PACKETS, device, CPU_NONE).per_second);
                json_append_writer(&array, &object);
        }

        json_set_writer(writer, "devices", &array);
}

int json_report(const struct report *report, const struct json_report_request *request,
                struct json_object **ret_object) {
        struct json_writer writer = json_writer_object(), latency;

        json_set_u64(&writer, "sinceUsec", report->since_us);
        json_set_u64(&writer, "untilUsec", report->until_us);
        json_set_text(&writer, "hostname", request->host->name);
        json_set_text(&writer, "bootId", request->host->boot_id);
        set_findings(&writer, &report->findings);
        set_windows(&writer, report->windows);
        latency = latency_array(report->latency);
        json_set_writer(&writer, "latency", &latency);
        set_softirqs(&writer, report->softirqs, request);
        set_interrupts(&writer, report, request);
        set_gaps(&writer, report);
        set_times(&writer, report);
        json_set_affinity_changes(&writer, report->affinity);
        json_set_packets(&writer, "packets", report->packets);
        set_cpu_times(&writer, report->load);
        set_devices(&writer, report->load);
        return json_writer_finish(&writer, ret_object);
}
