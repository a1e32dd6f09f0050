/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/report.h"

/* A machine with four CPUs over 100 s: quiet unless a test adds to it. */
struct machine {
        struct store *store;
        unsigned delay, softirqs;
        struct batch batch;
        struct report *report;
};

enum { SPAN = 100 };

static int setup(void **state) {
        static struct machine m;

        m = (struct machine){ .store = new_store() };
        batch_init(&m.batch);
        m.delay = add_delay_source(m.store);
        m.softirqs = add_collector_source(m.store, &collector_softirqs);
        *state = &m;
        return 0;
}

static int teardown(void **state) {
        struct machine *m = *state;

        m->report = report_free(m->report);
        batch_done(&m->batch);
        m->store = store_free(m->store);
        return 0;
}

/* Passes at the ends of the span. */
static void add_softirqs(struct machine *m, const char *type, const uint64_t *per_second, size_t n) {
        uint64_t zeros[8] = {}, totals[8] = {};

        for (size_t i = 0; i < n; i++)
                totals[i] = per_second[i] * SPAN;

        add_cells(&m->batch, 0, &(struct row_key){ .name = type }, zeros, n);
        commit(m->store, m->softirqs, 0, &m->batch);
        add_cells(&m->batch, 0, &(struct row_key){ .name = type }, totals, n);
        commit(m->store, m->softirqs, SPAN, &m->batch);
}

static void add_coverage(struct machine *m, const uint64_t *observed_percent, size_t n) {
        uint64_t zeros[8] = {}, observed[8] = {}, watched[8] = {};

        for (size_t i = 0; i < n; i++) {
                watched[i] = SPAN * NSEC_PER_SEC;
                observed[i] = watched[i] / 100 * observed_percent[i];
        }

        for (unsigned i = 0; i < 2; i++) {
                add_cells(&m->batch, DELAY_OBSERVED, &(struct row_key){ .name = "" }, i ? observed : zeros,
                          n);
                add_cells(&m->batch, DELAY_WATCHED, &(struct row_key){ .name = "" }, i ? watched : zeros, n);
                commit(m->store, m->delay, i * SPAN, &m->batch);
        }
}

static const struct finding *find(const struct machine *m, const char *code) {
        for (size_t i = 0; i < m->report->findings.n_items; i++)
                if (strcmp(m->report->findings.items[i].code, code) == 0)
                        return &m->report->findings.items[i];

        return NULL;
}

static void run(struct machine *m, const struct cpu_set *cpus) {
        const struct report_request request = { .since_us = AT(0), .until_us = AT(SPAN), .cpus = cpus };

        m->report = report_free(m->report);
        assert_int_equal(report_query(m->store, &request, &m->report), 0);
        for (size_t i = 0; i < m->report->findings.n_items; i++) {
                const struct finding *finding = &m->report->findings.items[i];

                assert_non_null(finding->subject);
                assert_non_null(finding->text);
                assert_non_null(finding->advice);
                assert_true(finding->n_evidence > 0);
                assert_true(i == 0 || finding->severity <= finding[-1].severity);
        }
}

/* What the machine needs to be no cause of findings itself. */
static void add_healthy(struct machine *m) {
        static const uint64_t even[] = { 30000, 31000, 29000, 30000 }, covered[] = { 100, 97, 81, 80 };

        add_softirqs(m, "NET_RX", even, 4);
        add_coverage(m, covered, 4);
}

static void check_only(struct machine *m, const char *code, enum severity severity, const char *subject,
                       const char *text) {
        const struct finding *finding;

        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 1);
        finding = find(m, code);
        assert_non_null(finding);
        assert_string_equal(severity_to_string(finding->severity), severity_to_string(severity));
        assert_string_equal(finding->subject, subject);
        assert_string_equal(finding->text, text);
}

static int64_t evidence_of(const struct finding *finding, const char *name) {
        for (size_t i = 0; i < finding->n_evidence; i++)
                if (strcmp(finding->evidence[i].name, name) == 0)
                        return finding->evidence[i].integer;

        fail_msg("no evidence %s", name);
        return 0;
}

static void test_healthy(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 0);
}

static void add_frame(struct event *event, const char *symbol, const char *module) {
        assert_int_equal(stack_new(1, &event->kernel_stack), 0);
        event->kernel_stack->n_frames = 1;
        event->kernel_stack->frames[0].symbol = strdup(symbol);
        event->kernel_stack->frames[0].module = strdup(module);
        stack_seal(event->kernel_stack);
}

static void test_culprit(void **state) {
        struct machine *m = *state;
        struct event *worst;

        add_healthy(m);
        (void)add_window(m->store, 1, 1, CLASS_IRQ_OFF, 25, 26, "nf_ct_frag6_expire.cold", "modprobe");
        worst = add_window(m->store, 2, 1, CLASS_IRQ_OFF, 48.2, 51, "nf_ct_frag6_expire.cold", "insmod");
        (void)add_window(m->store, 3, 1, CLASS_IRQ_OFF, 28.8, 30, "nf_ct_frag6_expire.cold", "modprobe");
        add_frame(worst, "nf_ct_frag6_expire.cold", "nf_defrag_ipv6");

        check_only(
                m, "irq-off-culprit", SEVERITY_WARNING, "nf_ct_frag6_expire.cold",
                "CPU 1 ran with interrupts off for 48.2-51.0 ms in nf_ct_frag6_expire.cold [nf_defrag_ipv6], "
                "called by insmod (pid 25319); 3 such windows, at least 102 ms in total");
        assert_int_equal(evidence_of(find(m, "irq-off-culprit"), "count"), 3);
        assert_int_equal(evidence_of(find(m, "irq-off-culprit"), "worstId"), worst->id);
        assert_int_equal(evidence_of(find(m, "irq-off-culprit"), "totalMinNsec"), MSEC(102));
        assert_non_null(strstr(find(m, "irq-off-culprit")->advice, "modinfo nf_defrag_ipv6"));
        assert_non_null(strstr(find(m, "irq-off-culprit")->advice, "irqctl show "));
        assert_non_null(strstr(find(m, "irq-off-culprit")->advice, "-C 1 "));
}

/* Two paths to one function: two findings that tell which is which. */
static void test_culprit_twice(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        set_stack(add_window(m->store, 1, 1, CLASS_IRQ_OFF, 25, 26, "f", "insmod"), "unlock f.cold[m] init do_init",
                  "01");
        set_stack(add_window(m->store, 2, 1, CLASS_IRQ_OFF, 20, 21, "f", "rmmod"), "unlock f[m] exit do_exit", "02");
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 2);
        assert_string_equal(m->report->findings.items[0].text,
                            "CPU 1 ran with interrupts off for 25.0-26.0 ms in f [m] under init, called by insmod (pid "
                            "25319)");
        assert_string_equal(m->report->findings.items[1].text,
                            "CPU 1 ran with interrupts off for 20.0-21.0 ms in f [m] under exit, called by rmmod (pid "
                            "25319)");
}

static void test_culprit_without_name(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        (void)add_window(m->store, 1, CPU_NONE, CLASS_IRQ_OFF, 0, 15, NULL, NULL);
        check_only(m, "irq-off-culprit", SEVERITY_WARNING, "irq-off",
                   "A CPU ran with interrupts off for up to 15.0 ms in a function that could not be named");
}

static void test_handlers(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        (void)add_window(m->store, 1, 0, CLASS_HARDIRQ, 12, 12, "eth0", "node");
        check_only(m, "irq-off-culprit", SEVERITY_WARNING, "eth0",
                   "CPU 0 was held by an interrupt handler for 12.0 ms in eth0, while node (pid "
                   "25319) was running");

        (void)add_window(m->store, 2, 2, CLASS_SOFTIRQ, 11, 12, "NET_RX", NULL);
        (void)add_window(m->store, 3, 3, CLASS_IPI, 10, 12, "flush_tlb_func", NULL);
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 3);
        assert_string_equal(m->report->findings.items[1].text,
                            "CPU 2 was held by a softirq for 11.0-12.0 ms in NET_RX");
        assert_string_equal(m->report->findings.items[2].text,
                            "CPU 3 was held by a call from another CPU for 10.0-12.0 ms in flush_tlb_func");
}

static void test_slow_hardirq(void **state) {
        struct machine *m = *state;
        const struct finding *finding;
        struct event *worst;

        add_healthy(m);
        (void)add_slow(m->store, 1, 0, EVENT_HARDIRQ, 2, "e1000_intr");
        worst = add_slow(m->store, 2, 1, EVENT_HARDIRQ, 9.9, "e1000_intr");
        assert_int_equal(event_add_string(worst, "spanName", "eth0"), 0);
        assert_int_equal(event_add_integer(worst, "irq", 24), 0);
        check_only(m, "slow-hardirq", SEVERITY_INFO, "e1000_intr",
                   "CPU 1 spent 9.90 ms in one run of the interrupt handler e1000_intr of IRQ 24 (eth0); 2 such runs "
                   "on CPUs 0-1, 11.9 ms in total");
        finding = find(m, "slow-hardirq");
        assert_int_equal(evidence_of(finding, "count"), 2);
        assert_int_equal(evidence_of(finding, "worstNsec"), MSEC(9.9));
        assert_int_equal(evidence_of(finding, "totalNsec"), MSEC(11.9));
        assert_int_equal(evidence_of(finding, "worstId"), worst->id);

        (void)add_slow(m->store, 3, 1, EVENT_HARDIRQ, 10, "e1000_intr");
        run(m, NULL);
        assert_int_equal(find(m, "slow-hardirq")->severity, SEVERITY_WARNING);
        (void)add_slow(m->store, 4, 1, EVENT_HARDIRQ, 50, NULL);
        run(m, NULL);
        assert_int_equal(find(m, "slow-hardirq")->severity, SEVERITY_CRITICAL);
        assert_string_equal(find(m, "slow-hardirq")->text,
                            "CPU 1 spent 50.0 ms in one run of the interrupt handler without a name");
}

/* The handler that makes a window is told with the window, and only there. */
static void test_slow_hardirq_in_window(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        (void)add_slow(m->store, 1, 0, EVENT_HARDIRQ, 14, "eth0");
        (void)add_window(m->store, 1.0001, 0, CLASS_HARDIRQ, 11, 15, "eth0", "node");
        check_only(m, "irq-off-culprit", SEVERITY_WARNING, "eth0",
                   "CPU 0 was held by an interrupt handler for 11.0-15.0 ms in eth0, while node (pid "
                   "25319) was running");
        assert_int_equal(m->report->slow->n_told, 1);
        assert_int_equal(m->report->windows->count, 1); /* a slow handler is no window */
}

static void test_slow_softirq(void **state) {
        struct machine *m = *state;
        struct event *event;

        add_healthy(m);
        (void)add_slow(m->store, 1, 2, EVENT_SOFTIRQ, 6, "TIMER");
        check_only(m, "slow-softirq", SEVERITY_INFO, "TIMER", "CPU 2 spent 6.00 ms in one run of the softirq TIMER");
        assert_non_null(strstr(find(m, "slow-softirq")->advice, "irqctl rates timers --latency"));

        event = add_slow(m->store, 2, 2, EVENT_SOFTIRQ, 12, "NET_RX");
        assert_int_equal(event_add_string(event, "device", "eth0"), 0);
        assert_int_equal(event_add_string(event, "context", "ksoftirqd"), 0);
        event->culprit = strdup("nft_do_chain");
        set_stack(event, "nft_do_chain[nf_tables] nf_hook_slow", NULL);
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 2);
        assert_int_equal(m->report->findings.items[0].severity, SEVERITY_WARNING);
        assert_string_equal(m->report->findings.items[0].subject, "NET_RX");
        assert_string_equal(m->report->findings.items[0].text,
                            "CPU 2 spent 12.0 ms in one run of the softirq NET_RX for eth0 in ksoftirqd, seen in "
                            "nft_do_chain [nf_tables]");
}

static void test_starved(void **state) {
        struct machine *m = *state;
        struct event *event;

        add_healthy(m);
        (void)add_slow(m->store, 1, 2, EVENT_SOFTIRQ_LATENCY, 12, "RCU");
        check_only(m, "softirq-starved", SEVERITY_INFO, "RCU", "CPU 2 let the softirq RCU wait for 12.0 ms");

        event = add_slow(m->store, 2, 1, EVENT_SOFTIRQ_LATENCY, 35, "NET_RX");
        event->culprit = strdup("long_loop");
        set_stack(event, "long_loop[m] ksys_read", NULL);
        check_only(m, "softirq-starved", SEVERITY_WARNING, "NET_RX",
                   "CPU 1 let the softirq NET_RX wait for 35.0 ms while node (pid 25319) ran in long_loop [m]; 2 such "
                   "waits on CPUs 1-2");
        (void)add_slow(m->store, 3, 1, EVENT_SOFTIRQ_LATENCY, 50, "NET_RX");
        run(m, NULL);
        assert_int_equal(find(m, "softirq-starved")->severity, SEVERITY_CRITICAL);
}

static void test_slow_are_bounded(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        for (unsigned i = 0; i < 20; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "irq%u", i); /* fits */
                (void)add_slow(m->store, 1 + i, 0, EVENT_HARDIRQ, 2 + i * 0.1, name);
        }
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 4);
        assert_string_equal(m->report->findings.items[0].subject, "irq19");
}

/* 50 ms for certain at once, or 1 % of the span in sum. */
static void test_window_severity(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        (void)add_window(m->store, 1, 0, CLASS_IRQ_OFF, 49.9, 60, "f", NULL);
        run(m, NULL);
        assert_int_equal(find(m, "irq-off-culprit")->severity, SEVERITY_WARNING);
        (void)add_window(m->store, 2, 0, CLASS_IRQ_OFF, 50, 60, "g", NULL);
        run(m, NULL);
        assert_string_equal(m->report->findings.items[0].subject, "g");
        assert_int_equal(m->report->findings.items[0].severity, SEVERITY_CRITICAL);
        assert_int_equal(m->report->findings.items[1].severity, SEVERITY_WARNING);
        for (unsigned i = 0; i < 20; i++)
                (void)add_window(m->store, 3 + i, i % 4, CLASS_IRQ_OFF, 49, 50, "f", NULL);
        run(m, NULL);
        assert_int_equal(m->report->findings.items[1].severity, SEVERITY_CRITICAL);
        assert_non_null(
                strstr(m->report->findings.items[0].text, "; 21 such windows on CPUs 0-3, at least 1.03 s"));
}

static void test_culprits_are_bounded(void **state) {
        struct machine *m = *state;

        add_healthy(m);
        for (unsigned i = 0; i < 40; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "f%u", i); /* fits */
                (void)add_window(m->store, 1 + i, 0, CLASS_IRQ_OFF, 10 + i, 60, name, NULL);
        }

        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 8);
        assert_string_equal(m->report->findings.items[0].subject, "f39");
        assert_int_equal(m->report->windows->n_by_culprit, 40);
}

static void test_other_classes(void **state) {
        static const struct {
                enum event_class class;
                enum severity severity;
                const char *code, *text;
        } cases[] = {
                { CLASS_STEAL, SEVERITY_WARNING, "steal",
                  "CPU 2 stood still for 20.0-21.0 ms because the hypervisor ran something else in its "
                  "place; 2 such "
                  "windows on CPUs 0,2, at least 30.0 ms in total" },
                { CLASS_PLATFORM, SEVERITY_WARNING, "platform-stall",
                  "CPU 2 stood still for 20.0-21.0 ms: something below the kernel held it, the hypervisor, "
                  "firmware or a "
                  "device that was accessed; 2 such windows on CPUs 0,2, at least 30.0 ms in total" },
                { CLASS_IDLE_EXIT, SEVERITY_INFO, "idle-exit",
                  "CPU 2 left idle late by 20.0-21.0 ms; 2 such windows on CPUs 0,2, at least 30.0 ms in "
                  "total" },
                { CLASS_UNKNOWN, SEVERITY_WARNING, "unexplained-window",
                  "CPU 2 took its timer interrupts late by 20.0-21.0 ms, and the evidence does not say why; "
                  "2 such "
                  "windows on CPUs 0,2, at least 30.0 ms in total" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct machine *m;

                (void)teardown(state);
                (void)setup(state);
                m = *state;
                add_healthy(m);
                (void)add_window(m->store, 1, 0, cases[i].class, 10, 11, NULL, NULL);
                (void)add_window(m->store, 2, 2, cases[i].class, 20, 21, "f", NULL);
                check_only(m, cases[i].code, cases[i].severity, "CPUs 0,2", cases[i].text);
        }
}

static void check_imbalance(void **state, const char *type, const uint64_t *per_second, size_t n,
                            int severity) {
        struct machine *m;

        (void)teardown(state);
        (void)setup(state);
        m = *state;
        add_softirqs(m, type, per_second, n);
        add_coverage(m, (const uint64_t[]){ 100 }, 1);
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, severity >= 0);
        if (severity >= 0) {
                assert_int_equal(find(m, "softirq-imbalance")->severity, severity);
                assert_string_equal(find(m, "softirq-imbalance")->subject, type);
        }
}

#define CHECK_IMBALANCE(severity, type, ...) \
        check_imbalance(state, type, (const uint64_t[]){ __VA_ARGS__ }, \
                        ELEMENTSOF(((const uint64_t[]){ __VA_ARGS__ })), severity)

static void test_imbalance(void **state) {
        _cleanup_(cpu_set_done) struct cpu_set cpus = {};
        struct machine *m = *state;

        CHECK_IMBALANCE(SEVERITY_WARNING, "NET_RX", 0, 50000, 0, 0);
        assert_string_equal(
                find(m, "softirq-imbalance")->text,
                "CPU 1 did 100 % of all NET_RX softirqs (50000 of 50000 per second), with 4 CPUs online");
        assert_int_equal(evidence_of(find(m, "softirq-imbalance"), "cpu"), 1);
        /* A selection of CPUs says nothing of the others. */
        assert_int_equal(cpu_list_parse("0-1", &cpus), 0);
        run(m, &cpus);
        assert_null(find(m, "softirq-imbalance"));

        CHECK_IMBALANCE(SEVERITY_INFO, "NET_RX", 0, 2000, 0, 0);
        CHECK_IMBALANCE(SEVERITY_INFO, "BLOCK", 2000, 0, 0, 0);
        CHECK_IMBALANCE(-1, "NET_RX", 0, 1000, 0, 0);   /* too few to matter */
        CHECK_IMBALANCE(-1, "TIMER", 0, 50000, 0, 0);   /* follows the load, not a configuration */
        CHECK_IMBALANCE(-1, "NET_RX", 10, 50000, 0, 0); /* not quite four times an even spread */
        CHECK_IMBALANCE(SEVERITY_WARNING, "NET_RX", 0, 0, 0, 30000, 5000, 5000, 0, 0);
        CHECK_IMBALANCE(SEVERITY_WARNING, "NET_RX", 90000, 10000);
        CHECK_IMBALANCE(-1, "NET_RX", 89000, 11000);
        CHECK_IMBALANCE(SEVERITY_WARNING, "NET_RX", 2000, 3000, 95000);
        CHECK_IMBALANCE(-1, "NET_RX", 100000); /* one CPU has no choice */
}

static void test_coverage(void **state) {
        static const uint64_t even[] = { 1, 1 };
        struct machine *m = *state;

        add_softirqs(m, "NET_RX", even, 2);
        add_coverage(m, (const uint64_t[]){ 100, 79, 60 }, 3);
        check_only(m, "coverage-low", SEVERITY_INFO, "CPUs 1-2",
                   "CPUs 1-2: as little as 60 % of the time was observed; a window in the rest would not "
                   "have been seen");
}

static void test_coverage_very_low(void **state) {
        static const uint64_t even[] = { 1, 1 };
        struct machine *m = *state;

        add_softirqs(m, "NET_RX", even, 2);
        add_coverage(m, (const uint64_t[]){ 100, 49 }, 2);
        check_only(m, "coverage-low", SEVERITY_WARNING, "CPU 1",
                   "CPU 1: as little as 49 % of the time was observed; a window in the rest would not have "
                   "been seen");
}

static void test_not_counted(void **state) {
        static const uint64_t even[] = { 1, 1 };
        struct machine *m = *state;

        add_softirqs(m, "NET_RX", even, 2);
        for (unsigned i = 0; i < 3; i++) {
                ADD_ROW(&m->batch, DELAY_LOST, "", 7, 1);
                ADD_ROW(&m->batch, DELAY_SUPPRESSED, "", 1, 1);
                if (i > 0)
                        ADD_ROW(&m->batch, DELAY_OBSERVED, "", 1, 1);
                commit(m->store, m->delay, i * SPAN / 2, &m->batch);
        }
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 0); /* all of it happened before */

        ADD_ROW(&m->batch, DELAY_LOST, "", 9, 2);
        ADD_ROW(&m->batch, DELAY_SUPPRESSED, "", 1, 5);
        commit(m->store, m->delay, SPAN + 10, &m->batch);
        m->report = report_free(m->report);
        assert_int_equal(
                report_query(m->store, &(struct report_request){ AT(SPAN), AT(2 * SPAN), NULL }, &m->report),
                0);
        assert_int_equal(m->report->findings.n_items, 1);
        assert_int_equal(find(m, "windows-not-recorded")->severity, SEVERITY_WARNING);
        assert_string_equal(
                find(m, "windows-not-recorded")->text,
                "7 more windows or slow runs were found but not recorded (4 above the limit of events per second, 3 "
                "because the kernel's buffer was full): all counts and totals of events are too low by "
                "these");
}

/* Softirq passes at both ends and around a gap of the given length in the middle. */
static void add_gap(struct machine *m, double length) {
        static const double seconds[] = { 0, 50, 0, SPAN };

        add_coverage(m, (const uint64_t[]){ 100, 100 }, 2);
        for (size_t i = 0; i < ELEMENTSOF(seconds); i++) {
                ADD_ROW(&m->batch, 0, "NET_RX", i, i);
                commit(m->store, m->softirqs, seconds[i] > 0 || i == 0 ? seconds[i] : 50 + length, &m->batch);
                if (i == 1)
                        mark_gap(m->store, m->softirqs, 50.5, "proc/softirqs was cut short");
        }
}

static void test_short_gap(void **state) {
        struct machine *m = *state;

        add_gap(m, 0.9);
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 0);
        assert_int_equal(m->report->n_gaps, 1); /* still to be seen there */
}

static void test_gap(void **state) {
        struct machine *m = *state;

        add_gap(m, 9);
        check_only(m, "collector-gap", SEVERITY_INFO, "softirqs",
                   "The collector softirqs recorded nothing for 9.00 s of the span, in 1 gap: proc/softirqs "
                   "was cut "
                   "short");
}

static void test_long_gap(void **state) {
        struct machine *m = *state;

        add_gap(m, 10);
        run(m, NULL);
        assert_int_equal(m->report->findings.n_items, 1);
        assert_int_equal(find(m, "collector-gap")->severity, SEVERITY_WARNING);
}

static void test_not_recorded(void **state) {
        const struct report_request request = { .since_us = AT(-50), .until_us = AT(SPAN) };
        const struct report_request nearly = { .since_us = AT(-10), .until_us = AT(SPAN) };
        struct machine *m = *state;

        add_healthy(m);
        assert_int_equal(report_query(m->store, &request, &m->report), 0);
        assert_int_equal(m->report->findings.n_items, 1);
        assert_int_equal(find(m, "not-recorded")->severity, SEVERITY_INFO);
        assert_string_equal(
                find(m, "not-recorded")->text,
                "The first 50.0 s of the span are not on record: irqwatchd was not yet watching, or its "
                "history no longer reaches back that far");

        m->report = report_free(m->report);
        assert_int_equal(report_query(m->store, &nearly, &m->report), 0);
        assert_int_equal(m->report->findings.n_items, 0);
        assert_int_equal(m->report->n_gaps, 2);
}

static void test_no_memory(void **state) {
        const struct report_request request = { .since_us = AT(-50), .until_us = AT(SPAN) };
        struct machine *m = *state;
        unsigned n = 0;
        int r;

        add_softirqs(m, "NET_RX", (const uint64_t[]){ 0, 50000, 0, 0 }, 4);
        add_coverage(m, (const uint64_t[]){ 100, 10 }, 2);
        (void)add_window(m->store, 1, 0, CLASS_IRQ_OFF, 10, 11, "f", "x");
        (void)add_window(m->store, 2, 1, CLASS_IRQ_OFF, 10, 11, "f", "x");
        (void)add_window(m->store, 2, 1, CLASS_STEAL, 10, 11, NULL, "x");
        (void)add_slow(m->store, 3, 1, EVENT_HARDIRQ, 3, "eth0");
        (void)add_slow(m->store, 3, 1, EVENT_SOFTIRQ, 3, "NET_RX");
        (void)add_slow(m->store, 4, 1, EVENT_SOFTIRQ_LATENCY, 3, "NET_RX");
        mark_gap(m->store, m->softirqs, 40, "x");

        do {
                _cleanup_(report_freep) struct report *report = NULL;

                alloc_fail_at(++n);
                r = report_query(m->store, &request, &report);
                if (!alloc_fail_end())
                        break;
                assert_int_equal(r, -ENOMEM);
                assert_null(report);
        } while (n < 1000);

        assert_int_equal(r, 0);
        assert_in_range(n, 40, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_healthy),
                TEST(test_culprit),
                TEST(test_culprit_twice),
                TEST(test_culprit_without_name),
                TEST(test_handlers),
                TEST(test_slow_hardirq),
                TEST(test_slow_hardirq_in_window),
                TEST(test_slow_softirq),
                TEST(test_starved),
                TEST(test_slow_are_bounded),
                TEST(test_window_severity),
                TEST(test_culprits_are_bounded),
                TEST(test_other_classes),
                TEST(test_imbalance),
                TEST(test_coverage),
                TEST(test_coverage_very_low),
                TEST(test_not_counted),
                TEST(test_short_gap),
                TEST(test_gap),
                TEST(test_long_gap),
                TEST(test_not_recorded),
                TEST(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
