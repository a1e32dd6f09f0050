/* SPDX-License-Identifier: Apache-2.0 */

/* The receive path: drops, squeezes, ksoftirqd, and NET_RX on one CPU. */

#include "tests/unit/trouble-fixture.h"

static void drops(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTNET, 0, "processed", 1, 3000, 20000);
        set_cpu(t, SOURCE_SOFTNET, 0, "dropped", 1, 0, 5000);
}

static void few_drops(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTNET, 0, "dropped", 0, 0, 12);
}

static void one_burst(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTNET, 0, "dropped", 0, 0, 2);
}

/* netdev_budget of a few packets. */
static void squeezes(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTNET, 0, "processed", 1, 3000, 20000);
        set_cpu(t, SOURCE_SOFTNET, 0, "time_squeeze", 1, 1, 4000);
}

/* Cut short by time, after very many packets. */
static void busy_polls(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTNET, 0, "processed", CPU_NONE, 3000, 300000);
        set_cpu(t, SOURCE_SOFTNET, 0, "time_squeeze", CPU_NONE, 1, 900);
}

static void ksoftirqd(struct trouble *t) {
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", 1, 2 * PERCENT, 86 * PERCENT);
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_DELAY, "", 1, 1 * PERCENT, 12 * PERCENT);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "TASKLET", 1, 10, 40000);
}

static void ksoftirqd_everywhere(struct trouble *t) {
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", CPU_NONE, 2 * PERCENT, 100 * PERCENT);
}

static void busy_ksoftirqd(struct trouble *t) {
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", 1, 2 * PERCENT, 75 * PERCENT);
}

static void imbalance(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", CPU_NONE, 50, 50);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", 1, 50, 45000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 70 * PERCENT);
}

/* Long polls: few softirqs, and nothing else on that CPU. */
static void full_of_polls(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", CPU_NONE, 50, 50);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", 1, 50, 4000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 82 * PERCENT);
}

static void many_polls(struct trouble *t) {
        full_of_polls(t);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 76 * PERCENT);
}

/* One flow, which its CPU copes with. */
static void one_flow(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", CPU_NONE, 50, 50);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", 1, 50, 45000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 35 * PERCENT);
}

/* Timers and RCU go where the work is. */
static void one_busy_task(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTIRQS, 0, "RCU", 1, 50, 45000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 70 * PERCENT);
}

static const struct trouble_case cases[] = {
        { "drops",
          drops,
          "softnet-drops",
          SEVERITY_CRITICAL,
          "dropped 150000 received packets because the backlog was full, up to 5000 per second on CPU 1, "
          "which processed "
          "20000",
          { 2, 64, 512 } },
        { "few drops", few_drops, "softnet-drops", SEVERITY_WARNING, "up to 12 per second", { 2, 64 } },
        { "one burst", one_burst, NULL, 0, NULL, { 2, 64, 512 } },
        { "squeezes",
          squeezes,
          "time-squeeze",
          SEVERITY_WARNING,
          "CPU 1 stopped receiving 4000 times per second with packets still waiting, after 5 packets",
          { 2, 64, 512 } },
        { "busy polls", busy_polls, NULL, 0, NULL, { 2, 64, 512 } },
        { "ksoftirqd",
          ksoftirqd,
          "ksoftirqd-saturated",
          SEVERITY_WARNING,
          "ksoftirqd/1 used 86 % of CPU 1, waited for it for 12 %; most frequent there: TASKLET",
          { 2, 64, 512 } },
        { "ksoftirqd everywhere",
          ksoftirqd_everywhere,
          "ksoftirqd-saturated",
          SEVERITY_CRITICAL,
          NULL,
          { 2, 64, 512 } },
        { "busy ksoftirqd", busy_ksoftirqd, NULL, 0, NULL, { 2, 64, 512 } },
        { "imbalance",
          imbalance,
          "softirq-imbalance",
          SEVERITY_WARNING,
          "of all NET_RX softirqs (45000 of",
          { 2, 64 } },
        { "full of polls",
          full_of_polls,
          "softirq-imbalance",
          SEVERITY_WARNING,
          "with 2 CPUs online; in interrupts for up to 83 % of its time",
          { 2 } },
        { "many polls", many_polls, NULL, 0, NULL, { 2, 64 } },
        { "one flow", one_flow, NULL, 0, NULL, { 2, 64, 512 } },
        { "one busy task", one_busy_task, NULL, 0, NULL, { 2, 64, 512 } },
};

static void test_cases(void **state) {
        run_troubles(cases, ELEMENTSOF(cases));
}

static void test_healthy(void **state) {
        static const unsigned cpus[] = { 1, 2, 64, 512 };

        for (size_t i = 0; i < ELEMENTSOF(cpus); i++) {
                struct trouble t;

                trouble_init(&t, cpus[i]);
                set_healthy(&t);
                trouble_run(&t);
                assert_int_equal(t.report->findings.n_items, 0);
                assert_int_equal(t.report->moments.n, 0);
                trouble_done(&t);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_healthy) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
