/* SPDX-License-Identifier: Apache-2.0 */

/* How a collector ends: what it has seen is delivered, decided if there is time for that. And what a reload
 * leaves. */

#include "tests/unit/test.h"

#include <sys/eventfd.h>

#include "common/parse.h"
#include "common/worker.h"
#include "daemon/runner.h"
#include "daemon/store/store.h"

/* Has seen one event, which a job of the worker is to decide. */
struct collector {
        struct job job;
        int fd;
        bool pending, decided;
};

static struct {
        struct collector *collector;
        struct store *store;
        struct worker *worker, *slow_worker;
        struct config *config;
        struct runner *runner;
        sd_event *event;
        unsigned n_decided, n_undecided, n_transitions;
        int sample_error;
} t;

static int probe(const struct collector_env *env, const char **ret_reason) {
        return 0;
}

static int open_collector(const struct collector_env *env, void **ret_state) {
        struct collector *c = calloc(1, sizeof(*c));

        assert_non_null(c);
        c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(c->fd >= 0);
        t.collector = *ret_state = c;
        return 0;
}

static int sample(void *state, struct batch *batch) {
        return t.sample_error;
}

static int event_fd(void *state) {
        return ((struct collector *)state)->fd;
}

static int dispatch(void *state, struct event_sink *sink) {
        struct collector *c = state;

        if (!c->pending || !c->decided)
                return 0;

        c->pending = false;
        return sink->add(sink, NULL);
}

static int finish(void *state, struct event_sink *sink) {
        struct collector *c = state;

        if (!c->pending)
                return 0;

        c->pending = false;
        return sink->add(sink, NULL);
}

static uint64_t next_deadline(void *state) {
        return ((struct collector *)state)->pending ? UINT64_MAX - 1 : UINT64_MAX;
}

static void *close_collector(void *state) {
        struct collector *c = state;

        assert_int_equal(close(c->fd), 0);
        free(c);
        t.collector = NULL;
        return NULL;
}

static const struct setting_desc settings[] = {
        { .name = "enabled", .type = SETTING_BOOLEAN, .default_text = "yes", .help = "" },
        { .name = "interval", .type = SETTING_DURATION, .default_text = "1h", .help = "", .runtime = true },
};

static const struct config_section section = {
        .name = "test", .settings = settings, .n_settings = ELEMENTSOF(settings)
};

static const struct metric_desc metrics[] = { { "metric", "1", "", NULL, {}, METRIC_COUNTER, 64 } };

static const struct collector_ops ops = {
        .name = "test",
        .summary = "",
        .section = &section,
        .metrics = metrics,
        .n_metrics = ELEMENTSOF(metrics),
        .probe = probe,
        .open = open_collector,
        .sample = sample,
        .event_fd = event_fd,
        .dispatch = dispatch,
        .next_deadline = next_deadline,
        .finish = finish,
        .close = close_collector,
};

static int sink_add(struct event_sink *sink, struct event *event) {
        if (t.collector->decided)
                t.n_decided++;
        else
                t.n_undecided++;
        return 0;
}

static void on_transition(void *userdata, const char *collector, enum collector_state state,
                          const char *reason) {
        t.n_transitions++;
}

static struct event_sink sink = { .add = sink_add };

static int setup(void **state) {
        static const struct config_section *const sections[] = { &section };
        static const struct runner_callbacks callbacks = { .on_transition = on_transition };
        static const struct store_limits limits = {
                .budget_bytes = 1 << 20, .retention_ns = NSEC_PER_SEC, .n_events_max = 1, .n_series_max = 1
        };
        struct collector_env env = { .root_fd = -1 };

        memset(&t, 0, sizeof(t));
        assert_int_equal(config_new(sections, ELEMENTSOF(sections), &t.config), 0);
        assert_int_equal(store_new(&limits, &t.store), 0);
        assert_int_equal(worker_new("test", 1, &t.worker), 0);
        assert_int_equal(worker_new("test-slow", 1, &t.slow_worker), 0);
        assert_true(sd_event_new(&t.event) >= 0);
        env.config = t.config;
        env.worker = t.worker;
        env.slow_worker = t.slow_worker;
        assert_int_equal(runner_new(t.event, &ops, &env, t.store, &sink, &callbacks, NULL, &t.runner), 0);
        assert_int_equal(runner_start(t.runner), 0);
        return 0;
}

static int teardown(void **state) {
        t.worker = worker_free(t.worker);
        t.slow_worker = worker_free(t.slow_worker);
        t.runner = runner_free(t.runner);
        assert_null(t.collector);
        sd_event_unref(t.event);
        store_free(t.store);
        config_free(t.config);
        return 0;
}

static void run_job(struct job *job) {
        (void)usleep(20000); /* long enough for the runner to sleep meanwhile; nothing is judged by it */
}

static void job_done(struct job *job) {
        ((struct collector *)job)->decided = true;
}

static uint64_t moment_after_ms(uint64_t ms) {
        struct stamp now;

        stamp_now(&now);
        return now.monotonic_ns + ms * NSEC_PER_MSEC;
}

static void test_waits_until_decided(void **state) {
        t.collector->pending = true;
        t.collector->job = (struct job){ .run = run_job, .done = job_done };
        assert_int_equal(worker_submit(t.slow_worker, &t.collector->job), 0);
        runner_finish(t.runner, moment_after_ms(60000));
        assert_int_equal(t.n_decided, 1);
        assert_int_equal(t.n_undecided, 0);
}

static void test_waits_no_longer(void **state) {
        uint64_t deadline = moment_after_ms(20);

        t.collector->pending = true; /* and nobody who decides */
        runner_finish(t.runner, deadline);
        assert_true(moment_after_ms(0) >= deadline);
        assert_int_equal(t.n_undecided, 1);
}

static void test_nothing_to_wait_for(void **state) {
        runner_finish(t.runner, UINT64_MAX);
        assert_int_equal(t.n_decided + t.n_undecided, 0);
}

static void set_enabled(const char *value) {
        char *error = NULL;

        assert_int_equal(config_set(t.config, "test", "enabled", value, &error), 0);
        assert_int_equal(runner_reconfigure(t.runner, t.config), 0);
}

/* Switched off at runtime it ends, too. */
static void test_switched_off(void **state) {
        struct status_collector status;

        t.collector->pending = true;
        set_enabled("no");
        assert_int_equal(t.n_undecided, 1);
        runner_get_status(t.runner, &status);
        assert_int_equal(status.state, COLLECTOR_DISABLED);
}

/* Only a pass tells whether what could not be read can be. */
static void test_reload_mends_nothing(void **state) {
        struct status_collector status;
        unsigned n;

        set_enabled("no");
        t.sample_error = -EIO;
        set_enabled("yes");
        runner_get_status(t.runner, &status);
        assert_int_equal(status.state, COLLECTOR_FAILING);
        n = t.n_transitions;
        assert_int_equal(runner_reconfigure(t.runner, t.config), 0);
        runner_get_status(t.runner, &status);
        assert_int_equal(status.state, COLLECTOR_FAILING);
        assert_int_equal(t.n_transitions, n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_waits_until_decided),
                TEST(test_waits_no_longer),
                TEST(test_nothing_to_wait_for),
                TEST(test_switched_off),
                TEST(test_reload_mends_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
