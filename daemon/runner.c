/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/runner.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "common/parse.h"
#include "common/worker.h"

enum {
        BACKOFF_FACTOR_MAX = 60,   /* a failing collector is retried at least every 60 intervals */
        COST_SMOOTHING = 8,        /* passes over which the moving average of the cost forgets */
        PPM = 1000000,
};

struct runner {
        const struct collector_ops *ops;
        struct collector_env env;
        struct store *store;
        struct event_sink *sink;
        const struct runner_callbacks *callbacks;
        void *userdata;

        sd_event *event;
        sd_event_source *pass_timer, *deadline_timer, *event_io;

        void *state;       /* the collector's; valid while is_open */
        bool is_open;
        unsigned source;   /* in the store */
        bool has_source;
        struct batch batch;

        enum collector_state status;
        char *reason;
        uint64_t configured_interval_ns, interval_ns;
        uint64_t next_pass_ns;
        unsigned n_failures_in_a_row;
        uint64_t cost_ns;  /* moving average */
        uint64_t n_passes, n_failed, n_late;
        uint64_t last_pass_us;
};

static uint64_t now_ns(clockid_t clock) {
        struct timespec ts;

        (void)clock_gettime(clock, &ts); /* cannot fail for the clocks used here */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Takes over reason (may be NULL). */
static void set_status(struct runner *runner, enum collector_state status, char *reason) {
        bool changed = runner->status != status || !runner->reason != !reason ||
                       (reason && strcmp(runner->reason, reason) != 0);
        bool tell = runner->status != status;

        if (!changed) {
                free(reason);
                return;
        }

        free(runner->reason);
        runner->reason = reason;
        runner->status = status;
        if (tell && runner->callbacks->on_transition)
                runner->callbacks->on_transition(runner->userdata, runner->ops->name, status, reason);
}

static void set_failing(struct runner *runner, const char *what, int error) {
        char *reason = NULL;

        if (asprintf(&reason, "%s failed: %s", what, strerror(-error)) < 0)
                reason = NULL; /* the state alone says enough */
        set_status(runner, COLLECTOR_FAILING, reason);
}

static void runner_close(struct runner *runner) {
        runner->event_io = sd_event_source_disable_unref(runner->event_io);
        runner->pass_timer = sd_event_source_disable_unref(runner->pass_timer);
        runner->deadline_timer = sd_event_source_disable_unref(runner->deadline_timer);
        if (runner->is_open)
                runner->state = runner->ops->close(runner->state);
        runner->is_open = false;
}

struct runner *runner_free(struct runner *runner) {
        if (!runner)
                return NULL;

        runner_close(runner);
        batch_done(&runner->batch);
        sd_event_unref(runner->event);
        free(runner->reason);
        free(runner);
        return NULL;
}

int runner_new(sd_event *event, const struct collector_ops *ops, const struct collector_env *env,
               struct store *store, struct event_sink *sink, const struct runner_callbacks *callbacks,
               void *userdata, struct runner **ret_runner) {
        _cleanup_(runner_freep) struct runner *runner = NULL;
        int r;

        runner = calloc(1, sizeof(*runner));
        if (!runner)
                return -ENOMEM;

        runner->event = sd_event_ref(event);
        runner->ops = ops;
        runner->env = *env;
        runner->store = store;
        runner->sink = sink;
        runner->callbacks = callbacks;
        runner->userdata = userdata;
        runner->status = COLLECTOR_DISABLED;
        batch_init(&runner->batch);

        r = store_add_source(store, ops->name, ops->metrics, ops->n_metrics, &runner->source);
        if (r < 0)
                return r;

        *ret_runner = TAKE_PTR(runner);
        return 0;
}

static bool has_setting(const struct runner *runner, const char *key) {
        return config_find(runner->env.config, runner->ops->section->name, key) != NULL;
}

static int arm_timer(struct runner *runner, sd_event_source **source, uint64_t at_ns, uint64_t accuracy_ns,
                     sd_event_time_handler_t handler) {
        int r;

        if (!*source)
                return sd_event_add_time(runner->event, source, CLOCK_MONOTONIC, at_ns / NSEC_PER_USEC,
                                         accuracy_ns / NSEC_PER_USEC, handler, runner);

        r = sd_event_source_set_time(*source, at_ns / NSEC_PER_USEC);
        if (r < 0)
                return r;

        return sd_event_source_set_enabled(*source, SD_EVENT_ONESHOT);
}

static int on_pass(sd_event_source *s, uint64_t usec, void *userdata);
static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata);

/* Passes are due at multiples of the interval since boot, whatever moment a collector was started at: collectors with
 * equal or multiple intervals then share one wake-up. */
static void align_passes(struct runner *runner) {
        uint64_t now = now_ns(CLOCK_MONOTONIC);

        runner->next_pass_ns = now - now % runner->interval_ns;
}

/* Passes keep their phase; those that could not be taken are skipped and counted. */
static int schedule_pass(struct runner *runner) {
        uint64_t now = now_ns(CLOCK_MONOTONIC);

        runner->next_pass_ns += runner->interval_ns;
        if (runner->next_pass_ns <= now) {
                uint64_t missed = (now - runner->next_pass_ns) / runner->interval_ns + 1;

                runner->n_late += missed;
                runner->next_pass_ns += missed * runner->interval_ns;
        }

        /* One percent of slack lets the kernel join wake-ups. */
        return arm_timer(runner, &runner->pass_timer, runner->next_pass_ns, runner->interval_ns / 100, on_pass);
}

/* The collector's own time limits, for events that wait for what comes later. */
static int schedule_deadline(struct runner *runner) {
        uint64_t at;

        if (!runner->ops->next_deadline || !runner->is_open)
                return 0;

        at = runner->ops->next_deadline(runner->state);
        if (at == UINT64_MAX)
                return runner->deadline_timer ?
                               sd_event_source_set_enabled(runner->deadline_timer, SD_EVENT_OFF) :
                               0;

        return arm_timer(runner, &runner->deadline_timer, at, NSEC_PER_MSEC, on_deadline);
}

int runner_dispatch(struct runner *runner) {
        int r;

        if (!runner->is_open || !runner->ops->dispatch)
                return 0;

        r = runner->ops->dispatch(runner->state, runner->sink);
        if (r < 0)
                set_failing(runner, "taking events", r);

        return schedule_deadline(runner);
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata) {
        return runner_dispatch(userdata);
}

static int on_event_io(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        return runner_dispatch(userdata);
}

/* A pass that costs more than its share of a CPU is taken less often, and said so. */
static void apply_budget(struct runner *runner) {
        uint64_t budget_ppm, interval;
        char cost[DURATION_TEXT_MAX], every[DURATION_TEXT_MAX];
        char *reason = NULL;

        if (!has_setting(runner, "budget") || runner->n_passes <= 1)
                return;

        budget_ppm = MAX(config_get(runner->env.config, runner->ops->section->name, "budget"), UINT64_C(1));
        interval = runner->cost_ns * PPM / budget_ppm;
        if (interval <= runner->configured_interval_ns) {
                runner->interval_ns = runner->configured_interval_ns;
                return;
        }

        /* Whole multiples, so that it does not waver from pass to pass. */
        interval = (interval / runner->configured_interval_ns + 1) * runner->configured_interval_ns;
        runner->interval_ns = interval;
        if (asprintf(&reason, "one pass costs %s, over the budget of %g%% of a CPU: taken every %s",
                     format_duration(runner->cost_ns, cost), (double)budget_ppm / 10000,
                     format_duration_exact(interval, every)) < 0)
                reason = NULL;
        set_status(runner, COLLECTOR_DEGRADED, reason);
}

static void update_running_status(struct runner *runner) {
        const char *degraded = runner->ops->degraded ? runner->ops->degraded(runner->state) : NULL;

        runner->interval_ns = runner->configured_interval_ns;
        if (degraded) {
                set_status(runner, COLLECTOR_DEGRADED, strdup(degraded));
                return;
        }

        apply_budget(runner);
        if (runner->interval_ns == runner->configured_interval_ns)
                set_status(runner, COLLECTOR_RUNNING, NULL);
}

static void pass_failed(struct runner *runner, int error) {
        struct stamp stamp;
        unsigned factor;

        runner->n_failed++;
        runner->n_failures_in_a_row++;
        set_failing(runner, "reading", error);
        stamp_now(&stamp);
        (void)store_mark_gap(runner->store, runner->source, &stamp,
                             runner->reason ? runner->reason : "reading failed"); /* only -ENOMEM: the gap is
                                                                                   * still seen by its length */
        factor = 1U << MIN(runner->n_failures_in_a_row - 1, 6U);
        runner->interval_ns = runner->configured_interval_ns * MIN(factor, (unsigned)BACKOFF_FACTOR_MAX);
}

static void take_pass(struct runner *runner) {
        uint64_t before, cost;
        int r;

        batch_clear(&runner->batch);
        stamp_now(&runner->batch.stamp);

        before = now_ns(CLOCK_THREAD_CPUTIME_ID);
        r = runner->ops->sample(runner->state, &runner->batch);
        if (r >= 0)
                r = store_commit(runner->store, runner->source, &runner->batch);
        cost = now_ns(CLOCK_THREAD_CPUTIME_ID) - before;
        if (r < 0) {
                pass_failed(runner, r);
                return;
        }

        /* The average begins with the second pass: the first makes buffers and rows, and asks once what stays so. */
        runner->cost_ns = runner->n_passes <= 1 ? cost :
                                                  (runner->cost_ns * (COST_SMOOTHING - 1) + cost) / COST_SMOOTHING;
        runner->n_passes++;
        runner->n_failures_in_a_row = 0;
        runner->last_pass_us = runner->batch.stamp.realtime_us;
        update_running_status(runner);
}

/* A pass may have found what is to be delivered as events. */
static int take_pass_and_schedule(struct runner *runner) {
        int r;

        take_pass(runner);
        r = schedule_deadline(runner);
        if (r < 0)
                return r;

        return schedule_pass(runner);
}

static int retry_open(struct runner *runner);

static int on_pass(sd_event_source *s, uint64_t usec, void *userdata) {
        struct runner *runner = userdata;

        if (!runner->is_open)
                return retry_open(runner);

        return take_pass_and_schedule(runner);
}

static int watch_event_fd(struct runner *runner) {
        int fd;

        if (!runner->ops->event_fd)
                return 0;

        fd = runner->ops->event_fd(runner->state);
        if (fd < 0)
                return fd;

        return sd_event_add_io(runner->event, &runner->event_io, fd, EPOLLIN, on_event_io, runner);
}

static int open_failed(struct runner *runner, int error) {
        runner->n_failed++;
        runner->n_failures_in_a_row++;
        set_failing(runner, "starting", error);
        runner->interval_ns = runner->configured_interval_ns * BACKOFF_FACTOR_MAX;
        return schedule_pass(runner);
}

static int opened(struct runner *runner) {
        int r;

        runner->is_open = true;
        r = watch_event_fd(runner);
        if (r < 0)
                return r;

        /* The first pass at once: it is the baseline of everything that follows. */
        return take_pass_and_schedule(runner);
}

static int retry_open(struct runner *runner) {
        const char *reason = NULL;
        int r;

        r = runner->ops->probe(&runner->env, &reason);
        if (r == -EOPNOTSUPP) {
                set_status(runner, COLLECTOR_UNSUPPORTED, strdup(reason ? reason : "not available here"));
                return 0;
        }
        if (r >= 0)
                r = runner->ops->open(&runner->env, &runner->state);
        if (r < 0)
                return open_failed(runner, r);

        return opened(runner);
}

int runner_start(struct runner *runner) {
        const char *section = runner->ops->section->name;

        runner_close(runner);
        runner->n_failures_in_a_row = 0;
        runner->configured_interval_ns = config_get(runner->env.config, section, "interval");
        runner->interval_ns = runner->configured_interval_ns;
        align_passes(runner);

        if (!config_get_boolean(runner->env.config, section, "enabled")) {
                set_status(runner, COLLECTOR_DISABLED, strdup("switched off in the configuration"));
                return 0;
        }

        return retry_open(runner);
}

/* Sleeps until a job is done, an event comes, or the moment is there. */
static void wait_for_events(const struct runner *runner, uint64_t until_ns) {
        struct pollfd fds[] = {
                { .fd = worker_fd(runner->env.worker), .events = POLLIN },
                { .fd = worker_fd(runner->env.slow_worker), .events = POLLIN },
                { .fd = runner->ops->event_fd(runner->state), .events = POLLIN },
        };
        uint64_t now = now_ns(CLOCK_MONOTONIC), left = until_ns > now ? until_ns - now : 0;

        /* Whatever it says, the time is looked at again. */
        (void)poll(fds, ELEMENTSOF(fds), (int)MIN(left / NSEC_PER_MSEC, UINT64_C(1000)) + 1);
        worker_collect(runner->env.worker);
        worker_collect(runner->env.slow_worker);
}

void runner_finish(struct runner *runner, uint64_t deadline_ns) {
        uint64_t next;
        int r = 0;

        if (!runner->is_open || !runner->ops->finish)
                return;

        while (r >= 0 && now_ns(CLOCK_MONOTONIC) < deadline_ns) {
                r = runner->ops->dispatch(runner->state, runner->sink);
                next = runner->ops->next_deadline(runner->state);
                if (next == UINT64_MAX)
                        break;
                wait_for_events(runner, MIN(next, deadline_ns));
        }

        r = runner->ops->finish(runner->state, runner->sink);
        if (r < 0)
                set_failing(runner, "taking the last events", r);
}

static void mark_restart(struct runner *runner) {
        struct stamp stamp;

        stamp_now(&stamp);
        (void)store_mark_gap(runner->store, runner->source, &stamp,
                             "restarted to apply changed settings"); /* only -ENOMEM */
}

int runner_reconfigure(struct runner *runner, const struct config *config) {
        const char *section = runner->ops->section->name;
        int r;

        runner->env.config = config;
        if (!runner->is_open || !config_get_boolean(config, section, "enabled")) {
                runner_finish(runner, 0);
                return runner_start(runner);
        }

        r = runner->ops->reconfigure ? runner->ops->reconfigure(runner->state, config) : 0;
        if (r < 0) {
                runner_finish(runner, 0);
                mark_restart(runner);
                return runner_start(runner);
        }

        runner->configured_interval_ns = config_get(config, section, "interval");
        runner->interval_ns = runner->configured_interval_ns;
        align_passes(runner);
        if (runner->status != COLLECTOR_FAILING) /* of that the next pass tells */
                update_running_status(runner);
        return schedule_pass(runner);
}

void runner_get_status(struct runner *runner, struct status_collector *ret_status) {
        *ret_status = (struct status_collector){
                .name = runner->ops->name,
                .summary = runner->ops->summary,
                .state = runner->status,
                .reason = runner->reason,
                .interval_ns = runner->interval_ns,
                .configured_interval_ns = runner->configured_interval_ns,
                .n_passes = runner->n_passes,
                .n_failed_passes = runner->n_failed,
                .n_late_passes = runner->n_late,
                .pass_cost_ns = runner->cost_ns,
                .last_pass_us = runner->last_pass_us,
        };

        if (runner->is_open && runner->ops->describe)
                (void)runner->ops->describe(runner->state, &ret_status->info); /* counters stay empty */
}
