/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/irq-delay.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "bpf/abi.h"
#include "bpf/irq-delay.skel.h"
#include "common/parse.h"
#include "daemon/collect/enrich.h"
#include "daemon/collect/heartbeat.h"
#include "daemon/collect/registry.h"
#include "daemon/collect/window.h"
#include "daemon/symbols/kallsyms.h"

/* Before two ticks in a row were seen: the longest tick there is (HZ=100). */
#define TICK_PERIOD_LONGEST_NS (10 * NSEC_PER_MSEC)

enum metric {
        METRIC_LATENESS,
        METRIC_LATENESS_MAX,
        METRIC_OBSERVED,
        METRIC_WATCHED,
        METRIC_WINDOWS,
        METRIC_LOST,
        METRIC_SUPPRESSED,
        _METRIC_MAX,
};

static const struct metric_desc metrics[] = {
        [METRIC_LATENESS] = { "lateness", "ns", "how long after its time a timer interrupt ran", "bucket",
                              { NULL }, METRIC_HISTOGRAM, 64 },
        [METRIC_LATENESS_MAX] = { "lateness-max", "ns", "largest lateness since the collector started", NULL,
                                  { NULL }, METRIC_GAUGE, 64 },
        [METRIC_OBSERVED] = { "observed", "ns", "time during which a window would have been found", NULL,
                              { NULL }, METRIC_COUNTER, 64 },
        [METRIC_WATCHED] = { "watched", "ns", "time for which the CPU was online and to be observed", NULL,
                             { NULL }, METRIC_COUNTER, 64 },
        [METRIC_WINDOWS] = { "windows", "1", "windows above the threshold, recorded or not", NULL,
                             { NULL }, METRIC_COUNTER, 64 },
        [METRIC_LOST] = { "lost", "1", "records lost because the ring buffer was full", NULL,
                          { NULL }, METRIC_COUNTER, 64 },
        [METRIC_SUPPRESSED] = { "suppressed", "1", "records above max-events-per-second", NULL,
                                { NULL }, METRIC_COUNTER, 64 },
};
static_assert(ELEMENTSOF(metrics) == _METRIC_MAX, "a description for each metric");

enum mode {
        MODE_ACTIVE,
        MODE_PASSIVE,
        _MODE_MAX,
};
static const char *const mode_names[] = { [MODE_ACTIVE] = "active", [MODE_PASSIVE] = "passive", NULL };
static_assert(ELEMENTSOF(mode_names) == _MODE_MAX + 1, "a name for each mode");

struct irq_delay {
        struct irq_delay_bpf *skel;
        struct ring_buffer *ring;
        struct abi_cpu *cpus; /* mapped, n_cpus of them */
        size_t cpus_size;
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
};

static uint64_t configured_period(const struct config *config) {
        uint64_t heartbeat = config_get(config, "irq-delay", "heartbeat");

        return heartbeat ? heartbeat : config_get(config, "irq-delay", "threshold") / 2;
}

static int check_settings(const struct config *config, char **ret_reason) {
        uint64_t threshold = config_get(config, "irq-delay", "threshold");
        uint64_t heartbeat = config_get(config, "irq-delay", "heartbeat");
        char t[DURATION_TEXT_MAX], h[DURATION_TEXT_MAX], least[DURATION_TEXT_MAX];

        if (config_get(config, "irq-delay", "mode") == MODE_PASSIVE || threshold >= 2 * heartbeat)
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
        { "max-events-per-second", "20", NULL, "records per CPU; more are counted as suppressed", 1, 100000,
          SETTING_COUNT, true },
};

static const struct config_section section = {
        .name = "irq-delay",
        .settings = settings,
        .n_settings = ELEMENTSOF(settings),
        .check = check_settings,
};

static int ignore_libbpf_message(enum libbpf_print_level level, const char *format, va_list ap) {
        return 0; /* its errors come back as return codes; its texts are for developers */
}

static bool has_tracepoint(const struct btf *btf, const char *name) {
        char type[128];

        (void)snprintf(type, sizeof(type), "btf_trace_%s", name); /* names are short literals */
        return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

int irq_delay_find_features(const struct btf *btf, struct irq_delay_features *ret_features,
                            const char **ret_reason) {
        if (!has_tracepoint(btf, "hrtimer_expire_entry") || !has_tracepoint(btf, "hrtimer_expire_exit")) {
                *ret_reason = "the kernel has no tracepoint timer:hrtimer_expire_entry/exit";
                return -EOPNOTSUPP;
        }
        if (!has_tracepoint(btf, "irq_handler_entry") || !has_tracepoint(btf, "softirq_entry")) {
                *ret_reason = "the kernel has no tracepoints irq:irq_handler_entry and irq:softirq_entry";
                return -EOPNOTSUPP;
        }

        *ret_features = (struct irq_delay_features){
                .csd_function = has_tracepoint(btf, "csd_function_entry"),
                .call_function = has_tracepoint(btf, "call_function_single_entry"),
        };
        return 0;
}

static int probe(const struct collector_env *env, const char **ret_reason) {
        struct irq_delay_features features;
        struct btf *btf;
        int r;

        if (env->is_fixture) {
                *ret_reason = "measures the running kernel, which --root replaces by a directory";
                return -EOPNOTSUPP;
        }

        (void)libbpf_set_print(ignore_libbpf_message); /* returns the previous callback */
        btf = btf__load_vmlinux_btf();
        if (!btf) {
                *ret_reason = "the kernel offers no type information (/sys/kernel/btf/vmlinux): it needs "
                              "CONFIG_DEBUG_INFO_BTF=y";
                return -EOPNOTSUPP;
        }

        r = irq_delay_find_features(btf, &features, ret_reason);
        btf__free(btf);
        return r;
}

static void *close_collector(void *userdata) {
        struct irq_delay *d = userdata;

        if (!d)
                return NULL;

        heartbeat_done(&d->heartbeat);
        ring_buffer__free(d->ring);
        if (d->cpus)
                (void)munmap(d->cpus, d->cpus_size); /* cannot fail for a mapping we made */
        irq_delay_bpf__destroy(d->skel);
        window_queue_free(d->windows);
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

static void select_programs(struct irq_delay_bpf *skel, const struct irq_delay_features *features) {
        bool vectors = features->call_function && !features->csd_function;

        bpf_program__set_autoload(skel->progs.irqd_csd_entry, features->csd_function);
        bpf_program__set_autoload(skel->progs.irqd_csd_exit, features->csd_function);
        bpf_program__set_autoload(skel->progs.irqd_call_single_entry, vectors);
        bpf_program__set_autoload(skel->progs.irqd_call_single_exit, vectors);
        bpf_program__set_autoload(skel->progs.irqd_call_entry, vectors);
        bpf_program__set_autoload(skel->progs.irqd_call_exit, vectors);
}

static uint64_t find_function(const struct kallsyms *kallsyms, const char *name) {
        uint64_t address = 0;

        return kallsyms_find(kallsyms, name, &address, 1) > 0 ? address : 0;
}

/* The tick's callback was renamed in 6.9 (kernel/time/tick-sched.c). */
static uint64_t find_tick_function(const struct kallsyms *kallsyms) {
        uint64_t address = find_function(kallsyms, "tick_nohz_handler");

        return address ? address : find_function(kallsyms, "tick_sched_timer");
}

/* Where the frame of the timer interrupt's entry points to: behind its call, a few instructions in. */
static void find_timer_entry(const struct kallsyms *kallsyms, struct irq_delay_bpf *skel) {
        static const char *const entries[] = {
                "asm_sysvec_apic_timer_interrupt", /* x86 */
                "el1h_64_irq",                     /* arm64; el1_irq before 5.15 */
                "el1_irq",
        };
        enum { ENTRY_SIZE_MAX = 128 };

        for (size_t i = 0; i < ELEMENTSOF(entries); i++) {
                uint64_t address = find_function(kallsyms, entries[i]);

                if (address) {
                        skel->rodata->timer_entry_start = address;
                        skel->rodata->timer_entry_end = address + ENTRY_SIZE_MAX;
                        return;
                }
        }
}

static int load_programs(struct irq_delay *d, const struct kallsyms *kallsyms) {
        struct irq_delay_features features = {};
        const char *reason = NULL;
        struct btf *btf;
        int r;

        btf = btf__load_vmlinux_btf();
        if (!btf)
                return -errno;
        r = irq_delay_find_features(btf, &features, &reason);
        btf__free(btf);
        if (r < 0)
                return r;

        d->skel = irq_delay_bpf__open();
        if (!d->skel)
                return -errno;

        select_programs(d->skel, &features);
        d->skel->rodata->tick_function = find_tick_function(kallsyms);
        d->skel->rodata->heartbeat_function = find_function(kallsyms, "perf_swevent_hrtimer");
        find_timer_entry(kallsyms, d->skel);
        r = bpf_map__set_max_entries(d->skel->maps.cpus, d->n_cpus);
        if (r < 0)
                return r;

        return irq_delay_bpf__load(d->skel);
}

static int map_state(struct irq_delay *d) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        void *p;

        d->cpus_size = (d->n_cpus * sizeof(*d->cpus) + page - 1) / page * page;
        p = mmap(NULL, d->cpus_size, PROT_READ, MAP_SHARED, bpf_map__fd(d->skel->maps.cpus), 0);
        if (p == MAP_FAILED)
                return -errno;

        d->cpus = p;
        return 0;
}

static int on_record(void *userdata, void *data, size_t size) {
        struct irq_delay *d = userdata;

        return window_queue_add(d->windows, data, size);
}

static int open_ring(struct irq_delay *d) {
        d->ring = ring_buffer__new(bpf_map__fd(d->skel->maps.records), on_record, d, NULL);
        return d->ring ? 0 : -errno;
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
                uint64_t period = d->cpus[i].tick_period_ns;

                if (period && (!shortest || period < shortest))
                        shortest = period;
        }

        return shortest ? MIN(shortest, TICK_PERIOD_LONGEST_NS) : TICK_PERIOD_LONGEST_NS;
}

/* Tells the programs what to look for: with the heartbeat or with the tick only. */
static void apply_period(struct irq_delay *d) {
        char tick[DURATION_TEXT_MAX], twice[DURATION_TEXT_MAX];
        uint64_t period = d->heartbeat_works ? d->period_ns : tick_period(d);

        d->skel->bss->config.period_ns = period;
        d->skel->bss->config.threshold_ns = d->threshold_ns;
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
                             (is_first || d->cpus[cpu].n_heartbeats != d->n_heartbeats[cpu]);
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
                d->n_heartbeats[cpu] = d->cpus[cpu].n_heartbeats;
        }

        d->heartbeat_works = any;
        if (error < 0)
                set_degraded(d, "no heartbeat, so only the kernel's tick is used: perf_event_open: %s; needs "
                                "CAP_PERFMON or kernel.perf_event_paranoid", strerror(-error));
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
        if (!d->skel->rodata->heartbeat_function) {
                set_degraded(d, "no heartbeat, so only the kernel's tick is used: the kernel has no symbol "
                                "perf_swevent_hrtimer");
                return;
        }

        d->heartbeat.period_ns = d->period_ns;
        follow_cpus(d, &d->online, true);
}

static void read_settings(struct irq_delay *d, const struct config *config) {
        d->mode = config_get(config, "irq-delay", "mode") == MODE_PASSIVE ? MODE_PASSIVE : MODE_ACTIVE;
        d->threshold_ns = config_get(config, "irq-delay", "threshold");
        d->period_ns = configured_period(config);
        d->skel->bss->config.max_events_per_second = config_get(config, "irq-delay", "max-events-per-second");
}

static int attach(struct irq_delay *d, const struct config *config) {
        int r;

        read_settings(d, config);
        apply_period(d);

        r = irq_delay_bpf__attach(d->skel);
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
            (r = load_programs(d, kallsyms)) < 0 || (r = map_state(d)) < 0 || (r = open_ring(d)) < 0 ||
            (r = enricher_new(kallsyms, env->root_fd, env->worker, &d->enricher)) < 0)
                return r;

        (void)TAKE_PTR(kallsyms); /* the enricher's now */
        if ((r = window_queue_new(d->enricher, (unsigned)cpu_set_count(&d->online), &d->windows)) < 0 ||
            (r = attach(d, env->config)) < 0)
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

static uint64_t metric_value(const struct irq_delay *d, unsigned cpu, enum metric metric) {
        const struct abi_cpu *c = &d->cpus[cpu];

        switch (metric) {
        case METRIC_LATENESS_MAX:
                return c->lateness_max_ns;
        case METRIC_OBSERVED:
                return c->observed_ns;
        case METRIC_WATCHED:
                return d->watched_ns[cpu];
        case METRIC_WINDOWS:
                return c->n_windows;
        case METRIC_LOST:
                return c->n_lost;
        case METRIC_SUPPRESSED:
                return c->n_suppressed;
        case METRIC_LATENESS:
        case _METRIC_MAX:
        default:
                assert(false);
                return 0;
        }
}

static int add_histogram(const struct irq_delay *d, struct batch *batch) {
        int r;

        for (unsigned bucket = 0; bucket < ABI_BUCKETS; bucket++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "%u", bucket); /* two digits */
                r = batch_add_row(batch, METRIC_LATENESS, &(struct row_key){ .name = name });
                for (int cpu = cpu_set_next(&d->online, 0); r >= 0 && cpu >= 0; cpu = cpu_set_next(&d->online, cpu + 1))
                        r = batch_add(batch, cpu, d->cpus[cpu].histogram[bucket]);
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

        r = add_histogram(d, batch);
        for (unsigned metric = METRIC_LATENESS_MAX; r >= 0 && metric < _METRIC_MAX; metric++) {
                r = batch_add_row(batch, metric, &(struct row_key){ .name = "" });
                for (int cpu = cpu_set_next(&d->online, 0); r >= 0 && cpu >= 0; cpu = cpu_set_next(&d->online, cpu + 1))
                        r = batch_add(batch, cpu, metric_value(d, (unsigned)cpu, metric));
        }

        return r < 0 ? r : 0;
}

static int event_fd(void *userdata) {
        struct irq_delay *d = userdata;

        return ring_buffer__epoll_fd(d->ring);
}

static int dispatch(void *userdata, struct event_sink *sink) {
        struct irq_delay *d = userdata;
        struct stamp now;
        int r;

        r = ring_buffer__consume(d->ring);
        if (r < 0)
                return r;

        stamp_now(&now);
        return window_queue_flush(d->windows, &now, sink);
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
                        d->n_heartbeats[cpu] = d->cpus[cpu].n_heartbeats; /* "not beating": arm again */
                start_heartbeat(d);
        }

        apply_period(d);
        return 0;
}

static void sum_program_cost(struct irq_delay *d, uint64_t *ret_ns, uint64_t *ret_runs) {
        struct bpf_program *program;

        bpf_object__for_each_program(program, d->skel->obj) {
                struct bpf_prog_info info = {};
                __u32 size = sizeof(info);

                if (bpf_program__fd(program) >= 0 &&
                    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
                        *ret_ns += info.run_time_ns;
                        *ret_runs += info.run_cnt;
                }
        }
}

static int describe(void *userdata, struct collector_info *ret_info) {
        struct irq_delay *d = userdata;
        uint64_t lost = 0, suppressed = 0, windows = 0, bpf_ns = 0, bpf_runs = 0;

        for (unsigned cpu = 0; cpu < d->n_cpus; cpu++) {
                lost += d->cpus[cpu].n_lost;
                suppressed += d->cpus[cpu].n_suppressed;
                windows += d->cpus[cpu].n_windows;
        }
        sum_program_cost(d, &bpf_ns, &bpf_runs);

        *ret_info = (struct collector_info){
                .degraded = d->degraded[0] ? d->degraded : NULL,
                .counters = {
                        { "windows", windows },
                        { "lostRecords", lost },
                        { "suppressedRecords", suppressed },
                        { "unsymbolisedRecords", window_queue_n_unsymbolised(d->windows) },
                        { "heartbeatNsec", d->heartbeat_works ? d->period_ns : 0 },
                        { "bpfRunNsec", bpf_ns },
                        { "bpfRuns", bpf_runs },
                },
                .n_counters = 7,
        };
        return 0;
}

const struct collector_ops collector_irq_delay = {
        .name = "irq-delay",
        .summary = "windows in which interrupts were held off, and timer lateness",
        .section = &section,
        .metrics = metrics,
        .n_metrics = ELEMENTSOF(metrics),
        .probe = probe,
        .open = open_collector,
        .sample = sample,
        .event_fd = event_fd,
        .dispatch = dispatch,
        .next_deadline = next_deadline,
        .reconfigure = reconfigure,
        .describe = describe,
        .close = close_collector,
};
