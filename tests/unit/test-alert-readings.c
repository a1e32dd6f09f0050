/* SPDX-License-Identifier: Apache-2.0 */

/* Rules over a real store: what they read, through the queries, and what the engine makes of it. */

#include "tests/unit/query-fixture.h"

#include "daemon/alert/engine.h"
#include "daemon/config-alert.h"
#include "daemon/config-sections.h"
#include "daemon/manager-readings.h"

static const struct metric_desc net_metrics[] = {
        { "softnet", "1", "", "counter", {}, METRIC_COUNTER, 64 },
        { "cpu-time", "ns", "", NULL, {}, METRIC_COUNTER, 64 },
        { "backlog", "packets", "", NULL, {}, METRIC_GAUGE, 64 },
        { "interrupts", "1", "", "irq", { "chip", "hwirq", "name" }, METRIC_COUNTER, 64 },
};

static const struct metric_desc *find_metric(const char *source, const char *metric) {
        for (size_t i = 0; i < ELEMENTSOF(net_metrics); i++)
                if (strcmp(net_metrics[i].name, metric) == 0)
                        return &net_metrics[i];

        return NULL;
}

static bool has_finding(const char *code) {
        return true;
}

static const struct alert_catalog catalog = { find_metric, has_finding };

struct fixture {
        struct store *store;
        unsigned source;
        struct alert_engine *engine;
        struct alert_reader reader;
        char told[4096];
};

static int read_rule(void *userdata, const struct alert_rule *rule, struct alert_readings *readings) {
        struct fixture *f = userdata;

        return alert_reader_read(&f->reader, rule, readings);
}

static void emit(void *userdata, struct event *event) {
        struct fixture *f = userdata;
        size_t n = strlen(f->told);

        (void)snprintf(f->told + n, sizeof(f->told) - n, "%s: %s; ", event_find_evidence(event, "state")->string,
                       event_find_evidence(event, "text")->string);
}

static const struct alert_engine_ops ops = { .read = read_rule, .emit = emit };

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        f->store = new_store();
        f->reader.store = f->store;
        if (store_add_source(f->store, "net", net_metrics, ELEMENTSOF(net_metrics), &f->source) < 0 ||
            alert_engine_new(&ops, f, &f->engine) < 0)
                return -1;

        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        alert_engine_free(f->engine);
        store_free(f->store);
        free(f);
        return 0;
}

static void set_rule(struct fixture *f, const char *keys) {
        static const struct alert_burst burst = { 100, NSEC_PER_SEC };
        static const struct config_section *const sections[] = { &config_family_alert };
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(freep) char *error = NULL, *text = NULL;
        struct alert_rule *rule = NULL;
        const struct stamp now = stamp_at(0);
        const char *key = NULL;

        assert_true(asprintf(&text, "[alert x]\nfor = 0\nhold = 0\n%s", keys) > 0);
        assert_int_equal(config_new(sections, 1, &config), 0);
        if (config_load_text(config, "test", text, strlen(text), &error) < 0 ||
            alert_rule_new(config, "alert x", &catalog, &rule, &key, &error) < 0)
                fail_msg("%s", error);
        assert_int_equal(alert_engine_set_rules(f->engine, &rule, 1, &burst, &now), 0);
}

/* Two CPUs: CPU 1 drops 100 a second and spends half of its time in softirqs; IRQ 24 fires 30 times a second. */
static void add_pass(struct fixture *f, unsigned n) {
        _cleanup_(batch_done) struct batch batch = {};
        const struct row_key irq = { .name = "24", .labels = { "PCI-MSI", "1-edge", "virtio0-input.0" } };
        const uint64_t irqs[] = { 10 * n, 20 * n };

        batch_init(&batch);
        ADD_ROW(&batch, 0, "processed", 1000 * n, 5000 * n);
        ADD_ROW(&batch, 0, "dropped", 0, 100 * n);
        ADD_ROW(&batch, 1, "", 0, NSEC_PER_SEC / 2 * n);
        ADD_ROW(&batch, 2, "", 3, 40);
        add_cells(&batch, 3, &irq, irqs, 2);
        commit(f->store, f->source, n, &batch);
}

static void judge(struct fixture *f, double seconds, const char *expected) {
        const struct stamp now = stamp_at(seconds);

        f->told[0] = '\0';
        alert_reader_begin(&f->reader, now.realtime_us);
        assert_int_equal(alert_engine_evaluate(f->engine, ALERT_METRIC_RULES, &now), 0);
        assert_int_equal(alert_engine_evaluate(f->engine, ALERT_FINDING_RULES, &now), 0);
        alert_reader_end(&f->reader);
        assert_string_equal(f->told, expected);
}

static void test_rates(void **state) {
        static const struct {
                const char *keys, *expected;
        } cases[] = {
                { "metric = net/softnet\nrow = dropped\nper = cpu\nthreshold = 100\n",
                  "raised: net/softnet dropped on CPU 1: 100/s, limit 100; " },
                { "metric = net/softnet\nrow = dropped\nper = cpu\nthreshold = 100.5\n", "" },
                { "metric = net/softnet\nthreshold = 6100\n", "raised: net/softnet: 6100/s, limit 6100; " },
                { "metric = net/softnet\nthreshold = 6101\n", "" },
                { "metric = net/softnet\nper = row\nthreshold = 6000\n",
                  "raised: net/softnet processed: 6000/s, limit 6000; " },
                { "metric = net/cpu-time\nper = cpu\nthreshold = 50%\n",
                  "raised: net/cpu-time on CPU 1: 50%, limit 50%; " },
                { "metric = net/interrupts\nper = row\nrow = virtio*\nthreshold = 30\n",
                  "raised: net/interrupts 24 virtio0-input.0: 30/s, limit 30; " },
                { "metric = net/interrupts\nper = row\nrow = mlx*\nthreshold = 1\n", "" },
                { "metric = net/softnet\nrow = processed\nper = cpu\ndirection = below\nthreshold = 1000\n",
                  "raised: net/softnet processed on CPU 0: 1000/s, not above the limit of 1000; " },
                { "metric = net/backlog\nper = cpu\nthreshold = 40\n", "raised: net/backlog on CPU 1: 40, limit 40; " },
                { "metric = net/backlog\nthreshold = 43\n", "raised: net/backlog: 43, limit 43; " },
                { "metric = net/backlog\nper = row\nthreshold = 43\n", "raised: net/backlog: 43, limit 43; " },
                { "metric = net/backlog\nper = cpu\nthreshold = 41\n", "" },
        };
        struct fixture *f = *state;

        for (unsigned n = 1; n <= 30; n++)
                add_pass(f, n);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                set_rule(f, cases[i].keys);
                judge(f, 30, cases[i].expected);
                set_rule(f, "finding = steal\n"); /* ends the one before */
        }
}

/* Neither too few passes nor a collector that stands still prove anything. */
static void test_no_data(void **state) {
        struct fixture *f = *state;

        set_rule(f, "metric = net/softnet\nthreshold = 1\nover = 10s\n");
        judge(f, 1, "");
        add_pass(f, 1);
        add_pass(f, 2);
        judge(f, 2, ""); /* a second of ten */
        for (unsigned n = 3; n <= 10; n++)
                add_pass(f, n);
        judge(f, 10, "raised: net/softnet: 6100/s, limit 1; ");
        judge(f, 60, ""); /* still raised: it did not end, it is not seen */
}

static void test_findings(void **state) {
        struct fixture *f = *state;

        set_rule(f, "finding = irq-off-culprit\nseverity = critical\n");
        add_window(f->store, 10, 1, CLASS_IRQ_OFF, 20, 22, "slow_one", "insmod");
        judge(f, 11, ""); /* a warning */
        add_window(f->store, 20, 1, CLASS_IRQ_OFF, 80, 82, "bad_one", "insmod");
        judge(f, 21, f->told);
        assert_non_null(strstr(f->told, "raised: finding irq-off-culprit (bad_one"));
        judge(f, 90, f->told);
        assert_non_null(strstr(f->told, "cleared: finding irq-off-culprit (bad_one"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_rates, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_data, setup, teardown),
                cmocka_unit_test_setup_teardown(test_findings, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
