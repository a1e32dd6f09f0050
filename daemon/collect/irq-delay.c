/* SPDX-License-Identifier: Apache-2.0 */

#include <assert.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/parse.h"
#include "daemon/collect/enrich.h"
#include "daemon/collect/heartbeat-event.h"
#include "daemon/collect/heartbeat.h"
#include "daemon/collect/irq-metrics.h"
#include "daemon/collect/irq-programs.h"
#include "daemon/collect/registry.h"
#include "daemon/collect/spans.h"
#include "daemon/collect/steal-stat.h"
#include "daemon/collect/window.h"
#include "daemon/symbols/kallsyms.h"

/* Before two ticks in a row were seen: the longest tick there is (HZ=100). */
#define TICK_PERIOD_LONGEST_NS (10 * NSEC_PER_MSEC)

enum mode {
        MODE_ACTIVE,
        MODE_PASSIVE,
        _MODE_MAX,
};
static const char *const mode_names[] = { [MODE_ACTIVE] = "active", [MODE_PASSIVE] = "passive", NULL };
static_assert(ELEMENTSOF(mode_names) == _MODE_MAX + 1, "a name for each mode");

struct irq_delay {
        struct irq_programs programs;
        struct span_reader spans;
        unsigned n_cpus;
        int root_fd;

        struct heartbeat heartbeat;
        enum mode mode;          /* as configured */
        bool heartbeat_works;    /* active and armed on at least one CPU */
        uint64_t threshold_ns, period_ns;
        char degraded[256];

        struct cpu_set online;   /* at the last pass */
        uint64_t *watched_ns;    /* per CPU, cumulative */
        uint64_t *n_heartbeats;  /* per CPU, at the last pass */
        uint64_t last_pass_ns;

        struct enricher *enricher;
        struct window_queue *windows;
        struct steal_stat *steal_stat; /* NULL: the records tell steal time */
};

static uint64_t configured_period(const struct config *config) {
        uint64_t heartbeat = config_get(config, "irq-delay", "heartbeat");

        return heartbeat ? heartbeat : config_get(config, "irq-delay", "threshold") / 2;
}

static int check_settings(const struct config *config, char **ret_reason) {
        uint64_t threshold = config_get(config, "irq-delay", "threshold");
        uint64_t heartbeat = config_get(config, "irq-delay", "heartbeat");
        char t[DURATION_TEXT_MAX], h[DURATION_TEXT_MAX], least[DURATION_TEXT_MAX];

        if (config_get(config, "irq-delay", "mode") == MODE_PASSIVE)
                return 0;
        if (heartbeat != 0 && heartbeat < HEARTBEAT_SHORTEST_NS) {
                if (asprintf(ret_reason, "a heartbeat of %s would do little else but beat; accepted: at least %s, or 0",
                             format_duration_exact(heartbeat, h), format_duration_exact(HEARTBEAT_SHORTEST_NS, least)) < 0)
                        *ret_reason = NULL;
                return -EINVAL;
        }
        if (threshold >= 2 * heartbeat)
                return 0;

        if (asprintf(ret_reason,
                     "threshold %s is below twice the heartbeat of %s, so windows of that length could fall between "
                     "two beats unseen; accepted: a threshold of at least %s, a shorter heartbeat, or mode = passive",
                     format_duration_exact(threshold, t), format_duration_exact(heartbeat, h),
                     format_duration_exact(2 * heartbeat, least)) < 0)
                *ret_reason = NULL;
        return -EINVAL;
}

static const struct setting_desc settings[] = {
        { "enabled", "yes", NULL, "whether to look for windows with interrupts off", 0, 0, SETTING_BOOLEAN, true },
        { "interval", "1s", NULL, "how often counters and the lateness histogram are read", 100 * NSEC_PER_MSEC,
          600 * NSEC_PER_SEC, SETTING_DURATION, true },
        { "threshold", "10ms", NULL, "windows of at least this length are recorded", 100 * NSEC_PER_USEC,
          60 * NSEC_PER_SEC, SETTING_DURATION, true },
        { "heartbeat", "0", NULL, "period of the timer kept armed on every CPU; 0: half the threshold", 0,
          10 * NSEC_PER_SEC, SETTING_DURATION, true },
        { "mode", "active", mode_names, "active arms a heartbeat; passive uses only the kernel's own tick", 0, 0,
          SETTING_CHOICE, true },
        { "hardirq-threshold", "1ms", NULL, "runs of interrupt handlers of at least this length are recorded; 0: none",
          0, 60 * NSEC_PER_SEC, SETTING_DURATION, true },
        { "softirq-threshold", "5ms", NULL, "runs of softirq handlers of at least this length are recorded; 0: none", 0,
          60 * NSEC_PER_SEC, SETTING_DURATION, true },
        { "softirq-wait-threshold", "10ms", NULL, "softirqs that waited for at least this long are recorded; 0: none",
          0, 60 * NSEC_PER_SEC, SETTING_DURATION, true },
        { "user-stack", "16K", NULL, "bytes of user stack copied for a window to unwind it; 0: none", 0, 16 * 1024,
          SETTING_SIZE, true },
        { "max-events-per-second", "20", NULL, "records per CPU; more are counted as suppressed", 1, 100000,
          SETTING_COUNT, true },
};

static const struct config_section section = {
        .name = "irq-delay",
        .settings = settings,
        .n_settings = ELEMENTSOF(settings),
        .check = check_settings,
};

static int probe(const struct collector_env *env, const char **ret_reason) {
        struct irq_features features;

        if (env->is_fixture) {
                *ret_reason = "measures the running kernel, which --root replaces by a directory";
                return -EOPNOTSUPP;
        }
        if (kallsyms_are_hidden(env->root_fd) > 0) {
                *ret_reason = "the kernel hides the addresses of its symbols: irqwatchd needs CAP_SYSLOG, and "
                              "kernel.kptr_restrict to be below 2 when it starts";
                return -EOPNOTSUPP;
        }

        return irq_features_find_kernel(&features, ret_reason);
}

static void *close_collector(void *userdata) {
        struct irq_delay *d = userdata;

        if (!d)
                return NULL;

        heartbeat_done(&d->heartbeat);
        irq_programs_done(&d->programs);
        span_reader_done(&d->spans);
        window_queue_free(d->windows);
        steal_stat_free(d->steal_stat);
        enricher_unref(d->enricher);
        cpu_set_done(&d->online);
        free(d->watched_ns);
        free(d->n_heartbeats);
        free(d);
        return NULL;
}

static void close_collectorp(struct irq_delay **d) {
        (void)close_collector(*d);
}

static int on_record(void *userdata, void *data, size_t size) {
        struct irq_delay *d = userdata;

        return window_queue_add(d->windows, data, size);
}

static _printf_(2, 3) void set_degraded(struct irq_delay *d, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(d->degraded, sizeof(d->degraded), format, ap); /* cut at the buffer's end */
        va_end(ap);
}

/* The shortest tick distance that any CPU saw. */
static uint64_t tick_period(const struct irq_delay *d) {
        uint64_t shortest = 0;

        for (unsigned i = 0; i < d->n_cpus; i++) {
                uint64_t period = d->programs.cpus[i].tick_period_ns;

                if (period && (!shortest || period < shortest))
                        shortest = period;
        }

        return shortest ? MIN(shortest, TICK_PERIOD_LONGEST_NS) : TICK_PERIOD_LONGEST_NS;
}

/* Tells the programs what to look for: with the heartbeat or with the tick only. */
static void apply_period(struct irq_delay *d) {
        char tick[DURATION_TEXT_MAX], twice[DURATION_TEXT_MAX];
        uint64_t period = d->heartbeat_works ? d->period_ns : tick_period(d);

        d->programs.config->period_ns = period;
        d->programs.config->threshold_ns = d->threshold_ns;
        if (!d->heartbeat_works && d->mode == MODE_PASSIVE && d->threshold_ns < 2 * period)
                set_degraded(d, "passive mode with a tick of %s: windows shorter than %s may be missed",
                             format_duration(period, tick), format_duration(2 * period, twice));
        else if (d->mode == MODE_PASSIVE)
                d->degraded[0] = '\0';
}

/* Arms the heartbeat where a CPU is online and not beating. */
static void follow_cpus(struct irq_delay *d, const struct cpu_set *online, bool is_first) {
        int error = 0;
        bool any = false;

        for (unsigned cpu = 0; cpu < d->n_cpus; cpu++) {
                bool beats = heartbeat_is_armed(&d->heartbeat, cpu) &&
                             (is_first || d->programs.cpus[cpu].n_heartbeats != d->n_heartbeats[cpu]);
                int r = 0;

                if (!cpu_set_contains(online, (int)cpu)) {
                        heartbeat_disarm(&d->heartbeat, cpu);
                        continue;
                }

                /* A CPU that went away and came back between two passes left its event dead. */
                if (!beats)
                        r = heartbeat_arm(&d->heartbeat, cpu);
                if (r < 0 && r != -ENODEV)
                        error = r;
                any = any || r >= 0;
                d->n_heartbeats[cpu] = d->programs.cpus[cpu].n_heartbeats;
        }

        heartbeat_hang_up(&d->heartbeat);
        d->heartbeat_works = any;
        if (error == -EACCES || error == -EPERM)
                set_degraded(d, "no heartbeat, so only the kernel's tick is used: perf_event_open: %s, and "
                                "irqwatch-heartbeat.socket: %s; do: systemctl start irqwatch-heartbeat.socket; "
                                "systemctl reload irqwatchd", strerror(-error), strerror(-d->heartbeat.opener_error));
        else if (error < 0)
                set_degraded(d, "no heartbeat, so only the kernel's tick is used: perf_event_open: %s", strerror(-error));
        else
                d->degraded[0] = '\0';
}

static void start_heartbeat(struct irq_delay *d) {
        struct utsname uts;
        const char *reason;

        if (d->mode == MODE_PASSIVE)
                return;

        if (uname(&uts) == 0 && (reason = heartbeat_forbidden_reason(uts.release))) {
                set_degraded(d, "no heartbeat, so only the kernel's tick is used: %s", reason);
                return;
        }
        if (!d->programs.has_heartbeat_function) {
                set_degraded(d, "no heartbeat, so only the kernel's tick is used: the kernel has no symbol "
                                "perf_swevent_hrtimer");
                return;
        }

        d->heartbeat.period_ns = d->period_ns;
        d->heartbeat.opener_error = 0;
        follow_cpus(d, &d->online, true);
}

static void read_settings(struct irq_delay *d, const struct config *config) {
        d->programs.config->hardirq_threshold_ns = config_get(config, "irq-delay", "hardirq-threshold");
        d->programs.config->softirq_threshold_ns = config_get(config, "irq-delay", "softirq-threshold");
        d->programs.config->user_stack_bytes = config_get(config, "irq-delay", "user-stack");
        d->programs.config->softirq_wait_threshold_ns = config_get(config, "irq-delay", "softirq-wait-threshold");
        d->mode = config_get(config, "irq-delay", "mode") == MODE_PASSIVE ? MODE_PASSIVE : MODE_ACTIVE;
        d->threshold_ns = config_get(config, "irq-delay", "threshold");
        d->period_ns = configured_period(config);
        d->programs.config->max_events_per_second = config_get(config, "irq-delay", "max-events-per-second");
}

static int attach(struct irq_delay *d, const struct config *config) {
        int r;

        read_settings(d, config);
        apply_period(d);

        r = irq_programs_attach(&d->programs);
        if (r < 0)
                return r;

        start_heartbeat(d);
        apply_period(d);
        return 0;
}

static int new_irq_delay(const struct collector_env *env, struct irq_delay **ret) {
        _cleanup_(close_collectorp) struct irq_delay *d = NULL;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;

        d->root_fd = env->root_fd;
        d->n_cpus = env->n_possible_cpus;
        d->watched_ns = calloc(d->n_cpus, sizeof(*d->watched_ns));
        d->n_heartbeats = calloc(d->n_cpus, sizeof(*d->n_heartbeats));
        if (!d->watched_ns || !d->n_heartbeats)
                return -ENOMEM;

        *ret = TAKE_PTR(d);
        return 0;
}

/* Only where the records cannot tell steal time: on such kernels it costs a reading of /proc/stat per pass and window. */
static int open_steal_stat(struct irq_delay *d, uint64_t now_ns) {
        int r;

        if (d->programs.has_steal)
                return 0;

        r = steal_stat_new(d->root_fd, &d->steal_stat);
        if (r >= 0)
                r = steal_stat_read(d->steal_stat, now_ns);
        if (r < 0)
                return r;

        window_queue_use_steal_stat(d->windows, d->steal_stat);
        return 0;
}

static int open_collector(const struct collector_env *env, void **ret_state) {
        _cleanup_(close_collectorp) struct irq_delay *d = NULL;
        _cleanup_(kallsyms_freep) struct kallsyms *kallsyms = NULL;
        struct stamp now;
        int r;

        stamp_now(&now);
        if ((r = new_irq_delay(env, &d)) < 0 ||
            (r = kallsyms_new(env->root_fd, now.monotonic_ns, &kallsyms)) < 0 ||
            (r = heartbeat_init(&d->heartbeat, d->n_cpus, configured_period(env->config))) < 0 ||
            (r = cpu_list_read(d->root_fd, "sys/devices/system/cpu/online", &d->online)) < 0 ||
            (r = irq_programs_load(&d->programs, d->n_cpus, kallsyms, on_record, d)) < 0 ||
            (r = enricher_new(kallsyms, env->root_fd, env->worker, env->slow_worker, &d->enricher)) < 0)
                return r;

        (void)TAKE_PTR(kallsyms); /* the enricher's now */
        if ((r = window_queue_new(d->enricher, (unsigned)cpu_set_count(&d->online), &d->windows)) < 0 ||
            (r = open_steal_stat(d, now.monotonic_ns)) < 0 || (r = attach(d, env->config)) < 0)
                return r;

        d->last_pass_ns = now.monotonic_ns;
        *ret_state = TAKE_PTR(d);
        return 0;
}

/* A CPU counts as watched while it was online at both ends of the time between two passes. */
static int update_online(struct irq_delay *d, uint64_t now_ns) {
        _cleanup_(cpu_set_done) struct cpu_set online = {};
        uint64_t elapsed = now_ns - d->last_pass_ns;
        int r;

        r = cpu_list_read(d->root_fd, "sys/devices/system/cpu/online", &online);
        if (r < 0)
                return r;

        for (unsigned cpu = 0; cpu < d->n_cpus; cpu++)
                if (cpu_set_contains(&online, (int)cpu) && cpu_set_contains(&d->online, (int)cpu))
                        d->watched_ns[cpu] += elapsed;

        d->last_pass_ns = now_ns;
        if (d->mode == MODE_ACTIVE && d->heartbeat_works)
                follow_cpus(d, &online, false);
        apply_period(d);
        window_queue_set_n_online(d->windows, (unsigned)cpu_set_count(&online));
        return cpu_set_copy(&d->online, &online);
}

static uint64_t metric_value(const struct irq_delay *d, unsigned cpu, enum irq_metric metric) {
        const volatile struct abi_cpu *c = &d->programs.cpus[cpu];

        switch (metric) {
        case IRQ_LATENESS_MAX:
                return c->lateness_max_ns;
        case IRQ_OBSERVED:
                return c->observed_ns;
        case IRQ_WATCHED:
                return d->watched_ns[cpu];
        case IRQ_WINDOWS:
                return c->n_windows;
        case IRQ_LOST:
                return c->n_lost;
        case IRQ_SUPPRESSED:
                return c->n_suppressed;
        default:
                assert(false);
                return 0;
        }
}

static bool has_bucket(const struct irq_delay *d, unsigned bucket) {
        for (unsigned cpu = 0; cpu < d->n_cpus; cpu++)
                if (d->programs.cpus[cpu].histogram[bucket] > 0)
                        return true;

        return false;
}

static int add_histogram(const struct irq_delay *d, struct batch *batch) {
        int r;

        for (unsigned bucket = 0; bucket < ABI_BUCKETS; bucket++) {
                char name[16];

                if (!has_bucket(d, bucket))
                        continue;
                (void)snprintf(name, sizeof(name), "%u", bucket); /* two digits */
                r = batch_add_row(batch, IRQ_LATENESS, &(struct row_key){ .name = name });
                for (int cpu = cpu_set_next(&d->online, 0); r >= 0 && cpu >= 0; cpu = cpu_set_next(&d->online, cpu + 1))
                        r = batch_add(batch, cpu, d->programs.cpus[cpu].histogram[bucket]);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int sample(void *userdata, struct batch *batch) {
        struct irq_delay *d = userdata;
        int r;

        r = update_online(d, batch->stamp.monotonic_ns);
        if (r < 0)
                return r;

        if (d->steal_stat)
                (void)steal_stat_read(d->steal_stat, batch->stamp.monotonic_ns); /* windows then stay without */

        r = add_histogram(d, batch);
        for (unsigned metric = IRQ_LATENESS_MAX; r >= 0 && metric <= IRQ_SUPPRESSED; metric++) {
                r = batch_add_row(batch, metric, &(struct row_key){ .name = "" });
                for (int cpu = cpu_set_next(&d->online, 0); r >= 0 && cpu >= 0; cpu = cpu_set_next(&d->online, cpu + 1))
                        r = batch_add(batch, cpu, metric_value(d, (unsigned)cpu, metric));
        }

        if (r < 0)
                return r;

        enricher_tidy(d->enricher, batch->stamp.monotonic_ns);
        return span_reader_sample(&d->spans, &d->programs, enricher_name_function, d->enricher, batch);
}

static int event_fd(void *userdata) {
        struct irq_delay *d = userdata;

        return irq_programs_fd(&d->programs);
}

static int dispatch(void *userdata, struct event_sink *sink) {
        struct irq_delay *d = userdata;
        struct stamp now;
        int r;

        r = irq_programs_consume(&d->programs);
        if (r < 0)
                return r;

        stamp_now(&now);
        return window_queue_flush(d->windows, &now, sink);
}

static int finish(void *userdata, struct event_sink *sink) {
        struct irq_delay *d = userdata;
        struct stamp now;
        int r, q;

        r = irq_programs_consume(&d->programs);
        stamp_now(&now);
        q = window_queue_finish(d->windows, &now, sink);
        return r < 0 ? r : q;
}

static uint64_t next_deadline(void *userdata) {
        struct irq_delay *d = userdata;

        return window_queue_next_deadline(d->windows);
}

static int reconfigure(void *userdata, const struct config *config) {
        struct irq_delay *d = userdata;

        /* Nothing is detached: the programs see the new numbers at the next expiry. */
        read_settings(d, config);
        if (d->mode == MODE_PASSIVE) {
                for (unsigned cpu = 0; cpu < d->n_cpus; cpu++)
                        heartbeat_disarm(&d->heartbeat, cpu);
                d->heartbeat_works = false;
                d->degraded[0] = '\0';
        } else if (d->heartbeat.period_ns != d->period_ns || !d->heartbeat_works) {
                d->heartbeat.period_ns = d->period_ns;
                for (unsigned cpu = 0; cpu < d->n_cpus; cpu++)
                        d->n_heartbeats[cpu] = d->programs.cpus[cpu].n_heartbeats; /* "not beating": arm again */
                start_heartbeat(d);
        }

        apply_period(d);
        return 0;
}

static const char *degraded(void *userdata) {
        struct irq_delay *d = userdata;

        return d->degraded[0] ? d->degraded : NULL;
}

static int describe(void *userdata, struct collector_info *ret_info) {
        struct irq_delay *d = userdata;
        uint64_t lost = 0, suppressed = 0, windows = 0, slow = 0, refused = 0, bpf_ns = 0, bpf_runs = 0, missed = 0,
                 user_lost = 0, unsettled = 0, unseen = 0;

        for (unsigned cpu = 0; cpu < d->n_cpus; cpu++) {
                lost += d->programs.cpus[cpu].n_lost;
                user_lost += d->programs.cpus[cpu].n_user_lost;
                unsettled += d->programs.cpus[cpu].n_unsettled;
                unseen += d->programs.cpus[cpu].n_waits_unseen;
                suppressed += d->programs.cpus[cpu].n_suppressed;
                windows += d->programs.cpus[cpu].n_windows;
                slow += d->programs.cpus[cpu].n_slow;
                refused += d->programs.cpus[cpu].n_keys_refused;
        }
        irq_programs_get_cost(&d->programs, &bpf_ns, &bpf_runs, &missed);

        *ret_info = (struct collector_info){
                .counters = {
                        { "windows", windows },
                        { "slowSpans", slow },
                        { "lostRecords", lost },
                        { "suppressedRecords", suppressed },
                        { "lostUserStacks", user_lost },
                        { "unsettledRecords", unsettled },
                        { "unsymbolisedRecords", window_queue_n_unsymbolised(d->windows) },
                        { "uncountedSpans", refused },
                        { "unseenSoftirqs", unseen },
                        { "missedRuns", missed },
                        { "heartbeatNsec", d->heartbeat_works ? d->period_ns : 0 },
                        { "bpfRunNsec", bpf_ns },
                        { "bpfRuns", bpf_runs },
                },
                .n_counters = 13,
        };
        return 0;
}

const struct collector_ops collector_irq_delay = {
        .name = "irq-delay",
        .summary = "windows in which interrupts were held off, and timer lateness",
        .section = &section,
        .metrics = irq_metrics,
        .n_metrics = _IRQ_METRIC_MAX,
        .probe = probe,
        .open = open_collector,
        .sample = sample,
        .event_fd = event_fd,
        .dispatch = dispatch,
        .next_deadline = next_deadline,
        .finish = finish,
        .reconfigure = reconfigure,
        .degraded = degraded,
        .describe = describe,
        .close = close_collector,
};
