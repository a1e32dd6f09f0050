/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What history costs: fills a real store with passes of all collectors at one second as a machine of N CPUs
 * would give them, and prints the cost of a commit, the memory that it takes, and the time of a report over
 * the last ten minutes: the scan, the query, the JSON; and of judging rules for alerts. "bench-report CPUS SECONDS".
 */

#include <assert.h>
#include <string.h>
#include <time.h>

#include "daemon/alert/engine.h"
#include "daemon/collect/registry.h"
#include "daemon/collect/spans.h"
#include "daemon/config-alert.h"
#include "daemon/config-sections.h"
#include "daemon/ipc/json-report.h"
#include "daemon/manager-readings.h"
#include "daemon/query/report.h"
#include "daemon/store/store.h"

enum {
        IRQS_PER_CPU = 4, /* a network queue, a storage queue, and others */
        QUIET_IRQS = 3,   /* in four: not used at the moment */
        BUSY_BUCKETS = 7, /* of the lateness histogram, on every CPU in every second */
        FIRST_BUCKET = 9,
        SPAN_SECONDS = SPAN_READ_INTERVAL_NS / NSEC_PER_SEC,
        N_BUCKETS = 40,
        SECONDS_PER_EVENT = 3,
        STACKS = 12,
        FRAMES = 24,
        REPORT_SECONDS = 600,
        REPORTS = 21,    /* the median is of an odd number */
        BUDGET_MIB = 64, /* the default of [store] memory */
};

static const char *const softirq_names[] = { "HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                             "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU" };
static const char *const arch_names[] = { "NMI", "LOC", "SPU", "PMI", "IWI", "RTR", "RES", "CAL",
                                          "TLB", "TRM", "THR", "DFR", "MCE", "MCP", "HYP", "PIN" };
static const char *const busy_names[] = { "TIMER", "NET_RX", "SCHED", "RCU", "LOC", "RES", "CAL", "TLB" };

enum { COLLECTORS_MAX = 64 };

struct bench {
        unsigned n_cpus, n_seconds;
        struct store *store;
        struct batch batch;
        struct stamp start;
        uint64_t random;
        uint64_t span_random; /* as it was when spans were read */
        unsigned second;      /* of the pass being made */
        uint64_t commit_ns[COLLECTORS_MAX]; /* as in the registry */
        size_t n_cells[COLLECTORS_MAX];
};

static uint64_t clock_ns(clockid_t clock) {
        struct timespec ts;

        (void)clock_gettime(clock, &ts); /* cannot fail */
        return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Numbers that vary as counts do, the same in every run (xorshift64*). */
static uint64_t draw(struct bench *b, uint64_t below) {
        b->random ^= b->random >> 12;
        b->random ^= b->random << 25;
        b->random ^= b->random >> 27;
        return (b->random * UINT64_C(2685821657736338717) >> 33) % below;
}

static bool is_busy(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(busy_names); i++)
                if (strcmp(name, busy_names[i]) == 0)
                        return true;

        return false;
}

static int find_metric(const struct collector_ops *ops, const char *name) {
        for (size_t i = 0; i < ops->n_metrics; i++)
                if (strcmp(ops->metrics[i].name, name) == 0)
                        return (int)i;

        return -ENOENT;
}

/* A row that grows on every CPU by about per_second, or stands still at a number of its own. */
static int add_row(struct bench *b, unsigned metric, const struct row_key *key, uint64_t per_second,
                   bool grows) {
        int r = batch_add_row(&b->batch, metric, key);

        for (unsigned cpu = 0; r >= 0 && cpu < b->n_cpus; cpu++) {
                uint64_t value =
                        grows ? 100 * per_second + b->second * per_second + draw(b, per_second / 2 + 1) : 0;

                r = batch_add(&b->batch, (int)cpu, value);
        }

        return r;
}

/* One CPU serves it, in one of four it does something now. */
static int add_irq(struct bench *b, unsigned irq) {
        char name[16], hwirq[16], actions[32];
        const struct row_key key = { .name = name, .labels = { "PCI-MSIX-0000:00:01.0", hwirq, actions } };
        bool quiet = irq % (QUIET_IRQS + 1) != 0;
        int r;

        (void)snprintf(name, sizeof(name), "%u", 24 + irq);
        (void)snprintf(hwirq, sizeof(hwirq), "%u-edge", irq);
        (void)snprintf(actions, sizeof(actions), "mlx5_comp%u", irq);

        r = batch_add_row(&b->batch, 0, &key);
        for (unsigned cpu = 0; r >= 0 && cpu < b->n_cpus; cpu++) {
                bool serves = cpu == irq % b->n_cpus;

                r = batch_add(&b->batch, (int)cpu,
                              serves ? 5000 + (quiet ? 0 : b->second * 3000 + draw(b, 1500)) : 0);
        }

        return r;
}

static int fill_interrupts(struct bench *b, const struct collector_ops *ops) {
        int r = 0;

        for (unsigned irq = 0; r >= 0 && irq < b->n_cpus * IRQS_PER_CPU; irq++)
                r = add_irq(b, irq);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(arch_names); i++)
                r = add_row(b, 0, &(struct row_key){ .name = arch_names[i] }, 400, is_busy(arch_names[i]));

        return r;
}

static int fill_softirqs(struct bench *b, const struct collector_ops *ops) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(softirq_names); i++)
                r = add_row(b, 0, &(struct row_key){ .name = softirq_names[i] }, 300,
                            is_busy(softirq_names[i]));

        return r;
}

/* One sort of span on all CPUs: some buckets of its histogram, the sum, the longest. As seen on a machine at
 * work: of the 240 series that a CPU has, half change in a second. */
static int add_span(struct bench *b, const struct collector_ops *ops, const char *histogram,
                    const char *total, const char *longest, const char *name) {
        enum { BUCKETS = 8, BUSY = 3 };
        const struct row_key sum = { .name = name };
        char bucket[16];
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < BUCKETS; i++) {
                const struct row_key key = { .name = bucket, .labels = { name } };

                (void)snprintf(bucket, sizeof(bucket), "%u", FIRST_BUCKET + i);
                r = add_row(b, (unsigned)find_metric(ops, histogram), &key, 40, i < BUSY);
        }
        if (r >= 0)
                r = add_row(b, (unsigned)find_metric(ops, total), &sum, 200000, true);

        return r < 0 ? r : add_row(b, (unsigned)find_metric(ops, longest), &sum, 1, false);
}

static int fill_spans(struct bench *b, const struct collector_ops *ops) {
        enum { CALLS = 5, TIMERS = 10 };
        char name[32];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(softirq_names); i++) {
                if (!is_busy(softirq_names[i]))
                        continue;
                r = add_span(b, ops, "softirq-time", "softirq-total", "softirq-max", softirq_names[i]);
                if (r >= 0)
                        r = add_span(b, ops, "softirq-wait", "softirq-wait-total", "softirq-wait-max",
                                     softirq_names[i]);
        }
        for (unsigned i = 0; r >= 0 && i < CALLS + TIMERS; i++) {
                (void)snprintf(name, sizeof(name), "function_%u", i);
                r = i < CALLS ? add_span(b, ops, "call-time", "call-total", "call-max", name)
                              : add_span(b, ops, "timer-time", "timer-total", "timer-max", name);
        }

        return r;
}

/* The collector reads these less often than the rest; in the passes between they stand still. */
static int fill_spans_as_read(struct bench *b, const struct collector_ops *ops) {
        uint64_t random = b->random;
        unsigned second = b->second;
        int r;

        if (second % SPAN_SECONDS == 0)
                b->span_random = random;
        b->second -= second % SPAN_SECONDS;
        b->random = b->span_random;
        r = fill_spans(b, ops);
        b->second = second;
        if (second % SPAN_SECONDS != 0)
                b->random = random;
        return r;
}

static int fill_irq_delay(struct bench *b, const struct collector_ops *ops) {
        static const char *const growing[] = { "observed", "watched" };
        static const char *const standing[] = { "lateness-max", "windows", "lost", "suppressed" };
        int metric = find_metric(ops, "lateness"), r = 0;
        char name[16];

        for (unsigned bucket = 0; r >= 0 && bucket < N_BUCKETS; bucket++) {
                (void)snprintf(name, sizeof(name), "%u", bucket);
                r = add_row(b, (unsigned)metric, &(struct row_key){ .name = name }, 60,
                            bucket >= FIRST_BUCKET && bucket < FIRST_BUCKET + BUSY_BUCKETS);
        }
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(growing); i++)
                r = add_row(b, (unsigned)find_metric(ops, growing[i]), &(struct row_key){ .name = "" },
                            NSEC_PER_SEC, true);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(standing); i++)
                r = add_row(b, (unsigned)find_metric(ops, standing[i]), &(struct row_key){ .name = "" }, 1,
                            false);

        return r < 0 ? r : fill_spans_as_read(b, ops);
}

/* By name, so that a collector that this program does not know is left out, not filled with nonsense. */
static int fill(struct bench *b, const struct collector_ops *ops) {
        if (ops == &collector_interrupts)
                return fill_interrupts(b, ops);
        if (ops == &collector_softirqs)
                return fill_softirqs(b, ops);
        if (ops == &collector_irq_delay)
                return fill_irq_delay(b, ops);

        return -ENOENT;
}

static int make_stack(unsigned number, struct stack **ret_stack) {
        _cleanup_(stack_unrefp) struct stack *stack = NULL;
        int r;

        r = stack_new(FRAMES, &stack);
        if (r < 0)
                return r;

        for (size_t i = 0; i < FRAMES; i++) {
                if (asprintf(&stack->frames[i].symbol, "function_of_stack_%u_frame_%zu", number, i) < 0)
                        return -ENOMEM;
                stack->frames[i].offset = 0x40 + i;
                stack->n_frames = i + 1;
        }

        stack_seal(stack);
        *ret_stack = TAKE_PTR(stack);
        return 0;
}

static int add_event(struct bench *b, const struct stamp *stamp) {
        _cleanup_(event_unrefp) struct event *event = NULL;
        unsigned number = (unsigned)draw(b, STACKS);
        int r;

        r = event_new(EVENT_IRQ_DELAY, &event);
        if (r < 0 || (r = make_stack(number, &event->kernel_stack)) < 0)
                return r;
        if (asprintf(&event->culprit, "function_of_stack_%u_frame_2", number) < 0)
                return -ENOMEM;

        event->class = CLASS_IRQ_OFF;
        event->confidence = CONFIDENCE_HIGH;
        event->time_us = stamp->realtime_us;
        event->monotonic_ns = stamp->monotonic_ns;
        event->cpu = (int)draw(b, b->n_cpus);
        event->has_duration = true;
        event->duration_min_ns = 10 * NSEC_PER_MSEC + draw(b, 20 * NSEC_PER_MSEC);
        event->duration_max_ns = event->duration_min_ns + 5 * NSEC_PER_MSEC;
        return store_add_event(b->store, event);
}

static int take_pass(struct bench *b, size_t collector, const struct stamp *stamp) {
        const struct collector_ops *ops = collector_registry[collector];
        unsigned source = 0;
        uint64_t start;
        int r;

        batch_clear(&b->batch);
        r = fill(b, ops);
        if (r == -ENOENT)
                return 0;
        if (r < 0 || (r = store_add_source(b->store, ops->name, ops->metrics, ops->n_metrics, &source)) < 0)
                return r;

        b->batch.stamp = *stamp;
        start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        r = store_commit(b->store, source, &b->batch);
        b->commit_ns[collector] += clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
        b->n_cells[collector] += b->batch.n_cells;
        return r;
}

static int fill_store(struct bench *b) {
        for (b->second = 0; b->second < b->n_seconds; b->second++) {
                struct stamp stamp = {
                        .monotonic_ns = b->start.monotonic_ns + b->second * NSEC_PER_SEC,
                        .realtime_us = b->start.realtime_us + b->second * USEC_PER_SEC,
                };
                int r = 0;

                for (size_t i = 0; r >= 0 && i < COLLECTORS_MAX && collector_registry[i]; i++)
                        r = take_pass(b, i, &stamp);
                if (r >= 0 && b->second % SECONDS_PER_EVENT == 0)
                        r = add_event(b, &stamp);
                if (r < 0)
                        return r;
        }

        return 0;
}

static void print_commits(const struct bench *b) {
        for (size_t i = 0; collector_registry[i]; i++)
                if (b->n_cells[i] > 0)
                        printf("commit %-11s %9.1f us/pass %6.2f ns/cell (%zu cells)\n",
                               collector_registry[i]->name, (double)b->commit_ns[i] / b->n_seconds / 1e3,
                               (double)b->commit_ns[i] / (double)b->n_cells[i], b->n_cells[i] / b->n_seconds);
}

static void print_memory(const struct bench *b) {
        struct store_stats stats;

        store_get_stats(b->store, &stats);
        printf("memory             %9.2f MiB for %u s, %.2f MiB for an hour; budget %d MiB, %llu passes "
               "dropped, "
               "%llu series\n",
               (double)stats.bytes / (1 << 20), b->n_seconds,
               (double)stats.bytes / (1 << 20) * 3600 / b->n_seconds, BUDGET_MIB,
               (unsigned long long)stats.n_passes_dropped, (unsigned long long)stats.n_series);
}

static int compare_times(const void *a, const void *b) {
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static void print_times(const char *what, uint64_t *times, const char *rest) {
        qsort(times, REPORTS, sizeof(*times), compare_times);
        printf("%-18s %9.2f ms median, %.2f ms worst of %d%s\n", what, (double)times[REPORTS / 2] / 1e6,
               (double)times[REPORTS - 1] / 1e6, REPORTS, rest);
}

static int count_changes(const struct store_pass *pass, void *userdata) {
        *(size_t *)userdata += pass->n_changes;
        return 0;
}

static int bench_scan(const struct bench *b, const struct report_request *request) {
        uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), cost;
        size_t n_changes = 0;

        for (size_t i = 0; i < store_n_sources(b->store); i++) {
                int r = store_scan(b->store, (unsigned)i, request->since_us, request->until_us, NULL,
                                   count_changes, &n_changes);

                if (r < 0)
                        return r;
        }

        cost = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
        printf("scan               %9.2f ms, %.2f ns/change (%zu changes)\n", (double)cost / 1e6,
               (double)cost / (double)n_changes, n_changes);
        return 0;
}

static int bench_report(const struct bench *b, const struct report_request *request) {
        uint64_t query_ns[REPORTS], json_ns[REPORTS];
        struct json_host host;
        const struct json_report_request json = { .host = &host, .with_cpus = true };
        char rest[64] = "";
        int r;

        r = json_host_read(&host);
        for (unsigned i = 0; r >= 0 && i < REPORTS; i++) {
                _cleanup_(report_freep) struct report *report = NULL;
                struct json_object *object = NULL;
                uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), queried;
                size_t size = 0;

                r = report_query(b->store, request, &report);
                queried = clock_ns(CLOCK_THREAD_CPUTIME_ID);
                query_ns[i] = queried - start;
                if (r < 0 || (r = json_report(report, &json, &object)) < 0)
                        return r;

                r = json_size(object, &size);
                json_object_put(object);
                json_ns[i] = clock_ns(CLOCK_THREAD_CPUTIME_ID) - queried;
                (void)snprintf(rest, sizeof(rest), ", %zu KiB", size / 1024);
        }
        if (r < 0)
                return r;

        print_times("report query", query_ns, "");
        print_times("report JSON", json_ns, rest);
        return 0;
}

static int read_rule(void *userdata, const struct alert_rule *rule, struct alert_readings *readings) {
        return alert_reader_read(userdata, rule, readings);
}

static void drop_event(void *userdata, struct event *event) {
}

static const struct alert_engine_ops alert_ops = { .read = read_rule, .emit = drop_event };

/* The rules that come along, all about findings, and two about the widest metrics there are. */
static int make_rules(struct alert_engine *engine, const struct stamp *now) {
        static const char text[] = "[alert a]\nmetric = softirqs/softirqs\nrow = NET_RX\nper = cpu\nthreshold = 100000\n"
                                   "[alert b]\nmetric = interrupts/interrupts\nper = row\nthreshold = 100000\n";
        static const struct config_section *const sections[] = { &config_family_alert };
        static const struct alert_burst burst = { .burst = 10, .interval_ns = 10 * NSEC_PER_SEC };
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(freep) char *error = NULL;
        struct alert_rule **rules = NULL;
        size_t n = 0;
        int r;

        if ((r = config_new(sections, 1, &config)) < 0 || (r = config_load_alert_rules(config, &error)) < 0 ||
            (r = config_load_text(config, "bench", text, strlen(text), &error)) < 0 ||
            (r = config_get_alert_rules(config, &rules, &n)) < 0)
                return r;

        r = alert_engine_set_rules(engine, rules, n, &burst, now);
        config_free_rules(rules, n);
        return r;
}

/* One round, as the daemon has one about metrics every 5 s and one about findings every 10 s. */
static int bench_alerts(const struct bench *b, uint64_t now_us) {
        static const char *const names[] = { [ALERT_METRIC_RULES] = "alerts, metrics", [ALERT_FINDING_RULES] = "alerts, findings" };
        _cleanup_(alert_engine_freep) struct alert_engine *engine = NULL;
        struct alert_reader reader = { .store = b->store };
        struct stamp now = { .monotonic_ns = now_us * NSEC_PER_USEC, .realtime_us = now_us };
        uint64_t times[REPORTS];
        int r;

        r = alert_engine_new(&alert_ops, &reader, &engine);
        if (r >= 0)
                r = make_rules(engine, &now);

        for (int which = 0; r >= 0 && which < 2; which++) {
                for (unsigned i = 0; r >= 0 && i < REPORTS; i++) {
                        uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);

                        alert_reader_begin(&reader, now_us);
                        r = alert_engine_evaluate(engine, (enum alert_which)which, &now);
                        alert_reader_end(&reader);
                        times[i] = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
                }
                if (r >= 0)
                        print_times(names[which], times, "");
        }

        return r;
}

static int run(struct bench *b) {
        const struct store_limits limits = {
                .budget_bytes = (uint64_t)BUDGET_MIB << 20,
                .retention_ns = 3600 * NSEC_PER_SEC,
                .n_events_max = 10000,
                .n_series_max = 4 * 1024 * 1024,
        };
        struct report_request request = {};
        int r;

        r = store_new(&limits, &b->store);
        if (r < 0 || (r = fill_store(b)) < 0)
                return r;

        request.until_us = b->start.realtime_us + b->n_seconds * USEC_PER_SEC;
        request.since_us = request.until_us - MIN(b->n_seconds, (unsigned)REPORT_SECONDS) * USEC_PER_SEC;
        request.cpus = NULL;
        printf("%u CPUs, %u interrupts, %u s at one second\n", b->n_cpus, b->n_cpus * IRQS_PER_CPU,
               b->n_seconds);
        print_commits(b);
        print_memory(b);
        r = bench_scan(b, &request);
        if (r >= 0)
                r = bench_report(b, &request);
        return r < 0 ? r : bench_alerts(b, request.until_us);
}

int main(int argc, char **argv) {
        struct bench b = { .random = 88172645463325252, .n_cpus = 64, .n_seconds = REPORT_SECONDS };
        int r;

        if (argc > 3 || (argc > 1 && (b.n_cpus = (unsigned)strtoul(argv[1], NULL, 10)) == 0) ||
            (argc > 2 && (b.n_seconds = (unsigned)strtoul(argv[2], NULL, 10)) == 0)) {
                fprintf(stderr, "Usage: bench-report [CPUS [SECONDS]]\n");
                return 2;
        }

        /* The times of the future do not matter; those before boot would. */
        stamp_now(&b.start);
        batch_init(&b.batch);
        r = run(&b);
        if (r < 0)
                fprintf(stderr, "bench-report: %s\n", strerror(-r));

        batch_done(&b.batch);
        (void)store_free(b.store);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
