/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/proc-task-stat.h"

#define KTHREAD " S 2 0 0 0 -1 69238848 0 0 0 0 7 434\n"
#define PROCESS " S 1 7 7 34816 7 4194560 0 0 0 0 7 434\n"

static void *copy_of(const char *text, size_t size) {
        void *copy = malloc(size + !size); /* without a NUL, so that a sanitizer sees a read beyond its end */

        assert_non_null(copy);
        memcpy(copy, text, size);
        return copy;
}

static void check_stat(const char *text, const char *comm, bool kernel_thread) {
        _cleanup_(freep) char *copy = copy_of(text, strlen(text));
        struct proc_task_stat stat;

        assert_int_equal(proc_task_stat_parse(copy, strlen(text), &stat), 0);
        assert_true(text_slice_equal(stat.comm, comm));
        assert_true(stat.kernel_thread == kernel_thread);
}

static void check_bad_stat(const char *text, size_t size) {
        _cleanup_(freep) char *copy = copy_of(text, size);
        struct proc_task_stat stat;

        assert_int_equal(proc_task_stat_parse(copy, size, &stat), -EBADMSG);
}

static void test_stat(void **state) {
        check_stat("14 (ksoftirqd/0)" KTHREAD, "ksoftirqd/0", true);
        check_stat("900 (ksoftirqd/0)" PROCESS, "ksoftirqd/0", false);
        /* Names that look like what follows a name. */
        check_stat("900 (x) S 2 0 0 0 -1)" PROCESS, "x) S 2 0 0 0 -1", false);
        check_stat("900 (()" PROCESS, "(", false);
        check_stat("900 ()" PROCESS, "", false);
        check_stat("900 (a\nb)" PROCESS, "a\nb", false);
}

static void test_bad_stat(void **state) {
        static const char *const bad[] = { "",
                                           "\n",
                                           "14 ksoftirqd/0 S 2 0 0 0 -1 69238848\n",
                                           "14 (ksoftirqd/0 S 2 0 0 0 -1 69238848\n",
                                           "14 )ksoftirqd/0( S 2 0 0 0 -1 69238848\n",
                                           "14 (ksoftirqd/0) S 2 0 0 0 -1\n",
                                           "14 (ksoftirqd/0) S 2 0 0 0 -1 x\n",
                                           "14 (ksoftirqd/0) S 2 0 0 0 -1 69238848 0\n 0\n",
                                           "14 (ksoftirqd/0) S 2 0 0 0 -1 69238848\n\n",
                                           "14 (ksoftirqd/0) S 2 0 0 0 -1 69238848" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                check_bad_stat(bad[i], strlen(bad[i]));
        for (size_t n = 0; n < sizeof("14 (ksoftirqd/0)" KTHREAD) - 1; n++)
                check_bad_stat("14 (ksoftirqd/0)" KTHREAD, n);
}

static int parse_schedstat(const char *text, struct proc_schedstat *ret_schedstat) {
        _cleanup_(freep) char *copy = copy_of(text, strlen(text));

        return proc_schedstat_parse(copy, strlen(text), ret_schedstat);
}

static void test_schedstat(void **state) {
        static const char *const bad[] = { "",         "\n",      "1 2\n",     "1 2 3",         "1 2 3 4\n",
                                           "1 -2 3\n", "1 2 x\n", "1 2 3\n\n", "1 2 3\n4 5 6\n" };
        struct proc_schedstat schedstat;

        assert_int_equal(parse_schedstat("4413105308 125276634791 75852\n", &schedstat), 0);
        assert_true(schedstat.run_ns == 4413105308 && schedstat.run_delay_ns == 125276634791);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse_schedstat(bad[i], &schedstat), -EBADMSG);
}

static int cpu_of(const char *comm) {
        int cpu;

        return ksoftirqd_parse_comm((struct text_slice){ comm, strlen(comm) }, &cpu) < 0 ? -1 : cpu;
}

static void test_comm(void **state) {
        assert_int_equal(cpu_of("ksoftirqd/0"), 0);
        assert_int_equal(cpu_of("ksoftirqd/8191"), 8191);
        assert_int_equal(cpu_of("ksoftirqd/8192"), -1);
        assert_int_equal(cpu_of("ksoftirqd/"), -1);
        assert_int_equal(cpu_of("ksoftirqd/x"), -1);
        assert_int_equal(cpu_of("ksoftirqd/0 "), -1);
        assert_int_equal(cpu_of("ksoftirqd/01"), -1);
        assert_int_equal(cpu_of("ktimers/0"), -1);
        assert_int_equal(cpu_of(""), -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_stat),
                cmocka_unit_test(test_bad_stat),
                cmocka_unit_test(test_schedstat),
                cmocka_unit_test(test_comm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
