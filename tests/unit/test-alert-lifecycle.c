/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/alert/lifecycle.h"

/* One value a second, from second 0 on: "80 95". What came of it: '.' quiet, 'p' pending, 'R' the edge up, 'r' raised,
 * 'c' clearing, 'F' the edge down. '_' in the values: no value in that second. */
static const struct sequence {
        const char *name;
        struct alert_limits limits; /* times in seconds */
        const char *values, *expected;
} sequences[] = {
        { "at once", { 90, 90, false, 0, 0 }, "89 90 91 89 90", ".RrFR" },
        { "well from the start", { 90, 90, false, 0, 0 }, "0 0 89.9 0", "...." },
        { "lasts", { 90, 90, false, 3, 0 }, "91 91 91 91 91 10", "pppRrF" },
        { "does not last", { 90, 90, false, 3, 0 }, "91 91 91 10 91 91 91 91", "ppp.pppR" },
        { "a dip starts anew", { 90, 50, false, 2, 0 }, "91 70 91 91 91", "p.ppR" },
        { "between the thresholds it stays", { 90, 50, false, 0, 0 }, "91 70 50 70 49.9", "RrrrF" },
        { "between the thresholds it is not raised", { 90, 50, false, 0, 0 }, "70 89 70", "..." },
        { "hold", { 90, 90, false, 0, 3 }, "95 10 10 10 10 10", "RcccF." },
        { "hold starts anew", { 90, 90, false, 0, 3 }, "95 10 10 95 10 10 10 10", "RccrcccF" },
        { "hold starts anew between", { 90, 50, false, 0, 2 }, "95 10 60 10 10 10", "RcrccF" },
        { "flapping within hold is one alert", { 90, 90, false, 0, 2 }, "95 10 95 10 95 10 10 10", "RcrcrccF" },
        { "no values: nothing happens", { 90, 90, false, 2, 2 }, "95 _ 95 95 _ _ 10 _ 10", "p R r c F" },
        { "below", { 50, 80, true, 1, 1 }, "90 50 40 60 80 81 81", ".pRrrcF" },
        { "below: absent is well", { 50, 80, true, 0, 0 }, "10 inf", "RF" },
        { "severity", { 2, 2, false, 1, 1 }, "1 2 2 1 -1", ".pRcF" },
        { "not a number is well", { 90, 90, false, 0, 0 }, "nan 95 nan", ".Rr" },
};

static char letter(enum alert_edge edge, enum alert_state state) {
        static const char states[_ALERT_STATE_MAX] = ".prc";

        return edge == ALERT_RISE ? 'R' : edge == ALERT_FALL ? 'F' : states[state];
}

static void run(const struct sequence *s, char *result) {
        struct alert_limits limits = s->limits;
        _cleanup_(freep) char *copy = strdup(s->values);
        struct alert_life life = {};
        uint64_t now_ns = 1000 * NSEC_PER_SEC;
        char *save = NULL;

        limits.for_ns *= NSEC_PER_SEC;
        limits.hold_ns *= NSEC_PER_SEC;
        for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                enum alert_edge edge;

                if (strcmp(word, "_") != 0) {
                        edge = alert_life_step(&life, &limits, strtod(word, NULL), now_ns);
                        *result++ = letter(edge, life.state);
                }
                now_ns += NSEC_PER_SEC;
        }
        *result = '\0';
}

/* Blanks in what is expected are for the eye. */
static void test_sequences(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(sequences); i++) {
                char result[64], expected[64], *p = expected;

                for (const char *q = sequences[i].expected; *q; q++)
                        if (*q != ' ')
                                *p++ = *q;
                *p = '\0';
                run(&sequences[i], result);
                if (strcmp(result, expected) != 0)
                        fail_msg("%s: %s, expected %s", sequences[i].name, result, expected);
        }
}

static void test_worst_and_times(void **state) {
        const struct alert_limits limits = { 90, 50, false, 2 * NSEC_PER_SEC, NSEC_PER_SEC };
        struct alert_life life = {};

        assert_int_equal(alert_life_step(&life, &limits, 92, 10 * NSEC_PER_SEC), ALERT_NO_EDGE);
        assert_int_equal(alert_life_step(&life, &limits, 99, 11 * NSEC_PER_SEC), ALERT_NO_EDGE);
        assert_int_equal(alert_life_step(&life, &limits, 91, 12 * NSEC_PER_SEC), ALERT_RISE);
        assert_int_equal(life.beyond_ns, 10 * NSEC_PER_SEC);
        assert_int_equal(life.raised_ns, 12 * NSEC_PER_SEC);
        assert_int_equal(alert_life_step(&life, &limits, 10, 15 * NSEC_PER_SEC), ALERT_NO_EDGE);
        assert_int_equal(alert_life_step(&life, &limits, 9, 16 * NSEC_PER_SEC), ALERT_FALL);
        assert_int_equal(life.well_ns, 15 * NSEC_PER_SEC);
        assert_true(life.worst == 99 && life.value == 9);

        /* The next one begins with its own. */
        assert_int_equal(alert_life_step(&life, &limits, 91, 20 * NSEC_PER_SEC), ALERT_NO_EDGE);
        assert_true(life.worst == 91);
        assert_int_equal(life.beyond_ns, 20 * NSEC_PER_SEC);
}

/* A clock that stood still or went back moves nothing on. */
static void test_time_backwards(void **state) {
        const struct alert_limits limits = { 90, 50, false, NSEC_PER_SEC, 0 };
        struct alert_life life = {};

        assert_int_equal(alert_life_step(&life, &limits, 95, 10 * NSEC_PER_SEC), ALERT_NO_EDGE);
        assert_int_equal(alert_life_step(&life, &limits, 95, 5 * NSEC_PER_SEC), ALERT_NO_EDGE);
        assert_int_equal(alert_life_step(&life, &limits, 95, 11 * NSEC_PER_SEC), ALERT_RISE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sequences),
                cmocka_unit_test(test_worst_and_times),
                cmocka_unit_test(test_time_backwards),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
