/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/alert-fixture.h"

#include "daemon/alert/engine.h"
#include "tests/harness/alloc-fail.h"

/* An engine with readings that the test sets, and what it told. */
struct fixture {
        struct alert_engine *engine;
        struct stamp now;
        struct alert_reading readings[600];
        size_t n_readings;
        int read_result;
        struct event *events[4096]; /* references */
        size_t n_events;
        unsigned n_units;
        uint64_t n_suppressed; /* in summaries */
};

static int fixture_read(void *userdata, const struct alert_rule *rule, struct alert_readings *readings) {
        struct fixture *f = userdata;
        int r = f->read_result;

        for (size_t i = 0; r == 0 && i < f->n_readings; i++)
                r = alert_readings_add(readings, &f->readings[i]);

        return r;
}

static const char *evidence(const struct event *event, const char *name) {
        const struct evidence *e = event_find_evidence(event, name);

        return e && e->type == EVIDENCE_STRING ? e->string : "";
}

static void fixture_emit(void *userdata, struct event *event) {
        const struct evidence *suppressed = event_find_evidence(event, "suppressed");
        struct fixture *f = userdata;

        event->id = (int64_t)f->n_events + 1;
        if (suppressed)
                f->n_suppressed += (uint64_t)suppressed->integer;
        assert_true(f->n_events < ELEMENTSOF(f->events));
        f->events[f->n_events++] = event_ref(event);
}

static void fixture_start(void *userdata, const struct alert_rule *rule) {
        struct fixture *f = userdata;

        assert_non_null(rule->unit);
        f->n_units++;
}

static const struct alert_engine_ops ops = { fixture_read, fixture_emit, fixture_start };
static const struct alert_burst burst = { .burst = 10, .interval_ns = 10 * NSEC_PER_SEC };

static void drop_events(struct fixture *f) {
        while (f->n_events > 0)
                event_unref(f->events[--f->n_events]);
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        if (!f || alert_engine_new(&ops, f, &f->engine) < 0)
                return -1;

        f->now = (struct stamp){ .monotonic_ns = 1000 * NSEC_PER_SEC, .realtime_us = 1700000000 * USEC_PER_SEC };
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        alert_engine_free(f->engine);
        drop_events(f);
        free(f);
        return 0;
}

static void set_rule(struct fixture *f, const char *text) {
        struct alert_rule *rules[] = { text ? alert_test_rule(text) : NULL };

        assert_int_equal(alert_engine_set_rules(f->engine, rules, text ? 1 : 0, &burst, &f->now), 0);
        assert_null(rules[0]);
}

static void pass_ms(struct fixture *f, uint64_t ms) {
        f->now.monotonic_ns += ms * NSEC_PER_MSEC;
        f->now.realtime_us += ms * 1000;
}

/* One round a moment later with these readings of CPUs 0, 1 ... */
static void judge(struct fixture *f, uint64_t ms, const double *values, size_t n) {
        pass_ms(f, ms);
        f->n_readings = n;
        for (size_t i = 0; i < n; i++)
                f->readings[i] = (struct alert_reading){ .cpu = (int)i, .value = values[i] };
        assert_int_equal(alert_engine_evaluate(f->engine, ALERT_METRIC_RULES, &f->now), 0);
}
#define JUDGE(f, ms, ...) judge(f, ms, (const double[]){ __VA_ARGS__ }, ELEMENTSOF(((const double[]){ __VA_ARGS__ })))

static void expect_event(const struct fixture *f, size_t i, const char *state, int cpu, const char *text) {
        if (i >= f->n_events)
                fail_msg("%zu events, none is \"%s\"", f->n_events, text);
        assert_int_equal(f->events[i]->kind, EVENT_ALERT);
        assert_string_equal(evidence(f->events[i], "state"), state);
        assert_int_equal(f->events[i]->cpu, cpu);
        assert_string_equal(evidence(f->events[i], "text"), text);
}

static struct alert_engine_stats stats_of(const struct fixture *f) {
        struct alert_engine_stats stats;

        alert_engine_get_stats(f->engine, &stats);
        return stats;
}

#define RULE_AT_ONCE "[alert x]\nmetric = net/softnet\nrow = dropped\nper = cpu\nthreshold = 100\nclear = 50\nfor = 0\nhold = 0\n"

static void test_edges(void **state) {
        struct fixture *f = *state;

        set_rule(f, "[alert drops]\nmetric = net/softnet\nrow = dropped\nper = cpu\nthreshold = 100\nclear = 50\nfor = 10s\n"
                    "hold = 20s\npriority = err\nunit = a.service\n");
        JUDGE(f, 0, 5, 150);
        JUDGE(f, 5000, 5, 170);
        assert_int_equal(f->n_events, 0);
        JUDGE(f, 5000, 5, 160);
        expect_event(f, 0, "raised", 1, "net/softnet dropped on CPU 1: 160/s, limit 100, for 10.0 s");
        assert_int_equal(f->n_units, 1);
        assert_string_equal(evidence(f->events[0], "rule"), "drops");
        assert_string_equal(evidence(f->events[0], "value"), "160");
        assert_string_equal(evidence(f->events[0], "threshold"), "100");
        assert_string_equal(evidence(f->events[0], "worst"), "170");
        assert_string_equal(evidence(f->events[0], "metric"), "net/softnet");
        assert_string_equal(evidence(f->events[0], "unit"), "a.service");
        assert_int_equal(event_find_evidence(f->events[0], "priority")->integer, 3);
        assert_int_equal(f->events[0]->duration_min_ns, 10 * NSEC_PER_SEC);
        assert_int_equal(f->events[0]->time_us, f->now.realtime_us);

        JUDGE(f, 5000, 5, 60);
        JUDGE(f, 5000, 5, 10);
        JUDGE(f, 10000, 5, 10);
        assert_int_equal(f->n_events, 1);
        assert_int_equal(stats_of(f).n_active, 1);
        JUDGE(f, 10000, 5, 12);
        expect_event(f, 1, "cleared", 1, "net/softnet dropped on CPU 1: 12/s, below 50 for 20.0 s, after 20.0 s (worst 170)");
        assert_int_equal(f->events[1]->duration_max_ns, 20 * NSEC_PER_SEC);
        assert_int_equal(stats_of(f).n_active, 0);
        assert_int_equal(f->n_units, 1);
}

/* Each CPU has a life of its own. */
static void test_cpus(void **state) {
        struct fixture *f = *state;

        set_rule(f, RULE_AT_ONCE);
        JUDGE(f, 1000, 100, 0, 300);
        JUDGE(f, 1000, 0, 200, 300);
        assert_int_equal(f->n_events, 4);
        expect_event(f, 0, "raised", 0, "net/softnet dropped on CPU 0: 100/s, limit 100");
        expect_event(f, 1, "raised", 2, "net/softnet dropped on CPU 2: 300/s, limit 100");
        assert_int_equal(f->events[2]->cpu + f->events[3]->cpu, 0 + 1);
        assert_int_equal(stats_of(f).n_active, 2);
        JUDGE(f, 1000, 0, 0); /* CPU 2 went offline */
        assert_int_equal(stats_of(f).n_active, 0);
        assert_int_equal(f->n_events, 6);
}

static void test_no_data(void **state) {
        struct fixture *f = *state;

        set_rule(f, RULE_AT_ONCE);
        JUDGE(f, 1000, 100);
        f->read_result = -ENODATA;
        for (int i = 0; i < 10; i++)
                JUDGE(f, 1000, 0);
        assert_int_equal(f->n_events, 1); /* not known is not well */
        assert_int_equal(stats_of(f).n_active, 1);
        f->read_result = 0;
        JUDGE(f, 1000, 0);
        assert_int_equal(f->n_events, 2);
}

static void test_finding(void **state) {
        struct fixture *f = *state;

        set_rule(f, "[alert flood]\nfinding = syn-flood\nseverity = warning\nfor = 0\nhold = 10s\n");
        assert_true(alert_engine_wants_findings(f->engine));
        f->readings[0] = (struct alert_reading){ "port 80", CPU_NONE, 2, "14,678 SYNs a second to port 80." };
        f->readings[1] = (struct alert_reading){ "port 81", CPU_NONE, 0, "Some." };
        f->n_readings = 2;
        assert_int_equal(alert_engine_evaluate(f->engine, ALERT_METRIC_RULES, &f->now), 0);
        assert_int_equal(f->n_events, 0); /* not asked */
        assert_int_equal(alert_engine_evaluate(f->engine, ALERT_FINDING_RULES, &f->now), 0);
        expect_event(f, 0, "raised", CPU_NONE,
                     "finding syn-flood (port 80): critical, limit warning: 14,678 SYNs a second to port 80.");
        assert_string_equal(evidence(f->events[0], "subject"), "port 80");
        f->n_readings = 0;
        for (int i = 0; i < 3; i++, pass_ms(f, 5000))
                assert_int_equal(alert_engine_evaluate(f->engine, ALERT_FINDING_RULES, &f->now), 0);
        expect_event(f, 1, "cleared", CPU_NONE,
                     "finding syn-flood (port 80): none for 10.0 s, after 0 (worst critical)");
}

/* 10,000 breaches in a minute: a bounded number of events, and not one is unaccounted for. */
static void test_flapping(void **state) {
        struct fixture *f = *state;
        size_t n_raised = 0, n_cleared = 0, n_summaries = 0;

        set_rule(f, RULE_AT_ONCE "unit = a.service\n");
        for (int i = 0; i < 10000; i++) {
                JUDGE(f, 3, 200);
                JUDGE(f, 3, 0);
        }
        for (int i = 0; i < 4; i++)
                JUDGE(f, 5000, 0);

        for (size_t i = 0; i < f->n_events; i++) {
                n_raised += strcmp(evidence(f->events[i], "state"), "raised") == 0;
                n_cleared += strcmp(evidence(f->events[i], "state"), "cleared") == 0;
                n_summaries += strcmp(evidence(f->events[i], "state"), "suppressed") == 0;
        }
        assert_in_range(n_raised, 60, 70);
        assert_int_equal(n_cleared, n_raised);
        assert_in_range(n_summaries, 5, 7);
        assert_int_equal(n_raised + f->n_suppressed, 10000);
        assert_int_equal(stats_of(f).n_raised, 10000);
        assert_int_equal(stats_of(f).n_suppressed, f->n_suppressed);
        assert_int_equal(f->n_units, n_raised);
}

/* Held back while it flapped, and still raised when the bucket is full again: told then, and counted as told. */
static void test_told_late(void **state) {
        struct fixture *f = *state;

        set_rule(f, RULE_AT_ONCE);
        for (int i = 0; i < 12; i++) {
                JUDGE(f, 1, 200);
                JUDGE(f, 1, 0);
        }
        assert_int_equal(f->n_events, 20); /* the burst, raised and cleared */
        JUDGE(f, 1, 200);
        JUDGE(f, 1000, 250);
        assert_int_equal(f->n_events, 20);
        assert_int_equal(stats_of(f).n_active, 1);
        JUDGE(f, 10000, 260);
        assert_int_equal(f->n_events, 22);
        expect_event(f, 20, "raised", 0, "net/softnet dropped on CPU 0: 260/s, limit 100, for 11.0 s");
        expect_event(f, 21, "suppressed", CPU_NONE,
                     "raised and cleared 2 more times in the last 11.0 s, without entries of their own");
        assert_int_equal(f->n_suppressed, 2);
        JUDGE(f, 1000, 0);
        assert_string_equal(evidence(f->events[22], "state"), "cleared");
}

static void test_rules_change(void **state) {
        struct fixture *f = *state;

        set_rule(f, RULE_AT_ONCE);
        JUDGE(f, 1000, 200);
        set_rule(f, RULE_AT_ONCE "priority = crit\n"); /* the same rule: nothing happened */
        JUDGE(f, 1000, 200);
        assert_int_equal(f->n_events, 1);
        assert_int_equal(stats_of(f).n_active, 1);

        set_rule(f, RULE_AT_ONCE "over = 20s\n");
        assert_int_equal(f->n_events, 2);
        expect_event(f, 1, "cleared", 0,
                     "net/softnet dropped on CPU 0: no longer judged, the rule was changed or switched off");
        JUDGE(f, 1000, 200);
        assert_int_equal(f->n_events, 3);

        set_rule(f, RULE_AT_ONCE "over = 20s\nenabled = no\n");
        assert_int_equal(f->n_events, 4);
        JUDGE(f, 1000, 200);
        assert_int_equal(f->n_events, 4);
        assert_int_equal(stats_of(f).n_rules, 0);

        set_rule(f, NULL);
        assert_int_equal(alert_engine_n_rules(f->engine), 0);
}

/* What a rule that goes did not tell is told. */
static void test_rule_goes_with_suppressed(void **state) {
        struct fixture *f = *state;

        set_rule(f, RULE_AT_ONCE);
        for (int i = 0; i < 15; i++) {
                JUDGE(f, 1, 200);
                JUDGE(f, 1, 0);
        }
        set_rule(f, NULL);
        assert_int_equal(f->n_suppressed, 5);
}

static void test_too_many_subjects(void **state) {
        struct fixture *f = *state;
        double values[ALERT_SUBJECTS_MAX + 10];

        for (size_t i = 0; i < ELEMENTSOF(values); i++)
                values[i] = 200;
        set_rule(f, RULE_AT_ONCE);
        judge(f, 1000, values, ELEMENTSOF(values));
        assert_int_equal(stats_of(f).n_active, ALERT_SUBJECTS_MAX);
        assert_int_equal(stats_of(f).n_ignored, 10);
        assert_int_equal(f->n_events, burst.burst);
}

struct listed {
        char text[4096];
};

static int list_alert(const struct alert *alert, void *userdata) {
        struct listed *listed = userdata;
        size_t n = strlen(listed->text);

        (void)snprintf(listed->text + n, sizeof(listed->text) - n, "%s CPU %i %s %s %s%s; ", alert->rule, alert->cpu,
                       alert->cleared_us > 0 ? "cleared" : "raised", alert->value, alert->worst,
                       alert->no_data ? " no data" : "");
        return 0;
}

static void test_list(void **state) {
        struct fixture *f = *state;
        struct listed listed = {};

        set_rule(f, RULE_AT_ONCE);
        JUDGE(f, 1000, 110, 120, 130);
        JUDGE(f, 1000, 10, 140, 130);
        JUDGE(f, 1000, 10, 141, 20);
        assert_int_equal(alert_engine_for_each(f->engine, list_alert, &listed), 0);
        assert_string_equal(listed.text, "x CPU 1 raised 141 141; x CPU 2 cleared 20 130; x CPU 0 cleared 10 110; ");

        f->read_result = -ENODATA;
        JUDGE(f, 1000, 0);
        listed.text[0] = '\0';
        assert_int_equal(alert_engine_for_each(f->engine, list_alert, &listed), 0);
        assert_memory_equal(listed.text, "x CPU 1 raised 141 141 no data; ", 32);
}

static int count_alert(const struct alert *alert, void *userdata) {
        ++*(size_t *)userdata;
        return 0;
}

/* Only so many are remembered. */
static void test_past_is_bounded(void **state) {
        struct fixture *f = *state;
        size_t n = 0;

        set_rule(f, RULE_AT_ONCE);
        for (int i = 0; i < ALERT_PAST_MAX + 20; i++) {
                JUDGE(f, 2000, 200);
                JUDGE(f, 2000, 0);
        }

        assert_int_equal(alert_engine_for_each(f->engine, count_alert, &n), 0);
        assert_int_equal(n, ALERT_PAST_MAX);
}

static void test_no_memory(void **state) {
        struct fixture *f = *state;

        for (unsigned nth = 1;; nth++) {
                bool reached;
                int r;

                set_rule(f, NULL);
                set_rule(f, RULE_AT_ONCE);
                pass_ms(f, 60000);
                f->n_readings = 1;
                f->readings[0] = (struct alert_reading){ .subject = "row", .cpu = 0, .value = 200 };
                alloc_fail_at(nth);
                r = alert_engine_evaluate(f->engine, ALERT_METRIC_RULES, &f->now);
                reached = alloc_fail_end();
                assert_true(r == 0 || (reached && r == -ENOMEM));
                if (!reached)
                        break;
        }
        drop_events(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cpus, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_data, setup, teardown),
                cmocka_unit_test_setup_teardown(test_finding, setup, teardown),
                cmocka_unit_test_setup_teardown(test_flapping, setup, teardown),
                cmocka_unit_test_setup_teardown(test_told_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rules_change, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rule_goes_with_suppressed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_many_subjects, setup, teardown),
                cmocka_unit_test_setup_teardown(test_list, setup, teardown),
                cmocka_unit_test_setup_teardown(test_past_is_bounded, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
