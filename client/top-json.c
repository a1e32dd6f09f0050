/* SPDX-License-Identifier: Apache-2.0 */

#include "client/top-json.h"

#include "common/json-build.h"
#include "common/json-strict.h"

static int add_u64(struct json_object *object, const char *key, uint64_t value) {
        return json_add(object, key, json_object_new_int64((int64_t)MIN(value, (uint64_t)INT64_MAX)));
}

static int add_rate(struct json_object *object, const char *key, uint64_t n, double seconds) {
        return json_add(object, key, json_object_new_double(seconds > 0 ? (double)n / seconds : 0));
}

/* null where it is not known. */
static int add_share(struct json_object *object, const char *key, double share) {
        return share < 0 ? json_add_null(object, key) : json_add(object, key, json_object_new_double(share));
}

static int add_nsec(struct json_object *object, const char *key, const struct top_cpu *cpu, uint64_t ns) {
        return cpu->max_ns == 0 ? json_add_null(object, key) : add_u64(object, key, ns);
}

static int add_text(struct json_object *object, const char *key, const char *text) {
        return text ? json_add_text(object, key, text) : json_add_null(object, key);
}

static struct json_object *cpu_json(const struct top_model *model, const struct top_cpu *cpu) {
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        if (!o || json_add(o, "cpu", json_object_new_int(cpu->cpu)) < 0 ||
            (cpu->node < 0 ? json_add_null(o, "node") : json_add(o, "node", json_object_new_int(cpu->node))) <
                    0 ||
            json_add(o, "online", json_object_new_boolean(cpu->online)) < 0 ||
            add_rate(o, "softirqsPerSecond", cpu->softirqs, model->rates[TOP_SOFTIRQS].seconds) < 0 ||
            add_rate(o, "interruptsPerSecond", cpu->interrupts, model->rates[TOP_INTERRUPTS].seconds) < 0 ||
            add_share(o, "softirqShare", cpu->softirq_share) < 0 ||
            add_share(o, "irqShare", cpu->irq_share) < 0 ||
            add_share(o, "ksoftirqdShare", cpu->ksoftirqd_share) < 0 ||
            add_nsec(o, "latenessP99Nsec", cpu, cpu->p99_ns) < 0 ||
            add_nsec(o, "latenessMaxNsec", cpu, cpu->max_ns) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static struct json_object *counts_json(const struct top_row *row, double seconds) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < row->n_counts; i++) {
                _cleanup_(json_putp) struct json_object *o = json_object_new_object();

                if (!o || json_add(o, "cpu", json_object_new_int(row->counts[i].cpu)) < 0 ||
                    add_u64(o, "total", row->counts[i].n) < 0 ||
                    add_rate(o, "perSecond", row->counts[i].n, seconds) < 0 ||
                    json_array_append(array, TAKE_PTR(o)) < 0)
                        return NULL;
        }

        return TAKE_PTR(array);
}

static struct json_object *rates_json(const struct top_rates *rates) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < rates->n_rows; i++) {
                const struct top_row *row = &rates->rows[i];
                _cleanup_(json_putp) struct json_object *o = NULL;

                if (row->total == 0)
                        continue;
                o = json_object_new_object();
                if (!o || json_add_text(o, "name", row->name ?: "") < 0 ||
                    json_add_text(o, "title", row->title ?: "") < 0 ||
                    add_text(o, "device", row->device) < 0 || add_u64(o, "total", row->total) < 0 ||
                    add_rate(o, "perSecond", row->total, rates->seconds) < 0 ||
                    json_add(o, "perCpu", counts_json(row, rates->seconds)) < 0 ||
                    json_array_append(array, TAKE_PTR(o)) < 0)
                        return NULL;
        }

        return TAKE_PTR(array);
}

static struct json_object *cpus_json(const struct top_model *model) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < model->n_cpus; i++)
                if (json_array_append(array, cpu_json(model, &model->cpus[i])) < 0)
                        return NULL;

        return TAKE_PTR(array);
}

static struct json_object *windows_json(const struct top_model *model) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < model->n_windows; i++) {
                const struct top_window *w = &model->windows[i];
                _cleanup_(json_putp) struct json_object *o = json_object_new_object();

                if (!o || json_add(o, "id", json_object_new_int64(w->id)) < 0 ||
                    add_u64(o, "timeUsec", w->time_us) < 0 ||
                    (w->cpu < 0 ? json_add_null(o, "cpu") : json_add(o, "cpu", json_object_new_int(w->cpu))) <
                            0 ||
                    add_u64(o, "durationMinNsec", w->min_ns) < 0 ||
                    add_u64(o, "durationMaxNsec", w->max_ns) < 0 || add_text(o, "class", w->class) < 0 ||
                    add_text(o, "culprit", w->culprit) < 0 || add_text(o, "comm", w->comm) < 0 ||
                    (w->pid < 0 ? json_add_null(o, "pid")
                                : json_add(o, "pid", json_object_new_int64(w->pid))) < 0 ||
                    json_array_append(array, TAKE_PTR(o)) < 0)
                        return NULL;
        }

        return TAKE_PTR(array);
}

/* null where the daemon does not tell: no alerts is something else. */
static int add_alerts(struct json_object *object, const struct top_model *model) {
        _cleanup_(json_putp) struct json_object *array = NULL;

        if (model->absent[TOP_ALERTS])
                return json_add_null(object, "alerts");

        array = json_object_new_array();
        for (size_t i = 0; array && i < model->n_alerts; i++) {
                _cleanup_(json_putp) struct json_object *o = json_object_new_object();

                if (!o || json_add_text(o, "name", model->alerts[i].name ?: "") < 0 ||
                    add_text(o, "text", model->alerts[i].text) < 0 ||
                    add_u64(o, "sinceUsec", model->alerts[i].since_us) < 0 ||
                    json_array_append(array, TAKE_PTR(o)) < 0)
                        return -ENOMEM;
        }

        return json_add(object, "alerts", TAKE_PTR(array));
}

/* {"cpu": "no collector of that name has run"} */
static struct json_object *absent_json(const struct top_model *model) {
        static const char *const names[_TOP_PART_MAX] = {
                [TOP_SOFTIRQS] = "softirqs",   [TOP_INTERRUPTS] = "interrupts", [TOP_CPU_TIME] = "cpu",
                [TOP_KSOFTIRQD] = "ksoftirqd", [TOP_LATENCY] = "lateness",      [TOP_WINDOWS] = "windows",
                [TOP_ALERTS] = "alerts",       [TOP_STATUS] = "status",
        };
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        for (enum top_part part = 0; o && part < _TOP_PART_MAX; part++)
                if (model->absent[part] && json_add_text(o, names[part], model->absent[part]) < 0)
                        return NULL;

        return TAKE_PTR(o);
}

int top_json(const struct top_model *model, struct json_object **ret) {
        _cleanup_(json_putp) struct json_object *o = json_object_new_object();

        if (!o || add_u64(o, "sinceUsec", model->since_us) < 0 ||
            add_u64(o, "untilUsec", model->until_us) < 0 || add_text(o, "hostname", model->hostname) < 0 ||
            json_add(o, "cpus", cpus_json(model)) < 0 ||
            json_add(o, "softirqs", rates_json(&model->rates[TOP_SOFTIRQS])) < 0 ||
            json_add(o, "interrupts", rates_json(&model->rates[TOP_INTERRUPTS])) < 0 ||
            json_add(o, "windows", windows_json(model)) < 0 || add_alerts(o, model) < 0 ||
            json_add(o, "absent", absent_json(model)) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(o);
        return 0;
}
