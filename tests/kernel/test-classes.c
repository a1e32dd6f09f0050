/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Does every record have the right class and culprit? Makes each cause at least 30 times beside a private
 * collector and prints what was recorded. Then the same load without the cause, which must leave no record.
 *
 * A run is judged by the records that cover its own span of time on its CPU: other users of the machine make
 * records, too. Runs are made again where the machine was in the way: the hypervisor took the CPU for at
 * least half of the window (which is then the right class), or the collector says itself that it did not
 * observe the CPU for as long as the cause lasted. Nothing else is forgiven.
 */

#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/collect/registry.h"
#include "tests/kernel/causes.h"
#include "tests/kernel/watch.h"

enum {
        N_RUNS = 30,
        N_ATTEMPTS = 4 * N_RUNS,
        N_WAITS = 1800, /* attempts at which nothing came about: for idle moments of a machine at work */
        EXIT_MISSING = 77,
        N_CULPRITS = 8,
        CULPRIT_MAX = 96,
        EXPECTED_MAX = 3,
};

#define SLACK_NS (NSEC_PER_MSEC / 10)
#define HEARTBEAT_NS NSEC_PER_MSEC
#define SHORTEST_NS (3 * NSEC_PER_MSEC)
#define LONGEST_NS (20 * NSEC_PER_MSEC)
#define PAUSE_NS (25 * NSEC_PER_MSEC) /* steal time is known two ticks later */
#define LATEST_NS (150 * NSEC_PER_MSEC)

#define THRESHOLD_NS (2 * NSEC_PER_MSEC)
static const char *const settings[] = { "threshold=2ms",
                                        "heartbeat=1ms",
                                        "softirq-threshold=2ms",
                                        "softirq-wait-threshold=2ms",
                                        "max-events-per-second=10000",
                                        NULL };

/* What a cause must leave: of this kind a record of this class; or with CLASS_NONE no record at all. */
struct expectation {
        enum event_kind kind;
        enum event_class class;
        const char *in_stack;     /* a function of ours in the stack; NULL: any stack, or none */
        bool culprit_is_ours;     /* the culprit is one of the BPF programs' functions */
        bool culprit_is_function; /* it is the handler that the cause ran in */
        bool device;              /* the record names the device */
        bool own_task;            /* it names this process */
        bool idle_task;
        bool optional; /* there may be no record; if there is one, all of this holds */
};

static const struct {
        const char *name;
        size_t n_expected;
        struct expectation expected[EXPECTED_MAX];
} causes[] = {
        [CAUSE_PROCESS] = { "interrupts off in a process",
                            1,
                            { { EVENT_IRQ_DELAY, CLASS_IRQ_OFF, "_inject_process", .culprit_is_ours = true,
                                .own_task = true } } },
        [CAUSE_IPI_BUSY] = { "IPI on a busy CPU", 1, { { EVENT_IRQ_DELAY, CLASS_IPI, NULL } } },
        [CAUSE_IPI_IDLE] = { "IPI on an idle CPU",
                             1,
                             { { EVENT_IRQ_DELAY, CLASS_IPI, NULL, .idle_task = true } } },
        [CAUSE_SOFTIRQ_NAPI] = { "NET_RX in a NAPI poll",
                                 3,
                                 { { EVENT_SOFTIRQ, CLASS_SOFTIRQ, "_cause_xdp", .culprit_is_ours = true,
                                     .device = true },
                                   { EVENT_IRQ_DELAY, CLASS_NONE },
                                   { EVENT_SOFTIRQ_LATENCY, CLASS_SOFTIRQ, "_cause_xdp",
                                     .culprit_is_ours = true, .optional = true } } },
        [CAUSE_SOFTIRQ_BACKLOG] = { "NET_RX in the backlog",
                                    3,
                                    { { EVENT_SOFTIRQ, CLASS_SOFTIRQ, "_cause_xdp", .culprit_is_ours = true },
                                      { EVENT_IRQ_DELAY, CLASS_NONE },
                                      { EVENT_SOFTIRQ_LATENCY, CLASS_SOFTIRQ, "_cause_xdp",
                                        .culprit_is_ours = true, .optional = true } } },
        [CAUSE_SOFTIRQ_TIMER] = { "HRTIMER softirq",
                                  3,
                                  { { EVENT_SOFTIRQ, CLASS_SOFTIRQ, "_cause_timer", .culprit_is_ours = true },
                                    { EVENT_IRQ_DELAY, CLASS_NONE },
                                    { EVENT_SOFTIRQ_LATENCY, CLASS_SOFTIRQ, "_cause_timer",
                                      .culprit_is_ours = true, .optional = true } } },
        [CAUSE_BH_OFF] = { "softirqs off in a process",
                           2,
                           { { EVENT_SOFTIRQ_LATENCY, CLASS_SOFTIRQ, "_cause_bh_off", .culprit_is_ours = true,
                               .own_task = true },
                             { EVENT_IRQ_DELAY, CLASS_NONE } } },
        [CAUSE_HARDIRQ] = { "a disk's interrupt handler",
                            2,
                            { { EVENT_HARDIRQ, CLASS_HARDIRQ, NULL, .culprit_is_function = true },
                              { EVENT_IRQ_DELAY, CLASS_HARDIRQ, NULL, .culprit_is_function = true } } },
        [CAUSE_HRTIMER] = { "a timer's callback",
                            1,
                            { { EVENT_IRQ_DELAY, CLASS_HARDIRQ, NULL, .culprit_is_function = true } } },
};

enum verdict {
        VERDICT_RIGHT,
        VERDICT_WRONG,
        VERDICT_MISSED,
        VERDICT_DISTURBED,  /* the hypervisor's or another injector's doing: made again */
        VERDICT_UNOBSERVED, /* by the collector's own account: made again */
        _VERDICT_MAX,
};

/* One line of the confusion table. */
struct row {
        unsigned n[_EVENT_CLASS_MAX]; /* by class recorded; CLASS_NONE: no record */
        unsigned n_judged, n_wrong, n_disturbed, n_unobserved;
        char culprits[N_CULPRITS][CULPRIT_MAX];
        unsigned n_by_culprit[N_CULPRITS];
};

struct test {
        struct watch watch;
        struct causes *causes;
        unsigned n_failures;
};

static uint64_t start_of(const struct event *e) {
        return e->monotonic_ns - e->duration_max_ns;
}

static bool is_expected(const struct expectation *x) {
        return x->class != CLASS_NONE && !x->optional;
}

/* Whether the record is about the time in which the cause was at work. A record that is not to be must at
 * least share half of that time, as far as it is certain. */
static bool is_about(const struct event *e, const struct expectation *x, const struct injection *i) {
        uint64_t start, end;

        if (e->kind != x->kind || e->cpu != (int)i->cpu)
                return false;
        start = MAX(start_of(e), i->start_ns);
        end = MIN(e->monotonic_ns, i->end_ns);
        if (x->optional) /* what was raised meanwhile and waited for the end, most of its time */
                return end > start && (end - start) * 2 > e->duration_min_ns + SLACK_NS;
        if (is_expected(x))
                return e->monotonic_ns + SLACK_NS >= i->end_ns && start_of(e) <= i->start_ns + SLACK_NS;

        start = MAX(e->monotonic_ns - e->duration_min_ns, i->start_ns);
        end = MIN(e->monotonic_ns, i->end_ns);
        return end > start && (end - start) * 2 >= i->end_ns - i->start_ns;
}

static const struct event *find_record(const struct watch *w, const struct expectation *x,
                                       const struct injection *i) {
        const struct event *best = NULL;

        for (size_t n = 0; n < w->n_events; n++)
                if (is_about(w->events[n], x, i) &&
                    (!best || w->events[n]->duration_max_ns < best->duration_max_ns))
                        best = w->events[n];
        return best;
}

static uint64_t steal_of(const struct event *e) {
        const struct evidence *steal = event_find_evidence(e, "stealNsec");

        return steal && steal->integer > 0 ? (uint64_t)steal->integer : 0;
}

/* The hypervisor took the CPU for half of the window at least, and the record says so; or for so much that without it
 * there would have been no record; or for a good part of it, and the whole machine's with it. */
static bool is_stolen(const struct event *e) {
        return (e->class == CLASS_STEAL && (steal_of(e) * 2 >= e->duration_min_ns ||
                                            e->duration_max_ns < THRESHOLD_NS + steal_of(e))) ||
               (e->class == CLASS_PLATFORM && steal_of(e) * 4 >= e->duration_min_ns);
}

/* Another injector on this machine, in its interrupt in the middle of what we did. */
static bool is_foreign(const struct event *e, const struct expectation *x) {
        return x->class != CLASS_IPI && e->class == CLASS_IPI && e->culprit &&
               strcmp(e->culprit, "__bpf_prog_test_run_raw_tp") == 0;
}

static bool stack_has(const struct event *e, const char *name) {
        for (size_t i = 0; e->kernel_stack && i < e->kernel_stack->n_frames; i++)
                if (e->kernel_stack->frames[i].symbol && strstr(e->kernel_stack->frames[i].symbol, name))
                        return true;
        return false;
}

static bool is_program(const char *name) {
        return name && strncmp(name, "bpf_prog_", strlen("bpf_prog_")) == 0;
}

/* NULL: the record says all that it should. */
static const char *find_fault(const struct test *t, const struct event *e, const struct expectation *x) {
        const struct evidence *device = event_find_evidence(e, "device");

        if (e->class != x->class)
                return "class";
        if (x->in_stack && !stack_has(e, x->in_stack))
                return "stack";
        if (x->culprit_is_ours && !is_program(e->culprit))
                return "culprit";
        if (x->culprit_is_function && (!e->culprit || strcmp(e->culprit, causes_function(t->causes)) != 0))
                return "culprit";
        if (x->device &&
            (!device || !device->string || strcmp(device->string, causes_device(t->causes)) != 0))
                return "device";
        if (x->own_task && e->tgid != getpid())
                return "task";
        if (x->idle_task && e->pid != 0)
                return "not idle";
        return NULL;
}

static void count_culprit(struct row *row, const char *culprit) {
        const char *name = culprit ? culprit : "(none)";

        for (size_t i = 0; i < N_CULPRITS; i++) {
                if (row->n_by_culprit[i] == 0)
                        (void)snprintf(row->culprits[i], sizeof(row->culprits[i]), "%s", name); /* cut */
                if (strcmp(row->culprits[i], name) == 0) {
                        row->n_by_culprit[i]++;
                        return;
                }
        }
}

static void print_stack(const struct event *e) {
        for (size_t i = 0; e->kernel_stack && i < MIN(e->kernel_stack->n_frames, (size_t)12); i++)
                printf("%s%s", i ? " < " : "; ",
                       e->kernel_stack->frames[i].symbol ? e->kernel_stack->frames[i].symbol : "?");
}

static void print_record(const char *what, const struct event *e, const struct injection *i) {
        const char *class = event_class_to_string(e->class);

        printf("# %s: made %" PRIu64 " us on CPU %u; %s/%s %" PRIu64 "-%" PRIu64 " us, ends %+" PRId64
               " us, by %s, pid %i %s",
               what, (i->end_ns - i->start_ns) / NSEC_PER_USEC, i->cpu, event_kind_to_string(e->kind),
               class ? class : "-", e->duration_min_ns / NSEC_PER_USEC, e->duration_max_ns / NSEC_PER_USEC,
               ((int64_t)e->monotonic_ns - (int64_t)i->end_ns) / (int64_t)NSEC_PER_USEC,
               e->culprit ? e->culprit : "(none)", e->pid, e->comm);
        for (size_t n = 0; n < e->n_evidence; n++)
                if (e->evidence[n].type == EVIDENCE_INTEGER)
                        printf("; %s %" PRId64, e->evidence[n].name, e->evidence[n].integer);
                else if (e->evidence[n].type == EVIDENCE_STRING && strcmp(e->evidence[n].name, "reason") != 0)
                        printf("; %s %s", e->evidence[n].name, e->evidence[n].string);
        print_stack(e);
        printf("\n");
}

/* What was recorded near a run of which nothing was recorded. */
static void print_neighbours(const struct watch *w, const struct injection *i) {
        for (size_t n = 0; n < w->n_events; n++)
                if (w->events[n]->cpu == (int)i->cpu &&
                    w->events[n]->monotonic_ns + LONGEST_NS >= i->start_ns &&
                    start_of(w->events[n]) <= i->end_ns + LONGEST_NS)
                        print_record("  near it", w->events[n], i);
}

static enum verdict judge_record(const struct test *t, const struct expectation *x, const struct injection *i,
                                 uint64_t hole_ns, struct row *row) {
        const struct event *e = find_record(&t->watch, x, i);
        const char *fault = NULL;

        if (e && e->class != x->class && (is_stolen(e) || is_foreign(e, x))) {
                row->n_disturbed++;
                return VERDICT_DISTURBED;
        }
        if (!e && is_expected(x) && hole_ns + HEARTBEAT_NS >= i->end_ns - i->start_ns) {
                row->n_unobserved++;
                return VERDICT_UNOBSERVED;
        }

        row->n_judged++;
        row->n[e ? e->class : CLASS_NONE]++;
        if (!e && !is_expected(x))
                return VERDICT_RIGHT; /* none, and none was to be or had to be */
        if (!e) {
                printf("# NO RECORD of %" PRIu64 " us on CPU %u; not observed for %" PRIu64 " us\n",
                       (i->end_ns - i->start_ns) / NSEC_PER_USEC, i->cpu, hole_ns / NSEC_PER_USEC);
                print_neighbours(&t->watch, i);
        } else {
                count_culprit(row, e->culprit);
                fault = x->class != CLASS_NONE ? find_fault(t, e, x) : "it should not be";
                if (fault)
                        print_record(fault, e, i);
        }

        row->n_wrong += !e || fault;
        return !e ? VERDICT_MISSED : fault ? VERDICT_WRONG : VERDICT_RIGHT;
}

/* One run and time enough for its records. *ret_hole_ns: for how long its CPU was not observed meanwhile. 0;
 * -EAGAIN: nothing came about; -errno. */
static int run_once(struct test *t, unsigned n, uint64_t length_ns, struct injection *ret_injection,
                    uint64_t *ret_hole_ns) {
        uint64_t start_ns[2], before_ns[2], end_ns, after_ns;
        int r, result;

        for (unsigned cpu = 0; cpu < 2; cpu++)
                if ((r = watch_read_observed(&t->watch, cpu, &start_ns[cpu], &before_ns[cpu])) < 0)
                        return r;

        result = causes_run(t->causes, length_ns, ret_injection);
        if (result < 0 && result != -EAGAIN)
                return result;
        if ((r = watch_pump(&t->watch, result < 0 ? NSEC_PER_MSEC : PAUSE_NS + n % 37 * 97 * NSEC_PER_USEC)) <
                    0 ||
            result < 0)
                return r < 0 ? r : result;

        r = watch_read_observed(&t->watch, ret_injection->cpu, &end_ns, &after_ns);
        if (r < 0 || ret_injection->cpu >= 2)
                return r;

        end_ns -= start_ns[ret_injection->cpu];
        after_ns -= before_ns[ret_injection->cpu];
        *ret_hole_ns = end_ns > after_ns ? end_ns - after_ns : 0;
        return 0;
}

/* On an idle CPU without ticks a window is decided without its steal time, later. */
static int await_records(struct test *t, enum cause cause, const struct injection *i) {
        bool complete = true;

        for (size_t n = 0; n < causes[cause].n_expected; n++)
                complete = complete && (!is_expected(&causes[cause].expected[n]) ||
                                        find_record(&t->watch, &causes[cause].expected[n], i));
        return complete ? 0 : watch_pump(&t->watch, LATEST_NS);
}

static bool is_complete(enum cause cause, const struct row *rows) {
        for (size_t i = 0; i < causes[cause].n_expected; i++)
                if (rows[i].n_judged < N_RUNS)
                        return false;
        return true;
}

static int make_cause(struct test *t, enum cause cause, struct row rows[static EXPECTED_MAX]) {
        unsigned n = 0, n_waits = 0;

        while (n < N_ATTEMPTS && n_waits < N_WAITS && !is_complete(cause, rows)) {
                uint64_t length_ns = SHORTEST_NS + (LONGEST_NS - SHORTEST_NS) * (n % N_RUNS) / (N_RUNS - 1);
                struct injection injection;
                uint64_t hole_ns = 0;
                int r;

                r = run_once(t, n, length_ns, &injection, &hole_ns);
                if (r == -EAGAIN) {
                        n_waits++;
                        continue;
                }
                if (r < 0)
                        return r;
                n++;
                r = await_records(t, cause, &injection);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < causes[cause].n_expected; i++)
                        (void)judge_record(t, &causes[cause].expected[i], &injection, hole_ns, &rows[i]);
        }

        return 0;
}

/* Records in the control: of the kind and class, certainly about the moment at which nothing was done; or
 * with a function of ours in the stack. */
static bool is_false(const struct event *e, const struct expectation *x, const struct injection *i) {
        uint64_t middle = i->start_ns + (i->end_ns - i->start_ns) / 2;

        if (e->kind != x->kind || e->class != x->class)
                return false;
        if (x->in_stack && strncmp(x->in_stack, "_cause", strlen("_cause")) == 0 && stack_has(e, x->in_stack))
                return true;
        return e->cpu == (int)i->cpu && e->monotonic_ns - e->duration_min_ns <= middle &&
               middle <= e->monotonic_ns;
}

static int judge_control(enum cause cause, const struct event *e, const struct injection *i) {
        for (size_t n = 0; n < causes[cause].n_expected; n++)
                if (causes[cause].expected[n].class != CLASS_NONE &&
                    is_false(e, &causes[cause].expected[n], i)) {
                        print_record("FALSE, nothing was made", e, i);
                        return 1;
                }
        return 0;
}

/* The same load without the spinning. Returns how many records match all the same, or -errno. */
static int make_control(struct test *t, enum cause cause) {
        unsigned n_waits = 0;
        int n_false = 0, r;

        for (unsigned n = 0; n < N_RUNS && n_waits < N_WAITS;) {
                size_t first = t->watch.n_events;
                struct injection injection;
                uint64_t hole_ns;

                r = run_once(t, n, 0, &injection, &hole_ns);
                if (r == -EAGAIN) {
                        n_waits++;
                        continue;
                }
                if (r < 0)
                        return r;
                n++;
                for (size_t i = first; i < t->watch.n_events; i++)
                        n_false += judge_control(cause, t->watch.events[i], &injection);
        }

        return n_false;
}

static void print_row(enum cause cause, size_t i, const struct row *row) {
        const struct expectation *x = &causes[cause].expected[i];
        const char *expected = x->class == CLASS_NONE ? "no record" : event_class_to_string(x->class);
        const char *maybe = x->optional ? "?" : "";

        printf("%-28s %-15s %9s%-1s", i == 0 ? causes[cause].name : "", event_kind_to_string(x->kind),
               expected, maybe);
        for (int class = CLASS_NONE + 1; class < _EVENT_CLASS_MAX; class ++)
                printf(" %9u", row->n[class]);
        printf(" %9u %10u %10u", row->n[CLASS_NONE], row->n_disturbed, row->n_unobserved);
        for (size_t n = 0; n < N_CULPRITS && row->n_by_culprit[n]; n++)
                printf("%s%ux %s", n ? ", " : "  ", row->n_by_culprit[n], row->culprits[n]);
        printf("\n");
}

static void print_header(void) {
        printf("\n%-28s %-15s %9s ", "cause made", "record", "expected");
        for (int class = CLASS_NONE + 1; class < _EVENT_CLASS_MAX; class ++)
                printf(" %9s", event_class_to_string((enum event_class) class));
        printf(" %9s %10s %10s  %s\n", "no record", "disturbed*", "unobserved*", "culprits");
}

static int run_cause(struct test *t, enum cause cause, struct row rows[static EXPECTED_MAX]) {
        const char *missing = NULL;
        unsigned n_wrong = 0;
        int r, n_false;

        r = causes_begin(t->causes, cause, &missing);
        if (r == -EOPNOTSUPP) {
                printf("# %s: missing: %s\n", causes[cause].name, missing);
                return getenv("IRQWATCH_REQUIRE_KERNEL") ? r : 0;
        }
        if (r < 0)
                return r;

        r = make_cause(t, cause, rows);
        n_false = r < 0 ? r : make_control(t, cause);
        causes_end(t->causes);
        if (n_false < 0)
                return n_false;

        for (size_t i = 0; i < causes[cause].n_expected; i++) {
                n_wrong += rows[i].n_wrong;
                t->n_failures += rows[i].n_judged < N_RUNS;
        }
        t->n_failures += n_wrong + (unsigned)n_false;
        printf("# %s: %u judged, %u wrong; control: %i records\n", causes[cause].name, rows[0].n_judged,
               n_wrong, n_false);
        return 0;
}

/* Records that never came would be mistaken for windows that were not seen. */
static void check_losses(struct test *t) {
        struct collector_info info = {};

        if (collector_irq_delay.describe(t->watch.collector, &info) < 0)
                errx(EXIT_FAILURE, "the collector does not describe itself");
        for (size_t i = 0; i < info.n_counters; i++)
                if (info.counters[i].value > 0 && (strcmp(info.counters[i].name, "lostRecords") == 0 ||
                                                   strcmp(info.counters[i].name, "suppressedRecords") == 0)) {
                        printf("# %s: %" PRIu64 "\n", info.counters[i].name, info.counters[i].value);
                        t->n_failures++;
                }
}

static void test_done(struct test *t) {
        t->causes = causes_free(t->causes);
        watch_done(&t->watch);
}

/* Names of causes as arguments choose some. */
static bool is_wanted(char **argv, enum cause cause) {
        for (char **name = argv + 1; *name; name++)
                if (strstr(causes[cause].name, *name))
                        return true;
        return !argv[1];
}

int main(int argc, char **argv) {
        _cleanup_(test_done) struct test t = {};
        struct row rows[_CAUSE_MAX][EXPECTED_MAX] = {};
        const char *missing = NULL;
        int r;

        (void)setvbuf(stdout, NULL, _IOLBF, 0); /* a failure to do so changes nothing */
        if (geteuid() != 0)
                missing = "root";
        r = missing ? -EOPNOTSUPP : watch_open(&t.watch, settings, &missing);
        if (r >= 0)
                r = causes_new(&t.causes, &missing);
        if (r == -EOPNOTSUPP) {
                printf("SKIP: missing: %s\n", missing);
                return getenv("IRQWATCH_REQUIRE_KERNEL") ? EXIT_FAILURE : EXIT_MISSING;
        }
        if (r < 0)
                errx(EXIT_FAILURE, "cannot begin: %s", strerror(-r));

        for (int cause = 0; cause < _CAUSE_MAX; cause++)
                if (is_wanted(argv, (enum cause)cause) &&
                    (r = run_cause(&t, (enum cause)cause, rows[cause])) < 0)
                        errx(EXIT_FAILURE, "%s: %s", causes[cause].name, strerror(-r));

        check_losses(&t);
        print_header();
        for (int cause = 0; cause < _CAUSE_MAX; cause++)
                for (size_t i = 0; i < causes[cause].n_expected && rows[cause][0].n_judged; i++)
                        print_row((enum cause)cause, i, &rows[cause][i]);
        printf("* made again: the hypervisor or another injector had the CPU; the collector itself says that "
               "it did not watch\n");
        printf("%s\n", t.n_failures ? "FAIL" : "ok");
        return t.n_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
