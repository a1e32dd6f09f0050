/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/packet-devices.h"

#include <string.h>

#include "common/cleanup.h"

enum {
        HEADER_LINES = 2,
        /* dev_seq_printf_stats(), net/core/net-procfs.c */
        COLUMN_RX_BYTES = 0,
        COLUMN_RX_PACKETS = 1,
        COLUMN_TX_BYTES = 8,
        COLUMN_TX_PACKETS = 9,
        _COLUMN_MAX = 16,
};

void packet_devices_done(struct packet_devices *devices) {
        free(devices->items);
        *devices = (struct packet_devices){};
}

static const char *skip_blanks(const char *p, const char *end) {
        while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        return p;
}

static int parse_column(const char **p, const char *end, uint64_t *ret_value) {
        const char *digits = skip_blanks(*p, end), *q = digits;
        uint64_t value = 0;

        for (; q < end && *q >= '0' && *q <= '9'; q++)
                if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*q - '0'), &value))
                        return -EBADMSG;
        if (q == digits || (q < end && *q != ' '))
                return -EBADMSG;

        *p = q;
        *ret_value = value;
        return 0;
}

/* "  eth0: 1234 5 ..."; a number may follow the colon directly. */
static int parse_device(const char *line, const char *end, struct packet_device *ret_device) {
        const char *name = skip_blanks(line, end), *colon = memchr(line, ':', (size_t)(end - line)), *p;
        struct packet_device device = {};
        uint64_t columns[_COLUMN_MAX];
        int r;

        if (!colon || colon <= name || (size_t)(colon - name) >= sizeof(device.name))
                return -EBADMSG;

        p = colon + 1;
        for (size_t i = 0; i < _COLUMN_MAX; i++) {
                r = parse_column(&p, end, &columns[i]);
                if (r < 0)
                        return r;
        }
        if (skip_blanks(p, end) != end)
                return -EBADMSG;

        memcpy(device.name, name, (size_t)(colon - name));
        device.rx_bytes = columns[COLUMN_RX_BYTES];
        device.rx_packets = columns[COLUMN_RX_PACKETS];
        device.tx_bytes = columns[COLUMN_TX_BYTES];
        device.tx_packets = columns[COLUMN_TX_PACKETS];
        *ret_device = device;
        return 0;
}

static int add_device(struct packet_devices *devices, const struct packet_device *device) {
        if (devices->n == devices->allocated) {
                size_t n = MAX(devices->allocated * 2, (size_t)8);
                struct packet_device *items;

                items = reallocarray(devices->items, n, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                devices->items = items;
                devices->allocated = n;
        }

        devices->items[devices->n++] = *device;
        return 0;
}

int packet_devices_parse(struct packet_devices *devices, const char *text, size_t size) {
        const char *end = text + size, *newline;
        size_t n_lines = 0;
        int r = 0;

        devices->n = 0;
        for (const char *line = text; r == 0 && line < end; line = newline + 1, n_lines++) {
                struct packet_device device;

                newline = memchr(line, '\n', (size_t)(end - line));
                if (!newline)
                        return -EBADMSG; /* the file is cut short */
                if (n_lines < HEADER_LINES)
                        continue;
                r = parse_device(line, newline, &device);
                if (r == 0)
                        r = add_device(devices, &device);
        }

        return r < 0 ? r : n_lines < HEADER_LINES ? -EBADMSG : 0;
}

int packet_devices_change(const struct packet_devices *before, const struct packet_device *now,
                          struct packet_device *ret_change) {
        const struct packet_device *was = NULL;

        for (size_t i = 0; !was && i < before->n; i++)
                if (strcmp(before->items[i].name, now->name) == 0)
                        was = &before->items[i];
        if (!was || now->rx_packets < was->rx_packets || now->rx_bytes < was->rx_bytes ||
            now->tx_packets < was->tx_packets || now->tx_bytes < was->tx_bytes)
                return 0;

        *ret_change = *now;
        ret_change->rx_packets -= was->rx_packets;
        ret_change->rx_bytes -= was->rx_bytes;
        ret_change->tx_packets -= was->tx_packets;
        ret_change->tx_bytes -= was->tx_bytes;
        return 1;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int packet_softnet_parse(const char *text, size_t size, uint64_t *ret_processed) {
        enum { DIGITS = 8 }; /* "%08x" */
        const char *end = text + size, *newline;
        uint64_t sum = 0;

        if (size == 0)
                return -EBADMSG;
        for (const char *line = text; line < end; line = newline + 1) {
                uint64_t value = 0;

                newline = memchr(line, '\n', (size_t)(end - line));
                if (!newline || newline - line <= DIGITS || line[DIGITS] != ' ')
                        return -EBADMSG;
                for (size_t i = 0; i < DIGITS; i++) {
                        int digit = hex_digit(line[i]);

                        if (digit < 0)
                                return -EBADMSG;
                        value = value << 4 | (uint64_t)digit;
                }
                sum += value;
        }

        *ret_processed = sum;
        return 0;
}
