/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/alert-fixture.h"

#include <syslog.h>

#include "daemon/alert/rule-value.h"
#include "tests/harness/alloc-fail.h"

static void test_metric(void **state) {
        _cleanup_(alert_rule_freep) struct alert_rule *rule = NULL;
        _cleanup_(freep) char *text = NULL;

        rule = alert_test_rule("[alert drops]\nmetric = net/softnet\nrow = dropped\nper = cpu\nover = 20s\nthreshold = 100\n"
                               "clear = 0.5\nfor = 1m\nhold = 5m\npriority = err\nunit = capture@1.service\n");
        assert_string_equal(rule->name, "drops");
        assert_true(rule->enabled && !rule->level && !rule->below);
        assert_string_equal(rule->source, "net");
        assert_string_equal(rule->metric, "softnet");
        assert_string_equal(rule->row, "dropped");
        assert_string_equal(rule->unit, "capture@1.service");
        assert_int_equal(rule->per, ALERT_PER_CPU);
        assert_int_equal(rule->scale, ALERT_NUMBER);
        assert_int_equal(rule->priority, LOG_ERR);
        assert_true(rule->threshold == 100 && rule->clear == 0.5);
        assert_int_equal(rule->over_ns, 20 * NSEC_PER_SEC);
        assert_int_equal(alert_rule_format(rule, &text), 0);
        assert_string_equal(text, "net/softnet dropped of any CPU at least 100/s over 20s, for 1m");
}

static void test_finding(void **state) {
        _cleanup_(alert_rule_freep) struct alert_rule *rule = NULL;
        _cleanup_(freep) char *text = NULL;

        rule = alert_test_rule("[alert x]\nfinding = steal\nseverity = critical\nfor = 0\nenabled = no\n");
        assert_string_equal(rule->finding, "steal");
        assert_false(rule->enabled);
        assert_true(rule->threshold == 2);
        assert_int_equal(rule->priority, LOG_WARNING);
        assert_int_equal(alert_rule_format(rule, &text), 0);
        assert_string_equal(text, "finding steal, critical or worse");
}

static void test_scales(void **state) {
        _cleanup_(alert_rule_freep) struct alert_rule *share = NULL, *level = NULL, *number = NULL;
        char buf[ALERT_VALUE_TEXT_MAX];

        share = alert_test_rule("[alert x]\nmetric = net/cpu-time\nthreshold = 150%\n");
        assert_int_equal(share->scale, ALERT_SHARE);
        assert_true(share->threshold == 1.5 && share->clear == 1.5);
        assert_string_equal(alert_value_format(share, 0.9731, buf), "97.31%");

        level = alert_test_rule("[alert x]\nmetric = net/lateness-max\nthreshold = 10ms\ndirection = below\nclear = 20ms\n");
        assert_int_equal(level->scale, ALERT_DURATION);
        assert_true(level->level && level->below && level->threshold == 1e7 && level->clear == 2e7);
        assert_string_equal(alert_value_format(level, 12345678, buf), "12.3 ms");

        number = alert_test_rule("[alert x]\nmetric = net/backlog\nthreshold = 10\n");
        assert_int_equal(number->scale, ALERT_NUMBER);
        assert_true(number->level);
        assert_string_equal(alert_value_format(number, 1234567, buf), "1234567");
        assert_string_equal(alert_value_format(number, 0.5, buf), "0.5");
        assert_string_equal(alert_value_format(number, 0, buf), "0");
        assert_true(strlen(alert_value_format(number, 1e300, buf)) < sizeof(buf));
}

static void test_amounts(void **state) {
        static const struct {
                const char *text;
                enum alert_scale scale;
                double value; /* negative: refused */
        } cases[] = {
                { "0", ALERT_NUMBER, 0 },         { "12.25", ALERT_NUMBER, 12.25 }, { "1.", ALERT_NUMBER, -1 },
                { ".5", ALERT_NUMBER, -1 },       { "1e3", ALERT_NUMBER, -1 },      { "-1", ALERT_NUMBER, -1 },
                { "1.2.3", ALERT_NUMBER, -1 },    { "", ALERT_NUMBER, -1 },         { "0x10", ALERT_NUMBER, -1 },
                { "1234567890123456", ALERT_NUMBER, -1 }, { "inf", ALERT_NUMBER, -1 }, { "5", ALERT_SHARE, -1 },
                { "5%", ALERT_SHARE, 0.05 },      { "%", ALERT_SHARE, -1 },         { "400%", ALERT_SHARE, 4 },
                { "10ms", ALERT_DURATION, 1e7 },  { "10", ALERT_DURATION, -1 },     { "10", ALERT_SEVERITY, -1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                double value = -1;
                int r = alert_amount_parse(cases[i].text, cases[i].scale, &value);

                if ((r == 0) != (cases[i].value >= 0) || (r == 0 && value != cases[i].value))
                        fail_msg("\"%s\": %i, %g", cases[i].text, r, value);
        }
}

static void expect_refused(const char *text, const char *key_expected, const char *reason_expected) {
        _cleanup_(config_freep) struct config *config = NULL;
        _cleanup_(freep) char *error = NULL, *reason = NULL;
        struct alert_rule *rule = NULL;
        const char *key = NULL;

        assert_int_equal(config_new(alert_test_sections, 1, &config), 0);
        if (config_load_text(config, "test", text, strlen(text), &error) < 0) {
                reason = TAKE_PTR(error);
                assert_null(key_expected);
        } else {
                assert_int_equal(alert_rule_new(config, config_section_name(config, 0), &alert_test_catalog, &rule,
                                                &key, &reason),
                                 -EINVAL);
                assert_null(rule);
        }

        if (!strstr(reason, reason_expected) || !strstr(reason, "accepted: "))
                fail_msg("%s", reason);
        assert_true(key_expected ? key && strcmp(key, key_expected) == 0 : !key);
}

static void test_refused(void **state) {
        expect_refused("[alert x]\nenabled = no\n", NULL, "no rule of this name");
        expect_refused("[alert x]\nmetric = net/softnet\n", "metric", "threshold: is not set");
        expect_refused("[alert x]\nmetric = net/nope\nthreshold = 1\n", "metric", "no collector has \"net/nope\"");
        expect_refused("[alert x]\nmetric = net/lateness\nthreshold = 1\n", "metric", "histogram");
        expect_refused("[alert x]\nmetric = net/softnet\nthreshold = 0\n", "threshold", "everything is at least 0");
        expect_refused("[alert x]\nmetric = net/softnet\nthreshold = 10%\n", "threshold", "is no value of net/softnet");
        expect_refused("[alert x]\nmetric = net/cpu-time\nthreshold = 10\n", "threshold", "such as 90%");
        expect_refused("[alert x]\nmetric = net/softnet\nthreshold = 10\nclear = 11\n", "clear", "never be cleared");
        expect_refused("[alert x]\nmetric = net/softnet\nthreshold = 10\nclear = 9\ndirection = below\n", "clear",
                       "not below the threshold");
        expect_refused("[alert x]\nfinding = nope\n", "finding", "no finding \"nope\"");
        expect_refused("[alert x]\nfinding = steal\nthreshold = 5\n", "threshold", "says nothing to a finding");
        expect_refused("[alert x]\nfinding = steal\nmetric = net/softnet\n", "metric", "says nothing to a finding");
        /* These are refused word by word, where they stand. */
        expect_refused("[alert x]\nmetric = softnet\n", NULL, "test:2: [alert x] metric: \"softnet\" is not understood");
        expect_refused("[alert x]\nunit = rm -rf\n", NULL, "test:2: [alert x] unit:");
        expect_refused("[alert x]\nunit = ../x.service\n", NULL, "test:2: [alert x] unit:");
        expect_refused("[alert x]\nunit = .service\n", NULL, "test:2: [alert x] unit:");
        expect_refused("[alert x]\nthreshold = many\n", NULL, "test:2: [alert x] threshold:");
        expect_refused("[alert x]\npriority = loud\n", NULL, "test:2: [alert x] priority:");
        expect_refused("[alert x y]\n", NULL, "test:1: \"alert x y\" is no name");
        expect_refused("[alert]\n", NULL, "test:1: \"alert\" is no name");
        expect_refused("[alerts x]\n", NULL, "test:1: unknown section \"alerts x\"");
}

static void test_same(void **state) {
        static const char text[] = "[alert x]\nmetric = net/softnet\nthreshold = 10\n%s\n";
        static const struct {
                const char *change;
                bool same;
        } cases[] = {
                { "", true },         { "priority = err", true },  { "unit = a.service", true },
                { "for = 7s", false }, { "row = dropped", false },  { "enabled = no", false },
                { "clear = 9", false }, { "per = cpu", false },
        };
        _cleanup_(alert_rule_freep) struct alert_rule *rule = alert_test_rule("[alert x]\nmetric = net/softnet\nthreshold = 10\n");

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(alert_rule_freep) struct alert_rule *other = NULL;
                _cleanup_(freep) char *changed = NULL;

                assert_true(asprintf(&changed, text, cases[i].change) > 0);
                other = alert_test_rule(changed);
                if (alert_rule_same(rule, other) != cases[i].same)
                        fail_msg("%s", cases[i].change);
        }
}

static void test_selects(void **state) {
        _cleanup_(alert_rule_freep) struct alert_rule *rule =
                alert_test_rule("[alert x]\nmetric = net/softnet\nthreshold = 10\nrow = eth?-rx*\n");
        const char *const labels[] = { NULL, "eth0-rx-1", NULL };

        assert_true(alert_rule_selects(rule, "eth1-rx", NULL, 0));
        assert_true(alert_rule_selects(rule, "24", labels, ELEMENTSOF(labels)));
        assert_false(alert_rule_selects(rule, "24", labels, 1));
}

static void test_no_memory(void **state) {
        static const char text[] = "[alert x]\nmetric = net/softnet\nrow = a\nthreshold = 10\nunit = a.service\n";
        _cleanup_(config_freep) struct config *config = NULL;
        char *error = NULL;

        assert_int_equal(config_new(alert_test_sections, 1, &config), 0);
        assert_int_equal(config_load_text(config, "test", text, strlen(text), &error), 0);
        for (unsigned nth = 1;; nth++) {
                struct alert_rule *rule = NULL;
                char *reason = NULL;
                const char *key;
                int r;

                alloc_fail_at(nth);
                r = alert_rule_new(config, "alert x", &alert_test_catalog, &rule, &key, &reason);
                if (!alloc_fail_end()) {
                        assert_int_equal(r, 0);
                        alert_rule_free(rule);
                        break;
                }
                assert_int_equal(r, -ENOMEM);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_metric), cmocka_unit_test(test_finding),  cmocka_unit_test(test_scales),
                cmocka_unit_test(test_amounts), cmocka_unit_test(test_refused), cmocka_unit_test(test_same),
                cmocka_unit_test(test_selects), cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
