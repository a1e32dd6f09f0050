/* SPDX-License-Identifier: Apache-2.0 */

#include "client/i18n.h"
#include "client/html-fetch.h"

#include <string.h>

#include "client/field.h"
#include "client/html-page.h"
#include "client/message.h"
#include "client/new-file.h"
#include "client/progress.h"
#include "client/session.h"
#include "common/json-build.h"
#include "common/json-strict.h"

#define INTERFACE "io.irqwatch.monitor."

enum {
        LATENESS_CPUS_MAX = 64, /* calls: with more CPUs those with the worst */
        LATENESS_POWERS = 36,   /* 2^36 ns: a minute */
};

struct fetch {
        const struct options *options;
        struct varlink_client *client; /* one for all the small calls */
        struct html_input *input;
        struct progress progress;
        size_t done, total; /* calls */
};

static int fetch_report(struct fetch *fetch, uint64_t since_us, uint64_t until_us) {
        _cleanup_(json_putp) struct json_object *report = NULL, *status = NULL;
        int r;

        r = session_call(fetch->options, "Report", session_parameters(fetch->options, since_us, until_us),
                         &report);
        if (r == 0)
                r = session_call(fetch->options, "GetStatus", json_object_new_object(), &status);
        if (r != 0)
                return r;

        fetch->input->report = json_object_get(field_object(report, "report"));
        fetch->input->status = json_object_get(field_object(status, "status"));
        return fetch->input->report
                       ? 0
                       : fail_with(_("irqwatchd's answer has no report: it is of another version than irqctl"));
}

/* What the page needs of an event: the whole ones would be a hundred times as large. */
static int fetch_add_window(struct fetch *fetch, struct json_object *event) {
        static const char *const keys[] = {
                "id",    "kind",    "timeUsec", "cpu", "durationMinNsec", "durationMaxNsec",
                "class", "culprit", "comm"
        };
        _cleanup_(json_putp) struct json_object *window = json_object_new_object();

        for (size_t i = 0; window && i < ELEMENTSOF(keys); i++) {
                struct json_object *value = NULL;

                if (json_object_object_get_ex(event, keys[i], &value) && value &&
                    json_add(window, keys[i], json_object_get(value)) < 0)
                        return -ENOMEM;
        }

        return window ? json_array_append(fetch->input->windows, TAKE_PTR(window)) : -ENOMEM;
}

static int fetch_add_events(struct fetch *fetch, struct json_object *events) {
        static const char *const irqs_off[] = { "irq-delay", NULL };
        const struct flame_filter filter = { .kinds = irqs_off };
        int r;

        r = flame_graph_add_events(&fetch->input->flame, events, &filter);
        for (size_t i = 0; r == 0 && i < array_length(events); i++)
                r = fetch_add_window(fetch, array_at(events, i));
        return r;
}

static int fetch_compare(const void *a, const void *b) {
        struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
        uint64_t m = field_u64(x, "durationMinNsec"), n = field_u64(y, "durationMinNsec");

        return m != n ? (m < n ? 1 : -1) : 0;
}

static struct json_object *fetch_event_parameters(const struct fetch *fetch, uint64_t since_us,
                                                  uint64_t until_us) {
        static const char *const kinds[] = { "irq-delay", "hardirq", "softirq", "softirq-latency" };
        _cleanup_(json_putp) struct json_object *parameters =
                session_parameters(fetch->options, since_us, until_us);
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < ELEMENTSOF(kinds); i++)
                if (json_array_append(array, json_object_new_string(kinds[i])) < 0)
                        return NULL;
        if (!parameters || json_add(parameters, "kinds", TAKE_PTR(array)) < 0)
                return NULL;
        return TAKE_PTR(parameters);
}

static int fetch_windows(struct fetch *fetch, uint64_t since_us, uint64_t until_us) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        bool continues = true;
        int r;

        fetch->input->windows = json_object_new_array();
        if (!fetch->input->windows)
                return fail_memory();

        r = session_open(fetch->options, SESSION_TIMEOUT_NS, &client);
        if (r == 0)
                r = session_send_more(client, "ListEvents",
                                      fetch_event_parameters(fetch, since_us, until_us));
        while (r == 0 && continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;

                r = session_receive(client, &reply, &continues);
                if (r == 0 && fetch_add_events(fetch, field_array(reply, "events")) < 0)
                        r = fail_memory();
        }

        json_object_array_sort(fetch->input->windows, fetch_compare);
        return r;
}

/* A call whose failure leaves a hole in the page, not none: NULL. 0; otherwise the exit status after a
 * message. */
static int fetch_part(struct fetch *fetch, const char *method, struct json_object *parameters,
                      const char *result, struct json_object **ret) {
        _cleanup_(json_putp) _unused_ struct json_object *owned = parameters;
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL;
        int r;

        if (!parameters)
                return fail_memory();
        progress_show(&fetch->progress, ++fetch->done, fetch->total);
        if (!fetch->client) {
                r = session_open(fetch->options, SESSION_TIMEOUT_NS, &fetch->client);
                if (r != 0)
                        return r;
        }

        r = varlink_client_call(fetch->client, method, parameters, &error, &reply);
        if (r < 0)
                return fail_with(_("talking to irqwatchd failed: %s"), strerror(-r));
        *ret = error ? NULL : json_object_get(field_object(reply, result));
        return 0;
}

static struct json_object *fetch_parameters(const struct fetch *fetch, const char *source, const char *metric,
                                            uint64_t since_us, uint64_t until_us) {
        _cleanup_(json_putp) struct json_object *parameters =
                session_parameters(fetch->options, since_us, until_us);

        if (!parameters || json_add(parameters, "source", json_object_new_string(source)) < 0 ||
            (metric && json_add(parameters, "metric", json_object_new_string(metric)) < 0))
                return NULL;
        return TAKE_PTR(parameters);
}

/* In one stream, which takes from history what suits the length of a slice. 0; otherwise the exit status after a
 * message. *ret_refused: an irqwatchd that does not know how, or to which it is too much. */
static int fetch_steps(struct fetch *fetch, const char *source, struct html_matrix *matrix, bool by_row,
                       bool *ret_refused) {
        uint64_t step_us = (matrix->until_us - matrix->since_us) / matrix->n_slices;
        _cleanup_(json_putp) struct json_object *parameters =
                fetch_parameters(fetch, source, NULL, matrix->since_us, matrix->until_us);
        bool continues = true;
        int r;

        if (!parameters || json_add(parameters, "perCpu", json_object_new_boolean(true)) < 0 ||
            json_add(parameters, "stepUsec", json_object_new_int64((int64_t)MAX(step_us, USEC_PER_SEC))) < 0)
                return fail_memory();
        r = varlink_client_send(fetch->client, INTERFACE "GetRateSteps", parameters, true);
        while (r >= 0 && continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;
                _cleanup_(freep) char *error = NULL;
                struct json_object *steps;

                r = varlink_client_receive(fetch->client, &error, &reply, &continues);
                *ret_refused = error;
                steps = r < 0 || error ? NULL : field_array(field_object(reply, "rates"), "steps");
                for (size_t i = 0; i < array_length(steps); i++)
                        if (html_matrix_add_step(matrix, array_at(steps, i), by_row) < 0)
                                return fail_memory();
                progress_show(&fetch->progress, fetch->done + matrix->next_slice, fetch->total);
        }

        return r < 0 ? fail_with(_("talking to irqwatchd failed: %s"), strerror(-r)) : 0;
}

static int fetch_rates(struct fetch *fetch, const char *source, struct html_matrix *matrix, bool by_row) {
        for (size_t i = 0; i < matrix->n_slices; i++) {
                _cleanup_(json_putp) struct json_object *rates = NULL;
                int r;

                r = fetch_part(fetch, INTERFACE "GetRates",
                               fetch_parameters(fetch, source, NULL, html_slice_start(matrix, i),
                                                html_slice_start(matrix, i + 1)),
                               "rates", &rates);
                if (r != 0)
                        return r;
                if (rates && html_matrix_add(matrix, i, rates, by_row) < 0)
                        return fail_memory();
        }

        return 0;
}

static int fetch_series(struct fetch *fetch, const char *source, struct html_matrix *matrix, bool by_row) {
        uint64_t since_us = matrix->since_us, until_us = matrix->until_us;
        size_t n_slices = matrix->n_slices;
        bool refused = false;
        int r = 0;

        if (!fetch->client)
                r = session_open(fetch->options, SESSION_TIMEOUT_NS, &fetch->client);
        if (r == 0)
                r = fetch_steps(fetch, source, matrix, by_row, &refused);
        if (r != 0 || !refused) {
                fetch->done += n_slices;
                return r;
        }

        html_matrix_done(matrix);
        html_matrix_init(matrix, since_us, until_us, n_slices);
        return fetch_rates(fetch, source, matrix, by_row);
}

static int fetch_compare_max(const void *a, const void *b) {
        uint64_t m = field_u64(*(struct json_object *const *)a, "maxNsec");
        uint64_t n = field_u64(*(struct json_object *const *)b, "maxNsec");

        return m != n ? (m < n ? 1 : -1) : 0;
}

static int fetch_lateness_of(struct fetch *fetch, int cpu, uint64_t since_us, uint64_t until_us) {
        _cleanup_(json_putp) struct json_object *parameters = NULL, *histograms = NULL,
                                                *cpus = json_object_new_array();
        int r;

        parameters = fetch_parameters(fetch, "irq-delay", "lateness", since_us, until_us);
        if (!parameters || !cpus || json_array_append(cpus, json_object_new_int(cpu)) < 0 ||
            json_add(parameters, "cpus", TAKE_PTR(cpus)) < 0)
                return fail_memory();
        r = fetch_part(fetch, INTERFACE "GetHistograms", TAKE_PTR(parameters), "histograms", &histograms);
        if (r != 0 || !histograms)
                return r;
        return html_matrix_add_histogram(&fetch->input->lateness, cpu, histograms) < 0 ? fail_memory() : 0;
}

static int fetch_lateness(struct fetch *fetch, uint64_t since_us, uint64_t until_us) {
        struct json_object *latency = field_array(fetch->input->report, "latency");
        size_t n = array_length(latency);
        _cleanup_(freep) struct json_object **sorted = calloc(n + 1, sizeof(*sorted));
        int r = 0;

        if (!sorted)
                return fail_memory();
        for (size_t i = 0; i < n; i++)
                sorted[i] = array_at(latency, i);
        qsort(sorted, n, sizeof(struct json_object *), fetch_compare_max);
        for (size_t i = 0; r == 0 && i < MIN(n, (size_t)LATENESS_CPUS_MAX); i++)
                r = fetch_lateness_of(fetch, (int)field_integer(sorted[i], "cpu", 0), since_us, until_us);
        return r;
}

/* The largest number of CPUs that a row of the report has. */
static size_t fetch_n_cpus(struct json_object *report) {
        struct json_object *softirqs = field_array(report, "softirqs");
        size_t n = array_length(field_array(report, "latency"));

        for (size_t i = 0; i < array_length(softirqs); i++)
                n = MAX(n, array_length(field_array(array_at(softirqs, i), "perCpu")));
        return n;
}

static int fetch_all(struct fetch *fetch, uint64_t since_us, uint64_t until_us) {
        struct html_input *input = fetch->input;
        uint64_t from_us, to_us;
        size_t n_slices;
        int r;

        r = fetch_report(fetch, since_us, until_us);
        if (r == 0)
                r = fetch_windows(fetch, since_us, until_us);
        if (r != 0)
                return r;

        from_us = field_u64(input->report, "sinceUsec");
        to_us = MAX(field_u64(input->report, "untilUsec"), from_us + 1);
        n_slices = html_n_slices(from_us, to_us, fetch_n_cpus(input->report));
        html_matrix_init(&input->softirqs, from_us, to_us, n_slices);
        html_matrix_init(&input->interrupts, from_us, to_us, n_slices);
        html_matrix_init(&input->lateness, from_us, to_us, LATENESS_POWERS);
        fetch->total = 2 * n_slices +
                       MIN(array_length(field_array(input->report, "latency")), (size_t)LATENESS_CPUS_MAX);

        r = fetch_series(fetch, "softirqs", &input->softirqs, true);
        if (r == 0)
                r = fetch_series(fetch, "interrupts", &input->interrupts, false);
        return r == 0 ? fetch_lateness(fetch, from_us, to_us) : r;
}

/* Whoever looks at the file sees an old page or a whole new one. */
static int write_page(struct html_input *input, const char *path) {
        _cleanup_(new_file_done) struct new_file file = {};
        int r;

        if (strcmp(path, "-") == 0) {
                r = html_page_write(stdout, input);
                return r == -ENOMEM ? fail_memory()
                       : r < 0      ? fail_with(_("cannot write the page: %s"), strerror(EIO))
                                    : EXIT_DONE;
        }

        r = new_file_open(&file, path);
        if (r >= 0)
                r = html_page_write(file.stream, input);
        if (r >= 0)
                r = new_file_commit(&file);
        return r == -ENOMEM ? fail_memory()
               : r < 0      ? fail_with(_("cannot write %s: %s"), path, strerror(-r))
                            : EXIT_DONE;
}

int html_report(const struct options *options, const char *path, uint64_t since_us, uint64_t until_us) {
        _cleanup_(html_input_done) struct html_input input = { .now_us = options->base.now_us };
        struct fetch fetch = { .options = options, .input = &input };
        int r;

        flame_graph_init(&input.flame, FLAME_WEIGHT_TIME);
        progress_begin(&fetch.progress, _("answers of irqwatchd"));
        r = fetch_all(&fetch, since_us, until_us);
        progress_end(&fetch.progress);
        fetch.client = varlink_client_free(fetch.client);
        return r != 0 ? r : write_page(&input, path);
}
