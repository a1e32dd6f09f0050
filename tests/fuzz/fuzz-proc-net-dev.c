/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as /proc/net/dev: no read outside them; what is accepted reads the same after it was printed
 * again as the kernel prints it, and is refused when cut.
 */

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/collect/label.h"
#include "daemon/collect/proc-net-dev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) \
        do { \
                if (!(condition)) \
                        abort(); \
        } while (0)

static int print_row(const struct proc_net_dev_row *row, void *userdata) {
        const uint64_t *counters = row->counters;
        FILE *out = userdata;

        CHECK(row->name.size > 0 && row->name.size <= NETDEV_NAME_MAX);
        CHECK(!memchr(row->name.data, '/', row->name.size));
        fprintf(out, "%.*s: %llu %llu %llu %llu 0 0 0 0 %llu %llu %llu %llu 0 0 0 0\n", (int)row->name.size,
                row->name.data, (unsigned long long)counters[NETDEV_RX_BYTES],
                (unsigned long long)counters[NETDEV_RX_PACKETS],
                (unsigned long long)counters[NETDEV_RX_ERRORS], (unsigned long long)counters[NETDEV_RX_DROPS],
                (unsigned long long)counters[NETDEV_TX_BYTES],
                (unsigned long long)counters[NETDEV_TX_PACKETS],
                (unsigned long long)counters[NETDEV_TX_ERRORS],
                (unsigned long long)counters[NETDEV_TX_DROPS]);
        return 0;
}

static int print(const char *text, size_t size, char **ret_text, size_t *ret_size) {
        FILE *out = open_memstream(ret_text, ret_size);
        int r;

        CHECK(out);
        fputs("Inter-|   Receive                                                |  Transmit\n"
              " face |bytes    packets errs drop fifo frame compressed multicast|"
              "bytes    packets errs drop fifo colls carrier compressed\n",
              out);
        r = proc_net_dev_parse(text, size, print_row, out);
        CHECK(fclose(out) == 0);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *once = NULL, *twice = NULL, *cut = NULL;
        size_t once_size = 0, twice_size = 0, cut_size = 0;
        const char *text = (const char *)data;

        if (print(text, size, &once, &once_size) < 0)
                return 0;

        CHECK(print(once, once_size, &twice, &twice_size) == 0);
        CHECK(once_size == twice_size && memcmp(once, twice, once_size) == 0);
        CHECK(print(once, once_size - 1, &cut, &cut_size) == -EBADMSG);
        return 0;
}
