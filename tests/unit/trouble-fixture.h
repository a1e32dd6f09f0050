/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Machines in words: how fast each counter goes, and how fast while there is trouble. Passes of a second are
 * made of that and judged. The usual state is that of a healthy machine under load, so that a test only says
 * what is wrong.
 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/report.h"

enum {
        TROUBLE_SPAN = 600,  /* seconds */
        TROUBLE_FROM = 302,  /* no multiple of anything */
        TROUBLE_UNTIL = 332, /* half a minute of ten minutes */
        TROUBLE_CPUS_MAX = 512,
        TROUBLE_ROWS_MAX = 96,
};

enum trouble_source {
        SOURCE_SOFTIRQS,
        SOURCE_INTERRUPTS,
        SOURCE_CPU,
        SOURCE_KSOFTIRQD,
        SOURCE_SOFTNET,
        SOURCE_NETDEV,
        SOURCE_TCP,
        SOURCE_AFFINITY,
        _SOURCE_MAX,
};

enum { NETDEV_RX_PACKETS, NETDEV_RX_BYTES, NETDEV_RX_DROPS, NETDEV_TX_PACKETS, NETDEV_TX_BYTES };
enum { KSOFTIRQD_TIME, KSOFTIRQD_DELAY };
enum { AFFINITY_SET, AFFINITY_ISOLATED };

/* By the names that the queries go by. */
static const struct metric_desc trouble_softirqs[] = {
        { "softirqs", "1", "", "type", {}, METRIC_COUNTER, 32 }
};
static const struct metric_desc trouble_interrupts[] = {
        { "interrupts", "1", "", "irq", { "chip", "hwirq", "actions" }, METRIC_COUNTER, 32 },
};
static const struct metric_desc trouble_cpu[] = { { "cpu-time", "ns", "", "mode", {}, METRIC_COUNTER, 64 } };
static const struct metric_desc trouble_ksoftirqd[] = {
        [KSOFTIRQD_TIME] = { "cpu-time", "ns", "", NULL, {}, METRIC_COUNTER, 64 },
        [KSOFTIRQD_DELAY] = { "run-delay", "ns", "", NULL, {}, METRIC_COUNTER, 64 },
};
static const struct metric_desc trouble_softnet[] = {
        { "softnet", "1", "", "counter", {}, METRIC_COUNTER, 32 }
};
static const struct metric_desc trouble_netdev[] = {
        [NETDEV_RX_PACKETS] = { "rx-packets", "1", "", "device", {}, METRIC_COUNTER, 64 },
        [NETDEV_RX_BYTES] = { "rx-bytes", "bytes", "", "device", {}, METRIC_COUNTER, 64 },
        [NETDEV_RX_DROPS] = { "rx-drops", "1", "", "device", {}, METRIC_COUNTER, 64 },
        [NETDEV_TX_PACKETS] = { "tx-packets", "1", "", "device", {}, METRIC_COUNTER, 64 },
        [NETDEV_TX_BYTES] = { "tx-bytes", "bytes", "", "device", {}, METRIC_COUNTER, 64 },
};
static const struct metric_desc trouble_tcp[] = { { "tcp", "1", "", "counter", {}, METRIC_COUNTER, 64 } };
static const struct metric_desc trouble_affinity[] = {
        [AFFINITY_SET] = { "affinity", "1", "", "irq", { "device", "queue", "kind" }, METRIC_GAUGE, 64 },
        [AFFINITY_ISOLATED] = { "isolated", "1", "", NULL, {}, METRIC_GAUGE, 64 },
};

static const struct {
        const char *name;
        const struct metric_desc *metrics;
        size_t n_metrics;
} trouble_sources[_SOURCE_MAX] = {
        [SOURCE_SOFTIRQS] = { "softirqs", trouble_softirqs, ELEMENTSOF(trouble_softirqs) },
        [SOURCE_INTERRUPTS] = { "interrupts", trouble_interrupts, ELEMENTSOF(trouble_interrupts) },
        [SOURCE_CPU] = { "cpu", trouble_cpu, ELEMENTSOF(trouble_cpu) },
        [SOURCE_KSOFTIRQD] = { "ksoftirqd", trouble_ksoftirqd, ELEMENTSOF(trouble_ksoftirqd) },
        [SOURCE_SOFTNET] = { "softnet", trouble_softnet, ELEMENTSOF(trouble_softnet) },
        [SOURCE_NETDEV] = { "netdev", trouble_netdev, ELEMENTSOF(trouble_netdev) },
        [SOURCE_TCP] = { "tcp", trouble_tcp, ELEMENTSOF(trouble_tcp) },
        [SOURCE_AFFINITY] = { "affinity", trouble_affinity, ELEMENTSOF(trouble_affinity) },
};

/* Per second, usually and in trouble; of a gauge the value. */
struct trouble_rate {
        double usual, bad;
};

struct trouble_row {
        enum trouble_source source;
        unsigned metric;
        struct row_key key;
        struct trouble_rate single;
        bool per_cpu;
        struct trouble_rate cpus[TROUBLE_CPUS_MAX];
        uint64_t values[TROUBLE_CPUS_MAX + 1]; /* the last one: of no CPU */
};

struct trouble {
        struct store *store;
        unsigned sources[_SOURCE_MAX];
        unsigned n_cpus;
        bool always;     /* the trouble lasts for all of the span */
        unsigned before; /* seconds of history before the span */
        struct trouble_row *rows;
        size_t n_rows;
        struct batch batch;
        const struct status *status;
        struct report *report;
};

static inline void trouble_init(struct trouble *t, unsigned n_cpus) {
        *t = (struct trouble){ .store = new_store(), .n_cpus = n_cpus };
        t->rows = calloc(TROUBLE_ROWS_MAX, sizeof(*t->rows));
        assert_non_null(t->rows);
        batch_init(&t->batch);
}

static inline void trouble_done(struct trouble *t) {
        t->report = report_free(t->report);
        batch_done(&t->batch);
        free(t->rows);
        t->store = store_free(t->store);
}

static inline struct trouble_row *trouble_row(struct trouble *t, enum trouble_source source, unsigned metric,
                                              const char *name) {
        struct trouble_row *row;

        for (size_t i = 0; i < t->n_rows; i++)
                if (t->rows[i].source == source && t->rows[i].metric == metric &&
                    strcmp(t->rows[i].key.name, name) == 0)
                        return &t->rows[i];

        assert_true(t->n_rows < TROUBLE_ROWS_MAX);
        row = &t->rows[t->n_rows++];
        *row = (struct trouble_row){ .source = source, .metric = metric, .key = { .name = name } };
        return row;
}

/* A counter of no CPU. */
static inline void set_single(struct trouble *t, enum trouble_source source, unsigned metric,
                              const char *name, double usual, double bad) {
        trouble_row(t, source, metric, name)->single = (struct trouble_rate){ usual, bad };
}

/* A counter of one CPU, or with CPU_NONE of every one. */
static inline struct trouble_row *set_cpu(struct trouble *t, enum trouble_source source, unsigned metric,
                                          const char *name, int cpu, double usual, double bad) {
        struct trouble_row *row = trouble_row(t, source, metric, name);

        row->per_cpu = true;
        for (int i = 0; i < (int)t->n_cpus; i++)
                if (cpu == CPU_NONE || cpu == i)
                        row->cpus[i] = (struct trouble_rate){ usual, bad };
        return row;
}

#define PERCENT ((double)NSEC_PER_SEC / 100)

/* Busy with everything, in good health. */
static inline void set_healthy(struct trouble *t) {
        static const char *const tcp[] = { "SyncookiesSent", "SyncookiesRecv", "TCPReqQFullDrop",
                                           "ListenDrops",    "UdpNoPorts",     "UdpRcvbufErrors" };

        set_cpu(t, SOURCE_CPU, 0, "user", CPU_NONE, 60 * PERCENT, 60 * PERCENT);
        set_cpu(t, SOURCE_CPU, 0, "irq", CPU_NONE, 1 * PERCENT, 1 * PERCENT);
        set_cpu(t, SOURCE_CPU, 0, "softirq", CPU_NONE, 5 * PERCENT, 5 * PERCENT);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "TIMER", CPU_NONE, 900, 900);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", CPU_NONE, 2900, 2900);
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", CPU_NONE, 1000, 1000);
        set_cpu(t, SOURCE_INTERRUPTS, 0, "RES", CPU_NONE, 8000, 8000);
        set_single(t, SOURCE_INTERRUPTS, 0, "ERR", 0, 0);
        set_single(t, SOURCE_INTERRUPTS, 0, "MIS", 0, 0);
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", CPU_NONE, 2 * PERCENT, 2 * PERCENT);
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_DELAY, "", CPU_NONE, 1 * PERCENT, 1 * PERCENT);
        set_cpu(t, SOURCE_SOFTNET, 0, "processed", CPU_NONE, 3000, 3000);
        set_cpu(t, SOURCE_SOFTNET, 0, "dropped", CPU_NONE, 0, 0);
        set_cpu(t, SOURCE_SOFTNET, 0, "time_squeeze", CPU_NONE, 1, 1);
        for (size_t i = 0; i < ELEMENTSOF(tcp); i++)
                set_single(t, SOURCE_TCP, 0, tcp[i], 0, 0);
        set_single(t, SOURCE_TCP, 0, "AttemptFails", 1, 1);
        set_single(t, SOURCE_TCP, 0, "PassiveOpens", 800, 800);
}

/* Packets per second and bytes of each. */
static inline void set_received(struct trouble *t, const char *device, double usual, double usual_bytes,
                                double bad, double bad_bytes) {
        set_single(t, SOURCE_NETDEV, NETDEV_RX_PACKETS, device, usual, bad);
        set_single(t, SOURCE_NETDEV, NETDEV_RX_BYTES, device, usual * usual_bytes, bad * bad_bytes);
}

static inline void set_sent(struct trouble *t, const char *device, double usual, double usual_bytes,
                            double bad, double bad_bytes) {
        set_single(t, SOURCE_NETDEV, NETDEV_TX_PACKETS, device, usual, bad);
        set_single(t, SOURCE_NETDEV, NETDEV_TX_BYTES, device, usual * usual_bytes, bad * bad_bytes);
}

static inline void add_trouble_row(struct trouble *t, struct trouble_row *row, bool bad, double seconds) {
        bool gauge = trouble_sources[row->source].metrics[row->metric].type == METRIC_GAUGE;

        assert_int_equal(batch_add_row(&t->batch, row->metric, &row->key), 0);
        for (unsigned i = 0; i <= t->n_cpus; i++) {
                const struct trouble_rate *rate = i < t->n_cpus ? &row->cpus[i] : &row->single;
                uint64_t *value = &row->values[i < t->n_cpus ? i : TROUBLE_CPUS_MAX];

                if (i < t->n_cpus ? !row->per_cpu : row->per_cpu)
                        continue;
                *value = (uint64_t)((bad ? rate->bad : rate->usual) * (gauge ? 1 : seconds)) +
                         (gauge ? 0 : *value);
                assert_int_equal(batch_add(&t->batch, i < t->n_cpus ? (int)i : CPU_NONE, *value), 0);
        }
}

static inline void trouble_pass(struct trouble *t, double at, bool bad, double seconds) {
        for (size_t i = 0; i < _SOURCE_MAX; i++) {
                bool any = false;

                for (size_t j = 0; j < t->n_rows; j++)
                        if (t->rows[j].source == i) {
                                add_trouble_row(t, &t->rows[j], bad, seconds);
                                any = true;
                        }
                if (!any)
                        continue;
                assert_int_equal(store_add_source(t->store, trouble_sources[i].name,
                                                  trouble_sources[i].metrics, trouble_sources[i].n_metrics,
                                                  &t->sources[i]),
                                 0);
                commit(t->store, t->sources[i], at, &t->batch);
        }
}

/* Makes the passes and the report of the span. Many CPUs are read less often, for the test's sake. */
static inline void trouble_run(struct trouble *t) {
        const struct report_request request = { .since_us = AT(0),
                                                .until_us = AT(TROUBLE_SPAN),
                                                .status = t->status };
        int step = t->n_cpus > 64 ? 6 : t->n_cpus > 2 ? 2 : 1;

        for (int at = -(int)t->before; at <= TROUBLE_SPAN; at += step) {
                bool bad = t->always ? at > 0 : at > TROUBLE_FROM && at <= TROUBLE_UNTIL;

                trouble_pass(t, at, bad, at == -(int)t->before ? 0 : step);
        }
        assert_int_equal(report_query(t->store, &request, &t->report), 0);
}

/* A finding that another explains is none. */
static inline const struct finding *trouble_find(const struct trouble *t, const char *code) {
        for (size_t i = 0; i < t->report->findings.n_items; i++)
                if (strcmp(t->report->findings.items[i].code, code) == 0)
                        return &t->report->findings.items[i];

        return NULL;
}

static inline void print_findings(const struct trouble *t) {
        for (size_t i = 0; i < t->report->findings.n_items; i++) {
                const struct finding *finding = &t->report->findings.items[i];

                print_message("  %s %s%s%s: %s\n", severity_to_string(finding->severity), finding->code,
                              finding->explained_by ? " by " : "", finding->explained_by ?: "",
                              finding->text);
        }
}

static inline const struct evidence *trouble_evidence(const struct finding *finding, const char *name) {
        for (size_t i = 0; i < finding->n_evidence; i++)
                if (strcmp(finding->evidence[i].name, name) == 0)
                        return &finding->evidence[i];

        return NULL;
}

static inline int64_t trouble_number(const struct finding *finding, const char *name) {
        const struct evidence *evidence = trouble_evidence(finding, name);

        if (!evidence)
                fail_msg("%s has no evidence %s", finding->code, name);
        return evidence->integer;
}

/* One row of a test's table. */
struct trouble_case {
        const char *name;
        void (*make)(struct trouble *t); /* what is wrong with a healthy machine */
        const char *code; /* of the first finding; NULL: nothing of severity warning or above */
        enum severity severity;
        const char *text; /* a part of the sentence, or NULL */
        unsigned cpus[3]; /* machines to try it on; 0: no more */
        bool always;
        unsigned before;
};

/* Whether all that is said of time and place holds. */
static inline void check_shape(const struct trouble *t, const struct trouble_case *c) {
        for (size_t i = 0; i < t->report->findings.n_items; i++) {
                const struct finding *finding = &t->report->findings.items[i];

                assert_non_null(finding->text);
                assert_non_null(finding->advice);
                assert_true(finding->n_evidence > 0);
                assert_true(finding->since_us <= finding->until_us);
                assert_true(!finding->explained_by || finding->severity == SEVERITY_INFO);
                assert_null(strstr(finding->text, "nan"));
                /* The worst stretch is where the trouble was. */
                if (i == 0 && c->code && !c->always && finding->until_us > 0) {
                        assert_true(finding->until_us > AT(TROUBLE_FROM));
                        assert_true(finding->since_us < AT(TROUBLE_UNTIL));
                }
        }
}

static inline void run_trouble(const struct trouble_case *c, unsigned n_cpus) {
        const struct finding *first = NULL;
        struct trouble t;

        trouble_init(&t, n_cpus);
        t.always = c->always;
        t.before = c->before;
        set_healthy(&t);
        c->make(&t);
        trouble_run(&t);
        print_message("%s, %u CPUs\n", c->name, n_cpus);
        print_findings(&t);
        check_shape(&t, c);

        if (t.report->findings.n_items > 0)
                first = &t.report->findings.items[0];
        if (!c->code) {
                if (first)
                        assert_int_equal(first->severity, SEVERITY_INFO);
        } else {
                assert_non_null(first);
                assert_string_equal(first->code, c->code);
                assert_string_equal(severity_to_string(first->severity), severity_to_string(c->severity));
                if (c->text && !strstr(first->text, c->text))
                        fail_msg("\"%s\" lacks \"%s\"", first->text, c->text);
                for (size_t i = 1; i < t.report->findings.n_items; i++)
                        assert_int_equal(t.report->findings.items[i].severity, SEVERITY_INFO);
        }
        trouble_done(&t);
}

static inline void run_troubles(const struct trouble_case *cases, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < ELEMENTSOF(cases[i].cpus) && cases[i].cpus[j] > 0; j++)
                        run_trouble(&cases[i], cases[i].cpus[j]);
}
