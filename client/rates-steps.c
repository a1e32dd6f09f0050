/* SPDX-License-Identifier: Apache-2.0 */

#include "client/rates-steps.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "client/field.h"
#include "client/i18n.h"
#include "client/message.h"
#include "client/output.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/steps-table.h"
#include "common/json-build.h"
#include "common/parse.h"

enum {
        STEPS_DEFAULT = 30, /* without --since */
        STEPS_MAX = 20160,  /* irqwatchd takes no more */
};

int rates_steps_parse(const char *text, uint64_t *ret_step_us) {
        uint64_t ns;

        if (parse_duration(text, &ns) < 0 || ns < NSEC_PER_SEC)
                return fail_usage(_("--step: \"%s\" is no length of at least 1s. Examples: 10s, 1m, 1h"),
                                  text);

        *ret_step_us = ns / NSEC_PER_USEC;
        return 0;
}

/* Steps begin where clocks on the wall say so: at whole minutes for steps of a minute. */
static uint64_t align(uint64_t us, uint64_t step_us) {
        time_t seconds = (time_t)(us / USEC_PER_SEC);
        uint64_t midnight_us;
        struct tm tm;

        if (!localtime_r(&seconds, &tm))
                return us;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_isdst = -1;
        midnight_us = (uint64_t)mktime(&tm) * USEC_PER_SEC;
        return midnight_us <= us ? us - (us - midnight_us) % step_us : us;
}

static struct json_object *row_array(const char *text) {
        _cleanup_(json_putp) struct json_object *array = json_object_new_array();

        while (array) {
                size_t n = strcspn(text, ",");

                if (n > 0 && json_array_append(array, json_object_new_string_len(text, (int)n)) < 0)
                        return NULL;
                if (!text[n])
                        return TAKE_PTR(array);
                text += n + 1;
        }

        return NULL;
}

static struct json_object *make_parameters(const struct rates_steps *request, const struct options *options,
                                           const struct steps_view *view, bool until_now) {
        _cleanup_(json_putp) struct json_object *parameters =
                session_parameters(options, view->since_us, until_now ? 0 : view->until_us);

        if (!parameters || json_add(parameters, "source", json_object_new_string(request->source)) < 0 ||
            (request->metric &&
             json_add(parameters, "metric", json_object_new_string(request->metric)) < 0) ||
            (request->rows && json_add(parameters, "rows", row_array(request->rows)) < 0) ||
            json_add(parameters, "perCpu", json_object_new_boolean(request->per_cpu)) < 0 ||
            json_add(parameters, "stepUsec", json_object_new_int64((int64_t)request->step_us)) < 0)
                return NULL;
        return TAKE_PTR(parameters);
}

/* Each step says by itself what it is of. */
static int print_json(struct json_object *rates, enum json_mode mode) {
        static const char *const keys[] = { "source", "metric", "unit", "rowName", "labelNames", "tier" };
        struct json_object *steps = field_array(rates, "steps");

        for (size_t i = 0; i < array_length(steps); i++) {
                struct json_object *step = array_at(steps, i);

                for (size_t j = 0; j < ELEMENTSOF(keys); j++) {
                        struct json_object *value = NULL;

                        (void)json_object_object_get_ex(rates, keys[j], &value); /* false: stays NULL */
                        if (json_object_object_add(step, keys[j], json_object_get(value)) != 0)
                                return -ENOMEM;
                }
                if (output_json(step, mode) < 0)
                        return -ENOMEM;
        }

        return 0;
}

static int receive_all(struct varlink_client *client, const struct options *options,
                       struct steps_table *table) {
        struct progress progress;
        bool continues = true;
        int r = 0;

        progress_begin(&progress, _("waiting for irqwatchd"));
        while (r == 0 && continues) {
                _cleanup_(json_putp) struct json_object *reply = NULL;
                struct json_object *rates;

                progress_show(&progress, 0, 0);
                r = session_receive(client, &reply, &continues);
                if (r != 0)
                        break;
                rates = field_object(reply, "rates");
                if (options->json != JSON_OFF)
                        r = print_json(rates, options->json) < 0 ? fail_memory() : 0;
                else
                        r = steps_table_add(table, rates) < 0 ? fail_memory() : 0;
        }
        progress_end(&progress);
        return r;
}

static int fetch(const struct rates_steps *request, const struct options *options,
                 const struct steps_view *view, bool until_now, struct steps_table *table) {
        _cleanup_(varlink_client_freep) struct varlink_client *client = NULL;
        _cleanup_(output_closep) struct output output = {};
        int r;

        r = session_open(options, SESSION_TIMEOUT_NS, &client);
        if (r == 0)
                r = session_send_more(client, "GetRateSteps",
                                      make_parameters(request, options, view, until_now));
        if (r != 0)
                return r;

        if (options->json != JSON_OFF)
                output_open(&output, options, OUTPUT_NO_PAGER);
        r = receive_all(client, options, table);
        return r != 0 ? r : output_close(&output);
}

int rates_steps_show(const struct rates_steps *request, const struct options *options) {
        _cleanup_(steps_table_done) struct steps_table table = { .per_cpu = request->per_cpu };
        _cleanup_(output_closep) struct output output = {};
        struct steps_view view = { .totals = request->totals,
                                   .by_name = request->by_name,
                                   .all = request->all };
        char buf[DURATION_TEXT_MAX];
        uint64_t n_steps;
        bool until_now;
        int r;

        r = options_span(options, STEPS_DEFAULT * request->step_us * NSEC_PER_USEC, &view.since_us,
                         &view.until_us);
        if (r != 0)
                return r;
        until_now = view.until_us == 0;
        if (until_now)
                view.until_us = options->base.now_us;
        view.since_us = align(view.since_us, request->step_us);
        n_steps = (view.until_us - view.since_us) / request->step_us + 1;
        if (n_steps > STEPS_MAX - 1)
                return fail_usage(
                        "%" PRIu64 " steps of %s are too many, at most %i are told at once: ask for longer "
                        "steps or a shorter span",
                        n_steps, format_duration_exact(request->step_us * NSEC_PER_USEC, buf), STEPS_MAX - 1);

        r = fetch(request, options, &view, until_now, &table);
        if (r != 0 || options->json != JSON_OFF)
                return r;

        output_open(&output, options, 0);
        view.header_every = output.n_lines > 8 ? output.n_lines - 2 : 0;
        if (steps_table_print(&table, &output.style, &view, stdout) < 0)
                return fail_memory();
        return output_close(&output);
}
