/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store with something of everything that the varlink interface has a field for.
 */

#include "tests/unit/monitor-fixture.h"

static void fill_frame(struct frame *frame, const char *symbol, const char *module, uint64_t address) {
        *frame = (struct frame){
                .symbol = symbol ? strdup(symbol) : NULL,
                .module = module ? strdup(module) : NULL,
                .build_id = address ? strdup("abcdef") : NULL,
                .note = symbol ? NULL : strdup("no symbols"),
                .offset = 16,
                .address = address,
        };
}

static void add_full_event(struct store *store) {
        static const int64_t cpus[] = { 0, 2 };
        _cleanup_(event_unrefp) struct event *event = NULL;

        assert_int_equal(event_new(EVENT_IRQ_DELAY, &event), 0);
        event->class = CLASS_IRQ_OFF;
        event->confidence = CONFIDENCE_HIGH;
        event->time_us = AT(5);
        event->cpu = 1;
        event->has_duration = event->has_task = true;
        event->duration_min_ns = MSEC(48);
        event->duration_max_ns = MSEC(51);
        event->pid = 11;
        event->tgid = 10;
        memcpy(event->comm, "caf\xc3\xa9\xff", 7);
        event->culprit = strdup("f");
        event->cgroup = strdup("/a\xfe/b\n");
        event->container = strdup("c0ffee");
        event->n_parents = 1;
        event->parents[0] = (struct event_parent){ .pid = 1, .comm = "systemd" };
        assert_int_equal(stack_new(2, &event->kernel_stack), 0);
        fill_frame(&event->kernel_stack->frames[0], "f", "m", 0);
        fill_frame(&event->kernel_stack->frames[1], NULL, NULL, 0);
        event->kernel_stack->n_frames = 2;
        stack_seal(event->kernel_stack);
        assert_int_equal(stack_new(2, &event->user_stack), 0);
        fill_frame(&event->user_stack->frames[0], "main", "/bin/true", 0x7f0000001000);
        fill_frame(&event->user_stack->frames[1], NULL, NULL, 0);
        event->user_stack->n_frames = 2;
        stack_seal(event->user_stack);
        assert_int_equal(event_add_string(event, "fingerprint", "d772814ad2657513"), 0);
        assert_int_equal(event_add_integer(event, "stealNsec", 5), 0);
        assert_int_equal(event_add_string(event, "spanName", "x"), 0);
        assert_int_equal(event_add_integers(event, "otherCpus", cpus, 2), 0);
        assert_int_equal(store_add_event(store, event), 0);
}

static void add_affinity_event(struct store *store) {
        static const int64_t cpus[] = { 0, 1 };
        _cleanup_(event_unrefp) struct event *event = NULL;

        assert_int_equal(event_new(EVENT_AFFINITY, &event), 0);
        event->time_us = AT(6);
        event->monotonic_ns = stamp_at(6).monotonic_ns;
        event->culprit = strdup("IRQ 24 eth0");
        assert_non_null(event->culprit);
        assert_int_equal(event_add_integer(event, "irq", 24), 0);
        assert_int_equal(event_add_string(event, "name", "eth0"), 0);
        assert_int_equal(event_add_string(event, "device", "eth0"), 0);
        assert_int_equal(event_add_string(event, "cause", "configured"), 0);
        assert_int_equal(event_add_integers(event, "oldCpus", cpus, 2), 0);
        assert_int_equal(event_add_integers(event, "newCpus", cpus, 1), 0);
        assert_int_equal(event_add_integer(event, "sinceReadingNsec", 2 * NSEC_PER_SEC), 0);
        assert_int_equal(store_add_event(store, event), 0);
}

static void add_affinity(struct store *store) {
        const struct row_key eth0 = { "24", { "eth0", "rx-3", "net" } };
        _cleanup_(batch_done) struct batch batch = {};
        unsigned source = add_collector_source(store, &collector_affinity);

        for (unsigned i = 0; i < 3; i++) {
                add_cells(&batch, 0, &eth0, (const uint64_t[]){ 1, i < 2, 1 }, 3);
                add_cells(&batch, 1, &eth0, (const uint64_t[]){ 1, 0, 0 }, 3);
                commit(store, source, 4 + i, &batch);
        }
}

/* One sample of packets, between the passes of second 5 and 6. */
static void add_packets(struct store *store) {
        const struct row_key syn = { "tcp", { "S", "80" } }, ping = { "icmp", { "", "" } };
        _cleanup_(batch_done) struct batch batch = {};
        unsigned source = add_collector_source(store, &collector_packets);

        batch_init(&batch);
        for (unsigned i = 0; i < 3; i++) {
                uint64_t n = i == 2;

                assert_int_equal(batch_add_row(&batch, PACKETS_SAMPLED, &syn), 0);
                assert_int_equal(batch_add(&batch, CPU_NONE, n * 75), 0);
                assert_int_equal(batch_add_row(&batch, PACKETS_SAMPLED, &ping), 0);
                assert_int_equal(batch_add(&batch, CPU_NONE, n * 25), 0);
                assert_int_equal(batch_add_single(&batch, PACKETS_SOURCES, "192.0.2.1", n * 60), 0);
                assert_int_equal(batch_add_single(&batch, PACKETS_SOURCES, "other", n * 40), 0);
                assert_int_equal(batch_add_single(&batch, PACKETS_SAMPLES, "", n), 0);
                assert_int_equal(batch_add_single(&batch, PACKETS_OBSERVED, "", n * 800), 0);
                assert_int_equal(batch_add_single(&batch, PACKETS_BYTES, "", n * 5400), 0);
                assert_int_equal(batch_add_single(&batch, PACKETS_DISTINCT, "", n * 5), 0);
                assert_int_equal(batch_add_single(&batch, PACKETS_DEVICES, "eth0", n), 0);
                commit(store, source, 4 + i, &batch);
        }
}

/* One CPU's time and one network device, by the names that reports go by. */
static inline void fill_machine(struct store *store) {
        static const struct metric_desc cpu_time[] = { { "cpu-time", "ns", "", "mode", {}, METRIC_COUNTER, 64 } };
        static const struct metric_desc packets[] = { { "rx-packets", "1", "", "device", {}, METRIC_COUNTER, 64 },
                                                      { "rx-bytes", "bytes", "", "device", {}, METRIC_COUNTER, 64 } };
        _cleanup_(batch_done) struct batch batch = {};
        unsigned cpu, netdev;

        assert_int_equal(store_add_source(store, "cpu", cpu_time, ELEMENTSOF(cpu_time), &cpu), 0);
        assert_int_equal(store_add_source(store, "netdev", packets, ELEMENTSOF(packets), &netdev), 0);
        batch_init(&batch);
        for (unsigned i = 0; i < 3; i++) {
                ADD_ROW(&batch, 0, "softirq", i * MSEC(250), 0);
                commit(store, cpu, 4 + i, &batch);
                assert_int_equal(batch_add_single(&batch, 0, "eth0", i * 100), 0);
                assert_int_equal(batch_add_single(&batch, 1, "eth0", i * 6000), 0);
                commit(store, netdev, 4 + i, &batch);
        }
}

/* Something of everything that the interface has a field for. */
static void fill_store(struct store *store) {
        const struct row_key eth0 = { "24", { "PCI-MSI", "1-edge", "eth0" } };
        _cleanup_(batch_done) struct batch batch = {};
        unsigned delay, softirqs, interrupts;

        delay = add_delay_source(store);
        softirqs = add_collector_source(store, &collector_softirqs);
        interrupts = add_collector_source(store, &collector_interrupts);
        batch_init(&batch);
        for (unsigned i = 0; i < 3; i++) {
                ADD_ROW(&batch, 0, "NET_RX", i * 5, i * 70000);
                ADD_ROW(&batch, 0, "HI", 1, 1);
                commit(store, softirqs, 4 + i, &batch);
                add_cells(&batch, 0, &eth0, (const uint64_t[]){ i, 0 }, 2);
                ADD_ROW(&batch, 0, "LOC", i * 2, i * 2);
                commit(store, interrupts, 4 + i, &batch);
                ADD_ROW(&batch, DELAY_LATENESS, "10", i, i);
                ADD_ROW(&batch, DELAY_OBSERVED, "", i * MSEC(900), i * MSEC(1000));
                ADD_ROW(&batch, DELAY_WATCHED, "", i * MSEC(1000), i * MSEC(1000));
                ADD_BUCKET(&batch, DELAY_SOFTIRQ_TIME, "10", ("NET_RX"), i * 10, i * 5);
                ADD_BUCKET(&batch, DELAY_HARDIRQ_TIME, "12", ("24", "eth0"), i * 2, 0);
                ADD_ROW(&batch, DELAY_SOFTIRQ_TOTAL, "NET_RX", i * 20000, i * 10000);
                ADD_ROW(&batch, DELAY_HARDIRQ_TOTAL, "24 eth0", i * 9000, 0);
                ADD_ROW(&batch, DELAY_SOFTIRQ_MAX, "NET_RX", 1000 + i * 400, i * 950);
                ADD_ROW(&batch, DELAY_KSOFTIRQD_RUNS, "NET_RX", i * 2, i);
                ADD_ROW(&batch, DELAY_KSOFTIRQD_TOTAL, "NET_RX", i * 4000, i * 2000);
                commit(store, delay, 4 + i, &batch);
        }

        add_packets(store);
        fill_machine(store);
        add_full_event(store);
        (void)add_window(store, 5, CPU_NONE, CLASS_NONE, 0, 0, NULL, NULL); /* nearly everything null */
        add_affinity_event(store);
        mark_gap(store, interrupts, 7, "too expensive");
        add_affinity(store);
}
