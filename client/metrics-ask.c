/* SPDX-License-Identifier: Apache-2.0 */

#include "client/metrics-ask.h"

#include <fnmatch.h>
#include <string.h>
#include <time.h>

#include "client/field.h"
#include "common/json-build.h"
#include "common/varlink-frame.h"

#define INTERFACE "io.irqwatch.monitor."

enum {
        NAMES_MAX = 8,
        ROWS_PER_CALL = 256, /* as many as GetMetrics takes */
};

static const struct question {
        const char *method, *member; /* member NULL: the whole reply */
        const char *source;
        const char *metrics[NAMES_MAX], *rows[NAMES_MAX];
        bool per_cpu, may_lack;
} questions[] = {
        [ANSWER_STATUS] = { "GetStatus", "status" },
        [ANSWER_EVENTS] = { "GetEventTotals", "totals" },
        [ANSWER_DELAYS] = { "GetMetrics",
                            "metrics",
                            "irq-delay",
                            { "lateness", "softirq-time", "softirq-total", "hardirq-total", "lost",
                              "suppressed" } },
        [ANSWER_COVERAGE] = { "GetMetrics", "metrics", "irq-delay", { "observed", "watched" }, {}, true },
        [ANSWER_SOFTIRQS] = { "GetMetrics", "metrics", "softirqs", {}, {}, true },
        [ANSWER_INTERRUPTS] = { "GetMetrics", "metrics", "interrupts" },
        [ANSWER_SOFTNET] = { "GetMetrics", "metrics", "softnet", { "softnet" }, {}, true },
        [ANSWER_KSOFTIRQD] = { "GetMetrics", "metrics", "ksoftirqd", {}, {}, true },
        [ANSWER_CPU] = { "GetMetrics",
                         "metrics",
                         "cpu",
                         { "cpu-time" },
                         { "irq", "softirq", "steal" },
                         true },
        [ANSWER_ALERTS] = { .method = "ListAlerts", .may_lack = true },
        [ANSWER_PRESSURE] = { "GetMetrics", "metrics", "pressure", { "irq-stall" } },
};
_Static_assert(ELEMENTSOF(questions) == _ANSWER_MAX, "a question for each answer");

void metrics_answers_done(struct metrics_answers *answers) {
        for (size_t i = 0; i < _ANSWER_MAX; i++)
                (void)json_object_put(
                        answers->items[i]); /* whether it was the last reference is nobody's business */
        (void)json_object_put(answers->wanted);
        *answers = (struct metrics_answers){};
}

/* 0 or -ENOMEM. */
static int add_names(struct json_object *parameters, const char *key, const char *const *names, size_t n) {
        _cleanup_(json_putp) struct json_object *array = NULL;
        int r = 0;

        if (n == 0)
                return 0;

        array = json_object_new_array();
        for (size_t i = 0; array && r == 0 && i < n; i++)
                r = json_array_append(array, json_object_new_string(names[i]));
        return r < 0 ? r : json_add(parameters, key, TAKE_PTR(array));
}

static size_t count_names(const char *const *names) {
        size_t n = 0;

        while (n < NAMES_MAX && names[n])
                n++;

        return n;
}

static int question_parameters(const struct question *question, struct json_object **ret_parameters) {
        _cleanup_(json_putp) struct json_object *parameters = json_object_new_object();
        int r;

        if (!parameters)
                return -ENOMEM;
        if (question->source) {
                if ((r = json_add_text(parameters, "source", question->source)) < 0 ||
                    (r = add_names(parameters, "metrics", question->metrics,
                                   count_names(question->metrics))) < 0 ||
                    (r = add_names(parameters, "rows", question->rows, count_names(question->rows))) < 0 ||
                    (r = json_add(parameters, "perCpu", json_object_new_boolean(question->per_cpu))) < 0)
                        return r;
        }

        *ret_parameters = TAKE_PTR(parameters);
        return 0;
}

static int set_remaining(struct varlink_client *client, uint64_t deadline_ns) {
        struct timespec ts;
        uint64_t now_ns;

        if (deadline_ns == 0)
                return 0;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
        now_ns = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
        if (now_ns >= deadline_ns)
                return -ETIMEDOUT;

        varlink_client_set_timeout(client, deadline_ns - now_ns);
        return 0;
}

/* A collector that does not run; or a daemon that is older than the question. */
static bool means_nothing_there(const struct question *question, const char *error) {
        return (question->source && strcmp(error, INTERFACE "NoData") == 0) ||
               (question->may_lack && strcmp(error, "org.varlink.service.MethodNotFound") == 0);
}

/* Calls and takes the member out of the reply; NULL when the daemon has no such data. */
static int call(struct varlink_client *client, const struct question *question,
                struct json_object *parameters, uint64_t deadline_ns, struct json_object **ret_member,
                char **ret_error) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        _cleanup_(freep) char *error = NULL, *method = NULL;
        int r;

        r = set_remaining(client, deadline_ns);
        if (r < 0)
                return r;
        if (asprintf(&method, INTERFACE "%s", question->method) < 0) {
                method = NULL;
                return -ENOMEM;
        }
        r = varlink_client_call(client, method, parameters, &error, &reply);
        if (r < 0)
                return r;

        if (error && means_nothing_there(question, error)) {
                *ret_member = NULL;
                return 0;
        }
        if (error) {
                *ret_error = TAKE_PTR(error);
                return -EREMOTEIO;
        }

        *ret_member = json_object_get(question->member ? field_object(reply, question->member) : reply);
        return *ret_member ? 0 : -EBADMSG;
}

static int ask_one(struct varlink_client *client, const struct question *question, uint64_t deadline_ns,
                   struct json_object **ret_member, char **ret_error) {
        _cleanup_(json_putp) struct json_object *parameters = NULL;
        int r;

        r = question_parameters(question, &parameters);
        if (r < 0)
                return r;
        return call(client, question, parameters, deadline_ns, ret_member, ret_error);
}

/* The pattern is the user's own; names come from the kernel. */
static bool row_matches(struct json_object *row, const char *pattern) {
        struct json_object *labels = field_array(row, "labels");
        const char *name = field_string(row, "name");

        if (name && fnmatch(pattern, name, 0) == 0)
                return true;
        for (size_t i = 0; i < array_length(labels); i++) {
                const char *label = json_object_get_string(array_at(labels, i));

                if (label && *label && fnmatch(pattern, label, 0) == 0)
                        return true;
        }

        return false;
}

/* The members of *from go to the array to. */
static int append_rows(struct json_object *to, struct json_object *from) {
        struct json_object *metric = array_at(field_array(from, "metrics"), 0),
                           *rows = field_array(metric, "rows");
        int r = 0;

        for (size_t i = 0; r == 0 && i < array_length(rows); i++)
                r = json_array_append(to, json_object_get(array_at(rows, i)));

        return r;
}

static int ask_rows(struct varlink_client *client, const struct metrics_request *request,
                    const char *const *names, size_t n, struct json_object *rows, char **ret_error) {
        static const struct question question = { "GetMetrics", "metrics", "interrupts", {}, {}, true };
        _cleanup_(json_putp) struct json_object *parameters = NULL, *reply = NULL;
        int r;

        r = question_parameters(&question, &parameters);
        if (r >= 0)
                r = add_names(parameters, "rows", names, n);
        if (r >= 0)
                r = call(client, &question, parameters, request->deadline_ns, &reply, ret_error);
        return r < 0 ? r : append_rows(rows, reply);
}

/* Only those interrupts are asked for per CPU that are wanted so: all of them would be very much. */
static int ask_wanted(struct varlink_client *client, const struct metrics_request *request,
                      struct metrics_answers *answers, char **ret_error) {
        struct json_object *metric = array_at(field_array(answers->items[ANSWER_INTERRUPTS], "metrics"), 0);
        struct json_object *rows = field_array(metric, "rows");
        const char *names[ROWS_PER_CALL];
        size_t n = 0;
        int r;

        answers->wanted = json_object_new_array();
        if (!answers->wanted)
                return -ENOMEM;

        for (size_t i = 0; i < array_length(rows); i++) {
                struct json_object *row = array_at(rows, i);

                if (row_matches(row, request->interrupts_per_cpu) && field_string(row, "name"))
                        names[n++] = field_string(row, "name");
                if (n < ROWS_PER_CALL && i + 1 < array_length(rows))
                        continue;
                r = n > 0 ? ask_rows(client, request, names, n, answers->wanted, ret_error) : 0;
                if (r < 0)
                        return r;
                n = 0;
        }

        return 0;
}

int metrics_ask(struct varlink_client *client, const struct metrics_request *request,
                struct metrics_answers *ret_answers, char **ret_error) {
        _cleanup_(metrics_answers_done) struct metrics_answers answers = {};
        int r;

        *ret_error = NULL;
        for (size_t i = 0; i < _ANSWER_MAX; i++) {
                r = ask_one(client, &questions[i], request->deadline_ns, &answers.items[i], ret_error);
                if (r < 0)
                        return r;
        }
        if (request->interrupts_per_cpu) {
                r = ask_wanted(client, request, &answers, ret_error);
                if (r < 0)
                        return r;
        }

        *ret_answers = answers;
        answers = (struct metrics_answers){};
        return 0;
}
