/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/unit/query-fixture.h"

#include "daemon/query/packets.h"

struct fixture {
        struct store *store;
        unsigned source;
        struct batch batch;
};

static int setup(void **state) {
        static struct fixture f;

        f = (struct fixture){ .store = new_store() };
        batch_init(&f.batch);
        f.source = add_collector_source(f.store, &collector_packets);
        *state = &f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        batch_done(&f->batch);
        f->store = store_free(f->store);
        return 0;
}

static void add_kind(struct fixture *f, const char *protocol, const char *flags, const char *port,
                     uint64_t n) {
        const struct row_key key = { .name = protocol, .labels = { flags, port } };

        assert_int_equal(batch_add_row(&f->batch, PACKETS_SAMPLED, &key), 0);
        assert_int_equal(batch_add(&f->batch, CPU_NONE, n), 0);
}

static void add(struct fixture *f, unsigned metric, const char *name, uint64_t n) {
        assert_int_equal(batch_add_single(&f->batch, metric, name, n), 0);
}

static void pass(struct fixture *f, double second, uint64_t samples, uint64_t observed) {
        add(f, PACKETS_SAMPLES, "", samples);
        add(f, PACKETS_OBSERVED, "", observed);
        add(f, PACKETS_BYTES, "", samples * 60000);
        add(f, PACKETS_DISTINCT, "", samples * 3);
        commit(f->store, f->source, second, &f->batch);
}

static void first_sample(struct fixture *f) {
        add_kind(f, "tcp", "S", "80", 900);
        add_kind(f, "tcp", "S", "443", 20);
        add_kind(f, "tcp", "A", "80", 30);
        add_kind(f, "tcp", "S", "other", 10);
        add_kind(f, "udp", "", "53", 35);
        add_kind(f, "icmp", "", "", 5);
        add(f, PACKETS_SOURCES, "10.0.0.7", 600);
        add(f, PACKETS_SOURCES, "2001:db8::1", 300);
        add(f, PACKETS_SOURCES, "other", 100);
        add(f, PACKETS_DEVICES, "eth0", 1);
}

static void fill(struct fixture *f) {
        for (unsigned i = 0; i < 5; i++)
                pass(f, i, 0, 0);
        for (unsigned i = 5; i < 10; i++) {
                first_sample(f);
                pass(f, i, 1, 40000);
        }
        /* The second one: some keys made room for others. */
        add_kind(f, "tcp", "S", "80", 900 + 50);
        add_kind(f, "udp", "", "123", 950);
        add(f, PACKETS_SOURCES, "10.0.0.9", 1000);
        add(f, PACKETS_DEVICES, "eth0", 1);
        add(f, PACKETS_DEVICES, "eth1", 1);
        pass(f, 10, 2, 90000);
        add_kind(f, "tcp", "S", "80", 950);
        add_kind(f, "udp", "", "123", 950);
        add(f, PACKETS_SOURCES, "10.0.0.9", 1000);
        add(f, PACKETS_DEVICES, "eth0", 1);
        add(f, PACKETS_DEVICES, "eth1", 1);
        pass(f, 11, 2, 90000);
}

static struct packets *query(struct fixture *f, double since, double until) {
        struct packets *packets = NULL;

        assert_int_equal(packets_query(f->store, AT(since), AT(until), &packets), 0);
        return packets;
}

static void test_one_sample(void **state) {
        _cleanup_(packets_freep) struct packets *packets = NULL;

        fill(*state);
        packets = query(*state, 0, 8);
        assert_int_equal(packets->n_samples, 1);
        assert_int_equal(packets->first_us, AT(5));
        assert_int_equal(packets->last_us, AT(5));
        assert_int_equal(packets->n_observed, 40000);
        assert_int_equal(packets->n_sampled, 1000);
        assert_int_equal(packets->n_bytes, 60000);
        assert_int_equal(packets->n_distinct, 3);
        assert_int_equal(packets->n_groups, 6);
        assert_string_equal(packets->groups[0].protocol, "tcp");
        assert_string_equal(packets->groups[0].flags, "S");
        assert_string_equal(packets->groups[0].port, "80");
        assert_int_equal(packets->groups[0].n, 900);
        assert_string_equal(packets->groups[1].protocol, "udp");
        assert_int_equal(packets->n_sources, 2);
        assert_string_equal(packets->sources[0].name, "10.0.0.7");
        assert_int_equal(packets->sources[0].n, 600);
        assert_int_equal(packets->n_unnamed, 100);
        assert_int_equal(packets->n_devices, 1);
        assert_string_equal(packets->devices[0].name, "eth0");

        assert_int_equal(packets_count(packets, "tcp", NULL, NULL), 960);
        assert_int_equal(packets_count(packets, "tcp", "S", NULL), 930);
        assert_int_equal(packets_count(packets, "udp", "", "53"), 35);
        assert_int_equal(packets_count(packets, "tcp", "R", NULL), 0);
        assert_true(packets_share(packets, "tcp", "S", "80") > 0.899 &&
                    packets_share(packets, "tcp", "S", "80") < 0.901);
        assert_string_equal(packets_top_port(packets, "tcp", "S"), "80");
        assert_string_equal(packets_top_port(packets, "udp", NULL), "53");
        assert_null(packets_top_port(packets, "icmp", NULL));
}

static void test_several(void **state) {
        _cleanup_(packets_freep) struct packets *packets = NULL;

        fill(*state);
        packets = query(*state, 0, 20);
        assert_int_equal(packets->n_samples, 2);
        assert_int_equal(packets->first_us, AT(5));
        assert_int_equal(packets->last_us, AT(10));
        assert_int_equal(packets->n_observed, 90000);
        assert_int_equal(packets->n_sampled, 2000); /* with what has left the table since */
        assert_int_equal(packets_count(packets, "tcp", "S", "80"), 950);
        assert_int_equal(packets->sources[0].n, 1000);
        assert_int_equal(packets->n_devices, 2);
}

/* Only what came within the span: the first sample was before it. */
static void test_second_only(void **state) {
        _cleanup_(packets_freep) struct packets *packets = NULL;

        fill(*state);
        packets = query(*state, 7, 20);
        assert_int_equal(packets->n_samples, 1);
        assert_int_equal(packets->n_sampled, 1000);
        assert_int_equal(packets_count(packets, "tcp", NULL, NULL), 50);
        assert_int_equal(packets->n_devices, 1);
        assert_string_equal(packets->devices[0].name, "eth1");
}

static void test_none(void **state) {
        struct packets *packets = *state; /* to see that it stays untouched */
        struct store *empty = new_store();
        struct fixture *f = *state;

        fill(f);
        assert_int_equal(packets_query(f->store, AT(0), AT(4.5), &packets), -ENOENT);
        assert_int_equal(packets_query(f->store, AT(6), AT(9), &packets), -ENOENT);
        assert_int_equal(packets_query(empty, AT(0), AT(9), &packets), -ENOENT);
        assert_ptr_equal(packets, f);
        empty = store_free(empty);
}

static void test_allocation_failure(void **state) {
        struct fixture *f = *state;
        unsigned nth = 0;
        bool reached;

        fill(f);
        do {
                struct packets *packets = NULL;
                int r;

                alloc_fail_at(++nth);
                r = packets_query(f->store, AT(0), AT(20), &packets);
                reached = alloc_fail_end();
                assert_int_equal(r, reached ? -ENOMEM : 0);
                assert_true(!packets == reached);
                (void)packets_free(packets);
        } while (reached);
        assert_true(nth > 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_sample, setup, teardown),
                cmocka_unit_test_setup_teardown(test_several, setup, teardown),
                cmocka_unit_test_setup_teardown(test_second_only, setup, teardown),
                cmocka_unit_test_setup_teardown(test_none, setup, teardown),
                cmocka_unit_test_setup_teardown(test_allocation_failure, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
