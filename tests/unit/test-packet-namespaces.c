/* SPDX-License-Identifier: Apache-2.0 */

/* Network namespaces found through the processes in them, in a tree that stands in for /proc. */

#include "tests/unit/test.h"

#include <fcntl.h>
#include <string.h>

#include "daemon/collect/packet-namespaces.h"
#include "daemon/collect/registry.h"
#include "tests/harness/temp-tree.h"

#define HEADER "Inter-|   Receive\n face |bytes    packets\n"

static struct temp_tree tree;
static struct packet_namespaces namespaces;

static void write_process(const char *process, const char *device, unsigned rx_packets) {
        char path[64], text[256];

        (void)snprintf(path, sizeof(path), "proc/%s/net/dev", process); /* both fit */
        (void)snprintf(text, sizeof(text), HEADER "%s: 0 %u 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", device,
                       rx_packets);
        temp_tree_write(&tree, path, text);
}

/* A namespace is known by the inode of the file. */
static void new_namespace(const char *process) {
        char path[64];

        (void)snprintf(path, sizeof(path), "proc/%s/ns/net", process); /* fits */
        temp_tree_write(&tree, path, "");
}

static void join_namespace(const char *process, const char *other) {
        char from[64], to[64];

        (void)snprintf(from, sizeof(from), "proc/%s/ns/net", other); /* these fit */
        (void)snprintf(to, sizeof(to), "proc/%s/ns/net", process);
        new_namespace(process); /* for its directories */
        assert_int_equal(unlinkat(tree.fd, to, 0), 0);
        assert_int_equal(linkat(tree.fd, from, tree.fd, to, 0), 0);
}

static int setup(void **state) {
        temp_tree_init(&tree);
        new_namespace("self");
        write_process("self", "eth0", 100);
        assert_int_equal(packet_namespaces_init(&namespaces, tree.fd), 0);
        return 0;
}

static int teardown(void **state) {
        packet_namespaces_done(&namespaces);
        temp_tree_done(&tree);
        return 0;
}

static uint64_t now_ns(void) {
        struct stamp now;

        stamp_now(&now);
        return now.monotonic_ns;
}

static void test_own(void **state) {
        uint64_t started_ns = now_ns();

        assert_int_equal(namespaces.n, 1);
        assert_true(namespaces.items[0].inode != 0);
        assert_int_equal(packet_namespaces_read_own(&namespaces, tree.fd), 0);
        assert_int_equal(namespaces.items[0].before_ns, 0); /* nothing to compare with yet */

        write_process("self", "eth0", 150);
        assert_int_equal(packet_namespaces_read_own(&namespaces, tree.fd), 0);
        assert_true(namespaces.items[0].before_ns >= started_ns);
        assert_true(namespaces.items[0].after_ns > namespaces.items[0].before_ns);
        assert_int_equal(namespaces.items[0].before.items[0].rx_packets, 100);
        assert_int_equal(namespaces.items[0].after.items[0].rx_packets, 150);

        /* A reading that fails leaves nothing to compare with. */
        temp_tree_write(&tree, "proc/self/net/dev", HEADER "eth0: 1 2\n");
        assert_int_equal(packet_namespaces_read_own(&namespaces, tree.fd), -EBADMSG);
        assert_int_equal(namespaces.items[0].before_ns, 0);
        write_process("self", "eth0", 200);
        assert_int_equal(packet_namespaces_read_own(&namespaces, tree.fd), 0);
        assert_int_equal(namespaces.items[0].before_ns, 0);
}

static void test_no_namespaces(void **state) {
        struct packet_namespaces none;

        assert_int_equal(unlinkat(tree.fd, "proc/self/ns/net", 0), 0);
        assert_int_equal(packet_namespaces_init(&none, tree.fd), 0); /* a kernel without them */
        assert_int_equal(none.items[0].inode, 0);
        packet_namespaces_done(&none);
}

/* Each reading has a time of its own. */
static void test_others(void **state) {
        uint64_t first_ns;

        join_namespace("10", "self");
        new_namespace("11");
        write_process("11", "veth1", 1);
        join_namespace("12", "11");
        write_process("12", "veth1", 1); /* whichever is found first */
        new_namespace("13");
        write_process("13", "veth2", 2);
        temp_tree_write(&tree, "proc/14/status", "it has no namespace that we may see\n");
        temp_tree_write(&tree, "proc/x15/ns/net", "");

        assert_int_equal(packet_namespaces_find(&namespaces, tree.fd), 0);
        assert_int_equal(namespaces.n, 3);
        packet_namespaces_read_others(&namespaces, tree.fd);
        assert_int_equal(namespaces.n, 3);
        packet_namespaces_read_others(&namespaces, tree.fd);
        assert_int_equal(namespaces.n, 3);
        first_ns = namespaces.items[1].before_ns;
        assert_true(first_ns > 0 && namespaces.items[1].after_ns > first_ns);
        assert_true(namespaces.items[2].before_ns > first_ns);

        /* Looking again keeps what is known. */
        assert_int_equal(packet_namespaces_find(&namespaces, tree.fd), 0);
        assert_int_equal(namespaces.n, 3);
        assert_int_equal(namespaces.items[1].before_ns, first_ns);

        packet_namespaces_forget(&namespaces);
        assert_int_equal(namespaces.n, 1);
}

/* The process ends, or its number is another's in another namespace. */
static void test_gone(void **state) {
        new_namespace("11");
        write_process("11", "veth1", 1);
        new_namespace("13");
        write_process("13", "veth2", 2);
        assert_int_equal(packet_namespaces_find(&namespaces, tree.fd), 0);
        packet_namespaces_read_others(&namespaces, tree.fd);
        assert_int_equal(namespaces.n, 3);

        assert_int_equal(unlinkat(tree.fd, "proc/11/net/dev", 0), 0);
        packet_namespaces_read_others(&namespaces, tree.fd);
        assert_int_equal(namespaces.n, 2);
        assert_int_equal(namespaces.items[1].pid, 13);
        assert_true(namespaces.items[1].before_ns > 0);

        assert_int_equal(unlinkat(tree.fd, "proc/13/ns/net", 0), 0);
        join_namespace("13", "self");
        packet_namespaces_read_others(&namespaces, tree.fd);
        assert_int_equal(namespaces.n, 1);
}

static void test_many(void **state) {
        for (unsigned i = 1; i <= PACKET_NAMESPACES_MAX + 10; i++) {
                char process[16];

                (void)snprintf(process, sizeof(process), "%u", i); /* fits */
                new_namespace(process);
                write_process(process, "veth0", i);
        }

        assert_int_equal(packet_namespaces_find(&namespaces, tree.fd), 0);
        assert_int_equal(namespaces.n, PACKET_NAMESPACES_MAX);
        packet_namespaces_read_others(&namespaces, tree.fd);
        assert_int_equal(namespaces.n, PACKET_NAMESPACES_MAX);
}

static void test_stacked(void **state) {
        temp_tree_write(&tree, "sys/class/net/bond0/lower_eth0", "");
        temp_tree_write(&tree, "sys/class/net/eth0/upper_bond0", "");

        assert_true(packet_device_is_stacked(tree.fd, "bond0"));
        assert_false(packet_device_is_stacked(tree.fd, "eth0"));
        assert_false(packet_device_is_stacked(tree.fd, "gone0"));
}

/* The collector measures the running kernel: a tree is not one. */
static void test_unsupported(void **state) {
        const struct collector_env env = { .root_fd = tree.fd, .is_fixture = true };
        const char *reason = NULL;

        assert_int_equal(collector_packets.probe(&env, &reason), -EOPNOTSUPP);
        assert_non_null(strstr(reason, "--root"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_own, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_namespaces, setup, teardown),
                cmocka_unit_test_setup_teardown(test_others, setup, teardown),
                cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_many, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stacked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unsupported, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
