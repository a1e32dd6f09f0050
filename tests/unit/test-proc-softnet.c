/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-softnet.h"

#define NINE(first) first " 00000002 00000003 00000000 00000000 00000000 00000000 00000000 00000009"
#define ELEVEN(first) NINE(first) " 0000000a 0000000b"
#define THIRTEEN(first, cpu) ELEVEN(first) " 0000000c " cpu
#define FIFTEEN(first, cpu) THIRTEEN(first, cpu) " 00000004 00000008"

static int parse(const char *cpus, const char *text, struct cpu_columns *columns,
                 struct softnet_layout *layout) {
        _cleanup_(cpu_set_done) struct cpu_set online = {};
        _cleanup_(freep) char *copy = NULL;
        size_t size = strlen(text);

        assert_int_equal(cpu_list_parse(cpus, &online), 0);
        copy = malloc(size + !size); /* without a NUL, so that a sanitizer sees a read beyond its end */
        assert_non_null(copy);
        memcpy(copy, text, size);
        return proc_softnet_parse(copy, size, &online, columns, layout);
}

static void check(const char *cpus, const char *text, int expected) {
        _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _SOFTNET_COLUMN_MAX };
        struct softnet_layout layout;

        assert_int_equal(parse(cpus, text, &columns, &layout), expected);
}

static void test_with_cpus(void **state) {
        _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _SOFTNET_COLUMN_MAX };
        struct softnet_layout layout;

        assert_int_equal(parse("1,16",
                               FIFTEEN("00000001", "00000001") "\n" FIFTEEN("fffffff1", "00000010") "\n",
                               &columns, &layout),
                         0);
        assert_true(layout.has_backlog && layout.has_flow_limit && layout.has_received_rps);
        assert_int_equal(columns.n_cpus, 2);
        assert_int_equal(columns.cpus[1], 16); /* the column is hexadecimal */
        assert_true(columns.values[SOFTNET_PROCESSED][1] == 0xfffffff1);
        assert_int_equal(columns.values[SOFTNET_DROPPED][0], 2);
        assert_int_equal(columns.values[SOFTNET_TIME_SQUEEZE][0], 3);
        assert_int_equal(columns.values[SOFTNET_RECEIVED_RPS][0], 10);
        assert_int_equal(columns.values[SOFTNET_FLOW_LIMIT_COUNT][0], 11);
        assert_int_equal(columns.values[SOFTNET_BACKLOG][0], 12);

        check("1", THIRTEEN("00000001", "00000001") "\n", 0);
}

/* Before 5.10 the lines are those of the online CPUs, which need not begin with 0 nor be without holes. */
static void test_without_cpus(void **state) {
        _cleanup_(cpu_columns_done) struct cpu_columns columns = { .n_columns = _SOFTNET_COLUMN_MAX };
        struct softnet_layout layout;

        assert_int_equal(parse("0,2,7",
                               ELEVEN("00000005") "\n" ELEVEN("00000006") "\n" ELEVEN("00000007") "\n",
                               &columns, &layout),
                         0);
        assert_int_equal(columns.n_cpus, 3);
        assert_int_equal(columns.cpus[1], 2);
        assert_int_equal(columns.cpus[2], 7);
        assert_int_equal(columns.values[SOFTNET_PROCESSED][2], 7);
        assert_int_equal(columns.values[SOFTNET_FLOW_LIMIT_COUNT][2], 11);
        assert_true(layout.has_flow_limit && !layout.has_backlog);

        assert_int_equal(parse("0", NINE("00000001") " 0000000a\n", &columns, &layout), 0);
        assert_true(layout.has_received_rps && !layout.has_flow_limit);
        assert_int_equal(parse("0", NINE("00000001") "\n", &columns, &layout), 0);
        assert_true(!layout.has_received_rps);
}

static void test_other_cpus(void **state) {
        check("0-1", ELEVEN("00000005") "\n", 1);
        check("0", ELEVEN("00000005") "\n" ELEVEN("00000005") "\n", 1);
        check("0-1", FIFTEEN("00000005", "00000000") "\n", 1);
        check("0-1", FIFTEEN("00000005", "00000000") "\n" FIFTEEN("00000005", "00000002") "\n", 1);
        check("0-1", FIFTEEN("00000005", "00000001") "\n" FIFTEEN("00000005", "00000000") "\n", 1);
        check("0", FIFTEEN("00000005", "ffffffff") "\n", 1);
        check("", FIFTEEN("00000005", "00000000") "\n", 1);
}

static void test_bad(void **state) {
        check("0", "", -EBADMSG);
        check("0", "\n", -EBADMSG);
        check("0", ELEVEN("00000005"), -EBADMSG); /* no newline */
        check("0", "00000001 00000002 00000003\n", -EBADMSG);
        check("0", ELEVEN("00000005") " 00000001\n", -EBADMSG); /* a backlog without a CPU */
        check("0", ELEVEN("5") "\n", -EBADMSG);
        check("0", ELEVEN("0000000G") "\n", -EBADMSG);
        check("0", ELEVEN("000000005") "\n", -EBADMSG);
        check("0-1", ELEVEN("00000005") "\n" NINE("00000005") "\n", -EBADMSG);
        check("0",
              FIFTEEN("00000001", "00000000") FIFTEEN(" 00000001", "00000000")
                      FIFTEEN(" 00000001", "00000000") "\n",
              -EBADMSG);
}

static void test_every_truncation(void **state) {
        static const char good[] = FIFTEEN("00000001", "00000000") "\n" FIFTEEN("00000002", "00000001") "\n";
        char text[sizeof(good)];

        for (size_t n = 0; n < sizeof(good) - 1; n++) {
                memcpy(text, good, n);
                text[n] = '\0';
                check("0-1", text, n == sizeof(good) / 2 ? 1 : -EBADMSG);
        }
        check("0-1", good, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_with_cpus),        cmocka_unit_test(test_without_cpus),
                cmocka_unit_test(test_other_cpus),       cmocka_unit_test(test_bad),
                cmocka_unit_test(test_every_truncation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
