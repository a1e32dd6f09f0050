/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What "irqctl top" shows, as plain data: the daemon's answers for one span of time. Owns all of its text,
 * which is safe for a terminal from here on. Knows nothing of how it was asked for, of rows on a screen, or
 * of keys.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/cpulist.h"
#include "common/parse.h"

/* The pieces come by calls of their own, and any of them may be missing. */
enum top_part {
        TOP_SOFTIRQS,
        TOP_INTERRUPTS,
        TOP_CPU_TIME,
        TOP_KSOFTIRQD,
        _TOP_RATES_MAX, /* those above are rates */
        TOP_LATENCY = _TOP_RATES_MAX,
        TOP_WINDOWS,
        TOP_ALERTS,
        TOP_STATUS,
        _TOP_PART_MAX,
};

enum {
        TOP_WINDOWS_MAX = 64, /* the newest */
        TOP_CLOCK_MAX = sizeof("14:03:10"),
};

/* What one CPU counted of a row. */
struct top_count {
        int cpu;
        uint64_t n;
};

struct top_row {
        char *name;   /* "NET_RX", "24" */
        char *title;  /* "NET_RX", "24 eth0-TxRx-3" */
        char *device; /* "eth0"; rows of one device share it. NULL: none */
        uint64_t total;
        struct top_count *counts; /* ascending CPUs, without zeros */
        size_t n_counts;
};

struct top_rates {
        double seconds; /* that the counts took */
        struct top_row *rows;
        size_t n_rows;
        struct cpu_set cpus, online; /* all that the source lists, and those of its last reading */
        bool cut;                    /* the answer did not fit into a message: totals only */
};

struct top_cpu {
        int cpu, node; /* node -1: not known */
        bool online;
        uint64_t softirqs, interrupts;
        double softirq_share, irq_share, ksoftirqd_share; /* of its time; negative: not known */
        uint64_t p99_ns, max_ns;                          /* timer lateness; 0: not known */
        double coverage;                                  /* of the time it was watched for lateness */
};

struct top_window {
        int64_t id;
        uint64_t time_us, min_ns, max_ns;
        int cpu;
        int64_t pid;
        char *class, *culprit, *comm; /* or NULL */
        /* Drawn with every update, and always the same: the time of day, and how long it was. */
        char clock[TOP_CLOCK_MAX], length[DURATION_RANGE_TEXT_MAX];
};

struct top_alert {
        char *name;
        char *text; /* or NULL */
        uint64_t since_us;
};

struct top_model {
        uint64_t since_us, until_us; /* what was asked for */
        char *hostname;
        char *absent[_TOP_PART_MAX]; /* why a part is not there; NULL: it is */
        struct top_rates rates[_TOP_RATES_MAX];
        struct top_cpu *cpus; /* ascending: all that any part names */
        size_t n_cpus;
        struct json_object *latency; /* until it is told apart by CPU */
        struct top_window *windows;  /* oldest first */
        size_t n_windows;
        struct top_alert *alerts;
        size_t n_alerts;
        uint64_t interval_ns[_TOP_RATES_MAX]; /* between the daemon's readings; 0: not known */
        uint64_t oldest_us;                   /* of what is on disk, realtime; 0: nothing, or not known */
};

void top_model_done(struct top_model *model);

/* Each takes a member of the daemon's reply, borrowed, and replaces what was there. 0 or -ENOMEM. */
int top_model_set_rates(struct top_model *model, enum top_part part, struct json_object *object);
int top_model_set_latency(struct top_model *model, struct json_object *latency);
int top_model_set_alerts(struct top_model *model, struct json_object *alerts);
int top_model_set_status(struct top_model *model, struct json_object *status);
/* Of an alert, not a window. */
bool top_is_alert(struct json_object *event);
/* Adds windows that are newer than those there are; the oldest go. */
int top_model_add_windows(struct top_model *model, struct json_object *events);
void top_model_clear_windows(struct top_model *model);
/* A part could not be had; reason is copied. What it had is dropped. */
int top_model_set_absent(struct top_model *model, enum top_part part, const char *reason);

/* Puts the parts together by CPU; to be called when some were replaced. node_of: NUMA node by CPU id below
 * n_nodes, may be NULL. 0 or -ENOMEM. */
int top_model_index(struct top_model *model, const int *node_of, size_t n_nodes);

/* What a CPU counted of a row. */
uint64_t top_row_count(const struct top_row *row, int cpu) _pure_;
/* As GetCounts takes it, and the source's name in the daemon. */
const char *top_part_name(enum top_part part) _const_;
const char *top_part_source(enum top_part part) _const_;

/* The device in the name of an interrupt's handler, queue and counter cut off: "eth0-TxRx-3" -> 4, "nvme0q17"
 * -> 5. For "mlx5_comp3@pci:0000:3b:00.0" what stands behind the '@'. Returns the length from *ret_start on.
 */
size_t top_device_name(const char *action, const char **ret_start);
