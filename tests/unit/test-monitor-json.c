/* SPDX-License-Identifier: Apache-2.0 */

/* Real replies are held against the interface file: every field there, of its type, null only where allowed,
 * and nothing else. */

#include "tests/unit/interface-walk.h"

#include <stdio.h>
#include <sys/epoll.h>

#include "daemon/ipc/json-event.h"
#include "daemon/store/disk.h"

static int setup(void **state) {
        static struct peer peer;
        struct stamp now;

        stamp_now(&now);
        base_us = now.realtime_us - 20 * USEC_PER_SEC;
        peer_start(&peer);
        fill_store(peer.store);
        interface_text = strdup(peer.interfaces[0]->description);
        assert_non_null(interface_text);
        strip_comments();
        *state = &peer;
        return 0;
}

static int teardown(void **state) {
        free(interface_text);
        peer_stop(*state);
        return 0;
}

static void test_status(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;

        reply = peer_call(*state, "GetStatus", "{}");
        check_reply(reply, "GetStatus");
        check_text(reply, "status.version", "1.2.3");
        check_int(reply, "status.startedUsec", AT(-5));
        check_text(reply, "status.collectors.0.state", "running");
        assert_null(at(reply, "status.collectors.0.reason"));
        check_int(reply, "status.collectors.0.lastPassUsec", AT(9));
        check_text(reply, "status.collectors.0.counters.0.name", "lostRecords");
        check_int(reply, "status.collectors.0.counters.0.value", INT64_MAX); /* no reader takes more */
        check_text(reply, "status.collectors.1.reason", "no BTF");
        assert_null(at(reply, "status.collectors.1.lastPassUsec"));
        check_text(reply, "status.settings.0.name", "irq-delay.threshold");
        check_int(reply, "status.store.events", 3);
        check_int(reply, "status.store.budgetBytes", 1 << 26);
}

static void test_report(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        char parameters[64];

        (void)snprintf(parameters, sizeof(parameters), "{\"sinceUsec\": %" PRIu64 "}", AT(0)); /* fits */
        reply = peer_call(*state, "Report", parameters);
        check_reply(reply, "Report");
        check_int(reply, "report.sinceUsec", AT(0));
        check_int(reply, "report.windows.count", 2);
        check_text(reply, "report.windows.byCulprit.0.culprit", "f");
        check_text(reply, "report.windows.byCulprit.0.class", "irq-off");
        check_text(reply, "report.windows.byCulprit.0.comms.0", "caf\xc3\xa9\\xff");
        check_text(reply, "report.windows.byCulprit.0.fingerprint", "d772814ad2657513");
        assert_null(at(reply, "report.windows.byCulprit.0.caller"));
        check_text(reply, "report.windows.byCulprit.1.class", "unknown");
        assert_null(at(reply, "report.windows.byCulprit.1.fingerprint"));
        check_text(reply, "report.findings.0.code", "irq-off-culprit");
        assert_int_equal(json_object_array_length(at(reply, "report.softirqs")), 1); /* HI did not move */
        check_text(reply, "report.softirqs.0.type", "NET_RX");
        check_int(reply, "report.softirqs.0.total", 140010);
        check_text(reply, "report.softirqs.0.perSecond", "70005.0");
        assert_int_equal(json_object_array_length(at(reply, "report.interrupts")), 2);
        check_int(reply, "report.interruptsTotal", 2);
        check_text(reply, "report.interrupts.0.irq", "24");
        check_text(reply, "report.interrupts.0.name", "eth0");
        check_text(reply, "report.interrupts.0.chip", "PCI-MSI");
        check_text(reply, "report.interrupts.0.hwirq", "1-edge");
        assert_int_equal(json_object_array_length(at(reply, "report.interrupts.0.perCpu")), 1);
        check_text(reply, "report.interrupts.0.affinity", "0,2");
        check_text(reply, "report.interrupts.0.effectiveAffinity", "0");
        check_text(reply, "report.interrupts.0.device", "eth0");
        check_text(reply, "report.interrupts.0.queue", "rx-3");
        assert_null(at(reply, "report.interrupts.1.name"));
        assert_null(at(reply, "report.interrupts.1.affinity"));
        check_int(reply, "report.affinityChangesTotal", 1);
        check_int(reply, "report.affinityChanges.0.timeUsec", AT(6));
        check_int(reply, "report.affinityChanges.0.sinceUsec", AT(4));
        check_int(reply, "report.affinityChanges.0.irq", 24);
        check_text(reply, "report.affinityChanges.0.device", "eth0");
        assert_null(at(reply, "report.affinityChanges.0.queue"));
        check_text(reply, "report.affinityChanges.0.cause", "configured");
        check_text(reply, "report.affinityChanges.0.oldCpus", "0-1");
        check_text(reply, "report.affinityChanges.0.newCpus", "0");
        check_int(reply, "report.latency.0.samples", 2);
        check_text(reply, "report.latency.0.coverage", "0.9");
        check_text(reply, "report.gaps.7.reason", "too expensive");
        check_text(reply, "report.cpuTimes.0.softirq", "0.25");
        check_text(reply, "report.devices.0.device", "eth0");
        check_text(reply, "report.devices.0.rxPacketsPerSecond", "100.0");
        check_text(reply, "report.devices.0.rxBytesPerSecond", "6000.0");
        assert_int_equal(json_object_array_length(at(reply, "report.interruptTimes")), 2);
        check_text(reply, "report.interruptTimes.0.kind", "softirq");
        check_text(reply, "report.interruptTimes.0.name", "NET_RX");
        assert_null(at(reply, "report.interruptTimes.0.irq"));
        check_int(reply, "report.interruptTimes.0.totalNsec", 60000);
        check_text(reply, "report.interruptTimes.0.share", "3e-05");
        check_int(reply, "report.interruptTimes.0.ksoftirqdCount", 6);
        check_text(reply, "report.interruptTimes.1.kind", "hardirq");
        check_text(reply, "report.interruptTimes.1.irq", "24");
        check_text(reply, "report.interruptTimes.1.name", "eth0");
        assert_null(at(reply, "report.interruptTimes.1.ksoftirqdCount"));
        check_int(reply, "report.packets.samples", 1);
        check_int(reply, "report.packets.firstUsec", AT(6));
        check_int(reply, "report.packets.observed", 800);
        check_int(reply, "report.packets.sampled", 100);
        check_int(reply, "report.packets.bytes", 5400);
        check_int(reply, "report.packets.distinctSources", 5);
        check_text(reply, "report.packets.kinds.0.flags", "S");
        check_text(reply, "report.packets.kinds.0.port", "80");
        check_text(reply, "report.packets.kinds.0.share", "0.75");
        check_text(reply, "report.packets.kinds.1.protocol", "icmp");
        assert_null(at(reply, "report.packets.kinds.1.flags"));
        assert_null(at(reply, "report.packets.kinds.1.port"));
        check_text(reply, "report.packets.sources.0.name", "192.0.2.1");
        assert_int_equal(json_object_array_length(at(reply, "report.packets.sources")), 1);
        check_int(reply, "report.packets.otherSources", 40);
        check_text(reply, "report.packets.devices.0.name", "eth0");
}

static void test_event(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        struct peer *peer = *state;
        char parameters[64];

        (void)snprintf(parameters, sizeof(parameters), "{\"id\": %" PRId64 "}",
                       store_event_at(peer->store, 0)->id); /* fits */
        reply = peer_call(*state, "GetEvent", parameters);
        check_reply(reply, "GetEvent");
        check_text(reply, "event.kind", "irq-delay");
        check_int(reply, "event.durationMaxNsec", MSEC(51));
        check_text(reply, "event.comm", "caf\xc3\xa9\\xff");
        check_text(reply, "event.cgroup", "/a\\xfe/b\n");
        check_text(reply, "event.parents.0.comm", "systemd");
        check_text(reply, "event.kernelStack.0.module", "m");
        assert_null(at(reply, "event.kernelStack.1.symbol"));
        check_text(reply, "event.userStack.0.file", "/bin/true");
        check_int(reply, "event.userStack.0.address", 0x7f0000001000);
        assert_null(at(reply, "event.userStack.1.address"));
        check_text(reply, "event.userStack.1.note", "no symbols");
        check_int(reply, "event.evidence.stealNsec", 5);
        check_text(reply, "event.evidence.spanName", "x");
        check_int(reply, "event.evidence.otherCpus.1", 2);
        check_int(reply, "event.cpu", 1);
}

static void test_events(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;

        reply = peer_call(*state, "ListEvents", "{}");
        check_reply(reply, "ListEvents");
        assert_int_equal(json_object_array_length(at(reply, "events")), 3);
        assert_null(at(reply, "events.1.cpu"));
        assert_null(at(reply, "events.1.class"));
        assert_null(at(reply, "events.1.comm"));
        assert_null(at(reply, "events.1.kernelStack"));
        assert_non_null(at(reply, "events.0.kernelStack"));
}

static void test_events_without_stacks(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL, *streamed = NULL;
        bool continues;

        reply = peer_call(*state, "ListEvents", "{\"stacks\": false}");
        check_reply(reply, "ListEvents");
        assert_int_equal(json_object_array_length(at(reply, "events")), 3);
        assert_null(at(reply, "events.0.kernelStack"));
        assert_null(at(reply, "events.0.userStack"));
        check_int(reply, "events.0.evidence.stealNsec", 5);

        peer_send(*state, "ListEvents", "{\"stacks\": false}", true);
        assert_int_equal(peer_receive(*state, NULL, &streamed, &continues), 0);
        assert_false(continues);
        assert_true(json_object_equal(reply, streamed));
}

static void test_rates(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        char parameters[128];

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"interrupts\", \"sinceUsec\": %" PRIu64 "}", AT(0)); /* fits */
        reply = peer_call(*state, "GetRates", parameters);
        check_reply(reply, "GetRates");
        check_text(reply, "rates.metric", "interrupts");
        check_text(reply, "rates.labelNames", "[ \"chip\", \"hwirq\", \"actions\" ]");
        check_text(reply, "rates.rows.0.labels", "[ \"PCI-MSI\", \"1-edge\", \"eth0\" ]");
        check_text(reply, "rates.rows.1.labels", "[ \"\", \"\", \"\" ]");
        check_text(reply, "rates.cpus", "[ 0, 1 ]");
        check_int(reply, "rates.elapsedNsec", 2 * NSEC_PER_SEC);
        check_int(reply, "rates.rows.0.perCpu.0.total", 2);
        check_int(reply, "rates.gaps", 1);
}

static void test_rate_steps(void **state) {
        _cleanup_(json_putp) struct json_object *steps = NULL;
        char parameters[160];
        bool continues;

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"softirqs\", \"sinceUsec\": %" PRIu64 ", \"stepUsec\": 60000000000, "
                       "\"perCpu\": true}",
                       AT(0)); /* fits */
        peer_send(*state, "GetRateSteps", parameters, true);
        assert_int_equal(peer_receive(*state, NULL, &steps, &continues), 0);
        assert_false(continues);
        check_reply(steps, "GetRateSteps");
        check_text(steps, "rates.source", "softirqs");
        assert_int_equal(json_object_array_length(at(steps, "rates.steps")), 1);
        assert_true(json_object_array_length(at(steps, "rates.steps.0.rows.0.perCpu")) > 0);
}

static void test_counts(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL;
        char parameters[160];

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"metrics\": [\"interrupts\", \"x\", \"interrupts/y\"], \"sinceUsec\": %" PRIu64 "}",
                       AT(0)); /* fits */
        reply = peer_call(*state, "GetCounts", parameters);
        check_reply(reply, "GetCounts");
        assert_null(at(reply, "counts.metrics.0.absent"));
        check_text(reply, "counts.metrics.0.cpus", "0-1");
        check_int(reply, "counts.metrics.0.elapsedNsec", 2 * NSEC_PER_SEC);
        check_text(reply, "counts.metrics.0.online", "0-1");
        check_text(reply, "counts.metrics.0.names", "[ \"24\", \"LOC\" ]");
        check_text(reply, "counts.metrics.0.texts", "[ \"eth0\", \"\" ]");
        check_text(reply, "counts.metrics.0.totals", "[ 2, 8 ]");
        check_text(reply, "counts.metrics.0.counts", "[ 1, 0, 2, 2, 0, 4, 1, 4 ]");
        check_text(reply, "counts.metrics.1.absent", "no collector of that name has run");
        check_text(reply, "counts.metrics.2.absent", "the collector has no metric of that name");
        check_text(reply, "counts.tier", "memory");
        assert_true(json_object_get_int64(at(reply, "counts.lastEventId")) > 0);
}

static void test_histograms(void **state) {
        _cleanup_(json_putp) struct json_object *softirqs = NULL, *lateness = NULL;
        char parameters[128];

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"irq-delay\", \"metric\": \"softirq-time\", \"sinceUsec\": %" PRIu64
                       "}",
                       AT(0)); /* fits */
        softirqs = peer_call(*state, "GetHistograms", parameters);
        check_reply(softirqs, "GetHistograms");
        check_text(softirqs, "histograms.metric", "softirq-time");
        check_text(softirqs, "histograms.labelNames", "[ \"type\" ]");
        check_int(softirqs, "histograms.elapsedNsec", 2 * NSEC_PER_SEC);
        assert_int_equal(json_object_array_length(at(softirqs, "histograms.histograms")), 1);
        check_text(softirqs, "histograms.histograms.0.labels", "[ \"NET_RX\" ]");
        check_int(softirqs, "histograms.histograms.0.count", 30);
        check_int(softirqs, "histograms.histograms.0.totalNsec", 60000);
        check_text(softirqs, "histograms.histograms.0.perSecond", "15.0");
        check_int(softirqs, "histograms.histograms.0.maxNsec", 1900);
        check_int(softirqs, "histograms.histograms.0.ksoftirqdCount", 6);
        check_text(softirqs, "histograms.histograms.0.buckets", "[ { \"exponent\": 10, \"count\": 30 } ]");

        (void)snprintf(parameters, sizeof(parameters),
                       "{\"source\": \"irq-delay\", \"metric\": \"lateness\", \"sinceUsec\": %" PRIu64 "}",
                       AT(0)); /* fits */
        lateness = peer_call(*state, "GetHistograms", parameters);
        check_reply(lateness, "GetHistograms");
        assert_null(at(lateness, "histograms.histograms.0.totalNsec"));
        assert_null(at(lateness, "histograms.histograms.0.ksoftirqdNsec"));
}

static struct json_object *ask_report(void **state, const char *more) {
        char parameters[128];

        (void)snprintf(parameters, sizeof(parameters), "{\"sinceUsec\": %" PRIu64 "%s}", AT(0),
                       more); /* fits */
        return peer_call(*state, "Report", parameters);
}

/* The one with the most, and how many there are. */
static void test_interrupts_max(void **state) {
        _cleanup_(json_putp) struct json_object *all = ask_report(state, ""),
                                                *one = ask_report(state, ", \"interruptsMax\": 1"),
                                                *enough = ask_report(state, ", \"interruptsMax\": 2");

        check_reply(one, "Report");
        assert_int_equal(json_object_array_length(at(one, "report.interrupts")), 1);
        check_int(one, "report.interruptsTotal", 2);
        assert_true(json_object_get_int64(at(all, "report.interrupts.1.total")) >
                    json_object_get_int64(at(all, "report.interrupts.0.total")));
        assert_true(json_object_equal(at(one, "report.interrupts.0"), at(all, "report.interrupts.1")));
        assert_true(json_object_equal(at(enough, "report.interrupts"), at(all, "report.interrupts")));
}

/* Of each row the CPU with the most, the first one of several; how uneven it is, is told of the whole row. */
static void test_per_cpu_max(void **state) {
        _cleanup_(json_putp) struct json_object *all = ask_report(state, ""),
                                                *one = ask_report(state, ", \"perCpuMax\": 1"),
                                                *enough = ask_report(state, ", \"perCpuMax\": 2");

        check_reply(one, "Report");
        assert_int_equal(json_object_array_length(at(one, "report.softirqs.0.perCpu")), 1);
        assert_true(json_object_equal(at(one, "report.softirqs.0.perCpu.0"),
                                      at(all, "report.softirqs.0.perCpu.1")));
        assert_int_equal(json_object_array_length(at(one, "report.interrupts.1.perCpu")), 1);
        assert_true(json_object_equal(at(one, "report.interrupts.1.perCpu.0"),
                                      at(all, "report.interrupts.1.perCpu.0")));
        check_text(one, "report.interrupts.1.imbalance", "1.0");
        check_text(one, "report.interrupts.0.imbalance", "2.0");
        assert_true(json_object_equal(at(enough, "report.softirqs"), at(all, "report.softirqs")));
        assert_true(json_object_equal(at(enough, "report.interrupts"), at(all, "report.interrupts")));
}

static void test_latency(void **state) {
        _cleanup_(json_putp) struct json_object *reply = NULL, *nothing = NULL, *report = NULL;
        char parameters[128];

        (void)snprintf(parameters, sizeof(parameters), "{\"sinceUsec\": %" PRIu64 "}", AT(0)); /* fits */
        reply = peer_call(*state, "GetLatency", parameters);
        check_reply(reply, "GetLatency");
        report = peer_call(*state, "Report", parameters);
        assert_true(json_object_array_length(at(reply, "latency")) > 0);
        assert_true(json_object_equal(at(reply, "latency"), at(report, "report.latency")));

        nothing = peer_call(*state, "GetLatency", "{\"sinceUsec\": 1, \"untilUsec\": 2}");
        check_text(nothing, "latency", "[ ]");
}

static void test_no_histograms(void **state) {
        static const struct {
                const char *source, *metric, *reason;
        } cases[] = {
                { "nobody", "softirq-time", "no collector of that name has run" },
                { "irq-delay", "nothing", "the collector has no metric of that name" },
                { "irq-delay", "softirq-total", "this metric is no histogram" },
                { "irq-delay", "softirq-max", "this metric is no histogram" },
        };
        char parameters[128];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                (void)snprintf(parameters, sizeof(parameters),
                               "{\"source\": \"%s\", \"metric\": \"%s\", \"sinceUsec\": %" PRIu64 "}",
                               cases[i].source, cases[i].metric, AT(0)); /* fits */
                peer_call_error(*state, "GetHistograms", parameters, "io.irqwatch.monitor.NoData", "reason",
                                cases[i].reason);
        }
        peer_call_error(*state, "GetHistograms", "{\"source\": \"irq-delay\", \"sinceUsec\": 1}",
                        "org.varlink.service.InvalidParameter", "parameter", "metric");
}

static void test_alerts(void **state) {
        _cleanup_(json_putp) struct json_object *reply = peer_call(*state, "ListAlerts", "{}");

        check_reply(reply, "ListAlerts");
        assert_int_equal(json_object_array_length(at(reply, "alerts")), 2);
        check_text(reply, "alerts.0.rule", "drops");
        check_text(reply, "alerts.0.state", "raised");
        check_text(reply, "alerts.0.subject", "NET_RX");
        assert_null(at(reply, "alerts.0.cpu"));
        assert_null(at(reply, "alerts.0.clearedUsec"));
        check_text(reply, "alerts.0.text", "net/softnet NET_RX: 200/s, limit 100");
        check_text(reply, "alerts.1.state", "cleared");
        check_int(reply, "alerts.1.cpu", 1);
        check_int(reply, "alerts.1.raisedUsec", AT(10));
        check_int(reply, "alerts.1.clearedUsec", AT(20));
        check_text(reply, "alerts.1.value", "3");
        check_text(reply, "alerts.1.worst", "150");
        check_int(reply, "alerts.1.eventId", 7);
        check_text(reply, "rules.0.condition", "net/softnet of any CPU at least 100/s over 10s");
        assert_null(at(reply, "rules.0.unit"));
        peer_call_error(*state, "ListAlerts", "{\"x\": 1}", "org.varlink.service.InvalidParameter", "parameter", "x");
}

static void test_subscribe(void **state) {
        struct peer *peer = *state;

        peer_send(peer, "Subscribe", "{}", true);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(json_putp) struct json_object *reply = NULL;
                bool continues;

                assert_int_equal(peer_receive(peer, NULL, &reply, &continues), 0);
                check_reply(reply, "Subscribe");
                assert_true(continues);
                assert_int_equal(!!at(reply, "event"), i);
                monitor_publish(peer->monitor, store_event_at(peer->store, 0));
        }

        peer_connect(peer);
}

static void test_metrics(void **state) {
        _cleanup_(json_putp) struct json_object *softirqs = NULL, *delay = NULL, *totals = NULL;

        softirqs = peer_call(*state, "GetMetrics", "{\"source\": \"softirqs\", \"perCpu\": true}");
        check_reply(softirqs, "GetMetrics");
        check_int(softirqs, "metrics.timeUsec", AT(6));
        check_text(softirqs, "metrics.cpus", "[ 0, 1 ]");
        check_text(softirqs, "metrics.metrics.0.type", "counter");
        check_text(softirqs, "metrics.metrics.0.rows.0.name", "NET_RX");
        check_int(softirqs, "metrics.metrics.0.rows.0.total", 140010);
        check_text(softirqs, "metrics.metrics.0.rows.0.perCpu",
                   "[ { \"cpu\": 0, \"value\": 10 }, { \"cpu\": 1, \"value\": 140000 } ]");
        check_int(softirqs, "metrics.metrics.0.rows.1.total", 0); /* HI did not move */

        delay = peer_call(*state, "GetMetrics",
                          "{\"source\": \"irq-delay\", \"metrics\": [\"softirq-time\"], \"rows\": [\"10\"]}");
        check_reply(delay, "GetMetrics");
        assert_int_equal(json_object_array_length(at(delay, "metrics.metrics")), 1);
        check_text(delay, "metrics.metrics.0.labelNames", "[ \"type\" ]");
        check_int(delay, "metrics.metrics.0.rows.0.total", 30);
        check_text(delay, "metrics.metrics.0.rows.0.perCpu", "[ ]");

        totals = peer_call(*state, "GetEventTotals", "{}");
        check_reply(totals, "GetEventTotals");
        check_text(totals, "totals.kinds.0.kind", "irq-delay");
        check_int(totals, "totals.kinds.0.count", 2);
        check_text(totals, "totals.classes.0.class", "irq-off");
        check_int(totals, "totals.classes.0.count", 1);
        check_text(totals, "totals.classes.0.example.culprit", "f");
        assert_null(at(totals, "totals.classes.1.example"));
        check_int(totals, "totals.classes.7.count", 1); /* unknown: the window that nothing is known of */
        assert_null(at(totals, "totals.classes.7.example.comm"));
        check_int(totals, "totals.lengths.0.maxNsec", NSEC_PER_MSEC);
        assert_null(at(totals, "totals.lengths.11.maxNsec"));
}

/* Without history on disk there is the present boot. */
static void test_boots(void **state) {
        _cleanup_(json_putp) struct json_object *reply = peer_call(*state, "ListBoots", "{}");

        check_reply(reply, "ListBoots");
        check_int(reply, "boots.0.index", 0);
}

static int on_history(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        history_collect(userdata);
        return 0;
}

/* A file of history with one run and one source. */
static void make_history(const char *dir, char path[80]) {
        static const struct metric_desc metrics[] = { { .name = "m", .unit = "1", .width_bits = 64 } };
        static const struct disk_limits limits = { .budget_bytes = 1 << 20 };
        const struct disk_run run = { .stamp = stamp_at(0), .version = "1", .hostname = "h", .kernel = "k", .machine = "a",
                                      .cpus = "0", .settings = "" };
        _cleanup_(disk_closep) struct disk *disk = NULL;
        _cleanup_(disk_file_closep) struct disk_file *file = NULL;
        _cleanup_(freep) char *set_aside = NULL;
        int64_t left, id;

        assert_int_equal(disk_open(dir, NULL, &run, &limits, &disk, &set_aside), 0);
        (void)snprintf(path, 80, "%s/" DISK_FILE_NAME, dir); /* fits */
        assert_int_equal(disk_file_open(path, 0, NULL, &file), 0);
        assert_int_equal(disk_file_add_source(file, "s", metrics, 1, &id), 0);
        file = disk_file_close(file);
        assert_int_equal(disk_move_log(disk, &left), 0);
}

static void test_export(void **state) {
        char dir[] = "/tmp/test-monitor-history-XXXXXX", path[80], lock[80];
        _cleanup_(json_putp) struct json_object *reply = NULL;
        struct peer *peer = *state;
        struct history *history;
        sd_event_source *source;
        bool continues;

        peer_call_error(peer, "Export", "{\"sinceUsec\": 1}", "org.varlink.service.ExpectedMore", NULL, NULL);
        assert_non_null(mkdtemp(dir));
        make_history(dir, path);
        assert_int_equal(history_open_file(path, &history), 0);
        assert_int_equal(sd_event_add_io(peer->event, &source, history_fd(history, 1), EPOLLIN, on_history, history), 0);
        monitor_use_history(peer->monitor, history);

        peer_send(peer, "Export", "{\"sinceUsec\": 1}", true);
        assert_int_equal(peer_receive(peer, NULL, &reply, &continues), 0);
        assert_false(continues);
        check_reply(reply, "Export");
        check_text(reply, "rows.0.table", "boot");
        check_text(reply, "rows.1.table", "run");
        check_text(reply, "rows.1.nulls", "[ 4 ]"); /* it has not ended */
        check_text(reply, "rows.1.texts.1", "h");
        assert_null(at(reply, "rows.1.data"));
        check_text(reply, "rows.3.table", "source");
        assert_non_null(at(reply, "rows.3.data"));

        monitor_use_history(peer->monitor, NULL);
        (void)sd_event_source_disable_unref(source); /* returns NULL */
        (void)history_free(history);
        (void)snprintf(lock, sizeof(lock), "%s/history.lock", dir); /* fits */
        assert_int_equal(unlink(path), 0);
        assert_int_equal(unlink(lock), 0);
        assert_int_equal(rmdir(dir), 0);
}

/* Runs last: every type of the interface was seen in one of the replies. */
static void test_every_type_seen(void **state) {
        const char *p = interface_text;
        size_t n = 0;

        while ((p = strstr(p, "\ntype "))) {
                const char *definition = strchr(p, '(');
                bool found = false;

                for (size_t i = 0; i < n_walked; i++)
                        found = found || walked[i] == definition;
                if (!found)
                        fail_msg("no reply had a %.*s", (int)(definition - p), p);
                p = definition;
                n++;
        }

        assert_in_range(n, 20, TYPES_MAX);
}

static void test_embedded(void **state) {
        assert_non_null(strstr(interface_text, "interface io.irqwatch.monitor\n"));
        assert_non_null(strstr(interface_text, "method GetStatus() -> (status: Status)\n"));
}

static void test_event_within(void **state) {
        struct peer *peer = *state;
        const struct event *event = store_event_at(peer->store, 0);
        size_t full, limit, size;

        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(json_putp) struct json_object *object = NULL;

                limit = i == 0 ? SIZE_MAX : i == 1 ? full - 1 : 1;
                assert_int_equal(json_event_within(event, limit, true, &object, &size), 0);
                assert_int_equal(!!at(object, "userStack"), i == 0);
                assert_int_equal(!!at(object, "kernelStack"), i < 2);
                if (i == 0)
                        full = size;
                assert_int_equal(size,
                                 strlen(json_object_to_json_string_ext(
                                         object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_report),
                cmocka_unit_test(test_event),
                cmocka_unit_test(test_events),
                cmocka_unit_test(test_events_without_stacks),
                cmocka_unit_test(test_rates),
                cmocka_unit_test(test_rate_steps),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_histograms),
                cmocka_unit_test(test_interrupts_max),
                cmocka_unit_test(test_per_cpu_max),
                cmocka_unit_test(test_latency),
                cmocka_unit_test(test_no_histograms),
                cmocka_unit_test(test_alerts),
                cmocka_unit_test(test_metrics),
                cmocka_unit_test(test_subscribe),
                cmocka_unit_test(test_boots),
                cmocka_unit_test(test_export),
                cmocka_unit_test(test_every_type_seen),
                cmocka_unit_test(test_embedded),
                cmocka_unit_test(test_event_within),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
