/* SPDX-License-Identifier: Apache-2.0 */

/* Floods of packets: what is one, what only looks like one, and what it explains. */

#include "tests/unit/trouble-fixture.h"

#include "daemon/collect/registry.h"

/* The case of the textbook: 14,678 packets per second of 60 bytes, and CPU 1 does nothing else. */
static void busy_receiver(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 14678, 60);
        set_sent(t, "ens32", 300, 500, 7401, 62);
        set_received(t, "lo", 9, 75, 9, 75);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", 0, 2900, 1500);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", 1, 2900, 21000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 98 * PERCENT);
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", 1, 2 * PERCENT, 94 * PERCENT);
}

static void syn_cookies(struct trouble *t) {
        busy_receiver(t);
        set_single(t, SOURCE_TCP, 0, "SyncookiesSent", 0, 9800);
        set_single(t, SOURCE_TCP, 0, "SyncookiesRecv", 0, 3);
}

/* hping3 from a host whose kernel resets what it never asked for. */
static void syn_resets(struct trouble *t) {
        busy_receiver(t);
        set_single(t, SOURCE_TCP, 0, "AttemptFails", 1, 7200);
}

static void syn_drops(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 6000, 60);
        set_sent(t, "ens32", 300, 500, 100, 62);
        set_single(t, SOURCE_TCP, 0, "TCPReqQFullDrop", 0, 5800);
}

/* Real clients come back with their cookies: a backlog that is too short, no flood. */
static void valid_cookies(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 9000, 400);
        set_single(t, SOURCE_TCP, 0, "SyncookiesSent", 0, 2000);
        set_single(t, SOURCE_TCP, 0, "SyncookiesRecv", 0, 1900);
        set_single(t, SOURCE_TCP, 0, "PassiveOpens", 800, 2700);
}

/* A scan, or a service that is down behind a balancer. */
static void some_failures(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 3000, 90);
        set_single(t, SOURCE_TCP, 0, "AttemptFails", 1, 800);
}

/* Failures beside far more successes. */
static void many_connections(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 90000, 300);
        set_single(t, SOURCE_TCP, 0, "AttemptFails", 1, 1500);
        set_single(t, SOURCE_TCP, 0, "PassiveOpens", 800, 20000);
}

static void refused_datagrams(struct trouble *t) {
        busy_receiver(t);
        set_single(t, SOURCE_TCP, 0, "UdpNoPorts", 0, 13000);
}

static void some_refused(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 2000, 90);
        set_single(t, SOURCE_TCP, 0, "UdpNoPorts", 0, 900);
}

/* Nobody says what they are. */
static void small_packets(struct trouble *t) {
        busy_receiver(t);
}

/* A name server at work. */
static void harmless_small_packets(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 30000, 90);
        set_sent(t, "ens32", 300, 500, 30000, 180);
        set_cpu(t, SOURCE_CPU, 0, "softirq", CPU_NONE, 5 * PERCENT, 20 * PERCENT);
}

/* A sender at full speed gets nothing but acknowledgements, and one CPU takes them. */
static void acknowledgements(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 60000, 66);
        set_sent(t, "ens32", 300, 500, 90000, 9000);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", 1, 2900, 18000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 55 * PERCENT);
}

static void full_speed(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 800000, 1514);
        set_sent(t, "ens32", 300, 500, 40000, 66);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", CPU_NONE, 2900, 15000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", CPU_NONE, 5 * PERCENT, 45 * PERCENT);
        set_cpu(t, SOURCE_SOFTNET, 0, "time_squeeze", CPU_NONE, 1, 90);
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", 0, 2 * PERCENT, 60 * PERCENT);
}

static const struct trouble_case cases[] = {
        { "SYN cookies",
          syn_cookies,
          "syn-flood",
          SEVERITY_CRITICAL,
          "9800 SYN cookies per second",
          { 2, 64, 512 } },
        { "SYNs and resets",
          syn_resets,
          "syn-flood",
          SEVERITY_CRITICAL,
          "7200 handshakes per second failed",
          { 2, 64 } },
        { "SYNs dropped",
          syn_drops,
          "syn-flood",
          SEVERITY_CRITICAL,
          "5800 requests per second were dropped",
          { 2 } },
        { "valid cookies", valid_cookies, NULL, 0, NULL, { 2, 64 } },
        { "some failures", some_failures, NULL, 0, NULL, { 2 } },
        { "many connections", many_connections, NULL, 0, NULL, { 64 } },
        { "closed UDP port",
          refused_datagrams,
          "udp-flood",
          SEVERITY_CRITICAL,
          "13000 datagrams per second went to closed ports",
          { 2, 64, 512 } },
        { "some datagrams refused", some_refused, NULL, 0, NULL, { 2 } },
        { "small packets",
          small_packets,
          "small-packet-flood",
          SEVERITY_WARNING,
          "ens32 received 14678 packets per second of 60 bytes",
          { 2, 64, 512 } },
        { "small packets, harmless", harmless_small_packets, NULL, 0, NULL, { 2, 64 } },
        { "acknowledgements", acknowledgements, NULL, 0, NULL, { 2, 64 } },
        { "full speed", full_speed, NULL, 0, NULL, { 2, 64, 512 } },
};

static void test_cases(void **state) {
        run_troubles(cases, ELEMENTSOF(cases));
}

/* The whole chain in one finding; what it explains is still there, and says so. */
static void test_chain(void **state) {
        static const char *const explained[] = { "softirq-imbalance", "ksoftirqd-saturated",
                                                 "small-packet-flood" };
        const struct finding *flood;
        struct trouble t;

        trouble_init(&t, 2);
        set_healthy(&t);
        syn_cookies(&t);
        trouble_run(&t);

        flood = &t.report->findings.items[0];
        assert_string_equal(
                flood->text,
                "SYN flood: ens32 received 14678 packets per second of 60 bytes on average; 9800 SYN cookies "
                "per second were sent, 3 came back. CPU 1 ran "
                "21000 NET_RX per second (the others 1500 on average) and spent 98 % of its time in "
                "softirqs, "
                "ksoftirqd/1 94 %");
        assert_int_equal(trouble_number(flood, "packetsPerSecond"), 14678);
        assert_int_equal(trouble_number(flood, "bytesPerPacket"), 60);
        assert_int_equal(trouble_number(flood, "softirqPercent"), 98);
        assert_int_equal(trouble_number(flood, "ksoftirqdPercent"), 94);
        assert_int_equal(trouble_number(flood, "netRxPerSecond"), 21000);
        assert_int_equal(trouble_number(flood, "synCookiesPerSecond"), 9800);
        for (size_t i = 0; i < ELEMENTSOF(explained); i++) {
                const struct finding *finding = trouble_find(&t, explained[i]);

                assert_non_null(finding);
                assert_string_equal(finding->explained_by, "syn-flood");
        }
        trouble_done(&t);
}

/* Another CPU, or another time: another story. */
static void test_not_explained(void **state) {
        struct trouble t;

        trouble_init(&t, 4);
        set_healthy(&t);
        syn_cookies(&t);
        set_cpu(&t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", 1, 2 * PERCENT, 2 * PERCENT);
        set_cpu(&t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", 3, 2 * PERCENT, 90 * PERCENT);
        trouble_run(&t);
        assert_string_equal(t.report->findings.items[0].code, "syn-flood");
        assert_string_equal(t.report->findings.items[1].code, "ksoftirqd-saturated");
        assert_int_equal(t.report->findings.items[1].severity, SEVERITY_WARNING);
        trouble_done(&t);
}

/* Passes of a second, in which one sample came on record: of 1000 packets these are SYNs to port 80, the rest
 * are datagrams to port 53. */
static void add_sample(struct store *store, double at, uint64_t n_syns) {
        _cleanup_(batch_done) struct batch batch = {};
        const struct row_key syns = { .name = "tcp", .labels = { "S", "80" } };
        const struct row_key datagrams = { .name = "udp", .labels = { "", "53" } };
        unsigned source = add_collector_source(store, &collector_packets);

        batch_init(&batch);
        for (int second = 0; second <= TROUBLE_SPAN; second++) {
                uint64_t n = second >= at;

                if (n > 0) {
                        assert_int_equal(batch_add_row(&batch, PACKETS_SAMPLED, &syns), 0);
                        assert_int_equal(batch_add(&batch, CPU_NONE, n_syns), 0);
                        assert_int_equal(batch_add_row(&batch, PACKETS_SAMPLED, &datagrams), 0);
                        assert_int_equal(batch_add(&batch, CPU_NONE, 1000 - n_syns), 0);
                }
                assert_int_equal(batch_add_single(&batch, PACKETS_SAMPLES, "", n), 0);
                commit(store, source, second, &batch);
        }
}

/* A sample that came on record when the flood had just begun, or the span, was drawn before. */
static void test_sample_from_before(void **state) {
        static const struct {
                double at;
                bool counts;
        } samples[] = { { TROUBLE_FROM + 2, false }, { TROUBLE_FROM + 5, true }, { TROUBLE_UNTIL + 2, true } };

        for (size_t i = 0; i < ELEMENTSOF(samples); i++) {
                const struct report_request request = { .since_us = AT(TROUBLE_FROM),
                                                        .until_us = AT(TROUBLE_UNTIL + 5) };
                const struct finding *finding;
                struct trouble t;

                trouble_init(&t, 2);
                set_healthy(&t);
                refused_datagrams(&t);
                add_sample(t.store, samples[i].at, 1000);
                trouble_run(&t);
                t.report = report_free(t.report);
                assert_int_equal(report_query(t.store, &request, &t.report), 0);
                print_findings(&t);
                assert_int_equal(!!trouble_find(&t, "syn-flood"), samples[i].counts);
                finding = trouble_find(&t, "udp-flood");
                assert_non_null(finding);
                assert_int_equal(!!trouble_evidence(finding, "synPercent"), samples[i].counts);
                trouble_done(&t);
        }
}

/* Both at once, or one after the other within a moment: each finding tells of its own packets only. */
static void test_two_floods(void **state) {
        const struct report_request request = { .since_us = AT(TROUBLE_FROM),
                                                .until_us = AT(TROUBLE_UNTIL + 5) };
        const struct finding *syns, *datagrams;
        struct trouble t;

        trouble_init(&t, 2);
        set_healthy(&t);
        syn_resets(&t);
        refused_datagrams(&t);
        add_sample(t.store, TROUBLE_FROM + 5, 300);
        trouble_run(&t);
        t.report = report_free(t.report);
        assert_int_equal(report_query(t.store, &request, &t.report), 0);
        print_findings(&t);
        syns = trouble_find(&t, "syn-flood");
        datagrams = trouble_find(&t, "udp-flood");
        assert_non_null(syns);
        assert_non_null(datagrams);
        assert_non_null(strstr(syns->text, "of a sample 30 % TCP SYNs to port 80"));
        assert_string_equal(syns->subject, "TCP port 80");
        assert_non_null(strstr(datagrams->text, "of a sample 70 % UDP to port 53"));
        assert_string_equal(datagrams->subject, "UDP port 53");
        trouble_done(&t);
}

/* Allocation by allocation: nothing leaks, nothing crashes, and it works again after that. */
static void test_no_memory(void **state) {
        const struct report_request request = { .since_us = AT(0), .until_us = AT(TROUBLE_SPAN) };
        bool reached = true;
        struct trouble t;

        trouble_init(&t, 2);
        set_healthy(&t);
        syn_cookies(&t);
        trouble_run(&t);
        for (unsigned n = 1; reached; n++) {
                struct report *report = NULL;
                int r;

                alloc_fail_at(n);
                r = report_query(t.store, &request, &report);
                reached = alloc_fail_end();
                assert_int_equal(r, reached ? -ENOMEM : 0);
                (void)report_free(report);
        }
        trouble_done(&t);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_cases),         cmocka_unit_test(test_chain),
                cmocka_unit_test(test_not_explained), cmocka_unit_test(test_sample_from_before),
                cmocka_unit_test(test_two_floods),    cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
