/* SPDX-License-Identifier: Apache-2.0 */

#include "client/top-model.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "client/field.h"
#include "client/i18n.h"
#include "client/style.h"
#include "common/json-strict.h"

static void top_rates_done(struct top_rates *rates) {
        for (size_t i = 0; i < rates->n_rows; i++) {
                free(rates->rows[i].name);
                free(rates->rows[i].title);
                free(rates->rows[i].device);
                free(rates->rows[i].counts);
        }
        free(rates->rows);
        cpu_set_done(&rates->cpus);
        cpu_set_done(&rates->online);
        *rates = (struct top_rates){};
}

static void top_window_done(struct top_window *window) {
        free(window->class);
        free(window->culprit);
        free(window->comm);
}

void top_model_clear_windows(struct top_model *model) {
        for (size_t i = 0; i < model->n_windows; i++)
                top_window_done(&model->windows[i]);
        free(model->windows);
        model->windows = NULL;
        model->n_windows = 0;
}

static void top_model_clear_alerts(struct top_model *model) {
        for (size_t i = 0; i < model->n_alerts; i++) {
                free(model->alerts[i].name);
                free(model->alerts[i].text);
        }
        free(model->alerts);
        model->alerts = NULL;
        model->n_alerts = 0;
}

static void top_model_clear_latency(struct top_model *model) {
        json_putp(&model->latency);
        model->latency = NULL;
}

void top_model_done(struct top_model *model) {
        for (enum top_part part = 0; part < _TOP_PART_MAX; part++)
                free(model->absent[part]);
        for (enum top_part part = 0; part < _TOP_RATES_MAX; part++)
                top_rates_done(&model->rates[part]);
        top_model_clear_windows(model);
        top_model_clear_alerts(model);
        top_model_clear_latency(model);
        free(model->cpus);
        free(model->hostname);
        *model = (struct top_model){};
}

const char *top_part_name(enum top_part part) {
        static const char *const names[_TOP_RATES_MAX] = {
                [TOP_SOFTIRQS] = "softirqs",
                [TOP_INTERRUPTS] = "interrupts",
                [TOP_CPU_TIME] = "cpu/cpu-time",
                [TOP_KSOFTIRQD] = "ksoftirqd/cpu-time",
        };

        return names[part];
}

const char *top_part_source(enum top_part part) {
        static const char *const names[_TOP_RATES_MAX] = {
                [TOP_SOFTIRQS] = "softirqs",
                [TOP_INTERRUPTS] = "interrupts",
                [TOP_CPU_TIME] = "cpu",
                [TOP_KSOFTIRQD] = "ksoftirqd",
        };

        return names[part];
}

/* A safe copy; none of NULL and of "". */
static int top_copy(const char *text, char **ret) {
        if (!text || !*text)
                return 0;

        *ret = text_sanitize(text);
        return *ret ? 0 : -ENOMEM;
}

/* "nvme0q17": the queue behind a device's number. */
static size_t top_queue_suffix(const char *name, size_t n) {
        size_t i = n;

        while (i > 0 && isdigit((unsigned char)name[i - 1]))
                i--;
        return i < n && i > 1 && name[i - 1] == 'q' && isdigit((unsigned char)name[i - 2]) ? i - 1 : n;
}

size_t top_device_name(const char *action, const char **ret_start) {
        const char *at = strchr(action, '@');
        size_t n;

        /* Several actions share the line: they have no one device. */
        if (strchr(action, ',')) {
                *ret_start = action;
                return strlen(action);
        }

        *ret_start = at && at[1] ? at + 1 : action;
        n = strlen(*ret_start);
        if (at && at[1])
                return n;
        for (const char *p = action + 1; *action && *p; p++)
                if (*p == '-' && isdigit((unsigned char)p[-1]))
                        return (size_t)(p - action);

        return top_queue_suffix(action, n);
}

/* Interrupts are known by number and handler; a row of the architecture ("LOC") needs no explanation beside
 * it. */
static int top_row_name(struct top_row *row, const char *name, const char *action) {
        _cleanup_(freep) char *title = NULL, *device = NULL;
        const char *start;
        size_t n;
        int r;

        if (asprintf(&title, "%s%s%s", name, *action ? " " : "", action) < 0) {
                title = NULL;
                return -ENOMEM;
        }

        r = top_copy(name, &row->name);
        if (r == 0)
                r = top_copy(title, &row->title);
        if (r < 0 || !*action || !isdigit((unsigned char)*name))
                return r;

        n = top_device_name(action, &start);
        device = strndup(start, n);
        return device ? top_copy(device, &row->device) : -ENOMEM;
}

/* The cells of all rows follow each other. *at: where those of this one begin, and then of the next. */
static int top_row_counts(struct top_row *row, struct json_object *cells, size_t *at) {
        size_t n_left = array_length(cells) - MIN(*at, array_length(cells));
        size_t n =
                n_left > 0 ? (size_t)MIN(json_object_get_uint64(array_at(cells, *at)), (n_left - 1) / 2) : 0;

        row->counts = calloc(n + 1, sizeof(*row->counts));
        if (!row->counts)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                struct top_count count = {
                        .cpu = json_object_get_int(array_at(cells, *at + 1 + 2 * i)),
                        .n = json_object_get_uint64(array_at(cells, *at + 2 + 2 * i)),
                };

                /* The daemon lists them ascending; what is not so cannot be searched. */
                if (count.cpu >= 0 && (row->n_counts == 0 || row->counts[row->n_counts - 1].cpu < count.cpu))
                        row->counts[row->n_counts++] = count;
        }

        *at += 1 + 2 * n;
        return 0;
}

/* A list that no kernel has is an empty one. */
static int top_cpus_read(const char *list, struct cpu_set *set) {
        int r = cpu_list_parse(list ?: "", set);

        if (r < 0 && r != -ENOMEM)
                cpu_set_clear(set);
        return r == -ENOMEM ? r : 0;
}

static int top_rates_read(struct top_rates *rates, struct json_object *object) {
        struct json_object *names = field_array(object, "names"), *texts = field_array(object, "texts");
        struct json_object *totals = field_array(object, "totals"), *cells = field_array(object, "counts");
        size_t n = array_length(names), at = 0;
        int r = 0;

        rates->rows = calloc(n + 1, sizeof(*rates->rows));
        if (!rates->rows || top_cpus_read(field_string(object, "cpus"), &rates->cpus) < 0 ||
            top_cpus_read(field_string(object, "online"), &rates->online) < 0)
                return -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++) {
                struct top_row *row = &rates->rows[rates->n_rows++];

                row->total = json_object_get_uint64(array_at(totals, i));
                r = top_row_name(row, json_object_get_string(array_at(names, i)) ?: "?",
                                 json_object_get_string(array_at(texts, i)) ?: "");
                if (r == 0)
                        r = top_row_counts(row, cells, &at);
        }

        rates->cut = n > 0 && !cells;
        rates->seconds = (double)field_u64(object, "elapsedNsec") / (double)NSEC_PER_SEC;
        return r;
}

int top_model_set_rates(struct top_model *model, enum top_part part, struct json_object *object) {
        struct top_rates rates = {};
        int r;

        r = top_rates_read(&rates, object);
        if (r < 0) {
                top_rates_done(&rates);
                return r;
        }

        top_rates_done(&model->rates[part]);
        model->rates[part] = rates;
        free(model->absent[part]);
        model->absent[part] = NULL;
        return 0;
}

int top_model_set_latency(struct top_model *model, struct json_object *latency) {
        top_model_clear_latency(model);
        model->latency = json_object_get(latency);
        free(model->absent[TOP_LATENCY]);
        model->absent[TOP_LATENCY] = NULL;
        return array_length(latency) > 0 ? 0 : top_model_set_absent(model, TOP_LATENCY, N_("not measured"));
}

bool top_is_alert(struct json_object *event) {
        const char *kind = field_string(event, "kind");

        return kind && strcmp(kind, "alert") == 0;
}

/* The end of a moment, whatever day it was. */
static void top_clock(uint64_t us, char clock[static TOP_CLOCK_MAX]) {
        char moment[FIELD_TEXT_MAX];
        size_t n = strlen(format_moment(us, us, false, moment));

        (void)snprintf(clock, TOP_CLOCK_MAX, "%s", moment + n - MIN(n, (size_t)TOP_CLOCK_MAX - 1));
}

static int top_window_read(struct top_window *window, struct json_object *event) {
        const char *class = field_string(event, "class") ?: field_string(event, "kind");
        int r;

        *window = (struct top_window){
                .id = field_integer(event, "id", 0),
                .time_us = field_u64(event, "timeUsec"),
                .min_ns = field_u64(event, "durationMinNsec"),
                .max_ns = field_u64(event, "durationMaxNsec"),
                .cpu = (int)field_integer(event, "cpu", -1),
                .pid = field_integer(event, "pid", -1),
        };
        (void)format_duration_range(window->min_ns, window->max_ns, window->length);
        top_clock(window->time_us, window->clock);
        r = top_copy(class, &window->class);
        if (r == 0)
                r = top_copy(field_string(event, "culprit"), &window->culprit);
        if (r == 0)
                r = top_copy(field_string(event, "comm"), &window->comm);
        if (r < 0)
                top_window_done(window);
        return r;
}

/* The oldest go when there is no room for n more. */
static void top_windows_shift(struct top_model *model, size_t n) {
        size_t over = model->n_windows + n > TOP_WINDOWS_MAX ? model->n_windows + n - TOP_WINDOWS_MAX : 0;

        for (size_t i = 0; i < over; i++)
                top_window_done(&model->windows[i]);
        if (over > 0)
                memmove(model->windows, model->windows + over,
                        (model->n_windows - over) * sizeof(*model->windows));
        model->n_windows -= over;
}

int top_model_add_windows(struct top_model *model, struct json_object *events) {
        size_t n = array_length(events);
        int r;

        free(model->absent[TOP_WINDOWS]);
        model->absent[TOP_WINDOWS] = NULL;
        if (!model->windows) {
                model->windows = calloc(TOP_WINDOWS_MAX, sizeof(*model->windows));
                if (!model->windows)
                        return -ENOMEM;
        }

        for (size_t i = n > TOP_WINDOWS_MAX ? n - TOP_WINDOWS_MAX : 0; i < n; i++) {
                if (top_is_alert(array_at(events, i)))
                        continue;
                top_windows_shift(model, 1);
                r = top_window_read(&model->windows[model->n_windows], array_at(events, i));
                if (r < 0)
                        return r;
                model->n_windows++;
        }

        return 0;
}

static int top_alert_read(struct top_alert *alert, struct json_object *object) {
        int r;

        alert->since_us = field_u64(object, "raisedUsec");
        r = top_copy(field_string(object, "rule") ?: "?", &alert->name);
        return r < 0 ? r : top_copy(field_string(object, "text"), &alert->text);
}

/* At the end of the span: the daemon also lists what was cleared a while ago. */
static bool top_alert_is_active(const struct top_model *model, struct json_object *object) {
        uint64_t cleared_us = field_u64(object, "clearedUsec");

        return field_u64(object, "raisedUsec") <= model->until_us &&
               (cleared_us == 0 || cleared_us > model->until_us);
}

int top_model_set_alerts(struct top_model *model, struct json_object *alerts) {
        size_t n = array_length(alerts);
        int r;

        top_model_clear_alerts(model);
        free(model->absent[TOP_ALERTS]);
        model->absent[TOP_ALERTS] = NULL;
        model->alerts = calloc(n + 1, sizeof(*model->alerts));
        if (!model->alerts)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                if (!top_alert_is_active(model, array_at(alerts, i)))
                        continue;
                r = top_alert_read(&model->alerts[model->n_alerts++], array_at(alerts, i));
                if (r < 0)
                        return r;
        }

        return 0;
}

int top_model_set_status(struct top_model *model, struct json_object *status) {
        struct json_object *collectors = field_array(status, "collectors");
        _cleanup_(freep) char *hostname = NULL;
        int r;

        r = top_copy(field_string(status, "hostname"), &hostname);
        if (r < 0)
                return r;
        free(model->hostname);
        model->hostname = TAKE_PTR(hostname);
        model->oldest_us = field_u64(field_object(field_object(status, "store"), "disk"), "oldestUsec");

        for (size_t i = 0; i < array_length(collectors); i++) {
                const char *name = field_string(array_at(collectors, i), "name") ?: "";

                for (enum top_part part = 0; part < _TOP_RATES_MAX; part++)
                        if (strcmp(name, top_part_source(part)) == 0)
                                model->interval_ns[part] = field_u64(array_at(collectors, i), "intervalNsec");
        }

        return 0;
}

int top_model_set_absent(struct top_model *model, enum top_part part, const char *reason) {
        _cleanup_(freep) char *copy = NULL;
        int r;

        r = top_copy(reason && *reason ? reason : N_("not available"), &copy);
        if (r < 0)
                return r;

        free(model->absent[part]);
        model->absent[part] = TAKE_PTR(copy);
        if (part < _TOP_RATES_MAX)
                top_rates_done(&model->rates[part]);
        else if (part == TOP_LATENCY)
                top_model_clear_latency(model);
        else if (part == TOP_WINDOWS)
                top_model_clear_windows(model);
        else if (part == TOP_ALERTS)
                top_model_clear_alerts(model);
        return 0;
}
