/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rates step by step, in as many replies as it takes: each is made from the part of the span that it is
 * about, from memory or, on another thread, from what is on disk, when the peer has taken the one before.
 */

#include "daemon/ipc/json-steps.h"
#include "daemon/ipc/json-writer.h"
#include "daemon/ipc/monitor-internal.h"

enum {
        STEPS_MAX = 20160,        /* of a call: two weeks of minutes */
        STEPS_CELLS_MAX = 500000, /* of a call: values that are sent */
        PAGE_STEPS_FIRST = 64,    /* read for the first reply; then as many as did fit */
        PAGE_STEPS_MAX = 512,
        PAGE_STEPS_MIN = 8,
};

const struct varlink_field monitor_steps_fields[] = {
        { "source", VARLINK_STRING, true },
        { "metric", VARLINK_STRING, false },
        { "sinceUsec", VARLINK_INTEGER, true },
        { "untilUsec", VARLINK_INTEGER, false },
        { "stepUsec", VARLINK_INTEGER, true },
        { "cpus", VARLINK_INTEGERS, false },
        { "rows", VARLINK_STRINGS, false },
        { "perCpu", VARLINK_BOOLEAN, false },
        {},
};

/* A table on its way to the peer. Freed with the final reply, or when the call is closed. */
struct stepping {
        struct history_query history;   /* first: a question on its way is found by it */
        struct monitor *monitor;        /* borrowed */
        struct json_object *parameters; /* a reference: params borrow their texts from it */
        struct monitor_params params;
        uint64_t until_us;             /* of all */
        uint64_t at_us, page_until_us; /* of the page that is being made */
        size_t n_page;                 /* steps that are read for it */
        size_t n_sent, n_cells;
        struct varlink_call *call; /* a reference, while a question is on its way */
        bool closed;               /* meanwhile */
        struct json_object *page;  /* owned; NULL: it did not fit */
};

static struct stepping *stepping_free(struct stepping *stepping) {
        if (!stepping)
                return NULL;

        (void)varlink_call_unref(stepping->call); /* returns NULL */
        (void)json_object_put(stepping->page);    /* the results say whether it was the last reference */
        (void)json_object_put(stepping->parameters);
        monitor_params_done(&stepping->params);
        free(stepping);
        return NULL;
}

/* With a question on its way the other thread still uses it. */
static void stepping_closed(struct varlink_call *call, void *data) {
        struct stepping *stepping = data;

        if (stepping->call)
                stepping->closed = true;
        else
                (void)stepping_free(stepping); /* returns NULL */
}

static struct steps_request stepping_request(const struct stepping *stepping) {
        const struct monitor_params *params = &stepping->params;

        return (struct steps_request){
                .source = params->source,
                .metric = params->metric,
                .since_us = stepping->at_us,
                .until_us = stepping->page_until_us,
                .step_us = params->step_us,
                .cpus = params->has_cpus ? &params->cpus : NULL,
                .rows = params->rows.names,
                .n_rows = params->rows.n,
                .per_cpu = params->per_cpu,
        };
}

/* The lists per CPU are left out where they would not fit into a message. */
static int stepping_fit(struct stepping *stepping, const struct steps *steps, const char *tier,
                        size_t *ret_n) {
        for (int with_cpus = 1; with_cpus >= 0; with_cpus--) {
                const struct json_steps_request request = {
                        .steps = steps,
                        .tier = tier,
                        .step_us = stepping->params.step_us,
                        .with_cpus = with_cpus,
                        .bytes_max = MONITOR_PAGE_BYTES,
                };
                struct json_object *object;
                size_t size;
                int r;

                r = json_steps(&request, &object, ret_n);
                if (r < 0)
                        return r;
                r = json_size(object, &size);
                if (r >= 0 && size <= MONITOR_EVENTS_BYTES) {
                        stepping->page = object;
                        return 0;
                }
                (void)json_object_put(object); /* the last reference */
                if (r < 0)
                        return r;
        }

        return 0;
}

/* What of the steps was sent, and where the next page begins. */
static void stepping_advance(struct stepping *stepping, const struct steps *steps, size_t n) {
        uint64_t step_us = stepping->params.step_us;

        for (size_t i = 0; i < n; i++)
                stepping->n_cells += steps->items[i].n_rows;
        if (stepping->params.per_cpu && n > 0) {
                const struct step *last = &steps->items[n - 1];
                size_t n_rows = last->first_row + last->n_rows;

                if (n_rows > 0)
                        stepping->n_cells +=
                                steps->rows[n_rows - 1].first_cell + steps->rows[n_rows - 1].n_cells;
        }

        stepping->n_sent += n;
        stepping->n_page = MIN(MAX(n * 2, (size_t)PAGE_STEPS_MIN), (size_t)PAGE_STEPS_MAX);
        if (n < steps->n_items)
                stepping->at_us += (steps->items[n - 1].index + 1) * step_us;
        else
                stepping->at_us = stepping->page_until_us;
}

/* The next page out of a store. Maybe on another thread. */
static int stepping_make(struct stepping *stepping, const struct store *store, const char *tier) {
        const struct steps_request request = stepping_request(stepping);
        _cleanup_(steps_freep) struct steps *steps = NULL;
        size_t n = 0;
        int r;

        r = steps_query(store, &request, &steps);
        if (r == -ENOENT || (r >= 0 && steps->n_items == 0)) { /* nothing of this part */
                stepping->at_us = stepping->page_until_us;
                stepping->n_page = PAGE_STEPS_MAX;
                return 0;
        }
        if (r >= 0)
                r = stepping_fit(stepping, steps, tier, &n);
        if (r < 0)
                return r;
        if (!stepping->page)
                stepping->n_cells = SIZE_MAX; /* too large */
        else
                stepping_advance(stepping, steps, n);
        return 0;
}

/* The last reply, whatever it is. */
static int stepping_end(struct stepping *stepping, struct varlink_call *call) {
        struct json_object *object = NULL;
        int r;

        varlink_call_on_closed(call, NULL, NULL);
        if (stepping->n_cells > STEPS_CELLS_MAX)
                r = varlink_call_error(call, MONITOR_INTERFACE ".TooLarge", NULL);
        else if (stepping->n_sent == 0)
                r = monitor_reply_no_data(
                        call, stepping->params.source,
                        monitor_no_rates_reason(stepping->monitor->store, &stepping->params, false));
        else {
                r = monitor_wrap("rates", TAKE_PTR(stepping->page), &object);
                if (r >= 0)
                        r = varlink_call_reply(call, object);
        }
        (void)stepping_free(stepping); /* returns NULL */
        return r;
}

/* Whether there is something to send: parts without a step are passed over. */
static bool stepping_has_reply(const struct stepping *stepping) {
        return stepping->page || stepping->at_us >= stepping->until_us || stepping->n_cells > STEPS_CELLS_MAX;
}

static int stepping_part(struct varlink_call *call, void *data);

static int stepping_send(struct stepping *stepping, struct varlink_call *call) {
        struct json_object *object;
        int r;

        if (stepping->at_us >= stepping->until_us || stepping->n_cells > STEPS_CELLS_MAX)
                return stepping_end(stepping, call);

        varlink_call_on_writable(call, stepping_part, stepping);
        r = monitor_wrap("rates", TAKE_PTR(stepping->page), &object);
        return r < 0 ? r : varlink_call_notify(call, object);
}

static int stepping_run(struct history_query *history, const struct store *store) {
        struct stepping *stepping = (struct stepping *)history;

        return stepping_make(stepping, store, disk_tier_to_string(history->loaded.tier));
}

/* What disk cannot say memory does. */
static void stepping_done(struct history_query *history, int result) {
        struct stepping *stepping = (struct stepping *)history;
        _cleanup_(varlink_call_unrefp) struct varlink_call *call = TAKE_PTR(stepping->call);

        if (stepping->closed || result == -ECANCELED) {
                if (!stepping->closed)
                        varlink_call_on_closed(call, NULL, NULL);
                (void)stepping_free(stepping); /* returns NULL */
                return;
        }

        if (result < 0)
                result = stepping_make(stepping, stepping->monitor->store, "memory");
        /* On failure nobody is left to answer: the connection ends. */
        if (result >= 0 && stepping_has_reply(stepping))
                (void)stepping_send(stepping, call);
        else if (result >= 0)
                (void)stepping_part(call, stepping);
}

static int stepping_ask(struct stepping *stepping, struct varlink_call *call) {
        int r;

        stepping->history = (struct history_query){
                .run = stepping_run,
                .done = stepping_done,
                .request = {
                        .since_us = stepping->at_us,
                        .until_us = stepping->page_until_us,
                        .samples = true,
                        .source = stepping->params.source,
                        .step_us = stepping->params.step_us,
                },
        };
        stepping->call = varlink_call_ref(call);
        r = history_ask(stepping->monitor->history, &stepping->history);
        if (r < 0)
                stepping->call = varlink_call_unref(stepping->call);
        return r;
}

/* True: the question is on its way. */
static bool stepping_wants_disk(struct stepping *stepping, struct varlink_call *call) {
        const struct monitor *monitor = stepping->monitor;

        if (!monitor->history ||
            monitor_memory_has_samples(monitor, stepping->params.source, stepping->at_us))
                return false;

        varlink_call_on_writable(call, NULL, NULL);
        return stepping_ask(stepping, call) >= 0;
}

static int stepping_part(struct varlink_call *call, void *data) {
        struct stepping *stepping = data;
        int r;

        do {
                stepping->page_until_us = MIN(stepping->at_us + stepping->n_page * stepping->params.step_us,
                                              stepping->until_us);
                if (stepping_wants_disk(stepping, call))
                        return 0;
                r = stepping_make(stepping, stepping->monitor->store, "memory");
                if (r < 0)
                        return r;
        } while (!stepping_has_reply(stepping));

        return stepping_send(stepping, call);
}

static int stepping_new(struct monitor *monitor, struct monitor_params *params,
                        struct json_object *parameters, uint64_t until_us, struct stepping **ret_stepping) {
        struct stepping *stepping;

        stepping = calloc(1, sizeof(*stepping));
        if (!stepping)
                return -ENOMEM;

        stepping->monitor = monitor;
        stepping->parameters = json_object_get(parameters);
        stepping->params = *params;
        stepping->at_us = params->since_us;
        stepping->until_us = until_us;
        stepping->n_page = PAGE_STEPS_FIRST;
        *params = (struct monitor_params){};
        *ret_stepping = stepping;
        return 0;
}

int monitor_get_rate_steps(struct varlink_call *call, struct json_object *parameters, void *userdata) {
        _cleanup_(monitor_params_done) struct monitor_params params = {};
        struct stepping *stepping;
        uint64_t now_us, until_us;
        int r;

        r = monitor_parse(call, userdata, monitor_steps_fields, parameters, &params, &now_us);
        if (r != 0)
                return MIN(r, 0);
        until_us = MIN(params.until_us, now_us);
        if ((until_us - params.since_us) / params.step_us >= STEPS_MAX)
                return varlink_call_invalid_parameter(call, "stepUsec");

        r = stepping_new(userdata, &params, parameters, until_us, &stepping);
        if (r < 0)
                return r;

        varlink_call_on_closed(call, stepping_closed, stepping);
        varlink_call_on_writable(call, stepping_part, stepping);
        return 0;
}
