/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/alert/rule.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <string.h>

#include "common/parse.h"
#include "daemon/alert/rule-value.h"

const char *const alert_severities[] = { "info", "warning", "critical", NULL };

static const char *const per_names[_ALERT_PER_MAX + 1] = {
        [ALERT_PER_CPU] = "cpu",
        [ALERT_PER_ROW] = "row",
        [ALERT_SUM] = "sum",
};

static const char *const directions[] = { "above", "below", NULL };

/* By number, as in syslog.h. */
static const char *const priorities[] = { "emerg",  "alert", "crit",  "err", "warning",
                                          "notice", "info",  "debug", NULL };

/* Letters, digits, and what stands between them in names of findings, sources, metrics and units. */
static int validate_word(const char *text, const char *more) {
        size_t n = 0;

        for (const char *p = text; *p; p++, n++)
                if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                      strchr(more, *p)))
                        return -EINVAL;

        return n > 0 && n <= 255 ? 0 : -EINVAL;
}

static int validate_code(const char *text) {
        return validate_word(text, "-");
}

static int validate_metric(const char *text) {
        const char *slash = strchr(text, '/');

        if (!slash || slash == text || !slash[1] || strchr(slash + 1, '/'))
                return -EINVAL;
        return validate_word(text, "-_/");
}

static int validate_row(const char *text) {
        return *text && strlen(text) <= 255 ? 0 : -EINVAL;
}

static int validate_unit(const char *text) {
        size_t n = strlen(text), suffix = strlen(".service");

        if (n <= suffix || strcmp(text + n - suffix, ".service") != 0 || text[0] == '.' || text[0] == '-')
                return -EINVAL;
        return validate_word(text, ":_.\\@-");
}

const struct setting_desc alert_rule_settings[ALERT_RULE_N_SETTINGS] = {
        { .name = "enabled",
          .type = SETTING_BOOLEAN,
          .default_text = "yes",
          .help = "whether the rule is judged",
          .runtime = true },
        { .name = "finding",
          .type = SETTING_TEXT,
          .default_text = "",
          .validate = validate_code,
          .accepted = "the code of a finding such as syn-flood",
          .help = "raised when a report of the last minute has this finding" },
        { .name = "severity",
          .type = SETTING_CHOICE,
          .default_text = "warning",
          .choices = alert_severities,
          .help = "least severity of the finding",
          .runtime = true },
        { .name = "metric",
          .type = SETTING_TEXT,
          .default_text = "",
          .validate = validate_metric,
          .accepted = "SOURCE/METRIC such as softirqs/softirqs",
          .help = "what is compared to the threshold: a counter's rate, or a gauge" },
        { .name = "row",
          .type = SETTING_TEXT,
          .default_text = "",
          .validate = validate_row,
          .accepted = "the name or a label of a row such as NET_RX, also with * and ?",
          .help = "rows of the metric; all unless set",
          .runtime = true },
        { .name = "per",
          .type = SETTING_CHOICE,
          .default_text = "sum",
          .choices = per_names,
          .help = "what has an alert of its own: each CPU, each row, or the sum of all",
          .runtime = true },
        { .name = "over",
          .type = SETTING_DURATION,
          .default_text = "10s",
          .min = NSEC_PER_SEC,
          .max = 3600 * NSEC_PER_SEC,
          .help = "the span of which a rate is taken",
          .runtime = true },
        { .name = "direction",
          .type = SETTING_CHOICE,
          .default_text = "above",
          .choices = directions,
          .help = "which side of the threshold is wrong",
          .runtime = true },
        { .name = "threshold",
          .type = SETTING_TEXT,
          .default_text = "",
          .validate = alert_amount_validate,
          .accepted = ALERT_AMOUNT_ACCEPTED,
          .help = "raised from this value on",
          .runtime = true },
        { .name = "clear",
          .type = SETTING_TEXT,
          .default_text = "",
          .validate = alert_amount_validate,
          .accepted = ALERT_AMOUNT_ACCEPTED,
          .help = "cleared only on the other side of this value; the threshold unless set",
          .runtime = true },
        { .name = "for",
          .type = SETTING_DURATION,
          .default_text = "30s",
          .max = 24 * 3600 * NSEC_PER_SEC,
          .help = "raised when it lasted this long",
          .runtime = true },
        { .name = "hold",
          .type = SETTING_DURATION,
          .default_text = "1m",
          .max = 24 * 3600 * NSEC_PER_SEC,
          .help = "cleared when it was well for this long",
          .runtime = true },
        { .name = "priority",
          .type = SETTING_CHOICE,
          .default_text = "warning",
          .choices = priorities,
          .help = "of the journal's entry when it is raised",
          .runtime = true },
        { .name = "unit",
          .type = SETTING_TEXT,
          .default_text = "",
          .validate = validate_unit,
          .accepted = "the name of a unit such as capture.service",
          .help = "started by the service manager when it is raised" },
};

/* Who reads the section: what it is about, and where a refusal goes. */
struct rule_reader {
        const struct config *config;
        const char *section;
        const struct alert_catalog *catalog;
        struct alert_rule *rule;
        const char **ret_key;
        char **ret_reason;
};

static _printf_(3, 4) int refuse(const struct rule_reader *reader, const char *key, const char *format, ...) {
        char *reason = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&reason, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;

        *reader->ret_key = key;
        *reader->ret_reason = reason;
        return -EINVAL;
}

static const char *text_of(const struct rule_reader *reader, const char *key) {
        return config_get_text(reader->config, reader->section, key);
}

static bool is_set(const struct rule_reader *reader, const char *key) {
        return *text_of(reader, key) != '\0';
}

static int copy_text(const struct rule_reader *reader, const char *key, char **ret_copy) {
        if (!is_set(reader, key))
                return 0;

        *ret_copy = strdup(text_of(reader, key));
        return *ret_copy ? 0 : -ENOMEM;
}

/* Keys that would silently do nothing are refused. */
static int read_finding(const struct rule_reader *reader) {
        static const char *const foreign[] = { "metric", "row", "threshold", "clear" };
        struct alert_rule *rule = reader->rule;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(foreign); i++)
                if (is_set(reader, foreign[i]))
                        return refuse(
                                reader, foreign[i],
                                "%s: says nothing to a finding; accepted: metric, or finding with severity",
                                foreign[i]);

        r = copy_text(reader, "finding", &rule->finding);
        if (r < 0)
                return r;
        if (!reader->catalog->has_finding(rule->finding))
                return refuse(reader, "finding",
                              "finding: there is no finding \"%s\"; accepted: the codes listed in "
                              "irqwatchd.conf(5)",
                              rule->finding);

        rule->scale = ALERT_SEVERITY;
        rule->threshold = rule->clear = (double)config_get(reader->config, reader->section, "severity");
        return 0;
}

static int read_amount(const struct rule_reader *reader, const char *key, double *ret_value) {
        static const char *const forms[_ALERT_SCALE_MAX] = {
                [ALERT_NUMBER] = "a number per second such as 1000 (for a gauge: a number)",
                [ALERT_SHARE] = "a share of one CPU's time such as 90%",
                [ALERT_DURATION] = "a duration such as 10ms",
        };
        enum alert_scale scale = reader->rule->scale;

        if (alert_amount_parse(text_of(reader, key), scale, ret_value) < 0)
                return refuse(reader, key, "%s: \"%s\" is no value of %s/%s; accepted: %s", key,
                              text_of(reader, key), reader->rule->source, reader->rule->metric, forms[scale]);
        return 0;
}

static int read_thresholds(const struct rule_reader *reader) {
        struct alert_rule *rule = reader->rule;
        int r;

        if (!is_set(reader, "threshold"))
                return refuse(reader, "metric", "threshold: is not set, but a metric needs one; accepted: %s",
                              ALERT_AMOUNT_ACCEPTED);
        r = read_amount(reader, "threshold", &rule->threshold);
        if (r < 0)
                return r;

        rule->clear = rule->threshold;
        if (is_set(reader, "clear"))
                r = read_amount(reader, "clear", &rule->clear);
        if (r < 0)
                return r;

        if (!rule->below && rule->threshold == 0)
                return refuse(reader, "threshold",
                              "threshold: everything is at least 0; accepted: a value above 0");
        if (rule->below ? rule->clear < rule->threshold : rule->clear > rule->threshold)
                return refuse(reader, "clear",
                              "clear: it would never be cleared; accepted: a value %s the threshold",
                              rule->below ? "not below" : "not above");
        return 0;
}

static int find_metric(const struct rule_reader *reader, const struct metric_desc **ret_metric) {
        const struct alert_rule *rule = reader->rule;

        *ret_metric = reader->catalog->find_metric(rule->source, rule->metric);
        if (!*ret_metric)
                return refuse(reader, "metric",
                              "metric: no collector has \"%s/%s\"; accepted: SOURCE/METRIC as listed in "
                              "irqwatchd.conf(5)",
                              rule->source, rule->metric);
        if ((*ret_metric)->type == METRIC_HISTOGRAM)
                return refuse(reader, "metric",
                              "metric: \"%s/%s\" is a histogram; accepted: a counter or a gauge",
                              rule->source, rule->metric);
        return 0;
}

static int read_metric(const struct rule_reader *reader) {
        const char *text = text_of(reader, "metric"), *slash = strchr(text, '/');
        const struct metric_desc *metric = NULL;
        struct alert_rule *rule = reader->rule;
        int r;

        rule->source = strndup(text, (size_t)(slash - text));
        rule->metric = strdup(slash + 1);
        if (!rule->source || !rule->metric)
                return -ENOMEM;
        r = copy_text(reader, "row", &rule->row);
        if (r < 0)
                return r;
        r = find_metric(reader, &metric);
        if (r < 0)
                return r;

        rule->per = (enum alert_per)config_get(reader->config, reader->section, "per");
        rule->level = metric->type == METRIC_GAUGE;
        rule->metric_unit = metric->unit;
        if (strcmp(metric->unit, "ns") == 0)
                rule->scale = rule->level ? ALERT_DURATION : ALERT_SHARE;
        rule->below = config_get(reader->config, reader->section, "direction") == 1;
        return read_thresholds(reader);
}

static int read_rule(const struct rule_reader *reader) {
        const struct config *config = reader->config;
        const char *section = reader->section, *blank = strchr(section, ' ');
        struct alert_rule *rule = reader->rule;
        int r;

        rule->name = strdup(blank ? blank + 1 : section);
        if (!rule->name)
                return -ENOMEM;
        r = copy_text(reader, "unit", &rule->unit);
        if (r < 0)
                return r;

        rule->enabled = config_get_boolean(config, section, "enabled");
        rule->over_ns = config_get(config, section, "over");
        rule->for_ns = config_get(config, section, "for");
        rule->hold_ns = config_get(config, section, "hold");
        rule->priority = (int)config_get(config, section, "priority");

        if (is_set(reader, "finding"))
                return read_finding(reader);
        if (is_set(reader, "metric"))
                return read_metric(reader);
        return refuse(reader, NULL,
                      "there is no rule of this name yet, and nothing here says what it watches; accepted: a "
                      "name that \"irqctl alerts --rules\" lists, or a setting metric or finding");
}

int alert_rule_new(const struct config *config, const char *section, const struct alert_catalog *catalog,
                   struct alert_rule **ret_rule, const char **ret_key, char **ret_reason) {
        _cleanup_(alert_rule_freep) struct alert_rule *rule = calloc(1, sizeof(*rule));
        const struct rule_reader reader = { config, section, catalog, rule, ret_key, ret_reason };
        int r;

        if (!rule)
                return -ENOMEM;

        r = read_rule(&reader);
        if (r < 0)
                return r;

        *ret_rule = TAKE_PTR(rule);
        return 0;
}

struct alert_rule *alert_rule_free(struct alert_rule *rule) {
        if (!rule)
                return NULL;

        free(rule->name);
        free(rule->finding);
        free(rule->source);
        free(rule->metric);
        free(rule->row);
        free(rule->unit);
        free(rule);
        return NULL;
}

static bool same_text(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool alert_rule_same(const struct alert_rule *a, const struct alert_rule *b) {
        return same_text(a->name, b->name) && a->enabled == b->enabled && same_text(a->finding, b->finding) &&
               same_text(a->source, b->source) && same_text(a->metric, b->metric) &&
               same_text(a->row, b->row) && a->per == b->per && a->below == b->below &&
               a->over_ns == b->over_ns && a->threshold == b->threshold && a->clear == b->clear &&
               a->for_ns == b->for_ns && a->hold_ns == b->hold_ns;
}

bool alert_rule_selects(const struct alert_rule *rule, const char *name, const char *const *labels,
                        size_t n_labels) {
        if (!rule->row || fnmatch(rule->row, name, 0) == 0)
                return true;

        for (size_t i = 0; i < n_labels; i++)
                if (labels[i] && fnmatch(rule->row, labels[i], 0) == 0)
                        return true;

        return false;
}

const char *alert_priority_to_string(int priority) {
        if (priority < 0 || (size_t)priority >= ELEMENTSOF(priorities) - 1)
                return NULL;

        return priorities[priority];
}

static void print_metric(FILE *f, const struct alert_rule *rule) {
        static const char *const words[_ALERT_PER_MAX] = {
                [ALERT_PER_CPU] = " of any CPU",
                [ALERT_PER_ROW] = "",
                [ALERT_SUM] = "",
        };
        char threshold[ALERT_VALUE_TEXT_MAX], over[DURATION_TEXT_MAX];

        fprintf(f, "%s/%s%s%s%s %s %s%s", rule->source, rule->metric, rule->row ? " " : "", rule->row ?: "",
                words[rule->per], rule->below ? "at most" : "at least",
                alert_value_format(rule, rule->threshold, threshold),
                rule->scale == ALERT_NUMBER && !rule->level ? "/s" : "");
        if (!rule->level)
                fprintf(f, " over %s", format_duration_exact(rule->over_ns, over));
}

int alert_rule_format(const struct alert_rule *rule, char **ret_text) {
        char severity[ALERT_VALUE_TEXT_MAX], duration[DURATION_TEXT_MAX];
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        FILE *f;

        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;

        if (rule->finding)
                fprintf(f, "finding %s, %s or worse", rule->finding,
                        alert_value_format(rule, rule->threshold, severity));
        else
                print_metric(f, rule);
        if (rule->for_ns > 0)
                fprintf(f, ", for %s", format_duration_exact(rule->for_ns, duration));

        if (fclose(f) != 0)
                return -ENOMEM;

        *ret_text = TAKE_PTR(text);
        return 0;
}
