/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/netdev-select.h"
#include "tests/harness/alloc-fail.h"

enum { N_MAX = 8 };

/* Interfaces that begin with "eth" are of hardware. */
static bool is_physical(const char *name, void *userdata) {
        unsigned *n_asked = userdata;

        ++*n_asked;
        return strncmp(name, "eth", 3) == 0;
}

struct machine {
        const char *names[N_MAX];
        uint64_t packets[N_MAX];
        size_t n;
        struct netdev_select select;
        unsigned n_asked;
};

static void machine_done(struct machine *machine) {
        netdev_select_done(&machine->select);
}

static int choose(struct machine *machine, size_t n_max, bool *chosen) {
        struct proc_net_dev_row rows[N_MAX] = {};

        for (size_t i = 0; i < machine->n; i++) {
                rows[i].name = (struct text_slice){ machine->names[i], strlen(machine->names[i]) };
                rows[i].counters[NETDEV_RX_PACKETS] = machine->packets[i] / 2;
                rows[i].counters[NETDEV_TX_PACKETS] = machine->packets[i] - machine->packets[i] / 2;
        }
        return netdev_select(&machine->select, rows, machine->n, n_max, is_physical, &machine->n_asked,
                             chosen);
}

/* The chosen ones as "a c " in the machine's order. */
static void check(struct machine *machine, size_t n_max, const char *expected) {
        bool chosen[N_MAX] = {};
        char text[128] = "";

        assert_int_equal(choose(machine, n_max, chosen), 0);
        for (size_t i = 0; i < machine->n; i++)
                if (chosen[i])
                        strcat(strcat(text, machine->names[i]), " ");
        assert_string_equal(text, expected);
}

/* n passes with that many packets per pass for each. */
static void run(struct machine *machine, size_t n_max, unsigned n, const uint64_t *per_pass) {
        bool chosen[N_MAX];

        for (unsigned i = 0; i < n; i++) {
                for (size_t j = 0; j < machine->n; j++)
                        machine->packets[j] += per_pass[j];
                assert_int_equal(choose(machine, n_max, chosen), 0);
        }
}

static void test_hardware_then_busiest(void **state) {
        _cleanup_(machine_done) struct machine machine = {
                .names = { "lo", "veth1", "eth0", "veth2", "veth3" },
                .packets = { 50, 10, 0, 70, 20 },
                .n = 5,
        };

        check(&machine, 1, "eth0 ");
        machine_done(&machine);
        check(&machine, 3, "lo eth0 veth2 ");
        assert_int_equal(machine.n_asked, 10);
        check(&machine, 3, "lo eth0 veth2 ");
        assert_int_equal(machine.n_asked, 10); /* each but once */
        check(&machine, 5, "lo veth1 eth0 veth2 veth3 ");
        check(&machine, 0, "");
}

/* The chosen stay within a period, and beyond it until another is twice as busy. */
static void test_sticky(void **state) {
        _cleanup_(machine_done) struct machine machine = {
                .names = { "a", "b", "c" },
                .packets = { 30, 20, 10 },
                .n = 3,
        };

        check(&machine, 2, "a b ");
        run(&machine, 2, NETDEV_SELECT_PERIOD - 1, (const uint64_t[]){ 0, 0, 1000 });
        check(&machine, 2, "a c "); /* the period's end */
        run(&machine, 2, 3 * NETDEV_SELECT_PERIOD - 1, (const uint64_t[]){ 10, 15, 100 });
        check(&machine, 2, "a c ");
        run(&machine, 2, NETDEV_SELECT_PERIOD, (const uint64_t[]){ 10, 25, 100 });
        check(&machine, 2, "b c ");
}

static void test_vacancy(void **state) {
        _cleanup_(machine_done) struct machine machine = {
                .names = { "a", "b", "c", "d" },
                .packets = { 30, 20, 10, 15 },
                .n = 4,
        };

        check(&machine, 2, "a b ");
        machine.names[1] = "e"; /* b went; e is new */
        machine.packets[1] = 1;
        machine.packets[2] = 500; /* busiest since */
        check(&machine, 2, "a c ");
        check(&machine, 2, "a c ");

        machine.names[1] = "eth9"; /* hardware comes: somebody gives way at once */
        machine.packets[1] = 0;
        check(&machine, 2, "eth9 c ");
}

/* One that was deleted and made again counts from zero. */
static void test_began_anew(void **state) {
        _cleanup_(machine_done) struct machine machine = {
                .names = { "a", "b" },
                .packets = { UINT64_MAX, 20 },
                .n = 2,
        };

        check(&machine, 1, "a ");
        machine.packets[0] = 0;
        run(&machine, 1, NETDEV_SELECT_PERIOD, (const uint64_t[]){ 0, 1 });
        check(&machine, 1, "b ");
}

static void test_twice_the_same(void **state) {
        _cleanup_(machine_done) struct machine machine = {
                .names = { "a", "b", "c" },
                .packets = { 30, 20, 10 },
                .n = 3,
        };
        bool chosen[N_MAX];

        check(&machine, 2, "a b ");
        machine.names[2] = "a";
        assert_int_equal(choose(&machine, 2, chosen), -EBADMSG);
        machine.names[2] = "c";
        check(&machine, 2, "a b ");
        assert_int_equal(machine.n_asked, 3);
}

static void test_no_memory(void **state) {
        for (unsigned nth = 1; nth <= 2; nth++) {
                _cleanup_(machine_done) struct machine machine = { .names = { "a", "b" }, .n = 2 };
                bool chosen[N_MAX];

                alloc_fail_at(nth);
                assert_int_equal(choose(&machine, 1, chosen), -ENOMEM);
                assert_true(alloc_fail_end());
                check(&machine, 1, "a ");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hardware_then_busiest),
                cmocka_unit_test(test_sticky),
                cmocka_unit_test(test_vacancy),
                cmocka_unit_test(test_began_anew),
                cmocka_unit_test(test_twice_the_same),
                cmocka_unit_test(test_no_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
