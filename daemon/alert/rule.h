/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One rule for alerts, from a section [alert NAME] of the configuration: what is watched, which value is too
 * much, for how long, and what happens then. Immutable. Knows metrics and findings only by the catalog that
 * it is given.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "daemon/config.h"
#include "daemon/store/batch.h"

/* What one alert is about. */
enum alert_per {
        ALERT_PER_CPU, /* each CPU: the sum of the selected rows on it */
        ALERT_PER_ROW, /* each selected row: the sum over the CPUs */
        ALERT_SUM,     /* all together */
        _ALERT_PER_MAX,
};

/* How values are written: thresholds in the file, values in messages. */
enum alert_scale {
        ALERT_NUMBER,   /* "1000", "0.5" */
        ALERT_SHARE,    /* rates of a metric in ns: "90%" of one CPU's time */
        ALERT_DURATION, /* levels in ns: "10ms" */
        ALERT_SEVERITY, /* findings: "warning" */
        _ALERT_SCALE_MAX,
};

struct alert_rule {
        char *name;
        bool enabled;
        char *finding; /* code; NULL: a metric */
        char *source, *metric;
        char *row; /* pattern for names or labels of rows; NULL: all */
        enum alert_per per;
        bool level; /* of a gauge; else what a counter grew by per second */
        enum alert_scale scale;
        bool below;              /* too little is what is wrong */
        uint64_t over_ns;        /* span of which a rate is taken */
        double threshold;        /* raised from here on, in the base unit: number, share 0..1, ns, severity */
        double clear;            /* not cleared before the value is on the other side of this */
        uint64_t for_ns;         /* ... when it was beyond the threshold for that long */
        uint64_t hold_ns;        /* cleared when it was well for that long */
        int priority;            /* of syslog.h */
        const char *metric_unit; /* "1", "ns", "bytes"; borrowed from the catalog; NULL: a finding */
        char *unit;              /* of the service manager, started when it is raised; NULL: none */
};

/* What there is to watch. */
struct alert_catalog {
        const struct metric_desc *(*find_metric)(const char *source, const char *metric); /* NULL: none */
        bool (*has_finding)(const char *code);
};

/* The family [alert NAME]'s keys, for its struct config_section. */
enum { ALERT_RULE_N_SETTINGS = 14 };
extern const struct setting_desc alert_rule_settings[ALERT_RULE_N_SETTINGS];

/* Reads a section. 0; -EINVAL: *ret_reason says what does not fit together and what is accepted (caller
 * frees), *ret_key is the key to blame or NULL; -ENOMEM. */
int alert_rule_new(const struct config *config, const char *section, const struct alert_catalog *catalog,
                   struct alert_rule **ret_rule, const char **ret_key, char **ret_reason);
struct alert_rule *alert_rule_free(struct alert_rule *rule);
DEFINE_CLEANUP(struct alert_rule *, alert_rule_free)
/* True when both watch the same in the same way, so that what one knows holds for the other. Priority and
 * unit may differ: they say only what happens at the next change. */
bool alert_rule_same(const struct alert_rule *a, const struct alert_rule *b) _pure_;

enum { ALERT_VALUE_TEXT_MAX = 40 };
/* A value as it is written in thresholds: "97.3%", "1520", "12.5ms", "critical". Returns buf, which must hold
 * ALERT_VALUE_TEXT_MAX bytes. */
char *alert_value_format(const struct alert_rule *rule, double value, char *buf);
/* The rule's condition in words: "softnet/softnet dropped, per CPU, at least 100/s for 30s". 0 or -ENOMEM;
 * the caller frees. */
int alert_rule_format(const struct alert_rule *rule, char **ret_text);
/* True when the rule selects the row. */
bool alert_rule_selects(const struct alert_rule *rule, const char *name, const char *const *labels,
                        size_t n_labels);
/* "warning" for 4, as in syslog.h; NULL: there is none. */
const char *alert_priority_to_string(int priority) _const_;

/* Words of severities, least first, as findings have them; NULL-terminated. */
extern const char *const alert_severities[];
