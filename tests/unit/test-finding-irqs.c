/* SPDX-License-Identifier: Apache-2.0 */

/* Storms, queues on one CPU, isolated CPUs, moved interrupts, spurious ones, and collectors that do too
 * little. */

#include "tests/unit/trouble-fixture.h"

#include "daemon/query/status.h"

static struct trouble_row *set_queue(struct trouble *t, const char *irq, const char *action, int cpu,
                                     double rate) {
        struct trouble_row *row = set_cpu(t, SOURCE_INTERRUPTS, 0, irq, cpu, rate, rate);

        row->key.labels[0] = "PCI-MSIX-0000:00:04.0";
        row->key.labels[2] = action;
        return row;
}

static void timers(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", 1, 1000, 90000);
}

static void ipis(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "CAL", CPU_NONE, 500, 70000);
}

/* A task that sleeps for a microsecond, in a guest. */
static void guest_timers(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", 1, 1000, 29000);
}

/* The same, and no time is left on that CPU. */
static void full_of_timers(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", 1, 1000, 29000);
        set_cpu(t, SOURCE_CPU, 0, "system", 1, 5 * PERCENT, 30 * PERCENT);
}

/* RPS does it, as it was told. */
static void calls_of_rps(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "CAL", 1, 500, 70000);
        set_cpu(t, SOURCE_SOFTNET, 0, "received_rps", 1, 500, 60000);
}

/* Or does some of it. */
static void other_calls(struct trouble *t) {
        calls_of_rps(t);
        set_cpu(t, SOURCE_SOFTNET, 0, "received_rps", 1, 500, 30000);
}

static void few_timers(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", 1, 1000, 19000);
}

static void device(struct trouble *t) {
        set_queue(t, "29", "ahci[0000:00:1f.2]", 0, 100)->cpus[0].bad = 60000;
}

/* Six times as many: a machine that got work to do. */
static void more_work(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "RES", CPU_NONE, 10000, 60000);
}

static void fast(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "RES", CPU_NONE, 100, 45000);
}

/* As it is every day, says the history. */
static void fast_as_ever(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "RES", CPU_NONE, 80000, 80000);
}

static void unknown_history(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "RES", CPU_NONE, 0, 120000);
}

static void no_history(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "RES", CPU_NONE, 0, 80000);
}

static void queues_on_one_cpu(struct trouble *t) {
        set_queue(t, "24", "eth0-TxRx-0", 1, 9000);
        set_queue(t, "25", "eth0-TxRx-1", 1, 8000);
        set_queue(t, "26", "eth0-TxRx-2", 1, 7000);
        set_queue(t, "27", "eth0-TxRx-3", 1, 6000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 45 * PERCENT, 45 * PERCENT);
}

/* One flow comes in through one queue. */
static void one_queue(struct trouble *t) {
        set_queue(t, "24", "eth0-TxRx-0", 1, 30000);
        set_queue(t, "25", "eth0-TxRx-1", 0, 3);
        set_queue(t, "26", "eth0-TxRx-2", 1, 4);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 45 * PERCENT, 45 * PERCENT);
}

static void queues_apart(struct trouble *t) {
        set_queue(t, "24", "eth0-TxRx-0", 0, 9000);
        set_queue(t, "25", "eth0-TxRx-1", 1, 9000);
        set_queue(t, "26", "virtio0-input.0", 1, 9000);
        set_queue(t, "27", "virtio1-input.0", 1, 9000);
}

/* Only sysfs tells that they are of one device. */
static void queues_by_sysfs(struct trouble *t) {
        static const char *const irqs[] = { "24", "25" };

        set_queue(t, "24", "one-rx", 1, 15000);
        set_queue(t, "25", "other-tx", 1, 15000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 45 * PERCENT, 45 * PERCENT);
        for (size_t i = 0; i < ELEMENTSOF(irqs); i++)
                set_cpu(t, SOURCE_AFFINITY, AFFINITY_SET, irqs[i], 1, 1, 1)->key.labels[0] = "ens5";
}

static void set_isolated(struct trouble *t, int cpu) {
        set_cpu(t, SOURCE_AFFINITY, AFFINITY_ISOLATED, "", cpu, 1, 1);
}

static void isolated(struct trouble *t) {
        set_isolated(t, 1);
        set_queue(t, "24", "eth0-TxRx-0", 1, 0)->cpus[1].bad = 400;
}

static void isolated_spared(struct trouble *t) {
        set_isolated(t, 1);
        set_queue(t, "24", "eth0-TxRx-0", 0, 4000);
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", 1, 1000, 1000); /* those it cannot be spared */
}

static void isolated_seldom(struct trouble *t) {
        set_isolated(t, 1);
        set_queue(t, "24", "eth0-TxRx-0", 1, 5);
}

static void errors(struct trouble *t) {
        set_single(t, SOURCE_INTERRUPTS, 0, "ERR", 0, 3);
}

static void missed(struct trouble *t) {
        set_single(t, SOURCE_INTERRUPTS, 0, "MIS", 0, 50);
}

static void old_errors(struct trouble *t) {
        trouble_row(t, SOURCE_INTERRUPTS, 0, "ERR")->values[TROUBLE_CPUS_MAX] = 1000;
}

static void few_errors(struct trouble *t) {
        set_single(t, SOURCE_INTERRUPTS, 0, "ERR", 0, 0.2);
}

static const struct trouble_case cases[] = {
        { "timers",
          timers,
          "irq-storm",
          SEVERITY_WARNING,
          "CPU 1 took 90000 timer interrupts (LOC) per second, 1000 are usual",
          { 2, 64, 512 } },
        { "timers of a guest",
          guest_timers,
          "irq-storm",
          SEVERITY_INFO,
          "CPU 1 took 29000 timer interrupts (LOC) per second, 1000 are usual",
          { 2, 64 } },
        { "timers in a guest, CPU full",
          full_of_timers,
          "irq-storm",
          SEVERITY_WARNING,
          "1000 are usual; meanwhile it was busy for 96 % of the time",
          { 2, 64 } },
        { "RPS",
          calls_of_rps,
          "irq-storm",
          SEVERITY_INFO,
          "; RPS sent it packets 60000 times per second",
          { 2, 64 } },
        { "RPS and others",
          other_calls,
          "irq-storm",
          SEVERITY_WARNING,
          "; RPS sent it packets 30000 times per second",
          { 2, 64 } },
        { "few timers", few_timers, NULL, 0, NULL, { 2, 64 } },
        { "IPIs",
          ipis,
          "irq-storm",
          SEVERITY_WARNING,
          "70000 function calls from other CPUs (CAL) per second, 500 are usual",
          { 2, 64 } },
        { "device",
          device,
          "irq-storm",
          SEVERITY_WARNING,
          "60000 interrupts of IRQ 29 (ahci[0000:00:1f.2]) per second, 100 are usual",
          { 2, 64 } },
        { "more work", more_work, NULL, 0, NULL, { 2, 64, 512 } },
        { "fast", fast, NULL, 0, NULL, { 2, 64 } },
        { "as ever", fast_as_ever, NULL, 0, NULL, { 2 }, .before = 600 },
        { "all the time, against history",
          ipis,
          "irq-storm",
          SEVERITY_WARNING,
          "70000 function calls from other CPUs (CAL)",
          { 2 },
          .always = true,
          .before = 600 },
        { "all the time, no history", no_history, NULL, 0, NULL, { 2 }, .always = true },
        { "all the time, whatever was before",
          unknown_history,
          "irq-storm",
          SEVERITY_WARNING,
          "120000 wake-ups by other CPUs (RES) per second; what is usual is not known",
          { 2 },
          .always = true },
        { "queues on one CPU",
          queues_on_one_cpu,
          "irq-imbalance",
          SEVERITY_WARNING,
          "CPU 1 took 100 % of the interrupts of eth0-TxRx (up to 30000 per second), although 4 of its "
          "queues",
          { 2, 64, 512 },
          .always = true },
        { "queues by sysfs",
          queues_by_sysfs,
          "irq-imbalance",
          SEVERITY_WARNING,
          "of ens5",
          { 2, 64 },
          .always = true },
        { "one queue", one_queue, NULL, 0, NULL, { 2, 64 } },
        { "queues apart", queues_apart, NULL, 0, NULL, { 2, 64 } },
        { "isolated",
          isolated,
          "irq-on-isolated-cpu",
          SEVERITY_WARNING,
          "CPU 1 is isolated, but was interrupted up to 400 times per second by IRQ 24 (eth0-TxRx-0)",
          { 2, 64, 512 } },
        { "isolated, spared", isolated_spared, NULL, 0, NULL, { 2, 64 } },
        { "isolated, seldom", isolated_seldom, NULL, 0, NULL, { 2, 64 } },
        { "errors",
          errors,
          "spurious-interrupts",
          SEVERITY_WARNING,
          "90 interrupts went to no handler",
          { 2, 64, 512 } },
        { "missed", missed, "spurious-interrupts", SEVERITY_WARNING, "MIS in /proc/interrupts", { 2 } },
        { "errors long ago", old_errors, NULL, 0, NULL, { 2 } },
        { "few errors", few_errors, NULL, 0, NULL, { 2 } },
};

static void test_cases(void **state) {
        run_troubles(cases, ELEMENTSOF(cases));
}

static void add_change(struct trouble *t, double at, const char *irq, int64_t from, int64_t to) {
        _cleanup_(event_unrefp) struct event *event = NULL;

        assert_int_equal(event_new(EVENT_AFFINITY, &event), 0);
        event->time_us = AT(at);
        event->monotonic_ns = stamp_at(at).monotonic_ns;
        event->culprit = strdup(irq);
        assert_int_equal(event_add_integers(event, "oldCpus", &from, 1), 0);
        assert_int_equal(event_add_integers(event, "newCpus", &to, 1), 0);
        assert_int_equal(store_add_event(t->store, event), 0);
}

static void test_affinity_changed(void **state) {
        const struct finding *finding;
        struct trouble t;

        trouble_init(&t, 2);
        set_healthy(&t);
        add_change(&t, -5, "IRQ 23 before", 0, 1);
        add_change(&t, 100, "IRQ 24 virtio0-input.0", 0, 1);
        trouble_run(&t);
        assert_int_equal(t.report->findings.n_items, 1);
        finding = trouble_find(&t, "affinity-changed");
        assert_non_null(finding);
        assert_int_equal(finding->severity, SEVERITY_INFO);
        assert_string_equal(finding->text, "Moved to other CPUs: IRQ 24 virtio0-input.0 from CPU 0 to CPU 1");
        assert_int_equal(trouble_number(finding, "changes"), 1);
        trouble_done(&t);
}

static void test_many_affinity_changes(void **state) {
        const struct finding *finding;
        struct trouble t;

        trouble_init(&t, 2);
        set_healthy(&t);
        for (unsigned i = 0; i < 40; i++)
                add_change(&t, 100 + i, i == 39 ? "IRQ 25 eth0" : "IRQ 24 eth0", i % 2, 1 - i % 2);
        trouble_run(&t);
        finding = trouble_find(&t, "affinity-changed");
        assert_non_null(finding);
        assert_string_equal(finding->text,
                            "Interrupts were moved, last IRQ 25 eth0 from CPU 1 to CPU 0, IRQ 24 "
                            "eth0 from CPU 0 to CPU 1, IRQ 24 "
                            "eth0 from CPU 1 to CPU 0, and 37 more times");
        assert_int_equal(trouble_number(finding, "changes"), 40);
        trouble_done(&t);
}

static void test_collectors(void **state) {
        struct status_collector collectors[] = {
                { .name = "softirqs", .state = COLLECTOR_RUNNING },
                { .name = "irq-delay", .state = COLLECTOR_DEGRADED, .reason = "passive on this kernel" },
                { .name = "pressure", .state = COLLECTOR_UNSUPPORTED, .reason = "no such file" },
                { .name = "interrupts",
                  .state = COLLECTOR_FAILING,
                  .reason = "short read",
                  .n_failed_passes = 7 },
        };
        const struct status status = { .collectors = collectors, .n_collectors = ELEMENTSOF(collectors) };
        struct trouble t;

        trouble_init(&t, 2);
        set_healthy(&t);
        t.status = &status;
        trouble_run(&t);
        assert_int_equal(t.report->findings.n_items, 2);
        assert_string_equal(t.report->findings.items[0].text, "The collector interrupts fails: short read");
        assert_int_equal(t.report->findings.items[0].severity, SEVERITY_WARNING);
        assert_int_equal(trouble_number(&t.report->findings.items[0], "failedPasses"), 7);
        assert_string_equal(t.report->findings.items[1].text,
                            "The collector irq-delay does less than configured: passive on this kernel");
        assert_int_equal(t.report->findings.items[1].severity, SEVERITY_INFO);
        trouble_done(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),
                cmocka_unit_test(test_affinity_changed),
                cmocka_unit_test(test_many_affinity_changes),
                cmocka_unit_test(test_collectors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
