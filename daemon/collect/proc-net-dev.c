/* SPDX-License-Identifier: Apache-2.0 */

#include "daemon/collect/proc-net-dev.h"

#include <string.h>

#include "common/cleanup.h"

static const char header_1[] = "Inter-|   Receive                                                |  Transmit";
static const char header_2[] = " face |bytes    packets errs drop fifo frame compressed multicast"
                               "|bytes    packets errs drop fifo colls carrier compressed";

/* Columns behind the name; dev_seq_printf_stats(). */
enum {
        FIELD_RX_BYTES = 0,
        FIELD_RX_PACKETS = 1,
        FIELD_RX_ERRORS = 2,
        FIELD_RX_DROPS = 3,
        FIELD_TX_BYTES = 8,
        FIELD_TX_PACKETS = 9,
        FIELD_TX_ERRORS = 10,
        FIELD_TX_DROPS = 11,
        N_FIELDS = 16,
};

/* What dev_valid_name() (net/core/dev.c) lets pass, which is any bytes but blanks, slashes and colons. */
static bool name_is_valid(struct text_slice name) {
        if (name.size == 0 || name.size > NETDEV_NAME_MAX || text_slice_equal(name, ".") ||
            text_slice_equal(name, ".."))
                return false;

        for (size_t i = 0; i < name.size; i++)
                if (name.data[i] == '\0' || strchr(" \t\v\f\r\n/", name.data[i]))
                        return false;

        return true;
}

/* Takes "  eth0:" off the line; the first number may follow without a blank. */
static int read_name(struct text_slice *line, struct text_slice *ret_name) {
        const char *colon = memchr(line->data, ':', line->size);
        struct text_slice name = *line;

        if (!colon)
                return -EBADMSG;

        while (name.data < colon && *name.data == ' ')
                name.data++;
        name.size = (size_t)(colon - name.data);
        if (!name_is_valid(name))
                return -EBADMSG;

        *line = text_slice_skip(*line, (size_t)(colon + 1 - line->data));
        *ret_name = name;
        return 0;
}

static int read_row(struct text_slice line, struct proc_net_dev_row *ret_row) {
        uint64_t fields[N_FIELDS];
        struct text_slice name, rest;
        int r;

        r = read_name(&line, &name);
        for (size_t i = 0; r >= 0 && i < N_FIELDS; i++)
                r = text_next_u64(&line, &fields[i]);
        if (r < 0)
                return r;
        if (text_next_word(&line, &rest))
                return -EBADMSG;

        *ret_row = (struct proc_net_dev_row){
                .name = name,
                .counters = {
                        [NETDEV_RX_PACKETS] = fields[FIELD_RX_PACKETS],
                        [NETDEV_RX_BYTES] = fields[FIELD_RX_BYTES],
                        [NETDEV_RX_DROPS] = fields[FIELD_RX_DROPS],
                        [NETDEV_RX_ERRORS] = fields[FIELD_RX_ERRORS],
                        [NETDEV_TX_PACKETS] = fields[FIELD_TX_PACKETS],
                        [NETDEV_TX_BYTES] = fields[FIELD_TX_BYTES],
                        [NETDEV_TX_DROPS] = fields[FIELD_TX_DROPS],
                        [NETDEV_TX_ERRORS] = fields[FIELD_TX_ERRORS],
                },
        };
        return 0;
}

static int read_header(const char **text, const char *end) {
        struct text_slice line;

        if (text_next_line(text, end, &line) <= 0 || !text_slice_equal(line, header_1))
                return -EBADMSG;
        if (text_next_line(text, end, &line) <= 0 || !text_slice_equal(line, header_2))
                return -EBADMSG;

        return 0;
}

int proc_net_dev_parse(const char *text, size_t size, proc_net_dev_fn fn, void *userdata) {
        const char *end = text + size;
        struct proc_net_dev_row row;
        struct text_slice line;
        size_t n_rows = 0;
        int r;

        r = read_header(&text, end);
        if (r < 0)
                return r;

        for (; (r = text_next_line(&text, end, &line)) > 0; n_rows++) {
                r = read_row(line, &row);
                if (r >= 0)
                        r = fn(&row, userdata);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        return n_rows > 0 ? 0 : -EBADMSG; /* each namespace has at least "lo" */
}
