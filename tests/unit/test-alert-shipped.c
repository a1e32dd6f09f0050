/* SPDX-License-Identifier: Apache-2.0 */

/* The rules for alerts that come along: understood, documented by their names, silent on a machine that is healthy. */

#include "tests/unit/trouble-fixture.h"

#include "daemon/alert/engine.h"
#include "daemon/config-alert.h"
#include "daemon/config-private.h"
#include "daemon/config-sections.h"
#include "daemon/manager-readings.h"

struct rules {
        const struct config_section **sections;
        struct config *config;
        struct alert_rule **items;
        size_t n;
};

static void rules_init(struct rules *rules, const char *text) {
        const struct config_part *part = NULL;
        _cleanup_(freep) char *error = NULL;
        const char *key = NULL;
        size_t n_sections = 0;

        *rules = (struct rules){};
        assert_int_equal(config_sections_new(collector_registry, &rules->sections, &n_sections), 0);
        assert_int_equal(config_new(rules->sections, n_sections, &rules->config), 0);
        if (config_load_alert_rules(rules->config, &error) < 0 ||
            config_load_text(rules->config, "test", text, strlen(text), &error) < 0 ||
            config_check(rules->config, &part, &key, &error) < 0)
                fail_msg("%s", error);
        assert_int_equal(config_get_alert_rules(rules->config, &rules->items, &rules->n), 0);
}

static void rules_done(struct rules *rules) {
        config_free_rules(rules->items, rules->n);
        config_free(rules->config);
        free(rules->sections);
}

/* Each can be switched off by its name. */
static void test_off(void **state) {
        _cleanup_(freep) char *off = NULL;
        struct rules rules;
        size_t size = 0;
        FILE *f = open_memstream(&off, &size);

        assert_non_null(f);
        rules_init(&rules, "");
        assert_true(rules.n >= 14);
        for (size_t i = 0; i < rules.n; i++) {
                assert_int_equal(rules.items[i]->enabled, strcmp(rules.items[i]->name, "small-packet-flood") != 0);
                assert_true(rules.items[i]->hold_ns >= 60 * NSEC_PER_SEC); /* no flapping */
                fprintf(f, "[alert %s]\nenabled = no\n", rules.items[i]->name);
        }
        assert_int_equal(fclose(f), 0);
        rules_done(&rules);

        rules_init(&rules, off);
        for (size_t i = 0; i < rules.n; i++)
                assert_false(rules.items[i]->enabled);
        rules_done(&rules);
}

struct told {
        struct alert_reader reader;
        char text[8192];
};

static int read_rule(void *userdata, const struct alert_rule *rule, struct alert_readings *readings) {
        struct told *told = userdata;

        return alert_reader_read(&told->reader, rule, readings);
}

/* "raised RULE; cleared RULE; " */
static void emit(void *userdata, struct event *event) {
        struct told *told = userdata;
        size_t n = strlen(told->text);

        (void)snprintf(told->text + n, sizeof(told->text) - n, "%s %s; ",
                       event_find_evidence(event, "state")->string, event_find_evidence(event, "rule")->string);
}

/* Judges the machine's ten minutes and some as the daemon does, while they pass. */
static void judge_all(struct trouble *t, int until, struct told *told) {
        static const struct alert_engine_ops ops = { .read = read_rule, .emit = emit };
        static const struct alert_burst burst = { 10, 10 * NSEC_PER_SEC };
        struct stamp now = stamp_at(-(int)t->before);
        struct alert_engine *engine = NULL;
        struct rules rules;

        rules_init(&rules, "");
        *told = (struct told){ .reader = { .store = t->store } };
        assert_int_equal(alert_engine_new(&ops, told, &engine), 0);
        assert_int_equal(alert_engine_set_rules(engine, rules.items, rules.n, &burst, &now), 0);
        for (int at = -(int)t->before; at <= TROUBLE_SPAN; at++) {
                trouble_pass(t, at, at > TROUBLE_FROM && at <= until, at == -(int)t->before ? 0 : 1);
                if (at % 10 != 0)
                        continue;
                now = stamp_at(at);
                alert_reader_begin(&told->reader, now.realtime_us);
                assert_int_equal(alert_engine_evaluate(engine, ALERT_METRIC_RULES, &now), 0);
                assert_int_equal(alert_engine_evaluate(engine, ALERT_FINDING_RULES, &now), 0);
                alert_reader_end(&told->reader);
        }
        alert_engine_free(engine);
        rules_done(&rules);
}

static void nothing(struct trouble *t) {
}

static void syn_flood(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 14678, 60);
        set_single(t, SOURCE_TCP, 0, "SyncookiesSent", 0, 9800);
}

static void real_clients(struct trouble *t) {
        set_single(t, SOURCE_TCP, 0, "SyncookiesSent", 0, 2000);
        set_single(t, SOURCE_TCP, 0, "SyncookiesRecv", 0, 1900);
        set_single(t, SOURCE_TCP, 0, "ListenOverflows", 0, 8); /* at the limit of a minute: half of it */
}

static void overflows(struct trouble *t) {
        set_single(t, SOURCE_TCP, 0, "ListenOverflows", 0, 400);
}

static void datagrams(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 14678, 60);
        set_single(t, SOURCE_TCP, 0, "UdpNoPorts", 0, 14000);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", 1, 2900, 14000);
        set_cpu(t, SOURCE_CPU, 0, "softirq", 1, 5 * PERCENT, 85 * PERCENT);
}

/* A name server that does its best. */
static void many_datagrams(struct trouble *t) {
        set_received(t, "ens32", 300, 500, 60000, 90);
        set_sent(t, "ens32", 300, 500, 60000, 180);
        set_cpu(t, SOURCE_CPU, 0, "softirq", CPU_NONE, 5 * PERCENT, 60 * PERCENT);
        set_cpu(t, SOURCE_SOFTIRQS, 0, "NET_RX", CPU_NONE, 2900, 30000);
}

static void drops(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTNET, 0, "processed", 1, 3000, 80000);
        set_cpu(t, SOURCE_SOFTNET, 0, "dropped", 1, 0, 5000);
}

/* A burst beside a full stream. */
static void some_drops(struct trouble *t) {
        set_cpu(t, SOURCE_SOFTNET, 0, "processed", 1, 3000, 800000);
        set_cpu(t, SOURCE_SOFTNET, 0, "dropped", 1, 0, 900);
}

/* Half a minute of each is too short for rules that ask for two. */
static void short_storm(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", 1, 1000, 90000);
        set_cpu(t, SOURCE_KSOFTIRQD, KSOFTIRQD_TIME, "", 1, 2 * PERCENT, 100 * PERCENT);
        set_single(t, SOURCE_INTERRUPTS, 0, "ERR", 0, 5);
}

static void long_storm(struct trouble *t) {
        set_cpu(t, SOURCE_INTERRUPTS, 0, "LOC", 1, 1000, 90000);
        set_single(t, SOURCE_INTERRUPTS, 0, "ERR", 0, 5);
}

static const struct {
        void (*make)(struct trouble *t);
        const char *told;
        bool lasts; /* to the end */
} cases[] = {
        { nothing, "" },
        { syn_flood, "raised syn-flood; cleared syn-flood; " },
        { real_clients, "" },
        { overflows, "raised listen-overflows; cleared listen-overflows; " },
        { datagrams, "raised udp-flood; cleared udp-flood; " },
        { many_datagrams, "" },
        { drops, "raised softnet-drops; cleared softnet-drops; " },
        { some_drops, "" },
        { short_storm, "" },
        { long_storm, "raised irq-storm; raised spurious-interrupts; ", true },
};

static void test_cases(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                struct told told;
                struct trouble t;

                trouble_init(&t, 2);
                set_healthy(&t);
                cases[i].make(&t);
                judge_all(&t, cases[i].lasts ? TROUBLE_SPAN : TROUBLE_UNTIL, &told);
                if (strcmp(told.text, cases[i].told) != 0)
                        fail_msg("case %zu: told \"%s\", expected \"%s\"", i, told.text, cases[i].told);
                trouble_done(&t);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_off),
                cmocka_unit_test(test_cases),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
