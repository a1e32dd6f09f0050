/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The verbs of irqctl, one file each. argv[0] is "irqctl VERB" (for messages), the common options are already
 * taken out. They return the exit status; optind is to be reset before getopt_long(). The render functions
 * turn the server's objects into text; they are pure, for tests.
 */

#include <json-c/json.h>
#include <stdio.h>

#include "client/options.h"
#include "client/style.h"

int verb_status(int argc, char **argv, const struct options *options);
int verb_report(int argc, char **argv, const struct options *options);
int verb_events(int argc, char **argv, const struct options *options);
int verb_show(int argc, char **argv, const struct options *options);
int verb_rates(int argc, char **argv, const struct options *options);
int verb_flame(int argc, char **argv, const struct options *options);
int verb_alerts(int argc, char **argv, const struct options *options);
int verb_metrics(int argc, char **argv, const struct options *options);
int verb_top(int argc, char **argv, const struct options *options);
int verb_set(int argc, char **argv, const struct options *options);
int verb_snapshot(int argc, char **argv, const struct options *options);
int verb_selftest(int argc, char **argv, const struct options *options);

/* 0 or -ENOMEM each. */
int render_status(const struct style *style, struct json_object *status, FILE *f);
int render_report(const struct style *style, struct json_object *report, FILE *f);
/* The parts of a report that have files of their own: what stands above the findings, what stands in their
 * place, and the tables of counters. */
int render_headline(const struct style *style, struct json_object *report, FILE *f);
/* What the answer was made from, if that is not memory. */
void render_tier(const struct style *style, struct json_object *answer, FILE *f);
/* Share of the report's span in which windows would have been seen, 0..1. */
double report_watched_share(struct json_object *report);
int render_no_findings(const struct style *style, struct json_object *report, FILE *f);
int render_findings(const struct style *style, struct json_object *report, FILE *f);
/* Those of one code, with all there is to say; a line that there is none. */
int render_findings_of(const struct style *style, struct json_object *report, const char *code, FILE *f);
int render_cpu_times(const struct style *style, struct json_object *report, FILE *f);
int render_devices(const struct style *style, struct json_object *report, FILE *f);
int render_latency(const struct style *style, struct json_object *report, FILE *f);
int render_interrupt_times(const struct style *style, struct json_object *report, FILE *f);
int render_gaps(const struct style *style, struct json_object *report, FILE *f);
int render_packets(const struct style *style, struct json_object *report, FILE *f);
int render_softirqs(const struct style *style, struct json_object *report, FILE *f);
/* Rows of interrupts that it shows, and needs. */
#define REPORT_INTERRUPTS_MAX 12
/* Columns of CPUs; where more are busy, rows name the busiest. */
#define REPORT_CPUS_MAX 16
/* CPUs that it needs of a row: with one too many they do not fit. */
#define REPORT_PER_CPU_MAX (REPORT_CPUS_MAX + 1)
int render_interrupts(const struct style *style, struct json_object *report, FILE *f);
int render_affinity_changes(const struct style *style, struct json_object *report, FILE *f);
/* A reply of ListAlerts: what is raised, above other things (nothing when nothing is; reply may be NULL), with what was,
 * and the rules. */
int render_alerts_active(const struct style *style, struct json_object *reply, FILE *f);
int render_alerts(const struct style *style, struct json_object *reply, FILE *f);
int render_alert_rules(const struct style *style, struct json_object *reply, FILE *f);
int render_event(const struct style *style, struct json_object *event, FILE *f);

/* The list of events: a heading, then one line each. last_us: time of the line before, for the lines that
 * name a new day; 0 at the start. */
int render_events_header(const struct style *style, FILE *f);
int render_events_line(const struct style *style, struct json_object *event, uint64_t *last_us, FILE *f);

enum rates_sort { RATES_BY_RATE, RATES_BY_NAME };
struct rates_view {
        bool totals; /* exact counts instead of rates */
        enum rates_sort sort;
        bool all;              /* with the rows and CPUs that are zero */
        unsigned header_every; /* rows, see table.h */
        /* NUMA node of each CPU id below n_nodes, -1 not known; NULL: do not group. */
        const int *node_of;
        size_t n_nodes;
};
int render_rates(const struct style *style, struct json_object *rates, const struct rates_view *view,
                 FILE *f);
/* The lines above a table: title, the span really used, and a warning when there are gaps in it. */
int render_rates_head(const struct style *style, struct json_object *rates, const char *title, FILE *f);

/* "irqctl rates WHAT --latency" */
#define HISTOGRAM_TOPICS "hardirqs, softirqs, softirq-wait, calls, tasklets or timers"
/* True for what has histograms and no counters per CPU: --latency can only be meant. */
bool histograms_only(const char *what);
int histograms_show(const char *what, enum rates_sort sort, const struct options *options);
int render_histograms(const struct style *style, struct json_object *histograms, enum rates_sort sort, FILE *f);
