/* SPDX-License-Identifier: Apache-2.0 */

/* What looks like a flood and what does not, when it is looked at again, and what samples add up to. */

#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <string.h>

#include "daemon/collect/packet-devices.h"
#include "daemon/collect/packet-tally.h"
#include "daemon/collect/packet-trigger.h"

#define SEC(s) ((uint64_t)((s)*1e9))

static const struct packet_limits limits = {
        .packets_min = 10000,
        .mean_size_max = 128,
        .cool_down_ns = 60 * NSEC_PER_SEC,
        .duration_ns = 2 * NSEC_PER_SEC,
        .n_max = 5000,
};

#define DEV_HEADER \
        "Inter-|   Receive                                                |  Transmit\n" \
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets " \
        "errs drop fifo colls carrier compressed\n"

static int parse(const char *text, struct packet_devices *devices) {
        return packet_devices_parse(devices, text, strlen(text));
}

static void test_devices(void **state) {
        struct packet_devices devices = {};

        assert_int_equal(parse(DEV_HEADER
                               "    lo:     100       2    0    0    0     0          0         0      100"
                               "       2    0    0    0     0       0          0\n"
                               "eth0:18446744073709551615 9 1 2 3 4 5 6 77 8 0 0 0 0 0 0\n"
                               "abcdefghijklmno: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n",
                               &devices),
                         0);
        assert_int_equal(devices.n, 3);
        assert_string_equal(devices.items[0].name, "lo");
        assert_string_equal(devices.items[1].name, "eth0");
        assert_int_equal(devices.items[1].rx_bytes, UINT64_MAX);
        assert_int_equal(devices.items[1].rx_packets, 9);
        assert_int_equal(devices.items[1].tx_bytes, 77);
        assert_int_equal(devices.items[1].tx_packets, 8);
        assert_string_equal(devices.items[2].name, "abcdefghijklmno");

        assert_int_equal(parse(DEV_HEADER, &devices), 0); /* no device at all */
        assert_int_equal(devices.n, 0);
        packet_devices_done(&devices);
}

static void test_devices_garbled(void **state) {
        static const char *const texts[] = {
                "",
                "Inter-|   Receive\n",
                DEV_HEADER "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", /* cut */
                DEV_HEADER "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n",
                DEV_HEADER "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
                DEV_HEADER "eth0: 1 2 3 x 5 6 7 8 9 10 11 12 13 14 15 16\n",
                DEV_HEADER "eth0: -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
                DEV_HEADER "eth0: 18446744073709551616 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
                DEV_HEADER "abcdefghijklmnop: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
                DEV_HEADER ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
                DEV_HEADER "eth0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
                DEV_HEADER "\n",
        };
        struct packet_devices devices = {};

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                assert_int_equal(parse(texts[i], &devices), -EBADMSG);
        packet_devices_done(&devices);
}

static void test_softnet(void **state) {
        uint64_t n = 7;

        assert_int_equal(
                packet_softnet_parse("0000000a 00000000 00000001\nffffffff 00000000 00000000\n", 54, &n), 0);
        assert_int_equal(n, UINT64_C(0x100000009)); /* 32 bits each, the sum has more */
        assert_int_equal(packet_softnet_parse("0000000a 00000000 00000001", 26, &n), -EBADMSG);
        assert_int_equal(packet_softnet_parse("0000000g 00000000\n", 18, &n), -EBADMSG);
        assert_int_equal(packet_softnet_parse("000a 00000000 0000\n", 19, &n), -EBADMSG);
        assert_int_equal(packet_softnet_parse("0000000a\n", 9, &n), -EBADMSG);
        assert_int_equal(packet_softnet_parse("", 0, &n), -EBADMSG);
}

static uint64_t rate(uint64_t rx_packets, uint64_t rx_bytes, uint64_t tx_bytes, double seconds) {
        const struct packet_device change = { .rx_packets = rx_packets,
                                              .rx_bytes = rx_bytes,
                                              .tx_bytes = tx_bytes };

        return packet_suspect_rate(&limits, &change, SEC(seconds));
}

static void test_suspect(void **state) {
        /* The flood of the book: 14,678 packets a second of 60 bytes, each answered. */
        assert_int_equal(rate(14678, 14678 * 60, 14678 * 54, 1), 14678);
        assert_int_equal(rate(29356, 29356 * 60, 0, 2), 14678);

        assert_int_equal(rate(10000, 10000 * 128, 0, 1), 10000);
        assert_int_equal(rate(9999, 9999 * 60, 0, 1), 0);
        assert_int_equal(rate(10000, 10000 * 129, 0, 1), 0);
        assert_int_equal(rate(10000, 10000 * 60, 0, 1.01), 0); /* a little slower */
        assert_int_equal(rate(0, 0, 0, 1), 0);
        assert_int_equal(rate(20000, 20000 * 60, 0, 0), 0);

        /* A file server sends 1 Gbit/s and gets small acknowledgements only: one for two segments. */
        assert_int_equal(rate(43000, 43000 * 66, 125000000, 1), 0);
        /* The same under a flood of 30,000 SYNs. */
        assert_int_equal(rate(73000, 73000 * 63, 125000000, 1), 73000);
        /* Bulk data received at 10 Gbit/s. */
        assert_int_equal(rate(863000, 863000 * UINT64_C(1514), 28000000, 1), 0);
}

static void set(struct packet_devices *devices, size_t i, const char *name, uint64_t rx, uint64_t bytes,
                uint64_t tx) {
        struct packet_device *device = &devices->items[i];

        *device = (struct packet_device){ .rx_packets = rx, .rx_bytes = bytes, .tx_packets = tx };
        memcpy(device->name, name, strlen(name));
        devices->n = MAX(devices->n, i + 1);
}

static bool not_bond(void *userdata, const char *device) {
        (*(unsigned *)userdata)++;
        return strcmp(device, "bond0") != 0;
}

static void test_find_suspect(void **state) {
        struct packet_device items[2][5];
        struct packet_devices before = { .items = items[0] }, after = { .items = items[1] };
        struct packet_suspect suspect = {};
        unsigned n_asked = 0;

        set(&before, 0, "lo", 0, 0, 0);
        set(&after, 0, "lo", 90000, 90000 * 60, 90000); /* never */
        set(&before, 1, "eth0", 1000, 5000, 0);
        set(&after, 1, "eth0", 21000, 5000 + 20000 * 60, 20000);
        set(&before, 2, "eth1", 50, 0, 0);
        set(&after, 2, "eth1", 40, 90000 * 60, 0); /* another device of the same name */
        set(&before, 3, "bond0", 0, 0, 0);
        set(&after, 3, "bond0", 30000, 30000 * 60, 0);
        set(&after, 4, "new0", 80000, 80000 * 60, 0); /* not there before */

        packet_find_suspect(&limits, &before, &after, SEC(1), not_bond, &n_asked, &suspect);
        assert_ptr_equal(suspect.device, &after.items[1]);
        assert_int_equal(suspect.per_second, 20000);
        assert_int_equal(n_asked, 2); /* only candidates cost a look */

        /* What is already suspect stays unless it is outranked. */
        packet_find_suspect(&limits, &before, &after, SEC(1), NULL, NULL, &suspect);
        assert_ptr_equal(suspect.device, &after.items[3]);
        before.n = after.n = 2;
        packet_find_suspect(&limits, &before, &after, SEC(1), NULL, NULL, &suspect);
        assert_ptr_equal(suspect.device, &after.items[3]);
}

/* Both ends of a link see as many small packets when each is answered: the flooded one is meant, also when
 * some packets were lost on the way. */
static void test_find_flooded_end(void **state) {
        struct packet_device items[2][2];
        struct packet_devices before = { .items = items[0] }, after = { .items = items[1] };

        for (unsigned lost = 0; lost <= 5000; lost += 5000) {
                struct packet_suspect suspect = {};

                set(&before, 0, "attacker", 0, 0, 0);
                set(&before, 1, "victim", 0, 0, 0);
                set(&after, 0, "attacker", 19990 - lost, 19990 * 54, 20000);
                set(&after, 1, "victim", 20000 - lost, 20000 * 54, 19990 - lost);
                packet_find_suspect(&limits, &before, &after, SEC(1), NULL, NULL, &suspect);
                assert_string_equal(suspect.device->name, "victim");
        }
}

/* The ends in two namespaces, which a busy machine reads at different moments: the first one stays, unless the other
 * outranks it by more than that can make. */
static void test_find_end_elsewhere(void **state) {
        struct packet_device items[2][2];
        struct packet_devices before = { .items = items[0] }, after = { .items = items[1] };
        struct packet_devices far_before = { .items = &items[0][1] }, far_after = { .items = &items[1][1] };
        struct packet_suspect suspect = {};

        set(&before, 0, "victim", 0, 0, 0);
        set(&after, 0, "victim", 20000, 20000 * 54, 20000);
        set(&far_before, 0, "attacker", 0, 0, 0);
        set(&far_after, 0, "attacker", 23000, 23000 * 54, 23000); /* 150 ms later */
        packet_find_suspect(&limits, &before, &after, SEC(1), NULL, NULL, &suspect);
        packet_find_suspect(&limits, &far_before, &far_after, SEC(1), NULL, NULL, &suspect);
        assert_string_equal(suspect.device->name, "victim");

        /* A longer reading is no higher rank. */
        set(&far_after, 0, "attacker", 200000, 200000 * 54, 200000);
        packet_find_suspect(&limits, &far_before, &far_after, SEC(10), NULL, NULL, &suspect);
        assert_string_equal(suspect.device->name, "victim");

        set(&far_after, 0, "attacker", 26000, 26000 * 54, 26000);
        packet_find_suspect(&limits, &far_before, &far_after, SEC(1), NULL, NULL, &suspect);
        assert_string_equal(suspect.device->name, "attacker");
}

static void test_two_passes(void **state) {
        struct packet_trigger trigger = {};

        /* Single busy seconds are bursts. */
        for (unsigned i = 1; i < 100; i++)
                assert_false(packet_trigger_step(&trigger, &limits, SEC(i), i % 2 ? 50000 : 0));
        assert_true(packet_trigger_step(&trigger, &limits, SEC(100), 50000));
}

/* Moments at which a rate that lasts is sampled. */
static size_t sampled_at(struct packet_trigger *trigger, unsigned from, unsigned to, uint64_t per_second,
                         unsigned times[static 16]) {
        size_t n = 0;

        for (unsigned second = from; second < to; second++)
                if (packet_trigger_step(trigger, &limits, SEC(second), per_second) && n < 16)
                        times[n++] = second;
        return n;
}

static void test_cool_down(void **state) {
        static const unsigned expected[] = { 1002, 1062, 1182, 1422, 1902, 2862, 3822, 4782 };
        struct packet_trigger trigger = {};
        unsigned times[16];

        assert_int_equal(sampled_at(&trigger, 1, 1001, 0, times), 0);
        /* Doubling up to 16 minutes. */
        assert_int_equal(sampled_at(&trigger, 1001, 5000, 20000, times), ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                assert_int_equal(times[i], expected[i]);

        /* A pause of some minutes is the same case. */
        assert_int_equal(sampled_at(&trigger, 5000, 5500, 0, times), 0);
        assert_int_equal(sampled_at(&trigger, 5500, 5700, 20000, times), 0);
        /* After ten quiet minutes it is a new one. */
        assert_int_equal(sampled_at(&trigger, 5700, 6400, 0, times), 0);
        assert_int_equal(sampled_at(&trigger, 6400, 6470, 20000, times), 2);
        assert_int_equal(times[0], 6401);
        assert_int_equal(times[1], 6461);
}

static void test_news(void **state) {
        struct packet_trigger trigger = {};
        unsigned times[16];

        assert_int_equal(sampled_at(&trigger, 1, 200, 15000, times), 3); /* 2, 62, 182; next at 422 */
        assert_int_equal(sampled_at(&trigger, 200, 250, 59999, times), 0);
        assert_int_equal(sampled_at(&trigger, 250, 260, 60000, times), 1); /* four times as much */
        assert_int_equal(times[0], 250);
        /* Still not without any pause. */
        trigger.sampled_rate = 1000;
        assert_int_equal(sampled_at(&trigger, 260, 300, 60000, times), 0);
}

static void test_ratio(void **state) {
        assert_int_equal(packet_sample_ratio(&limits, 0), 1);
        assert_int_equal(packet_sample_ratio(&limits, 2500), 1);
        assert_int_equal(packet_sample_ratio(&limits, 2501), 2);
        assert_int_equal(packet_sample_ratio(&limits, 100000), 40);
        assert_int_equal(packet_sample_ratio(&limits, UINT64_MAX), UINT32_MAX);
}

static void test_flags(void **state) {
        char text[PACKET_FLAGS_TEXT_MAX];

        assert_string_equal(packet_flags_text(0, text), "");
        assert_string_equal(packet_flags_text(2, text), "S");
        assert_string_equal(packet_flags_text(2 | 16, text), "SA");
        assert_string_equal(packet_flags_text(4 | 16, text), "RA");
        assert_string_equal(packet_flags_text(255, text), "FSRPAUEC");
}

static struct abi_packet make(enum abi_packet_protocol protocol, uint8_t flags, uint16_t port,
                              const char *from) {
        struct abi_packet packet = { .protocol = protocol, .flags = flags, .port = port, .length = 60 };

        packet.version = !from ? 0 : strchr(from, ':') ? 6 : 4;
        if (from)
                assert_int_equal(inet_pton(packet.version == 6 ? AF_INET6 : AF_INET, from, packet.source), 1);
        return packet;
}

/* The value of a row; flags and port NULL: not compared. */
static uint64_t value_of(const struct batch *batch, unsigned metric, const char *name, const char *flags,
                         const char *port) {
        for (size_t i = 0; i < batch->n_rows; i++) {
                const struct batch_row *row = &batch->rows[i];

                if (row->metric == metric && strcmp(row->key.name, name) == 0 &&
                    (!flags || strcmp(row->key.labels[0] ?: "", flags) == 0) &&
                    (!port || strcmp(row->key.labels[1] ?: "", port) == 0))
                        return batch->cells[row->first_cell].value;
        }

        return 0;
}

static void report(const struct packet_tally *tally, struct batch *batch) {
        batch_clear(batch);
        assert_int_equal(packet_tally_report(tally, batch), 0);
}

static void test_tally(void **state) {
        const struct abi_packet packets[] = {
                make(ABI_PACKET_TCP, 2, 80, "10.0.0.1"),  make(ABI_PACKET_TCP, 2, 80, "10.0.0.1"),
                make(ABI_PACKET_TCP, 2, 443, "10.0.0.2"), make(ABI_PACKET_TCP, 16, 80, "2001:db8::1"),
                make(ABI_PACKET_UDP, 0, 0, "10.0.0.1"),   make(ABI_PACKET_ICMP, 0, 0, "fe80::1"),
                make(ABI_PACKET_OTHER, 0, 0, "0.0.0.0"),  make(ABI_PACKET_OTHER, 0, 0, NULL),
        };
        struct packet_tally *tally = calloc(1, sizeof(*tally));
        struct batch batch;

        assert_non_null(tally);
        batch_init(&batch);
        report(tally, &batch); /* before the first one */
        assert_int_equal(value_of(&batch, PACKET_SAMPLES, "", NULL, NULL), 0);

        for (unsigned round = 1; round <= 2; round++) {
                assert_int_equal(packet_tally_add(tally, packets, ELEMENTSOF(packets), 100,
                                                  "eth0\0\0\0\0\0\0\0\0\0\0\0"),
                                 0);
                report(tally, &batch);
                assert_int_equal(value_of(&batch, PACKET_SAMPLED, "tcp", "S", "80"), 2 * round);
                assert_int_equal(value_of(&batch, PACKET_SAMPLED, "tcp", "S", "443"), round);
                assert_int_equal(value_of(&batch, PACKET_SAMPLED, "tcp", "A", "80"), round);
                assert_int_equal(value_of(&batch, PACKET_SAMPLED, "udp", "", "0"), round);
                assert_int_equal(value_of(&batch, PACKET_SAMPLED, "icmp", "", ""), round);
                assert_int_equal(value_of(&batch, PACKET_SAMPLED, "other", "", ""), 2 * round);
                assert_int_equal(value_of(&batch, PACKET_SOURCES, "10.0.0.1", NULL, NULL), 3 * round);
                assert_int_equal(value_of(&batch, PACKET_SOURCES, "2001:db8::1", NULL, NULL), round);
                assert_int_equal(value_of(&batch, PACKET_SOURCES, "0.0.0.0", NULL, NULL), round);
                assert_int_equal(value_of(&batch, PACKET_SOURCES, "other", NULL, NULL), round);
                assert_int_equal(value_of(&batch, PACKET_SAMPLES, "", NULL, NULL), round);
                assert_int_equal(value_of(&batch, PACKET_OBSERVED, "", NULL, NULL), 100 * round);
                assert_int_equal(value_of(&batch, PACKET_BYTES, "", NULL, NULL), 480 * round);
                assert_int_equal(value_of(&batch, PACKET_DISTINCT, "", NULL, NULL), 5 * round);
                assert_int_equal(value_of(&batch, PACKET_DEVICES, "eth0", NULL, NULL), round);
        }

        batch_done(&batch);
        free(tally);
}

static uint64_t sum_of(const struct batch *batch, unsigned metric, size_t *ret_n) {
        uint64_t sum = 0;

        *ret_n = 0;
        for (size_t i = 0; i < batch->n_rows; i++)
                if (batch->rows[i].metric == metric) {
                        sum += batch->cells[batch->rows[i].first_cell].value;
                        (*ret_n)++;
                }
        return sum;
}

/* Whatever is sent, rows are bounded, and every packet is in one. */
static void test_tally_bounds(void **state) {
        struct packet_tally *tally = calloc(1, sizeof(*tally));
        struct abi_packet *packets = calloc(ABI_PACKETS_MAX, sizeof(*packets));
        struct batch batch;
        size_t n_kinds, n_sources, n_devices;

        assert_non_null(tally);
        assert_non_null(packets);
        batch_init(&batch);
        for (unsigned round = 0; round < 30; round++) {
                char device[ABI_DEVICE_MAX] = "";

                (void)snprintf(device, sizeof(device), "eth%u", round); /* fits */
                for (unsigned i = 0; i < ABI_PACKETS_MAX; i++) {
                        uint32_t address = htonl(round << 16 | i);

                        packets[i] = make(i % 3 ? ABI_PACKET_TCP : ABI_PACKET_UDP, (uint8_t)(i + round),
                                          (uint16_t)(i + round * 5000), "1.2.3.4");
                        memcpy(packets[i].source, &address, sizeof(address));
                }
                assert_int_equal(packet_tally_add(tally, packets, ABI_PACKETS_MAX, ABI_PACKETS_MAX, device),
                                 0);

                report(tally, &batch);
                (void)sum_of(&batch, PACKET_DEVICES, &n_devices);
                (void)sum_of(&batch, PACKET_SOURCES, &n_sources);
                if (round == 0) {
                        assert_int_equal(sum_of(&batch, PACKET_SAMPLED, &n_kinds), ABI_PACKETS_MAX);
                        assert_int_equal(sum_of(&batch, PACKET_SOURCES, &n_sources), ABI_PACKETS_MAX);
                        assert_int_equal(n_sources, TALLY_SOURCES_MAX + 1);
                        assert_true(n_kinds <= TALLY_KINDS_MAX + TALLY_MIXED_MAX + _ABI_PACKET_PROTOCOL_MAX);
                        assert_int_equal(value_of(&batch, PACKET_SOURCES, "other", NULL, NULL),
                                         ABI_PACKETS_MAX - TALLY_SOURCES_MAX);
                        assert_true(value_of(&batch, PACKET_SAMPLED, "udp", "", "other") >= 1600);
                        assert_true(value_of(&batch, PACKET_SAMPLED, "tcp", "other", "other") > 0);
                }
                assert_true(n_sources <= TALLY_KEEP_MAX && n_devices <= TALLY_KEEP_MAX);
                assert_true(sum_of(&batch, PACKET_SAMPLED, &n_kinds) > 0 && n_kinds <= TALLY_KEEP_MAX);
                assert_true(value_of(&batch, PACKET_DEVICES, device, NULL, NULL) == 1);
        }
        assert_int_equal(value_of(&batch, PACKET_DISTINCT, "", NULL, NULL), 30 * ABI_PACKETS_MAX);

        batch_done(&batch);
        free(packets);
        free(tally);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_devices),      cmocka_unit_test(test_devices_garbled),
                cmocka_unit_test(test_softnet),      cmocka_unit_test(test_suspect),
                cmocka_unit_test(test_find_suspect), cmocka_unit_test(test_find_flooded_end),
                cmocka_unit_test(test_find_end_elsewhere),
                cmocka_unit_test(test_two_passes),   cmocka_unit_test(test_cool_down),
                cmocka_unit_test(test_news),         cmocka_unit_test(test_ratio),
                cmocka_unit_test(test_flags),        cmocka_unit_test(test_tally),
                cmocka_unit_test(test_tally_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
