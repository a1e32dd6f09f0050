/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/selftest.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "common/cpulist.h"
#include "common/parse.h"
#include "daemon/collect/irq-metrics.h"
#include "daemon/collect/registry.h"

#define SETTLE_NS (NSEC_PER_SEC / 2)            /* for the last windows to be decided */
#define SETTLE_TIMEOUT_NS (10 * NSEC_PER_SEC)   /* the same, where their names are long in coming */
#define WARM_UP_NS (20 * NSEC_PER_MSEC)         /* before its first expiry a CPU has no upper bound */
#define WIDTH_LIMIT_PERCENT 120                /* of a heartbeat, for the median bracket */

enum { UNEXPLAINED_SHARE = 20 }; /* one in so many runs may be longer than the injector knows, without steal time */

struct found_window {
        uint64_t end_ns, min_ns, max_ns, steal_ns;
        enum event_class class;
        bool matched;
};

struct selftest {
        const struct selftest_options *options;
        struct event_sink sink;
        int cpu;
        unsigned n_possible_cpus;
        int root_fd;
        struct config *config;
        struct injector *injector;
        void *collector;
        pthread_t spinner;
        bool has_spinner;
        atomic_bool spinner_stop;
        struct found_window *found;
        size_t n_found, n_found_allocated;
        struct injection *injections; /* n_runs of each length; end_ns 0: could not be made undisturbed */
        size_t n_injections;
        struct repeats {
                unsigned n_disturbed, n_unobserved, n_unexplained;
        } *repeats;                   /* of each length */
        struct batch batch;
        void (*progress)(void *userdata, size_t done, size_t total);
        void *progress_data;
};

static uint64_t monotonic_ns(void) {
        struct stamp now;

        stamp_now(&now);
        return now.monotonic_ns;
}

static int pin_to(int cpu) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpu + 1);
        size_t size = CPU_ALLOC_SIZE((size_t)cpu + 1);
        int r;

        if (!set)
                return -ENOMEM;

        CPU_ZERO_S(size, set);
        CPU_SET_S((size_t)cpu, size, set);
        r = sched_setaffinity(0, size, set) < 0 ? -errno : 0;
        CPU_FREE(set);
        return r;
}

static void *spin(void *userdata) {
        struct selftest *t = userdata;

        if (pin_to(t->cpu) < 0)
                return NULL; /* the CPU stays idle; the windows are found all the same */

        while (!atomic_load_explicit(&t->spinner_stop, memory_order_relaxed))
                ;

        return NULL;
}

static int on_event(struct event_sink *sink, struct event *event) {
        struct selftest *t = (struct selftest *)((char *)sink - offsetof(struct selftest, sink));
        const struct evidence *steal;

        if (event->cpu != t->cpu || event->kind != EVENT_IRQ_DELAY)
                return 0;

        if (t->n_found == t->n_found_allocated) {
                size_t n = t->n_found_allocated ? t->n_found_allocated * 2 : 256;
                void *p = reallocarray(t->found, n, sizeof(*t->found));

                if (!p)
                        return -ENOMEM;
                t->found = p;
                t->n_found_allocated = n;
        }

        steal = event_find_evidence(event, "stealNsec");
        t->found[t->n_found++] = (struct found_window){
                .steal_ns = steal ? (uint64_t)steal->integer : 0,
                .end_ns = event->monotonic_ns,
                .min_ns = event->duration_min_ns,
                .max_ns = event->duration_max_ns,
                .class = event->class,
        };
        return 0;
}

static int last_cpu(const struct cpu_set *set) {
        int last = CPU_NONE;

        for (int cpu = cpu_set_next(set, 0); cpu >= 0; cpu = cpu_set_next(set, cpu + 1))
                last = cpu;

        return last;
}

int selftest_choose_cpu(enum injector_context context, int wanted, int *ret_cpu, const char **ret_reason) {
        _cleanup_(cpu_set_done) struct cpu_set online = {};
        int cpu, caller, r;

        r = cpu_list_read(AT_FDCWD, "/sys/devices/system/cpu/online", &online);
        if (r < 0)
                return r;

        cpu = wanted == CPU_NONE ? last_cpu(&online) : wanted;
        if (!cpu_set_contains(&online, cpu)) {
                *ret_reason = "that CPU is not online";
                return -ENODEV;
        }

        /* In process context the caller itself is what holds interrupts off. */
        caller = cpu;
        if (context == INJECTOR_IPI) {
                cpu_set_remove(&online, cpu);
                caller = cpu_set_next(&online, 0);
                if (caller < 0) {
                        *ret_reason = "a window can only be injected from another CPU, and only one is online";
                        return -EOPNOTSUPP;
                }
        }

        r = pin_to(caller);
        if (r >= 0)
                *ret_cpu = cpu;
        return r;
}

static int count_possible_cpus(struct selftest *t) {
        _cleanup_(cpu_set_done) struct cpu_set possible = {};
        int r;

        r = cpu_list_read(t->root_fd, "sys/devices/system/cpu/possible", &possible);
        if (r >= 0)
                t->n_possible_cpus = (unsigned)last_cpu(&possible) + 1;
        return r;
}

static int set_duration(struct config *config, const char *key, uint64_t ns) {
        _cleanup_(freep) char *error = NULL;
        char text[DURATION_TEXT_MAX];

        return config_set(config, "irq-delay", key, format_duration_exact(ns, text), &error);
}

/* Windows only, and without what costs time to be named: what is looked for must not wait behind it. */
static int leave_out_the_rest(struct config *config) {
        static const struct {
                const char *key, *value;
        } settings[] = {
                { "max-events-per-second", "1000" },
                { "hardirq-threshold", "0" },
                { "softirq-threshold", "0" },
                { "softirq-wait-threshold", "0" },
                { "user-stack", "0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(settings); i++) {
                _cleanup_(freep) char *error = NULL;
                int r = config_set(config, "irq-delay", settings[i].key, settings[i].value, &error);

                if (r < 0)
                        return r;
        }

        return 0;
}

static int open_collector(struct selftest *t, const char **ret_reason) {
        const struct config_section *const sections[] = { collector_irq_delay.section };
        struct collector_env env = { .root_fd = t->root_fd, .n_possible_cpus = t->n_possible_cpus };
        int r;

        if ((r = config_new(sections, ELEMENTSOF(sections), &t->config)) < 0 ||
            (r = set_duration(t->config, "threshold", t->options->threshold_ns)) < 0 ||
            (r = set_duration(t->config, "heartbeat", t->options->heartbeat_ns)) < 0 ||
            (r = leave_out_the_rest(t->config)) < 0)
                return r;

        env.config = t->config;
        r = collector_irq_delay.probe(&env, ret_reason);
        if (r < 0)
                return r;

        return collector_irq_delay.open(&env, &t->collector);
}

static int start_spinner(struct selftest *t) {
        int r;

        if (!t->options->busy || t->options->context == INJECTOR_PROCESS)
                return 0;

        r = pthread_create(&t->spinner, NULL, spin, t);
        t->has_spinner = r == 0;
        return -r;
}

static void stop_spinner(struct selftest *t) {
        if (!t->has_spinner)
                return;

        atomic_store(&t->spinner_stop, true);
        (void)pthread_join(t->spinner, NULL); /* fails only for threads that are not ours */
        t->has_spinner = false;
}

static void selftest_done(struct selftest *t) {
        stop_spinner(t);
        if (t->collector)
                t->collector = collector_irq_delay.close(t->collector);
        injector_free(t->injector);
        config_free(t->config);
        free(t->found);
        free(t->injections);
        free(t->repeats);
        batch_done(&t->batch);
        (void)close_safe(t->root_fd);
}

static int prepare(struct selftest *t, const char **ret_reason) {
        int r;

        t->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (t->root_fd < 0)
                return -errno;

        if ((r = count_possible_cpus(t)) < 0 ||
            (r = selftest_choose_cpu(t->options->context, t->options->cpu, &t->cpu, ret_reason)) < 0)
                return r;

        t->injections = calloc(t->options->n_lengths * t->options->n_runs, sizeof(*t->injections));
        t->repeats = calloc(t->options->n_lengths, sizeof(*t->repeats));
        if (!t->injections || !t->repeats)
                return -ENOMEM;

        if ((r = injector_new(t->options->context, &t->injector, ret_reason)) < 0 ||
            (r = open_collector(t, ret_reason)) < 0)
                return r;

        return start_spinner(t);
}

/* Lets the collector work until the given moment. */
static int pump(struct selftest *t, uint64_t until_ns) {
        struct pollfd pfd = { .fd = collector_irq_delay.event_fd(t->collector), .events = POLLIN };
        uint64_t now;
        int r;

        while ((now = monotonic_ns()) < until_ns) {
                uint64_t at = MIN(until_ns, MAX(collector_irq_delay.next_deadline(t->collector), now));
                struct timespec wait = { .tv_sec = (time_t)((at - now) / NSEC_PER_SEC),
                                         .tv_nsec = (long)((at - now) % NSEC_PER_SEC) };

                if (ppoll(&pfd, 1, &wait, NULL) < 0 && errno != EINTR)
                        return -errno;
                r = collector_irq_delay.dispatch(t->collector, &t->sink);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* The record that covers an injected window. */
static struct found_window *find_match(struct selftest *t, const struct injection *injection) {
        for (size_t i = 0; i < t->n_found; i++) {
                struct found_window *w = &t->found[i];

                if (!w->matched && w->end_ns + t->options->slack_ns >= injection->end_ns &&
                    w->end_ns - w->max_ns <= injection->start_ns + t->options->slack_ns)
                        return w;
        }

        return NULL;
}

/* How long the CPU has been observed so far, and when that was read. */
static int read_observed(struct selftest *t, uint64_t *ret_now_ns, uint64_t *ret_observed_ns) {
        struct batch *batch = &t->batch;
        int r;

        batch_clear(batch);
        stamp_now(&batch->stamp);
        r = collector_irq_delay.sample(t->collector, batch);
        if (r < 0)
                return r;

        *ret_now_ns = batch->stamp.monotonic_ns;
        *ret_observed_ns = 0;
        for (size_t i = 0; i < batch->n_rows; i++)
                for (size_t j = 0; batch->rows[i].metric == IRQ_OBSERVED && j < batch->rows[i].n_cells; j++)
                        if (batch->cells[batch->rows[i].first_cell + j].cpu == t->cpu)
                                *ret_observed_ns = batch->cells[batch->rows[i].first_cell + j].value;
        return 0;
}

/* One window, and enough time for its record to be decided: steal time is known a tick later. *ret_hole_ns: for how long
 * the CPU was not observed meanwhile. */
static int inject_one(struct selftest *t, size_t n, uint64_t length_ns, struct injection *ret_injection,
                      uint64_t *ret_hole_ns) {
        uint64_t start_ns, end_ns, before_ns, after_ns;
        int r;

        if ((r = read_observed(t, &start_ns, &before_ns)) < 0 ||
            (r = injector_run(t->injector, (unsigned)t->cpu, length_ns, ret_injection)) < 0)
                return r;

        /* An odd pause, so that windows begin at every phase of the heartbeat. */
        if ((r = pump(t, monotonic_ns() + 22 * NSEC_PER_MSEC + n % 37 * 97 * NSEC_PER_USEC)) < 0 ||
            (r = read_observed(t, &end_ns, &after_ns)) < 0)
                return r;

        *ret_hole_ns = end_ns - start_ns > after_ns - before_ns ? end_ns - start_ns - (after_ns - before_ns) : 0;
        return 0;
}

/* Stolen time inside the window is part of it on every clock. At its edges, before the injector's first look at the clock or
 * after its last, it makes the window longer than the injector knows. */
static bool is_disturbed(struct selftest *t, size_t index, const struct injection *injection) {
        const struct found_window *w = find_match(t, injection);
        uint64_t length = injection->end_ns - injection->start_ns + t->options->slack_ns;

        if (!w || w->min_ns <= length)
                return false;
        if (w->steal_ns + t->options->slack_ns >= w->min_ns - length)
                return true;

        /* Not all that stops a virtual CPU is accounted as stolen. A few may be that; many would be our error. */
        return t->repeats[index].n_unexplained++ < MAX(t->options->n_runs / UNEXPLAINED_SHARE, 1U);
}

/* True when the window must be made again. */
static bool must_repeat(struct selftest *t, size_t index, const struct injection *injection, uint64_t hole_ns) {
        struct found_window *w = find_match(t, injection);

        if (!w && hole_ns + t->options->heartbeat_ns >= injection->end_ns - injection->start_ns) {
                t->repeats[index].n_unobserved++;
                return true;
        }
        if (is_disturbed(t, index, injection)) {
                w->matched = true;
                t->repeats[index].n_disturbed++;
                return true;
        }

        return false;
}

static int inject_length(struct selftest *t, size_t index, const volatile bool *stop) {
        const struct selftest_options *o = t->options;
        int r;

        for (unsigned i = 0; i < 2 * o->n_runs && t->n_injections < (index + 1) * o->n_runs; i++) {
                struct injection *injection = &t->injections[t->n_injections];
                uint64_t hole_ns;

                if (stop && *stop)
                        return -EINTR;
                r = inject_one(t, t->n_injections + i, o->lengths_ns[index], injection, &hole_ns);
                if (r < 0)
                        return r;

                if (must_repeat(t, index, injection, hole_ns))
                        *injection = (struct injection){};
                else
                        t->n_injections++;
                if (t->progress)
                        t->progress(t->progress_data, t->n_injections, o->n_lengths * o->n_runs);
        }

        /* Too many had to be repeated: what is missing stays empty. */
        t->n_injections = (index + 1) * o->n_runs;
        return 0;
}

static bool all_found(struct selftest *t) {
        for (size_t i = 0; i < t->n_injections; i++)
                if (t->injections[i].end_ns > 0 && !find_match(t, &t->injections[i]))
                        return false;

        return true;
}

/* A window is told once its stack is named, by a thread that a busy or slow machine keeps waiting. */
static int settle(struct selftest *t) {
        uint64_t start_ns = monotonic_ns();
        int r;

        do
                r = pump(t, monotonic_ns() + SETTLE_NS);
        while (r >= 0 && !all_found(t) && monotonic_ns() - start_ns < SETTLE_TIMEOUT_NS);
        return r;
}

static int inject_all(struct selftest *t, const volatile bool *stop) {
        int r;

        r = pump(t, monotonic_ns() + MAX(WARM_UP_NS, 4 * t->options->heartbeat_ns));
        if (r < 0)
                return r;

        for (size_t i = 0; i < t->options->n_lengths; i++) {
                r = inject_length(t, i, stop);
                if (r < 0)
                        return r;
        }

        return settle(t);
}

static int compare_u64(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static uint64_t distance_from_bracket(uint64_t value, uint64_t min, uint64_t max) {
        if (value < min)
                return min - value;

        return value > max ? value - max : 0;
}

static struct found_window *find_nearest(struct selftest *t, const struct injection *injection) {
        struct found_window *best = NULL;

        for (size_t i = 0; i < t->n_found; i++)
                if (!best || distance_from_bracket(t->found[i].end_ns, injection->end_ns, injection->end_ns) <
                                     distance_from_bracket(best->end_ns, injection->end_ns, injection->end_ns))
                        best = &t->found[i];

        return best;
}

/* found may be NULL. result->misses has room for every injection. */
static void add_miss(struct selftest *t, const struct injection *injection, const struct found_window *found,
                     struct selftest_result *result) {
        const struct found_window *w = found ? found : find_nearest(t, injection);
        struct selftest_miss *miss = &result->misses[result->n_misses++];

        *miss = (struct selftest_miss){ .injection = *injection, .found = found != NULL };
        if (!w)
                return;

        miss->end_ns = w->end_ns;
        miss->min_ns = w->min_ns;
        miss->max_ns = w->max_ns;
        miss->class = w->class;
}

static int judge_length(struct selftest *t, size_t index, struct selftest_result *result) {
        struct selftest_length *length = &result->lengths[index];
        unsigned n_runs = t->options->n_runs;
        _cleanup_(freep) uint64_t *widths = NULL;

        widths = calloc(n_runs, sizeof(*widths));
        if (!widths)
                return -ENOMEM;

        *length = (struct selftest_length){
                .length_ns = t->options->lengths_ns[index],
                .n_disturbed = t->repeats[index].n_disturbed,
                .n_unobserved = t->repeats[index].n_unobserved,
        };
        for (unsigned i = 0; i < n_runs; i++) {
                const struct injection *injection = &t->injections[index * n_runs + i];
                struct found_window *w;
                uint64_t miss;

                if (injection->end_ns == 0)
                        continue;
                length->n_injected++;
                w = find_match(t, injection);
                if (!w) {
                        add_miss(t, injection, NULL, result);
                        continue;
                }

                w->matched = true;
                miss = distance_from_bracket(injection->end_ns - injection->start_ns, w->min_ns, w->max_ns);
                length->worst_miss_ns = MAX(length->worst_miss_ns, miss);
                length->n_inside += miss <= t->options->slack_ns;
                if (miss > t->options->slack_ns)
                        add_miss(t, injection, w, result);
                length->n_by_class[w->class]++;
                widths[length->n_found++] = w->max_ns - w->min_ns;
        }

        if (length->n_found > 0) {
                qsort(widths, length->n_found, sizeof(*widths), compare_u64);
                length->median_width_ns = widths[length->n_found / 2];
        }
        return 0;
}

static int judge(struct selftest *t, struct selftest_result *result) {
        int r;

        result->cpu = t->cpu;
        result->lengths = calloc(t->options->n_lengths, sizeof(*result->lengths));
        result->misses = calloc(t->options->n_lengths * t->options->n_runs, sizeof(*result->misses));
        if (!result->lengths || !result->misses)
                return -ENOMEM;

        result->passed = true;
        for (size_t i = 0; i < t->options->n_lengths; i++) {
                struct selftest_length *length = &result->lengths[i];

                r = judge_length(t, i, result);
                if (r < 0)
                        return r;
                result->n_lengths++;
                if (length->n_inside < t->options->n_runs ||
                    length->median_width_ns * 100 > t->options->heartbeat_ns * WIDTH_LIMIT_PERCENT)
                        result->passed = false;
        }

        for (size_t i = 0; i < t->n_found; i++)
                if (!t->found[i].matched &&
                    (t->found[i].class == CLASS_IRQ_OFF || t->found[i].class == CLASS_UNKNOWN))
                        result->n_spurious++;
        return 0;
}

void selftest_result_done(struct selftest_result *result) {
        free(result->lengths);
        free(result->misses);
        *result = (struct selftest_result){};
}

int selftest_run(const struct selftest_options *options, const volatile bool *stop,
                 void (*progress)(void *userdata, size_t done, size_t total), void *userdata,
                 struct selftest_result *ret_result, const char **ret_reason) {
        _cleanup_(selftest_done) struct selftest t = {
                .options = options,
                .root_fd = -EBADF,
                .sink.add = on_event,
                .progress = progress,
                .progress_data = userdata,
        };
        _cleanup_(selftest_result_done) struct selftest_result result = {};
        int r;

        *ret_reason = NULL;
        if ((r = prepare(&t, ret_reason)) < 0 || (r = inject_all(&t, stop)) < 0 ||
            (r = judge(&t, &result)) < 0)
                return r;

        *ret_result = result;
        result = (struct selftest_result){};
        return 0;
}
